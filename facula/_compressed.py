"""Compressed sparse tensors: CSR and CSC, and of blocks BSR and BSC.

A CompressedTensor consists of `_starts` (compressed indices: where each row's elements start; each column's
in CSC and BSC), `_at` (plain indices: the column, or row, of each element) and `_held` (the values, or blocks
of them, an ordinary tensor with its history): see facula/_parts.py. In front of all three may stand batch
dimensions, behind the values dense ones. The functions it knows are in facula/_composite/compressed*.py.
"""

from __future__ import annotations

from . import _C
from ._parts import TensorOfParts, as_type, picked, shell

__all__ = ["FUNCTIONS", "CompressedTensor", "layout_name", "make"]

# What works on compressed tensors: name of the function or method -> what is called instead.
FUNCTIONS: dict = {}

LAYOUTS = (_C.sparse_csr, _C.sparse_csc, _C.sparse_bsr, _C.sparse_bsc)

# Functions that would be views: PyTorch says of which property they ask first.
_VIEWS = frozenset(
    "squeeze unsqueeze split chunk narrow narrow_copy diagonal diag tensor_split split_with_sizes argsort "
    "sort msort diff movedim moveaxis unfold swapdims hsplit vsplit dsplit atleast_3d tile _einsum".split()
)
_IN_ORDER = frozenset(
    "reshape flatten ravel contiguous cat concat stack hstack vstack meshgrid pdist".split()
)
_EXPANDED = frozenset("expand expand_as broadcast_to repeat".split())


def make(starts, at, values, size, layout):
    """The compressed tensor of these parts, which are kept as they are. Nothing is checked."""
    result = shell(CompressedTensor, size, values.dtype)
    vars(result).update(_starts=starts, _at=at, _held=values, _layout=layout)
    return result


def layout_name(x):
    """A layout, or that of a tensor, as errors name it: SparseCsr."""
    name = str(x.layout if isinstance(x, _C.Tensor) else x).removeprefix("torch.")
    return "Sparse" if name == "sparse_coo" else name.title().replace("_", "")


def _refuse(name, args=()):
    from ._composite import compressed, tensors

    layout = next((t.layout for t in tensors(args) if t.layout in LAYOUTS), _C.sparse_csr)
    short = layout_name(layout)
    upper = f"Sparse {short[6:].upper()} tensors do not have"
    if name in _VIEWS:
        raise RuntimeError(f"{upper} strides: {name}() is not implemented for them")
    if name in _IN_ORDER:
        raise RuntimeError(f"{upper} is_contiguous: {name}() is not implemented for them")
    if name in _EXPANDED:
        raise RuntimeError(f"expand is unsupported for {short} tensors")
    if compressed.by_element(name):
        raise RuntimeError(
            f"unsupported tensor layout: {short}\n{name}() does not keep zeros: use to_dense()"
        )
    raise NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the '{short}CPU' backend. {name}() is not "
        "implemented for compressed sparse tensors: use to_dense() first, or work on values()"
    )


def _store(result, out, name):
    """Writes a result to `out=`."""
    if isinstance(result, tuple):
        return type(result)([_store(each, to, name) for each, to in zip(result, out)])
    if not isinstance(out, CompressedTensor) or not isinstance(result, CompressedTensor):
        if isinstance(result, CompressedTensor):
            if isinstance(out, TensorOfParts) or name not in ("mm", "addmm"):
                wanted = str(result.layout)[6:].replace("_", " ")
                raise RuntimeError(
                    f"{name}: Expected result to have {wanted} layout, but got {layout_name(out)}"
                )
            result = result.to_dense()
        return _C._copy_to_out(out, result, "out")
    if out._nnz() != result._nnz() and out.shape == result.shape:
        return FUNCTIONS["written"](result, out)
    return FUNCTIONS["copy_"](out, as_type(result, out.dtype))


def _strided_only(what):
    def ask(self, *args, **kwargs):
        raise RuntimeError(f"Sparse {layout_name(self)[6:].upper()} tensors do not have {what}")

    return ask


class CompressedTensor(TensorOfParts):
    """A tensor with layout torch.sparse_csr, sparse_csc, sparse_bsr or sparse_bsc."""

    _functions = FUNCTIONS
    _rank = 1
    _knows_composites = True
    _refuse = staticmethod(_refuse)
    _store = staticmethod(_store)

    def _like(self, values):
        """Other values at the same places."""
        return make(self._starts, self._at, values, self.shape, self._layout)

    def _shown(self):
        starts, at = ("crow_indices", "col_indices") if self._by_rows else ("ccol_indices", "row_indices")
        return (starts, self._starts), (at, self._at), ("values", self._held)

    def _values_of(self, gradient):
        if gradient.layout not in LAYOUTS or gradient._held.shape != self._held.shape:
            gradient = FUNCTIONS["at_places_of"](gradient, self)
        return gradient._held

    # --- parts ---

    _by_rows = property(lambda self: self._layout in (_C.sparse_csr, _C.sparse_bsr))
    _in_blocks = property(lambda self: self._layout in (_C.sparse_bsr, _C.sparse_bsc))

    @property
    def _batch(self):
        """How many batch dimensions there are."""
        return self._starts.dim() - 1

    @property
    def _blocksize(self):
        n = self._batch + 1
        return tuple(self._held.shape[n : n + 2]) if self._in_blocks else (1, 1)

    def _part(self, name, by_rows):
        if self._by_rows != by_rows:
            which = "row" if by_rows else "column"
            raise RuntimeError(
                f"{name} expected sparse {which} compressed tensor layout but got {layout_name(self)}"
            )
        return self._starts if name[0] == "c" and name != "col_indices" else self._at

    def crow_indices(self):
        """Where the elements of each row start, and where the last ones end: of CSR and BSR tensors."""
        return self._part("crow_indices", True)

    def col_indices(self):
        """The column of each element, or block: of CSR and BSR tensors."""
        return self._part("col_indices", True)

    def ccol_indices(self):
        """Where the elements of each column start, and where the last ones end: of CSC and BSC tensors."""
        return self._part("ccol_indices", False)

    def row_indices(self):
        """The row of each element, or block: of CSC and BSC tensors."""
        return self._part("row_indices", False)

    def values(self):
        """(*batch, elements, *block, *dense dimensions), over the same memory; gradients flow through it."""
        return self._held.view_as(self._held)

    def _nnz(self):
        return self._at.shape[-1]

    def sparse_dim(self):
        return 2

    def dense_dim(self):
        return self._held.dim() - self._batch - (3 if self._in_blocks else 1)

    def _coordinates_only(self, name):
        raise RuntimeError(f"{name} expected sparse coordinate tensor layout but got {layout_name(self)}")

    def is_coalesced(self):
        self._coordinates_only("is_coalesced")

    def indices(self):
        self._coordinates_only("indices")

    def coalesce(self):
        self._coordinates_only("coalesce")

    def _indices(self):
        _refuse("_indices", (self,))

    def _values(self):
        _refuse("_values", (self,))

    # --- what a tensor says of itself ---

    layout = property(lambda self: self._layout)
    _base = property(lambda self: vars(self).get("_view_of"))  # of transposes
    is_sparse = property(lambda self: False)
    is_sparse_csr = property(lambda self: self._layout == _C.sparse_csr)
    T = property(lambda self: _refuse("as_strided", (self,)))
    mT = property(lambda self: FUNCTIONS["transpose"](self, -2, -1))
    H = mH = property(lambda self: FUNCTIONS["adjoint"](self))
    real = property(lambda self: self if not self.dtype.is_complex else _refuse("view_as_real", (self,)))
    nbytes = property(lambda self: self.numel() * self.element_size())

    @property
    def imag(self):
        if not self.dtype.is_complex:
            raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
        return _refuse("view_as_real", (self,))

    stride = _strided_only("strides")
    is_contiguous = contiguous = _strided_only("is_contiguous")

    def storage_offset(self):
        return 0

    def storage(self):
        raise NotImplementedError("Cannot access storage of SparseCsrTensorImpl")

    untyped_storage = is_shared = share_memory_ = storage

    def numpy(self, *, force=False):
        raise TypeError(
            f"can't convert {layout_name(self)} layout tensor to numpy. Use Tensor.to_dense() first."
        )

    def tolist(self):
        return self.data_ptr()

    def item(self):
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self.to_dense().item()

    def __bool__(self):
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.to_dense())

    is_nonzero = __bool__

    def __invert__(self):
        if self.dtype.is_floating_point or self.dtype.is_complex:
            raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
        return _refuse("bitwise_not", (self,))

    def is_signed(self):
        return self._held.is_signed()

    def sparse_resize_(self, size, sparse_dim, dense_dim):
        _refuse("sparse_resize_", (self,))

    def new(self, *args, **kwargs):
        raise RuntimeError("new() of a compressed sparse tensor: Cannot map its kind to a unique layout.")

    def detach_(self):
        self._held = self._held.detach()
        return self

    def type(self, dtype=None, non_blocking=False, **kwargs):
        if dtype is None:
            raise RuntimeError(f"Unimplemented backend {layout_name(self)}CPU")
        return self._like(self._held.type(dtype))

    def __getitem__(self, index):
        items = list(map(picked, index if isinstance(index, tuple) else (index,)))
        if not all(type(k) is int or k is ... or k == slice(None) for k in items) or (
            items and all(k is ... or k == slice(None) for k in items)
        ):
            return _strided_only("strides")(self)
        if ... in items:
            at = items.index(...)
            items[at : at + 1] = [slice(None)] * (self.dim() + 1 - len(items))
        result, dim = self, 0
        for place, k in enumerate(items):
            if not isinstance(k, int):
                dim += 1
                continue
            if place >= self.dim():
                raise IndexError(f"too many indices for tensor of dimension {self.dim()}")
            size = result.shape[dim]
            if not -size <= k < size:
                raise IndexError(f"index {k} is out of bounds for dimension {place} with size {size}")
            result = result.select(dim, k)
        return result

    def __deepcopy__(self, memo):
        from copy import deepcopy

        if id(self) not in memo:
            held = deepcopy(self._held, memo)
            parts = self._starts.clone(), self._at.clone(), held
            memo[id(self)] = make(*parts, self.shape, self._layout)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return _rebuilt, (self._starts, self._at, self._held, tuple(self.shape), self._layout)


def _rebuilt(starts, at, values, size, layout):
    return make(starts, at, values, size, layout)


CompressedTensor.__name__ = CompressedTensor.__qualname__ = "Tensor"
CompressedTensor.__module__ = "torch"
