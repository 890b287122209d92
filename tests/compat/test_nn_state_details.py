"""state_dict, buffers, conversion and class details of modules against real PyTorch, case by case."""

from __future__ import annotations

import copy
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from nn_tools import mlp, try_  # noqa: E402
from side_by_side import check  # noqa: E402


class Cases:
    def batchnorm_counts(t):
        m = t.nn.BatchNorm1d(2)
        state = m.state_dict()
        old = OrderedDict((k, v) for k, v in state.items() if "tracked" not in k)
        strict = try_(lambda: repr(m.load_state_dict(old)))
        old._metadata = state._metadata
        return (
            strict,
            try_(lambda: repr(m.load_state_dict(old))),
            dict(state._metadata),
            m.num_batches_tracked,
        )

    def batchnorm_plain_average(t):
        m = t.nn.BatchNorm1d(2, momentum=None)
        for i in range(3):
            m(t.ones(4, 2) * i)
        return m.running_mean, m.num_batches_tracked, m.running_var

    def instancenorm_surplus(t):
        m = t.nn.InstanceNorm1d(2)
        error = try_(lambda: m.load_state_dict({"running_mean": t.zeros(2), "running_var": t.ones(2)}))
        return error[0], error[1].split(". ")[0]  # then comes advice

    def scalars_of_old_files(t):
        m = t.nn.Module()
        m.p = t.nn.Parameter(t.tensor(1.0))
        return (
            repr(m.load_state_dict({"p": t.tensor([5.0])})),
            m.p,
            try_(lambda: m.load_state_dict({"p": t.ones(2)})),
        )

    def wrong_values(t):
        m = t.nn.Linear(1, 1)
        return [
            try_(lambda v=v: m.load_state_dict({"weight": v, "bias": t.zeros(1)}))
            for v in (3, None, "a", [1.0], t.zeros(2, 2), t.zeros(1, 1, dtype=t.int64))
        ], m.weight

    def wrong_states(t):
        m = t.nn.Linear(1, 1)
        return [try_(lambda s=s: m.load_state_dict(s)) for s in (None, [], 3, "ab")]

    def all_problems_at_once(t):
        m = mlp(t)
        state = m.state_dict()
        del state["0.bias"], state["2.bias"]
        state["0.weight"] = t.zeros(1)
        state["extra"] = t.zeros(1)
        state["0.more"] = t.zeros(1)
        return try_(lambda: m.load_state_dict(state))

    def not_strict_still_checks_shapes(t):
        m = t.nn.Linear(1, 1)
        return try_(lambda: m.load_state_dict({"weight": t.zeros(3)}, strict=False))

    def assign(t):
        m = t.nn.Sequential(t.nn.Linear(2, 1), t.nn.BatchNorm1d(1))
        m[0].weight.requires_grad_(False)
        before = m[0].bias
        state = {
            k: v.clone().to(t.float64 if v.is_floating_point() else v.dtype)
            for k, v in m.state_dict().items()
        }
        m.load_state_dict(state, assign=True)
        return (
            m[0].weight.requires_grad,
            m[0].bias.requires_grad,
            m[0].bias is before,
            [p.dtype for p in m.parameters()],
            [type(p).__name__ for p in m.parameters()],
            m[1].running_mean.dtype,
            m[1].running_mean is state["1.running_mean"],
        )

    def assign_to_meta(t):
        m = t.nn.Linear(2, 1, device="meta")
        result = repr(m.load_state_dict({"weight": t.ones(1, 2), "bias": t.zeros(1)}, assign=True))
        return result, m.weight, m.bias

    def copy_to_meta(t):
        m = t.nn.Linear(2, 1, device="meta")
        return repr(m.load_state_dict({"weight": t.ones(1, 2), "bias": t.zeros(1)})), m.weight.device.type

    def shares_memory(t):
        m = t.nn.Linear(1, 1)
        state = m.state_dict()
        state["weight"].fill_(5.0)
        return m.weight, state["weight"].requires_grad, m.state_dict(keep_vars=True)["weight"] is m.weight

    def prefix_and_destination(t):
        m = mlp(t)
        given = OrderedDict(first=1)
        result = m.state_dict(destination=given, prefix="a.")
        return list(result), result is given, hasattr(result, "_metadata")

    def positional_arguments(t):
        m = t.nn.Linear(1, 1)
        return list(m.state_dict(OrderedDict(), "p."))

    def metadata_of_versions(t):
        class V(t.nn.Module):
            _version = 7

            def __init__(self):
                super().__init__()
                self.norm = t.nn.BatchNorm1d(1)
                self.drop = t.nn.Dropout()

        return {k: dict(v) for k, v in V().state_dict()._metadata.items()}

    def version_reaches_the_loader(t):
        seen = []

        class V(t.nn.Module):
            _version = 3

            def __init__(self):
                super().__init__()
                self.register_buffer("b", t.ones(1))

            def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
                seen.append((prefix, dict(local_metadata), len(rest)))
                super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

        m = t.nn.Sequential(V())
        m.load_state_dict(m.state_dict())
        m.load_state_dict(dict(m.state_dict()), assign=True)
        return seen

    def own_saving(t):
        class Half(t.nn.Linear):
            def _save_to_state_dict(self, destination, prefix, keep_vars):
                destination[prefix + "only"] = self.weight

        return list(t.nn.Sequential(Half(1, 1), t.nn.Linear(1, 1)).state_dict())

    def extra_state(t):
        class E(t.nn.Module):
            def get_extra_state(self):
                return {"a": 1}

        m = t.nn.Sequential(E())
        return (
            list(m.state_dict()),
            try_(lambda: m.load_state_dict(m.state_dict())),
            try_(lambda: m.load_state_dict({})),
        )

    def extra_state_that_only_loads(t):
        class E(t.nn.Module):
            def set_extra_state(self, state):
                self.got = state

        m = E()
        return try_(lambda: m.load_state_dict({})), repr(m.load_state_dict({"_extra_state": 5})), m.got

    def tied_weights(t):
        m = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.Linear(2, 2))
        m[1].weight = m[0].weight
        twin = copy.deepcopy(m)
        return (
            list(m.state_dict()),
            [n for n, _ in m.named_parameters()],
            [n for n, _ in m.named_parameters(remove_duplicate=False)],
            twin[0].weight is twin[1].weight,
            pickle.loads(pickle.dumps(m))[1].weight.shape,
        )

    def buffers_that_do_not_persist(t):
        m = t.nn.Module()
        m.register_buffer("a", t.ones(1), persistent=False)
        m.register_buffer("b", t.ones(1))
        first = list(m.state_dict()), sorted(m._non_persistent_buffers_set)
        m.register_buffer("a", t.ones(1))
        m.register_buffer("b", None, persistent=False)
        second = list(m.state_dict()), sorted(m._non_persistent_buffers_set)
        del m.b
        return (
            first,
            second,
            sorted(m._non_persistent_buffers_set),
            repr(m.load_state_dict({"a": t.zeros(1)})),
        )

    def kinds_of_buffers(t):
        m = t.nn.Module()
        m.a = t.nn.Buffer(t.ones(2))
        m.b = t.nn.Buffer(t.ones(2), persistent=False)
        m.c = t.nn.Buffer()
        m.a = t.zeros(3)
        return (
            [(n, type(b).__name__) for n, b in m.named_buffers()],
            list(m.state_dict()),
            isinstance(m.b, t.nn.Buffer),
            isinstance(m.a, t.nn.Buffer),
            try_(lambda: setattr(m, "a", 3)),
            try_(lambda: m.register_buffer("d", t.nn.Buffer(t.ones(1)))),
        )

    def parameter_is_none(t):
        m = t.nn.Linear(2, 2)
        m.bias = None
        before = m(t.ones(1, 2)).shape
        m.bias = t.nn.Parameter(t.zeros(2))
        return before, list(m.state_dict()), try_(lambda: setattr(m, "bias", t.zeros(2)))

    def conversions(t):
        m = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.BatchNorm1d(2))
        m.register_buffer("c", t.ones(1, dtype=t.complex64))
        out = []
        for change in ("half", "float", "bfloat16", "double"):
            getattr(m, change)()
            out.append([str(v.dtype) for v in m.state_dict().values()])
        m.to(t.float32)
        out.append([str(v.dtype) for v in m.state_dict().values()])
        return out

    def conversion_arguments(t):
        m = t.nn.Linear(1, 1)
        return [
            try_(lambda a=a, k=k: m.to(*a, **k).weight.dtype)
            for a, k in (
                ((t.float64,), {}),
                (("cpu", t.float32), {}),
                ((t.zeros(1, dtype=t.float64),), {}),
                ((), {"dtype": t.float16}),
                ((), {}),
                ((t.int32,), {}),
                ((), {"device": "cpu", "non_blocking": True}),
            )
        ]

    def type_method(t):
        m = t.nn.BatchNorm1d(1)
        return m.type(t.float64) is m, m.running_mean.dtype, m.num_batches_tracked.dtype

    def to_meta_and_back(t):
        m = t.nn.Linear(2, 2).to("meta")
        back = m.to_empty(device="cpu")
        return m is back, back.weight.device.type, try_(lambda: t.nn.Linear(2, 2, device="meta").to("cpu"))

    def own_apply(t):
        m = mlp(t)
        m._apply(lambda x: x * 2 if x.dim() == 2 else x)
        return m[0].weight, m[0].weight.requires_grad, type(m[0].weight).__name__

    def memory_format(t):
        m = t.nn.Conv2d(2, 2, 2).to(memory_format=t.channels_last)
        return m.weight.stride(), m.bias.stride()

    def iteration_with_duplicates(t):
        inner = t.nn.Linear(1, 1)
        m = t.nn.Sequential(inner, inner, t.nn.Sequential(inner))
        return (
            [n for n, _ in m.named_modules()],
            [n for n, _ in m.named_modules(remove_duplicate=False)],
            len(list(m.modules())),
            len(list(m.modules(remove_duplicate=False))),
            [n for n, _ in m.named_children()],
            [n for n, _ in m.named_parameters(prefix="p", recurse=False)],
        )

    def paths(t):
        m = t.nn.Sequential(mlp(t), t.nn.BatchNorm1d(2))
        return [
            try_(lambda f=f, p=p: getattr(m, f)(p))
            for f in ("get_submodule", "get_parameter", "get_buffer")
            for p in (
                "0",
                "0.0",
                "0.0.weight",
                "1.running_mean",
                "1.weight",
                "",
                "0.x",
                "0..1",
                "1.eps",
                "x.y",
            )
        ]

    def set_submodule(t):
        m = mlp(t)
        m.x = 3
        out = [
            try_(lambda a=a, k=k: m.set_submodule(*a, **k))
            for a, k in (
                (("0", t.nn.Identity()), {}),
                (("new", t.nn.Identity()), {}),
                (("other", t.nn.Identity()), {"strict": True}),
                (("x", t.nn.Identity()), {}),
                (("", t.nn.Identity()), {}),
                (("2.inner", t.nn.Identity()), {}),
                (("q.r", t.nn.Identity()), {}),
                (("0", 3), {}),
            )
        ]
        return out, repr(m)

    def directory(t):
        m = mlp(t)
        m.register_buffer("buf", t.ones(1))
        names = dir(m)
        return "buf" in names, "0" in names, names == sorted(names), "forward" in names

    def super_init(t):
        class Mixin:
            def __init__(self, *args, **kwargs):
                self.seen = (args, sorted(kwargs))

        class A(t.nn.Module, Mixin):
            call_super_init = True

            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)

        class B(t.nn.Module, Mixin):
            pass

        return A(1, x=2).seen, hasattr(B(), "seen"), try_(lambda: B(1)), try_(lambda: B(x=1))

    def pickling(t):
        m = t.nn.Sequential(
            t.nn.Linear(2, 2),
            t.nn.LSTM(2, 2),
            t.nn.MultiheadAttention(2, 1),
            t.nn.TransformerEncoderLayer(2, 1, 4),
        )
        m.eval()
        again = pickle.loads(pickle.dumps(m))
        same = all(t.equal(a, b) for a, b in zip(m.state_dict().values(), again.state_dict().values()))
        return repr(again), again.training, same, [len(w) for w in again[1].all_weights]

    def deepcopy_of_a_result(t):
        m = t.nn.Linear(1, 1)
        m.cache = m(t.ones(1, 1))
        return try_(lambda: copy.deepcopy(m))

    def getstate_of_subclasses(t):
        class M(t.nn.Linear):
            def __getstate__(self):
                state = super().__getstate__()
                state["mark"] = 1
                return state

        return copy.deepcopy(M(1, 1)).mark

    def old_pickles(t):
        m = t.nn.Linear(1, 1)
        state = m.__getstate__()
        for name in ("_forward_hooks_with_kwargs", "_backward_pre_hooks", "_state_dict_pre_hooks"):
            del state[name]
        n = t.nn.Linear.__new__(t.nn.Linear)
        n.__setstate__(state)
        return n(t.ones(1, 1)).shape, sorted(set(m.__dict__) - set(n.__dict__))

    def requires_grad(t):
        m = mlp(t)
        m.requires_grad_(False)
        frozen = [p.requires_grad for p in m.parameters()]
        m[0].requires_grad_()
        return frozen, [p.requires_grad for p in m.parameters()]

    def training_flags(t):
        m = mlp(t)
        m[1].eval()
        return (
            [x.training for x in m.modules()],
            m.train() is m,
            [x.training for x in m.eval().modules()],
            try_(lambda: m.train(1)),
        )

    def text_of_modules(t):
        class Named(t.nn.Module):
            def __init__(self):
                super().__init__()
                self.a = t.nn.Linear(1, 1)
                self.b = None
                self.register_module("c", None)

            def extra_repr(self):
                return "one\ntwo"

            def _get_name(self):
                return "Other"

        return repr(Named()), str(Named().c), list(Named()._modules)

    def module_none_children(t):
        m = t.nn.Module()
        m.register_module("a", None)
        m.b = t.nn.Linear(1, 1)
        m.b = None
        return [n for n, _ in m.named_children()], [n for n, _ in m.named_modules()], list(m.state_dict())

    def compiling_changes_nothing(t):
        m = t.nn.Linear(1, 1)
        return m.compile() if t.__name__ == "facula" else None

    def rnn_state_names(t):
        out = []
        for m in (
            t.nn.LSTM(2, 3, 2, bidirectional=True, proj_size=1),
            t.nn.GRU(2, 3, bias=False),
            t.nn.RNN(2, 3, nonlinearity="relu", batch_first=True),
            t.nn.LSTMCell(2, 3),
        ):
            out.append((repr(m), [(n, tuple(v.shape)) for n, v in m.state_dict().items()]))
        return out

    def rnn_weights_change(t):
        m = t.nn.GRU(2, 3)
        m.weight_ih_l0 = t.nn.Parameter(t.zeros(9, 2))
        same = m._flat_weights[0] is m.weight_ih_l0
        m.double()
        return same, m(t.ones(1, 1, 2, dtype=t.float64))[0].dtype, try_(lambda: m(t.ones(1, 1, 2)))


CASES = {name: case for name, case in vars(Cases).items() if not name.startswith("_")}


@pytest.mark.parametrize("case", CASES)
def test_in_detail(case):
    check(CASES[case], 2e-6)
