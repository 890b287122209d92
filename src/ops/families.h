// The only list of families of structural and composite operations: a new one is one .cpp and one line here.
// It stands apart from all.h so that adding one does not rebuild the kernels.
#pragma once

#define FACULA_ENTRY_FAMILIES(X) \
  X(elementwise)                 \
  X(convert)                     \
  X(create)                      \
  X(view)                        \
  X(strided)                     \
  X(shape)                       \
  X(complex_parts)               \
  X(join)                        \
  X(grid)                        \
  X(index)                       \
  X(scatter)                     \
  X(slices)                      \
  X(reduce)                      \
  X(scan)                        \
  X(extremes)                    \
  X(sort)                        \
  X(select)                      \
  X(unique)                      \
  X(softmax)                     \
  X(row_norm)                    \
  X(batch_norm)                  \
  X(rnn)                         \
  X(packing)                     \
  X(loss)                        \
  X(cross_entropy)               \
  X(conv)                        \
  X(pad)                         \
  X(pool_max)                    \
  X(pool_avg)                    \
  X(pool_fractional)             \
  X(windows)                     \
  X(resample)                    \
  X(grid_sample)                 \
  X(random)                      \
  X(random_create)               \
  X(sampling)                    \
  X(gamma_family)                \
  X(dropout)                     \
  X(matmul)                      \
  X(bmm)                         \
  X(einsum)                      \
  X(linalg_qr)                   \
  X(search)                      \
  X(histogram)                   \
  X(fft)
