"""facula.explain on the graph of every operation of the sample table: its gradients are autograd's, and
central differences agree."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from op_table import TABLE
from op_tools import Op
from test_ops import suitable, wave

import facula as t

# Central differences differ: the derivative is that of a triangular factor, and the samples are none.
TRIANGULAR = {"cholesky_inverse", "cholesky_solve"}


@pytest.mark.parametrize("op", TABLE.values(), ids=lambda op: op.name)
def test_explain(op: Op, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)  # simplification has tests of its own, and takes longer
    for sample in op.samples[:2]:
        f = suitable(op, sample, "float32")
        if f is None or not f.inputs:
            continue
        leaves = [x.detach().clone().requires_grad_() for x in f.inputs]
        try:
            outputs = [y for y in f(*leaves) if y.requires_grad]
        except RuntimeError:  # refuses operands that require a gradient
            continue
        if not outputs:
            continue
        parts = [y * wave(y, 0.2) for y in outputs]
        loss: Any = sum(p.real.sum() if p.is_complex() else p.sum() for p in parts)
        try:
            wanted = t.autograd.grad(loss, leaves, allow_unused=True, retain_graph=True)
        except (RuntimeError, NotImplementedError):
            continue
        e = t.explain(loss)
        assert str(e) and e.svg() and e.latex()
        for d in getattr(e, "derivatives", {}).values():
            g = next(g for x, g in zip(leaves, wanted) if x is d.leaf.value)
            g = t.zeros_like(d.value) if g is None else g
            assert t.allclose(d.value, g, rtol=1e-4, atol=1e-5, equal_nan=True)
            assert d.agrees is not False or op.name in TRIANGULAR
