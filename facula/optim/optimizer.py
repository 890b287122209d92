"""Optimizer: groups of parameters with options, their state, and hooks around a step."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from functools import wraps

import facula as torch

from ..utils.hooks import RemovableHandle

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # for typing.get_type_hints

__all__ = ["Optimizer", "register_optimizer_step_pre_hook", "register_optimizer_step_post_hook"]

Tensor = torch.Tensor

_global_optimizer_pre_hooks: dict[int, Callable] = OrderedDict()
_global_optimizer_post_hooks: dict[int, Callable] = OrderedDict()


class _Required:
    """Marks an option without a default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _insert(hooks, hook, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Runs hook(optimizer, args, kwargs) before the step of every optimizer."""
    return _insert(_global_optimizer_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Runs hook(optimizer, args, kwargs) after the step of every optimizer."""
    return _insert(_global_optimizer_post_hooks, hook)


def _typename(o: object) -> str:
    from ..nn.modules._helpers import _typename

    return _typename(o)


def _to_scalar(x):
    """A one-element tensor as a number."""
    return x.item() if isinstance(x, Tensor) else x


def with_penalty(grad, p, decay):
    """The gradient with that of the L2 penalty, recorded where the factor is a tensor."""
    return grad + p.clone() * decay if isinstance(decay, Tensor) else grad.add(p, alpha=decay)


class Optimizer:
    """The base of all optimizers.

    Args:
        params: tensors, pairs of name and tensor, or dictionaries with 'params' and options of the group.
        defaults: options for groups that do not give their own.
    """

    def __init__(self, params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {_typename(params)}"
            )
        self.state: dict = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list\n"
                "Suggestion: pass model.parameters(), and only once if it is kept in a variable: it is an "
                "iterator. A model without parameters may hold its layers in a plain list: use nn.ModuleList."
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hooks(self) -> None:
        self._optimizer_step_pre_hooks: dict[int, Callable] = OrderedDict()
        self._optimizer_step_post_hooks: dict[int, Callable] = OrderedDict()
        self._optimizer_state_dict_pre_hooks: dict[int, Callable] = OrderedDict()
        self._optimizer_state_dict_post_hooks: dict[int, Callable] = OrderedDict()
        self._optimizer_load_state_dict_pre_hooks: dict[int, Callable] = OrderedDict()
        self._optimizer_load_state_dict_post_hooks: dict[int, Callable] = OrderedDict()
        self._warned_capturable_if_run_uncaptured = True
        # The step of a user's optimizer gets the hooks around it; ours look after them themselves.
        step = type(self).step
        if not getattr(step, "hooked", None):
            type(self).step = self.profile_hook_step(step)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_optimizer_step_pre_hooks" not in self.__dict__:
            self._make_hooks()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        text = self.__class__.__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for key in sorted(group):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    # Hooks

    @staticmethod
    def profile_hook_step(func: Callable) -> Callable:
        """A step function with the hooks of the optimizer around it."""

        @wraps(func)
        def wrapper(self, *args, **kwargs):
            return self._step_with_hooks(func, args, kwargs)

        wrapper.hooked = True
        return wrapper

    def _step_with_hooks(self, func: Callable, args: tuple, kwargs: dict):
        args = (self, *args)  # hooks see, and may change, all that the step is called with
        for hook in (*_global_optimizer_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()):
            answer = hook(self, args, kwargs)
            if answer is not None:
                if not (isinstance(answer, tuple) and len(answer) == 2):
                    raise RuntimeError(
                        f"{func} must return None or a tuple of (new_args, new_kwargs), but got {answer}."
                    )
                args, kwargs = answer
        out = func(*args, **kwargs)
        self._optimizer_step_code()
        for hook in (*self._optimizer_step_post_hooks.values(), *_global_optimizer_post_hooks.values()):
            hook(self, args, kwargs)
        return out

    def _has_step_hooks(self) -> bool:
        return bool(
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or _global_optimizer_pre_hooks
            or _global_optimizer_post_hooks
        )

    def _optimizer_step_code(self) -> None:
        """A place for profilers to hook into."""

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Runs hook(optimizer, args, kwargs) before every step; it may return new (args, kwargs)."""
        return _insert(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Runs hook(optimizer, args, kwargs) after every step."""
        return _insert(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Runs hook(optimizer) before state_dict is made."""
        return _insert(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Runs hook(optimizer, state_dict) after state_dict is made; it may return another."""
        return _insert(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Runs hook(optimizer, state_dict) before loading; it may return another state_dict."""
        return _insert(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Runs hook(optimizer) after loading."""
        return _insert(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # State

    def state_dict(self) -> dict[str, Any]:
        """The state and the options, with parameters replaced by their numbers in order."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        number: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            packed = {k: v for k, v in group.items() if k != "params"}
            for p in group["params"]:
                number.setdefault(id(p), len(number))
            packed["params"] = [number[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {number[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            answer = hook(self, result)
            if answer is not None:
                result = answer
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a state_dict; floating point state is cast to the dtype of its parameter."""
        from copy import deepcopy

        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            answer = hook(self, state_dict)
            if answer is not None:
                state_dict = answer
        groups = self.param_groups
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved_groups)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        by_number = {}
        for group, saved in zip(groups, saved_groups):
            by_number.update(zip(saved["params"], group["params"]))

        def cast(param, value, number, key=None):
            if isinstance(value, Tensor):
                if key == "step":
                    return value.detach().clone() if value.device == param.device else value.to(param.device)
                if param.is_floating_point():
                    return value.to(dtype=param.dtype, device=param.device)
                return value.to(device=param.device)
            if isinstance(value, dict):
                return {k: cast(param, v, number, k) for k, v in value.items()}
            if isinstance(value, (list, tuple)):
                return type(value)(cast(param, v, number) for v in value)
            return value

        state: dict = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in by_number:
                state[by_number[key]] = cast(by_number[key], value, key)
            else:
                state[key] = value

        def renewed(group, saved):
            saved["params"] = group["params"]
            if "param_names" in group and "param_names" not in saved:
                saved["param_names"] = group["param_names"]
            return saved

        self.__setstate__(
            {"state": state, "param_groups": [renewed(g, s) for g, s in zip(groups, saved_groups)]}
        )
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # Work

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients of all parameters, or zeroes them."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                    continue
                grad = p.grad
                if grad is not None:
                    if grad.grad_fn is not None:
                        grad.detach_()
                    else:
                        grad.requires_grad_(False)
                    grad.zero_()

    def step(self, closure: Callable[[], float] | None = None):
        """Updates the parameters once; the subclass says how."""
        raise NotImplementedError

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters, with options of their own, to those being optimised."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering "
                "of tensors "
                "in sets will change between runs. Please use a list instead."
            )
        else:
            params = list(params)
        named = [isinstance(p, tuple) for p in params]
        if any(named):
            if not all(named):
                raise ValueError(
                    "all optimizer params should be with/without names. Some param names are missing"
                )
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        param_group["params"] = params
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {_typename(p)}"
                )
            if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
                made = f"was made by {p.grad_fn.name()}" if p.grad_fn is not None else "is no leaf"
                raise ValueError(
                    "can't optimize a non-leaf Tensor\n"
                    f"The tensor of shape {list(p.shape)}, {p.dtype}, {made}.\n"
                    "Suggestion: give the optimizer the leaf it was computed from, or make it one: "
                    "x = x.detach().requires_grad_()."
                )
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        if len(params) != len(set(params)):
            import warnings

            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an "
                "error; see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                with_names = "with names" if "param_names" in param_group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {with_names} to the optimizer"
                )
        known = {p for group in self.param_groups for p in group["params"]}
        if not known.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)


# Names that optimizers written elsewhere import from here.
params_t = ParamsT = "Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]"


def _use_grad_for_differentiable(func: Callable) -> Callable:
    """A step that is recorded only if the optimizer is differentiable."""

    @wraps(func)
    def step(self, *args, **kwargs):
        with torch.set_grad_enabled(bool(self.defaults.get("differentiable"))):
            return func(self, *args, **kwargs)

    return step


def _default_to_fused_or_foreach(params, differentiable: bool, use_fused: bool = False) -> tuple[bool, bool]:
    """(fused, foreach): neither is a default on the CPU."""
    return False, False


def _get_value(x):
    """A number from a tensor of one element or a number."""
    return x.item() if isinstance(x, Tensor) else x


def _dispatch_sqrt(x):
    """The root of a tensor or a number."""
    return x.sqrt() if isinstance(x, Tensor) else x**0.5


def _view_as_real(params, *state_and_grads) -> None:
    """Replaces complex tensors in the lists by pairs of real numbers."""
    for i, p in enumerate(params):
        if p.is_complex():
            params[i] = torch.view_as_real(p)
            for tensors in state_and_grads:
                tensors[i] = torch.view_as_real(tensors[i])


def run_closure(closure: Callable | None):
    """The value of the closure, computed with gradients."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def check_lr(lr, foreach, capturable: bool) -> None:
    """Refuses learning rates that no step could use."""
    if isinstance(lr, Tensor):
        if foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
    if not 0.0 <= lr:
        raise ValueError(f"Invalid learning rate: {lr}")


def refuse_capturable(optimizer, group) -> None:
    """What PyTorch answers on the CPU to a step that is to be recorded for a device."""
    if group.get("fused") or all(p.grad is None for p in group["params"]):
        return
    name = type(optimizer).__name__
    places = ["cuda", "xpu", "hpu", "privateuseone", "xla"]
    if name == "Adadelta" or (group.get("foreach") and name not in ("RMSprop", "Rprop")):
        places.pop()
    comma = "," if group.get("foreach") else ""
    what = {"NAdam": f"params, mu_products{comma} and", "ASGD": "params, mus, etas, and"}.get(
        name, "params and"
    )
    raise AssertionError(
        f"If capturable=True, {what} state_steps must be on supported devices: {places}.\n"
        "There is nothing to capture on the CPU: leave capturable=True out."
    )


def check_fused(self, fused, foreach, differentiable) -> None:
    """Refuses combinations of implementations; all of ours are one call anyway."""
    if fused:
        self._step_supports_amp_scaling = True
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def fused_goes(optimizer, group) -> bool:
    """Whether a group with ``fused=True`` may be stepped. A GradScaler leaves its factor in `grad_scale`, by
    which the gradients are divided, and 1 in `found_inf` where the step is to be left out."""
    for p in group["params"]:
        if not p.is_floating_point():
            places = ["mps", "cuda", "xpu", "hpu", "cpu", "mtia", "privateuseone"]
            raise RuntimeError(
                "`fused=True` requires all the params to be floating point Tensors of supported devices: "
                f"{places} but {p.dtype} and {p.device.type}"
            )
    scale, found = getattr(optimizer, "grad_scale", None), getattr(optimizer, "found_inf", None)
    if found is not None and found == 1:
        return False
    if scale is not None:
        for p in group["params"]:
            if p.grad is not None:
                p.grad.div_(scale)
    return True
