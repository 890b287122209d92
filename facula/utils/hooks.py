"""Handles that remove hooks, and the machinery of a module's full backward hooks."""

from __future__ import annotations

import weakref

__all__ = ["RemovableHandle", "BackwardHook", "unserializable_hook", "warn_if_has_hooks"]


class _HandleMeta(type):
    """Handles of the engine's own hooks count too."""

    def __instancecheck__(cls, instance) -> bool:
        return type.__instancecheck__(cls, instance) or (
            cls is RemovableHandle and type(instance).__name__ == "RemovableHandle"
        )


class RemovableHandle(metaclass=_HandleMeta):
    """Removes one hook from the dictionary it was put in; works as a context manager too."""

    id: int
    next_id: int = 0

    def __init__(self, hooks_dict, *, extra_dict=None) -> None:
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        if extra_dict is None:
            extra_dict = ()
        elif not isinstance(extra_dict, (list, tuple)):
            extra_dict = (extra_dict,)
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extra_dict)

    def remove(self) -> None:
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self):
        return (self.hooks_dict_ref(), self.id, tuple(ref() for ref in self.extra_dict_ref))

    def __setstate__(self, state) -> None:
        from collections import OrderedDict

        # A dictionary that was not pickled along is replaced by an empty one, where remove() finds nothing.
        dicts = (state[0], *(state[2] if len(state) > 2 else ()))
        self._kept = [OrderedDict() if d is None else d for d in dicts]
        self.hooks_dict_ref, *extra = (weakref.ref(d) for d in self._kept)
        self.extra_dict_ref = tuple(extra)
        self.id = state[1]
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, type, value, tb) -> None:
        self.remove()


def unserializable_hook(f):
    """Marks a hook that must not be pickled along with its tensor."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor) -> None:
    hooks = getattr(tensor, "_backward_hooks", None)
    for hook in (hooks or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            import warnings

            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can "
                "decorate the function with @torch.utils.hooks.unserializable_hook to suppress this warning",
                stacklevel=2,
            )


_function = None


def _pass_through():
    """An autograd function that hands tensors on unchanged and shows their gradients to a callback."""
    global _function
    if _function is None:
        from facula.autograd import Function

        class BackwardHookFunction(Function):
            @staticmethod
            def forward(ctx, callback, known, *tensors):
                # Outputs that were not used are told apart by None; what leaves through inputs is zero.
                ctx.set_materialize_grads(known)
                ctx.callback = callback
                passed = tuple(t.view_as(t) for t in tensors)
                ctx.mark_non_differentiable(*[p for p, t in zip(passed, tensors) if not t.requires_grad])
                return passed

            @staticmethod
            def backward(ctx, *grads):
                return (None, None, *ctx.callback(grads))

        _function = BackwardHookFunction
    return _function


def _as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


class BackwardHook:
    """Runs the full backward hooks of one call of a module.

    The module's inputs and outputs go through an identity function; the gradient that arrives at the outputs
    is `grad_output`, the one that leaves through the inputs `grad_input`. Where no input requires a gradient,
    the hooks run with `grad_input` of None as soon as all of `grad_output` is known.
    """

    def __init__(self, module, user_hooks, user_pre_hooks) -> None:
        self.module = module
        self.user_hooks = user_hooks
        self.user_pre_hooks = user_pre_hooks
        self.grad_outputs = None
        self.n_inputs = self.n_outputs = -1
        self.input_index: list[int] | None = None
        self.output_index: list[int] = []

    def _wrap(self, values, callback, known):
        import facula as torch

        index = [i for i, v in enumerate(values) if isinstance(v, torch.Tensor)]
        if not (torch.is_grad_enabled() and any(values[i].requires_grad for i in index)):
            return values, None
        passed = _pass_through().apply(callback, known, *[values[i] for i in index])
        values = list(values)
        for i, tensor in zip(index, _as_tuple(passed)):
            values[i] = tensor
        return tuple(values), index

    @staticmethod
    def _spread(grads, index, count):
        full: list = [None] * count
        for i, g in zip(index, grads):
            full[i] = g
        return tuple(full)

    def setup_input_hook(self, args):
        self.n_inputs = len(args)
        wrapped, self.input_index = self._wrap(args, self._inputs_done, True)
        return wrapped

    def setup_output_hook(self, result):
        values = _as_tuple(result)
        self.n_outputs = len(values)
        values, index = self._wrap(values, self._outputs_done, False)
        self.output_index = index or []
        if not isinstance(result, tuple):
            return values[0]
        return values if type(result) is tuple else type(result)(*values)  # a named tuple stays one

    def _outputs_done(self, grads):
        full = self._spread(grads, self.output_index, self.n_outputs)
        for hook in self.user_pre_hooks:
            answer = hook(self.module, full)
            if answer is None:
                continue
            answer = _as_tuple(answer)
            if len(answer) != len(full):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(answer)}, but expected {len(full)}"
                )
            full = answer
        self.grad_outputs = full
        if self.input_index is None:
            if self.user_hooks:
                import warnings

                warnings.warn(
                    "Full backward hook is firing when gradients are computed with respect to "
                    "module outputs since "
                    "no inputs require gradients. See https://docs.pytorch.org/docs/main/generated/"
                    "torch.nn.Module.html#torch.nn.Module.register_full_backward_hook for more details.",
                    stacklevel=5,
                )
            nothing = (None,) * self.n_inputs
            for hook in self.user_hooks:
                answer = hook(self.module, nothing, full)
                if answer is not None and not (isinstance(answer, tuple) and all(a is None for a in answer)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires "
                        "gradient should always return None or None for all gradients."
                    )
            self.grad_outputs = None
        return [full[i] for i in self.output_index]

    def _inputs_done(self, grads):
        if self.grad_outputs is None:
            # The gradient went round the outputs (an inner tensor was used elsewhere): nothing to report.
            return grads
        full = self._spread(grads, self.input_index, self.n_inputs)
        for hook in self.user_hooks:
            answer = hook(self.module, full, self.grad_outputs)
            if answer is None:
                continue
            answer = _as_tuple(answer)
            if len(answer) != len(full):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(answer)}, but expected {len(full)}"
                )
            full = answer
        self.grad_outputs = None
        return [full[i] for i in self.input_index or ()]
