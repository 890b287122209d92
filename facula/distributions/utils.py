"""What the distributions share: broadcasting of parameters, lazy properties, probabilities and log-odds."""

from __future__ import annotations

from functools import update_wrapper

import facula as torch

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060
_Number = (int, float, bool)


def broadcast_all(*values):
    """Tensors of one shape. Numbers become tensors of the first tensor's dtype, or of the default dtype.

    Raises:
        ValueError: a value is neither a number nor a tensor.
    """
    tensors = [torch.overrides.is_tensor_like(v) for v in values]
    if not all(t or isinstance(v, _Number) for t, v in zip(tensors, values)):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
            "__torch_function__."
        )
    if not all(tensors):
        dtype = next((v.dtype for v in values if isinstance(v, torch.Tensor)), torch.get_default_dtype())
        values = [v if t else torch.tensor(v, dtype=dtype) for t, v in zip(tensors, values)]
    return torch.broadcast_tensors(*values)


def _standard_normal(shape, dtype, device=None):
    return torch.empty(shape, dtype=dtype, device=device).normal_()


def _sum_rightmost(value, dim: int):
    """The sum over the last `dim` dimensions."""
    return value if dim == 0 else value.reshape(value.shape[:-dim] + (-1,)).sum(-1)


def logits_to_probs(logits, is_binary: bool = False):
    """Probabilities from log-odds (`is_binary`), or from unnormalized logarithms along the last dimension."""
    return torch.sigmoid(logits) if is_binary else torch.softmax(logits, -1)


def clamp_probs(probs):
    """Probabilities kept inside (0, 1) by the epsilon of their dtype."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary: bool = False):
    """Log-odds (`is_binary`), or logarithms, of probabilities that are clamped away from 0 and 1."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


class lazy_property:  # noqa: N801  a decorator
    """A method as an attribute: computed when it is first read, with gradients, and then kept."""

    def __init__(self, wrapped) -> None:
        self.wrapped = wrapped
        update_wrapper(self, wrapped)  # type: ignore

    def __get__(self, instance, owner=None):
        if instance is None:
            return _LazyOnClass(self.wrapped)
        with torch.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


class _LazyOnClass(lazy_property, property):
    """What the class shows: a property, for documentation, and a lazy one, for validation."""

    def __init__(self, wrapped) -> None:
        property.__init__(self, wrapped)


def _below(size: int, diag: int):
    index = torch.arange(size)
    return index < index.view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat, diag: int = 0):
    """The entries on and below a diagonal, row by row: (..., D, D) to (..., N)."""
    size = mat.shape[-1]
    if diag < -size or diag >= size:
        raise ValueError(f"diag ({diag}) provided is outside [{-size}, {size - 1}].")
    return mat[..., _below(size, diag)]


def vec_to_tril_matrix(vec, diag: int = 0):
    """A lower triangular matrix from its entries on and below a diagonal: (..., N) to (..., D, D)."""
    count = vec.shape[-1]
    step = 1 + 2 * diag
    size = (-step + (step**2 + 8 * count + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if round(size) - size > torch.finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {count} which cannot be expressed as the lower triangular "
            "part of a "
            "square D x D matrix."
        )
    size = round(size)
    matrix = vec.new_zeros(vec.shape[:-1] + (size, size))
    matrix[..., _below(size, diag)] = vec
    return matrix
