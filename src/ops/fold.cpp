// How dimensions are folded away. Every partial result covers a fixed set of elements, and partial results
// are joined in a fixed order: the result does not depend on the number of threads.
#include <algorithm>
#include <memory>
#include "core/parallel.h"
#include "ops/reduce.h"

namespace facula {

Reduced::Reduced(const Tensor& x, const OptDims& dims, bool keep) : input(x->shape()), keepdim(keep) {
  if (!dims || dims->count == 0) {
    mask = x->ndim == 64 ? ~uint64_t(0) : (uint64_t(1) << x->ndim) - 1;
    return;
  }
  for (int64_t d : *dims) {
    const uint64_t bit = uint64_t(1) << wrap_dim(d, x->ndim);
    if (mask & bit) fail("dim ", wrap_dim(d, x->ndim), " appears multiple times in the list of dims");
    mask |= bit;
  }
}

Dims Reduced::shape() const {
  Dims s;
  for (int d = 0; d < input.count; ++d)
    if (!has(d) || keepdim) s.push(has(d) ? 1 : input[d]);
  return s;
}
Dims Reduced::dims() const {
  Dims s;
  for (int d = 0; d < input.count; ++d)
    if (has(d)) s.push(d);
  return s;
}
int64_t Reduced::length() const {
  int64_t n = 1;
  for (int d = 0; d < input.count; ++d)
    if (has(d)) n *= input[d];
  return n;
}
Tensor Reduced::keep(const Tensor& t) const {
  if (keepdim) return t;
  Tensor wide = t;
  for (int d = 0; d < input.count; ++d)
    if (has(d)) wide = unsqueeze(wide, d);
  return wide;
}
Tensor Reduced::restore(const Tensor& t) const {
  if (mask == 0 || input.count == 0) return t;
  if (mode.forward || detail::is_tracked(&t, 1)) return expand(keep(t), input);
  Dims strides(input.count);  // the same view at once, where nobody will ask for its history
  for (int d = 0, from = 0; d < input.count; ++d) {
    strides[d] = has(d) ? 0 : t->strides[from];
    from += keepdim || !has(d);
  }
  return alias(*t, input, strides);
}

DType fold_dtype(DType t, Fold f) {
  if (f == Fold::Min || f == Fold::Max) return t;
  return is_floating(t) ? t : DType::Int64;
}

namespace {

template <Fold F> constexpr bool kWidens = F != Fold::Min&& F != Fold::Max;

// What a kernel loop sees: [outer, length, inner], dense, the folded dimensions in the middle.
struct Folded {
  Tensor x;
  int64_t outer = 1, length = 1, inner = 1;
};

template <Fold F, class W> W join(W a, W b) {
  if constexpr (is_complex_type<W>)
    return F != Fold::Prod ? W(a.re + b.re, a.im + b.im)
                           : W(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
  else if constexpr (F == Fold::Prod) return a * b;
  else if constexpr (F == Fold::Min) return b < a || b != b ? b : a;
  else if constexpr (F == Fold::Max) return b > a || b != b ? b : a;
  else return a + b;
}

template <class W> W scaled(W v, double divide_by) {
  if constexpr (is_complex_type<W>) return W(v.re / divide_by, v.im / divide_by);
  else if constexpr (std::is_floating_point_v<W>) return v / W(divide_by);
  else return v;
}
template <class R, class W> R finish(W v, double divide_by) {
  if (divide_by != 0) v = scaled(v, divide_by);
  if constexpr (is_half_type<R>) return R(float(v));
  else return R(v);
}

template <Fold F, class T, class R> void fold_typed(TensorImpl& out, const Folded& f, double divide_by) {
  using Types = FoldTypes<T>;
  using W = std::conditional_t<kWidens<F>, typename Types::Wide, typename Types::Column>;
  using A = std::conditional_t<kWidens<F>, typename Types::SumColumn, typename Types::Column>;
  const FoldKernels& kernels = fold_kernels(f.x->dtype, F);
  const T* x = f.x->as<T>();
  R* o = out.as<R>();
  if (f.inner == 1 && f.length <= kLeaf) {  // many short rows
    const int64_t per_piece = std::max<int64_t>(1, 65536 / f.length);
    parallel_pieces((f.outer + per_piece - 1) / per_piece, [&](int64_t piece) {
      for (int64_t i = piece * per_piece; i < std::min(f.outer, (piece + 1) * per_piece); ++i) {
        W v;
        kernels.row(x + i * f.length, f.length, &v);
        o[i] = finish<R>(v, divide_by);
      }
    });
    return;
  }
  if (f.inner == 1) {  // long rows: leaves, then a tree
    const int64_t leaves = (f.length + kLeaf - 1) / kLeaf, per_piece = 4,
                  pieces = (leaves + per_piece - 1) / per_piece;
    const std::unique_ptr<W[]> partial(new W[size_t(leaves)]);
    for (int64_t row = 0; row < f.outer; ++row) {
      parallel_pieces(pieces, [&](int64_t piece) {
        for (int64_t i = piece * per_piece; i < std::min(leaves, (piece + 1) * per_piece); ++i)
          kernels.row(x + row * f.length + i * kLeaf, std::min(kLeaf, f.length - i * kLeaf),
                      &partial[size_t(i)]);
      });
      for (int64_t n = leaves; n > 1; n = (n + 1) / 2) {
        for (int64_t i = 0; i < n / 2; ++i)
          partial[size_t(i)] = join<F>(partial[size_t(2 * i)], partial[size_t(2 * i + 1)]);
        if (n % 2) partial[size_t(n / 2)] = partial[size_t(n - 1)];
      }
      o[row] = finish<R>(partial[0], divide_by);
    }
    return;
  }
  // Columns: blocks of rows are folded over strips of columns that stay in L1, then the blocks.
  const int64_t strip = 2048, strips = (f.inner + strip - 1) / strip,
                blocks = (f.length + kRowBlock - 1) / kRowBlock;
  if (blocks == 1) {
    const int64_t units = f.outer * strips,
                  per_piece = std::max<int64_t>(1, 65536 / (std::min(strip, f.inner) * f.length));
    parallel_pieces((units + per_piece - 1) / per_piece, [&](int64_t piece) {
      A acc[2048];
      for (int64_t u = piece * per_piece; u < std::min(units, (piece + 1) * per_piece); ++u) {
        const int64_t at = u / strips, from = u % strips * strip, width = std::min(strip, f.inner - from);
        kernels.rows(x + at * f.length * f.inner + from, f.inner, f.length, width, acc);
        for (int64_t c = 0; c < width; ++c) o[at * f.inner + from + c] = finish<R>(acc[c], divide_by);
      }
    });
    return;
  }
  const std::unique_ptr<A[]> partial(new A[size_t(blocks * f.inner)]),
      next(new A[size_t((blocks + 63) / 64 * f.inner)]);
  const DType column = dtype_of_element<A>;
  for (int64_t at = 0; at < f.outer; ++at) {
    parallel_pieces(blocks, [&](int64_t b) {
      const int64_t rows = std::min(kRowBlock, f.length - b * kRowBlock);
      const T* block = x + (at * f.length + b * kRowBlock) * f.inner;
      for (int64_t from = 0; from < f.inner; from += strip)
        kernels.rows(block + from, f.inner, rows, std::min(strip, f.inner - from),
                     &partial[size_t(b * f.inner + from)]);
    });
    A *now = partial.get(), *then = next.get();
    const FoldKernels& combine = fold_kernels(column, base_fold(F));
    for (int64_t n = blocks; n > 1; n = (n + kRowBlock - 1) / kRowBlock) {
      for (int64_t b = 0; b * kRowBlock < n; ++b)
        combine.rows(now + b * kRowBlock * f.inner, f.inner, std::min(kRowBlock, n - b * kRowBlock), f.inner,
                     then + b * f.inner);
      std::swap(now, then);
    }
    for (int64_t c = 0; c < f.inner; ++c) o[at * f.inner + c] = finish<R>(now[c], divide_by);
  }
}

// out has the type of the fold's results, or the wide type of its partial results.
template <Fold F> void fold_any(TensorImpl& out, const Folded& f, double divide_by) {
  visit(f.x->dtype, [&](auto element) {
    using T = decltype(element);
    constexpr bool function = F > Fold::Max;
    if constexpr (std::is_same_v<T, uint16_t> || std::is_same_v<T, uint32_t> || std::is_same_v<T, uint64_t> ||
                  (is_complex_type<T> && (!kWidens<F> || function)) || (function && std::is_integral_v<T>)) {
      fail<NotImplemented>("reduction not implemented for '", c_name(f.x->dtype), "'");
    } else {
      using R = std::conditional_t<kWidens<F> && std::is_integral_v<T>, int64_t, T>;
      using W = typename FoldTypes<T>::Wide;
      if constexpr (kWidens<F> && !std::is_same_v<R, W>)
        if (out.dtype == dtype_of_element<W>) return fold_typed<F, T, W>(out, f, divide_by);
      fold_typed<F, T, R>(out, f, divide_by);
    }
  });
}

void fold_one(TensorImpl& out, const Folded& f, Fold fold, double divide_by) {
  switch (fold) {
    case Fold::Sum: return fold_any<Fold::Sum>(out, f, divide_by);
    case Fold::Prod: return fold_any<Fold::Prod>(out, f, divide_by);
    case Fold::Min: return fold_any<Fold::Min>(out, f, divide_by);
    case Fold::Max: return fold_any<Fold::Max>(out, f, divide_by);
    case Fold::Squares: return fold_any<Fold::Squares>(out, f, divide_by);
    case Fold::Magnitudes: return fold_any<Fold::Magnitudes>(out, f, divide_by);
    case Fold::Numbers: return fold_any<Fold::Numbers>(out, f, divide_by);
  }
}

// Contiguous, with all folded dimensions next to each other: the common case.
bool simple_layout(const Tensor& x, const Reduced& r, Folded& f) {
  if (!x->contiguous) return false;
  int first = -1, last = -1;
  for (int d = 0; d < x->ndim; ++d) {
    if (!r.has(d) || x->sizes[d] == 1) continue;
    if (first < 0) first = d;
    else
      for (int k = last + 1; k < d; ++k)
        if (x->sizes[k] != 1) return false;
    last = d;
  }
  if (first < 0) {
    f.outer = x->numel;
  } else {
    for (int d = 0; d < x->ndim; ++d) (r.has(d) ? f.length : d < first ? f.outer : f.inner) *= x->sizes[d];
  }
  f.x = x;
  return true;
}

// The dimensions in the order of memory, neighbours of one kind merged: sizes alternate between kept and
// folded.
struct MemoryOrder {
  Tensor x;
  Dims sizes;               // of the groups
  uint64_t folded = 0;      // bit g: group g is folded
  Dims kept;                // the kept dimensions that are longer than 1, as they follow each other in memory
  bool rearranged = false;  // they do not in the result

  MemoryOrder(const Tensor& given, const Reduced& r) : x(given) {
    Dims order = sorted();
    int64_t expected = 1;
    for (int i = order.count - 1; i >= 0; --i) {
      const int d = int(order[i]);
      if (x->strides[d] != expected) {  // gaps, or one element in several places
        x = dense(x);
        order = sorted();
        break;
      }
      expected *= x->sizes[d];
    }
    for (int64_t d : order) {
      const bool fold = r.has(int(d));
      if (!fold) {
        rearranged |= kept.count && kept[kept.count - 1] > d;
        kept.push(d);
      }
      if (sizes.count && (folded >> (sizes.count - 1) & 1) == uint64_t(fold)) {
        sizes[sizes.count - 1] *= x->sizes[d];
      } else {
        folded |= uint64_t(fold) << sizes.count;
        sizes.push(x->sizes[d]);
      }
    }
  }
  int last_folded() const { return folded ? 63 - __builtin_clzll(folded) : -1; }
  Folded around(int group) const {
    Folded f{x};
    if (group < 0) f.outer = x->numel;
    for (int g = 0; group >= 0 && g < sizes.count; ++g)
      (g < group ? f.outer : g > group ? f.inner : f.length) *= sizes[g];
    return f;
  }
  void remove(int group, Tensor result) {  // the group has been folded; its neighbours become one
    x = std::move(result);
    const bool both = group > 0 && group + 1 < sizes.count;
    sizes.erase(group);
    folded &= ~(uint64_t(1) << group);
    folded = (folded & ((uint64_t(1) << group) - 1)) | (folded >> (group + 1) << group);
    if (!both) return;
    sizes[group - 1] *= sizes[group];
    sizes.erase(group);
    folded = (folded & ((uint64_t(1) << group) - 1)) | (folded >> (group + 1) << group);
  }

 private:
  Dims sorted() const {
    Dims order;
    for (int d = 0; d < x->ndim; ++d) {
      if (x->sizes[d] == 1) continue;
      int at = order.count;
      while (at > 0 && x->strides[order[at - 1]] < x->strides[d]) --at;
      order.insert(at, d);
    }
    return order;
  }
};

Dims without_ones(const Reduced& r, const Dims& sizes) {  // the kept dimensions longer than 1
  Dims kept;
  for (int d = 0; d < sizes.count; ++d)
    if (!r.has(d) && sizes[d] != 1) kept.push(sizes[d]);
  return kept;
}

void fold_in_memory_order(TensorImpl& out, MemoryOrder m, const Reduced& r, Fold fold, double divide_by) {
  Tensor target(&out);
  Dims sizes, strides;
  if (m.rearranged) {
    const Dims contiguous = contiguous_strides(without_ones(r, m.x->shape()));
    for (int64_t d : m.kept) {
      int place = 0;
      for (int64_t k : m.kept) place += k < d;
      sizes.push(m.x->sizes[d]);
      strides.push(contiguous[place]);
    }
    target = empty(out.dtype, sizes, out.device);
  }
  // Several folded groups: the last first, its results in the wide type, then the others over these.
  int group = m.last_folded();
  const bool several = group >= 0 && (m.folded & ((uint64_t(1) << group) - 1)) != 0;
  if (!several) {
    fold_one(*target, m.around(group), fold, divide_by);
  } else {
    const DType wide = visit(m.x->dtype,
                             [](auto e) { return dtype_of_element<typename FoldTypes<decltype(e)>::Wide>; }),
                between = fold == Fold::Min || fold == Fold::Max ? m.x->dtype : wide;
    while (group >= 0) {
      const Folded f = m.around(group);
      const bool last = m.folded == uint64_t(1) << group;
      Tensor result = empty(between, {f.outer * f.inner}, out.device);
      fold_one(*result, f, fold, last ? divide_by : 0);
      m.remove(group, std::move(result));
      fold = base_fold(fold);
      group = m.last_folded();
    }
    copy_into(*alias(*target, {target->numel}, {1}), *m.x);
  }
  if (m.rearranged) copy_into(*alias(out, sizes, strides), *target);
}

}  // namespace

void fold_into(TensorImpl& out, const Tensor& x, const Reduced& r, Fold fold, double divide_by) {
  if (out.numel == 0) return;
  if (x->numel == 0) {  // the neutral element
    facula::fill(out, Scalar(int64_t(base_fold(fold) != Fold::Sum)));
    return;
  }
  Folded f;
  if (simple_layout(x, r, f)) return fold_one(out, f, fold, divide_by);
  fold_in_memory_order(out, MemoryOrder(x, r), r, fold, divide_by);
}

}  // namespace facula
