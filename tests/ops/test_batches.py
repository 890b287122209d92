"""Examples of a batch do not change each other, however the batch is cut into pieces; one thread and two."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

import facula as torch
from facula import nn

F = nn.functional


@pytest.fixture(params=[1, 2], autouse=True)
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("channels", "size", "options"),
    [
        (8, (5, 7), {"padding": 1}),
        (8, (7, 7), {"padding": 1, "groups": 2}),
        (300, (3, 3), {"padding": 1}),  # more than one pass over the sums of an output
        (8, (13, 40), {"stride": 2, "padding": 2, "dilation": 2}),
        (8, (16, 8), {"padding": 1}),
    ],
)
@pytest.mark.parametrize("convolve", [F.conv2d, F.conv_transpose2d])
def test_convolution(convolve: Callable, channels: int, size: tuple[int, int], options: dict) -> None:
    torch.manual_seed(0)
    groups = options.get("groups", 1)
    w = torch.randn(
        *((channels, 40 // groups) if convolve is F.conv_transpose2d else (40, channels // groups)), 3, 3
    )
    bias = torch.randn(40)
    x = torch.randn(9, channels, *size)
    if convolve is F.conv_transpose2d:
        options = {k: v for k, v in options.items() if k != "dilation"}
    whole = convolve(x, w, bias, **options)
    for i in range(9):
        assert torch.equal(whole[i : i + 1], convolve(x[i : i + 1], w, bias, **options))


@pytest.mark.parametrize(
    ("layer", "hidden", "batch"),
    list(itertools.product([nn.RNN, nn.GRU, nn.LSTM], [12, 100], [16, 33])),
)
@pytest.mark.parametrize("packed", [False, True])
def test_recurrent_layers(layer: type[nn.Module], hidden: int, batch: int, packed: bool) -> None:
    torch.manual_seed(0)
    model = layer(5, hidden, bidirectional=True)
    x = torch.randn(40, batch, 5, requires_grad=True)
    lengths = [40 - i for i in range(batch)] if packed else [40] * batch
    given = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths)) if packed else x
    out, states = model(given)
    if packed:
        out, _ = nn.utils.rnn.pad_packed_sequence(out)
    states = states if isinstance(states, tuple) else (states,)
    (out.square().sum() + sum(s.square().sum() for s in states)).backward()
    found = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    for i, length in enumerate(lengths):
        alone = x[:length, i : i + 1].detach().requires_grad_()
        one, last = model(alone)
        last = last if isinstance(last, tuple) else (last,)
        assert torch.allclose(out[:length, i : i + 1], one, rtol=1e-4, atol=1e-5)
        for s, t in zip(states, last):
            assert torch.allclose(s[:, i : i + 1], t, rtol=1e-4, atol=1e-5)
        (one.square().sum() + sum(t.square().sum() for t in last)).backward()
        assert torch.allclose(x.grad[:length, i : i + 1], alone.grad, rtol=1e-3, atol=1e-4)
    for name, p in model.named_parameters():
        assert torch.allclose(found[name], p.grad, rtol=1e-3, atol=1e-3), name


@pytest.mark.parametrize("shape", [(1, 600, 16), (1, 2, 300, 8), (3, 9, 130, 8)])
@pytest.mark.parametrize("causal", [False, True])
def test_attention(shape: tuple[int, ...], causal: bool) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    q, k, v = inputs
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    g = torch.randn_like(out)
    found = torch.autograd.grad(out, inputs, g)
    scores = q @ k.transpose(-2, -1) / shape[-1] ** 0.5
    if causal:
        scores = scores.masked_fill(torch.ones(shape[-2], shape[-2]).triu(1).bool(), -torch.inf)
    plain = scores.softmax(-1) @ v
    assert torch.allclose(out, plain)
    for a, b in zip(found, torch.autograd.grad(plain, inputs, g)):
        assert torch.allclose(a, b)


@pytest.mark.parametrize(
    "run",
    [
        lambda x: F.scaled_dot_product_attention(x[0], x[0], x[0], is_causal=True),
        lambda x: nn.LSTM(64, 64)(x[0, 0, :20].reshape(20, 20, -1)[..., :64])[0],
        lambda x: F.conv2d(x.reshape(50, 64, 8, 20)[..., :7], torch.ones(64, 64, 3, 3), padding=1),
    ],
    ids=["attention", "lstm", "conv2d"],
)
def test_threads_change_no_bit(run: Callable) -> None:
    def gradient() -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(0)
        x = torch.randn(1, 1, 400, 1280, requires_grad=True)
        out = run(x)
        out.square().sum().backward()
        return out.detach(), x.grad

    here = gradient()
    torch.set_num_threads(3)
    assert all(torch.equal(a, b) for a, b in zip(here, gradient()))
