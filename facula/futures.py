"""torch.futures: results that come later, for callbacks and those who wait."""

from __future__ import annotations

from concurrent import futures as _futures

import facula as torch

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A result, or an error, that is set once.

    Args:
        devices: those of accelerators, of which there are none.

    Raises:
        ValueError: `devices` names the CPU.
    """

    def __init__(self, *, devices=None) -> None:
        for each in devices or ():
            place = torch.device(each)
            if place.index is None:
                raise ValueError(f"Expected devices to have indices, got {place}")
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

    def __reduce__(self):
        raise RuntimeError("Can not pickle torch.futures.Future")

    def then(self, callback) -> Future:
        """A future for what `callback(self)` returns once this one is done.

        What the callback raises, the future raises as a RuntimeError with its text.
        """
        _need_callable("then", callback)
        after = Future()

        def run(_) -> None:
            try:
                after.set_result(callback(self))
            except Exception as error:
                after.set_exception(RuntimeError(_told(error)))

        self._future.add_done_callback(run)
        return after

    def add_done_callback(self, callback) -> None:
        """Calls `callback(self)` once this is done. What it raises is logged."""
        _need_callable("add_done_callback", callback)

        def run(_) -> None:
            try:
                callback(self)
            except Exception as error:
                import logging

                logging.getLogger("torch.futures").error(_told(error))

        self._future.add_done_callback(run)

    def _need_open(self) -> None:
        if self.done():
            raise RuntimeError(
                "Attempting to mark a completed Future as complete again. Note that a Future can only be "
                "marked completed once."
            )

    def set_result(self, result) -> None:
        """Sets the result; once only."""
        self._need_open()
        self._future.set_result(result)

    def set_exception(self, result) -> None:
        """Sets the error; once only."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._need_open()
        self._future.set_exception(result)


def _told(error: Exception) -> str:
    kind = type(error).__name__
    return f"Got the following error when running the callback: {kind}: {error}"


def _need_callable(name: str, callback) -> None:
    if not callable(callback):
        raise TypeError(
            f"{name}(): incompatible function arguments. The following argument types are supported:\n"
            f"    1. {name}(callback), a function of the future"
        )


def collect_all(futures) -> Future:
    """A future for the list of futures, done when all are; its error is the first of theirs."""
    if isinstance(futures, (list, tuple)) and any(f is None for f in futures):
        raise RuntimeError("Future can't be None")
    if not isinstance(futures, (list, tuple)) or not all(isinstance(f, Future) for f in futures):
        raise TypeError(
            "_collect_all(): incompatible function arguments. The following argument types are supported:\n"
            "    1. (futures: list[torch.futures.Future])"
        )
    futures = list(futures)
    everything = Future()
    left = [len(futures)]

    def one_more(_) -> None:
        left[0] -= 1
        if left[0] == 0:
            error = next((f._future.exception() for f in futures if f._future.exception()), None)
            if error is None:
                everything.set_result(futures)
            else:
                everything.set_exception(error)

    if not futures:
        everything.set_result(futures)
    for future in futures:
        future.add_done_callback(one_more)
    return everything


def wait_all(futures) -> list:
    """The results of all, in order; raises the first error."""
    return [future.wait() for future in collect_all(futures).wait()]
