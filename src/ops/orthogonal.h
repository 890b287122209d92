// Orthogonal polynomials of a degree that may differ from element to element. None has a gradient in PyTorch.
#pragma once
#include "ops/special.h"

namespace facula {
inline namespace FACULA_ISA {

#define FACULA_POLYNOMIAL(Name, name, function)                             \
  struct Name {                                                             \
    static constexpr OpInfo info{.signature = #name "(Tensor x, Tensor n)", \
                                 .rule = DTypeRule::Floating,               \
                                 .types = kWideFloats,                      \
                                 .scope = kSpecial | kOut};                 \
    template <class T> constexpr T forward(T x, T n) const {                \
      if constexpr (std::is_same_v<T, Probe>) return mix(x, n);             \
      else return function(x, n);                                           \
    }                                                                       \
  };
FACULA_POLYNOMIAL(ChebyshevT, chebyshev_polynomial_t, chebyshev_t)
FACULA_POLYNOMIAL(ChebyshevU, chebyshev_polynomial_u, chebyshev_u)
FACULA_POLYNOMIAL(ChebyshevV, chebyshev_polynomial_v, chebyshev_v)
FACULA_POLYNOMIAL(ChebyshevW, chebyshev_polynomial_w, chebyshev_w)
FACULA_POLYNOMIAL(HermiteH, hermite_polynomial_h, hermite_h)
FACULA_POLYNOMIAL(HermiteHe, hermite_polynomial_he, hermite_he)
FACULA_POLYNOMIAL(Laguerre, laguerre_polynomial_l, laguerre)
FACULA_POLYNOMIAL(Legendre, legendre_polynomial_p, legendre)

using orthogonal_ops =
    List<ChebyshevT, ChebyshevU, ChebyshevV, ChebyshevW, HermiteH, HermiteHe, Laguerre, Legendre>;

FACULA_POLYNOMIAL(ShiftedChebyshevT, shifted_chebyshev_polynomial_t, shifted_chebyshev_t)
FACULA_POLYNOMIAL(ShiftedChebyshevU, shifted_chebyshev_polynomial_u, shifted_chebyshev_u)
FACULA_POLYNOMIAL(ShiftedChebyshevV, shifted_chebyshev_polynomial_v, shifted_chebyshev_v)
FACULA_POLYNOMIAL(ShiftedChebyshevW, shifted_chebyshev_polynomial_w, shifted_chebyshev_w)
#undef FACULA_POLYNOMIAL

using orthogonal_shifted_ops =
    List<ShiftedChebyshevT, ShiftedChebyshevU, ShiftedChebyshevV, ShiftedChebyshevW>;

}  // namespace FACULA_ISA
}  // namespace facula
