"""torch.backends: libraries behind PyTorch's operations. Flags are kept and have no effect here.

facula brings its own kernels, OpenBLAS for linear algebra and a thread pool of its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import ModuleType

__all__ = [
    "cpu",
    "cuda",
    "cudnn",
    "cusparselt",
    "miopen",
    "mkl",
    "mkldnn",
    "mps",
    "nnpack",
    "openmp",
    "opt_einsum",
    "quantized",
]

fp32_precision = "none"


class Flags(ModuleType):
    """A module whose attributes are settings; `flags(...)` sets some for the time of a context."""

    def __init__(self, name: str, doc: str, settings: dict, answers: dict) -> None:
        super().__init__(name, doc)
        self.__dict__.update(settings)
        for key, value in answers.items():
            self.__dict__[key] = _constant(key, value)
        self.__dict__["_settings"] = tuple(settings)

    @contextmanager
    def flags(self, **settings):
        """Sets flags, and sets them back at the end."""
        unknown = set(settings) - set(self._settings)
        if unknown:
            raise TypeError(f"flags() got an unexpected keyword argument '{min(unknown)}'")
        before = {key: getattr(self, key) for key in settings}
        self.__dict__.update(settings)
        try:
            yield
        finally:
            self.__dict__.update(before)

    def set_flags(self, **settings) -> tuple:
        """Sets flags; returns what they were."""
        before = tuple(getattr(self, key) for key in self._settings)
        self.__dict__.update(settings)
        return before


def _constant(name: str, value):
    def answer(*args, **kwargs):
        return value

    answer.__name__ = name
    answer.__doc__ = f"{value}."
    return answer


def _no(*names) -> dict:
    return dict.fromkeys(names, False)


def _make(name: str) -> ModuleType:
    settings: dict = {}
    answers: dict = {}
    if name == "cudnn":
        settings = {"enabled": True, "benchmark": False, "deterministic": False, "allow_tf32": True}
        settings |= {"benchmark_limit": None, "fp32_precision": "none"}
        answers = {"is_available": False, "version": None, "is_acceptable": False}
    elif name == "cuda":
        answers = _no("is_built", "is_flash_attention_available", "is_ck_sdpa_available")
        module = Flags("torch.backends.cuda", "CUDA: not there.", {}, answers)
        products = {"allow_tf32": False, "fp32_precision": "none", "allow_fp16_accumulation": False}
        for kind in ("fp16", "bf16"):
            products[f"allow_{kind}_reduced_precision_reduction"] = True
        module.matmul = Flags("torch.backends.cuda.matmul", "Products.", products, {})
        for kind in ("flash", "mem_efficient", "math", "cudnn"):
            _switch(module, kind)
        module.sdp_kernel = _sdp_kernel
        for kind, others in (("linalg", ("cusolver", "magma")), ("blas", ("cublas", "cublaslt", "ck"))):
            _preferred(module, kind, others)
        return module
    elif name == "mps":
        answers = _no("is_available", "is_built", "is_macos13_or_newer") | {"is_macos_or_newer": False}
    elif name == "mkl":
        answers = {"is_available": False}
    elif name == "mkldnn":
        settings = {"enabled": True, "deterministic": False, "allow_tf32": True, "fp32_precision": "none"}
        answers = {"is_available": False}
    elif name == "openmp":
        answers = {"is_available": False}
    elif name == "cpu":
        answers = {"get_cpu_capability": _capability()}
    elif name == "opt_einsum":
        settings = {"enabled": False, "strategy": None}
        answers = {"is_available": False, "get_opt_einsum": None}
    elif name == "quantized":
        settings = {"engine": "none", "supported_engines": ["none"]}
    elif name == "miopen":
        settings = {"immediate": False}
    else:
        answers = {"is_available": False}
    return Flags(f"torch.backends.{name}", f"Flags of {name}, without effect.", settings, answers)


def _capability() -> str:
    from .. import _C

    level = getattr(_C, "_isa", None)
    level = level() if callable(level) else str(level)
    return {"v4": "AVX512", "v3": "AVX2"}.get(level, "DEFAULT")


@contextmanager
def _sdp_kernel(enable_flash=True, enable_math=True, enable_mem_efficient=True, enable_cudnn=True):
    """Accepts which kernels of attention may run; results are the same with each."""
    yield {}


def _switch(module, kind: str) -> None:
    """`enable_x_sdp(bool)` and `x_sdp_enabled()`."""
    state = [True]

    def enable(enabled: bool) -> None:
        """Kept; there is one kind of attention."""
        state[0] = bool(enabled)

    def enabled() -> bool:
        """What was last set."""
        return state[0]

    setattr(module, f"enable_{kind}_sdp", enable)
    setattr(module, f"{kind}_sdp_enabled", enabled)


def _preferred(module, kind: str, others: tuple[str, ...]) -> None:
    """`preferred_x_library(name=None)`: the choice is kept; there is one library."""
    from enum import Enum

    library = Enum(f"_{kind.capitalize()}Backend", ["Default", *(name.capitalize() for name in others)])
    state = [library["Default"]]

    def preferred(backend=None):
        if isinstance(backend, str):
            if backend not in ("default", *others):
                raise RuntimeError(f"Unknown input value. Choose from: {', '.join(('default', *others))}.")
            state[0] = library[backend.capitalize()]
        elif backend is not None:
            if not isinstance(backend, library):
                raise RuntimeError("Unknown input value type.")
            state[0] = backend
        return state[0]

    name = f"preferred_{kind}_library"
    preferred.__name__ = preferred.__qualname__ = name
    preferred.__doc__ = "Takes the name of a library, which has no effect; returns the one that was last set."
    setattr(module, name, preferred)


def _register() -> None:
    """Makes the modules and enters them where `import torch.backends.cudnn` finds them."""
    import sys

    names = ["facula"] + ["torch"] * (sys.modules.get("torch") is sys.modules["facula"])
    for name in __all__:
        module = globals()[name] = _make(name)
        for package in names:
            sys.modules[f"{package}.backends.{name}"] = module


_register()


def __getattr__(name: str):
    from .._names import missing

    raise missing("torch.backends", name, __all__)
