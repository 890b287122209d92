# ruff: noqa: E501  tables, a row a line
"""Calls in the style of the documentation, made from the schemas of the installed PyTorch.

For each overload of a name one plain call, and then calls in which one argument is another: a dtype, a layout, an empty or 0-dim tensor,
a number, an array, a list; a negative, large or missing dimension; a tuple, a Size; a keyword; out=.
"""

from __future__ import annotations

import collections
import inspect
from collections.abc import Iterator
from typing import Any

import torch

PRELUDE = """
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
x = torch.tensor([[0.5, -1.25, 2.0], [3.5, 0.75, -0.5]])
y = torch.tensor([[1.5, 0.25, -2.0], [0.5, 0.75, 1.0]])
m = torch.tensor([[2.0, 0.5, 0.25], [0.5, 3.0, -1.0], [0.25, -1.0, 4.0]])
v = torch.tensor([0.25, 0.75, 0.5])
s = torch.tensor(0.75)
e = torch.zeros(0, 3)
i = torch.tensor([[0, 2, 1], [1, 1, 0]])
k = torch.tensor([0, 2, 1])
b = torch.tensor([[True, False, True], [False, True, True]])
d = torch.tensor([[0.5, -1.25, 2.0], [3.5, 0.75, -0.5]], dtype=torch.float64)
h = torch.tensor([[0.5, -1.25, 2.0], [3.5, 0.75, -0.5]], dtype=torch.float16)
c = torch.tensor([[1 + 2j, -1j, 0.5], [2 - 1j, 1j, -3]])
u = torch.tensor([[1, 2, 250], [0, 7, 3]], dtype=torch.uint8)
q = torch.arange(24.0).reshape(2, 3, 4) / 8
p = torch.arange(32.0).reshape(1, 2, 4, 4) / 16
g = torch.tensor([[0.5, -1.25, 2.0], [3.5, 0.75, -0.5]], requires_grad=True)
n = np.array([[0.5, -1.25, 2.0], [3.5, 0.75, -0.5]], dtype=np.float32)
"""

FIRST = (
    "x",
    "m",
    "v",
    "s",
    "e",
    "i",
    "b",
    "d",
    "h",
    "c",
    "u",
    "q",
    "p",
    "g",
    "x.t()",
    "k",
    "n",
    "2.5",
    "[1.0, 2.0]",
    "None",
    "'a'",
)
TENSORS = (
    "y",
    "m",
    "v",
    "s",
    "e",
    "i",
    "b",
    "d",
    "h",
    "c",
    "k",
    "q",
    "g",
    "x.t()",
    "n",
    "2",
    "2.5",
    "1j",
    "[1.0, 2.0, 3.0]",
    "None",
    "'a'",
)
INTS = ("0", "1", "-1", "2", "-3", "5", "True", "1.5", "'a'", "None", "torch.tensor(1)", "np.int64(1)", "[0]")
LISTS = (
    "[0]",
    "(0,)",
    "(0, 1)",
    "[-1]",
    "[1, 0]",
    "torch.Size([0])",
    "torch.Size([2, 3])",
    "[]",
    "()",
    "0",
    "-1",
    "[0, 0]",
    "[7]",
    "[2, 3]",
    "(3, 2)",
    "[1.5]",
    "None",
    "k",
    "'a'",
)
FLOATS = (
    "0.5",
    "0",
    "-1.0",
    "2",
    "True",
    "float('nan')",
    "float('inf')",
    "'a'",
    "None",
    "s",
    "1j",
    "np.float32(0.5)",
)
NUMBERS = (*FLOATS, "x", "[1.0]", "k")
BOOLS = ("True", "False", "1", "0", "None", "'a'", "torch.tensor(True)")
DTYPES = (
    "torch.float64",
    "torch.int64",
    "torch.bool",
    "torch.complex64",
    "torch.float16",
    "torch.uint8",
    "float",
    "int",
    "'float32'",
    "1",
)
MANY = (
    "[x, y]",
    "(x, y)",
    "[x]",
    "[]",
    "x",
    "[x, d]",
    "[x, i]",
    "[x, e]",
    "[x, None]",
    "[x, n]",
    "(s, s)",
    "[v, v]",
    "[x, x.t()]",
    "None",
)
TEXTS = (
    "'mean'",
    "'sum'",
    "'none'",
    "'reflect'",
    "'floor'",
    "'ij'",
    "'trunc'",
    "'amax'",
    "'xy'",
    "'left'",
    "'constant'",
    "'linear'",
    "1",
    "None",
)

BY_TYPE = {
    "Tensor": TENSORS,
    "int": INTS,
    "SymInt": INTS,
    "List[int]": LISTS,
    "List[SymInt]": LISTS,
    "number": NUMBERS,
    "float": FLOATS,
    "bool": BOOLS,
    "ScalarType": DTYPES,
    "List[Tensor]": MANY,
    "List[Optional[Tensor]]": MANY,
    "str": TEXTS,
    "List[float]": ("[0.5]", "[0.5, 0.25]", "(1.0,)", "0.5", "None", "[]"),
    "List[bool]": ("[True, False]", "(True,)", "True", "None"),
    "Generator": ("None", "1"),
    "Device": ("'cpu'", "torch.device('cpu')", "'meta'", "'nowhere'", "None"),
    "Layout": ("torch.strided", "None", "1"),
    "MemoryFormat": ("torch.contiguous_format", "torch.preserve_format", "torch.channels_last", "None", "1"),
}
PLAIN = {
    "Tensor": "y",
    "int": "1",
    "List[int]": "[0, 1]",
    "number": "2",
    "float": "0.5",
    "bool": "True",
    "ScalarType": "torch.float64",
}
PLAIN |= {
    "List[Tensor]": "[x, y]",
    "str": "'mean'",
    "List[float]": "[0.5]",
    "Generator": "None",
    "Device": "'cpu'",
    "List[bool]": "[True]",
}
BY_NAME = {
    "index": ("i", "k"),
    "indices": ("i", "k"),
    "mask": ("b",),
    "condition": ("b",),
    "mat2": ("m",),
    "vec": ("v",),
    "repeats": ("2", "k"),
}
SKIPPED = ("Storage", "Stream", "t", "Any")


class Argument:
    def __init__(self, name: str, kind: str, keyword: bool, required: bool, choices: tuple) -> None:
        self.name, self.kind, self.keyword, self.required, self.choices = (
            name,
            kind,
            keyword,
            required,
            choices,
        )
        self.plain = (
            BY_NAME[name][0] if name in BY_NAME else PLAIN.get(kind, choices[0] if choices else "None")
        )


def arguments(schema: Any) -> list[Argument] | None:
    found = []
    for each in schema.arguments:
        kind = str(each.real_type)
        if kind.startswith("Optional[") and kind.endswith("]"):
            kind = kind[9:-1]
        if kind not in BY_TYPE:
            return None
        name = {"self": "input"}.get(each.name, each.name)
        found.append(Argument(name, kind, each.kwarg_only, not each.has_default_value(), BY_TYPE[kind]))
    return found


def written(
    function: str, values: dict[str, str], these: list[Argument], method: bool, keywords: bool = False
) -> str:
    parts, named = [], keywords
    for number, each in enumerate(these):
        if method and number == 0:
            continue
        if each.name not in values:
            named = True
            continue
        if named or each.keyword:
            parts.append(f"{each.name}={values[each.name]}")
        else:
            parts.append(values[each.name])
    start = function
    if method:
        receiver = values[these[0].name]
        if function.endswith("_") and receiver in ("x", "g"):
            receiver += ".clone()"
        start = f"{receiver}.{function}"
    return f"{start}({', '.join(parts)})"


def calls(function: str, these: list[Argument], method: bool) -> Iterator[str]:
    """`function` is the name of the method, or the function with its module."""
    plain = {a.name: a.plain for a in these if a.required}
    if these and these[0].kind == "Tensor":
        plain[these[0].name] = "x"
    full = {a.name: a.plain for a in these if a.name != "out"} | plain
    # Whichever receiver fits: a vector, a square matrix, whole numbers.
    starts = [plain]
    if these and these[0].kind == "Tensor":
        starts += [plain | {these[0].name: r} for r in ("m", "v", "q", "p")]
    yield written(function, plain, these, method)
    if not method:
        yield written(function, plain, these, method, keywords=True)
    yield written(function, full, these, method)
    yield written(function, full, these, method, keywords=True)
    for number, each in enumerate(these):
        choices = (
            FIRST if number == 0 and each.kind == "Tensor" else (*BY_NAME.get(each.name, ()), *each.choices)
        )
        if method and number == 0:
            choices = tuple(c for c in choices if c not in ("n", "2.5", "[1.0, 2.0]", "None", "'a'"))
        for choice in choices:
            yield written(function, plain | {each.name: choice}, these, method)
        if number:
            for start in starts[1:]:
                for choice in choices[:4]:
                    yield written(function, start | {each.name: choice}, these, method)
            for choice in choices[:2]:
                yield written(function, full | {each.name: choice}, these, method)
    for start in starts:
        yield (
            written(function, start, these, method)[:-1]
            + (", " if len(start) > method else "")
            + "nonsense=1)"
        )
    if len(plain) > method:
        short = dict(plain)
        short.pop(list(short)[-1])
        if not method or these[0].name in short:
            yield written(function, short, these, method)


def outs(function: str, these: list[Argument]) -> Iterator[str]:
    plain = {a.name: a.plain for a in these if a.required}
    for receiver in ("x", "m", "v"):
        call = written(function, plain | {these[0].name: receiver}, these, False)[:-1]
        for out in (
            "torch.zeros(0)",
            "torch.zeros(2, 3)",
            "torch.zeros(3, dtype=torch.float64)",
            "torch.zeros(0, dtype=torch.int64)",
            "None",
            "1",
        ):
            yield f"{call}, out={out})"
        yield f"{call}, out=(torch.zeros(0), torch.zeros(0, dtype=torch.int64)))"


def schemas() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = collections.defaultdict(list)
    for each in torch._C._jit_get_all_schemas():
        if each.name.startswith("aten::"):
            found[each.name[6:]].append(each)
    return found


def from_signature(function: Any) -> list[Argument] | None:
    """Arguments of a function in Python, their kinds guessed from names, annotations and defaults."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    found = []
    for each in signature.parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        note, default = str(each.annotation), each.default
        if isinstance(default, bool) or "bool" in note:
            kind = "bool"
        elif isinstance(default, float) or note in ("float", "<class 'float'>"):
            kind = "float"
        elif isinstance(default, str) or "str" in note:
            kind = "str"
        elif isinstance(default, int) or note in ("int", "<class 'int'>"):
            kind = "int"
        elif "dtype" in note or each.name == "dtype":
            kind = "ScalarType"
        elif "int" in note or each.name in (
            "kernel_size",
            "stride",
            "padding",
            "output_size",
            "normalized_shape",
            "dim",
        ):
            kind = "List[int]"
        elif isinstance(default, (list, tuple)):
            kind = "List[int]"
        else:
            kind = "Tensor"
        required = default is each.empty
        found.append(Argument(each.name, kind, each.kind is each.KEYWORD_ONLY, required, BY_TYPE[kind]))
    return found


ALIASES = {"concat": "cat", "concatenate": "cat"}
LEFT_OUT = {
    *(
        "torch.empty",
        "torch.empty_like",
        "torch.empty_strided",
        "torch.load",
        "torch.save",
        "torch.compile",
        "torch.set_num_threads",
    ),
    *(
        "Tensor.backward",
        "Tensor.share_memory_",
        "Tensor.resize_",
        "Tensor.new_empty",
        "Tensor.new",
        "torch.set_default_device",
    ),
    *(
        "Tensor.storage",
        "Tensor.untyped_storage",
        "Tensor.data_ptr",
        "Tensor.set_",
        "Tensor.resize_as_",
        "torch.seed",
        "torch.from_file",
    ),
    *(
        "torch.quantize_per_tensor",
        "Tensor.names",
        "Tensor.rename",
        "Tensor.refine_names",
        "Tensor.align_to",
        "torch.manual_seed",
    ),
    *(
        "torch.set_printoptions",
        "torch.set_default_dtype",
        "torch.set_default_tensor_type",
        "torch.set_grad_enabled",
        "torch.lstm",
        "torch.gru",
    ),
    *(
        "torch.empty_permuted",
        "Tensor.new_empty_strided",
        "torch.rnn_tanh",
        "torch.rnn_relu",
        "Tensor.to_mkldnn",
        "Tensor.map_",
        "Tensor.map2_",
    ),
}


def statements(name: str) -> list[str]:
    """Calls of a public name, as `torch.sum`, `Tensor.add_`, `torch.nn.functional.relu`; each once."""
    if name in LEFT_OUT:
        return []
    table = schemas.table if hasattr(schemas, "table") else schemas()
    schemas.table = table  # type: ignore[attr-defined]
    space, _, short = name.rpartition(".")
    method = space in ("Tensor", "Tensor|Module")
    written_name = short if method else name.replace("torch.nn.functional", "F")
    base = {"torch.linalg": "linalg_", "torch.fft": "fft_", "torch.special": "special_"}.get(
        space, ""
    ) + short
    result: dict[str, None] = {}
    found = [x for x in table.get(ALIASES.get(base, base), []) if not any(a.is_out for a in x.arguments)]
    has_out = any(a.is_out for x in table.get(base, []) for a in x.arguments)
    made: list[list[Argument]] = [
        a for a in map(arguments, found) if a is not None and not (method and not a)
    ]
    if method:
        made = [a for a in made if a[0].kind == "Tensor"]
    elif space == "torch.nn.functional" or not made:
        place: Any = torch
        for part in name.split(".")[1:]:
            place = getattr(place, part, None)
        guessed = from_signature(place) if callable(place) and not isinstance(place, type) else None
        made = [guessed] if guessed else made
    for these in made:
        for call in calls(written_name, these, method):
            result[call] = None
        if has_out and not method and these:
            for call in outs(written_name, these):
                result[call] = None
    return list(result)
