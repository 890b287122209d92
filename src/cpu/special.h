// Special functions of doubles, compiled once: for kernels that gain nothing from vectors. Each is good to a
// few units in the last place, save close to a zero of an oscillating function, where the error is relative
// to its size nearby. float kernels call them too and round once.
#pragma once
#include <cstdint>

namespace facula::special {

// special_gamma.cpp
double digamma(double x);
double polygamma(int64_t n, double x);  // n >= 0
double zeta(double s, double q);        // Hurwitz
// special_igamma.cpp: regularised incomplete gamma functions, lower and upper
double igamma(double a, double x);
double igammac(double a, double x);
// special_bessel.cpp
double j0(double x);
double j1(double x);
double y0(double x);
double y1(double x);
double spherical_j0(double x);
double airy(double x);
// special_polynomials.cpp; n is truncated to an integer, and negative degrees are zero. A recurrence that
// passes `largest`, the largest number of the type asked for, overflows.
double chebyshev_t(double x, double n, double largest);
double chebyshev_u(double x, double n, double largest);
double chebyshev_v(double x, double n, double largest);
double chebyshev_w(double x, double n, double largest);
double shifted_chebyshev_t(double x, double n, double largest);  // those of 2 x - 1
double shifted_chebyshev_u(double x, double n, double largest);
double shifted_chebyshev_v(double x, double n, double largest);
double shifted_chebyshev_w(double x, double n, double largest);
double hermite_h(double x, double n, double largest);
double hermite_he(double x, double n, double largest);
double laguerre(double x, double n, double largest);
double legendre(double x, double n, double largest);

}  // namespace facula::special
