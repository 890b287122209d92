"""What the tests of torch.nn share."""

from __future__ import annotations

from side_by_side import Error

EPS = 3e-7  # of float32 results that go through other functions


def mlp(t):
    """A small network of either library."""
    return t.nn.Sequential(t.nn.Linear(3, 4), t.nn.ReLU(), t.nn.Linear(4, 2))


def try_(action):
    """The value of an action, or its error: several in one check."""
    try:
        return action()
    except Exception as error:
        return Error((type(error).__name__, str(error)))
