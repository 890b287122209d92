// Histograms: histc, and the two steps of histogram and histogramdd (bin edges, counts), whose public forms
// are in facula/_composite/histogram.py.
#include <algorithm>
#include <cmath>
#include <memory>
#include "op/structural.h"
#include "ops/functions.h"
#include "ops/lines.h"

namespace facula {
namespace {

struct Range {
  double low, high;
  bool finite() const { return std::isfinite(low) && std::isfinite(high); }
};

template <class T> Range range_of(const T* v, int64_t n, int64_t step) {
  Range r{INFINITY, -INFINITY};
  for (int64_t i = 0; i < n; ++i) {
    const double x = double(v[i * step]);
    if (x != x) return {x, x};
    r.low = std::min(r.low, x);
    r.high = std::max(r.high, x);
  }
  return r;
}

// Work is cut into at most kPieces, by size alone; each counts for itself, and the counts meet in order.
constexpr int64_t kPieces = 16, kLeast = 1 << 15;

template <class Count, class F> void counted(int64_t n, int64_t bins, Count* total, F&& piece_of) {
  const int64_t pieces =
      bins > n ? 1
               : std::max<int64_t>(
                     1, std::min({kPieces, n / kLeast, (int64_t(1) << 24) / std::max<int64_t>(bins, 1)}));
  const int64_t each = (n + pieces - 1) / pieces;
  if (pieces == 1) return piece_of(0, n, total);
  const std::unique_ptr<Count[]> parts(new Count[size_t(pieces * bins)]());
  parallel_pieces(
      pieces, [&](int64_t p) { piece_of(p * each, std::min(n, (p + 1) * each), parts.get() + p * bins); });
  for (int64_t p = 0; p < pieces; ++p)
    for (int64_t b = 0; b < bins; ++b) total[b] += parts[size_t(p * bins + b)];
}

Tensor histc(const Tensor& x, int64_t bins, Scalar min, Scalar max) {
  if (double(min) > double(max)) fail("torch.histc: max must be larger than min");
  if (!is_real_floating(x->dtype) || item_size(x->dtype) == 1)
    fail<NotImplemented>("\"",
                         x->dtype == DType::Bool ? "linspace_cpu"
                         : is_complex(x->dtype)  ? "aminmax_cpu"
                                                 : "histogram_cpu",
                         "\" not implemented for '", c_name(x->dtype), "'");
  if (bins <= 0) fail("torch.histogram(): bins must be > 0, but got ", bins, " for dimension 0");
  Range r{double(min), double(max)};
  Tensor out = empty(x->dtype, Dims{bins}, x->device);
  if (out->is_meta()) return out;
  const DType type = x->dtype == DType::Float64 ? DType::Float64 : DType::Float32;
  const Tensor d = dense(x, type);
  visit(type, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_floating_point_v<T>) {
      const T* v = d->as<T>();
      if (r.low == r.high && d->numel > 0) r = range_of(v, d->numel, 1);
      if (!r.finite()) fail("torch.histc: range of [", r.low, ", ", r.high, "] is not finite");
      if (r.low == r.high) r = {r.low - 1, r.high + 1};
      if (r.low > r.high) fail("torch.histc: max must be larger than min");
      const T low = T(r.low), high = T(r.high), width = high - low;
      const std::unique_ptr<int64_t[]> total(new int64_t[size_t(bins)]());
      counted(d->numel, bins, total.get(), [&](int64_t from, int64_t to, int64_t* count) {
        for (int64_t i = from; i < to; ++i) {
          if (!(v[i] >= low && v[i] <= high)) continue;
          const int64_t at = int64_t((v[i] - low) * T(bins) / width);
          ++count[std::clamp<int64_t>(at, 0, bins - 1)];
        }
      });
      visit(out->dtype, [&](auto result) {
        using R = decltype(result);
        if constexpr (!is_complex_type<R> && !std::is_same_v<R, bool>)
          for (int64_t b = 0; b < bins; ++b) out->as<R>()[b] = R(T(total[size_t(b)]));
      });
    }
  });
  return out;
}

// --- several dimensions: x is (points, dimensions) ---

void require_supported(const Tensor& x, bool half) {
  if (x->dtype != DType::Float32 && x->dtype != DType::Float64 && !(half && is_half(x->dtype)))
    fail<NotImplemented>("\"histogramdd\" not implemented for '", c_name(x->dtype), "'");
}

// The outermost edges of each dimension: those given, or what the points need.
std::vector<double> outer_edges(const Tensor& x, const std::vector<double>& given) {
  require_supported(x, !given.empty() || x->numel == 0);
  const int64_t dims = x->sizes[1];
  std::vector<double> edges(size_t(2 * dims));
  if (!given.empty()) {
    if (int64_t(given.size()) != 2 * dims)
      fail("torch.histogramdd: for a ", dims, "-dimensional histogram range should have ", 2 * dims,
           " elements, but got ", given.size());
    edges = given;
  } else if (x->numel == 0 || x->is_meta()) {
    for (int64_t k = 0; k < dims; ++k) edges[size_t(2 * k + 1)] = 1;
  } else {
    const Tensor d = dense(x);
    for (int64_t k = 0; k < dims; ++k) {
      const Range r = x->dtype == DType::Float32 ? range_of(d->as<float>() + k, d->sizes[0], dims)
                                                 : range_of(d->as<double>() + k, d->sizes[0], dims);
      edges[size_t(2 * k)] = r.low;
      edges[size_t(2 * k + 1)] = r.high;
    }
  }
  for (int64_t k = 0; k < dims; ++k) {
    double &low = edges[size_t(2 * k)], &high = edges[size_t(2 * k + 1)];
    if (!std::isfinite(low) || !std::isfinite(high))
      fail("torch.histogramdd: dimension ", k, "'s range [", low, ", ", high, "] is not finite");
    if (low > high)
      fail("torch.histogramdd: min should not exceed max, but got min ", low, " max ", high,
           " for dimension ", k);
    if (low == high) {
      low -= 0.5;
      high += 0.5;
    }
  }
  return edges;
}

// Low and high edges as a tensor (dimensions, 2) of float64.
Tensor ranges(const Tensor& x, const std::vector<double>& given) {
  const std::vector<double> edges = outer_edges(x, given);
  Tensor out = empty(DType::Float64, Dims{x->sizes[1], 2});
  std::copy(edges.begin(), edges.end(), out->as<double>());
  return out;
}

template <class T>
void count_points(TensorImpl& out, const Tensor& x, const Tensors& edges, const Tensor& weight, bool even) {
  const int64_t points = x->sizes[0], dims = x->sizes[1], bins = out.numel;
  const T* v = x->as<T>();
  const T* w = weight ? weight->as<T>() : nullptr;
  struct Axis {
    const T* edge;
    int64_t bins, step;
  };
  const std::unique_ptr<Axis[]> axes(new Axis[size_t(dims)]);
  int64_t step = 1;
  for (int64_t k = dims; k-- > 0;) {
    axes[size_t(k)] = {edges[size_t(k)]->as<T>(), edges[size_t(k)]->numel - 1, step};
    step *= axes[size_t(k)].bins;
  }
  const std::unique_ptr<double[]> total(new double[size_t(bins)]());
  counted(points, bins, total.get(), [&](int64_t from, int64_t to, double* count) {
    for (int64_t i = from; i < to; ++i) {
      int64_t at = 0;
      bool inside = true;
      for (int64_t k = 0; k < dims && inside; ++k) {
        const Axis& a = axes[size_t(k)];
        const T value = v[i * dims + k], low = a.edge[0], high = a.edge[a.bins];
        inside = value >= low && value <= high;
        if (!inside) break;
        int64_t bin;
        if (even) {  // guess, then look at the neighbours
          const int64_t guess =
              std::clamp<int64_t>(int64_t((value - low) * T(a.bins) / (high - low)), 0, a.bins);
          const int64_t first = std::max<int64_t>(0, guess - 1), last = std::min(guess + 2, a.bins + 1);
          bin = std::upper_bound(a.edge + first, a.edge + last, value) - a.edge - 1;
        } else {
          bin = std::upper_bound(a.edge, a.edge + a.bins + 1, value) - a.edge - 1;
        }
        at += std::clamp<int64_t>(bin, 0, a.bins - 1) * a.step;  // the last bin holds its upper edge too
      }
      if (inside) count[at] += w ? double(w[i]) : 1.0;
    }
  });
  for (int64_t b = 0; b < bins; ++b) out.as<T>()[b] = T(total[size_t(b)]);
}

Tensor counts(const Tensor& x, const Tensors& edges, const Tensor& weight, bool even) {
  require_supported(x, true);
  Dims shape(0);
  Tensors flat;
  int64_t bins = 1;
  for (const Tensor& e : edges) {
    const int64_t n = std::max<int64_t>(e->numel - 1, 0);
    if (n && bins > (int64_t(1) << 40) / n) fail("torch.histogramdd: too many bins");
    bins *= n;
    shape.push(n);
    flat.push_back(dense(e, compute_dtype(x->dtype)));
  }
  if (int64_t(edges.size()) != x->sizes[1]) fail("histogramdd: one tensor of edges for each dimension");
  Tensor out = empty(x->dtype, shape, x->device);
  if (out->is_meta() || out->numel == 0) return out;
  const DType type = compute_dtype(x->dtype);
  const Tensor d = dense(x, type), w = weight ? dense(weight, type) : nullptr;
  if (w && w->numel != x->sizes[0]) fail("torch.histogramdd: one weight for each point");
  if (type == DType::Float64) {
    count_points<double>(*out, d, flat, w, even);
    return out;
  }
  if (x->dtype == type) {
    count_points<float>(*out, d, flat, w, even);
    return out;
  }
  const Tensor single = empty(type, shape);
  count_points<float>(*single, d, flat, w, even);
  return dense(single, x->dtype);
}

}  // namespace

static constexpr OpEntry entries[] = {
    fn<histc>("histc(Tensor input, int bins=100, Number min=0, Number max=0)",
              kFunction | kMethod | kExactOut)
        .refusing(
            "torch.histogram: input tensor and hist tensor should have the same dtype, but got input $r and "
            "hist $o"),
    fn<ranges>("_histogramdd_ranges(Tensor input, float[] range)", kPrivate),
    fn<counts>("_histogramdd_counts(Tensor input, Tensor[] edges, Tensor? weight, bool even)", kPrivate),
};
FACULA_ENTRIES(histogram)

}  // namespace facula
