"""Views alias, keep history, have right gradients where strides overlap, and refuse bad shapes."""

from __future__ import annotations

import pytest

import facula as torch

np = pytest.importorskip("numpy")
hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies


def array(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


def tensor(a: np.ndarray) -> torch.Tensor:
    return torch.tensor(a.ravel().tolist()).reshape(a.shape)


MOVES = ["transpose", "select", "slice", "unsqueeze", "squeeze", "flip", "reshape"]


@st.composite
def walks(draw: st.DrawFn) -> list[tuple]:
    """A chain of views to be made of a [2, 3, 4] array."""
    steps = []
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(MOVES))
        steps.append((name, draw(st.integers(0, 9)), draw(st.integers(0, 9)), draw(st.integers(1, 3))))
    return steps


def step(a: np.ndarray, t: torch.Tensor, move: tuple) -> tuple[np.ndarray, torch.Tensor]:
    name, i, j, k = move
    n = a.ndim
    if name == "unsqueeze":
        return np.expand_dims(a, i % (n + 1)), t.unsqueeze(i % (n + 1))
    if name == "squeeze":
        return a.squeeze(), t.squeeze()
    if name == "reshape":
        return a.reshape(-1), t.reshape(-1)
    if n == 0:
        return a, t
    d = i % n
    if name == "transpose":
        return a.swapaxes(d, j % n), t.transpose(d, j % n)
    if name == "flip":
        return np.flip(a, d), t.flip(d)
    if name == "select" and a.shape[d] and n > 1:
        return a.take(j % a.shape[d], axis=d), t.select(d, j % a.shape[d])
    if name == "slice":
        key = (slice(None),) * d + (slice(j % (a.shape[d] + 1), None, k),)
        return a[key], t[key]
    return a, t


@hypothesis.given(walks())
def test_chains_of_views_agree_with_numpy(moves: list[tuple]) -> None:
    a, t = array(2, 3, 4), tensor(array(2, 3, 4))
    for move in moves:
        a, t = step(a, t, move)
        assert tuple(t.shape) == a.shape
    assert t.tolist() == a.tolist()


@hypothesis.given(walks())
def test_gradients_of_chains_go_back_to_their_elements(moves: list[tuple]) -> None:
    a = array(2, 3, 4)
    x = tensor(a).requires_grad_()
    t = x * 1
    for move in moves:
        a, t = step(a, t, move)
    if t.numel() == 0:
        return
    (t * t).sum().backward()
    expected = np.zeros(24, dtype=np.float32)
    np.add.at(expected, a.astype(int).ravel(), 2 * a.ravel())
    assert x.grad.reshape(-1).tolist() == expected.tolist()


def test_views_share_memory_and_version() -> None:
    x = torch.arange(24.0)
    view = x.view(4, 6).t()[1:3].unsqueeze(0)
    before = x._version
    view.fill_(9)
    assert x._version == before + 1 == view._version
    assert x.view(4, 6)[:, 1:3].tolist() == [[9.0, 9.0]] * 4
    assert x.detach()._version == x._version


def test_write_through_a_view_becomes_the_history_of_its_base() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y[1:].mul_(5)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 10.0, 10.0]


def test_pieces_refuse_recorded_writes() -> None:
    y = torch.ones(4, requires_grad=True) * 1
    for piece in (y.split(2)[0], y.chunk(2)[1], y.unbind()[0]):
        with pytest.raises(RuntimeError, match="multiple views"):
            piece.mul_(2)
    y.tensor_split(2)[0].mul_(2)


def test_unused_pieces_get_no_gradient() -> None:
    x = torch.arange(6.0).requires_grad_()
    x.split([1, 2, 3])[1].sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    m = torch.ones(3, 2, requires_grad=True)
    m.unbind()[2].sum().backward()
    assert m.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]


def test_overlapping_strides_sum_their_gradients() -> None:
    x = torch.arange(5.0).requires_grad_()
    x.unfold(0, 3, 1).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 3.0, 2.0, 1.0]
    x.grad = None
    x.as_strided((4, 5), (0, 1)).sum().backward()
    assert x.grad.tolist() == [4.0] * 5
    x.grad = None
    x.expand(7, 5).sum().backward()
    assert x.grad.tolist() == [7.0] * 5


def test_scatters_replace_and_route_gradients() -> None:
    x, s = torch.zeros(3, 3, requires_grad=True), torch.ones(2, requires_grad=True)
    out = x.as_strided_scatter(s, (2,), (4,))
    assert out.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    (out * torch.arange(9.0).view(3, 3)).sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0, 2.0], [3.0, 0.0, 5.0], [6.0, 7.0, 8.0]]
    assert s.grad.tolist() == [0.0, 4.0]


def test_more_pieces_than_a_node_numbers() -> None:
    x = torch.zeros(70_000, requires_grad=True)
    parts = (x * 1).unbind()
    assert len(parts) == 70_000
    parts[69_999].backward()
    assert x.grad[69_999].item() == 1.0 and x.grad.sum().item() == 1.0


def test_sixty_four_dimensions() -> None:
    x = torch.arange(2.0).reshape((1,) * 63 + (2,))
    assert x.transpose(0, 63).shape[0] == 2
    assert x.flip(63).flatten().tolist() == [1.0, 0.0]
    assert x.squeeze().tolist() == [0.0, 1.0]
    with pytest.raises(RuntimeError):
        x.unsqueeze(0)


@pytest.mark.parametrize(
    "bad",
    [
        lambda x: x.view(5),
        lambda x: x.view(-1, -1),
        lambda x: x.view(2**62, 2**62),
        lambda x: x.reshape(-1, 0),
        lambda x: x.expand(3, 4),
        lambda x: x.expand(-1, 2, 3, 4),
        lambda x: x.narrow(0, 1, 2**62),
        lambda x: x.as_strided((2**40, 2**40), (2**40, 1)),
        lambda x: x.as_strided((3,), (1,), 2**62),
        lambda x: x.unfold(0, 2**62, 1),
        lambda x: x.permute(0, 0, 1),
        lambda x: x.split(-1),
        lambda x: x.diagonal(0, 1, 1),
        lambda x: x.transpose(0, 1).view(24),
    ],
)
def test_bad_geometry_is_an_error_and_changes_nothing(bad) -> None:
    x = torch.arange(24.0).view(2, 3, 4)
    with pytest.raises(RuntimeError):
        bad(x)
    assert x.shape == (2, 3, 4) and x._version == 0


def test_extreme_offsets_do_not_overflow() -> None:
    x = torch.arange(6.0).view(2, 3)
    for offset in (2**63 - 1, -(2**63), 2**62):
        assert x.diagonal(offset).numel() == 0
    assert x[:, -(2**62) : 2**62].tolist() == x.tolist()
    assert x.tril(2**62).tolist() == x.tolist()
    assert x.triu(-(2**63)).tolist() == x.tolist()
    assert x.flatten().roll(2**62).tolist() == x.flatten().roll(2**62 % 6).tolist()
