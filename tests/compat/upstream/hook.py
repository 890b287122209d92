"""The import hook: `torch.testing._internal` is this package, and what it does not have is a blank."""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import os
import sys
import types
import unittest

ROOT = "torch.testing._internal"
# What decorators ask for: that it is not there must not keep a file from being read.
AT_DEFINITION = {
    "torch.profiler": ("itt",),
    "torch": ("quint8", "qint8", "qint32", "quint4x2", "quint2x4", "_nnpack_available", "_mkldnn"),
    "torch._C": ("_ConvBackend",),
    "torch._subclasses": ("CrossRefFakeMode",),
}
OPTIONAL = ("scipy", "librosa", "opt_einsum")
running = False  # while a test runs, a blank that is called skips it: it must not pass for nothing


class Blank:
    """Stands for any name: a decorator that does nothing, a false condition, an empty sequence, a context."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *args, **kwargs):
        if len(args) == 1 and not kwargs and isinstance(args[0], (types.FunctionType, type)):
            return args[0]
        if running:
            raise unittest.SkipTest(f"needs {self.__name__}")
        return self

    def __getattr__(self, name: str) -> Blank:
        if name.startswith("__"):
            raise AttributeError(name)
        return Blank(f"{self.__name__}.{name}")

    def __bool__(self) -> bool:
        return False

    def __iter__(self):
        return iter(())

    def __enter__(self) -> Blank:
        return self

    def __exit__(self, *error) -> bool:
        return False

    def __mro_entries__(self, bases) -> tuple:
        return (BlankBase,)

    def _other(self, other):  # lists of operators are put together with + and |
        return other

    __add__ = __radd__ = __or__ = __ror__ = _other

    def _never(self, other) -> bool:  # a version is compared
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _never


class BlankBase:
    """What a class derives from in the place of a blank."""

    def __init__(self, *args, **kwargs) -> None:
        pass

    def __init_subclass__(cls, **kwargs) -> None:
        pass

    def __getattr__(self, name: str) -> Blank:
        if name.startswith("__"):
            raise AttributeError(name)
        return Blank(name)


def skips(reason: str):
    """A decorator that skips, written with arguments or without."""

    def decorator(*args, **kwargs):
        if len(args) == 1 and not kwargs and isinstance(args[0], (types.FunctionType, type)):
            return unittest.skip(reason)(args[0])
        return unittest.skip(reason)

    return decorator


def stand_in(name: str) -> object:
    """For a name of PyTorch's harness that this package does not define."""
    if name.startswith(("IS_", "TEST_", "SM", "HAS_", "has_", "RUN_", "CDNA")):
        return Blank(name) if name.startswith("has_") else False
    if name.startswith("only"):
        return skips(name)
    return Blank(name)


def exported() -> dict[str, object]:
    """What the modules of the harness offer: each offers everything, as the test files import across them."""
    from tests.compat.upstream import dtypes, helpers, networks, testcase, variants

    found: dict[str, object] = {}
    for module in (dtypes, helpers, networks, testcase, variants):
        found.update((n, v) for n, v in vars(module).items() if not n.startswith("__"))
    return found | helpers.NAMES


class Harness(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name == ROOT or name.startswith(ROOT + "."):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module) -> None:
        if module.__name__ == ROOT:
            return
        known = exported()

        def lookup(name: str):
            if name.startswith("__"):
                raise AttributeError(name)
            return known[name] if name in known else stand_in(name)

        module.__getattr__ = lookup


class _LenientImports(ast.NodeTransformer):
    """Makes assignments of imports at the top of a file: `from x import a` is `a = _imported("x", "a")`.

    One name that is missing would otherwise keep the whole file from running.
    """

    def visit_FunctionDef(self, node):
        return node  # an import within a test concerns that test only

    visit_ClassDef = visit_FunctionDef

    def visit_Import(self, node):
        return [
            self._assign(node, each.asname or each.name.split(".")[0], each.name, None, each.asname is None)
            for each in node.names
        ]

    def visit_ImportFrom(self, node):
        if node.level or node.module == "__future__":
            return node
        return [
            self._assign(node, each.asname or each.name, node.module, each.name, False) for each in node.names
        ]

    @staticmethod
    def _assign(node, target: str, module: str, name: str | None, outermost: bool):
        arguments = [ast.Constant(module), ast.Constant(name), ast.Constant(outermost)]
        call = ast.Call(ast.Name("_imported", ast.Load()), arguments, [])
        return ast.fix_missing_locations(
            ast.copy_location(ast.Assign([ast.Name(target, ast.Store())], call), node)
        )


def load(path: str) -> tuple[types.ModuleType, list[str]]:
    """The module of a test file, and what it imports that is not there."""
    from tests.compat.upstream import transforms

    lacking: list[str] = []

    def imported(module: str, name: str | None, outermost: bool):
        if module == "common_utils" and name in transforms.OF_DATABASE:
            return Blank(name)
        try:
            found = importlib.import_module(module)
            if name is None:
                return sys.modules[module.split(".")[0]] if outermost else found
            if not hasattr(found, name):
                importlib.import_module(f"{module}.{name}")
            return getattr(found, name)
        except (ImportError, AttributeError) as error:
            lacking.append(module if name is None else f"{module}.{name}")
            if module.split(".")[0] in OPTIONAL and isinstance(error, ImportError):
                raise  # the files know what to do without it
            return sys.modules.get(module.split(".")[0]) if outermost else Blank(name or module)

    for owner, names in AT_DEFINITION.items():
        for name in names:
            if not hasattr(importlib.import_module(owner), name):
                setattr(sys.modules[owner], name, Blank(name))
    transforms.install(Blank)
    with open(path, encoding="utf-8") as file:
        tree = _LenientImports().visit(ast.parse(file.read(), path))
    module = types.ModuleType("upstream_test")
    module.__file__ = path
    module.__dict__["_imported"] = imported
    sys.modules[module.__name__] = module
    sys.modules[os.path.splitext(os.path.basename(path))[0]] = module  # some import themselves
    exec(compile(tree, path, "exec"), module.__dict__)
    return module, lacking
