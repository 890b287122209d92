"""Training with different numbers of batches in each process: with one, there is nobody to wait for."""

from __future__ import annotations

__all__ = ["Join", "JoinHook", "Joinable"]


class JoinHook:
    """What a process does for others once it has run out of batches."""

    def main_hook(self) -> None:
        """Called while others train."""

    def post_hook(self, is_last_joiner: bool) -> None:
        """Called at the end."""


class Joinable:
    """What can be waited for."""


class Join:
    """A context for loops of different lengths; at its end the hooks' last step runs."""

    def __init__(
        self, joinables, enable: bool = True, throw_on_early_termination: bool = False, **kwargs
    ) -> None:
        if len(joinables) == 0:
            raise ValueError("The join context manager requires at least one joinable")
        self.joinables = joinables

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error) -> None:
        pass

    @staticmethod
    def notify_join_context(joinable) -> None:
        """Does nothing."""
