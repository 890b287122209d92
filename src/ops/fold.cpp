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
  return expand(keep(t), input);
}

DType fold_dtype(DType t, Fold f) {
  if (f == Fold::Min || f == Fold::Max) return t;
  return is_floating(t) ? t : DType::Int64;
}

Folded fold_layout(const Tensor& x, const Reduced& r) {
  Folded f;
  int first = -1, last = -1;
  bool adjacent = true;
  for (int d = 0; d < x->ndim; ++d) {
    if (!r.has(d) || x->sizes[d] == 1) continue;
    if (first < 0) first = d;
    else
      for (int k = last + 1; k < d; ++k) adjacent &= x->sizes[k] == 1;
    last = d;
  }
  if (first < 0) first = last = x->ndim;
  for (int d = 0; d < x->ndim; ++d)
    (r.has(d) ? f.length : adjacent && d < first ? f.outer : f.inner) *= x->sizes[d];
  if (adjacent && x->contiguous) {
    f.x = x;
    if (first == x->ndim) f.inner = 1, f.outer = x->numel;
    return f;
  }
  // Kept dimensions first: one gather, then plain rows.
  Dims sizes, strides;
  for (int pass = 0; pass < 2; ++pass)
    for (int d = 0; d < x->ndim; ++d)
      if (r.has(d) == (pass == 1)) {
        sizes.push(x->sizes[d]);
        strides.push(x->strides[d]);
      }
  f.outer *= f.inner;
  f.inner = 1;
  f.x = dense(alias(*x, sizes, strides));
  return f;
}

namespace {

template <Fold F> constexpr bool kWidens = F == Fold::Sum || F == Fold::Prod;

template <Fold F, class W> W join(W a, W b) {
  if constexpr (is_complex_type<W>)
    return F == Fold::Sum ? W(a.re + b.re, a.im + b.im)
                          : W(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
  else if constexpr (F == Fold::Sum) return a + b;
  else if constexpr (F == Fold::Prod) return a * b;
  else if constexpr (F == Fold::Min) return b < a || b != b ? b : a;
  else return b > a || b != b ? b : a;
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
    const FoldKernels& combine = fold_kernels(column, F);
    for (int64_t n = blocks; n > 1; n = (n + kRowBlock - 1) / kRowBlock) {
      for (int64_t b = 0; b * kRowBlock < n; ++b)
        combine.rows(now + b * kRowBlock * f.inner, f.inner, std::min(kRowBlock, n - b * kRowBlock), f.inner,
                     then + b * f.inner);
      std::swap(now, then);
    }
    for (int64_t c = 0; c < f.inner; ++c) o[at * f.inner + c] = finish<R>(now[c], divide_by);
  }
}

template <Fold F> void fold_any(TensorImpl& out, const Folded& f, double divide_by) {
  visit(f.x->dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_same_v<T, uint16_t> || std::is_same_v<T, uint32_t> || std::is_same_v<T, uint64_t> ||
                  (is_complex_type<T> && !kWidens<F>)) {
      fail<NotImplemented>("reduction not implemented for '", c_name(f.x->dtype), "'");
    } else {
      using R = std::conditional_t<kWidens<F> && std::is_integral_v<T>, int64_t, T>;
      fold_typed<F, T, R>(out, f, divide_by);
    }
  });
}

}  // namespace

void fold_into(TensorImpl& out, const Tensor& x, const Reduced& r, Fold fold, double divide_by) {
  if (out.numel == 0) return;
  if (x->numel == 0) {  // the neutral element
    if (fold == Fold::Sum) facula::fill(out, Scalar(0));
    else facula::fill(out, Scalar(1));
    return;
  }
  const Folded f = fold_layout(x, r);
  switch (fold) {
    case Fold::Sum: return fold_any<Fold::Sum>(out, f, divide_by);
    case Fold::Prod: return fold_any<Fold::Prod>(out, f, divide_by);
    case Fold::Min: return fold_any<Fold::Min>(out, f, divide_by);
    case Fold::Max: return fold_any<Fold::Max>(out, f, divide_by);
  }
}

}  // namespace facula
