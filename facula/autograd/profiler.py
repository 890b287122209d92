"""torch.autograd.profiler: the older interface of torch.profiler."""

from __future__ import annotations

from facula.profiler import Rows as EventList
from facula.profiler import profile as _profile
from facula.profiler import record_function

__all__ = ["EventList", "emit_itt", "emit_nvtx", "profile", "record_function"]


class profile(_profile):  # noqa: N801  a context manager
    """Times operations; `enabled=False` does nothing."""

    def __init__(self, enabled: bool = True, *, record_shapes: bool = False, **options) -> None:
        super().__init__(record_shapes=record_shapes)
        self.enabled = enabled

    def __enter__(self):
        return super().__enter__() if self.enabled else self

    def __exit__(self, *error) -> None:
        if self.enabled:
            super().__exit__(*error)

    def table(self, *args, **kwargs) -> str:
        """`key_averages().table(...)`."""
        return self.key_averages().table(*args, **kwargs)

    @property
    def self_cpu_time_total(self) -> float:
        """All time, in microseconds."""
        return sum(row.self_cpu_time_total for row in self.key_averages())


class emit_nvtx:  # noqa: N801  a context manager
    """A context that changes nothing: there is no CUDA."""

    def __init__(self, *args, **kwargs) -> None:
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        pass


emit_itt = emit_nvtx
