"""facula.progress: a bar over a loader, with the loss as it goes, in the terminal or a notebook (by tqdm)."""

from __future__ import annotations

import sys

__all__ = ["Progress", "progress"]

_BLOCKS = "▁▂▃▄▅▆▇█"


def curve(values, width: int = 24) -> str:
    """Numbers as a line of blocks, the lowest flat and the highest full; NaN and infinite ones as a cross."""
    values = [float(v) for v in values]
    if len(values) > width:
        # Means of equal parts, so that the whole history stays in sight.
        cuts = [len(values) * i // width for i in range(width + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in zip(cuts, cuts[1:])]
    finite = [v for v in values if v - v == 0]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    span = high - low
    return "".join(
        "×" if v - v != 0 else _BLOCKS[round((v - low) / span * (len(_BLOCKS) - 1)) if span else 0]
        for v in values
    )


class Progress:
    """Iterates over a loader and shows how far it is, with the values it is told.

    `update(loss=..., lr=...)` shows values next to the bar; those of the first name as a curve too.
    `history` keeps all of them: a dictionary from names to lists of floats.
    """

    def __init__(self, loader, description: str | None, total: int | None, **options) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            raise ImportError(
                "facula.progress() shows its bar with tqdm, which is not installed: pip install tqdm"
            ) from None
        if total is None:
            try:
                total = len(loader)
            except TypeError:
                total = None
        self.history: dict[str, list[float]] = {}
        self._bar = tqdm(
            loader, desc=description, total=total, file=options.pop("file", sys.stderr), **options
        )

    def __iter__(self):
        yield from self._bar

    def __len__(self) -> int:
        return len(self._bar)

    def update(self, **values) -> None:
        """Shows values: numbers, or tensors with one element."""
        for name, value in values.items():
            value = value.detach().item() if hasattr(value, "detach") else float(value)
            self.history.setdefault(name, []).append(value)
        shown = {name: f"{kept[-1]:.4g}" for name, kept in self.history.items()}
        first = next(iter(self.history), None)
        if first is not None and len(self.history[first]) > 1:
            shown[first] += " " + curve(self.history[first])
        self._bar.set_postfix(shown, refresh=False)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self._bar.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error) -> None:
        self.close()


def progress(loader, description: str | None = None, *, total: int | None = None, **options) -> Progress:
    """Follows a loop over a loader: a bar, and the loss as a curve that grows.

    Args:
        loader: a DataLoader, or anything to iterate over.
        description: a text before the bar.
        total: how many steps, where `len(loader)` does not tell.
        options: those of `tqdm`: `leave`, `disable`, `mininterval`, `file` ...

    Raises:
        ImportError: tqdm is not installed.

    Example:
        >>> import facula as torch
        >>> bar = torch.progress(range(3), disable=True)
        >>> for step in bar:
        ...     bar.update(loss=1.0 / (step + 1))
        >>> bar.history["loss"]
        [1.0, 0.5, 0.3333333333333333]
    """
    return Progress(loader, description, total, **options)
