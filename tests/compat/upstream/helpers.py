"""Contexts, matrices and constants that PyTorch's test files take from its harness."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.util
import io
import itertools
import os
import tempfile
import unittest
import warnings

import torch

from tests.compat.upstream.dtypes import FROM_NUMPY, TO_NUMPY


@contextlib.contextmanager
def _with_setting(read, write, value):
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


def set_default_dtype(dtype: torch.dtype):
    return _with_setting(torch.get_default_dtype, torch.set_default_dtype, dtype)


def set_warn_always_context(always: bool):
    return _with_setting(torch.is_warn_always_enabled, torch.set_warn_always, always)


@contextlib.contextmanager
def freeze_rng_state():
    before = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(before)


@contextlib.contextmanager
def disable_gc():
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class DeterministicGuard:
    def __init__(self, deterministic, *, warn_only=False, fill_uninitialized_memory=True) -> None:
        self.wanted = deterministic, warn_only

    def __enter__(self) -> None:
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        self.before = torch.are_deterministic_algorithms_enabled(), warn_only
        self._set(self.wanted)

    def __exit__(self, *error) -> None:
        self._set(self.before)

    @staticmethod
    def _set(state: tuple[bool, bool]) -> None:
        torch.use_deterministic_algorithms(state[0], warn_only=state[1])


@contextlib.contextmanager
def TemporaryFileName(*args, **kwargs):
    with tempfile.TemporaryDirectory() as folder:
        yield os.path.join(folder, "file")


def TemporaryDirectoryName(*args, **kwargs):
    return tempfile.TemporaryDirectory()


def gradcheck(function, inputs, **options) -> bool:
    return torch.autograd.gradcheck(function, inputs, **{"fast_mode": True, **options})


def gradgradcheck(function, inputs, grad_outputs=None, **options) -> bool:
    return torch.autograd.gradgradcheck(function, inputs, grad_outputs, **{"fast_mode": True, **options})


def noncontiguous_like(tensor: torch.Tensor) -> torch.Tensor:
    """The values at every second place."""
    if not tensor.is_contiguous():
        return tensor
    spread = torch.stack([tensor.detach(), torch.zeros_like(tensor)], -1)[..., 0]
    return spread.requires_grad_(tensor.requires_grad)


def iter_indices(tensor: torch.Tensor):
    if tensor.dim() == 1:
        return range(tensor.size(0))
    return itertools.product(*(range(size) for size in tensor.shape))


def is_iterable(value) -> bool:
    try:
        iter(value)
    except TypeError:
        return False
    return True


def is_iterable_of_tensors(value, include_empty: bool = False) -> bool:
    if isinstance(value, torch.Tensor) or not is_iterable(value):
        return False
    members = list(value)
    return (include_empty or bool(members)) and all(isinstance(each, torch.Tensor) for each in members)


# Matrices.


def _random(n: int, batch, dtype=torch.float64, **options) -> torch.Tensor:
    return torch.randn(*batch, n, n, dtype=dtype)


def random_symmetric_matrix(n: int, *batch: int, **options) -> torch.Tensor:
    a = _random(n, batch, **options)
    return (a + a.mT) / 2


def random_hermitian_matrix(n: int, *batch: int, **options) -> torch.Tensor:
    a = _random(n, batch, **options)
    return (a + a.mH) / 2


def random_hermitian_psd_matrix(n: int, *batch: int, **options) -> torch.Tensor:
    a = _random(n, batch, **options)
    return a @ a.mH


def random_hermitian_pd_matrix(n: int, *batch: int, **options) -> torch.Tensor:
    a = random_hermitian_psd_matrix(n, *batch, **options)
    return a + torch.eye(n, dtype=a.dtype)


random_symmetric_psd_matrix = random_hermitian_psd_matrix
random_symmetric_pd_matrix = random_hermitian_pd_matrix


def _with_singular_values(values: torch.Tensor, shape, dtype) -> torch.Tensor:
    """A matrix between orthonormal columns and rows: the orthogonal factors of random matrices."""
    count = values.shape[-1]
    left, right = (
        torch.linalg.qr(torch.randn(*shape[:-2], size, count, dtype=dtype)).Q for size in shape[-2:]
    )
    return left @ (values.to(dtype).unsqueeze(-1) * right.mH)


def random_lowrank_matrix(rank: int, rows: int, columns: int, *batch: int, dtype=torch.float64, device="cpu"):
    left, right = (
        torch.randn(*batch, rows, rank, dtype=dtype),
        torch.randn(*batch, rank, columns, dtype=dtype),
    )
    return left @ right


def random_square_matrix_of_rank(n: int, rank: int, dtype=torch.float64, device="cpu") -> torch.Tensor:
    return _with_singular_values(torch.linspace(1, 2, rank), (n, n), dtype)


def make_fullrank_matrices_with_distinct_singular_values(*shape, device, dtype, requires_grad=False):
    values = torch.linspace(1, 2, min(shape[-2:]))
    return _with_singular_values(values, shape, dtype).requires_grad_(requires_grad)


def random_well_conditioned_matrix(*shape, dtype, device="cpu", mean=1.0, sigma=0.001) -> torch.Tensor:
    values = mean + sigma * torch.randn(*shape[:-2], min(shape[-2:]))
    return _with_singular_values(values, shape, dtype)


def suppress_warnings(function):
    @functools.wraps(function)
    def quiet(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)

    return quiet


def swap(values):
    """A decorator: the test runs with modules that exchange their parameters, and with others."""

    def decorator(function):
        @functools.wraps(function)
        def each(*args, **kwargs) -> None:
            future = torch.__future__
            for value in values:
                setting = future.set_swap_module_params_on_conversion
                with _with_setting(future.get_swap_module_params_on_conversion, setting, value):
                    function(*args, **kwargs)

        return each

    return decorator


def skipIf(condition, reason="", *device):
    return unittest.skipIf(bool(condition), str(reason))


def _unchanged(value):
    return value


def _skip_slow(function):
    return unittest.skip("slow")(function)


# Names of PyTorch's harness that are no definitions above.
NAMES: dict[str, object] = {
    "BytesIOContextManager": io.BytesIO,
    "GRADCHECK_NONDET_TOL": 1e-8,
    "IS_LINUX": True,
    "IS_X86": True,
    "SEED": 1234,
    "TEST_NUMPY": True,
    "TEST_SCIPY": importlib.util.find_spec("scipy") is not None,
    "dtype_name": lambda dtype: str(dtype).split(".")[1],
    "get_all_device_types": lambda: ["cpu"],
    "largeTensorTest": lambda *args, **kwargs: _unchanged,
    "make_tensor": torch.testing.make_tensor,
    "numpy_to_torch_dtype_dict": FROM_NUMPY,
    "gcIfJetson": _unchanged,
    "onlyCPU": _unchanged,
    "onlyNativeDeviceTypes": _unchanged,
    "onlyNativeDeviceTypesAnd": lambda *devices: _unchanged,
    "onlyNonDynamo": _unchanged,
    "run_tests": lambda *args, **kwargs: None,
    "scoped_load_inline": unittest.skip("compiles C++"),
    "skipCPUIf": skipIf,
    "skipIfNoLapack": _unchanged,
    "slowTest": _skip_slow,
    "torch_to_numpy_dtype_dict": TO_NUMPY,
}
