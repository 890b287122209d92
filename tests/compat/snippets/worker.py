# ruff: noqa: E501  tables, a row a line
"""Runs snippets with one library and tells what each statement shows.

    python worker.py torch|facula DESCRIPTOR_IN DESCRIPTOR_OUT

A snippet is a list of statements in one name space. Answers are plain Python, pickled.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import pickle
import re
import signal
import sys
import tempfile
import types
import warnings
from typing import Any

LIMIT = 10.0  # seconds a statement
MANY = 5000  # elements that are compared one by one


class TooLong(BaseException):
    pass


def expire(*_: Any) -> None:
    raise TooLong


def tensor(value: Any) -> tuple:
    made = value.grad_fn.name() if value.grad_fn is not None else None
    kind = type(value).__name__
    flat = value.detach()
    if value.layout is not torch.strided:
        return ("sparse", kind, str(value.dtype), tuple(value.shape), tensor(flat.to_dense()))
    numbers = None
    if str(value.device) == "cpu":
        flat = flat.reshape(-1)[:MANY]
        if "float8" not in str(value.dtype):
            numbers = (flat.float() if value.dtype in (torch.float16, torch.bfloat16) else flat).tolist()
    return (
        "tensor",
        kind,
        str(value.dtype),
        tuple(value.shape),
        value.stride(),
        bool(value.requires_grad),
        made,
        numbers,
    )


ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


def named(value: type) -> str:
    return value.__qualname__.split(".")[-1]


def seen(value: Any, depth: int = 0) -> Any:
    """What is compared of a value."""
    if depth > 6:
        return "..."
    if isinstance(value, torch.Tensor):
        return tensor(value)
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return value
    if isinstance(value, dict):
        return ("dict", [(seen(k, depth + 1), seen(v, depth + 1)) for k, v in list(value.items())[:200]])
    if isinstance(value, (set, frozenset)):
        return ("set", sorted(map(repr, value)))
    if isinstance(value, (list, tuple)):
        kind = "tuple" if type(value).__name__.endswith("Backward") else named(type(value))
        return (kind, [seen(each, depth + 1) for each in value[:200]])
    if isinstance(value, torch.nn.Module):
        try:
            state = [(k, seen(v, depth + 1)) for k, v in value.state_dict().items()]
        except Exception:
            state = []
        return ("module", text(value), state)
    if type(value).__module__ == "numpy":
        return (
            "numpy",
            named(type(value)),
            str(getattr(value, "dtype", "")),
            value.tolist() if hasattr(value, "tolist") else "",
        )
    if isinstance(
        value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)
    ):
        return ("object", "callable" if callable(value) else "module")
    shown = text(value)
    return ("object", named(type(value)), "" if " object at " in shown or shown.startswith("<") else shown)


def text(value: Any) -> str:
    try:
        return ADDRESS.sub("0x", repr(value))[:20000]
    except Exception as error:
        return f"repr raises {type(error).__name__}: {str(error)[:200]}"


def targets(node: ast.stmt) -> list[str]:
    places = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names: list[str] = []
    for place in places:
        for each in ast.walk(place) if place is not None else ():
            if isinstance(each, ast.Name):
                names.append(each.id)
    return names


def run(source: str, space: dict) -> list[Any]:
    """[(kind, what)] of the statements of `source`."""
    shown: list[Any] = []
    for node in ast.parse(source).body:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            if isinstance(node, ast.Expr):
                value = eval(compile(ast.Expression(node.value), "<snippet>", "eval"), space)
                if value is not None:
                    space["_"] = value
                    shown.append(("value", seen(value), text(value)))
            else:
                exec(compile(ast.Module([node], []), "<snippet>", "exec"), space)
                if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
                    for name in targets(node):
                        if name in space:
                            shown.append(("name", name, seen(space[name])))
        if out.getvalue():
            shown.append(("printed", ADDRESS.sub("0x", out.getvalue())[:20000]))
    return shown


def answer(lines: list[str], prelude: str, apart: bool, seed: int = 0) -> list[Any]:
    """`apart`: each statement finds the generator as the first one does."""
    space: dict[str, Any] = {"__name__": "__main__"}
    answers: list[Any] = []
    torch.manual_seed(seed)
    import random

    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = compile(prelude, "<prelude>", "exec")
        exec(compiled, space)
        for line in lines:
            if apart:  # what an earlier one wrote to is as it was
                exec(compiled, space)
                torch.manual_seed(seed)
            signal.setitimer(signal.ITIMER_REAL, LIMIT)
            try:
                answers.append(("shown", run(line, space)))
            except TooLong:
                answers.append(("error", "TooLong", ""))
            except (Exception, SystemExit) as error:
                answers.append(("error", type(error).__name__, str(error)[:2000]))
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    return answers


def restore() -> None:
    """What a snippet may have changed for all."""
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)
    torch.set_printoptions(profile="default")
    with contextlib.suppress(Exception):
        torch.set_default_device(None)
    with contextlib.suppress(Exception):
        torch.use_deterministic_algorithms(False)
    with contextlib.suppress(Exception):
        torch.autograd.set_detect_anomaly(False)


def main() -> None:
    global torch
    library, source, sink = sys.argv[1], os.fdopen(int(sys.argv[2]), "rb"), os.fdopen(int(sys.argv[3]), "wb")
    if library == "facula":
        import facula

        facula.install_as_torch()
    import torch

    torch.set_num_threads(1)
    os.chdir(tempfile.mkdtemp())
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if not os.environ.get("SNIPPETS_STDERR"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    signal.signal(signal.SIGALRM, expire)
    while True:
        try:
            lines, prelude, apart = pickle.load(source)
        except EOFError:
            return
        pickle.dump(answer(lines, prelude, apart), sink)
        sink.flush()
        restore()


if __name__ == "__main__":
    main()
