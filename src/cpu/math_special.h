// Error functions and the logarithm of the gamma function with its derivatives. Those marked "libm" do not
// vectorise: no vector version would pay.
#pragma once
#include "cpu/math_trig.h"

namespace facula {
inline namespace FACULA_ISA {

inline float erf(float x) {  // odd polynomial below 1 (less a, for precision), 1 - e^-q above, 1 from 4 on
  const float size = fabs(x), a = size > 4.f ? 4.f : size, z = a * a;
  const float small = polynomial(z, 0.128379165727088790f, -0.37612625825101132f, 0.112835851506760011f,
                                 -0.0268538118463974113f, 0.00518832731951507923f, -0.000801018924727330219f,
                                 0.0000785384404589640191f);
  const float q = polynomial(a, -0.000188461883362617942f, 1.12958028362510102f, 0.633216451726396983f,
                             0.108422040699690376f, -0.0252103026106935443f, 0.00420527098110407082f,
                             -0.000441469873898919987f, 0.0000216973793044360887f);
  return copysign(a < 1.f ? a + a * small : 1.f - exp(-q), x);
}
inline double erf(double x) { return __builtin_erf(x); }  // libm

inline float erfc(float x) {  // e^(-x^2) t P(t) in double, t = 1 / (1 + x/2); 2 - that for negative x
  const double size = fabs(double(x)), a = size > 11. ? 11. : size, t = 1 / (1 + 0.5 * a);
  const double p =
      polynomial(t, 0.282098044271385589, 0.281988861674429195, 0.248351634330759223, 0.163652987688662439,
                 0.151875640600767459, -0.252869157504746703, 0.56701992350233446, -1.11875556794209253,
                 1.17151142715534056, -0.677481865356833656, 0.210323420890106881, -0.0277153489004300594);
  const double y = wide_exp(-a * a) * t * p;
  return float(x < 0 ? 2 - y : y);
}
inline double erfc(double x) { return __builtin_erfc(x); }  // libm

// Giles' approximation, then Halley's method on erf, or on erfc where erf is near 1.
inline double erfinv(double y) {
  const double a = fabs(y), w = -__builtin_log((1 - a) * (1 + a)), u = w < 5 ? w - 2.5 : sqrt(w) - 3;
  const double p = w < 5
                       ? polynomial(u, 1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087,
                                    -4.39150654e-06, -3.5233877e-06, 3.43273939e-07, 2.81022636e-08)
                       : polynomial(u, 2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773,
                                    -0.00367342844, 0.00134934322, 0.000100950558, -0.000200214257);
  const double l = w + 0.69314718055994530942;  // erfc(x) = e^-l; the fit ends at w = 16
  double x = w < 16 ? p * a : sqrt(l - 0.5 * __builtin_log(3.14159265358979323846 * l));
  for (int i = 0; i < 2; ++i) {
    const double error = a > 0.5 ? (1 - a) - __builtin_erfc(x) : __builtin_erf(x) - a;
    const double step = error * 0.88622692545275801365 * __builtin_exp(x * x);
    x -= step / (1 + x * step);
  }
  return a < 1 ? copysign(x, y) : (a == 1 ? copysign(infinity<double>, y) : not_a_number<double>);
}
inline float erfinv(float y) { return float(erfinv(double(y))); }

inline double lgamma(double x) {  // libm
  int sign;                       // lgamma proper writes a global
  return __builtin_lgamma_r(x, &sign);
}
inline float lgamma(float x) { return float(lgamma(double(x))); }

// Derivatives of lgamma: recurrence up to 10, then the asymptotic series; reflection for negative x.
inline double digamma(double x) {
  if (x == 0) return copysign(infinity<double>, -x);
  double y = 0;
  if (x < 0) {
    const double fraction = x - floor(x);
    if (fraction == 0 || isinf(x)) return not_a_number<double>;
    y = -3.14159265358979323846 / __builtin_tan(3.14159265358979323846 * fraction);
    x = 1 - x;
  }
  for (; x < 10; x += 1) y -= 1 / x;
  const double z = 1 / (x * x);
  return y + __builtin_log(x) - 0.5 / x -
         z * polynomial(z, 1. / 12, -1. / 120, 1. / 252, -1. / 240, 1. / 132, -691. / 32760, 1. / 12);
}
inline float digamma(float x) { return float(digamma(double(x))); }

}  // namespace FACULA_ISA
}  // namespace facula
