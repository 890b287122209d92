"""torch.autograd: gradients, modes and functions with derivatives of their own."""

from .._C import _backward as backward
from .._C import _grad as grad
from .._C import _SavedTensor as SavedTensor  # noqa: F401
from . import forward_ad, function
from .function import Function, NestedIOFunction
from .grad_mode import (
    enable_grad,
    enforce_grad_layout_policy,
    inference_mode,
    is_multithreading_enabled,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)

__all__ = [
    "Function",
    "GradientEdge",
    "NestedIOFunction",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "enforce_grad_layout_policy",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_multithreading_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
    "variable",
]

_SUBMODULES = ("anomaly_mode", "functional", "graph", "profiler", "variable")
_ELSEWHERE = {
    "GradientEdge": "graph",
    "Node": "graph",
    "Variable": "variable",
    "detect_anomaly": "anomaly_mode",
    "set_detect_anomaly": "anomaly_mode",
    "gradcheck": "gradcheck",
    "gradgradcheck": "gradcheck",
}


def __getattr__(name):
    from importlib import import_module

    if name in _SUBMODULES:
        return import_module("." + name, __name__)
    if name in _ELSEWHERE:
        # A module of the same name as its function must not stay in the function's place.
        module = import_module("." + _ELSEWHERE[name], __name__)
        globals().update({k: getattr(module, k) for k, v in _ELSEWHERE.items() if v == _ELSEWHERE[name]})
        return globals()[name]
    from .._names import missing

    raise missing(__name__, name, __dir__)


def __dir__():
    return sorted({*globals(), *_SUBMODULES, *_ELSEWHERE})
