"""Factors of low rank by random projection."""

from __future__ import annotations

from .. import _C
from . import composite
from .linalg_norms import require_matrix


def _range(a, q, niter, shift):
    """q orthonormal columns that nearly span the range of a - shift.

    Halko, Martinsson and Tropp, "Finding structure with randomness: probabilistic algorithms for constructing
    approximate matrix decompositions" (2011), algorithms 4.4 and 5.1.
    """
    linalg = _C._linalg
    start = _C._functions.randn(a.shape[-1], q, dtype=a.dtype, device=a.device)

    def times(x):
        return a @ x if shift is None else a @ x - shift @ x

    def adjoint_times(x):
        return a.mH @ x if shift is None else a.mH @ x - shift.mH @ x

    basis = linalg.qr(times(start)).Q
    for _ in range(niter):
        basis = linalg.qr(adjoint_times(basis)).Q
        basis = linalg.qr(times(basis)).Q
    return basis


@composite("torch")
def svd_lowrank(A, q=6, niter=2, M=None):
    """Singular values and vectors of a matrix (or batch) of low rank: ``(U, S, V)`` with q columns.

    Args:
        q: a little more than the rank.
        niter: power iterations; more where singular values fall slowly.
        M: a matrix that is subtracted from A first, of a shape that broadcasts with it.

    The method is Halko, Martinsson and Tropp's (2011), algorithm 5.1. Random numbers come from the default
    generator.
    """
    require_matrix("svd_lowrank", A)
    rows, columns = A.shape[-2:]
    shift = None if M is None else M.broadcast_to(A.shape)
    flipped = rows < columns
    if flipped:
        A, shift = A.mH, None if shift is None else shift.mH
    basis = _range(A, q, niter, shift)
    small = basis.mH @ A if shift is None else basis.mH @ (A - shift)
    u, s, vh = _C._linalg.svd(small, full_matrices=False)
    u, v = basis @ u, vh.mH
    return (v, s, u) if flipped else (u, s, v)


@composite("torch")
def pca_lowrank(A, q=None, center=True, niter=2):
    """The leading q principal components of the rows of A: ``(U, S, V)``, as svd_lowrank's.

    ``center``: subtract the mean of each column first. q: by default min(6, rows, columns).
    """
    require_matrix("pca_lowrank", A)
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if not center:
        return svd_lowrank(A, q, niter)
    return svd_lowrank(A - A.mean(-2, keepdim=True), q, niter)
