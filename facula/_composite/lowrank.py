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


@composite("torch")
def lobpcg(
    A,
    k=None,
    B=None,
    X=None,
    n=None,
    iK=None,
    niter=None,
    tol=None,
    largest=None,
    method=None,
    tracker=None,
    ortho_iparams=None,
    ortho_fparams=None,
    ortho_bparams=None,
):
    """The k largest (or smallest) eigenvalues of a symmetric matrix (or batch), with vectors: ``(E, U)``.

    Computed from the whole decomposition (`linalg.eigh`), to full accuracy: what steers PyTorch's iteration
    (`X`, `iK`, `niter`, `tol`, `method` and the parameters of its orthogonalisation) changes nothing.

    Args:
        A: (..., m, m), symmetric; may be sparse.
        k: how many, by default as many as X has columns, or 1; at most m / 3.
        B: (..., m, m), symmetric positive definite: eigenvalues of A U = B U E.
        X: (..., m, k) vectors that PyTorch starts from; its shape counts.
        largest: largest eigenvalues first (by default), or smallest first.

    Returns:
        ``(E, U)`` of shapes (..., k) and (..., m, k); the columns of U are orthonormal, in the product of B.

    Raises:
        AssertionError: A is not square, or B or X does not fit it.
        ValueError: m is smaller than 3k.
        RuntimeError: A holds whole numbers.
    """
    if tracker is not None:
        raise NotImplementedError("lobpcg(): there are no iterations that a tracker could follow")
    if not (A.is_floating_point() or A.is_complex()):
        raise RuntimeError(f"lobpcg(): expected a matrix of floating point numbers, but got {A.dtype}")
    A, B = (t.to_dense() if t is not None and t.is_sparse else t for t in (A, B))
    if A.dim() < 2 or A.shape[-2] != A.shape[-1]:
        raise AssertionError(f"A must be square, got shape {A.shape}")
    if B is not None and A.shape != B.shape:
        raise AssertionError(f"A and B must have same shape, got {A.shape} vs {B.shape}")
    m = A.shape[-1]
    k = (1 if X is None else X.shape[-1]) if k is None else k
    columns = (k if n is None else n) if X is None else X.shape[-1]
    if m < 3 * columns:
        raise ValueError(
            f"LOBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the "
            f"number of requested eigenpairs (={columns})"
        )
    if X is not None and tuple(X.shape[-2:]) != (m, columns):
        raise AssertionError(f"X shape mismatch: got {X.shape}, expected {(m, columns)}")
    linalg = _C._linalg
    symmetric = (A + A.mH) / 2
    factor = None
    if B is not None:  # A U = B U E with B = L L' is the problem of L^-1 A L^-T
        factor = linalg.cholesky(B)
        half = linalg.solve_triangular(factor, symmetric, upper=False)
        symmetric = linalg.solve_triangular(factor, half.mH, upper=False)
    values, vectors = linalg.eigh(symmetric)
    if largest is None or largest:
        values, vectors = values[..., -k:].flip(-1), vectors[..., -k:].flip(-1)
    else:
        values, vectors = values[..., :k], vectors[..., :k]
    if factor is not None:
        vectors = linalg.solve_triangular(factor.mH, vectors, upper=True)
    return values, vectors
