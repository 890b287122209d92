"""Tensors that consist of other tensors: what sparse ones, in coordinate form and compressed, have in common.

Such a tensor's own memory is that of a meta tensor, none; what it consists of are ordinary tensors in its
`__dict__`, of which `_held`, the values, has the history. Every function of torch that is given one comes to
`__torch_function__`, which knows some by name (the class's `_functions`) and refuses the others. So the
engine needs to know nothing of sparse tensors, and their gradients are those of the values.
"""

from __future__ import annotations

import math
import operator

from . import _C
from ._tensor_str import PRINT_OPTS, _contents, _dtype_suffix, _grad_fn_name

__all__ = ["TensorOfParts", "shell"]

# What is asked of the shell: attributes, and methods that are no operations.
_PLAIN = frozenset(
    "__get__ __set__ __delete__ __repr__ __format__ __copy__ __deepcopy__ __dir__ size dim stride "
    "element_size is_set_to requires_grad_ retain_grad register_hook is_inference is_pinned is_shared "
    "get_device is_conj is_neg".split()
)
_INDEXING = ("__getitem__", "__setitem__")  # an index that is sparse meets the engine's own refusal


def picked(k):
    """An int for an index that picks one, NumPy's or a tensor of one too; others, as masks, as they are."""
    if isinstance(k, bool) or isinstance(k, _C.Tensor) and (k.dim() or k.dtype in (_C.bool, _C.uint8)):
        return k
    try:
        return operator.index(k)
    except TypeError:
        return k


def shell(kind, size, dtype):
    """A tensor of a class of tensors of parts, without any yet."""
    return _C._functions.empty(tuple(size), dtype=dtype, device="meta").as_subclass(kind)


def as_type(result, dtype):
    """`result` in the dtype of what it is written to."""
    if result.dtype == dtype:
        return result
    if not _C._functions.can_cast(result.dtype, dtype):
        from ._composite.linalg_norms import type_name

        raise RuntimeError(
            f"result type {type_name(result.dtype)} can't be cast to the desired output type "
            f"{type_name(dtype)}"
        )
    return result.to(dtype)


def refuse_leaf(x):
    """A leaf that requires a gradient is not changed in place while gradients are recorded."""
    if x.requires_grad and x.is_leaf and _C.is_grad_enabled():
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


def replaced(x, result):
    """x, now with the parts of `result`. A leaf that is written without recording stays one."""
    refuse_leaf(x)
    leaf = x._held if x._held.requires_grad and x._held.is_leaf else None
    vars(x).update(vars(result))
    if leaf is not None:
        leaf.data = x._held.detach()
        x._held = leaf
    return x


def resized(x, result):
    """x, now with the parts and the size of `result`."""
    replaced(x, result)
    with _C.DisableTorchFunctionSubclass():
        empty = _C._functions.empty(tuple(result.shape), dtype=result.dtype, device="meta")
        _C.Tensor.data.__set__(x, empty)
    return x


def copied(x, dtype, requires_grad):
    """torch.tensor() of one."""
    held = x._held.detach().clone()
    return x._like(held if dtype is None else held.to(dtype)).requires_grad_(requires_grad)


class TensorOfParts(_C.Tensor):
    """A tensor that consists of others. Subclasses say which: `_like` makes another with other values."""

    _functions: dict = {}  # name of a function or method -> what is called instead
    _of_parts = True  # what the engine looks for
    _rank = 0  # of the classes among its arguments the one of the highest rank sees to a function
    _knows_composites = False  # whether `_functions` is asked for functions written in Python too

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if any(issubclass(kind, TensorOfParts) and kind._rank > cls._rank for kind in types):
            return NotImplemented
        name = getattr(func, "__name__", str(func))
        if isinstance(func, _C._overridable):  # written in Python: it sees to sparse tensors itself
            written = func.__wrapped__
            known = cls._functions.get(written.__name__) if cls._knows_composites else None
            if known is None:
                return written(*args, **(kwargs or {}))
            name = written.__name__
        if name in _PLAIN or (name in _INDEXING and not isinstance(args[0], TensorOfParts)):
            with _C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        in_place = name.endswith("_") and not name.endswith("__")
        if in_place and name in cls._functions:  # it writes itself
            return cls._functions[name](*args, **(kwargs or {}))
        known = cls._functions.get(name[:-1] if in_place else name)
        if known is None:
            cls._refuse(name, args)
        kwargs = dict(kwargs or {})
        out = kwargs.pop("out", None)
        result = known(*args, **kwargs)
        if out is not None:
            return cls._store(result, out, name)
        return cls._replace(args[0], result) if in_place else result

    @classmethod
    def _replace(cls, x, result):
        """x, now with the parts of `result`: what an in-place operation does."""
        if not isinstance(x, TensorOfParts):
            return x.copy_(result.to_dense())
        if x.shape != result.shape or x.layout != result.layout:
            raise RuntimeError("a sparse tensor keeps its size and layout when it is changed in place")
        return replaced(x, as_type(result, x.dtype))

    # --- what a tensor says of itself ---

    device = property(lambda self: self._held.device)
    is_meta = property(lambda self: self._held.is_meta)
    is_cpu = property(lambda self: not self._held.is_meta)
    is_leaf = property(lambda self: self._held.is_leaf)
    grad_fn = property(lambda self: self._held.grad_fn)

    def _set_requires_grad(self, flag):
        self._held.requires_grad_(flag)

    requires_grad = property(lambda self: self._held.requires_grad, _set_requires_grad)

    def requires_grad_(self, requires_grad=True):
        self._held.requires_grad_(requires_grad)
        return self

    @property
    def grad(self):
        """Sparse, at the same places."""
        held = self._held.grad
        return None if held is None else self._like(held)

    @grad.setter
    def grad(self, value):
        if value is not None and value.layout != self.layout:
            raise RuntimeError(
                "attempting to assign a gradient to a tensor that has data of a different type"
            )
        self._held.grad = None if value is None else self._values_of(value)

    @property
    def data(self):
        return self.detach()

    def detach(self):
        return self._like(self._held.detach())

    def dim(self):
        return len(self.shape)

    ndimension = dim

    def size(self, dim=None):
        return self.shape if dim is None else self.shape[dim]

    def numel(self):
        return math.prod(self.shape)

    nelement = numel

    def __len__(self):
        return self.shape[0]

    def is_floating_point(self):
        return self.dtype.is_floating_point

    def is_complex(self):
        return self.dtype.is_complex

    def element_size(self):
        return self._held.element_size()

    def data_ptr(self):
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def __array__(self, dtype=None, copy=None):
        return self.numpy()

    def as_subclass(self, cls):
        return self if cls in (type(self), _C.Tensor) else self._refuse("as_subclass", (self,))

    def backward(self, *args, **kwargs):
        self._functions["backward"](self, *args, **kwargs)

    def resize_as_sparse_(self, the_template):
        """The size of another sparse tensor of the layout."""
        return self._functions["resize_as_sparse_"](self, the_template)

    def __setitem__(self, index, value):
        raise TypeError("Cannot assign to a sparse tensor")

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __dlpack__(self, **options):
        raise BufferError("Can't export tensors with layout other than torch.strided")

    def __copy__(self):
        return self._like(self._held.detach())

    def __hash__(self):
        return id(self)

    # --- text ---

    def __repr__(self, *, tensor_contents=None):
        indent = len("tensor(")
        front = " " * indent

        def part(name, tensor):
            margin = indent + len(name) + 1 + indent
            if tensor.numel() == 0:
                return f"{name}=tensor([], size={tuple(tensor.shape)})"
            return f"{name}=tensor({_contents(tensor, margin)})"

        text = "tensor(" + f",\n{front}".join(part(name, tensor) for name, tensor in self._shown())
        suffixes = [f"size={tuple(self.shape)}", f"nnz={self._nnz()}"]
        suffixes += _dtype_suffix(self._held, visible=self._held.numel() > 0 or not self.is_sparse) + [
            f"layout={self.layout}"
        ]
        grad_fn = _grad_fn_name(self)
        if grad_fn is not None:
            suffixes.append(f"grad_fn=<{grad_fn}>")
        elif self.requires_grad:
            suffixes.append("requires_grad=True")
        column = len(text) - text.rfind("\n") + 1
        new_line = self.is_sparse  # what follows the values of one in coordinate form starts a line
        for suffix in suffixes:
            if new_line or column + len(suffix) + 2 > PRINT_OPTS.linewidth:
                text += ",\n" + front + suffix
                column = indent + len(suffix)
            else:
                text += ", " + suffix
                column += len(suffix) + 2
            new_line = False
        front = "Parameter containing:\n" if getattr(self, "_is_param", False) else ""
        return front + text + ")"

    __str__ = __repr__

    def __format__(self, spec):
        return repr(self)
