"""DataLoader: batches of a data set."""

from __future__ import annotations

import facula as torch

from ._worker import Worker
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset, TensorDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

__all__ = ["DataLoader"]


class _Endless(Sampler):
    """The indices of a stream: it has none."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


def _warn(message: str, stacklevel: int = 3) -> None:
    import warnings

    warnings.warn(message, stacklevel=stacklevel)


class DataLoader:
    """Iterates over batches of a data set.

    Args:
        dataset: by index, or a stream (IterableDataset).
        batch_size: samples in a batch; None hands out the samples themselves.
        shuffle: a new random order each time.
        sampler, batch_sampler: an order of one's own, of indices or of lists of indices.
        num_workers: how many workers fetch; they run one after the other in this process, each with the
            random stream that its process would have in PyTorch.
        collate_fn: joins samples to a batch.
        drop_last: leave out a last batch that is shorter.
        worker_init_fn: called with the number of each worker when it starts.
        generator: source of the randomness for the order and the seeds of the workers.
        pin_memory, timeout, multiprocessing_context, prefetch_factor, persistent_workers, in_order: checked
            as PyTorch does; without effect here.
    """

    dataset: Dataset
    batch_size: int | None
    num_workers: int
    drop_last: bool
    sampler: Sampler | Iterable
    _iterator = None
    __initialized = False

    def __class_getitem__(cls, item):
        return cls

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler | Iterable[list] | None = None,
        num_workers: int = 0,
        collate_fn: Callable | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."
            )
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing."
                "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
            )
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = 2
        elif prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._streaming = isinstance(dataset, IterableDataset)
        if self._streaming:
            _refuse_for_streams(shuffle, sampler, batch_sampler)
            shuffle = False
        else:
            shuffle = bool(shuffle)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                    "and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
            )
        if sampler is None:
            if self._streaming:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self.__initialized = True
        self._IterableDataset_len_called: int | None = None

    def __setattr__(self, attr: str, val: Any) -> None:
        if self.__initialized and attr in (
            "batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers",
        ):  # fmt: skip
            raise ValueError(
                f"{attr} attribute should not be set after {self.__class__.__name__} is initialized"
            )
        super().__setattr__(attr, val)

    @property
    def multiprocessing_context(self):
        """How processes would be started."""
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context) -> None:
        if context is not None:
            if self.num_workers <= 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
                    f"but got num_workers={self.num_workers}"
                )
            if isinstance(context, str):
                import multiprocessing

                valid = multiprocessing.get_all_start_methods()
                if context not in valid:
                    raise ValueError(
                        "multiprocessing_context option should specify a valid start method in "
                        f"{valid!r}, but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
        self.__multiprocessing_context = context

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> _Batches:
        if self.persistent_workers and self.num_workers > 0:
            if self._iterator is None:
                self._iterator = _Batches(self)
            else:
                self._iterator._start(self)
            return self._iterator
        return _Batches(self)

    def __len__(self) -> int:
        if not self._streaming:
            return len(self._index_sampler)
        length = self._IterableDataset_len_called = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


def _refuse_for_streams(shuffle, sampler, batch_sampler) -> None:
    for name, value in (("shuffle", shuffle), ("sampler", sampler), ("batch_sampler", batch_sampler)):
        if value not in ((None, False) if name == "shuffle" else (None,)):
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
            )


class _Batches:
    """One pass over the batches."""

    def __init__(self, loader: DataLoader) -> None:
        self._dataset = loader.dataset
        self._collate_fn = loader.collate_fn
        self._streaming = loader._streaming
        self._auto = loader._auto_collation
        self._drop_last = loader.drop_last
        self._index_sampler = loader._index_sampler
        if loader.pin_memory:
            _warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory "
                "won't be used.",
                4,
            )
        # The seed of the workers is drawn even where there are none: the stream goes on as in PyTorch.
        self._base_seed = torch.empty((), dtype=torch.int64).random_(generator=loader.generator).item()
        self._workers = [
            Worker(i, loader.num_workers, self._base_seed, loader.dataset, loader.worker_init_fn)
            for i in range(loader.num_workers)
        ]
        tensors = self._dataset.tensors if type(self._dataset) is TensorDataset else ()
        # Rows of tensors are gathered at once: the same values as rows stacked one by one.
        self._gather = (
            self._auto
            and self._collate_fn is default_collate
            and len(tensors) > 0
            and not any(t.requires_grad for t in tensors)
        )
        self._start(loader)

    def _start(self, loader: DataLoader) -> None:
        self._declared = loader._IterableDataset_len_called
        self._yielded = 0
        self._turn = 0
        indices = iter(self._index_sampler)
        if not self._workers:
            self._indices = indices
            self._streams = [iter(self._dataset)] if self._streaming else []
            return
        # PyTorch asks for the first indices when the workers start, so a shuffle's seed is drawn now.
        from itertools import chain, islice

        self._indices = chain(list(islice(indices, len(self._workers))), indices)
        self._streams = [None] * len(self._workers) if self._streaming else []
        self._alive = list(range(len(self._workers)))

    def __iter__(self) -> _Batches:
        return self

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __next__(self):
        data = self._next_stream() if self._streaming else self._next_indexed()
        self._yielded += 1
        if self._streaming and self._declared is not None and self._yielded > self._declared:
            _warn(
                f"Length of IterableDataset {self._dataset} was reported to be {self._declared}"
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched. "
            )
        return data

    def _next_indexed(self):
        index = next(self._indices)
        if not self._workers:
            return self._fetch(index)
        worker = self._workers[self._turn]
        self._turn = (self._turn + 1) % len(self._workers)
        with worker:
            return self._fetch(index)

    def _fetch(self, index):
        dataset = self._dataset
        if self._gather:
            rows = torch.tensor(index)
            return [t[rows] for t in dataset.tensors]
        if not self._auto:
            return self._collate_fn(dataset[index])
        if callable(getattr(dataset, "__getitems__", None)):
            return self._collate_fn(dataset.__getitems__(index))
        return self._collate_fn([dataset[i] for i in index])

    def _next_stream(self):
        if not self._workers:
            return self._take(self._streams[0], next(self._indices))
        while self._alive:
            number = self._alive[self._turn % len(self._alive)]
            try:
                with self._workers[number]:
                    if self._streams[number] is None:
                        self._streams[number] = iter(self._dataset)
                    data = self._take(self._streams[number], next(self._indices))
            except StopIteration:
                at = self._alive.index(number)
                self._alive.remove(number)
                self._turn = at % len(self._alive) if self._alive else 0
                continue
            self._turn = (self._alive.index(number) + 1) % len(self._alive)
            return data
        raise StopIteration

    def _take(self, stream, index):
        if not self._auto:
            return self._collate_fn(next(stream))
        from itertools import islice

        samples = list(islice(stream, len(index)))
        if not samples or self._drop_last and len(samples) < len(index):
            raise StopIteration
        return self._collate_fn(samples)
