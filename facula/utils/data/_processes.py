"""The main program's side of a DataLoader with workers in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import weakref
from itertools import cycle

from ._utils.transport import receive, send
from ._utils.worker import End, Failure, open_ends, run

__all__ = ["Pool"]

_CHECK_SECONDS = 5.0


def _death(process) -> str:
    code = process.exitcode
    start = f"DataLoader worker (pid {process.pid}) "
    if code is not None and code < 0:
        import signal

        text = f"{start}is killed by signal: {signal.strsignal(-code)}. "
        if -code == signal.SIGBUS:
            text += (
                "It is possible that dataloader's workers are out of shared memory. Please try to raise your "
                "shared memory limit."
            )
        return text
    return (
        f"{start}exited unexpectedly with exit code {code}. Details are lost due to multiprocessing. "
        "Rerunning "
        "with num_workers=0 may give better error trace."
    )


def _stop(owner: int, processes: list, connections: list) -> None:
    """Ends workers; a forked copy of the loader leaves those of the program it was copied from alone."""
    if os.getpid() != owner:
        return
    for connection in connections:
        try:
            send(connection, None)
        except (OSError, ValueError):
            pass  # gone already
    for connection in connections:
        open_ends.discard(connection)
        connection.close()
    for process in processes:
        process.join(timeout=_CHECK_SECONDS)
        if process.is_alive():
            process.terminate()
            process.join(timeout=_CHECK_SECONDS)
        if process.is_alive():
            process.kill()


class Pool:
    """Workers, the tasks they have, and what they have sent back.

    Tasks have positions 0, 1, 2, ... and go to the workers in turn; `next` hands out the results in the
    order of the positions (or, where `in_order` is False, as they come).
    """

    def __init__(self, loader, base_seed: int) -> None:
        if loader.prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        context = loader.multiprocessing_context or multiprocessing
        self.count = loader.num_workers
        self.persistent = loader.persistent_workers
        self.in_order = loader.in_order
        self.timeout = loader.timeout
        self.limit = loader.prefetch_factor * self.count
        self.processes: list = []
        self.connections: list = []
        # Runs when the pool is collected or the program ends, whatever happens below.
        self.shutdown = weakref.finalize(self, _stop, os.getpid(), self.processes, self.connections)
        for number in range(self.count):
            ours, theirs = context.Pipe()
            open_ends.add(ours)
            process = context.Process(
                target=run,
                args=(
                    theirs,
                    loader.dataset,
                    loader._auto_collation,
                    loader.collate_fn,
                    loader.drop_last,
                    base_seed,
                    loader.worker_init_fn,
                    number,
                    self.count,
                ),
                daemon=True,
            )
            self.connections.append(ours)
            try:
                process.start()
            except (TypeError, AttributeError, _pickling_error()):
                _warn_unpicklable()
                raise
            theirs.close()
            self.processes.append(process)

    def start(self, indices, again: bool) -> None:
        """Begins a pass over `indices`; with `again`, on workers that have made one before."""
        self.indices = indices
        self.sent = 0
        self.wanted = 0
        self.owners: dict[int, int] = {}
        self.arrived: dict = {}
        self.outstanding = 0
        self.active = [True] * self.count
        self.tasks = [0] * self.count
        self.turns = cycle(range(self.count))
        if again:
            for number in range(self.count):
                self._send(number, "again")
            waiting = self.count
            while waiting:
                # What is left of a pass that was broken off is dropped.
                waiting -= self._receive()[0] == "again"
        for _ in range(self.limit):
            self._give()

    def _send(self, number: int, task) -> None:
        try:
            send(self.connections[number], task)
        except OSError as error:
            self._check_alive(error)
            raise

    def _give(self) -> None:
        try:
            index = next(self.indices)
        except StopIteration:
            return
        for _ in range(self.count):
            number = next(self.turns)
            if self.active[number] and (self.in_order or self.tasks[number] < self.limit // sum(self.active)):
                break
        else:
            return
        self._send(number, (self.sent, index))
        self.owners[self.sent] = number
        self.tasks[number] += 1
        self.outstanding += 1
        self.sent += 1

    def _check_alive(self, cause=None) -> None:
        dead = []
        for number, process in enumerate(self.processes):
            if self.active[number] and not process.is_alive():
                self.active[number] = False
                dead.append(process)
        if dead:
            pids = ", ".join(str(p.pid) for p in dead)
            reason = RuntimeError(_death(dead[0]))
            raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly") from reason

    def _receive(self):
        """The next message of any worker: (position, data)."""
        from multiprocessing.connection import wait

        sentinels = {p.sentinel: p for p in self.processes}
        ready = wait([*self.connections, *sentinels], self.timeout if self.timeout > 0 else None)
        for number, connection in enumerate(self.connections):
            if connection in ready:
                try:
                    return receive(connection)
                except (EOFError, ConnectionError, OSError) as error:
                    # Its end closes a moment before the process has an exit code.
                    self.processes[number].join(_CHECK_SECONDS)
                    self._check_alive(error)
                    raise
        for sentinel in ready:
            sentinels[sentinel].join(_CHECK_SECONDS)
        self._check_alive()
        raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")

    def next(self):
        """The next batch; raises StopIteration at the end."""
        while True:
            while self.wanted < self.sent:
                number = self.owners.get(self.wanted)
                if number is not None:
                    if self.wanted in self.arrived or self.active[number]:
                        break
                    del self.owners[self.wanted]
                self.wanted += 1
            else:
                if not self.persistent:
                    self.shutdown()
                raise StopIteration
            if self.wanted in self.arrived:
                position, data = self.wanted, self.arrived.pop(self.wanted)
            else:
                position, data = self._receive()
                self.outstanding -= 1
                if isinstance(data, End):
                    self.active[self.owners[position]] = False
                    self._give()
                    continue
                if position != self.wanted and self.in_order:
                    self.arrived[position] = data
                    continue
            if position == self.wanted:
                self.wanted += 1
            number = self.owners.pop(position)
            self.tasks[number] -= 1
            self._give()
            if isinstance(data, Failure):
                data.reraise()
            return data


def _pickling_error():
    from pickle import PicklingError

    return PicklingError


def _warn_unpicklable() -> None:
    import warnings

    warnings.warn(
        "Got pickle error when attempting to start a worker Process. This might be because the worker "
        "Process "
        "arguments are not picklable. Python 3.14+ changed the multiprocessing start method in non-Mac POSIX "
        "platforms to 'forkserver', which requires the worker Process arguments to be picklable. You can "
        "also try "
        "multiprocessing.set_start_method('fork').",
        stacklevel=2,
    )
