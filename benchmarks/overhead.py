"""One operation on small tensors, where one waits for the library and not for the processor."""

from __future__ import annotations

import sys

from side_by_side import Row, run

scalars = "a, b = torch.tensor(2.0), torch.tensor(3.0)"
recorded = "w, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0)"
hundred = "torch.manual_seed(0); x, y = torch.randn(100), torch.randn(100)"
matrix = "x = torch.randn(8, 8)"
loss = """
add, mul = torch.add, torch.mul
w = torch.tensor(1.0, requires_grad=True)
b = torch.tensor(0.5, requires_grad=True)
x, y = torch.tensor([1.4]), torch.tensor([2.1])
def step():
    z = add(mul(w, x), b)
    ((y - z).pow(2).sum()).backward()
def forward():
    z = add(mul(w, x), b)
    return (y - z).pow(2).sum()
"""
linear = "layer = torch.nn.Linear(8, 8); x = torch.randn(1, 8)"

ROWS = [
    Row("`a + b`, 0-dim float32", "a + b", scalars, 20),
    Row("`w + b`, one requires grad", "w + b", recorded, 18),
    Row("`torch.mul(x, 2)`, 100 elements", "mul(x, 2)", hundred + "; mul = torch.mul", 20),
    Row("`x * y`, 100 elements", "x * y", hundred, 12),
    Row("`torch.exp(x)`, 100 elements", "exp(x)", hundred + "; exp = torch.exp", 9),
    Row("`x.sum()`, 100 elements", "x.sum()", hundred, 12),
    Row("`x[3]`", "x[3]", hundred, 10),
    Row("`x[1:3, ::2]`", "x[1:3, ::2]", matrix, 10),
    Row("`x.view(4, 16).t()`", "x.view(4, 16).t()", "x = torch.randn(64)", 10),
    Row(
        "`torch.cat([v, u])`, 8 and 8 elements",
        "cat([v, u])",
        "v, u = torch.randn(8), torch.randn(8); cat = torch.cat",
        10,
    ),
    Row("`z = add(mul(w, x), b); ((y - z).pow(2).sum()).backward()`", "step()", loss, 50),
    Row("the same without `backward()`", "forward()", loss),
    Row("`nn.Linear(8, 8)` forward, one row", "layer(x)", linear, 15),
    Row("`matmul`, 16x16", "m @ n", "m, n = torch.randn(16, 16), torch.randn(16, 16)", 8),
    Row("`x.add_(y)`, 100 elements", "x.add_(y)", hundred),
    Row("`m + row`, 4x4 and 4", "m + row", "m, row = torch.randn(4, 4), torch.randn(4)"),
    Row("`a.item()`", "a.item()", scalars),
    Row("`torch.tensor([1.0, 2.0, 3.0])`", "torch.tensor([1.0, 2.0, 3.0])"),
    Row("`torch.zeros(3)`", "zeros(3)", "zeros = torch.zeros"),
    Row("`F.softmax(x, dim=1)`, 8x8", "F.softmax(x, dim=1)", matrix),
]

if __name__ == "__main__":
    sys.exit(run("overhead", "Overhead per operation", __doc__, ROWS, rounds=9, seconds=0.02))
