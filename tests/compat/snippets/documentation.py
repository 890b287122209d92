# ruff: noqa: E501  tables, a row a line
"""What the examples of PyTorch's documentation take for granted, and what of them is out of scope."""

from __future__ import annotations

import re
from typing import Any

PRELUDE = """
import copy, math, os, random, sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch import Tensor, distributions, autograd
from torch.autograd import Function
from torch.distributions import *
from torch.nn.parameter import Parameter
from torch.utils.data import *
model = nn.Linear(3, 2)
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loss_fn = nn.MSELoss()
input, target = torch.randn(4, 3), torch.randn(4, 2)
dataset = TensorDataset(input, target)
dataloader = data_loader = train_loader = loader = DataLoader(dataset, batch_size=2)
device = torch.device("cpu")
"""

SCOPE = {
    "devices": r"cuda|\bxpu\b|\bmps\b|\.hpu|accelerator|torch\.Event",
    "several processes": r"distributed|torch\.distrib|DistributedDataParallel|mp\.spawn|DataParallel|process_group",
    "quantised tensors": r"quant|qint|torch\.ao\b",
    "compilers": r"torch\.compile|torch\.jit|torch\.export|torch\.fx|make_fx|dynamo|aot_|functionalize|torch\.library|torch\.ops\b"
    r"|region_activation",
    "sparse layouts of half the elements": r"semi_structured",
    "named tensors": r"names=|\.names\b|refine_names|rename|align_|named tensor",
    "nested tensors": r"nested|jagged",
    "number formats": r"float4|\.bits\d",
    "network": r"hub\.|download|http",
}
# Nothing in a snippet that makes memory nobody wrote to can be compared.
UNWRITTEN = r"\bempty\b|empty_like|new_empty|empty_strided|empty_permuted|IntTensor\(\d|FloatTensor\(\d|TypedStorage\(\d|skip_init|hugetensor"

# Snippets (parts of their names) in which facula shows something else, and why.
KNOWN = {
    "torch._is_device_backend_autoload_enabled": "extensions are not loaded",
    "torch.conj": "numbers are turned at once: docs/differences.md",
    "torch.resolve_conj": "as above",
    "torch.resolve_neg": "as above",
    "torch.set_default_device": "cuda is accepted and fails later",
    "torch.set_flush_denormal": "not supported: answers False",
    "torch.sort": "PyTorch's order of equal elements where it need not be stable",
    "torch.vmap": "the text of a built-in function",
    "torch.autograd.enforce_grad_layout_policy": "not there",
    "torch.autograd.graph.saved_tensors_hooks": "a product packs its operands in their order",
    "torch.autograd.profiler": "other columns: docs/torch_names.md",
    "torch.func.grad": "nodes of vmap over grad",
    "torch.func.hessian": "strides of Jacobians",
    "torch.func.jacrev": "as above",
    "torch.sparse.as_sparse_gradcheck": "not there",
    "torch.overrides.get_testing_overrides": "signatures of what was wrapped",
    "torch.overrides.redispatch_function": "not there",
    "torch.serialization.safe_globals": "PyTorch's own list is not empty",
    "torch.cpu.get_capabilities": "not there",
}


def out_of_scope(difference: Any) -> str:
    """Why a difference is not counted; empty if it is."""
    for reason, pattern in SCOPE.items():
        if re.search(pattern, difference.statement) or re.search(pattern, difference.snippet):
            return reason
    return "memory nobody wrote to" if re.search(UNWRITTEN, "\n".join(difference.lines)) else ""


def known(difference: Any) -> str:
    return next((name for name in KNOWN if name in difference.snippet), "")
