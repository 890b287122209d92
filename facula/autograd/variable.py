"""torch.autograd.Variable: what tensors that require grad were called before tensors could."""

from __future__ import annotations

from .. import _C

__all__ = ["Variable", "VariableMeta"]


class VariableMeta(type):
    """Any tensor is a Variable."""

    def __instancecheck__(cls, other):
        return isinstance(other, _C.Tensor)


class _Engine:
    """What programs call to be called back at the end of a backward."""

    @staticmethod
    def queue_callback(callback):
        """Calls a function when the backward that runs is over."""
        _C._queue_callback(callback)


class Variable(metaclass=VariableMeta):
    """Variable(tensor, requires_grad): the tensor itself, seen anew, with requires_grad set."""

    _execution_engine = _Engine()

    def __new__(cls, data=None, requires_grad=False, volatile=None):
        if data is None:
            return _C.Tensor().requires_grad_(requires_grad)
        if not isinstance(data, _C.Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
