"""Small programs run under PyTorch and under facula: what they print and how they end must be the same.

A program is a few lines of Python in which `torch` is either library, `F` its nn.functional; `log` prints.
`show(f)` prints what f() returns, or the type and the first sentence of its error.
"""

from __future__ import annotations

import re
import textwrap
import warnings

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def cases(text: str) -> list:
    """Parameters from a text: programs divided by lines that begin with '# ', which name them."""
    found, name, lines = [], "", []
    for line in [*textwrap.dedent(text).strip().splitlines(), "# "]:
        if line.startswith("# "):
            if lines:
                found.append(pytest.param("\n".join(lines), id=name))
            name, lines = line[2:].strip(), []
        elif line.strip():
            lines.append(line)
    return found


def first_sentence(error: BaseException) -> str:
    text = str(error).strip().split("\n")[0]
    return re.split(r"(?<=[a-z)\]'\"`])\. |: facula does not have it", text)[0].rstrip(".")


def written(program: str, library, setup: str = "") -> list[str]:
    """The lines that a program prints under a library; the last is its error, if it ends with one."""
    lines: list[str] = []

    def clean(value) -> str:
        text = ADDRESS.sub("0x", str(value)).replace("torch._C.TensorBase", "torch.Tensor")
        # The interpreter names a class written in C by its module too.
        return (
            re.sub(r"\bfacula\b", "torch", text)
            .replace("'torch.Tensor' and", "'Tensor' and")
            .replace("and 'torch.Tensor'", "and 'Tensor'")
        )

    def log(*values):
        lines.append(" ".join(clean(v) for v in values))

    def show(*functions):
        for function in functions:
            try:
                log(function())
            except Exception as error:
                log(type(error).__name__ + ":", first_sentence(error))

    library.manual_seed(0)
    names = {"torch": library, "F": library.nn.functional, "log": log, "show": show, "__name__": "program"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(setup + program, "program", "exec"), names)
        except Exception as error:
            log(type(error).__name__ + ":", first_sentence(error))
    if "warns" in program:
        for w in caught:
            log(w.category.__name__, first_sentence(w.message))
    return lines


def check(program: str, setup: str = "") -> None:
    expected, got = written(program, torch, setup), written(program, facula, setup)
    assert got == expected, "\nPyTorch: {}\nfacula:  {}".format(
        "\n         ".join(expected), "\n         ".join(got)
    )
    assert expected, "the program prints nothing"
