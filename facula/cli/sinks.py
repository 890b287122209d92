"""Where the outputs of cells go: the screen, or a record to compare."""

from __future__ import annotations

import io
import sys


def duration(seconds: float) -> str:
    """A time in three digits and a fitting unit."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of a cell: hands every write to the sink, which keeps the order of the two."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: str, sink: Screen | Recorder, real) -> None:
        self.name = f"<{name}>"
        self._kind = name
        self._sink = sink
        self._real = real

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._sink.stream(self._kind, text)
        return len(text)

    def flush(self) -> None:
        self._real.flush()

    def fileno(self) -> int:
        return self._real.fileno()

    @property
    def buffer(self):
        self._real.flush()
        return self._real.buffer


class Screen:
    """Shows cells as they run. Blocks (a source, an output, a text) are separated by one blank line."""

    def __init__(self) -> None:
        self.out, self.err = sys.stdout, sys.stderr
        for each in (self.out, self.err):
            # A terminal that cannot show a character gets its escape, not a traceback.
            if isinstance(each, io.TextIOWrapper):
                each.reconfigure(errors="backslashreplace")
        self.any_block = False
        self.any_output = False
        self.at_line_start = True
        self.after_value = False

    def block(self, text: str) -> None:
        """Show a cell's source, or a text cell. Each block ends in a line break of its own."""
        if self.any_block:
            self.out.write("\n\n" if self.any_output else "\n")
        self.any_block = True
        self.any_output = False
        self.out.write(text + "\n")
        self.at_line_start = True
        self.out.flush()

    def stream(self, kind: str, text: str) -> None:
        if self.after_value:
            self._start_line()
        self._start_output()
        self._put(self.out if kind == "stdout" else self.err, text)

    def result(self, text: str) -> None:
        """Show a value. It starts on a line of its own and does not end it: the next output or block does."""
        self._start_line()
        self._start_output()
        self._put(self.out, text)
        self.after_value = True

    def error(self, name: str, value: str, text: str) -> None:
        self._start_line()
        self._start_output()
        self._put(self.err, text + "\n")

    def elapsed(self, number: int, seconds: float) -> None:
        """Tell how long a cell took. On standard error: the other stream is the same in every run."""
        self.out.flush()
        if not self.at_line_start and self.err.isatty():
            self.err.write("\n")
        self.err.write(f"In [{number}]: {duration(seconds)}\n")
        self.err.flush()

    def _start_output(self) -> None:
        if not self.any_output:
            self.out.write("\n")
            self.any_output = True

    def _start_line(self) -> None:
        if not self.at_line_start:
            self.out.write("\n")
            self.at_line_start = True

    def _put(self, file, text: str) -> None:
        if file is not self.out:
            # The two may end in one terminal or pipe: what came first is to stand first.
            self.out.flush()
        file.write(text)
        self.at_line_start = text.endswith("\n")
        self.after_value = False
        if file is not self.out:
            file.flush()

    def close(self) -> None:
        self._start_line()
        self.out.flush()


class Recorder:
    """Keeps the outputs of a cell as (kind, text), writes to one stream joined."""

    def __init__(self) -> None:
        self._outputs: list[tuple[str, list[str]]] = []

    def take(self) -> list[tuple[str, str]]:
        """The outputs since the last call."""
        outputs, self._outputs = self._outputs, []
        return [(kind, "".join(parts)) for kind, parts in outputs]

    def stream(self, kind: str, text: str) -> None:
        if self._outputs and self._outputs[-1][0] == kind:
            self._outputs[-1][1].append(text)
        else:
            self._outputs.append((kind, [text]))

    def result(self, text: str) -> None:
        self._outputs.append(("result", [text]))

    def error(self, name: str, value: str, text: str) -> None:
        self._outputs.append(("error", [f"{name}: {value}"]))
