"""Sparse tensors in coordinate form: indices of the places that hold something, and the values there.

A SparseTensor consists of `_at` (int64, a column a place) and `_held` (the values, an ordinary tensor with
its history): see facula/_parts.py. The functions it knows are in facula/_composite/sparse.py.
"""

from __future__ import annotations

from . import _C
from ._parts import TensorOfParts, as_type, picked, resized, shell

__all__ = ["FUNCTIONS", "SparseTensor", "make"]

INVARIANTS = [False]  # what torch.sparse.check_sparse_tensor_invariants set

# What works on sparse tensors: name of the function or method -> what is called instead.
FUNCTIONS: dict = {}


def make(indices, values, size, coalesced=None):
    """The sparse tensor of these parts, which are kept as they are. Nothing is checked."""
    result = shell(SparseTensor, size, values.dtype)
    if coalesced is None:
        coalesced = indices.shape[1] < 2
    vars(result).update(_at=indices, _held=values, _is_coalesced=coalesced, _checked=False)
    return result


def _refuse(name, args=()):
    raise NotImplementedError(
        f"{name}() is not implemented for sparse tensors: use to_dense() first, or work on values()"
    )


def _store(result, out, name):
    """Writes a result to `out=`."""
    if not isinstance(out, SparseTensor) or not isinstance(result, SparseTensor):
        return _C._copy_to_out(out, result, "out")
    if name == "zeros":
        return resized(out, result.to(out.dtype)).requires_grad_(result.requires_grad)
    result = as_type(result, out.dtype)
    return resized(out, result) if result._nnz() == 0 else FUNCTIONS["copy_"](out, result)


class SparseTensor(TensorOfParts):
    """A tensor with layout torch.sparse_coo."""

    _functions = FUNCTIONS
    _refuse = staticmethod(_refuse)
    _store = staticmethod(_store)

    def _like(self, values):
        """Other values at the same places."""
        return make(self._at, values, self.shape, self._is_coalesced)

    def _shown(self):
        return ("indices", self._at), ("values", self._held)

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

    def new(self, *args, device=None, size=None):
        """Legacy constructor of a sparse tensor of the same dtype: of a size, or of indices and values."""
        if device is not None and _C.device(device).type != "cpu":
            raise RuntimeError(
                "legacy constructor expects device type: cpu but device type: "
                f"{_C.device(device).type} was passed"
            )
        return FUNCTIONS["new"](self, *args, *([] if size is None else [size]))

    # --- what a tensor says of itself ---

    layout = property(lambda self: _C.sparse_coo)
    is_sparse = property(lambda self: True)
    T = mT = property(lambda self: FUNCTIONS["t"](self))
    H = mH = property(lambda self: FUNCTIONS["t"](self).conj())
    imag = property(lambda self: _refuse("the attribute"))
    real = property(lambda self: self._like(self._held.real))

    def _values_of(self, gradient):
        return gradient.coalesce()._held

    def __bool__(self):
        return bool(self.to_dense())

    def stride(self, dim=None):
        return (0,) * self.dim() if dim is None else 0

    def storage(self):
        raise NotImplementedError("Cannot access storage of SparseTensorImpl")

    untyped_storage = storage

    def is_contiguous(self, *args, **kwargs):
        return False

    def contiguous(self, *args, **kwargs):
        _refuse("contiguous")

    def numpy(self, *, force=False):
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    def tolist(self):
        return self.to_dense().tolist()

    def item(self):
        return self.to_dense().item()

    def __getitem__(self, index):
        items = list(map(picked, index if isinstance(index, tuple) else (index,)))
        if not all(type(k) is int or k is None or k is ... or k == slice(None) for k in items):
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

    def __deepcopy__(self, memo):
        from copy import deepcopy

        if id(self) not in memo:
            held = deepcopy(self._held, memo)
            memo[id(self)] = make(self._at.clone(), held, self.shape, self._is_coalesced)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return make, (self._at, self._held, tuple(self.shape), self._is_coalesced)


SparseTensor.__name__ = SparseTensor.__qualname__ = "Tensor"
SparseTensor.__module__ = "torch"
