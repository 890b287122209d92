"""First and second derivatives and forward mode of one entry, against PyTorch's for the same directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import facula

from . import samples as taking
from .compare import differ
from .forms import Pair, attempt, error_text
from .mirror import Call, Missing, tensors, to_facula

LOOSE = (1e-6, 1e-7)  # relative, absolute: derivatives of float64 lose some digits


def _differentiable(values: list) -> list:
    return [v for v in values if v.requires_grad]


def _directions(like: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in like]


def _call(op: Any, wrapper: Callable, function: Callable, process: Callable, args: list, kwargs: dict) -> Any:
    return process(wrapper(function, *args, **kwargs))


class Gradients:
    """One entry in one of float64 and complex128; the findings go into the pair's."""

    def __init__(self, pair: Pair) -> None:
        self.pair, self.op, self.dtype = pair, pair.op, pair.dtype

    def run(self, skip: set[str], at: Callable[[str], None]) -> None:
        op = self.op
        samples = taking.with_gradients(op, self.dtype)
        if op.supports_autograd and "grad" not in skip:
            at("grad")
            for sample in samples:
                self.reverse(sample, second=False)
        if op.supports_autograd and op.supports_gradgrad and "second" not in skip:
            at("second")
            for sample in samples:
                self.reverse(sample, second=True)
        if op.supports_forward_ad and "forward" not in skip:
            at("forward")
            for sample in samples:
                self.forward(sample)

    def functions(self, sample: Any) -> tuple[Callable, Callable]:
        op, mirror = self.op, self.pair.mirror
        process = sample.output_process_fn_grad

        def theirs(args: list, kwargs: dict) -> Any:
            return process(op.gradcheck_wrapper(op.op, *args, **kwargs))

        def ours(args: list, kwargs: dict) -> Any:
            return mirror(process)(mirror(op.gradcheck_wrapper)(mirror.entry(op), *args, **kwargs))

        return theirs, ours

    def reverse(self, sample: Any, second: bool) -> None:
        what = "second" if second else "grad"
        theirs, ours = self.functions(sample)
        call = Call(sample, self.pair.mirror)
        args, kwargs = call.torch()
        out, error = attempt(theirs, args, kwargs)
        if error is not None:
            return
        outs = [t for t in tensors(out, torch.Tensor) if t.requires_grad]
        inputs = _differentiable(tensors([args, kwargs], torch.Tensor))
        if not outs or not inputs:
            return
        cotangents = _directions(outs, 1)
        want, error = attempt(_derivatives, torch, outs, inputs, cotangents, second)
        if error is not None:
            return
        if second and want is None:
            return

        def mine() -> Any:
            args, kwargs = call.facula()
            out = tensors(ours(args, kwargs), facula.Tensor)
            outs = [t for t in out if t.requires_grad]
            if len(outs) != len(cotangents):
                raise RuntimeError(f"{len(outs)} results require grad instead of {len(cotangents)}")
            given = _differentiable(tensors([args, kwargs], facula.Tensor))
            return _derivatives(facula, outs, given, [to_facula(c, {}) for c in cotangents], second)

        got, error = attempt(mine)
        if error is not None:
            self.pair.note(what, sample, error_text(error))
            return
        if got is None:
            self.pair.note(what, sample, "the first derivatives do not require grad")
            return
        self.pair.note(what, sample, self.compare(got, want))

    def compare(self, got: list, want: list) -> str | None:
        if len(got) != len(want):
            return f"{len(got)} derivatives instead of {len(want)}"
        for i, (a, b) in enumerate(zip(got, want)):
            if (a is None) != (b is None):
                return f"input {i}: {'None instead of a gradient' if a is None else 'a gradient, not None'}"
            if b is not None:
                text = differ(a.detach(), b.detach(), LOOSE)
                if text:
                    return f"input {i}: {text}"
        return None

    def forward(self, sample: Any) -> None:
        theirs, ours = self.functions(sample)
        call = Call(sample, self.pair.mirror)
        inputs = _differentiable(tensors([*call.torch()], torch.Tensor))
        if not inputs:
            return
        tangents = _directions(inputs, 3)
        want, error = attempt(_tangents, torch, theirs, call.torch, tangents)
        if error is not None:
            return

        def mine() -> Any:
            try:
                import facula.autograd.forward_ad  # noqa: F401
            except ImportError:
                raise Missing("facula has no autograd.forward_ad") from None
            return _tangents(facula, ours, call.facula, [to_facula(t, {}) for t in tangents])

        got, error = attempt(mine)
        self.pair.note("forward", sample, error_text(error) if error is not None else self.compare(got, want))


def _derivatives(lib: Any, outs: list, inputs: list, cotangents: list, second: bool) -> list | None:
    if second:
        cotangents = [c.requires_grad_() for c in cotangents]
    first = lib.autograd.grad(outs, inputs, cotangents, allow_unused=True, create_graph=second)
    if not second:
        return list(first)
    first = [g for g in first if g is not None and g.requires_grad]
    if not first:
        return None
    directions = _directions(
        [torch.empty(tuple(g.shape), dtype=getattr(torch, str(g.dtype)[6:])) for g in first], 2
    )
    if lib is facula:
        directions = [to_facula(d, {}) for d in directions]
    return list(lib.autograd.grad(first, [*inputs, *cotangents], directions, allow_unused=True))


def _tangents(lib: Any, function: Callable, make: Callable, tangents: list) -> list:
    forward_ad = lib.autograd.forward_ad
    args, kwargs = make()
    remaining = list(tangents)

    def dual(x: Any) -> Any:
        if isinstance(x, lib.Tensor) and x.requires_grad:
            return forward_ad.make_dual(x.detach(), remaining.pop(0))
        return x

    from .mirror import mapped

    with forward_ad.dual_level():
        out = function(mapped(args, dual), mapped(kwargs, dual))
        found = [forward_ad.unpack_dual(t) for t in tensors(out, lib.Tensor)]
        return [x for dual_pair in found for x in (dual_pair.primal.detach(), dual_pair.tangent)]
