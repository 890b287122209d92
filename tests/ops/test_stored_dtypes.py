"""complex32 and the 8-bit floats: stored, moved and converted as they are, computed in wider types."""

from __future__ import annotations

import bisect
import io
import math
import pickle
import random
import struct

import pytest

import facula as torch

# exponent bits, mantissa bits, bias; what the largest codes are
FORMATS = {
    "float8_e5m2": (2, 15, "ieee"),
    "float8_e4m3fn": (3, 7, "finite"),
    "float8_e5m2fnuz": (2, 16, "one zero"),
    "float8_e4m3fnuz": (3, 8, "one zero"),
}
FLOAT8 = [*FORMATS, "float8_e8m0fnu"]
ALL = [*FLOAT8, "complex32"]
OTHERS = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
OTHERS += "complex32 complex64 complex128".split()


def value_of(name: str, code: int) -> float:
    """The number of a code, from the definition of the format."""
    if name == "float8_e8m0fnu":
        return math.nan if code == 255 else 2.0 ** (code - 127)
    mantissa, bias, kind = FORMATS[name]
    sign, rest = -1.0 if code & 0x80 else 1.0, code & 0x7F
    if kind == "one zero" and code == 0x80:
        return math.nan
    if kind == "finite" and rest == 0x7F:
        return math.nan
    exponent, fraction = rest >> mantissa, rest & ((1 << mantissa) - 1)
    if kind == "ieee" and exponent == 31:
        return math.nan if fraction else sign * math.inf
    if exponent == 0:
        return sign * fraction * 2.0 ** (1 - bias - mantissa)
    return sign * (1 + fraction / (1 << mantissa)) * 2.0 ** (exponent - bias)


def nearest(name: str, x: float) -> float:
    """What x is rounded to: the nearest number of the format, an even code where two are as near."""
    mantissa, _, kind = FORMATS[name]
    codes = [c for c in range(128) if math.isfinite(value_of(name, c))]
    values = [value_of(name, c) for c in codes]
    step = values[-1] - values[-2]
    size = abs(x)
    if size >= values[-1]:
        away = size - values[-1]
        if kind == "finite" or away < step / 2 or (away == step / 2 and codes[-1] % 2 == 0):
            return math.copysign(values[-1], x)
        return math.nan if kind == "one zero" else math.copysign(math.inf, x)
    i = bisect.bisect_right(values, size)
    low, high = values[i - 1], values[i]
    below = size - low < high - size or (size - low == high - size and codes[i - 1] % 2 == 0)
    return math.copysign(low if below else high, x)


def same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


@pytest.mark.parametrize("name", FLOAT8)
def test_every_code_is_its_number(name: str) -> None:
    codes = torch.arange(256).to(torch.uint8)
    x = codes.view(getattr(torch, name))
    want = [value_of(name, c) for c in range(256)]
    for got in (x.tolist(), x.double().tolist(), x.float().tolist(), [e.item() for e in x]):
        assert all(same(a, b) for a, b in zip(got, want))
    assert x.view(torch.uint8).tolist() == list(range(256))
    back = x.float().to(x.dtype).view(torch.uint8).tolist()
    assert [b for b, w in zip(back, want) if w == w] == [c for c, w in enumerate(want) if w == w]


@pytest.mark.parametrize("name", FORMATS)
def test_rounding(name: str) -> None:
    rng = random.Random(0)
    numbers = [value_of(name, c) for c in range(256)]
    finite = sorted({abs(v) for v in numbers if math.isfinite(v)})
    middles = [(a + b) / 2 for a, b in zip(finite, finite[1:])]
    about = [math.nextafter(m, s) for m in middles for s in (0, math.inf)]
    about = [struct.unpack("f", struct.pack("f", m))[0] for m in middles] + about
    top = finite[-1]
    values = middles + about + [top * 1.01, top * 1.07, top * 1.2, 1e30, 1e-30]
    values += [rng.uniform(-1.3, 1.3) * 2.0 ** rng.randint(-20, 17) for _ in range(3000)]
    values += [-v for v in values]
    x = torch.tensor(values, dtype=torch.float32)
    got = x.to(getattr(torch, name)).tolist()
    wrong = [(v, g) for v, g in zip(x.tolist(), got) if not same(g, nearest(name, v))]
    assert wrong == []
    assert x.double().to(getattr(torch, name)).tolist() == got or True in [g != g for g in got]


def test_rounding_of_powers() -> None:
    e8 = torch.float8_e8m0fnu
    x = torch.tensor([1.0, 1.49, 1.5, 3.0, -3.0, 0.0, 2.0**-126, 2.0**127 * 1.4, 2.0**127 * 1.5])
    got = x.to(e8).tolist()
    assert got[:-1] == [1, 1, 2, 4, 4, 2.0**-127, 2.0**-126, 2.0**127]
    assert got[-1] != got[-1]
    assert all(v != v for v in torch.tensor([math.inf, math.nan]).to(e8).tolist())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("other", OTHERS)
def test_conversions_to_and_from_every_type(name: str, other: str) -> None:
    kind, wanted = getattr(torch, name), getattr(torch, other)
    numbers = [1.0, 2.0, 4.0, 0.5] if name == "float8_e8m0fnu" else [0.0, 1.0, 2.0, 3.0]
    x = torch.tensor(numbers * 400, dtype=kind)  # more than a block
    wide = x.to(torch.complex128 if x.is_complex() else torch.float64)
    assert x.to(wanted).tolist() == wide.to(wanted).tolist()
    y = torch.tensor([1, 0, 1, 1] * 400).to(wanted)
    assert y.to(kind).dtype == kind
    assert y.to(kind).tolist() == y.to(torch.complex128).to(kind).tolist()
    turned = x.reshape(40, 40).t()
    assert turned.to(wanted).tolist() == wide.reshape(40, 40).t().to(wanted).tolist()


@pytest.mark.parametrize("name", ALL)
def test_elements_move_as_they_are(name: str) -> None:
    kind = getattr(torch, name)
    x = torch.tensor([[1.0, 2.0, 4.0], [0.5, 8.0, 16.0]], dtype=kind)
    wide = x.to(torch.complex64 if x.is_complex() else torch.float32)
    for f in (
        lambda t: t.clone(),
        lambda t: t.t().contiguous(),
        lambda t: t[1],
        lambda t: t[:, 1:],
        lambda t: t[:, [2, 0]],
        lambda t: t[torch.tensor([[True, False, True], [False, True, False]])],
        lambda t: torch.cat([t, t], 1),
        lambda t: torch.stack([t, t]),
        lambda t: t.repeat(2, 2),
        lambda t: t.flip(0),
        lambda t: t.roll(1, 1),
        lambda t: t.expand(2, 2, 3).reshape(-1),
        lambda t: t.index_select(1, torch.tensor([1, 1])),
        lambda t: torch.where(torch.tensor([True, False, True]), t, t.flip(1)),
        lambda t: torch.diag_embed(t).diagonal(dim1=-1, dim2=-2),
        lambda t: torch.ones_like(t),
        lambda t: t.new_full((2,), 3.0 if name != "float8_e8m0fnu" else 4.0),
        lambda t: t.clone().fill_(2.0),
        lambda t: t.clone().copy_(t.flip(0)),
        lambda t: t.unfold(1, 2, 1),
    ):
        got = f(x)
        assert got.dtype == kind
        assert got.tolist() == f(wide).tolist()
    y = x.clone()
    y[0] = 8.0
    y[:, 2] = x[:, 0]
    y[torch.tensor([1]), torch.tensor([1])] = 1.0
    assert y.tolist() == [[8, 8, 1], [0.5, 1, 0.5]]
    assert torch.zeros(2, dtype=kind).view(torch.uint8).tolist() == [0, 0] * kind.itemsize
    assert torch.eye(2, dtype=kind)[0].tolist()[0] == 1
    assert (x == x).all() and bool(x[0, 0]) and not (x != x).any()
    assert len(torch.tensor(1.0, dtype=kind).expand(3).tolist()) == 3


@pytest.mark.parametrize("name", ALL)
def test_saved_and_loaded(name: str) -> None:
    x = torch.tensor([[1.0, 2.0, 4.0], [0.5, 8.0, 16.0]], dtype=getattr(torch, name))
    file = io.BytesIO()
    torch.save({"x": x, "part": x[:, 1:]}, file)
    file.seek(0)
    read = torch.load(file)
    for got, want in ((read["x"], x), (read["part"], x[:, 1:]), (pickle.loads(pickle.dumps(x)), x)):
        assert got.dtype == x.dtype
        assert got.tolist() == want.tolist()


@pytest.mark.parametrize("name", ALL)
def test_what_has_no_kernel_is_refused(name: str) -> None:
    x = torch.ones(2, 2, dtype=getattr(torch, name))
    c_name = "ComplexHalf" if name == "complex32" else name.replace("f", "F", 1)
    for f in (
        lambda: torch.exp(x),
        lambda: x / x,
        lambda: x.sum(),
        lambda: x.cumsum(0),
        lambda: x.sort(),
        lambda: torch.linalg.inv(x),
        lambda: torch.bmm(x[None], x[None]),
        lambda: torch.softmax(x, 0),
        lambda: torch.nn.functional.layer_norm(x, (2,)),
        lambda: torch.nn.functional.gelu(x),
        lambda: torch.scatter(x, 0, torch.zeros(1, 1, dtype=torch.int64), x),
        lambda: torch.arange(3, dtype=x.dtype),
        lambda: torch.linspace(0, 1, 3, dtype=x.dtype),
        lambda: torch.cumsum(torch.ones(2), 0, dtype=x.dtype),
        lambda: x.unique(),
        lambda: torch.fft.fft(x),
        lambda: torch.randint(3, (2,), dtype=x.dtype),
        lambda: x.exponential_(),
        lambda: torch.optim.SGD([x], 0.1) and torch.nn.functional.dropout(x),
    ):
        with pytest.raises((RuntimeError, TypeError, ValueError)):
            f()
    with pytest.raises(NotImplementedError, match=f"not implemented for '{c_name}'"):
        torch.exp(x)
    with pytest.raises(NotImplementedError, match=f"not implemented for '{c_name}'"):
        x.sum()
    assert x.sum(dtype=torch.float32).item() == 4


def test_float8_arithmetic_and_promotion() -> None:
    x = torch.tensor([1.0, -2.0], dtype=torch.float8_e5m2)
    with pytest.raises(NotImplementedError, match="^\"add_stub\" not implemented for 'Float8_e5m2'"):
        x + x
    assert (x * x).tolist() == [1, 4] and (x * x).dtype == x.dtype
    assert x.abs().tolist() == [1, 2]
    assert torch.promote_types(x.dtype, x.dtype) == x.dtype
    with pytest.raises(RuntimeError, match="^Promotion for Float8 Types is not supported"):
        torch.promote_types(x.dtype, torch.float32)
    assert torch.result_type(x, 1.0) == x.dtype
    assert torch.can_cast(x.dtype, torch.float16)
    m = torch.eye(2).to(torch.float8_e4m3fn)
    assert (m @ (m * m)).tolist() == [[1, 0], [0, 1]]


def test_complex32_arithmetic() -> None:
    x = torch.tensor([1 + 2j, 3 - 4j, -0.5j], dtype=torch.complex32)
    wide = x.to(torch.complex64)
    for f in (
        lambda t: t + t,
        lambda t: t - 2 * t,
        lambda t: t * t,
        lambda t: t * (1 + 1j),
        lambda t: -t,
        lambda t: t.conj(),
        lambda t: t.sgn(),
        lambda t: t.abs(),
        lambda t: t.norm(),
        lambda t: t.real,
        lambda t: t.imag,
        lambda t: torch.view_as_real(t),
        lambda t: t.var(),
        lambda t: t.nonzero(),
        lambda t: t.masked_fill(torch.tensor([True, False, True]), 2j),
        lambda t: t.index_add(0, torch.tensor([0, 0]), t[:2]),
        lambda t: t.clone().index_put_((torch.tensor([0, 0]),), t[:2], accumulate=True),
        lambda t: t.tril() if t.ndim > 1 else t[None].tril(),
        lambda t: torch.isfinite(t),
        lambda t: t.bool(),
    ):
        got, want = f(x), f(wide)
        narrow = {torch.complex64: torch.complex32, torch.float32: torch.float16}
        assert got.dtype == narrow.get(want.dtype, want.dtype)
        near = want.to(got.dtype)
        assert (got == near).all() or (got - near).abs().to(torch.float32).max() < 2e-3
    half = torch.tensor([1.5, 2.5], dtype=torch.float16)
    z = torch.complex(half, half)
    assert z.dtype == torch.complex32 and z.real.dtype == torch.float16
    assert torch.view_as_complex(torch.stack([half, half], 1)).tolist() == z.tolist()
    assert (half + 1j).dtype == torch.complex32
    assert half.to(torch.complex32).chalf().tolist() == [1.5, 2.5]
    y = x.clone()
    y += 1
    y[0] *= 2
    assert y.tolist() == [4 + 4j, 4 - 4j, 1 - 0.5j]
    out = torch.empty(3, dtype=torch.complex32)
    torch.add(x, 1, out=out)
    assert out.tolist() == (x + 1).tolist()
    for a, b, c in (
        ("complex32", "float16", "complex32"),
        ("complex32", "int64", "complex32"),
        ("complex32", "bfloat16", "complex64"),
        ("complex32", "float32", "complex64"),
        ("complex32", "float64", "complex128"),
        ("complex32", "complex64", "complex64"),
    ):
        assert torch.promote_types(getattr(torch, a), getattr(torch, b)) == getattr(torch, c)


def test_complex32_gradients() -> None:
    x = torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex32, requires_grad=True)
    (x * x).abs().sum().backward()
    w = x.detach().to(torch.complex64).requires_grad_()
    (w * w).abs().sum().backward()
    assert x.grad.dtype == torch.complex32
    assert (x.grad.to(torch.complex64) - w.grad).abs().max() < 1e-2


def test_random_numbers_of_complex32() -> None:
    torch.manual_seed(0)
    x = torch.randn(40, dtype=torch.complex32)
    assert x.dtype == torch.complex32 and 0.3 < x.abs().to(torch.float32).mean() < 1.5
    with pytest.raises(NotImplementedError):
        torch.randn(3, dtype=torch.float8_e5m2)
    with pytest.raises(NotImplementedError):
        torch.rand(3, dtype=torch.float8_e5m2)


def test_printing() -> None:
    assert repr(torch.tensor([0.5, 1.25], dtype=torch.float8_e5m2)) == (
        "tensor([0.5000, 1.2500], dtype=torch.float8_e5m2)"
    )
    assert repr(torch.tensor([1 + 2j], dtype=torch.complex32)) == "tensor([1.+2.j], dtype=torch.complex32)"
    assert torch.ones(1, dtype=torch.complex32).type() == "torch.ComplexHalfTensor"
    assert torch.ones(1, dtype=torch.float8_e5m2).type() == "torch.Float8_e5m2Tensor"


def test_products_with_scales() -> None:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).to(torch.float8_e4m3fn)
    b = torch.tensor([[1.0, 0.5], [2.0, 1.0]]).to(torch.float8_e5m2)
    two, half = torch.tensor(2.0), torch.tensor(0.5)
    want = a.float() @ b.float()
    assert torch._scaled_mm(a, b, two, half).tolist() == want.to(a.dtype).tolist()
    got = torch._scaled_mm(a, b, two, two, bias=torch.ones(2), out_dtype=torch.float32)
    assert got.tolist() == (4 * want + 1).tolist()
    rows, columns = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0, 4.0]])
    got = torch._scaled_mm_v2(a, b, [rows], [1], [0], [columns], [1], [0], None, torch.bfloat16)
    assert got.tolist() == (rows * want * columns).to(torch.bfloat16).tolist()
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x2 and 1x2\)"):
        torch._scaled_mm(a, b[:1], two, two)
    with pytest.raises(ValueError, match="^Invalid scaling configuration"):
        torch._scaled_mm(a.float(), b, two, two)
