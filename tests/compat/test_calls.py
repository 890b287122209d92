# ruff: noqa: E501  lists of names
"""Calls made from PyTorch's schemas (snippets/generate.py): where PyTorch gives a result, facula gives the same.

`python -m tests.compat.snippets --calls FILE` runs them for any names, errors included.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.compat.snippets import compare, generate  # noqa: E402

FUNCTIONS = (
    "abs add addcmul addmm all amax any arange argmax argsort baddbmm bmm cat ceil chunk clamp cos cross cummax cumsum "
    "diag diff div dot einsum eq exp flatten flip floor full full_like gather ge index_select isnan kron lerp linspace "
    "log logsumexp lt masked_fill masked_select matmul max maximum mean median min mm mul neg nonzero norm numel "
    "ones outer permute pow prod relu repeat_interleave reshape roll round rsqrt scatter sigmoid sign sin softmax sort split "
    "sqrt squeeze stack std sub sum swapaxes tanh tensor_split tile topk trace transpose tril unbind unsqueeze var where zeros"
)
METHODS = (
    "add_ clone contiguous copy_ detach expand fill_ item masked_fill_ mul_ narrow new_full new_ones new_zeros "
    "repeat select sub_ sum t to tolist type_as view zero_"
)
# Statements (parts of them) in which facula shows something else, and why.
KNOWN = {
    ".to(True": "a number as a tensor to be like",
    ".to(False": "as above",
    "torch.split('": "texts have a split() of their own",
}


@pytest.mark.parametrize("part", range(4))
def test_results(part):
    names = [f"torch.{name}" for name in FUNCTIONS.split()] + [f"Tensor.{name}" for name in METHODS.split()]
    chosen = [(name, generate.statements(name)[part::8]) for name in names[part::4]]
    assert sum(bool(generate.statements(name)) for name, _ in chosen) > 0.9 * len(chosen)
    wrong, shown = [], 0
    for each in compare.compared(chosen, generate.PRELUDE, apart=True):
        if each.theirs[0] != "shown":
            continue
        shown += 1
        if each.kind != "equal" and not any(text in each.statement for text in KNOWN):
            wrong.append(f"{each.statement}\n    PyTorch: {each.theirs}\n    facula:  {each.ours}")
    assert shown > 100
    assert not wrong, "\n".join(text[:500] for text in wrong)
