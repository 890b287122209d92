"""An unpickler that a file cannot make execute anything.

It runs Python's own loop over the opcodes with those left out that nothing needs, and takes care of the
four that make objects: a name is looked up in a list of what is allowed (allowed.py), a call is made only
where the list says how, state goes only into objects of allowed classes, and items only into containers.
What copies is counted, so that a small file cannot ask for much memory.
"""

from __future__ import annotations

import pickle
import types
from collections import Counter, OrderedDict, defaultdict, deque

__all__ = ["SafeUnpickler"]

UnpicklingError = pickle.UnpicklingError
_Base = pickle._Unpickler

# Opcodes that make numbers, texts and built-in containers, or move things on the stack.
_HARMLESS = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 "
    "LONG4 "
    "FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 "
    "UNICODE "
    "BINUNICODE SHORT_BINUNICODE BINUNICODE8 EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 "
    "EMPTY_LIST LIST EMPTY_DICT "
    "EMPTY_SET BINPERSID GET BINGET LONG_BINGET PUT BINPUT "
    "LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL"
).split()

_SIMPLE_KEYS = frozenset({str, int, float, bool, bytes, complex, type(None)})
_LARGEST_KEY = 10_000  # parts of a tuple that is a key


class SafeUnpickler(_Base):
    """Reads one pickle.

    Args:
        file: where to read.
        allowed: an Allowed (allowed.py).
        size: the number of bytes of the pickle, as far as known: what may be copied is measured by it.
        persistent: turns a persistent id into a storage.
        encoding: of Python 2's texts.
    """

    def __init__(self, file, allowed, *, size, persistent, encoding="utf-8") -> None:
        super().__init__(file, encoding=encoding)
        self.allowed = allowed
        self.persistent = persistent
        self.budget = 4 * size + (1 << 20)
        self.calls = {}  # id of what find_class gave -> how it is called
        self.kept = []  # these stay alive, so that the ids mean them

    def spend(self, count: int) -> None:
        """Counts elements that are about to be copied."""
        self.budget -= count
        if self.budget < 0:
            raise UnpicklingError("the file asks for far more memory than its own size")

    def persistent_load(self, pid):
        return self.persistent(self, pid)

    def find_class(self, module: str, name: str):
        if self.proto < 3:
            import _compat_pickle as old

            if (module, name) in old.NAME_MAPPING:
                module, name = old.NAME_MAPPING[(module, name)]
            elif module in old.IMPORT_MAPPING:
                module = old.IMPORT_MAPPING[module]
        found, call = self.allowed.find(module, name)
        if call is not None:
            self.calls[id(found)] = call
            self.kept.append(found)
        return found

    # --- opcodes that need care ---

    def _items(self):
        items = self.pop_mark()
        if not self.stack:
            raise UnpicklingError("the stack is empty where a container is expected")
        return self.stack[-1], items

    def _append(self, to, items) -> None:
        if type(to) is deque:
            to.extend(items)
            return
        if type(to) is not list and not (isinstance(to, list) and self.allowed.may_fill(type(to))):
            raise UnpicklingError(f"Can only append to lists, but got {type(to)}")
        list.extend(to, items)

    def load_append(self):
        value = self.stack.pop()
        self._append(self.stack[-1], (value,))

    def load_appends(self):
        self._append(*self._items())

    def _fill(self, to, items) -> None:
        kind = type(to)
        if kind not in (dict, OrderedDict, Counter, defaultdict) and not (
            isinstance(to, dict) and self.allowed.may_fill(kind)
        ):
            raise UnpicklingError(f"Can only set items of dictionaries, but got {kind}")
        if len(items) % 2:
            raise UnpicklingError("odd number of items for a dictionary")
        put = OrderedDict.__setitem__ if isinstance(to, OrderedDict) else dict.__setitem__
        for i in range(0, len(items), 2):
            key = items[i]
            if type(key) not in _SIMPLE_KEYS:
                check_key(key)
            put(to, key, items[i + 1])

    def load_setitem(self):
        value = self.stack.pop()
        key = self.stack.pop()
        self._fill(self.stack[-1], (key, value))

    def load_setitems(self):
        self._fill(*self._items())

    def load_dict(self):
        items = self.pop_mark()
        result: dict = {}
        self._fill(result, items)
        self.append(result)

    def load_additems(self):
        to, items = self._items()
        if type(to) is not set:
            raise UnpicklingError(f"Can only add items to sets, but got {type(to)}")
        for item in items:
            check_key(item)
        to.update(items)

    def load_frozenset(self):
        items = self.pop_mark()
        for item in items:
            check_key(item)
        self.append(frozenset(items))

    def load_reduce(self):
        args = self.stack.pop()
        function = self.stack.pop()
        call = self.calls.get(id(function))
        if call is None or type(args) is not tuple:
            name = getattr(function, "__qualname__", type(function).__name__)
            raise UnpicklingError(f"Trying to call reduce for unrecognized function {name}")
        self.append(call(self, *args))

    def load_newobj(self):
        args = self.stack.pop()
        self._new(self.stack.pop(), args, {})

    def load_newobj_ex(self):
        named = self.stack.pop()
        args = self.stack.pop()
        self._new(self.stack.pop(), args, named)

    def _new(self, cls, args, named) -> None:
        if not isinstance(cls, type) or type(args) is not tuple or type(named) is not dict:
            raise UnpicklingError("NEWOBJ takes a class and a tuple of arguments")
        self.append(self.allowed.new(self, cls, args, named))

    def load_build(self):
        state = self.stack.pop()
        self.allowed.build(self, self.stack[-1], state)

    dispatch = {ord(getattr(pickle, name)): _Base.dispatch[ord(getattr(pickle, name))] for name in _HARMLESS}
    for _name, _handler in {
        "APPEND": load_append,
        "APPENDS": load_appends,
        "SETITEM": load_setitem,
        "SETITEMS": load_setitems,
        "DICT": load_dict,
        "ADDITEMS": load_additems,
        "FROZENSET": load_frozenset,
        "REDUCE": load_reduce,
        "NEWOBJ": load_newobj,
        "NEWOBJ_EX": load_newobj_ex,
        "BUILD": load_build,
    }.items():
        dispatch[ord(getattr(pickle, _name))] = _handler
    del _name, _handler

    def load(self):
        """The object. Raises UnpicklingError for whatever is wrong, EOFError for a file without a byte."""
        try:
            return super().load()
        except KeyError as error:
            key = error.args[0] if error.args else None
            if isinstance(key, int) and key < 256:
                raise UnpicklingError(f"Unsupported operand {key}") from None
            raise UnpicklingError(f"{error} is missing") from None
        except (EOFError, UnpicklingError, NotImplementedError):
            raise
        except RuntimeError as error:
            raise error if not isinstance(error, RecursionError) else UnpicklingError(str(error)) from None
        except MemoryError:
            raise UnpicklingError("the file asks for more memory than there is") from None
        except Exception as error:
            raise UnpicklingError(f"{type(error).__name__}: {error}") from None


def check_key(key) -> None:
    """Refuses keys whose hash would overflow the stack, take forever (tuples in tuples) or run a program's
    code.
    """
    waiting = [(key, 0)]
    seen = 0
    while waiting:
        each, depth = waiting.pop()
        seen += 1
        if depth > 50 or seen > _LARGEST_KEY:
            raise UnpicklingError("a key of a dictionary is a tuple with too many parts")
        if isinstance(each, (tuple, frozenset)):
            waiting.extend((part, depth + 1) for part in each)
        own = type(each).__hash__
        if isinstance(own, types.FunctionType) and own.__module__.partition(".")[0] not in _HASHES:
            raise UnpicklingError(f"a {type(each).__name__} is a key, and has a __hash__ of its own")


_HASHES = frozenset(("facula", "torch", "enum", "pathlib", "fractions", "decimal", "datetime"))
