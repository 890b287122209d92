"""Replacing parts of a graph that look like a pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import facula as torch

from ._symbolic_trace import symbolic_trace
from .graph import Graph
from .graph_module import GraphModule
from .node import Node, map_arg

__all__ = ["Match", "replace_pattern", "replace_pattern_with_filters"]


class Match(NamedTuple):
    """A place where the pattern was found."""

    anchor: Node  # of the pattern: where matching began
    nodes_map: dict  # node of the pattern -> node of the graph


@dataclass
class ReplacedPatterns:
    """A match and the nodes that took its place."""

    anchor: Node
    nodes_map: dict
    replacements: list


@dataclass
class _Found:
    anchors: list
    nodes_map: dict
    placeholder_nodes: list
    returning_nodes: list


def replace_pattern(gm: GraphModule, pattern, replacement) -> list[Match]:
    """Replaces each part of the graph that equals the pattern, where parts overlap the first.

    Args:
        gm: changed in place.
        pattern: function, module or graph; its arguments stand for any values.
        replacement: of the same arguments.

    Returns:
        what was found.
    """
    found = replace_pattern_with_filters(gm, pattern, replacement)
    return [Match(anchor=m.anchor, nodes_map=m.nodes_map) for m in found]


def replace_pattern_with_filters(
    gm: GraphModule,
    pattern,
    replacement=None,
    match_filters=None,
    ignore_literals: bool = False,
    replacement_callback=None,
    node_name_match: str = "",
) -> list[ReplacedPatterns]:
    """As `replace_pattern`; each of `match_filters` is asked (match, graph, pattern graph) whether to.

    `replacement_callback` makes the replacement for a match.
    """
    wanted = _graph_of(pattern)
    matches = _matches(gm.graph, wanted, ignore_literals)
    matches = [m for m in matches if all(f(m, gm.graph, wanted) for f in match_filters or ())]
    changed: dict[Node, Node] = {}
    done = []
    fixed = _graph_of(replacement) if replacement is not None else None
    for match in matches:
        new = replacement_callback(match, gm.graph, wanted) if replacement_callback else fixed
        if new is None:
            raise AssertionError("Must provide either a replacement GraphModule or a replacement callback")
        done.append(_replace(gm.graph, wanted, match, new, changed))
    gm.recompile()
    if isinstance(replacement, torch.nn.Module):
        _copy_attributes(gm, replacement)
    return done


def _graph_of(what) -> Graph:
    if isinstance(what, Graph):
        return what
    return what.graph if isinstance(what, GraphModule) else symbolic_trace(what).graph


def _replace(graph: Graph, wanted: Graph, match: _Found, new: Graph, changed: dict) -> ReplacedPatterns:
    places = new.find_nodes(op="placeholder")
    if len(places) != len(match.placeholder_nodes):
        raise AssertionError(f"Placeholder count mismatch: {len(match.placeholder_nodes)} vs {len(places)}")
    match.placeholder_nodes = [
        changed.get(n, n) if isinstance(n, Node) else n for n in match.placeholder_nodes
    ]
    values = dict(zip(places, match.placeholder_nodes))
    users = {user for node in match.returning_nodes for user in node.users}
    before = next((n for n in graph.nodes if n in users), None)
    if before is None:
        before = max(match.returning_nodes).next
    with graph.inserting_before(before):
        results = graph.graph_copy(new, values)
    results = (results,) if isinstance(results, Node) else tuple(results)  # pyright: ignore
    for old, result in zip(match.returning_nodes, results, strict=True):
        old.replace_all_uses_with(result)
        changed[old] = result
    for node in reversed(wanted.nodes):
        if node.op not in ("placeholder", "output"):
            graph.erase_node(match.nodes_map[node])
    kept = {id(n) for n in match.placeholder_nodes}
    added = [v for v in values.values() if id(v) not in kept]
    return ReplacedPatterns(match.anchors[0], match.nodes_map, added)


def _matches(graph: Graph, wanted: Graph, ignore_literals: bool) -> list[_Found]:
    returned: list[Node] = []
    map_arg(wanted.output_node().args, lambda n: returned.append(n) or n)
    # What nobody in the pattern reads is where matching begins.
    anchors = [n for n in returned if set(n.users) == {wanted.output_node()}] or returned
    found: list[_Found] = []
    taken: set[Node] = set()
    for node in graph.nodes:
        mapping: dict = {}
        if not _same(node, anchors[0], mapping, ignore_literals):
            continue
        if not all(
            any(_same(other, anchor, mapping, ignore_literals) for other in graph.nodes)
            for anchor in anchors[1:]
        ):
            continue
        inner = {mapping[n] for n in wanted.nodes if n.op not in ("placeholder", "output")}
        ends = {mapping[n] for n in returned}
        if any(set(n.users) - inner for n in inner - ends) or inner & taken:
            continue
        taken |= inner
        places = [mapping.get(n) for n in wanted.find_nodes(op="placeholder")]
        found.append(_Found(anchors, mapping, places, [mapping[n] for n in returned]))
    return found


def _same(value, wanted, mapping: dict, ignore_literals: bool) -> bool:
    """Whether a value of the graph fits one of the pattern; enters what stands for what."""
    if isinstance(wanted, Node):
        if wanted in mapping:
            return mapping[wanted] is value
        if wanted.op == "placeholder":
            mapping[wanted] = value
            return True
        if not isinstance(value, Node) or value.op != wanted.op or not _same_target(value, wanted):
            return False
        kept = dict(mapping)
        mapping[wanted] = value
        if _same(value.args, wanted.args, mapping, ignore_literals) and _same(
            value.kwargs, wanted.kwargs, mapping, ignore_literals
        ):
            return True
        mapping.clear()
        mapping.update(kept)
        return False
    if isinstance(value, Node):
        return False
    if isinstance(wanted, (tuple, list)):
        return (
            isinstance(value, (tuple, list))
            and len(value) == len(wanted)
            and all(_same(v, w, mapping, ignore_literals) for v, w in zip(value, wanted))
        )
    if isinstance(wanted, dict):
        return (
            isinstance(value, dict)
            and value.keys() == wanted.keys()
            and all(_same(value[k], w, mapping, ignore_literals) for k, w in wanted.items())
        )
    return ignore_literals or (type(value) is type(wanted) and value == wanted)


def _same_target(node: Node, wanted: Node) -> bool:
    if node.op not in ("call_module", "get_attr"):
        return node.target == wanted.target
    ours, theirs = node.graph.owning_module, wanted.graph.owning_module
    if ours is None or theirs is None:
        return node.target == wanted.target
    return type(_find(ours, node.target)) is type(_find(theirs, wanted.target))


def _find(module, path: str):
    for part in path.split("."):
        module = getattr(module, part, None)
    return module


def _copy_attributes(gm: GraphModule, replacement) -> None:
    from .graph_module import _assign_attr

    gm.delete_all_unused_submodules()
    if isinstance(replacement, GraphModule):
        replacement.graph.lint()
    for node in gm.graph.nodes:
        if node.op in ("call_module", "get_attr") and _find(gm, node.target) is None:
            value = _find(replacement, node.target)
            if value is None:
                raise RuntimeError(
                    f'Attempted to create a "{node.op}" node during subgraph rewriting with target '
                    f"{node.target}, but the referenced attribute does not exist in the replacement "
                    "GraphModule"
                )
            _assign_attr(value, gm, node.target)
    gm.graph.lint()
