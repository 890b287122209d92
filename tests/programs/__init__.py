"""Small programs, a module a subject, that print the same under facula as under PyTorch.

`torch` is either library in them, `F` its nn.functional; `log` prints. `show(f)` prints what f() returns, or
the type and the first sentence of its error. tests/compat/test_programs.py runs them under both. What PyTorch
printed is kept in tests/golden, for tests/test_programs.py, which needs no PyTorch.
"""

from __future__ import annotations

import re
import textwrap
import warnings
from importlib import import_module

SUBJECTS = ("batches", "checkpoints", "checks", "corners", "function", "functional", "gradients", "overrides")
SUBJECTS += ("research", "transformed", "texts", "nested", "dual")
SUBJECTS += (
    "refused",
    "contexts",
    "checked",
    "mapped",
    "interplay",
    "everyday",
    "recorded",
    "models",
    "arguments",
)
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")

# The names of several subjects.
AUTOGRAD = """
import gc, weakref
autograd = torch.autograd; grad = autograd.grad; graph = torch.autograd.graph; Function = autograd.Function
fwAD = torch.autograd.forward_ad; func = torch.func; vmap = torch.vmap; nn = torch.nn
x = torch.tensor([1., 2.], requires_grad=True); z = torch.tensor([3., 4.], requires_grad=True)
c = torch.tensor([5., 6.]); M = torch.arange(6.).reshape(2, 3)
def err(f):
    try: return f()
    except Exception as e: return type(e).__name__ + ": " + str(e).split(chr(10))[0]
"""


def divided(text: str) -> dict[str, str]:
    """Programs by name, from a text that is divided by lines beginning with '# ', the names."""
    found, name, lines = {}, "", []
    for line in [*textwrap.dedent(text).strip().splitlines(), "# "]:
        if line.startswith("# "):
            if lines:
                found[name] = found[name] + "\n" + "\n".join(lines) if name in found else "\n".join(lines)
            name, lines = line[2:].strip(), []
        elif line.strip():
            lines.append(line)
    return found


def subject(name: str):
    """The module of a subject: SETUP, and PROGRAMS by name."""
    return import_module("programs." + name)


def every_program() -> list[tuple[str, str]]:
    return [(each, name) for each in SUBJECTS for name in subject(each).PROGRAMS]


def first_sentence(error) -> str:
    text = str(error).strip().split("\n")[0]
    return re.split(r"(?<=[a-z)\]'\"`])\. |: facula does not have it", text)[0].rstrip(".")


def written(which: str, name: str, library) -> list[str]:
    """The lines that a program prints under a library; the last is its error, if it ends with one."""
    module = subject(which)
    program = module.PROGRAMS[name]
    lines: list[str] = []

    def clean(value) -> str:
        text = ADDRESS.sub("0x", str(value)).replace("torch._C.TensorBase' objects", "Tensor' objects")
        text = text.replace("torch._C.TensorBase", "torch.Tensor")
        # The interpreter names a class written in C by its module too.
        text = text.replace("'torch.Tensor' and", "'Tensor' and").replace(
            "and 'torch.Tensor'", "and 'Tensor'"
        )
        return re.sub(r"\bfacula\b", "torch", text)

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
            exec(compile(module.SETUP + program, "program", "exec"), names)
        except Exception as error:
            log(type(error).__name__ + ":", first_sentence(error))
    if "warns" in name:
        for w in caught:
            log(w.category.__name__, first_sentence(w.message))
    return lines
