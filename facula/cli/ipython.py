"""IPython.display for notebooks on machines without IPython: what such cells import, shown as text.

A notebook stores `<IPython.core.display.HTML object>` as the text of an HTML output; so that is what is
shown here.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

_RICH = [
    "Audio",
    "HTML",
    "IFrame",
    "Image",
    "JSON",
    "Javascript",
    "Latex",
    "Markdown",
    "Math",
    "SVG",
    "Video",
]


class Finder:
    """The last of sys.meta_path: is asked for IPython only where none is installed."""

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        if name in ("IPython", "IPython.display"):
            return ModuleSpec(name, self, is_package=name == "IPython")  # pyright: ignore
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module) -> None:
        """Fill the module with the few names that cells use."""
        import builtins

        if module.__name__ == "IPython":
            module.get_ipython = vars(builtins)["get_ipython"]
            return
        module.display = vars(builtins)["display"]
        module.clear_output = clear_output
        for name in _RICH:
            setattr(module, name, type(name, (_Rich,), {"__module__": "IPython.core.display"}))


class _Rich:
    """Something for a browser to show, of which a terminal sees the type."""

    def __init__(self, data=None, *args, **options) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"<IPython.core.display.{type(self).__name__} object>"


def clear_output(wait: bool = False) -> None:
    """Nothing, in a terminal: what it has shown stays."""
    sys.stdout.flush()
