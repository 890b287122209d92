"""Whether a result of facula's is PyTorch's: values, dtype, shape; strides and sharing apart."""

from __future__ import annotations

import math
from typing import Any

import torch
from tolerances import TOLERANCE

import facula

from .mirror import is_dense, tensors, to_torch

WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
}


def overrides(op: Any, dtype: torch.dtype) -> tuple[float, float]:
    """The tolerance that the entry asks for on the CPU, if any: the widest of its tests."""
    relative = absolute = 0.0
    if op.name == "torch._scaled_mm":
        relative = 0.25  # one step of 8-bit numbers: PyTorch rounds to them once or twice, by processor
    for info in op.decorators:
        if getattr(info, "device_type", None) in (None, "cpu") and getattr(info, "active_if", True) is True:
            for decorator in getattr(info, "decorators", [info]):
                table = getattr(decorator, "d", None)
                if isinstance(table, dict) and dtype in table:
                    value = table[dtype]
                    value = (value, 0.0) if isinstance(value, float) else (value.atol, value.rtol)
                    absolute, relative = max(absolute, value[0]), max(relative, value[1])
    return relative, absolute


def _number(x: Any) -> str:
    return f"{x:.6g}" if isinstance(x, (float, complex)) else str(x)


def values_differ(got: torch.Tensor, want: torch.Tensor, extra: tuple[float, float] = (0, 0)) -> str | None:
    """None, or how two tensors of one dtype and shape differ."""
    relative, absolute = TOLERANCE.get(want.dtype, (0.0, 0.0))
    relative, absolute = max(relative, extra[0]), max(absolute, extra[1])
    want = want.detach().resolve_conj().resolve_neg()
    if want.layout is not torch.strided:
        want = want.to_dense()
    if want.dtype.is_floating_point or want.dtype.is_complex:
        wide = torch.complex128 if want.dtype.is_complex else torch.float64
        a, b = got.to(wide), want.to(wide)
        near = torch.isclose(a, b, rtol=relative, atol=absolute, equal_nan=True)
    else:
        near = got == want
    if bool(near.all()):
        return None
    wrong = (~near).nonzero()
    where = tuple(wrong[0].tolist())
    text = f"{_number(got[where].item())} instead of {_number(want[where].item())}"
    place = f" at {list(where)}" if where else ""
    return f"values: {text}{place}, {len(wrong)} of {want.numel()} differ"


def differ(got: Any, want: Any, extra: tuple[float, float] = (0, 0), values: bool = True) -> str | None:
    """None, or the first difference in kind, dtype, shape or value."""
    if isinstance(want, torch.Tensor):
        if not isinstance(got, facula.Tensor):
            return f"{type(got).__name__} instead of Tensor"
        if str(got.dtype) != str(want.dtype):
            return f"dtype: {got.dtype} instead of {want.dtype}"
        if tuple(got.shape) != tuple(want.shape):
            return f"shape: {tuple(got.shape)} instead of {tuple(want.shape)}"
        if str(got.device) != str(want.device):
            return f"device: {got.device} instead of {want.device}"
        if str(got.layout) != str(want.layout):
            return f"layout: {got.layout} instead of {want.layout}"
        if got.requires_grad != want.requires_grad:
            return f"requires_grad: {got.requires_grad} instead of {want.requires_grad}"
        if not values or want.device.type == "meta":
            return None
        return values_differ(to_torch(got), want, extra)
    if isinstance(want, torch.Size):
        return None if tuple(got) == tuple(want) else f"{tuple(got)} instead of {tuple(want)}"
    if isinstance(want, (list, tuple)):
        if not isinstance(got, (list, tuple)):
            return f"{type(got).__name__} instead of {type(want).__name__}"
        if isinstance(got, list) != isinstance(want, list):
            return f"{type(got).__name__} instead of {type(want).__name__}"
        if len(got) != len(want):
            return f"{len(got)} results instead of {len(want)}"
        for i, (a, b) in enumerate(zip(got, want)):
            text = differ(a, b, extra, values)
            if text:
                return f"[{i}] {text}"
        return None
    if isinstance(want, (torch.dtype, torch.device, torch.layout)):
        return None if str(got) == str(want) else f"{got} instead of {want}"
    if type(got) is not type(want):
        return f"{type(got).__name__} instead of {type(want).__name__}"
    if isinstance(want, float):
        same = got == want or math.isnan(got) and math.isnan(want) or math.isclose(got, want, rel_tol=1e-6)
        return None if same or not values else f"{got} instead of {want}"
    if isinstance(want, complex):
        return (
            None
            if abs(got - want) <= 1e-6 * max(1, abs(want)) or want != want
            else f"{got} instead of {want}"
        )
    return None if got == want else f"{got!r} instead of {want!r}"


def orders_differ(name: str, x: torch.Tensor, dim: int, got: Any, want: Any) -> str | None:
    """sort and argsort, where the order of equal elements is left open.

    The indices must be a permutation of each row, and what they find in `x` must be what PyTorch's find.
    """
    if name == "sort":
        text = differ(got[0], want[0])
        if text:
            return text
        got, want = got[1], want[1]
    text = differ(got, want, values=False)
    if text:
        return text
    ours = to_torch(got)
    if x.dim() == 0:
        return values_differ(ours, want)
    every = torch.arange(x.shape[dim]).view([-1 if d == dim % x.dim() else 1 for d in range(x.dim())])
    if not bool((ours.sort(dim).values == every).all()):
        return "values: the indices are no permutation"
    return values_differ(x.gather(dim, ours), x.gather(dim, want))


def as_exact(got: Any, want: Any, exact: Any, extra: tuple[float, float]) -> bool:
    """Whether every number that differs from PyTorch's is at least as near to PyTorch's answer in float64.

    For results of narrow dtypes only, where PyTorch itself is off by more than its tolerance.
    """
    found, wanted = tensors(got, facula.Tensor), tensors(want, torch.Tensor)
    truth = tensors(exact, torch.Tensor)
    if not len(found) == len(wanted) == len(truth) > 0:
        return False
    for a, b, c in zip(found, wanted, truth):
        if differ(a, b, values=False) or c.shape != b.shape:
            return False
        if values_differ(to_torch(a), b, extra) is None:
            continue
        if b.dtype not in WIDE or c.dtype not in (torch.float64, torch.complex128):
            return False
        relative, absolute = TOLERANCE[b.dtype]
        ours, theirs = to_torch(a).to(c.dtype), b.detach().resolve_conj().to(c.dtype)
        near = torch.isclose(ours, theirs, rtol=relative, atol=absolute, equal_nan=True)
        near |= torch.isclose(ours, c, rtol=relative, atol=absolute, equal_nan=True)
        near |= (ours - c).abs() <= (theirs - c).abs()
        if not bool(near.all()):
            return False
    return True


def _steps(t: Any) -> list[int]:
    return [s for s, n in zip(t.stride(), t.shape) if n != 1]


def strides_differ(got: Any, want: Any) -> str | None:
    """Strides of dimensions longer than one, of results that are views or dense."""
    for a, b in zip(tensors(got, facula.Tensor), tensors(want, torch.Tensor)):
        if b.layout is not torch.strided or b.numel() == 0 or tuple(a.shape) != tuple(b.shape):
            continue
        if (b._is_view() or is_dense(b.shape, b.stride())) and _steps(a) != _steps(b):
            return f"strides: {tuple(a.stride())} instead of {tuple(b.stride())} of {tuple(b.shape)}"
    return None


def _start(t: Any) -> int:
    if isinstance(t, torch.Tensor):
        return t.untyped_storage().data_ptr() if t.layout is torch.strided else 0
    return t.data_ptr() - t.storage_offset() * t.element_size() if "strided" in str(t.layout) else 0


def sharing(result: Any, inputs: Any, kind: type) -> list[tuple[int, ...]]:
    """For each tensor of a result the inputs whose memory it shares."""
    given = tensors(inputs, kind)
    starts = [_start(t) if t.numel() and t.device.type != "meta" else 0 for t in given]
    return [
        tuple(i for i, s in enumerate(starts) if s and s == _start(t)) if t.numel() else ()
        for t in tensors(result, kind)
    ]


def sharing_differs(got: Any, got_inputs: Any, want: Any, want_inputs: Any) -> str | None:
    a, b = sharing(got, got_inputs, facula.Tensor), sharing(want, want_inputs, torch.Tensor)
    if a == b or len(a) != len(b):
        return None
    i = next(i for i, (x, y) in enumerate(zip(a, b)) if x != y)
    if a[i] and b[i]:
        return f"sharing: result {i} shares memory with inputs {a[i]} instead of {b[i]}"
    return (
        f"sharing: result {i} is {'a view' if a[i] else 'a copy'} instead of {'a view' if b[i] else 'a copy'}"
    )
