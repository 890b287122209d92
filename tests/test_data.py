"""torch.utils.data without PyTorch: processes, what they leave behind, and the direct path."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import facula as torch
from facula.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

ROOT = Path(__file__).resolve().parents[1]


class Squares(Dataset):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, i):
        return torch.full((40, 40), float(i * i)), os.getpid()


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_are_processes(start, monkeypatch):
    # A fresh process imports this module by its name.
    monkeypatch.syspath_prepend(str(ROOT))
    loader = DataLoader(Squares(), batch_size=3, num_workers=2, multiprocessing_context=start)
    batches = list(loader)
    assert torch.cat([x[:, 0, 0] for x, _ in batches]).tolist() == [i * i for i in range(10)]
    pids = {int(p) for _, pids in batches for p in pids}
    assert len(pids) == 2 and os.getpid() not in pids


def test_batches_outlive_their_workers_and_can_be_written_to():
    (x, _), *_ = list(DataLoader(Squares(), batch_size=10, num_workers=1))
    x += 1
    assert x[:, 3, 3].tolist() == [i * i + 1 for i in range(10)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_batches_that_are_kept_hold_no_files():
    before = len(os.listdir("/proc/self/fd"))
    kept = list(
        DataLoader([torch.full((900,), float(i)) for i in range(1500)], batch_size=None, num_workers=1)
    )
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    assert [x[899].item() for x in kept] == list(range(1500))


def test_shapes_strides_and_flags_arrive():
    sent = [
        torch.arange(6.0).view(2, 3).t(),
        torch.arange(24).view(2, 3, 4)[:, ::2],
        torch.empty(0, 3),
        torch.tensor(3, dtype=torch.bfloat16),
        torch.ones(3000, dtype=torch.bool),
        torch.ones(2, requires_grad=True),
        torch.tensor([1 + 2j]),
    ]
    received = list(DataLoader(sent, batch_size=None, num_workers=1))
    for a, b in zip(sent, received, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape and a.requires_grad == b.requires_grad
        assert torch.equal(a, b)
    assert received[0].stride() == (1, 3)


class Failing(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, i):
        if i == 2:
            raise ValueError("number two")
        return i


def test_an_exception_names_its_worker_and_carries_its_traceback():
    loader = DataLoader(Failing(), num_workers=2, persistent_workers=True)
    with pytest.raises(ValueError) as caught:
        list(loader)
    text = str(caught.value)
    assert text.startswith("Caught ValueError in DataLoader worker process 0.\nOriginal Traceback")
    assert text.rstrip().endswith("ValueError: number two") and "__getitem__" in text
    with pytest.raises(ValueError):  # the workers are still there
        list(loader)


def test_what_cannot_be_sent_is_an_error():
    class Functions(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return lambda: i

    with pytest.raises(Exception, match="DataLoader worker process 0"):
        list(DataLoader(Functions(), batch_size=None, num_workers=1))
    grown = torch.ones(1, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="Cowardly refusing"):
        list(DataLoader([grown], batch_size=None, num_workers=1))


def test_a_failing_start_is_an_error():
    def fail(number):
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        list(DataLoader(Squares(), num_workers=1, worker_init_fn=fail))


def test_out_of_order():
    class Slow(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, i):
            time.sleep(0.3 if i == 0 else 0)
            return i

    seen = [int(x) for x in DataLoader(Slow(), num_workers=2, in_order=False)]
    assert sorted(seen) == list(range(6)) and seen[0] != 0


def test_breaking_off_ends_the_workers():
    iterator = iter(DataLoader(Squares(), num_workers=2))
    next(iterator)
    processes = iterator._pool.processes
    del iterator
    assert not any(p.is_alive() for p in processes)


def test_persistent_workers_begin_anew_after_a_pass_was_broken_off():
    loader = DataLoader(Squares(), num_workers=2, persistent_workers=True)
    next(iter(loader))
    assert [x[0, 0, 0].item() for x, _ in loader] == [i * i for i in range(10)]


def test_the_description_of_a_worker():
    class Stream(IterableDataset):
        def __iter__(self):
            info = get_worker_info()
            assert info is not None
            with pytest.raises(RuntimeError, match="Cannot assign attributes to WorkerInfo objects"):
                info.id = 3
            yield info.id, info.num_workers, repr(info).startswith("WorkerInfo(id=")

    assert list(DataLoader(Stream(), batch_size=None, num_workers=2)) == [[0, 2, True], [1, 2, True]]
    assert get_worker_info() is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_no_orphans(number, start, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import facula as torch, time

            class Slow(torch.utils.data.Dataset):
                def __len__(self): return 1000
                def __getitem__(self, i):
                    time.sleep(0.01)
                    return i

            if __name__ == "__main__":
                iterator = iter(torch.utils.data.DataLoader(Slow(), num_workers=2,
                multiprocessing_context={start!r})) for batch in iterator:
                    print(*(p.pid for p in iterator._pool.processes), flush=True)
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        [sys.executable, program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment,
    )
    pids = [int(p) for p in child.stdout.readline().split()]
    (os.killpg if number == signal.SIGINT else os.kill)(child.pid, number)
    child.communicate(timeout=30)
    until = time.monotonic() + 20
    while any(_runs(p) for p in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(_runs(p) for p in pids)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_tensors_are_gathered_not_stacked(monkeypatch):
    data = TensorDataset(torch.arange(20.0).view(10, 2), torch.arange(10))
    monkeypatch.setattr(TensorDataset, "__getitem__", None)
    torch.manual_seed(0)
    for workers in (0, 2):
        batches = list(DataLoader(data, batch_size=4, shuffle=True, num_workers=workers))
        rows = torch.cat([y for _, y in batches])
        assert sorted(rows.tolist()) == list(range(10))
        assert torch.equal(torch.cat([x for x, _ in batches])[:, 0], rows * 2.0)
    x, _ = next(iter(DataLoader(data, batch_size=4)))
    x.zero_()
    assert data.tensors[0][1, 1] == 3
