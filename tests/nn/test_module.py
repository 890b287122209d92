"""What nn.Module promises, without PyTorch: speed of its C base, garbage collection, subclassing."""

from __future__ import annotations

import abc
import gc
import typing
import weakref

import pytest

import facula as torch
from facula import nn


class Doubler(nn.Module):
    def forward(self, x, factor=2):
        return x * factor


def test_call_passes_arguments():
    m = Doubler()
    assert m(3) == 6
    assert m(3, 5) == 15
    assert m(3, factor=7) == 21
    assert m(x=3) == 6
    with pytest.raises(TypeError):
        m(1, 2, 3)


def test_instance_may_bring_its_own_forward():
    m = Doubler()
    m.forward = lambda x: "own"
    assert m(3) == "own"


def test_class_may_override_call():
    class Loud(Doubler):
        def __call__(self, x):
            return "loud", super().__call__(x)

    assert Loud()(2) == ("loud", 4)


def test_global_hook_reaches_the_fast_path():
    seen = []
    handle = nn.modules.module.register_module_forward_hook(lambda m, a, out: seen.append(out))
    assert Doubler()(2) == 4
    handle.remove()
    assert Doubler()(3) == 6
    assert seen == [4]


def test_cycles_are_collected():
    m = nn.Sequential(Doubler())
    m.me = [m]
    m[0].__dict__["parent"] = m
    gone = weakref.ref(m)
    del m
    gc.collect()
    assert gone() is None


def test_hook_sees_class_attribute_assigned_later():
    class Late(nn.Module):
        pass

    m = Late()
    with pytest.raises(
        NotImplementedError, match='Module \\[Late\\] is missing the required "forward" function'
    ):
        m(1)
    Late.forward = lambda self, x: x + 1
    assert m(1) == 2
    Late.__getattr__ = lambda self, name: name.upper()
    assert m.nothing == "NOTHING"
    del Late.__getattr__
    with pytest.raises(AttributeError, match="'Late' object has no attribute 'nothing'"):
        m.nothing  # noqa: B018


def test_mixed_bases():
    class Mixin:
        def __init_subclass__(cls, tag=None, **kwargs):
            super().__init_subclass__(**kwargs)
            cls.tag = tag

    T = typing.TypeVar("T")

    class A(nn.Module, Mixin, tag=1):
        pass

    class B(Mixin, nn.Module, tag=2):
        pass

    class C(nn.Module, typing.Generic[T]):
        pass

    class D(nn.Module, abc.ABC):
        @abc.abstractmethod
        def forward(self): ...

    for cls in (A, B, C):
        m = cls()
        m.weight = nn.Parameter(torch.ones(1))
        assert m.weight.item() == 1
    assert (A.tag, B.tag) == (1, 2)
    with pytest.raises(TypeError):
        D()


def test_slots_and_object_setattr():
    class Hidden(nn.Module):
        def __init__(self, inner):
            super().__init__()
            object.__setattr__(self, "inner", inner)

    m = Hidden(Doubler())
    assert list(m.children()) == []
    assert m.inner(1) == 2
    assert isinstance(object.__new__(Hidden), nn.Module)


def test_deep_nesting():
    m = nn.Sequential(Doubler())
    for _ in range(100):
        m = nn.Sequential(m)
    assert m(1) == 2
    assert len(list(m.modules())) == 102
    assert repr(m).count("Sequential") == 101


def test_names_outside_str():
    m = Doubler()
    with pytest.raises(TypeError):
        getattr(m, 3)
    with pytest.raises(TypeError):
        nn.Module.__getattr__(m, 3)


def test_compile_changes_nothing():
    m = Doubler()
    assert m.compile(fullgraph=True) is None
    assert m(1) == 2


def test_type_hints_can_be_resolved():
    """Libraries that read signatures ask for them: of classes that users derive from, and of forward."""

    for place in (torch.nn, torch.optim, torch.optim.lr_scheduler, torch.utils.data, torch.distributions):
        for name in dir(place):
            cls = getattr(place, name)
            if not isinstance(cls, type):
                continue
            typing.get_type_hints(cls)
            for method in ("__init__", "forward", "step", "sample"):
                function = vars(cls).get(method)
                if isinstance(function, type(test_type_hints_can_be_resolved)):
                    typing.get_type_hints(function)


def test_moving_a_module_keeps_its_parameters():
    """An optimizer made before `.to(device)` must go on to train the model."""
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = list(model.parameters())
    optimizer = torch.optim.SGD(before, lr=0.1)
    for move in (
        lambda: model.to("cpu"),
        lambda: model.to(torch.device("cpu"), torch.float32),
        model.float,
        model.cpu,
        model.double,
        lambda: model._apply(lambda t: nn.Parameter(t * 2)),
    ):
        move()
        assert all(a is b for a, b in zip(model.parameters(), before))
    model(torch.ones(1, 2, dtype=torch.float64)).sum().backward()
    held = model[1].bias.item()
    optimizer.step()
    assert model[1].bias.item() == pytest.approx(held - 0.1)


def test_signatures():
    from inspect import signature

    class Called(nn.Module):
        def __call__(self, x, y):
            return x

    assert str(signature(nn.Linear(1, 1))) == "(*args, **kwargs)"
    assert str(signature(Called())) == "(x, y)"
    assert list(signature(nn.Linear).parameters)[:2] == ["in_features", "out_features"]
    assert list(signature(nn.Linear(1, 1).forward).parameters) == ["input"]


def test_new_of_a_mixin_after_module():
    """Classes that mix in a __new__, as model hubs do, get the arguments."""

    class Mixin:
        def __new__(cls, *args, **kwargs):
            instance = super().__new__(cls)
            instance.__dict__["given"] = args
            return instance

    class Model(nn.Module, Mixin):
        def __new__(cls, *args, **kwargs):
            return super().__new__(cls, *args, **kwargs)

        def __init__(self, size):
            super().__init__()
            self.layer = nn.Linear(size, 1)

    assert Model(3).given == (3,) and Model(3).layer(torch.ones(2, 3)).shape == (2, 1)
    assert isinstance(nn.Module.__new__(nn.Linear), nn.Linear)
