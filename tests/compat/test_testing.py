"""torch.testing against real PyTorch: messages and random tensors."""

from __future__ import annotations

import warnings
from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")

import facula  # noqa: E402

nan = float("nan")
PAIRS = {
    "close": (lambda t: (t.ones(2), t.ones(2) + 1e-7), {}),
    "one": (lambda t: (t.tensor([1.0, 2.0]), t.tensor([1.0, 3.0])), {}),
    "matrix": (lambda t: (t.arange(6.0).view(2, 3), t.arange(6.0).view(2, 3) * 2), {}),
    "whole": (lambda t: (t.tensor([1, 2, 3]), t.tensor([1, 2, 5])), {}),
    "bytes": (lambda t: (t.tensor([1, 200], dtype=t.uint8), t.tensor([1, 0], dtype=t.uint8)), {}),
    "bool": (lambda t: (t.tensor([True, False]), t.tensor([True, True])), {}),
    "complex": (lambda t: (t.tensor([1 + 1j]), t.tensor([1 + 2j])), {}),
    "0-d": (lambda t: (t.tensor(1.0), t.tensor(2.0)), {}),
    "equal": (lambda t: (t.tensor([1.0, 2.0]), t.tensor([1.0, 3.0])), {"rtol": 0, "atol": 0}),
    "tolerances": (lambda t: (t.tensor([1.0]), t.tensor([1.1])), {"rtol": 0.5, "atol": 0.0}),
    "one tolerance": (lambda t: (t.tensor([1.0]), t.tensor([1.0])), {"rtol": 0.5}),
    "zero": (lambda t: (t.tensor([1.0]), t.tensor([0.0])), {}),
    "nan": (lambda t: (t.tensor([nan]), t.tensor([nan])), {}),
    "equal nan": (lambda t: (t.tensor([nan]), t.tensor([nan])), {"equal_nan": True}),
    "shape": (lambda t: (t.ones(2), t.ones(3)), {}),
    "dtype": (lambda t: (t.ones(2), t.ones(2, dtype=t.float64)), {}),
    "no dtype": (lambda t: (t.ones(2), t.ones(2, dtype=t.float64) + 1), {"check_dtype": False}),
    "stride": (lambda t: (t.ones(2, 3), t.ones(3, 2).t()), {"check_stride": True}),
    "half": (lambda t: (t.ones(2).half(), t.ones(2).half() * 1.01), {}),
    "bfloat16": (lambda t: (t.ones(2).bfloat16(), t.ones(2).bfloat16() * 1.1), {}),
    "message": (lambda t: (t.ones(1), t.zeros(1)), {"msg": "mine"}),
    "made message": (lambda t: (t.ones(1), t.zeros(1)), {"msg": lambda m: "head\n" + m}),
    "numbers": (lambda t: (1.0, 1.5), {}),
    "whole numbers": (lambda t: (1, 2), {}),
    "types": (lambda t: (1, 1.0), {}),
    "complex numbers": (lambda t: (1j, 2j), {}),
    "to zero": (lambda t: (1.0, 0.0), {}),
    "booleans": (lambda t: (True, False), {}),
    "none": (lambda t: (None, 1.0), {}),
    "both none": (lambda t: (None, None), {}),
    "lists": (lambda t: ([t.ones(1), t.ones(1)], [t.ones(1), t.zeros(1)]), {}),
    "lengths": (lambda t: ([t.ones(1)], [t.ones(1), t.zeros(1)]), {}),
    "nested": (lambda t: ({"a": [1.0, (2.0,)]}, {"a": [1.0, (3.0,)]}), {}),
    "keys": (lambda t: ({"a": 1.0, "c": 1.0}, {"b": 1.0}), {}),
    "ordered": (lambda t: (OrderedDict(a=1.0), {"a": 1.0}), {}),
    "texts": (lambda t: ("a", "a"), {}),
    "objects": (lambda t: (object(), 3), {}),
    "arrays": (lambda t: (numpy.ones(2), numpy.zeros(2)), {}),
    "array and tensor": (lambda t: (numpy.ones(2), t.zeros(2)), {}),
    "array number": (lambda t: (numpy.float64(2), 3.0), {}),
    "number and tensor": (lambda t: (1.0, t.tensor(1.0)), {}),
    "gradient": (lambda t: (t.ones(2, requires_grad=True), t.zeros(2)), {}),
    "empty": (lambda t: (t.ones(0), t.ones(0)), {}),
}


@pytest.mark.parametrize("name", PAIRS)
def test_assert_close(name):
    make, options = PAIRS[name]
    seen = []
    for t in (torch, facula):
        try:
            seen.append(t.testing.assert_close(*make(t), **options))
        except Exception as error:
            text = str(error).replace("facula", "torch").split(" object at ")[0]
            seen.append([type(error).__name__, text])
    assert seen[1] == seen[0]


MADE = [
    ((2, 3), {}),
    (((2, 3),), {"low": 0, "high": 1}),
    ((4, 4), {"noncontiguous": True}),
    ((5,), {"exclude_zero": True}),
    ((5,), {"low": 3, "high": 2}),
    ((5,), {"low": nan}),
    ((2,), {"requires_grad": True}),
    ((3,), {"low": 1e39, "high": 1e40}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool", "complex64", "bfloat16"])
@pytest.mark.parametrize("case", range(len(MADE)))
def test_make_tensor(dtype, case):
    shape, options = MADE[case]
    seen = []
    for t in (torch, facula):
        t.manual_seed(3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                x = t.testing.make_tensor(*shape, dtype=getattr(t, dtype), device="cpu", **options)
                seen.append((x.tolist(), x.stride(), x.requires_grad))
            except Exception as error:
                seen.append([type(error).__name__, str(error)])
    assert seen[1] == seen[0]
