"""Every text that a tensor shows, under any print options, against real PyTorch, to the character."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import facula  # noqa: E402
from facula._tensor_str import get_printoptions, printoptions  # noqa: E402

# Taken before anything else can replace it.
torch_repr = torch.Tensor.__repr__
torch_format = torch.Tensor.__format__

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
COMPLEX = ["complex64", "complex128"]
DTYPES = ["bool", *INTEGERS, *FLOATS, *COMPLEX]
nan, inf = math.nan, math.inf


@pytest.fixture(autouse=True)
def default_options():
    """Each test starts and ends with the default options and dtype of both libraries."""
    yield
    for library in (torch, facula):
        library.set_printoptions(profile="default")
        library.set_default_dtype(library.float32)


def ours(tensor):
    """The facula tensor with the values, shape and dtype of a PyTorch tensor."""
    dtype = getattr(facula, str(tensor.dtype).rpartition(".")[2])
    return facula.tensor(tensor.reshape(-1).tolist(), dtype=dtype).reshape(tuple(tensor.shape))


def check(data, dtype=None):
    """Both libraries print `data` (nested numbers, or a PyTorch tensor) alike."""
    if not isinstance(data, torch.Tensor):
        data = torch.tensor(data, dtype=getattr(torch, dtype) if dtype else None)
    elif dtype:
        data = data.to(getattr(torch, dtype))
    want = torch_repr(data)
    mine = ours(data)
    assert repr(mine) == want
    assert str(mine) == want
    assert f"{mine}" == torch_format(data, "")


# ------------------------------------------------------------------------------------------------- elements

HOSTILE_FLOATS = {
    "one": [1.0],
    "zero": [0.0],
    "negative zero": [-0.0],
    "zeros": [0.0, -0.0, 0.0],
    "nan": [nan],
    "infinities": [inf, -inf],
    "nothing finite but zero": [nan, inf, -inf, 0.0, -0.0],
    "whole": [1.0, 2.0, 30.0],
    "whole with nan": [1.0, nan],
    "whole with infinities": [1.0, inf, -inf],
    "whole, wide": [-1234567.0, 1.0],
    "fractions": [0.5, -1.25, 3.0],
    "fractions with all that is not normal": [0.5, nan, inf, -inf, -0.0],
    "one negative": [-1.5, 2.0],
    "ratio 1000": [1.0, 1000.0],
    "ratio over 1000": [1.0, 1001.0],
    "fractional ratio over 1000": [0.5, 501.5],
    "fractional ratio of 1000": [0.5, 500.0],
    "large": [1e8],
    "over the large limit": [1.00000008e8],
    "largest": [3.4028234663852886e38],
    "small limit": [1e-4],
    "under the small limit": [9.9e-5],
    "denormal": [1e-45, 1.0],
    "denormal double": [5e-324],
    "range of double": [5e-324, 1.7e308],
    "half largest": [65504.0, -65504.0],
    "scientific with zero": [1e-10, 0.0, nan, -inf],
    "three exponent digits": [1e-300, 1e-5],
    "rounds up to whole": [0.99999, 1.00001],
    "rounds to minus zero": [-0.00001, 0.1],
    "ties": [0.00005, 0.00015, 0.125, 2.5],
    "decimal": [0.1, 0.2, 0.3],
    "pi": [3.14159265358979],
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("values", HOSTILE_FLOATS.values(), ids=HOSTILE_FLOATS.keys())
def test_floats(values, dtype):
    check(values, dtype)
    check([values, values[::-1]], dtype)
    for value in values:
        check(value, dtype)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(dtype):
    info = torch.iinfo(getattr(torch, dtype))
    for values in ([0], [1, 10, 100], [info.min, info.max], [[info.min], [0]], info.max, [[1, 2, 3]] * 3):
        check(values, dtype)


def test_booleans():
    for values in ([True], [False], [True, False], True, False, [[True, True]], [False] * 40):
        check(values)


@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex(dtype):
    values = [
        1 + 2j,
        1.5 - 2j,
        -0.0 - 0.0j,
        complex(nan, inf),
        complex(-inf, nan),
        1e-9 + 1e9j,
        1000 - 0.001j,
        0j,
    ]
    for value in values:
        check(value, dtype)
        for other in values:
            check([value, other], dtype)
    check([values, values], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 5), (0, 0, 0, 0)])
def test_empty(shape, dtype):
    check(torch.zeros(shape), dtype)


# --------------------------------------------------------------------------------------------------- layout

SHAPES = [
    (1,), (5,), (17,), (40,), (999,), (1000,), (1001,), (1, 1), (1, 40), (40, 1), (3, 4), (31, 33), (2, 600),
    (600, 2), (6, 500), (7, 500), (1, 1001), (1001, 1), (2, 3, 4), (1, 1, 1, 1), (3, 1, 2, 2), (10, 10, 11),
    (2, 7, 6, 30), (7, 7, 7, 7), (2, 2, 2, 2, 2, 2), (1,) * 20, (7, 1, 7, 1, 7, 1, 7),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint8", "float32", "bfloat16", "complex64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layout(shape, dtype):
    count = math.prod(shape)
    data = torch.arange(count).reshape(shape)
    check(data % 100 - (50 if dtype != "uint8" else 0), dtype)
    check(data / count, dtype)
    if dtype == "float32":
        check(data * 1e7, dtype)
        check(torch.where(data % 5 == 0, nan, data / 4), dtype)


def test_large():
    check(torch.arange(1_000_000))
    check(torch.arange(1_000_000.0).reshape(1000, 1000))
    check(torch.full((200_000,), 0.1))


def test_notation_of_a_summary_is_chosen_from_what_it_shows():
    data = torch.ones(2000)
    data[1000] = 1e-20
    check(data)
    data[1] = 1e-20
    check(data)


@pytest.mark.parametrize(
    "view", [lambda t: t.t(), lambda t: t[::2, 1:], lambda t: t[:, 3], lambda t: t[1].expand(4, 40)]
)
@pytest.mark.parametrize("shape", [(30, 40), (40, 40), (5, 40)])
def test_views(view, shape):
    data = torch.arange(math.prod(shape)).reshape(shape) / 8
    assert repr(view(ours(data))) == torch_repr(view(data))


OPTIONS = [
    {"precision": 0}, {"precision": 1}, {"precision": 10}, {"precision": 20}, {"linewidth": 1},
    {"linewidth": 20}, {"linewidth": 200}, {"linewidth": 79.5}, {"threshold": 0}, {"threshold": 5},
    {"threshold": inf}, {"edgeitems": 1}, {"edgeitems": 0}, {"edgeitems": 10},
    {"edgeitems": 0, "threshold": 0}, {"edgeitems": 1, "threshold": 2},
    {"edgeitems": 2, "threshold": 4, "linewidth": 30}, {"sci_mode": True}, {"sci_mode": False},
    {"sci_mode": True, "precision": 0}, {"profile": "short"}, {"profile": "full"}, {"profile": "default"},
    {"profile": "short", "precision": 6}, {"profile": "nonsense"},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options(options):
    torch.set_printoptions(**options)
    facula.set_printoptions(**options)
    assert get_printoptions() == torch._tensor_str.get_printoptions()
    for dtype in ("float32", "float16", "int64", "bool", "complex128"):
        for shape in ((), (3,), (20,), (1100,), (2, 3), (12, 13), (2, 7, 100), (0,), (2, 0)):
            data = torch.arange(math.prod(shape)).reshape(shape)
            check(data, dtype)
            check(data / 7 + 1e-5, dtype)
    check([nan, inf, -inf, 0.0], "float32")
    check([1e-7, 1e7, nan])


@pytest.mark.parametrize("default", FLOATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_is_shown_where_it_is_not_obvious(dtype, default):
    torch.set_default_dtype(getattr(torch, default))
    facula.set_default_dtype(getattr(facula, default))
    check([0, 1], dtype)
    check(1, dtype)
    check(torch.zeros(0), dtype)
    check(torch.zeros(2, 0), dtype)


@pytest.mark.parametrize("linewidth", range(20, 80, 3))
def test_suffixes_break_lines_at_the_line_width(linewidth):
    torch.set_printoptions(linewidth=linewidth)
    facula.set_printoptions(linewidth=linewidth)
    for count in (1, 4, 9):
        data = torch.arange(float(count), dtype=torch.float64)
        check(data)
        mine = ours(data).requires_grad_()
        assert repr(mine) == torch_repr(data.requires_grad_())
        assert repr(mine.reshape(1, -1) * 2) == torch_repr(data.reshape(1, -1) * 2)


# -------------------------------------------------------------------------------------------------- property

elements = {
    "bool": st.booleans(),
    "uint8": st.integers(0, 255),
    "int8": st.integers(-128, 127),
    "int64": st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000),
    "float16": st.floats(width=16),
    "float32": st.floats(width=32) | st.sampled_from([0.0, 1.0, 0.5, 1e-4, 1e8, 1000.0]),
    "float64": st.floats() | st.decimals(-1000, 1000, places=4).map(float),
    "bfloat16": st.integers(-(2**15), 2**15).map(float),
    "complex64": st.complex_numbers(width=64),
    "complex128": st.complex_numbers() | st.complex_numbers(max_magnitude=100, min_magnitude=0.01),
}


@st.composite
def tensors(draw):
    dtype = draw(st.sampled_from(sorted(elements)))
    shape = tuple(draw(st.lists(st.integers(1, 9), max_size=4)))
    while math.prod(shape) > 400:
        shape = shape[1:]
    pool = draw(st.lists(elements[dtype], min_size=1, max_size=12))
    values = [pool[i * i % len(pool)] for i in range(math.prod(shape))]
    return torch.tensor(values, dtype=getattr(torch, dtype)).reshape(shape)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tensors(),
    st.integers(0, 12),
    st.integers(0, 50),
    st.integers(0, 4),
    st.integers(1, 120),
    st.sampled_from([None, None, True, False]),
)
def test_any_tensor_under_any_options(data, precision, threshold, edgeitems, linewidth, sci_mode):
    check(data)
    options = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
        "sci_mode": sci_mode,
    }
    torch.set_printoptions(**options)
    facula.set_printoptions(**options)
    try:
        check(data)
    finally:
        torch.set_printoptions(profile="default")
        facula.set_printoptions(profile="default")


# ------------------------------------------------------------------------------------- gradients and classes


def grad_cases(lib):
    a = lib.tensor([1.0, 2.0], requires_grad=True)
    m = lib.ones(2, 3, requires_grad=True)
    yield a
    yield a + 1
    yield 2 - a
    yield a * a
    yield a.exp()
    yield a.sum()
    yield (a * 2).detach()
    yield a[0]
    yield a[:1]
    yield m.t()
    yield m.reshape(3, 2)
    yield m @ m.t()
    yield m.mean(0)
    yield (m * 1000.5).double()
    yield lib.zeros(0, requires_grad=True)
    yield lib.zeros(0, 2, requires_grad=True) * 2
    yield lib.ones(2000, requires_grad=True) * 3
    with lib.no_grad():
        untracked = a * 2
    yield untracked


def test_gradients():
    for mine, theirs in zip(grad_cases(facula), grad_cases(torch)):
        assert repr(mine) == torch_repr(theirs)


def test_printing_records_nothing_and_keeps_the_tensor():
    a = facula.ones(3000, requires_grad=True)
    b = a * 2
    before = b._version
    assert repr(b) == repr(b)
    assert b._version == before
    b.sum().backward()
    assert a.grad.sum().item() == 6000


def test_an_invalid_history_is_named():
    def view(lib):
        base = lib.ones(4, requires_grad=True).clone()
        with lib.no_grad():
            part = base[:2]
            part.mul_(2)
        return part

    assert repr(view(facula)) == torch_repr(view(torch)) == "tensor([2., 2.], grad_fn=<Invalid>)"


def test_a_function_of_the_user_is_named():
    def apply(lib):
        class Twice(lib.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return g * 2

        return Twice.apply(lib.ones(2, requires_grad=True))

    assert repr(apply(facula)) == torch_repr(apply(torch))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_meta(shape, dtype):
    mine = facula.empty(shape, dtype=getattr(facula, dtype), device="meta")
    assert repr(mine) == torch_repr(torch.empty(shape, dtype=getattr(torch, dtype), device="meta"))


def test_parameters():
    for data in ([1.0, 2.0], 0.5, [[1e-9, 1.0]]):
        want = "Parameter containing:\n" + torch_repr(torch.nn.Parameter(torch.tensor(data)))
        assert repr(facula.nn.Parameter(facula.tensor(data))) == want
    frozen = facula.nn.Parameter(facula.ones(2), requires_grad=False)
    assert repr(frozen) == "Parameter containing:\ntensor([1., 1.])"


def test_subclasses():
    def texts(lib, show):
        class Temperature(lib.Tensor):
            pass

        class Weight(lib.nn.Parameter):
            pass

        plain = lib.arange(60.0).reshape(4, 15).as_subclass(Temperature)
        return [
            show(plain),
            show(lib.tensor(0.5).as_subclass(Temperature)),
            show(lib.ones(50, 50).as_subclass(Temperature)),
            show(Weight(lib.ones(2))),
            show(lib.nn.Parameter(plain)),
            show(lib.zeros(0).as_subclass(Temperature)),
        ]

    def mine(tensor):
        return repr(tensor).removeprefix("Parameter containing:\n")

    assert texts(facula, mine) == texts(torch, torch_repr)


def test_contents_can_be_given():
    class_of_ours = facula.Tensor
    for lib_repr, lib in ((class_of_ours.__repr__, facula), (torch_repr, torch)):
        assert lib_repr(lib.ones(2, 2).double(), tensor_contents="abc") == "tensor(abc, dtype=torch.float64)"


# ----------------------------------------------------------------------------------------------- format, html


@pytest.mark.parametrize(
    ("value", "spec"),
    [(1.5, ".3f"), (1.5, ""), (1.5, ">10"), (3, "5d"), (3, "x"), (3, ".2f"), (True, ""), (1e-9, "e"),
     (1 + 2j, ".1f"), (nan, "8.2f"), (-0.0, "+"), (1 / 3, "g"), (0.1, "")],
)  # fmt: skip
def test_format_of_a_number(value, spec):
    assert format(facula.tensor(value), spec) == torch_format(torch.tensor(value), spec)
    if isinstance(value, float):
        tracked = torch.tensor(value, requires_grad=True) * 2
        assert format(facula.tensor(value, requires_grad=True) * 2, spec) == torch_format(tracked, spec)


@pytest.mark.parametrize(("value", "spec"), [([1.0], ".2f"), (1.5, "d"), (1.5, "?!"), (1, "s"), ([[]], "5")])
def test_format_refuses_as_pytorch_does(value, spec):
    with pytest.raises((TypeError, ValueError)) as theirs:
        torch_format(torch.tensor(value), spec)
    with pytest.raises(theirs.type) as mine:
        format(facula.tensor(value), spec)
    assert str(mine.value) == str(theirs.value)


def test_wrong_options_fail_as_pytorch_does():
    with pytest.raises(TypeError, match="unexpected keyword argument 'digits'"):
        facula.set_printoptions(digits=3)
    for options in ({"precision": -1}, {"precision": 2.5}, {"precision": "many"}):
        torch.set_printoptions(**options)
        facula.set_printoptions(**options)
        with pytest.raises(ValueError) as theirs:
            torch_repr(torch.tensor(1.5))
        with pytest.raises(ValueError) as mine:
            repr(facula.tensor(1.5))
        assert str(mine.value) == str(theirs.value)


def test_option_context():
    with printoptions(precision=2, edgeitems=1):
        with printoptions(profile="full"):
            assert get_printoptions() == {
                "precision": 4, "threshold": inf, "edgeitems": 3, "linewidth": 80, "sci_mode": None,
            }  # fmt: skip
        assert get_printoptions()["precision"] == 2
        assert repr(facula.tensor(0.12345)) == "tensor(0.12)"
    assert repr(facula.tensor(0.12345)) == "tensor(0.1235)"
