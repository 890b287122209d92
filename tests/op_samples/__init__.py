"""The one sample table: what each operation is called with. test_ops.py runs every property on it.

A file a family, each with `rows() -> dict[str, Op]`, found by themselves. A pointwise operation needs no row:
its signature says enough (default_row in op_table.py). Any other public operation needs one, or its reason in
NO_SAMPLES.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from op_tools import Op

# Public operations without samples, and where they are tested instead.
_RANDOM = "random numbers: tests/test_random.py"
NO_SAMPLES: dict[str, str] = dict.fromkeys(
    "uniform_ normal_ exponential_ cauchy_ log_normal_ geometric_ bernoulli_ random_ rand randn "
    "randint normal randperm rand_like randn_like randint_like bernoulli poisson multinomial binomial "
    "_standard_gamma _sample_dirichlet dropout dropout_ feature_dropout feature_dropout_ "
    "alpha_dropout alpha_dropout_ feature_alpha_dropout feature_alpha_dropout_ native_dropout rrelu".split(),
    _RANDOM,
) | dict.fromkeys("empty empty_like new_empty".split(), "memory as it comes has no values to compare")
NO_SAMPLES |= dict.fromkeys(
    "_standard_gamma_grad _dirichlet_grad".split(), "where samples can lie: tests/test_distributions.py"
)
NO_SAMPLES |= dict.fromkeys(
    "empty_strided new_empty_strided empty_permuted".split(),
    "memory as it comes: tests/compat/test_create.py",
)
NO_SAMPLES |= dict.fromkeys(
    "as_strided_copy view_copy view_as_complex_copy".split(),
    "not for operands of any strides: tests/compat/test_op_db.py, and the views themselves here",
)
NO_SAMPLES |= dict.fromkeys(
    "coalesce dsmm hsmm hspmm smm sspaddmm spdiags sparse.addmm sparse.log_softmax sparse.mm "
    "sparse.softmax sparse.sum sparse_coo_tensor sparse_mask spmm to_dense to_sparse to_sparse_coo".split(),
    "sparse tensors: tests/test_sparse.py, tests/compat/test_sparse_layout.py",
)
NO_SAMPLES |= dict.fromkeys(
    "sparse_compressed_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor sparse_bsc_tensor "
    "to_sparse_csr to_sparse_csc to_sparse_bsr to_sparse_bsc sampled_addmm spsolve "
    "_validate_sparse_compressed_tensor_args _validate_sparse_csr_tensor_args "
    "_validate_sparse_csc_tensor_args _validate_sparse_bsr_tensor_args "
    "_validate_sparse_bsc_tensor_args _convert_indices_from_coo_to_csr "
    "_convert_indices_from_csr_to_coo _sparse_broadcast_to _validate_sparse_coo_tensor_args "
    "_validate_compressed_sparse_indices".split(),
    "compressed sparse tensors: tests/test_compressed.py, tests/compat/test_compressed.py",
)
NO_SAMPLES |= dict.fromkeys(
    "ctc_loss nn.functional.ctc_loss embedding_bag nn.functional.embedding_bag embedding_renorm_".split(),
    "indices that belong together: tests/compat/test_nn_ops.py",
)
NO_SAMPLES |= dict.fromkeys(
    "resize_as_sparse_ values indices is_coalesced sparse_dim dense_dim resize resize_as "
    "is_distributed".split(),
    "old names, questions about sparse tensors: tests/test_forms.py",
)
NO_SAMPLES |= dict.fromkeys(
    "apply_ map_ map2_ dim_order".split(),
    "functions in Python, strides: tests/test_legacy.py, tests/compat/test_legacy.py",
)
NO_SAMPLES |= dict.fromkeys(
    "asarray from_file segment_reduce".split(), "arrays, files, lengths that add up: tests/test_forms.py"
)
NO_SAMPLES |= {
    "_input_mask": "a mask with whatever arguments: tests/compat/test_op_db.py through its masked entries",
    "_output_mask": "takes an operation: the database of PyTorch calls it for its masked entries",
    "_batch_norm_with_update": "PyTorch has no function of this name: batch_norm's samples run the same code",
    "_weight_norm": "PyTorch divides by zero on an empty tensor: tests/compat/test_nn_utils.py",
    "set_": "makes two tensors share: tests/compat/test_convert.py",
    "index_put_": "the method of index_put, whose in-place form is tested with it",
}
NO_SAMPLES |= dict.fromkeys(
    "_scaled_mm _scaled_mm_v2".split(), "8-bit floats: tests/ops/test_stored_dtypes.py"
)
NO_SAMPLES |= dict.fromkeys(
    "_int_mm _addmm_activation".split(), "private: tests/compat/test_upstream_details.py"
)
_VECTORS = "vectors are known up to a sign or phase: tests/test_linalg.py, tests/compat/test_op_db.py"
NO_SAMPLES |= dict.fromkeys("eig eigh svd".split(), _VECTORS)
NO_SAMPLES |= dict.fromkeys("svd_lowrank pca_lowrank".split(), "random numbers: tests/test_linalg.py")
NO_SAMPLES["lobpcg"] = "vectors are known up to a sign: tests/test_linalg.py"


def written_rows() -> dict[str, Op]:
    table: dict[str, Op] = {}
    for module in iter_modules(__path__):
        if module.name != "common":
            found = import_module(f"{__name__}.{module.name}").rows()
            twice = table.keys() & found.keys()
            assert not twice, f"{module.name}: {sorted(twice)} have rows elsewhere"
            table |= found
    return table
