"""Newton's method on a scalar function, with first and second derivatives from autograd.

facula run examples/second_derivatives.py
"""

import torch


def newton(function, start, steps=5):
    """Walk to a stationary point of `function`, printing each step."""
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    for step in range(steps):
        (first,) = torch.autograd.grad(function(x), x, create_graph=True)
        (second,) = torch.autograd.grad(first, x)
        print(f"step {step}: x = {x.item():.9f}  f' = {first.item():+.2e}  f'' = {second.item():+.4f}")
        with torch.no_grad():
            x -= first / second
    return x.detach()


x = newton(lambda x: torch.exp(-x) + x**2 / 4, 0.0)
print("minimum at", x)
