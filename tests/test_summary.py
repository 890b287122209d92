"""facula.summary and facula.progress."""

from __future__ import annotations

import io

import pytest

import facula as torch


def rows(found):
    return {row.name or "model": row for row in found.rows}


def test_a_convolutional_network():
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)
    )
    before = torch.get_rng_state()
    found = torch.summary(model, (4, 3, 6, 6))
    by_name = rows(found)
    assert by_name["0"].input == [(4, 3, 6, 6)] and by_name["0"].output == [(4, 8, 6, 6)]
    assert by_name["0"].products == 4 * 8 * 36 * 27 and by_name["4"].products == 4 * 10 * 288
    assert found.total_parameters == sum(p.numel() for p in model.parameters())
    assert model.training and model[1].num_batches_tracked == 0
    assert torch.equal(before, torch.get_rng_state())
    text = str(found)
    assert "0: Conv2d" in text and f"Parameters: {found.total_parameters:,}" in text
    assert not model[0]._forward_hooks


def test_frozen_and_shared_layers():
    layer = torch.nn.Linear(3, 3)
    layer.bias.requires_grad_(False)

    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x, *, scale):
            return self.layer(self.layer(x)) * scale

    found = torch.summary(Twice(), torch.ones(2, 3), scale=2)
    assert rows(found)["layer"].calls == 2 and rows(found)["layer"].products == 2 * 2 * 9
    assert (found.total_parameters, found.trainable_parameters) == (12, 9)


def test_other_layers():
    assert torch.summary(torch.nn.LSTM(4, 3), (5, 2, 4)).total_multiply_adds == 10 * (4 * 3 * 4 + 4 * 3 * 3)
    transposed = torch.nn.ConvTranspose1d(2, 3, 4)
    assert torch.summary(transposed, (1, 2, 5)).total_multiply_adds == 10 * 12
    embedding = torch.summary(torch.nn.Embedding(9, 4), torch.tensor([1, 2]))
    assert embedding.total_multiply_adds == 0 and rows(embedding)["model"].output == [(2, 4)]


def test_errors_leave_the_model_as_it_was():
    model = torch.nn.Linear(2, 1)
    with pytest.raises(RuntimeError):
        torch.summary(model, (3, 5))
    assert model.training and not model._forward_hooks and not model._forward_pre_hooks
    with pytest.raises(TypeError, match="nn.Module"):
        torch.summary(3, (1,))


def test_progress():
    pytest.importorskip("tqdm")
    out = io.StringIO()
    loader = torch.utils.data.DataLoader(range(6), batch_size=2)
    bar = torch.progress(loader, "train", file=out, mininterval=0)
    seen = []
    for batch in bar:
        seen.append(batch.tolist())
        bar.update(loss=torch.tensor(1.0 / len(seen)), lr=0.1)
    assert seen == [[0, 1], [2, 3], [4, 5]] and len(bar) == 3
    assert bar.history == {"loss": pytest.approx([1, 0.5, 1 / 3]), "lr": [0.1] * 3}
    text = out.getvalue()
    assert "train" in text and "3/3" in text and "loss=0.3333 █" in text


def test_curves():
    from facula._progress import curve

    assert curve([0, 1, 2]) == "▁▅█" or curve([0, 1, 2]) == "▁▄█"
    assert curve([1.0, 1.0]) == "▁▁" and curve([float("nan"), 1.0, float("inf")]) == "×▁×"
    assert len(curve(range(1000))) == 24 and curve([]) == ""
