// Random fills: uniform words in blocks from the kernels of this machine's instruction set, then one scalar
// formula per distribution. Formulas with logarithms and the like are evaluated in double precision: by libm,
// as PyTorch does, where the last bit shows, and by vectorised kernels where the result is rounded to float
// or less.
#include "cpu/random.h"
#include <cmath>
#include "cpu/isa.h"
#include "cpu/kernels.h"

namespace facula {

FACULA_BY_ISA(RandomKernels, random_kernels)

namespace {
constexpr double kPi = 3.14159265358979323846;
}  // namespace

double uniform_double(Generator& g) { return double(g.random64() & ((uint64_t(1) << 53) - 1)) * 0x1p-53; }

double standard_normal(Generator& g) {
  if (g.next_double_normal) {
    const double second = *g.next_double_normal;
    g.next_double_normal.reset();
    return second;
  }
  const double u1 = uniform_double(g), u2 = uniform_double(g);
  const double radius = std::sqrt(-2.0 * std::log1p(-u2)), angle = 2.0 * kPi * u1;
  g.next_double_normal = radius * std::sin(angle);
  return radius * std::cos(angle);
}

namespace {

constexpr int64_t kStep = 512;  // elements at a time

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

template <class T> T convert(double v) {
  if constexpr (is_half_type<T>) return T(float(v));
  else return T(v);
}

// Calls f with a value of the real floating type `t`.
template <class F> void visit_floating(DType t, F&& f) {
  switch (t) {
    case DType::Float16: return f(Float16{});
    case DType::BFloat16: return f(BFloat16{});
    case DType::Float32: return f(float{});
    default: return f(double{});
  }
}
template <class F> void visit_real(DType t, F&& f) {
  switch (t) {
    case DType::Bool: return f(bool{});
    case DType::UInt8: return f(uint8_t{});
    case DType::Int8: return f(int8_t{});
    case DType::Int16: return f(int16_t{});
    case DType::Int32: return f(int32_t{});
    case DType::Int64: return f(int64_t{});
    case DType::UInt16: return f(uint16_t{});
    case DType::UInt32: return f(uint32_t{});
    case DType::UInt64: return f(uint64_t{});
    default: return visit_floating(t, f);
  }
}

// 16-bit floats are made from what they would be as float, by the vectorised cast.
template <class T> using Wide = std::conditional_t<is_half_type<T>, float, T>;

// Calls make(to, done, count) for stretches of the output; `to` takes values of type Wide<T>.
template <class T, class F> void in_steps(T* out, int64_t n, F make) {
  for (int64_t done = 0; done < n; done += kStep) {
    const int64_t count = smaller(n - done, kStep);
    if constexpr (is_half_type<T>) {
      float wide[kStep];
      make(wide, done, count);
      cast_kernel(DType::Float32, dtype_of_element<T>)(wide, out + done, count);
    } else {
      make(out + done, done, count);
    }
  }
}

// out[i] = f(u) for a stream of double uniform numbers in [0, 1).
template <class T, class F> void map_uniform(Generator& g, T* out, int64_t n, F f) {
  in_steps(out, n, [&](Wide<T>* to, int64_t, int64_t count) {
    double u[kStep];
    best_random_kernels().uniform_double(g.engine, u, count, 0, 1);
    for (int64_t i = 0; i < count; ++i) to[i] = Wide<T>(f(u[i]));
  });
}

void box_muller(double* data, double mean, double std) {
  for (int j = 0; j < 8; ++j) {
    const double radius = std::sqrt(-2 * std::log(1 - data[j])), angle = 2.0 * kPi * data[j + 8];
    data[j] = std::fma(radius * std::cos(angle), std, mean);
    data[j + 8] = std::fma(radius * std::sin(angle), std, mean);
  }
}

template <class T> void uniform(Generator& g, T* out, int64_t n, double from, double limit) {
  if constexpr (std::is_same_v<T, double>) {
    best_random_kernels().uniform_double(g.engine, out, n, from, limit);
  } else if constexpr (std::is_same_v<T, float>) {
    best_random_kernels().uniform_float(g.engine, out, n, float(from), float(limit));
  } else {  // drawn as float, rounded once
    in_steps(out, n, [&](float* to, int64_t, int64_t count) {
      best_random_kernels().uniform_float(g.engine, to, count, float(from), float(limit));
    });
    const T first = T(float(from)), last = T(float(limit));
    const uint16_t compared = (last.bits & 0x7fff) != 0 ? 0xffff : 0x7fff;  // both zeros are zero
    for (int64_t i = 0; i < n; ++i)
      if (((out[i].bits ^ last.bits) & compared) == 0) out[i] = first;
  }
}

// out[i] = f(x) for a serial stream of normal numbers. The last one may leave another in the saved state: it
// comes from libm like those of short runs.
template <class F> void map_normal(Generator& g, DType t, void* data, int64_t n, F f) {
  constexpr int64_t kShort = 16;
  visit_floating(t, [&]<class T>(T) {
    T* out = static_cast<T*>(data);
    auto single = [&](int64_t i) { out[i] = convert<T>(f(standard_normal(g))); };
    int64_t i = 0;
    if (n >= kShort && !std::is_same_v<T, double>) {
      if (g.next_double_normal) single(i++);
      const int64_t pairs = (n - i) / 2;
      in_steps(out + i, 2 * pairs, [&](Wide<T>* to, int64_t, int64_t count) {
        double x[kStep];
        best_random_kernels().uniform_double(g.engine, x, count, 0, 1);
        best_random_kernels().normal_pairs(x, count / 2);
        for (int64_t k = 0; k < count; ++k) to[k] = Wide<T>(f(x[k]));
      });
      i += 2 * pairs;
    }
    for (; i < n; ++i) single(i);
  });
}

// Uniform numbers for all elements come first, then whole groups of 16 are transformed; where the last group
// is not whole, the last 16 elements are drawn and transformed anew. Some of them were already done.
template <class T> void normal_groups(Generator& g, T* data, int64_t n, double mean, double std) {
  auto fill = [&](T* at, int64_t count) {
    uniform(g, at, count, 0, 1);
    if constexpr (std::is_same_v<T, float>)
      best_random_kernels().box_muller(at, count / 16, float(mean), float(std));
    else
      for (int64_t i = 0; i + 16 <= count; i += 16) box_muller(at + i, mean, std);
  };
  constexpr int64_t kStretch = 2048;  // a cacheful at a time: the words are the same as with all draws first
  for (int64_t done = 0; done < n; done += kStretch) fill(data + done, smaller(n - done, kStretch));
  if (n % 16 != 0) fill(data + n - 16, 16);
}

// 16-bit floats: as float, then rounded. Here the elements beyond the last whole group take no words.
template <class T> void normal_groups_rounded(Generator& g, T* data, int64_t n, double mean, double std) {
  auto fill = [&](T* at, int64_t count) {
    in_steps(at, count, [&](float* to, int64_t, int64_t few) { normal_groups(g, to, few, mean, std); });
  };
  fill(data, n - n % 16);
  if (n % 16 != 0) fill(data + n - 16, 16);
}

// Remainders of 32-bit words by a fixed divisor, without dividing (Lemire, Kaser, Kurz 2019).
struct Remainder32 {
  uint64_t inverse, divisor;
  explicit Remainder32(uint64_t d) : inverse(~uint64_t(0) / d + 1), divisor(d) {}
  uint64_t operator()(uint32_t x) const {
    return uint64_t((static_cast<unsigned __int128>(inverse * x) * divisor) >> 64);
  }
};

// out[i] = f(word), one word each or two.
template <class T, class F> void map_words(Generator& g, T* out, int64_t n, F f) {
  in_steps(out, n, [&](Wide<T>* to, int64_t, int64_t count) {
    uint32_t w[kStep];
    best_random_kernels().words(g.engine, w, count);
    for (int64_t i = 0; i < count; ++i) to[i] = Wide<T>(f(w[i]));
  });
}
template <class T, class F> void map_word_pairs(Generator& g, T* out, int64_t n, F f) {
  in_steps(out, n, [&](Wide<T>* to, int64_t, int64_t count) {
    uint32_t w[2 * kStep];
    best_random_kernels().words(g.engine, w, 2 * count);
    for (int64_t i = 0; i < count; ++i) to[i] = Wide<T>(f(uint64_t(w[2 * i]) << 32 | w[2 * i + 1]));
  });
}

}  // namespace

void fill_uniform(Generator& g, DType t, void* data, int64_t n, double from, double to) {
  visit_floating(t, [&]<class T>(T) { uniform(g, static_cast<T*>(data), n, from, to); });
}

void fill_normal(Generator& g, DType t, void* data, int64_t n, double mean, double std) {
  if (n < 16) return fill_normal_serial(g, t, data, n, mean, std);
  visit_floating(t, [&]<class T>(T) {
    if constexpr (is_half_type<T>) normal_groups_rounded(g, static_cast<T*>(data), n, mean, std);
    else normal_groups(g, static_cast<T*>(data), n, mean, std);
  });
}

void fill_normal_serial(Generator& g, DType t, void* data, int64_t n, double mean, double std) {
  map_normal(g, t, data, n, [&](double x) { return std::fma(x, std, mean); });
}

void fill_bernoulli(Generator& g, DType t, void* data, int64_t n, double p) {
  visit_real(t,
             [&]<class T>(T) { map_uniform(g, static_cast<T*>(data), n, [&](double u) { return u < p; }); });
}

void fill_bernoulli(Generator& g, DType t, void* data, DType p_type, const void* p, int64_t n) {
  auto fill = [&]<class T, class P>(T, P) {
    const P* const probability = static_cast<const P*>(p);
    in_steps(static_cast<T*>(data), n, [&](Wide<T>* to, int64_t done, int64_t count) {
      using U = std::conditional_t<std::is_same_v<P, double>, double, float>;
      U u[kStep];
      if constexpr (std::is_same_v<U, double>) best_random_kernels().uniform_double(g.engine, u, count, 0, 1);
      else best_random_kernels().uniform_float(g.engine, u, count, 0, 1);
      for (int64_t i = 0; i < count; ++i) to[i] = u[i] < U(probability[done + i]);
    });
  };
  visit_floating(p_type, [&](auto probability) { visit_real(t, [&](auto out) { fill(out, probability); }); });
}

void fill_exponential(Generator& g, DType t, void* data, int64_t n, double rate) {
  const double factor = -1.0 / rate;
  visit_floating(t, [&]<class T>(T) {
    T* const out = static_cast<T*>(data);
    if constexpr (std::is_same_v<T, double>)
      return map_uniform(g, out, n, [factor](double u) { return factor * std::log1p(-u); });
    in_steps(out, n, [&](Wide<T>* to, int64_t, int64_t count) {
      double u[kStep];
      best_random_kernels().uniform_double(g.engine, u, count, 0, 1);
      best_random_kernels().log_of_rest(u, count);
      for (int64_t i = 0; i < count; ++i) to[i] = Wide<T>(factor * u[i]);
    });
  });
}

void fill_geometric(Generator& g, DType t, void* data, int64_t n, double p) {
  visit_real(t, [&]<class T>(T) {
    map_uniform(g, static_cast<T*>(data), n,
                [&](double u) { return std::ceil(std::log(u) / std::log1p(-p)); });
  });
}

void fill_cauchy(Generator& g, DType t, void* data, int64_t n, double median, double sigma) {
  visit_floating(t, [&]<class T>(T) {
    map_uniform(g, static_cast<T*>(data), n,
                [&](double u) { return std::fma(sigma, std::tan(kPi * (u - 0.5)), median); });
  });
}

void fill_log_normal(Generator& g, DType t, void* data, int64_t n, double mean, double std) {
  map_normal(g, t, data, n, [&](double x) { return std::exp(std::fma(x, std, mean)); });
}

void fill_integers(Generator& g, DType t, void* data, int64_t n, uint64_t range, int64_t base) {
  visit_real(t, [&]<class T>(T) {
    T* const out = static_cast<T*>(data);
    auto shifted = [base](uint64_t x) { return Wide<T>(int64_t(x + uint64_t(base))); };
    if (range == 0) {
      map_word_pairs(g, out, n, [&](uint64_t x) { return shifted(x); });
    } else if (range >= uint64_t(1) << 28) {  // a short word would favour small numbers visibly
      map_word_pairs(g, out, n, [&](uint64_t x) { return shifted(x % range); });
    } else {
      const Remainder32 remainder(range);
      map_words(g, out, n, [&](uint32_t x) { return shifted(remainder(x)); });
    }
  });
}

void fill_integers(Generator& g, DType t, void* data, int64_t n) {
  visit_real(t, [&]<class T>(T) {
    T* const out = static_cast<T*>(data);
    if constexpr (std::is_same_v<T, bool>) {
      map_words(g, out, n, [](uint32_t x) { return x & 1; });
    } else if constexpr (std::is_same_v<T, double>) {
      map_word_pairs(g, out, n, [](uint64_t x) { return double(x % ((uint64_t(1) << 53) + 1)); });
    } else if constexpr (std::is_same_v<T, float>) {
      map_words(g, out, n, [](uint32_t x) { return float(x % ((1u << 24) + 1)); });
    } else if constexpr (is_half_type<T>) {
      constexpr uint32_t exact = std::is_same_v<T, Float16> ? 1u << 11 : 1u << 8;
      map_words(g, out, n, [](uint32_t x) { return float(x % (exact + 1)); });
    } else if constexpr (sizeof(T) == 8) {
      map_word_pairs(g, out, n,
                     [](uint64_t x) { return T(std::is_signed_v<T> ? x & ~uint64_t(0) >> 1 : x); });
    } else {
      constexpr uint32_t mask = std::is_signed_v<T> ? (uint32_t(1) << (8 * sizeof(T) - 1)) - 1 : T(~T(0));
      map_words(g, out, n, [](uint32_t x) { return T(x & mask); });
    }
  });
}

// Element i changes places with one from the rest, itself included. Where the numbers are known ahead, so are
// the places, which can be fetched before they are needed: a long permutation is bound by memory.
void fill_permutation(Generator& g, DType t, void* data, int64_t n) {
  const bool short_words = n < int64_t(~uint32_t(0) / 20);
  visit_real(t, [&]<class T>(T) {
    T* const out = static_cast<T*>(data);
    for (int64_t i = 0; i < n; ++i) out[i] = T(Wide<T>(i));
    uint32_t w[2 * kStep];
    int64_t places[kStep];
    for (int64_t done = 0; done < n - 1; done += kStep) {
      const int64_t count = smaller(n - 1 - done, kStep);
      best_random_kernels().words(g.engine, w, short_words ? count : 2 * count);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t rest = n - done - i;
        const int64_t z = short_words ? int64_t(w[i] % uint32_t(rest))
                                      : int64_t((uint64_t(w[2 * i]) << 32 | w[2 * i + 1]) % uint64_t(rest));
        places[i] = done + i + z;
        __builtin_prefetch(out + places[i], 1);
      }
      for (int64_t i = 0; i < count; ++i) {
        const T kept = out[done + i];
        out[done + i] = out[places[i]];
        out[places[i]] = kept;
      }
    }
  });
}

}  // namespace facula
