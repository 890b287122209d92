"""What error messages say after PyTorch's text: which tensors, which line, and one change to make.

The first sentence is PyTorch's, for programs that match on it. What follows it is put together here, from the
arguments that an operation was called with, once it has failed; nothing here is imported before. A rule is a
pattern of the first sentence and a function that looks at the arguments and suggests an edit.
"""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Callable

from . import _C

RULES: list[tuple[re.Pattern[str], Callable[[re.Match[str], Given], str | None]]] = []


class Given:
    """The arguments of a failed call, as a rule sees them."""

    def __init__(self, operation: str, args: tuple, keywords: tuple[str, ...] | None) -> None:
        names = keywords or ()
        self.operation = operation
        self.args = args[: len(args) - len(names)]
        self.named = dict(zip(names, args[len(self.args) :], strict=True))
        self.parameters = parameters(operation)
        labels = [*self.labels(), *names]
        self.tensors = []  # (label, tensor), those in lists included
        for label, value in zip(labels, args, strict=False):
            if isinstance(value, _C.Tensor):
                self.tensors.append((label, value))
            elif isinstance(value, (list, tuple)):
                for i, each in enumerate(value[:100]):
                    if isinstance(each, _C.Tensor):
                        self.tensors.append((f"{label}[{i}]", each))

    def labels(self) -> list[str]:
        """What the positional arguments are called."""
        if self.operation.startswith("__"):
            return ["the tensor", "the index", "the value"][: len(self.args)]
        found = list(self.parameters[: len(self.args)])
        return found + [f"argument {i + 1}" for i in range(len(found), len(self.args))]

    def tensor(self, i: int):
        return self.tensors[i][1]

    def argument(self, name: str, position: int, default=None):
        return self.args[position] if position < len(self.args) else self.named.get(name, default)


def parameters(operation: str) -> list[str]:
    """The parameters of an operation's first form: from its entry, the only place that names them."""
    wanted = operation.rstrip("_") if not operation.startswith("_") else operation
    for name, text, *_ in _C._entries():
        if name in (wanted, "_" + wanted):
            inner = text[text.index("(") + 1 : text.rindex(")")]
            words = re.findall(r"(?:^|, )(?:[\w.]+(?:\[\w*\])?[?]?(?:\.\.\.)?) (\w+)", inner)
            return words
    return []


def all_parameters(operation: str) -> set[str]:
    wanted = operation.rstrip("_")
    found = set()
    for name, text, *_ in _C._entries():
        if name in (wanted, "_" + wanted):
            found.update(re.findall(r"(\w+)(?=\s*(?:=|,|\)|$))", text[text.index("(") :]))
    return found


def advise(message: str, operation: str, args: tuple, keywords: tuple[str, ...] | None) -> str:
    """The text of an error with what facula knows added to it."""
    given = Given(operation, args, keywords)
    if "(aten::?)" in message:
        from .ops import written_name

        message = message.replace("aten::?", written_name(operation, given.args, given.named))
    message, hint, suggestion = message.partition("\nSuggestion: ")
    lines = [message]
    if given.tensors and "\nIn " not in message:
        lines.append(f"In {call_text(given)}: {'; '.join(describe(*each) for each in given.tensors[:6])}.")
        where = module_text()
        if where:
            lines.append(where)
    if not hint:
        suggestion = suggest(message, given)
        suggestion = suggestion and suggestion + "."
    if suggestion:
        lines.append("Suggestion: " + suggestion)
    return "\n".join(lines)


def suggest(message: str, given: Given) -> str | None:
    from . import _advice_rules  # noqa: F401  fills RULES

    for pattern, rule in RULES:
        found = pattern.search(message)
        if found:
            try:
                text = rule(found, given)
            except Exception:
                continue  # the arguments are not what the rule thought
            if text:
                return text
    return None


def call_text(given: Given) -> str:
    if given.operation == "__getitem__":
        return "x[index]"
    if given.operation == "__setitem__":
        return "x[index] = value"
    return f"{given.operation}({', '.join(given.labels())})"


def describe(label: str, tensor) -> str:
    """input: shape [2, 3], torch.float32, made by MulBackward0"""
    text = f"{label} has shape {list(tensor.shape)}, {tensor.dtype}"
    if tensor.device.type != "cpu":
        text += f", on {tensor.device}"
    try:
        made = tensor.grad_fn
    except RuntimeError:  # a view that must not be used
        return text
    if made is not None:
        text += f", made by {made.name()}"
    elif tensor.requires_grad:
        text += ", a leaf that requires grad"
    return text


def place(file: str, line: int, function: str) -> str:
    """A line of a program as errors name it: "train.py:12 (in step: `x += 1`)"."""
    source = linecache.getline(file, line).strip()
    within = "" if function == "<module>" else f"in {function}"
    shown = f"`{source}`" if source else ""
    more = ": ".join(part for part in (within, shown) if part)
    return f"{file}:{line}" + (f" ({more})" if more else "")


def module_text() -> str:
    """The innermost module whose forward is running, with its path in the outermost one."""
    modules = sys.modules.get("facula.nn.modules.module")
    if modules is None:
        return ""
    running = []
    frame = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self") if frame.f_code.co_name == "forward" else None
        if isinstance(owner, modules.Module) and (not running or running[-1] is not owner):
            running.append(owner)
        frame = frame.f_back
    if not running:
        return ""
    path = ""
    for name, each in running[-1].named_modules():
        if each is running[0]:
            path = name
            break
    shown = repr(running[0]).splitlines()
    text = shown[0] if len(shown) == 1 else type(running[0]).__name__
    return f"In module {path + ': ' if path else ''}{text}."


def rule(pattern: str):
    def add(function):
        RULES.append((re.compile(pattern), function))
        return function

    return add


class Unrecorded:
    def __enter__(self):
        self.previous = _C._set_grad_enabled(False)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.previous)
