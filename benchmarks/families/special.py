"""Special functions."""

from . import Case

SIZES = (1_000, 100_000, 2_000_000)
x = "torch.manual_seed(0); x = torch.rand(n) * 3 + 0.1"
inside = "torch.manual_seed(0); x = torch.rand(n) * 1.8 - 0.9"

CASES = [
    Case("erf", "torch.erf(x)", x, SIZES),
    Case("erfinv", "torch.erfinv(x)", inside, SIZES),
    Case("lgamma", "torch.lgamma(x)", x, SIZES),
    Case("digamma", "torch.digamma(x)", x, SIZES),
    Case("i0", "torch.i0(x)", x, SIZES),
    Case("special.i1e", "torch.special.i1e(x)", x, SIZES),
    Case("special.ndtri", "torch.special.ndtri(x)", "torch.manual_seed(0); x = torch.rand(n)", SIZES),
    Case("special.zeta", "torch.special.zeta(x + 1.5, x)", x, (1_000, 20_000, 200_000)),
    Case("sinc", "torch.sinc(x)", x, SIZES),
    Case("xlogy", "torch.xlogy(x, x)", x, SIZES),
]
