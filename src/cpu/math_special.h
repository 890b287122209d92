// Error functions and the logarithm of the gamma function with its derivatives. Those marked "libm" do not
// vectorise.
#pragma once
#include "cpu/math_bessel.h"
#include "cpu/math_trig.h"
#include "cpu/special.h"

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
inline double erf(double x) {  // the same, 1 - e^(-x^2) t P(t) with t = 1 / (1 + x/2) above 1
  const double size = fabs(x), a = size > 6. ? 6. : size, z = a * a, t = 1 / (1 + 0.5 * a);
  const double small =
      polynomial(z, 0.12837916709551257, -0.376126389031837476, 0.112837916709548575, -0.0268661706450728912,
                 0.00522397762478083465, -0.000854832697874056762, 0.000120553310368466682,
                 -0.0000149255935057663625, 1.64609728011907098e-6, -1.63500250762238043e-7,
                 1.46578789898883982e-8, -1.13656631366267564e-9, 5.94525769393877774e-11);
  const double p =
      polynomial(t, 0.282091194516267346, 0.282200766802072339, 0.245382725858242121, 0.188522833072109023,
                 0.0130841945524976446, 0.292220074260167059, -0.985841431256415746, 2.1416827027518212,
                 -3.90186790767640813, 5.15022592332129214, -4.65968736951970499, 2.8467380382911365,
                 -1.13416295083639448, 0.268079410976303263, -0.0286681626534561898);
  return copysign(a < 1 ? a + a * small : 1 - exp(-z) * t * p, x);
}

inline float erfc(float x) { return float(wide_erfc(x)); }
inline double erfc(double x) { return __builtin_erfc(x); }  // libm

inline double erfinv(double y) {
  return normal_quantile<double>(0.5 * y, 0.5 * (1 - fabs(y))) * 0.70710678118654752440;
}
inline float erfinv(float y) {  // fits in -log(1 - y^2), to the precision of float
  const double a = fabs(double(y)), w = -wide_log((1 - a) * (1 + a)), u = sqrt(w) - 3;
  const double near = polynomial(w, 0.88622692745147382, 0.232013556024411086, 0.0115503354067200647,
                                 -0.00233854025300872775, -0.000122003100684527034, 0.0000404871481226696339,
                                 5.83546903888443652e-06, -2.4978389184137168e-06, 3.09790218921346017e-07,
                                 -1.7160745070396471e-08, 3.35516961200722219e-10);
  const double far = polynomial(u, 2.83297679858208909, 1.00167524978109557, 0.00944552894863978118,
                                -0.00764301614335232155, 0.00568497056061091894, -0.00356533151695424074,
                                0.00148657852300993154, -0.000126616975023682235, -0.000297361781708787021,
                                0.000172819872350927075, -0.0000172632054521638204, -8.56016492844889946e-06);
  const double x = a == 1 ? infinity<double> : (w < 5 ? near : far) * a;  // beyond 1 the logarithm is NaN
  return float(copysign(x, double(y)));
}

inline double lgamma(double x) {  // libm
  int sign;                       // lgamma proper writes a global
  return __builtin_lgamma_r(x, &sign);
}
// Stirling's series from 8 on, in double; below, log of x (x + 1) ... (x + 7) less; reflection for negative
// x.
inline float lgamma(float value) {
  const double x = value, a = fabs(x);
  const bool up = a < 8;
  const double product = a * (a + 1) * (a + 2) * (a + 3) * (a + 4) * (a + 5) * (a + 6) * (a + 7);
  const double z = up ? a + 8 : a, inverse = 1 / z, l = log(z);
  const double series = inverse * polynomial(inverse * inverse, 1. / 12, -1. / 360, 1. / 1260, -1. / 1680,
                                             1. / 1188, -691. / 360360, 1. / 156);
  const double stirling = z * (l - 1) - 0.5 * l + 0.91893853320467274178 + series, below = up ? product : 1.;
  const double sine = fabs(quick_sin(3.14159265358979323846 * (a - round(a))));
  const double other = log(x < 0 ? below * 3.14159265358979323846 / (a * sine) : below);
  const double y = x < 0 ? other - stirling : stirling - other, zero = (x == 1) | (x == 2) ? 0. : y;
  return float(a == infinity<double> ? a : zero);
}

// Compiled once, in double.
#define FACULA_DOUBLE(name) \
  template <Real F> inline F name(F x) { return F(special::name(double(x))); }
FACULA_DOUBLE(digamma)
#undef FACULA_DOUBLE
template <Real F> inline F zeta(F s, F q) { return F(special::zeta(double(s), double(q))); }
template <Real F> inline F polygamma(F x, int64_t n) {
  return F(special::polygamma(n, double(x), double(F(3.14159265358979323846) * x)));
}

// The phase of the oscillation is rounded as in PyTorch: far to the left it decides the value.
template <Real F> inline F airy(F x) {
  const F phase = F(-2) * x * sqrt(-x) / F(3) + F(0.25) * F(3.14159265358979323846);
  return F(special::airy(double(x), double(phase)));
}

}  // namespace FACULA_ISA
}  // namespace facula
