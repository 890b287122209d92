"""torch.futures: results, errors of callbacks, what is refused."""

from __future__ import annotations

import importlib
import pickle

import pytest

pytest.importorskip("torch")

from tests.compat import side_by_side  # noqa: E402


class Mine(Exception):
    pass


def fails(_):
    raise Mine("mine")


def future(t, result=None, error=None):
    made = importlib.import_module(f"{t.__name__}.futures").Future()
    if error is not None:
        made.set_exception(error)
    elif result is not None:
        made.set_result(result)
    return made


def after(t, callback):
    first = future(t)
    second = first.then(callback)
    first.set_result(1)
    return second


def module(t):
    return importlib.import_module(f"{t.__name__}.futures")


CASES = {
    "then": lambda t: after(t, lambda f: f.wait() + 1).wait(),
    "callback raises": lambda t: after(t, fails).wait(),
    "value of a failure": lambda t: after(t, fails).value(),
    "chain of failures": lambda t: after(t, fails).then(lambda f: f.wait()).wait(),
    "no argument": lambda t: after(t, lambda: 1).wait(),
    "error": lambda t: future(t, error=Mine("x")).wait(),
    "error in a chain": lambda t: future(t, error=Mine("x")).then(lambda f: f.value()).wait(),
    "twice": lambda t: future(t, 1).set_result(2),
    "twice an error": lambda t: future(t, 1).set_exception(Mine("x")),
    "no error": lambda t: future(t).set_exception("text"),
    "wait_all": lambda t: module(t).wait_all([future(t, 1), future(t, 2)]),
    "wait_all fails": lambda t: module(t).wait_all([future(t, 1), future(t, error=Mine("x"))]),
    "wait_all of none": lambda t: module(t).wait_all([]),
    "collect_all": lambda t: [f.value() for f in module(t).collect_all([future(t, 1)]).wait()],
    "collect_all fails": lambda t: module(t).collect_all([future(t, error=Mine("x"))]).wait(),
    "none among them": lambda t: module(t).collect_all((future(t, 1), None)),
    "pickle": lambda t: pickle.dumps(future(t, 1)),
    "devices": lambda t: module(t).Future(devices=["cpu"]).done(),
}


@pytest.mark.parametrize("name", CASES)
def test_futures(name):
    def run(t):
        try:
            return CASES[name](t)
        except Exception as error:  # PyTorch adds where it happened
            raise type(error)(str(error).partition("\n\nAt:")[0]) from None

    side_by_side.check(run)


@pytest.mark.parametrize("wrong", [None, 3])
def test_what_is_no_future(wrong):
    import torch

    import facula

    for t in (torch, facula):
        for call in (module(t).wait_all, module(t).collect_all, future(t).then, future(t).add_done_callback):
            with pytest.raises(TypeError, match="incompatible function arguments"):
                call(wrong)


def test_errors_of_done_callbacks_go_to_the_log(caplog):
    import facula

    waiting = future(facula)
    waiting.add_done_callback(fails)
    waiting.set_result(1)
    assert waiting.value() == 1 and "Mine: mine" in caplog.text
