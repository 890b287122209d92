"""Lists and dictionaries that refuse to be written to: what the arguments of a node are kept in."""

from __future__ import annotations

from facula.utils import _pytree as pytree

__all__ = ["immutable_dict", "immutable_list"]


def _no_mutation(self, *args, **kwargs):
    raise TypeError(
        f"{type(self).__name__!r} object does not support mutation. If you are attempting to modify the "
        "kwargs or args of a torch.fx.Node object, instead create a new copy of it and assign the copy to "
        "the node: new_args = ...  # copy and mutate args; node.args = new_args"
    )


class immutable_list(list):  # noqa: N801  PyTorch's name
    """A list that cannot be changed, and so can be hashed."""

    append = clear = extend = insert = pop = remove = reverse = sort = _no_mutation
    __delitem__ = __iadd__ = __imul__ = __setitem__ = _no_mutation

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self):
        return type(self), (tuple(self),)


class immutable_dict(dict):  # noqa: N801  PyTorch's name
    """A dictionary that cannot be changed, and so can be hashed."""

    clear = pop = popitem = setdefault = update = _no_mutation
    __delitem__ = __ior__ = __setitem__ = _no_mutation

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __reduce__(self):
        return type(self), (tuple(self.items()),)


pytree.register_pytree_node(
    immutable_list, lambda x: (list(x), None), lambda values, _: immutable_list(values)
)
pytree.register_pytree_node(
    immutable_dict,
    lambda x: (list(x.values()), list(x)),
    lambda values, keys: immutable_dict(zip(keys, values)),
)
