"""Special functions against mpmath: a few units in the last place, and what happens at the ends."""

from __future__ import annotations

import math

import pytest

import facula as torch

mp = pytest.importorskip("mpmath")
mp.mp.dps = 40
ULP = 2.0**-53


def spread(low: float, high: float, n: int = 60) -> list[float]:
    return [low + (high - low) * ((k * 0.6180339887498949) % 1.0) for k in range(1, n + 1)]


def besseli_scaled(order: int):
    return lambda x: mp.besseli(order, x) * mp.exp(-abs(mp.mpf(x)))


CASES = {
    "erfcx": (lambda x: mp.exp(mp.mpf(x) ** 2) * mp.erfc(x), spread(-20, 30)),
    "ndtr": (mp.ncdf, spread(-37, 5)),
    "log_ndtr": (lambda x: mp.log(mp.erfc(-mp.mpf(x) / mp.sqrt(2)) / 2), spread(-60, 4)),
    "ndtri": (lambda p: mp.sqrt(2) * mp.erfinv(2 * mp.mpf(p) - 1), spread(0.01, 0.99)),
    "i0": (lambda x: mp.besseli(0, x), spread(-20, 700)),
    "i0e": (besseli_scaled(0), spread(-20, 1e4)),
    "i1": (lambda x: mp.besseli(1, x), spread(-20, 700)),
    "i1e": (besseli_scaled(1), spread(-20, 1e4)),
    "modified_bessel_k0": (lambda x: mp.besselk(0, x), spread(0.01, 20)),
    "modified_bessel_k1": (lambda x: mp.besselk(1, x), spread(0.01, 20)),
    "scaled_modified_bessel_k0": (lambda x: mp.besselk(0, x) * mp.exp(x), spread(0.01, 50)),
    "scaled_modified_bessel_k1": (lambda x: mp.besselk(1, x) * mp.exp(x), spread(0.01, 50)),
    "spherical_bessel_j0": (lambda x: mp.sin(x) / x, spread(-1, 100)),
    "airy_ai": (mp.airyai, spread(-2, 80)),
    "digamma": (mp.digamma, spread(0.01, 40)),
    "gammaln": (mp.loggamma, spread(0.01, 0.9) + spread(2.1, 60)),
}


def units(found: float, exact) -> float:
    return float(abs(mp.mpf(found) - exact) / abs(exact)) / ULP


@pytest.mark.parametrize("name", CASES)
def test_digits(name: str) -> None:
    exact, points = CASES[name]
    function = getattr(torch.special, name)
    found = function(torch.tensor(points, dtype=torch.float64)).tolist()
    assert max(units(f, exact(x)) for f, x in zip(found, points)) < 20
    single = torch.tensor(points, dtype=torch.float32)
    wide = single.to(torch.float64)
    expected = function(wide).to(torch.float32)
    assert torch.allclose(function(single), expected, rtol=3e-7, atol=0, equal_nan=True)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_polygamma_and_zeta(order: int) -> None:
    points = spread(0.05, 30)
    found = torch.polygamma(order, torch.tensor(points, dtype=torch.float64)).tolist()
    assert max(units(f, mp.psi(order, x)) for f, x in zip(found, points)) < 20
    far = torch.special.zeta(
        torch.tensor([2.0, 3.0, 4.0]).double(), torch.tensor(-1e9 + 0.5, dtype=torch.float64)
    )
    assert torch.isfinite(far).all()  # and it ends


@pytest.mark.parametrize("a", [1e-5, 0.3, 2.5, 40.0, 900.0, 1e7])
def test_incomplete_gamma(a: float) -> None:
    points = [a * r for r in (0.6, 0.9, 1.0, 1.1)] if a < 1e6 else [a - 5e3, a, a + 5e3]
    x = torch.tensor(points, dtype=torch.float64)
    lower, upper = (f(torch.full_like(x, a), x).tolist() for f in (torch.igamma, torch.igammac))
    if a < 1e6:
        for p, q, z in zip(lower, upper, points):
            assert units(p, mp.gammainc(a, 0, z, regularized=True)) < 400
            assert units(q, mp.gammainc(a, z, mp.inf, regularized=True)) < 400
    assert all(abs(p + q - 1) < 1e-15 for p, q in zip(lower, upper))


def test_ends() -> None:
    inf = math.inf
    x = torch.tensor([0.0, inf, -inf], dtype=torch.float64)
    assert torch.special.erfcx(x).tolist() == [1.0, 0.0, inf]
    assert torch.special.ndtr(x).tolist() == [0.5, 1.0, 0.0]
    assert torch.special.i0e(x).tolist() == [1.0, 0.0, 0.0]
    assert torch.special.ndtri(torch.tensor([0.0, 1.0])).tolist() == [-inf, inf]
    assert torch.special.modified_bessel_k0(x).tolist()[:2] == [inf, 0.0]
    with pytest.raises(RuntimeError, match="negative n"):
        torch.polygamma(-1, torch.ones(2))
    with pytest.raises(RuntimeError, match="p has to be greater"):
        torch.mvlgamma(torch.ones(2), 0)
    with pytest.raises(NotImplementedError, match="erfcx"):
        torch.special.erfcx(torch.ones(2, dtype=torch.float16))


def test_no_gradient() -> None:
    a = torch.tensor([2.0], requires_grad=True)
    with pytest.raises(NotImplementedError, match="the derivative for 'igamma: input' is not implemented"):
        torch.igamma(a, torch.tensor([1.0])).backward()
    with pytest.raises(NotImplementedError, match="the derivative for 'zeta' is not implemented"):
        torch.special.zeta(a, torch.tensor([1.0])).backward()
    assert not torch.special.bessel_j0(a).requires_grad
