"""torch.__future__: how modules put new tensors in the place of their parameters."""

from __future__ import annotations

__all__ = [
    "set_overwrite_module_params_on_conversion",
    "get_overwrite_module_params_on_conversion",
    "set_swap_module_params_on_conversion",
    "get_swap_module_params_on_conversion",
]

_overwrite_module_params_on_conversion: bool = False
_swap_module_params_on_conversion: bool = False


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Whether `module.to`, `.half`, `.cpu` and the like make new parameters.

    Otherwise parameters are kept and get other elements, so that optimizers go on with them.
    """
    global _overwrite_module_params_on_conversion
    _overwrite_module_params_on_conversion = value


def get_overwrite_module_params_on_conversion() -> bool:
    """What set_overwrite_module_params_on_conversion set; False at first."""
    return _overwrite_module_params_on_conversion


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Whether conversions and `load_state_dict` exchange parameters by `torch.utils.swap_tensors`.

    Goes before set_overwrite_module_params_on_conversion. What is loaded is first given to
    `parameter.module_load`, which subclasses of Tensor may override.
    """
    global _swap_module_params_on_conversion
    _swap_module_params_on_conversion = value


def get_swap_module_params_on_conversion() -> bool:
    """What set_swap_module_params_on_conversion set; False at first."""
    return _swap_module_params_on_conversion
