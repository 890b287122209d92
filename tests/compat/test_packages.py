"""Libraries built on torch, where they are installed: the same program prints the same under both."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("torch")

NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
FIT = """
import warnings; warnings.filterwarnings("ignore")
import torch
from torch import nn
from torch.nn import functional as F
def fit(parameters, loss, lr=1e-2, steps=4):
    optimizer = torch.optim.Adam(list(parameters), lr)
    for _ in range(steps):
        optimizer.zero_grad(); value = loss(); value.backward(); optimizer.step()
        print(f"{value.item():.4f}")
torch.manual_seed(0)
"""
PROGRAMS = {
    "timm": """
import timm
model = timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, depth=2, num_classes=5)
x = torch.randn(4, 3, 32, 32)
fit(model.parameters(), lambda: F.cross_entropy(model(x), torch.arange(4)), 1e-3)
""",
    "transformers": """
from transformers import GPT2Config, GPT2LMHeadModel
model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=32, n_embd=32, n_layer=2, n_head=2))
ids = torch.arange(64).view(4, 16) * 7 % 50
fit(model.parameters(), lambda: model(input_ids=ids, labels=ids).loss, 1e-3)
""",
    "torch_geometric": """
from torch_geometric.nn import GATConv
edges, x = torch.randint(20, (2, 60)), torch.randn(20, 8)
layer = GATConv(8, 3)
fit(layer.parameters(), lambda: F.cross_entropy(layer(x, edges), torch.arange(20) % 3))
""",
    "pyro": """
import pyro, pyro.distributions as dist
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
def model(x):
    w = pyro.sample("w", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("y", dist.Normal(w * x, 0.1), obs=2 * x)
svi = SVI(model, AutoNormal(model), pyro.optim.Adam({"lr": 0.05}), Trace_ELBO())
print([round(svi.step(torch.linspace(-1, 1, 9)), 2) for _ in range(5)])
""",
    "gpytorch": """
import gpytorch
class Model(gpytorch.models.ExactGP):
    def __init__(self, x, y, likelihood):
        super().__init__(x, y, likelihood)
        self.mean, self.cov = gpytorch.means.ConstantMean(), gpytorch.kernels.RBFKernel()
    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean(x), self.cov(x))
x = torch.linspace(0, 1, 12); y = (6 * x).sin(); likelihood = gpytorch.likelihoods.GaussianLikelihood()
model = Model(x, y, likelihood); mll = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
fit(model.parameters(), lambda: -mll(model(x), y), 0.1)
""",
    "accelerate": """
from accelerate import Accelerator
accelerator = Accelerator(cpu=True)
model = nn.Linear(3, 2); optimizer = torch.optim.AdamW(model.parameters(), 0.05)
model, optimizer = accelerator.prepare(model, optimizer)
for _ in range(4):
    loss = F.cross_entropy(model(torch.ones(4, 3)), torch.arange(4) % 2)
    accelerator.backward(loss); optimizer.step(); optimizer.zero_grad(); print(f"{loss.item():.4f}")
""",
    "torchcde": """
import torchcde
x = torchcde.hermite_cubic_coefficients_with_backward_differences(torch.randn(4, 10, 2).cumsum(1))
class Field(nn.Module):
    def __init__(self):
        super().__init__(); self.layer = nn.Linear(3, 6)
    def forward(self, t, z):
        return self.layer(z).tanh().view(-1, 3, 2)
field = Field()
def loss():
    path = torchcde.CubicSpline(x)
    z = torchcde.cdeint(path, field, torch.ones(4, 3), path.interval, method="rk4", adjoint=False)
    return z[:, 1].square().mean()
fit(field.parameters(), loss)
""",
    "torchmetrics": """
import torchmetrics
scores = torch.rand(30, 4).softmax(1); labels = torch.arange(30) % 4
for name in ("Accuracy", "F1Score", "AUROC", "MatthewsCorrCoef"):
    print(getattr(torchmetrics, name)(task="multiclass", num_classes=4)(scores, labels))
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_prints_the_same(name, tmp_path):
    pytest.importorskip(name)
    program = tmp_path / "program.py"
    program.write_text(FIT + PROGRAMS[name])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_OFFLINE": "1"}

    def run(*arguments):
        command = [sys.executable, *arguments, str(program)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)

    reference = run()
    if reference.returncode:
        pytest.skip(f"does not run under PyTorch here: {reference.stderr[-200:]}")
    done = run("-m", "facula")
    assert done.returncode == 0, done.stderr[-2000:]
    expected, got = reference.stdout, done.stdout
    assert NUMBER.sub("#", expected) == NUMBER.sub("#", got)
    for a, b in zip(NUMBER.findall(expected), NUMBER.findall(got)):
        assert abs(float(a) - float(b)) <= 1e-3 * max(1, abs(float(a))), f"{expected}\n{got}"
