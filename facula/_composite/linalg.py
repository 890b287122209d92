"""torch.linalg's combinations of products, inverses and systems."""

from __future__ import annotations

from math import prod

from .. import _C
from . import as_int, composite
from .linalg_norms import require_inexact, require_square, type_name


@composite("torch", "Tensor", "linalg", out="matrix_power")
def matrix_power(input, n):
    """The n-th power of square matrices: products for n >= 0, of the inverse for n < 0."""
    n = as_int(n)
    if not isinstance(n, int):
        raise TypeError(
            f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}"
        )
    require_square("linalg.matrix_power", input)
    if n == 0:
        eye = _C._functions.eye(input.shape[-1], dtype=input.dtype, device=input.device)
        return input.clone(memory_format=_C.contiguous_format).copy_(eye)
    if n < 0:
        input, n = _C._linalg.inv(input), -n
    if n == 1:
        return input.clone()
    result = None
    while True:  # the binary digits of n
        if n & 1:
            result = input if result is None else result @ input
        n >>= 1
        if n == 0:
            return result
        input = input @ input


@composite("linalg", out="tensorinv")
def tensorinv(input, ind=2):
    """The inverse of a tensor seen as a matrix of its first ``ind`` dimensions by the others."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    before, after = input.shape[:ind], input.shape[ind:]
    if prod(before) != prod(after):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
            f"but got {prod(after)} != {prod(before)}"
        )
    inverse, info = _C._linalg.inv_ex(input.reshape(prod(after), prod(before)))
    if info.numel() and info.device.type != "meta" and not _C._is_batched(info) and info.item():
        raise _C._LinAlgError(
            f"inv: The diagonal element {info.item()} is zero, the inversion could not be completed because "
            "the input matrix is singular."
        )
    return inverse.reshape(*after, *before)


@composite("linalg", out="tensorsolve")
def tensorsolve(input, other, dims=None):
    """Solves ``tensordot(input, X, X.dim()) == other`` for X, after moving ``dims`` of input to its end."""
    if dims is not None:
        dims = (dims,) if isinstance(dims, int) else tuple(dims)
        input = input.movedim(dims, tuple(range(input.dim() - len(dims), input.dim())))
    shape = input.shape[other.dim() :]
    if prod(shape) != other.numel():
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {prod(shape)} != {other.numel()}"
        )
    flat = other.flatten() if other.dim() else other.reshape(1)
    return _C._linalg.solve(input.reshape(prod(shape), prod(shape)), flat).reshape(shape)


@composite("linalg")
def vander(x, N=None):
    """Powers ``0 .. N - 1`` of the last dimension's elements, as a new last dimension of length N."""
    if x.dtype == _C.bool:
        raise RuntimeError(
            "linalg.vander supports floating point, complex, and integer tensors, "
            f"but got {type_name(x.dtype)}"
        )
    columns = N if N is not None else x.shape[-1] if x.dim() else 1
    if columns <= 1:
        raise RuntimeError("N must be greater than 1.")
    if str(x.dtype) in ("torch.float16", "torch.bfloat16"):
        kind = type_name(x.dtype)
        raise RuntimeError(
            f"linalg.vander supports floating point, complex, and integer tensors, but got {kind}"
        )
    x = x.reshape(1) if x.dim() == 0 else x
    base = x if x.is_floating_point() or x.is_complex() else x.to(_C.int64)
    powers = base.unsqueeze(-1).expand(*x.shape, columns - 1).cumprod(-1)
    return _C._functions.cat([powers.new_ones((*x.shape, 1)), powers], -1)


@composite("linalg", out="linalg.vecdot: Expected out of dtype{} but found {}")
def vecdot(x, y, *, dim=-1):
    """Sums of ``conj(x) * y`` along a dimension; the other dimensions broadcast."""
    require_inexact("linalg.vecdot", x)
    if x.dtype != y.dtype:
        raise RuntimeError(
            "linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
            f"{type_name(x.dtype)} and y of type {type_name(y.dtype)} instead"
        )
    if x.dim() == y.dim() == 1:
        return _C._functions.vdot(x, y)
    return (x.conj() * y).sum(dim)


@composite("linalg")
def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """The diagonals of matrices, a view; ``dim1`` and ``dim2`` are the matrices' dimensions."""
    return A.diagonal(offset, dim1, dim2)


@composite("torch", "Tensor")
def lu(input, pivot=True, get_infos=False, out=None):
    """LU factors in one matrix and the pivots (and LAPACK's codes): what linalg.lu_factor(_ex) returns."""
    parts = _C._linalg.lu_factor_ex(input, pivot=pivot, check_errors=not get_infos)
    parts = tuple(parts) if get_infos else tuple(parts)[:2]
    if out is None:
        return parts
    if len(out) != len(parts):
        raise TypeError(f"expected tuple of {len(parts)} elements but got {len(out)}")
    return tuple(_C._copy_to_out(o, p, "lu") for o, p in zip(out, parts))


@composite("torch", "Tensor")
def cov(input, *, correction=1, fweights=None, aweights=None):
    """The covariances of variables (rows) over observations (columns).

    ``correction`` is subtracted from the number of observations; ``fweights``: how often each was made (whole
    numbers); ``aweights``: their weights.
    """
    name = "cov()"
    if input.dim() > 2:
        raise RuntimeError(
            f"{name}: expected input to have two or fewer dimensions but got an input with {input.dim()} "
            "dimensions"
        )
    if input.dtype == _C.bool:
        raise RuntimeError(f"{name}: bool dtype is not supported for input")
    rows = input.reshape(1, -1) if input.dim() < 2 else input
    count = rows.shape[1]
    weights = None
    for kind, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        if w.dim() > 1:
            raise RuntimeError(
                f"{name}: expected {kind} to have one or fewer dimensions but got {kind} with "
                f"{w.dim()} dimensions"
            )
        whole = not (w.is_floating_point() or w.is_complex()) and w.dtype != _C.bool
        if kind == "fweights" and not whole:
            raise RuntimeError(
                f"{name}: expected fweights to have integral dtype but got fweights with "
                f"{type_name(w.dtype)} dtype"
            )
        if kind == "aweights" and not w.is_floating_point():
            raise RuntimeError(
                f"{name}: expected aweights to have floating point dtype but got aweights with "
                f"{type_name(w.dtype)} dtype"
            )
        if w.numel() != count:
            raise RuntimeError(
                f"{name}: expected {kind} to have the same numel as there are observations in the input "
                f"but got {w.numel()} != {count}"
            )
        if count and w.device.type != "meta" and not _C._is_batched(w) and w.min().item() < 0:
            raise RuntimeError(f"{name}: {kind} cannot be negative")
        weights = w if weights is None else weights * w
    if not (rows.is_floating_point() or rows.is_complex()):
        rows = rows.to(_C._functions.result_type(rows, 1.0))
    if weights is None:
        total = count
        mean = rows.sum(1, keepdim=True) / count if count else rows.new_full((rows.shape[0], 1), float("nan"))
    else:
        total = weights.sum()
        if count and total.device.type != "meta" and not _C._is_batched(total) and total.item() == 0:
            raise RuntimeError(f"{name}: weights sum to zero, can't be normalized")
        mean = (rows * weights).sum(1, keepdim=True) / total
    away = rows - mean
    if weights is None or correction == 0:
        freedom = total - correction
    elif aweights is None:
        freedom = total - correction
    else:
        freedom = total - correction * (weights * aweights).sum() / total
    if weights is None:
        freedom = max(freedom, 0)
    else:
        freedom = freedom.clamp(min=0)
    spread = away if weights is None else away * weights
    product = spread @ away.mT.conj()
    freedom = freedom if isinstance(freedom, _C.Tensor) else product.real.new_full((), freedom)
    return (product / freedom).squeeze()


@composite("torch", "Tensor")
def corrcoef(input):
    """Pearson's correlation coefficients of variables (rows) over observations (columns)."""
    if input.dim() > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.dim()} dimensions"
        )
    c = cov(input)
    if c.dim() == 0:
        return c / c
    deviations = c.diagonal()
    deviations = (deviations.real if c.is_complex() else deviations).sqrt()
    c = c / deviations.unsqueeze(-1) / deviations.unsqueeze(0)
    if c.is_complex():
        return _C._functions.complex(c.real.clip(-1, 1), c.imag.clip(-1, 1))
    return c.clip(-1, 1)
