"""Gradients of each example at once, and a hessian, with torch.func.

python examples/per_sample_gradients.py
"""

import facula as torch
from facula.func import functional_call, grad, hessian, vmap

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
params = {name: p.detach() for name, p in model.named_parameters()}
samples, labels = torch.randn(16, 4), torch.randint(0, 3, (16,))


def loss(params, sample, label):
    return torch.nn.functional.cross_entropy(functional_call(model, params, (sample,)), label)


gradients = vmap(grad(loss), in_dims=(None, 0, 0))(params, samples, labels)
norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients.values()]).norm(dim=0)
print("norm of the gradient of each example:", [round(n, 2) for n in norms.tolist()])

mean = {name: g.mean(0) for name, g in gradients.items()}
together = grad(lambda p: loss(p, samples, labels))(params)
print("their mean is the gradient:", all(torch.allclose(mean[n], together[n], atol=1e-6) for n in params))

curvature = hessian(lambda b: loss({**params, "2.bias": b}, samples, labels))(params["2.bias"])
print("hessian of the last bias:\n", curvature)
