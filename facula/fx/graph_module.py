"""GraphModule: a module whose forward is written from a graph."""

from __future__ import annotations

import copy
import itertools
import linecache
import sys

import facula as torch

from ._codegen import PythonCode, _PyTreeCodeGen
from ._names import IMPORTS, is_from_torch
from .graph import Graph

__all__ = ["GraphModule", "reduce_graph_module"]

_USER_PRESERVED_ATTRIBUTES_KEY = "_user_preserved_attributes"
_HOOKS = ("_replace_hooks", "_create_node_hooks", "_erase_node_hooks", "_deepcopy_hooks")
_number = itertools.count()


def _forward_from_src(src: str, names: dict, co_fields=None):
    """The function that the text defines; tracebacks show its lines."""
    filename = f"<eval_with_key>.{next(_number)}"
    linecache.cache[filename] = (len(src), None, src.splitlines(keepends=True), filename)
    names = dict(names)
    exec(compile(src, filename, "exec", dont_inherit=True), names)
    return names.pop("forward")


class _CodeOnlyModule(torch.nn.Module):
    """The attributes of a GraphModule without its class: what it is built anew from."""

    def __init__(self, body: dict) -> None:
        super().__init__()
        self.__dict__ = body


def _copy_attr(from_module, to_module, target: str) -> None:
    """Copies what `target` names, with empty modules on the way to it."""
    *path, field = target.split(".")
    for item in path:
        source, present = getattr(from_module, item), getattr(to_module, item, None)
        if source is present:
            return  # the module that has it is there already, and it with it
        if present is None:
            present = torch.nn.Module()
            setattr(to_module, item, present)
        from_module, to_module = source, present
    _put(to_module, field, getattr(from_module, field))


def _assign_attr(value, to_module, target: str) -> None:
    """Stores a value where `target` says, with empty modules on the way to it."""
    *path, field = target.split(".")
    for item in path:
        present = getattr(to_module, item, None)
        if present is None:
            present = torch.nn.Module()
            setattr(to_module, item, present)
        to_module = present
    _put(to_module, field, value)


def _put(module, field: str, value) -> None:
    if isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter):
        module.register_buffer(field, value)
    else:
        setattr(module, field, value)


def _get_attr(model, attr_name: str):
    for part in attr_name.split("."):
        model = getattr(model, part)
    return model


class _WrappedCall:
    """Calls a GraphModule; an error in its generated lines is shown with those lines."""

    def __init__(self, cls, cls_call) -> None:
        self.cls, self.cls_call = cls, cls_call

    def __call__(self, obj, *args, **kwargs):
        try:
            if self.cls_call is not None:
                return self.cls_call(obj, *args, **kwargs)
            return super(self.cls, obj).__call__(*args, **kwargs)
        except Exception as error:
            import traceback

            last = traceback.extract_tb(error.__traceback__)[-1]
            if "eval_with_key" not in last.filename:
                raise
            lines = linecache.getlines(last.filename)
            at = last.lineno or 1
            text = [
                traceback.format_exc(),
                f"Call using an FX-traced Module, line {at} of the traced Module's generated forward "
                "function:",
                "".join(lines[max(at - 2, 0) : at]),
                "~" * len(last.line or "") + "~~~ <--- HERE",
                "\n".join(lines[at : at + 2]),
            ]
            print("\n".join(text), file=sys.stderr)
            raise error.with_traceback(None) from error.__cause__


class GraphModule(torch.nn.Module):
    """A module that runs a graph.

    Args:
        root: a module, or a dictionary of what the graph's targets name; only what the graph reads is kept.
        graph: the graph. After changes to it call `recompile()`.
        class_name: what errors and printing call it.
    """

    def __new__(cls, *args, **kwargs):
        # Each has a class of its own, since forward belongs to the class.
        base = next(c for c in cls.__mro__ if c.__qualname__.rpartition(".")[2] != "GraphModuleImpl")
        return super().__new__(type("GraphModuleImpl", (base,), {"__qualname__": _QUALNAME}))

    def __init__(self, root, graph: Graph, class_name: str = "GraphModule") -> None:
        super().__init__()
        type(self).__name__ = class_name
        targets = [node.target for node in graph.nodes if node.op in ("get_attr", "call_module")]
        if isinstance(root, torch.nn.Module):
            self.training = getattr(root, "training", True)
            if isinstance(root, _CodeOnlyModule):
                for names in (root.named_children(), root.named_buffers(), root.named_parameters()):
                    for name, _ in names:
                        _copy_attr(root, self, name)
            for target in targets:
                _copy_attr(root, self, target)
        elif isinstance(root, dict):
            for node in graph.nodes:
                if node.op in ("get_attr", "call_module") and node.target not in root:
                    raise RuntimeError(
                        f"Node {node} referenced target {node.target} but that target was not provided in "
                        "``root``!"
                    )
            for target in sorted(targets, key=lambda t: t.count(".")):
                _assign_attr(root[target], self, target)
        else:
            raise RuntimeError(f"Unsupported type {root} passed for root!")
        self.graph = graph
        tracer = graph._tracer_cls
        self._tracer_cls = tracer if tracer and "<locals>" not in tracer.__qualname__ else None
        self._tracer_extras = graph._tracer_extras or {}
        self.meta: dict = {}
        for hooks in _HOOKS:
            setattr(self, hooks, [])

    @property
    def graph(self) -> Graph:
        """The graph; assigning another writes forward anew."""
        return self._graph

    @graph.setter
    def graph(self, g: Graph) -> None:
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        self._graph = g
        g.owning_module = self
        self.recompile()

    @property
    def code(self) -> str:
        """The text of forward."""
        if "_code" not in self.__dict__:
            raise RuntimeError("Code has not been generated! Please report a bug to PyTorch")
        return self._code

    def recompile(self) -> PythonCode:
        """Writes forward anew from the graph."""
        codegen = self._graph._codegen
        if isinstance(codegen, _PyTreeCodeGen):
            self._in_spec = codegen.pytree_info.in_spec
            self._out_spec = codegen.pytree_info.out_spec
        written = self._graph.python_code(root_module="self")
        self._code = written.src
        cls = type(self)
        cls.forward = _forward_from_src(self._code, written.globals)
        if "_wrapped_call" not in vars(cls):
            cls._wrapped_call = _WrappedCall(cls, vars(cls).get("__call__"))

            def call_wrapped(self, *args, **kwargs):
                return self._wrapped_call(self, *args, **kwargs)

            cls.__call__ = call_wrapped
        return written

    # --- its modules ---

    def add_submodule(self, target: str, m) -> bool:
        """Adds a module at a path, with empty modules on the way; False where something else stands there."""
        *path, field = target.split(".")
        owner = self
        for item in path:
            child = getattr(owner, item, None)
            if child is None:
                child = torch.nn.Module()
                setattr(owner, item, child)
            if not isinstance(child, torch.nn.Module):
                return False
            owner = child
        owner.add_module(field, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Removes a module; False where there is none."""
        *path, field = target.split(".")
        owner = self
        for item in [*path, field]:
            child = getattr(owner, item, None)
            if not isinstance(child, torch.nn.Module):
                return False
            if item is field:
                break
            owner = child
        delattr(owner, field)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Removes the modules that the graph neither calls nor reads from."""
        used: set[str] = set()
        for node in self.graph.nodes:
            if node.op not in ("call_module", "get_attr"):
                continue
            used.update(itertools.accumulate(node.target.split("."), "{}.{}".format))
            if node.op == "call_module":
                try:
                    module = self.get_submodule(node.target)
                except AttributeError:
                    continue
                used.update(f"{node.target}.{name}" for name, _ in module.named_modules() if name)
        for name in [name for name, _ in self.named_modules() if name and name not in used]:
            self.delete_submodule(name)

    # --- copies, files, text ---

    def __deepcopy__(self, memo) -> GraphModule:
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        body = _CodeOnlyModule(copy.deepcopy(self.__dict__, memo))
        GraphModule.__init__(new, body, body.__dict__["_graph"], type(self).__name__)
        for name in (
            "_state_dict_hooks",
            "_load_state_dict_pre_hooks",
            "_load_state_dict_post_hooks",
            *_HOOKS,
        ):
            if name in self.__dict__:
                setattr(new, name, copy.deepcopy(self.__dict__[name], memo))
        new.meta = copy.deepcopy(self.meta, memo)
        for name, value in new.meta.get(_USER_PRESERVED_ATTRIBUTES_KEY, {}).items():
            setattr(new, name, value)
        for hook in self._deepcopy_hooks:
            hook(new)
        return new

    def __copy__(self) -> GraphModule:
        new = GraphModule(self, self.graph)
        new.meta = getattr(self, "meta", {})
        return new

    def __reduce__(self):
        body = self.__dict__.copy()
        body["_graphmodule_cls_name"] = type(self).__name__
        written = self._graph.python_code(root_module="self")
        del body["_graph"]
        imports = sorted({_import_of(name, obj) for name, obj in written.globals.items()})
        return reduce_graph_module, (body, "\n".join(imports))

    def print_readable(self, print_output: bool = True, **_) -> str:
        """The text of this module and of the graph modules in it; printed unless told otherwise."""
        text = f"class {self._get_name()}(torch.nn.Module):\n" + _indented(self._code.lstrip("\n"))
        for child in self.children():
            if isinstance(child, GraphModule):
                text += "\n" + _indented(child.print_readable(print_output=False))
        if print_output:
            print(text)
        return text

    def __str__(self) -> str:
        reminder = "# To see more debug info, please use `graph_module.print_readable()`"
        return "\n".join([super().__repr__(), self._code, reminder])

    def to_folder(self, folder, module_name: str = "FxModule") -> None:
        """Writes the module as a Python package: module.py and a file of its state."""
        from pathlib import Path

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self.state_dict(), folder / "state_dict.pt")
        lines = []
        for name, module in self.named_children():
            torch.save(module, folder / f"{name}.pt")
            lines.append(
                f"        self.{name} = torch.load(r'{folder / name}.pt', weights_only=False) # {module!r}"
            )
        for name, buffer in self._buffers.items():
            if buffer is not None:
                lines.append(
                    f"        self.register_buffer('{name}', torch.empty({list(buffer.shape)}, "
                    f"dtype={buffer.dtype}))"
                )
        for name, p in self._parameters.items():
            if p is not None:
                lines.append(
                    f"        self.{name} = torch.nn.Parameter(torch.empty({list(p.shape)}, dtype={p.dtype}))"
                )
        body = "\n".join(lines)
        text = (
            f"import torch\nfrom torch.nn import *\n\n\nclass {module_name}(torch.nn.Module):\n"
            f"    def __init__(self):\n        super().__init__()\n{body}\n"
            f"        self.load_state_dict(torch.load(r'{folder}/state_dict.pt'))\n\n"
            f"{_indented(self._code)}\n"
        )
        (folder / "module.py").write_text(text)
        (folder / "__init__.py").write_text("from .module import *\n")

    def _register_replace_node_hook(self, f) -> None:
        self._replace_hooks.append(f)

    def _unregister_replace_node_hook(self, f) -> None:
        self._replace_hooks.remove(f)

    def _register_create_node_hook(self, f) -> None:
        self._create_node_hooks.append(f)

    def _unregister_create_node_hook(self, f) -> None:
        self._create_node_hooks.remove(f)

    def _register_erase_node_hook(self, f) -> None:
        self._erase_node_hooks.append(f)

    def _unregister_erase_node_hook(self, f) -> None:
        self._erase_node_hooks.remove(f)


_QUALNAME = "GraphModule.__new__.<locals>.GraphModuleImpl"


def _indented(text: str) -> str:
    return "\n".join("    " + line if line else line for line in text.split("\n"))


def _import_of(name: str, obj) -> str:
    if name in IMPORTS:
        return IMPORTS[name]
    if is_from_torch(obj):
        return "import torch"
    return f"from {obj.__module__} import {obj.__qualname__} as {name}"


def reduce_graph_module(body: dict, import_block: str):
    """A GraphModule from its attributes and text: the text is traced again."""
    forward = _forward_from_src(f"{import_block}\n{body.get('_code') or body['code']}", {})
    return _deserialize_graph_module(forward, body)


def _deserialize_graph_module(forward, body: dict, graph_module_cls=None):
    from ._symbolic_trace import Tracer

    _CodeOnlyModule.forward = forward
    kind = body.get("_tracer_cls") or Tracer

    class KeepModules(kind):
        def is_leaf_module(self, m, module_qualified_name) -> bool:
            return True  # what was looked into is in the text already

    module = _CodeOnlyModule(body)
    graph = KeepModules().trace(module, **body.get("_tracer_extras", {}))
    graph._tracer_cls = kind
    made = GraphModule(module, graph, body.get("_graphmodule_cls_name", "GraphModule"))
    for name, value in body.items():
        if not hasattr(made, name):
            setattr(made, name, value)
    return made
