// Circular and hyperbolic functions and their inverses.
#pragma once
#include "cpu/math_exp.h"
#include "cpu/math_round.h"

namespace facula {
inline namespace FACULA_ISA {

// Single-precision sine and cosine reduce and evaluate in double: 53 bits make a two-part
// pi/2 exact enough for |x| < 2^28: beyond, NaN.
struct Reduced {
  double r;
  uint64_t quadrant;
};
inline Reduced reduce_half_pi(float x) {
  const double shifted = double(x) * 6.36619772367581382433e-01 + 0x1.8p52, n = shifted - 0x1.8p52;
  const double r = (x - n * 1.57079631090164184570e+00) - n * 1.58932547735281966916e-08;
  return {fabs(double(x)) < 0x1p28 ? r : not_a_number<double>, bits_of(shifted)};
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
inline float quick_sin(float x) {
  const auto [r, q] = reduce_half_pi(x);
  return sin_quadrant(r, q);
}
inline float quick_cos(float x) {
  const auto [r, q] = reduce_half_pi(x);
  return sin_quadrant(r, q + 1);
}

inline float quick_tan(float x) {
  const auto [r, q] = reduce_half_pi(x);
  const double s = short_sin(r), c = short_cos(r);
  return float((q & 1) ? -c / s : s / c);
}

// The same in double: pi/2 in three parts of 33 bits and a rest, exact products for |x| < 2^20 pi/2. The
// angle is r + low.
struct WideReduced {
  double r, low;
  uint64_t quadrant;
};
inline WideReduced reduce_half_pi(double x) {
  const double shifted = x * 6.36619772367581382433e-01 + 0x1.8p52, n = shifted - 0x1.8p52;
  const double a = x - n * 1.57079632673412561417e+00;  // exact
  const double b = n * 6.07710050630396597660e-11, c = a - b, lost = (a - c) - b;
  const double d = n * 2.02226624871116645580e-21, r = c - d;
  const double low = ((c - r) - d) + (lost - n * 8.47842766036889956997e-32);
  return {fabs(x) < 0x1p20 ? r : not_a_number<double>, low, bits_of(shifted)};
}
// FreeBSD's kernels on |r + low| <= pi/4.
inline double long_sin(double r, double low) {
  const double z = r * r, v = z * r;
  const double p =
      polynomial(z, 8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                 -2.50507602534068634195e-08, 1.58969099521155010221e-10);
  return r - ((z * (0.5 * low - v * p) - low) - v * -1.66666666666666324348e-01);
}
inline double long_cos(double r, double low) {
  const double z = r * r, half = 0.5 * z, w = 1 - half;
  const double p =
      z * polynomial(z, 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                     -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11);
  return w + (((1 - w) - half) + (z * p - r * low));
}
inline double sin_quadrant(WideReduced x, uint64_t quadrant) {
  const double s = long_sin(x.r, x.low), c = long_cos(x.r, x.low), y = (quadrant & 1) ? c : s;
  return std::bit_cast<double>(bits_of(y) ^ ((quadrant & 2) << 62));
}
inline double quick_sin(double x) {
  const WideReduced reduced = reduce_half_pi(x);
  const double y = sin_quadrant(reduced, reduced.quadrant);
  return x == 0 ? x : y;
}
inline double quick_cos(double x) {
  const WideReduced reduced = reduce_half_pi(x);
  return sin_quadrant(reduced, reduced.quadrant + 1);
}
inline double quick_tan(double x) {
  const WideReduced reduced = reduce_half_pi(x);
  const double s = long_sin(reduced.r, reduced.low), c = long_cos(reduced.r, reduced.low);
  const double y = (reduced.quadrant & 1) ? -c / s : s / c;
  return x == 0 ? x : y;
}

// What serves every angle (math_quick.h).
inline float sin(float x) { return __builtin_sinf(x); }
inline double sin(double x) { return __builtin_sin(x); }
inline float cos(float x) { return __builtin_cosf(x); }
inline double cos(double x) { return __builtin_cos(x); }
inline float tan(float x) { return __builtin_tanf(x); }
inline double tan(double x) { return __builtin_tan(x); }

template <Real F> inline F sinc_angle(F x) { return x * F(3.14159265358979323846); }
template <Real F> inline F sinc_of(F x, F sine) { return x == F(0) ? F(1) : sine / sinc_angle(x); }
template <Real F> inline F sinc(F x) { return sinc_of(x, sin(sinc_angle(x))); }

// atan of t in [0, 1]; the first to the precision of float.
inline double wide_atan_unit(double t) {
  const double z = t * t;
  return t + t * z *
                 polynomial(z, -0.333333274325578295, 0.199996925932411168, -0.142801306040089073,
                            0.110602440422314596, -0.088188473470421882, 0.0675957122371331933,
                            -0.0449464436029344133, 0.0227603437881721232, -0.00742264000110092376,
                            0.00113487881611047714);
}
// atan(n / d), 0 <= n <= d. One division, of exact numbers, serves both halves.
inline double atan_ratio(double n, double d) {
  const bool upper = n > d * 0.41421356237309503;  // tan(pi/8): turn by pi/4
  const double u = (upper ? n - d : n) / (upper ? n + d : d), z = u * u;
  const double p =
      polynomial(z, -0.333333333333331991, 0.1999999999995408, -0.142857142802484115, 0.111111107861359334,
                 -0.0909089783644127402, 0.0769206163741809502, -0.0666312038971963636, 0.0584800896541434136,
                 -0.0503984573777033475, 0.0380783265048104735, -0.0179222849830420643);
  const double r = u + u * z * p;
  return upper ? 7.85398163397448309616e-01 + (r + 3.06161699786838301793e-17) : r;
}
// The angle whose tangent is t (steep: 1/t) in the right or left half plane; r = atan(t).
inline double atan_turn(double r, bool steep, bool left) {
  r = steep ? 1.57079632679489661923 - (r - 6.12323399573676603587e-17) : r;
  return left ? 3.14159265358979323846 - (r - 1.22464679914735317723e-16) : r;
}
inline float atan(float x) {
  const double a = fabs(double(x));
  return float(copysign(atan_turn(wide_atan_unit(a > 1 ? 1 / a : a), a > 1, false), double(x)));
}
inline double atan(double x) {
  const double a = fabs(x);
  return copysign(atan_turn(atan_ratio(a > 1 ? 1. : a, a > 1 ? a : 1.), a > 1, false), x);
}
inline float atan2(float y, float x) {
  const double v = y, u = x, a = fabs(v), b = fabs(u), d = a > b ? a : b, n = a > b ? b : a, t = n / d;
  const double r = wide_atan_unit(d == 0 ? 0. : (n == infinity<double> ? 1. : t));  // 0/0 is 0, inf/inf is 1
  return float((a != a) | (b != b) ? a + b : copysign(atan_turn(r, a > b, signbit(u)), v));
}
inline double atan2(double y, double x) {
  const double a = fabs(y), b = fabs(x), d = a > b ? a : b, n = a > b ? b : a;
  const double unit = d > 0x1p1000 ? 0.25 : 1.;  // so that n + d exists
  const bool whole = n == infinity<double>, none = d == 0;
  const double r = atan_ratio(whole | none ? (none ? 0. : 1.) : n * unit, whole | none ? 1. : d * unit);
  return (a != a) | (b != b) ? a + b : copysign(atan_turn(r, a > b, signbit(x)), y);
}

// asin(s)/s - 1 as a function of s^2 <= 1/4: ours to 35 bits, and FreeBSD's.
inline double wide_asin_tail(double z) {
  return z * polynomial(z, 0.166666671897826281, 0.0749994815928394136, 0.0446601627407317558,
                        0.0301102625617033092, 0.0246183011743601134, 0.00746931643567123964,
                        0.0346927389422690732);
}
inline double asin_tail(double z) {
  return z *
         polynomial(z, 1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
                    -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05) /
         polynomial(z, 1., -2.40339491173441421878e+00, 2.02094576023350569471e+00,
                    -6.88283971605453293030e-01, 7.70381505559019352791e-02);
}
struct AsinParts {
  double s, z;
};  // asin |x| = asin s, or for |x| > 1/2 pi/2 - 2 asin s; z = s^2. |x| > 1 gives NaN
inline AsinParts asin_parts(double a) {
  const double z = a > 0.5 ? (1 - a) * 0.5 : a * a;
  return {a > 0.5 ? sqrt(z) : a, z};
}
inline double asin_join(double x, double s, double tail) {
  constexpr double quarter = 7.85398163397448309616e-01;
  const double rest = s * tail, r = s + rest;
  const double large = quarter + ((quarter - 2 * s) - (2 * rest - 6.12323399573676603587e-17));
  return copysign(fabs(x) > 0.5 ? large : r, x);
}
inline double acos_join(double x, double r) {
  const double a = fabs(x), twice = 2 * r;
  const double large = x > 0 ? twice : 3.14159265358979323846 - (twice - 1.22464679914735317723e-16);
  return a > 0.5 ? large : 1.57079632679489661923 - (copysign(r, x) - 6.12323399573676603587e-17);
}
inline float asin(float x) {
  const auto [s, z] = asin_parts(fabs(double(x)));
  return float(asin_join(x, s, wide_asin_tail(z)));
}
inline double asin(double x) {
  const auto [s, z] = asin_parts(fabs(x));
  return asin_join(x, s, asin_tail(z));
}
inline float acos(float x) {
  const auto [s, z] = asin_parts(fabs(double(x)));
  return float(acos_join(x, s + s * wide_asin_tail(z)));
}
inline double acos(double x) {
  const auto [s, z] = asin_parts(fabs(x));
  return acos_join(x, s + s * asin_tail(z));
}

// A sum of squares of floats fits in double; of doubles it is scaled by a power of two first.
inline float hypot(float x, float y) {
  const double a = x, b = y;
  const float size = float(sqrt(a * a + b * b));
  return isinf(x) | isinf(y) ? infinity<float> : size;
}
inline double hypot(double x, double y) {
  const double a = fabs(x), b = fabs(y), large = a > b ? a : b;
  const double down = large > 0x1p500 ? 0x1p-600 : (large < 0x1p-450 ? 0x1p600 : 1.);
  const double up = large > 0x1p500 ? 0x1p600 : (large < 0x1p-450 ? 0x1p-600 : 1.);
  const double p = a * down, q = b * down, size = sqrt(p * p + q * q) * up;
  return isinf(x) | isinf(y) ? infinity<double> : size;
}

// Hyperbolic functions of float: e^|x| in double to 40 bits.
inline double wide_exp(double x) { return wide_exp2(x * 1.44269504088896340736); }
inline float sinh(float x) {
  const double a = fabs(double(x)), z = a * a, e = wide_exp(a);
  const double small = a + a * z * polynomial(z, 1. / 6, 1. / 120, 1. / 5040, 1. / 362880, 1. / 39916800);
  return float(copysign(a < 1 ? small : 0.5 * e - 0.5 / e, double(x)));
}
inline double sinh(double x) {
  const double a = fabs(x), z = a * a, half = exp_scaled(a, -1);
  const double small =
      a + a * z *
              polynomial(z, 0.166666666666666674, 0.00833333333333313881, 0.000198412698414376834,
                         2.75573191553358386e-6, 2.50521233987454967e-8, 1.60572403252124634e-10,
                         7.75931271604540631e-13);
  return copysign(a < 1 ? small : half - 0.25 / half, x);
}
inline float cosh(float x) {
  const double e = wide_exp(fabs(double(x)));
  return float(0.5 * e + 0.5 / e);
}
inline double cosh(double x) {
  const double half = exp_scaled(fabs(x), -1);
  return half + 0.25 / half;
}

inline float asinh(float x) {
  const double a = fabs(double(x)), z = a * a, y = wide_log(a + sqrt(z + 1));
  return float(copysign(a < 0x1p-10 ? a - a * z * (1. / 6) : y, double(x)));
}
inline double asinh(double x) {
  const double a = fabs(x), z = a * a;
  const bool large = a > 0x1p100;
  const double y = log1p(large ? a : a + z / (1 + sqrt(z + 1)));
  return copysign(large ? y + 0.69314718055994530942 : y, x);
}
inline float acosh(float x) {
  const double a = x, y = wide_log(a + sqrt((a - 1) * (a + 1)));
  return float(x < 1 ? not_a_number<double> : y);
}
inline double acosh(double x) {
  const double t = x - 1;
  const bool large = x > 0x1p100;
  const double y = log1p(large ? x : t + sqrt(t * (t + 2)));
  return x < 1 ? not_a_number<double> : (large ? y + 0.69314718055994530942 : y);
}
inline float atanh(float x) {
  const double a = fabs(double(x)), y = 0.5 * wide_log((1 + a) / (1 - a));
  return float(copysign(a < 0x1p-10 ? a + a * a * a * (1. / 3) : y, double(x)));
}
inline double atanh(double x) {
  const double a = fabs(x), twice = a + a, y = a < 0.5 ? twice + twice * a / (1 - a) : twice / (1 - a);
  return copysign(0.5 * log1p(y), x);
}

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
