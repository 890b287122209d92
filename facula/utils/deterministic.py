"""torch.utils.deterministic: whether new memory is filled under use_deterministic_algorithms(True)."""

from __future__ import annotations

import sys
from types import ModuleType

from facula import _C

__all__ = ["fill_uninitialized_memory"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    fill_uninitialized_memory: bool


class _Settings(ModuleType):
    """The module's one setting is checked when it is assigned to."""

    @property
    def fill_uninitialized_memory(self) -> bool:
        """Whether `empty` and `resize_` fill what nothing was written to (NaN, largest integer, True).

        Setting it to anything but a bool is a RuntimeError.
        """
        from facula import _python

        return _python._fills_memory

    @fill_uninitialized_memory.setter
    def fill_uninitialized_memory(self, mode: bool) -> None:
        from facula import _python

        if not isinstance(mode, bool):
            raise RuntimeError(f"expected a bool, but got {type(mode).__name__}")
        _python._fills_memory = mode
        _C._set_fills_new_memory(mode and _python._deterministic)


sys.modules[__name__].__class__ = _Settings
