"""einsum, tensordot and chain_matmul: their arguments come in several forms, which are made one here."""

from __future__ import annotations

from .. import _C
from . import composite


@composite("torch")
def einsum(*args):
    """Sum of products of the operands' elements, as an Einstein summation.

    ``einsum("ij,jk->ik", a, b)``, ``einsum("ij,jk->ik", [a, b])`` or, with subscripts as lists of integers
    in [0, 52), ``einsum(a, [0, 1], b, [1, 2], [0, 2])``. Without an output, subscripts that occur once are
    kept, in alphabetical order. Operands are contracted from left to right.
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, "
            "or at least one operand and its subscripts list"
        )
    equation, operands = args[0], args[1:]
    if isinstance(equation, _C.Tensor):
        equation, operands = _from_sublists(args)
    elif not isinstance(equation, str):
        kind = type(equation).__name__
        raise TypeError(f"einsum(): argument 'equation' (position 1) must be str, not {kind}")
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        return einsum(equation, *operands[0])
    return _C._einsum(equation, list(operands))


def _letter(subscript) -> str:
    if subscript is Ellipsis:
        return "..."
    if 0 <= subscript < 26:
        return chr(ord("A") + subscript)
    if 26 <= subscript < 52:
        return chr(ord("a") + subscript - 26)
    raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")


def _from_sublists(args):
    terms = [args[i + 1] for i in range(0, len(args) - 1, 2)]
    equation = ",".join("".join(_letter(s) for s in term) for term in terms)
    if len(args) % 2:
        equation += "->" + "".join(_letter(s) for s in args[-1])
    return equation, [args[i] for i in range(0, len(args) - 1, 2)]


@composite("torch", out=True)
def tensordot(a, b, dims=2):
    """Contraction over the last ``dims`` dimensions of a and the first of b, or over two lists of them."""
    if not isinstance(dims, (int, tuple, list, _C.Tensor)):
        raise RuntimeError(
            "tensordot expects dims to be int or tuple[list[int], list[int]] or list[list[int]] "
            f"containing two lists, but got dims={dims}"
        )
    if isinstance(dims, _C.Tensor):
        dims = dims.tolist() if dims.dim() else dims.item()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims = (range(-dims, 0), range(dims))
    dims_a, dims_b = dims
    dims_a, dims_b = ([d] if isinstance(d, int) else list(d) for d in (dims_a, dims_b))
    return _C._tensordot(a, b, dims_a, dims_b)


@composite("torch", out=True)
def chain_matmul(*matrices):
    """Product of two or more matrices, in the order that needs the fewest multiplications."""
    import warnings

    warnings.warn(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. "
        "torch.linalg.multi_dot takes a list of two or more tensors and does the same.",
        stacklevel=3,
    )
    if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)):
        matrices = matrices[0]
    return _C._chain_matmul(list(matrices))
