"""The library that computes Fourier transforms, chosen on first use: ducc0 where it is installed, else NumPy.

docs/decisions/0005-fourier-transforms.md says why these two. Either runs a transform of several dimensions
here as one pass per dimension, cut into pieces by size alone: the results are the same bits for every number
of threads, which the libraries' own threads do not promise.
"""

from __future__ import annotations

import os

from . import _C

__all__ = ["name", "transform"]

_C2C, _HALF, _WHOLE, _C2R = range(4)  # FftKind in src/ops/fft.h
_PIECE = 1 << 15  # points
_GRAIN = 16  # lines: a piece is a multiple of what the libraries transform at once

_chosen = None
_pool = None  # of threads, and their number


def transform(out, x, kind, dims, scale, forward):
    """Fills `out` with the transform of `x` along `dims`. Called by the engine with checked arguments.

    Args:
        out: a tensor of the result's dtype and shape, without gaps or overlap.
        x: float32, float64, complex64 or complex128, any strides, not empty.
        kind: which of the four forms.
        dims: non-negative dimensions; a real side is along the last of them.
        scale: 0 no factor, 1 the inverse root of the number of points, 2 its inverse.
        forward: the sign of the exponent is minus.
    """
    line = _library()
    to, source = out.numpy(), x.numpy()
    if kind == _C2R:
        if len(dims) > 1:
            changed = _C._functions.empty(x.shape, dtype=x.dtype).numpy()
            for d in dims[:-1]:
                _pass(line, source, changed, _C2C, d, scale, forward)
                source = changed
        _pass(line, source, to, kind, dims[-1], scale, forward)
        return
    for d in reversed(dims):
        _pass(line, source, to, kind, d, scale, forward)
        source, kind = to, _C2C


def name() -> str:
    """The library in use: "ducc0" or "numpy"."""
    return _library().__name__.strip("_")


def _library():
    global _chosen
    if _chosen is None:
        for candidate in (_ducc0, _numpy):
            try:
                __import__(candidate.__name__.strip("_"))
            except ImportError:
                continue
            _chosen = candidate
            break
        else:
            raise RuntimeError(
                "Fourier transforms need a library: install NumPy with `pip install numpy`, "
                "or ducc0, which is faster, with `pip install ducc0`"
            )
    return _chosen


def _pass(line, source, to, kind, d, scale, forward):
    """Transforms along one dimension, piece by piece."""
    across = max((k for k in range(to.ndim) if k != d), key=lambda k: to.shape[k], default=None)
    points = max(source.size, to.size)
    if across is None or points <= _PIECE:
        return line(to, source, kind, d, scale, forward)
    lines = to.shape[across]
    step = max(1, _PIECE * lines // points)
    step = -(-step // _GRAIN) * _GRAIN
    before = (slice(None),) * across

    def run(start):
        at = (*before, slice(start, start + step))
        line(to[at], source[at], kind, d, scale, forward)

    starts = range(0, lines, step)
    threads = min(_C.get_num_threads(), len(starts))
    if threads == 1:
        for start in starts:
            run(start)
    else:
        for _ in _threads(threads).map(run, starts):
            pass
    return None


def _threads(count):
    global _pool
    if _pool is None or _pool[1] != count:
        from concurrent.futures import ThreadPoolExecutor

        if _pool is None:
            os.register_at_fork(after_in_child=_forget_threads)
        _pool = ThreadPoolExecutor(count, "facula-fft"), count
    return _pool[0]


def _forget_threads():
    global _pool
    _pool = None


def _ducc0(out, x, kind, d, scale, forward):
    from ducc0 import fft

    if kind == _C2C or kind == _WHOLE:
        fft.c2c(x, axes=(d,), forward=forward, inorm=scale, out=out, nthreads=1)
    elif kind == _HALF:
        fft.r2c(x, axes=(d,), forward=True, inorm=scale, out=out, nthreads=1)
    else:
        fft.c2r(x, axes=(d,), lastsize=out.shape[d], forward=False, inorm=scale, out=out, nthreads=1)


# NumPy names a factor after the direction that carries it.
_NORMS = {True: ("backward", "ortho", "forward"), False: ("forward", "ortho", "backward")}


def _numpy(out, x, kind, d, scale, forward):
    import numpy
    from numpy import fft

    how = {"axis": d, "norm": _NORMS[forward][scale]}
    native = int(numpy.__version__.partition(".")[0]) >= 2  # single precision, and `out`
    if native:
        how["out"] = out
    with numpy.errstate(invalid="ignore", over="ignore"):  # NaN in, NaN out: no warning
        if kind == _C2C or kind == _WHOLE:
            result = (fft.fft if forward else fft.ifft)(x, **how)
        elif kind == _HALF:
            result = fft.rfft(x, **how)
        else:
            result = fft.irfft(x, n=out.shape[d], **how)
    if not native:
        out[...] = result
