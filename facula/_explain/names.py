"""The caller's names for tensors: variables of its frames, parameters of modules, entries of containers."""

from __future__ import annotations

import keyword
import sys

from .. import _C
from . import sources
from .graph import Graph

__all__ = ["Names", "assign"]

_GREEK = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi
psi omega"""
GREEK = dict(zip(_GREEK.split(), "αβγδεζηθικλμνξπρστφχψω"))

_FOREIGN = (
    "facula",
    "torch",
    "numpy",
    "builtins",
    "IPython",
    "ipykernel",
)  # whose objects hold no parameters


class Names:
    """What is called how: address of a tensor -> name, and (id of a node, output) -> (name, tensor)."""

    def __init__(self):
        self.tensors: dict[int, tuple[str, object]] = {}
        self.nodes: dict[tuple[int, int], tuple[str, object]] = {}
        self.modules: list[tuple[str, object]] = []
        self.frames: list = []

    def add(self, name: str, value) -> None:
        self.tensors.setdefault(_C._tensor_address(value), (name, value))
        if value.requires_grad:
            try:
                node = value.grad_fn
            except RuntimeError:  # a view that may not be written to was
                return
            if node is not None:
                self.nodes.setdefault((id(node), value.output_nr), (name, value))
                self._keep = [*getattr(self, "_keep", []), node]

    def add_module(self, name: str, module, alone: bool) -> None:
        self.modules.append((name, module))
        prefix = "" if alone or not name or name == "self" else name + "."
        for path, value in [*module.named_parameters(), *module.named_buffers()]:
            self.add((prefix or (name + "." if path[:1].isdigit() and name else "")) + path, value)
        for path, value in vars(module).items():  # tensors that are no parameters
            if isinstance(value, _C.Tensor):
                self.add(path if name == "self" else prefix + path, value)

    def look(self, frame, module=None, leaves=()) -> None:
        """Collects from a frame and those that called it; names of inner frames win.

        leaves: ids of tensors; a module that alone has some of them gives its parameters' names as they are.
        """
        spaces = []
        depth = 0
        while frame is not None and depth < 30:
            if not _is_machinery(frame):
                self.frames.append(frame)
                spaces.append(frame.f_locals)
                if frame.f_globals is not frame.f_locals:
                    spaces.append(frame.f_globals)
            frame, depth = frame.f_back, depth + 1
        modules, containers = [], []
        seen = set()
        for space in spaces:
            if id(space) in seen:
                continue
            seen.add(id(space))
            for name, value in list(space.items()):
                if not isinstance(name, str) or name.startswith("_") or not name.isidentifier():
                    continue
                if name in ("In", "Out") and "get_ipython" in space:  # a shell's history
                    continue
                if isinstance(value, _C.Tensor):
                    self.add(name, value)
                elif _is_module(value):
                    modules.append((name, value))
                elif isinstance(value, (list, tuple, dict)):
                    containers.append((name, value))
                elif hasattr(value, "__dict__") and not isinstance(value, (type, type(sys))):
                    containers.append((name, value))
        if module is not None:
            modules = [("", module)] + [m for m in modules if m[1] is not module]
        inner = {id(m) for _, top in modules for m in top.modules() if m is not top}
        tops = [m for m in modules if id(m[1]) not in inner]
        distinct = {id(m) for _, m in tops if not leaves or any(id(p) in leaves for p in m.parameters())}
        for name, m in tops:
            self.add_module(name, m, alone=distinct == {id(m)} or module is m)
        for name, value in containers:
            self._add_contents(name, value)

    def _add_contents(self, name, value, depth=0):
        if isinstance(value, dict):
            items = [
                (f"{name}[{k!r}]", v) for k, v in list(value.items())[:1000] if isinstance(k, (str, int))
            ]
        elif isinstance(value, (list, tuple)):
            items = [(f"{name}[{i}]", v) for i, v in enumerate(value[:1000])]
        else:
            if type(value).__module__.partition(".")[0] in _FOREIGN:
                return
            items = [(f"{name}.{k}", v) for k, v in list(vars(value).items())[:1000]]
        for path, v in items:
            if isinstance(v, _C.Tensor):
                self.add(path, v)
            elif _is_module(v):
                self.add_module(path, v, alone=False)
            elif depth < 2 and type(v) in (list, tuple, dict) and "_" != path[len(name) :].lstrip(".['")[:1]:
                self._add_contents(path, v, depth + 1)


def _is_machinery(frame) -> bool:
    module = frame.f_globals.get("__name__", "")
    return module.startswith(
        ("facula.", "IPython.", "ipykernel.", "runpy", "_pytest", "pluggy", "traitlets", "asyncio")
    )


def _is_module(value) -> bool:
    nn = sys.modules.get("facula.nn")
    return nn is not None and isinstance(value, nn.Module)


def assign(graph: Graph, names: Names, loss_name: str | None) -> dict[tuple[int, int], object]:
    """Gives every leaf, constant and step a symbol; returns the results that the caller still holds."""
    taken: set[str] = set()

    def unique(name):
        symbol, n = name, 2
        while symbol in taken:
            symbol, n = f"{name}_{n}", n + 1
        taken.add(symbol)
        return symbol

    place = {address: i for i, address in enumerate(names.tensors)}
    in_order = sorted(
        graph.leaves.items(), key=lambda kv: place.get(_C._tensor_address(kv[1].value), len(place))
    )
    graph.leaves = dict(in_order)  # as the program has them: weight before bias
    root = (id(graph.loss.grad_fn), graph.loss.output_nr)
    found = names.nodes.get(root)
    own = loss_name or (found[0] if found else None)
    if own is None or own.lower() in ("loss", "l", "total_loss", "err", "error", "cost"):
        taken_by = [names.tensors.get(_C._tensor_address(s.value)) for s in graph.leaves.values()]
        taken_by += [names.tensors.get(k if isinstance(k, int) else 0) for k in graph.constants]
        symbol = own or "L" if any(hit and hit[0] == "L" for hit in taken_by) else "L"
    else:
        symbol = own
    graph.loss_name = own or "L"  # what the caller calls it
    taken.add(symbol)
    graph.by_node[root[0]].symbols[root[1]] = symbol
    fresh = {"leaf": 0, "constant": 0, "step": 0}
    for source in graph.leaves.values():
        hit = names.tensors.get(_C._tensor_address(source.value))
        if hit:
            source.symbol = unique(hit[0])
    for key, source in graph.constants.items():
        hit = names.tensors.get(key if source.kind == "unknown" else _C._tensor_address(source.value))
        if hit is None or source.kind == "unknown" and hit[1].requires_grad:
            continue  # another tensor at this address: a constant required no gradient
        if source.kind == "unknown":
            source.kind, source.value, source.doubtful = "constant", hit[1].detach(), True
        source.symbol = unique(hit[0])
    held = {}
    for key, (name, tensor) in names.nodes.items():
        step = graph.by_node.get(key[0])
        if step is not None:
            held[key] = tensor
            if key != root:
                step.symbols[key[1]] = unique(name)
    for kind, letter, group in (
        ("leaf", "p", graph.leaves.values()),
        ("constant", "c", graph.constants.values()),
    ):
        for source in group:
            if source.symbol is None:
                fresh[kind] += 1
                while f"{letter}{fresh[kind]}" in taken:
                    fresh[kind] += 1
                source.symbol = unique(f"{letter}{fresh[kind]}")
                source.anonymous = True
    for step in graph.steps:
        if step.symbols:
            continue
        fresh["step"] += 1
        while f"u{fresh['step']}" in taken:
            fresh["step"] += 1
        step.symbols[0] = unique(f"u{fresh['step']}")
    return held


def recognise(graph: Graph, names: Names) -> None:
    """What constants without a name are made of, such as `1 - y`, `x**2` or `X[:, 0]`, by their values."""
    nameless = [s for s in graph.constants.values() if s.kind == "constant" and s.anonymous]
    if nameless:
        sources.find(nameless, names.frames[:4], graph.steps)
    nameless = [s for s in nameless if s.meant is None]
    for source in nameless:
        source.symbol = _uniform_name(source.value) or source.symbol
    nameless = [s for s in nameless if s.value.numel() > 1 and s.value.is_floating_point()]
    if not nameless:
        return
    seen = {}
    for name, t in names.tensors.values():
        if t.is_floating_point() and not t.requires_grad and 1 < t.numel() <= 100_000:
            seen.setdefault(id(t), (name, t))
    for source in nameless:
        value = source.value.detach()
        if bool((value == value.reshape(-1)[0]).all()):
            continue
        for name, t in list(seen.values())[:100]:
            found = _made_of(value, t.detach())
            if found is not None:
                source.meant = (found, [(name, t)])
                break


def _uniform_name(value) -> str:
    """`zeros(3)`, `ones(2, 2)`, `arange(4)`"""
    if value.dtype == _C.int64 and value.dim() == 1 and value.numel() > 1:
        if value.tolist() == list(range(value.numel())):
            return f"arange({value.numel()})"
    if value.numel() > 1 and value.is_floating_point():
        first = float(value.reshape(-1)[0])
        if first in (0.0, 1.0) and bool((value == first).all()):
            return f"{'ones' if first else 'zeros'}({', '.join(map(str, value.shape))})"
    return ""


def _made_of(value, t):
    from . import moves

    if value.dtype != t.dtype:
        return None
    move = moves.view_of(value, t)
    if move is not None:
        return lambda x: moves.moved(move, x)
    if value.shape != t.shape:
        return None
    for make in (
        lambda x: ("sub", 1.0, x),
        lambda x: ("neg", x),
        lambda x: ("pow", x, 2.0),
        lambda x: ("pow", x, 3.0),
        lambda x: ("mul", 2.0, x),
        lambda x: ("div", x, 2.0),
        lambda x: ("sub", x, 1.0),
        lambda x: ("add", x, 1.0),
        *(lambda x, f=f: (f, x) for f in ("sin", "cos", "exp", "log", "sqrt", "abs")),
    ):
        tree = make(t)
        known = _value(tree)
        if bool(((known - value).abs() <= 1e-6 * (value.abs() + 1e-3)).all()):
            return make
    return None


def _value(tree):
    from . import formula

    f, *a = tree
    return formula.function(f)(*a)


def is_plain(symbol: str) -> bool:
    """Whether a symbol is a single name, as opposed to `layers.0.weight`."""
    return symbol.isidentifier() and not keyword.iskeyword(symbol)
