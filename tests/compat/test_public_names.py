"""How many of PyTorch's public functions there are, and what the missing ones do.

    python tests/compat/test_public_names.py     # lists what is missing

Public: a documented function of the name space that PyTorch itself defines, and that is not about devices or
number formats facula has none of.
"""

from __future__ import annotations

import functools
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

SPACES = ("", "Tensor", "nn.functional", "linalg", "fft", "special")
# Functions of vendors' libraries, of quantised tensors, of the compiler and the script interpreter.
ELSEWHERE = (
    *(
        "cudnn_",
        "miopen_",
        "mkldnn_",
        "fbgemm_",
        "quantize",
        "fake_quantize",
        "sym_",
        "q_",
        "import_ir_module",
    ),
    *("parse_", "merge_type", "unify_type", "profiler_", "has_torch_function", "handle_torch_function"),
    *(
        "dequantize",
        "int_repr",
        "qscheme",
        "boolean_dispatch",
        "classproperty",
        "scaled_mm",
        "scaled_grouped_mm",
    ),
    *("to_mkldnn", "ipu", "xpu", "mtia", "record_stream", "thread_safe_generator", "compiled_with_cxx11_abi"),
)
BAR = 0.9


def place(library: Any, space: str) -> Any:
    return functools.reduce(getattr, space.split("."), library) if space else library


def public(space: str) -> list[str]:
    """The documented functions of a name space of PyTorch's."""
    where, found = place(torch, space), []
    for name in dir(where):
        value = getattr(where, name)
        if (
            name.startswith("_")
            or name.startswith(ELSEWHERE)
            or isinstance(value, type)
            or not callable(value)
        ):
            continue
        module = getattr(value, "__module__", None) or "torch"
        if (value.__doc__ or "").strip() and module.startswith("torch"):
            found.append(name)
    return found


def missing(space: str) -> list[str]:
    try:
        where = place(facula, space)
    except AttributeError:
        return public(space)
    return [name for name in public(space) if not hasattr(where, name)]


@pytest.mark.parametrize("space", SPACES)
def test_present(space: str) -> None:
    absent, total = missing(space), len(public(space))
    assert len(absent) <= (1 - BAR) * total, f"{len(absent)} of {total} missing in torch.{space}: {absent}"


@pytest.mark.parametrize("space", SPACES)
def test_the_rest_say_so(space: str) -> None:
    try:
        where = facula.ones(2) if space == "Tensor" else place(facula, space)
    except NotImplementedError:
        return  # the name space itself says that it is missing
    for name in missing(space):
        with pytest.raises(NotImplementedError, match=name):
            getattr(where, name)(facula.ones(2))
        assert getattr(where, name, None) is None


if __name__ == "__main__":
    for each in SPACES:
        absent = missing(each)
        print(f"torch{'.' * bool(each)}{each}: {len(public(each)) - len(absent)} of {len(public(each))}")
        print("   ", " ".join(absent))
