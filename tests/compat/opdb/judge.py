"""Everything about one entry, as plain data."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from . import samples as taking
from .entries import ENTRIES, dtype_name, dtypes
from .forms import Pair, _raiser, attempt, error_text, errors_differ
from .gradients import Gradients
from .mirror import Call, Mirror, Missing

# The properties of a pair, and those of an entry.
PAIR = ("values", "strides", "sharing", "method", "operator", "inplace", "ioperator", "out")
ENTRY = ("grad", "second", "forward", "errors")
KEPT = 3  # disagreements kept for each property and dtype


def judge(
    name: str,
    skip: dict[str, str] | None = None,
    at: Callable[[str], None] = lambda where: None,
    only: set[str] | None = None,
    kept: int = KEPT,
) -> dict:
    """Judges one entry.

    Args:
        name: the entry's full name.
        skip: "dtype/property" -> why: known to crash or hang, taken as failing.
        at: told "dtype/property" before each step, so that a crash can be blamed.
        only: dtypes to judge, all by default.
        kept: how many disagreements are kept for a property and dtype.

    Returns:
        {"name", "dtypes": {dtype: {property: [judged, wrong, [[sample, text], ...]]}}, "errors": [...]}
    """
    op, mirror, skip = ENTRIES[name], Mirror(), skip or {}
    result: dict[str, Any] = {"name": name, "dtypes": {}}
    for dtype in dtypes(op):
        d = dtype_name(dtype)
        if only and d not in only:
            continue
        pair = Pair(op, dtype, mirror)
        avoided = {key.split("/")[1] for key in skip if key.split("/")[0] == d}
        blame = lambda what, d=d: at(f"{d}/{what}")  # noqa: E731
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            blame("values")
            if "values" not in avoided:
                pair.run(avoided, blame)
            if dtype in (torch.float64, torch.complex128) and dtype in op.supported_backward_dtypes("cpu"):
                Gradients(pair).run(avoided, blame)
        rows = {k: [v[0], len(v[1]), v[1][:kept]] for k, v in pair.found.items()}
        for what in avoided:
            rows[what] = [1, 1, [["", skip[f"{d}/{what}"]]]]
        result["dtypes"][d] = rows
    if not only:
        at("-/errors")
        if "-/errors" in skip:
            result["errors"] = [1, 1, [["", skip["-/errors"]]]]
        else:
            result["errors"] = errors(op, mirror, kept)
    return result


def errors(op: Any, mirror: Mirror, kept: int) -> list:
    """The error inputs: is the same exception type raised?"""
    if op.error_inputs_func is None:
        return [0, 0, []]
    try:
        ours: Any = mirror.entry(op)
    except Missing as missing:
        ours = _raiser(missing)
    judged, wrong = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        given = list(op.error_inputs("cpu"))
    for each in given:
        sample = each.sample_input
        call = Call(sample, mirror)
        args, kwargs = call.torch()
        _, want = attempt(op.op, *args, **kwargs)
        if want is None:
            continue  # an error of another form, or of another device
        judged += 1
        made, problem = attempt(call.facula)
        if problem is not None and not errors_differ(problem, want):
            continue  # facula refuses such a tensor itself, with the same type
        if problem is not None:
            wrong.append(
                [taking.call_text(sample, None), f"the sample cannot be made: {error_text(problem)}"]
            )
            continue
        args, kwargs = made
        _, got = attempt(ours, *args, **kwargs)
        text = errors_differ(got, want)
        if text:
            wrong.append([taking.call_text(sample, None), text])
    return [judged, len(wrong), wrong[:kept]]


def failing(result: dict) -> dict[str, list[str]]:
    """Property -> the dtypes in which it does not agree ("-" for error inputs)."""
    found: dict[str, list[str]] = {}
    for dtype, rows in result["dtypes"].items():
        for what, (_, wrong, _) in rows.items():
            if wrong:
                found.setdefault(what, []).append(dtype)
    if result.get("errors", [0, 0])[1]:
        found["errors"] = ["-"]
    return found
