"""Answering to `torch`: after install_as_torch(), `import torch.X` finds facula.X, the same module object.

Two things happen at import time and nowhere else. A finder at the head of sys.meta_path resolves torch
names to facula's modules; and facula's modules get their torch name before their body runs, so that classes
and functions carry PyTorch's `__module__` (what type(layer) prints, what pickle writes) at no cost per
class.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

from ._names import describe_missing, explain_in

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from types import ModuleType


__all__ = ["install_as_torch"]

REAL = __name__.partition(".")[0]
ALIAS = "torch"


def install_as_torch() -> ModuleType:
    """Make `import torch` (and every torch.X that facula has) give facula in this process; return the module.

    Calling it again changes nothing. Real PyTorch may be installed: facula then wins for this process.

    Raises:
        RuntimeError: real PyTorch is already imported, so that two libraries would answer to one name.
    """
    ours = sys.modules[REAL]
    present = sys.modules.get(ALIAS)
    if present is ours:
        return ours
    if present is not None:
        where = getattr(present, "__file__", None) or "an unknown place"
        raise RuntimeError(
            f"facula cannot answer to 'torch': another 'torch' is already imported, from {where}. Call "
            "facula.install_as_torch() before the first 'import torch', or start the program with "
            "'python -m facula program.py'."
        )
    for name, module in list(sys.modules.items()):
        if name == REAL or name.startswith(REAL + "."):
            _adopt(module, name)
    sys.meta_path.insert(0, _Finder())
    if _SPAWN in sys.modules:
        _prepare_children(sys.modules[_SPAWN])
    from .torch_version import __version__

    vars(ours)["__version__"] = __version__
    return ours


def torch_name(name: str) -> str:
    """PyTorch's name for the module `facula.x.y` that facula calls so: `torch.x.y`."""
    return ALIAS + name[len(REAL) :]


def _adopt(module: ModuleType, name: str) -> None:
    """Give a module that was loaded as facula.x its torch name, and with it what the module defined."""
    alias = torch_name(name)
    sys.modules[alias] = module
    if not isinstance(getattr(module, "__loader__", None), SourceFileLoader) or name.startswith(
        REAL + ".cli"
    ):
        return
    module.__name__ = alias
    explain_in(module)
    for value in list(vars(module).values()):
        if getattr(value, "__module__", None) == name and isinstance(value, (type, type(_adopt))):
            try:
                value.__module__ = alias
            except TypeError:
                # A C type that cannot be changed says what it has been built to say.
                pass


# --- processes that multiprocessing starts afresh ---

_SPAWN = "multiprocessing.spawn"


class _Install:
    """Unpickled in a fresh process, before the program's own module: there too facula answers to torch."""

    def __reduce__(self):
        # By its own name: in the child nothing answers to torch yet.
        _install_in_child.__module__ = f"{REAL}._alias"
        return _install_in_child, ()


def _install_in_child() -> None:
    install_as_torch()


def _prepare_children(spawn: ModuleType) -> None:
    original = spawn.get_preparation_data

    def get_preparation_data(name):
        return {"facula": _Install(), **original(name)}

    spawn.get_preparation_data = get_preparation_data


class _SpawnLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _prepare_children(module)


class _TorchNamedLoader(SourceFileLoader):
    """Runs a module of facula under its torch name; `__package__` stays, so relative imports do too."""

    def exec_module(self, module: ModuleType) -> None:
        alias = torch_name(self.name)
        # Registered first: code that looks up sys.modules[cls.__module__] while the body runs must find it.
        sys.modules[alias] = module
        try:
            if hasattr(module, "__path__"):
                # A package imports its parts by its name; under the alias each would be searched for twice.
                super().exec_module(module)
                _adopt(module, self.name)
            else:
                module.__name__ = alias
                exec(self.get_code(self.name), vars(module))  # pyright: ignore
                explain_in(module)
        except BaseException:
            sys.modules.pop(alias, None)
            raise

    def get_filename(self, name: str | None = None) -> str:
        # The inherited method refuses any name but its own; callers pass module.__name__, which is the alias.
        return self.path


class _AliasLoader:
    """Hands the import system the facula module that stands behind a torch name."""

    def __init__(self, real: str) -> None:
        self.real = real
        self.spec = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = sys.modules[self.real]
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just stamped the alias's spec on a module that has one already.
        module.__spec__ = self.spec


class _Finder:
    """Finds torch names, renames facula's modules as they load, and speaks for the distribution `torch`."""

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        if name.startswith(REAL + ".") and not name.startswith(REAL + ".cli"):
            spec = self._spec_of_others(name, path, target)
            if spec is None and name.startswith(REAL + ".distributed."):
                from .distributed._absent import spec as absent

                spec = absent(name)
            if spec is None:
                self._explain_missing(name)
            elif type(spec.loader) is SourceFileLoader:
                spec.loader = _TorchNamedLoader(spec.loader.name, spec.loader.path)
            return spec
        if name == _SPAWN:
            spec = self._spec_of_others(name, path, target)
            if spec is not None and type(spec.loader) is SourceFileLoader:
                spec.loader = _SpawnLoader(spec.loader.name, spec.loader.path)
            return spec
        if name != ALIAS and not name.startswith(ALIAS + "."):
            return None
        real = REAL + name[len(ALIAS) :]
        reload = name in sys.modules
        module = sys.modules.get(real)
        if module is None:
            try:
                __import__(real)
            except ModuleNotFoundError as error:
                if error.name == real:
                    self._explain_missing(name)
                raise
            module = sys.modules[real]
        spec = ModuleSpec(name, _AliasLoader(real), is_package=hasattr(module, "__path__"))  # pyright: ignore
        spec.origin = getattr(module, "__file__", None)
        spec.submodule_search_locations = getattr(module, "__path__", None)
        if not reload:
            # Loading has registered the alias. The import system takes the spec of what it finds there over
            # the one returned here, and would run the module a second time.
            sys.modules.pop(name, None)
        return spec

    def find_distributions(self, context=None):
        # importlib.metadata is slow to import, so its classes are only met once somebody else has imported
        # it.
        wanted = getattr(context, "name", None)
        if wanted is not None and wanted.lower() != ALIAS:
            return iter(())
        from ._alias_metadata import TorchDistribution

        return iter((TorchDistribution(),))

    def invalidate_caches(self) -> None:
        pass

    def _spec_of_others(self, name: str, path, target) -> ModuleSpec | None:
        # All other finders are asked, not only the one for paths: an editable install brings its own.
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None

    @staticmethod
    def _explain_missing(name: str) -> None:
        """Raise what `import torch.x` or `from torch import x` deserves when facula has no such thing."""
        alias = torch_name(name) if name.startswith(REAL + ".") else name
        parent, _, last = alias.rpartition(".")
        if not _within_from_import():
            raise ModuleNotFoundError(
                f"No module named '{alias}': facula does not have it", name=alias
            ) from None
        # `from torch import x` asks for a submodule x after the attribute x was not found. A
        # ModuleNotFoundError is swallowed there and replaced by a text without the hint.
        module = sys.modules[REAL + parent[len(ALIAS) :]]
        origin = getattr(module, "__file__", "unknown location")
        start = f"cannot import name '{last}' from '{parent}' ({origin})"
        raise ImportError(describe_missing(start, last, module), name=parent, path=origin) from None


def _within_from_import() -> bool:
    """Whether the import being resolved is the `x` of `from package import x`."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(("<frozen importlib", __file__)):
        if frame.f_code.co_name == "_handle_fromlist":
            return True
        frame = frame.f_back
    return False
