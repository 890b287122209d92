"""Jacobians by finite differences, by backward and by forward mode, for gradcheck."""

from __future__ import annotations

import warnings

import facula as torch

from .. import _C
from . import forward_ad


class GradcheckError(RuntimeError):
    """A derivative that is wrong, or a function that cannot be checked."""


def _tuple(value):
    return value if isinstance(value, tuple) else tuple(value) if isinstance(value, list) else (value,)


def _is_inexact(t) -> bool:
    return isinstance(t, _C.Tensor) and (t.is_floating_point() or t.is_complex())


def _wants_gradient(t) -> bool:
    return isinstance(t, _C.Tensor) and t.requires_grad


def _recorded(outputs):
    return tuple(o for o in _tuple(outputs) if _wants_gradient(o))


def is_sparse(t) -> bool:
    """In coordinate form or compressed."""
    return t.layout != _C.strided


def _content(t):
    """The numbers that are moved, behind the graph: of a sparse tensor its values."""
    return (t._held if is_sparse(t) else t).data


def _gradient_content(t, g):
    """A gradient of t at the places of `_content(t)`."""
    if is_sparse(t) and not t.is_sparse:
        return t._values_of(g)
    g = g.to_dense() if is_sparse(g) else g
    return g[tuple(t._indices())] if t.is_sparse else g


# --- numerically ---


def _plain_call(function, inputs):
    return tuple(o.detach().clone() for o in _tuple(function(*inputs)) if isinstance(o, _C.Tensor))


def _difference(function, inputs, at: int, step, eps: float):
    """(f(x + step) - f(x - step)) / 2 eps for each output; `step` is a tensor like input `at`, of size eps.

    The input itself is moved, and moved back: the function may hold it by another way than its argument.
    """
    values = _content(inputs[at])
    before = values.clone()
    results = []
    try:
        for sign in (1, -1):
            values.copy_(before + sign * step)
            results.append(_plain_call(function, inputs))
    finally:
        values.copy_(before)
    for a, b in zip(*results):
        for what in ("shape", "dtype"):
            if getattr(a, what) != getattr(b, what):
                raise AssertionError(
                    f"Expected `func` to return outputs with the same {what} when inputs are perturbed by "
                    f"{eps}, "
                    f"but got: {what}s {getattr(a, what)} and {getattr(b, what)}."
                )
    return [(a - b) / (2 * eps) for a, b in zip(*results)]


def _numerical_directional(function, inputs, at: int, direction, eps: float):
    return _difference(function, inputs, at, direction * eps, eps)


def _numerical_jacobians(function, inputs, at: int, outputs, eps: float):
    """For each output a matrix: a row an element of input `at`, a column an element of the output."""
    x = _content(inputs[at])
    units = (1.0, 1j) if x.is_complex() else (1.0,)
    matrices = [
        torch.zeros(x.numel(), o.numel(), dtype=torch.promote_types(x.dtype, o.dtype)) for o in outputs
    ]
    for k in range(x.numel()):
        for unit in units:
            step = torch.zeros_like(x.detach(), memory_format=torch.contiguous_format)
            step.view(-1)[k] = eps * unit
            for matrix, change in zip(matrices, _difference(function, inputs, at, step, eps)):
                matrix[k] += unit * change.reshape(-1)
    return matrices


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`{name}` was part of PyTorch's private API and not meant to be exposed. Use gradcheck.",
        FutureWarning,
        stacklevel=3,
    )


def get_numerical_jacobian(fn, inputs, target=None, eps=1e-3, grad_out=1.0):
    """Jacobians of the first output by finite differences, one for each input that requires grad; `fn` takes
    the inputs as one tuple. Deprecated.

    Raises:
        ValueError: another `grad_out`, or a complex output.
    """
    _deprecated("get_numerical_jacobian")
    if grad_out != 1.0:
        raise ValueError(
            "Expected grad_out to be 1.0. get_numerical_jacobian no longer supports values of "
            "grad_out != 1.0."
        )
    inputs = _tuple(inputs)
    chosen = inputs if target is None else _tuple(target)

    def of_separate(*args):
        return fn(args)

    outputs = _plain_call(of_separate, inputs)
    if any(o.is_complex() for o in outputs):
        raise ValueError(
            "Expected output to be non-complex. get_numerical_jacobian no longer supports "
            "functions that return complex outputs."
        )
    return tuple(
        _numerical_jacobians(of_separate, inputs, i, outputs, eps)[0]
        for i, t in enumerate(inputs)
        if _wants_gradient(t) and any(t is each for each in chosen)
    )


# --- analytically ---


def _backward(output, inputs, vector, retain=True):
    """Gradients of the inputs that require grad, zeros where there is none."""
    wanted = [t for t in inputs if _wants_gradient(t)]
    found = torch.autograd.grad(output, wanted, vector, retain_graph=retain, allow_unused=True)
    return wanted, found


def _analytical_jacobians(inputs, output, check_dtypes: bool):
    """For each input that requires grad a matrix as in _numerical_jacobians."""
    wanted = [t for t in inputs if _wants_gradient(t)]
    matrices = [torch.zeros(_content(t).numel(), output.numel(), dtype=t.dtype) for t in wanted]
    for k in range(output.numel()):
        unit = torch.zeros_like(output.detach(), memory_format=torch.contiguous_format)
        unit.view(-1)[k] = 1
        for matrix, t, g in zip(matrices, wanted, _backward(output, inputs, unit)[1]):
            if g is None:
                continue
            if check_dtypes and g.dtype != t.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
            if g.size() != t.size():
                raise GradcheckError("Analytical gradient has incorrect size")
            matrix[:, k] = _gradient_content(t, g).detach().reshape(-1)
    return matrices


def get_analytical_jacobian(inputs, output, nondet_tol=0.0, grad_out=1.0):
    """(Jacobians of the output by backward, whether two runs agree, sizes right, dtypes right). Deprecated.

    Raises:
        ValueError: another `grad_out`, or a complex output.
    """
    _deprecated("get_analytical_jacobian")
    if grad_out != 1.0:
        raise ValueError(
            "Expected grad_out to be 1.0. get_analytical_jacobian no longer supports values of "
            "grad_out != 1.0."
        )
    if output.is_complex():
        raise ValueError(
            "Expected output to be non-complex. get_analytical_jacobian no longer supports "
            "functions that return complex outputs."
        )
    inputs = _tuple(inputs)
    first, second = (_analytical_jacobians(inputs, output, False) for _ in range(2))
    return tuple(first), _agree(first, second, nondet_tol), True, True


def _agree(first, second, tolerance: float) -> bool:
    return all(a.numel() == 0 or bool((a - b).abs().max() <= tolerance) for a, b in zip(first, second))


def _need_repeatable(first, second, tolerance: float) -> None:
    if not _agree(first, second, tolerance):
        raise GradcheckError(
            "Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
            "times "
            "gives different values, although analytical gradient matches numerical gradient.The tolerance "
            "for "
            f"nondeterminism was {tolerance}.\n\nGive nondet_tol= the difference that is to be allowed."
        )


def _forward_tangents(function, inputs, at: int, direction):
    with forward_ad.dual_level():
        moved = list(inputs)  # all that are checked are dual: functions may ask for their tangents
        for i, t in enumerate(inputs):
            if _wants_gradient(t):
                moved[i] = forward_ad.make_dual(t.detach(), direction if i == at else torch.zeros_like(t))
        pairs = [forward_ad.unpack_dual(o) for o in _tuple(function(*moved)) if _is_inexact(o)]
        return [torch.zeros_like(p) if t is None else t.detach().clone() for p, t in pairs]


def _forward_jacobians(function, inputs, at: int, outputs, check_dtypes: bool):
    x = inputs[at]
    matrices = [torch.zeros(x.numel(), o.numel(), dtype=o.dtype) for o in outputs]
    for k in range(x.numel()):
        unit = torch.zeros_like(x.detach(), memory_format=torch.contiguous_format)
        unit.view(-1)[k] = 1
        for matrix, t in zip(matrices, _forward_tangents(function, inputs, at, unit)):
            if check_dtypes and t.dtype != matrix.dtype:
                raise GradcheckError("Forward AD gradient has dtype mismatch.")
            matrix[k] = t.reshape(-1)
    return matrices
