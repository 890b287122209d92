"""Compressed sparse tensors: products with matrices and vectors."""

from __future__ import annotations

from math import prod

from .. import _C
from . import composite, tensors
from .compressed import BLOCKED, compressed, known, layout_name
from .compressed_layouts import (
    check_starts,
    compressed_to_dense,
    converted,
    coordinates,
    grid,
    places,
)
from .compressed_ops import _need_dtype, add, transpose
from .linalg_norms import type_name

_T = _C._functions


def _kind(x):
    return "Strided" if x is None else layout_name(x)


def _not_there(result, a, b):
    raise RuntimeError(
        f"addmm: computation on CPU is not implemented for {_kind(result)} + {_kind(a)} @ {_kind(b)}"
    )


def _need_floats(dtype, name="addmm"):
    if dtype not in (_C.float32, _C.float64, _C.complex64, _C.complex128):
        raise NotImplementedError(
            f"\"{name}_out_sparse_csr_impl_mkl\" not implemented for '{type_name(dtype)}'"
        )


def _need_matrices(a, b):
    if b.dim() == 1 and compressed(a):
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[0]:
        _T.mm(*(_T.zeros((), dtype=x.dtype).expand(tuple(x.shape)) for x in (a, b)))  # raises


def _times_dense(a, b):
    """Compressed (m, n) times dense (n, k)."""
    check_starts(a)
    if not a._in_blocks:
        from .sparse_products import rows_of_product

        rows = a if a._by_rows else converted(a, _C.sparse_csr, None, None)
        total = rows_of_product(rows._starts, rows._at, rows._held, b)
        if total is not None:
            return total
    _, row, column, held = places(a, inside=False)
    rows, columns = grid(a)
    if bool(((row < 0) | (row >= rows) | (column < 0) | (column >= columns)).any()):
        raise IndexError("index out of range in self")
    if not a._in_blocks:
        products = held.unsqueeze(1) * b.index_select(0, column)
        return _T.zeros(rows, b.shape[1], dtype=b.dtype).index_add(0, row, products)
    high, wide = a._blocksize
    products = held @ b.reshape(columns, wide, b.shape[1]).index_select(0, column)
    total = _T.zeros(rows, high, b.shape[1], dtype=b.dtype).index_add(0, row, products)
    return total.reshape(a.shape[0], b.shape[1])


def _both_sparse(a, b):
    from .sparse_products import _both_sparse

    product = _both_sparse(*(converted_coordinates(t) for t in (a, b)))
    return converted(product, _C.sparse_csr, None, None)


def converted_coordinates(x):
    from .sparse import coalesce

    return coalesce(coordinates(x))


def product(a, b, result=None):
    """a @ b where one of them is compressed, or both. `result`: the sparse tensor it is added to."""
    _need_matrices(a, b)
    both = compressed(a) and compressed(b)
    target = (
        result if result is not None else a if a.layout != _C.strided and b.layout != _C.strided else None
    )
    if a.is_sparse or b.is_sparse or (result is not None and not both):
        _not_there(target, a, b)
    if both:
        for x in (a, b):
            if x.layout in BLOCKED:
                raise RuntimeError(
                    "zeros_sparse_compressed expected sparse compressed (non-block) tensor layout but got "
                    f"{layout_name(x)}"
                )
    elif a.layout == _C.sparse_bsc or b.layout == _C.sparse_bsr:
        _not_there(target, a, b)
    _need_dtype(a.dtype, b.dtype)
    _need_floats(a.dtype)
    if both:
        return _both_sparse(a, b)
    if compressed(a):
        return _times_dense(a, b)
    return _times_dense(transpose(b, 0, 1), a.t()).t()


@known("mm", "sparse_mm", "spmm", "dsmm")
def _mm(a, b, reduce=None):
    return product(a, b) if reduce is None else reduced(a, b, reduce)


@known("mv")
def _mv(a, b):
    return _times_vector(a, b, a.shape[0])


def _times_vector(a, b, rows):
    if a.dim() != 2 or b.dim() != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {a.dim()}, {b.dim()}")
    if a.shape[1] != b.shape[0] or rows not in (1, a.shape[0]):
        raise RuntimeError(
            f"size mismatch, got input ({rows}), mat ({a.shape[0]}x{a.shape[1]}), vec ({b.shape[0]})"
        )
    if a.layout == _C.sparse_bsc:
        raise RuntimeError(f"torch.addmv: operation not supported for mat with {layout_name(a)} layout")
    if not compressed(a) or b.layout != _C.strided:
        raise RuntimeError("addmv(): expected a compressed sparse matrix and a dense vector")
    _need_dtype(a.dtype, b.dtype)
    _need_floats(a.dtype, "addmv")
    return _times_dense(a, b.unsqueeze(1)).squeeze(1)


@known("matmul", "rmatmul")
def _matmul(a, b):
    if a.dim() == 1 and compressed(b) and b.dim() == 2:
        return _times_vector(transpose(b, 0, 1), a, b.shape[1])
    if b.dim() == 1:
        return _mv(a, b)
    if a.dim() != 2 or b.dim() != 2:
        kind = a if compressed(a) else b
        raise RuntimeError(f"expand is unsupported for {layout_name(kind)} tensors")
    return product(a, b)


def _sum(input, total, beta, alpha):
    total = total if alpha == 1 else total * alpha
    if beta == 0:  # not even what is no number counts
        return total if total.shape == input.shape else total.expand(input.shape)
    return (input if beta == 1 else input * beta) + total


@known("addmm", "sparse_addmm")
def _addmm(input, mat1, mat2, *, beta=1, alpha=1):
    if compressed(input):
        total = product(mat1, mat2, input)
        _need_dtype(input.dtype, mat1.dtype)
        total = converted(total, input.layout, None, None)
        total = total if alpha == 1 else total * alpha
        return total if beta == 0 else add(input if beta == 1 else input * beta, total)
    _need_dtype(input.dtype, mat1.dtype)
    total = product(mat1, mat2)
    total = compressed_to_dense(total) if compressed(total) else total
    return _sum(input.expand(total.shape), total, beta, alpha)


@known("addmv")
def _addmv(input, mat, vec, *, beta=1, alpha=1):
    total = _times_vector(mat, vec, input.shape[0] if input.dim() else 1)
    return _sum(input, total, beta, alpha)


@known("linear")
def linear(input, weight, bias=None):
    if compressed(input):
        result = product(input, weight.t())
    else:
        turned = transpose(weight, -2, -1)
        result = product(input.reshape(prod(input.shape[:-1]), input.shape[-1]), turned)
        result = result.reshape(*input.shape[:-1], weight.shape[0])
    return result if bias is None else result + bias


@known("triangular_solve")
def _triangular_solve(input, A, upper=True, transpose=False, unitriangular=False):
    if not compressed(A) or input.layout != _C.strided:
        raise NotImplementedError("triangular_solve() of a right side that is sparse")
    if A.layout in (_C.sparse_csc, _C.sparse_bsc):
        raise ValueError("triangular_solve: unsupported sparse layout.")
    from . import find

    solve = find("torch", "triangular_solve") or _T.triangular_solve
    dense = compressed_to_dense(A)
    found = solve(input, dense, upper, transpose, unitriangular)
    singular = not A._nnz() or (not unitriangular and bool((dense.diagonal() == 0).any()))
    solution = _T.full_like(found[0], float("nan")) if singular else found[0]
    return type(found)((solution, _T.zeros(0, dtype=input.dtype)))


# --- products of chosen elements ---


@composite("sparse")
def sampled_addmm(input, mat1, mat2, *, beta=1.0, alpha=1.0):
    """``beta * input + alpha * (mat1 @ mat2)`` at the places of `input`, a CSR tensor of that size.

    Args:
        input: (*batch, m, n), CSR; says where, and what is added.
        mat1: (*batch, m, k), dense.
        mat2: (*batch, k, n), dense.
    """
    name = "sampled_addmm"
    if input.layout in (_C.strided, _C.sparse_coo):
        raise NotImplementedError(f"sparse.{name}() of a {layout_name(input)} tensor: to_sparse_csr() first")
    if input.layout in BLOCKED:
        raise RuntimeError(
            "empty_sparse_compressed expected sparse compressed (non-block) tensor layout but got "
            f"{layout_name(input)}"
        )
    if input.dtype not in (_C.float32, _C.float64, _C.complex64, _C.complex128):
        raise RuntimeError(
            f"sparse_{name}: Expected self to be a floating-point or complex tensor, but got "
            f"{type_name(input.dtype)}"
        )
    for which, mat in (("mat1", mat1), ("mat2", mat2)):
        if mat.layout != _C.strided:
            raise RuntimeError(f"{name}: Expected {which} to have strided layout, but got {layout_name(mat)}")
        if mat.dim() < 2:
            raise RuntimeError(f"{name}: Expected {which} to be a matrix, got {mat.dim()}-D tensor")
    if input.layout != _C.sparse_csr:
        raise RuntimeError(f"{name}: Expected result to have sparse csr layout, but got {layout_name(input)}")
    if mat1.dtype != mat2.dtype or mat1.dtype != input.dtype:
        one, other = (mat1, mat2) if mat1.dtype != mat2.dtype else (input, mat1)
        first, second = ("mat1", "mat2") if mat1.dtype != mat2.dtype else ("self", "mat1")
        raise RuntimeError(
            f"{name}: Expected {first} and {second} to have the same dtype, but got {type_name(one.dtype)} "
            f"and {type_name(other.dtype)}"
        )
    n = input._batch
    batch = list(mat1.shape[:-2])
    if mat1.shape[:-2] != mat2.shape[:-2]:
        raise RuntimeError(
            f"{name}: Expected mat1 and mat2 to have the same batch size, but got {batch} and "
            f"{list(mat2.shape[:-2])}"
        )
    if n and list(input.shape[:n]) != batch:
        raise RuntimeError(
            f"{name}: Expected self and mat1 to have the same batch size, but got {list(input.shape[:n])} "
            f"and {batch}"
        )
    if mat1.shape[-1] != mat2.shape[-2]:
        raise RuntimeError(
            f"{name}: mat1 and mat2 shapes cannot be multiplied ({mat1.shape[-2]}x{mat1.shape[-1]} and "
            f"{mat2.shape[-2]}x{mat2.shape[-1]})"
        )
    if input.shape[n] != mat1.shape[-2]:
        raise RuntimeError(f"{name}: self.shape[-2] must match mat1.shape[-2]")
    if input.shape[n + 1] != mat2.shape[-1]:
        raise RuntimeError(f"{name}: self.shape[-1] must match mat2.shape[-1]")
    if len(batch) > n:  # the same places in each of the batches
        from .compressed import make

        parts = (t.expand(*batch, *t.shape) for t in (input._starts, input._at, input._held))
        input = make(*parts, (*batch, *input.shape), input.layout)
    where, row, column, held = places(input)
    left = mat1.flatten(0, -3)[where, row] if batch else mat1[row]
    right = mat2.transpose(-2, -1)
    right = right.flatten(0, -3)[where, column] if batch else right[column]
    values = (left * right).sum(-1)
    values = values if alpha == 1 else values * alpha
    if beta != 0:
        values = values + (held if beta == 1 else held * beta)
    return input._like(values.reshape(input._held.shape))


known("sampled_addmm")(sampled_addmm.__wrapped__)


def reduced(a, b, reduce):
    """Products of the elements of a row of CSR `a` with rows of `b`, and their sum, mean, amax or amin."""
    if a.layout != _C.sparse_csr:
        raise RuntimeError(f"sparse_mm_reduce: expect self to be SparseCsr, got {layout_name(a)}")
    if b.layout != _C.strided:
        raise RuntimeError(
            f"Expected tensor to have Strided Layout, but got tensor with {layout_name(b)} Layout (while "
            "checking arguments for sparse_mm_reduce)"
        )
    if reduce not in ("sum", "mean", "amax", "amin"):
        raise RuntimeError(f"sparse_mm_reduce: reduce type of {reduce} has not been enabled.")
    _need_matrices(a, b)
    _need_dtype(a.dtype, b.dtype)
    if reduce == "sum":
        return _times_dense(a, b)
    steps = a._starts[1:] - a._starts[:-1]
    if reduce == "mean":
        return _times_dense(a, b) / steps.clamp(min=1).unsqueeze(1).to(b.dtype)
    _, row, column, held = places(a)
    products = held.unsqueeze(1) * b.index_select(0, column)
    if not products.shape[0]:
        return _T.zeros(a.shape[0], b.shape[1], dtype=b.dtype)
    rows = row.unsqueeze(1).expand(products.shape)
    seen = products.detach()
    best = _T.zeros(a.shape[0], b.shape[1], dtype=b.dtype).scatter_reduce(
        0, rows, seen, reduce, include_self=False
    )
    # The first of equals is taken, and the gradient goes there.
    count = products.shape[0]
    places_in = _T.arange(count).unsqueeze(1).expand(products.shape)
    hit = _T.where(seen == best[row], places_in, count)
    first = _T.full(best.shape, count, dtype=_C.int64).scatter_reduce(0, rows, hit, "amin")
    return _T.where(first < count, products.gather(0, first.clamp(max=count - 1)), 0)


def _refused(name):
    def refuse(*args, **kwargs):
        x = next(t for t in tensors(args) if compressed(t))
        x._refuse(name, (x,))

    return refuse


for _name in ("bmm", "baddbmm", "hspmm", "hsmm", "smm", "sspaddmm", "saddmm"):
    known(_name)(_refused(_name))


@composite("sparse")
def spsolve(input, other, *, left=True):
    """NotImplementedError: sparse systems are not solved on this device; make the matrix dense."""
    raise NotImplementedError("sparse.spsolve(): use linalg.solve() of to_dense()")
