"""The test case: `unittest`'s, whose equality knows tensors, nested sequences and tolerances."""

from __future__ import annotations

import contextlib
import random
import re
import unittest
import warnings

import numpy as np
import torch

from tests.compat.tolerances import TOLERANCE
from tests.compat.upstream.dtypes import FROM_NUMPY
from tests.compat.upstream.helpers import set_warn_always_context
from tests.compat.upstream.sparse_inputs import SparseInputs

NUMBERS = (bool, int, float, complex)


def _as_torch(value):
    """Arrays as tensors, NumPy's numbers as Python's, storages as lists."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy()) if value.dtype.type in FROM_NUMPY else value
    if isinstance(value, np.generic):
        return value.item()
    if type(value).__name__ in ("TypedStorage", "UntypedStorage"):
        return value.tolist()
    return value


class TestCase(SparseInputs, unittest.TestCase):
    precision = 0.0  # the least tolerances, set per dtype by the decorators of variants.py
    rel_tol = 0.0
    maxDiff = None
    device_type = "cpu"

    def setUp(self) -> None:
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)

    def assertEqual(
        self,
        x,
        y,
        msg=None,
        *,
        atol=None,
        rtol=None,
        equal_nan=True,
        exact_dtype=True,
        exact_stride=False,
        **exact,
    ) -> None:
        x, y = _as_torch(x), _as_torch(y)
        options = {"atol": atol, "rtol": rtol, "equal_nan": equal_nan}
        options |= {"exact_dtype": exact_dtype, "exact_stride": exact_stride}
        if isinstance(x, torch.Tensor) or isinstance(y, torch.Tensor):
            self._tensors_equal(x, y, msg, **options)
        elif isinstance(x, dict) and isinstance(y, dict):
            super().assertEqual(set(x), set(y), msg)
            for key in x:
                self.assertEqual(x[key], y[key], msg, **options)
        elif isinstance(x, (list, tuple)) and isinstance(y, (list, tuple)):
            super().assertEqual(len(x), len(y), msg)
            for ours, theirs in zip(x, y):
                self.assertEqual(ours, theirs, msg, **options)
        elif (
            isinstance(x, (float, complex))
            and isinstance(y, NUMBERS)
            or (isinstance(y, (float, complex)) and isinstance(x, NUMBERS))
        ):
            self._numbers_equal(x, y, msg, atol, rtol, equal_nan)
        else:
            super().assertEqual(x, y, msg)

    def _numbers_equal(self, x, y, msg, atol, rtol, equal_nan) -> None:
        if x == y or (equal_nan and x != x and y != y):
            return
        atol = max(1e-7 if atol is None else atol, self.precision)
        rtol = max(1e-7 if rtol is None else rtol, self.rel_tol)
        if not abs(x - y) <= atol + rtol * abs(y):
            raise AssertionError(f"{x} is not close to {y}" + (f": {msg}" if msg else ""))

    def _tensors_equal(self, x, y, msg, *, atol, rtol, equal_nan, exact_dtype, exact_stride) -> None:
        if not (isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor)):
            exact_dtype = False  # a number or a list stands for values only
            x, y = torch.as_tensor(x), torch.as_tensor(y)
            if x.dim() == 0 or y.dim() == 0:
                x, y = (each.squeeze() if each.numel() == 1 else each for each in (x, y))
        if x.layout != torch.strided or y.layout != torch.strided:
            self.assertEqual(x.shape, y.shape)
            x, y = x.to_dense(), y.to_dense()
        if atol is None:
            usual = [TOLERANCE.get(each.dtype, (0.0, 0.0)) for each in (x, y)]
            atol = max(usual[0][1], usual[1][1], self.precision)
            rtol = max(usual[0][0], usual[1][0], self.rel_tol) if rtol is None else rtol
        torch.testing.assert_close(
            x,
            y,
            atol=atol,
            rtol=0 if rtol is None else rtol,
            equal_nan=equal_nan,
            check_dtype=exact_dtype,
            check_stride=exact_stride,
            check_device=False,
            check_layout=False,
            msg=(lambda text: f"{text}\n{msg}") if msg and not callable(msg) else msg,
        )

    def assertNotEqual(self, x, y, msg=None, **options) -> None:
        with self.assertRaises(AssertionError, msg=msg):
            self.assertEqual(x, y, **options)

    def assertEqualIgnoreType(self, x, y, msg=None, **options) -> None:
        self.assertEqual(x, y, msg, **{**options, "exact_dtype": False})

    def assertEqualTypeString(self, x, y) -> None:
        for name in ("device", "dtype", "is_sparse"):
            self.assertEqual(getattr(x, name), getattr(y, name))

    # Expected texts. Ours may say more behind PyTorch's, so that a first line is what is compared of errors.

    def assertExpected(self, text, *args, **kwargs) -> None:
        self.skipTest("compares with a file")

    def assertExpectedInline(self, text, expected, *args) -> None:
        super().assertEqual(str(text).strip(), expected.strip())

    def assertExpectedRaisesInline(self, kind, function, expected, *args, **kwargs) -> None:
        with self.assertRaises(kind) as caught:
            function(*args, **kwargs)
        first = expected.strip().split("\n")[0]
        super().assertEqual(str(caught.exception)[: len(first)], first)

    @contextlib.contextmanager
    def assertWarnsOnceRegex(self, category, regex=""):
        with set_warn_always_context(True), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        if not any(re.search(regex, str(each.message)) for each in caught):
            raise AssertionError(f"no warning matches {regex!r}: {[str(each.message) for each in caught]}")

    def assertNotWarn(self, function, msg="") -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            function()
        super().assertEqual([str(each.message) for each in caught], [], msg)

    @contextlib.contextmanager
    def maybeWarnsRegex(self, category, regex=""):
        with warnings.catch_warnings(record=True):
            yield

    # Comparisons and inputs that several files ask of their test case.

    def compare_with_numpy(self, function, reference, value, device=None, dtype=None, **options) -> None:
        if not isinstance(value, torch.Tensor):
            value = torch.tensor(value, device=device, dtype=dtype)
        value = value.detach()
        array = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
        self.assertEqual(function(value), reference(array), **{"exact_dtype": False, **options})

    def genSparseTensor(self, size, sparse_dim, nnz, is_uncoalesced, device, dtype):
        shape = (nnz, *size[sparse_dim:])
        values = torch.testing.make_tensor(shape, device=device, dtype=dtype, low=-1, high=1)
        limits = torch.tensor(size[:sparse_dim]).unsqueeze(1)
        indices = (torch.rand(sparse_dim, nnz) * limits).long()
        if is_uncoalesced:
            indices = torch.cat([indices, indices[:, : nnz // 2]], 1)
            values = torch.cat([values, values[: nnz // 2]], 0)
        made = torch.sparse_coo_tensor(indices, values, torch.Size(size), dtype=dtype)
        made = made._coalesced_(False) if is_uncoalesced else made.coalesce()
        return made, made._indices().clone(), made._values().clone()

    def safeToDense(self, tensor):
        return tensor.coalesce().to_dense() if tensor.layout == torch.sparse_coo else tensor.to_dense()

    @staticmethod
    def runWithPytorchAPIUsageStderr(code):
        raise unittest.SkipTest("starts a process of its own")

    @classmethod
    def get_primary_device(cls) -> str:
        return "cpu"

    @classmethod
    def get_all_devices(cls) -> list[str]:
        return ["cpu"]
