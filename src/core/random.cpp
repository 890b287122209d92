// Seeding, single draws and the saved state of the generator.
#include "core/random.h"
#include <cstring>
#include <random>
#include "core/error.h"
#include "core/mersenne.h"

namespace facula {
namespace {

// The layout of the saved state, as it has been since the days of Lua.
struct SavedState {
  uint64_t initial_seed;
  int32_t left;
  int32_t seeded;
  uint64_t next;
  uint64_t words[Mersenne::kWords];
  double unused_x;
  double next_double_normal;
  double unused_rho;
  int32_t has_double_normal;
  int32_t padding;
  float next_float_normal;
  uint8_t has_float_normal;
  uint8_t tail[3];
};
static_assert(sizeof(SavedState) == Generator::kStateSize);

}  // namespace

void Generator::seed(uint64_t seed) {
  initial_seed = seed;
  uint32_t* const w = engine.words;
  w[0] = uint32_t(seed);
  for (uint32_t i = 1; i < Mersenne::kWords; ++i) w[i] = 1812433253u * (w[i - 1] ^ (w[i - 1] >> 30)) + i;
  engine.left = 1;
  engine.next = 0;
  next_float_normal.reset();
  next_double_normal.reset();
}

uint32_t Generator::random() {
  if (--engine.left == 0) mersenne_twist(engine);
  return mersenne_temper(engine.words[engine.next++]);
}

void Generator::save(uint8_t* to) const {
  SavedState s{};
  s.initial_seed = initial_seed;
  s.left = engine.left;
  s.seeded = 1;
  s.next = engine.next;
  std::copy(engine.words, engine.words + Mersenne::kWords, s.words);
  s.has_double_normal = next_double_normal.has_value();
  s.next_double_normal = next_double_normal.value_or(0);
  s.has_float_normal = next_float_normal.has_value();
  s.next_float_normal = next_float_normal.value_or(0);
  std::memcpy(to, &s, sizeof s);
}

void Generator::load(const uint8_t* from, int64_t size) {
  if (size != kStateSize)
    fail("Expected a CPUGeneratorImplState of size ", kStateSize,
         " but found the input RNG state size to be ", size);
  SavedState s;
  std::memcpy(&s, from, sizeof s);
  // Words are read from `next` on, `left - 1` of them: these must exist.
  const uint32_t next = uint32_t(s.next);
  const bool valid = s.seeded && s.left > 0 && s.left <= Mersenne::kWords && next <= Mersenne::kWords &&
                     next + uint32_t(s.left - 1) <= Mersenne::kWords;
  if (!valid) fail("Invalid mt19937 state");
  initial_seed = s.initial_seed;
  engine.left = s.left;
  engine.next = next;
  for (int i = 0; i < Mersenne::kWords; ++i) engine.words[i] = uint32_t(s.words[i]);
  next_double_normal.reset();
  next_float_normal.reset();
  if (s.has_double_normal) next_double_normal = s.next_double_normal;
  if (s.has_float_normal) next_float_normal = s.next_float_normal;
}

uint64_t nondeterministic_seed() {
  std::random_device source;
  const uint64_t high = source();
  return high << 32 | source();
}

Generator& default_generator() {
  static Generator* const generator = [] {
    auto* g =
        new Generator(nondeterministic_seed());  // never freed: fills may run while the process shuts down
    g->refcount = 1;
    return g;
  }();
  return *generator;
}

}  // namespace facula
