// The random generator: a 32-bit Mersenne Twister that starts, steps and saves its state exactly as PyTorch's
// CPU generator does, so that the same seed gives the same numbers. What is drawn from it is in cpu/random.h.
#pragma once
#include <cstdint>
#include <optional>

namespace facula {

inline constexpr uint64_t kDefaultSeed = 67280421310721;  // of a generator that nobody seeded

// Plain data: block kernels, compiled per instruction set, advance it in bulk (core/mersenne.h).
struct Mersenne {
  static constexpr int kWords = 624, kMiddle = 397;
  uint32_t words[kWords];
  uint32_t next;  // the word to be read next
  int32_t left;   // 1 + the number of words still to be read before the next twist
};

class Generator {
 public:
  Mersenne engine;
  uint64_t initial_seed = 0;
  // The second half of a Box-Muller pair, kept for the next serial normal draw. Nothing draws float ones any
  // more; the saved state has room for one and it must survive a round trip.
  std::optional<float> next_float_normal;
  std::optional<double> next_double_normal;
  uint32_t refcount = 0;
  static void destroy(Generator* g) { delete g; }

  explicit Generator(uint64_t seed = kDefaultSeed) { this->seed(seed); }

  void seed(uint64_t);
  uint32_t random();
  uint64_t random64() {  // the first word is the high half
    const uint64_t high = random();
    return high << 32 | random();
  }

  // The bytes of torch.get_rng_state().
  static constexpr int64_t kStateSize = 5056;
  void save(uint8_t* to) const;
  void load(const uint8_t* from, int64_t size);  // throws Error and changes nothing if these are not a state
};

uint64_t nondeterministic_seed();  // from the operating system
Generator& default_generator();

}  // namespace facula
