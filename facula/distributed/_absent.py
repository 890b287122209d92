"""Modules for training in many processes: they can be imported, and what is in them says so when it is used.

Libraries import them whether or not a program trains that way. Each name is a class of which nothing is an
instance, and that raises NotImplementedError when it is called.
"""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from types import FunctionType

__all__ = ["make", "spec"]

_MODULES = frozenset(
    "_composable _composable.fsdp _functional_collectives _tensor _tensor.experimental "
    "algorithms._checkpoint algorithms._checkpoint.checkpoint_wrapper algorithms.ddp_comm_hooks "
    "algorithms.ddp_comm_hooks.default_hooks algorithms.ddp_comm_hooks.post_localSGD_hook "
    "algorithms.ddp_comm_hooks.powerSGD_hook algorithms.model_averaging "
    "algorithms.model_averaging.averagers checkpoint checkpoint._consolidate_hf_safetensors "
    "checkpoint.default_planner checkpoint.format_utils checkpoint.hf_storage checkpoint.optimizer "
    "checkpoint.state_dict checkpoint.state_dict_loader checkpoint.stateful device_mesh elastic "
    "elastic.multiprocessing elastic.multiprocessing.errors fsdp fsdp._common_utils fsdp.api "
    "fsdp.fully_sharded_data_parallel "
    "fsdp.sharded_grad_scaler fsdp.wrap launcher launcher.api pipelining rpc run tensor._utils "
    "tensor.experimental tensor.experimental._attention tensor.parallel utils".split()
)


class _Refusing(type):
    def __call__(cls, *args, **kwargs):
        if len(args) == 1 and not kwargs and isinstance(args[0], FunctionType):
            return make(args[0].__module__, args[0].__qualname__)  # a decorator: what it decorates refuses
        raise NotImplementedError(f"{cls.__module__}.{cls.__name__}: facula trains in one process")

    def __getattr__(cls, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return make(cls.__module__, f"{cls.__name__}.{name}")

    def __instancecheck__(cls, instance) -> bool:
        return False


def make(module: str, name: str) -> type:
    """A class that raises NotImplementedError when it is called, and of which nothing is an instance."""
    return _Refusing(name, (), {"__module__": module})


class _Loader:
    def create_module(self, spec):
        return None

    def exec_module(self, module) -> None:
        home = module.__spec__.name.replace("facula", "torch", 1)
        module.__path__ = []

        def __getattr__(name: str):
            if name.startswith("__"):
                raise AttributeError(name)
            vars(module)[name] = made = make(home, name)
            return made

        module.__getattr__ = __getattr__


def spec(name: str) -> ModuleSpec | None:
    """For a module of these; None for any other name."""
    inner = name.partition(".distributed.")[2]
    return ModuleSpec(name, _Loader(), is_package=True) if inner in _MODULES else None  # pyright: ignore
