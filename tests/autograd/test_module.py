"""Names of torch.autograd, however they are imported."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "first",
    [
        "import facula.autograd.gradcheck",
        "from facula.autograd.gradcheck import GradcheckError",
        "from facula.autograd import gradgradcheck",
        "from facula.autograd import Variable, Function, grad, gradcheck, graph, functional, GradientEdge",
        "import facula.autograd.anomaly_mode, facula.autograd.variable, facula.utils.checkpoint",
    ],
)
def test_gradcheck_is_a_function_whatever_was_imported(first):
    program = (
        f"{first}\nimport facula as torch\n"
        "x = torch.ones(2, dtype=torch.float64, requires_grad=True)\n"
        "assert torch.autograd.gradcheck(torch.sin, x) and torch.autograd.gradgradcheck(torch.sin, x)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
