"""Writes docs/operations.md from the operations' entries and the composite operations.

    python tools/make_docs.py            # writes the page
    python tools/make_docs.py --check    # says whether it is up to date

Whether an operation is differentiable is found by calling it as the tests' sample table does.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operations.md"
sys.path.insert(0, str(ROOT / "tests"))

import facula  # noqa: E402
from facula import _C  # noqa: E402
from facula._composite import operations  # noqa: E402

FUNCTION, METHOD, IN_PLACE, OUT, NN, IN_PLACE_NN, SPECIAL, PRIVATE, LINALG = (1 << i for i in range(9))
SPACES = {FUNCTION: "torch", METHOD: "Tensor", NN: "nn.functional", SPECIAL: "special", LINALG: "linalg"}

HEAD = """# Operations

Written by `tools/make_docs.py` from the operations' entries: do not edit. Where: the name spaces that have
the operation (`Tensor`: as a method), `in place` for a form `name_` (in `nn.functional` also `inplace=`),
`out=`. Derivative: whether a result of floating inputs records one; `-` where the sample table has no call to
tell by.

"""


class Operation(NamedTuple):
    name: str
    aliases: tuple[str, ...]
    signatures: tuple[str, ...]
    spaces: tuple[str, ...]
    in_place: bool
    out: bool


def parameters(function: Any) -> str:
    """The signature of a function written in Python, without annotations."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name != "out"]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))


def every() -> list[Operation]:
    """The public operations, overloads of one entry together, by name."""
    found: dict[tuple, Operation] = {}

    def add(name: str, signature: str, spaces: tuple, aliases: tuple, in_place: bool, out: bool) -> None:
        key = (name, "torch" in spaces or "Tensor" in spaces or spaces)
        old = found.get(key, Operation(name, (), (), (), False, False))
        found[key] = Operation(
            name,
            tuple(dict.fromkeys((*old.aliases, *aliases))),
            tuple(dict.fromkeys((*old.signatures, signature))),
            tuple(dict.fromkeys((*old.spaces, *spaces))),
            old.in_place or in_place,
            old.out or out,
        )

    for name, signature, scope, aliases, _, _ in _C._entries():
        spaces = tuple(space for bit, space in SPACES.items() if scope & bit)
        if spaces and not scope & PRIVATE:
            in_place = bool(scope & (IN_PLACE | IN_PLACE_NN))
            add(name, signature, spaces, tuple(aliases.split()), in_place, bool(scope & OUT))
    for name, function, spaces, aliases, out, in_place in operations():
        add(name, name + parameters(function), spaces, aliases, in_place, out)
    return sorted(found.values(), key=lambda o: (o.name.strip("_"), o.name, o.spaces))


def derivative(table: dict[str, Any], operation: Operation) -> str:
    """ "yes", "no" or "-": whether some sample's result requires grad where its inputs do."""
    from op_tools import call, is_tensor, leaves

    op = table.get(f"{operation.spaces[0]}.{operation.name}") or table.get(operation.name)
    if op is None:
        return "-"
    called = False
    for sample in op.samples:
        for dtype in ("float64", "complex128"):
            if dtype not in op.dtypes:
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    result = call(_Recording(), op, sample, dtype)
            except Exception:
                continue
            called = True
            if any(is_tensor(x) and x.requires_grad for x in leaves(result)):
                return "yes"
    return "no" if called else "-"


class _Recording:
    """facula, but its tensors of floating numbers require grad."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(facula, name)
        return _recorded if name == "tensor" else value


def _recorded(data: Any, dtype: Any) -> Any:
    made = facula.tensor(data, dtype=dtype)
    return _Chain(made)


class _Chain:
    """Takes the reshape and clone that the table builds its operands with; what comes out requires grad."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def reshape(self, shape: Any) -> _Chain:
        return _Chain(self.made.reshape(shape))

    def clone(self) -> Any:
        made = self.made.clone()
        return made.requires_grad_() if made.is_floating_point() or made.is_complex() else made


def text() -> str:
    from op_table import TABLE

    lines = ["| operation | signature | where | derivative |", "|---|---|---|---|"]
    for operation in every():
        where = [*operation.spaces]
        where += ["in place"] * operation.in_place + ["out="] * operation.out
        name = ", ".join(f"`{n}`" for n in (operation.name, *operation.aliases))
        signatures = "<br>".join(f"`{s.replace('|', chr(92) + '|')}`" for s in operation.signatures)
        lines.append(f"| {name} | {signatures} | {', '.join(where)} | {derivative(TABLE, operation)} |")
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        fresh = PAGE.exists() and PAGE.read_text() == text()
        print("up to date" if fresh else f"{PAGE.name} is out of date: run tools/make_docs.py")
        return 0 if fresh else 1
    PAGE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
