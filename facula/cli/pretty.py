"""The text a notebook shows for the value of a cell's last expression.

Mostly repr(). But notebooks break long built-in containers over lines of at most 79 columns, indent what a
multi-line repr (a matrix) continues with, and write classes, functions and plain objects in a way of their
own.
"""

from __future__ import annotations

import sys

__all__ = ["pretty"]

WIDTH = 79
# Longer sequences end in "...".
MOST_ITEMS = 1000


def pretty(value: object) -> str:
    """The plain text of `value` as a notebook shows it."""
    if _has_own_repr(type(value)):
        return repr(value)
    page = _Page()
    _write(page, value, ())
    page.flush()
    return "".join(page.out)


def _has_own_repr(kind: type) -> bool:
    """Whether repr() decides, which spares the search for a printer."""
    return kind.__module__ == "torch" or kind in (int, float, str, bool, bytes, complex)


class _Group:
    __slots__ = ("broken", "candidate", "depth", "pending")

    def __init__(self, depth: int) -> None:
        self.depth = depth
        # Possible breaks that are not yet decided.
        self.pending = 0
        # Whether breaks met from now on become line breaks.
        self.broken = False
        # Whether an overflow may still break this group.
        self.candidate = True


class _Page:
    """Lines of bounded width. Text waits until it is known which breaks before it become line breaks.

    On overflow the outermost group with undecided breaks gives way: its breaks so far, and all its later
    ones, become line breaks.
    """

    def __init__(self) -> None:
        self.out: list[str] = []
        self.column = 0
        self.waiting: list = []  # str, or (group, indentation) for a possible break
        self.waiting_width = 0
        self.indentation = 0
        self.open = [_Group(0)]
        self.candidates: list[_Group] = []

    def begin(self, indent: int = 0, opening: str = "") -> None:
        if opening:
            self.text(opening)
        group = _Group(len(self.open))
        self.open.append(group)
        self.candidates.append(group)
        self.indentation += indent

    def end(self, indent: int = 0, closing: str = "") -> None:
        self.indentation -= indent
        group = self.open.pop()
        if not group.pending:
            self._retire(group)
        if closing:
            self.text(closing)

    def text(self, text: str) -> None:
        if self.waiting:
            self.waiting.append(text)
            self.waiting_width += len(text)
            self._make_room()
        else:
            self.out.append(text)
            self.column += len(text)

    def may_break(self) -> None:
        group = self.open[-1]
        if group.broken:
            self.flush()
            self._new_line(self.indentation)
            return
        self.waiting.append((group, self.indentation))
        self.waiting_width += 1
        group.pending += 1
        self._make_room()

    def must_break(self) -> None:
        group = self._outermost()
        if group is not None:
            self._decide(group)
        self.flush()
        self._new_line(self.indentation)

    def flush(self) -> None:
        while self.waiting:
            self._emit(self.waiting.pop(0))

    def _new_line(self, indentation: int) -> None:
        self.out.append("\n" + " " * indentation)
        self.column = indentation

    def _retire(self, group: _Group) -> None:
        if group.candidate:
            group.candidate = False
            self.candidates.remove(group)

    def _make_room(self) -> None:
        while self.column + self.waiting_width > WIDTH:
            group = self._outermost()
            if group is None:
                return
            self._decide(group)

    def _outermost(self) -> _Group | None:
        undecided = [group for group in self.candidates if group.pending]
        depth = min((group.depth for group in undecided), default=sys.maxsize)
        # Whatever encloses it has no undecided breaks, and must not keep later ones on this line.
        for group in [each for each in self.candidates if each.depth < depth]:
            group.broken = True
            self._retire(group)
        if not undecided:
            return None
        chosen = [group for group in undecided if group.depth == depth][-1]
        chosen.broken = True
        self._retire(chosen)
        return chosen

    def _decide(self, group: _Group) -> None:
        while group.pending:
            self._emit(self.waiting.pop(0))
        while self.waiting and isinstance(self.waiting[0], str):
            self._emit(self.waiting.pop(0))

    def _emit(self, item) -> None:
        if isinstance(item, str):
            self.out.append(item)
            self.column += len(item)
            self.waiting_width -= len(item)
            return
        group, indentation = item
        group.pending -= 1
        self.waiting_width -= 1
        if group.broken:
            self._new_line(indentation)
            return
        if not group.pending:
            self._retire(group)
        self.out.append(" ")
        self.column += 1


def _write(page: _Page, value, outer: tuple) -> None:
    page.begin()
    _printer(type(value))(page, value, outer)
    page.end()


def _printer(kind):
    printers = _printers()
    for base in kind.__mro__:
        if base in printers:
            return printers[base]
        if base.__module__ == "collections" and base.__name__ in _COLLECTIONS:
            return _COLLECTIONS[base.__name__]
        if callable(vars(base).get("_repr_pretty_")):
            return _own_printer
        if base is not object and "__repr__" in vars(base):
            return _by_repr
    return _plain_object


def _by_repr(page: _Page, value, outer: tuple) -> None:
    page.begin()
    for position, line in enumerate(repr(value).splitlines()):
        if position:
            page.must_break()
        page.text(line)
    page.end()


def _own_printer(page: _Page, value, outer: tuple) -> None:
    # The protocol hands the printer in; its calls are written for IPython's, whose names these are.
    value._repr_pretty_(_Protocol(page, (*outer, id(value))), id(value) in outer)


class _Protocol:
    """What an object's `_repr_pretty_(p, cycle)` may call."""

    def __init__(self, page, outer):
        self._page = page
        self._outer = outer
        self.text = page.text
        self.break_ = page.must_break
        self.begin_group = page.begin
        self.end_group = page.end

    def breakable(self, sep=" "):
        self._page.may_break()

    def pretty(self, value):
        _write(self._page, value, self._outer)

    def group(self, indent=0, open="", close=""):
        from contextlib import contextmanager

        @contextmanager
        def grouped():
            self._page.begin(indent, open)
            try:
                yield
            finally:
                self._page.end(indent, close)

        return grouped()


def _items(page, items, write_item):
    for position, item in enumerate(items):
        if position:
            page.text(",")
            page.may_break()
        if position == MOST_ITEMS:
            page.text("...")
            return
        write_item(item)


def _sequence(opening, closing):
    def printer(page: _Page, value, outer: tuple) -> None:
        if id(value) in outer:
            page.text(f"{opening}...{closing}")
            return
        page.begin(len(opening), opening)
        _items(page, value, lambda item: _write(page, item, (*outer, id(value))))
        if len(value) == 1 and type(value) is tuple:
            page.text(",")
        page.end(len(opening), closing)

    return printer


def _set(opening, closing, empty):
    def printer(page: _Page, value, outer: tuple) -> None:
        if id(value) in outer:
            page.text(f"{opening}...{closing}")
            return
        if not value:
            page.text(empty)
            return
        items = value if len(value) >= MOST_ITEMS else _sorted(value)
        page.begin(len(opening), opening)
        _items(page, items, lambda item: _write(page, item, (*outer, id(value))))
        page.end(len(opening), closing)

    return printer


def _sorted(items):
    for key in (None, str):
        try:
            return sorted(items, key=key)
        except Exception:
            # Elements that do not order among themselves order by their text; that may raise too.
            continue
    return items


def _dict(page: _Page, value, outer: tuple) -> None:
    if id(value) in outer:
        page.text("{...}")
        return
    inner = (*outer, id(value))

    def write_item(key):
        _write(page, key, inner)
        page.text(": ")
        _write(page, value[key], inner)

    page.begin(1, "{")
    _items(page, value.keys(), write_item)
    page.end(1, "}")


def _call(name, arguments):
    def printer(page: _Page, value, outer: tuple) -> None:
        shown = type(value).__name__
        if id(value) in outer:
            page.text(f"{shown}(...)")
            return
        page.begin()
        page.begin(len(shown) + 1, shown + "(")
        _items(page, arguments(value), lambda item: _write(page, item, (*outer, id(value))))
        page.end(len(shown) + 1, ")")
        page.end()

    return name, printer


_COLLECTIONS = dict(
    [
        _call("OrderedDict", lambda value: [list(value.items())] if value else []),
        _call("defaultdict", lambda value: [value.default_factory, dict(value)]),
        _call(
            "deque",
            lambda value: [list(value)] if value.maxlen is None else [list(value), _Keyword(value.maxlen)],
        ),
        _call("Counter", lambda value: [dict(value.most_common())] if value else []),
    ]
)


class _Keyword:
    def __init__(self, maxlen):
        self.maxlen = maxlen

    def __repr__(self):
        return f"maxlen={self.maxlen}"


def _type_name(kind):
    module, name = kind.__module__, kind.__qualname__
    return f"{module}.{name}" if isinstance(module, str) and module != "builtins" else name


def _type(page: _Page, value, outer: tuple) -> None:
    if type(value).__repr__ is type.__repr__:
        page.text(_type_name(value))
    else:
        _by_repr(page, value, outer)


def _function(page: _Page, value, outer: tuple) -> None:
    import inspect

    name = value.__qualname__
    if value.__module__ and value.__module__ != "builtins":
        name = f"{value.__module__}.{name}"
    try:
        name += str(inspect.signature(value))
    except (TypeError, ValueError):
        # Not every built-in function tells its signature.
        pass
    page.text(f"<function {name}>")


def _plain_object(page: _Page, value, outer: tuple) -> None:
    kind = type(value)
    if kind.__repr__ is not object.__repr__:
        _by_repr(page, value, outer)
        return
    page.begin(1, "<")
    _write(page, kind, outer)
    page.text(f" at {id(value):#x}")
    page.end(1, ">")


def _printers(table={}):  # noqa: B006  one table for the process
    if not table:
        table.update(
            {
                list: _sequence("[", "]"),
                tuple: _sequence("(", ")"),
                dict: _dict,
                type(vars(type)): _mapping_proxy,
                set: _set("{", "}", "set()"),
                frozenset: _set("frozenset({", "})", "frozenset()"),
                type: _type,
                type(pretty): _function,
                type(len): _function,
            }
        )
    return table


def _mapping_proxy(page: _Page, value, outer: tuple) -> None:
    page.begin()
    page.begin(13, "mappingproxy(")
    _write(page, dict(value), (*outer, id(value)))
    page.end(13, ")")
    page.end()
