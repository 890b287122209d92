"""torch.func: a hessian, the gradients of each example, Jacobians."""

from __future__ import annotations

import sys

from side_by_side import Row, run

MLP = """
from functools import partial
torch.manual_seed(0)
f = torch.func
def mlp(*sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])
def parameters(model):
    return {k: v.detach() for k, v in model.named_parameters()}
def hessian_of_mlp(rows):
    model = mlp(10, 22, 22, 10)
    x, y = torch.randn(rows, 10), torch.randn(rows, 10)
    h = f.hessian(lambda p: ((f.functional_call(model, p, (x,)) - y) ** 2).mean())
    return partial(h, parameters(model))
def functional_hessian(rows, vectorize):
    model = mlp(10, 22, 22, 10)
    x, y = torch.randn(rows, 10), torch.randn(rows, 10)
    values = parameters(model)
    def loss(*p):
        return ((f.functional_call(model, dict(zip(values, p)), (x,)) - y) ** 2).mean()
    return partial(torch.autograd.functional.hessian, loss, tuple(values.values()), vectorize=vectorize)
def gradients_of_examples(*sizes):
    model = mlp(*sizes)
    x, y = torch.randn(64, sizes[0]), torch.randint(0, sizes[-1], (64,))
    def loss(p, a, b):
        out = f.functional_call(model, p, (a.unsqueeze(0),))
        return torch.nn.functional.cross_entropy(out, b.unsqueeze(0))
    return partial(f.vmap(f.grad(loss), in_dims=(None, 0, 0)), parameters(model), x, y)
def jacobian(transform):
    w, x = torch.randn(64, 64), torch.randn(64)
    return partial(transform(lambda a: (w @ a).tanh()), x)
"""

ROWS = [
    Row("hessian of a 3-layer MLP, 978 parameters, 1 row", "h()", MLP + "h = hessian_of_mlp(1)", 3),
    Row("the same, 4 rows", "h()", MLP + "h = hessian_of_mlp(4)", 3),
    Row("the same, 16 rows", "h()", MLP + "h = hessian_of_mlp(16)", 3),
    Row("the same, 64 rows", "h()", MLP + "h = hessian_of_mlp(64)", 3),
    Row("autograd.functional.hessian, 16 rows", "h()", MLP + "h = functional_hessian(16, False)", 3),
    Row("the same, vectorize=True", "h()", MLP + "h = functional_hessian(16, True)", 3),
    Row(
        "gradients of each of 64 examples, MLP 10-22-22-10",
        "g()",
        MLP + "g = gradients_of_examples(10, 22, 22, 10)",
        1,
    ),
    Row(
        "gradients of each of 64 examples, MLP 64-128-128-10",
        "g()",
        MLP + "g = gradients_of_examples(64, 128, 128, 10)",
        1,
    ),
    Row("jacrev, 64 to 64", "j()", MLP + "j = jacobian(f.jacrev)", 1),
    Row("jacfwd, 64 to 64", "j()", MLP + "j = jacobian(f.jacfwd)", 1),
]

if __name__ == "__main__":
    sys.exit(run("functional", "Function transforms", __doc__, ROWS, rounds=5, seconds=0.3))
