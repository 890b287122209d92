"""Sparse tensors in coordinate form: products with matrices and vectors."""

from __future__ import annotations

from .. import _C
from . import composite
from .linalg_norms import type_name
from .sparse import _checked, _flat, _known, _make, _mapped, _sparse, coalesce, to_dense
from .sparse_layout import _select, broadcast, common_shape

_T = _C._functions


def rows_of_product(starts, at, held, dense):
    """CSR (starts, at, held) times a dense matrix, where no temporary of all products is needed; or None."""
    if held.dtype not in (_C.float32, _C.float64) or held.dim() != 1:
        return None
    from ..nn.functional import embedding_bag

    if starts.dtype != at.dtype:
        starts, at = starts.long(), at.long()
    return embedding_bag(at, dense, starts, mode="sum", per_sample_weights=held, include_last_offset=True)


def _matrix_product(a, b):
    """(m, n) times (n, k), one of them sparse or both."""
    if not _sparse(a):
        return _matrix_product(b.t(), a.mT).mT
    if a.dim() != 2 or b.dim() != 2 or a.sparse_dim() != 2:
        raise RuntimeError(f"mm: Expected 2-D tensors, but got {a.dim()}-D and {b.dim()}-D tensors")
    if a.shape[1] != b.shape[0]:
        if _sparse(b):
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and "
                f"{b.shape[0]}x{b.shape[1]})"
            )
        raise RuntimeError(f"addmm: Argument #3 (dense): Expected dim 0 size {a.shape[1]}, got {b.shape[0]}")
    if _sparse(b):
        return _both_sparse(coalesce(a), coalesce(b))
    _checked(a)
    if a._held.dtype != b.dtype:
        raise RuntimeError(f"mm: expected the same dtype, but got {a.dtype} and {b.dtype}")
    if a._is_coalesced:
        starts = _T.searchsorted(a._at[0].contiguous(), _T.arange(a.shape[0] + 1))
        total = rows_of_product(starts, a._at[1], a._held, b)
        if total is not None:
            return total
    products = a._held.unsqueeze(1) * b.index_select(0, a._at[1])
    return _T.zeros(a.shape[0], b.shape[1], dtype=b.dtype).index_add(0, a._at[0], products)


def _both_sparse(a, b):
    if a.dtype != b.dtype:
        raise RuntimeError(f"mat1 dtype {type_name(a.dtype)} does not match mat2 dtype {type_name(b.dtype)}")
    # Each held value of a meets the row of b that its column names.
    starts = _T.searchsorted(b._at[0].contiguous(), _T.arange(b.shape[0] + 1))
    first = starts[a._at[1]]
    count = starts[a._at[1] + 1] - first
    mine = _T.repeat_interleave(_T.arange(a._nnz()), count)
    before = count.cumsum(0) - count
    theirs = _T.arange(mine.shape[0]) - before[mine] + first[mine]
    at = _T.stack([a._at[0][mine], b._at[1][theirs]])
    return coalesce(_make(at, a._held[mine] * b._held[theirs], [a.shape[0], b.shape[1]]))


@composite("sparse", name="mm")
def sparse_mm(mat1, mat2, reduce=None):
    """Product of two matrices of which one is sparse (dense result), or both (sparse result).

    reduce: "sum", "mean", "amax" or "amin" of the products that make an element, of a CSR `mat1`.
    """
    if reduce is not None:
        raise NotImplementedError("sparse.mm() with a reduction needs a CSR matrix: to_sparse_csr() first")
    return _T.mm(mat1, mat2) if not _sparse(mat1) and not _sparse(mat2) else _matrix_product(mat1, mat2)


_known("mm")(_matrix_product)


@composite("torch")
def spmm(input, mat2):
    """The product of a sparse matrix and a dense one."""
    return sparse_mm(input, mat2)


@composite("torch")
def hspmm(mat1, mat2):
    """The product of a sparse matrix and a dense one, with sparse rows: those that hold something."""
    rows = _T.unique(mat1._at[0])
    held = sparse_mm(mat1, mat2).index_select(0, rows)
    return _make(rows.unsqueeze(0), held, [mat1.shape[0], mat2.shape[1]])


@_known("mv")
def _mv(a, b):
    if a.dim() != 2 or b.dim() != 1:
        raise RuntimeError(
            f"mv: two tensor dim should be 2 and 1, but got SparseTensor Dim: {a.dim()} Tensor Dim: {b.dim()}"
        )
    if a.shape[1] != b.shape[0]:
        raise RuntimeError("mv: expected self.size(-1) == vec.size(-1)")
    return _matrix_product(a, b.unsqueeze(1)).squeeze(1)


@_known("matmul", "rmatmul")
def _matmul(a, b):
    if a.dim() == 2 and b.dim() == 1:
        return _mv(a, b)
    return _matrix_product(a, b)


@composite("sparse", name="addmm")
def sparse_addmm(mat, mat1, mat2, *, beta=1.0, alpha=1.0):
    """beta * mat + alpha * (mat1 @ mat2) with a sparse mat1."""
    product = sparse_mm(mat1, mat2)
    product = product if alpha == 1 else product * alpha
    if beta == 0:  # not even what is no number counts
        return product
    return (mat if beta == 1 else mat * beta) + product


_known("addmm")(sparse_addmm)


@_known("linear")
def _linear(input, weight, bias=None):
    product = _matrix_product(input.reshape(-1, input.shape[-1]), weight.t())
    product = product.reshape(*input.shape[:-1], weight.shape[0])
    return product if bias is None else product + bias


@_known("bmm")
def _bmm(a, b):
    if a.dim() != 3 or b.dim() != 3 or not _sparse(a) or _sparse(b):
        raise RuntimeError("bmm: expected a sparse and a dense tensor of three dimensions")
    return _T.stack([_matrix_product(_select(a, 0, i), b[i]) for i in range(a.shape[0])])


@composite("torch")
def dsmm(mat1, mat2):
    """The product of a sparse and a dense matrix, dense: another name of mm."""
    return _matrix_product(mat1, mat2)


@composite("torch")
def hsmm(mat1, mat2):
    """Another name of hspmm."""
    return hspmm(mat1, mat2)


def _require_sparse(x):
    if not isinstance(x, _C.Tensor) or not _sparse(x):
        raise RuntimeError("tensor.sspaddmm(...) can only be called on sparse tensors")


@composite("torch", "Tensor")
def smm(input, mat2):
    """The product of a sparse and a dense matrix, sparse in both dimensions."""
    _require_sparse(input)
    product = _matrix_product(input, mat2).to_sparse()
    return _make(product._at, product._held, product.shape)


@composite("torch", "Tensor", aliases="saddmm")
def sspaddmm(input, mat1, mat2, *, beta=1, alpha=1):
    """``beta * input + alpha * (mat1 @ mat2)`` of sparse `input` and `mat1` and a dense `mat2`, sparse."""
    _require_sparse(input)
    kept, product = input * beta, smm(mat1, mat2) * alpha
    if kept.shape != product.shape:
        kept + product  # raises
    held = _T.cat([kept._held, product._held])
    return _make(_T.cat([kept._at, product._at], 1), held, kept.shape)


# --- element by element ---


@_known("mul", "multiply", "rmul")
def _mul(a, b):
    if not _sparse(a):
        a, b = b, a
    if not isinstance(b, _C.Tensor) or b.dim() == 0:
        number = to_dense(b) if _sparse(b) else b
        if a.dim() == 0 and isinstance(number, _C.Tensor):  # neither has dimensions
            a = _mapped(a, lambda v: v.to(_T.promote_types(v.dtype, number.dtype)))
        return _mapped(a, lambda v: v * number)
    if not _sparse(b):
        shape = common_shape(a.shape, b.shape)
        a, b = broadcast(_checked(a), shape), b.expand(shape)
        return _mapped(a, lambda v: v * b[tuple(a._at.unbind(0))])
    if a.dim() == 0:
        return _mul(b, a)
    n = a.sparse_dim()
    if a.dim() != b.dim() or n != b.sparse_dim() or a.shape[:n] != b.shape[:n]:
        raise RuntimeError(
            "sparse_binary_op_intersection_cpu(): expects sparse inputs with equal dimensionality, number of "
            "sparse dimensions, and shape of sparse dimensions"
        )
    size = common_shape(a.shape, b.shape)
    if not (a._is_coalesced and b._is_coalesced) and a._nnz() and b._nnz():
        return _mul_at(a, b, size)
    a, b = coalesce(a), coalesce(b)
    here, there = _flat(a), _flat(b)
    both = _T.isin(here, there)
    here = here[both]
    where = _T.searchsorted(there, here)
    held = a._held[both] * b._held[where]
    return _make(a._at[:, both], held, size, True)


def _mul_at(a, b, size):
    """A product at the places of the operand that is not merged; of two such, of the smaller one."""
    if a._is_coalesced == b._is_coalesced:
        kept, other = (b, a) if a._nnz() >= b._nnz() else (a, b)
    else:
        kept, other = (b, a) if a._is_coalesced else (a, b)
    other = coalesce(other)
    here, there = _flat(kept), _flat(other)
    where = _T.searchsorted(there, here).clamp(max=other._nnz() - 1)
    hit = (there[where] == here).reshape(-1, *[1] * (other._held.dim() - 1))
    return _make(kept._at, kept._held * _T.where(hit, other._held[where], 0), size, False)


@_known("mul_", "multiply_")
def _mul_(a, b):
    from .._sparse import SparseTensor

    product = _mul(a, b)
    number = not isinstance(b, _C.Tensor) or b.dim() == 0
    if _sparse(a) and number:
        product = _make(product._at, product._held, product.shape, False)
    return SparseTensor._replace(a, product)
