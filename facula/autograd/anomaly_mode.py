"""Anomaly mode: errors of a backward tell which line of the forward pass made the failing operation.

Each node keeps the Python stack of its making, which costs; gradients are searched for NaN.
"""

from __future__ import annotations

import traceback
import warnings

from .. import _C
from .grad_mode import _Decorator

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class _Stack(list):
    """Lines of a traceback; `parent` is the stack of the operation whose derivative made this one."""

    parent = None


def _stack(parent):
    """The stack of a new node, without the frames of this module."""
    lines = _Stack(traceback.format_stack()[:-1])
    lines.parent = parent
    return lines


def _tell(name, stack):
    """Warns where the node `name`, whose backward failed, was made.

    The error of the backward is the one that the program sees: where filters make errors of warnings, these
    are written to the standard error stream.
    """
    try:
        _warn_of(name, stack)
    except Warning:
        traceback.print_exc()


def _warn_of(name, stack):
    if stack is None:
        warnings.warn(
            f"Error detected in {name}. No forward pass information available. Enable detect anomaly during "
            "forward pass for more information.",
            stacklevel=3,
        )
        return
    warnings.warn(
        f"Error detected in {name}. Traceback of forward call that caused the error:\n{''.join(stack)}",
        stacklevel=3,
    )
    while stack.parent is not None:
        stack = stack.parent
        warnings.warn(
            "\n\nPrevious calculation was induced by the following. Traceback of forward call that induced "
            "the "
            f"previous calculation:\n{''.join(stack)}",
            stacklevel=3,
        )


class detect_anomaly(_Decorator):
    """Context in which errors of a backward name the forward operation and its line.

    Args:
        check_nan: a backward that makes NaN is an error.

    Raises:
        RuntimeError: from backward(), where a gradient is NaN.

    Example:
        >>> import facula as torch
        >>> import warnings
        >>> x = torch.tensor(-1.0, requires_grad=True)
        >>> with warnings.catch_warnings(), torch.autograd.detect_anomaly():
        ...     warnings.simplefilter("ignore")
        ...     try:
        ...         x.sqrt().backward()
        ...     except RuntimeError as error:
        ...         print(error)
        Function 'SqrtBackward0' returned nan values in its 0th output.
    """

    def __init__(self, check_nan=True):
        self.previous = _C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled()
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled "
            "for debugging.",
            stacklevel=2,
        )

    def __enter__(self):
        _C._set_anomaly_enabled(True, self.check_nan)

    def __exit__(self, *exc):
        _C._set_anomaly_enabled(*self.previous)

    def clone(self):
        return self.__class__(self.check_nan)


class set_detect_anomaly(_Decorator):
    """Switches anomaly mode on or off, at once and until the context ends.

    Args:
        mode: True to switch it on.
        check_nan: a backward that makes NaN is an error.
    """

    def __new__(cls, mode, check_nan=True):
        return object.__new__(cls)

    def __init__(self, mode, check_nan=True):
        self.previous = _C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled()
        self.mode, self.check_nan = mode, check_nan
        _C._set_anomaly_enabled(mode, check_nan)

    def __enter__(self):
        pass

    def __exit__(self, *exc):
        _C._set_anomaly_enabled(*self.previous)

    def clone(self):
        return self.__class__(self.mode, self.check_nan)
