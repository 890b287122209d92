"""Derivatives beside finite differences: gradcheck and gradgradcheck.

Slow mode compares whole Jacobians. Fast mode compares one number for each pair of input and output, v^T J u
with random u and v, which finds an error with probability one. An output that is complex is checked by its
real and its imaginary part; the gradient by a complex z = x + iy is dL/dx + i dL/dy.
"""

from __future__ import annotations

import sys

import facula as torch

from .. import _C
from ._gradient_checks import (
    _check_absent_entries,
    _check_batched,
    _check_batched_tangents,
    _check_inputs,
    _check_undefined,
    _check_undefined_tangents,
    _check_zero_in_zero_out,
)
from ._jacobians import (
    GradcheckError,
    _analytical_jacobians,
    _backward,
    _content,
    _forward_jacobians,
    _forward_tangents,
    _gradient_content,
    _is_inexact,
    _need_repeatable,
    _numerical_directional,
    _numerical_jacobians,
    _recorded,
    _tuple,
    _wants_gradient,
    get_analytical_jacobian,
    get_numerical_jacobian,
    is_sparse,
)

__all__ = [
    "GradcheckError",
    "get_analytical_jacobian",
    "get_numerical_jacobian",
    "gradcheck",
    "gradgradcheck",
]


# --- the comparison ---


def _close(a, n, rtol: float, atol: float) -> bool:
    dtype = torch.promote_types(a.dtype, n.dtype)
    return torch.allclose(a.to(dtype), n.to(dtype), rtol, atol)


def _mismatch(a, n, output: int, at: int, mode: str, part: str, more: str = "") -> GradcheckError:
    prefix = f"While considering the {part} only, " if part else ""
    text = (
        f"{prefix}Jacobian {mode}mismatch for output {output} with respect to input {at},\n"
        f"numerical:{n}\nanalytical:{a}\n{more}"
    )
    if a.dim() == 2 and a.numel():
        error = torch.nan_to_num((a - n).abs(), nan=float("inf"))
        row, column = divmod(int(error.reshape(-1).argmax()), error.shape[1])
        text += (
            f"Largest error at input element {row}, output element {column}: analytical "
            f"{a[row, column].item()}, "
            f"numerical {n[row, column].item()}, error {error[row, column].item()}\n"
        )
    return GradcheckError(text)


class _Check:
    """One comparison of a function whose outputs are real, with everything it was asked to do."""

    def __init__(self, function, inputs, part="", **options):
        self.function, self.inputs, self.part = function, inputs, part
        self.eps, self.rtol, self.atol = options["eps"], options["rtol"], options["atol"]
        self.nondet_tol, self.dtypes = options["nondet_tol"], options["check_grad_dtypes"]
        self.wanted = [i for i, t in enumerate(inputs) if _wants_gradient(t)]

    def gradients(self, output, vector):
        wanted, found = _backward(output, self.inputs, vector)
        return [
            torch.zeros_like(_content(t)) if g is None else _gradient_content(t, g)
            for t, g in zip(wanted, found)
        ]

    def no_outputs(self, outputs):
        plain = [o for o in _tuple(outputs) if isinstance(o, _C.Tensor) and _is_inexact(o)]
        for i in self.wanted:
            for matrix in _numerical_jacobians(self.function, self.inputs, i, plain, self.eps):
                if (matrix != 0).any():
                    raise GradcheckError("Numerical gradient for function expected to be zero")

    def slow(self, outputs, forward: bool):
        all_outputs = [o for o in _tuple(outputs) if isinstance(o, _C.Tensor)]
        recorded = [k for k, o in enumerate(all_outputs) if o.requires_grad]
        if not recorded:
            return self.no_outputs(outputs)
        numerical = [
            _numerical_jacobians(self.function, self.inputs, i, all_outputs, self.eps) for i in self.wanted
        ]
        if forward:
            inexact = [o for o in all_outputs if _is_inexact(o)]
            for at, (i, of_input) in enumerate(zip(self.wanted, numerical)):
                found = _forward_jacobians(self.function, self.inputs, i, inexact, self.dtypes)
                of_input = [n for n, o in zip(of_input, all_outputs) if _is_inexact(o)]
                for k, (a, n) in enumerate(zip(found, of_input)):
                    if not _close(a, n, self.rtol, self.atol):
                        raise _mismatch(a, n, k, at, "computed with forward mode ", self.part)
            return None
        for k, number in enumerate(recorded):
            output = all_outputs[number]
            found = _analytical_jacobians(self.inputs, output, self.dtypes)
            again = _analytical_jacobians(self.inputs, output, self.dtypes)
            _need_repeatable(found, again, self.nondet_tol)
            for at, a in enumerate(found):
                n = numerical[at][number]
                if not _close(a, n, self.rtol, self.atol):
                    raise _mismatch(a, n, k, at, "", self.part)
        return None

    def fast(self, outputs, forward: bool):
        recorded = _recorded(outputs)
        if not recorded:
            return self.no_outputs(outputs)
        all_outputs = [o for o in _tuple(outputs) if isinstance(o, _C.Tensor)]
        numbers = [k for k, o in enumerate(all_outputs) if o.requires_grad]
        generator = torch.Generator()
        generator.manual_seed(0)

        def vector(t):
            v = torch.rand(t.shape, dtype=torch.float64, generator=generator) + 0.1
            return (v / v.norm() if v.numel() else v).to(t.dtype)

        vs = [vector(o) for o in recorded]
        found = []
        for o, v in zip(recorded, vs):
            if not forward:
                first, again = (self.gradients(o, v) for _ in range(2))
                _need_repeatable(first, again, self.nondet_tol)
                found.append(first)
        for at, i in enumerate(self.wanted):
            x = _content(self.inputs[i])
            # The gradient by a complex number is one by its two parts.
            for unit in (1.0, 1j) if x.is_complex() else (1.0,):
                u = vector(x.real if x.is_complex() else x).to(x.dtype) * unit
                changes = _numerical_directional(self.function, self.inputs, i, u, self.eps)
                tangents = _forward_tangents(self.function, self.inputs, i, u) if forward else ()
                for k, (number, v) in enumerate(zip(numbers, vs)):
                    n = (changes[number].to(v.dtype) * v).sum()
                    if forward:
                        a = (tangents[k].to(v.dtype) * v).sum()
                    else:
                        g = found[k][at].detach()
                        a = (g.conj() * u).sum().real if x.is_complex() else (g * u).sum()
                    if not _close(a, n, self.rtol, self.atol):
                        self.slow(outputs, forward)
                        mode = "computed with forward mode " if forward else ""
                        more = "The above quantities are those of fast mode; slow mode finds no error.\n"
                        raise _mismatch(a, n, k, at, mode, self.part, more)
        return None


def _parts_of_outputs(function):
    """For complex outputs: two functions, of the imaginary and of the real parts."""

    def part(take_imaginary):
        def of_part(*args):
            outputs = (o for o in _tuple(function(*args)) if isinstance(o, _C.Tensor))
            if take_imaginary:
                return tuple(o.imag for o in outputs if o.is_complex())
            return tuple(o.real if o.is_complex() else o for o in outputs)

        return of_part

    return ("imaginary part of complex outputs", part(True)), ("real part of complex outputs", part(False))


def _parts_of_inputs(function, inputs):
    """For complex inputs of forward mode: functions of their imaginary and real parts, and those parts."""

    def part(imaginary):
        def of_part(*args):
            whole = []
            for given, t in zip(args, inputs):
                if isinstance(t, _C.Tensor) and t.is_complex():
                    fixed = (t.real if imaginary else t.imag).detach()
                    given = torch.complex(fixed, given) if imaginary else torch.complex(given, fixed)
                whole.append(given)
            return function(*whole)

        parts = []
        for t in inputs:
            if isinstance(t, _C.Tensor) and t.is_complex():
                parts.append(
                    (t.imag if imaginary else t.real).detach().clone().requires_grad_(t.requires_grad)
                )
            else:
                parts.append(t)
        return of_part, tuple(parts)

    return ("imaginary part of complex inputs", *part(True)), ("real part of complex inputs", *part(False))


def gradcheck(
    func,
    inputs,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_batched_forward_grad=False,
    check_forward_ad=False,
    check_backward_ad=True,
    fast_mode=False,
    masked=None,
):
    """Compares the gradients of a function with finite differences.

    Args:
        func: takes the inputs by position; returns a tensor or a tuple of them.
        inputs: a tensor or a tuple; those that require grad are checked. They should be double precision.
        eps: the step of the differences.
        atol, rtol: how far the two may be apart.
        raise_exception: False: return False instead of raising GradcheckError.
        nondet_tol: how far two runs of the same backward may be apart.
        check_undefined_grad: also check that a missing gradient is taken for zero.
        check_grad_dtypes: gradients must have the dtypes of the inputs.
        check_batched_grad, check_batched_forward_grad: also check batched gradients.
        check_forward_ad, check_backward_ad: which of the modes to check.
        fast_mode: compare one projection instead of whole Jacobians.
        masked: allow gradients that are nearly zero where they should be zero.

    Returns:
        True.

    Raises:
        GradcheckError: a derivative is wrong: the text shows both Jacobians and the largest error.
        ValueError: no input requires grad.

    Example:
        >>> import facula as torch
        >>> x = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)
        >>> torch.autograd.gradcheck(torch.sin, (x,))
        True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    options = {
        "eps": eps,
        "atol": atol,
        "rtol": rtol,
        "nondet_tol": nondet_tol,
        "check_grad_dtypes": check_grad_dtypes,
    }
    try:
        inputs = _tuple(inputs)
        _check_inputs(inputs)
        whole = func(*inputs)
        outputs = _recorded(whole)
        if any(is_sparse(o) for o in outputs):
            raise ValueError(
                "Sparse output is not supported at gradcheck yet. Please call to_dense(masked_grad=...) on "
                "the "
                "output of fn for gradcheck."
            )
        _compare(func, inputs, whole, check_backward_ad, check_forward_ad, fast_mode, options)
        if check_backward_ad and not fast_mode:
            _check_absent_entries(outputs, inputs)
        if check_forward_ad and outputs:
            if check_batched_forward_grad:
                _check_batched_tangents(func, inputs)
            if check_undefined_grad:
                _check_undefined_tangents(func, inputs)
        if not check_backward_ad:
            return True
        if outputs:
            for k, o in enumerate(outputs if check_batched_grad else ()):
                _check_batched(o, inputs, k)
            _check_zero_in_zero_out(outputs, inputs, bool(masked))
            if check_undefined_grad:
                _check_undefined(func, outputs, inputs)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _compare(func, inputs, whole, backward, forward, fast, options) -> None:
    complex_outputs = any(isinstance(o, _C.Tensor) and o.is_complex() for o in _tuple(whole))
    if backward:
        parts = _parts_of_outputs(func) if complex_outputs else (("", func),)
        for part, function in parts:
            check = _Check(function, inputs, part, **options)
            (check.fast if fast else check.slow)(whole if not part else function(*inputs), False)
    if forward:
        if any(isinstance(t, _C.Tensor) and t.is_complex() for t in inputs):
            parts = _parts_of_inputs(func, inputs)
        else:
            parts = (("", func, inputs),)
        for part, function, given in parts:
            if not any(map(_wants_gradient, given)):
                continue
            check = _Check(function, given, part, **options)
            (check.fast if fast else check.slow)(function(*given), True)


def gradgradcheck(
    func,
    inputs,
    grad_outputs=None,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    gen_non_contig_grad_outputs=False,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_fwd_over_rev=False,
    check_rev_over_rev=True,
    fast_mode=False,
    masked=False,
):
    """Compares the second derivatives of a function with finite differences of its first.

    Args:
        func, inputs: as in `gradcheck`.
        grad_outputs: the gradients of the outputs; random ones unless given.
        gen_non_contig_grad_outputs: the random ones have gaps in memory.
        check_fwd_over_rev, check_rev_over_rev: which mode differentiates the backward.
        eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad, check_grad_dtypes,
        check_batched_grad, fast_mode, masked: as in `gradcheck`.

    Returns:
        True.

    Raises:
        GradcheckError: a derivative is wrong.

    Example:
        >>> import facula as torch
        >>> x = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)
        >>> torch.autograd.gradgradcheck(torch.sin, (x,))
        True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    if check_undefined_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_undefined_grad=True requires check_rev_over_rev to be True")
    if check_batched_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_batched_grad=True requires check_rev_over_rev to be True")
    inputs = _tuple(inputs)
    if grad_outputs is None:
        grad_outputs = tuple(_random_like(o, gen_non_contig_grad_outputs) for o in _recorded(func(*inputs)))
    else:
        grad_outputs = _tuple(grad_outputs)
    count = len(grad_outputs)
    wanted = {i for i, t in enumerate(inputs) if _wants_gradient(t)}
    wanted_gradients = {i for i, t in enumerate(grad_outputs) if t.requires_grad}

    def first_derivative(*args):
        with torch.enable_grad():
            given = [t.requires_grad_() if i in wanted else t for i, t in enumerate(args[:-count])]
            vectors = [
                t.requires_grad_() if i in wanted_gradients else t for i, t in enumerate(args[-count:])
            ]
            found = torch.autograd.grad(
                _recorded(func(*given)),
                [t for i, t in enumerate(given) if i in wanted],
                vectors,
                create_graph=True,
                allow_unused=True,
            )
        return tuple(g for g in found if g is not None)

    return gradcheck(
        first_derivative,
        inputs + grad_outputs,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )


def _random_like(t, with_gaps: bool):
    dtype = t.dtype if _is_inexact(t) else torch.float64
    if not with_gaps or t.numel() < 2:
        return torch.randn(t.shape, dtype=dtype).requires_grad_()
    return torch.randn(*t.shape, 2, dtype=dtype)[..., 0].detach().requires_grad_()


class _Callable(type(torch)):
    """`import torch.autograd.gradcheck` puts this module where the function of the same name belongs."""

    def __call__(self, *args, **kwargs):
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
