"""torch.jit: functions and modules run as they are; nothing is compiled, and nothing saved as a program.

`script` and `trace` return what they are given, so that programs run; a module they return is the module
itself.
"""

from __future__ import annotations

import facula as torch

__all__ = [
    "Attribute",
    "ScriptFunction",
    "ScriptModule",
    "annotate",
    "enable_onednn_fusion",
    "export",
    "fork",
    "freeze",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "optimize_for_inference",
    "optimized_execution",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "set_fusion_strategy",
    "trace",
    "trace_module",
    "unused",
    "wait",
]

_isinstance = isinstance


def script(obj, optimize=None, _frames_up: int = 0, _rcb=None, example_inputs=None):
    """The function, class or module itself."""
    return obj


def trace(func, example_inputs=None, *args, **kwargs):
    """The function or module itself, after one call with the example inputs, which shows what does not
    work.
    """
    if example_inputs is not None:
        with torch.no_grad():
            inputs = example_inputs if _isinstance(example_inputs, (tuple, list)) else (example_inputs,)
            func(*inputs)
    return func


def trace_module(mod, inputs: dict, *args, **kwargs):
    """The module itself."""
    return mod


def _same(obj=None, *args, **kwargs):
    """What it is given; a decorator that changes nothing, with or without arguments."""
    return obj if callable(obj) else lambda function: function


export = script_method = script_if_tracing = interface = ignore = unused = _same
_script_if_tracing = _overload = _overload_method = _same  # as torchvision calls them


def freeze(mod, preserved_attrs=None, optimize_numerics: bool = True, preserve_parameters: bool = False):
    """The module itself; ValueError while it trains."""
    if getattr(mod, "training", False):
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. Please call .eval() on your "
            "module "
            "before freezing."
        )
    return mod


def optimize_for_inference(mod, other_methods=None):
    """The module itself."""
    return mod


def is_scripting() -> bool:
    """False: what runs is the program's own Python."""
    return False


is_tracing = is_scripting


def annotate(the_type, the_value):
    """The value."""
    return the_value


class Attribute:
    """A value with its type."""

    def __init__(self, value, type) -> None:  # noqa: A002  PyTorch's name
        self.value = value
        self.type = type


def isinstance(obj, target_type) -> bool:  # noqa: A001  PyTorch's name
    """Whether an object is of a type; of List[int] and the like only the container counts."""
    from typing import get_origin

    return _isinstance(obj, get_origin(target_type) or target_type)


def fork(func, *args, **kwargs):
    """Calls the function now; `wait` returns its result."""
    return _Done(func(*args, **kwargs))


def wait(future):
    """The result of a `fork`."""
    return future.wait()


_fork, _wait = fork, wait  # as programs call them


class _Done:
    def __init__(self, value) -> None:
        self._value = value

    def wait(self):
        return self._value

    value = wait


class optimized_execution:  # noqa: N801  a context manager
    """A context that changes nothing."""

    def __init__(self, should_optimize: bool) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error) -> None:
        pass


def enable_onednn_fusion(enabled: bool) -> None:
    """Does nothing."""


def set_fusion_strategy(strategy) -> list:
    """Does nothing."""
    return []


def save(m, f, _extra_files=None) -> None:
    """Raises NotImplementedError: there are no compiled programs."""
    raise NotImplementedError(
        "torch.jit.save: facula does not compile programs; save the weights with "
        "torch.save(module.state_dict(), "
        "path)"
    )


def load(f, map_location=None, _extra_files=None, _restore_shapes: bool = False):
    """Raises NotImplementedError: a compiled program cannot be run."""
    raise NotImplementedError(
        "torch.jit.load: facula does not run compiled programs; save the weights in PyTorch with "
        "torch.save(module.state_dict(), path) and load them with torch.load(path)"
    )


class ScriptModule(torch.nn.Module):
    """A module like any other."""


class TracerWarning(Warning):
    """What tracing would warn with."""

    @staticmethod
    def ignore_lib_warnings() -> None:
        """Does nothing."""


class RecursiveScriptModule(ScriptModule):
    """What `script` returns of a module in PyTorch: for isinstance, which no module here fulfils."""


class TopLevelTracedModule(ScriptModule):
    """What `trace` returns of a module in PyTorch: for isinstance, which no module here fulfils."""


class ScriptFunction:
    """What `script` returns in PyTorch: for isinstance, which no function here fulfils."""


def __getattr__(name: str):
    if name == "Final":
        from typing import Final

        return Final
    if name == "Error":
        return torch._C.JITException
    if name in ("annotations", "frontend"):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    from .._names import missing

    raise missing("torch.jit", name, __all__)
