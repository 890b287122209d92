"""The operations that kernels.py measures, a file a family: each module has a list CASES."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

SIZES = ("small", "medium", "large")
ELEMENTS = (1_000, 100_000, 10_000_000)


@dataclass(frozen=True)
class Case:
    """One operation at three sizes.

    `setup` finds the size as `n`; what `n` means (elements, rows, the side of a matrix) is the family's
    choice. `bar`: how many times as fast as PyTorch the large size must be. `why`: the explanation of a ratio
    under 0.4.
    """

    what: str
    statement: str
    setup: str
    sizes: tuple[int, int, int] = ELEMENTS
    bar: float | None = None
    why: str = ""


def families() -> Iterator[tuple[str, list[Case]]]:
    for module in iter_modules(__path__):
        yield module.name, import_module(f"{__name__}.{module.name}").CASES
