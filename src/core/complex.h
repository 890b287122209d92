// The storage of a complex number: two parts, side by side. Its mathematics is cpu/complex.h.
#pragma once
#include <type_traits>

namespace facula {

template <class T> struct Complex {
  T re, im;
  Complex() = default;  // trivial, so that blocks of them need no initialisation
  constexpr Complex(T real, T imaginary) : re(real), im(imaginary) {}
  template <class N>
  requires std::is_arithmetic_v<N>
  constexpr explicit Complex(N real) : re(T(real)), im(T(0)) {}
  template <class U> constexpr explicit Complex(Complex<U> z) : re(T(z.re)), im(T(z.im)) {}
};

template <class T> inline constexpr bool is_complex_type = false;
template <class T> inline constexpr bool is_complex_type<Complex<T>> = true;

}  // namespace facula
