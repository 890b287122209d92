"""The examples in the docstrings of the installed PyTorch, as lists of statements. No text of it is kept."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

# The public modules whose documentation is about what facula has.
PACKAGES = (
    *("torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.nn.modules"),
    *(
        "torch.nn.parameter",
        "torch.nn.attention",
        "torch.nn.grad",
        "torch.linalg",
        "torch.fft",
        "torch.special",
    ),
    *("torch.optim", "torch.autograd", "torch.func", "torch.utils.data", "torch.distributions"),
    *("torch.sparse", "torch.masked", "torch.amp", "torch.random", "torch.overrides", "torch.testing"),
    *("torch.signal", "torch.functional", "torch.serialization", "torch.storage", "torch.cpu"),
    *("torch.utils.checkpoint", "torch.utils.benchmark", "torch.utils.hooks", "torch.utils.dlpack"),
    *(
        "torch.nested",
        "torch.types",
        "torch.return_types",
        "torch.profiler",
        "torch.multiprocessing",
        "torch.hub",
    ),
)
# Names of the walk that belong to what facula does not have.
OUTSIDE = re.compile(
    r"quant|\bao\b|distributed|onnx|_C\b|\.parallel\b|data_parallel|datapipes|\.qat|intrinsic|flex_attention|jit\b|"
    r"\.compile|\.cuda|_dynamo|torch\.hub|opaque|mkldnn|experimental"
)


def modules() -> list[Any]:
    found = [importlib.import_module("torch")]
    for package in PACKAGES:
        try:
            module = importlib.import_module(package)
        except Exception:
            continue
        found.append(module)
        for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
            name = f"{package}.{info.name}"
            if info.name.startswith("__") or OUTSIDE.search(name):
                continue
            try:
                found.append(importlib.import_module(name))
            except Exception:
                pass
    return found


def documented() -> Iterator[tuple[str, str]]:
    """(name, docstring) of everything public, each docstring once."""
    seen: set[str] = set()

    def fresh(text: Any) -> bool:
        if not isinstance(text, str) or ">>>" not in text or text in seen:
            return False
        seen.add(text)
        return True

    for module in modules():
        if fresh(module.__doc__):
            yield module.__name__, module.__doc__
        for name in sorted(vars(module)):
            try:
                value = getattr(module, name)
                text = value.__doc__
            except Exception:
                continue
            where = f"{module.__name__}.{name}"
            home = str(getattr(value, "__module__", None) or "torch")
            if not home.startswith("torch") or OUTSIDE.search(where) or OUTSIDE.search(home):
                continue
            if inspect.ismodule(value):
                continue
            if fresh(text):
                yield where, text
            if isinstance(value, type):
                for method in sorted(set(dir(value)) - set(dir(object))):
                    try:
                        text = inspect.getattr_static(value, method).__doc__ or getattr(value, method).__doc__
                    except Exception:
                        continue
                    if fresh(text):
                        yield f"{where}.{method}", text


PROMPT = re.compile(r"^\s*>>> ?(.*)$")
MORE = re.compile(r"^\s*\.\.\. ?(.*)$")
DIRECTIVE = re.compile(r"#\s*x?doctest:.*$")


def blocks(text: str) -> list[str]:
    """What stands after the prompts, a statement (or several on a line) each; continuation lines joined."""
    found: list[list[str]] = []
    open_block = False
    for line in text.expandtabs().splitlines():
        match = PROMPT.match(line)
        if match:
            found.append([DIRECTIVE.sub("", match[1]).rstrip()])
            open_block = True
            continue
        match = MORE.match(line)
        if match and open_block:
            found[-1].append(DIRECTIVE.sub("", match[1]).rstrip())
        else:
            open_block = False
    return ["\n".join(block) for block in found]


def parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def statements(text: str) -> list[str]:
    """Statements that parse. Prompts before continuation lines are common: a block that does not parse takes
    lines from those that follow until it does."""
    parts, result, at = blocks(text), [], 0
    while at < len(parts):
        if not parts[at].strip():
            at += 1
            continue
        source, end = parts[at], at + 1
        header = source.lstrip().startswith("@") or source.rstrip().endswith(":")
        if not parses(source) or header:
            while end < len(parts) and end - at < 60:
                longer = source + "\n" + parts[end]
                indented = parts[end].startswith((" ", "\t")) or not parts[end].strip()
                if (
                    parses(source)
                    and not indented
                    and not re.match(r"(else|elif|except|finally)\b", parts[end])
                ):
                    break
                source, end = longer, end + 1
        if parses(source):
            result.append(source.strip("\n"))
            at = end
        else:
            at += 1  # a line that is no Python
    return [each for each in result if ast.parse(each).body]


def snippets() -> list[tuple[str, list[str]]]:
    found = []
    for name, text in documented():
        lines = statements(text)
        if lines:
            found.append((name, lines))
    return found
