#include "ops/product.h"
#include <cstring>
#include <vector>
#include "cpu/gemm.h"
#include "cpu/kernels.h"

namespace facula {
namespace {

// What beta multiplies, with adjacent columns as the kernels want it: d itself, or a copy of it in c.
Matrix adjacent(int64_t item, const Matrix& c, const Matrix& d) {
  if (d.column_step == 1 || d.columns <= 1) return d;
  for (int64_t i = 0; i < c.rows; ++i)
    for (int64_t j = 0; j < c.columns; ++j)
      std::memcpy(c.data + (i * c.row_step + j) * item, d.data + (i * d.row_step + j * d.column_step) * item,
                  size_t(item));
  return c;
}

template <class T> Product<T> product(const Matrix& a, const Matrix& b, const Matrix& c, const Matrix& d) {
  auto at = [](const Matrix& m) { return reinterpret_cast<T*>(m.data); };
  return {a.rows,        b.columns, a.columns,  at(a), a.row_step, a.column_step, at(b), b.row_step,
          b.column_step, at(c),     c.row_step, at(d), d.row_step, T(1),          T(0)};
}

template <class T>
void run(const Matrix& a, const Matrix& b, const Matrix& c, const Matrix& d, const Scales& s) {
  auto p = product<T>(a, b, c, d);
  p.alpha = T(s.alpha);
  p.beta = T(s.beta);
  gemm(p);
}

template <class T>
void run_complex(const Matrix& a, const Matrix& b, const Matrix& c, const Matrix& d, const Scales& s) {
  const auto p = product<T>(a, b, c, d);
  auto part = [](Scalar x) { return x.is_complex() ? T(x.imag) : T(0); };
  gemm(ComplexProduct<T>{p.m,
                         p.n,
                         p.k,
                         p.a,
                         p.a_row,
                         p.a_col,
                         p.b,
                         p.b_row,
                         p.b_col,
                         p.c,
                         p.c_row,
                         p.d,
                         p.d_row,
                         {T(s.alpha), part(s.alpha)},
                         {T(s.beta), part(s.beta)},
                         s.conj_a,
                         s.conj_b});
}

// A dense float copy of a matrix of 16-bit floats, in the layout it has.
Matrix widened(DType t, const Matrix& m, std::vector<float>& to) {
  to.resize(size_t(m.rows * m.columns));
  const CastFn cast = cast_kernel(t, DType::Float32);
  const int64_t item = item_size(t);
  auto* data = reinterpret_cast<char*>(to.data());
  const bool flipped = m.row_step == 1 && m.column_step != 1;
  const int64_t outer = flipped ? m.columns : m.rows, inner = flipped ? m.rows : m.columns;
  const int64_t outer_step = flipped ? m.column_step : m.row_step,
                inner_step = flipped ? m.row_step : m.column_step;
  for (int64_t i = 0; i < outer; ++i) {
    const char* from = m.data + i * outer_step * item;
    if (inner_step == 1) {
      cast(from, to.data() + i * inner, inner);
    } else {
      for (int64_t j = 0; j < inner; ++j) cast(from + j * inner_step * item, to.data() + i * inner + j, 1);
    }
  }
  if (flipped) return {data, m.rows, m.columns, 1, m.rows};
  return {data, m.rows, m.columns, m.columns, 1};
}

// 16-bit floats are multiplied and summed as floats and rounded once.
void run_half(DType t, const Matrix& a, const Matrix& b, const Matrix& c, const Matrix& d, const Scales& s) {
  std::vector<float> wide_a, wide_b, wide_d, wide(size_t(c.rows * c.columns));
  const Matrix sum{reinterpret_cast<char*>(wide.data()), c.rows, c.columns, c.columns, 1};
  const Matrix x = widened(t, a, wide_a), y = widened(t, b, wide_b);
  Matrix z = sum;
  if (s.beta.is_complex() || double(s.beta) != 0) z = adjacent(sizeof(float), sum, widened(t, d, wide_d));
  run<float>(x, y, sum, z, s);
  const CastFn narrow = cast_kernel(DType::Float32, t);
  for (int64_t i = 0; i < c.rows; ++i)
    narrow(wide.data() + i * c.columns, c.data + i * c.row_step * item_size(t), c.columns);
}

void dispatch(DType t, const Matrix& a, const Matrix& b, const Matrix& c, const Matrix& d, const Scales& s) {
  switch (t) {
    case DType::Float32: return run<float>(a, b, c, d, s);
    case DType::Float64: return run<double>(a, b, c, d, s);
    case DType::UInt8: return run<uint8_t>(a, b, c, d, s);
    case DType::Int8: return run<int8_t>(a, b, c, d, s);
    case DType::Int16: return run<int16_t>(a, b, c, d, s);
    case DType::Int32: return run<int32_t>(a, b, c, d, s);
    case DType::Int64: return run<int64_t>(a, b, c, d, s);
    case DType::Float16:
    case DType::BFloat16: return run_half(t, a, b, c, d, s);
    case DType::Complex64: return run_complex<float>(a, b, c, d, s);
    case DType::Complex128: return run_complex<double>(a, b, c, d, s);
    default:
      require_numbers(t, "addmm_impl_cpu_", a.columns != 0);  // a sum of nothing
      for (int64_t i = 0; i < c.rows; ++i)
        std::memset(c.data + i * c.row_step * item_size(t), 0, size_t(c.columns * item_size(t)));
  }
}

}  // namespace

void multiply(DType t, const Matrix& a, const Matrix& b, const Matrix& c, const Matrix* d, const Scales& s) {
  if (c.rows == 0 || c.columns == 0) return;
  dispatch(t, a, b, c, d && !is_half(t) ? adjacent(item_size(t), c, *d) : d ? *d : c, s);
}

void multiply_many(DType t, int64_t count, const Steps& step, const Matrix& a, const Matrix& b,
                   const Matrix& c, const Matrix* d, const Scales& s) {
  auto many = [&]<class T>(T) {
    auto p = product<T>(a, b, c, d ? *d : c);
    p.alpha = T(s.alpha);
    p.beta = d ? T(s.beta) : T(0);
    gemm_batch(count, p, step.a, step.b, step.c, d ? step.d : step.c);
  };
  const bool direct = !d || d->column_step == 1 || d->columns <= 1;
  if (direct && t == DType::Float32) return many(float{});
  if (direct && t == DType::Float64) return many(double{});
  const int64_t item = item_size(t);
  auto at = [&](const Matrix& m, int64_t elements) {
    Matrix moved = m;
    moved.data += elements * item;
    return moved;
  };
  for (int64_t i = 0; i < count; ++i) {
    const Matrix added = d ? at(*d, i * step.d) : Matrix{};
    multiply(t, at(a, i * step.a), at(b, i * step.b), at(c, i * step.c), d ? &added : nullptr, s);
  }
}

void inner_product(DType t, const TensorImpl& x, const TensorImpl& y, bool conj_x, char* result) {
  const int64_t n = x.numel;
  auto real = [&]<class T>(T) {
    *reinterpret_cast<T*>(result) = dot(n, x.as<T>(), x.strides[0], y.as<T>(), y.strides[0]);
  };
  switch (t) {
    case DType::Float32: return real(float{});
    case DType::Float64: return real(double{});
    case DType::UInt8: return real(uint8_t{});
    case DType::Int8: return real(int8_t{});
    case DType::Int16: return real(int16_t{});
    case DType::Int32: return real(int32_t{});
    case DType::Int64: return real(int64_t{});
    default: return multiply(t, as_row(x), as_column(y), {result, 1, 1, 1, 1}, nullptr, {.conj_a = conj_x});
  }
}

Tensor result_of_product(const Dims& sizes, DType t, const Tensor& a, const Tensor& b) {
  if (a->is_meta() || b->is_meta()) return empty(t, sizes, a->is_meta() ? a->device : b->device);
  for (int64_t n : sizes)
    if (n > 1 << 20) return empty(t, sizes);  // checks for overflow
  return sizes.count < 3 ? empty_cpu(t, sizes.count, sizes.v) : empty(t, sizes);
}

void require_numbers(DType t, const char* kernel, bool any) {
  const bool known =
      !any || (t >= DType::UInt8 && t <= DType::Int64) || (t >= DType::Float16 && t <= DType::Complex128);
  if (!known) fail<NotImplemented>("\"", kernel, "\" not implemented for '", c_name(t), "'");
}

void require_scales(DType t, Scalar alpha, Scalar beta) {
  if (is_complex(t)) return;
  for (Scalar s : {alpha, beta})
    if (s.is_complex() && s.imag != 0) {
      const char* type = is_half(t) ? c_name(t) : t == DType::Int64 ? "int64_t" : type_text(t);
      fail("value cannot be converted to type ", type, " without overflow");
    }
}

void require_same_type(const Tensor& a, const Tensor& b) {
  if (a->dtype != b->dtype)
    fail("expected m1 and m2 to have the same dtype, but got: ", type_text(a->dtype),
         " != ", type_text(b->dtype));
}

Matrix expanded(const TensorImpl& d, int64_t rows, int64_t columns) {
  if (d.ndim > 2)
    fail("expand(torch.", c_name(d.dtype), "Tensor{", to_string(d.shape()), "}, size=[", rows, ", ", columns,
         "]): the number of sizes provided (2) must be greater or equal to the number of dimensions in the "
         "tensor (",
         int(d.ndim), ")");
  const int64_t wanted[2] = {rows, columns};
  int64_t step[2] = {0, 0};
  for (int i = 0; i < d.ndim; ++i) {
    const int at = 2 - d.ndim + i;
    if (d.sizes[i] == wanted[at]) step[at] = d.strides[i];
    else if (d.sizes[i] != 1)
      fail("The expanded size of the tensor (", wanted[at], ") must match the existing size (", d.sizes[i],
           ") at non-singleton dimension ", at, ".  Target sizes: [", rows, ", ", columns,
           "].  Tensor sizes: ", to_string(d.shape()));
  }
  return {d.data, rows, columns, step[0], step[1]};
}

}  // namespace facula
