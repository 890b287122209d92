"""Counting floating-point operations of products, convolutions and attention while a program runs.

Of the backward pass each operation counts once more for each operand that gets a gradient, which is what
PyTorch finds by counting the operations themselves.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from math import isqrt, prod

import facula as torch
from facula.nn.modules import module as _module
from facula.overrides import TorchFunctionMode

__all__ = ["FlopCounterMode", "register_flop_formula"]

# What one call counts: the name of PyTorch's kernel, the number of operations, the operands.


def _matmul(out, a, b):
    if b.dim() < 2:
        return []
    kernel = "bmm" if b.dim() > 2 else "mm"
    return [(kernel, 2 * out.numel() * a.shape[-1], (a, b))]


def _multiplied(kernel: str):
    return lambda out, a, b: [(kernel, 2 * out.numel() * a.shape[-1], (a, b))]


def _added(kernel: str):
    return lambda out, bias, a, b, **kwargs: [(kernel, 2 * out.numel() * a.shape[-1], (a, b))]


def _linear(out, input, weight, bias=None):
    kernel = "mm" if bias is None else "addmm"
    return [(kernel, 2 * out.numel() * weight.shape[-1], (input, weight))]


def _inner(out, a, b):
    return [("mm", 2 * out.numel() * a.shape[-1], (a, b))] if a.dim() > 1 < b.dim() else []


def _tensordot(out, a, b, dims=2):
    count = isqrt(a.numel() * b.numel() // max(out.numel(), 1))  # of the elements that are summed
    return [("mm", 2 * out.numel() * count, (a, b))]


def _multi_dot(out, matrices):
    first, flops = matrices[0], 0
    for each in matrices[1:]:
        flops += 2 * first.shape[0] * prod(each.shape)
    return [("mm", flops, tuple(matrices))]


def _einsum(out, equation, *operands):
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not isinstance(equation, str) or "..." in equation:
        return []
    given, arrow, wanted = equation.replace(" ", "").partition("->")
    parts = given.split(",")
    if not arrow:
        wanted = "".join(c for c in sorted(set(given) - {","}) if given.count(c) == 1)
    sizes = {c: n for part, x in zip(parts, operands) for c, n in zip(part, x.shape)}
    flops, left = 0, set(parts[0])
    for i, part in enumerate(parts[1:], 1):  # from left to right
        rest = set(wanted).union(*parts[i + 1 :])
        both = {c for c in left | set(part) if c in rest or c in left and c in part}
        if (left & set(part)) - rest:
            flops += 2 * prod(sizes[c] for c in both)
        left = both & rest
    return [("bmm", flops, operands)] if flops else []


def _convolution(out, x, weight, *rest, **kwargs):
    return [("convolution", 2 * out.numel() * prod(weight.shape[1:]), (x, weight))]


def _transposed(out, x, weight, *rest, **kwargs):
    return [("convolution", 2 * x.numel() * prod(weight.shape[1:]), (x, weight))]


def _attention(out, q, k, v, *rest, **kwargs):
    scores = prod(q.shape[:-1]) * k.shape[-2]
    return [("scaled_dot_product_attention", 2 * scores * (q.shape[-1] + v.shape[-1]), (q, k, v))]


def _recurrent(out, x, *rest):
    weights = next(each for each in rest if isinstance(each, (list, tuple)))
    return _cells(prod(x.shape[:-1]), weights, x)


def _cell(out, x, state, *weights):
    return _cells(x.shape[0], weights, x)


def _cells(rows: int, weights, x):
    """Two products a layer and direction, each of all rows with a matrix."""
    matrices = [w for w in weights if isinstance(w, torch.Tensor) and w.dim() == 2]
    kernel = "addmm" if len(matrices) < len(weights) else "mm"
    return [(kernel, 2 * rows * w.numel(), (w, w if i else x)) for i, w in enumerate(matrices)]


_COUNTED = {
    "mm": _multiplied("mm"),
    "matmul": _matmul,
    "bmm": _multiplied("bmm"),
    "addmm": _added("addmm"),
    "baddbmm": _added("baddbmm"),
    "linear": _linear,
    "inner": _inner,
    "tensordot": _tensordot,
    "multi_dot": _multi_dot,
    "einsum": _einsum,
    **{f"conv{n}d": _convolution for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _transposed for n in (1, 2, 3)},
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(("gru", "rnn_tanh", "rnn_relu"), _recurrent),
    **{f"{kind}_cell": _cell for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
}
_BACKWARD = {
    "addmm": "mm",
    "baddbmm": "bmm",
    "convolution": "convolution_backward",
    "scaled_dot_product_attention": "scaled_dot_product_attention_backward",
}
_FORMULAS: dict = {}  # of register_flop_formula: qualified name -> (packet, formula)


def _qualified(target) -> str:
    return f"{target._namespace}::{target.__name__}"


def _of_shapes(formula):
    """A formula over the shapes of arguments and result, asked with tensors."""
    if getattr(formula, "_get_raw", False):
        return formula

    def shape(x):
        if isinstance(x, (list, tuple)) and not isinstance(x, torch.Size):
            return type(x)(shape(each) for each in x)
        return x.shape if isinstance(x, torch.Tensor) else x

    def ask(*args, out_val, **kwargs):
        given = {name: shape(x) for name, x in kwargs.items()}
        return formula(*map(shape, args), out_shape=shape(out_val), **given)

    return ask


def register_flop_formula(targets, get_raw: bool = False):
    """A decorator: the function counts what the operators do.

    Args:
        targets: a packet of operators (torch.ops.mylib.foo), or a list of them.
        get_raw: call it with the arguments and `out_val` as they are, not with their shapes and `out_shape`.

    Raises:
        ValueError: a target is no packet. RuntimeError: it has a formula.
    """

    def register(formula):
        if get_raw:
            formula._get_raw = True
        for target in targets if isinstance(targets, (list, tuple)) else [targets]:
            if not isinstance(target, torch.ops.OpOverloadPacket):
                raise ValueError(
                    "register_flop_formula(targets): expected each target to be OpOverloadPacket (i.e. "
                    f"torch.ops.mylib.foo), JitFunction, or HigherOrderOperator, got {target} which is of "
                    f"type {type(target)}"
                )
            if _qualified(target) in _FORMULAS:
                raise RuntimeError(f"duplicate registrations for {target}")
            _FORMULAS[_qualified(target)] = (target, _of_shapes(formula))
        return formula

    return register


class _Mode(TorchFunctionMode):
    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()
        self.counter = counter

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inner = getattr(func, "__wrapped__", None)
        if inner is not None and not self.counter._knows(func):  # what it is made of is counted
            with _Mode(self.counter):
                return inner(*args, **kwargs)
        out = func(*args, **kwargs)
        self.counter._see(func, out, args, kwargs)
        return out


class FlopCounterMode:
    """A context that counts, for the whole and for each module.

    Args:
        mods: accepted; all modules that are called are counted.
        depth: of the modules in the table.
        display: print the table at the end; needs the package tabulate.
        custom_mapping: packet of operators -> formula, as `register_flop_formula` takes it.
    """

    def __init__(self, mods=None, depth: int = 2, display: bool = True, custom_mapping=None) -> None:
        self.flop_counts: dict = defaultdict(lambda: defaultdict(int))
        self.depth, self.display = depth, display
        self._mode: _Mode | None = None
        self._path: list[str] = []
        self._names: dict = {}
        self._hooks: list = []
        self._formulas = {_qualified(op): (op, _of_shapes(f)) for op, f in (custom_mapping or {}).items()}
        if mods is not None:
            import warnings

            warnings.warn("mods argument is not needed anymore, you can stop passing it", stacklevel=2)

    def get_total_flops(self) -> int:
        """Of all that ran."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict:
        """Module -> kernel -> number; `Global` is the whole."""
        return {k: dict(v) for k, v in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as a table; needs the package tabulate."""
        import tabulate

        total = self.get_total_flops()
        depth = self.depth if depth is None else depth
        rows = []
        for name in sorted(self.flop_counts, key=lambda n: (n != "Global", n)):
            level = 0 if name == "Global" else name.count(".")
            if name != "Global" and level + 1 > depth:
                continue
            own = self.flop_counts[name]
            pad = " " * level
            rows.append([pad + name, _short(sum(own.values())), _share(sum(own.values()), total)])
            rows.extend([f"{pad} - {k}", _short(v), _share(v, total)] for k, v in own.items())
        tabulate.PRESERVE_WHITESPACE = True
        rows = rows or [["Global", "0", "0%"]]
        return tabulate.tabulate(
            rows, headers=["Module", "FLOP", "% Total"], colalign=("left", "right", "right")
        )

    def _formula(self, func):
        """The packet and formula that were given for a function, or None."""
        if not self._formulas and not _FORMULAS:
            return None
        name = getattr(func, "__name__", "").partition(".")[0].strip("_")
        space = getattr(func, "namespace", None) or getattr(func, "_namespace", None) or "aten"
        keys = (f"{space}::{name}", f"{space}::_{name}")
        return next((each[key] for each in (self._formulas, _FORMULAS) for key in keys if key in each), None)

    def _knows(self, func) -> bool:
        return self._formula(func) is not None or func.__name__.strip("_") in _COUNTED

    def _see(self, func, out, args, kwargs) -> None:
        """Counts a call that is done."""
        given = self._formula(func)
        if given is not None:
            packet, formula = given
            self._add({"Global", *self._path}, packet, formula(*args, out_val=out, **kwargs))
            return
        name = getattr(func, "__name__", "").strip("_")
        first = out[0] if isinstance(out, tuple) and out else out
        if name in _COUNTED and isinstance(first, torch.Tensor) and args:
            kwargs = {key: value for key, value in kwargs.items() if key != "out"}
            for each in _COUNTED[name](first.detach(), *args, **kwargs):
                self._count(first, *each)

    def _add(self, places, kernel, flops: int) -> None:
        for place in places:
            self.flop_counts[place][kernel] += flops

    def _count(self, out, kernel: str, flops: int, inputs) -> None:
        places = {"Global", *self._path}
        self._add(places, _kernel(kernel), flops)
        wanted = sum(1 for x in inputs if isinstance(x, torch.Tensor) and x.requires_grad)
        if out.requires_grad and wanted:
            back = _BACKWARD.get(kernel, kernel)

            def on_backward(_):
                if self._mode is not None:
                    self._add(places, _kernel(back), flops * wanted)

            out.register_hook(on_backward)

    def _enter_module(self, module, args) -> None:
        if not self._path:
            root = type(module).__name__
            self._names = {id(m): f"{root}.{n}" if n else root for n, m in module.named_modules()}
        self._path.append(self._names.get(id(module), type(module).__name__))

    def _leave_module(self, module, args, output) -> None:
        if self._path:
            self._path.pop()

    def __enter__(self) -> FlopCounterMode:
        self.flop_counts.clear()
        self._path.clear()
        self._hooks = [
            _module.register_module_forward_pre_hook(self._enter_module),
            _module.register_module_forward_hook(self._leave_module),
        ]
        self._mode = _Mode(self)
        self._mode.__enter__()
        return self

    def __exit__(self, *error) -> None:
        for hook in self._hooks:
            hook.remove()
        mode, self._mode = self._mode, None
        mode.__exit__(*error)  # pyright: ignore
        if self.display and error[0] is None:
            print(self.get_table())


def _short(number: int) -> str:
    for suffix in ("", "K", "M", "B"):
        if number < 1000:
            return f"{number:.3f}{suffix}" if suffix else str(number)
        number /= 1000  # pyright: ignore
    return f"{number:.3f}T"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "0%"


@cache
def _kernel(name: str):
    """The key that PyTorch counts under."""
    found = getattr(torch.ops.aten, name, None)
    if found is None:
        found = torch.ops.OpOverloadPacket("aten", name, None)
        setattr(torch.ops.aten, name, found)
    return found


_kernel("convolution_backward")
