"""Seeds and states of the random generators: the streams are those of PyTorch's CPU generator."""

from __future__ import annotations

from . import _C
from ._C import Generator, default_generator

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
    "thread_safe_generator",
]


def manual_seed(seed: int) -> Generator:
    """Set the seed of the default generator, and return that generator.

    `seed` may be anything that `int()` accepts from -2**63 to 2**64 - 1, negative ones modulo 2**64.

    Raises ValueError for a seed beyond these bounds.
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator with a number from the operating system, and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed that the default generator started from."""
    return default_generator.initial_seed()


def get_rng_state() -> _C.Tensor:
    """Return the state of the default generator: 5056 bytes in the layout that PyTorch uses too."""
    return default_generator.get_state()


def set_rng_state(new_state: _C.Tensor) -> None:
    """Continue the default generator from a state that `get_rng_state` (here or in PyTorch) returned."""
    default_generator.set_state(new_state)


def thread_safe_generator() -> Generator | None:
    """Return the generator of the data loader's worker thread that runs this, or None anywhere else."""
    return None


class fork_rng:  # noqa: N801  a function in PyTorch; a class does the same and needs no import of contextlib
    """A context, or a decorator, that puts the generator back to where it was.

    `devices` are other devices whose generators to restore: there are none, so only an empty list is good.
    With `enabled=False` nothing is restored.
    """

    def __init__(
        self,
        devices=None,
        enabled: bool = True,
        _caller: str = "fork_rng",
        _devices_kw: str = "devices",
        device_type: str | None = None,
    ):
        if device_type is not None:
            _C.device(device_type)  # raises for a name that is none
        self._devices = [] if devices is None else list(devices)
        self._enabled = enabled
        self._saved: list[_C.Tensor] = []

    def __enter__(self) -> None:
        if not self._enabled:
            return
        if self._devices:
            raise AssertionError("Torch not compiled with CUDA enabled")
        self._saved.append(get_rng_state())

    def __exit__(self, *error) -> None:
        if self._saved:
            set_rng_state(self._saved.pop())

    def __call__(self, function):
        from functools import wraps

        @wraps(function)
        def forked(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return forked
