"""Window functions: torch.hann_window and the like, and those of torch.signal.windows."""

from __future__ import annotations

from math import pi

from .. import _C
from . import as_int, composite
from .fft import _c_name

_T = _C._functions


def _i0(x):
    from ..special import i0e

    return i0e(x) * x.abs().exp()  # infinite where the exponential is, as PyTorch's


# --- torch.hann_window ...: periodic by default ---


def _positions(function, window_length, periodic, options):
    """0, 1, ... as a tensor, and the number of points less one; or the window itself where it is trivial."""
    if isinstance(window_length, _C.Tensor):
        window_length = int(window_length)
    window_length = as_int(window_length)
    if not isinstance(window_length, int):
        kind = type(window_length).__name__
        raise TypeError(f"{function}(): argument 'window_length' (position 1) must be int, not {kind}")
    dtype = options["dtype"] or _C.get_default_dtype()
    layout = options.pop("layout")
    if layout is not None and layout != _C.strided:
        raise RuntimeError(f"{function} is not implemented for sparse types, got: {layout}")
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{function} expects floating point dtypes, got: {dtype}")
    if dtype.is_complex:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{_c_name(dtype)}'")
    if window_length < 0:
        raise RuntimeError(
            f"{function} requires non-negative window_length, got window_length={window_length}"
        )
    options["dtype"] = dtype
    n = window_length
    if n < 2:
        return None, n
    whole = n + 1 if periodic else n
    return _T.arange(n, dtype=dtype, device=options["device"]), whole - 1


def _window(function, formula, window_length, periodic, options):
    requires_grad = options.pop("requires_grad")
    at, last = _positions(function, window_length, periodic, options)
    if at is None:
        result = _T.ones(last, dtype=options["dtype"], device=options["device"])
    else:
        result = formula(at, last).to(options["dtype"])
    return result.requires_grad_() if requires_grad else result


def _options(dtype, layout, device, requires_grad):
    return {"dtype": dtype, "layout": layout, "device": device, "requires_grad": requires_grad}


def _in_order(function, **parameters):
    """Each is given only where those before it are: overloads of PyTorch, not defaults."""
    missing = ""
    for name, value in parameters.items():
        if value is None:
            missing = missing or name
        elif missing:
            raise TypeError(
                f"{function}() received an invalid combination of arguments: {name} without {missing}"
            )


def _hamming(alpha, beta):
    return lambda at, last: (at * (2 * pi / last)).cos() * -beta + alpha


@composite("torch")
def hann_window(
    window_length,
    periodic=True,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Hann window: (1 - cos(2 pi k / (N - 1))) / 2, with N one more than the length where it is periodic."""
    options = _options(dtype, layout, device, requires_grad)
    return _window("hann_window", _hamming(0.5, 0.5), window_length, periodic, options)


@composite("torch")
def hamming_window(
    window_length,
    periodic=None,
    alpha=None,
    beta=None,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Hamming window: alpha - beta cos(2 pi k / (N - 1)), with N one more than the length where periodic.

    Args:
        periodic: True by default; `alpha` (0.54) is given with it, `beta` (0.46) with both.
    """
    _in_order("hamming_window", periodic=periodic, alpha=alpha, beta=beta)
    periodic = True if periodic is None else periodic
    alpha, beta = 0.54 if alpha is None else alpha, 0.46 if beta is None else beta
    options = _options(dtype, layout, device, requires_grad)
    return _window("hamming_window", _hamming(alpha, beta), window_length, periodic, options)


@composite("torch")
def blackman_window(
    window_length,
    periodic=True,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Blackman window: 0.42 - 0.5 cos(2 pi k / (N - 1)) + 0.08 cos(4 pi k / (N - 1))."""

    def formula(at, last):
        at = at * (pi / last)
        return (at * 4).cos() * 0.08 - (at * 2).cos() * 0.5 + 0.42

    options = _options(dtype, layout, device, requires_grad)
    return _window("blackman_window", formula, window_length, periodic, options)


@composite("torch")
def bartlett_window(
    window_length,
    periodic=True,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Bartlett window: a triangle from 0 over 1 to 0."""

    def formula(at, last):
        rising = at * (2 / last)
        return _T.where(at <= last / 2, rising, 2 - rising)

    options = _options(dtype, layout, device, requires_grad)
    return _window("bartlett_window", formula, window_length, periodic, options)


@composite("torch")
def kaiser_window(
    window_length,
    periodic=None,
    beta=None,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Kaiser window: I0(beta sqrt(1 - (2 k / (N - 1) - 1)^2)) / I0(beta).

    Args:
        periodic: True by default; `beta` (12) is given with it.
    """
    _in_order("kaiser_window", periodic=periodic, beta=beta)
    periodic = True if periodic is None else periodic
    beta = 12.0 if beta is None else beta

    def formula(at, last):
        at = at.float() if at.dtype.itemsize == 2 else at  # rounded once
        centred = at * (2 / last) - 1
        inside = _i0((1 - centred * centred).clamp(min=0).sqrt() * beta)
        return inside / _i0(_T.full((), float(beta), dtype=inside.dtype, device=inside.device))

    options = _options(dtype, layout, device, requires_grad)
    return _window("kaiser_window", formula, window_length, periodic, options)


# --- torch.signal.windows: symmetric by default ---


class _Signal:
    """What the functions below share: the checks, the empty window and evenly spaced points."""

    def __init__(self, function, M, sym, dtype, layout, device, requires_grad):
        self.M, self.sym, self.requires_grad = M, sym, requires_grad
        self.options = {"dtype": dtype or _C.get_default_dtype(), "device": device}
        if M < 0:
            raise ValueError(f"{function} requires non-negative window length, got M={M}")
        if layout is not None and layout != _C.strided:
            raise ValueError(f"{function} is implemented for strided tensors only, got: {layout}")
        if self.options["dtype"] not in (_C.float32, _C.float64):
            raise ValueError(f"{function} expects float32 or float64 dtypes, got: {self.options['dtype']}")

    @property
    def steps(self):  # from the first point to the last
        return self.M - 1 if self.sym or self.M < 2 else self.M

    def line(self, start, step):
        return _T.linspace(start, start + (self.M - 1) * step, self.M, **self.options)

    def done(self, result):
        return result.requires_grad_() if self.requires_grad else result

    def ones(self):
        return self.done(_T.ones(self.M, **self.options))


@composite("signal.windows")
def exponential(
    M, *, center=None, tau=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False
):
    """exp(-|k - center| / tau), with the centre in the middle by default."""
    w = _Signal("exponential", M, sym, dtype, layout, device, requires_grad)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    if M == 0:
        return w.ones()
    if center is None:
        center = (M if not sym and M > 1 else M - 1) / 2
    return w.done((-w.line(-center / tau, 1 / tau).abs()).exp())


@composite("signal.windows")
def cosine(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """sin(pi (k + 1/2) / M)."""
    w = _Signal("cosine", M, sym, dtype, layout, device, requires_grad)
    if M == 0:
        return w.ones()
    step = pi / (M + 1 if not sym and M > 1 else M)
    return w.done(w.line(0.5 * step, step).sin())


@composite("signal.windows")
def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """exp(-((k - (M - 1) / 2) / std)^2 / 2)."""
    w = _Signal("gaussian", M, sym, dtype, layout, device, requires_grad)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    if M == 0:
        return w.ones()
    step = 1 / (std * 2**0.5)
    return w.done((-(w.line(-(M if not sym and M > 1 else M - 1) / 2 * step, step) ** 2)).exp())


@composite("signal.windows")
def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """I0(beta sqrt(1 - (2 k / (M - 1) - 1)^2)) / I0(beta)."""
    w = _Signal("kaiser", M, sym, dtype, layout, device, requires_grad)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M < 2:
        return w.ones()
    at = w.line(-float(beta), 2 * beta / w.steps)
    top = _T.full((), float(beta), **w.options)
    return w.done(_i0((top * top - at * at).clamp(min=0).sqrt()) / _i0(top))


@composite("signal.windows")
def bartlett(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """A triangle from 0 over 1 to 0."""
    w = _Signal("bartlett", M, sym, dtype, layout, device, requires_grad)
    if M < 2:
        return w.ones()
    return w.done(1 - w.line(-1, 2 / w.steps).abs())


@composite("signal.windows")
def general_cosine(M, *, a, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """sum over i of (-1)^i a[i] cos(2 pi i k / (M - 1))."""
    return _general_cosine("general_cosine", M, a, sym, dtype, layout, device, requires_grad)


def _general_cosine(function, M, a, sym, dtype, layout, device, requires_grad):
    w = _Signal(function, M, sym, dtype, layout, device, requires_grad)
    if M < 2:
        return w.ones()
    if not isinstance(a, (list, tuple)):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    at = w.line(0, 2 * pi / w.steps)
    order = _T.arange(len(a), **w.options).unsqueeze(1)
    weight = _C.tensor([(-1) ** i * c for i, c in enumerate(a)], **w.options).unsqueeze(1)
    return w.done((weight * (order * at).cos()).sum(0))


@composite("signal.windows")
def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """alpha - (1 - alpha) cos(2 pi k / (M - 1))."""
    a = [alpha, 1.0 - alpha]
    return _general_cosine("general_hamming", M, a, sym, dtype, layout, device, requires_grad)


@composite("signal.windows")
def hamming(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """general_hamming with alpha = 0.54."""
    return _general_cosine("hamming", M, [0.54, 0.46], sym, dtype, layout, device, requires_grad)


@composite("signal.windows")
def hann(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """general_hamming with alpha = 1/2."""
    return _general_cosine("hann", M, [0.5, 0.5], sym, dtype, layout, device, requires_grad)


@composite("signal.windows")
def blackman(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """general_cosine with the coefficients 0.42, 0.5, 0.08."""
    return _general_cosine("blackman", M, [0.42, 0.5, 0.08], sym, dtype, layout, device, requires_grad)


@composite("signal.windows")
def nuttall(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """general_cosine with Nuttall's four coefficients for the lowest side lobes."""
    a = [0.3635819, 0.4891775, 0.1365995, 0.0106411]
    return _general_cosine("nuttall", M, a, sym, dtype, layout, device, requires_grad)
