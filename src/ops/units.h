// Elements as plain memory: for copies, which need to know no more than their size.
#pragma once
#include <cstring>
#include "core/dtype.h"

namespace facula {

struct Bytes16 {
  uint64_t half[2];
};

// f with a value of an unsigned type of `item` bytes.
template <class F> void by_unit(int64_t item, F&& f) {
  switch (item) {
    case 1: return f(uint8_t{});
    case 2: return f(uint16_t{});
    case 4: return f(uint32_t{});
    case 8: return f(uint64_t{});
    default: return f(Bytes16{});
  }
}

// take ? b : a, without a branch that random data would mislead.
template <class T> T choose(bool take, T a, T b) {
  if constexpr (sizeof(T) > 8) {
    return take ? b : a;
  } else {
    using U = std::conditional_t<
        sizeof(T) == 8, uint64_t,
        std::conditional_t<sizeof(T) == 4, uint32_t, std::conditional_t<sizeof(T) == 2, uint16_t, uint8_t>>>;
    U ua, ub;
    std::memcpy(&ua, &a, sizeof ua);
    std::memcpy(&ub, &b, sizeof ub);
    const U mask = U(-U(take)), chosen = U((ub & mask) | (ua & ~mask));
    T result;
    std::memcpy(static_cast<void*>(&result), &chosen, sizeof chosen);
    return result;
  }
}

}  // namespace facula
