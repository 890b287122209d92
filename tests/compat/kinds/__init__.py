"""Calls written once and made with inputs of many kinds, by PyTorch and by facula.

calls.txt   a call a line, X is the input; out.txt: the same with an out= that is O (L: of whole numbers)
known.txt   what differs still: a call, a tab, the kinds of inputs
`python -m tests.compat.kinds` shows the differences, with `--update` writes them to known.txt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.compat.snippets import compare

HERE = Path(__file__).parent
INPUTS = {
    "matrix": "torch.tensor([[1.5, -2, 0.25], [3, 0.5, -1]])",
    "transposed": "torch.tensor([[1.5, -2, 0.25], [3, 0.5, -1]]).t()",
    "expanded": "torch.tensor([1.0, 2, -3]).expand(2, 3)",
    "strided": "torch.arange(12.).reshape(2, 6)[:, ::2] - 4",
    "permuted": "torch.arange(24.).reshape(2, 3, 4).permute(2, 0, 1) / 7",
    "scalar": "torch.tensor(2.5)",
    "no_rows": "torch.zeros(0, 3)",
    "no_columns": "torch.zeros(2, 0)",
    "vector": "torch.tensor([0.5, -1.5, 2.0, 0.0])",
    "single": "torch.tensor([0.75])",
    "odd": "torch.tensor([nan, inf, -inf, 0.0, -0.0, 1.0])",
    "double": "torch.tensor([[0.1, -0.7], [0.9, 0.3]], dtype=torch.float64)",
    "half": "torch.tensor([[0.5, -1.25, 3], [2, 0.125, -4]], dtype=torch.float16)",
    "whole": "torch.tensor([[3, -1, 2], [0, 5, -4]])",
    "bytes": "torch.tensor([[250, 3], [1, 0]], dtype=torch.uint8)",
    "int8": "torch.tensor([-128, 127, 5, 0], dtype=torch.int8)",
    "bool": "torch.tensor([[True, False, True], [False, False, True]])",
    "true": "torch.tensor(True)",
    "complex": "torch.tensor([[1 + 2j, -0.5j, 3], [2 - 1j, 0, -1 + 1j]])",
    "images": "(torch.arange(96.).reshape(2, 3, 4, 4) / 10 - 3).to(memory_format=torch.channels_last)",
    "square": "torch.tensor([[4.0, 1, 0.5], [1, 3, -1], [0.5, -1, 5]])",
    "batch": "torch.tensor([[[2.0, 1], [0.5, 3]], [[1, -1], [2, 4]], [[5, 0], [1, 1]]])",
    "leaf": "torch.tensor([[1.5, -2, 0.25], [3, 0.5, -1]], requires_grad=True)",
    "text": "'abc'",
    "number": "1.5",
}
OUTS = {
    "empty": "torch.empty(0)",
    "double": "torch.empty(0, dtype=torch.float64)",
    "whole": "torch.empty(0, dtype=torch.int64)",
    "bool": "torch.empty(0, dtype=torch.bool)",
    "fits": "torch.zeros(2, 3)",
    "transposed": "torch.zeros(3, 2).t()",
    "complex": "torch.empty(0, dtype=torch.complex64)",
    "none": "None",
}
OUT_KINDS = ("matrix", "transposed", "whole", "bool", "complex", "square", "scalar", "no_rows", "half")
PRELUDE = f"""
import torch, math, warnings
import torch.nn.functional as F
warnings.simplefilter("ignore")
inf, nan = float("inf"), float("nan")
MADE = {{{", ".join(f"{k!r}: lambda: {v}" for k, v in INPUTS.items())}}}
"""


def lines(name: str) -> list[str]:
    return (HERE / name).read_text().splitlines()


def snippets() -> list[tuple[str, list[str]]]:
    """(call, the same call with each kind of input): the kind stands in quotes in the statement."""

    def of(call: str, kinds: Iterable[str]) -> list[str]:
        return [re.sub(r"\bX\b", f"MADE['{kind}']()", call) for kind in kinds]

    found = [(call, of(call, INPUTS)) for call in lines("calls.txt")]
    others = "torch.empty(0, dtype=torch.int64), torch.empty(0)"
    for call in lines("out.txt"):
        for out, made in OUTS.items():
            whole = f"(lambda O, L, O2: ({call}, O))({made}, {others})"
            found.append((f"{call} [{out}]", of(whole, OUT_KINDS)))
    return found


def differences(part: int = 0, of: int = 1) -> Iterator[tuple[str, str, compare.Difference]]:
    """(call, kind, what differs) of every so many-th call."""
    for each in compare.compared(snippets()[part::of], PRELUDE):
        if each.kind in ("differs", "lacks"):
            yield each.snippet, re.search(r"MADE\['(\w+)'\]", each.statement)[1], each


def known() -> dict[str, set[str]]:
    rows = (line.split("\t") for line in lines("known.txt"))
    return {call: set(kinds.split()) for call, kinds in rows}
