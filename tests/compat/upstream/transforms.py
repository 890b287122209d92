"""What the files about torch.func import, where facula does not have it: `functorch`, warnings of loops."""

from __future__ import annotations

import importlib
import sys
import types
import warnings

# Of the folder's own `common_utils`: decorators that look up the operator database.
OF_DATABASE = ("decorate", "opsToleranceOverride", "skip", "skipOps", "xfail", "xfailIf")


def chunk_vmap(function, in_dims=0, out_dims=0, randomness="error", chunks=2):
    """functorch.experimental.chunk_vmap says how many chunks there are, `vmap` how large they are."""
    torch = sys.modules["torch"]

    def mapped(*args, **kwargs):
        leaves = torch.utils._pytree.tree_flatten(args)[0]
        size = next(x.size(in_dims if isinstance(in_dims, int) else 0) for x in leaves)
        return torch.vmap(function, in_dims, out_dims, randomness, chunk_size=-(-size // chunks))(
            *args, **kwargs
        )

    return mapped


def make_functional_with_buffers(model, disable_autograd_tracking=False):
    torch = sys.modules["torch"]
    names = [name for name, _ in model.named_parameters()], [name for name, _ in model.named_buffers()]

    def function(params, buffers, *args, **kwargs):
        given = dict(zip(names[0] + names[1], (*params, *buffers)))
        return torch.func.functional_call(model, given, args, kwargs)

    params = tuple(p.detach().requires_grad_(not disable_autograd_tracking) for p in model.parameters())
    return function, params, tuple(model.buffers())


def make_functional(model, disable_autograd_tracking=False):
    function, params, _ = make_functional_with_buffers(model, disable_autograd_tracking)
    return (lambda params, *args, **kwargs: function(params, (), *args, **kwargs)), params


def _warn_always(on: bool) -> None:
    if on:
        from facula.func import _derived

        _derived._warned.clear()
        warnings.resetwarnings()


def install(blank) -> None:
    """Puts modules of these names where the library has none."""
    torch = importlib.import_module("torch")
    functions = {**{name: getattr(torch.func, name) for name in torch.func.__all__}, "vmap": torch.vmap}
    functions.update(
        make_functional=make_functional, make_functional_with_buffers=make_functional_with_buffers
    )
    contents = {
        "functorch": functions,
        "functorch.experimental": {
            "chunk_vmap": chunk_vmap,
            "functionalize": torch.func.functionalize,
            "replace_all_batch_norm_modules_": torch.func.replace_all_batch_norm_modules_,
        },
        "torch._C._functorch": {
            "_is_vmap_fallback_enabled": lambda: True,
            "_set_vmap_fallback_enabled": lambda on: None,
        },
        "torch._functorch": {},
        "torch._vmap_internals": {"vmap": torch.vmap},
    }
    for name, known in contents.items():
        if _has(name):
            continue
        module = types.ModuleType(name)
        module.__dict__.update(known)
        module.__getattr__ = lambda each: blank(each) if not each.startswith("__") else _absent(each)
        sys.modules[name] = module
        owner, _, last = name.rpartition(".")
        if owner:
            setattr(sys.modules[owner], last, module)
    for name, function in (
        ("_debug_only_are_vmap_fallback_warnings_enabled", lambda: False),
        ("_debug_only_display_vmap_fallback_warnings", _warn_always),
    ):
        if not hasattr(torch._C, name):
            setattr(torch._C, name, function)


def _absent(name: str):
    raise AttributeError(name)


def _has(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True
