"""Compressed sparse tensors: element by element, sums, sizes, new ones, and what writes to them."""

from __future__ import annotations

from math import prod

from .. import _C
from .._parts import refuse_leaf
from . import as_int, wrapped_dim
from .compressed import BLOCKED, PARTS, compressed, known, layout_name, make
from .compressed_layouts import (
    _elements,
    compress,
    compressed_to_dense,
    converted,
    coordinates,
    grid,
    places,
)
from .linalg_norms import type_name
from .sparse import _backward, _grad, _make

_T = _C._functions

known("backward")(_backward)
known("grad")(_grad)


# --- functions of the values ---


def _of_values(name):
    known(name)(lambda x, *args, **kwargs: x._like(getattr(x._held, name)(*args, **kwargs)))

    def write(x, *args, **kwargs):
        refuse_leaf(x)
        getattr(x._held, name + "_")(*args, **kwargs)
        return x

    known(name + "_")(write)


# Functions with f(0) = 0, or questions with the answer False, which need the values only.
for _name in (
    "abs absolute angle sqrt sin tan asin arcsin atan arctan sinh tanh asinh arcsinh atanh arctanh expm1 "
    "log1p relu sgn sign floor ceil round trunc fix frac erf erfinv deg2rad rad2deg isnan isinf isposinf "
    "isneginf signbit neg negative conj conj_physical resolve_conj resolve_neg"
).split():
    _of_values(_name)

known("positive", "asarray", "atleast_1d", "atleast_2d")(lambda x, **options: x)
known("real")(lambda x: x.real)
known("imag")(lambda x: x.imag)
known("numel")(lambda x: x.numel())
known("detach")(lambda x: x.detach())
known("is_floating_point")(lambda x: x.dtype.is_floating_point)
known("is_complex")(lambda x: x.dtype.is_complex)
known("is_signed")(lambda x: x._held.is_signed())
known("is_nonzero")(bool)
for _name in "values indices is_coalesced coalesce dense_dim sparse_dim".split():
    known(_name)(lambda x, _name=_name: getattr(x, _name)())
known("is_same_size")(lambda x, other: tuple(x.shape) == tuple(other.shape))


@known("clone")
def _clone(x, *, memory_format=None):
    if memory_format is not None:
        name = str(memory_format).removeprefix("torch.").removesuffix("_format").title()
        raise RuntimeError(f"unsupported memory format option {name}")
    return make(x._starts.clone(), x._at.clone(), x._held.clone(), x.shape, x.layout)


def _cast(x, held):
    if held.is_meta:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    return x if held is x._held else x._like(held)


@known("to")
def _to(x, *args, **kwargs):
    args = tuple(a._held if compressed(a) else a for a in args)
    return _cast(x, x._held.to(*args, **kwargs))


for _name in "float double half bfloat16 int long short char byte bool cfloat cdouble cpu".split():
    known(_name)(lambda x, *a, _name=_name, **k: _cast(x, getattr(x._held, _name)(*a, **k)))


# --- arithmetic ---


def _same_places(a, b):
    return (
        a.layout == b.layout
        and a._held.shape == b._held.shape
        and (a._starts is b._starts or bool((a._starts == b._starts).all()))
        and (a._at is b._at or bool((a._at == b._at).all()))
    )


def _need_dtype(wanted, got):
    if wanted != got:
        raise RuntimeError(f"expected scalar type {type_name(wanted)} but found {type_name(got)}")


@known("add", "radd")
def add(a, b, *, alpha=1):
    if not compressed(a) and compressed(b) or compressed(a) and not compressed(b):
        return _add_dense(a, b, alpha)
    if a.layout != b.layout:
        getattr(b, PARTS[a.layout][0])()  # which of two layouts PyTorch asks for
        raise RuntimeError(f"add(): {layout_name(a)} and {layout_name(b)} tensors are of two layouts")
    if a.shape != b.shape:
        raise RuntimeError(
            f"add: Expected input tensors to have the same shape, but got tensor `self` with shape "
            f"{list(a.shape)} and tensor `other` with shape {list(b.shape)}"
        )
    _need_dtype(a.dtype, b.dtype)
    other = b._held if alpha == 1 else b._held * alpha
    if _same_places(a, b):
        return a._like(a._held + other)
    if a._blocksize != b._blocksize:
        raise RuntimeError("add(): tensors of blocks of two sizes")
    mine, theirs = places(a), places(b)
    batch, row, column, held = (
        _T.cat([x, y]) for x, y in zip(mine, (*theirs[:3], other.reshape(theirs[3].shape)))
    )
    rows, columns = grid(a)
    place, which = _T.unique((batch * rows + row) * columns + column, return_inverse=True)
    total = _T.zeros(place.shape[0], *held.shape[1:], dtype=held.dtype).index_add(0, which, held)
    line = place.div(columns, rounding_mode="floor")
    parts = line.div(rows, rounding_mode="floor"), line % rows, place % columns, total
    return compress(a.layout, a.shape, a.shape[: a._batch], (rows, columns), *parts, a._at.dtype)


def _add_dense(a, b, alpha):
    sparse, other = (a, b) if compressed(a) else (b, a)
    if isinstance(other, _C.Tensor) and other.is_sparse:
        raise RuntimeError(f"add(): {layout_name(a)} and {layout_name(b)} tensors are of two layouts")
    shape = tuple(other.shape) if isinstance(other, _C.Tensor) else ()
    if shape != tuple(sparse.shape):
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same size, but self has size {list(shape)} while "
            f"other has size {list(sparse.shape)} (FYI: op2-sparse addition does not "
            "currently support broadcasting)"
        )
    return _T.add(other, compressed_to_dense(sparse), alpha=alpha)  # of the sparse one, wherever it stands


@known("add_")
def _add_(a, b, *, alpha=1):
    if not compressed(a):
        return a.add_(compressed_to_dense(b), alpha=alpha)
    if not compressed(b):
        return a.is_contiguous()  # raises
    return a._replace(a, add(a, b, alpha=alpha))


def _need_same_size(x, mask):
    if x.shape != mask.shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(x.shape)} but mask has "
            f"size {list(mask.shape)}"
        )


def _number(b):
    return not isinstance(b, _C.Tensor) or (b.layout == _C.strided and b.dim() == 0)


@known("mul", "multiply", "rmul")
def mul(a, b):
    if not compressed(a):
        a, b = b, a
    if _number(b):
        return a._like(a._held * b)
    if a.layout in BLOCKED:
        raise RuntimeError(
            "empty_sparse_compressed expected sparse compressed (non-block) tensor layout but got "
            f"{layout_name(a)}"
        )
    if a.layout != _C.sparse_csr:
        raise RuntimeError("Expected result Tensor to be of format CSR")
    if b.layout == _C.strided:
        _need_same_size(b, a)
        return a._like(a._held * at_places_of(b, a)._held)
    from .sparse_products import _mul

    if a._batch:
        return converted(coordinates(a), _C.sparse_csr, None, None)  # raises
    if compressed(b) and _same_places(a, b):
        return make(a._starts.long(), a._at.long(), a._held * b._held, a.shape, a.layout)
    product = _mul(coordinates(a), coordinates(b) if compressed(b) else b)
    return converted(product, _C.sparse_csr, None, None)


@known("mul_", "multiply_")
def _mul_(a, b):
    if not compressed(a):
        raise RuntimeError("Expected result Tensor to be of format CSR")
    if _number(b):
        refuse_leaf(a)
        a._held.mul_(b)
        return a
    return a._replace(a, mul(a, b))


# --- the elements at places ---


def at_places_of(x, mask):
    """The elements of a dense or sparse tensor at the places of a compressed one."""
    _need_same_size(x, mask)
    if x.layout != _C.strided:
        if compressed(x) and _same_places(x, mask):
            return x
        x = x.to_dense()
    batch, row, column, held = _elements(mask)
    n = mask._batch
    dense = x.reshape(prod(x.shape[:n]), *x.shape[n:])
    return mask._like(dense[batch, row, column].reshape(mask._held.shape))


known("at_places_of")(at_places_of)


@known("sparse_mask")
def _sparse_mask(x, mask):
    if not compressed(mask):
        raise RuntimeError(
            "sparse_mask_sparse_compressed expects mask to have sparse compressed layout, got "
            f"{layout_name(mask)}"
        )
    if x.layout == _C.strided:
        held = at_places_of(x, mask)._held
        return make(mask._starts.long(), mask._at.long(), held, mask.shape, mask.layout)
    if compressed(x) and _same_places(x, mask):
        return x
    _need_same_size(x, mask)
    inside = mask._like(_T.ones_like(mask._held.detach(), dtype=x.dtype))
    if mask.layout in BLOCKED or mask._batch:
        return at_places_of(x, mask)
    from .sparse_products import _mul

    both = _mul(coordinates(x) if compressed(x) else x, coordinates(inside))
    return converted(both, mask.layout, None, None)


# --- sums ---


@known("sum")
def _sum(x, dim=None, keepdim=False, *, dtype=None, **given):
    if dim is None and not keepdim:
        return x._held.sum(dtype=dtype)
    dim = as_int(dim)
    dims = [dim] if isinstance(dim, int) else dim or range(x.dim())
    dims = {wrapped_dim(as_int(d), x.dim()) for d in dims}
    if not keepdim:
        raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
    if x.layout != _C.sparse_csr:
        raise RuntimeError(
            "Currently the only compressed sparse format supported for sum.dim_IntList is CSR, but got "
            f"layout {layout_name(x)}"
        )
    if x.dtype == _C.bool:
        raise NotImplementedError("\"_sparse_csr_sum_cpu\" not implemented for 'Bool'")
    if x.dim() != 2:
        raise RuntimeError("sum(): of batches of CSR tensors, or with dense dimensions, only whole sums")
    whole = not (x.dtype.is_floating_point or x.dtype.is_complex)
    held = x._held.to(dtype or (_C.int64 if whole else x.dtype))
    _, row, column, _ = places(x)
    size = [1 if d in dims else n for d, n in enumerate(x.shape)]
    row, column = (_T.zeros_like(i) if d in dims else i for d, i in enumerate((row, column)))
    place, which = _T.unique(row * size[1] + column, return_inverse=True)
    total = _T.zeros(place.shape[0], dtype=held.dtype).index_add(0, which, held)
    columns = max(size[1], 1)
    at = place.div(columns, rounding_mode="floor"), place % columns
    return compress(x.layout, size, (), size, _T.zeros_like(place), *at, total, x._at.dtype)


@known("sparse_softmax", "sparse_log_softmax")
def _softmax(x, *args, **kwargs):
    x._refuse("_sparse_softmax", (x,))


@known("sparse_sum")
def _sparse_sum(x, dim=None, dtype=None):
    return x.coalesce() if dim is None else x._indices()  # raises


# --- dimensions ---


@known("transpose", "swapaxes", "swapdims")
def transpose(x, dim0, dim1):
    given = [wrapped_dim(d, x.dim()) for d in (dim0, dim1)]
    dims = sorted(given)
    if dims[0] == dims[1]:
        return _view(x, x._like(x.values()))
    n = x._batch

    def kind(d):
        return "Batch" if d < n else "Sparse" if d < n + 2 else "Dense"

    if x.dense_dim():
        raise RuntimeError(
            "transpose(): hybrid sparse compressed tensors with dense dimensions are not supported"
        )
    if kind(dims[0]) != kind(dims[1]):
        raise RuntimeError(
            "transpose(): can only transpose dimensions of the same type (Batch, Sparse, Dense), got "
            f"{given[0]}({kind(given[0])}) and {given[1]}({kind(given[1])})"
        )
    size = list(x.shape)
    size[dims[0]], size[dims[1]] = size[dims[1]], size[dims[0]]
    if dims[1] < n:
        parts = (t.transpose(*dims) for t in (x._starts, x._at, x._held))
        return _view(x, make(*parts, size, x.layout))
    held = x._held.transpose(n + 1, n + 2) if x._in_blocks else x.values()
    layout = {
        _C.sparse_csr: _C.sparse_csc,
        _C.sparse_csc: _C.sparse_csr,
        _C.sparse_bsr: _C.sparse_bsc,
        _C.sparse_bsc: _C.sparse_bsr,
    }[x.layout]
    return _view(x, make(x._starts, x._at, held, size, layout))


def _view(x, result):
    result._view_of = x if x._base is None else x._base
    return result


known("_is_view")(lambda x: x._base is not None)


@known("t")
def _t(x):
    if x.dim() > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {x.dim()}D")
    return transpose(x, 0, 1)


@known("adjoint")
def _adjoint(x):
    return transpose(x, -2, -1).conj()


@known("permute")
def _permute(x, *dims, **given):
    x._refuse("as_strided", (x,))


@known("select")
def select(x, dim, index, copied=False):
    dim = wrapped_dim(dim, x.dim())
    if not -x.shape[dim] <= index < x.shape[dim]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(x.shape)} at dimension {dim}"
        )
    index %= x.shape[dim]
    size = [*x.shape[:dim], *x.shape[dim + 1 :]]
    n = x._batch
    if dim < n:
        return make(*(t.select(dim, index) for t in (x._starts, x._at, x._held)), size, x.layout)
    if dim >= n + 2:
        held = x._held.select(dim - 1 + 2 * x._in_blocks, index)
        return make(x._starts, x._at, held, size, x.layout)
    if n:
        raise RuntimeError(
            "select(): selecting sparse dimensions is not supported for batched sparse compressed tensors."
        )
    if x._in_blocks and not copied and (x.layout, dim) != (_C.sparse_bsc, 1):
        raise RuntimeError("select(): no view exists for the given input, consider using torch.select_copy.")
    _, row, column, held = _elements(x)
    mine, others = (row, column) if dim == 0 else (column, row)
    found = (mine == index).nonzero().squeeze(1)
    return _make(others[found].unsqueeze(0), held[found], size, True)


@known("select_copy")
def _select_copy(x, dim, index):
    return select(x, dim, index, True).clone()


@known("result_type")
def _result_type(*given):
    return _T.result_type(*(t._held if hasattr(t, "_held") else t for t in given))


@known("unbind")
def _unbind(x, dim=0):
    return tuple(select(x, dim, k) for k in range(x.shape[wrapped_dim(dim, x.dim())]))
