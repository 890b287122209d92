"""Forward mode: tensors that carry a tangent, whose results carry the directional derivative.

Any operation with a derivative has a forward rule, which is derived from its backward; functions of the
user's own (`torch.autograd.Function`) need a `jvp`.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import _C
from .grad_mode import _Decorator

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]

_current_level = -1


def enter_dual_level():
    """Opens the level in which tensors may carry tangents; returns its number, 0.

    Raises:
        RuntimeError: a level is open; there is one at a time, as in PyTorch.
    """
    global _current_level
    _current_level = _C._enter_dual_level()
    return _current_level


def exit_dual_level(*, level=None):
    """Closes the level: all tangents are gone.

    Args:
        level: the level to close; the one that is open unless given.

    Raises:
        RuntimeError: no level is open, or another one than `level`.
    """
    global _current_level
    if level is not None and level != _current_level:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not "
            "supported."
        )
    _C._exit_dual_level()
    _current_level = -1


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` returns: the value, and its tangent or None."""

    primal: _C.Tensor
    tangent: _C.Tensor | None


def make_dual(tensor, tangent, *, level=None):
    """A tensor on the memory of `tensor` that carries `tangent`.

    Args:
        tensor: a floating point or complex tensor.
        tangent: the direction, of the same shape. It is taken as it is where its strides are those of
            `tensor`, else copied.
        level: the level; the one that is open unless given.

    Raises:
        RuntimeError: no level is open, the shapes differ, or `tensor` carries a tangent already.
        ValueError: one of the tensors is neither floating point nor complex.

    Example:
        >>> import facula as torch
        >>> import facula.autograd.forward_ad as fwAD
        >>> with fwAD.dual_level():
        ...     x = fwAD.make_dual(torch.tensor(3.0), torch.tensor(1.0))
        ...     fwAD.unpack_dual(x * x).tangent
        tensor(6.)
    """
    if (_current_level if level is None else level) < 0:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for name, t in (("primal", tensor), ("tangent", tangent)):
        if not (t.is_floating_point() or t.is_complex()):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {t.dtype}")
    if _C._is_batched(tensor) or _C._is_batched(tangent):
        from ..func._forward import dual

        return dual(tensor, tangent)
    return _C._make_dual(tensor, tangent)


def unpack_dual(tensor, *, level=None):
    """The value of a tensor and its tangent (None where it has none or no level is open).

    Args:
        tensor: any tensor.
        level: the level; the one that is open unless given.
    """
    if (_current_level if level is None else level) < 0:
        return UnpackedDualTensor(tensor, None)
    if _C._is_batched(tensor):
        from ..func._forward import unpacked

        return UnpackedDualTensor(*unpacked(tensor))
    return UnpackedDualTensor(*_C._unpack_dual(tensor))


class dual_level(_Decorator):
    """Context in which tensors may carry tangents; `exit` takes them away."""

    def __enter__(self):
        return enter_dual_level()

    def __exit__(self, *exc):
        exit_dual_level()


class _set_fwd_grad_enabled(_Decorator):
    """Switches tangents of results on or off, at once and until the context ends."""

    def __new__(cls, mode):
        return object.__new__(cls)

    def __init__(self, mode):
        self.mode = bool(mode)
        self.previous = _C._set_fwd_grad_enabled(self.mode)

    def __enter__(self):
        _C._set_fwd_grad_enabled(self.mode)

    def __exit__(self, *exc):
        _C._set_fwd_grad_enabled(self.previous)

    def clone(self):
        return self.__class__(self.mode)


def _is_fwd_grad_enabled():
    return _C._is_fwd_grad_enabled()
