"""torch.nn.init and nn.utils.rnn against real PyTorch: the same numbers, errors and warnings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from nn_tools import try_  # noqa: E402
from side_by_side import check  # noqa: E402

SHAPES = [(), (3,), (4, 3), (3, 4), (4, 2, 3), (4, 2, 3, 3), (2, 2, 2, 2, 2), (0, 3), (3, 0)]
FILLERS = {
    "uniform_": [{}, {"a": -1.0, "b": 2.0}, {"a": 2.0, "b": 1.0}],
    "normal_": [{}, {"mean": 3.0, "std": 0.5}, {"std": -1.0}],
    "trunc_normal_": [
        {},
        {"mean": 1.0, "std": 2.0, "a": -1.0, "b": 1.5},
        {"mean": 9.0},
        {"a": 3.0, "b": 5.0},
    ],
    "constant_": [{"val": 0.3}, {"val": 2}],
    "ones_": [{}],
    "zeros_": [{}],
    "eye_": [{}],
    "dirac_": [{}, {"groups": 2}, {"groups": 3}],
    "xavier_uniform_": [{}, {"gain": 2.0}],
    "xavier_normal_": [{}, {"gain": 2.0}],
    "kaiming_uniform_": [
        {},
        {"a": 0.3},
        {"mode": "fan_out"},
        {"mode": "other"},
        {"nonlinearity": "relu"},
        {"nonlinearity": "other"},
    ],
    "kaiming_normal_": [{}, {"a": 0.3, "mode": "fan_out"}, {"mode": "other"}, {"nonlinearity": "tanh"}],
    "orthogonal_": [{}, {"gain": 0.5}],
    "sparse_": [{"sparsity": 0.4}, {"sparsity": 0.0, "std": 2.0}, {"sparsity": 1.0}],
}
CASES = [(name, options) for name, all_options in FILLERS.items() for options in all_options]


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{n}{o}" for n, o in CASES])
def test_fillers(name, options):
    def run(t):
        out = []
        for shape in SHAPES:
            x = t.full(shape, 7.0)
            result = try_(lambda x=x: getattr(t.nn.init, name)(x, **options))
            out.append((result, result is x, x))
        return out, t.rand(2)

    check(run, 5e-6 if name == "orthogonal_" else 3e-7)


@pytest.mark.parametrize("name", "uniform_ normal_ xavier_uniform_ kaiming_normal_ trunc_normal_".split())
def test_generators_and_dtypes(name):
    def run(t):
        g = t.Generator().manual_seed(5)
        fill = getattr(t.nn.init, name)
        p = t.nn.Parameter(t.zeros(3, 4))
        return (
            fill(t.zeros(3, 4), generator=g),
            fill(t.zeros(3, 4, dtype=t.float64), generator=g),
            fill(p) is p,
            p.requires_grad,
            p.grad_fn,
            t.rand(2),
        )

    check(run, 3e-7)


GAINS = [
    ("linear",), ("conv1d",), ("conv2d",), ("conv3d",), ("conv_transpose1d",), ("conv_transpose2d",),
    ("sigmoid",), ("tanh",), ("relu",), ("leaky_relu",), ("leaky_relu", 0.2), ("leaky_relu", 1),
    ("leaky_relu", True),
    ("leaky_relu", "a"), ("selu",), ("gelu",), ("other",),
]  # fmt: skip


@pytest.mark.parametrize("arguments", GAINS, ids=str)
def test_gains(arguments):
    check(lambda t: t.nn.init.calculate_gain(*arguments))


@pytest.mark.parametrize(
    "name", ["uniform", "normal", "eye", "xavier_uniform", "kaiming_uniform", "kaiming_normal", "dirac"]
)
def test_old_names(name):
    shape = (2, 2, 3) if name == "dirac" else (2, 3)
    check(lambda t: getattr(t.nn.init, name)(t.zeros(shape)))


# packed sequences


def sequences(t, *lengths):
    return [t.arange(float(n * 2)).reshape(n, 2) + 100 * i for i, n in enumerate(lengths)]


def fields(p):
    return [type(p).__name__, *p]


PACKING = {
    "pad": lambda t, u: u.pad_sequence(sequences(t, 3, 1, 2)),
    "pad batch first": lambda t, u: u.pad_sequence(sequences(t, 3, 1, 2), True, -1.0),
    "pad left": lambda t, u: u.pad_sequence(sequences(t, 3, 1, 2), padding_side="left"),
    "pad side": lambda t, u: u.pad_sequence(sequences(t, 3), padding_side="up"),
    "pad none": lambda t, u: u.pad_sequence([]),
    "pad number": lambda t, u: u.pad_sequence(3),
    "pad generator": lambda t, u: u.pad_sequence(x for x in sequences(t, 1, 2)),
    "pad tensor": lambda t, u: u.pad_sequence(t.ones(2, 3)),
    "pad different": lambda t, u: u.pad_sequence([t.ones(2, 2), t.ones(2, 3)]),
    "unpad": lambda t, u: u.unpad_sequence(t.ones(3, 2, 1), t.tensor([3, 1])),
    "unpad batch first": lambda t, u: u.unpad_sequence(t.ones(2, 3, 1), t.tensor([3, 1]), True),
    "pack": lambda t, u: fields(u.pack_sequence(sequences(t, 3, 2, 1))),
    "pack unsorted": lambda t, u: fields(u.pack_sequence(sequences(t, 1, 3, 2), enforce_sorted=False)),
    "pack unsorted refused": lambda t, u: u.pack_sequence(sequences(t, 1, 3)),
    "padded": lambda t, u: fields(u.pack_padded_sequence(t.ones(3, 2, 1), [3, 1])),
    "padded tensor": lambda t, u: fields(u.pack_padded_sequence(t.ones(3, 2), t.tensor([2, 2]))),
    "padded batch first": lambda t, u: fields(u.pack_padded_sequence(t.ones(2, 3, 1), [3, 1], True)),
    "padded zero": lambda t, u: u.pack_padded_sequence(t.ones(3, 2, 1), [3, 0]),
    "padded too many": lambda t, u: u.pack_padded_sequence(t.ones(3, 2, 1), [3, 2, 1]),
    "padded floats": lambda t, u: u.pack_padded_sequence(t.ones(3, 2, 1), t.tensor([3.0, 1.0])),
    "padded matrix": lambda t, u: u.pack_padded_sequence(t.ones(3, 2, 1), t.ones(2, 2, dtype=t.int64)),
    "back": lambda t, u: u.pad_packed_sequence(u.pack_sequence(sequences(t, 3, 2)), padding_value=-1.0),
    "back longer": lambda t, u: u.pad_packed_sequence(
        u.pack_sequence(sequences(t, 3, 2)), True, total_length=5
    ),
    "back shorter": lambda t, u: u.pad_packed_sequence(u.pack_sequence(sequences(t, 3, 2)), total_length=2),
    "back unsorted": lambda t, u: u.pad_packed_sequence(
        u.pack_sequence(sequences(t, 1, 3, 2), enforce_sorted=False)
    ),
    "unpack": lambda t, u: u.unpack_sequence(u.pack_sequence(sequences(t, 1, 3), enforce_sorted=False)),
    "inverse": lambda t, u: (u.invert_permutation(t.tensor([2, 0, 1])), u.invert_permutation(None)),
    "double": lambda t, u: fields(u.pack_sequence(sequences(t, 2, 1)).double()),
    "to": lambda t, u: u.pack_sequence(sequences(t, 2, 1)).to(t.float16).data.dtype,
    "same": lambda t, u: (lambda p: p.to(t.float32) is p)(u.pack_sequence(sequences(t, 2, 1))),
    "made by hand": lambda t, u: fields(u.PackedSequence(t.ones(3), t.tensor([2, 1]))),
    "made of a pair": lambda t, u: fields(u.PackedSequence((t.ones(3), t.tensor([2, 1])))),
    "cuda": lambda t, u: (
        u.pack_sequence(sequences(t, 1)).is_cuda,
        u.pack_sequence(sequences(t, 1)).is_pinned(),
    ),
    "text": lambda t, u: repr(u.pack_sequence([t.ones(2), t.zeros(1)])),
}


@pytest.mark.parametrize("case", PACKING)
def test_packing(case):
    check(lambda t: PACKING[case](t, t.nn.utils.rnn))


def test_gradients_through_packing():
    def run(t):
        u = t.nn.utils.rnn
        xs = [x.requires_grad_() for x in sequences(t, 1, 3, 2)]
        padded, lengths = u.pad_packed_sequence(u.pack_sequence(xs, enforce_sorted=False))
        (padded * t.arange(18.0).reshape(3, 3, 2)).sum().backward()
        return lengths, [x.grad for x in xs]

    check(run)
