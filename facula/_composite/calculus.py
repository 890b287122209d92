"""Numerical integrals and derivatives of sampled functions."""

from __future__ import annotations

from .. import _C
from . import composite
from .fft import _wrap

_T = _C._functions


def _areas(function, y, x, dx, dim):
    """The trapezoids between neighbouring samples."""
    if y.dtype == _C.bool and (y.dim() or function != "trapezoid"):
        raise RuntimeError(f"{function}: received a bool input for `y`, but bool is not supported")
    if y.dim() == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = _wrap(dim, y.dim())
    if x is not None and not isinstance(x, _C.Tensor):
        raise TypeError(f"{function}(): argument 'x' must be Tensor, not {type(x).__name__}")
    if x is None:
        if isinstance(dx, bool):
            raise RuntimeError(f"{function}: Currently, we only support dx as a real number, got bool")
        if isinstance(dx, complex):
            raise RuntimeError(f"{function}: Currently, we only support dx as a real number.")
        width = dx
    else:
        if x.dtype == _C.bool:
            raise RuntimeError(f"{function}: received a bool input for `x`, but bool is not supported")
        if x.dim() == 0:
            width = x.new_zeros(0)
        elif x.dim() == 1 and y.dim() > 1:
            if x.size(0) != y.size(dim):
                raise RuntimeError(f"{function}: There must be one `x` value for each sample point")
            width = x.diff().reshape([-1] + [1] * (y.dim() - 1 - dim))
        elif x.dim() == y.dim() and x.size(dim) != y.size(dim) and y.dim() == 1:
            raise RuntimeError(f"{function}: There must be one `x` value for each sample point")
        else:
            x = x.reshape([1] * (y.dim() - x.dim()) + list(x.shape)) if x.dim() < y.dim() else x
            width = x.narrow(dim, 1, max(x.size(dim) - 1, 0)) - x.narrow(dim, 0, max(x.size(dim) - 1, 0))
    n = y.size(dim)
    left, right = y.narrow(dim, 0, max(n - 1, 0)), y.narrow(dim, min(1, n), max(n - 1, 0))
    return (left + right) * width, dim


@composite("torch", aliases="trapz")
def trapezoid(y, x=None, *, dx=1, dim=-1):
    """The integral along `dim` by the trapezoidal rule, of samples at `x` or a distance `dx` apart."""
    if y.dim() and y.size(dim) == 0:
        return _empty_integral(y, x, dim)
    areas, dim = _areas("trapezoid", y, x, dx, dim)
    if x is None:
        whole = (y.sum(dim) - (y.select(dim, 0) + y.select(dim, -1)) * 0.5) * dx
        return _C._name_history(whole, "MulBackward1")
    return _C._name_history(areas.sum(dim) / 2.0, "DivBackward1")


def _empty_integral(y, x, dim):
    shape = list(y.shape)
    del shape[dim]
    return _T.zeros(shape, dtype=y.dtype, device=y.device)


@composite("torch")
def cumulative_trapezoid(y, x=None, *, dx=1, dim=-1):
    """The running integral along `dim` by the trapezoidal rule; one element less than there are samples."""
    if x is None:
        areas, dim = _areas("cumulative_trapezoid", y, x, 1, dim)
        return (areas * (dx / 2.0)).cumsum(dim)
    areas, dim = _areas("cumulative_trapezoid", y, x, dx, dim)
    return _C._name_history(areas.cumsum(dim) / 2.0, "DivBackward1")


# --- gradient ---


def _spacings(x, spacing, dims, given):
    """For each dimension a number, or a 1-d tensor of coordinates."""
    if spacing is None:
        return [1] * len(dims)
    if isinstance(spacing, _C.Tensor) and not spacing.dim():
        spacing = spacing.item()
    if isinstance(spacing, (int, float, complex)) and not isinstance(spacing, bool):
        return [spacing] * len(dims)
    spacing = list(spacing)
    if given:
        if len(spacing) != len(dims):
            raise RuntimeError(
                "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim "
                "arguments "
                f"to have the same length, but got a spacing argument of length {len(spacing)} and a dim "
                f"argument of length {len(dims)}."
            )
    elif len(spacing) != x.dim():
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to "
            f"'self.dim() = {x.dim()}', since dim argument was not given, but got a list of length "
            f"{len(spacing)}"
        )
    return spacing


def _even(x, d, step, order):
    n = x.size(d)
    inner = (x.narrow(d, 2, n - 2) - x.narrow(d, 0, n - 2)) / (2 * step)
    if order == 1:
        first = (x.narrow(d, 1, 1) - x.narrow(d, 0, 1)) / step
        last = (x.narrow(d, n - 1, 1) - x.narrow(d, n - 2, 1)) / step
    else:

        def edge(k, sign):
            at = [x.narrow(d, k, 1), x.narrow(d, k + sign, 1), x.narrow(d, k + 2 * sign, 1)]
            return (at[0] * -1.5 + at[1] * 2 - at[2] * 0.5) * sign / step

        first, last = edge(0, 1), edge(n - 1, -1)
    return _T.cat([first, inner, last], d)


def _uneven(x, d, at, order):
    n = x.size(d)
    step = at.diff().reshape([-1] + [1] * (x.dim() - 1 - d))
    left, right = step[:-1], step[1:]

    def between(low, high):
        return x.narrow(d, high, 1) - x.narrow(d, low, 1)

    a = -right / (left * (left + right))
    b = (right - left) / (left * right)
    c = left / (right * (left + right))
    inner = a * x.narrow(d, 0, n - 2) + b * x.narrow(d, 1, n - 2) + c * x.narrow(d, 2, n - 2)
    if order == 1:
        first, last = between(0, 1) / step[0], between(n - 2, n - 1) / step[-1]
    else:

        def edge(h1, h2, k, sign):
            weights = (
                -(2 * h1 + h2) / (h1 * (h1 + h2)),
                (h1 + h2) / (h1 * h2),
                -h1 / (h2 * (h1 + h2)),
            )
            return sum(w * x.narrow(d, k + i * sign, 1) for i, w in enumerate(weights)) * sign

        first, last = edge(step[0], step[1], 0, 1), edge(step[-1], step[-2], n - 1, -1)
    return _T.cat([first, inner, last], d)


@composite("torch")
def gradient(input, *, spacing=None, dim=None, edge_order=1):
    """Derivatives of samples of a function by central differences: a tuple, one tensor a dimension.

    Args:
        input: samples on a grid.
        spacing: the distance between samples: one number, one for each dimension, or for each dimension a
            1-d tensor of coordinates.
        dim: the dimension or dimensions; all by default.
        edge_order: 1 or 2, the order of the one-sided differences at the borders.
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if input.dtype in (_C.uint8,):
        raise RuntimeError("torch.gradient does not support uint8 input.")
    given = dim is not None
    dims = range(input.dim()) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [_wrap(d, input.dim()) for d in dims]
    for d in dims:
        if dims.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    steps = _spacings(input, spacing, dims, given)
    for d in dims:
        if input.size(d) < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    result = []
    for d, step in zip(dims, steps):
        if isinstance(step, _C.Tensor):
            if step.dim() != 1:
                raise RuntimeError(
                    "torch.gradient expected each element of spacing to have one dimension, but got an "
                    "element "
                    f"with {step.dim()} dimensions!"
                )
            result.append(_uneven(input, d, step, edge_order))
        else:
            result.append(_even(input, d, step, edge_order))
    return tuple(result)
