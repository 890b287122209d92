"""__torch_function__: what users of classes and modes rely on."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import pytest

import facula as torch
from facula import overrides
from facula.overrides import TorchFunctionMode


class Plain(torch.Tensor):
    pass


class Seen(TorchFunctionMode):
    def __init__(self):
        self.calls = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls.append(func)
        return func(*args, **(kwargs or {}))


class Duck:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return func


def test_the_function_is_the_users():
    x = torch.ones(2)
    with Seen() as seen:
        torch.add(x, 1)
        x + 1
        x.shape  # noqa: B018
        torch.nn.functional.l1_loss(x, x)
        torch.zeros(2)
    assert seen.calls == [
        torch.add,
        torch.Tensor.add,
        torch.Tensor.shape.__get__,
        torch.nn.functional.l1_loss,
        torch.zeros,
    ]
    assert torch.add(x, Duck()) is torch.add


def test_everything_that_can_be_overridden_is():
    x = torch.ones(2, 2)
    one_argument = {torch.Tensor.is_set_to, torch.Tensor.register_hook}
    one_argument.add(torch.Tensor.register_post_accumulate_grad_hook)

    class Stop(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return -1 if func == wanted else NotImplemented

    asked = 0
    for functions in overrides.get_overridable_functions().values():
        for wanted in functions:
            if getattr(wanted, "__name__", "").startswith("__") and wanted.__name__ != "__get__":
                continue
            if wanted is torch.Tensor.ndimension:  # another name of dim
                continue
            with Stop():
                assert (wanted(x, x) if wanted in one_argument else wanted(x)) == -1, wanted
            asked += 1
    assert asked > 1000


def test_results_keep_the_class():
    t = torch.ones(2, 2).as_subclass(Plain)
    assert type(t + 1) is type(t[0]) is type(t.T) is type(t.max(0).values) is Plain
    assert type(t.shape) is torch.Size and type(t.grad) is type(None)
    assert type(torch.nn.Parameter(torch.ones(1)) + 1) is torch.Tensor


def test_copies_of_subclasses():
    t = torch.ones(2).as_subclass(Plain)
    t.note = [1]
    for twin in (copy.deepcopy(t), pickle.loads(pickle.dumps(t)), copy.copy(t)):
        assert type(twin) is Plain and twin.note == [1] and torch.equal(twin, t)


def test_modes_nest_and_survive_errors():
    class Bad(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            raise ValueError

    with Seen() as outer, Bad():
        with pytest.raises(ValueError):
            torch.ones(1)
        assert torch._C._len_torch_function_stack() == 2
    assert torch._C._len_torch_function_stack() == 0 and not outer.calls
    with torch._C.DisableTorchFunction(), Seen() as seen:
        torch.ones(1)
    assert not seen.calls


def test_nobody_answers():
    class Shy:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    with pytest.raises(TypeError, match="Multiple dispatch failed for 'torch.add'"):
        torch.add(torch.ones(1), Shy())
    with pytest.raises(TypeError, match="no implementation found for 'torch.nn.functional.relu'"):
        torch.nn.functional.relu(Shy())
    with pytest.raises(TypeError, match="unsupported operand"):
        torch.ones(1) + Shy()


def test_classes_are_let_go():
    def use(values):
        class Own(torch.Tensor):
            __torch_function__ = torch._C._disabled_torch_function_impl

        values.as_subclass(Own).zero_()
        return weakref.ref(Own)

    kept = [use(torch.ones(2)) for _ in range(3)]
    gc.collect()
    assert [ref() is None for ref in kept[:2]] == [True, True]  # the last one used is remembered
