"""Writes src/cpu/special_tables.h: coefficients of the special functions, from mpmath at high precision.

Chebyshev series in a variable t on [-1, 1] that maps the interval of each fit, cut where the rest is below
the precision of a double; and the expansion of the incomplete gamma function for large parameters.

    python tools/fit_special.py > src/cpu/special_tables.h
"""

from __future__ import annotations

from fractions import Fraction

import mpmath as mp

mp.mp.dps = 50
INF = mp.inf


def chebyshev(f, points: int = 96) -> list:
    """Coefficients of f on [-1, 1] from its values at the Chebyshev nodes."""
    angles = [mp.pi * (k + mp.mpf(1) / 2) / points for k in range(points)]
    values = [mp.mpf(f(mp.cos(a))) for a in angles]
    c = [
        2 * mp.fsum(v * mp.cos(j * a) for v, a in zip(values, angles)) / points
        for j in range(points * 3 // 4)
    ]
    c[0] /= 2
    size = max(abs(x) for x in c)
    while abs(c[-1]) < size * mp.mpf(2) ** -57:
        c.pop()
    return c


def on(low, high, f):
    """f on [low, high]."""
    return lambda t: f(low + (high - low) * (t + 1) / 2)


def tail(start, f):
    """f(x) for x in [start, inf), in t = 2 start / x - 1."""
    return lambda t: f(2 * mp.mpf(start) / (t + 1))


def ratio(k, f):
    """f(x) for x in [0, inf), in t = (x - k) / (x + k)."""
    return lambda t: f(k * (1 + t) / (1 - t))


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def ndtri_tail(r):
    """x > 0 with ndtr(-x) = exp(-r^2 / 2), over r."""
    target = -r * r / 2
    x = r - mp.log(r * mp.sqrt(2 * mp.pi)) / r if r > 3 else r * 0.6
    for _ in range(60):
        e = erfcx(x / mp.sqrt(2))
        step = (mp.log(e / 2) - x * x / 2 - target) * e * mp.sqrt(mp.pi / 2)
        x += step
        if abs(step) < mp.mpf(10) ** -45:
            break
    return x / r


def ndtri_middle(y):
    """ndtri(1/2 + q) / q for q^2 = y."""
    q = mp.sqrt(y)
    return mp.erfinv(2 * q) * mp.sqrt(2) / q if y else mp.sqrt(2 * mp.pi)


def airy_parts(zeta):
    """P and Q with Ai(-x) = x^(-1/4) / sqrt(pi) (P sin(zeta + pi/4) - Q cos(zeta + pi/4))."""
    x = (3 * zeta / 2) ** (mp.mpf(2) / 3)
    a, b, angle = mp.airyai(-x), mp.airybi(-x), zeta + mp.pi / 4
    scale = mp.sqrt(mp.pi) * x ** mp.mpf("0.25")
    s, c = mp.sin(angle), mp.cos(angle)
    return scale * (a * s + b * c), scale * (b * s - a * c) * zeta


def airy_decay(zeta):
    x = (3 * zeta / 2) ** (mp.mpf(2) / 3)
    return mp.airyai(x) * mp.exp(zeta) * x ** mp.mpf("0.25")


DIGAMMA_ROOT = mp.findroot(mp.digamma, mp.mpf("1.4616321449683623"))
START = mp.mpf(4) * mp.sqrt(2) / 3  # zeta at x = 2
TURN = mp.mpf(16) / 3  # zeta at x = 4
FITS = {
    "erfcx": ("(1 + 2 x) erfcx(x), t = (x - 4) / (x + 4)", ratio(4, lambda x: (1 + 2 * x) * erfcx(x))),
    "i0e_near": ("i0e(x), 0 <= x <= 8", on(0, 8, lambda x: mp.besseli(0, x) * mp.exp(-x))),
    "i0e_far": ("i0e(x) sqrt(x), x >= 8", tail(8, lambda x: mp.besseli(0, x) * mp.exp(-x) * mp.sqrt(x))),
    "i1e_near": ("i1e(x) / x", on(0, 8, lambda x: mp.besseli(1, x) * mp.exp(-x) / x)),
    "i1e_far": ("i1e(x) sqrt(x)", tail(8, lambda x: mp.besseli(1, x) * mp.exp(-x) * mp.sqrt(x))),
    "k0_near": (
        "k0(x) + log(x / 2) i0(x) in x^2, 0 <= x <= 2",
        on(0, 4, lambda y: mp.besselk(0, mp.sqrt(y)) + mp.log(mp.sqrt(y) / 2) * mp.besseli(0, mp.sqrt(y))),
    ),
    "k0_far": ("k0(x) e^x sqrt(x), x >= 2", tail(2, lambda x: mp.besselk(0, x) * mp.exp(x) * mp.sqrt(x))),
    "k1_near": (
        "x (k1(x) - log(x / 2) i1(x)) in x^2, 0 <= x <= 2",
        on(
            0,
            4,
            lambda y: (
                mp.sqrt(y) * (mp.besselk(1, mp.sqrt(y)) - mp.log(mp.sqrt(y) / 2) * mp.besseli(1, mp.sqrt(y)))
            ),
        ),
    ),
    "k1_far": ("k1(x) e^x sqrt(x), x >= 2", tail(2, lambda x: mp.besselk(1, x) * mp.exp(x) * mp.sqrt(x))),
    "airy_far_left": ("Ai(x), -4 <= x <= -2", on(-4, -2, mp.airyai)),
    "airy_left": ("Ai(x), -2 <= x <= 0", on(-2, 0, mp.airyai)),
    "airy_right": ("Ai(x), 0 <= x <= 2", on(0, 2, mp.airyai)),
    "airy_decay": ("Ai(x) e^zeta x^(1/4) for x >= 2, in zeta = 2/3 x^(3/2)", tail(START, airy_decay)),
    "airy_p": (
        "the two parts of Ai(-x), x >= 4, in zeta^2",
        tail(TURN**2, lambda z: airy_parts(mp.sqrt(z))[0]),
    ),
    "airy_q": ("", tail(TURN**2, lambda z: airy_parts(mp.sqrt(z))[1])),
    "ndtri_middle": ("ndtri(1/2 + q) / q in q^2, |q| <= 3/8", on(0, mp.mpf(9) / 64, ndtri_middle)),
    "ndtri_near": ("-ndtri(p) / r, r = sqrt(-2 log p) from 1.9 to 6", on(mp.mpf("1.9"), 6, ndtri_tail)),
    "ndtri_far": ("the same from 6 to 39", on(6, 39, ndtri_tail)),
    "lgamma1p": (
        "lgamma(1 + a) / a, 0 <= a <= 5/4",
        on(0, mp.mpf("1.25"), lambda a: mp.loggamma(1 + a) / a),
    ),
    "digamma_middle": (
        "digamma(x) / (x - root), 1 <= x <= 2",
        on(1, 2, lambda x: mp.digamma(x) / (x - DIGAMMA_ROOT)),
    ),
}


def double(x) -> str:
    return mp.nstr(mp.mpf(x), 17, strip_zeros=True, min_fixed=-4, max_fixed=17)


def array(name: str, comment: str, values) -> str:
    head = f"// {comment}\n" if comment else ""
    return head + f"inline constexpr double {name}[] = {{" + ", ".join(map(double, values)) + "};"


def times(a, b, n):
    return [sum((a[i] * b[k - i] for i in range(k + 1)), Fraction(0)) for k in range(n)]


def inverse(a, n):
    b = [1 / a[0]]
    for k in range(1, n):
        b.append(-sum((a[i] * b[k - i] for i in range(1, k + 1)), Fraction(0)) / a[0])
    return b


def temme(orders: int, degree: int) -> list[list[Fraction]]:
    """c_k(eta) as power series (DLMF 8.12.9-11): eta^2 / 2 = mu - log(1 + mu), lambda = 1 + mu."""
    n = degree + 2 * orders + 4
    # mu(eta): mu' = eta (1 + mu) / mu, so mu mu' = eta (1 + mu); with mu = sum m_k eta^k, m_1 = 1
    m = [Fraction(0), Fraction(1)]
    for k in range(2, n + 1):  # coefficient of eta^k in mu mu'
        known = sum((m[i] * (k + 1 - i) * m[k + 1 - i] for i in range(2, k)), Fraction(0))
        m.append((m[k - 1] - known) / (k + 1))
    over_mu = inverse(m[1:], n)  # eta / mu
    # Stirling: log Gamma*(a) = sum B_2k / (2k (2k - 1) a^(2k-1)); g_k from its exponential
    bernoulli = [Fraction(int(p), int(q)) for p, q in (mp.bernfrac(k) for k in range(2 * orders + 4))]
    log_gamma = [Fraction(0)] * (orders + 2)
    for k in range(1, orders + 2, 2):
        log_gamma[k] = bernoulli[k + 1] / (k * (k + 1))
    g = [Fraction(1)]
    for k in range(1, orders + 2):
        g.append(sum((i * log_gamma[i] * g[k - i] for i in range(1, k + 1)), Fraction(0)) / k)
    table = []
    previous = over_mu[1:]  # 1 / mu - 1 / eta
    for k in range(orders):
        if k:
            # derivative / eta + (-1)^k g_k / mu: the poles in 1 / eta cancel
            slope = [i * c for i, c in enumerate(previous)][1:]
            pole = [(-1) ** k * g[k] * c for c in over_mu]
            sums = [a + b for a, b in zip(slope, pole)]
            assert sums[0] == 0
            previous = sums[1:]
        table.append(previous[:degree])
    return table


def main() -> None:
    print("// Coefficients of the special functions. Written by tools/fit_special.py: change that.")
    print("#pragma once\n\nnamespace facula::tables {\n\n// clang-format off")
    for name, (comment, f) in FITS.items():
        print(array(name, comment, chebyshev(f)))
    high = mp.mpf(float(DIGAMMA_ROOT))
    print(f"inline constexpr double digamma_root = {double(high)}, digamma_root_low = "
          f"{double(DIGAMMA_ROOT - high)};")  # fmt: skip
    rows = temme(10, 32)
    print("// c_k(eta) of the incomplete gamma function, a row a power of 1 / a")
    print(f"inline constexpr double temme[{len(rows)}][{len(rows[0])}] = {{")
    for row in rows:
        print("{" + ", ".join(double(mp.mpf(c.numerator) / c.denominator) for c in row) + "},")
    print("};\n// clang-format on\n\n}  // namespace facula::tables")


if __name__ == "__main__":
    main()
