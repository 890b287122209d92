// The driver of reductions, shared by every operation that folds dimensions away.
#pragma once
#include "cpu/reduce.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

// Which dimensions are folded; nothing given (or an empty list): all.
struct Reduced {
  Dims input;         // shape before
  uint64_t mask = 0;  // bit d: dimension d is folded
  bool keepdim = false;

  Reduced() = default;
  Reduced(const Tensor& x, const OptDims& dims, bool keepdim);
  bool has(int d) const { return mask >> d & 1; }
  Dims shape() const;                     // after
  int64_t length() const;                 // elements folded into one
  Tensor restore(const Tensor& t) const;  // a result brought back to the input's shape (a view)
  Tensor keep(const Tensor& t) const;     // a result with its folded dimensions of size 1 (a view)
  Dims dims() const;
  // `sizes`: the gradient needs the shape alone. `whole`: of an entry without dim.
  void show(Parameters& p, bool sizes = false, bool whole = false) const {
    if (!whole) p("dim", dims()), p("keepdim", keepdim);
    if (sizes) p("self_sym_sizes", input);
  }
  Reduced behind(int64_t n) const {  // a batch of n
    Reduced r = *this;
    r.input = with_batch(input, n);
    r.mask <<= 1;
    return r;
  }
};

// out (contiguous) = fold of x. Its type is fold_dtype's, or for sums and products the wide one: double,
// int64_t or Complex<double>.
void fold_into(TensorImpl& out, const Tensor& x, const Reduced& r, Fold f, double divide_by = 0);
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim);
void require_history_in(OptDType dtype, const Tensor& x);  // of the result, where dtype= asks for it
DType fold_dtype(DType t, Fold f);                         // int64 for sums and products of integers

// PyTorch fills the result of a reduction before it folds into it; outside of inference mode, where autograd
// does not hide it, the fill of what was made of an inference tensor counts as a write.
inline void note_fills(TensorImpl& out, const TensorImpl& x, int times) {
  if (x.inference && !mode.inference) [[unlikely]]
    *out.version_counter += uint32_t(times);
}

}  // namespace facula
