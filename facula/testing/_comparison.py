"""assert_close: whether values are close, and if not, where and by how much."""

from __future__ import annotations

import cmath
import sys
from collections.abc import Callable, Mapping, Sequence

import facula as torch

__all__ = ["assert_allclose", "assert_close"]

_TOLERANCES = {  # (rtol, atol)
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float32: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7),
    torch.complex32: (1e-3, 1e-5),
    torch.complex64: (1.3e-6, 1e-5),
    torch.complex128: (1e-7, 1e-7),
}
_NUMBERS = {int: torch.int64, float: torch.float64, complex: torch.complex128}


class _Mismatch(Exception):
    """What is wrong, and at which item of nested containers."""

    def __init__(self, kind: type, text: str, path: tuple = ()) -> None:
        super().__init__(text)
        self.kind = kind
        self.path = path

    def error(self, message=None) -> Exception:
        text = str(self)
        if self.path:
            text += "\n\nThe failure occurred for item " + "".join(str([item]) for item in self.path)
        if message is not None:
            text = message(text) if callable(message) else message
        return self.kind(text)


def _scalar(value):
    """NumPy's scalars as Python's."""
    numpy = sys.modules.get("numpy")
    return value.item() if numpy is not None and isinstance(value, (numpy.number, numpy.bool_)) else value


class _Comparison:
    """The options of one call of assert_close, and what has failed so far."""

    def __init__(self, rtol, atol, equal_nan, allow_subclasses, **checks) -> None:
        self.rtol, self.atol = rtol, atol
        self.equal_nan = equal_nan
        self.allow_subclasses = allow_subclasses
        self.checks = checks

    def pairs(self, actual, expected, path=()):
        """The comparisons to make, as functions, for all items of nested containers."""
        if _is_list(actual) and _is_list(expected):
            if len(actual) != len(expected):
                text = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
                raise _Mismatch(AssertionError, text, path)
            return [p for i in range(len(actual)) for p in self.pairs(actual[i], expected[i], (*path, i))]
        if isinstance(actual, Mapping) and isinstance(expected, Mapping):
            if set(actual) != set(expected):
                missing, additional = set(expected) - set(actual), set(actual) - set(expected)
                raise _Mismatch(
                    AssertionError,
                    "The keys of the mappings do not match:\n"
                    f"Missing keys in the actual mapping: {sorted(missing)}\n"
                    f"Additional keys in the actual mapping: {sorted(additional)}",
                    path,
                )
            try:
                keys = sorted(actual)
            except TypeError:
                keys = list(actual)
            return [p for k in keys for p in self.pairs(actual[k], expected[k], (*path, k))]
        return [self.pair(actual, expected, path)]

    def pair(self, actual, expected, path):
        if actual is None or expected is None:
            return lambda: self.identical("None", actual, expected, path)
        a, b = _scalar(actual), _scalar(expected)
        if isinstance(a, bool) and isinstance(b, bool):
            return lambda: self.identical("Booleans", a, b, path)
        if type(a) in _NUMBERS and type(b) in _NUMBERS:
            tolerances = self.tolerances(_NUMBERS[type(a)], _NUMBERS[type(b)], path)
            return lambda: self.numbers(a, b, tolerances, path)
        if not (isinstance(actual, type(expected)) or isinstance(expected, type(actual))) or (
            not self.allow_subclasses and type(actual) is not type(expected)
        ):
            raise _unsupported(actual, expected, path)
        try:
            a, b = (v if isinstance(v, torch.Tensor) else torch.as_tensor(v) for v in (actual, expected))
        except Exception:
            raise _unsupported(actual, expected, path) from None
        tolerances = self.tolerances(a.dtype, b.dtype, path)
        return lambda: self.tensors(a, b, tolerances, path)

    def tolerances(self, a, b, path):
        if (self.rtol is None) != (self.atol is None):
            missing = "rtol" if self.rtol is None else "atol"
            text = f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
            raise _Mismatch(ValueError, text, path)
        if self.rtol is not None:
            return self.rtol, self.atol
        both = [_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in (a, b)]
        return max(t[0] for t in both), max(t[1] for t in both)

    def identical(self, kind, actual, expected, path):
        if actual is not expected:
            raise _Mismatch(AssertionError, f"{kind} mismatch: {actual} is not {expected}", path)

    def numbers(self, actual, expected, tolerances, path):
        if self.checks["check_dtype"] and type(actual) is not type(expected):
            text = f"The (d)types do not match: {type(actual)} != {type(expected)}."
            raise _Mismatch(AssertionError, text, path)
        if actual == expected or self.equal_nan and cmath.isnan(actual) and cmath.isnan(expected):
            return
        rtol, atol = tolerances
        difference = abs(actual - expected)
        if not (cmath.isfinite(difference) and difference <= atol + rtol * abs(expected)):
            raise _Mismatch(AssertionError, _scalar_text("Scalars", actual, expected, tolerances), path)

    def tensors(self, actual, expected, tolerances, path):
        self.attributes(actual, expected, path)
        if actual.is_meta or expected.is_meta:
            return
        if actual.dtype != expected.dtype:
            unsigned = (torch.uint64, torch.uint32, torch.uint16)
            kinds = [torch.int64 if t.dtype in unsigned else t.dtype for t in (actual, expected)]
            dtype = torch.promote_types(*kinds)
            actual, expected = actual.to(dtype), expected.to(dtype)
        if actual.layout != expected.layout:
            actual, expected = (
                t.to_dense() if t.layout is not torch.strided else t for t in (actual, expected)
            )
        if actual.layout is torch.strided:
            return self.values("Tensor-likes", actual, expected, tolerances, path)
        if not actual.is_sparse:
            return self.compressed(actual, expected, tolerances, path)
        for what, name in (("sparse_dim", "sparse dimensions"), ("_nnz", "specified values")):
            a, b = getattr(actual, what)(), getattr(expected, what)()
            if a != b:
                text = f"The number of {name} in sparse COO tensors does not match: {a} != {b}"
                raise _Mismatch(AssertionError, text, path)
        self.values("Sparse COO indices", actual._indices(), expected._indices(), (0, 0), path)
        self.values("Sparse COO values", actual._values(), expected._values(), tolerances, path)

    def compressed(self, actual, expected, tolerances, path):
        kind = f"sparse {str(actual.layout)[-3:].upper()}"
        if actual._nnz() != expected._nnz():
            text = f"The number of specified values in {kind} tensors does not match: {actual._nnz()} != "
            raise _Mismatch(AssertionError, f"{text}{expected._nnz()}", path)
        for (name, a), (_, b) in zip(actual._shown(), expected._shown()):
            allowed = tolerances if name == "values" else (0, 0)
            dtype = torch.promote_types(a.dtype, b.dtype)  # indices may be of 32 bits, or 64
            self.values(f"S{kind[1:]} {name}", a.to(dtype), b.to(dtype), allowed, path)

    def attributes(self, actual, expected, path):
        strides = self.checks["check_stride"] and actual.layout is expected.layout is torch.strided
        for name, wanted in (
            ("shape", True),
            ("layout", self.checks["check_layout"]),
            ("stride()", strides),
            ("device", self.checks["check_device"]),
            ("dtype", self.checks["check_dtype"]),
        ):
            if wanted:
                a, b = actual, expected
                a, b = (t.stride() if name == "stride()" else getattr(t, name) for t in (a, b))
                if a != b:
                    text = f"The values for attribute '{name}' do not match: {a} != {b}."
                    raise _Mismatch(AssertionError, text, path)

    def values(self, name, actual, expected, tolerances, path):
        rtol, atol = tolerances
        if actual.dtype.is_floating_point and actual.dtype.itemsize == 1:
            return self.codes(actual, expected, rtol, atol, path)
        matches = torch.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=self.equal_nan)
        if matches.all():
            return
        if actual.dim() == 0:
            name = "Scalars" if name == "Tensor-likes" else name
            text = _scalar_text(name, actual.item(), expected.item(), tolerances)
        else:
            text = _tensor_text(name, actual, expected, matches, tolerances)
        raise _Mismatch(AssertionError, text, path)

    def codes(self, actual, expected, rtol, atol, path):
        """8-bit floats: equal or not."""
        if rtol or atol:
            text = f"Rtol={rtol} and atol={atol} are not supported for bitwise comparison of low dimensional"
            raise _Mismatch(AssertionError, f"{text} floats. Please use rtol=0.0 and atol=0.0.", path)
        actual, expected = actual.float(), expected.float()
        wrong = torch.isclose(actual, expected, rtol=0, atol=0, equal_nan=self.equal_nan).logical_not()
        if wrong.any():
            count, total = int(wrong.sum()), wrong.numel()
            first = tuple(wrong.nonzero()[0].tolist())
            text = f"Mismatched elements: {count} / {total} ({count / total:.1%})"
            text = f"{text}\nThe first mismatched element is at index {first}."
            raise _Mismatch(AssertionError, f"Tensor-likes are not 'equal'!\n\n{text}", path)


def _is_list(value) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _unsupported(actual, expected, path) -> _Mismatch:
    text = f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
    return _Mismatch(TypeError, text, path)


def _text(name: str, extra: str, differences, tolerances) -> str:
    """The message: `differences` are those absolute and relative, each with its index or None."""
    equality = tolerances == (0, 0)
    lines = [f"{name} are not {'equal' if equality else 'close'}!\n", extra]
    for kind, (difference, index), tolerance in zip(
        ("absolute", "relative"), differences, reversed(tolerances)
    ):
        if index is None:
            line = f"{kind.title()} difference: {difference}"
        else:
            line = f"Greatest {kind} difference: {difference} at index {index}"
        lines.append(line if equality else f"{line} (up to {tolerance} allowed)")
    return "\n".join(lines)


def _scalar_text(name, actual, expected, tolerances) -> str:
    difference = abs(actual - expected)
    relative = float("inf") if expected == 0 else difference / abs(expected)
    extra = f"Expected {expected} but got {actual}."
    return _text(name, extra, ((difference, None), (relative, None)), tolerances)


def _tensor_text(name, actual, expected, matches, tolerances) -> str:
    count = matches.numel()
    wrong = count - int(matches.sum())
    extra = f"Mismatched elements: {wrong} / {count} ({wrong / count:.1%})"
    actual, expected, right = actual.detach().flatten(), expected.detach().flatten(), matches.flatten()
    if not (actual.dtype.is_floating_point or actual.dtype.is_complex):
        actual, expected = actual.to(torch.int64), expected.to(torch.int64)
    absolute = (actual - expected).abs()
    absolute[right] = 0
    relative = absolute / expected.abs()
    relative[right] = 0
    found = []
    for differences in (absolute, relative):
        greatest, at = torch.max(differences, 0)
        index = tuple(int(i) for i in torch.unravel_index(at, matches.shape))
        found.append((greatest.item(), index))
    return _text(name, extra, found, tolerances)


def assert_close(
    actual,
    expected,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Asserts that |actual - expected| <= atol + rtol * |expected| everywhere.

    Args:
        actual, expected: tensors, numbers, arrays, None, or sequences and mappings of them, nested.
        rtol, atol: both or none; by default those of the dtypes (1.3e-6 and 1e-5 for float32).
        equal_nan: whether NaN equals NaN.
        check_device, check_dtype, check_layout, check_stride: whether these have to agree.
        msg: the message of a failure, or a function that makes it of the generated one.

    Raises:
        AssertionError: with what differs, by how much, and where.
        ValueError: only one of the tolerances is given.
        TypeError: values that cannot be compared.

    Example:
        >>> import facula as torch
        >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]))
        Traceback (most recent call last):
            ...
        AssertionError: Tensor-likes are not close!
        <BLANKLINE>
        Mismatched elements: 1 / 2 (50.0%)
        Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)
        Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)
    """
    __tracebackhide__ = True
    comparison = _Comparison(
        rtol,
        atol,
        equal_nan,
        allow_subclasses,
        check_device=check_device,
        check_dtype=check_dtype,
        check_layout=check_layout,
        check_stride=check_stride,
    )
    try:
        pairs = comparison.pairs(actual, expected)
    except _Mismatch as mismatch:
        raise mismatch.error() from None
    for compare in pairs:
        try:
            compare()
        except _Mismatch as mismatch:
            raise mismatch.error(msg) from None


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan: bool = True, msg: str = "") -> None:
    """The older assert_close; deprecated."""
    import warnings

    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. "
        "Please use `torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
        "https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
        stacklevel=2,
    )
    if not isinstance(actual, torch.Tensor):
        actual = torch.tensor(actual)
    if not isinstance(expected, torch.Tensor):
        expected = torch.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        wide = {torch.float16: (1e-3, 1e-3), torch.float32: (1e-4, 1e-5), torch.float64: (1e-5, 1e-8)}
        rtol, atol = (max(wide.get(t.dtype, (0.0, 0.0))[i] for t in (actual, expected)) for i in (0, 1))
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
        check_stride=False, msg=msg or None,
    )  # fmt: skip
