"""torch.cuda.nvtx: marks for NVIDIA's profiler, which is not there."""

from __future__ import annotations

__all__ = ["mark", "range", "range_end", "range_pop", "range_push", "range_start"]


def _refuse(*args, **kwargs):
    """Raises RuntimeError: there is no CUDA."""
    raise RuntimeError("NVTX functions not installed. Are you sure you have a CUDA build?")


mark = range_push = range_pop = range_start = range_end = _refuse


class range:  # noqa: A001, N801  PyTorch's name of a context manager
    """A context that would be a range in the profile; entering it raises RuntimeError."""

    def __init__(self, msg: str, *args, **kwargs) -> None:
        self.msg = msg

    def __enter__(self):
        _refuse()

    def __exit__(self, *error) -> None:
        pass
