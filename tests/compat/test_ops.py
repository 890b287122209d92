"""The sample table against PyTorch: value, dtype, shape, strides, errors, gradients, node names."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from known_ops import COMPUTED_IN_FLOAT, KNOWN  # noqa: E402
from op_outcomes import covers, difference, known, outcome, variants  # noqa: E402
from op_table import TABLE  # noqa: E402
from op_tools import DTYPES, Op  # noqa: E402

import facula  # noqa: E402

# PyTorch writes out of bounds when it is given states of a wrong shape: compared in test_rnn.py.
UNSAFE = ("lstm",)
SAFE = [op for op in TABLE.values() if op.name not in UNSAFE]
every = pytest.mark.parametrize("op", SAFE, ids=lambda op: op.name)


def differences(op: Op) -> dict[str, str]:
    """Case -> what is not PyTorch's."""
    found = {}
    for name, sample in variants(op):
        for dtype in DTYPES if op.dtypes != ("float32",) else op.dtypes:
            wrong = difference(outcome(facula, op, sample, dtype), outcome(torch, op, sample, dtype))
            if wrong:
                found[f"{op.name}/{name}/{dtype}"] = f"{sample!r}: {wrong}"
    return found


@every
def test_outcome(op: Op) -> None:
    assert {k: v for k, v in differences(op).items() if not known(k)} == {}


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: "/".join(row[:3]).replace(" ", "+"))
def test_known(row: tuple[str, str, str, str]) -> None:
    """Right meanwhile? Then the row goes."""
    still = [case for case in differences(TABLE[row[0]]) if covers(row, case)]
    if still or row[3] == COMPUTED_IN_FLOAT:
        pytest.xfail("listed in known_ops.py")
    pytest.fail(f"{row[3]}: no longer")
