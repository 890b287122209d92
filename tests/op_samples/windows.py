"""Window functions."""

from __future__ import annotations

from op_tools import Name, Op

from .common import S


def rows() -> dict[str, Op]:
    once = {"dtypes": ("float32",), "grad": False}
    periodic = [S(0), S(1), S(7), S(8, False), S(9, dtype=Name("float64"))]
    signal = [S(0), S(1), S(8), S(7, sym=False), S(9, dtype=Name("float64"))]
    return {
        "hann_window": Op(*periodic, **once),
        "hamming_window": Op(*periodic, S(8, True, 0.6), S(8, True, 0.6, 0.3), **once),
        "blackman_window": Op(*periodic, **once),
        "bartlett_window": Op(*periodic, **once),
        "kaiser_window": Op(*periodic, S(8, True, 3.0), **once),
        "exponential": Op(*signal, S(6, tau=2.0), S(6, center=1, sym=False), **once),
        "cosine": Op(*signal, **once),
        "gaussian": Op(*signal, S(6, std=2.0), **once),
        "kaiser": Op(*signal, S(6, beta=3.0), **once),
        "bartlett": Op(*signal, **once),
        "general_cosine": Op(S(7, a=[0.4, 0.5, 0.1]), S(6, a=[1.0], sym=False), **once),
        "general_hamming": Op(*signal, S(6, alpha=0.7), **once),
        "hamming": Op(*signal, **once),
        "hann": Op(*signal, **once),
        "blackman": Op(*signal, **once),
        "nuttall": Op(*signal, **once),
    }
