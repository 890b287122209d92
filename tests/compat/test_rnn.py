"""Recurrent networks over packed sequences, with dropout, and differentiated twice, against PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

NETS = ("RNN", "GRU", "LSTM")
OPTIONS = ({}, {"bidirectional": True, "num_layers": 2}, {"bias": False, "bidirectional": True})


def same(f, tolerance: float = 1e-5) -> None:
    ours, theirs = f(facula), f(torch)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert tuple(a.shape) == tuple(b.shape)
        assert torch.allclose(torch.tensor(a.tolist()), torch.tensor(b.tolist()), tolerance, tolerance)


def states(h):
    return list(h) if isinstance(h, tuple) else [h]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("is_sorted", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("net", NETS)
def test_packed(net: str, options: dict, is_sorted: bool, batch_first: bool) -> None:
    def run(lib):
        lib.manual_seed(0)
        m = getattr(lib.nn, net)(3, 4, batch_first=batch_first, **options)
        x = (lib.randn(3, 6, 3) if batch_first else lib.randn(6, 3, 3)).requires_grad_()
        utils = lib.nn.utils.rnn
        lengths = [6, 4, 1] if is_sorted else [4, 6, 1]
        packed = utils.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=is_sorted)
        out, h = m(packed)
        padded, n = utils.pad_packed_sequence(out, batch_first, total_length=7)
        loss = (padded * padded).sum() + sum((t**3).sum() for t in states(h))
        grads = lib.autograd.grad(loss, [x, *m.parameters()])
        return [padded, n, out.batch_sizes, *states(h), *grads]

    same(run)


@pytest.mark.parametrize("net", NETS)
def test_dropout_between_layers(net: str) -> None:
    def run(lib):
        lib.manual_seed(0)
        return [getattr(lib.nn, net)(3, 4, num_layers=3, dropout=0.5)(lib.randn(5, 2, 3))[0]]

    same(run)


@pytest.mark.parametrize("net", NETS)
def test_second_derivatives(net: str) -> None:
    def run(lib):
        lib.manual_seed(0)
        m = getattr(lib.nn, net)(3, 4, num_layers=2, bidirectional=True).double()
        x = lib.randn(5, 2, 3).double().requires_grad_()
        out, h = m(x)
        inputs = [x, *m.parameters()]
        loss = (out * out).sum() + (states(h)[0] ** 3).sum()
        first = lib.autograd.grad(loss, inputs, create_graph=True)
        return list(lib.autograd.grad(sum((g * g).sum() for g in first), inputs))

    same(run, 1e-9)


def test_padding_of_lists() -> None:
    def run(lib):
        s = [lib.arange(n * 2).reshape(n, 2).float() for n in (2, 4, 1)]
        utils = lib.nn.utils.rnn
        packed = utils.pack_sequence(s, enforce_sorted=False)
        return [
            utils.pad_sequence(s),
            utils.pad_sequence(s, True, -1.0, "left"),
            *packed,
            *utils.unpack_sequence(packed),
            *utils.unpad_sequence(utils.pad_sequence(s), lib.tensor([2, 4, 1])),
        ]

    same(run)
