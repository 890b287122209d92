"""How tensors are sent from process to process."""

from __future__ import annotations

from multiprocessing.reduction import DupFd, ForkingPickler

from .. import _C
from .._shared import attach, handle_of, is_shared
from .._tensor import reduce_function
from ..nn.parameter import Parameter
from ..storage import UntypedStorage

__all__ = ["init_reductions"]


def _rebuild(kind, handle, size, dtype, offset, shape, stride, requires_grad, state):
    storage = attach(handle.detach(), size)
    tensor = storage._tensor(dtype, offset, shape, stride)
    if kind is Parameter:
        tensor = Parameter(tensor, requires_grad)
    elif kind is not None:
        tensor = tensor.as_subclass(kind)
    if tensor.requires_grad != requires_grad:
        tensor.requires_grad_(requires_grad)
    if state:
        tensor.__dict__.update(state)
    return tensor


def reduce_tensor(tensor):
    """What multiprocessing pickles for a tensor."""
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not "
            "support "
            "crossing process boundaries.  If you just want to transfer the data, call detach() "
            "on the tensor "
            "before serializing (e.g., putting it on the queue)."
        )
    if tensor.layout != _C.strided or tensor.is_meta or not is_shared(storage := UntypedStorage._of(tensor)):
        return tensor.__reduce_ex__(2)
    handle, size = handle_of(storage)
    place = (tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()))
    kind = None if type(tensor) is _C.Tensor else type(tensor)
    return _rebuild, (kind, DupFd(handle), size, *place, tensor.requires_grad, dict(tensor.__dict__))


def init_reductions() -> None:
    """Tells multiprocessing about tensors."""
    for kind in (_C.Tensor, Parameter):
        ForkingPickler.register(kind, reduce_tensor)
    ForkingPickler.register(type(_C._add_method), reduce_function)
