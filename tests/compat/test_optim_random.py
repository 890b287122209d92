"""Optimizers with options drawn at random, in two groups, with gradients that are missing now and then."""

import random
import sys
from pathlib import Path

import pytest
import torch

import facula

sys.path.insert(0, str(Path(__file__).parent))

from test_optim_db import close, of  # noqa: E402

DECAY, MAXIMIZE = {"weight_decay": [0, 0.1]}, {"maximize": [False, True]}
BETAS = {"betas": [(0.9, 0.999), (0.5, 0.7), (0.9, 0.8)]}
DECOUPLED = {"decoupled_weight_decay": [False, True]}
OPTIONS = {
    "SGD": {"momentum": [0, 0.9], "dampening": [0, 0.3], **DECAY, **MAXIMIZE},
    "Adam": {**BETAS, "eps": [1e-8, 1e-3], "amsgrad": [False, True], **DECAY, **MAXIMIZE, **DECOUPLED},
    "AdamW": {**BETAS, "amsgrad": [False, True], **DECAY, **MAXIMIZE},
    "RMSprop": {"alpha": [0.99, 0.5], "momentum": [0, 0.5], "centered": [False, True], **DECAY, **MAXIMIZE},
    "Adagrad": {"lr_decay": [0, 0.1], "initial_accumulator_value": [0, 0.2], **DECAY, **MAXIMIZE},
    "NAdam": {**BETAS, "momentum_decay": [4e-3, 0.1], **DECAY, **MAXIMIZE, **DECOUPLED},
    "RAdam": {**BETAS, **DECAY, **MAXIMIZE, **DECOUPLED},
    "Adamax": {**BETAS, "eps": [1e-8, 1e-2], **DECAY, **MAXIMIZE},
    "Adadelta": {"rho": [0.9, 0.5], "eps": [1e-6, 1e-2], **DECAY, **MAXIMIZE},
    "ASGD": {"lambd": [1e-4, 0.1], "alpha": [0.75, 0.3], "t0": [1e6, 3], **DECAY, **MAXIMIZE},
    "Rprop": {"etas": [(0.5, 1.2), (0.3, 1.9)], "step_sizes": [(1e-6, 50), (1e-2, 0.1)], **MAXIMIZE},
    "Adafactor": {"beta2_decay": [-0.8, -0.3], "eps": [(None, 1e-3), (1e-4, 1e-2)], **DECAY, **MAXIMIZE},
}
SHAPES = [(4, 3), (2,), (), (3, 2, 2)]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", OPTIONS)
def test_random_options(name, seed):
    draw = random.Random(f"{name} {seed}")
    options = {key: draw.choice(values) for key, values in OPTIONS[name].items()}
    if options.get("momentum") and options.get("dampening") == 0:
        options["nesterov"] = draw.choice([False, True])
    dtypes = [torch.float32, torch.float64] + [torch.complex64] * (name != "Adafactor")
    dtype, lr, strided = draw.choice(dtypes), draw.choice([0.1, 0.01]), draw.random() < 0.3
    generator = torch.Generator().manual_seed(seed)
    values = [torch.randn(shape, dtype=dtype, generator=generator) for shape in SHAPES]
    theirs, ours = [v.clone() for v in values], [of(v) for v in values]
    if strided:  # the fused call takes contiguous parameters
        theirs[0], ours[0] = (v[0].t().contiguous().t() for v in (theirs, ours))
    theirs, ours = [torch.nn.Parameter(v) for v in theirs], [facula.nn.Parameter(v) for v in ours]
    optimizers = [
        getattr(t.optim, name)([{"params": p[:2]}, {"params": p[2:], "lr": lr / 2}], lr=lr, **options)
        for t, p in ((torch, theirs), (facula, ours))
    ]
    for step in range(20):
        for p, q in zip(theirs, ours, strict=True):
            grad = None
            if draw.random() > 0.15:
                grad = torch.randn(p.shape, dtype=dtype, generator=generator)
            p.grad, q.grad = grad, None if grad is None else of(grad)
        for optimizer in optimizers:
            if step == 10:
                optimizer.param_groups[0]["lr"] *= 0.3
            optimizer.step()
    for p, q in zip(theirs, ours, strict=True):
        close(p, q, dtype)
