"""Learn to colour Python code: an LSTM reads a line and tags each character with what it belongs to.

python -m facula examples/lstm_tagger.py

The lines are those of modules that come with Python, and the tags what Python's own tokenizer says.
"""

import argparse
import fractions
import inspect
import io
import keyword
import shlex
import textwrap
import tokenize

import torch
import torch.nn.functional as F
from checkpoint import Checkpoint
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset, random_split

MODULES = [argparse, fractions, shlex, textwrap]
TAGS = ["space", "name", "keyword", "number", "string", "operator"]
MARKS = ' nk0"o'  # one character for each tag, for printing
IGNORED = -100  # the tag of what only fills up a batch


def tag_of(token):
    if token.type == tokenize.NAME:
        return "keyword" if keyword.iskeyword(token.string) else "name"
    return {tokenize.NUMBER: "number", tokenize.OP: "operator"}.get(token.type, "string")


def tagged_lines(source):
    """Pairs of a line of code and its characters' tags as numbers; comments and docstrings are left out."""
    lines = source.splitlines()
    tags = [[TAGS.index("space")] * len(line) for line in lines]
    no_code = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        (first, start), (last, end) = token.start, token.end
        if token.type == tokenize.COMMENT or last > first:
            no_code.update(range(first - 1, last))
        elif token.string.strip():
            tags[first - 1][start:end] = [TAGS.index(tag_of(token))] * (end - start)
    code = [
        (line, tag) for i, (line, tag) in enumerate(zip(lines, tags)) if line.strip() and i not in no_code
    ]
    return [(line.lstrip(), tag[-len(line.lstrip()) :]) for line, tag in code]


class Lines(Dataset):
    """Characters as their codes (those beyond ASCII as 127) and tags: tensors of the length of the line."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        line, tags = self.pairs[index]
        return torch.tensor([min(ord(character), 127) for character in line]), torch.tensor(tags)


def batch_of(samples):
    """Lines of different lengths as (batch, longest): characters, tags, and the lengths."""
    characters, tags = zip(*samples)
    lengths = torch.tensor([len(line) for line in characters])
    return pad_sequence(characters, batch_first=True), pad_sequence(tags, True, IGNORED), lengths


class Tagger(nn.Module):
    def __init__(self, embedding=24, hidden=48):
        super().__init__()
        self.embedding = nn.Embedding(128, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.scores = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, characters, lengths):
        """Scores of the tags (batch, longest, tags)."""
        packed = pack_padded_sequence(
            self.embedding(characters), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.scores(states)


def loss_of(scores, tags):
    return F.cross_entropy(scores.transpose(1, 2), tags, ignore_index=IGNORED)


@torch.no_grad()
def test(model, loader):
    """The mean loss of the batches, and the share of the characters that are tagged well."""
    model.eval()
    total, right, count = 0.0, 0, 0
    for characters, tags, lengths in loader:
        scores = model(characters, lengths)
        total += loss_of(scores, tags).item()
        right += (scores.argmax(dim=2) == tags).sum().item()
        count += lengths.sum().item()
    return total / len(loader), right / count


@torch.no_grad()
def show(model, line):
    characters = torch.tensor([[min(ord(character), 127) for character in line]])
    tags = model(characters, torch.tensor([len(line)])).argmax(dim=2)[0]
    print(line, "".join(MARKS[tag] for tag in tags.tolist()), sep="\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lines", type=int, default=1200, help="how many lines to learn from")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="a file to save to after each epoch, and to go on from")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    lines = Lines([pair for module in MODULES for pair in tagged_lines(inspect.getsource(module))])
    sizes = [options.lines, 400, len(lines) - options.lines - 400]
    learnt, held_back, _ = random_split(lines, sizes)
    loader = DataLoader(learnt, options.batch_size, shuffle=True, collate_fn=batch_of)
    test_loader = DataLoader(held_back, 100, collate_fn=batch_of)
    model = Tagger()
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[3, 5], gamma=0.4)
    checkpoint = Checkpoint(options.checkpoint, model=model, optimizer=optimizer, schedule=schedule)

    for epoch in range(checkpoint.resume() + 1, options.epochs + 1):
        model.train()
        total = 0.0
        for characters, tags, lengths in loader:
            loss = loss_of(model(characters, lengths), tags)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        schedule.step()
        test_loss, accuracy = test(model, test_loader)
        loss = total / len(loader)
        print(f"epoch {epoch}  loss {loss:.6f}  test loss {test_loss:.6f}  accuracy {accuracy:.4f}")
        checkpoint.save(epoch)

    print()
    show(model, "def greet(name, times=3):")
    show(model, 'return ", ".join(["hello " + name] * times) if times > 0 else None')


if __name__ == "__main__":
    main()
