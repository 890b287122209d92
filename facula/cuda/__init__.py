"""torch.cuda as PyTorch's CPU build answers: there is no device, and what needs one says so."""

from __future__ import annotations

import facula as torch

__all__ = [
    "CUDAGraph",
    "Event",
    "OutOfMemoryError",
    "Stream",
    "amp",
    "current_device",
    "device",
    "device_count",
    "empty_cache",
    "get_rng_state_all",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "seed",
    "seed_all",
    "set_rng_state_all",
    "stream",
    "synchronize",
]

_TEXT = "Torch not compiled with CUDA enabled"
has_half = True
has_magma = False
default_generators: tuple = ()


class OutOfMemoryError(RuntimeError):
    """What a full device raises: for `except` clauses."""


AcceleratorError = type("AcceleratorError", (RuntimeError,), {"__module__": "torch"})


def is_available() -> bool:
    """False: there is no CUDA here."""
    return False


is_initialized = is_bf16_supported = is_tf32_supported = is_available


def device_count() -> int:
    """Zero."""
    return 0


def _zero(device=None) -> int:
    """Zero bytes."""
    return 0


memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _zero
memory_cached = max_memory_cached = _zero


def _nothing(*args) -> None:
    """Does nothing: there is no device."""


empty_cache = manual_seed = manual_seed_all = seed = seed_all = set_rng_state_all = _nothing


def get_rng_state_all() -> list:
    """The states of no generators."""
    return []


def memory_stats(device=None) -> dict:
    """No statistics."""
    from collections import OrderedDict

    return OrderedDict()


def get_arch_list() -> list:
    """No architectures."""
    return []


def get_gencode_flags() -> str:
    """No flags."""
    return ""


def _refuse(*args, **kwargs):
    """Raises AssertionError: there is no device."""
    raise AssertionError(_TEXT)


init = current_device = synchronize = initial_seed = get_device_name = get_device_properties = _refuse
get_device_capability = mem_get_info = set_device = current_stream = default_stream = get_rng_state = _refuse
set_rng_state = ipc_collect = cudart = can_device_access_peer = current_blas_handle = set_sync_debug_mode = (
    _refuse
)
get_sync_debug_mode = set_per_process_memory_fraction = memory_summary = reset_peak_memory_stats = _refuse
reset_accumulated_memory_stats = reset_max_memory_allocated = memory_snapshot = set_stream = utilization = (
    _refuse
)


class device:  # noqa: N801  a context manager
    """A context that would choose a device; it may be made, and entered where the device is None or
    negative.
    """

    def __init__(self, device) -> None:
        self.idx = torch.device(device).index if isinstance(device, str) else getattr(device, "index", device)
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx is not None and self.idx >= 0:
            _refuse()

    def __exit__(self, *error) -> bool:
        return False


class StreamContext:
    """A context of a stream: without one it does nothing."""

    def __init__(self, stream) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error) -> None:
        pass


def stream(stream) -> StreamContext:
    """A context in which a stream would be current."""
    return StreamContext(stream)


class Stream:
    """Raises RuntimeError: there are no streams."""

    def __new__(cls, *args, **kwargs):
        raise RuntimeError("torch.cuda.Stream requires CUDA support")


def _dummy(name: str):
    def refuse(cls, *args, **kwargs):
        raise RuntimeError(f"Tried to instantiate dummy base class {name}")

    return type(name, (), {"__new__": refuse, "__doc__": "Raises RuntimeError: there is no CUDA."})


Event = _dummy("Event")
CUDAGraph = _dummy("CUDAGraph")
graph = _dummy("graph")


def is_current_stream_capturing() -> bool:
    """False."""
    return False


def __getattr__(name: str):
    if name in ("amp", "memory", "nvtx", "random"):
        from importlib import import_module

        return import_module("." + name, __name__.replace("torch", "facula"))
    from .._legacy import LEGACY

    if name in LEGACY:

        def refuse(cls, *args, **kwargs):
            raise TypeError(f"type torch.cuda.{name} not available. {_TEXT}.")

        return type(name, (), {"__new__": refuse, "__module__": "torch.cuda"})
    from .._names import missing

    raise missing("torch.cuda", name, list(globals()))
