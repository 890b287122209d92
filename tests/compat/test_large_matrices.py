"""Linear algebra of matrices that are factored block by block, at and around the sizes of the blocks."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

DTYPES = ("float32", "float64", "complex64", "complex128")
SHAPES = ((192, 192), (193, 257), (320, 200), (449, 449), (193, 500))


def random(*shape, dtype):
    generator = torch.Generator().manual_seed(sum(shape))
    theirs = torch.randn(*shape, dtype=getattr(torch, dtype), generator=generator)
    return theirs, facula.from_numpy(theirs.numpy())


def close(ours, theirs):
    tolerance = 2e-3 if theirs.dtype in (torch.float32, torch.complex64) else 1e-9
    ours = torch.from_numpy(ours.resolve_conj().numpy())
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * float(theirs.abs().max()))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_factors(shape, dtype):
    theirs, ours = random(*shape, dtype=dtype)
    lu, pivots = facula.linalg.lu_factor(ours)
    expected, their_pivots = torch.linalg.lu_factor(theirs)
    assert pivots.tolist() == their_pivots.tolist()
    close(lu, expected)
    for mode in ("reduced", "complete"):
        q, r = facula.linalg.qr(ours, mode=mode)
        close(r.abs(), torch.linalg.qr(theirs, mode=mode).R.abs())  # the phases of rows may differ
        close(q @ r, theirs)
        close(q.mH @ q, torch.eye(q.shape[1], dtype=theirs.dtype))
    if not theirs.is_complex():
        for mine, other in zip(facula.geqrf(ours), torch.geqrf(theirs)):
            close(mine, other)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_least_squares(shape, dtype):
    theirs, ours = random(*shape, dtype=dtype)
    for columns in (1, 200):
        b, our_b = random(shape[0], columns, dtype=dtype)
        one, two = facula.linalg.lstsq(ours, our_b), torch.linalg.lstsq(theirs, b)
        assert one.rank.item() == two.rank.item()
        if shape[0] != shape[1]:  # a square random matrix is near to a singular one
            close(one.solution, two.solution)
    low, our_low = random(shape[0], 20, dtype=dtype)
    right, our_right = random(20, shape[1], dtype=dtype)
    one, two = facula.linalg.lstsq(our_low @ our_right, our_b), torch.linalg.lstsq(low @ right, b)
    assert one.rank.item() == two.rank.item() == 20
    close(one.solution, two.solution)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", (191, 256, 321))
def test_systems(n, dtype):
    theirs, _ = random(n, n, dtype=dtype)
    theirs = theirs @ theirs.mH / n + torch.eye(n, dtype=theirs.dtype)
    ours = facula.from_numpy(theirs.resolve_conj().numpy())
    for upper in (False, True):
        close(facula.linalg.cholesky(ours, upper=upper), torch.linalg.cholesky(theirs, upper=upper))
    close(facula.linalg.inv(ours), torch.linalg.inv(theirs))
    close(facula.linalg.slogdet(ours)[1], torch.linalg.slogdet(theirs)[1])
    for columns in (64, 128, 129, 300):
        b, our_b = random(n, columns, dtype=dtype)
        close(facula.linalg.solve(ours, our_b), torch.linalg.solve(theirs, b))
        factors, our_factors = torch.linalg.lu_factor(theirs), facula.linalg.lu_factor(ours)
        close(
            facula.linalg.lu_solve(*our_factors, our_b, adjoint=True),
            torch.linalg.lu_solve(*factors, b, adjoint=True),
        )
        for upper in (False, True):
            for turned in (lambda a: a, lambda a: a.mT, lambda a: a.mH):
                close(
                    facula.linalg.solve_triangular(turned(ours), our_b, upper=upper),
                    torch.linalg.solve_triangular(turned(theirs), b, upper=upper),
                )
                close(
                    facula.linalg.solve_triangular(turned(ours), our_b.mT, upper=upper, left=False),
                    torch.linalg.solve_triangular(turned(theirs), b.mT, upper=upper, left=False),
                )


@pytest.mark.parametrize("left", (True, False))
@pytest.mark.parametrize("transpose", (True, False))
@pytest.mark.parametrize("dtype", DTYPES)
def test_products_with_reflections(left, transpose, dtype):
    theirs, ours = random(300, 210, dtype=dtype)
    for columns in (128, 129):
        b, our_b = random(*((300, columns) if left else (columns, 300)), dtype=dtype)
        factors = facula.geqrf(ours)
        close(
            facula.ormqr(*factors, our_b, left=left, transpose=transpose),
            torch.ormqr(*(torch.from_numpy(f.numpy()) for f in factors), b, left=left, transpose=transpose),
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_codes_of_what_cannot_be_factored(dtype):
    theirs = torch.eye(300, dtype=getattr(torch, dtype)) * 3
    theirs[:100, 100:] = 0.01
    theirs[211, 211] = -2
    ours = facula.from_numpy(theirs.numpy())
    for upper in (False, True):
        codes = [
            library.linalg.cholesky_ex(a, upper=upper).info.item()
            for library, a in ((torch, theirs), (facula, ours))
        ]
        assert codes[0] == codes[1] == 212
    theirs[:, 150] = 0
    ours = facula.from_numpy(theirs.numpy())
    assert (
        facula.linalg.lu_factor_ex(ours).info.item() == torch.linalg.lu_factor_ex(theirs).info.item() == 151
    )
    with pytest.raises(facula.linalg.LinAlgError, match="singular"):
        facula.linalg.solve(ours, ours)
