"""Counting floating-point operations of products, convolutions and attention while a program runs.

Of the backward pass each operation counts once more for each operand that gets a gradient, which is what
PyTorch finds by counting the operations themselves.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from math import prod

import facula as torch
from facula.nn.modules import module as _module
from facula.overrides import TorchFunctionMode

__all__ = ["FlopCounterMode"]


def _matmul(out, a, b, *rest, **kwargs) -> int:
    return 2 * out.numel() * a.shape[-1]


def _added(out, bias, a, b, *rest, **kwargs) -> int:
    return 2 * out.numel() * a.shape[-1]


def _linear(out, x, weight, *rest, **kwargs) -> int:
    return 2 * out.numel() * weight.shape[-1]


def _convolution(out, x, weight, *rest, **kwargs) -> int:
    return 2 * out.numel() * prod(weight.shape[1:])


def _transposed(out, x, weight, *rest, **kwargs) -> int:
    return 2 * x.numel() * prod(weight.shape[1:])


def _attention(out, q, k, v, *rest, **kwargs) -> int:
    scores = prod(q.shape[:-1]) * k.shape[-2]
    return 2 * scores * (q.shape[-1] + v.shape[-1])


# Name of the operation -> what PyTorch calls its kernel, the formula, and which arguments are operands.
_COUNTED = {
    "mm": ("mm", _matmul, (0, 1)),
    "matmul": ("mm", _matmul, (0, 1)),
    "bmm": ("bmm", _matmul, (0, 1)),
    "addmm": ("addmm", _added, (1, 2)),
    "baddbmm": ("baddbmm", _added, (1, 2)),
    "linear": ("addmm", _linear, (0, 1)),
    **{f"conv{n}d": ("convolution", _convolution, (0, 1)) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": ("convolution", _transposed, (0, 1)) for n in (1, 2, 3)},
    "scaled_dot_product_attention": ("scaled_dot_product_attention", _attention, (0, 1, 2)),
}


_BACKWARD = {
    "addmm": "mm",
    "baddbmm": "bmm",
    "convolution": "convolution_backward",
    "scaled_dot_product_attention": "scaled_dot_product_attention_backward",
}


class _Mode(TorchFunctionMode):
    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()
        self.counter = counter

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = getattr(func, "__name__", "").strip("_")
        if name in _COUNTED and isinstance(out, torch.Tensor) and len(args) > 1:
            self.counter._count(name, out, args, kwargs)
        return out


class FlopCounterMode:
    """A context that counts, for the whole and for each module.

    Args:
        mods: accepted; all modules that are called are counted.
        depth: of the modules in the table.
        display: print the table at the end; needs the package tabulate.
        custom_mapping: further formulas; there are none.

    Raises:
        NotImplementedError: `custom_mapping` is given.
    """

    def __init__(self, mods=None, depth: int = 2, display: bool = True, custom_mapping=None) -> None:
        self.flop_counts: dict = defaultdict(lambda: defaultdict(int))
        self.depth, self.display = depth, display
        self._mode: _Mode | None = None
        self._path: list[str] = []
        self._names: dict = {}
        self._hooks: list = []
        if custom_mapping:
            raise NotImplementedError("torch.utils.flop_counter.FlopCounterMode: custom_mapping is not there")
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

    def _count(self, name: str, out, args, kwargs) -> None:
        kernel, formula, operands = _COUNTED[name]
        flops = formula(out.detach(), *args, **kwargs)
        places = {"Global", *self._path}
        for place in places:
            self.flop_counts[place][_kernel(kernel)] += flops
        inputs = [args[i] for i in operands if i < len(args)]
        wanted = sum(1 for x in inputs if isinstance(x, torch.Tensor) and x.requires_grad)
        if out.requires_grad and wanted:
            back = _BACKWARD.get(kernel, kernel)

            def on_backward(_):
                for place in places if self._mode is not None else ():
                    self.flop_counts[place][_kernel(back)] += flops * wanted

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
    return torch.ops.OpOverloadPacket("aten", name, None) if found is None else found
