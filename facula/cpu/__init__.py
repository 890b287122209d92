"""torch.cpu: the one device there is."""

from __future__ import annotations

__all__ = [
    "Stream",
    "StreamContext",
    "amp",
    "current_device",
    "current_stream",
    "device_count",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]


class Stream:
    """Stands for the order of work on the CPU, which is that of the program."""

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream) -> None:
        """Does nothing: all earlier work is done."""

    def record_event(self) -> None:
        """Does nothing."""

    def wait_event(self, event) -> None:
        """Does nothing."""


class StreamContext:
    """A context in which a stream is current."""

    def __init__(self, stream) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        global _current
        self._previous, _current = _current, self.stream if self.stream is not None else _current

    def __exit__(self, *error) -> None:
        global _current
        _current = self._previous


_current = Stream()


def is_available() -> bool:
    """True."""
    return True


is_initialized = is_available


def device_count() -> int:
    """One."""
    return 1


def current_device() -> str:
    """Its name."""
    return "cpu"


def set_device(device) -> None:
    """Does nothing: there is one device."""


def synchronize(device=None) -> None:
    """Does nothing: work is done when a function returns."""


def current_stream(device=None) -> Stream:
    """The stream of the innermost context."""
    return _current


def stream(stream) -> StreamContext:
    """A context in which `stream` is current."""
    return StreamContext(stream)


def __getattr__(name: str):
    if name == "amp":
        from importlib import import_module

        return import_module(".amp", __name__.replace("torch", "facula"))
    raise AttributeError(f"module 'torch.cpu' has no attribute '{name}'")
