"""Norms of matrices, and what is decided by singular values: cond, matrix_rank, pinv."""

from __future__ import annotations

from math import inf

from .. import _C
from . import as_int, composite, wrapped_dim

_FLOATING = ("Float", "Double", "ComplexFloat", "ComplexDouble", "Half", "BFloat16")


def type_name(dtype) -> str:
    """The name that PyTorch's errors give an element type."""
    names = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int"}
    names |= {"bfloat16": "BFloat16", "complex64": "ComplexFloat", "complex128": "ComplexDouble"}
    names |= {"uint8": "Byte", "int8": "Char", "int16": "Short", "bool": "Bool"}
    short = str(dtype).rpartition(".")[2]
    return names.get(short, short)


def require_matrix(name: str, a, argument: str = "A") -> None:
    """Refuses what has fewer than two dimensions."""
    if a.dim() < 2:
        raise RuntimeError(f"{name}: The input tensor {argument} must have at least 2 dimensions.")


def require_square(name: str, a) -> None:
    """Refuses what is no batch of square matrices."""
    require_matrix(name, a)
    rows, columns = a.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {rows} by {columns} matrices"
        )


def require_inexact(name: str, a) -> None:
    """Refuses integers and bools."""
    if not (a.is_floating_point() or a.is_complex()):
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {type_name(a.dtype)}"
        )


def _is_double_or_float(a) -> bool:
    return str(a.dtype).rpartition(".")[2] in ("float32", "float64", "complex64", "complex128")


def _in_dtype(name: str, a, dtype):
    if dtype is None:
        return a
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {type_name(dtype)}")
    if a.is_complex() != dtype.is_complex:
        kind = "complex" if a.is_complex() else "real"
        raise RuntimeError(f"{name}: dtype should be {kind} for {kind} inputs, but got {type_name(dtype)}")
    if _C._functions.promote_types(a.dtype, dtype) != dtype:
        raise RuntimeError(
            f"{name}: the dtype of the input ({type_name(a.dtype)}) should be convertible without narrowing "
            f"to the specified dtype ({type_name(dtype)})"
        )
    return a.to(dtype)


def _matrix_norm(a, order, dim, keepdim, dtype):
    name = "linalg.matrix_norm"
    require_matrix(name, a)
    require_inexact(name, a)
    dim = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
    rows, columns = (wrapped_dim(d, a.dim()) for d in dim)
    if rows == columns:
        raise RuntimeError(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")
    if isinstance(order, str) and order not in ("fro", "nuc"):
        raise RuntimeError(f"{name}: Order {order} not supported.")
    if isinstance(order, complex):
        raise RuntimeError(f"{name}: Expected a non-complex scalar as the order of norm.")
    if not isinstance(order, str) and abs(order) not in (1, 2, inf):
        text = int(order) if order == int(order) else order
        raise RuntimeError(f"{name}: Order {text} not supported.")
    if order == "fro":
        return _C._linalg.vector_norm(a, 2, (rows, columns), keepdim, dtype=dtype)
    a = _in_dtype(name, a, dtype)
    if order == "nuc" or abs(order) == 2:
        if str(a.dtype).rpartition(".")[2] in ("float16", "bfloat16"):
            raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {type_name(a.dtype)}")
        s = _C._linalg.svdvals(a.movedim((rows, columns), (-2, -1)))
        if order == "nuc":
            r = s.sum(-1)
        elif s.shape[-1] == 0 and order > 0:
            r = s.sum(-1)
        else:
            r = s.amax(-1) if order > 0 else s.amin(-1)
        if keepdim:
            for d in sorted((rows, columns)):
                r = r.unsqueeze(d)
            r = _C._name_history(r, "PermuteBackward0")
        return r
    summed, extreme = (rows, columns) if abs(order) == 1 else (columns, rows)
    sums = _C._linalg.vector_norm(a, 1, (summed,), True)
    if sums.shape[extreme] == 0 and order > 0:
        r = sums.sum((extreme,), keepdim=True)
    else:
        r = sums.amax((extreme,), keepdim=True) if order > 0 else sums.amin((extreme,), keepdim=True)
    if keepdim or sums.shape[extreme] == 0:
        return r if keepdim else r.squeeze((rows, columns))
    return _C._name_history(r.squeeze((rows, columns)), "AmaxBackward0" if order > 0 else "AminBackward0")


@composite("linalg", out="linalg.matrix_norm expected out tensor dtype {} but got: {}")
def matrix_norm(input, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """A norm of matrices.

    ``ord``: "fro" (root of the sum of squares), "nuc" (sum of the singular values), inf or -inf (largest or
    smallest sum of a row), 1 or -1 (of a column), 2 or -2 (largest or smallest singular value). ``dim``: the
    two dimensions that the matrices occupy.
    """
    return _matrix_norm(input, ord, dim, keepdim, dtype)


@composite("linalg", out="linalg.norm expected out tensor dtype {} but got: {}")
def norm(input, ord=None, dim=None, keepdim=False, *, dtype=None):
    """A vector norm (of all elements, or along one dim) or a matrix norm (along two dims, or of a matrix)."""
    dim = as_int(dim)
    if isinstance(dim, int):
        dim = (dim,)
    if dim is not None and len(dim) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}")
    if dim is None and ord is not None and not isinstance(ord, str) and input.dim() not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {input.dim()}D."
        )
    if isinstance(ord, str):
        if dim is None and input.dim() > 2:
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
                f"Got {input.dim()}D."
            )
        return _matrix_norm(input, ord, (-2, -1) if dim is None else dim, keepdim, dtype)
    if ord is not None and (len(dim) if dim is not None else input.dim()) == 2:
        return _matrix_norm(input, ord, (0, 1) if dim is None else dim, keepdim, dtype)
    return _C._linalg.vector_norm(input, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


@composite("torch", out="linalg.matrix_norm expected out tensor dtype {} but got: {}")
def nuclear_norm(input, dim=(-2, -1), keepdim=False):
    """The sum of the singular values of matrices."""
    return _matrix_norm(input, "nuc", dim, keepdim, None)


@composite("torch", out="exact")
def frobenius_norm(input, dim, keepdim=False):
    """The root of the sum of squares over the dimensions ``dim`` (all, where there are none)."""
    return _C._linalg.vector_norm(input, 2, dim, keepdim)


@composite("linalg", out="linalg.cond")
def cond(input, p=None):
    """The condition number of matrices, ``norm(input, p) * norm(inv(input), p)``.

    ``p``: None, 2 and -2 use singular values and take any shape; "fro", "nuc", inf, -inf, 1 and -1 use the
    inverse; the condition number of a singular matrix is inf.
    """
    require_matrix("linalg.cond", input, "")
    if p is None or (not isinstance(p, str) and abs(p) == 2):
        s = _C._linalg.svdvals(input)
        if input.numel() == 0:
            return s.new_zeros(input.shape[:-2])
        first, last = s[..., 0], s[..., -1]
        return _C._name_history(last / first if p == -2 else first / last, "SqueezeBackward1")
    if isinstance(p, str):
        if p not in ("fro", "nuc"):
            raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    elif abs(p) not in (1, inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if p == "nuc":
        require_square("linalg.cond(ord=nuc)", input)
        s = _C._linalg.svdvals(input)
        return s.sum(-1) * (1 / s).sum(-1) if input.numel() else s.new_zeros(input.shape[:-2])
    require_square(f"linalg.cond(ord={p})", input)
    if input.numel() == 0:
        return input.abs().new_zeros(input.shape[:-2])
    inverse, info = _C._linalg.inv_ex(input)
    inverse = _C._functions.where(info.bool()[..., None, None], inf, inverse)
    result = _matrix_norm(input, p, (-2, -1), False, None) * _matrix_norm(inverse, p, (-2, -1), False, None)
    return _C._name_history(_C._functions.where(result.isnan(), inf, result), "NanToNumBackward0")


def _tolerances(a, atol, rtol, tol=None):
    """Both tolerances as tensors or None, from what the overloads call atol, rtol, tol or rcond."""
    real = a.real.dtype if a.is_complex() else a.dtype

    def as_tensor(t):
        if t is None:
            return None
        if isinstance(t, _C.Tensor):
            if t.is_complex():
                raise RuntimeError("atol and rtol tensors of complex type are not supported")
            return t.to(real) if t.dtype != real else t
        return _C.tensor(float(t), dtype=real, device=a.device)

    return as_tensor(tol if tol is not None else atol), as_tensor(rtol)


@composite("linalg", out="torch.linalg.matrix_rank")
def matrix_rank(input, tol=None, hermitian=False, *, atol=None, rtol=None):
    """How many singular values of matrices exceed ``max(atol, rtol * largest)``; int64.

    Without tolerances ``rtol`` is the larger of the two sizes times the precision of the dtype.
    """
    require_matrix("torch.linalg.matrix_rank", input, "input")
    if tol is None and rtol is None and not _is_double_or_float(input):  # a default by its precision
        raise RuntimeError("This function doesn't handle types other than float and double")
    if tol is not None and not hasattr(tol, "__float__"):
        raise TypeError("linalg_matrix_rank(): argument 'tol' must be float or Tensor")
    for value in (atol, rtol):
        if value is not None and not isinstance(value, (int, float, _C.Tensor)):
            raise TypeError("linalg_matrix_rank() received an invalid combination of arguments")
    input = input.detach()
    if input.numel() == 0:
        return _C._functions.zeros(input.shape[:-2], dtype=_C.int64, device=input.device)
    size = _C._linalg.eigvalsh(input).abs() if hermitian else _C._linalg.svdvals(input)
    atol, rtol = _tolerances(input, atol, rtol, tol)
    largest = size.amax(-1)
    if tol is not None:
        bound = atol
    else:
        from .._info import finfo

        default = finfo(size.dtype).eps * max(input.shape[-2:])
        if rtol is not None:
            bound = rtol * largest
        elif atol is None:
            bound = default * largest
        else:
            bound = _C._functions.where(atol > 0, 0.0, default * largest)
        if atol is not None:
            bound = _C._functions.maximum(atol, bound)
    return (size > bound.unsqueeze(-1)).sum(-1)


@composite("linalg", out="linalg.pinv")
def pinv(input, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The pseudo-inverse (Moore and Penrose) of matrices.

    Singular values up to ``max(atol, rtol * largest)`` count as zero; ``rcond`` is another name of rtol.
    """
    if input.dim() < 2 or not _is_double_or_float(input):
        raise RuntimeError(
            f"linalg.pinv({type_name(input.dtype)}{{{list(input.shape)}}}): expected a tensor with 2 or more "
            "dimensions of float, double, cfloat or cdouble types"
        )
    if input.numel() == 0:
        return _C._pinv(input)
    atol, rtol = _tolerances(input, atol, rcond if rcond is not None else rtol)
    return _C._pinv(input, atol, rtol, hermitian)


@composite("torch", "Tensor")
def pinverse(input, rcond=1e-15):
    """The pseudo-inverse; singular values up to ``rcond`` times the largest count as zero."""
    return pinv(input, rcond)


@composite("torch", "Tensor", out=True, inplace=True)
def renorm(input, p, dim, maxnorm):
    """The slices along ``dim`` whose p-norm exceeds ``maxnorm`` are scaled down to it."""
    if isinstance(p, complex) or not p > 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if not maxnorm >= 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.dim() < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.dim()} dimensions")
    kept = wrapped_dim(dim, input.dim())
    others = [d for d in range(input.dim()) if d != kept]
    if input.requires_grad:
        input = input.clone()  # renorm_ writes over what the derivative reads
    size = _C._linalg.vector_norm(input, p, others, True)
    scaled = input * _C._functions.where(size > maxnorm, maxnorm / (size + 1e-7), 1.0).to(size.dtype)
    return _C._name_history(scaled.contiguous(), "RenormBackward0")


@composite("torch")
def norm_except_dim(v, pow=2, dim=0):
    """The pow-norms of the slices of v along ``dim``, with the other dimensions of size 1; dim=-1: of all."""
    if dim == -1:
        return _C._functions.norm(v, pow)
    others = [d for d in range(v.dim()) if d != wrapped_dim(dim, v.dim())]
    if not others and v.dim():
        return v.abs()
    return _C._linalg.vector_norm(v, pow, others, True)
