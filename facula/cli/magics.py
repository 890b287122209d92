"""What notebooks write besides Python: %magics, %%cell magics, !commands, and questions (name?).

Imported only by notebooks that use them. A magic that is about the notebook's looks is passed over with a
note; one that facula does not know is an error.
"""

from __future__ import annotations

import sys

from .sinks import duration

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable

    from .shell import Shell

__all__ = ["cell_magic", "cell_magic_call", "command_lines", "line_magic", "run_command", "translated"]


class UsageError(Exception):
    """A magic that does not exist or was given wrong arguments."""


def note(text: str) -> None:
    """Tell the user something that is no output of the cell."""
    stream = sys.__stderr__
    if stream is not None:
        sys.stdout.flush()
        print(f"facula: {text}", file=stream, flush=True)


# Translation to Python


def cell_magic_call(source: str) -> str:
    """The Python statement for a cell that starts with %%name; the cell's text becomes an argument."""
    lines = source.split("\n")
    start = next(position for position, line in enumerate(lines) if line.strip())
    name, _, rest = lines[start].strip()[2:].partition(" ")
    # The cell's own lines keep their numbers.
    body = "\n" * (start + 1) + "\n".join(lines[start + 1 :])
    return "\n" * start + f"get_ipython().run_cell_magic({name!r}, {rest.strip()!r}, {body!r})"


def translated(source: str, error: SyntaxError, parse: Callable[[str], object]) -> str:
    """The source with its magic lines turned into Python, one after the other where the parser stumbles.

    Only a line that is no Python can be a magic: so none is looked for in strings or continued expressions.
    """
    lines = source.split("\n")
    for _ in range(len(lines)):
        number = error.lineno or 0
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        new = _translate(line)
        if new is None:
            raise error
        lines[number - 1] = new
        try:
            parse("\n".join(lines))
        except SyntaxError as following:
            error = following
        else:
            return "\n".join(lines)
    raise error


def _translate(line: str) -> str | None:
    text = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if text.startswith("!!"):
        return f"{indent}get_ipython().getoutput({text[2:]!r})"
    if text.startswith("!"):
        return f"{indent}get_ipython().system({text[1:]!r})"
    if text.startswith("%"):
        return indent + _magic_call(text[1:])
    if text.startswith(("pip ", "conda ")):
        return indent + _magic_call(text)
    if text.startswith("?") or (text.endswith("?") and not text.startswith("#")):
        return f"{indent}get_ipython().run_line_magic('pinfo', {text.strip('?')!r})"
    target, equals, value = line.partition("=")
    value = value.strip()
    if equals and value.startswith("!"):
        return f"{target}= get_ipython().getoutput({value[1:]!r})"
    if equals and value.startswith("%"):
        return f"{target}= {_magic_call(value[1:])}"
    return None


def _magic_call(text: str):
    name, _, rest = text.partition(" ")
    return f"get_ipython().run_line_magic({name!r}, {rest.strip()!r})"


# Commands


def run_command(shell: Shell, command: str):
    """Run a command; what it puts out appears as it comes. Its status is left in _exit_code."""
    import subprocess

    command = expanded(shell, command)
    if _installs_torch(command):
        return
    sys.stdout.flush()
    with subprocess.Popen(
        command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        while chunk := process.stdout.readline():
            sys.stdout.write(chunk.decode(errors="replace"))
            sys.stdout.flush()
    shell.namespace["_exit_code"] = process.returncode


def command_lines(shell: Shell, command: str) -> list[str]:
    """The lines that a command puts out."""
    import subprocess

    done = subprocess.run(
        expanded(shell, command),
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    shell.namespace["_exit_code"] = done.returncode
    return done.stdout.decode(errors="replace").splitlines()


def expanded(shell: Shell, text: str) -> str:
    """Fill in {expression} and $name from the notebook's namespace; what does not evaluate stays as it is."""
    import re

    def value(match):
        if match.group() in ("{{", "}}"):
            return match.group()[0]
        try:
            return str(eval(match.group(1) or match.group(2), shell.namespace))
        except Exception:
            return match.group()

    return re.sub(r"\{\{|\}\}|\{([^{}]+)\}|\$([A-Za-z_]\w*)", value, text)


def _installs_torch(command: str) -> bool:
    import re

    words = command.split()
    if "install" not in words or not any(word.endswith(("pip", "pip3", "conda")) for word in words):
        return False
    names = {re.split(r"[<>=!~\[]", word)[0] for word in words}
    if not names & {"torch", "pytorch"}:
        return False
    note(f"not run, because facula answers to torch: {command}")
    return True


# Magics


def line_magic(shell: Shell, name: str, line: str):
    """Run %name line."""
    if name in _PASSED_OVER:
        note(f"%{name} is passed over")
        return None
    function = _LINE.get(name)
    if function is None:
        raise UsageError(
            f"Line magic function `%{name}` not found: facula does not have it{_like(name, _LINE)}"
        )
    return function(shell, line)


def cell_magic(shell: Shell, name: str, line: str, cell: str):
    """Run %%name line with the rest of its cell."""
    function = _CELL.get(name)
    if function is None:
        raise UsageError(f"Cell magic `%%{name}` not found: facula does not have it{_like(name, _CELL)}")
    return function(shell, line, cell)


def _like(name: str, table: dict) -> str:
    from difflib import get_close_matches

    matches = get_close_matches(name, [*table, *_PASSED_OVER], n=1)
    return f"; the nearest it has is {matches[0]}" if matches else ""


_PASSED_OVER = (
    "load_ext",
    "reload_ext",
    "autoreload",
    "config",
    "precision",
    "pylab",
    "notebook",
    "colors",
    "pdb",
    "logstart",
)


def _run_source(shell: Shell, source: str):
    """Run source text as part of the current cell; return the value of its last expression."""
    body, last = shell.compile(source, f"Cell In[{shell.number}]")
    if body is not None:
        shell._evaluate(body)
    return None if last is None else shell._evaluate(last)


def _matplotlib(shell: Shell, line: str):
    # Figures are outputs of their cells in any case.
    if line.split()[:1] not in ([], ["inline"]):
        note(f"%matplotlib {line} is passed over: figures are shown inline")


def _time(shell: Shell, line: str, cell: str | None = None):
    import os
    import time

    source = line if cell is None else cell
    if not source.strip():
        raise UsageError("%time needs a statement")
    before, wall = os.times(), time.perf_counter()
    value = _run_source(shell, source)
    wall, after = time.perf_counter() - wall, os.times()
    user, system = after.user - before.user, after.system - before.system
    parts = f"user {duration(user)}, sys: {duration(system)}, total: {duration(user + system)}"
    print(f"CPU times: {parts}\nWall time: {duration(wall)}")
    return value


def _timeit(shell: Shell, line: str, cell: str | None = None):
    import re
    import timeit

    loops, runs = 0, 7
    while match := re.match(r"\s*-([nr])\s*(\d+)\s*|\s*-(q|o)\s*", line):
        loops = int(match.group(2)) if match.group(1) == "n" else loops
        runs = int(match.group(2)) if match.group(1) == "r" else runs
        line = line[match.end() :]
    setup, statement = ("pass", line) if cell is None else (line or "pass", cell)
    if not statement.strip():
        raise UsageError("%timeit needs a statement")
    timer = timeit.Timer(statement.strip("\n"), setup, globals=shell.namespace)
    loops = loops or timer.autorange()[0]
    times = [each / loops for each in timer.repeat(max(1, runs), max(1, loops))]
    mean = sum(times) / len(times)
    deviation = (sum((each - mean) ** 2 for each in times) / len(times)) ** 0.5
    plural = "s" if len(times) > 1 else ""
    print(
        f"{duration(mean)} ± {duration(deviation)} per loop "
        f"(mean ± std. dev. of {len(times)} run{plural}, {loops:,} loop{'s' if loops > 1 else ''} each)"
    )


def _pip(shell: Shell, line: str):
    if not _installs_torch(f"pip {line}"):
        run_command(shell, f'"{sys.executable}" -m pip {line}')


def _conda(shell: Shell, line: str):
    if not _installs_torch(f"conda {line}"):
        run_command(shell, f"conda {line}")


def _cd(shell: Shell, line: str):
    import os

    os.chdir(os.path.expanduser(expanded(shell, line).strip("'\"") or "~"))
    print(os.getcwd())


def _pwd(shell: Shell, line: str):
    import os

    return os.getcwd()


def _env(shell: Shell, line: str):
    import os

    if not line:
        return dict(os.environ)
    name, equals, value = line.partition("=")
    if not equals:
        name, _, value = line.partition(" ")
        if not value:
            return os.environ.get(name)
    os.environ[name.strip()] = expanded(shell, value.strip())
    print(f"env: {name.strip()}={value.strip()}")
    return None


def _run(shell: Shell, line: str):
    import shlex

    words = shlex.split(line)
    if not words:
        raise UsageError("%run needs a file")
    with open(words[0], "rb") as file:
        source = file.read()
    saved = sys.argv[:]
    sys.argv[:] = words
    try:
        exec(compile(source, words[0], "exec", dont_inherit=True), shell.namespace)
    finally:
        sys.argv[:] = saved


def _reset(shell: Shell, line: str):
    for name in [each for each in shell.namespace if not each.startswith("_") and each not in ("In", "Out")]:
        del shell.namespace[name]


def _who(shell: Shell, line: str):
    names = sorted(each for each in shell.namespace if not each.startswith("_") and each not in ("In", "Out"))
    print("\t ".join(names) if names else "Interactive namespace is empty.")


def _pinfo(shell: Shell, line: str):
    # A notebook shows this in a pane beside the cells; it is no output.
    note(f"{line.strip()}? is passed over; help({line.strip()}) prints the documentation")


def _capture(shell: Shell, line: str, cell: str):
    import io

    saved = sys.stdout, sys.stderr, sys.displayhook
    sys.stdout, sys.stderr, sys.displayhook = io.StringIO(), io.StringIO(), lambda value: None
    try:
        _run_source(shell, cell)
        captured = Captured(sys.stdout.getvalue(), sys.stderr.getvalue())
    finally:
        sys.stdout, sys.stderr, sys.displayhook = saved
    target = line.split()[0] if line and not line.startswith("-") else None
    if target:
        shell.namespace[target] = captured


class Captured:
    """What a %%capture cell wrote."""

    def __init__(self, stdout: str, stderr: str) -> None:
        self.stdout = stdout
        self.stderr = stderr

    def __str__(self) -> str:
        return self.stdout

    def show(self) -> None:
        """Write it again, now to the cell."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)

    __call__ = show


def _writefile(shell: Shell, line: str, cell: str):
    words = line.split()
    append = words[:1] == ["-a"]
    if len(words) != 1 + append:
        raise UsageError("%%writefile needs the name of a file")
    import os

    name = os.path.expanduser(words[-1])
    existed = os.path.exists(name)
    # The line breaks in front only keep the numbers of the cell's lines.
    text = cell.lstrip("\n") if cell.strip() else ""
    with open(name, "a" if append else "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")
    print(f"{'Appending to' if append else 'Overwriting' if existed else 'Writing'} {words[-1]}")


def _bash(shell: Shell, line: str, cell: str):
    import subprocess

    done = subprocess.run(["bash", "-c", cell], stdin=subprocess.DEVNULL, capture_output=True)
    sys.stdout.write(done.stdout.decode(errors="replace"))
    sys.stderr.write(done.stderr.decode(errors="replace"))
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, "bash")


def _html(shell: Shell, line: str, cell: str):
    note("%%html, %%javascript, %%markdown and the like need a browser: passed over")


_LINE = {
    "cd": _cd,
    "conda": _conda,
    "env": _env,
    "matplotlib": _matplotlib,
    "pinfo": _pinfo,
    "pip": _pip,
    "pwd": _pwd,
    "reset": _reset,
    "run": _run,
    "set_env": _env,
    "sx": command_lines,
    "system": run_command,
    "time": _time,
    "timeit": _timeit,
    "who": _who,
}
_CELL = {
    "bash": _bash,
    "capture": _capture,
    "html": _html,
    "javascript": _html,
    "js": _html,
    "latex": _html,
    "markdown": _html,
    "sh": _bash,
    "svg": _html,
    "time": _time,
    "timeit": _timeit,
    "writefile": _writefile,
}
