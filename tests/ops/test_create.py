"""Factories: types are inferred, what does not fit is refused, ranges end where they should."""

from __future__ import annotations

import math

import pytest

import facula as torch

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies


@hypothesis.given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9).filter(bool))
def test_integer_ranges_are_pythons(start: int, end: int, step: int) -> None:
    if (end - start) * step < 0:
        with pytest.raises(RuntimeError, match="inconsistent with step sign"):
            torch.arange(start, end, step)
    else:
        assert torch.arange(start, end, step).tolist() == list(range(start, end, step))


@hypothesis.given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(2, 70))
def test_lines_touch_both_ends(start: float, end: float, steps: int) -> None:
    line = torch.linspace(start, end, steps, dtype=torch.float64).tolist()
    assert line[0] == start and line[-1] == end and len(line) == steps
    for k, value in enumerate(line):
        assert math.isclose(value, start + (end - start) * k / (steps - 1), abs_tol=1e-9)


@pytest.mark.parametrize("value,dtype", [(True, "bool"), (3, "int64"), (2.5, "float32"), (1j, "complex64")])
def test_full_takes_its_type_from_the_value(value, dtype: str) -> None:
    t = torch.full((2,), value)
    assert t.dtype == getattr(torch, dtype) and t.tolist() == [value, value]


def test_default_dtype_is_followed() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        for t in (torch.zeros(1), torch.arange(0, 1, 0.5), torch.full((1,), 0.5), torch.eye(1)):
            assert t.dtype == torch.float64
        assert torch.full((1,), 1j).dtype == torch.complex128
    finally:
        torch.set_default_dtype(torch.float32)


def test_meta_tensors_have_shapes_without_memory() -> None:
    t = torch.empty(2**20, 2**20, device="meta")
    assert t.view(-1).shape == (2**40,) and t.t()[3].shape == (2**20,)
    assert torch.cat([t, t]).shape == (2**21, 2**20)
    assert t.tril().shape == t.shape and t.flip(0).device.type == "meta"


def test_out_is_filled_in_its_own_type() -> None:
    out = torch.empty(0, dtype=torch.int16)
    assert torch.arange(4, out=out) is out and out.tolist() == [0, 1, 2, 3] and out.dtype == torch.int16
    strided = torch.zeros(4, 2)
    torch.arange(4, out=strided[:, 1])
    assert strided.tolist() == [[0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]
    leaf = torch.zeros(2, requires_grad=True)
    with pytest.raises(RuntimeError):
        torch.ones(2, out=leaf)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: torch.zeros(-1),
        lambda: torch.zeros(2**62, 2**62),
        lambda: torch.empty(2**60),
        lambda: torch.zeros(2, requires_grad=True, dtype=torch.int64),
        lambda: torch.full((1,), 300, dtype=torch.uint8),
        lambda: torch.full((1,), float("nan"), dtype=torch.int64),
        lambda: torch.full((1,), 1j, dtype=torch.float32),
        lambda: torch.arange(0, 1, 0),
        lambda: torch.arange(float("nan")),
        lambda: torch.arange(2**61),
        lambda: torch.linspace(0, 1, -1),
        lambda: torch.eye(-1),
        lambda: torch.eye(2**40, 2**40),
        lambda: torch.empty_strided((2,), (2**62,)),
        lambda: torch.tril_indices(-1, 2),
        lambda: torch.meshgrid(torch.zeros(2, 2), indexing="ij"),
    ],
)
def test_refusals(bad) -> None:
    with pytest.raises(RuntimeError):
        bad()


def test_triangles() -> None:
    x = torch.ones(3, 3)
    for k in range(-4, 5):
        below, above = x.tril(k), x.triu(k + 1)
        assert (below + above).tolist() == x.tolist()
        rows, columns = torch.tril_indices(3, 3, k).tolist()
        assert len(rows) == int(below.sum().item())
        assert all(c - r <= k for r, c in zip(rows, columns))


@pytest.mark.parametrize(
    "make",
    [
        lambda out: torch.arange(4, out=out),
        lambda out: torch.linspace(0, 3, 4, out=out),
        lambda out: torch.arange(0, 8, 2, out=out).div_(2),
        lambda out: torch.logspace(0, 3, 4, base=2, out=out).log2_(),
    ],
)
def test_a_range_keeps_the_shape_of_out_where_it_fills_it(make) -> None:
    whole = torch.full((2, 3), -1.0)
    make(whole[:, 1:])
    assert whole.tolist() == [[-1, 0, 1], [-1, 2, 3]]
    square = torch.empty(2, 2)
    make(square.t())
    assert square.tolist() == [[0, 2], [1, 3]]
    assert make(torch.empty(0)).tolist() == [0, 1, 2, 3]


def test_a_tensor_within_a_sequence_is_a_number() -> None:
    one, two = torch.tensor([1]), torch.tensor([[2]])
    assert torch.tensor([one, two]).tolist() == [1, 2]
    assert torch.tensor([[one], [two]], dtype=torch.float64).tolist() == [[1.0], [2.0]]
    assert torch.tensor([[1.5, one], torch.tensor([3.0, 4.0])]).tolist() == [[1.5, 1.0], [3.0, 4.0]]
    with pytest.raises(ValueError, match="only one element tensors"):
        torch.tensor([torch.zeros(2), torch.zeros(2)])
    with pytest.raises(ValueError, match="expected sequence of length 2 at dim 1"):
        torch.tensor([[1.0, 2.0], torch.zeros(3)])


def test_numbers_of_numpy_keep_their_types_within_sequences() -> None:
    np = pytest.importorskip("numpy")
    assert torch.tensor([np.float64(1), 2]).dtype == torch.float64
    assert torch.tensor([np.float32(1)]).dtype == torch.float32
    assert torch.tensor([[np.int32(1), np.int16(2)]]).dtype == torch.int32
    assert torch.tensor([np.bool_(True)]).dtype == torch.bool
    mixed = torch.tensor([[7, np.array(5)], [np.array(9), np.array(0.5)]])
    assert mixed.dtype == torch.float64 and mixed.tolist() == [[7, 5], [9, 0.5]]


def test_integers_beyond_64_bits_go_where_they_fit() -> None:
    assert torch.tensor(2**64, dtype=torch.float32).item() == 2.0**64
    assert torch.tensor([-(2**70)], dtype=torch.complex128).tolist() == [complex(-(2**70))]
    assert torch.tensor([2**64, 0], dtype=torch.bool).tolist() == [True, False]
    assert torch.tensor([2**63], dtype=torch.uint64).tolist() == [2**63]
    with pytest.raises(ValueError, match="Overflow"):
        torch.tensor(2**64)
    for value, dtype in ((300.0, torch.uint8), (-1.0, torch.uint8), (70000, torch.int16)):
        with pytest.raises(RuntimeError, match="without overflow"):
            torch.tensor([value], dtype=dtype)
    assert torch.tensor([-1], dtype=torch.uint8).item() == 255


def test_a_byte_without_dimensions_is_a_truth_value_of_an_index() -> None:
    x = torch.arange(3)
    yes, no = torch.tensor(1, dtype=torch.uint8), torch.tensor(0, dtype=torch.uint8)
    assert x[yes].tolist() == [[0, 1, 2]] and x[no].shape == (0, 3)
    assert torch.tensor(5)[yes].tolist() == [5]
    x[no] = 9
    assert x.tolist() == [0, 1, 2]
    x[yes] = 7
    assert x.tolist() == [7, 7, 7]


def test_buffers_are_refused_by_what_is_wrong_with_them() -> None:
    with pytest.raises(ValueError, match="does not implement Python buffer protocol"):
        torch.frombuffer([1, 2], dtype=torch.float32)
    with pytest.raises(ValueError, match="both buffer length"):
        torch.frombuffer(bytearray(), dtype=torch.float32)


def test_a_layout_is_no_tensor_of_an_earlier_call() -> None:
    first, second = torch.ones(3), torch.ones(3)
    torch.where(first > 0, first, second)
    del first, second
    with pytest.raises(RuntimeError, match="pin_memory"):
        torch.arange(
            2, 2, 2, dtype=torch.float64, layout=torch.strided, device="cpu", pin_memory=True
        )  # fails after its arguments were read
    assert torch.func.vmap(lambda x: x + torch.arange(0, 2, 1, layout=torch.strided))(
        torch.ones(2, 1)
    ).shape == (2, 2)


def test_a_dlpack_capsule_is_shared() -> None:
    x = torch.arange(4.0)
    shared = torch.asarray(x.__dlpack__())
    shared[0] = 9
    assert x[0] == 9
