"""Modules, sparse inputs and checks that the files about layers and layouts take from PyTorch's harness."""

from __future__ import annotations

import functools
import inspect
import itertools
import unittest

import torch

from tests.compat.upstream.helpers import gradcheck, gradgradcheck
from tests.compat.upstream.testcase import TestCase

dtype2prec_DONTUSE = {
    torch.float32: 1e-5,
    torch.float64: 1e-5,
    torch.float16: 1e-2,
    torch.bfloat16: 1e-1,
}


class NNTestCase(TestCase):
    """The Jacobian of a module by its inputs, against that by central differences."""

    def check_jacobian(self, module, input, jacobian_input=True) -> None:
        given = input if isinstance(input, tuple) else (input,)
        wanted = [each.detach().double().requires_grad_(each.is_floating_point()) for each in given]
        gradcheck(lambda *values: self._forward(module.double(), *values), tuple(wanted), atol=1e-4)


def _create_basic_net():
    class Inner(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer_dummy_param = torch.nn.Parameter(torch.empty(3, 5))
            self.layer_dummy_buf = torch.nn.Buffer(torch.zeros(1, 3, 3, 7))

    class Outer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l1 = Inner()
            self.dummy_param = torch.nn.Parameter(torch.empty(3, 5))
            self.dummy_buf = torch.nn.Buffer(torch.zeros(7, 3, 3, 1))

    outer = Outer()
    return Inner(), outer, torch.nn.Sequential(outer, outer)


def _test_module_empty_input(case, module, input, check_size=True, inference=False) -> None:
    """Without elements there is a result, and every gradient is zero."""
    output = module(input.requires_grad_(not inference))
    if check_size:
        case.assertEqual(output.shape, input.shape)
    if inference:
        return
    output.backward(torch.ones_like(output))
    for each in (input, *module.parameters()):
        if each.requires_grad:
            case.assertEqual(each.grad, torch.zeros_like(each))


def _test_bfloat16_ops(case, module, device, inp_dims=(), prec=1e-2, scale_factor=None) -> None:
    """Result and gradient are those of float32, nearly."""
    value = torch.randn(inp_dims) if scale_factor is None else torch.rand(inp_dims) * scale_factor
    wide = value.bfloat16().float().requires_grad_()
    narrow = value.bfloat16().requires_grad_()
    expected = module(wide)
    towards = torch.randn_like(expected)
    expected.backward(towards)
    result = module.bfloat16()(narrow)
    result.backward(towards.bfloat16())
    for theirs, ours in ((expected, result), (wide.grad, narrow.grad)):
        case.assertEqual(theirs, ours, atol=prec, rtol=prec, exact_dtype=False)


def _assertGradAndGradgradChecks(case, function, inputs, **options) -> None:
    case.assertTrue(gradcheck(function, inputs, **options))
    case.assertTrue(gradgradcheck(function, inputs, **options))


def first_sample(case, samples):
    for each in samples:
        return each
    raise unittest.SkipTest("there is no sample")


# Sparse tensors.


def coalescedonoff(function):
    """Runs a test with coalesced inputs and with others."""

    @functools.wraps(function)
    def both(self, *args, **kwargs) -> None:
        for coalesced in (True, False):
            function(self, *args, coalesced=coalesced, **kwargs)

    return both


def is_coalesced_indices(sparse: torch.Tensor) -> bool:
    """Whether the places are in order, and none stands twice."""
    places = [tuple(each) for each in sparse._indices().t().tolist()]
    return all(before < behind for before, behind in zip(places, places[1:]))


def random_sparse_matrix(rows: int, columns: int, density=0.01, *, dtype=torch.float64, device="cpu"):
    count = max(min(rows, columns), int(rows * columns * density))
    places = torch.stack([torch.arange(count) % rows, torch.randint(columns, (count,))])
    values = torch.randn(count, dtype=dtype) * torch.exp(-((places[0] - places[1]).double() ** 2)).to(dtype)
    return torch.sparse_coo_tensor(places, values, (rows, columns)).coalesce()


def random_sparse_pd_matrix(size: int, density=0.01, *, dtype=torch.float64, device="cpu"):
    """Symmetric with a diagonal that outweighs its rows."""
    count = max(1, int(size * size * density / 2))
    row, column = torch.randint(size, (count,)), torch.randint(size, (count,))
    values = torch.rand(count, dtype=dtype) / (4 * count)
    diagonal = torch.arange(size)
    places = torch.stack([torch.cat([row, column, diagonal]), torch.cat([column, row, diagonal])])
    values = torch.cat([values, values, (diagonal + 1).to(dtype) / size + 0.5])
    return torch.sparse_coo_tensor(places, values, (size, size)).coalesce()


class NewModuleTest:
    """A module of PyTorch's table of modules, which `tests/compat/test_module_db.py` asks: skipped here."""

    made = itertools.count()

    def __init__(self, **parameters) -> None:
        self.name = f"test_module_{next(self.made)}"

    def get_name(self) -> str:
        return self.name

    def __call__(self, case) -> None:
        case.skipTest("asks the table of modules")

    def test_cuda(self, case) -> None:
        case.skipTest("onlyCUDA")


CriterionTest = NewModuleTest


def get_function_arglist(function) -> list[str]:
    return list(inspect.signature(function).parameters)
