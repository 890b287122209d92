"""Hooks of a module: registration, the hooks of all modules, and the call that runs them."""

from __future__ import annotations

import warnings
from collections import OrderedDict

import facula as torch

from ... import _C
from ...utils.hooks import BackwardHook, RemovableHandle

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_global_forward_hooks: dict = OrderedDict()
_global_forward_pre_hooks: dict = OrderedDict()
_global_forward_hooks_always_called: dict = OrderedDict()
_global_forward_hooks_with_kwargs: dict = OrderedDict()
_global_backward_hooks: dict = OrderedDict()
_global_backward_pre_hooks: dict = OrderedDict()
_global_is_full_backward_hook: bool | None = None
_global_buffer_registration_hooks: dict = OrderedDict()
_global_module_registration_hooks: dict = OrderedDict()
_global_parameter_registration_hooks: dict = OrderedDict()

_C._watch_global_hooks(
    _global_forward_hooks, _global_forward_pre_hooks, _global_backward_hooks, _global_backward_pre_hooks
)

_MIXED = "Cannot use both regular backward hooks and full backward hooks {}. Please use only one of them."


def _insert(hooks, hook, extra=(), prepend=False) -> RemovableHandle:
    handle = RemovableHandle(hooks, extra_dict=extra)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


class _Hooks:
    """The part of Module that deals with hooks around forward and backward."""

    __slots__ = ()

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Runs hook(module, args, output) after every forward; an answer other than None replaces the output.

        Args:
            hook: with `with_kwargs` it is called as hook(module, args, kwargs, output).
            prepend: run before the hooks that are already there.
            always_call: run it even when forward raises.

        Returns:
            A handle whose remove() takes the hook away.
        """
        extra = (self._forward_hooks_with_kwargs, self._forward_hooks_always_called)
        handle = _insert(self._forward_hooks, hook, extra, prepend)
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return handle

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Runs hook(module, args) before every forward; an answer other than None replaces the arguments."""
        handle = _insert(self._forward_pre_hooks, hook, self._forward_pre_hooks_with_kwargs, prepend)
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        return handle

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Runs hook(module, grad_input, grad_output) when the gradients of the module's inputs are known.

        An answer other than None replaces `grad_input`.
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError(_MIXED.format("on a single Module"))
        self._is_full_backward_hook = True
        return _insert(self._backward_hooks, hook, prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Runs hook(module, grad_output) when the gradient of the output is known; it may replace it."""
        return _insert(self._backward_pre_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """The predecessor of `register_full_backward_hook`, which new programs should use."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(_MIXED.format("on a single Module"))
        self._is_full_backward_hook = False
        return _insert(self._backward_hooks, hook)

    def _get_backward_hooks(self):
        full: list = []
        plain: list = []
        (full if _global_is_full_backward_hook is True else plain).extend(_global_backward_hooks.values())
        (full if self._is_full_backward_hook is True else plain).extend(self._backward_hooks.values())
        return full, plain

    def _get_backward_pre_hooks(self):
        return [*_global_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]

    def _call_impl(self, *args, **kwargs):
        """What a call of the module is when there are hooks (otherwise it is forward itself)."""
        done: set = set()
        state: dict[str, Any] = {"args": args, "kwargs": kwargs, "result": None}
        try:
            return self._call_with_hooks(state, done)
        except Exception:
            self._run_always_called(state, done)
            raise

    def _call_with_hooks(self, state, done):
        args, kwargs = self._run_pre_hooks(state)
        full, plain = self._get_backward_hooks()
        before = self._get_backward_pre_hooks()
        backward = BackwardHook(self, full, before) if full or before else None
        if backward:
            args = state["args"] = backward.setup_input_hook(args)
        result = state["result"] = self.forward(*args, **kwargs)

        for hook_id, hook in (*_global_forward_hooks.items(), *self._forward_hooks.items()):
            if hook_id in self._forward_hooks_always_called or hook_id in _global_forward_hooks_always_called:
                done.add(hook_id)
            if hook_id in self._forward_hooks_with_kwargs or hook_id in _global_forward_hooks_with_kwargs:
                answer = hook(self, args, kwargs, result)
            else:
                answer = hook(self, args, result)
            if answer is not None:
                result = state["result"] = answer
        if backward:
            if not isinstance(result, (torch.Tensor, tuple)):
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors"
                    f" but received {type(result)}",
                    stacklevel=3,
                )
                return result
            result = state["result"] = backward.setup_output_hook(result)
        if plain:
            self._attach_plain_backward_hooks(plain, result)
        return result

    def _run_pre_hooks(self, state):
        args, kwargs = state["args"], state["kwargs"]
        for hook_id, hook in (*_global_forward_pre_hooks.items(), *self._forward_pre_hooks.items()):
            if hook_id in self._forward_pre_hooks_with_kwargs:
                answer = hook(self, args, kwargs)
                if answer is None:
                    continue
                if not (isinstance(answer, tuple) and len(answer) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {answer}."
                    )
                args, kwargs = answer
            else:
                answer = hook(self, args)
                if answer is not None:
                    args = answer if isinstance(answer, tuple) else (answer,)
            state["args"], state["kwargs"] = args, kwargs
        return args, kwargs

    def _attach_plain_backward_hooks(self, hooks, result) -> None:
        while not isinstance(result, torch.Tensor):
            if isinstance(result, dict):
                result = next(v for v in result.values() if isinstance(v, torch.Tensor))
            else:
                result = result[0]
        node = result.grad_fn
        if node is None:
            return
        for hook in hooks:
            node.register_hook(lambda *grads, hook=hook: hook(self, *grads))

    def _run_always_called(self, state, done) -> None:
        args, kwargs, result = state["args"], state["kwargs"], state["result"]
        for where, hooks, always, with_kwargs in (
            ("global module", _global_forward_hooks, _global_forward_hooks_always_called, ()),
            (
                "module",
                self._forward_hooks,
                self._forward_hooks_always_called,
                self._forward_hooks_with_kwargs,
            ),
        ):
            for hook_id, hook in hooks.items():
                if hook_id not in always or hook_id in done:
                    continue
                try:
                    answer = hook(self, args, *([kwargs] if hook_id in with_kwargs else ()), result)
                    if answer is not None:
                        result = answer
                except Exception as e:
                    warnings.warn(
                        f"{where} forward hook with ``always_call=True`` raised an exception "
                        f"that was silenced as another error was raised in forward: {e}",
                        stacklevel=4,
                    )


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Runs hook(module, args, output) after the forward of every module."""
    extra = (_global_forward_hooks_with_kwargs, _global_forward_hooks_always_called)
    handle = _insert(_global_forward_hooks, hook, extra)
    if with_kwargs:
        _global_forward_hooks_with_kwargs[handle.id] = True
    if always_call:
        _global_forward_hooks_always_called[handle.id] = True
    return handle


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Runs hook(module, args) before the forward of every module."""
    return _insert(_global_forward_pre_hooks, hook)


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Runs hook(module, grad_output) in the backward of every module."""
    return _insert(_global_backward_pre_hooks, hook)


def _set_global_kind(full: bool) -> None:
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is (not full):
        raise RuntimeError(_MIXED.format("as a global Module hook"))
    _global_is_full_backward_hook = full


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Runs hook(module, grad_input, grad_output) in the backward of every module."""
    _set_global_kind(True)
    return _insert(_global_backward_hooks, hook)


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """The predecessor of `register_module_full_backward_hook`."""
    _set_global_kind(False)
    return _insert(_global_backward_hooks, hook)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Runs hook(module, name, buffer) whenever a buffer is registered."""
    return _insert(_global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Runs hook(module, name, submodule) whenever a submodule is registered."""
    return _insert(_global_module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Runs hook(module, name, parameter) whenever a parameter is registered."""
    return _insert(_global_parameter_registration_hooks, hook)
