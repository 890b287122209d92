"""Modules as functions of their parameters: functional_call, stack_module_state."""

from __future__ import annotations

from contextlib import contextmanager

from .. import _C

__all__ = ["functional_call", "stack_module_state"]


def functional_call(
    module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False
):
    """Calls a module with other parameters and buffers in the place of its own.

    Args:
        module: the module. It is as before when the call is over.
        parameter_and_buffer_dicts: name -> tensor, names as in `named_parameters`; or several such dicts with
            different names. What is missing stays the module's own.
        args: the arguments; a tuple of them, or one that is no tuple.
        kwargs: keyword arguments.
        tie_weights: a tensor that the module has under several names is replaced under all of them.
        strict: every parameter and buffer must be given, and no others.

    Returns:
        What the module returns.

    Raises:
        ValueError: a name is in several dicts, or a tied tensor is given twice with different values.
        RuntimeError: with `strict`, names are missing or unexpected.

    Example:
        >>> import facula as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> new = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
        >>> torch.func.functional_call(layer, new, torch.tensor([1.0, 2.0]))
        tensor([3.])
    """
    from ..nn.parallel import DataParallel

    if isinstance(module, DataParallel):
        raise RuntimeError("The stateless API can't be used with nn.DataParallel module")
    if isinstance(parameter_and_buffer_dicts, dict):
        given = parameter_and_buffer_dicts
    elif isinstance(parameter_and_buffer_dicts, (list, tuple)):
        if not all(isinstance(d, dict) for d in parameter_and_buffer_dicts):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [k for d in parameter_and_buffer_dicts for k in d]
        repeated = [n for n in dict.fromkeys(names) if names.count(n) > 1]
        if repeated:
            raise ValueError(
                f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous"
            )
        given = {k: v for d in parameter_and_buffer_dicts for k, v in d.items()}
    elif isinstance(parameter_and_buffer_dicts, str):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    else:
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(parameter_and_buffer_dicts)}"
        )
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


_ABSENT = object()


def _holder(root, name, found):
    """(module, key) of a dotted name; `found` keeps the modules on the way, by name."""
    path, _, key = name.rpartition(".")
    if path not in found:
        from ..nn import Module

        outer, last = _holder(root, path, found) if path else (None, "")
        module = root
        if path:
            try:
                module = getattr(outer, last)
            except AttributeError as error:
                raise AttributeError(f"{outer._get_name()} has no attribute `{last}`") from error
        if not isinstance(module, Module):
            what = f"submodule `{path}`: " if path else ""
            raise TypeError(f"{what}{module} is not an instance of torch.nn.Module")
        found[path] = module
    return found[path], key


def _exchange(module, key, tensor):
    """Puts a tensor where the module has its own, which is returned; _ABSENT is for a name without one."""
    if tensor is not _ABSENT and tensor is not None and not isinstance(tensor, _C.Tensor):
        raise TypeError(f"{tensor} is not an instance of torch.Tensor")
    if not key:
        raise KeyError('tensor name can\'t be empty string ""')
    for registry in (module._parameters, module._buffers):
        if key in registry:
            before = registry[key]
            if tensor is _ABSENT:
                del registry[key]
            else:
                registry[key] = tensor
            return before
    before = getattr(module, key, _ABSENT)
    if before is not _ABSENT and before is not None and not isinstance(before, _C.Tensor):
        raise TypeError(f"attribute `{key}`: {before} is not an instance of torch.Tensor")
    if tensor is not _ABSENT:
        setattr(module, key, tensor)
    elif before is not _ABSENT:
        delattr(module, key)
    return before


@contextmanager
def replaced(module, given, tie_weights=True, strict=False):
    """Within, the module has other tensors under the given names.

    What the module has there at the end (it may have assigned a buffer anew) is put into `given`.
    """
    own = {}
    if tie_weights or strict:
        for kind in (module.named_parameters, module.named_buffers):
            own.update(kind(remove_duplicate=False))
    wanted = _tied(own, given) if tie_weights else dict(given)
    if strict and wanted.keys() != own.keys():
        lines = [
            f"{what} key(s): {', '.join(map(repr, sorted(names)))}."
            for what, names in (("Unexpected", wanted.keys() - own), ("Missing", own.keys() - wanted))
            if names
        ]
        raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(lines))
    before, found = [], {}
    try:
        for name, tensor in wanted.items():
            holder, key = _holder(module, name, found)
            before.append((name, holder, key, _exchange(holder, key, tensor)))
        yield
    finally:
        for name, holder, key, tensor in reversed(before):
            last = _exchange(holder, key, tensor)
            if name in given and last is not _ABSENT:
                given[name] = last


def _tied(own, given):
    """The given tensors, under all names the module has their originals under."""
    by_tensor: dict = {}
    for name, tensor in own.items():
        by_tensor.setdefault(id(tensor), []).append(name)
    result = dict(given)
    for names in by_tensor.values():
        if len(names) < 2:
            continue
        values = [given[n] for n in names if n in given]
        if not values:
            continue
        if any(v is not values[0] for v in values):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(n for n in names if n in given)}, "
                "which are tied. Consider using tie_weights=False"
            )
        for n in names:
            result[n] = values[0]
    return result


def stack_module_state(models):
    """The parameters and the buffers of several modules of one kind, stacked along a new dimension 0.

    Args:
        models: modules of the same class and mode.

    Returns:
        (params, buffers): dicts from names to stacked tensors; parameters are new leaves.

    Raises:
        RuntimeError: there are no models, or they differ in class or mode.

    Example:
        >>> import facula as torch
        >>> params, buffers = torch.func.stack_module_state([torch.nn.Linear(2, 3) for _ in range(4)])
        >>> params["weight"].shape
        torch.Size([4, 3, 2])
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return (
        {k: _stacked([p[k] for p in params], k) for k in params[0]},
        {k: _stacked([b[k] for b in buffers], k) for k in buffers[0]},
    )


def _stacked(tensors, name):
    wanted = {t.requires_grad for t in tensors}
    if len(wanted) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    result = _C._functions.stack([t.detach() for t in tensors])
    return result.requires_grad_() if wanted.pop() else result
