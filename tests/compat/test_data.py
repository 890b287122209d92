"""torch.utils.data against real PyTorch: workers, their seeds, the direct path, samplers, collation,
errors.
"""

from __future__ import annotations

import os
import random
import time
import warnings

import pytest

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")

import facula  # noqa: E402


def plain(value):
    """A value as lists and numbers, with the dtypes of tensors."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(plain, value)]
    if isinstance(value, (torch.Tensor, facula.Tensor)):
        return [str(value.dtype), value.stride(), value.tolist()]
    return value


def both(action):
    """What `action(torch)` gives with either library: the value, or the error's type and first line."""
    seen = []
    for t in (torch, facula):
        t.manual_seed(5)
        random.seed(5)
        numpy.random.seed(5)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                value = plain(action(t, t.utils.data))
            except Exception as error:
                value = [type(error).__name__, str(error).split("\n")[0]]
        seen.append((value, [str(w.message) for w in warned], t.rand(2).tolist()))
    return seen


class Items:
    """Samples that show the random streams of their worker."""

    def __init__(self, t, count=13) -> None:
        self.t, self.count = t, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i):
        info = self.t.utils.data.get_worker_info()
        where = None if info is None else (info.id, info.num_workers, info.seed)
        return {
            "drawn": self.t.rand(3, 2).t(),
            "numbers": (i, random.random(), float(numpy.random.rand())),
            "array": numpy.full((2,), i),
            "scalar": numpy.float32(i),
            "text": f"{i} {where}",
        }


def stream(t, extra=0):
    class Stream(t.utils.data.IterableDataset):
        def __iter__(self):
            info = t.utils.data.get_worker_info()
            number = 0 if info is None else info.id
            for i in range(7 + number):
                yield t.tensor([i, number])

        def __len__(self):
            return 15 - extra

    return Stream()


WORKERS = {
    "batches": {"batch_size": 4, "num_workers": 2},
    "shuffled": {"batch_size": 4, "num_workers": 2, "shuffle": True},
    "seldom": {"batch_size": 3, "num_workers": 1, "prefetch_factor": 1, "drop_last": True},
    "far ahead": {"batch_size": 2, "num_workers": 2, "prefetch_factor": 9},
    "samples": {"batch_size": None, "num_workers": 2},
    "persistent": {"batch_size": 5, "num_workers": 2, "shuffle": True, "persistent_workers": True},
    "initialised": {"batch_size": 5, "num_workers": 2, "worker_init_fn": lambda n: random.seed(n)},
}


@pytest.mark.parametrize("name", WORKERS)
def test_workers_by_index(name):
    def run(t, d):
        loader = d.DataLoader(Items(t), **WORKERS[name])
        return [list(loader), list(loader)]

    ours, theirs = both(run)[::-1]
    assert ours == theirs


@pytest.mark.parametrize(
    "options", [{"batch_size": 3}, {"batch_size": None}, {"batch_size": 4, "drop_last": True}]
)
@pytest.mark.parametrize("persistent", [False, True])
def test_workers_of_streams(options, persistent):
    def run(t, d):
        loader = d.DataLoader(stream(t), num_workers=2, persistent_workers=persistent, **options)
        return [list(loader), list(loader)]

    ours, theirs = both(run)[::-1]
    assert ours == theirs


def test_a_length_that_is_too_small():
    def run(t, d):
        loader = d.DataLoader(stream(t, 12), num_workers=1, batch_size=None)
        return [len(loader), list(loader)]

    (theirs, warned, _), (ours, our_warnings, _) = both(run)
    assert ours == theirs
    assert [w.split(" ", 7)[7:] for w in warned] == [w.split(" ", 7)[7:] for w in our_warnings]


class Broken(Items):
    def __getitem__(self, i):
        if i == 1:
            raise KeyError("lost")
        if i == 2:
            os.kill(os.getpid(), 9)
        if i == 3:
            os._exit(3)
        if i == 4:
            time.sleep(60)
        if i == 5:
            raise type("Local", (ValueError,), {})("own")
        return i


@pytest.mark.parametrize("index", range(5))
def test_what_goes_wrong_in_a_worker(index):
    def run(t, d):
        loader = d.DataLoader(Broken(t), sampler=[0, index], num_workers=1, timeout=5 if index == 4 else 0)
        return list(loader)

    (theirs, _, _), (ours, _, _) = both(run)
    if index in (2, 3):  # the process has another number
        assert theirs[0] == ours[0] == "RuntimeError"
        assert "exited unexpectedly" in theirs[1] and "exited unexpectedly" in ours[1]
    else:
        assert ours == theirs


def tensors(t, d, n=11):
    return d.TensorDataset(t.arange(n * 2.0).view(n, 2), t.arange(n))


DIRECT = {
    "in order": lambda t, d, g: [tensors(t, d), {"batch_size": 4}],
    "shuffled": lambda t, d, g: [tensors(t, d), {"batch_size": 4, "shuffle": True}],
    "own generator": lambda t, d, g: [tensors(t, d), {"batch_size": 4, "shuffle": True, "generator": g}],
    "even": lambda t, d, g: [tensors(t, d, 12), {"batch_size": 4, "shuffle": True, "generator": g}],
    "drop last": lambda t, d, g: [
        tensors(t, d), {"batch_size": 4, "shuffle": True, "drop_last": True, "generator": g}
    ],
    "more than there are": lambda t, d, g: [
        tensors(t, d), {"batch_size": 4, "sampler": d.RandomSampler(range(11), num_samples=25, generator=g)}
    ],
    "fewer": lambda t, d, g: [
        tensors(t, d), {"batch_size": 4, "sampler": d.RandomSampler(range(11), num_samples=5, generator=g)}
    ],
    "replacement": lambda t, d, g: [
        tensors(t, d), {"batch_size": 4, "sampler": d.RandomSampler(range(11), True, 40, generator=g)}
    ],
    "weighted": lambda t, d, g: [
        tensors(t, d), {"batch_size": 4, "sampler": d.WeightedRandomSampler([1.0] * 5 + [2.0] * 6, 9)}
    ],
    "part": lambda t, d, g: [
        d.random_split(tensors(t, d), [0.6, 0.4])[0], {"batch_size": 3, "shuffle": True}
    ],
    "part of a part": lambda t, d, g: [
        d.Subset(d.Subset(tensors(t, d), [9, 8, 7, 1, 0]), (4, 0, 1)), {"batch_size": 2}
    ],
    "not in a part": lambda t, d, g: [d.Subset(tensors(t, d), [1, 40]), {"batch_size": 2}],
    "workers": lambda t, d, g: [tensors(t, d), {"batch_size": 4, "num_workers": 2, "shuffle": True}],
    "persistent": lambda t, d, g: [
        tensors(t, d), {"batch_size": 4, "num_workers": 1, "shuffle": True, "persistent_workers": True}
    ],
    "batches of one's own": lambda t, d, g: [tensors(t, d), {"batch_sampler": [[1, 2], [3], [10, 0, 0]]}],
    "pinned": lambda t, d, g: [tensors(t, d), {"batch_size": 4, "pin_memory": True}],
}  # fmt: skip


@pytest.mark.parametrize("name", DIRECT)
def test_tensors(name):
    def run(t, d):
        generator = t.Generator().manual_seed(8)
        dataset, options = DIRECT[name](t, d, generator)
        loader = d.DataLoader(dataset, **options)
        passes = [list(loader), t.rand(1), list(loader)]
        return passes, t.rand(1, generator=generator)

    theirs, ours = both(run)
    assert ours == theirs


def test_distributed_sampler():
    def run(t, d):
        orders = []
        for count in (1, 2, 10, 11):
            for drop in (False, True):
                for rank in range(3):
                    sampler = d.DistributedSampler(range(count), 3, rank, drop_last=drop, seed=4)
                    sampler.set_epoch(2)
                    orders.append([len(sampler), list(sampler)])
        return orders

    theirs, ours = both(run)
    assert ours == theirs


def test_collate_with_a_map():
    def run(t, d):
        from importlib import import_module

        c = import_module(f"{t.__name__}.utils.data._utils.collate")
        own = {t.Tensor: lambda batch, *, collate_fn_map: t.cat(batch), (int, float): lambda b, **k: max(b)}
        samples = [{"a": (t.ones(2), 3), "b": [1.5]}, {"a": (t.zeros(1), 4), "b": [2.5]}]
        return c.collate(samples, collate_fn_map=own), d.default_collate(["a", "b"])

    theirs, ours = both(run)
    assert ours == theirs


REFUSED = {
    "rank": lambda t, d: d.DistributedSampler(range(3), 2, 2),
    "context": lambda t, d: d.DataLoader(range(3), num_workers=1, multiprocessing_context="x"),
    "context object": lambda t, d: d.DataLoader(range(3), num_workers=1, multiprocessing_context=3),
    "context without workers": lambda t, d: d.DataLoader(range(3), multiprocessing_context="fork"),
    "timeout without workers": lambda t, d: list(d.DataLoader(range(3), timeout=3)),
    "many workers": lambda t, d: len(d.DataLoader(range(3), num_workers=4000)),
    "collate none": lambda t, d: d.default_collate([None]),
    "collate lengths": lambda t, d: d.default_collate([[1], [1, 2]]),
    "collate objects": lambda t, d: d.default_collate([numpy.array("a"), numpy.array("b")]),
    "empty": lambda t, d: list(d.DataLoader([], batch_size=2)),
    "empty shuffled": lambda t, d: list(d.DataLoader([], batch_size=2, shuffle=True)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    theirs, ours = both(REFUSED[name])
    assert ours == theirs
