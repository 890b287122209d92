"""Products of matrices of 8-bit numbers, and products with an activation."""

from __future__ import annotations

from .. import _C
from . import composite


@composite("torch", out=True)
def _scaled_mm(
    self, mat2, scale_a, scale_b, bias=None, scale_result=None, out_dtype=None, use_fast_accum=False
):
    """The product of two matrices of 8-bit floats times their scales, computed in float32.

    Args:
        self, mat2: matrices (M, K) and (K, N) of 8-bit floats.
        scale_a, scale_b: what each stands to be multiplied with, float32: one number each, or (M, 1), (1, N).
        bias: a vector (N) that is added.
        scale_result, use_fast_accum: without effect on the CPU.
        out_dtype: of the result; by default that of `self`.

    Raises:
        RuntimeError: the shapes do not fit.
        ValueError: the matrices or the scales are of another kind.
    """
    if self.dim() != 2 or mat2.dim() != 2:
        raise RuntimeError("mat_a and mat_b must be matrices")
    if self.shape[1] != mat2.shape[0]:
        shapes = "x".join(map(str, self.shape)), "x".join(map(str, mat2.shape))
        raise RuntimeError(f"mat_a and mat_b shapes cannot be multiplied ({shapes[0]} and {shapes[1]})")
    rows, columns = self.shape[0], mat2.shape[1]
    single = scale_a.numel() == 1 and scale_b.numel() == 1
    by_row = tuple(scale_a.shape) == (rows, 1) and tuple(scale_b.shape) == (1, columns)
    scales_fit = {scale_a.dtype, scale_b.dtype} == {_C.float32} and (single or by_row)
    if not all(t.dtype.is_floating_point and t.element_size() == 1 for t in (self, mat2)) or not scales_fit:
        raise ValueError(
            "Invalid scaling configuration.\n"
            "- For TensorWise scaling, a and b should be float8, scales should be float and singletons.\n"
            f"- For RowWise scaling, a and b should be float8, scales should be float, ({rows}, 1) and "
            f"(1, {columns}).\n"
            f"Got {self.dtype} with a scale of {scale_a.dtype} {tuple(scale_a.shape)} and {mat2.dtype} with "
            f"one of {scale_b.dtype} {tuple(scale_b.shape)}."
        )
    result = (self.float() @ mat2.float()) * (scale_a * scale_b)
    if bias is not None:
        result = result + bias.float()
    return result.to(out_dtype or self.dtype)


@composite("torch", out=True)
def _scaled_mm_v2(
    self,
    mat2,
    scale_a,
    recipe_a,
    swizzle_a,
    scale_b,
    recipe_b,
    swizzle_b,
    bias=None,
    out_dtype=None,
    contraction_dim=(),
    use_fast_accum=False,
):
    """As `_scaled_mm`, with lists of scales, one for each matrix: a number, or one number for each row.

    Raises:
        NotImplementedError: several scales for a matrix, another dimension to sum over.
        RuntimeError, ValueError: as `_scaled_mm`.
    """
    if len(scale_a) != 1 or len(scale_b) != 1 or len(contraction_dim):
        raise NotImplementedError("_scaled_mm_v2 takes one scale for each matrix and no contraction_dim")
    return _scaled_mm(self, mat2, scale_a[0], scale_b[0], bias, None, out_dtype, use_fast_accum)


_C_NAMES = {
    "float32": "float",
    "float64": "double",
    "int16": "short int",
    "int32": "int",
    "int64": "long int",
}
_C_NAMES |= {"float16": "c10::Half", "bfloat16": "c10::BFloat16"}


def _c_name(dtype) -> str:
    """The name of an element type in C++, which some of PyTorch's errors show."""
    short = str(dtype).rpartition(".")[2]
    return _C_NAMES.get(short, short)


@composite("torch")
def _int_mm(self, mat2, *, out=None):
    """The product of two int8 matrices (the first may be of uint8), in int32."""

    def need(condition, text):
        if not condition:
            raise RuntimeError(f"int_mm_out_cpu: {text}")

    for name, each in (("self", self), ("mat2", mat2)):
        need(each.dim() == 2, f"Expected {name} to be of dimension 2 but got {each.dim()}")
    shapes = f"got {self.shape[-1]} and {mat2.shape[0]}"
    need(self.shape[1] == mat2.shape[0], f"self.size(1) needs to match mat2.size(0) but {shapes}")
    kind = _c_name(self.dtype)
    need(self.dtype in (_C.int8, _C.uint8), f"Expected self dtype to be int8 or uint8 but got {kind}")
    kind = _c_name(mat2.dtype)
    need(mat2.dtype == _C.int8, f"Expected mat2 dtype to be of type int8 but got {kind}")
    product = _C._functions.mm(self.to(_C.int32), mat2.to(_C.int32))
    if out is None:
        return product
    need(out.dtype == _C.int32, f"Expected result dtype to be of type kInt but got {_c_name(out.dtype)}")
    for d, size in enumerate(product.shape):
        need(out.shape[d] == size, f"Expected result.size({d}) to be {size} but got {out.shape[d]}")
    return out.copy_(product)


@composite("torch", out="exact")
def _addmm_activation(self, mat1, mat2, *, beta=1, alpha=1, use_gelu=False):
    """addmm, then relu or gelu."""
    product = _C._functions.addmm(self, mat1, mat2, beta=beta, alpha=alpha)
    return _C._nn.gelu(product) if use_gelu else product.relu()
