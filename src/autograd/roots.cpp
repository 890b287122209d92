#include "autograd/roots.h"
#include "autograd/batch.h"

namespace facula {

Tensor implicit_gradient(const Tensor& root) {
  if (root->numel != 1)
    fail("grad can be implicitly created only for scalar outputs\nThe output has shape ",
         to_string(root->shape()),
         root->grad_fn ? concat(" and was made by ", root->grad_fn->name) : std::string(),
         ".\nSuggestion: reduce it first, output.sum().backward() or output.mean().backward(), or give "
         "backward() a gradient of that shape.");
  if (is_complex(root->dtype))
    fail("grad can be implicitly created only for real scalar outputs but got torch.", name(root->dtype));
  if (root->contiguous && root->dtype == DType::Float32 && root->device.type == Device::CPU) [[likely]] {
    Tensor one = empty_cpu(root->dtype, root->ndim, root->sizes);
    *one->as<float>() = 1;
    return one;
  }
  return full_like(root, 1);
}

void check_gradient(const Tensor& root, const Tensor& g, size_t i, int64_t batch) {
  if (batch ? g->shape() != with_batch(root->shape(), batch) : !root->same_shape(*g))
    fail("Mismatch in shape: grad_output[", i, "] has a shape of torch.Size(", to_string(g->shape()),
         ") and output[", i, "] has a shape of torch.Size(", to_string(root->shape()), ").");
  if (is_complex(root->dtype) != is_complex(g->dtype))
    fail(
        "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
        "dtype: grad_output[",
        i, "] has a dtype of torch.", name(g->dtype), " and output[", i, "] has a dtype of torch.",
        name(root->dtype), ".");
}

void fail_constant(size_t i, const TensorImpl& t) {
  const char* why = t.inference ? "It was made under inference_mode(): make it outside"
                    : !is_floating(t.dtype)
                        ? "Whole numbers and bool have no gradient: convert with .float() before computing"
                    : !mode.grad
                        ? "Recording is off here (no_grad() or set_grad_enabled(False)): compute outside"
                        : "Nothing it was computed from requires grad, or it was computed under no_grad(), "
                          "by detach(), .data, .item() or numpy(): set x.requires_grad_() on what to "
                          "differentiate by, before computing";
  fail("element ", i, " of tensors does not require grad and does not have a grad_fn\nIt has shape ",
       to_string(t.shape()), ", dtype torch.", name(t.dtype), ".\nSuggestion: ", why, ".");
}

void fail_unused(size_t i, const TensorImpl& t) {
  fail("The differentiated Tensor at index ", i,
       " appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.\n"
       "It has shape ",
       to_string(t.shape()), ", dtype torch.", name(t.dtype),
       t.grad_fn ? concat(", and was made by ", t.grad_fn->name) : std::string(", and is a leaf"),
       ".\nSuggestion: was it replaced by a new tensor of the same name (x = x.to(...), x = x.detach()) "
       "before it "
       "was used? Give grad() the tensor that the output was computed from.");
}

}  // namespace facula
