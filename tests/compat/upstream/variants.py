"""A test for each dtype and each parameter: the decorators that ask for it, and what makes the tests."""

from __future__ import annotations

import inspect
import re
import unittest

import torch


class subtest:
    """A value of `parametrize` with a name of its own."""

    def __init__(self, arg_values, name=None, decorators=()) -> None:
        self.values, self.name = arg_values, name


class parametrize:
    def __init__(self, arg_str, arg_values, name_fn=None, **options) -> None:
        names = arg_str.split(",") if isinstance(arg_str, str) else arg_str
        self.names = [each.strip() for each in names]
        self.values = list(arg_values)

    def __call__(self, function):
        function.__dict__.setdefault("parameters", []).append(self)
        return function

    def choices(self):
        """Suffix of the test's name and keyword arguments, for each value."""
        for value in self.values:
            name = None
            if isinstance(value, subtest):
                value, name = value.values, value.name
            given = dict(zip(self.names, value if len(self.names) > 1 else (value,)))
            yield "_" + (name or "_".join(_label(each) for each in given.values())), given


class dtypes:
    def __init__(self, *chosen, **options) -> None:
        nested = len(chosen) == 1 and isinstance(chosen[0], (list, tuple))
        self.chosen = chosen[0] if nested and not isinstance(chosen[0][0], torch.dtype) else chosen

    def __call__(self, function):
        function.__dict__.setdefault("dtypes", self.chosen)
        return function


class dtypesIfCPU(dtypes):
    """Goes before `dtypes`, whichever is written first."""

    def __call__(self, function):
        function.dtypes = self.chosen
        return function


class tol:
    def __init__(self, atol=0.0, rtol=0.0) -> None:
        self.atol, self.rtol = atol, rtol


class toleranceOverride:
    def __init__(self, by_dtype) -> None:
        self.by_dtype = by_dtype

    def __call__(self, function):
        function.__dict__.setdefault("tolerances", {}).update(self.by_dtype)
        return function


class precisionOverride(toleranceOverride):
    def __init__(self, by_dtype) -> None:
        super().__init__({dtype: tol(atol=precision) for dtype, precision in by_dtype.items()})


def _label(value) -> str:
    text = str(getattr(value, "__name__", value)).removeprefix("torch.")
    return re.sub(r"\W+", "_", text)[:24].strip("_")


def _variants(function, on_device: bool):
    """Suffixes and keyword arguments of the tests that a method stands for."""
    wanted = inspect.signature(function).parameters
    found = [("", {})]
    for each in getattr(function, "parameters", ()):
        found = [(end + more, {**kw, **given}) for more, given in each.choices() for end, kw in found]
    name = next((each for each in ("dtype", "dtypes") if each in wanted), None)
    if on_device and name and hasattr(function, "dtypes"):
        found = [
            (f"{end}_{_label(dtype)}", {**kw, name: dtype}) for end, kw in found for dtype in function.dtypes
        ]
    if on_device and "device" in wanted:
        found = [(end, {**kw, "device": "cpu"}) for end, kw in found]
    return found


def _test(function, given):
    def run(self):
        tolerance = getattr(function, "tolerances", {}).get(given.get("dtype"))
        if tolerance is not None:
            self.precision, self.rel_tol = tolerance.atol, tolerance.rtol
        return function(self, **given)

    for name in ("__unittest_skip__", "__unittest_skip_why__", "__unittest_expecting_failure__"):
        if hasattr(function, name):
            setattr(run, name, getattr(function, name))
    return run


def _tests(cls, on_device: bool) -> dict:
    made: dict = {}
    for name in dir(cls):
        function = getattr(cls, name)
        if not (name.startswith("test") and callable(function)):
            continue
        if "devices" in inspect.signature(function).parameters:
            continue  # wants several devices
        for end, given in _variants(function, on_device):
            test, number = name + end, 1
            while test in made:
                number += 1
                test = f"{name}{end}_{number}"
            made[test] = _test(function, given)
    return made


def instantiate_device_type_tests(cls, scope, except_for=None, only_for=None, **options) -> None:
    """Puts `<class>CPU` in place of the class.

    It takes over the members and does not derive from the class: a `super(self.__class__, self)` in one of
    them would call itself.
    """
    scope.pop(cls.__name__, None)
    if only_for and "cpu" not in only_for or except_for and "cpu" in except_for:
        return
    members = {
        name: value
        for name, value in vars(cls).items()
        if not name.startswith("test") and name not in ("__dict__", "__weakref__")
    }
    hidden = {name: None for base in cls.__bases__ for name in dir(base) if name.startswith("test")}
    name = cls.__name__ + "CPU"
    scope[name] = type(name, cls.__bases__, {**members, **hidden, **_tests(cls, True)})


def instantiate_parametrized_tests(cls):
    made = _tests(cls, False)
    for name in [each for each in dir(cls) if each.startswith("test") and each not in made]:
        setattr(cls, name, None)
    for name, test in made.items():
        setattr(cls, name, test)
    return cls


def ops(*args, **options):
    return unittest.skip("asks the operator database")


modules = optims = ops


def deviceCountAtLeast(count: int):
    return unittest.skip("wants several devices")
