"""Executes the cells of a notebook in one namespace, as a notebook's kernel does."""

from __future__ import annotations

import builtins
import sys

from .program import new_main, remember
from .sinks import Recorder, Screen, Stream
from .trace import AfterImport, CellSources, cell_traceback, without_our_frames

# compile() flags of the module ast, which is slow to import.
_ONLY_AST = 0x400
_TOP_LEVEL_AWAIT = 0x2000
_COROUTINE = 0x80


class CellFailed(Exception):
    """A cell raised; its traceback has been shown and `Shell.status` is set."""


class Shell:
    """A namespace with In, Out, _ and display, and what only notebooks know (%magic, !command)."""

    def __init__(self, sink: Screen | Recorder) -> None:
        self.sink = sink
        self.status = 1
        self.main = new_main()
        self.namespace = vars(self.main)
        self.sources = CellSources()
        self.number = 0
        self.future_flags = 0
        self.inputs = [""]
        self.results = {}
        self.loop = None
        self.namespace.update(
            In=self.inputs,
            Out=self.results,
            _ih=self.inputs,
            _oh=self.results,
            _="",
            __="",
            ___="",
            _i="",
            _ii="",
            _iii="",
        )
        self._saved = []

    def __enter__(self) -> Shell:
        self._saved = [sys.stdout, sys.stderr, sys.displayhook]
        self._builtins = {name: getattr(builtins, name, None) for name in ("display", "get_ipython", "input")}
        sys.stdout = Stream("stdout", self.sink, sys.stdout)
        sys.stderr = Stream("stderr", self.sink, sys.stderr)
        sys.displayhook = self.show_result
        builtins.__dict__.update(display=self.display, get_ipython=lambda: self, input=self._input)
        sys.meta_path.append(_LateFinder())
        # Where IPython is installed, its display() must find our screen.
        sys.meta_path.insert(0, AfterImport("IPython.core.display_functions", self._take_over))
        return self

    def __exit__(self, *exception) -> None:
        sys.stdout, sys.stderr, sys.displayhook = self._saved
        for name, value in self._builtins.items():
            if value is None:
                delattr(builtins, name)
            else:
                setattr(builtins, name, value)

    def next_number(self, source: str) -> int | str:
        """The number that a cell with this source will run under; blank cells do not count."""
        return self.number + 1 if source.strip() else " "

    def run(self, source: str) -> None:
        """Execute a cell. Raises CellFailed after showing the traceback; lets SystemExit pass."""
        if not source.strip():
            return
        self.number += 1
        names = self.namespace
        names["_iii"], names["_ii"], names["_i"] = names.get("_ii"), names.get("_i"), self.inputs[-1]
        self.inputs.append(source)
        try:
            self.execute(source, f"Cell In[{self.number}]")
            pyplot = sys.modules.get("matplotlib.pyplot")
            if pyplot is not None and pyplot.get_fignums() and "facula.cli.figures" in sys.modules:
                pyplot.show()
        except (SystemExit, BrokenPipeError):
            raise
        except BaseException as error:
            self._failed(error)
            raise CellFailed from None

    def _failed(self, error: BaseException) -> None:
        without_our_frames(error)
        remember(error)
        self.status = 130 if isinstance(error, KeyboardInterrupt) else 1
        try:
            value = str(error)
        except Exception:
            value = "<no text: its __str__ raised>"
        self.sink.error(type(error).__name__, value, cell_traceback(error, self.sources))

    def execute(self, source: str, file: str) -> None:
        """Run source text; display the value of a last expression, unless a semicolon follows."""
        self.sources[file] = source
        body, last = self.compile(source, file)
        if body is not None:
            self._evaluate(body)
        if last is not None:
            value = self._evaluate(last)
            if not _silenced(last):
                sys.displayhook(value)

    def compile(self, source: str, file: str):
        """Two code objects: the statements, and the last expression where there is one."""
        if source.lstrip().startswith("%%"):
            from .magics import cell_magic_call

            source = cell_magic_call(source)
        try:
            tree = self._parse(source, file)
        except SyntaxError as error:
            from .magics import translated

            source = translated(source, error, lambda text: self._parse(text, file))
            tree = self._parse(source, file)
        if "__future__" in source:
            self._note_future(compile(tree, file, "exec", dont_inherit=True, flags=self.future_flags))
        last = None
        if tree.body and type(tree.body[-1]).__name__ == "Expr":
            last = tree.body.pop()
        flags = self.future_flags | _TOP_LEVEL_AWAIT
        body = compile(tree, file, "exec", dont_inherit=True, flags=flags) if tree.body else None
        if last is None:
            return body, None
        from _ast import Expression

        code = compile(Expression(last.value), file, "eval", dont_inherit=True, flags=flags)
        return body, _Last(code, source, last)

    def _parse(self, source: str, file: str):
        return compile(
            source, file, "exec", flags=self.future_flags | _ONLY_AST | _TOP_LEVEL_AWAIT, dont_inherit=True
        )

    def _note_future(self, code) -> None:
        # `from __future__ import annotations` in one cell holds in the later ones.
        import __future__

        for name in __future__.all_feature_names:
            self.future_flags |= code.co_flags & getattr(__future__, name).compiler_flag

    def _evaluate(self, code):
        code = getattr(code, "code", code)
        value = eval(code, self.namespace)
        if not code.co_flags & _COROUTINE:
            return value
        if self.loop is None:
            import asyncio

            self.loop = asyncio.new_event_loop()
        return self.loop.run_until_complete(value)

    def show_result(self, value) -> None:
        """sys.displayhook: show a cell's value and file it under Out and _."""
        if value is None:
            return
        names = self.namespace
        names["___"], names["__"], names["_"] = names.get("__"), names.get("_"), value
        names[f"_{self.number}"] = value
        self.results[self.number] = value
        self.display(value)

    def display(self, *values, **options) -> None:
        """Show each value as the notebook would show it as a result."""
        for value in values:
            own = getattr(type(value), "_ipython_display_", None)
            if own is not None:
                own(value)
                continue
            kind = type(value)
            # repr() is what a notebook shows of a tensor; only containers and the like need the printer.
            if kind.__module__ != "torch" or kind.__repr__ is object.__repr__:
                from .pretty import pretty

                self.sink.result(pretty(value))
            else:
                self.sink.result(repr(value))

    def _take_over(self, module) -> None:
        from .ipython import clear_output

        module.display = self.display
        module.clear_output = clear_output

    def _input(self, prompt: object = "") -> str:
        print(prompt, end="", flush=True)
        line = sys.stdin.readline() if sys.stdin is not None else ""
        if not line:
            raise EOFError(
                "input() was called, but there is nothing on standard input. Give the notebook its answers: "
                "facula run notebook.ipynb < answers.txt"
            )
        return line.rstrip("\n")

    # What remains is the part of IPython's shell object that programs converted from notebooks call.

    @property
    def user_ns(self) -> dict:
        return self.namespace

    def run_line_magic(self, name: str, line: str):
        """%name line"""
        from .magics import line_magic

        return line_magic(self, name, line)

    def run_cell_magic(self, name: str, line: str, cell: str):
        """%%name line, with the rest of the cell"""
        from .magics import cell_magic

        return cell_magic(self, name, line, cell)

    def system(self, command: str) -> None:
        """!command"""
        from .magics import run_command

        run_command(self, command)

    def getoutput(self, command: str) -> list[str]:
        """The lines that a command puts out: x = !command"""
        from .magics import command_lines

        return command_lines(self, command)


class _LateFinder:
    """Answers for IPython where it is not installed; the answer is only imported then."""

    def find_spec(self, name: str, path=None, target=None):
        if name.partition(".")[0] != "IPython":
            return None
        from .ipython import Finder

        return Finder().find_spec(name)


class _Last:
    """The code of a last expression, with where it ends."""

    def __init__(self, code, source: str, node) -> None:
        self.code = code
        self.source = source
        self.node = node


def _silenced(last: _Last) -> bool:
    """Whether a semicolon follows the last expression."""
    if ";" not in last.source:
        return False
    lines = last.source.split("\n")[last.node.end_lineno - 1 :]
    # Columns count bytes of UTF-8.
    rest = lines[0].encode()[last.node.end_col_offset :].decode(errors="replace")
    return rest.lstrip().startswith(";")
