"""torch.func: transformations of functions of tensors, nested to any depth.

`grad`, `vjp`, `jvp`, `jacrev`, `jacfwd` and `hessian` give functions that return derivatives; `vmap` gives a
function of a batch; `functional_call` makes a module a function of its parameters.
"""

from __future__ import annotations

import sys

from .._names import explain_in
from ._forward import jvp, linearize
from ._functional_call import functional_call, stack_module_state
from ._jacobian import hessian, jacfwd, jacrev
from ._rearrange import rearrange
from ._reverse import grad, grad_and_value, vjp
from ._vmap import vmap

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]


def functionalize(func, *, remove="mutations"):
    """The function itself: there is no tracer that writes to tensors would disturb.

    Args:
        func: any function.
        remove: "mutations" or "mutations_and_views".

    Raises:
        RuntimeError: `remove` is another word.
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid "
            "options are:\n     remove='mutations'\n     remove='mutations_and_views'"
        )
    return func


def replace_all_batch_norm_modules_(root):
    """Takes the running statistics out of every batch normalisation in a module: vmap cannot update them.

    Args:
        root: a module.

    Returns:
        `root`.
    """
    for module in root.modules():
        if hasattr(module, "track_running_stats") and hasattr(module, "running_mean"):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def debug_unwrap(tensor, *, recurse=True):
    """The value below a batched tensor, with the batch in front: to look at, not to compute with.

    Args:
        tensor: any tensor; one that is not batched is returned as it is.
        recurse: through all running vmaps; else through the innermost.
    """
    from .. import _C
    from ..autograd.function import transforms
    from ._batch import BatchedTensor

    if not isinstance(tensor, _C.Tensor):
        raise TypeError(
            "is_functorch_wrapped_tensor(): incompatible function arguments: a tensor is wanted, not "
            f"{type(tensor)}"
        )
    while type(tensor) is BatchedTensor:
        tensor = tensor._value
        if not recurse:
            return tensor
    inside = transforms.count and type(tensor) is _C.Tensor and tensor.requires_grad
    return _C._without_history(tensor) if inside else tensor


explain_in(sys.modules[__name__])
