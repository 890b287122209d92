"""Small training programs of many kinds of layers: the losses of facula and PyTorch, step by step."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import check  # noqa: E402

EPS = 2e-5


def train(t, parameters, loss, steps=8, optimizer="Adam", after=None, **options):
    """The losses of some steps of an optimizer."""
    o = getattr(t.optim, optimizer)(list(parameters), **options)
    losses = []
    for _ in range(steps):
        o.zero_grad()
        value = loss()
        value.backward()
        if after:
            after()
        o.step()
        losses.append(value.item())
    return losses


class Programs:
    def adversarial(t):
        """A critic with spectral norms against a generator with batch norms; orthogonal starts."""
        nn, F = t.nn, t.nn.functional
        bounded = nn.utils.spectral_norm
        g = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
        d = nn.Sequential(bounded(nn.Linear(2, 32)), nn.LeakyReLU(0.2), bounded(nn.Linear(32, 1)))

        def start(m):
            if isinstance(m, nn.Linear):
                nn.init.orthogonal_(getattr(m, "weight_orig", m.weight), 0.7)

        g.apply(start)
        d.apply(start)
        losses = []
        for _ in range(4):
            real = t.randn(16, 2) * 0.1 + 1
            losses += train(
                t,
                d.parameters(),
                lambda: F.relu(1 - d(real)).mean() + F.relu(1 + d(g(t.randn(16, 8)).detach())).mean(),  # noqa: B023
                steps=1,
                betas=(0.5, 0.9),
            )
            losses += train(
                t,
                g.parameters(),
                lambda: -d(g(t.randn(16, 8))).mean(),
                steps=1,
                after=lambda: nn.utils.clip_grad_norm_(g.parameters(), 1.0),
            )
        return losses

    def dilated_convolutions(t):
        """Gated causal convolutions with weight norms, removed in the end."""
        nn, F = t.nn, t.nn.functional
        normed = nn.utils.parametrizations.weight_norm

        class Block(nn.Module):
            def __init__(self, channels, dilation):
                super().__init__()
                self.conv = normed(nn.Conv1d(channels, 2 * channels, 2, dilation=dilation))
                self.out = normed(nn.Conv1d(channels, channels, 1))
                self.dilation = dilation

            def forward(self, x):
                return x + self.out(F.glu(self.conv(F.pad(x, (self.dilation, 0))), 1))

        m = nn.Sequential(nn.Conv1d(1, 8, 1), Block(8, 1), Block(8, 2), Block(8, 4), nn.Conv1d(8, 1, 1))
        x = t.sin(t.arange(64.0) / 4).view(1, 1, -1)
        losses = train(
            t,
            m.parameters(),
            lambda: F.smooth_l1_loss(m(x[..., :-1]), x[..., 1:]),
            optimizer="AdamW",
            lr=3e-3,
        )
        for layer in m.modules():
            if nn.utils.parametrize.is_parametrized(layer):
                nn.utils.parametrize.remove_parametrizations(layer, "weight")
        return losses, list(m.state_dict()), m(x).sum().item()

    def translation(t):
        """Packed sequences into a GRU of two directions, a cell with attention out of it."""
        nn, F, rnn = t.nn, t.nn.functional, t.nn.utils.rnn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed = nn.Embedding(12, 16, padding_idx=0)
                self.encoder = nn.GRU(16, 24, bidirectional=True, batch_first=True)
                self.cell = nn.GRUCell(16, 48)
                self.score = nn.Bilinear(48, 48, 1)
                self.out = nn.Linear(96, 12)

            def forward(self, source, lengths, target):
                packed = rnn.pack_padded_sequence(self.embed(source), lengths, True, enforce_sorted=False)
                states, last = self.encoder(packed)
                states, _ = rnn.pad_packed_sequence(states, batch_first=True)
                h = t.cat([last[0], last[1]], -1)
                outs = []
                for i in range(target.shape[1]):
                    h = self.cell(self.embed(target[:, i]), h)
                    query = h.unsqueeze(1).expand_as(states).contiguous()
                    weights = self.score(query, states.contiguous()).softmax(1)
                    outs.append(self.out(t.cat([h, (weights * states).sum(1)], -1)))
                return t.stack(outs, 1)

        m = Net()

        def loss():
            source, lengths = t.randint(1, 12, (5, 7)), t.randint(2, 8, (5,))
            lengths[0] = 7
            for row, n in zip(source, lengths):
                row[int(n) :] = 0
            target = t.randint(1, 12, (5, 4))
            scores = m(source, lengths, target).flatten(0, 1)
            return F.cross_entropy(scores, target.flatten(), ignore_index=0, label_smoothing=0.1)

        return train(t, m.parameters(), loss, optimizer="RMSprop", lr=2e-3)

    def language_model(t):
        """An LSTM with projections and dropout under an adaptive softmax."""
        nn = t.nn
        embed, lstm = nn.Embedding(50, 20), nn.LSTM(20, 30, 2, dropout=0.2, proj_size=20)
        top = nn.AdaptiveLogSoftmaxWithLoss(20, 50, [10, 25], div_value=2.0)

        def loss():
            x = t.randint(0, 50, (6, 4))
            return top(lstm(embed(x[:-1]))[0].flatten(0, 1), x[1:].flatten()).loss

        every = [p for m in (embed, lstm, top) for p in m.parameters()]
        losses = train(t, every, loss, optimizer="SGD", lr=0.5, momentum=0.9, nesterov=True)
        return losses, top.log_prob(t.ones(2, 20)).sum().item(), top.predict(t.ones(2, 20)).tolist()

    def speech(t):
        """CTC over an LSTM of two directions and a lazy layer."""
        lstm, top, x = t.nn.LSTM(6, 10, bidirectional=True), t.nn.LazyLinear(5), t.randn(12, 3, 6)
        top(lstm(x)[0])
        ctc = t.nn.CTCLoss(zero_infinity=True)
        targets = t.tensor([[1, 2, 3], [2, 2, 4], [1, 0, 0]])
        lengths = t.tensor([12, 10, 7]), t.tensor([3, 3, 1])
        return train(
            t,
            [*lstm.parameters(), *top.parameters()],
            lambda: ctc(top(lstm(x)[0]).log_softmax(-1), targets, *lengths),
        )

    def pruned(t):
        """Training of what pruning has left."""
        nn = t.nn
        prune = importlib.import_module(f"{t.__name__}.nn.utils.prune")
        m = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 4))
        x, y = t.randn(10, 1, 8, 8), t.randint(0, 4, (10,))
        prune.ln_structured(m[0], "weight", 0.5, n=2, dim=0)
        prune.global_unstructured([(m[4], "weight"), (m[0], "bias")], prune.L1Unstructured, amount=0.3)
        losses = train(t, m.parameters(), lambda: nn.functional.multi_margin_loss(m(x), y), lr=1e-2)
        prune.remove(m[0], "weight")
        return losses, int((m[0].weight == 0).sum()), list(m.state_dict())

    def transformer(t):
        """Encoder and decoder with dropout, masks and padding."""
        nn = t.nn
        m = nn.Transformer(
            16, 4, 2, 2, 32, 0.1, batch_first=True, norm_first=True, activation=nn.functional.gelu
        )
        mask = nn.Transformer.generate_square_subsequent_mask(5)
        padding = t.zeros(3, 6, dtype=t.bool)
        padding[:, 4:] = True
        more = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding}

        def loss():
            source, target = t.randn(3, 6, 16), t.randn(3, 5, 16)
            return (m(source, target, tgt_mask=mask, tgt_is_causal=True, **more) - target).pow(2).mean()

        return train(t, m.parameters(), loss, steps=4, optimizer="AdamW")

    def bags(t):
        embed, top = t.nn.EmbeddingBag(30, 8, mode="mean"), t.nn.Linear(8, 3)
        offsets = t.tensor([0, 4, 9, 15])

        def loss():
            words, y = t.randint(0, 30, (20,)), t.randint(0, 3, (4,))
            return t.nn.CrossEntropyLoss()(top(embed(words, offsets)), y)

        return train(t, [*embed.parameters(), *top.parameters()], loss, optimizer="Adagrad", lr=0.1)

    def metric_learning(t):
        nn = t.nn
        m = nn.Sequential(nn.Linear(5, 8), nn.PReLU(8), nn.GroupNorm(2, 8), nn.Linear(8, 4))
        signs = t.tensor([1, -1, 1, 1, -1, 1])

        def loss():
            a, p, n = (m(x) for x in t.randn(3, 6, 5))
            return nn.TripletMarginLoss(swap=True)(a, p, n) + nn.CosineEmbeddingLoss(0.1)(a, p, signs)

        return train(t, m.parameters(), loss, optimizer="Adamax")

    def segmentation(t):
        """Pooling with indices, unpooling, transposed and grouped convolutions, instance norms."""
        nn = t.nn
        down = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding="same", padding_mode="reflect"),
            nn.InstanceNorm2d(4, affine=True),
            nn.ELU(),
        )
        pool, unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
        mid, up, last = (
            nn.Conv2d(4, 4, 3, padding=1, groups=2),
            nn.ConvTranspose2d(4, 4, 2, 2),
            nn.Conv2d(8, 1, 1),
        )
        x = t.rand(2, 1, 8, 8)
        weight = t.tensor(2.0)

        def loss():
            small, places = pool(down(x))
            both = t.cat([unpool(mid(small), places), up(small)], 1)
            target = (x > 0.5).float()
            return nn.functional.binary_cross_entropy_with_logits(last(both), target, pos_weight=weight)

        every = [p for m in (down, mid, up, last) for p in m.parameters()]
        return train(t, every, loss, optimizer="NAdam")


PROGRAMS = {name: program for name, program in vars(Programs).items() if not name.startswith("_")}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", PROGRAMS)
def test_losses(program):
    check(PROGRAMS[program], EPS)
