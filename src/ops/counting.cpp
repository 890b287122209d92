#include "ops/counting.h"
#include <algorithm>
#include <memory>
#include "core/parallel.h"
#include "ops/reduce.h"

namespace facula {
namespace {

constexpr int64_t kPiece = 1 << 14, kMostTables = 32;

template <class F> void visit_integers(DType t, F&& f) {
  visit(t, [&](auto element) {
    if constexpr (std::is_integral_v<decltype(element)>) f(element);
  });
}

int64_t folded(const Tensor& x, Fold f) {
  const Tensor out = empty(fold_dtype(x->dtype, f), Dims());
  fold_into(*out, x, Reduced(x, std::nullopt, false), f);
  int64_t value = 0;
  visit_integers(out->dtype, [&](auto element) { value = int64_t(*out->as<decltype(element)>()); });
  return value;
}

}  // namespace

Range range_of(const Tensor& x) { return {folded(x, Fold::Min), folded(x, Fold::Max)}; }

void count_values(const Tensor& x, int64_t low, int64_t bins, int64_t* counts) {
  const int64_t n = x->numel;
  // A table for each piece, as long as adding them up is little beside counting.
  const int64_t tables = std::min(n / std::max(kPiece, 4 * bins), kMostTables);
  visit_integers(x->dtype, [&](auto element) {
    const auto* v = x->as<decltype(element)>();
    if (tables < 2 || n / tables >= UINT32_MAX) {
      for (int64_t i = 0; i < n; ++i) ++counts[int64_t(v[i]) - low];
      return;
    }
    const std::unique_ptr<uint32_t[]> all(new uint32_t[size_t(tables * bins)]());
    parallel_pieces(tables, [&](int64_t t) {
      uint32_t* const own = all.get() + t * bins;
      for (int64_t i = n * t / tables; i < n * (t + 1) / tables; ++i) ++own[int64_t(v[i]) - low];
    });
    for (int64_t t = 0; t < tables; ++t)
      for (int64_t i = 0; i < bins; ++i) counts[i] += all[size_t(t * bins + i)];
  });
}

void look_up(const Tensor& x, int64_t low, const int64_t* table, int64_t* to) {
  const int64_t n = x->numel;
  visit_integers(x->dtype, [&](auto element) {
    const auto* v = x->as<decltype(element)>();
    parallel_pieces((n + kPiece - 1) / kPiece, [&](int64_t piece) {
      for (int64_t i = piece * kPiece; i < std::min(n, (piece + 1) * kPiece); ++i)
        to[i] = table[int64_t(v[i]) - low];
    });
  });
}

}  // namespace facula
