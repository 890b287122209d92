"""Learn to write like Python's licence, character by character, with a small GPT.

python -m facula examples/char_gpt.py
python -m facula examples/char_gpt.py --text FILE
"""

import argparse
import inspect
import os
from pathlib import Path

import torch
import torch.nn.functional as F
from checkpoint import Checkpoint
from torch import nn


def text_of_python():
    """The licence that comes with Python; where it was left out, the source of a module that all have."""
    library = Path(os.__file__).parent
    for folder in (library, library.parent):
        for name in ("LICENSE.txt", "LICENSE"):
            if (folder / name).is_file():
                return (folder / name).read_text(encoding="utf-8")
    return inspect.getsource(argparse)


class Attention(nn.Module):
    """Each position looks at itself and at those before it."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        query, key, value = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.inputs(x).split(width, dim=2)
        )
        x = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.output(x.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width, heads), nn.Dropout(0.1))
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(0.1),
        )

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.mlp(x)


class GPT(nn.Module):
    def __init__(self, characters, length=64, width=64, heads=4, layers=2):
        super().__init__()
        self.length = length
        self.tokens = nn.Embedding(characters, width)
        self.positions = nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)), nn.LayerNorm(width))
        self.scores = nn.Linear(width, characters, bias=False)
        self.apply(self.initialize)
        self.scores.weight = self.tokens.weight

    @staticmethod
    def initialize(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens):
        """Scores of the next character (batch, length, characters) for tokens (batch, length)."""
        positions = torch.arange(tokens.shape[1])
        return self.scores(self.blocks(self.tokens(tokens) + self.positions(positions)))

    @torch.no_grad()
    def write(self, tokens, count, temperature=0.8):
        """Goes on with `count` characters after tokens (1, length)."""
        for _ in range(count):
            scores = self(tokens[:, -self.length :])[:, -1] / temperature
            tokens = torch.cat([tokens, torch.multinomial(scores.softmax(dim=-1), 1)], dim=1)
        return tokens


def batch_of(data, size, length):
    """`size` random pieces of the text (size, length), and the characters that follow each of theirs."""
    starts = torch.randint(len(data) - length, (size,))
    pieces = torch.stack([data[start : start + length + 1] for start in starts.tolist()])
    return pieces[:, :-1], pieces[:, 1:]


def loss_of(model, tokens, following):
    return F.cross_entropy(model(tokens).flatten(0, 1), following.flatten())


@torch.no_grad()
def test(model, data):
    """The mean loss over a text that was not learnt from."""
    model.eval()
    count = (len(data) - 1) // model.length
    tokens = data[: count * model.length].view(count, model.length)
    following = data[1 : count * model.length + 1].view(count, model.length)
    return loss_of(model, tokens, following).item()


def optimizer_of(model, lr):
    """AdamW: matrices decay, biases and the weights of norms do not."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.99))


def warm_up_and_fade(step, warm=40):
    """The share of the learning rate: it rises for `warm` steps, then falls with the root of the step."""
    return min((step + 1) / warm, (warm / (step + 1)) ** 0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", help="a file to learn from instead of the licence")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=50, help="steps in an epoch")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=int, default=400, help="how many characters to write at the end")
    parser.add_argument("--checkpoint", help="a file to save to after each epoch, and to go on from")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    text = Path(options.text).read_text(encoding="utf-8") if options.text else text_of_python()
    characters = sorted(set(text))
    number = {character: i for i, character in enumerate(characters)}
    data = torch.tensor([number[character] for character in text])
    learnt, held_back = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]

    model = GPT(len(characters))
    optimizer = optimizer_of(model, options.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_up_and_fade)
    checkpoint = Checkpoint(options.checkpoint, model=model, optimizer=optimizer, schedule=schedule)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{len(text)} characters, {len(characters)} different; {parameters} parameters")

    for epoch in range(checkpoint.resume() + 1, options.epochs + 1):
        model.train()
        total = 0.0
        for _ in range(options.steps):
            loss = loss_of(model, *batch_of(learnt, options.batch_size, model.length))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch:2d}  loss {total / options.steps:.6f}  test loss {test(model, held_back):.6f}")
        checkpoint.save(epoch)

    if options.write:
        written = model.eval().write(learnt[None, len(learnt) // 2 :][:, :16], options.write)
        print("\n" + "".join(characters[i] for i in written[0].tolist()))


if __name__ == "__main__":
    main()
