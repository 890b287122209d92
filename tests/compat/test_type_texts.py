"""Texts of what is not a tensor (dtypes, devices, sizes, limits, named results), and the limits."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

FLOATS = "float16 bfloat16 float32 float64 complex32 complex64 complex128 float8_e4m3fn float8_e5m2".split()
INTEGERS = "uint8 int8 int16 int32 int64 uint16 uint32 uint64".split()

TEXTS = """
torch.Size([2, 3])
torch.Size([])
torch.ones(2, 3).shape
torch.ones(2, 3).size()
torch.tensor(1.0).shape
torch.Size([2, 3])[1:]
torch.Size([2, 3]) + (4,)
torch.Size([2, 3]) * 2
torch.device("cpu")
torch.device("cpu", 0)
torch.device("meta")
torch.device("cuda:1")
torch.ones(1).device
torch.float32
torch.half
torch.long
torch.cfloat
torch.double
torch.bool
torch.uint8
torch.bfloat16
torch.uint16
torch.uint32
torch.uint64
torch.float8_e4m3fn
torch.float8_e5m2
torch.ones(1).dtype
torch.get_default_dtype()
torch.finfo()
torch.finfo(torch.float16)
torch.finfo(torch.bfloat16)
torch.finfo(torch.float32)
torch.finfo(torch.float64)
torch.finfo(torch.complex64)
torch.finfo(torch.complex128)
torch.finfo(torch.float32).dtype
torch.iinfo(torch.uint8)
torch.iinfo(torch.int8)
torch.iinfo(torch.int16)
torch.iinfo(torch.int32)
torch.iinfo(torch.int64)
torch.iinfo(torch.int64).dtype
torch.contiguous_format
torch.preserve_format
torch.channels_last
torch.channels_last_3d
torch.strided
torch.sparse_coo
torch.ones(1).layout
torch.ones(1).type()
torch.Tensor
torch.nn.Parameter
torch.Size
torch.device
torch.dtype
torch.finfo
torch.iinfo
torch.layout
torch.memory_format
torch.Generator
torch.Generator()
torch.return_types.max
torch.max(torch.tensor([[1.0, 2.0], [4.0, 3.0]]), 1)
torch.max(torch.tensor([[1.0, 2.0], [4.0, 3.0]], requires_grad=True), dim=0)
torch.min(torch.tensor([[1, 2], [4, 3]]), 0, keepdim=True)
torch.sort(torch.tensor([3.0, 1.0, 2.0]))
torch.tensor([3, 1, 2]).sort(descending=True)
torch.topk(torch.tensor([3.0, 1.0, 2.0]), 2)
torch.cummax(torch.tensor([1.0, 3.0, 2.0]), 0)
torch.cummin(torch.tensor([1.0, 3.0, 2.0]), 0)
torch.tensor([1.0, 3.0, 2.0]).median(0)
torch.tensor([1.0, 3.0, 2.0]).kthvalue(2)
torch.tensor([1.0, 3.0, 3.0]).mode()
torch.max(torch.arange(60.0).reshape(30, 2), 1)
type(torch.max(torch.ones(2, 2), 1))
torch.std_mean(torch.tensor([1.0, 3.0]))
torch.ones(1, requires_grad=True).exp().grad_fn
torch.__version__.split("+")[0]
""".strip().splitlines()


UNEQUAL: dict[str, str] = {}


@pytest.mark.parametrize(
    "expression",
    [pytest.param(e, marks=[pytest.mark.xfail(reason=UNEQUAL[e])] if e in UNEQUAL else []) for e in TEXTS],
)
def test_texts_of_other_types(expression):
    mine, theirs = (eval(expression, {"torch": library}) for library in (facula, torch))
    for show in (repr, str):
        want = show(theirs).partition(" at 0x")[0]
        assert show(mine).partition(" at 0x")[0] == want


def test_named_results_are_tuples_with_names():
    mine = facula.max(facula.tensor([[1.0, 2.0]]), 1)
    values, indices = mine
    assert isinstance(mine, tuple) and len(mine) == 2
    assert mine.values is values is mine[0]
    assert mine.indices is indices is mine[1]


@pytest.mark.parametrize("name", FLOATS)
def test_limits_of_floats(name):
    mine, theirs = facula.finfo(getattr(facula, name)), torch.finfo(getattr(torch, name))
    for attribute in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert repr(mine) == repr(theirs)


@pytest.mark.parametrize("name", INTEGERS)
def test_limits_of_integers(name):
    mine, theirs = facula.iinfo(getattr(facula, name)), torch.iinfo(getattr(torch, name))
    for attribute in ("bits", "max", "min", "dtype"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert repr(mine) == repr(theirs)


LIMITS = """
torch.finfo(torch.int32)
torch.iinfo(torch.float32)
torch.iinfo(torch.bool)
torch.iinfo(torch.complex64)
torch.iinfo()
torch.finfo(None)
torch.finfo("float32")
torch.iinfo(3)
hash(torch.finfo())
setattr(torch.finfo(), "eps", 1)
torch.finfo().digits
torch.finfo(float)
torch.iinfo(int)
torch.finfo(type=torch.float16)
torch.finfo() == torch.finfo(torch.float32)
torch.finfo(torch.complex64) == torch.finfo()
torch.finfo() == torch.finfo(torch.float64)
torch.finfo() == torch.iinfo(torch.int8)
""".strip().splitlines()


@pytest.mark.parametrize("expression", LIMITS)
def test_limits_fail_and_compare_as_pytorchs(expression):
    def outcome(library):
        try:
            return repr(eval(expression, {"torch": library}))
        except (TypeError, AttributeError) as error:
            text = str(error).replace("torch.finfo", "finfo")
            return type(error).__name__, text

    assert outcome(facula) == outcome(torch)
