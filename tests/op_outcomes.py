"""What a call of the table comes to, as plain data: for the golden file, and for comparing two libraries."""

from __future__ import annotations

import builtins
import math
import warnings
from collections.abc import Iterator
from typing import Any

from known_ops import KNOWN
from op_tools import (
    TOLERANCE,
    Index,
    Literal,
    Op,
    Sample,
    Spec,
    call,
    dtype_name,
    flat,
    is_tensor,
    leaves,
    number_close,
)

GOLDEN_DTYPES = ("float32", "float64", "int64", "uint8", "bool", "complex64", "bfloat16")


def covers(row: tuple[str, str, str, str], case: str) -> bool:
    """Whether a row of known_ops.py speaks of the case "operation/sample/dtype"."""
    return all(part in listed.split() or listed == "*" for part, listed in zip(case.split("/"), row))


def known(case: str) -> bool:
    return any(covers(row, case) for row in KNOWN)


def variants(op: Op) -> Iterator[tuple[str, Sample]]:
    """Every sample; and the first one spoiled: without elements, as a 0-dim tensor, with an axis too many."""
    for k, sample in enumerate(op.samples):
        yield str(k), sample
    if not op.samples or op.default:
        return
    first = op.samples[0]
    if op.name in ("resize_", "resize_as_"):  # what a growing tensor gets has no values to compare
        return

    def replaced(shape: Any) -> Sample:
        return first.mapped(lambda k, s: s.reshaped(*shape(s.shape)) if k == 0 and s.shape else s)

    if any(isinstance(a, Spec) and a.shape and not isinstance(a, (Index, Literal)) for a in first.args):
        yield "empty", replaced(lambda shape: (0, *shape[1:]))
        yield "0-dim", replaced(lambda shape: ())
        yield "wider", replaced(lambda shape: (*shape[:-1], shape[-1] + 1))
        yield "deeper", replaced(lambda shape: (2, *shape))


def outcome(lib: Any, op: Op, sample: Sample, dtype: str) -> Any:
    """["error", class], or one [dtype, shape, strides, values] for each part of the result."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = call(lib, op, sample, dtype)
            parts = leaves(result)
            return [
                [dtype_name(p), list(p.shape), list(p.stride()), flat(p)]
                if is_tensor(p)
                else ["value", str(p)]
                for p in parts
            ]
        except Exception as e:
            return ["error", type(e).__name__]


def related(got: str, want: str) -> bool:
    """An error is right if a program that expects the other library's catches it."""
    return issubclass(getattr(builtins, got, Exception), getattr(builtins, want, ()) or ())


def difference(got: Any, want: Any, least: float = 0.0) -> str:
    """What is not as it should be, or nothing."""
    if "error" in (got[:1] + want[:1]):
        if got[0] == want[0] == "error" and related(got[1], want[1]):
            return ""
        return f"{brief(got)} instead of {brief(want)}"
    if len(got) != len(want):
        return f"{len(got)} parts instead of {len(want)}"
    for a, b in zip(got, want):
        if a[:2] != b[:2]:
            return f"{a[0]} {a[1]} instead of {b[0]} {b[1]}"
        if b[0] == "value":
            continue
        # Strides say nothing where there is at most one element.
        if b[2] is not None and math.prod(b[1]) > 1 and a[2] != b[2]:
            return f"strides {a[2]} instead of {b[2]}"
        tolerance = max(TOLERANCE.get(b[0], 0.0), least)
        for x, y in zip(a[3], b[3]):
            if not number_close(x, y, tolerance):
                return f"{x!r} instead of {y!r}"
    return ""


def brief(outcome: Any) -> str:
    return " ".join(map(str, outcome)) if outcome and outcome[0] == "error" else str([p[:2] for p in outcome])
