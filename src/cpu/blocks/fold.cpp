// The fold kernels of cpu/reduce.h, for one instruction set.
#include "cpu/reduce.h"
#include <utility>
#include "cpu/complex.h"
#include "cpu/math.h"

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
  if constexpr (is_half_type<T>) return A(float(x));
  else return A(x);
}

// Lanes are joined every 16 steps into a second set, so that the error of long sums grows slowly.
template <Fold F, class T> void fold_row(const void* from, int64_t n, void* result) {
  constexpr bool widens = F == Fold::Sum || F == Fold::Prod;
  using Types = FoldTypes<T>;
  using A = std::conditional_t<widens, typename Types::SumColumn, typename Types::Column>;  // of a lane
  using W = std::conditional_t<widens, typename Types::Wide, A>;
  constexpr bool deep = F == Fold::Sum && !std::is_integral_v<T>;
  const T* x = static_cast<const T*>(from);
  W wide[kLanes];
  if (n < kLanes) {
    for (int64_t l = 0; l < n; ++l) wide[l] = W(load<F, T, A>(x[l]));
  } else {
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
      for (int64_t l = 0; l < kLanes; ++l) lanes[l] = join<F, A>(lanes[l], load<F, T, A>(x[i + l]));
    for (int64_t l = 0; i + l < n; ++l) lanes[l] = join<F, A>(lanes[l], load<F, T, A>(x[i + l]));
    for (int64_t l = 0; l < kLanes; ++l) wide[l] = W(lanes[l]);
    n = kLanes;
  }
  for (; n > 1; n = (n + 1) / 2)  // lane l takes lane l + half, rounding odd counts up
    for (int64_t l = 0; l < n / 2; ++l) wide[l] = join<F, W>(wide[l], wide[l + (n + 1) / 2]);
  *static_cast<W*>(result) = wide[0];
}

template <Fold F, class T>
void fold_rows(const void* from, int64_t stride, int64_t count, int64_t width, void* result) {
  constexpr bool widens = F == Fold::Sum || F == Fold::Prod;
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
      out[c] = join<F, A>(out[c], join<F, A>(join<F, A>(at(a[c]), at(b[c])), join<F, A>(at(d[c]), at(e[c]))));
  }
  for (; r < count; ++r) {
    const T* a = x + r * stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) out[c] = join<F, A>(out[c], at(a[c]));
  }
}

template <class T> constexpr void fill(FoldKernels* of) {
  of[int(Fold::Sum)] = {fold_row<Fold::Sum, T>, fold_rows<Fold::Sum, T>};
  of[int(Fold::Prod)] = {fold_row<Fold::Prod, T>, fold_rows<Fold::Prod, T>};
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
