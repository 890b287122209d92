// Bessel functions. Those without a gradient have none in PyTorch either.
#pragma once
#include "ops/special.h"

namespace facula {
inline namespace FACULA_ISA {

struct I0 {
  static constexpr OpInfo info{.signature = "i0(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kAlsoSpecial,
                               .kernel = "i0_vml_cpu"};
  template <class T> constexpr T forward(T x) const { return i0(x); }
  template <class T> constexpr T backward(T g, T x, T) const { return g * i1(x); }
};

struct I0e {
  static constexpr OpInfo info{.signature = "i0e(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kSpecial | kOut,
                               .node = "SpecialI0EBackward0"};
  template <class T> constexpr T forward(T x) const { return i0e(x); }
  template <class T> constexpr T backward(T g, T x, T y) const { return g * (i1e(x) - sign(x) * y); }
};

struct I1 {
  static constexpr OpInfo info{.signature = "i1(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kSpecial | kOut,
                               .node = "SpecialI1Backward0"};
  template <class T> constexpr T forward(T x) const { return i1(x); }
  template <class T> constexpr T backward(T g, T x, T y) const {
    return g * where(x == T(0), T(0.5), i0(x) - y / where(x == T(0), T(1), x));
  }
};

struct I1e {
  static constexpr OpInfo info{.signature = "i1e(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kSpecial | kOut,
                               .node = "SpecialI1EBackward0"};
  template <class T> constexpr T forward(T x) const { return i1e(x); }
  template <class T> constexpr T backward(T g, T x, T y) const {
    T safe = where(x == T(0), T(1), x);
    return g * where(x == T(0), T(0.5), i0e(x) - y * (sign(x) + T(1) / safe));
  }
};

#define FACULA_BESSEL(Name, name, function)                                                       \
  struct Name {                                                                                   \
    static constexpr OpInfo info{.signature = #name "(Tensor input)",                             \
                                 .rule = DTypeRule::Floating,                                     \
                                 .types = kWideFloats,                                            \
                                 .scope = kSpecial | kOut};                                       \
    template <class T> constexpr T forward(T x) const { return by_double<special::function>(x); } \
  };
#define FACULA_MODIFIED(Name, name, function)                         \
  struct Name {                                                       \
    static constexpr OpInfo info{.signature = #name "(Tensor input)", \
                                 .rule = DTypeRule::Floating,         \
                                 .types = kWideFloats,                \
                                 .scope = kSpecial | kOut};           \
    template <class T> constexpr T forward(T x) const {               \
      if constexpr (std::is_same_v<T, Probe>) return mix(x);          \
      else return function(x);                                        \
    }                                                                 \
  };
FACULA_BESSEL(BesselJ0, bessel_j0, j0)
FACULA_BESSEL(BesselJ1, bessel_j1, j1)
FACULA_BESSEL(BesselY0, bessel_y0, y0)
FACULA_BESSEL(BesselY1, bessel_y1, y1)

using bessel_ops = List<I0, I0e, I1, I1e, BesselJ0, BesselJ1, BesselY0, BesselY1>;

FACULA_MODIFIED(ModifiedBesselI0, modified_bessel_i0, i0)
FACULA_MODIFIED(ModifiedBesselI1, modified_bessel_i1, i1)
FACULA_MODIFIED(ModifiedBesselK0, modified_bessel_k0, k0)
FACULA_MODIFIED(ModifiedBesselK1, modified_bessel_k1, k1)
FACULA_MODIFIED(ScaledModifiedBesselK0, scaled_modified_bessel_k0, k0e)
FACULA_MODIFIED(ScaledModifiedBesselK1, scaled_modified_bessel_k1, k1e)
FACULA_BESSEL(SphericalBesselJ0, spherical_bessel_j0, spherical_j0)
FACULA_MODIFIED(AiryAi, airy_ai, airy)
#undef FACULA_BESSEL
#undef FACULA_MODIFIED

using bessel_modified_ops = List<ModifiedBesselI0, ModifiedBesselI1, ModifiedBesselK0, ModifiedBesselK1,
                                 ScaledModifiedBesselK0, ScaledModifiedBesselK1, SphericalBesselJ0, AiryAi>;

}  // namespace FACULA_ISA
}  // namespace facula
