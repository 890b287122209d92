"""torch.futures: results that come later, for callbacks and those who wait."""

from __future__ import annotations

from concurrent import futures as _futures

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A result, or an error, that is set once.

    Args:
        devices: accepted.
    """

    def __init__(self, *, devices=None) -> None:
        self._future: _futures.Future = _futures.Future()

    def __class_getitem__(cls, item):
        return cls

    def done(self) -> bool:
        """Whether there is a result or an error."""
        return self._future.done()

    def wait(self):
        """The result, once it is there; raises the error."""
        return self._future.result()

    def value(self):
        """The result, which must be there.

        Raises:
            RuntimeError: it is not.
        """
        if not self.done():
            raise RuntimeError("value() called on a Future that is not completed")
        return self._future.result()

    def then(self, callback) -> Future:
        """A future for what `callback(self)` returns once this one is done."""
        after = Future()

        def run(_) -> None:
            try:
                after.set_result(callback(self))
            except Exception as error:
                after.set_exception(error)

        self._future.add_done_callback(run)
        return after

    def add_done_callback(self, callback) -> None:
        """Calls `callback(self)` once this is done."""
        self._future.add_done_callback(lambda _: callback(self))

    def set_result(self, result) -> None:
        """Sets the result; once only."""
        if self.done():
            raise RuntimeError("Future can only be marked completed once: it is already completed")
        self._future.set_result(result)

    def set_exception(self, result) -> None:
        """Sets the error; once only."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._future.set_exception(result)


def collect_all(futures) -> Future:
    """A future for the list of futures, done when all are."""
    futures = list(futures)
    everything = Future()
    left = [len(futures)]

    def one_more(_) -> None:
        left[0] -= 1
        if left[0] == 0:
            everything.set_result(futures)

    if not futures:
        everything.set_result(futures)
    for future in futures:
        future.add_done_callback(one_more)
    return everything


def wait_all(futures) -> list:
    """The results of all, in order; raises the first error."""
    return [future.wait() for future in collect_all(futures).wait()]
