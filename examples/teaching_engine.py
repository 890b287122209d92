"""A whole reverse-mode engine in one file, to be read from top to bottom. docs/autograd.md explains it.

It has what facula's engine has, under the same names, and none of its speed: tensors with broadcasting,
operations that state their forward and their derivative, nodes, a backward pass without recursion,
derivatives of derivatives, hooks, writes in place that are noticed, and forward mode. Run it to see the
derivatives of the loss that the other examples use.
"""

from __future__ import annotations

import heapq
import itertools
import math
import operator

# --- values ---


def flatten(nested) -> tuple[tuple[int, ...], list[float]]:
    """The shape of nested lists, and their numbers in one list."""
    if not isinstance(nested, (list, tuple)):
        return (), [float(nested)]
    parts = [flatten(each) for each in nested]
    if any(shape != parts[0][0] for shape, _ in parts):
        raise ValueError("the lists are not equally long")
    return (len(nested), *(parts[0][0] if parts else ())), [x for _, flat in parts for x in flat]


def broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape of two: counted from the right, sizes are equal or one of them is 1."""
    sizes = itertools.zip_longest(reversed(a), reversed(b), fillvalue=1)
    together = [y if x == 1 else x for x, y in sizes if x == y or 1 in (x, y)]
    if len(together) < max(len(a), len(b)):
        raise ValueError(f"shapes {a} and {b} cannot be broadcast together")
    return tuple(reversed(together))


def positions(shape: tuple[int, ...], whole: tuple[int, ...]) -> list[int]:
    """For each element of an array of shape `whole`: where it is found in one of `shape`."""
    found, step, strides = [0], 1, []
    for n in reversed(shape):
        strides.append(0 if n == 1 else step)  # a dimension of one element is read again and again
        step *= n
    strides += [0] * (len(whole) - len(shape))
    for n, stride in zip(whole, reversed(strides), strict=True):
        found = [at + i * stride for at in found for i in range(n)]
    return found


# --- tensors ---


class Tensor:
    """Numbers in a row and their shape; with `node`, how they came to be."""

    def __init__(self, data: list[float], shape: tuple[int, ...], node: Node | None = None) -> None:
        self.data, self.shape, self.node = data, shape, node
        self.requires_grad = node is not None
        self.grad: Tensor | None = None
        self.version = 0  # counts writes in place
        self.hooks = []

    def register_hook(self, hook) -> None:
        """`hook(gradient)` is called in backward; what it returns, if anything, goes on in its place."""
        (self.node.hooks if self.node else self.hooks).append(hook)

    def add_(self, number: float) -> Tensor:
        """Adds in place. The derivative of what was computed from the old values is lost."""
        if self.requires_grad and self.node is None and recording:
            raise RuntimeError("a leaf that requires grad must not be written to in place")
        self.data[:] = [x + number for x in self.data]
        self.version += 1
        return self

    def tolist(self):
        """Nested lists again."""
        flat = list(self.data)
        for n in reversed(self.shape[1:]):
            flat = [flat[i : i + n] for i in range(0, len(flat), n)]
        return flat if self.shape else flat[0]

    def __add__(self, other):
        return Add()(self, other)

    def __mul__(self, other):
        return Mul()(self, other)

    def __neg__(self):
        return Mul()(self, -1.0)

    def __sub__(self, other):
        return Add()(self, -tensor(other))

    def __matmul__(self, other):
        return MatMul()(self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return tensor(other) - self

    @property
    def T(self):
        return Transpose()(self)

    def sum(self):
        return SumTo(())(self)

    def exp(self):
        return Exp()(self)

    def sin(self):
        return Sin()(self)

    def cos(self):
        return Sin()(self + math.pi / 2)

    def reciprocal(self):
        return Reciprocal()(self)


def tensor(value, requires_grad: bool = False) -> Tensor:
    """A leaf from a number or from nested lists; a tensor is returned as it is."""
    if isinstance(value, Tensor):
        return value
    shape, data = flatten(value)
    made = Tensor(data, shape)
    made.requires_grad = requires_grad
    return made


# --- recording ---

recording = True
numbers = itertools.count()


class Node:
    """One operation that was carried out: enough to find the gradients of its inputs later."""

    def __init__(self, operation: Operation, inputs: list[Tensor], output: Tensor) -> None:
        self.operation, self.inputs, self.number = operation, inputs, next(numbers)
        self.versions = [x.version for x in inputs]
        self.result = output.data, output.shape  # not the tensor itself: it owns this node
        self.hooks = []

    def backward(self, g: Tensor) -> list[Tensor]:
        if [x.version for x in self.inputs] != self.versions:
            name = type(self.operation).__name__
            raise RuntimeError(f"an input of {name} was written to in place after it was kept")
        output = Tensor(*self.result, node=self)
        return self.operation.backward(g, output, *self.inputs)


class Operation:
    """What every operation shares: it computes, and leaves a node behind where a gradient is wanted."""

    def __call__(self, *inputs) -> Tensor:
        tensors = [tensor(x) for x in inputs]
        output = self.forward(*tensors)
        if recording and any(x.requires_grad for x in tensors):
            output.node, output.requires_grad = Node(self, tensors, output), True
        return output


# --- operations: forward in numbers, backward in operations ---


class Pointwise(Operation):
    """An operation on elements, which broadcasts. Subclasses state f and the gradients of its inputs."""

    def forward(self, *inputs):
        shape = ()
        for x in inputs:
            shape = broadcast(shape, x.shape)
        columns = [[x.data[i] for i in positions(x.shape, shape)] for x in inputs]
        return Tensor([self.f(*row) for row in zip(*columns, strict=True)], shape)

    def backward(self, g, output, *inputs):
        return [SumTo(x.shape)(d) for d, x in zip(self.gradients(g, output, *inputs), inputs, strict=True)]


class Add(Pointwise):
    def f(self, x, y):
        return x + y

    def gradients(self, g, output, x, y):
        return [g, g]


class Mul(Pointwise):
    def f(self, x, y):
        return x * y

    def gradients(self, g, output, x, y):
        return [g * y, g * x]


class Exp(Pointwise):
    def f(self, x):
        return math.exp(x)

    def gradients(self, g, output, x):
        return [g * output]


class Sin(Pointwise):
    def f(self, x):
        return math.sin(x)

    def gradients(self, g, output, x):
        return [g * x.cos()]


class Reciprocal(Pointwise):
    def f(self, x):
        return 1 / x

    def gradients(self, g, output, x):
        return [-g * output * output]


class SumTo(Operation):
    """Adds up what broadcasting had repeated; its derivative repeats it again."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        data = [0.0] * math.prod(self.shape)
        for value, at in zip(x.data, positions(self.shape, x.shape), strict=True):
            data[at] += value
        return Tensor(data, self.shape)

    def backward(self, g, output, x):
        return [ExpandTo(x.shape)(g)]


class ExpandTo(Operation):
    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        return Tensor([x.data[i] for i in positions(x.shape, self.shape)], self.shape)

    def backward(self, g, output, x):
        return [SumTo(x.shape)(g)]


class Transpose(Operation):
    def forward(self, x):
        n, m = x.shape
        return Tensor([x.data[i * m + j] for j in range(m) for i in range(n)], (m, n))

    def backward(self, g, output, x):
        return [g.T]


class MatMul(Operation):
    def forward(self, x, y):
        (n, k), (_, m) = x.shape, y.shape
        rows = [x.data[i * k : i * k + k] for i in range(n)]
        columns = [y.data[j::m] for j in range(m)]
        return Tensor([sum(map(operator.mul, r, c)) for r in rows for c in columns], (n, m))

    def backward(self, g, output, x, y):
        return [g @ y.T, x.T @ g]


# --- backward ---


def run(output: Tensor, g: Tensor, create_graph: bool) -> dict[int, tuple[Tensor, Tensor]]:
    """Sends `g` back from `output`; returns (leaf, gradient) by the leaf's id."""
    global recording
    before, recording = recording, create_graph
    pending: dict[Node, Tensor] = {}  # gradients collected so far
    heap, leaves = [], {}

    def send(x: Tensor, g: Tensor) -> None:
        if x.node is None:
            leaves[id(x)] = (x, leaves[id(x)][1] + g if id(x) in leaves else g)
        elif x.node in pending:
            pending[x.node] = pending[x.node] + g
        else:
            pending[x.node] = g
            heapq.heappush(heap, (-x.node.number, x.node))

    try:
        send(output, g)
        while heap:  # the newest node: all that used its output are newer, so they have run
            _, node = heapq.heappop(heap)
            g = called(node.hooks, pending.pop(node))
            for x, d in zip(node.inputs, node.backward(g), strict=True):
                if x.requires_grad:
                    send(x, d)
        return {key: (x, called(x.hooks, g)) for key, (x, g) in leaves.items()}
    finally:
        recording = before


def called(hooks: list, g: Tensor) -> Tensor:
    for hook in hooks:
        replaced = hook(g)
        g = g if replaced is None else replaced
    return g


def backward(output: Tensor, create_graph: bool = False) -> None:
    """Adds the gradients of a scalar to the .grad of the leaves it was made from."""
    for leaf, g in run(output, tensor(1.0), create_graph).values():
        leaf.grad = g if leaf.grad is None else leaf.grad + g


def grad(output: Tensor, inputs: list[Tensor], create_graph: bool = False) -> list[Tensor]:
    """The gradients of a scalar with respect to leaves."""
    found = run(output, tensor(1.0), create_graph)
    return [found[id(x)][1] if id(x) in found else tensor(0.0) * x for x in inputs]


# --- forward mode ---


def jvp(f, x: Tensor, v: Tensor) -> Tensor:
    """The derivative of f at x in the direction v, out of backward alone: the gradient, as a function of what
    is sent back, is linear, and its own transpose is the derivative forwards."""
    u = tensor(Tensor([0.0] * math.prod(f(x).shape), f(x).shape).tolist(), requires_grad=True)
    x = tensor(x.tolist(), requires_grad=True)
    back = (f(x) * u).sum()
    (g,) = grad(back, [x], create_graph=True)
    return grad((g * v).sum(), [u])[0]


def main() -> None:
    w, b = tensor(1.0, requires_grad=True), tensor(0.5, requires_grad=True)
    x, y = tensor([1.4]), tensor([2.1])
    d = y - (w * x + b)
    loss = (d * d).sum()
    backward(loss)
    print(f"loss = {loss.tolist():.4f}   dL/dw = {w.grad.tolist():.4f}   dL/db = {b.grad.tolist():.4f}")
    v = tensor(2.0, requires_grad=True)
    (first,) = grad(v * v * v, [v], create_graph=True)
    (second,) = grad(first, [v])
    print(f"v³ at 2: first derivative {first.tolist():g}, second {second.tolist():g}")


if __name__ == "__main__":
    main()
