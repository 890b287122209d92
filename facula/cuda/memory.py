"""torch.cuda.memory: how much memory of devices is in use, which is none."""

from . import empty_cache, max_memory_allocated, max_memory_reserved, mem_get_info, memory_allocated

from . import memory_reserved, memory_snapshot, memory_stats, memory_summary, reset_peak_memory_stats  # isort: skip

__all__ = [
    "empty_cache",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_snapshot",
    "memory_stats",
    "memory_summary",
    "reset_peak_memory_stats",
]
