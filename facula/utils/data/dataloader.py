"""DataLoader: batches of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import facula as torch

from ._utils.collate import default_collate, default_convert
from ._utils.fetch import by_rows, fetcher
from ._utils.worker import get_worker_info
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # for typing.get_type_hints

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]


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
        num_workers: how many processes fetch; 0 fetches in this one. A TensorDataset (or a Subset of
            one) with the default collation is gathered here, tensor by tensor, whatever their number:
                the batches are the same.
        collate_fn: joins samples to a batch.
        drop_last: leave out a last batch that is shorter.
        timeout: seconds to wait for a worker's batch; 0 waits for ever.
        worker_init_fn: called with the number of each worker when it starts.
        multiprocessing_context: how processes start: "fork", "spawn", "forkserver", or a context.
        generator: source of the randomness for the order and the seeds of the workers.
        prefetch_factor: how many batches each worker has in work; 2 by default.
        persistent_workers: keep the workers from one pass to the next.
        in_order: False hands batches out as they come.
        pin_memory, pin_memory_device: accepted; without effect, as there is no accelerator.

    Raises:
        ValueError, TypeError: arguments that contradict each other.
        RuntimeError: while iterating: a worker died or timed out. An exception in a worker arrives as
            one of the same type that tells where it was raised.
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
        self.check_worker_number_rationality()

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
            from multiprocessing.context import BaseContext

            if not isinstance(context, BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string specifying "
                    f"the start method, but got multiprocessing_context={context}"
                )
        self.__multiprocessing_context = context

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> _BaseDataLoaderIter:
        if self.persistent_workers and self.num_workers > 0:
            if self._iterator is None:
                self._iterator = self._get_iterator()
            else:
                self._iterator._start(self, again=True)
            return self._iterator
        return self._get_iterator()

    def _get_iterator(self) -> _BaseDataLoaderIter:
        return (_MultiProcessingDataLoaderIter if self.num_workers else _SingleProcessDataLoaderIter)(self)

    def check_worker_number_rationality(self) -> None:
        """Warns where there are more workers than processors."""
        import os

        affinity = getattr(os, "sched_getaffinity", None)
        if not self.num_workers:
            return
        processors = len(affinity(0)) if affinity else os.cpu_count()
        if processors is not None and self.num_workers <= processors:
            return
        advice = (
            "DataLoader is not able to compute a suggested max number of worker in current system."
            if processors is None
            else f"Our suggested max number of worker in current system is {processors}"
            f"{'' if affinity else ' (`cpuset` is not taken into account)'}, which is smaller than what this "
            "DataLoader is going to create."
        )
        _warn(
            f"This DataLoader will create {self.num_workers} worker processes in total. {advice} Please "
            "be aware "
            "that excessive worker creation might get DataLoader running slow or even freeze, lower the "
            "worker "
            "number to avoid potential slowness/freeze if necessary."
        )

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


class _BaseDataLoaderIter:
    """One pass over the batches (or, with persistent workers, all passes)."""

    def __init__(self, loader: DataLoader) -> None:
        if loader.num_workers:
            loader.check_worker_number_rationality()
        if loader.pin_memory and loader.pin_memory_device:
            _warn(
                "pin_memory_device is deprecated, the current accelerator will be used as the device,ignore "
                f"pin_memory_device='{loader.pin_memory_device}'.",
                4,
            )
        if loader.pin_memory:
            _warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory "
                "won't be used.",
                4,
            )
        self._dataset = loader.dataset
        self._streaming = loader._streaming
        self._index_sampler = loader._index_sampler
        self._num_workers = loader.num_workers
        indices = iter(self._index_sampler)
        # The seed of the workers is drawn even where there are none: the stream goes on as in PyTorch.
        self._base_seed = torch.empty((), dtype=torch.int64).random_(generator=loader.generator).item()
        self._pool = None
        self._rows = by_rows(loader.dataset, loader.collate_fn) if loader._auto_collation else None
        if self._rows is not None and loader.worker_init_fn is not None and loader.num_workers:
            self._rows = None
        if not loader.num_workers:
            if loader.timeout != 0:
                raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
            self._prepare(loader, indices)
            if self._rows is None:
                self._fetch = fetcher(
                    loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last
                )
            return
        if self._rows is None:
            from ._processes import Pool

            self._pool = Pool(loader, self._base_seed)
        self._start(loader, again=False)

    def _start(self, loader: DataLoader, again: bool) -> None:
        """Begins a pass with workers."""
        self._prepare(loader, iter(self._index_sampler))
        if self._pool is not None:
            self._pool.start(self._indices, again)
            return
        # Workers would be given their first batches now, so a shuffle's seed is drawn now.
        from itertools import chain, islice

        self._indices = chain(list(islice(self._indices, self._num_workers)), self._indices)

    def _prepare(self, loader: DataLoader, indices) -> None:
        self._declared = loader._IterableDataset_len_called
        self._yielded = 0
        self._indices = indices
        if self._rows is not None:
            self._indices = _as_tensors(self._index_sampler) or map(_index_tensor, indices)

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self):
        raise NotImplementedError("{} cannot be pickled", self.__class__.__name__)

    def __next__(self):
        if self._pool is not None:
            data = self._pool.next()
        elif self._rows is not None:
            data = self._rows(next(self._indices))
        else:
            data = self._fetch(next(self._indices))
        self._yielded += 1
        if self._streaming and self._declared is not None and self._yielded > self._declared:
            text = (
                f"Length of IterableDataset {self._dataset} was reported to be {self._declared}"
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched. "
            )
            if self._num_workers:
                text += (
                    "For multiprocessing data-loading, this could be caused by not properly configuring the "
                    "IterableDataset replica at each worker. Please see "
                    "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
                )
            _warn(text)
        return data


def _index_tensor(indices):
    return torch.tensor(indices, dtype=torch.int64)


def _as_tensors(batches):
    """The lists of a BatchSampler as tensors, cut from the whole order; None where its sampler is unknown.

    Random numbers are drawn at the same moments as by the sampler's own iterator.
    """
    sampler = batches.sampler if type(batches) is BatchSampler else None
    size = getattr(batches, "batch_size", 0)
    if type(sampler) is SequentialSampler:
        orders = iter((torch.arange(len(sampler)),))
    elif type(sampler) is RandomSampler and not sampler.replacement and type(sampler.num_samples) is int:
        orders = sampler._orders()
    else:
        return None
    return _cut(orders, size, batches.drop_last)


def _cut(orders, size: int, drop_last: bool):
    rest = None
    for order in orders:
        if rest is not None and len(rest):
            order = torch.cat((rest, order))
        full = len(order) // size * size
        for start in range(0, full, size):
            yield order[start : start + size]
        rest = order[full:]
    if rest is not None and len(rest) and not drop_last:
        yield rest


class _DatasetKind:
    """The two kinds of data sets, as libraries ask for them."""

    Map = 0
    Iterable = 1


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """A pass in this process."""


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """A pass whose batches are made by worker processes."""
