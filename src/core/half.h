// Storage-only element types: 8-bit and 16-bit floats and complex pairs. Kernels compute 8-bit and 16-bit
// floats in float; arithmetic on Complex is in cpu/complex.h.
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

// 8-bit floats with a sign. What their largest codes mean, and what becomes of numbers that are too large:
enum class Float8Kind {
  Ieee,     // infinity and NaN as usual; too large: infinity
  Finite,   // one NaN of either sign, no infinity; too large: the largest number
  OneZero,  // the code of -0 is the only NaN; too large: NaN
};
template <int Mantissa, int Bias, Float8Kind Kind> struct Float8 {
  uint8_t bits;
  Float8() = default;
  FACULA_INLINE explicit Float8(float f) : bits(0) {
    constexpr int cut = 23 - Mantissa;
    constexpr uint32_t shift = uint32_t(127 - Bias) << 23, magic = uint32_t(127 + cut + 1 - Bias) << 23,
                       infinite = 0x80u - (1u << Mantissa);  // the code of infinity, were there one
    const uint32_t whole = std::bit_cast<uint32_t>(f), sign = whole >> 31 << 7, u = whole & 0x7FFFFFFFu;
    // Adding 2^(cut + 1 - bias) aligns a subnormal result with the low bits of the float and rounds it.
    const uint32_t subnormal =
        std::bit_cast<uint32_t>(std::bit_cast<float>(u) + std::bit_cast<float>(magic)) - magic;
    const uint32_t normal = (u - shift + (1u << (cut - 1)) - 1 + ((u >> cut) & 1)) >> cut;
    const uint32_t rounded = u < shift + (1u << 23) ? subnormal : normal;
    constexpr uint32_t most = Kind == Float8Kind::Ieee     ? infinite
                              : Kind == Float8Kind::Finite ? 0x7E
                                                           : 0x7F,
                       over = Kind == Float8Kind::OneZero ? 0x80 : most;
    // A number of 2^16 and more leaves no room for the comparison of codes.
    const uint32_t code = u >= 0x47800000u || rounded > most ? over : rounded;
    if constexpr (Kind == Float8Kind::OneZero) bits = uint8_t(f != f ? 0x80 : code == 0 ? 0 : (code | sign));
    else bits = uint8_t((f != f ? 0x7F : code) | sign);
  }
  FACULA_INLINE operator float() const {
    const uint32_t sign = uint32_t(bits & 0x80u) << 24, rest = bits & 0x7Fu;
    constexpr float scale = std::bit_cast<float>(uint32_t(254 - Bias) << 23);  // exact, also for subnormals
    const uint32_t scaled =
        std::bit_cast<uint32_t>(std::bit_cast<float>(rest << (23 - Mantissa)) * scale) | sign;
    constexpr uint32_t nan = 0x7FC00000u;
    if constexpr (Kind == Float8Kind::OneZero) return std::bit_cast<float>(bits == 0x80 ? nan : scaled);
    constexpr uint32_t infinite = 0x80u - (1u << Mantissa);
    if constexpr (Kind == Float8Kind::Finite) return std::bit_cast<float>(rest == 0x7F ? nan | sign : scaled);
    return std::bit_cast<float>(rest > infinite    ? nan | sign
                                : rest == infinite ? 0x7F800000u | sign
                                                   : scaled);
  }
};
using Float8E5M2 = Float8<2, 15, Float8Kind::Ieee>;
using Float8E4M3FN = Float8<3, 7, Float8Kind::Finite>;
using Float8E5M2FNUZ = Float8<2, 16, Float8Kind::OneZero>;
using Float8E4M3FNUZ = Float8<3, 8, Float8Kind::OneZero>;

struct Float8E8M0FNU {  // a power of two from 2^-127, or NaN: the exponent of a float, without sign
  uint8_t bits;
  Float8E8M0FNU() = default;
  FACULA_INLINE explicit Float8E8M0FNU(float f) : bits(0) {
    const uint32_t u = std::bit_cast<uint32_t>(f) & 0x7FFFFFFFu, exponent = u >> 23, rest = u & 0x7FFFFFu;
    // Half-way goes up, except from below the smallest normal number, where the leading one is not hidden.
    const bool up = exponent ? rest >= 0x400000u : rest > 0x400000u;
    bits = uint8_t(exponent == 0xFF ? 0xFF : exponent + up);
  }
  FACULA_INLINE operator float() const {
    return std::bit_cast<float>(bits == 0 ? 0x00400000u : bits == 0xFF ? 0x7FC00000u : uint32_t(bits) << 23);
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
