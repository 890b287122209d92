"""Errors for names that facula does not have: they begin as PyTorch's and name the nearest it has.

They are NotImplementedErrors too, which is what a call of a missing function is expected to raise.
hasattr() raises and drops such errors in loops, so the search for the nearest name waits until somebody
reads the text.
"""

from __future__ import annotations

import builtins

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["describe_missing", "explain_in", "missing", "missing_attribute"]


def missing(module_name: str, name: str, candidates: object) -> AttributeError:
    """The AttributeError for `torch.name`: a module's `__getattr__` raises what this returns.

    Args:
        module_name: the module as the user knows it ("torch", "torch.nn"); a name of facula's own is
            translated.
        name: the attribute that was asked for.
        candidates: the names there are: a list, tuple, set or dict of str, a module or other object (its
            dir() counts), or a function that returns one of these.
    """
    if module_name == "facula" or module_name.startswith("facula."):
        module_name = "torch" + module_name[len("facula") :]
    return _MissingAttribute(f"module '{module_name}' has no attribute '{name}'", name, candidates)


def missing_attribute(owner: object, name: str, candidates: object = None) -> AttributeError:
    """The AttributeError for an attribute of an object (or, given a class, of the class); see missing()."""
    if isinstance(owner, type):
        start = f"type object '{owner.__name__}' has no attribute '{name}'"
    else:
        start = f"'{type(owner).__name__}' object has no attribute '{name}'"
    return _MissingAttribute(start, name, (lambda: dir(owner)) if candidates is None else candidates)


def explain_in(module: ModuleType) -> None:
    """Let a module that has no `__getattr__` answer for its missing names with missing()."""

    def __getattr__(name: str):
        raise missing(module.__name__, name, module)

    vars(module).setdefault("__getattr__", __getattr__)


def describe_missing(start: str, name: str, candidates: object) -> str:
    """`start`, then that facula lacks `name`, then the nearest of the candidates."""
    text = f"{start}: facula does not have it"
    try:
        found = nearest(name, candidates)
    except Exception:
        # The text of an error must never be the source of another.
        return text
    return f"{text}; the nearest name it has is '{found}'" if found else text


def nearest(name: str, candidates: object) -> str | None:
    """The candidate most like `name`, or None where none is like it."""
    from difflib import get_close_matches

    if isinstance(candidates, type(nearest)):
        candidates = candidates()  # pyright: ignore
    if not isinstance(candidates, (list, tuple, set, frozenset, dict)):
        candidates = dir(candidates)
    names = {each for each in candidates if isinstance(each, str) and each != name}  # announced, not there
    if not name.startswith("_"):
        names = {each for each in names if not each.startswith("_")}
    spellings = {}
    for each in sorted(names):
        spellings.setdefault(each.lower(), []).append(each)
    matches = get_close_matches(name.lower(), spellings, n=1, cutoff=0.6)
    if not matches:
        return None
    # Of tensor and Tensor the one whose letters are as the user wrote them.
    return min(spellings[matches[0]], key=lambda each: sum(a != b for a, b in zip(each, name, strict=False)))


class _MissingAttribute(AttributeError, NotImplementedError):
    """An AttributeError, for hasattr() and getattr() with a default; a NotImplementedError, for programs that
    guard a call of what may be missing."""

    def __init__(self, start: str, name: str, candidates: object) -> None:
        # `name` without `obj`: given both, the interpreter would add a suggestion of its own to ours.
        super().__init__(start, name=name)
        self._candidates = candidates

    def __str__(self) -> str:
        return describe_missing(self.args[0], self.name or "", self._candidates)

    def __repr__(self) -> str:
        return f"AttributeError({str(self)!r})"

    def __reduce__(self):
        return builtins.AttributeError, (str(self),)


# Tracebacks name an exception by these two; what the user meets is an AttributeError.
_MissingAttribute.__module__ = "builtins"
_MissingAttribute.__name__ = _MissingAttribute.__qualname__ = "AttributeError"
