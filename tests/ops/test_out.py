"""What is refused as out=: another dtype where PyTorch converts nothing, and the memory of the inputs."""

from __future__ import annotations

import pytest

import facula as torch

x = torch.arange(12.0).view(3, 4)
i = torch.tensor([[0, 1, 2, 0]])

EXACT = {
    "gather": lambda out: torch.gather(x, 0, i, out=out),
    "index_select": lambda out: torch.index_select(x, 0, i[0, :1], out=out),
    "take": lambda out: torch.take(x, i, out=out),
    "masked_select": lambda out: torch.masked_select(x, x < 4, out=out),
    "mm": lambda out: torch.mm(x[:1, :3], x, out=out),
    "softmax": lambda out: torch.softmax(x[:1], 1, out=out),
    "scatter_add": lambda out: torch.scatter_add(x[:1], 0, i * 0, x, out=out),
    "tril": lambda out: torch.tril(x[:1], out=out),
    "sort": lambda out: torch.sort(x[:1], out=(out, torch.empty(0, dtype=torch.int64))),
    "kthvalue": lambda out: torch.kthvalue(x, 1, 0, True, out=(out, torch.empty(0, dtype=torch.int64))),
    "max": lambda out: torch.max(x, 0, True, out=(out, torch.empty(0, dtype=torch.int64))),
    "aminmax": lambda out: torch.aminmax(x, dim=0, keepdim=True, out=(torch.empty(0), out)),
}
OWN_TEXTS = {"kthvalue": "output values must be of same type as input"}
CASTS = {
    "sum": lambda out: torch.sum(x, 0, True, out=out),
    "cumsum": lambda out: torch.cumsum(x[:1], 1, out=out),
    "cat": lambda out: torch.cat([x[:1, :2], x[:1, 2:]], 1, out=out),
    "add": lambda out: torch.add(x[:1], 1, out=out),
}
APART = ["gather", "index_select", "take", "masked_select", "kthvalue", "max", "aminmax"]


@pytest.mark.parametrize("name", EXACT)
def test_exact_dtype(name: str) -> None:
    out = torch.empty(0)
    EXACT[name](out)
    assert out.numel() == 4
    text = OWN_TEXTS.get(name, "Expected out tensor to have dtype float, but got double instead")
    with pytest.raises(RuntimeError, match=text):
        EXACT[name](torch.empty(0, dtype=torch.float64))


@pytest.mark.parametrize("name", CASTS)
def test_wider_dtype(name: str) -> None:
    out, wide = torch.empty(0), torch.empty(0, dtype=torch.float64)
    CASTS[name](out)
    CASTS[name](wide)
    assert wide.tolist() == out.tolist()


@pytest.mark.parametrize("name", APART)
def test_memory_of_an_input(name: str) -> None:
    before = x.tolist()
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to tensor"):
        EXACT[name](x[:1] if name != "take" and name != "masked_select" else x.view(-1)[:4])
    assert x.tolist() == before


def test_several_elements_in_one_place() -> None:
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        torch.index_select(x, 1, torch.tensor([0, 1]), out=torch.empty(1).expand(3, 2))


@pytest.mark.parametrize("join", [torch.cat, torch.stack, torch.hstack, torch.vstack, torch.dstack])
def test_joins(join: object) -> None:
    with pytest.raises(TypeError, match="input types can't be cast to the desired output type Int"):
        join([x, x], out=torch.empty(0, dtype=torch.int32))
    memory = torch.zeros(4, 4)
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to tensor"):
        join([memory[:2], memory[2:]], out=memory[1:3])
