"""Sorting and searching."""

from . import Case

SIZES = (1_000, 100_000, 1_000_000)
one = "torch.manual_seed(0); x = torch.rand(n)"
rows = "m = min(n // 10, 1000); torch.manual_seed(0); x = torch.rand(n // m, m)"

CASES = [
    Case("sort", "torch.sort(x)", one, SIZES),
    Case("stable descending sort", "torch.sort(x, stable=True, descending=True)", one, SIZES),
    Case("int64 sort", "torch.sort(x)", one + "; x = (x * 1e9).long()", SIZES),
    Case("sort(1), many rows", "x.sort(1)", rows),
    Case("sort(0)", "x.sort(0)", rows, SIZES),
    Case("argsort(1), rows of 10", "x.argsort(1)", "torch.manual_seed(0); x = torch.rand(n // 10, 10)"),
    Case("topk(10) of rows", "x.topk(10)", rows),
    Case("topk(100), one row", "x.topk(100)", one),
    Case("kthvalue", "x.kthvalue(n // 2)", one, SIZES),
    Case("median(1)", "x.median(1)", rows, SIZES),
    Case("mode(1)", "x.mode(1)", rows + "; x = (x * 50).floor()", SIZES),
    Case("unique", "torch.unique(x)", one + "; x = (x * 1000).long()", SIZES),
    Case("searchsorted", "torch.searchsorted(s, x)", one + "; s = torch.linspace(0, 1, 1000)", SIZES),
    Case("bucketize", "torch.bucketize(x, s)", one + "; s = torch.linspace(0, 1, 100)", SIZES),
    Case("isin", "torch.isin(x, s)", one + "; x = (x * n).long(); s = x[:100]", SIZES),
    Case("bincount", "torch.bincount(x)", one + "; x = (x * 1000).long()", SIZES),
    Case("histc", "torch.histc(x, 100)", one, SIZES),
    Case("quantile", "torch.quantile(x, 0.3)", one, SIZES),
]
