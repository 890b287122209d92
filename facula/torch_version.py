"""TorchVersion: a version string that also orders against tuples and packaging's Version objects.

Programs write torch.__version__ >= "1.10" and torch.__version__ >= (1, 10); as plain strings "1.10" < "1.9".
"""

from __future__ import annotations

from .version import __version__ as _answered_version

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from typing import Any

__all__ = ["TorchVersion", "__version__"]


def _key(version: str) -> tuple | None:
    """The sort key of a version as PEP 440 orders it, or None where the text is no version."""
    import re

    match = re.fullmatch(
        r"\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)"
        r"(?:[-_.]?(alpha|beta|preview|pre|rc|a|b|c)[-_.]?(\d*))?"
        r"(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?"
        r"(?:[-_.]?(dev)[-_.]?(\d*))?"
        r"(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*",
        version.lower(),
    )
    if match is None:
        return None
    epoch, release, pre, pre_number, implicit_post, post, post_number, dev, dev_number, local = match.groups()
    numbers = [int(part) for part in release.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    has_post = implicit_post is not None or post is not None
    # Within one release: dev < a < b < rc < final < post. A dev of a pre- or post-release comes just before
    # it.
    if pre:
        stage = ({"a": 0, "alpha": 0, "b": 1, "beta": 1}.get(pre, 2), int(pre_number or 0))
    else:
        stage = (-1, 0) if dev and not has_post else (3, 0)
    post_key = int(implicit_post or post_number or 0) if has_post else -1
    dev_key = int(dev_number or 0) if dev else float("inf")
    # A local label orders after its absence; its numbers after its words.
    parts = () if local is None else tuple(re.split("[-_.]", local))
    local_key = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)
    return (int(epoch or 0), tuple(numbers), stage, post_key, dev_key, local_key)


class TorchVersion(str):
    """A str that compares as a version with strings, tuples of numbers and packaging.version.Version."""

    __slots__ = ()

    def _keys(self, other) -> Any:
        if isinstance(other, str):
            text = str(other)
        elif hasattr(other, "release") and hasattr(other, "epoch"):
            text = str(other)
        else:
            try:
                text = ".".join(str(part) for part in other)
            except TypeError:
                return None
        mine, theirs = _key(str(self)), _key(text)
        if mine is None or theirs is None:
            # Not versions: ordered as the strings they are.
            return str(self), text
        return mine, theirs

    def __eq__(self, other: Any) -> bool:
        keys = self._keys(other)
        return NotImplemented if keys is None else keys[0] == keys[1]

    def __ne__(self, other: Any) -> bool:
        keys = self._keys(other)
        return NotImplemented if keys is None else keys[0] != keys[1]

    def __lt__(self, other: Any) -> bool:
        keys = self._keys(other)
        return NotImplemented if keys is None else keys[0] < keys[1]

    def __le__(self, other: Any) -> bool:
        keys = self._keys(other)
        return NotImplemented if keys is None else keys[0] <= keys[1]

    def __gt__(self, other: Any) -> bool:
        keys = self._keys(other)
        return NotImplemented if keys is None else keys[0] > keys[1]

    def __ge__(self, other: Any) -> bool:
        keys = self._keys(other)
        return NotImplemented if keys is None else keys[0] >= keys[1]

    __hash__ = str.__hash__


__version__ = TorchVersion(_answered_version)
