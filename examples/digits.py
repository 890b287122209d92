"""The data of the digit examples: 1,797 handwritten digits, 8 x 8 pixels each, in digits.csv.gz.

They are the test set of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49), which is under the licence CC BY 4.0. A line of
the file is 64 pixels from 0 (paper) to 16 (ink), row by row, and the digit.
"""

import gzip
from pathlib import Path

import torch
import torch.nn.functional as F


def digits(held_back=360):
    """Images (n, 1, 8, 8) of pixels from 0 to 1 and their digits (n,), and those of the last `held_back`."""
    with gzip.open(Path(__file__).with_name("digits.csv.gz"), "rt") as file:
        rows = torch.tensor([[int(value) for value in line.split(",")] for line in file])
    images, labels = rows[:, :-1].float().div(16).reshape(-1, 1, 8, 8), rows[:, -1]
    return images[:-held_back], labels[:-held_back], images[-held_back:], labels[-held_back:]


@torch.no_grad()
def test(model, images, labels):
    """Loss and accuracy of a model that scores the ten digits."""
    model.eval()
    scores = model(images)
    accuracy = (scores.argmax(dim=1) == labels).float().mean()
    return F.cross_entropy(scores, labels).item(), accuracy.item()


def drawn(images):
    """A few images (n, 1, 8, 8) side by side, as lines of text."""
    shades = " .:-=+*#%@"
    rows = (images[:, 0].clamp(0, 1) * (len(shades) - 1)).round().long().transpose(0, 1)
    return "\n".join("  ".join("".join(shades[v] * 2 for v in part) for part in row) for row in rows.tolist())
