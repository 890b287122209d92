"""Shared by the tests of the command line: run facula in a process of its own."""

import json
import os
import re
import subprocess
import sys


def facula(*arguments, cwd=None, input=None, merge=False, times=False, **environment):
    """Run `python -m facula arguments...`; return the finished process, its output as text.

    The lines that tell how long each cell took are left out unless asked for.
    """
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[1:]), **environment}
    settings.setdefault("PYTHONIOENCODING", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "facula", *map(str, arguments)],
        cwd=cwd,
        stdin=subprocess.DEVNULL if input is None else None,
        input=input,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        encoding="utf-8",
        env=settings,
        timeout=120,
    )
    if not times:
        took = re.compile(r"^In \[\d+\]: \S+ (s|ms|µs|ns)\n", re.MULTILINE)
        done.stdout, done.stderr = took.sub("", done.stdout), took.sub("", done.stderr or "")
    return done


def code(source, outputs=(), **metadata):
    """A code cell as a notebook stores it."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source.splitlines(keepends=True),
    }


def text(source):
    """A text cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def notebook(path, *cells):
    """Write a notebook; cells given as str are code."""
    cells = [code(each) if isinstance(each, str) else each for each in cells]
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8"
    )
    return path


def stream(content, name="stdout"):
    """A stored output: what was printed."""
    return {"output_type": "stream", "name": name, "text": content.splitlines(keepends=True)}


def result(content):
    """A stored output: the value of the cell."""
    return {
        "output_type": "execute_result",
        "data": {"text/plain": content},
        "execution_count": 1,
        "metadata": {},
    }


def failure(name, value):
    """A stored output: the exception of the cell."""
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": []}
