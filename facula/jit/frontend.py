"""Errors that compiling scripts would raise; nothing is compiled."""

from __future__ import annotations

__all__ = ["FrontendError", "NotSupportedError"]


class FrontendError(Exception):
    """A program that a script cannot be made of."""


class NotSupportedError(FrontendError):
    """Something that scripts do not know."""
