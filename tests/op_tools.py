"""How the rows of op_samples.py become tensors and calls, in facula or in any library that looks like it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
INTS = ("uint8", "int8", "int16", "int32", "int64")

FUNCTION, METHOD, IN_PLACE, OUT, NN, IN_PLACE_NN, SPECIAL, PRIVATE, LINALG = (1 << k for k in range(9))

# Relative tolerance between two good implementations.
TOLERANCE = {
    "float16": 2e-3,
    "bfloat16": 1.6e-2,
    "float32": 4e-6,
    "complex64": 1e-5,
    "float64": 1e-12,
    "complex128": 1e-12,
}


class Spec:
    """A tensor to be: values follow from `shape`, the interval and the position among the arguments."""

    def __init__(self, *shape: int, lo: float = -1.9, hi: float = 1.9, dtype: str | None = None) -> None:
        self.shape, self.lo, self.hi, self.dtype = shape, lo, hi, dtype

    def values(self, dtype: str, seed: int, domain: tuple[float, float] | None = None) -> list[Any]:
        n = math.prod(self.shape)
        lo, hi = domain if domain and (self.lo, self.hi) == (-1.9, 1.9) else (self.lo, self.hi)
        if dtype == "bool":
            return [(k * 5 + seed) % 3 != 0 for k in range(n)]
        spread = [((k + 1) * (0.6180339887498949 + 0.1477 * seed) + seed * 0.3871) % 1.0 for k in range(n)]
        if dtype in INTS:
            # Small, of both signs where there are signs, and no zero among divisors.
            whole = [(k * 7 + 3 * seed + 3) % 11 - 5 for k in range(n)]
            if (self.lo, self.hi) != (-1.9, 1.9):
                whole = [int(lo + (hi - lo) * s) for s in spread]
            if seed:
                whole = [w or 3 for w in whole]
            return [abs(w) for w in whole] if dtype == "uint8" else whole
        real = [lo + (hi - lo) * s for s in spread]
        if dtype in COMPLEX:
            return [complex(r, 1.3 * math.sin(2.1 * k + seed) + 0.01) for k, r in enumerate(real)]
        return real

    def build(self, lib: Any, dtype: str, seed: int, domain: Any = None) -> Any:
        dtype = self.dtype or dtype
        values = self.values(dtype, seed, domain)
        return lib.tensor(values, dtype=getattr(lib, dtype)).reshape(self.shape).clone()

    def reshaped(self, *shape: int) -> Spec:
        return Spec(*shape, lo=self.lo, hi=self.hi, dtype=self.dtype)

    def __repr__(self) -> str:
        return f"T{self.shape}"


class Index(Spec):
    """Integers from 0 to n - 1."""

    def __init__(self, *shape: int, n: int, dtype: str = "int64") -> None:
        super().__init__(*shape, dtype=dtype)
        self.n = n

    def values(self, dtype: str, seed: int, domain: Any = None) -> list[Any]:
        return [(k * 5 + 1 + k // self.n) % self.n for k in range(math.prod(self.shape))]

    def reshaped(self, *shape: int) -> Spec:
        return Index(*shape, n=self.n, dtype=self.dtype or "int64")


class Literal(Spec):
    """The given numbers, in the sample's dtype or in their own."""

    def __init__(self, data: Any, dtype: str | None = None) -> None:
        self.data = data
        shape = []
        while isinstance(data, list):
            shape.append(len(data))
            data = data[0] if data else None
        super().__init__(*shape, dtype=dtype)

    def build(self, lib: Any, dtype: str, seed: int, domain: Any = None) -> Any:
        return lib.tensor(self.data, dtype=getattr(lib, self.dtype or dtype))

    def reshaped(self, *shape: int) -> Spec:
        return Spec(*shape, dtype=self.dtype)


class Name(NamedTuple):
    """An attribute of the library as an argument: Name("float64")."""

    name: str


class Sample:
    """One call. `only`: scope bits of the forms that take it; `grad`: differentiable here; `data`: see Op."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.only = kwargs.pop("only_", 0x1FF)
        self.grad = kwargs.pop("grad_", True)
        self.data = kwargs.pop("data_", False)
        self.args, self.kwargs = args, kwargs

    def __repr__(self) -> str:
        shown = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        return f"({', '.join(shown)})"

    def build(self, lib: Any, dtype: str, domain: Any = None) -> tuple[list[Any], dict[str, Any]]:
        count = [0]

        def make(a: Any) -> Any:
            if isinstance(a, Spec):
                count[0] += 1
                return a.build(lib, dtype, count[0] - 1, domain)
            if isinstance(a, Name):
                return getattr(lib, a.name)
            if isinstance(a, (list, tuple)):
                return type(a)(make(x) for x in a)
            return a

        return [make(a) for a in self.args], {k: make(v) for k, v in self.kwargs.items()}

    def mapped(self, f: Any) -> Sample:
        """The same call with f(position, spec) in place of each spec."""
        count = [0]

        def change(a: Any) -> Any:
            if isinstance(a, Spec):
                count[0] += 1
                return f(count[0] - 1, a)
            return type(a)(change(x) for x in a) if type(a) in (list, tuple) else a

        new = Sample(*map(change, self.args), only_=self.only, grad_=self.grad, data_=self.data)
        new.kwargs = {k: change(v) for k, v in self.kwargs.items()}
        return new


class Op:
    """A row: the samples and what is special about the operation.

    dtypes: those that every sample runs in. grad, second: has a first and a second derivative. data: the
    shape of the result depends on values, so that there is no answer on meta tensors. forms: scope bits,
    filled from the entries. big: a call long enough for several threads. domain: where the numbers come from.
    """

    def __init__(
        self,
        *samples: Sample,
        dtypes: tuple[str, ...] | list[str] = tuple(DTYPES),
        grad: bool = True,
        second: bool = True,
        data: bool = False,
        forms: int = 0,
        big: Sample | None = None,
        domain: tuple[float, float] | None = None,
    ) -> None:
        self.samples, self.dtypes, self.grad, self.second = list(samples), tuple(dtypes), grad, second
        self.data, self.forms, self.big, self.domain = data, forms, big, domain
        self.pointwise = self.default = False
        self.aliases: tuple[str, ...] = ()
        self.spaces: tuple[str, ...] = ()  # beside those that have a bit: "fft", "masked" ...
        self.name = ""

    @property
    def attribute(self) -> str:
        """The name within a space: rows of two operations of one name are told apart as "fft.name"."""
        return self.name.rpartition(".")[2]


PLACES = ((FUNCTION, ""), (NN, "nn.functional"), (SPECIAL, "special"), (LINALG, "linalg"))


def place(lib: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        lib = getattr(lib, part)
    return lib


def callables(lib: Any, op: Op, sample: Sample) -> list[tuple[str, Any]]:
    """Every way to write this call: (how it reads, function)."""
    forms = op.forms & sample.only
    found = []
    paths = [path for bit, path in PLACES if forms & bit] + list(op.spaces)
    for path in paths:
        found.append((f"{path or 'torch'}.{op.attribute}", getattr(place(lib, path), op.attribute)))
    if forms & METHOD and sample.args and isinstance(sample.args[0], Spec):
        found.append((f"Tensor.{op.name}", lambda x, *a, **k: getattr(x, op.attribute)(*a, **k)))
    return found


def call(lib: Any, op: Op, sample: Sample, dtype: str, domain: Any = None) -> Any:
    args, kwargs = sample.build(lib, dtype, domain or op.domain)
    return callables(lib, op, sample)[0][1](*args, **kwargs)


def leaves(result: Any) -> list[Any]:
    """The tensors and numbers of a result, in order."""
    if isinstance(result, (list, tuple)) and type(result).__name__ not in ("Size",):
        return [x for part in result for x in leaves(part)]
    return [result]


def is_tensor(x: Any) -> bool:
    return hasattr(x, "requires_grad") and hasattr(x, "stride")


def flat(x: Any) -> list[Any]:
    values = x.detach().tolist() if is_tensor(x) else x
    out: list[Any] = []

    def walk(v: Any) -> None:
        if isinstance(v, list):
            for part in v:
                walk(part)
        else:
            out.append(v)

    walk(values)
    return out


def number_close(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, complex) or isinstance(b, complex):
        a, b = complex(a), complex(b)
        if a == b:
            return True
        if all(map(math.isfinite, (a.real, a.imag, b.real, b.imag))):
            return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
        if a != a and b != b:
            return True  # which part is not a number is nobody's promise
        return number_close(a.real, b.real, tolerance) and number_close(a.imag, b.imag, tolerance)
    if a == b or (a != a and b != b):
        return True
    if isinstance(a, float) and isinstance(b, float) and math.isfinite(a) and math.isfinite(b):
        return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
    return False


def close(a: Any, b: Any, tolerance: float = 0.0) -> bool:
    """Two results (tensors, or flat lists of numbers) agree."""
    x, y = (flat(a) if is_tensor(a) else a), (flat(b) if is_tensor(b) else b)
    if not isinstance(x, list) or not isinstance(y, list):
        x, y = [x], [y]
    return len(x) == len(y) and all(number_close(p, q, tolerance) for p, q in zip(x, y))


def dtype_name(x: Any) -> str:
    return str(x.dtype).split(".")[-1]
