"""Which modules are running, in the forward and in the backward pass."""

from __future__ import annotations

import warnings
import weakref

import facula as torch
from facula.autograd.graph import register_multi_grad_hook
from facula.nn.modules import module as _module
from facula.utils._pytree import tree_leaves

__all__ = ["ModuleTracker"]


class ModuleTracker:
    """A context that knows, while a program runs, the names of the modules that it is within.

    Attributes:
        parents: their qualified names, from the class of the outermost one, and "Global".

    In backward it is the modules whose operations are being differentiated; gradients of a module's inputs
    and outputs tell where it begins and ends, so that modules without such tensors are not seen.
    """

    def __init__(self) -> None:
        self.parents: set[str] = {"Global"}
        self._names: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
        self._hooks: list = []
        self._in_backward = False

    @property
    def is_bw(self) -> bool:
        """Whether a backward pass is running."""
        return torch._C._current_graph_task_id() != -1

    def _name(self, module) -> str:
        if module not in self._names:
            root = type(module).__name__
            for name, each in module.named_modules():
                self._names[each] = f"{root}.{name}" if name else root
        return self._names[module]

    def _enter(self, name: str, backward: bool):
        def push(*_) -> None:
            if backward and not self._in_backward:
                self._in_backward = True
                torch.autograd.Variable._execution_engine.queue_callback(self._backward_is_done)
            if name in self.parents and not backward:
                warnings.warn(
                    "The module hierarchy tracking seems to be broken as this Module was already entered. "
                    f"{name} during {'backward' if backward else 'forward'}",
                    stacklevel=2,
                )
            self.parents.add(name)

        return push

    def _leave(self, name: str, backward: bool):
        def pop(*_) -> None:
            if name in self.parents:
                self.parents.remove(name)
            elif not backward:
                warnings.warn(
                    "The Module hierarchy tracking is confused as we're exiting a Module that was never "
                    f"entered. {name} during forward",
                    stacklevel=2,
                )

        return pop

    def _backward_is_done(self) -> None:
        self.parents = {"Global"}
        self._in_backward = False

    def _before(self, module, args) -> None:
        name = self._name(module)
        self._enter(name, False)()
        tensors = [t for t in tree_leaves(args) if isinstance(t, torch.Tensor) and t.requires_grad]
        if tensors:
            self._hooks.append(register_multi_grad_hook(tensors, self._leave(name, True)))

    def _after(self, module, args, output) -> None:
        name = self._name(module)
        self._leave(name, False)()
        tensors = [t for t in tree_leaves(output) if isinstance(t, torch.Tensor) and t.requires_grad]
        if tensors:
            self._hooks.append(register_multi_grad_hook(tensors, self._enter(name, True), mode="any"))

    def __enter__(self) -> ModuleTracker:
        self._forward_hooks = [
            _module.register_module_forward_pre_hook(self._before),
            _module.register_module_forward_hook(self._after, always_call=True),
        ]
        return self

    def __exit__(self, *error) -> None:
        for hook in [*self._forward_hooks, *self._hooks]:
            hook.remove()
        self._hooks.clear()
