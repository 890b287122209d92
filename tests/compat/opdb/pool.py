"""Entries judged in processes of their own: a crash or a hang is a failing row, not the end of the run."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent
LIMIT = float(os.environ.get("OP_DB_SECONDS", "150"))  # for one step of an entry
CRASHES = 6  # then the rest of the entry counts as failing


class Worker:
    """A process that judges one entry after another."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.buffer = b""

    def _start(self) -> subprocess.Popen:
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, str(FOLDER / "op_db.py"), "--worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            self.buffer = b""
            self._line(120)  # "ready"
        return self.process

    def _line(self, seconds: float) -> str | None:
        """The next line, None when the process ended; raises TimeoutError."""
        assert self.process and self.process.stdout
        stream = self.process.stdout.fileno()
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise TimeoutError
            piece = os.read(stream, 1 << 16)
            if not piece:
                return None
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        if self.process is not None:
            with contextlib.suppress(Exception):
                self.process.kill()
                self.process.wait()
            self.process = None

    def judge(self, name: str, **options: Any) -> dict:
        skip: dict[str, str] = {}
        for _ in range(CRASHES):
            started, where, why = time.monotonic(), "-/errors", ""
            process = self._start()
            request = json.dumps({"name": name, "skip": skip, **options}) + "\n"
            try:
                assert process.stdin
                process.stdin.write(request.encode())
                process.stdin.flush()
                while True:
                    line = self._line(LIMIT)
                    if line is None:
                        code = process.wait()
                        why = f"CRASH: the process ended with {f'signal {-code}' if code < 0 else code}"
                        break
                    message = json.loads(line)
                    if "at" in message:
                        where = message["at"]
                    else:
                        message["seconds"] = round(time.monotonic() - started, 2)
                        return message
            except TimeoutError:
                why = f"HANG: no answer in {LIMIT:.0f} s"
            except BrokenPipeError:
                why = "CRASH: the process ended"
            self.close()
            skip[where] = why
        return {"name": name, "dtypes": {}, "errors": [1, 1, [["", "crashes all over"]]], "broken": skip}


def judge_all(names: list[str], processes: int = 1, **options: Any) -> Iterator[dict]:
    """The results in the order in which they come."""
    waiting: queue.Queue[str] = queue.Queue()
    done: queue.Queue[dict] = queue.Queue()
    for name in names:
        waiting.put(name)

    def work() -> None:
        worker = Worker()
        try:
            while True:
                done.put(worker.judge(waiting.get_nowait(), **options))
        except queue.Empty:
            pass
        finally:
            worker.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(processes, len(names)))]
    for thread in threads:
        thread.start()
    for _ in names:
        yield done.get()
    for thread in threads:
        thread.join()


def serve() -> None:
    """A worker's life: requests on standard input, answers on standard output."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what operations print goes elsewhere
    import torch

    torch.set_num_threads(1)
    from .judge import judge

    out.write("ready\n")
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("only"):
            request["only"] = set(request["only"])
        at = lambda where: out.write(json.dumps({"at": where}) + "\n")  # noqa: E731
        try:
            answer = judge(at=at, **request)
        except Exception as error:  # a fault of the harness: visible as a failing row
            import traceback

            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"harness: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            answer = {"name": request["name"], "dtypes": {}, "errors": [1, 1, [["", text]]], "broken": text}
        out.write(json.dumps(answer, default=str) + "\n")
