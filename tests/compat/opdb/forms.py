"""One pair (entry, dtype): the function on all samples, its other forms on a few."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

import facula

from . import samples as taking
from .compare import (
    WIDE,
    as_exact,
    differ,
    orders_differ,
    overrides,
    sharing_differs,
    strides_differ,
    values_differ,
)
from .entries import UNDEFINED_VALUES
from .mirror import Call, Mirror, Missing, tensors, to_torch

# What a call came to: (result, None) or (None, exception).
Outcome = tuple[Any, "BaseException | None"]
# Property -> [samples judged, [(sample, what differs), ...]]
Findings = dict[str, list]


def attempt(function: Callable, *args: Any, **kwargs: Any) -> Outcome:
    torch.manual_seed(7)
    facula.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args, **kwargs), None
        except Exception as error:
            return None, error


def error_text(error: BaseException) -> str:
    first = str(error).strip().split("\n")[0][:160]
    return first if isinstance(error, Missing) else f"{type(error).__name__}: {first}"


def errors_differ(got: BaseException | None, want: BaseException | None) -> str | None:
    """None when both returned or both raised the same type."""
    if want is None and got is None:
        return None
    if want is None:
        return f"raises {error_text(got)}" if not isinstance(got, Missing) else str(got)
    if got is None:
        return f"returns, PyTorch raises {error_text(want)}"
    if type(got).__name__ == type(want).__name__:
        return None
    return f"raises {error_text(got)}; PyTorch {error_text(want)}"


class Pair:
    """The samples of one entry and dtype and what was found about them."""

    def __init__(self, op: Any, dtype: torch.dtype, mirror: Mirror) -> None:
        self.op, self.dtype, self.mirror = op, dtype, mirror
        self.found: Findings = {}
        self.tolerance = overrides(op, dtype)
        self.values = not (op.name in UNDEFINED_VALUES or op.has_nondeterministic_output)

    def note(self, what: str, sample: Any, text: str | None) -> bool:
        row = self.found.setdefault(what, [0, []])
        row[0] += 1
        if text:
            row[1].append((taking.call_text(sample, self.dtype), text))
        return not text

    def ours(self, function: Any) -> Callable:
        """facula's counterpart; where there is none, a function that says so."""
        try:
            return self.mirror(function)
        except Missing as missing:
            return _raiser(missing)

    def run(self, skip: set[str], at: Callable[[str], None]) -> Findings:
        all_samples = taking.of_pair(self.op, self.dtype)
        few = taking.evenly(all_samples, taking.FEW)
        steps: list[tuple[str, Callable]] = [("values", lambda: self.function(all_samples))]
        op = self.op
        for what, form in (("method", op.get_method()), ("operator", op.get_operator())):
            if form is not None:
                steps.append((what, lambda what=what, form=form: self.other_form(what, form, few)))
        for what, form in (("inplace", op.get_inplace()), ("ioperator", op.get_inplace_operator())):
            if form is not None:
                steps.append((what, lambda what=what, form=form: self.in_place(what, form, few)))
        if op.supports_out:
            steps.append(("out", lambda: self.out(few)))
        for what, step in steps:
            if what not in skip:
                at(what)
                _, error = attempt(step)
                if error is not None:
                    self.found[what] = [1, [("", f"harness: {error_text(error)}")]]
        return self.found

    def function(self, samples: list) -> None:
        try:
            ours = self.mirror.entry(self.op)
        except Missing as missing:
            ours = _raiser(missing)
        for sample in samples:
            self.compare("values", self.op.op, ours, sample)

    def other_form(self, what: str, form: Any, samples: list) -> None:
        ours = self.ours(form)
        for sample in samples:
            if isinstance(sample.input, torch.Tensor):
                self.compare(what, form, ours, sample)

    def compare(self, what: str, theirs: Callable, ours: Callable, sample: Any) -> None:
        call = Call(sample, self.mirror)
        t_args, t_kwargs = call.torch()
        want, t_error = attempt(theirs, *t_args, **t_kwargs)
        made, c_error = attempt(call.facula)
        if c_error is not None:
            self.note(what, sample, f"the sample cannot be made: {error_text(c_error)}")
            return
        args, kwargs = made
        got, error = attempt(ours, *args, **kwargs)
        text = errors_differ(error, t_error)
        if text or error is not None:
            self.note(what, sample, text)
            return
        try:
            text = self.differ(got, want, sample)
            if text and "values: " in text and self.nearer(got, want, theirs, call):
                text = None
            self.note(what, sample, text)
            if what == "values" and not text:
                if tensors(want, torch.Tensor):
                    self.note("strides", sample, strides_differ(got, want))
                    self.note(
                        "sharing", sample, sharing_differs(got, [args, kwargs], want, [t_args, t_kwargs])
                    )
        except Exception as problem:
            self.note(what, sample, f"the result cannot be read: {error_text(problem)}")

    def differ(self, got: Any, want: Any, sample: Any) -> str | None:
        text = differ(got, want, self.tolerance, self.values)
        if text and "values: " in text and _leaves_ties_open(self.op, sample):
            return orders_differ(self.op.name, sample.input, _dim(sample), got, want)
        if text and "values: " in text and _processed(sample):
            # Factors are unique only up to signs and phases: the entry says what is determined.
            process = sample.output_process_fn_grad
            ours = attempt(lambda: self.mirror(process)(got))
            theirs = attempt(process, want)
            if ours[1] is None and theirs[1] is None:
                return differ(ours[0], theirs[0], self.tolerance, self.values)
        return text

    def nearer(self, got: Any, want: Any, theirs: Callable, call: Call) -> bool:
        """Whether facula is as near to the answer in float64 as PyTorch, which itself is off."""
        made, error = attempt(call.wide, WIDE)
        if error is not None:
            return False
        exact, error = attempt(theirs, *made[0], **made[1])
        return error is None and as_exact(got, want, exact, self.tolerance)

    def in_place(self, what: str, form: Any, samples: list) -> None:
        ours = self.ours(form)
        for sample in samples:
            if not isinstance(sample.input, torch.Tensor):
                continue
            call = Call(sample, self.mirror)
            t_args, t_kwargs = call.torch()
            want, t_error = attempt(form, *t_args, **t_kwargs)
            made, c_error = attempt(call.facula)
            if c_error is not None:
                self.note(what, sample, f"the sample cannot be made: {error_text(c_error)}")
                continue
            args, kwargs = made
            before = args[0].data_ptr()
            got, error = attempt(ours, *args, **kwargs)
            text = errors_differ(error, t_error)
            if not text and error is None:
                text = differ(got, want, self.tolerance, self.values)
                if text and "values: " in text and self.nearer(got, want, form, call):
                    text = None
                elif not text and isinstance(want, torch.Tensor):
                    if want is t_args[0] and got is not args[0]:
                        text = "does not return its first argument"
                    elif want is t_args[0]:
                        text = differ(args[0], t_args[0], self.tolerance, self.values)
                        if (
                            not text
                            and args[0].data_ptr() != before
                            and args[0].numel()
                            and t_args[0].numel()
                        ):
                            text = None if what == "ioperator" else _moved(sample, args[0])
                        text = text or strides_differ(args[0], t_args[0])
            self.note(what, sample, text)

    def out(self, samples: list) -> None:
        try:
            ours = self.mirror.entry(self.op)
        except Missing as missing:
            ours = _raiser(missing)
        for sample in samples:
            call = Call(sample, self.mirror)
            t_args, t_kwargs = call.torch()
            expected, t_error = attempt(self.op.op, *t_args, **t_kwargs)
            if t_error is not None:
                continue
            outs = [expected] if isinstance(expected, torch.Tensor) else expected
            if (
                not isinstance(outs, (list, tuple))
                or not outs
                or not all(isinstance(o, torch.Tensor) for o in outs)
            ):
                continue
            for kind, make in OUTS.items():
                text = self.one_out(ours, call, [make(o) for o in outs], isinstance(expected, torch.Tensor))
                self.note("out", sample, text and f"out= {kind}: {text}")

    def one_out(self, ours: Callable, call: Call, outs: list, single: bool) -> str | None:
        from .mirror import to_facula

        mine, error = attempt(lambda: [to_facula(o, {}) for o in outs])
        if error is not None:
            return error_text(error)
        pack = (lambda x: x[0]) if single else tuple
        t_args, t_kwargs = call.torch()
        want, t_error = attempt(self.op.op, *t_args, **t_kwargs, out=pack(outs))
        made, error = attempt(call.facula)
        if error is not None:
            return f"the sample cannot be made: {error_text(error)}"
        args, kwargs = made
        got, error = attempt(ours, *args, **kwargs, out=pack(mine))
        text = errors_differ(error, t_error)
        if text or error is not None:
            return text
        if want is None:  # the copying forms of split and unbind
            returned = mine if got is None else got
        else:
            returned = [got] if single else got
        if isinstance(returned, (list, tuple)) and len(returned) == len(mine):
            same = all(a is b for a, b in zip(returned, mine))
            theirs = want is not None and all(a is b for a, b in zip([want] if single else want, outs))
            if theirs and not same:
                return "does not return what out= was given"
        else:
            return "does not return what out= was given"
        texts = [differ(a, b, self.tolerance, self.values) for a, b in zip(mine, outs)]
        if any(t and t.startswith("values: ") for t in texts) and _leaves_ties_open(self.op, call):
            texts = [orders_differ(self.op.name, call.input, _dim(call), pack(mine), pack(outs))]
        if any(t and t.startswith("values: ") for t in texts) and self.nearer(mine, outs, self.op.op, call):
            texts = []
        texts += [strides_differ(a, b) for a, b in zip(mine, outs)]
        return next((t for t in texts if t), None)


def _raiser(missing: Missing) -> Callable:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise missing

    return call


def _moved(sample: Any, t: Any) -> str | None:
    return "its memory moved" if tuple(t.shape) == tuple(sample.input.shape) else None


def _leaves_ties_open(op: Any, sample: Any) -> bool:
    """Whether PyTorch promises no order of equal elements: sorting, unless stable=True is asked for."""
    return op.name in ("sort", "argsort") and not sample.kwargs.get("stable", False)


def _dim(sample: Any) -> int:
    return sample.args[0] if sample.args else sample.kwargs.get("dim", -1)


def _processed(sample: Any) -> bool:
    code = getattr(sample.output_process_fn_grad, "__code__", None)
    return code is None or code.co_code != (lambda x: x).__code__.co_code


def _strided(o: torch.Tensor) -> torch.Tensor:
    """Every second element of a longer last dimension."""
    if o.dim() == 0:
        return torch.ones((), dtype=o.dtype)
    return torch.ones(*o.shape[:-1], o.shape[-1] * 2, dtype=o.dtype)[..., ::2]


def _other_dtype(o: torch.Tensor) -> torch.Tensor:
    return torch.ones(
        o.shape, dtype=torch.int32 if o.dtype.is_floating_point or o.dtype.is_complex else torch.bool
    )


OUTS: dict[str, Callable] = {
    "of the right shape": lambda o: torch.ones_like(o, memory_format=torch.contiguous_format),
    "strided": _strided,
    "empty": lambda o: torch.empty(0, dtype=o.dtype),
    "of another dtype": _other_dtype,
}

__all__ = ["Pair", "attempt", "error_text", "errors_differ", "to_torch", "values_differ"]
