"""Type promotion against PyTorch, for any two of tensors, 0-dim tensors and numbers; broadcasting."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("hypothesis")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from op_tools import DTYPES, number_close  # noqa: E402

import facula  # noqa: E402

NUMBERS = (True, 3, 2.5, 1 + 2j)
BINARY = ("add", "mul", "div", "pow", "eq", "lt", "bitwise_and", "atan2", "remainder")


def operand(lib: Any, spec: Any) -> Any:
    kind, what = spec
    if kind == "number":
        return what
    return lib.ones((2,) if kind == "tensor" else (), dtype=getattr(lib, what))


def answer(lib: Any, name: str, *specs: Any) -> str:
    try:
        result = getattr(lib, name)(*(operand(lib, s) for s in specs))
    except Exception as e:
        return "error" if isinstance(e, (RuntimeError, TypeError)) else type(e).__name__
    return str(getattr(result, "dtype", result))


OPERANDS = [("tensor", d) for d in DTYPES] + [("0-dim", d) for d in DTYPES] + [("number", n) for n in NUMBERS]


@pytest.mark.parametrize("a", OPERANDS, ids=str)
def test_result_type(a: Any) -> None:
    for b in OPERANDS:
        assert answer(facula, "result_type", a, b) == answer(torch, "result_type", a, b), f"{a} {b}"


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    wrong = []
    for a in OPERANDS[: 2 * len(DTYPES)]:
        for b in OPERANDS:
            if (name, a[1], b[1]) == ("pow", "bool", "bool"):
                continue  # known_ops.py
            if name == "atan2" and b[0] == "number":
                continue
            got, want = answer(facula, name, a, b), answer(torch, name, a, b)
            if got != want:
                wrong.append(f"{name}({a}, {b}): {got} instead of {want}")
    assert wrong == []


def test_casts() -> None:
    for a in DTYPES:
        for b in DTYPES:
            pair = [(getattr(lib, a), getattr(lib, b)) for lib in (facula, torch)]
            assert facula.can_cast(*pair[0]) == torch.can_cast(*pair[1]), (a, b)
            assert str(facula.promote_types(*pair[0])) == str(torch.promote_types(*pair[1])), (a, b)


SHAPES = st.lists(st.sampled_from([0, 1, 1, 2, 3]), max_size=4)


def laid_out(lib: Any, shape: list[int], dtype: str, order: int) -> Any:
    n = 1
    for size in shape:
        n *= size
    x = lib.tensor([(k * 7 + 1) % 5 + 1 for k in range(n)], dtype=getattr(lib, dtype)).reshape(shape)
    if len(shape) > 1 and order % 2:
        x = x.transpose(0, -1)
    if shape and order >= 2:
        x = x[..., ::2]
    return x


@given(SHAPES, SHAPES, st.sampled_from(DTYPES), st.sampled_from(DTYPES), st.integers(0, 3), st.integers(0, 3))
def test_broadcast(a: list[int], b: list[int], first: str, second: str, one: int, two: int) -> None:
    """Shape, strides, dtype and values of a product of any two tensors."""
    found = []
    for lib in (facula, torch):
        try:
            y = laid_out(lib, a, first, one) * laid_out(lib, b, second, two)
        except Exception as e:
            found.append(type(e).__name__)
            continue
        # Axes of length one have strides that nobody reads; facula's differ there at times.
        strides = [s for s, n in zip(y.stride(), y.shape) if n > 1] if y.numel() > 1 else None
        found.append((str(y.dtype), tuple(y.shape), strides, y.reshape(-1).tolist()))
    got, want = found
    if isinstance(want, str) or isinstance(got, str):
        assert got == want
        return
    assert got[:3] == want[:3]
    assert all(number_close(p, q, 1e-6) for p, q in zip(got[3], want[3]))
