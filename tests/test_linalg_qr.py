"""torch.linalg.qr: the factors multiply to the matrix, Q is orthonormal, R is triangular."""

from __future__ import annotations

import pytest

import facula as t

pytest.importorskip("scipy_openblas32")

SHAPES = [(5, 3), (3, 5), (4, 4), (1, 1), (2, 5, 3), (2, 3, 3, 4), (0, 3), (3, 0), (2, 0, 3)]


@pytest.mark.parametrize("mode", ["reduced", "complete"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", SHAPES)
def test_factors(shape, dtype, mode):
    t.manual_seed(1)
    a = t.randn(*shape, dtype=getattr(t, dtype))
    q, r = t.linalg.qr(a, mode)
    rows, columns = shape[-2:]
    inner = rows if mode == "complete" else min(rows, columns)
    assert tuple(q.shape) == (*shape[:-2], rows, inner)
    assert tuple(r.shape) == (*shape[:-2], inner, columns)
    tolerance = 1e-5 if dtype in ("float32", "complex64") else 1e-13
    near = [x - y for x, y in zip(flat(q @ r), flat(a), strict=True)]
    one = flat(q.transpose(-2, -1).conj() @ q)
    near += [x - (i % inner == i // inner % inner) for i, x in enumerate(one)]
    below = [x for i, x in enumerate(flat(r)) if i // columns % inner > i % columns]
    assert all(abs(x) < tolerance for x in near) and not any(below)


def flat(x) -> list:
    return x.reshape(-1).tolist()


def test_triangle_alone():
    a = t.randn(4, 3)
    q, r = t.linalg.qr(a, mode="r")
    assert tuple(q.shape) == (0,)
    assert r.tolist() == t.linalg.qr(a).R.tolist()


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: t.linalg.qr(t.ones(3)), RuntimeError, "must have at least 2 dimensions"),
        (
            lambda: t.linalg.qr(t.ones(3, 3).long()),
            RuntimeError,
            "Expected a floating point or complex tensor",
        ),
        (lambda: t.linalg.qr(t.ones(3, 3), "x"), RuntimeError, "unrecognized mode 'x'"),
        (lambda: t.linalg.qr(t.ones(3, 3).half()), NotImplementedError, "geqrf_cpu"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_orthogonal_start_values():
    w = t.nn.init.orthogonal_(t.empty(3, 6))
    for i, row in enumerate((w @ w.t()).tolist()):
        assert row == pytest.approx([float(i == j) for j in range(3)], abs=1e-5)
