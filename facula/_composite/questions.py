"""What dense tensors answer to questions about sparse ones, and methods under old names."""

from __future__ import annotations

from . import composite

# --- what dense tensors answer to questions about sparse ones


def _not_sparse(name: str, kind: str = "sparse coordinate"):
    def ask(self):
        if self.is_sparse:  # which has it, called by way of Tensor
            return getattr(type(self), name)(self)
        raise RuntimeError(
            f"{name} expected {kind} tensor layout but got Strided\n"
            "The tensor is dense: to_sparse() makes a sparse one."
        )

    ask.__name__ = ask.__qualname__ = name
    ask.__doc__ = "Of sparse tensors only: RuntimeError for a dense one."
    return composite("Tensor")(ask)


_not_sparse("values", "sparse")
_not_sparse("indices")
_not_sparse("is_coalesced")


@composite("Tensor")
def sparse_dim(self):
    """How many dimensions are sparse: none of a dense tensor."""
    return 0


@composite("Tensor")
def dense_dim(self):
    """How many dimensions are dense: all of a dense tensor."""
    return self.dim()


@composite("Tensor")
def resize_as_sparse_(self, the_template):
    """Of sparse tensors only: RuntimeError for a dense one."""
    raise RuntimeError(
        "resize_as_sparse_compressed_: self  expected sparse compressed tensor layout but got Strided"
    )


# --- old names


@composite("Tensor")
def resize(self, *size):
    """reshape() under its old name: a tensor of the same elements in another shape."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    count = 1
    for n in size:
        count *= n
    if count != self.numel():
        raise RuntimeError(
            f"requested resize to {'x'.join(map(str, size))} ({count} elements in total), but the given "
            f"tensor has a size of {'x'.join(map(str, self.shape))} ({self.numel()} elements). "
            "autograd's resize can only change the shape of a given tensor, while preserving the number of "
            "elements. "
        )
    return self.reshape(size)


@composite("Tensor")
def resize_as(self, tensor):
    """reshape() to the shape of another tensor."""
    return self.resize(tuple(tensor.shape))


@composite("torch", "Tensor")
def is_distributed(input):
    """False: there is one process."""
    return False
