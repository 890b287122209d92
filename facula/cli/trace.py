"""Tracebacks as the user should see them: theirs from the first frame to the last, ours left out."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    import types
    from collections.abc import Callable

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PACKAGE = os.path.dirname(_HERE.rstrip(os.sep)) + os.sep
_LOOKUPS = tuple(_PACKAGE + name for name in ("_alias.py", "_lazy.py", "_names.py"))

# A runaway recursion has a thousand frames, which say the same.
MOST_FRAMES = 40


def without_our_frames(error: BaseException) -> types.TracebackType | None:
    """Cut the runner's frames and those of missing names out of an exception and all it chains to."""
    seen = set()
    pending = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = _cut(each.__traceback__)
        pending += [each.__cause__, each.__context__]
        pending += getattr(each, "exceptions", ())
    return error.__traceback__


def _cut(trace: types.TracebackType | None) -> types.TracebackType | None:
    entries = []
    while trace is not None:
        entries.append(trace)
        trace = trace.tb_next
    kept = [each for each in entries if not _is_ours(each.tb_frame.f_code)]
    # What remains above the user's first frame is the standard library carrying out our call (runpy).
    while kept and kept[0].tb_frame.f_code.co_filename.endswith(("<frozen runpy>", "runpy.py")):
        del kept[0]
    # An import that our finder refused ends in frames of the import system.
    if len(kept) < len(entries):
        while kept and kept[-1].tb_frame.f_code.co_filename.startswith("<frozen importlib"):
            del kept[-1]
    following = None
    for each in reversed(kept):
        each.tb_next = following
        following = each
    return following


def _is_ours(code: types.CodeType) -> bool:
    file = code.co_filename
    if file.startswith(_HERE) or file in _LOOKUPS:
        return True
    return code.co_name == "__getattr__" and file.startswith(_PACKAGE) and file.endswith("__init__.py")


def cell_traceback(error: BaseException, cells: dict[str, str]) -> str:
    """The text a notebook shows for an exception.

    Args:
        error: the exception, its traceback already without our frames.
        cells: source text of each cell by the file name it was compiled under.
    """
    parts = [_one_traceback(error, cells)]
    seen = {id(error)}
    while True:
        cause = error.__cause__
        if cause is not None:
            link = "The above exception was the direct cause of the following exception:\n"
        else:
            cause = None if error.__suppress_context__ else error.__context__
            link = "During handling of the above exception, another exception occurred:\n"
        if cause is None or id(cause) in seen:
            return "\n".join(reversed(parts))
        seen.add(id(cause))
        error = cause
        parts += [link, _one_traceback(error, cells) + "\n"]


def _one_traceback(error: BaseException, cells: dict[str, str]) -> str:
    import traceback

    if isinstance(error, SyntaxError) and error.__traceback__ is None:
        return _syntax_error(error)
    name = type(error).__name__
    lines = ["-" * 75, name + "Traceback (most recent call last)".rjust(75 - len(name))]
    frames = list(traceback.walk_tb(error.__traceback__))
    for position, (frame, number) in enumerate(frames):
        if len(frames) > MOST_FRAMES and position == MOST_FRAMES // 2:
            lines += [f"[... {len(frames) - MOST_FRAMES} frames left out]", ""]
        if MOST_FRAMES // 2 <= position < len(frames) - MOST_FRAMES // 2:
            continue
        lines += _frame_lines(frame, number, cells)
        lines.append("")
    lines.append("".join(traceback.format_exception_only(type(error), error)).rstrip("\n"))
    return "\n".join(lines)


def _syntax_error(error: SyntaxError) -> str:
    import traceback

    text = "".join(traceback.format_exception_only(type(error), error)).rstrip("\n")
    # `File "Cell In[3]", line 2` is how Python words it; a cell is no file.
    return text.replace(f'  File "{error.filename}", line', f"  {error.filename}, line", 1)


def _frame_lines(frame: types.FrameType, number: int, cells: dict[str, str]) -> list[str]:
    import linecache

    code = frame.f_code
    where = "" if code.co_name == "<module>" else f", in {code.co_name}{_arguments(frame)}"
    file = code.co_filename
    if file in cells:
        head = f"{file}, line {number}{where}"
        source = cells[file].split("\n")
    else:
        home = os.path.expanduser("~") + os.sep
        shown = "~" + os.sep + file[len(home) :] if file.startswith(home) else file
        head = f"File {shown}:{number}{where}"
        source = [line.rstrip("\n") for line in linecache.getlines(file, frame.f_globals)]
    if not 1 <= number <= len(source):
        return [head]
    # Blank lines at the ends of the shown piece tell nothing.
    first, last = max(1, number - 2), min(len(source), number + 2)
    while first < number and not source[first - 1].strip():
        first += 1
    while last > number and not source[last - 1].strip():
        last -= 1
    lines = [head]
    for each in range(first, last + 1):
        width = len(str(each))
        margin = "-" * (5 - width) + f"> {each}" if each == number else f"{each:>7}"
        lines.append(f"{margin} {source[each - 1]}".rstrip())
    return lines


def _arguments(frame: types.FrameType) -> str:
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    names = list(code.co_varnames[:count])
    rest = code.co_varnames[count:]
    if code.co_flags & 4:
        names.append("*" + rest[0])
        rest = rest[1:]
    if code.co_flags & 8:
        names.append("**" + rest[0])
    return f"({', '.join(names)})"


class AfterImport:
    """Part of sys.meta_path: calls a function with a module once somebody has imported it."""

    def __init__(self, name: str, action: Callable[[types.ModuleType], None]) -> None:
        self.name = name
        self.action = action

    def find_spec(self, name: str, path=None, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            run(module)
            self.action(module)

        spec.loader.exec_module = exec_module
        return spec


class CellSources(dict):
    """Source text of each cell by the file name it is compiled under, kept known to linecache.

    warnings, inspect.getsource and pdb look for source lines there. linecache is slow to import and most
    notebooks never need it, so the cells are entered once somebody else has imported it.
    """

    def __init__(self) -> None:
        super().__init__()
        if "linecache" not in sys.modules:
            sys.meta_path.insert(0, AfterImport("linecache", self._enter_all))

    def __setitem__(self, name: str, source: str) -> None:
        super().__setitem__(name, source)
        module = sys.modules.get("linecache")
        if module is not None:
            self._enter(module, name)

    def _enter_all(self, module: types.ModuleType) -> None:
        for name in self:
            self._enter(module, name)

    def _enter(self, module: types.ModuleType, name: str) -> None:
        source = self[name]
        # An entry without a time is never checked against a file.
        module.cache[name] = (len(source), None, [line + "\n" for line in source.split("\n")], name)
