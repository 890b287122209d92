"""torch.sparse: operations on sparse tensors in coordinate form."""

from types import SimpleNamespace as _Namespace

from ._composite import space
from ._sparse import INVARIANTS as _INVARIANTS


class check_sparse_tensor_invariants:
    """Whether constructors of sparse tensors check at once what else is checked at the first use.

    A context, a decorator of functions, and three static methods for the whole program.
    """

    def __init__(self, enable: bool = True) -> None:
        self.state = enable
        self.saved_state: bool | None = None

    @staticmethod
    def is_enabled() -> bool:
        """Whether they do; False at first."""
        return _INVARIANTS[0]

    @staticmethod
    def enable() -> None:
        """They check, unless a call says `check_invariants=False`."""
        _INVARIANTS[0] = True

    @staticmethod
    def disable() -> None:
        """They check only where a call says `check_invariants=True`."""
        _INVARIANTS[0] = False

    def __enter__(self) -> None:
        if self.saved_state is not None:
            raise RuntimeError(
                "This context manager instance is already activated."
                " Use a different context manager instance for context nesting."
            )
        self.saved_state = _INVARIANTS[0]
        _INVARIANTS[0] = self.state

    def __exit__(self, *error) -> None:
        if self.saved_state is not None:
            _INVARIANTS[0] = self.saved_state
        self.saved_state = None

    def __call__(self, function):
        def checked(*args, **kwargs):
            with type(self)(self.state):
                return function(*args, **kwargs)

        return checked


__getattr__, __dir__ = space(__name__, _Namespace(), globals())
