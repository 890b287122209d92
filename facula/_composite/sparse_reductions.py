"""Sparse tensors in coordinate form: sums, norms and softmax."""

from __future__ import annotations

from .. import _C
from . import as_int, composite, wrapped_dim
from .linalg_norms import type_name
from .sparse import _checked, _known, _make, _mapped, coalesce

_T = _C._functions


@composite("sparse", name="sum")
def sparse_sum(input, dim=None, dtype=None):
    """Sum over all elements, or over dimensions `dim`: sparse while sparse dimensions are left."""
    x = _mapped(input, lambda v: v.to(dtype)) if dtype is not None else input
    if dim is None:
        return x._held.sum()
    dim = as_int(dim)
    listed = [wrapped_dim(as_int(d), x.dim()) for d in ([dim] if isinstance(dim, int) else dim)]
    dims = set(listed)
    if len(dims) != len(listed):
        twice = next(d for d in listed if listed.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    inner = [d - x.sparse_dim() + 1 for d in dims if d >= x.sparse_dim()]
    held = x._held.sum(inner) if inner else x._held
    rows = [d for d in range(x.sparse_dim()) if d not in dims]
    size = [n for d, n in enumerate(x.shape) if d not in dims]
    if not rows:
        return held.sum(0)
    _checked(x)
    return coalesce(_make(x._at[rows], held, size))


@_known("sum")
def _sum(x, dim=None, keepdim=False, *, dtype=None):
    dim = as_int(dim)
    dims = range(x.dim()) if dim is None or dim == () else [dim] if isinstance(dim, int) else dim
    if dtype is None and not (x.is_floating_point() or x.is_complex()):
        dtype = _C.int64
    total = sparse_sum(x, None if len(dims) == x.dim() else dims, dtype)
    if keepdim:
        for d in sorted(wrapped_dim(as_int(d), x.dim()) for d in dims):
            total = total.unsqueeze(d)
    return total


@_known("norm")
def _norm(x, p="fro", dim=None, keepdim=False, dtype=None):
    if dtype is not None and p == "fro":
        raise ValueError("dtype argument is not supported in frobenius norm")
    if dtype is not None:
        raise RuntimeError("norm_sparse currently does not support 'dtype' argument")
    if keepdim:
        raise RuntimeError("norm_sparse currently does not support keepdim=True")
    dim = as_int(dim)
    dims = [dim] if isinstance(dim, int) else dim
    if dims is not None and len({wrapped_dim(as_int(d), x.dim()) for d in dims}) != x.dim():
        raise RuntimeError(
            "norm_sparse currently only supports full reductions, so 'dim' must either be empty or contain "
            "all dimensions of the input"
        )
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(
            "norm(): input dtype should be either floating point or complex. "
            f"Got {type_name(x.dtype)} instead."
        )
    return coalesce(x)._held.norm(2 if p == "fro" else p)


# --- softmax ---


def _softmax(input, dim, dtype, logarithm):
    x = coalesce(input if dtype is None else _mapped(input, lambda v: v.to(dtype)))
    dim = dim % x.dim()
    if dim >= x.sparse_dim():
        inner = dim - x.sparse_dim() + 1
        return _mapped(x, lambda v: v.log_softmax(inner) if logarithm else v.softmax(inner))
    if x._nnz() == 0:
        return x
    # A line along dim is a group of places that agree in the other sparse dimensions.
    group = _T.zeros(x._nnz(), dtype=_C.int64)
    for d, size in enumerate(x.shape[: x.sparse_dim()]):
        if d != dim:
            group = group * size + x._at[d]
    lines, where = _T.unique(group, return_inverse=True)
    spread = where.reshape([-1] + [1] * (x._held.dim() - 1)).expand(x._held.shape)
    low = _T.full((lines.shape[0], *x._held.shape[1:]), -float("inf"), dtype=x._held.dtype)
    top = low.scatter_reduce(0, spread, x._held.detach(), "amax")
    shifted = x._held - top[where]
    total = _T.zeros(low.shape, dtype=low.dtype).index_add(0, where, shifted.exp())
    held = shifted - total.log()[where] if logarithm else shifted.exp() / total[where]
    return _make(x._at, held, x.shape, True)


@composite("sparse", name="softmax")
def sparse_softmax(input, dim, *, dtype=None):
    """softmax along `dim` over the places that hold something; the others count as -inf."""
    return _softmax(input, dim, dtype, False)


@composite("sparse", name="log_softmax")
def sparse_log_softmax(input, dim, *, dtype=None):
    """log_softmax along `dim` over the places that hold something."""
    return _softmax(input, dim, dtype, True)
