"""torch.utils.benchmark: how long a statement takes."""

from __future__ import annotations

import timeit

__all__ = ["Measurement", "Timer"]


def _text(seconds: float) -> str:
    for unit, size in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 1000 * size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds:.2f} s"


class Measurement:
    """Times of several runs of a statement, each of `number_per_run` repetitions; all times are of one,
    in seconds.
    """

    def __init__(self, number_per_run: int, raw_times: list, timer: Timer) -> None:
        self.number_per_run = number_per_run
        self.raw_times = raw_times
        self.timer = timer
        self.times = [t / number_per_run for t in raw_times]

    def _at(self, share: float) -> float:
        ordered = sorted(self.times)
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    median = property(lambda self: self._at(0.5), doc="The middle time.")
    mean = property(lambda self: sum(self.times) / len(self.times), doc="The mean time.")
    iqr = property(lambda self: self._at(0.75) - self._at(0.25), doc="The range of the middle half.")

    def __repr__(self) -> str:
        timer = self.timer
        lines = [f"<torch.utils.benchmark.utils.common.Measurement object at {hex(id(self))}>"]
        lines.append(timer.label or timer.stmt)
        if timer.sub_label or timer.description:
            lines.append(", ".join(t for t in (timer.sub_label, timer.description) if t))
        if len(self.times) > 1:
            lines.append(f"  Median: {_text(self.median)}\n  IQR:    {_text(self.iqr)}")
        else:
            lines.append(f"  {_text(self.median)}")
        threads = f"{timer.num_threads} thread{'s' if timer.num_threads > 1 else ''}"
        runs = f"{len(self.times)} measurement{'s' if len(self.times) > 1 else ''}"
        lines.append(f"  {runs}, {self.number_per_run} runs per measurement, {threads}")
        return "\n".join(lines)


class Timer:
    """Times a statement.

    Args:
        stmt, setup: Python code, repeated and run once before.
        globals: names that they use.
        label, sub_label, description, env: texts for the report.
        num_threads: how many threads operations may use meanwhile.
        timer: the clock.
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer=timeit.default_timer,
        globals: dict | None = None,  # noqa: A002  PyTorch's name
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: str = "python",
    ) -> None:
        import textwrap

        if str(language).lower() not in ("python", "py", "language.python"):
            raise NotImplementedError("torch.utils.benchmark.Timer: only statements in Python are timed")
        import facula

        self.stmt = textwrap.dedent(stmt).strip()
        self.label, self.sub_label, self.description, self.env = label, sub_label, description, env
        self.num_threads = num_threads
        names = {"torch": facula, **(globals or {})}
        self._timer = timeit.Timer(self.stmt, textwrap.dedent(setup).strip(), timer, names)

    def _times(self, number: int, repeat: int) -> list:
        import facula

        before = facula.get_num_threads()
        facula.set_num_threads(self.num_threads)
        try:
            return [self._timer.timeit(number) for _ in range(repeat)]
        finally:
            facula.set_num_threads(before)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One run of `number` repetitions, after a shorter one to warm up."""
        self._times(max(number // 100, 2), 1)
        return Measurement(number, self._times(number, 1), self)

    def _enough(self, seconds: float) -> int:
        """How many repetitions take about so long."""
        number = 1
        while (taken := self._times(number, 1)[0]) < seconds / 10:
            number *= 10
        return max(1, int(number * seconds / max(taken, 1e-9)))

    def blocked_autorange(self, callback=None, min_run_time: float = 0.2) -> Measurement:
        """Runs of about a millisecond or more, until `min_run_time` seconds are over."""
        number = self._enough(max(1e-3, min_run_time / 1000))
        times: list = []
        while sum(times) < min_run_time:
            times += self._times(number, 1)
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, self)

    def adaptive_autorange(
        self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0, callback=None
    ) -> Measurement:
        """Runs until the middle half of the times lies within `threshold` of their median."""
        number = self._enough(min_run_time / 5)
        times: list = []
        while sum(times) < max_run_time:
            times += self._times(number, 1)
            if callback is not None:
                callback(number, times[-1])
            found = Measurement(number, times, self)
            if sum(times) > min_run_time and len(times) > 3 and found.iqr / found.median < threshold:
                break
        return Measurement(number, times, self)

    autorange = blocked_autorange

    def collect_callgrind(self, *args, **kwargs):
        """Raises NotImplementedError."""
        raise NotImplementedError(
            "torch.utils.benchmark.Timer.collect_callgrind: instructions are not counted"
        )
