"""What runs in a worker process of the DataLoader."""

from __future__ import annotations

import os
import random
import sys
import threading

import facula as torch

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # for typing.get_type_hints

__all__ = ["WorkerInfo", "get_worker_info"]

_worker_info: WorkerInfo | None = None
_CHECK_SECONDS = 5.0

# The main program's ends of the connections to all workers: a forked worker closes its copies, so that each
# worker notices when the main program is gone.
open_ends: set = set()


class WorkerInfo:
    """id, num_workers, seed and dataset of a worker."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)
        self.__dict__["_keys"] = tuple(values)

    def __setattr__(self, key: str, value: Any) -> None:
        raise RuntimeError(f"Cannot assign attributes to {self.__class__.__name__} objects")

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({', '.join(f'{k}={getattr(self, k)}' for k in self._keys)})"


def get_worker_info() -> WorkerInfo | None:
    """Describes the worker this is called in; None in the main program."""
    return _worker_info


class End:
    """A worker's stream is read to its end."""


class Failure:
    """An exception on its way to the main program: its type, and its traceback as text."""

    def __init__(self, where: str) -> None:
        import pickle
        import traceback

        kind, error, trace = sys.exc_info()
        self.text = "".join(traceback.format_exception(kind, error, trace))
        self.name = kind.__name__
        self.where = where
        try:
            pickle.dumps(kind)
            self.kind = kind
        except Exception:
            self.kind = RuntimeError

    def reraise(self):
        """Raises an exception of the same type that tells what happened where."""
        message = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            message = KeyErrorMessage(message)
        elif getattr(self.kind, "message", None):
            raise self.kind(message=message)
        try:
            error = self.kind(message)
        except Exception:
            # Its constructor takes other arguments.
            raise RuntimeError(message) from None
        try:
            raise error
        finally:
            del error  # the traceback refers to this frame: a cycle would keep the workers alive


class KeyErrorMessage(str):
    """A text that shows as it is: KeyError shows the repr of what it is given."""

    def __repr__(self) -> str:
        return str(self)


def _seed_numpy(base_seed: int, number: int) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return False
    entropy = [number, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    numpy.random.seed(numpy.random.SeedSequence(entropy).generate_state(4))
    return True


def run(
    connection, dataset, auto_collation, collate_fn, drop_last, base_seed, init_fn, number, count
) -> None:
    """Answers the tasks that arrive on a connection, until it is told to stop or the main program is gone.

    A task is None (stop), "again" (a new pass) or (position, index).
    """
    global _worker_info
    for end in open_ends:
        end.close()
    open_ends.clear()
    from multiprocessing import parent_process
    from queue import SimpleQueue

    from .fetch import fetcher
    from .transport import receive, send

    parent = parent_process()
    inbox: SimpleQueue = SimpleQueue()

    def listen() -> None:
        # Tasks are taken off the connection at once: the main program never waits for a worker that is busy.
        try:
            while True:
                while not connection.poll(_CHECK_SECONDS):
                    if parent is not None and os.getppid() != parent.pid:
                        os._exit(1)
                inbox.put(receive(connection))
        except (EOFError, OSError):
            os._exit(1)

    try:
        torch.set_num_threads(1)
        seed = base_seed + number
        random.seed(seed)
        torch.manual_seed(seed)
        numpy_seeded = _seed_numpy(base_seed, number)
        _worker_info = WorkerInfo(id=number, num_workers=count, seed=seed, dataset=dataset)
        threading.Thread(target=listen, daemon=True).start()
        where = f"in DataLoader worker process {number}"
        failure = fetch = None
        try:
            if init_fn is not None:
                init_fn(number)
            fetch = fetcher(dataset, auto_collation, collate_fn, drop_last)
        except Exception:
            failure = Failure(where)
        if not numpy_seeded:
            _seed_numpy(base_seed, number)
        ended = False
        while (task := inbox.get()) is not None:
            if task == "again":
                send(connection, ("again", None))
                ended = False
                fetch = fetcher(dataset, auto_collation, collate_fn, drop_last)
                continue
            if ended:
                continue
            position, index = task
            if failure is not None:
                data, failure = failure, None
            else:
                try:
                    data = fetch(index)
                except StopIteration:
                    data, ended = End(), True
                    if not _is_stream(dataset):
                        data, ended = Failure(where), False
                except Exception:
                    data = Failure(where)
            try:
                send(connection, (position, data))
            except OSError:
                raise
            except Exception:
                send(connection, (position, Failure(where)))
            del data, index, task
    except KeyboardInterrupt:
        pass  # the main program is interrupted too
    except BrokenPipeError:
        os._exit(1)


def _is_stream(dataset) -> bool:
    from ..dataset import IterableDataset

    return isinstance(dataset, IterableDataset)
