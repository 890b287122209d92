// The vocabulary on complex numbers. Arithmetic, parts and selections vectorise; elementary functions are
// libm's, element by element, with C99's special values. There is no order, so no maximum, floor, sign ...
#pragma once
#include "cpu/math_pow.h"
#include "cpu/math_trig.h"

namespace facula {
inline namespace FACULA_ISA {

template <Real F> constexpr Complex<F> where(bool c, Complex<F> a, Complex<F> b) {
  return {c ? a.re : b.re, c ? a.im : b.im};
}
template <Real F> constexpr bool operator==(Complex<F> a, Complex<F> b) {
  return (a.re == b.re) & (a.im == b.im);
}
template <Real F> constexpr bool operator!=(Complex<F> a, Complex<F> b) {
  return (a.re != b.re) | (a.im != b.im);
}
template <Real F> constexpr bool operator!(Complex<F> z) { return z == Complex<F>(0); }

template <Real F> constexpr Complex<F> operator+(Complex<F> a, Complex<F> b) {
  return {a.re + b.re, a.im + b.im};
}
template <Real F> constexpr Complex<F> operator-(Complex<F> a, Complex<F> b) {
  return {a.re - b.re, a.im - b.im};
}
template <Real F> constexpr Complex<F> operator-(Complex<F> z) { return {-z.re, -z.im}; }
template <Real F> constexpr Complex<F> operator*(Complex<F> a, Complex<F> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
// Smith's method: the smaller part of the divisor is divided by the larger, so that no square overflows
// or vanishes. A zero divisor divides the parts as reals.
template <Real F> inline Complex<F> operator/(Complex<F> a, Complex<F> b) {
  const F size_re = fabs(b.re), size_im = fabs(b.im);
  const bool wide = size_re >= size_im, zero = wide & (size_re == F(0));
  const F large = wide ? b.re : b.im, small = wide ? b.im : b.re, ratio = small / large;
  const F inverse = F(1) / (large + small * ratio);
  // wide: (a.re + a.im ratio, a.im - a.re ratio), else (a.re ratio + a.im, a.im ratio - a.re)
  const F first = wide ? a.re : a.im, second = wide ? a.im : a.re, turned = second - first * ratio;
  const Complex<F> quotient = {(first + second * ratio) * inverse, (wide ? turned : -turned) * inverse};
  return where(zero, Complex<F>(a.re / size_re, a.im / size_re), quotient);
}

template <Real F> constexpr F real(Complex<F> z) { return z.re; }
template <Real F> constexpr F imag(Complex<F> z) { return z.im; }
template <Real F> constexpr Complex<F> conj(Complex<F> z) { return {z.re, -z.im}; }
template <Real F> constexpr Complex<F> square(Complex<F> z) { return z * z; }
template <Real F> inline Complex<F> reciprocal(Complex<F> z) { return Complex<F>(1) / z; }
template <Real F> inline F abs(Complex<F> z) { return hypot(z.re, z.im); }
template <Real F> inline F angle(Complex<F> z) { return atan2(z.im, z.re); }
template <Real F> inline Complex<F> sgn(Complex<F> z) {
  const F size = abs(z);
  return where(size == F(0), Complex<F>(0), Complex<F>(z.re / size, z.im / size));
}

template <Real F> constexpr bool isnan(Complex<F> z) { return isnan(z.re) | isnan(z.im); }
template <Real F> constexpr bool isinf(Complex<F> z) { return isinf(z.re) | isinf(z.im); }
template <Real F> constexpr bool isfinite(Complex<F> z) { return isfinite(z.re) & isfinite(z.im); }

// The compiler's own complex type, which libm's functions take; of the same layout. Never re + 1i * im:
// that makes NaN of an infinite part.
inline __complex__ float native(Complex<float> z) { return __builtin_bit_cast(__complex__ float, z); }
inline __complex__ double native(Complex<double> z) { return __builtin_bit_cast(__complex__ double, z); }
inline Complex<float> from_native(__complex__ float z) { return {__real__ z, __imag__ z}; }
inline Complex<double> from_native(__complex__ double z) { return {__real__ z, __imag__ z}; }

#define FACULA_LIBM(name)                                                                               \
  inline Complex<float> name(Complex<float> z) { return from_native(__builtin_c##name##f(native(z))); } \
  inline Complex<double> name(Complex<double> z) { return from_native(__builtin_c##name(native(z))); }
FACULA_LIBM(sqrt)
FACULA_LIBM(exp)
FACULA_LIBM(log)
FACULA_LIBM(sin)
FACULA_LIBM(cos)
FACULA_LIBM(tan)
FACULA_LIBM(asin)
FACULA_LIBM(acos)
FACULA_LIBM(atan)
FACULA_LIBM(sinh)
FACULA_LIBM(cosh)
FACULA_LIBM(tanh)
FACULA_LIBM(asinh)
FACULA_LIBM(acosh)
FACULA_LIBM(atanh)
#undef FACULA_LIBM

template <Real F> inline Complex<F> rsqrt(Complex<F> z) { return Complex<F>(1) / sqrt(z); }
template <Real F> inline Complex<F> exp2(Complex<F> z) {
  constexpr F ln2 = F(0.69314718055994530942);
  return exp(Complex<F>(z.re * ln2, z.im * ln2));
}
// e^x cos y - 1 = (e^x - 1) cos y - 2 sin^2(y/2) keeps its digits near zero.
template <Real F> inline Complex<F> expm1(Complex<F> z) {
  const F half = sin(z.im * F(0.5));
  return {expm1(z.re) * cos(z.im) - F(2) * half * half, exp(z.re) * sin(z.im)};
}
template <Real F> inline Complex<F> log_in(Complex<F> z, F base) {
  const Complex<F> y = log(z);
  return {y.re / base, y.im / base};
}
template <Real F> inline Complex<F> log2(Complex<F> z) { return log_in(z, F(0.69314718055994530942)); }
template <Real F> inline Complex<F> log10(Complex<F> z) { return log_in(z, F(2.30258509299404568402)); }
template <Real F> inline Complex<F> log1p(Complex<F> z) {
  const Complex<F> sum = {F(1) + z.re, z.im};
  const bool near = (fabs(z.re) < F(0.5)) & (fabs(z.im) < F(0.5));
  const F small = F(0.5) * log1p(z.re * (F(2) + z.re) + z.im * z.im);
  const Complex<F> far = log(sum);
  return {near ? small : far.re, far.im};
}
template <Real F> inline Complex<F> sigmoid(Complex<F> z) {
  return Complex<F>(1) / (Complex<F>(1) + exp(-z));
}
template <Real F> inline Complex<F> sinc(Complex<F> z) {
  constexpr F pi = F(3.14159265358979323846);
  const Complex<F> turned = {z.re * pi, z.im * pi};
  return where(z == Complex<F>(0), Complex<F>(1), sin(turned) / turned);
}
template <Real F> inline Complex<F> logaddexp(Complex<F> a, Complex<F> b) {
  const Complex<F> high = where(a.re >= b.re, a, b), low = where(a.re >= b.re, b, a);
  const Complex<F> y = where(a.re == b.re && isinf(a.re), where(a.re < 0, low, log(exp(a) + exp(b))),
                             high + log1p(exp(low - high)));
  return where(isnan(a) || isnan(b), Complex<F>(not_a_number<F>, not_a_number<F>), y);
}

inline Complex<float> pow(Complex<float> x, Complex<float> y) {
  return from_native(__builtin_cpowf(native(x), native(y)));
}
inline Complex<double> pow(Complex<double> x, Complex<double> y) {
  return from_native(__builtin_cpow(native(x), native(y)));
}
template <Real F> inline Complex<F> pow(Complex<F> z, Scalar exponent) {
  if (!exponent.is_complex()) {
    const double e = double(exponent);
    if (e == 2) return z * z;
    if (e == 1) return z;
    if (e == 0.5) return sqrt(z);
    if (e == 3) return z * z * z;
    if (e == -1) return reciprocal(z);
    if (e == -0.5) return rsqrt(z);
    if (e == -2) return reciprocal(z * z);
    if (e == 0) return Complex<F>(1);
  }
  return pow(z, Complex<F>(exponent));
}

}  // namespace FACULA_ISA
}  // namespace facula
