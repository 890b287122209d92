"""Tensors of which a mask says what counts: torch.masked.MaskedTensor.

A MaskedTensor is its data, with the history that belongs to it; `_masked_mask` (bool, of the same shape)
stands beside it. Every function of torch that is given one comes to `__torch_function__`, and its kind
decides: what goes element by element is done to the data and keeps the mask, what moves elements is done to
both, reductions are those of torch.masked. The rest is refused, as PyTorch refuses it.
"""

from __future__ import annotations

from . import _C
from ._composite import find

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from typing import Any

__all__ = ["MaskedTensor", "as_masked_tensor", "is_masked_tensor", "masked_tensor"]

_DTYPES = ("float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64")

# Asked of the data, or of the object itself.
_PLAIN = frozenset(
    "__get__ __set__ __delete__ __repr__ __format__ __dir__ __len__ __hash__ size dim ndimension numel "
    "nelement stride storage_offset element_size data_ptr is_contiguous is_floating_point is_complex "
    "is_same_size requires_grad_ retain_grad register_hook backward get_device is_inference is_pinned "
    "is_shared __deepcopy__".split()
)
# What moves elements: the same for data and mask.
_MOVES = frozenset(
    "__getitem__ select transpose swapaxes swapdims adjoint t narrow expand expand_as broadcast_to view "
    "view_as reshape reshape_as flatten ravel unflatten unsqueeze unfold split split_with_sizes chunk "
    "tensor_split hsplit vsplit dsplit cat concat concatenate stack hstack vstack row_stack dstack "
    "column_stack atleast_1d atleast_2d atleast_3d".split()
)
_TURNED = ("mT", "mH")  # attributes that do
_CONVERSIONS = frozenset(
    "to float double half int long short char bool type type_as clone detach contiguous cpu __copy__ "
    "ones_like zeros_like full_like rand_like randn_like".split()
)
_REDUCTIONS = frozenset("sum mean amin amax argmin argmax prod all norm var std".split())
_NUMBERS = frozenset("item __float__ __int__ __bool__ __index__ __complex__".split())


def _pointwise() -> frozenset[str]:
    """The names of what goes element by element, with those of its methods and operators."""
    known = set()
    for name, signature, _, aliases, elementwise, _ in _C._entries():
        if elementwise and signature.count("Tensor ") <= 2:
            known.update((name, *aliases.split()))
    known.difference_update(_REDUCTIONS)
    known.update(("clamp", "copy", "float_power", "isclose", "nan_to_num"))
    return frozenset(known)


_cache: list[frozenset[str]] = []
_OPERATORS = {
    "__truediv__": "div",
    "__rtruediv__": "div",
    "__rsub__": "rsub",
    "__floordiv__": "floor_divide",
    "__mod__": "remainder",
}


def _is_pointwise(name: str) -> bool:
    if not _cache:
        _cache.append(_pointwise())
    plain = name.strip("_")
    if name.startswith("__"):
        plain = _OPERATORS.get(name, plain.removeprefix("r").removeprefix("i"))
        return plain in _cache[0] or name.strip("_") in ("neg", "pos", "abs", "invert", "and", "or", "xor")
    return plain in _cache[0]


def _parts(value, part):
    """`value` with each masked tensor in it replaced by its data or its mask."""
    if isinstance(value, MaskedTensor):
        return part(value)
    if isinstance(value, (list, tuple)):
        parts = [_parts(each, part) for each in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    return value


def _data(value: MaskedTensor):
    with _C.DisableTorchFunctionSubclass():
        return value.as_subclass(_C.Tensor)


def _mask(value: MaskedTensor):
    return value._masked_mask


def _found(args, kwargs) -> list:
    found: list = []
    _parts((*args, *kwargs.values()), found.append)
    return found


def _joined(data, mask) -> Any:
    """Results as masked tensors."""
    if isinstance(data, (list, tuple)):
        parts = [_joined(d, m) for d, m in zip(data, mask)]
        return tuple(parts) if isinstance(data, tuple) else parts
    if not isinstance(data, _C.Tensor):
        return data
    result = data.as_subclass(MaskedTensor)
    result._masked_mask = mask
    return result


def _match(a, b) -> bool:
    return a.dim() == b.dim() and bool((a == b).all())


def _elementwise(func, name, args, kwargs, masked):
    masks = [_mask(each) for each in masked]
    if any(not _match(masks[0], other) for other in masks[1:]):
        raise ValueError(
            "Input masks must match: make one of both first, as in "
            "masked_tensor(x.get_data(), x.get_mask() & y.get_mask())"
        )
    result = func(*_parts(args, _data), **{key: _parts(value, _data) for key, value in kwargs.items()})
    in_place = (
        name.endswith("_") and not name.endswith("__") or name.startswith("__i") and name != "__invert__"
    )
    if in_place and isinstance(args[0], MaskedTensor):
        return args[0]
    return _joined(result, masks[0].expand_as(result)) if isinstance(result, _C.Tensor) else result


def _reduction(name, self, dim=None, keepdim=False, dtype=None):
    from facula import masked

    data, mask = _data(self), _mask(self)
    if name == "all":
        data = data.masked_fill(~mask, True)
        result = data.all() if dim is None else data.all(dim=dim, keepdim=keepdim)
    else:
        options = {} if dtype is None else {"dtype": dtype}
        if dim is not None:
            options.update(dim=dim, keepdim=keepdim)
        result = getattr(masked, name)(data, mask=mask, **options)
        if name in ("argmin", "argmax"):
            result = result.to(data.dtype)  # as PyTorch shows positions
    return _joined(result, mask.any() if dim is None else mask.any(dim=dim, keepdim=keepdim))


def _softmax(self, dim, dtype=None):
    data, mask = _data(self), _mask(self)
    result = data.masked_fill(~mask, float("-inf")).softmax(dim, dtype=dtype)
    return _joined(result.masked_fill(~mask, 0), mask)


def _rebuilt(data, mask, requires_grad):
    """What pickle makes of a masked tensor."""
    result = _joined(data, mask)
    return result.requires_grad_(True) if requires_grad else result


def _where(condition, input, other):
    a, b = (
        each
        if isinstance(each, MaskedTensor)
        else _joined(each, _C._functions.ones_like(each, dtype=_C.bool))
        for each in (input, other)
    )
    where = _C._functions.where
    return _joined(where(condition, _data(a), _data(b)), where(condition, _mask(a), _mask(b)))


def _number(func, name, self):
    mask = _mask(self)
    if mask.numel() == 1 and not bool(mask):
        raise ValueError("the only element is masked out: it has no value")
    return func(_data(self))


class MaskedTensor(_C.Tensor):
    """A tensor whose elements count where `mask` is True.

    Args:
        data: a tensor of a floating point (16 bits: float16), integer (signed) or bool type; it is copied.
        mask: of the same shape, bool.
        requires_grad: whether its gradient is wanted, which is a MaskedTensor too.
    """

    _masked_mask: _C.Tensor

    def __new__(cls, data, mask, requires_grad=False):
        for value, what in ((data, "data"), (mask, "mask")):
            if isinstance(value, MaskedTensor) or not isinstance(value, _C.Tensor):
                raise TypeError(f"{what} must be a Tensor")
        if data.layout != mask.layout:
            raise TypeError("data and mask must have the same layout.")
        if data.is_sparse:
            raise NotImplementedError("MaskedTensor of sparse tensors is not implemented")
        if mask.dtype != _C.bool:
            raise TypeError("mask must have dtype bool.")
        if str(data.dtype).removeprefix("torch.") not in _DTYPES:
            raise TypeError(f"{data.dtype} is not supported in MaskedTensor.")
        if data.dim() != mask.dim():
            raise ValueError("data.dim() must equal mask.dim()")
        if data.size() != mask.size():
            raise ValueError("data.size() must equal mask.size()")
        import warnings

        text = "MaskedTensor is a prototype in PyTorch, whose functions and results may change"
        warnings.warn(text, UserWarning, stacklevel=2)
        result = _joined(data.detach().clone(), mask.clone())
        return result.requires_grad_(requires_grad) if requires_grad else result

    def __init__(self, data, mask, requires_grad=False) -> None:
        pass

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        masked = _found(args, kwargs)
        if name == "__get__" and masked:
            return _attribute(func, masked[0])
        if isinstance(func, _C._overridable) and find("masked", name) is func:
            mask = kwargs.get("mask")
            kwargs = {**kwargs, "mask": _mask(masked[0]) if mask is None else mask}
            return func(*_parts(args, _data), **kwargs)
        if name in _PLAIN or not masked:
            with _C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if name == "__reduce_ex__":
            return _rebuilt, (_data(args[0]).detach(), _mask(args[0]), args[0].requires_grad)
        if name in _MOVES:
            data, mask = (
                func(*_parts(args, part), **{k: _parts(v, part) for k, v in kwargs.items()})
                for part in (_data, _mask)
            )
            return _joined(data, mask)
        if name in _REDUCTIONS and isinstance(args[0], MaskedTensor):
            return _reduction(name, *args, **kwargs)
        if name == "softmax":
            return _softmax(*args, **{k: v for k, v in kwargs.items() if k != "_stacklevel"})
        if name == "where" and len(args) == 3:
            return _where(*args) if func is not _C.Tensor.where else _where(args[1], args[0], args[2])
        if name in _CONVERSIONS:
            return _joined(func(_data(args[0]), *args[1:], **kwargs), _mask(args[0]).clone())
        if name in _NUMBERS:
            return _number(func, name, args[0])
        if _is_pointwise(name) and not (name == "copy_" and not isinstance(args[0], MaskedTensor)):
            return _elementwise(func, name, args, kwargs, masked)
        if name == "tolist":
            raise RuntimeError(".tolist() is not supported for tensor subclasses, got MaskedTensor")
        if name == "numpy":
            raise RuntimeError(".numpy() is not supported for tensor subclasses.")
        raise TypeError(f"{name}() is not there for MaskedTensor: use get_data() and get_mask()")

    def __setstate__(self, state):
        """Data and mask as files hold them, PyTorch's too."""
        data, mask = (
            (state.get("_masked_data"), state.get("_masked_mask")) if type(state) is dict else (None, None)
        )
        if type(data) is not _C.Tensor or type(mask) is not _C.Tensor:
            raise TypeError("a MaskedTensor consists of two tensors, data and mask")
        if mask.dtype != _C.bool or mask.shape != data.shape or data.dtype != self.dtype:
            raise TypeError("data and mask do not belong to one MaskedTensor")
        if data.layout != _C.strided or mask.layout != _C.strided:
            raise NotImplementedError("MaskedTensor of sparse tensors is not implemented")
        if str(data.dtype).removeprefix("torch.") not in _DTYPES:
            raise TypeError(f"{data.dtype} is not supported in MaskedTensor.")
        with _C.DisableTorchFunctionSubclass():
            self.data = data.detach()
        self._masked_mask = mask

    def get_data(self):
        """The data, elements that do not count included."""
        return _data(self) if self.requires_grad else _data(self).detach()

    def get_mask(self):
        """Where the elements count."""
        return _mask(self)

    def to_tensor(self, value):
        """A tensor with `value` in place of what does not count."""
        return self.get_data().masked_fill(~_mask(self), value)

    def is_sparse_coo(self):
        """False: the data lies in strided memory."""
        return False

    def is_sparse_csr(self):
        """False: the data lies in strided memory."""
        return False

    def __repr__(self, *, tensor_contents=None):
        data, mask = _data(self).detach(), _mask(self)
        if data.dim() == 0:
            counts = mask.item()
            return f"MaskedTensor({_shown(data.item()) if counts else '--'}, {counts})"
        return f"MaskedTensor(\n{_indented(_text(data.tolist(), mask.tolist()))}\n)"

    __str__ = __repr__

    def __format__(self, spec):
        return format(repr(self), spec)


def _attribute(func, self):
    """What is asked of a masked tensor by name: x.grad, x.mT."""
    attribute = getattr(getattr(func, "__self__", None), "__name__", "")
    if attribute in _TURNED:
        return _joined(func(_data(self)), func(_mask(self)))
    if attribute in ("T", "H"):
        raise TypeError(f"{attribute} is not there for MaskedTensor: use mT")
    with _C.DisableTorchFunctionSubclass():
        result = func(self)
    if attribute in ("grad", "data") and isinstance(result, _C.Tensor):
        return _joined(result.as_subclass(_C.Tensor), _mask(self))
    return result


def _shown(value) -> str:
    return f"{value:8.4f}" if isinstance(value, float) else str(value)


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.split("\n"))


def _text(values: list, mask: list) -> str:
    if any(isinstance(each, list) for each in values):
        return "[\n" + ",\n".join(_indented(_text(v, m)) for v, m in zip(values, mask)) + "\n]"
    shown = [_shown(each) for each in values]
    width = max((len(text) if counts else 8 for text, counts in zip(shown, mask)), default=8)
    return "[" + ", ".join(t if m else "--".rjust(width) for t, m in zip(shown, mask)) + "]"


MaskedTensor.__module__ = "torch.masked.maskedtensor.core"  # what type(x) shows


def is_masked_tensor(obj) -> bool:
    """Whether `obj` is a MaskedTensor."""
    return isinstance(obj, MaskedTensor)


def masked_tensor(data, mask, requires_grad=False) -> MaskedTensor:
    """A MaskedTensor with a copy of `data`, which is a leaf."""
    return MaskedTensor(data, mask, requires_grad)


def as_masked_tensor(data, mask) -> MaskedTensor:
    """A MaskedTensor through which gradients reach `data`."""
    MaskedTensor(data, mask)  # looks at both
    return _joined(data.clone(), mask.clone())
