// Storage-only element types: 16-bit floats and complex pairs. Kernels compute 16-bit floats in
// float; arithmetic on Complex is in cpu/complex.h.
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>
#include "core/scalar.h"

namespace facula {

#define FACULA_INLINE [[gnu::always_inline]] inline constexpr

struct BFloat16 {
  uint16_t bits;
  BFloat16() = default;
  FACULA_INLINE explicit BFloat16(float f) : bits(0) {
    const uint32_t u = std::bit_cast<uint32_t>(f);
    const uint32_t rounded = (u + 0x7FFF + ((u >> 16) & 1)) >> 16;  // to nearest, ties to even
    bits = uint16_t(f != f ? 0x7FC0 : rounded);                     // rounding must not turn NaN into inf
  }
  FACULA_INLINE operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
};

struct Float16 {
  uint16_t bits;
  Float16() = default;
  FACULA_INLINE explicit Float16(float f) : bits(0) {
    const uint32_t whole = std::bit_cast<uint32_t>(f), sign = whole & 0x80000000u, u = whole ^ sign;
    const uint32_t special = u > 0x7F800000u ? 0x7E00u : 0x7C00u;
    // Adding 0.5 aligns a subnormal result with the low bits of the float and rounds it.
    const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(u) + 0.5f) - 0x3F000000u;
    const uint32_t normal = (u + 0xC8000FFFu + ((u >> 13) & 1)) >> 13;
    bits = uint16_t((u >= 0x47800000u ? special : u < 0x38800000u ? subnormal : normal) | (sign >> 16));
  }
  FACULA_INLINE operator float() const {
    const uint32_t sign = uint32_t(bits & 0x8000u) << 16, rest = bits & 0x7FFFu;
    const float scaled = std::bit_cast<float>(rest << 13) * 0x1p112f;  // exact, also for subnormals
    const uint32_t special = 0x7F800000u | (rest << 13);
    return std::bit_cast<float>(sign | (rest >= 0x7C00u ? special : std::bit_cast<uint32_t>(scaled)));
  }
};

#undef FACULA_INLINE

template <class T> struct Complex {
  using Real = T;
  T re, im;
  Complex() = default;
  constexpr Complex(T r, T i) : re(r), im(i) {}
  template <class U>
  requires std::is_arithmetic_v<U>
  constexpr explicit Complex(U r) : re(T(r)), im(0) {}
  constexpr explicit Complex(Float16 r) : re(T(float(r))), im(0) {}
  constexpr explicit Complex(BFloat16 r) : re(T(float(r))), im(0) {}
  template <class U> constexpr explicit Complex(Complex<U> o) : re(T(o.re)), im(T(o.im)) {}
  constexpr explicit Complex(Scalar s) : re(T(s)), im(T(s.is_complex() ? s.imag : 0)) {}
  template <class U>
  requires std::is_arithmetic_v<U>
  constexpr explicit operator U() const {  // conversion to a real type drops the imaginary part
    if constexpr (std::is_same_v<U, bool>) return re != 0 || im != 0;
    else return U(re);
  }
  constexpr explicit operator Float16() const { return Float16(float(re)); }
  constexpr explicit operator BFloat16() const { return BFloat16(float(re)); }
};

template <class T> inline constexpr bool is_complex_type = false;
template <class T> inline constexpr bool is_complex_type<Complex<T>> = true;
template <class T> inline constexpr bool is_half_type =
    std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

}  // namespace facula
