"""Writes the type stubs (.pyi) of facula, facula._C and its name spaces from the operations' entries.

    python tools/make_stubs.py                                   # into facula/, for editors and pyright
    python tools/make_stubs.py --extension _C.so --output stubs  # from an extension just built, for the wheel

The stubs are for editors and type checkers; nothing reads them at run time. What is no operation (attributes
of Tensor, functions written in Python) is listed from the running library.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import keyword
import re
import sys
from pathlib import Path

from stage import stage

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--extension", type=Path, help="use this build of facula._C")
arguments.add_argument("--output", type=Path, help="folder to write to instead of facula/")
chosen = arguments.parse_args()
if chosen.extension:
    sys.path.insert(0, str(stage(chosen.extension.resolve().parent / "stage", chosen.extension)))

import facula  # noqa: E402  after the path is set
from facula import _C  # noqa: E402
from facula._composite import operations  # noqa: E402

PACKAGE = Path(__file__).resolve().parent.parent / "facula"
HEAD = '"""Written by tools/make_stubs.py from the operations\' entries."""\n\n'
FUNCTION, METHOD, IN_PLACE, OUT, NN, IN_PLACE_NN, SPECIAL, PRIVATE, LINALG = (1 << i for i in range(9))

TYPES = {
    "Tensor": "Tensor",
    "Mask": "Tensor",
    "Operand": "Tensor | Number",
    "Tensor[]": "Sequence[Tensor]",
    "Number": "Number",
    "float": "float",
    "int": "int",
    "bool": "bool",
    "int[]": "Sequence[int]",
    "int[1]": "int | Sequence[int]",
    "float[]": "Sequence[float]",
    "dtype": "dtype",
    "device": "device | str",
    "layout": "layout",
    "memory_format": "memory_format",
    "str": "str",
    "Generator": "Generator",
}
# Attributes of Tensor that are no operations. Any other is `Any`.
ATTRIBUTES = {
    "shape": "Size",
    "dtype": "dtype",
    "device": "device",
    "layout": "layout",
    "grad": "Tensor | None",
    "data": "Tensor",
    "T": "Tensor",
    "H": "Tensor",
    "mT": "Tensor",
    "mH": "Tensor",
    "real": "Tensor",
    "imag": "Tensor",
    "requires_grad": "bool",
    "is_leaf": "bool",
    "retains_grad": "bool",
    "ndim": "int",
    "itemsize": "int",
    "nbytes": "int",
}
METHODS = {
    "backward": "(self, gradient: Tensor | None = None, retain_graph: bool | None = None,"
    " create_graph: bool = False, inputs: Any = None) -> None",
    "item": "(self) -> Any",
    "tolist": "(self) -> Any",
    "dim": "(self) -> int",
    "ndimension": "(self) -> int",
    "size": "(self, dim: int | None = None) -> Any",
    "stride": "(self, dim: int | None = None) -> Any",
    "numel": "(self) -> int",
    "nelement": "(self) -> int",
    "element_size": "(self) -> int",
    "data_ptr": "(self) -> int",
    "storage_offset": "(self) -> int",
    "requires_grad_": "(self, requires_grad: bool = True) -> Self",
    "retain_grad": "(self) -> None",
    "__len__": "(self) -> int",
    "__bool__": "(self) -> bool",
    "__int__": "(self) -> int",
    "__float__": "(self) -> float",
    "__index__": "(self) -> int",
    "__complex__": "(self) -> complex",
    "__iter__": "(self) -> Iterator[Tensor]",
    "__getitem__": "(self, index: Any) -> Tensor",
    "__setitem__": "(self, index: Any, value: Any) -> None",
    "__contains__": "(self, element: Any) -> bool",
}
SPACES = ("linalg", "special", "fft", "masked")
# These are also names of dtypes, functions and attributes: the stubs call the types by names of their own.
SHADOWED = ("int", "float", "bool", "complex", "dtype", "device", "layout", "memory_format")


def private(annotation: str) -> str:
    return re.sub(rf"\b({'|'.join(SHADOWED)})\b", r"_\1", annotation)


BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()


def split(parameters: str) -> list[str]:
    """At the commas outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(parameters):
        quoted ^= c in "'\""
        depth += (c in "[(") - (c in "])")
        if c == "," and depth == 0 and not quoted:
            parts.append(parameters[start:i].strip())
            start = i + 1
    return [p for p in [*parts, parameters[start:].strip()] if p]


class Entry:
    def __init__(self, row: tuple):
        self.name, text, self.scope, aliases, self.pointwise, self.returns = row
        self.names = [self.name, *aliases.split()]
        inside, _, results = text.partition(" -> ")
        self.parameters = split(inside[inside.index("(") + 1 : inside.rindex(")")])
        if results:
            self.returns = "_" + "_".join(r.strip() for r in results.split(","))
        self.results = [r.strip() for r in results.split(",")] if results else []

    def signature(self, method: bool = False, out: bool = False, in_place: bool = False) -> str:
        returns = "Self" if in_place else private(self.returns)
        if any(keyword.iskeyword(p.partition(" ")[2].partition("=")[0]) for p in self.parameters):
            return f"({'self, ' if method else ''}*args: Any, **kwargs: Any) -> {returns}"
        parts, keyword_only, first = [], False, True
        for text in self.parameters:
            if text == "*":
                keyword_only = True
                parts.append("*")
                continue
            kind, _, rest = text.partition(" ")
            name, has_default, default = rest.partition("=")
            annotation = private(TYPES.get(kind.rstrip("?"), "Any"))
            if self.pointwise and kind == "Tensor" and not first:
                annotation = "Tensor | Number"
            if kind.endswith("?"):
                annotation += " | None"
            if method and first and kind in ("Tensor", "Mask", "Operand"):
                parts.append("self")
            elif name.startswith("*"):
                parts.append(f"{name}: _int | Sequence[_int]")
                keyword_only = True  # what follows *size is by keyword; a bare * would be a second star
            else:
                parts.append(f"{name}: {annotation}" + (" = ..." if has_default else ""))
            first = False
        if any(p.startswith("*") and p != "*" for p in parts):
            parts = [p for p in parts if p != "*"]
        if out:
            parts += [] if keyword_only else ["*"]
            parts.append("out: Any = None")
        names = [p.partition(":")[0] for p in parts]
        if not keyword_only and "dim" in names and not out:
            parts.append("*")
        if "dim" in names:
            parts.append("axis: Any = ...")
        if parts and parts[-1] == "*":
            parts.pop()
        return f"({', '.join(parts)}) -> {returns}"


def define(name: str, signatures: list[str], indent: str = "", decorator: str = "") -> str:
    """One definition, or several marked as overloads of one name."""
    signatures = list(dict.fromkeys(signatures))
    lines = []
    for signature in signatures:
        marks = [f"{indent}{decorator}\n"] if decorator else []
        if len(signatures) > 1:
            marks.append(f"{indent}@overload\n")
        lines.append("".join(marks) + f"{indent}def {name}{signature}: ...\n")
    return "".join(lines)


def collect(entries: list[Entry], scope: int, method: bool = False) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for e in entries:
        if e.scope & scope:
            for name in e.names:
                found.setdefault(name, []).append(e.signature(method, out=bool(e.scope & OUT) and not method))
    return found


def tensor_class(entries: list[Entry]) -> str:
    methods = collect(entries, METHOD, method=True)
    for e in entries:
        if e.scope & IN_PLACE and e.scope & METHOD:
            for name in e.names:
                methods.setdefault(name + "_", []).append(e.signature(method=True, in_place=True))
    for name, signature in METHODS.items():
        if hasattr(_C.Tensor, name):
            methods[name] = [private(signature)]
    for name, signature in composites("Tensor").items():
        methods.setdefault(name, [signature])
    for name in BINARY:
        methods[f"__{name}__"] = methods[f"__r{name}__"] = ["(self, other: Any) -> Tensor"]
        if name != "matmul":
            methods[f"__i{name}__"] = ["(self, other: Any) -> Self"]
    for name in ("__neg__", "__pos__", "__invert__", "__abs__"):
        methods[name] = ["(self) -> Tensor"]
    for name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
        methods[name] = ["(self, other: Any) -> Tensor"]
    lines = ["class Tensor:\n", "    def __init__(self, *args: Any, **kwargs: Any) -> None: ...\n"]
    for name in sorted({*dir(_C.Tensor), *ATTRIBUTES}):
        if name in methods or name.startswith("__") or name in _C.__dict__ and name.startswith("_"):
            continue
        kind = type(inspect.getattr_static(_C.Tensor, name, None)).__name__
        if name in ATTRIBUTES or kind in ("getset_descriptor", "member_descriptor", "property"):
            lines.append(f"    {name}: {private(ATTRIBUTES.get(name, 'Any'))}\n")
        else:
            lines.append(f"    def {name}(self, *args: Any, **kwargs: Any) -> Any: ...\n")
    for name, signatures in sorted(methods.items()):
        text = define(name, signatures, "    ")
        if name in ("__eq__", "__ne__"):
            text = text.replace(": ...", ": ...  # type: ignore[override]")
        lines.append(text)
    return "".join(lines)


def core_stub(entries: list[Entry]) -> str:
    text = (
        HEAD
        + "from collections.abc import Iterator, Sequence\n"
        + "from typing import Any, NamedTuple, TypeAlias, overload\n\n"
    )
    text += "from typing_extensions import Self\n\nimport builtins\n\n"
    for name in SHADOWED[:4]:
        text += f"_{name}: TypeAlias = builtins.{name}\n"
    text += "Number: TypeAlias = _int | _float | _complex | _bool\n\n"
    classes = [n for n, v in vars(_C).items() if isinstance(v, type) and n != "Tensor"]
    for name in classes:
        base = "(tuple[_int, ...])" if name == "Size" else ""
        text += f"class {name}{base}:\n"
        if not base:
            text += "    def __init__(self, *args: Any, **kwargs: Any) -> None: ...\n"
            text += "    def __getattr__(self, name: str) -> Any: ...\n"
            if "__call__" in vars(vars(_C)[name]):
                text += "    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...\n"
        else:
            text += "    def numel(self) -> _int: ...\n"
    for name in ("dtype", "device", "layout", "memory_format"):
        text += f"_{name}: TypeAlias = {name}\n"
    text += "\n"
    for results in sorted({tuple(e.results) for e in entries if e.results}):
        text += f"class _{'_'.join(results)}(NamedTuple):\n"
        text += "".join(f"    {r}: Tensor\n" for r in results) + "\n"
    text += tensor_class(entries) + "\n"
    for name, value in sorted(vars(_C).items()):
        if name.startswith("__") or isinstance(value, type):
            continue
        kind = type(value).__name__
        if kind in ("dtype", "layout", "memory_format"):
            text += f"{name}: _{kind}\n"
        elif callable(value) and not hasattr(value, "__path__"):
            text += f"def {name}(*args: Any, **kwargs: Any) -> {'Tensor' if name in CREATE else 'Any'}: ...\n"
        else:
            text += f"{name}: Any\n"
    return text


CREATE = {"tensor", "as_tensor", "asarray", "from_numpy", "frombuffer"}


def python_signature(function: object) -> str:
    try:
        parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "(*args: Any, **kwargs: Any) -> Any"
    parts, star = [], False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        star |= p.kind is p.VAR_POSITIONAL
        prefix = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        default = " = ..." if p.default is not p.empty else ""
        parts.append(f"{prefix}{p.name}: Any{default}")
    return f"({', '.join(parts)}) -> Any"


def composites(space: str) -> dict[str, str]:
    """The operations written in Python that are in this name space: name -> signature."""
    found = {}
    for name, function, spaces, aliases, _, in_place in operations():
        if space in spaces:
            signature = python_signature(function)
            if space == "Tensor":
                first = next(iter(inspect.signature(function).parameters.values()), None)
                start = f"({first.name}: Any" if first and first.kind is not first.VAR_POSITIONAL else ""
                signature = (
                    "(self" + signature[len(start) :] if start else signature.replace("(", "(self, ", 1)
                )
            for each in (name, *aliases):
                found[each] = signature
                if in_place:
                    found[each + "_"] = signature
    return found


CONTEXT = (
    "class {name}:\n"
    "    def __init__(self, *args: Any, **kwargs: Any) -> None: ...\n"
    "    def __enter__(self) -> Any: ...\n"
    "    def __exit__(self, *error: Any) -> None: ...\n"
    "    def __call__(self, function: _Function) -> _Function: ...\n"
)
IMPORTS = (
    "from collections.abc import Sequence\nfrom typing import Any, TypeVar, overload\n\n"
    "_Function = TypeVar('_Function')\n\n"
    "from {dots}_C import *\nfrom {dots}_C import Number, {shadowed}{named}\n\n"
)


def imports(entries: list[Entry], dots: str) -> str:
    named = "".join(f", _{'_'.join(r)}" for r in sorted({tuple(e.results) for e in entries if e.results}))
    return IMPORTS.format(dots=dots, named=named, shadowed=", ".join(f"_{n}" for n in SHADOWED))


def package_stub(entries: list[Entry]) -> str:
    functions = collect(entries, FUNCTION)
    text, contexts = HEAD + imports(entries, "."), ""
    for name, module in sorted(facula._LAZY.items()):
        try:
            value = getattr(importlib.import_module(f".{module}", "facula"), name)
        except (ModuleNotFoundError, AttributeError):  # announced, not there
            continue
        if isinstance(value, type) and hasattr(value, "__enter__"):  # a context that also decorates
            contexts += CONTEXT.format(name=name)
        else:
            text += f"from .{module} import {name} as {name}\n"
    for name in sorted(facula._SUBMODULES):
        if (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir():
            text += f"from . import {name} as {name}\n"
    text += contexts
    text += "\ne: _float\ninf: _float\nnan: _float\npi: _float\nnewaxis: None\n__version__: str\n"
    for e in entries:
        if e.scope & IN_PLACE and e.scope & FUNCTION:
            for name in e.names:
                functions.setdefault(name + "_", []).append(
                    e.signature(in_place=True).replace("Self", "Tensor")
                )
    for name, signature in composites("torch").items():
        functions.setdefault(name, [signature])
    for name, signatures in sorted(functions.items()):
        text += define(name, signatures)
    known = {*functions, *vars(_C), *facula._LAZY, *facula._SUBMODULES}
    for name in dir(facula):
        value = vars(facula).get(name)
        if name not in known and not name.startswith("_") and callable(value):
            text += define(name, [python_signature(value)])
    return text


def functional_stub(entries: list[Entry]) -> str:
    from facula.nn import functional

    functions = collect(entries, NN)
    for e in entries:
        if e.scope & IN_PLACE_NN:
            for name in e.names:
                functions.setdefault(name + "_", []).append(
                    e.signature(in_place=True).replace("Self", "Tensor")
                )
    for name, value in vars(functional).items():
        if (
            callable(value)
            and not name.startswith("_")
            and str(getattr(value, "__module__", "")).startswith("facula.nn")
        ):
            functions[name] = [python_signature(value)]
    for name, signature in composites("nn.functional").items():
        functions.setdefault(name, [signature])
    text = HEAD + imports(entries, "..")
    return text + "".join(define(n, v) for n, v in sorted(functions.items()))


def space_stub(entries: list[Entry], space: str) -> str:
    """Of a name space that has nothing but operations: linalg, special, fft, masked."""
    scope = {"linalg": LINALG, "special": SPECIAL}.get(space, 0)
    functions = collect(entries, scope)
    for name, signature in composites(space).items():
        functions.setdefault(name, [signature])
    return HEAD + imports(entries, ".") + "".join(define(n, v) for n, v in sorted(functions.items()))


def main() -> None:
    entries = [Entry(row) for row in _C._entries()]
    output = chosen.output or PACKAGE
    (output / "nn").mkdir(parents=True, exist_ok=True)
    (output / "_C.pyi").write_text(core_stub(entries))
    (output / "__init__.pyi").write_text(package_stub(entries))
    for space in SPACES:
        (output / f"{space}.pyi").write_text(space_stub(entries, space))
    (output / "nn" / "functional.pyi").write_text(functional_stub(entries))


if __name__ == "__main__":
    main()
