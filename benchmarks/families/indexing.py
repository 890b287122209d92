"""Reading and writing through indices."""

from . import Case

one = "torch.manual_seed(0); x = torch.rand(n); i = torch.randint(0, n, (n,)); y = torch.rand(n)"
plane = (
    "m = int((n * 10) ** 0.5) // 10 or 1; r = n // m; torch.manual_seed(0); x = torch.rand(r, m); "
    "y = torch.rand(r, m)"
)
along = plane + "; i = torch.randint(0, m, (r, m))"
down = plane + "; i = torch.randint(0, r, (r, m))"
some = plane + "; i = torch.randint(0, r, (r,))"
table = (
    "torch.manual_seed(0); w = torch.rand(n // 100, 100, requires_grad=True); "
    "i = torch.randint(0, n // 100, (n // 100,))"
)

CASES = [
    Case("gather(1)", "x.gather(1, i)", along),
    Case("gather(0)", "x.gather(0, i)", down),
    Case("scatter(1)", "x.scatter(1, i, y)", along),
    Case("scatter_add(1)", "x.scatter_add(1, i, y)", along),
    Case("scatter_add(0)", "x.scatter_add(0, i, y)", down),
    Case("scatter_reduce(amax)", "x.scatter_reduce(1, i, y, 'amax')", along),
    Case("index_select(0)", "x.index_select(0, i)", some),
    Case("index_select(1)", "x.index_select(1, j)", plane + "; j = torch.randint(0, m, (m,))"),
    Case("index_add(0)", "x.index_add(0, i, y)", some),
    Case("index_copy(0)", "x.index_copy(0, i, y)", some),
    Case("index_fill(0)", "x.index_fill(0, i, 1.0)", some),
    Case("x[i]", "x[i]", one),
    Case("x[rows]", "x[i]", some),
    Case("x[:, columns]", "x[:, j]", plane + "; j = torch.randint(0, m, (m,))"),
    Case("x[i, j]", "x[i, j]", some + "; j = torch.randint(0, m, (r,))"),
    Case("x[mask]", "x[c]", one + "; c = x > 0.5"),
    Case("x[mask] = 0", "x[c] = 0", one + "; c = x > 0.5"),
    Case("x[i] = y", "x[i] = y", one),
    Case("index_put(accumulate)", "x.index_put((i,), y, accumulate=True)", one),
    Case("take", "x.take(i)", one),
    Case("take_along_dim", "torch.take_along_dim(x, i, 1)", along),
    Case("masked_fill", "x.masked_fill(c, 0.0)", one + "; c = x > 0.5"),
    Case("masked_select", "x.masked_select(c)", one + "; c = x > 0.5"),
    Case("nonzero", "torch.nonzero(c)", one + "; c = x > 0.5"),
    Case("embedding", "F.embedding(i, w)", table),
    Case("embedding, forward and backward", "F.embedding(i, w).sum().backward()", table),
]
