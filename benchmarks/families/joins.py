"""Moving elements: joins, repeats, reversals, transpositions; creation and random numbers."""

from . import Case

one = "torch.manual_seed(0); x = torch.rand(n)"
plane = "m = int((n * 10) ** 0.5) // 10 or 1; torch.manual_seed(0); x = torch.rand(n // m, m)"
side = "m = int(n**0.5); torch.manual_seed(0); x = torch.rand(m, m)"

CASES = [
    Case("cat(0)", "torch.cat([a, b])", "a = torch.rand(n // 2); b = torch.rand(n // 2)"),
    Case("cat(1)", "torch.cat([x, x], 1)", plane + "; x = x[: n // m // 2]"),
    Case("stack(0)", "torch.stack([x, x, x, x])", "x = torch.rand(n // 4)"),
    Case("stack(-1)", "torch.stack([x, x, x, x], -1)", "x = torch.rand(n // 4)"),
    Case("flip", "x.flip(0, 1)", plane),
    Case("roll", "x.roll(3, 1)", plane),
    Case("rot90", "x.rot90()", side),
    Case("repeat", "x.repeat(4, 2)", plane + "; x = x[: max(n // m // 8, 1)]"),
    Case("repeat_interleave", "x.repeat_interleave(4)", "x = torch.rand(n // 4)"),
    Case("tril", "x.tril()", side),
    Case("x.t().contiguous()", "x.t().contiguous()", plane),
    Case(
        "permute(2, 0, 1), 3-d",
        "x.permute(2, 0, 1).contiguous()",
        plane + "; x = x.reshape(-1, 10, m // 10 or 1)",
    ),
    Case("x[:, ::2].contiguous()", "x[:, ::2].contiguous()", plane),
    Case("clone", "x.clone()", one),
    Case("fill_", "x.fill_(1.0)", one),
    Case("zeros", "torch.zeros(n)", "n = n"),
    Case("arange", "torch.arange(n)", "n = n"),
    Case("rand", "torch.rand(n)", "torch.manual_seed(0)"),
    Case("randn", "torch.randn(n)", "torch.manual_seed(0)"),
    Case("randperm", "torch.randperm(n)", "torch.manual_seed(0)", (1_000, 100_000, 1_000_000)),
]
