"""torch.fx: programs traced into graphs that other programs read and change.

`symbolic_trace` runs a module once on proxies; `Graph` holds its steps; `GraphModule` runs a graph as Python
text that it writes; `Interpreter` runs one node by node. Names, text and printing are PyTorch's, so that
passes written for it work. (Reed et al., torch.fx: Practical Program Capture and Transformation, 2022.)
"""

from ._symbolic_trace import PH as PH
from ._symbolic_trace import ProxyableClassMeta as ProxyableClassMeta
from ._symbolic_trace import Tracer, symbolic_trace, wrap
from .graph import CodeGen as CodeGen
from .graph import Graph
from .graph_module import GraphModule
from .interpreter import Interpreter, Transformer
from .node import Node, has_side_effect, map_arg
from .proxy import Proxy
from .subgraph_rewriter import replace_pattern

__all__ = [
    "Graph",
    "GraphModule",
    "Interpreter",
    "Node",
    "Proxy",
    "Tracer",
    "Transformer",
    "has_side_effect",
    "map_arg",
    "replace_pattern",
    "symbolic_trace",
    "wrap",
]
