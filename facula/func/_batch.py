"""Batched tensors: what vmap shows a function instead of its inputs.

A batched tensor looks like one example and holds them all: a value with the batch in front, which is a
batched tensor of the next outer level where vmaps nest. Calls of operations with one arrive at `dispatch`,
which lets the operation's batch rule call the operation on values. Rules come from the operation's entry
(`_derived`) or are written (`rules/`).
"""

from __future__ import annotations

from _thread import _local
from math import prod
from textwrap import indent

from .. import _C

__all__ = ["BatchedTensor", "Entry", "Level", "batch_rule", "decompose", "entries", "entry"]

Tensor = _C.Tensor
LEADING, FOLD = 512, 1024  # bits of an entry's scope (src/op/op.h)


class NotBatchable(RuntimeError):
    """What a function does cannot be done for a batch of values that differ."""


NotBatchable.__name__ = NotBatchable.__qualname__ = "RuntimeError"  # what messages call it
NotBatchable.__module__ = "builtins"


class Level:
    """One running vmap.

    `alike`: it was opened to carry many tangents or cotangents through one evaluation: values of all examples
    are the same, and any of them answers a question about values. `again`: where a write
    has to reach each of them, the function is evaluated again in another way: what is raised for that.
    """

    __slots__ = ("again", "alike", "number", "randomness", "size")

    def __init__(self, number, size, randomness, alike):
        self.number, self.size, self.randomness, self.alike = number, size, randomness, alike
        self.again: type[Exception] | None = None


class _Running(_local):
    """The levels of a thread."""

    def __init__(self):
        self.stack: list[Level] = []  # all that run, the outermost first
        self.depth = 0  # how many of them count: rules that call operations on values go below their level


_running = _Running()


def live():
    """The levels that count here, the outermost first."""
    return _running.stack[: _running.depth]


def running():
    """All levels of this thread."""
    return _running.stack


def _set_depth(depth):
    _running.depth = depth
    _C._set_vmap_state(depth, BatchedTensor, dispatch)


class at_depth:
    """Context in which only the outermost levels count."""

    __slots__ = ("depth", "previous")

    def __init__(self, depth):
        self.depth = depth

    def __enter__(self):
        self.previous = _running.depth
        _set_depth(self.depth)

    def __exit__(self, *exc):
        _set_depth(self.previous)


class new_level:
    """Context of one more level."""

    __slots__ = ("alike", "hidden", "level", "previous", "randomness", "size")

    def __init__(self, size, randomness="error", alike=False):
        self.size, self.randomness, self.alike = size, randomness, alike

    def __enter__(self):
        stack, self.previous = _running.stack, _running.depth
        self.hidden = stack[self.previous :]  # opened, but not for what runs here
        del stack[self.previous :]
        self.level = Level(self.previous + 1, self.size, self.randomness, self.alike)
        stack.append(self.level)
        _set_depth(len(stack))
        return self.level

    def __exit__(self, *exc):
        _running.stack[self.previous :] = self.hidden
        _set_depth(self.previous)


def escaped():
    """The error about a batched tensor whose vmap is over."""
    return RuntimeError(
        "Either your tensor may have escaped from inside a function being vmapped and this is a user error "
        "(see https://pytorch.org/functorch/stable/ux_limitations.html), or there is an internal functorch "
        "error in `gen_vmap_plumbing` Please file an issue if it looks like the latter. Return the tensor "
        "from the function: vmap gives the values of all examples."
    )


def copied(x, dtype):
    """torch.tensor(x)."""
    if not level_of(x).alike:
        raise NotBatchable("Can't detach views in-place. Use detach() instead. x.clone() keeps the examples.")
    return x.detach().clone() if dtype is None else x.detach().to(dtype, copy=True)


def refuse_escaped():
    """Called where an operation meets a batched tensor and no vmap counts: rules ask faces for shapes so."""
    if not _running.stack:
        raise escaped()


def level_of(x):
    """The level of a batched tensor."""
    if x._level > len(_running.stack):
        raise escaped()
    return _running.stack[x._level - 1]


def _no(text, kind=NotBatchable):
    def refuse(self, *args, **kwargs):
        raise kind(text)

    return refuse


_ITEM = (
    "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a "
    "Tensor, please try to rewrite what you're doing with other operations. If error is occurring somewhere "
    "inside PyTorch internals, please file a bug report."
)
_FLOW = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't "
    "support that yet, please file an issue at https://github.com/pytorch/pytorch/issues . "
    "torch.where(condition, a, b) chooses for each example."
)
_POINTER = "Cannot access data pointer of Tensor that doesn't have storage"


def _ask(name, text, *, first=None):
    """A method that needs the values: of any example where all are alike, else an error."""

    def method(self, *args, **kwargs):
        if self._level > len(_running.stack) or not _running.stack[self._level - 1].alike:
            raise NotBatchable(text)
        one = self._value.select(0, 0)
        if first is not None:
            one = first(one)
        return getattr(one, name)(*args, **kwargs)

    method.__name__ = name
    return method


def _of_value(name):
    return property(lambda self: getattr(self._value, name))


class BatchedTensor(Tensor):
    """One example of a batch, in the eyes of a function under vmap."""

    _value: Tensor  # the batch in front
    _level: int
    _given = None  # what `vmap` was given and the value made of it, where they differ
    _dim = 0  # where the batch lies in what `vmap` was given: Functions with a rule of their own are told

    device = _of_value("device")
    is_cpu = _of_value("is_cpu")
    is_meta = _of_value("is_meta")
    requires_grad = property(
        lambda self: self._value.requires_grad,
        lambda self, on: setattr(self._value, "requires_grad", on),
    )
    grad_fn = _of_value("grad_fn")
    is_leaf = _of_value("is_leaf")
    _version = _of_value("_version")
    T = property(lambda self: self.permute(tuple(range(self.dim()))[::-1]))
    mT = property(lambda self: self.transpose(-2, -1))
    H = property(lambda self: self.transpose(0, 1).conj() if self.dim() == 2 else self.mH)
    mH = property(lambda self: self.transpose(-2, -1).conj())
    real = property(lambda self: _C._functions.real(self))
    imag = property(lambda self: _C._functions.imag(self))
    grad = property(lambda self: None)

    @property
    def data(self):
        if level_of(self).alike:
            return self.detach()
        raise NotBatchable("accessing `data` under vmap transform is not allowed")

    @data.setter
    def data(self, value):
        raise NotBatchable("mutating directly with `.data` under vmap transform is not allowed.")

    item = _ask("item", _ITEM)
    tolist = _ask("tolist", _POINTER)
    numpy = _ask("numpy", _POINTER, first=lambda t: t.detach())
    __bool__ = _ask("__bool__", _FLOW)
    __float__ = _ask("__float__", _ITEM)
    __int__ = _ask("__int__", _ITEM)
    __index__ = _ask("__index__", _ITEM)
    __complex__ = _ask("__complex__", _ITEM)
    __array__ = _ask("__array__", _POINTER, first=lambda t: t.detach())
    data_ptr = _no(_POINTER)
    backward = _no(
        "backward() called inside a functorch transform. This is not supported, please use functorch.grad or "
        "functorch.vjp instead or call backward() outside of functorch transforms."
    )
    storage = untyped_storage = _no(
        "Cannot access storage of BatchedTensorImpl", NotImplementedError
    )  # of an example
    set_ = _no("vmap: set_ of a batched tensor is not supported")

    def requires_grad_(self, requires_grad=True):
        raise RuntimeError(
            "You are attempting to call Tensor.requires_grad_() (or perhaps using "
            "torch.autograd.functional.* APIs) inside of a function being transformed by a functorch "
            "transform. This is unsupported, please attempt to use the functorch transforms (e.g. grad, "
            "vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside of a function being "
            "transformed instead."
        )

    def register_hook(self, hook):
        level = self._level
        return self._value.register_hook(lambda g: _hook_result(hook(wrap(g, level)), level))

    def __getitem__(self, index):
        from .rules.indexing import get_item

        return get_item(self, index)

    def __setitem__(self, index, value):
        from .rules.indexing import set_item

        set_item(self, index, value)

    def __iter__(self):
        if self.dim() == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def retain_grad(self):
        if self.requires_grad:
            raise NotBatchable(
                "retain_grad() is not supported inside of a function being transformed by vmap"
            )
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")

    def __contains__(self, value):
        return (self == value).any().item()

    def storage_offset(self):
        return self._value.storage_offset()

    def __repr__(self, **kwargs):
        inner = indent(repr(as_given(self)), "    ")
        return f"BatchedTensor(lvl={self._level}, bdim={self._dim}, value=\n{inner}\n)"

    __str__ = __repr__

    def __format__(self, spec):
        return repr(self)

    def __deepcopy__(self, memo):
        return self.clone()

    def type(self, dtype=None, **kwargs):  # noqa: A003  its public name
        if dtype is None:
            return "torch." + self._value.type().rsplit(".", 1)[-1]
        return wrap(self._value.type(dtype, **kwargs), self._level)

    __torch_function__ = _C._disabled_torch_function_impl  # calls go to `dispatch`


def _hook_result(g, level):
    return value_of(g, _running.stack[level - 1]) if isinstance(g, Tensor) else g


def wrap(result, number):
    """The batched tensors of values with the batch in front; containers are followed."""
    if isinstance(result, Tensor):
        batched = _C._make_batched(result)
        batched._value = result
        batched._level = number
        return batched
    if isinstance(result, (tuple, list)):
        parts = [wrap(r, number) for r in result]
        return type(result)(parts)
    return result


def as_rows(v):
    """The examples of a value as rows."""
    return v.reshape((v.size(0), prod(v.shape[1:])))


def is_batched(x, level):
    return type(x) is BatchedTensor and x._level == level.number


def value_of(x, level):
    """The value of a tensor, expanded where it is the same for every example."""
    if type(x) is BatchedTensor and x._level == level.number:
        return x._value
    return x.unsqueeze(0).expand((level.size, *x.shape))


def wrap_along(x, dim, number):
    """The batched tensor of a value with the batch at a dimension, counted from the front."""
    if dim == 0:
        return wrap(x, number)
    value = x.movedim(dim, 0)
    batched = wrap(value, number)
    batched._dim, batched._given = dim, (x, value)
    return batched


def as_given(x):
    """The value of a batched tensor, with the batch where it lay when vmap was called."""
    if x._given is not None and x._given[1] is x._value:
        return x._given[0]
    return x._value.movedim(0, x._dim) if x._dim else x._value


def peel(x, level):
    """The value of a batched tensor; any other tensor as it is."""
    return x._value if type(x) is BatchedTensor and x._level == level.number else x


# --- entries ---

_DIM_NAMES = frozenset(
    ("dim", "dim0", "dim1", "dim2", "dims", "axis0", "axis1", "start_dim", "end_dim", "source", "destination")
    + ("dimension",)
)


class Entry:
    """An operation as its signature tells it, and its batch rule."""

    def __init__(self, index, row):
        self.index = index
        self.name, text, self.scope, _, self.pointwise, self.returns = row
        self.signature = text
        head = text.split(" -> ")[0]
        self.types: list[str] = []
        self.names: list[str] = []
        for item in _split(head[head.index("(") + 1 : -1]):
            if item == "*":
                continue
            kind, _, rest = item.partition(" ")
            self.types.append(kind)
            self.names.append(rest.partition("=")[0].lstrip("*"))
        self.tensors = [i for i, t in enumerate(self.types) if t.startswith(("Tensor", "Operand", "Mask"))]
        integers = ("int", "int?", "int[]", "int[1]", "int[]?", "int[1]?")
        self.dims = [
            i for i, (t, n) in enumerate(zip(self.types, self.names)) if n in _DIM_NAMES and t in integers
        ]
        self.numbers = [i for i, t in enumerate(self.types) if t.startswith(("Number", "float"))]
        self.mutates = self.name.endswith("_")
        self.random = "Generator?" in self.types or "dropout_p" in self.names or "train" in self.names

    def run(self, args, inplace=False):
        """The operation on these arguments, in the order of the signature."""
        return _C._call_entry(self.index, tuple(args), inplace)

    def run_meta(self, args):
        """What the operation makes of examples: shapes and dtypes, or its error."""
        with at_depth(0):
            return _C._call_entry(self.index, tuple(_shape_only(a) for a in args), False)

    def position(self, name):
        return self.names.index(name) if name in self.names else None

    def __getattr__(self, name):
        if name != "rule":
            raise AttributeError(name)
        from ._derived import rule_of

        self.rule = rule_of(self)
        return self.rule


def _shape_only(a):
    if type(a) is tuple:
        return tuple(_shape_only(x) for x in a)
    return a.to("meta") if isinstance(a, Tensor) and type(a) is not BatchedTensor else a


def _split(text):
    """The items of a parameter list: commas inside of brackets and quotes do not count."""
    items, start, depth, quoted = [], 0, 0, False
    for i, c in enumerate(text):
        if c == "'":
            quoted = not quoted
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0 and not quoted:
            items.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*items, last] if last else items


_entries: list[Entry] = []


def entries():
    """All operations, in the order of registration."""
    if not _entries:
        _entries.extend(Entry(i, row) for i, row in enumerate(_C._entries()))
    return _entries


def entry(index):
    return (_entries or entries())[index]


# --- rules ---

RULES: dict = {}  # name -> (function, returns values; None: does all itself)


def batch_rule(*names):
    """Registers a rule: f(call, *arguments) -> result on values, the batch in front."""

    def register(f):
        for name in names:
            RULES[name] = (f, True)
        return f

    return register


def full_rule(*names):
    """Registers f(entry, args, inplace, level) -> result: the whole of what `dispatch` wants."""

    def register(f):
        for name in names:
            RULES[name] = (f, None)
        return f

    return register


def decompose(*names):
    """Registers a rule that says the operation in terms of others: f(*arguments) -> result."""

    def register(f):
        for name in names:
            RULES[name] = (f, False)
        return f

    return register


class Call:
    """A call at a level, as a rule sees it."""

    __slots__ = ("args", "entry", "inplace", "level")

    def __init__(self, entry, args, level, inplace=False):
        self.entry, self.args, self.level, self.inplace = entry, args, level, inplace

    def batched(self, x):
        return type(x) is BatchedTensor and x._level == self.level.number

    def value(self, x):
        return value_of(x, self.level)

    def peel(self, x):
        return peel(x, self.level)

    def run(self, *args):
        return self.entry.run(args)

    @property
    def size(self):
        return self.level.size


def top_level(args):
    """The innermost level of the batched tensors among arguments."""
    number = 0
    for a in args:
        if type(a) is BatchedTensor:
            if a._level > number:
                number = a._level
        elif type(a) is tuple:
            for x in a:
                if type(x) is BatchedTensor and x._level > number:
                    number = x._level
    if number > len(_running.stack):
        raise escaped()
    return _running.stack[number - 1] if number else None


def dispatch(index, args, inplace, out):
    """A call of an operation while a vmap runs; the arguments are those of its signature, in order."""
    e = (_entries or entries())[index]
    if e.random:
        from .rules.random import run_random

        return run_random(e, args, inplace, out)
    level = top_level(args)
    if out is None and "out" in e.names:
        out = args[e.names.index("out")]
    if out is not None:
        raise NotBatchable(
            f"Batching rule not implemented for aten::{e.name}.out; the fallback path doesn't work on out= "
            "or view ops."
        )
    if level is None:  # a batched tensor whose vmap is over
        return e.run(args, inplace)
    if e.numbers and any(type(args[i]) is BatchedTensor for i in e.numbers):
        from ._derived import with_number

        return with_number(e, args, inplace, level)
    try:
        return e.rule(e, args, inplace, level)
    except RuntimeError as error:
        if "aten::?" not in str(error):
            raise
        from ..ops import written_name

        name = written_name(e.name + "_" if inplace else e.name, args, {})
        raise RuntimeError(str(error).replace("aten::?", name)) from None


def fail_inplace(what="arithmetic"):
    for each in _running.stack:
        if each.again is not None:
            raise each.again
    raise NotBatchable(
        f"vmap: inplace {what}(self, *extra_args) is not possible because there exists a Tensor `other` "
        "in extra_args that has more elements than `self`. This happened due to `other` being vmapped over "
        "but `self` not being vmapped over in a vmap. Please try to use out-of-place operators instead of "
        "inplace arithmetic. If said operator is being called inside the PyTorch framework, please file a "
        "bug report"
    )


def fail_random():
    raise NotBatchable(
        "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
        "'different' randomness flags on vmap or perform the randomness operation out of vmap"
    )


def fail_dynamic(name):
    raise NotBatchable(
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over "
        f"aten::{name}. Please file an issue at https://github.com/pytorch/pytorch/issues if you need this "
        "feature."
    )


class NeedsMemory(Exception):
    """An in-place write met a value that repeats one example: evaluate again without such values."""


class NeedsRows(Exception):
    """An in-place write of a batch met a tensor that has none: evaluate for one example after the other."""


def writable(x, level):
    """The value of a batched tensor that is about to be written to; every example has memory of its own."""
    if not is_batched(x, level):
        fail_inplace()
    v = x._value
    if v.size(0) > 1 and v.stride(0) == 0 and v.numel():
        if any(each.again is NeedsMemory for each in _running.stack):
            raise NeedsMemory
        x._value = v = v.clone()
    return v
