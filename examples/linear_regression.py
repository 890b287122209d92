"""Fit a line to noisy points by gradient descent, once by hand and once with nn.Linear and optim.SGD.

facula run examples/linear_regression.py
"""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(-1, 1, 100).unsqueeze(1)
y = 3 * x - 0.5 + 0.1 * torch.randn(100, 1)

# By hand: two numbers, and the gradient of the mean squared error.
slope = torch.zeros(1, requires_grad=True)
offset = torch.zeros(1, requires_grad=True)
for _ in range(200):
    loss = ((slope * x + offset - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for parameter in (slope, offset):
            parameter -= 0.2 * parameter.grad
            parameter.grad = None
print(f"by hand: y = {slope.item():.3f} x + {offset.item():.3f}, loss {loss.item():.5f}")

# The same with a layer and an optimiser.
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
for _ in range(200):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
print(f"layers:  y = {model.weight.item():.3f} x + {model.bias.item():.3f}, loss {loss.item():.5f}")
