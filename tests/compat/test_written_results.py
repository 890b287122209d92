"""Results that are written to in place before the backward: `x = pool(x); x += position; loss.backward()`.

Whether that is allowed depends on whether an operation's gradient reads the result. Where PyTorch allows it,
facula does.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from op_table import TABLE  # noqa: E402
from op_tools import callables, is_tensor, leaves  # noqa: E402

import facula  # noqa: E402

# These keep their result where PyTorch keeps its input.
KNOWN = {"scaled_dot_product_attention"}


def outcome(library, op, sample):
    """None where the write and the backward work, or the error; "" where there is nothing to write to."""
    args, kwargs = sample.build(library, "float64", op.domain)
    tensors = [a for a in leaves(args) if is_tensor(a) and a.is_floating_point()]
    for a in tensors:
        a.requires_grad_()
    try:
        result = callables(library, op, sample)[0][1](*args, **kwargs)
    except Exception:
        return ""
    made = [r for r in leaves(result) if is_tensor(r) and r.requires_grad]
    if not made:
        return ""
    try:
        for r in made:
            r.add_(1)
        sum(r.abs().sum() for r in made).backward()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("op", [op for op in TABLE.values() if op.grad], ids=lambda op: op.name)
def test_results_may_be_written_to(op):
    if op.name in KNOWN:
        pytest.xfail("keeps its result")
    for sample in op.samples:
        if not sample.grad:
            continue
        expected = outcome(torch, op, sample)
        if expected is None:
            assert outcome(facula, op, sample) is None, sample
