// Special functions of doubles, compiled once: for kernels that gain nothing from vectors. Each is good to a
// few units in the last place, save close to a zero of an oscillating function, where the error is relative
// to its size nearby. float kernels call them too and round once.
#pragma once
#include <cstdint>

namespace facula::special {

// special_gamma.cpp
double digamma(double x);
// n >= 0; `pi_x`: pi times x, rounded to the caller's type, which decides how finite the poles of n = 1 are.
double polygamma(int64_t n, double x, double pi_x);
double zeta(double s, double q);  // Hurwitz
// special_igamma.cpp: regularised incomplete gamma functions, lower and upper
double igamma(double a, double x);
double igammac(double a, double x);
// special_bessel.cpp
double j0(double x);
double j1(double x);
double y0(double x);
double y1(double x);
double spherical_j0(double x);
double airy(double x, double phase);  // `phase`: 2/3 (-x)^(3/2) + pi/4, rounded to the caller's type

}  // namespace facula::special
