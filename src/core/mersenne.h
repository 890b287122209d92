// The steps of the Mersenne Twister. Static on purpose: every file that includes this gets its own copy,
// compiled for its own instruction set, and none can be linked into another's place.
#pragma once
#include "core/random.h"

namespace facula {

static inline uint32_t mersenne_mix(uint32_t a, uint32_t b) {
  const uint32_t joined = (a & 0x80000000u) | (b & 0x7fffffffu);
  return (joined >> 1) ^ ((0u - (b & 1u)) & 0x9908b0dfu);
}

// Three stretches, so that no element read was written fewer than 227 elements before: the loops vectorise.
[[maybe_unused]] static void mersenne_twist(Mersenne& m) {
  constexpr int n = Mersenne::kWords, k = Mersenne::kMiddle;
  uint32_t* const w = m.words;
#pragma GCC ivdep
  for (int i = 0; i < n - k; ++i) w[i] = w[i + k] ^ mersenne_mix(w[i], w[i + 1]);
  for (int from = n - k; from < n - 1; from += n - k) {
    const int to = from + (n - k) < n - 1 ? from + (n - k) : n - 1;
#pragma GCC ivdep
    for (int i = from; i < to; ++i) w[i] = w[i + k - n] ^ mersenne_mix(w[i], w[i + 1]);
  }
  w[n - 1] = w[k - 1] ^ mersenne_mix(w[n - 1], w[0]);
  m.next = 0;
  m.left = n;
}

static inline uint32_t mersenne_temper(uint32_t y) {
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

[[maybe_unused]] static void mersenne_fill(Mersenne& m, uint32_t* out, int64_t n) {
  while (n > 0) {
    if (m.left == 1) {
      mersenne_twist(m);
      m.left = Mersenne::kWords + 1;  // the count includes the word that a single draw reads at once
    }
    const int64_t step = n < m.left - 1 ? n : m.left - 1;
    const uint32_t* const from = m.words + m.next;
    for (int64_t i = 0; i < step; ++i) out[i] = mersenne_temper(from[i]);
    m.next += uint32_t(step);
    m.left -= int32_t(step);
    out += step;
    n -= step;
  }
}

}  // namespace facula
