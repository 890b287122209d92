"""Sparse tensors in coordinate form: indices of the places that hold something, and the values there.

A SparseTensor is a Tensor whose own memory is that of a meta tensor, none; `_at` (int64, a column a place)
and `_held` (the values, an ordinary tensor with its history) are what it consists of. Every function of torch
that is given one comes to `__torch_function__`, which knows some by name (facula/_composite/sparse.py) and
refuses the others. So the engine needs to know nothing of sparse tensors, and their gradients are those of
the values.
"""

from __future__ import annotations

from . import _C
from ._tensor_str import PRINT_OPTS, _contents, _dtype_suffix, _grad_fn_name

__all__ = ["FUNCTIONS", "SparseTensor", "make"]

INVARIANTS = [False]  # what torch.sparse.check_sparse_tensor_invariants set

# What works on sparse tensors: name of the function or method -> what is called instead.
FUNCTIONS: dict = {}


# What is asked of the shell: attributes, and methods that are no operations.
_PLAIN = frozenset(
    "__get__ __set__ __delete__ __repr__ __format__ __copy__ __deepcopy__ __dir__ size dim stride "
    "element_size is_set_to requires_grad_ retain_grad register_hook is_inference is_pinned is_shared "
    "get_device is_conj is_neg".split()
)
_INDEXING = ("__getitem__", "__setitem__")  # an index that is sparse meets the engine's own refusal


def make(indices, values, size, coalesced=None):
    """The sparse tensor of these parts, which are kept as they are. Nothing is checked."""
    shell = _C._functions.empty(tuple(size), dtype=values.dtype, device="meta")
    result = shell.as_subclass(SparseTensor)
    if coalesced is None:
        coalesced = indices.shape[1] < 2
    vars(result).update(_at=indices, _held=values, _is_coalesced=coalesced, _checked=False)
    return result


def _refuse(name):
    raise NotImplementedError(
        f"{name}() is not implemented for sparse tensors: use to_dense() first, or work on values()"
    )


def _as_type(result, dtype):
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


def _store(result, out):
    """Writes a result to `out=`."""
    if not isinstance(out, SparseTensor) or not isinstance(result, SparseTensor):
        return _C._copy_to_out(out, result, "out")
    return FUNCTIONS["copy_"](out, _as_type(result, out.dtype))


def _replace(self, result):
    """`self`, now with the parts of `result`: what an in-place operation does."""
    if not self.is_sparse:
        return self.copy_(result.to_dense())
    if self.shape != result.shape:
        raise RuntimeError("a sparse tensor keeps its size when it is changed in place")
    result = _as_type(result, self.dtype)
    if self.requires_grad and self.is_leaf and _C.is_grad_enabled():
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    vars(self).update(vars(result))
    return self


class SparseTensor(_C.Tensor):
    """A tensor with layout torch.sparse_coo."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", str(func))
        if isinstance(func, _C._overridable):  # written in Python: it sees to sparse tensors itself
            return func.__wrapped__(*args, **(kwargs or {}))
        if name in _PLAIN or (name in _INDEXING and not isinstance(args[0], SparseTensor)):
            with _C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        in_place = name.endswith("_") and not name.endswith("__")
        if in_place and name in FUNCTIONS:  # it writes itself
            return FUNCTIONS[name](*args, **(kwargs or {}))
        known = FUNCTIONS.get(name[:-1] if in_place else name)
        if known is None:
            _refuse(name)
        kwargs = dict(kwargs or {})
        out = kwargs.pop("out", None)
        result = known(*args, **kwargs)
        if out is not None:
            return _store(result, out)
        return _replace(args[0], result) if in_place else result

    # --- parts ---

    def _indices(self):
        """(sparse dimensions, places), not merged."""
        return self._at

    def _values(self):
        """The values as they are, without history."""
        return self._held.detach()

    def indices(self):
        """(sparse dimensions, places) of a coalesced tensor."""
        self._need_coalesced("indices")
        return self._at

    def values(self):
        """(places, *dense dimensions) of a coalesced tensor; gradients flow through it."""
        self._need_coalesced("values")
        return self._held

    def _need_coalesced(self, what):
        if not self._is_coalesced:
            raise RuntimeError(f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")

    def _nnz(self):
        return self._held.shape[0]

    def is_coalesced(self):
        return self._is_coalesced

    def _coalesced_(self, coalesced):
        self._is_coalesced = coalesced
        return self

    def sparse_resize_(self, size, sparse_dim, dense_dim):
        """Another size, elements kept; only growth while there are any."""
        return FUNCTIONS["sparse_resize_"](self, size, sparse_dim, dense_dim)

    def sparse_resize_and_clear_(self, size, sparse_dim, dense_dim):
        """Another size, and no elements."""
        return FUNCTIONS["sparse_resize_and_clear_"](self, size, sparse_dim, dense_dim)

    def sparse_dim(self):
        return self._at.shape[0]

    def dense_dim(self):
        return self.dim() - self._at.shape[0]

    def numel(self):
        count = 1
        for size in self.shape:
            count *= size
        return count

    nelement = numel

    # --- what a tensor says of itself ---

    layout = property(lambda self: _C.sparse_coo)
    device = property(lambda self: self._held.device)
    is_sparse = property(lambda self: True)
    is_meta = property(lambda self: False)
    is_cpu = property(lambda self: True)
    is_leaf = property(lambda self: self._held.is_leaf)
    grad_fn = property(lambda self: self._held.grad_fn)
    T = mT = property(lambda self: FUNCTIONS["t"](self))
    H = mH = property(lambda self: FUNCTIONS["t"](self).conj())
    imag = property(lambda self: _refuse("the attribute"))
    real = property(lambda self: make(self._at, self._held.real, self.shape, self._is_coalesced))

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
        return None if held is None else make(self._at, held, self.shape, self._is_coalesced)

    @grad.setter
    def grad(self, value):
        self._held.grad = None if value is None else value.coalesce()._held

    @property
    def data(self):
        return self.detach()

    def detach(self):
        return make(self._at, self._held.detach(), self.shape, self._is_coalesced)

    def dim(self):
        return len(self.shape)

    ndimension = dim

    def size(self, dim=None):
        return self.shape if dim is None else self.shape[dim]

    def __len__(self):
        return self.shape[0]

    def __bool__(self):
        return bool(self.to_dense())

    def is_floating_point(self):
        return self.dtype.is_floating_point

    def is_complex(self):
        return self.dtype.is_complex

    def element_size(self):
        return self._held.element_size()

    def stride(self, dim=None):
        return (0,) * self.dim() if dim is None else 0

    def storage(self):
        raise NotImplementedError("Cannot access storage of SparseTensorImpl")

    untyped_storage = storage

    def data_ptr(self):
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def is_contiguous(self, *args, **kwargs):
        return False

    def contiguous(self, *args, **kwargs):
        _refuse("contiguous")

    def numpy(self, *, force=False):
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    def __array__(self, dtype=None, copy=None):
        return self.numpy()

    def as_subclass(self, cls):
        return self if cls in (type(self), _C.Tensor) else _refuse("as_subclass")

    def tolist(self):
        return self.to_dense().tolist()

    def item(self):
        return self.to_dense().item()

    def backward(self, *args, **kwargs):
        FUNCTIONS["backward"](self, *args, **kwargs)

    def __getitem__(self, index):
        items = list(index) if isinstance(index, tuple) else [index]
        if not all(isinstance(k, int) or k is None or k is ... or k == slice(None) for k in items):
            return _refuse("__getitem__")
        if ... in items:
            at = items.index(...)
            rest = self.dim() - sum(k is not None and k is not ... for k in items)
            items[at : at + 1] = [slice(None)] * rest
        result, dim = self, 0
        for k in items:
            if k is None:
                result = result.unsqueeze(dim)
            elif isinstance(k, int):
                if dim >= result.dim():
                    raise IndexError(f"too many indices for tensor of dimension {self.dim()}")
                result = result.select(dim, k)
                continue
            dim += 1
        return result

    def __setitem__(self, index, value):
        raise TypeError("Cannot assign to a sparse tensor")

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __dlpack__(self, **options):
        raise BufferError("Can't export tensors with layout other than torch.strided")

    def __copy__(self):
        return make(self._at, self._held.detach(), self.shape, self._is_coalesced)

    def __deepcopy__(self, memo):
        from copy import deepcopy

        if id(self) not in memo:
            held = deepcopy(self._held, memo)
            memo[id(self)] = make(self._at.clone(), held, self.shape, self._is_coalesced)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return make, (self._at, self._held, tuple(self.shape), self._is_coalesced)

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

        text = f"tensor({part('indices', self._at)},\n{front}{part('values', self._held)},\n{front}"
        suffixes = [f"size={tuple(self.shape)}", f"nnz={self._nnz()}"]
        suffixes += _dtype_suffix(self._held, visible=self._held.numel() > 0) + ["layout=torch.sparse_coo"]
        grad_fn = _grad_fn_name(self)
        if grad_fn is not None:
            suffixes.append(f"grad_fn=<{grad_fn}>")
        elif self.requires_grad:
            suffixes.append("requires_grad=True")
        column = indent
        for k, suffix in enumerate(suffixes):
            if k and column + len(suffix) + 2 > PRINT_OPTS.linewidth:
                text += ",\n" + front + suffix
                column = indent + len(suffix)
            else:
                text += (", " if k else "") + suffix
                column += len(suffix) + (2 if k else 0)
        return text + ")"

    __str__ = __repr__

    def __format__(self, spec):
        return repr(self)


SparseTensor.__name__ = SparseTensor.__qualname__ = "Tensor"
SparseTensor.__module__ = "torch"
