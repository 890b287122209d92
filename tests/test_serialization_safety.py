"""Nothing in a file runs, whatever it says; damaged and hostile files give errors."""

import argparse
import collections
import enum
import io
import os
import pickle
import random
import subprocess
import zipfile

import pytest
from checkpoints import Colour, Config, Net, Point, through

import facula as torch
from facula.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_unsafe_globals_in_checkpoint,
    safe_globals,
)


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
    assert (
        through(Runs(getattr, Colour, "RED"), weights_only=False) is Colour.RED
    )  # Python 3.11.2 writes it so
    for attribute in ("mro", "__class__", "__members__", "name", 0):
        with pytest.raises((pickle.UnpicklingError, TypeError)):
            through(Runs(getattr, Colour, attribute), weights_only=False)
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


def test_files_of_other_devices():
    data = pickled(location="cuda:0")

    def file():
        return archive(data, [("data/0", b"\0" * 16)])

    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        torch.load(file())
    for location in ("cpu", torch.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage):
        assert torch.load(file(), map_location=location).tolist() == [0] * 4
    with pytest.raises(TypeError, match="map_location"):
        torch.load(file(), map_location=3)


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
    refuse(b"ctorch.functional\neinsum\n)R.")  # functions may be named, not called
    refuse(b"ctorch.functional\nimport_module\n.")
    refuse(b"ctorch._composite\nhome\n.")
    named = b"c__builtin__\ngetattr\nctorch\nTensor\nX%c\0\0\0%s\x86R"
    for name in (
        b"__class__",
        b"__subclasses__",
        b"__new__",
        b"data",
        b"__mro__",
        b"__globals__",
        b"nothing",
    ):
        refuse(named % (len(name), name) + b".")
    refuse(named % (8, b"backward") + b")R.")
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


def test_state_leaves_the_parts_of_sparse_tensors_alone():
    dense = torch.eye(2)
    for sparse, names in (
        (dense.to_sparse_csr(), ("_starts", "_at", "_held", "_layout")),
        (dense.to_sparse(), ("_at", "_held", "_is_coalesced")),
    ):
        rebuild = torch._utils._rebuild_parameter_with_state
        for weights_only in (True, False):
            for name in names:
                for state in ({name: torch.tensor([0, 9])}, ({}, {name: torch.tensor([0, 9])})):
                    file = io.BytesIO()
                    torch.save(Runs(rebuild, sparse, False, collections.OrderedDict(), state), file)
                    file.seek(0)
                    with pytest.raises(pickle.UnpicklingError, match="consists of"):
                        torch.load(file, weights_only=weights_only)
        own = Runs(rebuild, sparse, False, collections.OrderedDict(), {"note": 5})
        assert through(own).note == 5


class Hashes:
    def __hash__(self):
        raise AssertionError("ran")


class Missing(enum.Enum):
    ONE = 1

    @classmethod
    def _missing_(cls, value):
        raise AssertionError("ran")


class Made(torch.nn.Module):
    def __setstate__(self, state):
        raise AssertionError("ran")


def test_code_of_the_program_does_not_run_either():
    here = __name__.encode()

    def refuse(data):
        with pytest.raises((pickle.UnpicklingError, RuntimeError)):
            torch.load(archive(b"\x80\x02" + data), weights_only=False)

    refuse(b"}c" + here + b"\nHashes\n)\x81Ns.")
    refuse(b"c" + here + b"\nMissing\nK\x05\x85R.")
    refuse(b"c" + here + b"\nMade\n)\x81}b.")
    for name in (b"torch.__main__\nmain", b"torch.cli\nmain", b"facula.__main__\nmain", b"torch.hub\nload"):
        refuse(b"c" + name + b"\n.")
    refuse(b"cfractions\nFraction\nX\x0b\0\0\x001e100000000\x85R.")
    refuse(b"cbuiltins\nlist\ncbuiltins\nrange\nJ\xff\xff\xff\x7f\x85R\x85R.")
    refuse(b"cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.")
    refuse(b"ctorch.nn.modules.linear\nLinear\n)\x81K\x05b.")


def test_data_of_the_standard_library():
    import datetime
    import fractions

    kept = [
        datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.timezone.utc),
        datetime.timedelta(3),
        fractions.Fraction(1, 3),
        collections.deque([1, 2], maxlen=3),
        collections.defaultdict(list, {1: [2]}),
        frozenset({(1, 2)}),
    ]
    again = through(kept, weights_only=False)
    assert again == kept and again[3].maxlen == 3 and again[4].default_factory is list


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


@pytest.mark.parametrize(
    "name",
    "torch|hub.load torch|serialization.load torch|_utils._untyped torch|_C._functions.tanh "
    "torch|nn.modules.module.facula torch._utils|_import_dotted_name "
    "torch._utils|_rebuild_parameter.__call__ "
    "torch.nn.functional|__builtins__ facula.hub|load facula.serialization|load posix|system".split(),
)
def test_names_lead_to_public_functions_only(name):
    module, _, name = name.partition("|")
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global"):
        torch.load(archive(f"\x80\x02c{module}\n{name}\n.".encode("latin1"), ()), weights_only=False)


def test_public_functions_are_found():
    for module, name, wanted in (
        ("torch", "tanh", torch.tanh),
        ("torch", "nn.functional.relu", torch.nn.functional.relu),
        ("torch.nn.functional", "relu", torch.nn.functional.relu),
        ("torch.nn", "modules.linear.Linear", torch.nn.Linear),
    ):
        data = f"\x80\x02c{module}\n{name}\n.".encode("latin1")
        assert torch.load(archive(data, ()), weights_only=False) is wanted
