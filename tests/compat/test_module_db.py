"""Every entry of PyTorch's database of modules: construction, values, gradients, state, texts and errors.

Each library builds the module with the same seed and runs it on the same numbers, in training and in
evaluation,
in single and double precision. Inputs come from the database itself; `opdb/mirror.py` translates them.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from opdb.mirror import Mirror, mapped, to_torch  # noqa: E402
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db  # noqa: E402

import facula  # noqa: E402

# Of results that went through sums in another order.
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-10}
SEED = 4

DTYPES = (torch.float32, torch.float64)


def cases():
    for info in module_db:
        for dtype in DTYPES:
            for training in (True, False):
                if dtype in info.dtypes:
                    mode = "train" if training else "eval"
                    yield pytest.param(info, dtype, training, id=f"{info.name}-{str(dtype)[6:]}-{mode}")


class Twin(Mirror):
    """Translates modules too: the class by name, the attributes one by one."""

    def _translate(self, value):
        if isinstance(value, torch.nn.Module):
            made = ours(type(value))
            made = made.__new__(made)
            made.__dict__.update({k: self(v) for k, v in value.__dict__.items()})
            return made
        if isinstance(value, torch.nn.Parameter):
            return facula.nn.Parameter(super()._translate(value.detach()), value.requires_grad)
        if isinstance(value, torch.nn.utils.rnn.PackedSequence):
            return facula.nn.utils.rnn.PackedSequence(*map(self, value))
        if type(value).__name__ == "OrderedDict":
            return type(value)((k, self(v)) for k, v in value.items())
        if type(value).__name__ == "LinearCrossEntropyOptions":
            fields = {name: self(getattr(value, name)) for name in value.__slots__}
            return facula.nn.LinearCrossEntropyOptions(**fields)
        return super()._translate(value)


def ours(cls):
    """The class of facula's that answers to a class of PyTorch's, found where pickle would look."""
    place = facula
    for part in cls.__module__.split(".")[1:]:
        place = getattr(place, part)
    return getattr(place, cls.__qualname__)


def tensors(value) -> list:
    """All tensors of a result, in order."""
    if isinstance(value, (torch.Tensor, facula.Tensor)):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors(v)]
    return [t for v in value for t in tensors(v)] if isinstance(value, (list, tuple)) else []


def same(got, expected, tolerance: float, what: str) -> None:
    """Asserts equal number, dtype, shape, requires_grad and values of the tensors of two results."""
    got, expected = tensors(got), tensors(expected)
    assert len(got) == len(expected), what
    for a, b in zip(got, expected):
        described = [(str(t.dtype), tuple(t.shape), t.requires_grad) for t in (a, b)]
        assert described[0] == described[1], what
        torch.testing.assert_close(
            to_torch(a),
            b.detach(),
            rtol=tolerance,
            atol=tolerance,
            equal_nan=True,
            msg=lambda m: f"{what}: {m}",
        )


def described(module) -> list:
    """What can be read off a module without its numbers."""
    state = module.state_dict()
    return [
        repr(module),
        [(name, type(child).__name__) for name, child in module.named_modules()],
        [(name, p.requires_grad) for name, p in module.named_parameters()],
        list(state),
        {name: dict(d) for name, d in state._metadata.items()},
        sorted(k for k in module.__dict__ if not k.startswith("_")),
    ]


def is_lazy(t) -> bool:
    return type(t).__name__ in ("UninitializedParameter", "UninitializedBuffer")


def same_state(got, expected, tolerance: float, what: str) -> None:
    """Asserts equal descriptions and equal tensors of two modules."""
    assert described(got) == described(expected), what
    for (name, a), b in zip(
        got.state_dict(keep_vars=True).items(), expected.state_dict(keep_vars=True).values()
    ):
        assert is_lazy(a) == is_lazy(b), f"{what}: {name}"
        if not is_lazy(a):
            same(a, b, tolerance, f"{what}: {name}")


def build(library, cls, arguments, dtype, training):
    library.manual_seed(SEED)
    args, kwargs = arguments
    return cls(*args, **kwargs).to(getattr(library, str(dtype)[6:])).train(training)


def leafy(arguments):
    """The arguments with every tensor a leaf of its own; one that stands twice stays one."""
    made = {}

    def copy(t):
        if not isinstance(t, torch.Tensor):
            return t
        if id(t) not in made:
            made[id(t)] = t.detach().clone().requires_grad_(t.requires_grad)
        return made[id(t)]

    return mapped(list(arguments), copy)


def inputs_of(function, info, dtype, training):
    torch.manual_seed(SEED)
    return function(info, device="cpu", dtype=dtype, requires_grad=True, training=training)


def leaves(value) -> list:
    return [t for t in tensors(value) if t.is_leaf and t.requires_grad]


def backward(outputs, weights, library):
    """Runs backward from a weighted sum of all outputs that have a history."""
    outputs = [o for o in tensors(outputs) if o.requires_grad]
    if outputs:
        library.autograd.backward(outputs, weights)


def weights_for(outputs):
    generator = torch.Generator().manual_seed(SEED)
    return [
        torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype)
        for o in tensors(outputs)
        if o.requires_grad
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("info", "dtype", "training"), list(cases()))
def test_module(info, dtype, training):
    tolerance = TOLERANCE[dtype]
    for number, sample in enumerate(inputs_of(info.module_inputs_func, info, dtype, training)):
        what = f"input {number} ({sample.desc})"
        mirror = Twin()
        arguments = sample.constructor_input.args, sample.constructor_input.kwargs
        translated = mirror(arguments[0]), mirror(arguments[1])
        expected = build(torch, info.module_cls, arguments, dtype, training)
        got = build(facula, ours(info.module_cls), translated, dtype, training)
        same_state(got, expected, 0.0, f"{what}, built")
        same(facula.rand(3), torch.rand(3), 0.0, f"{what}, numbers drawn by the constructor")
        if sample.forward_input is None:
            continue

        forward = leafy((sample.forward_input.args, sample.forward_input.kwargs))
        here = mirror(forward[0]), mirror(forward[1])
        torch.manual_seed(SEED)
        result = expected(*forward[0], **forward[1])
        facula.manual_seed(SEED)
        answer = got(*here[0], **here[1])
        same(answer, result, tolerance, f"{what}, forward")
        same(facula.rand(3), torch.rand(3), 0.0, f"{what}, numbers drawn by forward")
        same_state(got, expected, tolerance, f"{what}, after forward")

        weights = weights_for(result)
        backward(result, weights, torch)
        backward(answer, [mirror(w) for w in weights], facula)
        for kind, mine, theirs in (
            ("input", leaves(here), leaves(forward)),
            ("parameter", list(got.parameters()), list(expected.parameters())),
        ):
            assert len(mine) == len(theirs), what
            for i, (a, b) in enumerate(zip(mine, theirs)):
                assert (a.grad is None) == (b.grad is None), f"{what}, gradient of {kind} {i}"
                if b.grad is not None:
                    # Sums over many elements lose digits in proportion to their terms.
                    same(a.grad, b.grad, 5 * tolerance, f"{what}, gradient of {kind} {i}")


def failure(action):
    """The error of an action: its type and text."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  which one is what the test compares
        action()
    return type(caught.value).__name__, str(caught.value)


def with_errors():
    return [pytest.param(info, id=info.name) for info in module_db if info.module_error_inputs_func]


@pytest.mark.parametrize("info", with_errors())
def test_errors(info):
    for case in inputs_of(info.module_error_inputs_func, info, torch.float32, False):
        mirror = Twin()
        sample = case.module_error_input
        arguments = sample.constructor_input.args, sample.constructor_input.kwargs
        translated = mirror(arguments[0]), mirror(arguments[1])

        def expected(arguments=arguments):
            return info.module_cls(*arguments[0], **arguments[1])

        def got(translated=translated):
            return ours(info.module_cls)(*translated[0], **translated[1])

        if case.error_on == ModuleErrorEnum.FORWARD_ERROR:
            forward = sample.forward_input.args, sample.forward_input.kwargs
            here = mirror(forward[0]), mirror(forward[1])
            theirs, mine = expected(), got()
            a = failure(lambda m=theirs, f=forward: m(*f[0], **f[1]))
            b = failure(lambda m=mine, f=here: m(*f[0], **f[1]))
        else:
            a, b = failure(expected), failure(got)
        assert a[0] == b[0] == case.error_type.__name__
        assert re.search(case.error_regex, b[1]), (a, b)
        assert b[1].startswith(a[1]), (a, b)


def test_every_entry_is_here():
    assert len(module_db) == 114
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert all(callable(ours(info.module_cls)) for info in module_db)
