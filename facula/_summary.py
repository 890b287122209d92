"""facula.summary: the layers of a model, with shapes, parameters and multiply-adds."""

from __future__ import annotations

import math

import facula as torch

__all__ = ["Summary", "summary"]


class Row:
    """One layer: its place, its class, the shapes that went in and came out, its parameters and
    multiply-adds.
    """

    def __init__(self, name: str, depth: int, module) -> None:
        self.name = name
        self.depth = depth
        self.kind = type(module).__name__
        self.input = self.output = None
        self.parameters = sum(p.numel() for p in module.parameters(recurse=False) if not _lazy(p))
        self.total = sum(p.numel() for p in module.parameters() if not _lazy(p))
        self.products = 0
        self.calls = 0
        self.leaf = not any(True for _ in module.children())


def _lazy(parameter) -> bool:
    return type(parameter).__name__.startswith("Uninitialized")


class Summary:
    """What `summary` found; prints as a table. `rows` has the layers, the totals are attributes."""

    def __init__(self, model, rows: list[Row]) -> None:
        self.rows = rows
        parameters = [p for p in model.parameters() if not _lazy(p)]
        self.total_parameters = sum(p.numel() for p in parameters)
        self.trainable_parameters = sum(p.numel() for p in parameters if p.requires_grad)
        self.total_bytes = sum(p.numel() * p.element_size() for p in parameters)
        self.total_multiply_adds = sum(r.products for r in rows)

    def __str__(self) -> str:
        table = [("Layer", "Input", "Output", "Parameters", "Multiply-adds")]
        for row in self.rows:
            label = "  " * row.depth + (f"{row.name}: {row.kind}" if row.name else row.kind)
            label += f" x{row.calls}" if row.calls > 1 else ""
            own = row.total if row.depth == 0 or row.leaf else row.parameters
            table.append((label, _text(row.input), _text(row.output), _count(own), _count(row.products)))
        widths = [max(len(line[i]) for line in table) for i in range(5)]
        rule = "-" * (sum(widths) + 8)
        lines = []
        for i, line in enumerate(table):
            cells = [c.ljust(w) if k < 3 else c.rjust(w) for k, (c, w) in enumerate(zip(line, widths))]
            lines.append("  ".join(cells).rstrip())
            if i == 0:
                lines.append(rule)
        return "\n".join(
            [
                *lines,
                rule,
                f"Parameters: {self.total_parameters:,}, of which {self.trainable_parameters:,} are trained "
                f"({_size(self.total_bytes)})",
                f"Multiply-adds: {self.total_multiply_adds:,}",
            ]
        )

    __repr__ = __str__


def _text(shapes) -> str:
    if shapes is None:
        return "-"
    return ", ".join("x".join(map(str, s)) if s else "()" for s in shapes) or "-"


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _size(size: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def _shapes(value) -> list:
    if isinstance(value, torch.Tensor):
        return [tuple(value.shape)]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [s for v in value for s in _shapes(v)]
    return []


def _products(module, inputs: list, outputs: list) -> int:
    """Multiply-adds of one call of a layer: one for each weight and each place where it is used."""
    nn = torch.nn
    if not outputs:
        return 0
    out = math.prod(outputs[0])
    weight = getattr(module, "weight", None)
    if isinstance(module, (nn.Linear, nn.Bilinear)):
        return out * (math.prod(weight.shape[1:]))
    if isinstance(module, nn.modules.conv._ConvNd):
        if isinstance(module, nn.modules.conv._ConvTransposeNd):
            return math.prod(inputs[0]) * math.prod(weight.shape[1:])
        return out * math.prod(weight.shape[1:])
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        steps = math.prod(inputs[0][:-1])
        return steps * sum(p.numel() for n, p in module.named_parameters() if n.startswith("weight"))
    if isinstance(module, nn.MultiheadAttention):
        # The projections, and both products of attention.
        length, width = outputs[0][-2] if not module.batch_first else outputs[0][-2], module.embed_dim
        rows = out // width
        keys = inputs[1] if len(inputs) > 1 else inputs[0]
        tokens = math.prod(keys[:-1])
        batch = max(rows // max(length, 1), 1)
        if not module.batch_first and len(outputs[0]) == 3:
            batch = outputs[0][1]
        return rows * width * width * 2 + 2 * tokens * width * width + 2 * rows * (tokens // batch) * width
    if weight is not None and isinstance(weight, torch.Tensor) and not isinstance(module, nn.Embedding):
        return out if weight.dim() <= 1 else 0
    return 0


def summary(model, *inputs, **kwargs) -> Summary:
    """Runs a model once and lists its layers.

    Args:
        model: an nn.Module. It is run without gradients and in evaluation mode, which is undone afterwards.
        inputs: the arguments of one call: tensors, or a tuple of numbers for random float32 input of
            that shape.
        kwargs: its keyword arguments.

    Returns:
        A Summary, which prints as a table: the shapes that went into each layer and came out, its
            parameters (of
        the whole model in the first row), and its multiply-adds: one for each weight and each place it
        is used at.

    Raises:
        TypeError: the model is no Module. What the model itself raises goes on to the caller.

    Example:
        >>> import facula as torch
        >>> print(torch.summary(torch.nn.Linear(4, 2), (8, 4)))
        Layer   Input  Output  Parameters  Multiply-adds
        ------------------------------------------------
        Linear  8x4    8x2             10             64
        ------------------------------------------------
        Parameters: 10, of which 10 are trained (40 bytes)
        Multiply-adds: 64
    """
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"summary() takes an nn.Module, but got {type(model).__name__}")
    state = torch.get_rng_state()
    inputs = tuple(torch.rand(i) if _is_shape(i) else i for i in inputs)
    rows, handles = [], []
    inside = 0  # depth in a layer whose own count holds those inside it

    def watch(name: str, depth: int, module) -> None:
        row = Row(name, depth, module)
        rows.append(row)

        def before(module, args, kwargs):
            nonlocal inside
            row.input = row.input or _shapes([*args, *kwargs.values()])
            inside += isinstance(module, torch.nn.MultiheadAttention)

        def after(module, args, kwargs, output):
            nonlocal inside
            inside -= isinstance(module, torch.nn.MultiheadAttention)
            shapes = _shapes(output)
            row.output = row.output or shapes
            row.calls += 1
            if not inside:
                row.products += _products(module, _shapes([*args, *kwargs.values()]), shapes)

        handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        handles.append(module.register_forward_hook(after, with_kwargs=True))
        for child, part in module.named_children():
            watch(child, depth + 1, part)

    training = {m: m.training for m in model.modules()}
    watch("", 0, model)
    try:
        model.eval()
        with torch.no_grad():
            model(*inputs, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in training.items():
            module.training = mode
        torch.set_rng_state(state)
    return Summary(model, rows)


def _is_shape(value) -> bool:
    return isinstance(value, (tuple, list)) and bool(value) and all(type(n) is int for n in value)
