"""torch.save and torch.load: what goes in comes out, files are whole or not at all, and nothing in them
runs.
"""

import collections
import io
import os
import pickle
import signal
import subprocess
import zipfile

import pytest
from checkpoints import Net, run, through

import facula as torch
from facula.serialization import (
    safe_globals,
)

DTYPES = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128 uint16 uint32 "
    "uint64"
).split()


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


# --- whole or not at all ---


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
        with pytest.raises(RuntimeError, match="could not be written"):
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


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anything")
def test_a_file_that_may_not_be_written(tmp_path):
    path = tmp_path / "a.pt"
    torch.save(1, path)
    os.chmod(path, 0o444)
    with pytest.raises(PermissionError):
        torch.save(2, path)
    assert torch.load(path) == 1


def test_compressed_files(tmp_path):
    import gzip

    with gzip.open(tmp_path / "a.gz", "wb") as file:
        torch.save({"x": torch.ones(3)}, file)
    with gzip.open(tmp_path / "a.gz", "rb") as file:
        assert torch.load(file)["x"].tolist() == [1, 1, 1]


def test_special_files():
    torch.save({"x": torch.ones(3)}, "/dev/null")


def test_generators():
    g = torch.Generator().manual_seed(3)
    torch.rand(2, generator=g)
    again = through(g, weights_only=False)
    assert torch.rand(3, generator=again).tolist() == torch.rand(3, generator=g).tolist()


def test_files_that_can_only_be_written_to():
    class Sink:
        def __init__(self):
            self.data = bytearray()

        def write(self, data):
            self.data += data

    for zipped in (True, False):
        sink = Sink()
        torch.save({"x": torch.ones(3)}, sink, _use_new_zipfile_serialization=zipped)
        assert torch.load(io.BytesIO(sink.data))["x"].tolist() == [1, 1, 1]


def test_legacy_files_of_python_2_are_read_as_bytes():
    raw = io.BytesIO()
    torch.save(["text", torch.tensor([1.0, 2.0])], raw, _use_new_zipfile_serialization=False)

    def convert(data):  # the opcode of a text becomes that of a string of Python 2
        out, at = b"", 0
        while at < len(data):
            length = int.from_bytes(data[at + 1 : at + 5], "little")
            text = data[at + 5 : at + 5 + length]
            if (
                data[at : at + 1] == b"X"
                and 0 < length < 32
                and text.isascii()
                and text.decode().isprintable()
            ):
                out += b"U" + bytes([length]) + text
                at += 5 + length
            else:
                out += data[at : at + 1]
                at += 1
        return out

    old = convert(raw.getvalue())
    assert len(old) < len(raw.getvalue())
    for encoding, text in (("utf-8", "text"), ("bytes", b"text")):
        for safe in (True, False):
            found = torch.load(io.BytesIO(old), encoding=encoding, weights_only=safe)
            assert found[0] == text and found[1].tolist() == [1, 2]


def test_that_an_environment_variable_chose_is_said(monkeypatch, tmp_path):
    torch.save(torch.ones(2), tmp_path / "x.pt")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.warns(UserWarning, match="forcing weights_only=False"):
        assert torch.load(tmp_path / "x.pt").tolist() == [1, 1]
