"""Which entries of the operator database are judged, which are left out and why."""

from __future__ import annotations

import fnmatch
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

# What starts with, or is: why it is not judged. (The totals still count it.)
LEFT_OUT = {
    "jiterator_": "compiles CUDA source given as text",
    "torch.ops.": "an internal operator without a public name",
    "_softmax_backward_data": "an internal operator without a public name",
    "_batch_norm_with_update": "an internal operator without a public name",
    "_upsample_bilinear2d_aa": "an internal operator without a public name",
    "_segment_reduce": "an internal function of a prototype",
    "native_dropout_backward": "an internal operator without a public name",
    "slice": "an internal operator without a public name",
}

# Results are whatever memory held.
UNDEFINED_VALUES = {
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
}


def full_name(op: Any) -> str:
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


def _entries() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for op in op_db:
        name = full_name(op)
        while name in found:  # a few entries share a name
            name += "'"
        found[name] = op
    return found


ENTRIES = _entries()


def left_out(name: str) -> str | None:
    """Why the entry is not judged, or None."""
    for start, reason in LEFT_OUT.items():
        if name == start or name.startswith(start) and start[-1] in "._" or name.startswith(start + "."):
            return reason
    return None


def choose(patterns: list[str]) -> list[str]:
    """The entries that these words mean: a full name, an operation's name, a glob, or a part of a name."""
    chosen: dict[str, None] = {}
    for pattern in patterns:
        exact = [n for n, op in ENTRIES.items() if pattern in (n, op.name, n.rsplit(".", 1)[-1])]
        if any(c in pattern for c in "*?["):
            exact = [n for n in ENTRIES if fnmatch.fnmatch(n, pattern)]
        chosen.update(dict.fromkeys(exact or [n for n in ENTRIES if pattern in n]))
    return list(chosen)


def dtypes(op: Any) -> list[torch.dtype]:
    return sorted(op.supported_dtypes("cpu"), key=str)


def dtype_name(dtype: Any) -> str:
    return str(dtype).split(".")[-1]
