// Fourier transforms are computed by a library for Python; facula/_fft_library.py chooses and calls it.
#include "ops/fft.h"
#include "python/convert.h"

namespace facula::python {
namespace {

void transform(TensorImpl& out, const Tensor& x, const FftPlan& plan) {
  const Owned to(wrap(alias(out))), from(wrap(alias(*x))), dims(wrap(plan.dims));
  const Owned done(PyObject_CallFunction(imported("facula._fft_library", "transform"), "OOiOiO", to.get(),
                                         from.get(), int(plan.kind), dims.get(), int(plan.scale),
                                         plan.forward ? Py_True : Py_False));
}

}  // namespace

void add_fft() { fft_transform = transform; }

}  // namespace facula::python
