"""Train a small network to tell two interleaved spirals apart.

facula run examples/mlp_spirals.py
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def spirals(count):
    """Two spirals of `count` points each: positions (2 count, 2) and labels (2 count,)."""
    angle = torch.linspace(0.3, 1.0, count) * 3 * math.pi
    radius = angle / (3 * math.pi)
    one = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)
    positions = torch.cat([one, -one]) + 0.01 * torch.randn(2 * count, 2)
    return positions, torch.arange(2 * count) // count


class Classifier(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 2),
        )

    def forward(self, x):
        return self.layers(x)


def main():
    torch.manual_seed(1)
    x, labels = spirals(100)
    model = Classifier()
    print(model)
    print("parameters:", sum(p.numel() for p in model.parameters()))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(301):
        loss = F.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 100 == 0:
            with torch.no_grad():
                accuracy = (model(x).argmax(dim=1) == labels).float().mean()
            print(f"epoch {epoch:3d}  loss {loss.item():.3f}  accuracy {accuracy.item():.2f}")


if __name__ == "__main__":
    main()
