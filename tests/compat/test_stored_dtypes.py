"""complex32 and the 8-bit floats against PyTorch: codes, rounding, texts, promotion, files."""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")

import facula  # noqa: E402

FLOAT8 = "float8_e5m2 float8_e4m3fn float8_e5m2fnuz float8_e4m3fnuz float8_e8m0fnu".split()
ALL = [*FLOAT8, "complex32"]
INTEGERS = "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64".split()
OTHERS = [*INTEGERS, *"float16 bfloat16 float32 float64 complex64 complex128".split()]
warnings.filterwarnings("ignore", message="ComplexHalf support")


def mine(x: Any) -> Any:
    """facula's tensor of the same bits."""
    dtype = getattr(facula, str(x.dtype)[6:])
    raw = x.contiguous().reshape(-1).view(torch.uint8).numpy().copy()
    return facula.tensor(raw.tolist(), dtype=facula.uint8).view(dtype).reshape(tuple(x.shape))


def bits(x: Any) -> Any:
    """The bytes of a tensor; every NaN of a type of more than a byte as one."""
    lib = torch if isinstance(x, torch.Tensor) else facula
    x = lib.view_as_real(x) if x.is_complex() else x
    if x.dtype.is_floating_point and x.element_size() > 1:
        x = lib.where(x == x, x, lib.full((), float("nan"), dtype=x.dtype))
    return x.contiguous().reshape(-1).view(lib.uint8).numpy()


@pytest.mark.parametrize("name", FLOAT8)
def test_every_code(name: str) -> None:
    codes = torch.arange(256).to(torch.uint8).view(getattr(torch, name))
    x = mine(codes)
    for other in (*OTHERS, "complex32"):
        if other.startswith(("uint", "int")) and name in ("float8_e5m2", "float8_e8m0fnu", "float8_e5m2fnuz"):
            safe = torch.isfinite(codes.float()) & (codes.float().abs() < 100) & (codes.float() >= 0)
        elif other.startswith(("uint", "int")):
            safe = (codes.float() >= 0) & (codes.float() < 100)
        else:
            safe = torch.ones(256, dtype=torch.bool)
        want = codes[safe].to(getattr(torch, other))
        got = x[mine(safe)].to(getattr(facula, other))
        assert (bits(got) == bits(want)).all(), other
    assert repr(x.tolist()) == repr(codes.tolist())


@pytest.mark.parametrize("name", FLOAT8)
def test_rounding(name: str) -> None:
    top = numpy.arange(65536, dtype=numpy.uint32) << 16
    near = numpy.concatenate([top, top + 1, top + 0x7FFF, top + 0x8000, top - 1])
    rng = numpy.random.default_rng(0)
    near = numpy.concatenate([near, rng.integers(0, 1 << 32, 500_000, dtype=numpy.uint32)])
    values = near.view(numpy.float32)
    want = bits(torch.from_numpy(values.copy()).to(getattr(torch, name)))
    got = bits(facula.from_numpy(values.copy()).to(getattr(facula, name)))
    wrong = numpy.nonzero(got != want)[0]
    assert [(hex(near[i]), got[i], want[i]) for i in wrong[:5]] == []


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("other", OTHERS)
def test_conversions(name: str, other: str) -> None:
    numbers = [0, 1, 2, 3, 5, 7, 11, 100, 120] * 150
    if other not in ("bool", "uint8", "uint16", "uint32", "uint64"):
        numbers += [-1, -3, -17, -100]
    if not other.startswith(("bool", "int", "uint")):
        numbers += [0.1, 0.3, -0.7, 1e-3, 1e-9, 1e5, -1e5, float("inf"), float("nan"), -0.0]
    x = torch.tensor(numbers).to(getattr(torch, other))
    want = x.to(getattr(torch, name))
    got = mine(x).to(getattr(facula, name))
    assert (bits(got) == bits(want)).all()
    if not other.startswith(("int", "uint")) or "float8_e8" in name:
        return
    assert (bits(got.to(getattr(facula, other))) == bits(want.to(getattr(torch, other)))).all()


@pytest.mark.parametrize("name", ALL)
def test_printed(name: str) -> None:
    torch.manual_seed(0)
    dtype = getattr(torch, name)
    for x in (
        torch.tensor([0.5, 1.25, 3e-3, 100.0]),
        torch.tensor(2.0),
        torch.zeros(0),
        torch.tensor([1.0, 2.0]),
        torch.randn(3, 4),
        torch.randn(40, 40),
        torch.tensor([float("inf"), float("nan"), 1.0]),
        torch.randn(2, 2, 2) * 100,
        torch.arange(256).float(),
    ):
        if name == "float8_e8m0fnu" and not torch.isfinite(x).all():
            continue  # PyTorch takes NaN of this type for a number when it chooses the width
        x = (x * (1 + 0.5j) if dtype.is_complex else x).to(dtype)
        assert repr(mine(x)) == repr(x)
        assert str(mine(x)) == str(x)
    assert mine(x).type() == x.type()
    assert f"{mine(x)[0, 0, 0] if x.ndim == 3 else mine(x)[0]:.3f}" == f"{x[0]:.3f}"


def answer(f: Any, lib: Any) -> Any:
    """What a call gives: dtype, shape and values, or the type and the first sentence of its error."""
    try:
        y = f(lib)
    except Exception as e:
        return type(e).__name__, str(e).splitlines()[0].split(". ")[0]
    if isinstance(y, (torch.Tensor, facula.Tensor)):
        wide = lib.complex128 if y.is_complex() else lib.float64
        return str(y.dtype), tuple(y.shape), repr(y.detach().to(wide).tolist())
    return repr(y).replace("facula", "torch")


CALLS = [
    lambda t, x: x + x,
    lambda t, x: x - 1,
    lambda t, x: x * x,
    lambda t, x: x / x,
    lambda t, x: -x,
    lambda t, x: abs(x),
    lambda t, x: x == x,
    lambda t, x: x != 1,
    lambda t, x: x < x,
    lambda t, x: t.exp(x),
    lambda t, x: t.sin(x),
    lambda t, x: t.sqrt(x),
    lambda t, x: t.log1p(x),
    lambda t, x: t.erf(x),
    lambda t, x: x**2,
    lambda t, x: t.addcmul(x, x, x),
    lambda t, x: t.isnan(x),
    lambda t, x: t.isinf(x),
    lambda t, x: t.isfinite(x),
    lambda t, x: t.isreal(x),
    lambda t, x: t.where(x == x, x, x),
    lambda t, x: x.any(),
    lambda t, x: x.all(),
    lambda t, x: x.flip(0),
    lambda t, x: x.roll(1),
    lambda t, x: t.cat([x, x]),
    lambda t, x: x.clone().zero_(),
    lambda t, x: x.clone().fill_(3),
    lambda t, x: x.item(),
    lambda t, x: x[0, 0].item(),
    lambda t, x: float(x[0, 0]),
    lambda t, x: int(x[0, 0]),
    lambda t, x: complex(x[0, 0]),
    lambda t, x: bool(x[0, 0]),
    lambda t, x: x.tolist(),
    lambda t, x: x.view(t.uint8),
    lambda t, x: x.view(t.int32),
    lambda t, x: x.sum(dtype=t.float32),
    lambda t, x: x.softmax(0, dtype=t.float32),
    lambda t, x: x.cumsum(0, dtype=t.float32),
    lambda t, x: x.real,
    lambda t, x: x.imag,
    lambda t, x: t.view_as_real(x),
    lambda t, x: x.repeat(2, 1),
    lambda t, x: x[:, [1, 0]],
    lambda t, x: x[x == x],
    lambda t, x: x.index_select(1, t.tensor([0, 0])),
    lambda t, x: x.masked_select(x == x),
    lambda t, x: x.diag(),
    lambda t, x: t.block_diag(x, x),
    lambda t, x: t.kron(x, x),
    lambda t, x: t.outer(x[0], x[1]),
    lambda t, x: x.numpy(),
    lambda t, x: t.result_type(x, 1.0),
    lambda t, x: t.result_type(x, 1j),
    lambda t, x: t.result_type(x, t.ones(())),
    lambda t, x: t.eye(2, dtype=x.dtype) if x.dtype.is_floating_point else 0,
    lambda t, x: t.full((2,), 1e6, dtype=x.dtype),
    lambda t, x: t.tensor([1e6], dtype=x.dtype),
    lambda t, x: t.tensor([0.3, -0.7], dtype=x.dtype),
    lambda t, x: t.randn(3, dtype=x.dtype) if not x.is_complex() else 0,
    lambda t, x: t.rand(3, dtype=x.dtype) if not x.is_complex() else 0,
    lambda t, x: t.scalar_tensor(2, dtype=x.dtype),
    lambda t, x: x.to(t.float16) + 1j,
    lambda t, x: x.to(t.float16) / 1j,
    lambda t, x: t.set_default_dtype(x.dtype),
    lambda t, x: x.is_signed() if x.dtype.is_floating_point else 0,
    lambda t, x: x.is_floating_point(),
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("i", range(len(CALLS)))
def test_calls(name: str, i: int) -> None:
    def run(lib: Any) -> Any:
        x = lib.tensor([[1.0, 2.0], [0.5, 4.0]]).to(getattr(lib, name))
        return CALLS[i](lib, x)

    got, want = answer(run, facula), answer(run, torch)
    for lib in (torch, facula):
        lib.set_default_dtype(lib.float32)
    assert got == want


NAMES = [*OTHERS, *ALL]


@pytest.mark.parametrize("a", NAMES)
@pytest.mark.parametrize("name", ("promote_types", "can_cast"))
def test_pairs_of_types(name: str, a: str) -> None:
    for b in NAMES:

        def run(lib: Any, b: str = b) -> Any:
            return getattr(lib, name)(getattr(lib, a), getattr(lib, b))

        assert answer(run, facula) == answer(run, torch), (name, a, b)


@pytest.mark.parametrize("a", NAMES)
@pytest.mark.parametrize(("left", "right"), (((2,), ()), ((), (2,)), ((2,), (2,))))
def test_result_type(left: tuple, right: tuple, a: str) -> None:
    for b in NAMES:

        def run(lib: Any, b: str = b) -> Any:
            x = lib.ones(left, dtype=getattr(lib, a))
            return lib.result_type(x, lib.ones(right, dtype=getattr(lib, b)))

        assert answer(run, facula) == answer(run, torch), (a, left, b, right)


def test_random_numbers() -> None:
    for shape in ((3,), (40,), (4, 5), (1000,)):
        for name in ("randn", "rand"):
            torch.manual_seed(7)
            facula.manual_seed(7)
            want = getattr(torch, name)(shape, dtype=torch.complex32)
            got = getattr(facula, name)(shape, dtype=facula.complex32)
            assert (bits(got) == bits(want)).all(), (name, shape)


@pytest.mark.parametrize("name", ALL)
def test_files(name: str) -> None:
    x = torch.tensor([[1.0, 2.0, 4.0], [0.5, 8.0, 16.0]]).to(getattr(torch, name))
    for save, load, kept in ((torch, facula, x), (facula, torch, mine(x))):
        file = io.BytesIO()
        save.save({"x": kept, "part": kept[:, 1:]}, file)
        file.seek(0)
        read = load.load(file)
        assert str(read["x"].dtype) == str(x.dtype)
        assert (bits(read["x"]) == bits(x)).all() and (bits(read["part"]) == bits(x[:, 1:])).all()


@pytest.mark.parametrize("name", ("float8_e5m2", "float8_e4m3fn"))
def test_safetensors(name: str, tmp_path: Any) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    x = torch.tensor([[1.0, 2.0, 4.0], [0.5, 8.0, 16.0]]).to(getattr(torch, name))
    safetensors.save_file({"x": x}, tmp_path / "x.safetensors")
    raw = (tmp_path / "x.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    read = facula.frombuffer(bytearray(raw[8 + length :]), dtype=getattr(facula, name)).reshape(2, 3)
    assert read.tolist() == x.tolist()
