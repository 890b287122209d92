// Batched products: bmm, baddbmm, addbmm, and matmul where an operand has more than two dimensions. Broadcast
// dimensions are walked with a step of zero; nothing is expanded in memory.
#include "ops/functions.h"
#include "ops/matmul.h"

namespace facula {
namespace {

Tensor times(const Tensor& t, Scalar s) { return !s.is_complex() && double(s) == 1 ? t : t * s; }
Scalar conjugate(Scalar s) { return s.is_complex() ? Scalar::complex(s.d, -s.imag) : s; }

// The last two dimensions of t.
Matrix last_two(const TensorImpl& t, bool transposed) {
  const int n = t.ndim;
  if (transposed) return {t.data, t.sizes[n - 1], t.sizes[n - 2], t.strides[n - 1], t.strides[n - 2]};
  return {t.data, t.sizes[n - 2], t.sizes[n - 1], t.strides[n - 2], t.strides[n - 1]};
}

// Batch dimensions in the order of the result, with steps of both operands; neighbours that can be walked as
// one are one.
struct Walk {
  Dims sizes, a, b;
  void add(int64_t size, int64_t step_a, int64_t step_b) {
    if (size == 1) return;
    const int last = sizes.count - 1;
    if (last >= 0 && a[last] == step_a * size && b[last] == step_b * size) {
      sizes[last] *= size;
      a[last] = step_a;
      b[last] = step_b;
      return;
    }
    sizes.push(size);
    a.push(step_a);
    b.push(step_b);
  }
};

void multiply_batches(TensorImpl& out, const TensorImpl& a, const TensorImpl& b, Read r) {
  const Matrix x = last_two(a, r.ta), y = last_two(b, r.tb);
  const Scales scales{.conj_a = r.ca, .conj_b = r.cb};
  Walk walk;
  const int batch = out.ndim - 2;
  for (int i = 0; i < batch; ++i) {
    auto step = [&](const TensorImpl& t) {
      const int at = i - (batch - (t.ndim - 2));
      return at < 0 || t.sizes[at] == 1 ? int64_t(0) : t.strides[at];
    };
    walk.add(out.sizes[i], step(a), step(b));
  }
  if (out.numel == 0) return;
  const int64_t rows = x.rows, columns = y.columns;
  Matrix z{out.data, rows, columns, columns, 1};
  const int dims = walk.sizes.count;
  // One matrix for the whole batch: its rows follow each other.
  if (dims == 1 && walk.b[0] == 0 && walk.a[0] == rows * x.row_step) {
    Matrix all = x, to = z;
    all.rows = to.rows = rows * walk.sizes[0];
    return multiply(out.dtype, all, y, to, nullptr, scales);
  }
  const int64_t count = dims ? walk.sizes[dims - 1] : 1, item = item_size(out.dtype);
  const Steps steps{dims ? walk.a[dims - 1] : 0, dims ? walk.b[dims - 1] : 0, rows * columns};
  Dims at = Dims::filled(dims, 0);
  for (int64_t done = 0; done * steps.c < out.numel; done += count) {
    int64_t offset_a = 0, offset_b = 0;
    for (int i = 0; i + 1 < dims; ++i) {
      offset_a += at[i] * walk.a[i];
      offset_b += at[i] * walk.b[i];
    }
    Matrix from_a = x, from_b = y, to = z;
    from_a.data += offset_a * item;
    from_b.data += offset_b * item;
    to.data += done * steps.c * item;
    multiply_many(out.dtype, count, steps, from_a, from_b, to, nullptr, scales);
    for (int i = dims - 2; i >= 0 && ++at[i] == walk.sizes[i]; --i) at[i] = 0;
  }
}

Dims batch_of(const TensorImpl& t) { return Dims(t.ndim - 2, t.sizes); }

// Any number of batch dimensions, broadcast. Named after the last step of what PyTorch composes it of.
enum class Name { Bmm, UnsafeView, Clone };
template <Name N> struct Batched {
  static constexpr const char* names[] = {"BmmBackward0", "UnsafeViewBackward0", "CloneBackward0"};
  static constexpr const char* node = names[int(N)];
  static constexpr uint32_t saves = kInputs;
  Read r;
  Dims shape_a, shape_b;
  uint32_t keeps(const Tensor* in) const { return Operands::keeps(in[0], in[1]); }
  Tensor forward(const Tensor& a, const Tensor& b) {
    shape_a = a->shape();
    shape_b = b->shape();
    Dims sizes = broadcast(batch_of(*a), batch_of(*b));
    sizes.push(a->sizes[a->ndim - (r.ta ? 1 : 2)]);
    sizes.push(b->sizes[b->ndim - (r.tb ? 2 : 1)]);
    auto repeats = [&](const TensorImpl& t) {
      return t.ndim < sizes.count || t.sizes[0] == 1 || !t.strides[0];
    };
    const int64_t examples = sizes[0];
    const bool lazy = mode.lazy_batch && sizes.count > 2 && examples > 1 && repeats(*a) && repeats(*b);
    if (lazy) sizes[0] = 1;  // they are all the same
    Tensor out = result_of_product(sizes, a->dtype, a, b);
    if (!out->is_meta()) multiply_batches(*out, *a, *b, r);
    if (lazy) {
      Dims strides = out->stride();
      strides[0] = 0;
      sizes[0] = examples;
      out->set_geometry(sizes, strides);
    }
    return out;
  }
  void vjp(const Back& back, Tensor* d) const {
    const Tensor& g = back.g[0];
    const bool complex = is_complex(g->dtype);
    const bool conj_b = complex && (!r.cb ^ r.ca), conj_a = complex && (!r.ca ^ r.cb);
    if (back.needs(0))
      d[0] = sum_to(r.ta ? again({r.tb, true, conj_b, r.ca}, back.in[1], g)
                         : again({false, !r.tb, r.ca, conj_b}, g, back.in[1]),
                    shape_a);
    if (!back.needs(1)) return;
    if (shape_b.count == 2 && !r.ta && !r.tb) {  // one matrix for all: the batch is part of the sum
      int64_t rows = 1;
      for (int i = 0; i + 1 < g->ndim; ++i) rows *= g->sizes[i];
      d[1] = again({true, false, conj_a, r.cb}, reshape(back.in[0], {rows, shape_a[shape_a.count - 1]}),
                   reshape(g, {rows, g->sizes[g->ndim - 1]}));
      return;
    }
    d[1] = sum_to(r.tb ? again({true, r.ta, r.cb, conj_a}, g, back.in[0])
                       : again({!r.ta, false, conj_a, r.cb}, back.in[0], g),
                  shape_b);
  }
  // The batch comes before all other batch dimensions, which an operand may lack.
  void vjp_batch(const Back& back, int64_t n, Tensor* d) const {
    const Tensor& g = back.g[0];
    const bool complex = is_complex(g->dtype);
    const bool conj_b = complex && (!r.cb ^ r.ca), conj_a = complex && (!r.ca ^ r.cb);
    if (back.needs(0))
      d[0] = sum_to_batch(r.ta ? again({r.tb, true, conj_b, r.ca}, back.in[1], g)
                               : again({false, !r.tb, r.ca, conj_b}, g, back.in[1]),
                          shape_a, n);
    if (back.needs(1))
      d[1] = sum_to_batch(r.tb ? again({true, r.ta, r.cb, conj_a}, g, back.in[0])
                               : again({!r.ta, false, conj_a, r.cb}, back.in[0], g),
                          shape_b, n);
  }

 private:
  static Tensor again(Read read, const Tensor& a, const Tensor& b) {
    return call_structural(Batched<Name::Bmm>{read}, a, b);
  }
};

}  // namespace

Tensor product_of_batches(Read read, const Tensor& a, const Tensor& b) {
  return call_structural(Batched<Name::Bmm>{read}, a, b);
}

namespace {

struct DropDim {  // of a fresh result: no view in the eyes of autograd
  static constexpr const char* node = "UnsafeViewBackward0";
  static constexpr uint32_t saves = kNothing;
  int dim;
  Tensor forward(const Tensor& x) const {
    Dims sizes = x->shape();
    sizes.erase(dim);
    return alias(*x, sizes, contiguous_strides(sizes));
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = unsqueeze(b.g[0], dim); }
  std::optional<DropDim> batched(const Back&, int64_t) const { return DropDim{dim + 1}; }
};

struct Baddbmm {  // inputs: self, batch1, batch2
  static constexpr const char* node = "BaddbmmBackward0";
  static constexpr uint32_t saves = saves_input(1) | saves_input(2);
  Scalar beta = 1, alpha = 1;
  Dims shape;
  uint32_t keeps(const Tensor* in) const { return Operands::keeps(in[1], in[2]) << 1; }
  Tensor forward(const Tensor& self, const Tensor& a, const Tensor& b) {
    shape = self->shape();
    const Dims sizes{a->sizes[0], a->sizes[1], b->sizes[2]};
    Tensor out = result_of_product(sizes, a->dtype, a, b);
    if (self->ndim > 3)
      fail("expand(torch.", c_name(self->dtype), "Tensor{", to_string(shape), "}, size=", to_string(sizes),
           "): the number of sizes provided (3) must be greater or equal to the number of dimensions in the "
           "tensor (",
           int(self->ndim), ")");
    int64_t step[3] = {0, 0, 0};
    for (int i = 0; i < self->ndim; ++i) {
      const int at = 3 - self->ndim + i;
      if (self->sizes[i] == sizes[at]) step[at] = self->strides[i];
      else if (self->sizes[i] != 1)
        fail("The expanded size of the tensor (", sizes[at], ") must match the existing size (",
             self->sizes[i], ") at non-singleton dimension ", at, ".  Target sizes: ", to_string(sizes),
             ".  Tensor sizes: ", to_string(shape));
    }
    if (out->is_meta()) return out;
    if (self->is_meta()) fail("Tensor on device meta is not on the expected device cpu!");
    if (out->numel == 0) return out;
    const Matrix added{self->data, sizes[1], sizes[2], step[1], step[2]};
    multiply_many(a->dtype, sizes[0], {a->strides[0], b->strides[0], sizes[1] * sizes[2], step[0]},
                  last_two(*a, false), last_two(*b, false), {out->data, sizes[1], sizes[2], sizes[2], 1},
                  &added, {alpha, beta});
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = sum_to(times(b.g[0], conjugate(beta)), shape);
    if (!b.needs(1) && !b.needs(2)) return;
    const Tensor g = times(b.g[0], conjugate(alpha));
    const bool complex = is_complex(g->dtype);
    if (b.needs(1)) d[1] = call_structural(Batched<Name::Bmm>{{.tb = true, .cb = complex}}, g, b.in[2]);
    if (b.needs(2)) d[2] = call_structural(Batched<Name::Bmm>{{.ta = true, .ca = complex}}, b.in[1], g);
  }
};

struct Addbmm {  // inputs: self, batch1, batch2; the batch is summed
  static constexpr const char* node = "AddbmmBackward0";
  static constexpr uint32_t saves = saves_input(1) | saves_input(2);
  Scalar beta = 1, alpha = 1;
  Dims shape;
  int64_t batch = 0;
  uint32_t keeps(const Tensor* in) const { return Operands::keeps(in[1], in[2]) << 1; }
  Tensor forward(const Tensor& self, const Tensor& a, const Tensor& b) {
    shape = self->shape();
    batch = a->sizes[0];
    const Dims sizes{a->sizes[1], b->sizes[2]};
    Tensor out = result_of_product(sizes, a->dtype, a, b);
    if (out->is_meta()) return out;
    if (self->is_meta()) fail("Tensor on device meta is not on the expected device cpu!");
    const Matrix added = expanded(*self, sizes[0], sizes[1]), c = matrix(*out);
    const int64_t item = item_size(a->dtype);
    Matrix x = last_two(*a, false), y = last_two(*b, false);
    if (batch == 0) x.columns = y.rows = 0;  // only beta * self is left
    for (int64_t i = 0; i < std::max<int64_t>(batch, 1); ++i) {
      multiply(a->dtype, x, y, c, i ? &c : &added, {alpha, i ? Scalar(1) : beta});
      x.data += a->strides[0] * item;
      y.data += b->strides[0] * item;
    }
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = sum_to(times(b.g[0], conjugate(beta)), shape);
    if (!b.needs(1) && !b.needs(2)) return;
    Tensor g = times(b.g[0], conjugate(alpha));
    g = expand(g, {batch, g->sizes[0], g->sizes[1]});
    const bool complex = is_complex(g->dtype);
    if (b.needs(1)) d[1] = call_structural(Batched<Name::Bmm>{{.tb = true, .cb = complex}}, g, b.in[2]);
    if (b.needs(2)) d[2] = call_structural(Batched<Name::Bmm>{{.ta = true, .ca = complex}}, b.in[1], g);
  }
};

void require_type(const Tensor& a, const Tensor& b) {
  if (a->dtype != b->dtype) fail("expected scalar type ", c_name(a->dtype), " but found ", c_name(b->dtype));
}

void check_batches(const Tensor& a, const Tensor& b, const char* kernel) {
  if (a->ndim != 3) fail("batch1 must be a 3D tensor");
  if (b->ndim != 3) fail("batch2 must be a 3D tensor");
  if (b->sizes[0] != a->sizes[0] || b->sizes[1] != a->sizes[2])
    fail("Expected size for first two dimensions of batch2 tensor to be: [", a->sizes[0], ", ", a->sizes[2],
         "] but got: [", b->sizes[0], ", ", b->sizes[1], "].");
  require_type(a, b);
  require_numbers(a->dtype, kernel, a->numel && b->numel);
}

Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  wrap_dim(2, b->ndim);  // the result's shape is asked for first
  wrap_dim(1, a->ndim);
  if (a->ndim == 3 && b->ndim == 3 && self->dtype != a->dtype && a->dtype == b->dtype)
    fail("Input dtypes must be the same, got: input ", type_text(self->dtype),
         ", batch1: ", type_text(a->dtype), ", batch2: ", type_text(b->dtype));
  check_batches(a, b, "baddbmm");
  require_type(self, a);
  require_scales(a->dtype, alpha, beta);
  return call_structural(Baddbmm{beta, alpha}, self, a, b);
}

Tensor addbmm(const Tensor& self, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  wrap_dim(2, b->ndim);
  wrap_dim(1, a->ndim);
  expanded(*self, a->sizes[1], b->sizes[2]);
  if (a->ndim != 3) fail("batch1 must be a 3D tensor");
  if (b->ndim != 3) fail("batch2 must be a 3D tensor");
  if (a->sizes[0] != b->sizes[0])
    fail("batch1 and batch2 must have same number of batches, got ", a->sizes[0], " and ", b->sizes[0]);
  if (a->sizes[2] != b->sizes[1])
    fail("Incompatible matrix sizes for bmm (", a->sizes[1], "x", a->sizes[2], " and ", b->sizes[1], "x",
         b->sizes[2], ")");
  for (const auto& [other, name] : {std::pair(&self, "self"), std::pair(&a, "mat1")})
    if ((*other)->dtype != b->dtype)
      fail(name, " and mat2 must have the same dtype, but got ", c_name((*other)->dtype), " and ",
           c_name(b->dtype));
  require_numbers(a->dtype, "addmm_impl_cpu_", a->numel && b->numel);
  require_scales(a->dtype, alpha, beta);
  return call_structural(Addbmm{beta, alpha}, self, a, b);
}

}  // namespace

Tensor bmm(const Tensor& a, const Tensor& b) {
  check_batches(a, b, "bmm");
  return call_structural(Batched<Name::Bmm>{}, a, b);
}

Tensor matmul_batched(const Tensor& a, const Tensor& b) {
  const bool vector_a = a->ndim == 1, vector_b = b->ndim == 1;
  const Tensor x = vector_a ? unsqueeze(a, 0) : a, y = vector_b ? unsqueeze(b, 1) : b;
  const int64_t m = x->sizes[x->ndim - 2], k = x->sizes[x->ndim - 1];
  const int64_t k2 = y->sizes[y->ndim - 2], n = y->sizes[y->ndim - 1];
  int64_t rows = m;
  for (int i = 0; i + 2 < x->ndim; ++i) rows *= x->sizes[i];
  // PyTorch reports in terms of what it would call.
  if (vector_b) {
    if (k != k2) fail("size mismatch, got input (", rows, "), mat (", rows, "x", k, "), vec (", k2, ")");
    if (a->dtype != b->dtype)
      fail("addmv input tensors must have the same dtype, but got ", c_name(b->dtype), ", ", c_name(a->dtype),
           ", and ", c_name(b->dtype));
    require_numbers(a->dtype, "addmv_impl_cpu", a->numel && b->numel);
  } else if (b->ndim == 2) {
    if (k != k2) fail("mat1 and mat2 shapes cannot be multiplied (", rows, "x", k, " and ", k2, "x", n, ")");
    require_same_type(a, b);
    require_numbers(a->dtype, "addmm_impl_cpu_", a->numel && b->numel);
  } else {
    const int64_t batches = broadcast(batch_of(*x), batch_of(*y)).numel();
    if (k != k2)
      fail("Expected size for first two dimensions of batch2 tensor to be: [", batches, ", ", k,
           "] but got: [", batches, ", ", k2, "].");
    require_type(a, b);
    require_numbers(a->dtype, "bmm", a->numel && b->numel);
  }
  const bool one_matrix =
      a->ndim == 2 || (a->ndim == 3 && b->ndim == 3 && a->sizes[0] == 1 && b->sizes[0] > 1);
  const bool clone = one_matrix && b->ndim > 2 && is_floating(a->dtype) && requires_grad(*a);
  Tensor out = clone ? call_structural(Batched<Name::Clone>{}, x, y)
                     : call_structural(Batched<Name::UnsafeView>{}, x, y);
  return vector_a || vector_b ? call_structural(DropDim{out->ndim - (vector_a ? 2 : 1)}, out) : out;
}

namespace {

static constexpr OpEntry entries[] = {
    fn<bmm>("bmm(Tensor input, Tensor mat2)", kFunction | kMethod | kExactOut | kFold),
    fn<baddbmm>("baddbmm(Tensor input, Tensor batch1, Tensor batch2, *, Number beta=1, Number alpha=1)",
                kEverywhere | kExactOut),
    fn<addbmm>("addbmm(Tensor input, Tensor batch1, Tensor batch2, *, Number beta=1, Number alpha=1)",
               kEverywhere),
};

}  // namespace
FACULA_ENTRIES(bmm)

}  // namespace facula
