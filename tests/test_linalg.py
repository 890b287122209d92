"""torch.linalg where results are not unique: what was factored comes back; errors; several threads."""

from __future__ import annotations

import pytest

import facula as t

pytest.importorskip("scipy_openblas32")

TYPES = ["float32", "float64", "complex64", "complex128"]
types = pytest.mark.parametrize("dtype", TYPES)
SHAPES = [(4, 4), (5, 3), (3, 5), (2, 4, 4), (1, 1), (0, 3, 3)]


def near(a, b, dtype) -> bool:
    tolerance = 3e-5 if dtype in ("float32", "complex64") else 1e-12
    return a.shape == b.shape and bool(((a - b).abs() <= tolerance).all())


def sample(shape, dtype):
    t.manual_seed(1)
    return t.randn(*shape, dtype=getattr(t, dtype))


@types
@pytest.mark.parametrize("shape", SHAPES)
def test_svd(shape, dtype):
    a = sample(shape, dtype)
    u, s, vh = t.linalg.svd(a, full_matrices=False)
    assert near(u * s.unsqueeze(-2) @ vh, a, dtype)
    full = t.linalg.svd(a)
    assert full.U.shape[-2:] == (shape[-2], shape[-2]) and full.Vh.shape[-2:] == (shape[-1], shape[-1])
    u, s, v = t.svd(a)
    assert near(u * s.unsqueeze(-2) @ v.mH, a, dtype)


@types
@pytest.mark.parametrize("part", ["L", "U"])
def test_eigh(dtype, part):
    a = sample((3, 4, 4), dtype)
    a = a + a.mH
    w, v = t.linalg.eigh(a, part)
    assert near(v * w.unsqueeze(-2) @ v.mH, a, dtype) and not w.is_complex()


@types
def test_eig(dtype):
    a = sample((3, 5, 5), dtype)
    w, v = t.linalg.eig(a)
    assert near(a.to(v.dtype) @ v, v * w.unsqueeze(-2), dtype)


@types
def test_low_rank(dtype):
    a = sample((30, 3), dtype) @ sample((3, 20), dtype)
    for x in (a, a.mH):
        u, s, v = t.svd_lowrank(x, 5)
        assert near(u * s @ v.mH, x, dtype) if "64" in dtype[-3:] else True
    u, s, v = t.pca_lowrank(a, 4)
    assert u.shape == (30, 4) and s.shape == (4,) and v.shape == (20, 4)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("general", [True, False])
def test_lobpcg(largest, general):
    half = t.randn(2, 9, 9, dtype=t.float64)
    a, b = half @ half.mT, t.eye(9, dtype=t.float64) * 2 + half.mT @ half
    b = b if general else None
    e, u = t.lobpcg(a, 3, B=b, largest=largest)
    assert t.allclose(a @ u, (u if b is None else b @ u) * e.unsqueeze(-2))
    assert t.allclose(u.mT @ (u if b is None else b @ u), t.eye(3, dtype=t.float64))
    assert t.equal(e, e.sort(-1, descending=largest).values)
    if b is None:
        every = t.linalg.eigvalsh(a)
        assert t.allclose(e, every.flip(-1)[:, :3] if largest else every[:, :3])
    leaf = a[0].clone().requires_grad_()
    assert t.autograd.gradcheck(lambda m: t.lobpcg(m + m.T, 2, largest=largest)[0], leaf)
    assert t.allclose(t.lobpcg(a[0].to_sparse(), 1)[0], t.lobpcg(a[0])[0])
    with pytest.raises(ValueError, match="smaller than 3 x the number of requested eigenpairs"):
        t.lobpcg(a, 4)
    with pytest.raises(AssertionError, match="A must be square"):
        t.lobpcg(a[:, :5])
    with pytest.raises(NotImplementedError, match="tracker"):
        t.lobpcg(a, 1, tracker=print)


NAN = t.full((3, 3), float("nan"))
SINGULAR = t.zeros(2, 3, 3)
SINGULAR[0] = t.eye(3)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: t.linalg.inv(SINGULAR), r"linalg.inv: \(Batch element 1\): The diagonal element 1 is zero"),
        (lambda: t.linalg.cholesky(SINGULAR), r"linalg.cholesky: \(Batch element 1\): The factorization"),
        (lambda: t.linalg.solve(SINGULAR[1], t.ones(3)), "torch.linalg.solve: The solver failed"),
        (lambda: t.linalg.svd(NAN), "contained non-finite values"),
    ],
)
def test_singular(call, text):
    with pytest.raises(t.linalg.LinAlgError, match=text):
        call()


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: t.linalg.eig(NAN), RuntimeError, "should not contain infs or NaNs"),
        (lambda: t.linalg.inv(t.ones(3, 4)), RuntimeError, "must be batches of square matrices"),
        (lambda: t.linalg.inv(t.ones(3, 3).long()), RuntimeError, "Expected a floating point or complex"),
        (lambda: t.linalg.det(t.ones(3, 3).half()), NotImplementedError, "lu_cpu"),
        (
            lambda: t.linalg.lu_solve(t.eye(3), t.tensor([1, 2, 9], dtype=t.int32), t.eye(3)),
            RuntimeError,
            "Pivots given to lu_solve",
        ),
        (
            lambda: t.lu_unpack(t.eye(3), t.tensor([1, 2, 9], dtype=t.int32)),
            RuntimeError,
            "pivots passed to lu_unpack",
        ),
        (
            lambda: t.linalg.ldl_solve(t.eye(3), t.tensor([7, -2, 3], dtype=t.int32), t.eye(3)),
            RuntimeError,
            "pivots",
        ),
        (
            lambda: t.linalg.lstsq(NAN, t.ones(3), driver="gelsd"),
            RuntimeError,
            "NaN",
        ),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def by_threads(calls):
    """What the calls return with one thread and with three."""
    before = t.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            t.set_num_threads(threads)
            results.append([call() for call in calls])
    finally:
        t.set_num_threads(before)
    return results


def test_threads():
    a = sample((2000, 5, 5), "float32")
    calls = [t.linalg.inv, t.linalg.svdvals, t.linalg.eigvalsh, lambda x: t.linalg.qr(x).Q]
    one, three = by_threads([lambda call=call: call(a) for call in calls])
    assert all(t.equal(x, y) for x, y in zip(one, three, strict=True))


@types
@pytest.mark.parametrize("shape", [(200, 200), (260, 200), (200, 460)])
def test_blocks(shape, dtype):
    """A large matrix is factored block by block on all threads: the same bits, and what was factored."""
    a = sample(shape, dtype)
    k = min(shape)
    square = a[:k, :k] + 2 * k**0.5 * t.eye(k, dtype=a.dtype)
    definite = square @ square.mH
    b = sample((k, 150), dtype)
    calls = [
        lambda: t.linalg.lu(a)[0] @ t.linalg.lu(a)[1] @ t.linalg.lu(a)[2],
        lambda: t.linalg.qr(a).Q @ t.linalg.qr(a).R,
        lambda: t.ormqr(*t.geqrf(square), t.linalg.qr(square).R),
        lambda: square @ t.linalg.solve(square, b),
        lambda: square @ t.linalg.lstsq(square, b).solution,
        lambda: t.linalg.cholesky(definite) @ t.linalg.cholesky(definite).mH / k,
        lambda: t.linalg.cholesky(definite, upper=True).mH @ t.linalg.cholesky(definite, upper=True) / k,
        lambda: square.triu() @ t.linalg.solve_triangular(square, b, upper=True),
    ]
    expected = [a, a, square, b, b, definite / k, definite / k, b]
    one, three = by_threads(calls)
    for x, y, known in zip(one, three, expected, strict=True):
        assert t.equal(x, y)
        assert (x - known).abs().max() <= (1e-3 if dtype in ("float32", "complex64") else 1e-11)


def test_names():
    assert type(t.linalg.svd(t.eye(2))).__name__ == "linalg_svd"
    assert type(t.svd(t.eye(2))).__name__ == "svd"
    assert t.return_types.linalg_slogdet is type(t.linalg.slogdet(t.eye(2)))
    assert issubclass(t.linalg.LinAlgError, RuntimeError)
