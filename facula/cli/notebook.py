"""Runs a notebook cell by cell and shows it as a notebook does: source, then output. Needs no Jupyter."""

from __future__ import annotations

import os
from time import perf_counter

from . import CommandError, own_the_process, read_file
from .shell import CellFailed, Shell
from .sinks import Recorder, Screen


def run_notebook(path: str, arguments: list[str]) -> int:
    """Run every cell, showing it; return the exit status."""
    cells = read_notebook(path)
    _enter(path, arguments)
    screen = Screen()
    shell = Shell(screen)
    with shell:
        for cell in cells:
            source = cell["source"]
            if cell["kind"] != "code":
                screen.block(source)
                continue
            number = shell.next_number(source)
            screen.block(f"In [{number}]:\n{source}")
            start = perf_counter()
            try:
                shell.run(source)
            except CellFailed:
                if not cell["may_raise"]:
                    return shell.status
            if source.strip():
                screen.elapsed(number, perf_counter() - start)
        screen.close()
    return 0


def check_notebook(path: str, arguments: list[str]) -> int:
    """Run every cell and compare what it puts out with the stored outputs; return the exit status."""
    from .check import recorded, report

    cells = [cell for cell in read_notebook(path) if cell["kind"] == "code"]
    try:
        expected = [recorded(cell["outputs"]) for cell in cells]
    except (TypeError, KeyError, AttributeError):
        raise CommandError(
            f"{path} is not a notebook: the outputs stored in its cells are malformed"
        ) from None
    _enter(path, arguments)
    recorder = Recorder()
    shell = Shell(recorder)
    results = []
    with shell:
        for cell, wanted in zip(cells, expected, strict=True):
            number = shell.next_number(cell["source"])
            try:
                shell.run(cell["source"])
            except CellFailed:
                results.append((number, wanted, recorder.take()))
                # A cell whose failure is on record is part of the notebook; after any other nothing can be
                # compared.
                if not any(kind == "error" for kind, _ in wanted):
                    break
            else:
                results.append((number, wanted, recorder.take()))
    return report(path, results, len(cells))


def _enter(path: str, arguments: list[str]) -> None:
    # A notebook server starts a notebook in its own folder; data files are named relative to it.
    folder = os.path.dirname(os.path.abspath(path))
    own_the_process(folder, [path, *arguments])
    os.chdir(folder)
    # Figures become outputs of the cell instead of windows. An explicit choice of the user stands.
    os.environ.setdefault("MPLBACKEND", "module://facula.cli.figures")


def read_notebook(path: str) -> list[dict]:
    """The cells of a notebook file (nbformat 4, or 3) as dicts: kind, source, outputs, may_raise."""
    if os.path.isdir(path):
        raise CommandError(f"{path} is a directory, not a notebook")
    try:
        text = read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not a notebook: not UTF-8 text") from None
    if not text.strip():
        raise CommandError(f"{path} is not a notebook: the file is empty")
    try:
        notebook = parse_json(text)
    except RecursionError:
        raise CommandError(f"{path} is not a notebook: nested too deeply") from None
    except ValueError as error:
        raise CommandError(f"{path} is not a notebook: not JSON ({error})") from None
    try:
        return _cells(notebook)
    except (TypeError, KeyError, AttributeError):
        raise CommandError(f"{path} is not a notebook: JSON, but without a notebook's cells") from None


def parse_json(text: str):
    """What json.loads(text) returns, without the module json where its C scanner will do.

    json imports re; together they take a fifth of a short run.
    """
    try:
        from _json import make_scanner

        class Settings:
            strict = False
            object_hook = object_pairs_hook = None
            parse_float = float
            parse_int = int
            parse_constant = float
            memo = {}  # noqa: RUF012

        start = len(text) - len(text.lstrip(" \t\r\n"))
        value, end = make_scanner(Settings)(text, start)  # pyright: ignore
        if not text[end:].strip(" \t\r\n"):
            return value
    except RecursionError:
        raise
    except Exception:
        # Whatever is wrong with the text or with the private scanner, the public module says it well.
        pass
    import json

    return json.loads(text, strict=False)


def _cells(notebook: dict) -> list[dict]:
    if "cells" in notebook:
        raw = notebook["cells"]
    else:
        raw = [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    if not isinstance(raw, list):
        raise TypeError
    return [_cell(each) for each in raw]


def _cell(raw: dict) -> dict:
    kind = raw["cell_type"]
    source = joined(raw["source"] if "source" in raw else raw["input"])
    if kind == "heading":
        source = "#" * int(raw.get("level", 1)) + " " + source
    tags = raw.get("metadata", {}).get("tags", ())
    return {
        "kind": kind,
        "source": source,
        "outputs": list(raw.get("outputs", ())),
        "may_raise": "raises-exception" in tags,
    }


def joined(text: str | list[str]) -> str:
    """Text that a notebook stores as one string or as a list of lines."""
    if isinstance(text, str):
        return text
    if not all(isinstance(each, str) for each in text):
        raise TypeError
    return "".join(text)
