// torch.linalg.qr, by LAPACK's Householder reflections.
#include <algorithm>
#include "cpu/blas.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

// LAPACK's xGEQRF and xORGQR (xUNGQR): matrices column by column, all arguments by address.
template <class T> struct Lapack;
template <> struct Lapack<float> { static constexpr const char *factor = "sgeqrf_", *form = "sorgqr_"; };
template <> struct Lapack<double> { static constexpr const char *factor = "dgeqrf_", *form = "dorgqr_"; };
template <> struct Lapack<Complex<float>> {
  static constexpr const char *factor = "cgeqrf_", *form = "cungqr_";
};
template <> struct Lapack<Complex<double>> {
  static constexpr const char *factor = "zgeqrf_", *form = "zungqr_";
};

int64_t real_part(float v) { return int64_t(v); }
int64_t real_part(double v) { return int64_t(v); }
template <class T> int64_t real_part(Complex<T> v) { return int64_t(v.re); }

// a (rows x columns, room for `basis` columns) becomes Q of `basis` columns, if there are any; r its
// triangle.
template <class T> void factorise(T* a, int rows, int columns, int basis, T* r, int r_rows) {
  using Factor = void (*)(const int* m, const int* n, T* a, const int* lda, T* tau, T* work, const int* lwork,
                          int* info);
  using Form = void (*)(const int* m, const int* n, const int* k, T* a, const int* lda, const T* tau, T* work,
                        const int* lwork, int* info);
  const auto factor = reinterpret_cast<Factor>(blas_symbol(Lapack<T>::factor));
  const auto form = reinterpret_cast<Form>(blas_symbol(Lapack<T>::form));
  const int lead = std::max(rows, 1), reflections = std::min(rows, columns);
  int info = 0;
  std::vector<T> tau(size_t(std::max(reflections, 1)));
  auto with_room = [&](auto call) {  // asks for the best size of the work space first
    T size{};
    int ask = -1;
    call(&size, &ask);
    int length = int(std::max<int64_t>(real_part(size), 1));
    std::vector<T> work(static_cast<size_t>(length));
    call(work.data(), &length);
    if (info != 0) fail("linalg.qr: LAPACK refused argument ", -info);
  };
  if (reflections > 0)
    with_room([&](T* w, int* n) { factor(&rows, &columns, a, &lead, tau.data(), w, n, &info); });
  for (int j = 0; j < columns; ++j)
    for (int i = 0; i < r_rows; ++i)
      r[int64_t(j) * r_rows + i] = i <= j && i < rows ? a[int64_t(j) * rows + i] : T{};
  if (basis > 0 && rows > 0)
    with_room([&](T* w, int* n) { form(&rows, &basis, &reflections, a, &lead, tau.data(), w, n, &info); });
}

struct Qr {
  static constexpr const char* node = "LinalgQrBackward0";
  static constexpr uint32_t saves = kNothing;
  bool wants_q, complete;

  Tensors forward(const Tensor& x) const {
    const int n = x->ndim;
    const int64_t rows = x->sizes[n - 2], columns = x->sizes[n - 1], inner = std::min(rows, columns);
    const int64_t basis = complete ? rows : inner, r_rows = complete ? rows : inner;
    if (std::max(rows, columns) > INT32_MAX) fail("linalg.qr: the matrix is too large for LAPACK");
    const Dims batch(n - 2, x->sizes);
    // Results lie column by column, as LAPACK leaves them.
    auto matrices = [&](int64_t height, int64_t width) {
      Dims shape = batch;
      shape.push(height);
      shape.push(width);
      Dims strides = contiguous_strides(shape);
      int64_t step = std::max<int64_t>(height, 1) * std::max<int64_t>(width, 1);
      strides[n - 2] = 1;
      strides[n - 1] = std::max<int64_t>(height, 1);
      for (int d = n - 3; d >= 0; --d) {
        strides[d] = step;
        step *= std::max<int64_t>(shape[d], 1);
      }
      return empty_strided(x->dtype, shape, strides, x->device);
    };
    const Tensor r = matrices(r_rows, columns);
    const Tensor q = wants_q ? matrices(rows, basis) : empty(x->dtype, {0}, x->device);
    if (x->is_meta()) return {q, r};
    const int64_t room = std::max(columns, basis), count = batch.numel();
    const Tensor by_columns = dense(transpose(x, n - 2, n - 1)),
                 work = empty(x->dtype, {std::max<int64_t>(rows * room, 1)});
    auto run = [&]<class T>(T) {
      for (int64_t i = 0; i < count; ++i) {
        T* const a = work->as<T>();
        std::fill_n(a, rows * room, T{});
        std::copy_n(by_columns->as<T>() + i * rows * columns, rows * columns, a);
        factorise(a, int(rows), int(columns), wants_q ? int(basis) : 0, r->as<T>() + i * r_rows * columns,
                  int(r_rows));
        if (wants_q) std::copy_n(a, rows * basis, q->as<T>() + i * rows * basis);
      }
    };
    switch (x->dtype) {
      case DType::Float32: run(float{}); break;
      case DType::Float64: run(double{}); break;
      case DType::Complex64: run(Complex<float>{}); break;
      default: run(Complex<double>{});
    }
    return {q, r};
  }
  void vjp(const Back&, Tensor*) const {
    fail<NotImplemented>("the derivative of linalg.qr is not implemented");
  }
};

Tensors qr(const Tensor& x, std::string_view mode) {
  if (x->ndim < 2) fail("linalg.qr: The input tensor A must have at least 2 dimensions.");
  if (!is_floating(x->dtype))
    fail("linalg.qr: Expected a floating point or complex tensor as input. Got ", c_name(x->dtype));
  if (mode != "reduced" && mode != "complete" && mode != "r")
    fail("qr received unrecognized mode '", std::string(mode),
         "' but expected one of 'reduced' (default), 'r', or 'complete'");
  if (x->dtype != DType::Float32 && x->dtype != DType::Float64 && !is_complex(x->dtype))
    fail<NotImplemented>("\"geqrf_cpu\" not implemented for '", c_name(x->dtype), "'");
  return call_structural(Qr{mode != "r", mode == "complete"}, x);
}

constexpr OpEntry entries[] = {
    fn<qr>("qr(Tensor A, str mode='reduced') -> Q, R", kLinalg),
};

}  // namespace

FACULA_ENTRIES(linalg_qr)

}  // namespace facula
