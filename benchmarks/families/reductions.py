"""Folds and running folds. Planes are ten times as high as they are wide: 10000x1000 at the large size."""

from . import Case

one = "torch.manual_seed(0); x = torch.rand(n) * 4 - 2"
plane = "m = int((n * 10) ** 0.5) // 10 or 1; torch.manual_seed(0); x = torch.rand(n // m, m)"

CASES = [
    Case("sum", "x.sum()", one, bar=0.9),
    Case("sum(0)", "x.sum(0)", plane, bar=0.9),
    Case("sum(1)", "x.sum(1)", plane, bar=0.9),
    Case("int64 sum(0)", "x.sum(0)", plane + "; x = (x * 100).long()"),
    Case("bfloat16 sum(1)", "x.sum(1)", plane + "; x = x.bfloat16()"),
    Case("x.t().sum(1)", "y.sum(1)", plane + "; y = x.t()"),
    Case("mean((0, 2)), 3-d", "x.mean((0, 2))", "torch.manual_seed(0); x = torch.rand(20, 5, n // 100)"),
    Case("prod(1)", "x.prod(1)", plane),
    Case("amax(1)", "x.amax(1)", plane),
    Case("amax(0)", "x.amax(0)", plane),
    Case("max(1)", "x.max(1)", plane),
    Case("max(0)", "x.max(0)", plane),
    Case("argmax", "x.argmax()", one),
    Case("argmin(1)", "x.argmin(1)", plane),
    Case("aminmax", "torch.aminmax(x)", one),
    Case("all", "x.all()", one + "; x = x > -3"),
    Case("any(1)", "x.any(1)", plane + "; x = x > 3"),
    Case("count_nonzero", "torch.count_nonzero(x)", one),
    Case("var(1)", "x.var(1)", plane),
    Case("std(0)", "x.std(0)", plane),
    Case("var_mean", "torch.var_mean(x)", one),
    Case("norm", "x.norm()", one),
    Case("norm(dim=1)", "x.norm(dim=1)", plane),
    Case("norm(p=1, dim=0)", "x.norm(p=1, dim=0)", plane),
    Case("logsumexp(1)", "x.logsumexp(1)", plane),
    Case("nansum", "x.nansum()", one),
    Case("equal", "torch.equal(x, y)", one + "; y = x.clone()"),
    Case("allclose", "torch.allclose(x, y)", one + "; y = x.clone()"),
    Case("cumsum(1)", "x.cumsum(1)", plane),
    Case("cumsum(0)", "x.cumsum(0)", plane),
    Case("cumsum, one row", "x.cumsum(0)", one),
    Case("cumprod(1)", "x.cumprod(1)", plane),
    Case("cummax(1)", "x.cummax(1)", plane),
    Case("logcumsumexp(1)", "x.logcumsumexp(1)", plane),
    Case("diff", "torch.diff(x)", plane),
]
