"""torch.autograd: gradients, modes and functions with derivatives of their own."""

from .._C import _backward as backward
from .._C import _grad as grad
from . import forward_ad, function, functional
from .function import Function
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = [
    "Function",
    "backward",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
]
