"""torch.profiler: how long each operation takes.

Operations are timed where the program calls them, by a mode of torch.overrides: what one operation does
    inside
counts as its own, and a run backward counts as one operation. Nothing is slower while no profiler runs.
"""

from __future__ import annotations

from enum import Enum
from time import perf_counter_ns

from facula.overrides import TorchFunctionMode

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


class ProfilerActivity(Enum):
    """What is timed; here only the CPU."""

    CPU = 0
    CUDA = 1
    XPU = 2


class ProfilerAction(Enum):
    """What a step of a schedule does."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def kineto_available() -> bool:
    """False: operations are timed where the program calls them."""
    return False


def supported_activities() -> set:
    """What can be timed."""
    return {ProfilerActivity.CPU}


class _Recorder(TorchFunctionMode):
    """The events of the innermost profiler: (name, start, end, depth, shapes), times in nanoseconds."""

    def __init__(self, shapes: bool) -> None:
        self.events: list = []
        self.shapes = shapes
        self.depth = 0
        self.inside = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", str(func))
        if name in ("__get__", "__set__", "size", "dim", "numel", "stride", "is_floating_point"):
            return func(*args, **(kwargs or {}))
        shapes = [list(a.shape) for a in args if hasattr(a, "shape")] if self.shapes else None
        start = perf_counter_ns()
        self.depth += 1
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.depth -= 1
            self.events.append((name, start, perf_counter_ns(), self.depth, shapes))


_recorders: list[_Recorder] = []


class record_function:  # noqa: N801  a context manager
    """Names a part of a program: a context, or a decorator; timed where a profiler runs."""

    def __init__(self, name: str, args=None) -> None:
        self.name = name
        self.args = args

    def __enter__(self):
        self._start = perf_counter_ns()
        if _recorders:
            _recorders[-1].depth += 1
        return self

    def __exit__(self, *error) -> None:
        if _recorders:
            recorder = _recorders[-1]
            recorder.depth -= 1
            recorder.events.append((self.name, self._start, perf_counter_ns(), recorder.depth, None))

    def __call__(self, function):
        from functools import wraps

        @wraps(function)
        def recorded(*args, **kwargs):
            with record_function(self.name):
                return function(*args, **kwargs)

        return recorded


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
):
    """A function from a step's number to what is done: wait, warm up, record, and so on from the start."""

    def action(step: int) -> ProfilerAction:
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        cycle = wait + warmup + active
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False):
    """A function for `on_trace_ready` that writes a trace to a folder."""

    def handle(prof) -> None:
        import os
        import time

        os.makedirs(dir_name, exist_ok=True)
        name = worker_name or f"{os.uname().nodename}_{os.getpid()}"
        suffix = ".gz" if use_gzip else ""
        prof.export_chrome_trace(os.path.join(dir_name, f"{name}.{time.time_ns()}.pt.trace.json{suffix}"))

    return handle


class Row:
    """The calls of one operation, summed up; times in microseconds."""

    def __init__(self, key: str, shapes) -> None:
        self.key = key
        self.input_shapes = shapes
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0

    @property
    def cpu_time(self) -> float:
        """The mean time of a call."""
        return self.cpu_time_total / max(self.count, 1)


def _time(us: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:.3f}{unit}"
    return f"{us:.3f}us"


class Rows(list):
    """What `key_averages` returns: a list of Row, with a table."""

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options) -> str:
        """A text with a line for each operation.

        Args:
            sort_by: "cpu_time_total", "self_cpu_time_total", "cpu_time" or "count": the largest first.
            row_limit: how many lines.
        """
        rows = self
        if sort_by is not None:
            name = sort_by if hasattr(Row("", None), sort_by) else "cpu_time_total"
            rows = sorted(self, key=lambda r: getattr(r, name), reverse=True)
        total = sum(r.self_cpu_time_total for r in self) or 1.0
        head = ("Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls")
        lines = [head]
        for r in rows[: row_limit if row_limit >= 0 else None]:
            lines.append(
                (
                    r.key if len(r.key) <= 55 else r.key[:52] + "...",
                    f"{100 * r.self_cpu_time_total / total:.2f}%",
                    _time(r.self_cpu_time_total),
                    f"{100 * r.cpu_time_total / total:.2f}%",
                    _time(r.cpu_time_total),
                    _time(r.cpu_time),
                    str(r.count),
                )
            )
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        rule = "  ".join("-" * w for w in widths)
        text = ["  ".join(c.rjust(w) for c, w in zip(line, widths)) for line in lines]
        return "\n".join([rule, text[0], rule, *text[1:], rule, f"Self CPU time total: {_time(total)}", ""])

    def total_average(self) -> Row:
        """All operations in one row."""
        row = Row("Total", None)
        for r in self:
            row.count += r.count
            row.cpu_time_total += r.cpu_time_total
            row.self_cpu_time_total += r.self_cpu_time_total
        return row


class profile:  # noqa: N801  a context manager
    """Times the operations of a part of a program.

    Args:
        activities: accepted; the CPU is timed.
        schedule: see `schedule`; steps are told by `step()`.
        on_trace_ready: called with the profiler at the end of each recorded cycle.
        record_shapes: keep the shapes of arguments, for `key_averages(group_by_input_shape=True)`.
        profile_memory, with_stack, with_flops, with_modules, others: accepted, without effect.

    Example:
        >>> import facula as torch
        >>> with torch.profiler.profile() as prof:
        ...     y = torch.ones(3) + 1
        >>> [row.key for row in prof.key_averages()]
        ['ones', 'add']
    """

    def __init__(
        self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes: bool = False, **options
    ) -> None:
        self._schedule = schedule
        self._on_trace_ready = on_trace_ready
        self._shapes = record_shapes
        self._recorder: _Recorder | None = None
        self._events: list = []
        self._seen_backward = None
        self.step_num = 0
        self._marks: list = []

    def _action(self) -> ProfilerAction:
        return ProfilerAction.RECORD if self._schedule is None else self._schedule(self.step_num)

    def start(self) -> None:
        """Begins."""
        if self._action() in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE):
            self._record()

    def _record(self) -> None:
        self._recorder = _Recorder(self._shapes)
        _recorders.append(self._recorder)
        self._recorder.__enter__()

    def _pause(self) -> None:
        if self._recorder is not None:
            self._recorder.__exit__(None, None, None)
            _recorders.remove(self._recorder)
            self._events += self._recorder.events
            self._recorder = None

    def stop(self) -> None:
        """Ends."""
        recording = self._recorder is not None
        self._pause()
        if recording and self._on_trace_ready is not None:
            self._on_trace_ready(self)

    def step(self) -> None:
        """Tells that a step of the program is done."""
        save = self._action() is ProfilerAction.RECORD_AND_SAVE
        if save and self._schedule is not None:
            self._pause()
            if self._on_trace_ready is not None:
                self._on_trace_ready(self)
            self._events = []
        self.step_num += 1
        record = self._action() in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if record and self._recorder is None:
            self._record()
        elif not record:
            self._pause()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error) -> None:
        self.stop()

    def events(self) -> list:
        """All calls: (name, start, end, depth, shapes), times in nanoseconds."""
        current = self._recorder.events if self._recorder is not None else []
        return sorted([*self._events, *current], key=lambda e: (e[1], -e[2]))

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> Rows:
        """The calls, summed up by name (and the shapes of their arguments)."""
        rows: dict = {}
        open_calls: list = []  # (end, row) of the calls around the present one
        for name, start, end, _, shapes in self.events():
            key = (name, str(shapes)) if group_by_input_shape else name
            row = rows.setdefault(key, Row(name, shapes))
            time = (end - start) / 1e3
            row.count += 1
            row.cpu_time_total += time
            row.self_cpu_time_total += time
            while open_calls and open_calls[-1][0] <= start:
                open_calls.pop()
            if open_calls:
                open_calls[-1][1].self_cpu_time_total -= time
            open_calls.append((end, row))
        return Rows(rows.values())

    def export_chrome_trace(self, path: str) -> None:
        """Writes the calls as JSON that chrome://tracing and Perfetto read (gzipped for names in .gz)."""
        import gzip
        import json
        import os

        events = [
            {"ph": "X", "cat": "cpu_op", "name": e[0], "pid": os.getpid(), "tid": 0, "ts": e[1] / 1e3,
             "dur": (e[2] - e[1]) / 1e3}
            for e in self.events()
        ]  # fmt: skip
        text = json.dumps({"schemaVersion": 1, "traceEvents": events})
        with gzip.open(path, "wt") if path.endswith(".gz") else open(path, "w") as file:
            file.write(text)

    def add_metadata(self, key: str, value: str) -> None:
        """Accepted."""

    add_metadata_json = add_metadata
