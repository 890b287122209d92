"""Texts of tensors as literals, so that printing is checked where PyTorch is not installed.

The texts are what PyTorch 2.13 prints; tests/compat/test_printing.py compares many more.
"""

from __future__ import annotations

import math

import pytest

import facula
from facula._tensor_str import get_printoptions, printoptions

# fmt: off
GOLDEN = [
    ("torch.tensor(1.5)", "tensor(1.5000)"),
    ("torch.tensor(3)", "tensor(3)"),
    ("torch.tensor(True)", "tensor(True)"),
    ("torch.tensor(1 - 2j)", "tensor(1.-2.j)"),
    ("torch.tensor([1.0, 2.0, 30.0])", "tensor([ 1.,  2., 30.])"),
    ("torch.tensor([1.0, math.nan, -math.inf])", "tensor([1., nan, -inf])"),
    ("torch.tensor([0.0, -0.0])", "tensor([0., -0.])"),
    ("torch.tensor([0.5, -1.25, 3.0])", "tensor([ 0.5000, -1.2500,  3.0000])"),
    ("torch.tensor([1.0, 1001.0])", "tensor([1.0000e+00, 1.0010e+03])"),
    ("torch.tensor([0.5, 501.5, 0.0])", "tensor([5.0000e-01, 5.0150e+02, 0.0000e+00])"),
    ("torch.tensor([1e-5, 1.0, math.nan])", "tensor([1.0000e-05, 1.0000e+00,        nan])"),
    ("torch.tensor([123456789.0])", "tensor([1.2346e+08])"),
    ("torch.tensor([1e-45])", "tensor([1.4013e-45])"),
    ("torch.tensor([0.1, 0.2], dtype=torch.float64)", "tensor([0.1000, 0.2000], dtype=torch.float64)"),
    (
        "torch.tensor([0.1, 65504.0], dtype=torch.float16)",
        "tensor([9.9976e-02, 6.5504e+04], dtype=torch.float16)",
    ),
    ("torch.tensor([0.1, 3.0], dtype=torch.bfloat16)", "tensor([0.1001, 3.0000], dtype=torch.bfloat16)"),
    ("torch.tensor([1, -20, 300])", "tensor([  1, -20, 300])"),
    (
        "torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8)",
        "tensor([[1, 2],\n"
        "        [3, 4]], dtype=torch.uint8)",
    ),
    ("torch.tensor([True, False])", "tensor([ True, False])"),
    ("torch.tensor([1 + 2j, 0.5 - 20j])", "tensor([1.0000+2.j, 0.5000-20.j])"),
    ("torch.tensor([1j], dtype=torch.complex128)", "tensor([0.+1.j], dtype=torch.complex128)"),
    ("torch.tensor([])", "tensor([])"),
    ("torch.tensor([], dtype=torch.int64)", "tensor([], dtype=torch.int64)"),
    ("torch.zeros(0, 3)", "tensor([], size=(0, 3))"),
    ("torch.zeros(2, 0, dtype=torch.bool)", "tensor([], size=(2, 0), dtype=torch.bool)"),
    (
        "torch.zeros(2, 2, 2)",
        "tensor([[[0., 0.],\n"
        "         [0., 0.]],\n"
        "\n"
        "        [[0., 0.],\n"
        "         [0., 0.]]])",
    ),
    (
        "torch.arange(30)",
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
        "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])",
    ),
    ("torch.arange(1001)", "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (
        "torch.arange(1092.0).reshape(7, 12, 13) / 4",
        "tensor([[[0.0000e+00, 2.5000e-01, 5.0000e-01,  ..., 2.5000e+00,\n"
        "          2.7500e+00, 3.0000e+00],\n"
        "         [3.2500e+00, 3.5000e+00, 3.7500e+00,  ..., 5.7500e+00,\n"
        "          6.0000e+00, 6.2500e+00],\n"
        "         [6.5000e+00, 6.7500e+00, 7.0000e+00,  ..., 9.0000e+00,\n"
        "          9.2500e+00, 9.5000e+00],\n"
        "         ...,\n"
        "         [2.9250e+01, 2.9500e+01, 2.9750e+01,  ..., 3.1750e+01,\n"
        "          3.2000e+01, 3.2250e+01],\n"
        "         [3.2500e+01, 3.2750e+01, 3.3000e+01,  ..., 3.5000e+01,\n"
        "          3.5250e+01, 3.5500e+01],\n"
        "         [3.5750e+01, 3.6000e+01, 3.6250e+01,  ..., 3.8250e+01,\n"
        "          3.8500e+01, 3.8750e+01]],\n"
        "\n"
        "        [[3.9000e+01, 3.9250e+01, 3.9500e+01,  ..., 4.1500e+01,\n"
        "          4.1750e+01, 4.2000e+01],\n"
        "         [4.2250e+01, 4.2500e+01, 4.2750e+01,  ..., 4.4750e+01,\n"
        "          4.5000e+01, 4.5250e+01],\n"
        "         [4.5500e+01, 4.5750e+01, 4.6000e+01,  ..., 4.8000e+01,\n"
        "          4.8250e+01, 4.8500e+01],\n"
        "         ...,\n"
        "         [6.8250e+01, 6.8500e+01, 6.8750e+01,  ..., 7.0750e+01,\n"
        "          7.1000e+01, 7.1250e+01],\n"
        "         [7.1500e+01, 7.1750e+01, 7.2000e+01,  ..., 7.4000e+01,\n"
        "          7.4250e+01, 7.4500e+01],\n"
        "         [7.4750e+01, 7.5000e+01, 7.5250e+01,  ..., 7.7250e+01,\n"
        "          7.7500e+01, 7.7750e+01]],\n"
        "\n"
        "        [[7.8000e+01, 7.8250e+01, 7.8500e+01,  ..., 8.0500e+01,\n"
        "          8.0750e+01, 8.1000e+01],\n"
        "         [8.1250e+01, 8.1500e+01, 8.1750e+01,  ..., 8.3750e+01,\n"
        "          8.4000e+01, 8.4250e+01],\n"
        "         [8.4500e+01, 8.4750e+01, 8.5000e+01,  ..., 8.7000e+01,\n"
        "          8.7250e+01, 8.7500e+01],\n"
        "         ...,\n"
        "         [1.0725e+02, 1.0750e+02, 1.0775e+02,  ..., 1.0975e+02,\n"
        "          1.1000e+02, 1.1025e+02],\n"
        "         [1.1050e+02, 1.1075e+02, 1.1100e+02,  ..., 1.1300e+02,\n"
        "          1.1325e+02, 1.1350e+02],\n"
        "         [1.1375e+02, 1.1400e+02, 1.1425e+02,  ..., 1.1625e+02,\n"
        "          1.1650e+02, 1.1675e+02]],\n"
        "\n"
        "        ...,\n"
        "\n"
        "        [[1.5600e+02, 1.5625e+02, 1.5650e+02,  ..., 1.5850e+02,\n"
        "          1.5875e+02, 1.5900e+02],\n"
        "         [1.5925e+02, 1.5950e+02, 1.5975e+02,  ..., 1.6175e+02,\n"
        "          1.6200e+02, 1.6225e+02],\n"
        "         [1.6250e+02, 1.6275e+02, 1.6300e+02,  ..., 1.6500e+02,\n"
        "          1.6525e+02, 1.6550e+02],\n"
        "         ...,\n"
        "         [1.8525e+02, 1.8550e+02, 1.8575e+02,  ..., 1.8775e+02,\n"
        "          1.8800e+02, 1.8825e+02],\n"
        "         [1.8850e+02, 1.8875e+02, 1.8900e+02,  ..., 1.9100e+02,\n"
        "          1.9125e+02, 1.9150e+02],\n"
        "         [1.9175e+02, 1.9200e+02, 1.9225e+02,  ..., 1.9425e+02,\n"
        "          1.9450e+02, 1.9475e+02]],\n"
        "\n"
        "        [[1.9500e+02, 1.9525e+02, 1.9550e+02,  ..., 1.9750e+02,\n"
        "          1.9775e+02, 1.9800e+02],\n"
        "         [1.9825e+02, 1.9850e+02, 1.9875e+02,  ..., 2.0075e+02,\n"
        "          2.0100e+02, 2.0125e+02],\n"
        "         [2.0150e+02, 2.0175e+02, 2.0200e+02,  ..., 2.0400e+02,\n"
        "          2.0425e+02, 2.0450e+02],\n"
        "         ...,\n"
        "         [2.2425e+02, 2.2450e+02, 2.2475e+02,  ..., 2.2675e+02,\n"
        "          2.2700e+02, 2.2725e+02],\n"
        "         [2.2750e+02, 2.2775e+02, 2.2800e+02,  ..., 2.3000e+02,\n"
        "          2.3025e+02, 2.3050e+02],\n"
        "         [2.3075e+02, 2.3100e+02, 2.3125e+02,  ..., 2.3325e+02,\n"
        "          2.3350e+02, 2.3375e+02]],\n"
        "\n"
        "        [[2.3400e+02, 2.3425e+02, 2.3450e+02,  ..., 2.3650e+02,\n"
        "          2.3675e+02, 2.3700e+02],\n"
        "         [2.3725e+02, 2.3750e+02, 2.3775e+02,  ..., 2.3975e+02,\n"
        "          2.4000e+02, 2.4025e+02],\n"
        "         [2.4050e+02, 2.4075e+02, 2.4100e+02,  ..., 2.4300e+02,\n"
        "          2.4325e+02, 2.4350e+02],\n"
        "         ...,\n"
        "         [2.6325e+02, 2.6350e+02, 2.6375e+02,  ..., 2.6575e+02,\n"
        "          2.6600e+02, 2.6625e+02],\n"
        "         [2.6650e+02, 2.6675e+02, 2.6700e+02,  ..., 2.6900e+02,\n"
        "          2.6925e+02, 2.6950e+02],\n"
        "         [2.6975e+02, 2.7000e+02, 2.7025e+02,  ..., 2.7225e+02,\n"
        "          2.7250e+02, 2.7275e+02]]])",
    ),
    (
        "torch.arange(40.0).reshape(2, 20) * 1e5",
        "tensor([[      0.,  100000.,  200000.,  300000.,  400000.,  500000.,  600000.,\n"
        "          700000.,  800000.,  900000., 1000000., 1100000., 1200000., 1300000.,\n"
        "         1400000., 1500000., 1600000., 1700000., 1800000., 1900000.],\n"
        "        [2000000., 2100000., 2200000., 2300000., 2400000., 2500000., 2600000.,\n"
        "         2700000., 2800000., 2900000., 3000000., 3100000., 3200000., 3300000.,\n"
        "         3400000., 3500000., 3600000., 3700000., 3800000., 3900000.]])",
    ),
    (
        "torch.zeros(50, 50)",
        "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        ...,\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.]])",
    ),
    ("torch.ones(2, requires_grad=True)", "tensor([1., 1.], requires_grad=True)"),
    ("torch.ones(2, requires_grad=True) * 2", "tensor([2., 2.], grad_fn=<MulBackward0>)"),
    (
        "torch.ones(9, 9, requires_grad=True).sum(0)",
        "tensor([9., 9., 9., 9., 9., 9., 9., 9., 9.], grad_fn=<SumBackward1>)",
    ),
    (
        "torch.ones(12, dtype=torch.float64, requires_grad=True) + 1",
        "tensor([2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2., 2.], dtype=torch.float64,\n"
        "       grad_fn=<AddBackward0>)",
    ),
    ('torch.empty(2, 3, device="meta")', "tensor(..., device='meta', size=(2, 3))"),
    (
        'torch.empty((), dtype=torch.int32, device="meta")',
        "tensor(..., device='meta', size=(), dtype=torch.int32)",
    ),
    (
        "torch.nn.Parameter(torch.tensor([0.5, 1.0]))",
        "Parameter containing:\n"
        "tensor([0.5000, 1.0000], requires_grad=True)",
    ),
]
# fmt: on


@pytest.mark.parametrize(("expression", "text"), GOLDEN, ids=[row[0] for row in GOLDEN])
def test_repr(expression, text):
    tensor = eval(expression, {"torch": facula, "math": math})
    assert repr(tensor) == text
    assert str(tensor) == text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"precision": 2}, "tensor([0.12, 2.00])"),
        ({"precision": 0}, "tensor([0, 2])"),
        ({"sci_mode": True}, "tensor([1.2346e-01, 2.0000e+00])"),
        ({"linewidth": 16}, "tensor([0.1235,\n        2.0000])"),
        ({"threshold": 1, "edgeitems": 0}, "tensor([...], size=(2,))"),
        ({"profile": "short"}, "tensor([0.12, 2.00])"),
    ],
    ids=str,
)
def test_options(options, text):
    before = get_printoptions()
    with printoptions(**options):
        assert repr(facula.tensor([0.123456, 2.0])) == text
    assert get_printoptions() == before


def test_options_are_restored_after_an_error():
    before = get_printoptions()
    with pytest.raises(KeyError), printoptions(precision=9, sci_mode=True):
        raise KeyError
    with pytest.raises(TypeError, match="unexpected keyword"), printoptions(digits=9):
        pass
    assert get_printoptions() == before


def test_options_as_a_decorator():
    @printoptions(precision=1)
    def show():
        """Docstring."""
        return repr(facula.tensor(0.25))

    assert (show(), show()) == ("tensor(0.2)", "tensor(0.2)")
    assert show.__doc__ == "Docstring."
    assert get_printoptions()["precision"] == 4


def test_scientific_mode_is_reset_by_every_call():
    try:
        facula.set_printoptions(sci_mode=True)
        assert repr(facula.tensor(1.5)) == "tensor(1.5000e+00)"
        facula.set_printoptions(precision=3)
        assert repr(facula.tensor(1.5)) == "tensor(1.500)"
    finally:
        facula.set_printoptions(profile="default")


def test_format():
    assert f"{facula.tensor(1.5):.3f}" == "1.500"
    assert f"{facula.tensor(1.5, requires_grad=True) * 2:6.2f}" == "  3.00"
    assert f"{facula.tensor(7):03d}" == "007"
    assert f"{facula.tensor(True)}" == "True"
    assert f"{facula.tensor([1, 2])}" == "tensor([1, 2])"
    with pytest.raises(TypeError, match="unsupported format string passed to Tensor"):
        f"{facula.tensor([1, 2]):.2f}"


def test_html_is_the_escaped_text_with_shape_and_dtype():
    html = (facula.ones(2, 3, requires_grad=True) * 2)._repr_html_()
    assert html == (
        "<pre>tensor([[2., 2., 2.],\n"
        "        [2., 2., 2.]], grad_fn=&lt;MulBackward0&gt;)</pre><small>2 × 3 · float32</small>"
    )
    assert facula.tensor(3)._repr_html_() == "<pre>tensor(3)</pre><small>0-dim · int64</small>"
    assert facula.empty(2, device="meta")._repr_html_().endswith("<small>2 · float32 · meta</small>")


def test_subclass():
    class Temperature(facula.Tensor):
        pass

    assert repr(facula.tensor([20.5]).as_subclass(Temperature)) == "Temperature([20.5000])"
