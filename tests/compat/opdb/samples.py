"""The samples of a pair (entry, dtype): which are taken, and how they read."""

from __future__ import annotations

import itertools
from typing import Any

import torch

from .mirror import tensors

# At most so many of the sample inputs and of the reference inputs, taken evenly; none above this size.
SAMPLES, REFERENCES, FEW, ELEMENTS = 30, 30, 5, 60_000
GENERATED = 2000  # a generator of samples is stopped after so many

SHORT = {
    "float16": "f16",
    "bfloat16": "bf16",
    "float32": "f32",
    "float64": "f64",
    "complex32": "c32",
    "complex64": "c64",
    "complex128": "c128",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "u8",
    "uint16": "u16",
    "uint32": "u32",
    "uint64": "u64",
}


def short(dtype: Any) -> str:
    name = str(dtype).split(".")[-1]
    return SHORT.get(name, name)


def evenly(items: list, count: int) -> list:
    """At most `count` of them, the first and the last among them, evenly spaced."""
    if len(items) <= count:
        return items
    return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]


def size(sample: Any) -> int:
    total = 0
    for t in tensors([sample.input, sample.args, sample.kwargs], torch.Tensor):
        if t.layout is torch.strided and t.device.type != "meta":
            total += max(t.numel(), t.untyped_storage().nbytes() // t.element_size())
    return total


def take(generator: Any, count: int) -> list:
    small = [s for s in itertools.islice(generator, GENERATED) if size(s) <= ELEMENTS]
    return evenly(small, count)


def of_pair(op: Any, dtype: torch.dtype) -> list:
    """Sample and reference inputs of one pair."""
    torch.manual_seed(0)
    found = take(op.sample_inputs("cpu", dtype), SAMPLES)
    if op.name == "torch._scaled_mm":
        # Beyond the largest 8-bit number PyTorch gives NaN on some processors, that number on others.
        for sample in found:
            matrix, *scales = sample.args
            sample.args = (matrix, *map(torch.ones_like, scales))
    if op.reference_inputs_func is not None:
        torch.manual_seed(0)
        found = found + take(op.reference_inputs("cpu", dtype), REFERENCES)
    return found


def with_gradients(op: Any, dtype: torch.dtype, count: int = 10) -> list:
    torch.manual_seed(0)
    return take(op.sample_inputs("cpu", dtype, requires_grad=True), count)


def describe(value: Any, main: Any = None) -> str:
    """A short text for an argument: tensors by shape, with dtype and strides where they are not the usual."""
    if isinstance(value, torch.Tensor):
        text = f"T{list(value.shape)}"
        if value.dtype != main:
            text += f":{short(value.dtype)}"
        if value.layout is not torch.strided:
            return text + f":{value.layout}"
        if not value.is_contiguous():
            text += f"~{list(value.stride())}"
        if value.is_conj():
            text += ".conj"
        return text + (".grad" if value.requires_grad else "")
    if isinstance(value, (list, tuple)):
        inside = ", ".join(describe(v, main) for v in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {describe(v, main)}" for k, v in value.items()) + "}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def call_text(sample: Any, dtype: Any) -> str:
    parts = [describe(sample.input, dtype)] + [describe(a, dtype) for a in sample.args]
    parts += [f"{k}={describe(v, dtype)}" for k, v in sample.kwargs.items()]
    return f"({', '.join(parts)})"
