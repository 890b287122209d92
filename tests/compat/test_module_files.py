"""Whole modules in files, of every kind: what PyTorch saves facula loads, and the other way round."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from test_module_db import Twin, inputs_of, leafy, ours, same, same_state  # noqa: E402
from torch.testing._internal.common_modules import module_db  # noqa: E402

import facula  # noqa: E402


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("info", [pytest.param(info, id=info.name) for info in module_db])
def test_both_ways(info):
    sample = next(iter(inputs_of(info.module_inputs_func, info, torch.float32, False)))
    mirror = Twin()
    arguments = sample.constructor_input.args, sample.constructor_input.kwargs
    torch.manual_seed(0)
    theirs = info.module_cls(*arguments[0], **arguments[1]).float().eval()
    facula.manual_seed(0)
    mine = ours(info.module_cls)(*mirror(arguments[0]), **mirror(arguments[1])).float().eval()
    file = io.BytesIO()
    torch.save(theirs, file)
    file.seek(0)
    from_pytorch = facula.load(file, weights_only=False)
    file = io.BytesIO()
    facula.save(mine, file)
    file.seek(0)
    from_facula = torch.load(file, weights_only=False)
    assert type(from_pytorch) is type(mine)
    assert type(from_facula) is type(theirs)
    same_state(from_pytorch, theirs, 0.0, "from PyTorch")
    same_state(mine, from_facula, 0.0, "from facula")
    if sample.forward_input is None or "FractionalMaxPool" in info.name:
        return  # its draws are kept in double precision, and refused for other inputs
    forward = leafy((sample.forward_input.args, sample.forward_input.kwargs))
    here = mirror(forward[0]), mirror(forward[1])
    if info.is_lazy:
        for library in (torch, facula):
            library.manual_seed(1)
    expected = from_facula(*forward[0], **forward[1])
    same(from_pytorch(*here[0], **here[1]), expected, 2e-5, "forward")
