"""Nested containers as a list of leaves and a description: torch.utils._pytree.

A node is a dict, list, tuple, namedtuple, OrderedDict, defaultdict, deque or a registered type; all else,
None included, is a leaf.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from typing import NamedTuple

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = [
    "LeafSpec",
    "TreeSpec",
    "register_pytree_node",
    "tree_all",
    "tree_all_only",
    "tree_any",
    "tree_any_only",
    "tree_flatten",
    "tree_iter",
    "tree_leaves",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_map_only_",
    "tree_structure",
    "tree_unflatten",
    "treespec_pprint",
]


class _Node(NamedTuple):
    flatten: Callable  # container -> (children, context)
    unflatten: Callable  # (children, context) -> container

    @property
    def flatten_fn(self):
        """PyTorch's name."""
        return self.flatten

    @property
    def unflatten_fn(self):
        """PyTorch's name."""
        return self.unflatten


def _named_type(kind: type) -> bool:
    return issubclass(kind, tuple) and (hasattr(kind, "_fields") or hasattr(kind, "n_sequence_fields"))


_NODES: dict[type, _Node] = {
    list: _Node(lambda x: (list(x), None), lambda c, _: list(c)),
    tuple: _Node(lambda x: (list(x), None), lambda c, _: tuple(c)),
    dict: _Node(lambda x: (list(x.values()), list(x)), lambda c, keys: dict(zip(keys, c))),
    OrderedDict: _Node(lambda x: (list(x.values()), list(x)), lambda c, keys: OrderedDict(zip(keys, c))),
    defaultdict: _Node(
        lambda x: (list(x.values()), (x.default_factory, list(x))),
        lambda c, context: defaultdict(context[0], zip(context[1], c)),
    ),
    deque: _Node(lambda x: (list(x), x.maxlen), lambda c, maxlen: deque(c, maxlen)),
}
Context = PyTree = object  # names of types in annotations
SUPPORTED_NODES = _NODES  # as PyTorch calls it; libraries look types up in it
_NAMED = _Node(
    lambda x: (list(x), type(x)),
    lambda c, kind: kind(*c) if hasattr(kind, "_fields") else kind(c),
)


def register_pytree_node(cls, flatten_fn, unflatten_fn, **_):
    """Makes a type a node.

    Args:
        cls: the type; its subclasses stay leaves.
        flatten_fn: instance -> (list of children, context).
        unflatten_fn: (children, context) -> instance.

    Raises:
        ValueError: the type is a node already.
    """
    if cls in _NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _NODES[cls] = _Node(flatten_fn, unflatten_fn)


def _node_type(x):
    kind = type(x)
    if kind in _NODES:
        return kind
    return _named_type if _named_type(kind) else None


_get_node_type = _node_type  # as Lightning calls it


class TreeSpec:
    """The structure of a tree without its leaves."""

    __slots__ = ("children_specs", "context", "num_children", "num_leaves", "num_nodes", "type")

    def __init__(self, type: Any, context: Any, children_specs: list[TreeSpec]):  # noqa: A002  its public name
        self.type = type
        self.context = context
        self.children_specs = children_specs
        self.num_children = len(children_specs)
        leaf = type is None
        self.num_nodes = 1 + sum(c.num_nodes for c in children_specs)
        self.num_leaves = 1 if leaf else sum(c.num_leaves for c in children_specs)

    def is_leaf(self):
        """Whether this is the structure of a leaf."""
        return self.type is None

    def unflatten(self, leaves):
        """The tree with these leaves."""
        return tree_unflatten(leaves, self)

    def child(self, i):
        """The structure of a child."""
        return self.children_specs[i]

    def children(self):
        """The structures of the children."""
        return list(self.children_specs)

    def __eq__(self, other):
        if not isinstance(other, TreeSpec) or self.type is not other.type:
            return NotImplemented if not isinstance(other, TreeSpec) else False
        if self.type is dict:
            mine, theirs = (dict(zip(s.context, s.children_specs)) for s in (self, other))
            return mine == theirs
        return self.context == other.context and self.children_specs == other.children_specs

    def __hash__(self):
        return hash((self.type, tuple(self.children_specs)))

    def __repr__(self, indent=0):
        if self.type is None:
            return "*"
        name = "namedtuple" if self.type is _named_type else self.type.__name__
        gap = ",\n" + " " * (indent + 2)
        children = gap.join(c.__repr__(indent + 2) for c in self.children_specs)
        return f"TreeSpec({name}, {self.context}, [{children}])"


def LeafSpec():  # noqa: N802  a type in PyTorch
    """The structure of a leaf."""
    return _LEAF


_LEAF = TreeSpec(None, None, [])


def treespec_pprint(spec):
    """The structure as text, an asterisk for each leaf: [*, {'a': *}]."""
    if spec.type is None:
        return "*"
    parts = [treespec_pprint(c) for c in spec.children_specs]
    if spec.type is list:
        return f"[{', '.join(parts)}]"
    if spec.type is tuple:
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if spec.type is dict:
        return "{" + ", ".join(f"{k!r}: {p}" for k, p in zip(spec.context, parts)) + "}"
    if spec.type is OrderedDict:
        return "OrderedDict([" + ", ".join(f"({k!r}, {p})" for k, p in zip(spec.context, parts)) + "])"
    if spec.type is _named_type:
        fields = getattr(spec.context, "_fields", None) or [str(i) for i in range(len(parts))]
        return f"{spec.context.__name__}({', '.join(f'{k}={p}' for k, p in zip(fields, parts))})"
    return f"{getattr(spec.type, '__name__', spec.type)}({', '.join(parts)})"


def tree_flatten(tree, is_leaf=None):
    """The leaves of a tree in order, and its structure.

    Args:
        tree: any nesting of nodes.
        is_leaf: a predicate that ends the descent early.

    Returns:
        (list of leaves, TreeSpec); `tree_unflatten` is the inverse.

    Example:
        >>> from facula.utils._pytree import tree_flatten
        >>> tree_flatten([1, (2, 3)])[0]
        [1, 2, 3]
    """
    leaves: list = []
    return leaves, _flatten_into(tree, leaves, is_leaf)


def _flatten_into(tree, leaves, is_leaf):
    kind = _node_type(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        leaves.append(tree)
        return _LEAF
    node = _NAMED if kind is _named_type else _NODES[kind]
    children, context = node.flatten(tree)
    return TreeSpec(kind, context, [_flatten_into(c, leaves, is_leaf) for c in children])


def tree_unflatten(leaves, treespec):
    """The tree of a structure with these leaves.

    Raises:
        TypeError: `treespec` is no TreeSpec.
        ValueError: the number of leaves differs.
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            "tree_unflatten(leaves, treespec): Expected `treespec` to be instance of TreeSpec but got "
            f"item of type {type(treespec)}."
        )
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a "
            f"pytree that holds {treespec.num_leaves} items ({treespec})."
        )
    return _unflatten_from(iter(leaves), treespec)


def _unflatten_from(leaves, spec):
    if spec.type is None:
        return next(leaves)
    node = _NAMED if spec.type is _named_type else _NODES[spec.type]
    return node.unflatten([_unflatten_from(leaves, c) for c in spec.children_specs], spec.context)


def tree_leaves(tree, is_leaf=None):
    """The leaves of a tree in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree, is_leaf=None):
    """Iterates over the leaves of a tree."""
    return iter(tree_leaves(tree, is_leaf))


def tree_structure(tree, is_leaf=None):
    """The structure of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func, tree, *rests, is_leaf=None):
    """A tree of func(leaf, ...), the further arguments from trees of the same structure."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [_leaves_like(r, spec, is_leaf) for r in rests]
    return tree_unflatten([func(*each) for each in zip(leaves, *others)], spec)


def _leaves_like(tree, spec, is_leaf):
    leaves, own = tree_flatten(tree, is_leaf)
    if own != spec:
        raise ValueError(f"Node type mismatch; expected {spec}, but got {own}.")
    return leaves


def tree_map_(func, tree, *rests, is_leaf=None):
    """Calls func(leaf, ...) for each leaf; returns the tree."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(kind, func, tree, is_leaf=None):
    """`tree_map` of the leaves of a type (or a predicate); the others stay."""
    test = kind if callable(kind) and not isinstance(kind, type) else lambda x: isinstance(x, kind)
    return tree_map(lambda x: func(x) if test(x) else x, tree, is_leaf=is_leaf)


def tree_map_only_(kind, func, tree, is_leaf=None):
    """Calls func for each leaf of a type; returns the tree."""
    tree_map_only(kind, func, tree, is_leaf)
    return tree


def tree_all(predicate, tree, is_leaf=None):
    """Whether the predicate holds for every leaf."""
    return all(map(predicate, tree_leaves(tree, is_leaf)))


def tree_any(predicate, tree, is_leaf=None):
    """Whether the predicate holds for a leaf."""
    return any(map(predicate, tree_leaves(tree, is_leaf)))


def tree_all_only(kind, predicate, tree, is_leaf=None):
    """Whether the predicate holds for every leaf of a type."""
    return all(predicate(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, kind))


def tree_any_only(kind, predicate, tree, is_leaf=None):
    """Whether the predicate holds for a leaf of a type."""
    return any(predicate(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, kind))


def _broadcast_to_and_flatten(tree, treespec, is_leaf=None):
    """The leaves of a prefix of a structure, each as often as there are leaves below it; or None."""
    kind = _node_type(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        return [tree] * treespec.num_leaves
    if treespec.type is None or kind is not treespec.type:
        return None
    node = _NAMED if kind is _named_type else _NODES[kind]
    children, context = node.flatten(tree)
    if len(children) != treespec.num_children or context != treespec.context:
        return None
    result: list = []
    for child, spec in zip(children, treespec.children_specs):
        flat = _broadcast_to_and_flatten(child, spec, is_leaf)
        if flat is None:
            return None
        result += flat
    return result


# --- what libraries register types with ---


class SequenceKey(NamedTuple):
    """A place in a list or tuple."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence):
        """What lies there."""
        return sequence[self.idx]


class MappingKey(NamedTuple):
    """A place in a dictionary."""

    key: object

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping):
        """What lies there."""
        return mapping[self.key]


def _dict_flatten(d):
    return list(d.values()), list(d)


def _dict_flatten_with_keys(d):
    values, keys = _dict_flatten(d)
    return [(MappingKey(k), v) for k, v in zip(keys, values)], keys


def _dict_unflatten(values, context):
    return dict(zip(context, values))
