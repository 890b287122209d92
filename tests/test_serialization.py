"""torch.save and torch.load: what goes in comes out, files are whole or not at all, and nothing in them
runs.
"""

import argparse
import collections
import copy
import dataclasses
import enum
import io
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import zipfile

import pytest

import facula as torch
from facula.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_unsafe_globals_in_checkpoint,
    safe_globals,
)

DTYPES = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128 uint16 uint32 "
    "uint64"
).split()


@dataclasses.dataclass
class Config:
    width: int = 3
    names: list = dataclasses.field(default_factory=list)


class Colour(enum.Enum):
    RED = 1


Point = collections.namedtuple("Point", "x y")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)
        self.act = torch.nn.functional.gelu
        self.register_buffer("steps", torch.tensor(4))

    def forward(self, x):
        return self.act(self.layer(x))


class Leaves:
    def __del__(self):
        raise AssertionError("ran")


class Sets:
    def __setstate__(self, state):
        raise AssertionError("ran")


class Runs:
    def __init__(self, function, *args):
        self.what = function, args

    def __reduce__(self):
        return self.what


def through(obj, legacy=False, protocol=2, **options):
    file = io.BytesIO()
    torch.save(obj, file, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
    file.seek(0)
    return torch.load(file, **options)


def everything():
    base = torch.arange(12.0).reshape(3, 4)
    return collections.OrderedDict(
        base=base,
        turned=base.t(),
        column=base[1:, 2],
        number=torch.tensor(1.5),
        none=torch.zeros(0, 3),
        wide=torch.ones(1).expand(5),
        parameter=torch.nn.Parameter(torch.ones(2)),
        wants=torch.ones(2, requires_grad=True),
        dtype=torch.float32,
        size=torch.Size([1, 2]),
        device=torch.device("cpu"),
        state=torch.Generator().manual_seed(3).get_state(),
        raw=b"x\xff",
        z=1 + 2j,
        some={1, 2},
        meta=torch.empty(2, 3, device="meta"),
        sparse=torch.eye(3).to_sparse(),
        types={name: torch.ones(2, dtype=getattr(torch, name)) for name in DTYPES},
        deep=[(1, None, True, 2**70, 1.5, "ü"), {"a": [torch.ones(1)]}],
    )


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and a.shape == b.shape and a.requires_grad == b.requires_grad
        if a.is_sparse:
            a, b = a.to_dense(), b.to_dense()
        assert a.stride() == b.stride() and a.storage_offset() == b.storage_offset()
        if not a.is_meta:
            assert a.tolist() == b.tolist()
    else:
        assert a == b


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_goes_in_comes_out(legacy, protocol):
    saved = everything()
    loaded = through(saved, legacy, protocol)
    same(saved, loaded)
    assert loaded["base"].data_ptr() == loaded["turned"].data_ptr()
    loaded["column"].fill_(7)
    assert loaded["base"][1, 2] == 7


def test_state_dicts_and_attributes():
    model = Net()
    state = through(model.state_dict())
    assert type(state) is collections.OrderedDict and state._metadata == model.state_dict()._metadata
    other = Net()
    other.load_state_dict(state)
    assert torch.equal(other.layer.weight, model.layer.weight)
    x = torch.ones(2)
    x.note = "kept"
    assert through(x).note == "kept"
    p = torch.nn.Parameter(torch.ones(2))
    p.note = [1]
    assert through(p).note == [1] and type(through(p)) is torch.nn.Parameter


def test_subclasses_are_allowed_by_name():
    class_ = Tagged
    x = torch.ones(2).as_subclass(class_)
    x.tag = 5
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global: GLOBAL .*Tagged"):
        through(x)
    with safe_globals([Tagged]):
        y = through(x)
    assert type(y) is Tagged and y.tag == 5
    assert type(through(x, weights_only=False)) is Tagged


class Tagged(torch.Tensor):
    pass


def test_paths_and_files(tmp_path):
    x = torch.randn(5)
    for path in (tmp_path / "a.pt", str(tmp_path / "b.pt")):
        torch.save({"x": x}, path)
        assert torch.equal(torch.load(path)["x"], x)
        with open(path, "rb") as file:
            assert torch.equal(torch.load(file)["x"], x)
    with open(tmp_path / "two", "wb") as file:
        torch.save(1, file, _use_new_zipfile_serialization=False)
        torch.save(2, file, _use_new_zipfile_serialization=False)
    with open(tmp_path / "two", "rb") as file:
        assert [torch.load(file), torch.load(file)] == [1, 2]
    with pytest.raises(FileNotFoundError):
        torch.load(tmp_path / "missing.pt")
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        torch.save(x, tmp_path / "no" / "a.pt")
    with pytest.raises(AttributeError, match="write"):
        torch.save(x, 5)
    with pytest.raises(AttributeError, match="seek"):
        torch.load(object())
    assert sorted(os.listdir(tmp_path)) == ["a.pt", "b.pt", "two"]


def test_layout_of_the_archive(tmp_path):
    torch.save({"x": torch.ones(3), "y": torch.ones(2)}, tmp_path / "model.best.pt")
    with zipfile.ZipFile(tmp_path / "model.best.pt") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[0] == "model.best/data.pkl" and "model.best/data/1" in names
        assert archive.read("model.best/version") == b"3\n"
        raw = (tmp_path / "model.best.pt").read_bytes()
        assert raw.index(torch.ones(3).numpy().tobytes()) % 64 == 0


def test_map_location():
    saved = {"x": torch.ones(2)}
    assert through(saved, map_location="meta")["x"].is_meta
    assert through(saved, map_location=torch.device("cpu"))["x"].is_cpu
    assert through(saved, map_location={"cpu": "meta"})["x"].is_meta
    seen = []
    loaded = through(saved, map_location=lambda storage, location: seen.append((len(storage), location)))
    assert seen == [(8, "cpu")] and loaded["x"].is_cpu
    assert through(saved, map_location=lambda storage, location: storage)["x"].tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        through(saved, map_location="cuda:0")
    with pytest.raises(RuntimeError, match="don't know how to restore data location"):
        through(saved, map_location="nowhere")


def test_mmap(tmp_path):
    path = tmp_path / "a.pt"
    x = torch.randn(1000)
    torch.save({"x": x, "b": torch.tensor([True])}, path)
    y = torch.load(path, mmap=True)["x"]
    assert torch.equal(x, y)
    y.fill_(0)  # stays here
    assert torch.equal(torch.load(path)["x"], x)
    with pytest.raises(ValueError, match="must be a .*file"):
        torch.load(io.BytesIO(path.read_bytes()), mmap=True)
    torch.save(x, path, _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="mmap can only be used with"):
        torch.load(path, mmap=True)


def test_one_memory_has_one_type():
    x = torch.ones(4)
    with pytest.raises(
        RuntimeError, match="Cannot save multiple tensors or storages that view the same data"
    ):
        torch.save([x, x.view(torch.int32)], io.BytesIO())


# --- nothing in a file runs ---


def test_weights_only_names_what_it_refuses():
    for obj, name in (
        (argparse.Namespace(a=1), "argparse.Namespace"),
        (Config(), "Config"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (Runs(os.system, "false"), "posix.system"),
        (Runs(eval, "1"), "builtins.eval"),
    ):
        with pytest.raises(pickle.UnpicklingError, match="Weights only load failed") as error:
            through({"x": obj})
        assert (
            f"GLOBAL {name}" in str(error.value)
            or name == "Config"
            and "Config was not an" in str(error.value)
        )


def test_nothing_runs_either_way(tmp_path):
    mark = tmp_path / "mark"
    for function, *args in (
        (os.system, f"touch {mark}"),
        (exec, f"open({str(mark)!r}, 'w')"),
        (open, str(mark), "w"),
        (subprocess.Popen, ["touch", str(mark)]),
        (getattr, os, "system"),
        (__import__, "antigravity"),
        (torch.save, 1, str(mark)),
        (torch.load, str(mark)),
        (type, "X", (), {}),
    ):
        for weights_only in (True, False):
            with pytest.raises((pickle.UnpicklingError, TypeError, pickle.PicklingError)):
                through(Runs(function, *args), weights_only=weights_only)
    assert not mark.exists()


def test_whole_modules_and_plain_classes():
    model = Net()
    x = torch.ones(1, 2)
    again = through(model, weights_only=False)
    assert type(again) is Net and torch.equal(again(x), model(x)) and again.steps == 4
    kept = [Config(4, ["a"]), Colour.RED, Point(1, 2), argparse.Namespace(a=[1]), range(3)]
    assert through(kept, weights_only=False) == kept
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    assert through(optimizer, weights_only=False).param_groups[0]["lr"] == 0.5
    np = pytest.importorskip("numpy")
    arrays = through([np.arange(6.0).reshape(2, 3), np.float32(1.5)], weights_only=False)
    assert arrays[0].tolist() == [[0, 1, 2], [3, 4, 5]] and arrays[1] == 1.5


@pytest.mark.parametrize("cls", [Leaves, Sets])
def test_classes_that_would_run_are_refused(cls):
    file = io.BytesIO()
    obj = object.__new__(cls)
    obj.x = 1
    torch.save(obj, file)
    if cls is Leaves:
        cls.__del__ = lambda self: None
        del obj
        cls.__del__ = lambda self: pytest.fail("ran")
    for weights_only in (True, False):
        file.seek(0)
        with pytest.raises(pickle.UnpicklingError, match=cls.__name__):
            torch.load(file, weights_only=weights_only)


def test_safe_globals():
    add_safe_globals([Config])
    try:
        assert through(Config(7)) == Config(7)
        assert torch.serialization.get_safe_globals() == [Config]
    finally:
        clear_safe_globals()
    with safe_globals([(Config, f"{Config.__module__}.Config")]):
        assert through(Config(7)) == Config(7)
    with pytest.raises(pickle.UnpicklingError):
        through(Config(7))
    file = io.BytesIO()
    torch.save([Config(), torch.ones(1)], file)
    file.seek(0)
    assert get_unsafe_globals_in_checkpoint(file) == [f"{Config.__module__}.Config"]


def archive(data, records=(), compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out:
        out.writestr("archive/data.pkl", data)
        for name, content in records:
            out.writestr(f"archive/{name}", content)
    file.seek(0)
    return file


def pickled(*, kind="FloatStorage", key="0", location="cpu", count=4, offset=0, size=(4,), stride=(1,)):
    from facula._serialize.pickler import _ByName, _slow

    class Raw:
        def __reduce__(self):
            return _ByName("torch._utils", "_rebuild_tensor_v2"), (
                torch.TypedStorage(1),
                offset,
                size,
                stride,
                False,
                collections.OrderedDict(),
            )

    return _slow(Raw(), 2, lambda storage: ("storage", ("torch", kind), key, location, count), pickle)


def test_geometry_is_checked():
    data = b"\0" * 16
    assert torch.load(archive(pickled(), [("data/0", data)])).tolist() == [0] * 4
    for wrong in (
        {"size": (5,)},
        {"offset": 1},
        {"offset": -1},
        {"offset": 2**62},
        {"stride": (2,)},
        {"stride": (-1,)},
        {"size": (-1,)},
        {"size": (2**40, 2**40), "stride": (0, 0)},
        {"size": (2, 2**62), "stride": (2**62, 2)},
        {"size": (1,) * 100, "stride": (1,) * 100},
        {"size": (4, 1)},
        {"count": 5},
        {"count": 2**60},
        {"count": -1},
        {"count": 2.5},
        {"key": "../../etc/passwd"},
        {"key": 5},
        {"location": 3},
        {"size": ("a",)},
        {"offset": None},
    ):
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            torch.load(archive(pickled(**wrong), [("data/0", data)]))
    # A bool is 0 or 1, whatever the file says.
    flags = torch.load(archive(pickled(kind="BoolStorage"), [("data/0", b"\0\1\2\xff")]))
    assert flags.tolist() == [False, True, True, True] and flags.view(torch.uint8).max() == 1


def test_small_files_that_ask_for_much():
    zeros = b"\0" * (1 << 24)
    with pytest.raises(RuntimeError, match="compressed"):
        torch.load(archive(pickled(), [("data/0", zeros)], zipfile.ZIP_DEFLATED))
    bomb = b"\x80\x02"
    nested = bomb + b")" + b"\x85" * 200_000 + b"q\0" + b"}h\0Ns."  # a dictionary whose key is a deep tuple
    hashed = bomb + b")q\0" + b"".join(b"h%ch%c\x86q%c" % (i, i, i + 1) for i in range(60)) + b"}h\x3cNs."
    many = bomb + b"]q\0(" + b"N" * 100_000 + b"e" + b"(" + b"c__builtin__\nset\nh\0\x85R0" * 5000 + b"t."
    huge = bomb + b"c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R."
    memo = bomb + b"Nr\xff\xff\xff\xff."
    long = bomb + b"\x8b\xff\xff\xff\x7f."
    text = bomb + b"X\xff\xff\xff\xff."
    for data in (nested, hashed, many, huge, text, long, memo[:-1], b"", b"\x80", b"\x80\xff.", b"."):
        for weights_only in (True, False):
            with pytest.raises((pickle.UnpicklingError, RuntimeError, EOFError)):
                torch.load(archive(data), weights_only=weights_only)
    assert torch.load(archive(memo)) is None


def test_calls_go_only_where_they_may():
    def refuse(data):
        for weights_only in (True, False):
            with pytest.raises((pickle.UnpicklingError, RuntimeError)):
                torch.load(archive(b"\x80\x02" + data), weights_only=weights_only)

    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    refuse(rebuild + b"}X\x0c\0\0\0__defaults__)sb.")  # state into a function
    refuse(b"ccollections\nOrderedDict\n}X\x01\0\0\0xNsb.")  # ... into a class
    refuse(b"ctorch\nTensor\n)R.")
    refuse(b"ctorch\nTensor\n)\x81.")
    refuse(b"ctorch.storage\nUntypedStorage\nK\x05\x85\x81.")
    refuse(rebuild + b")R.")
    refuse(b"ctorch\nsave\n)R.")
    refuse(b"ctorch\nload\n)R.")
    refuse(b"ctorch._utils\nsys\n.")
    refuse(b"cos\nsystem\n.")
    refuse(b"c__main__\n__builtins__\n.")
    refuse(b"cfacula\n_C\n.")
    refuse(b"\x82\x01.")  # an extension code
    refuse(b"(ios\nsystem\n.")  # INST
    refuse(b"(cos\nsystem\no.")  # OBJ
    refuse(b"K\x01Na.")  # append to a number
    refuse(b"K\x01NNs.")
    refuse(b"]NNs.")
    refuse(b"}}Ns.")
    assert function_is_whole()


def function_is_whole():
    from facula import _utils

    return _utils._rebuild_tensor_v2.__defaults__ == (None,)


def test_damaged_files_give_errors():
    """Truncations and changed bytes of good files: an error or an object, never anything else."""
    rng = random.Random(0)
    saved = {
        "x": torch.arange(6.0).reshape(2, 3).t(),
        "p": torch.nn.Parameter(torch.ones(2)),
        "n": [1, "a", b"b"],
    }
    allowed = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, NotImplementedError)
    for legacy in (False, True):
        file = io.BytesIO()
        torch.save(saved, file, _use_new_zipfile_serialization=not legacy)
        good = file.getvalue()
        cases = [good[:n] for n in range(0, len(good), 7)]
        for _ in range(600):
            bad = bytearray(good)
            for _ in range(rng.choice((1, 1, 2, 8))):
                bad[rng.randrange(len(bad))] = rng.randrange(256)
            cases.append(bytes(bad))
        for data in cases:
            try:
                loaded = torch.load(io.BytesIO(data), weights_only=rng.random() < 0.5)
            except allowed:
                continue
            repr(loaded)
        assert all(not isinstance(_outcome(good[:n]), dict) for n in range(1, len(good) - 1, 97))


def _outcome(data):
    try:
        return torch.load(io.BytesIO(data))
    except Exception as error:
        return error


def test_changed_pickles_give_errors():
    rng = random.Random(1)
    file = io.BytesIO()
    torch.save({"x": torch.ones(3), "m": Net(), "c": Config()}, file)
    with zipfile.ZipFile(file) as good:
        data = good.read("archive/data.pkl")
        records = [(n[8:], good.read(n)) for n in good.namelist() if "/data/" in n]
    for _ in range(1500):
        bad = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(len(bad))
            if rng.random() < 0.3:
                del bad[at : at + rng.randrange(1, 9)]
            else:
                bad[at] = rng.randrange(256)
        try:
            loaded = torch.load(archive(bytes(bad), records), weights_only=False)
            repr(loaded)
        except Exception as error:  # noqa: BLE001  what the damaged module's own repr says does not matter
            assert not isinstance(error, (MemoryError, SystemError)), bad


# --- whole or not at all ---


def run(code, **options):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, **options
    )


def test_a_killed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"x": torch.ones(3)}, path)
    child = run(
        f"""
        import facula as torch
        from facula._serialize import archive
        write = archive.Writer.write
        def slow(self, name, data):
            write(self, name, data)
            if name.startswith("data/"):
                self.zip.fp.flush()
                print("half", flush=True)
                input()
        archive.Writer.write = slow
        torch.save({{"x": torch.zeros(100000), "y": torch.zeros(9)}}, {str(path)!r})
    """,
        stdin=subprocess.PIPE,
    )
    assert child.stdout.readline() == "half\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    child.stdin.close()
    assert torch.load(path)["x"].tolist() == [1, 1, 1]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    import resource

    path = tmp_path / "a.pt"
    torch.save({"x": torch.ones(3)}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(OSError):
            torch.save({"x": torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert torch.load(path)["x"].tolist() == [1, 1, 1]
    assert os.listdir(tmp_path) == ["a.pt"]


def test_an_object_that_cannot_be_pickled_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pt"
    torch.save(1, path)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        torch.save({"x": lambda: 0}, path)
    assert torch.load(path) == 1 and os.listdir(tmp_path) == ["a.pt"]


def test_the_mode_and_the_link_stay(tmp_path):
    path, link = tmp_path / "a.pt", tmp_path / "b.pt"
    torch.save(1, path)
    os.chmod(path, 0o640)
    link.symlink_to(path)
    torch.save(2, link)
    assert link.is_symlink() and torch.load(path) == 2 and path.stat().st_mode & 0o777 == 0o640


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
    with pytest.raises(NotImplementedError, match="cannot grow"):
        s.resize_(1000)
    with pytest.raises(NotImplementedError):
        torch.empty(2, device="meta").untyped_storage()[0]


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
