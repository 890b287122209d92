// Circular and hyperbolic functions and their inverses.
#pragma once
#include "cpu/math_exp.h"

namespace facula {
inline namespace FACULA_ISA {

// Single-precision sine and cosine reduce and evaluate in double: 53 bits make a two-part
// pi/2 exact enough for |x| < 2^28.
struct Reduced {
  double r;
  uint64_t quadrant;
};
inline Reduced reduce_half_pi(float x) {
  const double shifted = double(x) * 6.36619772367581382433e-01 + 0x1.8p52, n = shifted - 0x1.8p52;
  return {(x - n * 1.57079631090164184570e+00) - n * 1.58932547735281966916e-08, bits_of(shifted)};
}
inline double short_sin(double r) {
  const double z = r * r;
  return r * (1 + z * polynomial(z, -0x15555554cbac77.0p-55, 0x111110896efbb2.0p-59, -0x1a00f9e2cae774.0p-65,
                                 0x16cd878c3b46a7.0p-71));
}
inline double short_cos(double r) {
  const double z = r * r;
  return 1 + z * polynomial(z, -0x1ffffffd0c5e81.0p-54, 0x155553e1053a42.0p-57, -0x16c087e80f1e27.0p-62,
                            0x199342e0ee5069.0p-68);
}
inline float sin_quadrant(double r, uint64_t quadrant) {
  const double y = (quadrant & 1) ? short_cos(r) : short_sin(r);
  return float(std::bit_cast<double>(bits_of(y) ^ ((quadrant & 2) << 62)));
}
inline float sin(float x) {
  const auto [r, q] = reduce_half_pi(x);
  return sin_quadrant(r, q);
}
inline float cos(float x) {
  const auto [r, q] = reduce_half_pi(x);
  return sin_quadrant(r, q + 1);
}
inline double sin(double x) { return __builtin_sin(x); }
inline double cos(double x) { return __builtin_cos(x); }

inline float tanh(float x) {  // Cephes: odd polynomial near 0, exponential elsewhere
  const float a = fabs(x), z = x * x;
  const float p = polynomial(z, -3.33332819422e-1f, 1.33314422036e-1f, -5.37397155531e-2f, 2.06390887954e-2f,
                             -5.70498872745e-3f);
  const float large = 1.f - 2.f / (exp(2.f * a) + 1.f);
  return copysign(a < 0.625f ? p * z * a + a : large, x);
}
inline double tanh(double x) {
  const double a = fabs(x), z = x * x;
  const double p =
      polynomial(z, -1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1);
  const double q =
      polynomial(z, 4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.);
  const double large = 1 - 2 / (exp(2 * a) + 1);
  return copysign(a < 0.625 ? a + a * z * (p / q) : large, x);
}

}  // namespace FACULA_ISA
}  // namespace facula
