"""Copies, pickles, storages, shared memory, safetensors."""

import copy
import io
import os
import pickle
import subprocess
import sys

import pytest
from checkpoints import Net, run

import facula as torch

# --- copies, pickles, storages ---


def test_copies_share_what_was_shared():
    x = torch.randn(3, 4)
    a, b = copy.deepcopy([x, x[1]])
    a[1] = 7
    assert (b == 7).all() and not (x == 7).any()
    model = Net()
    again = copy.deepcopy(model)
    assert torch.equal(again.layer.weight, model.layer.weight)
    assert again.layer.weight.data_ptr() != model.layer.weight.data_ptr()
    assert copy.copy(x).data_ptr() == x.data_ptr() or torch.equal(copy.copy(x), x)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    x = torch.randn(3, 4)
    for t in (x, x.t(), x[::2], torch.nn.Parameter(x), torch.zeros(0, 3), torch.tensor(1), x.bfloat16()):
        again = pickle.loads(pickle.dumps(t, protocol))
        assert torch.equal(again, t) and type(again) is type(t) and again.requires_grad == t.requires_grad
    assert pickle.loads(pickle.dumps(x.t(), protocol)).stride() == (1, 4)
    model = pickle.loads(pickle.dumps(Net(), protocol))
    assert model.act is torch.nn.functional.gelu


def test_storages():
    x = torch.arange(6.0).reshape(2, 3)
    s = x.untyped_storage()
    assert (s.nbytes(), len(s), s.data_ptr(), s.element_size()) == (24, 24, x.data_ptr(), 1)
    assert x[1].untyped_storage() == s and x[1].untyped_storage().data_ptr() == s.data_ptr()
    assert x.clone().untyped_storage() != s and torch.is_storage(s) and s.device.type == "cpu"
    with pytest.warns(UserWarning, match="TypedStorage is deprecated") if not _warned() else _nothing():
        t = x.storage()
    assert t.size() == 6 and t[2] == 2 and t.tolist() == [0, 1, 2, 3, 4, 5] and t.dtype is torch.float32
    assert isinstance(t, torch.FloatStorage) and not isinstance(t, torch.LongStorage)
    t[0] = 9
    assert x[0, 0] == 9
    assert torch.UntypedStorage([1, 2, 3]).tolist() == [1, 2, 3]
    assert torch.FloatStorage([1, 2]).nbytes() == 8
    s.resize_(1000)
    x[1, 2] = 7
    assert (len(s), s.data_ptr(), t[5]) == (1000, x.data_ptr(), 7)
    with pytest.raises(NotImplementedError):
        torch.empty(2, device="meta").untyped_storage()[0]


def test_tensors_set_to_storages():
    x = torch.arange(6.0)
    y = torch.empty(0).set_(x.untyped_storage(), 1, (2, 2), (2, 1))
    assert y.tolist() == [[1, 2], [3, 4]] and y.data_ptr() == x.data_ptr() + 4
    assert torch.empty(0).set_(x.untyped_storage()).tolist() == x.tolist()
    assert torch.empty(0).set_(x._typed_storage(), 2, (2,)).tolist() == [2, 3]
    assert torch.empty(3).set_(x).tolist() == x.tolist() and torch.empty(3).set_().numel() == 0
    assert torch.empty(0).set_(x, 1, (2,), (2,)).tolist() == [1, 3]
    for bad in ((-1, (1,)), (0, (1,), (-1,)), (0, (-1,)), (0, (2, 2), (1,))):
        with pytest.raises(RuntimeError):
            torch.empty(0).set_(x.untyped_storage(), *bad)
    with pytest.raises(RuntimeError, match="Expected a Storage of type"):
        torch.empty(0, dtype=torch.int64).set_(x._typed_storage())


@pytest.mark.filterwarnings("ignore:An output with one or more")
@pytest.mark.parametrize("grow", ["resize_", "storage", "set_", "out"])
def test_memory_grows_under_all_its_tensors(grow):
    x = torch.arange(6.0)
    view, alias, kept = x[2:], x.detach(), x.untyped_storage()
    views = [x[i:] for i in range(6)]
    del views[::2]
    if grow == "resize_":
        assert view.resize_(5000).numel() == 5000
    elif grow == "storage":
        kept.resize_(20000)
    elif grow == "set_":
        torch.empty(0).set_(kept, 100, (70, 70))
    else:
        torch.add(torch.ones(5000), 1, out=view)
        view[:4] = torch.arange(2.0, 6.0)
    assert len(kept) >= 20000 and x.tolist() == alias.tolist() == [0, 1, 2, 3, 4, 5]
    x[3] = 9
    assert view[1] == 9 and alias[3] == 9 and views[0][2] == 9 and view.data_ptr() == x.data_ptr() + 8
    kept.resize_(100000)
    x[4] = 8
    assert view[2] == 8 and views[1][1] == 8 and kept.data_ptr() == x.data_ptr()
    kept.resize_(8)
    assert len(kept) == 8 and x[1] == 1


def test_memory_that_others_know_does_not_grow():
    np = pytest.importorskip("numpy")
    x = torch.arange(6.0)
    array = x.numpy()
    for grow in (lambda: x.resize_(1000), lambda: x.untyped_storage().resize_(1000)):
        with pytest.raises(RuntimeError, match="Trying to resize storage that is not resizable"):
            grow()
    y = torch.from_numpy(np.arange(4.0))
    with pytest.raises(RuntimeError, match="not resizable"):
        y.resize_(1000)
    assert array.tolist() == [0, 1, 2, 3, 4, 5] and y.resize_(2).tolist() == [0, 1]


def test_a_tensor_counts_on_with_its_views_in_other_memory():
    x = torch.arange(6.0)
    view = x[1:]
    x.data = torch.ones(6)
    x.add_(1)
    assert (x._version, view._version, view.tolist()) == (1, 1, [1, 2, 3, 4, 5])
    x.set_(torch.zeros(2))
    view.add_(1)
    assert (x._version, view._version, x.tolist()) == (3, 3, [0, 0])
    y = torch.zeros(2)
    x.set_(y)
    x.add_(1)
    assert (y._version, y.tolist(), view._version) == (0, [1, 1], 5)
    w = torch.ones(2, requires_grad=True)
    v = w * 1
    u = v.exp()
    v.data = torch.zeros(2)
    u.sum().backward()
    assert w.grad.allclose(torch.full((2,), 2.718281828))


def test_storages_under_a_view_keep_their_memory():
    s = torch.UntypedStorage(16)
    s.fill_(3)
    view = memoryview(s)
    with pytest.raises(BufferError):
        s.resize_(1 << 20)
    assert view[0] == 3
    view.release()
    s.resize_(1 << 20)
    assert len(s) == 1 << 20 and s[0] == 3
    x = torch.arange(6.0)
    x.untyped_storage().resize_(0)
    assert x.untyped_storage().nbytes() == 0
    part = torch.load(saved(torch.arange(6.0)[2:]), map_location="meta")
    assert part.is_meta and part.storage_offset() == 2


def saved(obj):
    file = io.BytesIO()
    torch.save(obj, file)
    file.seek(0)
    return file


def _warned():
    from facula import storage

    return storage._warned


def _nothing():
    import contextlib

    return contextlib.nullcontext()


def test_storage_from_file(tmp_path):
    path = tmp_path / "raw"
    path.write_bytes(bytes(range(16)))
    s = torch.UntypedStorage.from_file(str(path), False, 16)
    s[0] = 77
    assert path.read_bytes()[0] == 0
    assert torch.asarray(s[4:8], dtype=torch.uint8).tolist() == [4, 5, 6, 7]
    shared = torch.UntypedStorage.from_file(str(path), True, 16)
    shared[0] = 77
    assert path.read_bytes()[0] == 77
    with pytest.raises(RuntimeError, match="unable to mmap"):
        torch.UntypedStorage.from_file(str(path), False, 1000)


def test_shared_memory():
    t = torch.zeros(3).share_memory_()
    assert t.is_shared() and not torch.zeros(3).is_shared()
    child = os.fork()
    if child == 0:
        t.add_(1)
        os._exit(0)
    os.waitpid(child, 0)
    assert t.tolist() == [1, 1, 1]
    x = torch.ones(3)
    view = x[1:]
    with pytest.raises(RuntimeError, match="look into the same memory"):
        x.share_memory_()
    assert view.tolist() == [1, 1]
    handles = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        torch.ones(3).share_memory_()
    assert len(os.listdir("/proc/self/fd")) == handles


def _double(source, sink, t):
    t += 1
    x = source.get()
    x.mul_(2)
    sink.put(x + 1)
    sink.put(torch.nn.Parameter(torch.ones(2)))


def test_tensors_in_queues():
    import facula.multiprocessing as mp

    context = mp.get_context("fork")
    source, sink = context.Queue(), context.Queue()
    t = torch.zeros(3).share_memory_()
    worker = context.Process(target=_double, args=(source, sink, t))
    worker.start()
    x = torch.arange(4.0).share_memory_()
    source.put(x)
    assert sink.get(timeout=30).tolist() == [1, 3, 5, 7]
    assert type(sink.get(timeout=30)) is torch.nn.Parameter
    worker.join()
    assert x.tolist() == [0, 2, 4, 6] and t.tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError, match="non-leaf tensor"):
        from multiprocessing.reduction import ForkingPickler

        ForkingPickler.dumps(torch.ones(2, requires_grad=True) * 2)


def test_safetensors(tmp_path):
    pytest.importorskip("safetensors")
    code = f"""
        import facula
        facula.install_as_torch()
        import torch
        from safetensors.torch import load_file, load_model, save_file, save_model
        from safetensors import safe_open
        path = {str(tmp_path / "a.safetensors")!r}
        saved = {{"a": torch.randn(3, 4), "h": torch.ones(2).bfloat16(), "n": torch.tensor(True)}}
        saved["e"] = torch.zeros(0, 2)
        save_file(saved, path, metadata={{"x": "y"}})
        loaded = load_file(path)
        assert all(torch.equal(saved[k], loaded[k]) and saved[k].dtype == loaded[k].dtype for k in saved)
        with safe_open(path, framework="pt") as file:
            assert torch.equal(file.get_slice("a")[1:2, :2], saved["a"][1:2, :2])
        one, two = torch.nn.Linear(3, 4), torch.nn.Linear(3, 4)
        save_model(one, path)
        load_model(two, path)
        assert torch.equal(one.weight, two.weight)
        print("done")
    """
    child = run(code)
    assert child.communicate()[0] == "done\n"


SPAWNED = """
import torch, torch.multiprocessing as mp

def fill(i, t):
    t[i] = i + 1

def fail(i):
    if i == 1:
        raise ValueError("bad")

if __name__ == "__main__":
    t = torch.zeros(2).share_memory_()
    mp.spawn(fill, (t,), nprocs=2)
    print(t.tolist())
    try:
        mp.spawn(fail, nprocs=2)
    except mp.ProcessRaisedException as error:
        print("ValueError: bad" in str(error))
"""


def test_fresh_processes_know_the_alias(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(SPAWNED)
    child = subprocess.run(
        [sys.executable, "-m", "facula", str(program)], capture_output=True, text=True, timeout=120
    )
    assert child.stdout == "[1.0, 2.0]\nTrue\n", child.stderr


def test_typed_storages_are_made_from_buffers_and_files(tmp_path):
    big = torch.ShortStorage.from_buffer(bytearray([1, 2, 3, 4]), "big")
    assert big.tolist() == [258, 772] and isinstance(big, torch.ShortStorage)
    path = tmp_path / "elements"
    shared = torch.FloatStorage.from_file(str(path), True, 4)
    shared.fill_(2)
    assert torch.FloatStorage.from_file(str(path), False, 4).tolist() == [2] * 4
    assert path.stat().st_size == 16


def test_tensors_are_made_from_storages():
    x = torch.arange(4.0)
    assert torch.tensor(x.untyped_storage(), dtype=torch.float32).tolist() == [0, 1, 2, 3]
    assert torch.FloatTensor(x.untyped_storage()).data_ptr() == x.data_ptr()
    with pytest.raises(RuntimeError, match="Expected a Storage of type"):
        torch.tensor(x.storage(), dtype=torch.float64)


def test_copies_of_tensors_and_their_storages_share_memory():
    x = torch.ones(2)
    tensor, typed, plain = copy.deepcopy([x, x.storage(), x.untyped_storage()])
    tensor.fill_(3)
    assert typed.tolist() == [3, 3] and plain.data_ptr() == tensor.data_ptr() != x.data_ptr()
    again = pickle.loads(pickle.dumps(x.untyped_storage()))
    assert again.tolist() == x.untyped_storage().tolist()


def test_files_have_names(tmp_path):
    path = str(tmp_path / "numbers")
    mapped = torch.from_file(path, shared=True, size=4, dtype=torch.float32)
    assert mapped.untyped_storage().filename == path
    assert mapped[1:].untyped_storage().filename == path
    assert torch.from_file(path, shared=False, size=4).untyped_storage().filename is None
    assert torch.ones(3).untyped_storage().filename is None
