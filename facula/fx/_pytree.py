"""Taking nested arguments apart by the shape that was met while tracing."""

from __future__ import annotations

from facula.utils import _pytree as pytree

__all__ = ["register_pytree_flatten_spec", "tree_flatten_spec"]

_OWN: dict = {}


def register_pytree_flatten_spec(cls, flatten_fn_spec, flatten_fn_exact_match_spec=None) -> None:
    """How to take a class apart by a shape."""
    _OWN[cls] = flatten_fn_spec


def tree_flatten_spec(tree, spec) -> list:
    """The leaves of a tree in the order of `spec`; dictionaries by the keys that it names."""
    if spec.is_leaf():
        return [tree]
    if spec.type in _OWN:
        children = _OWN[spec.type](tree, spec)
    elif isinstance(tree, dict):
        children = [tree[key] for key in spec.context]
    elif isinstance(tree, (list, tuple)):
        children = list(tree)[: spec.num_children]
    else:
        children, _ = pytree.SUPPORTED_NODES[spec.type].flatten_fn(tree)
    leaves: list = []
    for child, part in zip(children, spec.children()):
        leaves.extend(tree_flatten_spec(child, part))
    return leaves
