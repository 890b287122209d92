"""Large tensors: 10,000,000 float32 elements, and matrix products. Both libraries use every core there is."""

from __future__ import annotations

import sys
from types import ModuleType

from side_by_side import Row, namespace, run

N = 10_000_000
one = f"torch.manual_seed(0); x = torch.rand({N}) * 4 - 2"
two = one + f"; y = torch.rand({N})"
plane = "torch.manual_seed(0); x = torch.rand(10000, 1000)"


def product(n: int, dtype: str) -> Row:
    setup = f"m, n = torch.rand({n}, {n}, dtype=torch.{dtype}), torch.rand({n}, {n}, dtype=torch.{dtype})"
    return Row(f"`matmul` {n}x{n} {dtype}", "m @ n", setup, 1.0)


ROWS = [
    Row("`x + y`", "x + y", two, 2.5),
    Row("`torch.exp(x)`", "torch.exp(x)", one, 2.5),
    Row("`torch.tanh(x)`", "torch.tanh(x)", one, 2.5),
    Row("`x * x * 3 + x * 2 - 1`", "x * x * 3 + x * 2 - 1", one, 2.5),
    Row("`x.sum()`", "x.sum()", one, 0.9),
    Row("`x.sum(0)`, 10000x1000", "x.sum(0)", plane, 0.9),
    Row("`x.sum(1)`, 10000x1000", "x.sum(1)", plane, 0.9),
    product(512, "float32"),
    product(2048, "float32"),
    product(512, "float64"),
    product(2048, "float64"),
    Row("`x.add_(y)`", "x.add_(y)", two),
    Row("`torch.sigmoid(x)`", "torch.sigmoid(x)", one),
    Row("`x > 0`", "x > 0", one),
    Row("`x.t().contiguous()`, 10000x1000", "x.t().contiguous()", plane),
    Row("`torch.randn(10_000_000)`", f"torch.randn({N})"),
    Row("`x.max(1)`, 10000x1000", "x.max(1)", plane),
    Row("`torch.softmax(x, 1)`, 10000x1000", "torch.softmax(x, 1)", plane),
    Row("`torch.sort(x)`, 1,000,000", "torch.sort(x)", "torch.manual_seed(0); x = torch.rand(1_000_000)"),
]


def same_bits(modules: dict[str, ModuleType], rows: list[Row]) -> str:
    """Whether each row's result is the same, bit for bit, with one thread and with two."""
    different = {name: [] for name in modules}
    for row in rows:
        for name, torch in modules.items():
            if row.failed or row.what.startswith(("`x.add_", "`torch.randn")):  # change their state
                continue
            space, results = namespace(row, torch), []
            threads = torch.get_num_threads()
            for n in (1, 2):
                torch.set_num_threads(n)
                result = eval(row.statement, space)
                results.append(result if isinstance(result, torch.Tensor) else result[0])
            torch.set_num_threads(threads)
            if not torch.equal(*results):
                different[name].append(row.what)
    lines = [f"{name}: {', '.join(rows) or 'none'}" for name, rows in different.items()]
    return "Results that differ between one thread and two. " + "; ".join(lines) + "."


if __name__ == "__main__":
    sys.exit(
        run("kernels", "Large tensors", __doc__, ROWS, rounds=5, seconds=0.15, pause=0.05, after=same_bits)
    )
