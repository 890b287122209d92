// The fold kernels of cpu/reduce.h, for one instruction set.
#include "cpu/reduce.h"
#include <utility>
#include "cpu/complex.h"
#include "cpu/runs.h"
#include "cpu/math.h"

#pragma GCC diagnostic ignored "-Wstringop-overflow"  // GCC 12 does not see how many lanes fold_few has left

namespace facula {
inline namespace FACULA_ISA {
namespace {

constexpr int64_t kLanes = 64;  // independent partial results: four vectors of 16 floats

template <Fold F, class A> inline A join(A a, A b) {
  if constexpr (F == Fold::Sum) return a + b;
  else if constexpr (F == Fold::Prod) return a * b;
  else if constexpr (is_complex_type<A>) return a;
  else if constexpr (std::is_same_v<A, bool>) return F == Fold::Min ? (a && b) : (a || b);
  else if constexpr (F == Fold::Min) return minimum(a, b);
  else return maximum(a, b);
}
template <Fold F, class T, class A> inline A load(T x) {
  A a;
  if constexpr (is_half_type<T>) a = A(float(x));
  else a = A(x);
  if constexpr (F == Fold::Squares) return a * a;
  else if constexpr (F == Fold::Magnitudes) return a < A(0) ? -a : a;
  else if constexpr (F == Fold::Numbers) return a == a ? a : A(0);
  else return a;
}

// The first Count lanes folded into one: lane l takes lane l + half.
template <Fold F, int64_t Count, class W> inline W join_lanes(W* lanes) {
  if constexpr (Count > 1) {
    W half[Count / 2];
    for (int64_t l = 0; l < Count / 2; ++l) half[l] = join<F, W>(lanes[l], lanes[l + Count / 2]);
    return join_lanes<F, Count / 2, W>(half);
  } else {
    return lanes[0];
  }
}

// A row shorter than Count and longer than Count / 2: lanes beyond its end are left out.
template <Fold F, int64_t Count, class T, class A, class W> inline W fold_few(const T* x, int64_t n) {
  constexpr Fold J = base_fold(F);
  W lanes[Count / 2];
  const int64_t rest = n - Count / 2;
  for (int64_t l = 0; l < Count / 2; ++l) lanes[l] = W(load<F, T, A>(x[l]));
  for (int64_t l = 0; l < rest; ++l) lanes[l] = join<J, W>(lanes[l], W(load<F, T, A>(x[Count / 2 + l])));
  return join_lanes<J, Count / 2, W>(lanes);
}

// How many of n are true: in bytes for as long as none of them can overflow.
inline int64_t count_true(const void* from, int64_t n) {
  constexpr int64_t kMost = 255, L = kVectorLanes<uint8_t>;
  const uint8_t* x = static_cast<const uint8_t*>(from);
  int64_t total = 0;
  while (n >= L) {
    const int64_t steps = n / L < kMost ? n / L : kMost;
    Vec<uint8_t> counts{};
    for (int64_t step = 0; step < steps; ++step, x += L) counts += load(x);
    for (int64_t l = 0; l < L; ++l) total += counts[l];
    n -= steps * L;
  }
  for (int64_t i = 0; i < n; ++i) total += x[i];
  return total;
}

// Lanes are joined every 16 steps into a second set, so that the error of long sums grows slowly.
template <Fold F, class T> void fold_row(const void* from, int64_t n, void* result) {
  constexpr Fold J = base_fold(F);
  constexpr bool widens = J == Fold::Sum || J == Fold::Prod;
  using Types = FoldTypes<T>;
  using A = std::conditional_t<widens, typename Types::SumColumn, typename Types::Column>;  // of a lane
  using W = std::conditional_t<widens, typename Types::Wide, A>;
  constexpr bool deep = J == Fold::Sum && !std::is_integral_v<T>;
  const T* x = static_cast<const T*>(from);
  W& to = *static_cast<W*>(result);
  if constexpr (std::is_floating_point_v<T> && (F == Fold::Min || F == Fold::Max)) {
    to = furthest<F == Fold::Max>(x, n);
    return;
  }
  if constexpr (std::is_floating_point_v<T> && J == Fold::Sum) {
    if (n >= kRun<T>) {
      to = sum_of_run(x, n, [](auto v) [[gnu::always_inline]] {
        if constexpr (F == Fold::Squares) return v * v;
        else if constexpr (F == Fold::Magnitudes) return v < T(0) ? -v : v;
        else if constexpr (F == Fold::Numbers) return v == v ? v : decltype(v){};
        else return v;
      });
      return;
    }
  }
  if constexpr (std::is_same_v<T, bool> && F == Fold::Sum) {
    to = W(count_true(x, n));
    return;
  }
  if (n < kLanes) {
    if (n > 32) to = fold_few<F, 64, T, A, W>(x, n);
    else if (n > 16) to = fold_few<F, 32, T, A, W>(x, n);
    else if (n > 8) to = fold_few<F, 16, T, A, W>(x, n);
    else if (n > 4) to = fold_few<F, 8, T, A, W>(x, n);
    else if (n > 2) to = fold_few<F, 4, T, A, W>(x, n);
    else if (n > 1) to = fold_few<F, 2, T, A, W>(x, n);
    else to = W(load<F, T, A>(x[0]));
  } else {
    W wide[kLanes];
    A lanes[kLanes];
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] = load<F, T, A>(x[l]);
    int64_t i = kLanes;
    if constexpr (deep) {
      for (; i + 16 * kLanes <= n; i += 16 * kLanes) {
        A low[kLanes] = {};
        for (int64_t s = 0; s < 16; ++s)
          for (int64_t l = 0; l < kLanes; ++l) low[l] = low[l] + load<F, T, A>(x[i + s * kLanes + l]);
        for (int64_t l = 0; l < kLanes; ++l) lanes[l] = lanes[l] + low[l];
      }
    }
    for (; i + kLanes <= n; i += kLanes)
      for (int64_t l = 0; l < kLanes; ++l) lanes[l] = join<J, A>(lanes[l], load<F, T, A>(x[i + l]));
    for (; i + 16 <= n; i += 16)
      for (int64_t l = 0; l < 16; ++l) lanes[l] = join<J, A>(lanes[l], load<F, T, A>(x[i + l]));
    for (int64_t l = 0; l < kLanes; ++l) wide[l] = W(lanes[l]);
    W rest = join_lanes<J, kLanes, W>(wide);
    for (; i < n; ++i) rest = join<J, W>(rest, W(load<F, T, A>(x[i])));
    to = rest;
  }
}

template <Fold F, class T>
void fold_rows(const void* from, int64_t stride, int64_t count, int64_t width, void* result) {
  constexpr Fold J = base_fold(F);
  constexpr bool widens = J == Fold::Sum || J == Fold::Prod;
  using A = std::conditional_t<widens, typename FoldTypes<T>::SumColumn, typename FoldTypes<T>::Column>;
  const T* x = static_cast<const T*>(from);
  A* out = static_cast<A*>(result);
  auto at = [](T v) { return load<F, T, A>(v); };
  for (int64_t c = 0; c < width; ++c) out[c] = at(x[c]);
  int64_t r = 1;
  for (; r + 4 <= count; r += 4) {
    const T *a = x + r * stride, *b = a + stride, *d = b + stride, *e = d + stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c)
      out[c] = join<J, A>(out[c], join<J, A>(join<J, A>(at(a[c]), at(b[c])), join<J, A>(at(d[c]), at(e[c]))));
  }
  for (; r < count; ++r) {
    const T* a = x + r * stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) out[c] = join<J, A>(out[c], at(a[c]));
  }
}

template <class T> constexpr void fill(FoldKernels* of) {
  of[int(Fold::Sum)] = {fold_row<Fold::Sum, T>, fold_rows<Fold::Sum, T>};
  of[int(Fold::Prod)] = {fold_row<Fold::Prod, T>, fold_rows<Fold::Prod, T>};
  if constexpr (!std::is_integral_v<T> && !is_complex_type<T>) {
    of[int(Fold::Squares)] = {fold_row<Fold::Squares, T>, fold_rows<Fold::Squares, T>};
    of[int(Fold::Magnitudes)] = {fold_row<Fold::Magnitudes, T>, fold_rows<Fold::Magnitudes, T>};
    of[int(Fold::Numbers)] = {fold_row<Fold::Numbers, T>, fold_rows<Fold::Numbers, T>};
  }
  if constexpr (!is_complex_type<T>) {
    of[int(Fold::Min)] = {fold_row<Fold::Min, T>, fold_rows<Fold::Min, T>};
    of[int(Fold::Max)] = {fold_row<Fold::Max, T>, fold_rows<Fold::Max, T>};
  }
}
constexpr FoldTable make_table() {
  FoldTable t{};
#define X(enumerator, Type, ...)                                                             \
  if constexpr (!(DType::enumerator >= DType::UInt16 && DType::enumerator <= DType::UInt64)) \
    fill<Type>(t.of[int(DType::enumerator)]);
  FACULA_DTYPES(X)
#undef X
  return t;
}
constexpr FoldTable table = make_table();

}  // namespace

extern const FoldTable* const fold_table;
const FoldTable* const fold_table = &table;

}  // namespace FACULA_ISA
}  // namespace facula
