// Tensor's attributes.
#include "op/inplace.h"
#include "ops/functions.h"
#include "python/nodes.h"
#include "python/override.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

TensorImpl* impl(PyObject* o) { return tensor_of(o).get(); }

PyObject* get_shape(PyObject* o, void*) {
  return guarded([&] { return wrap(impl(o)->shape()); });
}
PyObject* get_dtype(PyObject* o, void*) { return wrap(impl(o)->dtype); }
PyObject* get_device(PyObject* o, void*) {
  return guarded([&] { return wrap(impl(o)->device); });
}
PyObject* get_layout(PyObject*, void*) {
  return guarded([&] { return Py_NewRef(imported("facula._C", "strided")); });
}
PyObject* get_ndim(PyObject* o, void*) { return PyLong_FromLong(impl(o)->ndim); }
PyObject* get_itemsize(PyObject* o, void*) { return PyLong_FromLongLong(item_size(impl(o)->dtype)); }
PyObject* get_nbytes(PyObject* o, void*) {
  return PyLong_FromLongLong(item_size(impl(o)->dtype) * impl(o)->numel);
}
PyObject* get_requires_grad(PyObject* o, void*) { return PyBool_FromLong(requires_grad(*impl(o))); }
PyObject* get_is_leaf(PyObject* o, void*) {
  return guarded([&] { return PyBool_FromLong(!requires_grad(*impl(o)) || !grad_fn(impl(o))); });
}
PyObject* get_version(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    if (!impl(o)->counts_writes()) fail("Inference tensors do not track version counter.");
    return PyLong_FromLong(long(impl(o)->version()));
  });
}
PyObject* get_grad_fn(PyObject* o, void*) {
  return guarded([&] { return wrap_history(*impl(o)); });
}
PyObject* get_output_nr(PyObject* o, void*) {
  return PyLong_FromLong(impl(o)->grad_fn ? impl(o)->output_nr : 0);
}
PyObject* get_grad(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    TensorImpl* t = impl(o);
    if (t->extras && t->extras->grad) return wrap(t->extras->grad);
    if (t->grad_fn && !(t->extras && t->extras->retains_grad))
      warn(
          "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
          "won't be populated "
          "during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
          "Tensor, use "
          ".retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
          "you access the leaf "
          "Tensor instead.");
    Py_RETURN_NONE;
  });
}
const char* type_in_cpp(DType t) {  // as PyTorch's error has it
  switch (t) {
    case DType::Float32: return "float";
    case DType::Float64: return "double";
    case DType::Float16: return "c10::Half";
    case DType::BFloat16: return "c10::BFloat16";
    case DType::Complex64: return "c10::complex<float>";
    case DType::Complex128: return "c10::complex<double>";
    case DType::Complex32: return "c10::complex<c10::Half>";
    case DType::Int64: return "long int";
    case DType::Int32: return "int";
    case DType::Int16: return "short int";
    case DType::Int8: return "signed char";
    case DType::UInt8: return "unsigned char";
    default: return name(t);
  }
}
DType grad_dtype_of(const TensorImpl& t) {
  return t.extras && t.extras->grad_dtype ? *t.extras->grad_dtype : t.dtype;
}
PyObject* get_grad_dtype(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    TensorImpl* t = impl(o);
    if (grad_fn(t)) fail("grad_dtype can only be accessed on leaf tensors");
    if (t->extras && t->extras->any_grad_dtype) Py_RETURN_NONE;
    return wrap(grad_dtype_of(*t));
  });
}
int set_grad_dtype(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    TensorImpl* t = impl(o);
    if (grad_fn(t)) fail("grad_dtype can only be set on leaf tensors.");
    const bool any = !value || value == Py_None;
    OptDType wanted;
    DType dtype{};
    if (!any && to_dtype_object(value, &dtype)) wanted = dtype;
    if (!any && !wanted) fail("grad_dtype must be a torch.dtype or None, but got ", Py_TYPE(value)->tp_name);
    Extras& extras = extras_of(*t);
    if (!any && extras.grad && extras.grad->dtype != *wanted)
      fail("Cannot set grad_dtype to '", c_name(*wanted),
           "' because there is already a gradient with dtype '", type_in_cpp(extras.grad->dtype),
           "'. Please clear the gradient (.grad = None) before changing grad_dtype, or ensure the new "
           "grad_dtype "
           "matches the existing gradient's dtype.");
    extras.any_grad_dtype = any;
    extras.grad_dtype = any || *wanted == t->dtype ? OptDType() : wanted;
    return 0;
  });
}
int set_grad_fn_to_none(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    if (!value) fail("Deletion of _grad_fn not allowed. Detach tensor instead!");
    if (value != Py_None) fail<TypeError>("_grad_fn can be only set to None");
    Py_DECREF(Owned(PyObject_CallMethod(o, "detach_", nullptr)).release());
    return 0;
  });
}
int set_grad(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    TensorImpl* t = impl(o);
    if (!value || value == Py_None) {
      if (t->extras) t->extras->grad = nullptr;
      return 0;
    }
    if (!is_tensor(value))
      fail<TypeError>("assigned grad expected to be a Tensor or None but got grad of type ",
                      Py_TYPE(value)->tp_name);
    if (value == o) fail("can't assign Variable as its own grad");
    const TensorImpl& g = *tensor_of(value);
    const DType wanted = grad_dtype_of(*t);
    if (g.dtype != wanted && !(t->extras && t->extras->any_grad_dtype))
      fail(
          "attempting to assign a gradient with dtype '", type_in_cpp(g.dtype),
          "' to a tensor with grad_dtype '", c_name(wanted),
          "'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set "
          "the tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set "
          "grad_dtype "
          "with caution. Diverging the dtypes of a tensor and its gradient may break downstream systems that "
          "assume they match.\nSuggestion: x.grad = gradient.to(x.dtype).");
    const bool of_parts = g.is_meta() && is_sparse(g);
    if (of_parts && Owned(PyObject_GetAttrString(value, "is_sparse")).get() != Py_True)  // compressed
      fail("attempting to assign a gradient to a tensor that has data of a different type");
    if (!(g.device == t->device) && !of_parts)
      fail("attempting to assign a gradient with device type '", to_string(g.device),
           "' to a tensor with device type '", to_string(t->device),
           "'. Please ensure that the gradient and the tensor are on the same device");
    if (!g.same_shape(*t))
      fail("attempting to assign a gradient of size '", to_string(g.shape()), "' to a tensor of size '",
           to_string(t->shape()), "'. Please ensure that the gradient and the tensor are the same size");
    extras_of(*t).grad = tensor_of(value);
    return 0;
  });
}
int set_requires_grad(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    TensorImpl* t = impl(o);
    if (!value || !PyBool_Check(value)) fail("requires_grad must be a bool");
    const bool on = value == Py_True;
    if (t->grad_fn)  // whatever has become of a view's base since
      fail("you can only change requires_grad flags of leaf variables.",
           on ? ""
              : " If you want to use a computed variable in a subgraph that doesn't require differentiation "
                "use "
                "var_no_grad = var.detach().",
           "\nThe tensor of shape ", to_string(t->shape()), " was made by ", t->grad_fn->name,
           ".\nSuggestion: x = x.detach()", on ? ".requires_grad_()" : "", ".");
    if (on && !is_floating(t->dtype))
      fail("only Tensors of floating point and complex dtype can require gradients\nIts dtype is torch.",
           name(t->dtype), ".\nSuggestion: convert first, x = x.float().requires_grad_().");
    if (on && t->inference && !mode.inference)
      fail("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
    t->requires_grad = on;
    return 0;
  });
}
PyObject* get_retains_grad(PyObject* o, void*) {
  return PyBool_FromLong(impl(o)->extras && impl(o)->extras->retains_grad);
}
PyObject* get_data(PyObject* o, void*) {
  return guarded([&]() -> PyObject* { return wrap(detached_data(*impl(o))); });
}
int set_data(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    if (!value) fail("Deleting tensor data is not allowed. Delete tensor instead!");
    if (!is_tensor(value))
      fail<TypeError>("Variable data has to be a tensor, but got ", Py_TYPE(value)->tp_name);
    TensorImpl& t = *impl(o);
    const Tensor source = tensor_of(value);
    if (t.is_meta() != source->is_meta())
      fail(
          "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible "
          "tensor "
          "type.\nThe variable is on ",
          to_string(t.device), ", the tensor on ", to_string(source->device),
          ".\nSuggestion: move the tensor first: variable.data = tensor.to(variable.device).");
    if (requires_grad(t) && !is_floating(source->dtype))
      fail("data set to a tensor that requires gradients must be floating point or complex dtype");
    const bool reshaped = t.dtype != source->dtype || !t.same_shape(*source);
    if (reshaped || t.inference != source->inference) keep_counter(t);
    take_storage(t, *source);
    t.inference = source->inference;
    if (reshaped) {  // a derivative that kept the tensor must not read it in its old shape
      t.own_version->reshaped = true;
      if (t.kept) t.bump_version();
    }
    return 0;
  });
}
PyObject* get_transposed(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(o);
    if (t->ndim != 2 && t->ndim != 0)
      warn(
          concat("The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated "
                 "and it will throw an "
                 "error in a future release. Consider `x.mT` to transpose batches of matrices or "
                 "`x.permute(*torch.arange(x.ndim - "
                 "1, -1, -1))` to reverse the dimensions of a tensor."));
    if (t->ndim == 0)
      warn("Tensor.T is deprecated on 0-D tensors. This function is the identity in these cases.");
    Dims order(t->ndim);
    for (int d = 0; d < t->ndim; ++d) order[d] = t->ndim - 1 - d;
    if (PyErr_Occurred()) throw PythonErrorAlreadySet();
    return wrap(permute(t, order));
  });
}
PyObject* get_matrix_transposed(PyObject* o, void*) {
  return guarded([&] {
    const Tensor& t = tensor_of(o);
    if (t->ndim == 0) {
      warn("Tensor.mT is deprecated on 0-D tensors. This function is the identity in these cases.");
      return wrap(t);
    }
    if (t->ndim < 2)
      fail("tensor.mT is only supported on matrices or batches of matrices. Got ", int(t->ndim),
           "-D tensor.");
    return wrap(transpose(t, -2, -1));
  });
}
PyObject* get_adjoint(PyObject* o, void* batched) {
  return guarded([&] {
    const Tensor& t = tensor_of(o);
    if (batched ? t->ndim == 1 : (t->ndim != 2 && t->ndim != 0))
      fail("tensor.", batched ? "mH" : "H", " is only supported on matrices",
           batched ? " or batches of matrices" : " (2-D tensors)", ". Got ", int(t->ndim), "-D tensor.",
           batched ? "" : " For batches of matrices, consider using tensor.mH");
    if (t->ndim == 0 && batched) warn("Tensor.mH is deprecated on 0-D tensors. Consider using x.conj().");
    const Tensor turned = t->ndim == 0 ? t : transpose(t, -2, -1);
    return wrap(is_complex(t->dtype) ? unary("conj", turned) : turned);
  });
}
PyObject* call_named(PyObject* o, void* name) {  // real, imag: properties that are operations
  return guarded([&]() -> PyObject* {
    Group* g = find_group(static_cast<const char*>(name));
    if (!g) fail<NotImplemented>("Tensor.", static_cast<const char*>(name), " is not implemented");
    return call_function(*g, &o, 1, nullptr);
  });
}
int set_part(PyObject* o, PyObject* value, void* name) {
  return guarded([&] {
    const Owned part(call_named(o, name));
    if (!value) fail<TypeError>("can't delete ", static_cast<const char*>(name));
    const Owned done(PyObject_CallMethod(part.get(), is_tensor(value) ? "copy_" : "fill_", "O", value));
    return 0;
  });
}
PyObject* get_false(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* get_is_cpu(PyObject* o, void*) { return PyBool_FromLong(impl(o)->device.type == Device::CPU); }
PyObject* get_is_meta(PyObject* o, void*) { return PyBool_FromLong(impl(o)->is_meta()); }
PyObject* get_base(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    if (!impl(o)->base) Py_RETURN_NONE;
    return wrap(Tensor(impl(o)->base));
  });
}
PyObject* get_none(PyObject*, void*) { Py_RETURN_NONE; }
PyObject* get_array_interface(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    if (overridden(o)) [[unlikely]] {  // __array__ is what handlers see
      PyErr_SetString(PyExc_AttributeError, "__array_interface__");
      throw PythonErrorAlreadySet();
    }
    PyObject* result = PyObject_CallOneArg(imported("facula._tensor", "array_interface"), o);
    if (!result) throw PythonErrorAlreadySet();
    return result;
  });
}
PyObject* get_array_priority(PyObject*, void*) {
  return PyLong_FromLong(1000);
}  // numpy array * tensor is ours

// Tensors are tracked by the garbage collector from the moment they have a __dict__.
PyObject* get_dict(PyObject* o, void* context) {
  PyObject* dict = PyObject_GenericGetDict(o, context);
  if (dict && !PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
  return dict;
}
int set_dict(PyObject* o, PyObject* value, void* context) {
  const int failed = PyObject_GenericSetDict(o, value, context);
  if (!failed && !PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
  return failed;
}

}  // namespace

PyGetSetDef kTensorAttributes[] = {
    {"__dict__", get_dict, set_dict, nullptr, nullptr},
    {"shape", get_shape, nullptr, "The size of each dimension.", nullptr},
    {"dtype", get_dtype, nullptr, "The type of the elements.", nullptr},
    {"device", get_device, nullptr, "Where the elements are.", nullptr},
    {"layout", get_layout, nullptr, nullptr, nullptr},
    {"ndim", get_ndim, nullptr, "The number of dimensions.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes per element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad, "Whether operations on this tensor are recorded.",
     nullptr},
    {"grad", get_grad, set_grad, "The gradient that backward() has accumulated, or None.", nullptr},
    {"_grad", get_grad, set_grad, nullptr, nullptr},
    {"grad_dtype", get_grad_dtype, set_grad_dtype,
     "The dtype of .grad, which gradients are converted to; None: that in which they come.", nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The recorded operation that made this tensor, or None.", nullptr},
    {"_grad_fn", get_grad_fn, set_grad_fn_to_none, nullptr, nullptr},
    {"is_leaf", get_is_leaf, nullptr,
     "True where gradients stop: made by the user, not by a recorded operation.", nullptr},
    {"retains_grad", get_retains_grad, nullptr, nullptr, nullptr},
    {"output_nr", get_output_nr, nullptr, nullptr, nullptr},
    {"data", get_data, set_data, "The same elements without history.", nullptr},
    {"_version", get_version, nullptr, "Counts in-place writes.", nullptr},
    {"_base", get_base, nullptr, "Of a view: the tensor it looks into.", nullptr},
    {"T", get_transposed, nullptr, "Dimensions reversed.", nullptr},
    {"mT", get_matrix_transposed, nullptr, "The last two dimensions swapped.", nullptr},
    {"H", get_adjoint, nullptr, "The conjugate transpose.", nullptr},
    {"mH", get_adjoint, nullptr, "The conjugate transpose of each matrix.", const_cast<char*>("batched")},
    {"real", call_named, set_part, "The real part, a view.", const_cast<char*>("real")},
    {"imag", call_named, set_part, "The imaginary part, a view.", const_cast<char*>("imag")},
    {"is_cpu", get_is_cpu, nullptr, nullptr, nullptr},
    {"is_meta", get_is_meta, nullptr, nullptr, nullptr},
    {"is_cuda", get_false, nullptr, nullptr, nullptr},
    {"is_mps", get_false, nullptr, nullptr, nullptr},
    {"is_xla", get_false, nullptr, nullptr, nullptr},
    {"is_ipu", get_false, nullptr, nullptr, nullptr},
    {"is_maia", get_false, nullptr, nullptr, nullptr},
    {"is_mtia", get_false, nullptr, nullptr, nullptr},
    {"is_vulkan", get_false, nullptr, nullptr, nullptr},
    {"is_xpu", get_false, nullptr, nullptr, nullptr},
    {"is_sparse", get_false, nullptr, nullptr, nullptr},
    {"is_sparse_csr", get_false, nullptr, nullptr, nullptr},
    {"is_mkldnn", get_false, nullptr, nullptr, nullptr},
    {"is_quantized", get_false, nullptr, nullptr, nullptr},
    {"is_nested", get_false, nullptr, nullptr, nullptr},
    {"name", get_none, nullptr, nullptr, nullptr},
    {"_backward_hooks", get_backward_hooks, set_backward_hooks, nullptr, nullptr},
    {"_post_accumulate_grad_hooks", get_backward_hooks, nullptr, nullptr, const_cast<char*>("after")},
    {"__array_interface__", get_array_interface, nullptr, nullptr, nullptr},
    {"__array_priority__", get_array_priority, nullptr, nullptr, nullptr},
    {}};

}  // namespace facula::python
