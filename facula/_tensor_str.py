"""How tensors are shown as text: `repr(tensor)`, `format(tensor, spec)`, the notebook display, print options.

Everything is computed from Python numbers: the shown elements are fetched as one flat list, formatted, then
laid out. No tensor arithmetic happens here and nothing is imported: whoever prints one loss pays for it all.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from . import Tensor

__all__ = [
    "PRINT_OPTS",
    "get_printoptions",
    "printoptions",
    "set_printoptions",
    "tensor_format",
    "tensor_html",
    "tensor_str",
]


# ---------------------------------------------------------------------------------------------------- options


class _PrintOptions:
    """The current print options; one object that every call reads."""

    __slots__ = ("edgeitems", "linewidth", "precision", "sci_mode", "threshold")

    precision: int
    threshold: float
    edgeitems: int
    linewidth: int
    sci_mode: bool | None

    def __init__(self) -> None:
        self.precision, self.threshold, self.edgeitems, self.linewidth = _PROFILES["default"]
        self.sci_mode = None


_PROFILES: dict[str, tuple[int, float, int, int]] = {
    # name: precision, threshold, edgeitems, linewidth
    "default": (4, 1000, 3, 80),
    "short": (2, 1000, 2, 80),
    "full": (4, float("inf"), 3, 80),
}

PRINT_OPTS = _PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed. An option that is None keeps its value, except `sci_mode`.

    Args:
        precision: digits after the decimal point (default 4).
        threshold: a tensor of more elements than this is summarised (default 1000).
        edgeitems: elements shown at each end of a summarised dimension (default 3).
        linewidth: characters after which a line is broken (default 80).
        profile: a set of these under one name, `default`, `short` or `full`, applied first.
        sci_mode: True or False to force scientific notation on or off; None (default) to choose per tensor.

    Example:
        >>> import facula as torch
        >>> torch.set_printoptions(precision=2)
        >>> torch.tensor([1.12345])
        tensor([1.12])
        >>> torch.set_printoptions(profile="default")
    """
    opts = PRINT_OPTS
    if profile in _PROFILES:
        opts.precision, opts.threshold, opts.edgeitems, opts.linewidth = _PROFILES[profile]
    if precision is not None:
        opts.precision = precision
    if threshold is not None:
        opts.threshold = threshold
    if edgeitems is not None:
        opts.edgeitems = edgeitems
    if linewidth is not None:
        opts.linewidth = linewidth
    opts.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """Return the print options as keyword arguments for `set_printoptions`."""
    return {
        "precision": PRINT_OPTS.precision,
        "threshold": PRINT_OPTS.threshold,
        "edgeitems": PRINT_OPTS.edgeitems,
        "linewidth": PRINT_OPTS.linewidth,
        "sci_mode": PRINT_OPTS.sci_mode,
    }


class printoptions:
    """Context manager (or decorator) that sets print options and restores the earlier ones at its end.

    Takes the arguments of `set_printoptions`.

    Example:
        >>> import facula as torch
        >>> from facula._tensor_str import printoptions
        >>> with printoptions(precision=1):
        ...     print(torch.tensor(0.25))
        tensor(0.2)
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._saved: list[dict[str, Any]] = []  # a stack: one object may be entered again while it is active

    def __enter__(self) -> None:
        saved = get_printoptions()
        set_printoptions(**self._options)
        self._saved.append(saved)

    def __exit__(self, *_: object) -> None:
        set_printoptions(**self._saved.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        from functools import wraps

        @wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with printoptions(**self._options):
                return function(*args, **kwargs)

        return inner


# --------------------------------------------------------------------------------------------------- elements


def _format_floats(values: list[float]) -> tuple[list[str], int]:
    """Format all values alike: as integers with a point, in fixed notation, or in scientific notation.

    Returns the strings, padded on the left to the width of the widest, and that width. Zeros, infinities and
    NaNs have no say in the notation or the width; where they are wider than the rest, they stick out.
    """
    normal = [x for x in values if x and x - x == 0]
    if not normal:
        return [_whole(x) for x in values], 1
    sizes = [abs(x) for x in normal]
    low, high = min(sizes), max(sizes)
    scientific = PRINT_OPTS.sci_mode
    if scientific is None:
        scientific = high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
    write: Callable[[float], str]
    if scientific:
        write = f"{{:.{PRINT_OPTS.precision}e}}".format
    elif all(x.is_integer() for x in normal):
        write = _whole
    else:
        write = f"{{:.{PRINT_OPTS.precision}f}}".format
    strings = [write(x) for x in values]
    if len(normal) == len(values):
        width = max([len(s) for s in strings])
    else:
        width = max([len(s) for s, x in zip(strings, values) if x and x - x == 0])
    return [s.rjust(width) for s in strings], width


def _whole(x: float) -> str:
    return f"{x:.0f}." if x - x == 0 else f"{x:.0f}"


def _format_complex(values: list[complex]) -> tuple[list[str], int]:
    """Real and imaginary parts are formatted apart, each with its own notation and width."""
    reals, real_width = _format_floats([z.real for z in values])
    imags, imag_width = _format_floats([z.imag for z in values])
    strings = []
    for real, imag in zip(reals, imags):
        imag = imag.lstrip()
        strings.append(f"{real}{imag}j" if imag[0] == "-" else f"{real}+{imag}j")
    return strings, real_width + imag_width + 1


def _format_others(values: list[int] | list[bool]) -> tuple[list[str], int]:
    strings = [str(x) for x in values]
    width = max([len(s) for s in strings])
    return [s.rjust(width) for s in strings], width


# ----------------------------------------------------------------------------------------------------- layout


def _edges(tensor: Tensor, sizes: tuple[int, ...], edge: int) -> list[Any]:
    """The elements that a summary shows, flat. `sizes` is the shape of the tensor."""
    if max(sizes) <= 2 * edge:
        return tensor.reshape(-1).tolist()
    first = sizes[0]
    if len(sizes) == 1:
        return tensor[:edge].tolist() + tensor[first - edge :].tolist()
    shown = range(first) if first <= 2 * edge else (*range(edge), *range(first - edge, first))
    values: list[Any] = []
    for i in shown:
        values += _edges(tensor[i], sizes[1:], edge)
    return values


def _rows(strings: list[str], size: int) -> Iterator[list[str]]:
    return (strings[i : i + size] for i in range(0, len(strings), size))


def _contents(tensor: Tensor, indent: int) -> str:
    """The elements of a tensor that has some, in brackets; `indent` is the column of the first bracket."""
    opts = PRINT_OPTS
    tensor = tensor.detach()
    dtype = tensor.dtype
    form: Any = _format_others
    if dtype.is_complex:
        form = _format_complex
    elif dtype.is_floating_point:
        form = _format_floats
    sizes = tuple(tensor.shape)
    ndim = len(sizes)
    if ndim == 0:
        return form([tensor.item()])[0][0]
    edge = opts.edgeitems
    summary = tensor.numel() > opts.threshold
    if summary and edge <= 0:
        return "[...]"
    if summary:
        values = _edges(tensor, sizes, edge)
    else:
        values = tensor.tolist() if ndim == 1 else tensor.reshape(-1).tolist()
    if dtype.itemsize == 1 and str(dtype) == "torch.float8_e8m0fnu":
        values = [0.0 if x < 2.0**-126 else x for x in values]  # its smallest number, as PyTorch shows it
    strings, width = form(values)

    # From the innermost dimension outwards, each pass joins the items of one dimension into one string.
    size = sizes[-1]
    cut = summary and size > 2 * edge
    margin = indent + ndim - 1
    separator = ",\n" + " " * (margin + 1)
    per_line = max(1, int(min((opts.linewidth - margin) / (width + 2), size)))
    joined = []
    for row in _rows(strings, 2 * edge if cut else size):
        if cut:
            row.insert(edge, " ...")
        if len(row) > per_line:
            row = [", ".join(line) for line in _rows(row, per_line)]
            joined.append("[" + separator.join(row) + "]")
        else:
            joined.append("[" + ", ".join(row) + "]")
    for dim in range(ndim - 2, -1, -1):
        size = sizes[dim]
        cut = summary and size > 2 * edge
        separator = "," + "\n" * (ndim - 1 - dim) + " " * (indent + dim + 1)
        rows = list(_rows(joined, 2 * edge if cut else size))
        if cut:
            for row in rows:
                row.insert(edge, "...")
        joined = ["[" + separator.join(row) + "]" for row in rows]
    return joined[0]


# ----------------------------------------------------------------------------------------------- whole tensor


def _default_dtype() -> str:
    from . import _C

    return str(_C.get_default_dtype())


# Classes are told by name: then neither has to be loaded to print the other.
def _is_parameter_class(kind: type) -> bool:
    module = kind.__module__
    return kind.__qualname__ == "Parameter" and module in ("torch.nn.parameter", "facula.nn.parameter")


def _is_tensor_class(kind: type) -> bool:
    return kind.__qualname__ == "Tensor" and kind.__module__ in ("torch", "facula")


def _is_parameter(tensor: Tensor) -> bool:
    """Parameters are instances of the class, and tensors of any class that carry its mark."""
    if getattr(tensor, "_is_param", False):
        return True
    return any(_is_parameter_class(base) for base in type(tensor).__mro__)


def _grad_fn_name(tensor: Tensor) -> str | None:
    try:
        node = tensor.grad_fn
    except RuntimeError:  # a view whose history was made invalid says so when asked for it
        return "Invalid"
    if node is None:
        return None
    name = type(node).__name__
    if name == "CppFunction":
        name = node.name().rpartition("::")[2]
    return name


def _dtype_suffix(tensor: Tensor, visible: bool) -> list[str]:
    """The dtype, unless it is the default one. Where elements are `visible` they tell some dtypes."""
    dtype = str(tensor.dtype)
    default = _default_dtype()
    if dtype == default:
        return []
    if visible:
        default_complex = "torch.complex128" if default == "torch.float64" else "torch.complex64"
        if dtype in ("torch.int64", "torch.bool", default_complex):
            return []
    return [f"dtype={dtype}"]


def tensor_str(tensor: Tensor, *, tensor_contents: str | None = None) -> str:
    """Return the text of a tensor as `repr` shows it.

    Args:
        tensor: the tensor; of any dtype, shape and device.
        tensor_contents: text to show in the place of the elements.

    Example:
        >>> import facula as torch
        >>> from facula._tensor_str import tensor_str
        >>> tensor_str(torch.tensor([[1.0, 2.5]]))
        'tensor([[1.0000, 2.5000]])'
    """
    opts = PRINT_OPTS
    kind = type(tensor)
    plain = _is_tensor_class(kind) or _is_parameter_class(kind)
    prefix = "tensor(" if plain else f"{kind.__name__}("
    indent = len(prefix)
    device = tensor.device
    meta = device.type == "meta"
    empty = tensor.numel() == 0
    if tensor_contents is None:
        tensor_contents = "..." if meta else "[]" if empty else _contents(tensor, indent)

    suffixes = [] if device.type == "cpu" else [f"device='{device}'"]
    if meta or (tensor.dim() != 1 if empty else not opts.edgeitems):
        suffixes.append(f"size={tuple(tensor.shape)}")
    suffixes += _dtype_suffix(tensor, visible=not (meta or empty))
    grad_fn = _grad_fn_name(tensor)
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")

    from . import _C

    if _C._forward_mode_active():
        tangent = _C._unpack_dual(tensor)[1]
        if tangent is not None:
            suffixes.append(f"tangent={tensor_str(tangent)}")

    text = prefix + tensor_contents
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > opts.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    text += ")"
    if not plain and _is_parameter(tensor):
        return f"Parameter({text})"
    return text


def tensor_format(tensor: Tensor, spec: str) -> str:
    """`format(tensor, spec)`: a plain 0-dim tensor formats as its number, all others take no `spec`."""
    if tensor.dim() == 0 and _is_tensor_class(type(tensor)) and tensor.device.type != "meta":
        return tensor.detach().item().__format__(spec)
    if spec:
        # Worded here, since Python would give the class its full name.
        raise TypeError(f"unsupported format string passed to {type(tensor).__name__}.__format__")
    return str(tensor)


def tensor_html(tensor: Tensor) -> str:
    """The display of a tensor in a notebook: its `repr`, and a line below with shape, dtype and device."""
    shape = " × ".join([str(n) for n in tensor.shape]) or "0-dim"
    dtype = str(tensor.dtype).rpartition(".")[2]
    caption = f"{shape} · {dtype}"
    if tensor.device.type != "cpu":
        caption += f" · {tensor.device}"
    return f"<pre>{_escape(repr(tensor))}</pre><small>{_escape(caption)}</small>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


# As PyTorch calls them; libraries that print tensors of their own use these.
_tensor_str, _str = _contents, tensor_str
