"""What a type checker must accept; `make lint` runs pyright on this file, nothing runs the file itself."""

from __future__ import annotations

import facula as torch
from facula import Tensor, nn


class Net(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def train(steps: int = 10) -> float:
    torch.manual_seed(0)
    x, y = torch.randn(32, 4), torch.zeros(32, 2)
    model = Net(4, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    last = 0.0
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        last = loss.item()
    return last


def arithmetic(a: Tensor, b: Tensor) -> Tensor:
    c = a + b * 2 - torch.exp(a) / 3.0
    c += 1
    mask: Tensor = c > 0
    d = torch.where(mask, c, -c).reshape(-1).sum(dim=0, keepdim=True)
    e: Tensor = torch.add(a, 1, alpha=2)
    return d @ d.t() + e[0, ..., None] + a.add_(b).view(2, -1)


def attributes(x: Tensor) -> tuple[int, bool]:
    shape: tuple[int, ...] = x.shape
    rows: int = x.ndim + len(shape) + x.dim()
    if x.grad is not None:
        x.grad.zero_()
    with torch.no_grad():
        x.requires_grad_()
    return rows, x.requires_grad and x.dtype == torch.float32
