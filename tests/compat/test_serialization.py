"""Files written by PyTorch load in facula and the reverse."""

import argparse
import collections
import io
import operator
import pickle

import pytest
import torch

import facula

DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128".split()
UNSIGNED = "uint16 uint32 uint64".split()


def everything(t, unsigned=True):
    base = t.arange(12.0).reshape(3, 4)
    tagged = t.ones(2)
    tagged.note = "kept"
    return collections.OrderedDict(
        base=base,
        turned=base.t(),
        column=base[1:, 2],
        number=t.tensor(1.5),
        none=t.zeros(0, 3),
        wide=t.ones(1).expand(5),
        parameter=t.nn.Parameter(t.ones(2)),
        frozen=t.nn.Parameter(t.ones(2), requires_grad=False),
        wants=t.ones(2, requires_grad=True),
        tagged=tagged,
        dtype=t.float32,
        size=t.Size([1, 2]),
        device=t.device("cpu"),
        layout=t.strided,
        state=t.Generator().manual_seed(3).get_state(),
        raw=b"x\xff",
        z=1 + 2j,
        some={1, 2},
        meta=t.empty(2, 3, device="meta"),
        sparse=t.eye(3).to_sparse(),
        types={n: t.ones(2, dtype=getattr(t, n)) for n in DTYPES + UNSIGNED * unsigned},
        deep=[(1, None, True, 2**70, 1.5, "ü"), {"a": [t.ones(1)]}],
    )


def agree(a, b):
    """A PyTorch object and facula's of the same meaning."""
    if isinstance(a, dict):
        assert type(a) is type(b) and list(a) == list(b)
        for key in a:
            agree(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            agree(x, y)
    elif isinstance(a, torch.Tensor):
        assert type(a).__name__ == type(b).__name__ or a.is_sparse
        assert str(a.dtype) == str(b.dtype) and tuple(a.shape) == tuple(b.shape)
        assert a.requires_grad == b.requires_grad and a.is_sparse == b.is_sparse and a.is_meta == b.is_meta
        if a.is_sparse:
            a, b = a.to_dense(), b.to_dense()
        assert a.stride() == b.stride() and a.storage_offset() == b.storage_offset()
        assert a.is_meta or a.tolist() == b.tolist()
    else:
        assert repr(a) == repr(b)


def written(t, obj, **options):
    file = io.BytesIO()
    t.save(obj, file, **options)
    file.seek(0)
    return file


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("zipped", [True, False])
def test_both_ways(zipped, protocol):
    options = {"_use_new_zipfile_serialization": zipped, "pickle_protocol": protocol}
    theirs, ours = everything(torch), everything(facula, unsigned=zipped)
    # PyTorch cannot read its own legacy files with unsigned types.
    loaded = facula.load(written(torch, theirs, **options))
    agree(theirs, loaded)
    assert loaded["base"].data_ptr() == loaded["turned"].data_ptr() and loaded["tagged"].note == "kept"
    if protocol > 2:
        return  # PyTorch refuses these
    loaded = torch.load(written(facula, ours, **options))
    agree(loaded, ours)
    assert loaded["base"].data_ptr() == loaded["turned"].data_ptr() and loaded["tagged"].note == "kept"


def network(t):
    return t.nn.Sequential(
        t.nn.Conv1d(2, 3, 1),
        t.nn.BatchNorm1d(3),
        t.nn.InstanceNorm1d(3),
        t.nn.ReLU(),
        t.nn.Linear(4, 4),
        t.nn.LSTM(4, 4),
    )


def test_state_dicts():
    for one, other in ((torch, facula), (facula, torch)):
        model = network(one)
        state = other.load(written(one, model.state_dict()))
        assert state._metadata == model.state_dict()._metadata
        again = network(other)
        again.load_state_dict(state)
        for a, b in zip(model.parameters(), again.parameters(), strict=True):
            assert a.tolist() == b.tolist()


def test_whole_modules():
    for one, other in ((torch, facula), (facula, torch)):
        model = one.nn.Sequential(
            network(one), one.nn.MultiheadAttention(4, 2), one.nn.TransformerEncoderLayer(4, 2)
        )
        again = other.load(written(one, model), weights_only=False)
        assert repr(again) == repr(model)
        for a, b in zip(model.parameters(), again.parameters(), strict=True):
            assert a.tolist() == b.tolist()


def test_functions_of_modules():
    saved = [torch.tanh, torch.nn.functional.gelu, torch.nn.functional.relu, torch.sigmoid]
    loaded = facula.load(written(torch, saved), weights_only=False)
    expected = [facula.tanh, facula.nn.functional.gelu, facula.nn.functional.relu, facula.sigmoid]
    assert all(f is g for f, g in zip(loaded, expected, strict=True))
    with pytest.raises(pickle.UnpicklingError):
        facula.load(written(torch, torch.tanh))
    again = torch.load(written(facula, expected[1:3]), weights_only=False)
    assert again[1] is torch.nn.functional.relu and again[0] is torch.nn.functional.gelu


PUBLIC = (
    "einsum stft cdist split norm tensordot cov hann_window add linalg.norm linalg.inv "
    "linalg.cond fft.fft fft.rfftn special.expit special.multigammaln sparse.mm masked.sum "
    "signal.windows.hann nn.functional.linear nn.functional.gelu nn.functional.unfold nn.init.ones_ "
    "Tensor.add Tensor.sin Tensor.norm Tensor.split Tensor.cov Tensor.backward Tensor.__add__"
).split()


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_go_both_ways(name):
    """Whether they are written in C++ or in Python; the file says the public name."""
    ours, theirs = (operator.attrgetter(name)(t) for t in (facula, torch))
    for f, read in ((ours, facula), (ours, torch), (theirs, facula)):
        data = written(facula if f is ours else torch, {"f": f})
        loaded = read.load(data, weights_only=False)["f"]
        assert loaded == (ours if read is facula else theirs), name


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_optimizers(name):
    for one, other in ((torch, facula), (facula, torch)):
        p = one.nn.Parameter(one.tensor([1.0, 2.0]))
        optimizer = getattr(one.optim, name)([p], lr=0.1, **({"momentum": 0.9} if name == "SGD" else {}))
        for _ in range(3):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
        q = other.nn.Parameter(other.tensor(p.tolist()))
        again = getattr(other.optim, name)([q], lr=0.7)
        again.load_state_dict(other.load(written(one, optimizer.state_dict())))
        for parameter, o in ((p, optimizer), (q, again)):
            o.zero_grad()
            (parameter * parameter).sum().backward()
            o.step()
        assert q.tolist() == pytest.approx(p.tolist(), rel=1e-6)


def test_mapped_files(tmp_path):
    for one, other in ((torch, facula), (facula, torch)):
        x = one.randn(1000)
        one.save({"x": x, "y": x.double()}, tmp_path / "a.pt")
        loaded = other.load(tmp_path / "a.pt", mmap=True)
        assert loaded["x"].tolist() == x.tolist() and loaded["y"].tolist() == x.double().tolist()


def test_files_without_checksums():
    torch.serialization.set_crc32_options(False)
    try:
        assert facula.load(written(torch, torch.ones(3))).tolist() == [1, 1, 1]
    finally:
        torch.serialization.set_crc32_options(True)


def test_what_is_refused():
    for t in (torch, facula):
        for obj in (argparse.Namespace(a=1), t.nn.Linear(1, 1), collections.defaultdict(list)):
            texts = []
            for reader in (torch, facula):
                with pytest.raises(pickle.UnpicklingError) as error:
                    reader.load(written(t, {"x": obj}))
                text = str(error.value)
                assert text.startswith("Weights only load failed.")
                start = text.index("Unsupported global: ")
                texts.append(text[start : text.index(" was not an allowed", start)])
            assert texts[0] == texts[1]


def test_names_of_what_is_refused():
    file = written(torch, {"x": argparse.Namespace(a=torch.ones(1)), "l": torch.nn.Linear(1, 1)})
    theirs = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    file.seek(0)
    assert sorted(facula.serialization.get_unsafe_globals_in_checkpoint(file)) == sorted(theirs)


@pytest.mark.parametrize(
    "bad", [b"", b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 100], ids=["empty", "start", "zeros"]
)
def test_types_of_errors(bad):
    kinds = []
    for t in (torch, facula):
        with pytest.raises((RuntimeError, EOFError)) as error:
            t.load(io.BytesIO(bad))
        kinds.append(type(error.value))
    assert kinds[0] is kinds[1]


def test_legacy_file_made_by_hand():
    """As PyTorch 1.0 wrote it: a view of a storage, and a class with its source."""

    def storage(view):
        return b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x007X\x03\0\0\0cpuK\x06" + view + b"tQ"

    def tensor(view, size):
        order = b"ccollections\nOrderedDict\n)R"
        start = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(view)
        return start + b"K\0K%c\x85K\x01\x85\x89" % size + order + b"tR"

    body = b"\x80\x02(" + tensor(b"N", 6) + tensor(b"(X\x01\0\0\0vK\x02K\x03t", 3) + b"t."
    parts = [pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    parts += [body, pickle.dumps(["7"], 2), (6).to_bytes(8, "little"), torch.arange(6.0).numpy().tobytes()]
    data = b"".join(parts)
    whole, view = facula.load(io.BytesIO(data))
    theirs = torch.load(io.BytesIO(data), weights_only=False)
    assert whole.tolist() == theirs[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert view.tolist() == theirs[1].tolist() == [2, 3, 4]
    view.fill_(9)
    assert whole.tolist() == [0, 1, 9, 9, 9, 5]
    for n in range(0, len(data) - 1, 5):
        with pytest.raises((RuntimeError, pickle.UnpicklingError, EOFError)):
            facula.load(io.BytesIO(data[:n]))


def test_a_file_of_the_other_byte_order():
    import zipfile

    file = written(torch, {"x": torch.arange(3.0), "z": torch.tensor([1 + 2j])})
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("byteorder"):
                data = b"big"
            elif name.endswith("/data/0"):
                data = torch.arange(3.0).numpy().byteswap().tobytes()
            elif name.endswith("/data/1"):
                data = torch.tensor([1 + 2j]).numpy().byteswap().tobytes()
            new.writestr(name, data)
    out.seek(0)
    loaded = facula.load(out)
    assert loaded["x"].tolist() == [0, 1, 2] and loaded["z"].tolist() == [1 + 2j]


def test_generators():
    for one, other in ((torch, facula), (facula, torch)):
        g = one.Generator().manual_seed(3)
        again = other.load(written(one, g), weights_only=False)
        assert other.rand(3, generator=again).tolist() == one.rand(3, generator=g).tolist()


@pytest.mark.filterwarnings("ignore:.*MaskedTensor")
def test_masked_tensors():
    for one, other in ((torch, facula), (facula, torch)):
        for wanted in (False, True):
            mask = one.tensor([True, False, True])
            x = one.masked.masked_tensor(one.tensor([1.0, 2.0, 3.0]), mask, requires_grad=wanted)
            again = other.load(written(one, [x, 1]), weights_only=False)[0]
            assert repr(again) == repr(x) and again.requires_grad == wanted
            assert again.get_data().tolist() == [1.0, 2.0, 3.0] and isinstance(
                again, other.masked.MaskedTensor
            )
