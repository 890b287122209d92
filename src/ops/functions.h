// C++ prototypes of the operations that other operations call. Each is defined, with its entry, in the file
// of its family.
#pragma once
#include <optional>
#include <vector>
#include "autograd/node.h"
#include "op/pointwise.h"

namespace facula {

using Tensors = std::vector<Tensor>;
using OptDims = std::optional<Dims>;

// ops/convert.cpp
Tensor contiguous(const Tensor&, MemoryFormat = MemoryFormat::Contiguous);  // itself when it is contiguous
Tensor detach(const Tensor&);
Tensor fill_(const Tensor& self, Scalar value);  // recorded
// A plain contiguous tensor for kernels; not recorded.
Tensor dense(const Tensor&);
Tensor dense(const Tensor&, DType);
Dims format_strides(const Dims& sizes, MemoryFormat);
Tensor empty_in(const TensorImpl& like, DType, MemoryFormat, Device);

// As wrap_dim, of a tensor that must have dimensions.
int own_dim(int64_t dim, const Tensor&);
// Whether the strides are those of channels-last memory (four or five dimensions), and no contiguous ones.
bool looks_channels_last(const TensorImpl&);
MemoryFormat suggested_format(const TensorImpl&);
// ops/create.cpp
Tensor zeros(const Dims& sizes, DType, Device = {});
Tensor ones(const Dims& sizes, DType, Device = {});
Tensor zeros_like(const Tensor&);
Tensor arange(int64_t end, Device = {});  // int64
Tensor finish_factory(Tensor, bool requires_grad);

// ops/view.cpp, ops/shape.cpp
Tensor view(const Tensor&, const Dims& shape);
Tensor reshape(const Tensor&, const Dims& shape);
Tensor expand(const Tensor&, const Dims& shape);
Tensor transpose(const Tensor&, int64_t dim0, int64_t dim1);
Tensor permute(const Tensor&, const Dims& dims);
Tensor unsqueeze(const Tensor&, int64_t dim);
Tensor squeeze(const Tensor&, int64_t dim);
Tensor select(const Tensor&, int64_t dim, int64_t index);
Tensor slice(const Tensor&, int64_t dim, int64_t start, int64_t end, int64_t step = 1);
Tensor narrow(const Tensor&, int64_t dim, int64_t start, int64_t length);
Tensor diagonal(const Tensor&, int64_t offset, int64_t dim1, int64_t dim2);
Tensor t(const Tensor&);
uint64_t dim_bits(const Tensor&, const Dims& dims);  // the dimensions named, each once, as bits
// A zero tensor of shape `whole`, contiguous, with g added in at these strides: the gradient of every strided
// view.
Tensor embed(const Tensor& g, const Dims& whole, const Dims& strides, int64_t offset);

Tensors split(const Tensor&, int64_t piece, int64_t dim);
Tensors split_with_sizes(const Tensor&, const Dims& lengths, int64_t dim);
Tensors unbind(const Tensor&, int64_t dim);
Tensor flatten(const Tensor&, int64_t start_dim, int64_t end_dim);
Tensor movedim(const Tensor&, const Dims& source, const Dims& destination);
Tensor view_as_real(const Tensor&);
Tensor view_as_complex(const Tensor&);
Tensor real_part(const Tensor&);  // a view; itself when it is real
Tensor imag_part(const Tensor&);

// ops/join.cpp
Tensor cat(const Tensors&, int64_t dim);
Tensor stack(const Tensors&, int64_t dim);
Tensor flip(const Tensor&, const Dims& dims);
Tensor repeat(const Tensor&, const Dims& repeats);
Tensor diag_embed(const Tensor&, int64_t offset, int64_t dim1, int64_t dim2);

// ops/reduce.cpp
Tensor sum(const Tensor&, const Dims& dims, bool keepdim);

// ops/scan.cpp
Tensor cumsum(const Tensor&, int64_t dim);
Tensor cumprod(const Tensor&, int64_t dim);

// ops/index.cpp, ops/scatter.cpp
Tensor index(const Tensor&, const Tensors& indices);  // null: the whole dimension; bool tensors are masks
Tensor index_put(const Tensor&, const Tensors& indices, const Tensor& value, bool accumulate);
bool fills_under_mask(const Tensors& indices, const TensorImpl& source);  // one number under one mask
Tensor index_put_(const Tensor& self, const Tensors& indices, const Tensor& value, bool accumulate);
Tensor nonzero(const Tensor&);
Tensors mask_positions(const Tensor& x, const Tensor& mask,
                       int dim);  // the indices that a mask at `dim` of x stands for
Tensor masked_fill(const Tensor&, const Tensor& mask, const Arg& value);
Tensor masked_select(const Tensor&, const Tensor& mask);
Tensor gather(const Tensor&, int64_t dim, const Tensor& index);
Tensor scatter(const Tensor&, int64_t dim, const Tensor& index, const Tensor& source);
Tensor scatter_add(const Tensor&, int64_t dim, const Tensor& index, const Tensor& source);
Tensor index_select(const Tensor&, int64_t dim, const Tensor& index);
Tensor index_add(const Tensor&, int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha);

// ops/softmax.cpp
Tensor log_softmax(const Tensor&, int64_t dim);

// ops/matmul.cpp
Tensor matmul(const Tensor&, const Tensor&);
Tensor mm(const Tensor&, const Tensor&);

}  // namespace facula
