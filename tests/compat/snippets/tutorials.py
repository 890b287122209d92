"""Short programs in the manner of tutorials, made from the templates in tutorials.txt and layers.txt.

What is known to differ stands in KNOWN, as a pattern of the statement and the reason.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path

from tests.compat.snippets.compare import Difference

PRELUDE = """
import copy, io, math, pickle
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils.prune
from torch import optim
inf, nan = float("inf"), float("nan")
"""
OPERANDS = "|".join((
    "torch.tensor([[1.5, -2, 0.25], [3, 0.5, -1]])",
    "torch.randn(2, 3, 4)",
    "torch.arange(12).reshape(3, 4)",
    "torch.tensor([[1e-8, 1.0], [1e8, 3.0]])",
    "torch.tensor([nan, inf, -inf, 0.0, 2.0])",
    "torch.tensor(3.25)",
    "torch.empty(0, 3)",
    "torch.tensor([[True, False], [False, True]])",
    "torch.randn(2, 2, dtype=torch.complex64)",
    "torch.rand(5, dtype=torch.float64) * 100",
    "torch.tensor([1, 2, 250], dtype=torch.uint8)",
    "torch.randn(3, 4).half()",
    "torch.randn(2, 5).bfloat16()",
    "torch.randint(-1000000, 1000000, (2, 4))",
    "torch.linspace(0, 1, 1200)",
    "torch.randn(30, 40).t()",
    "torch.randn(2, 3, requires_grad=True)",
    "torch.tensor([], dtype=torch.int64)",
    "torch.ones(2, 1, 3, dtype=torch.int16)",
    "torch.tensor([[1.0000001, 2.0], [3, 40000.5]])",
))  # fmt: skip
MANY = {"tutorials.txt": 24, "layers.txt": 12}  # programs of a template where no choice has more spellings

KNOWN = {
    r"masked_tensor|\bmt\b": "masked tensors: docs/open_work.md",
    r"sparse\.softmax": "of whole numbers: another error",
    r"torch\.fft\.": "Fourier transforms of nothing, and last digits",
    r"polynomial_[hlp]|special\.zeta": "NaN and infinity",
    r"rnn\(|^m\(torch\.(randn|ones)\(2": "nodes of recurrent networks",
    r"multi_margin_loss|pairwise_distance|decimals=|quantile|x\.conj\(\)|create_graph": "names of nodes",
    r"^x\.grad$": "the node of a gradient that was accumulated with its graph",
    r"einsum": "strides",
    r"unflatten\(0, 2\)": "a number where sizes belong",
    r"np\.sin": "strides of what NumPy returns empty",
    r"xlog1py|logit": "half precision is rounded once",
    r"softmax\(x|cross_entropy\(x, torch.tensor": "whole numbers are refused before anything else",
    r"x\['a'\]|index_select\(0, torch.tensor\(\[0\]\)\)": "which of two errors comes first",
    r"out=out|torch\.lerp": "which of two errors comes first",
    r"torch\.mode": "NaN among the elements",
    r"^torch\.tensor\(\[torch\.ones": "a list of tensors is taken",
    r"functional\.hessian|func\.hessian": "strides of Jacobians",
    r"^\(out\[0\], out\[1\]\)": "nodes of recurrent networks",
    r"__reduce_ex__": "names of what pickle calls",
    r"jacobian\(torch\.det": "the gradient of the determinant of a singular matrix is not zero",
    r"special\.round": "whole numbers are taken",
    r"share_memory_": "memory of no size",
}


def templates(name: str) -> Iterator[str]:
    text = Path(__file__).with_name(name).read_text()
    text = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
    for each in text.replace("@X@", f"<<{OPERANDS}>>").split("---\n"):
        yield each.strip("\n")


def statements(program: str) -> list[str]:
    """Of a program, without lines that are no Python."""
    kept = []
    for line in program.split("\n"):
        try:
            compile(line, "line", "exec")
        except SyntaxError:
            opens = line.startswith((" ", "def ", "class ", "for ", "with ", "@"))
            if not opens:
                continue
        kept.append(line)
    source = "\n".join(kept)
    return [ast.unparse(node) for node in ast.parse(source).body]


def programs() -> Iterator[tuple[str, list[str]]]:
    """(its first line and number, its statements): every spelling of a template occurs in one of them."""
    for template, many in ((each, many) for name, many in MANY.items() for each in templates(name)):
        parts = re.split(r"<<(.*?)>>", template)
        choices = [p.split("|") if i % 2 else [p] for i, p in enumerate(parts)]
        generator = random.Random(len(template))
        orders = [generator.sample(each, len(each)) for each in choices]
        total = 1
        for each in choices:
            total = min(total * len(each), many)
        for k in range(max(total, *map(len, choices))):
            program = "".join(
                order[(k + k // len(order) * (j % 3)) % len(order)] for j, order in enumerate(orders)
            )
            lines = statements(program)
            yield f"{lines[0]} #{k}", lines


def known(difference: Difference) -> str:
    """Why a difference is known, empty where it is not."""
    if "sparse_coo" in "".join(difference.lines) and "requires_grad=True" in "".join(difference.lines):
        return "nodes of sparse results: docs/differences.md"
    for pattern, reason in KNOWN.items():
        if re.search(pattern, difference.statement):
            return reason
    return ""
