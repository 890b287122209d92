"""Workers of a DataLoader, run one after the other in this process.

PyTorch starts a process for each. Here a worker is a random stream and an identity: while it fetches a batch,
the default generator and the random module stand where they would stand in a process of that number, and
`get_worker_info()` describes it. So the batches are the same as PyTorch's, in the same order; what differs is
that workers see each other's changes to the data set, and that nothing runs ahead of the training loop.
"""

from __future__ import annotations

import random

import facula as torch

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from typing import Any

__all__ = ["WorkerInfo", "get_worker_info"]

_current: WorkerInfo | None = None


class WorkerInfo:
    """id, num_workers, seed and dataset of a worker."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)
        self.__dict__["_keys"] = tuple(values)

    def __setattr__(self, key: str, value: Any) -> None:
        raise RuntimeError(f"Cannot assign attributes to {self.__class__.__name__} objects")

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({', '.join(f'{k}={getattr(self, k)}' for k in self._keys)})"


def get_worker_info() -> WorkerInfo | None:
    """Describes the worker this is called in; None in the main program."""
    return _current


class Worker:
    """Everything that a process of its own would keep."""

    def __init__(self, number: int, count: int, base_seed: int, dataset, init_fn) -> None:
        seed = base_seed + number
        self.info = WorkerInfo(id=number, num_workers=count, seed=seed, dataset=dataset)
        self.torch_state = self.random_state = None
        self._seed = seed
        self._init_fn = init_fn
        self.started = False

    def __enter__(self) -> Worker:
        global _current
        self._outer = (_current, torch.get_rng_state(), random.getstate())
        _current = self.info
        if not self.started:
            self.started = True
            random.seed(self._seed)
            torch.manual_seed(self._seed)
            if self._init_fn is not None:
                try:
                    self._init_fn(self.info.id)
                except BaseException:
                    self.__exit__()
                    raise
        else:
            torch.set_rng_state(self.torch_state)
            random.setstate(self.random_state)
        return self

    def __exit__(self, *exc) -> None:
        global _current
        self.torch_state, self.random_state = torch.get_rng_state(), random.getstate()
        _current, torch_state, random_state = self._outer
        torch.set_rng_state(torch_state)
        random.setstate(random_state)
