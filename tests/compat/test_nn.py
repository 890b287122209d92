"""torch.nn against real PyTorch: the same values, random draws, texts and errors."""

from __future__ import annotations

import copy
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import Error, check  # noqa: E402

import facula  # noqa: E402

reductions_are_there = hasattr(facula.Tensor, "mean")
needs_function = pytest.mark.skipif(
    not hasattr(facula.autograd, "Function"), reason="needs autograd.Function"
)

EPS = 3e-7  # of float32 results that go through other functions


def mlp(t):
    return t.nn.Sequential(t.nn.Linear(3, 4), t.nn.ReLU(), t.nn.Linear(4, 2))


def try_(action):
    """The value of an action, or its error: several in one check."""
    try:
        return action()
    except Exception as error:
        return Error((type(error).__name__, str(error)))


# Module


def test_attributes_of_a_fresh_module():
    check(lambda t: list(t.nn.Module().__dict__))
    check(lambda t: [n for n in dir(t.nn.Linear(1, 1)) if not n.startswith("_")])
    check(lambda t: list(mlp(t).__dict__))


@pytest.mark.parametrize("name", ["p", "q"])
def test_assignment_before_init(name):
    def run(t, value):
        class M(t.nn.Module):
            def __init__(self):
                setattr(self, name, value(t))

        return M()

    check(lambda t: run(t, lambda t: t.nn.Parameter(t.zeros(1))))
    check(lambda t: run(t, lambda t: t.nn.Linear(1, 1)))

    def plain_value(t):
        class M(t.nn.Module):
            def __init__(self):
                self.x = 3
                super().__init__()

        return M().x

    check(plain_value)


VALUES = {
    "int": lambda t: 3,
    "none": lambda t: None,
    "tensor": lambda t: t.zeros(2),
    "parameter": lambda t: t.nn.Parameter(t.ones(1)),
    "module": lambda t: t.nn.Linear(1, 1),
    "buffer": lambda t: t.nn.Buffer(t.ones(2), persistent=False),
    "object": lambda t: object,
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["weight", "child", "buffer", "number", "new"])
def test_assignment_rules(name, value):
    def run(t):
        m = t.nn.Linear(2, 2)
        m.child = t.nn.Tanh()
        m.register_buffer("buffer", t.zeros(1))
        m.number = 1
        result = try_(lambda: setattr(m, name, VALUES[value](t)))
        registered = [list(r) for r in (m._parameters, m._buffers, m._modules, m._non_persistent_buffers_set)]
        return result, registered, name in m.__dict__, list(m.state_dict())

    check(run)


@pytest.mark.parametrize("method", ["register_buffer", "register_parameter", "register_module", "add_module"])
def test_registration(method):
    def run(t):
        results = []
        for name in (3, "a.b", "", "in_features", "weight", "fresh", "forward"):
            for value in VALUES.values():
                m = t.nn.Linear(1, 1)
                results.append(try_(lambda: getattr(m, method)(name, value(t))))  # noqa: B023
        m = t.nn.Linear(1, 1)
        results.append(try_(lambda: m.register_parameter("zz", t.nn.Parameter(t.ones(1)) * 2)))
        return results

    check(run)


@pytest.mark.parametrize(
    "path", ["", "0", "0.weight", "0.x", "5.w", "0.in_features", "0.weight.x", "w", "0.bias"]
)
def test_access_by_path(path):
    def run(t):
        m = mlp(t)
        m.register_buffer("w", t.zeros(2))
        found = [try_(lambda: getattr(m, f"get_{k}")(path)) for k in ("submodule", "parameter", "buffer")]  # noqa: B023
        return found, try_(lambda: m.set_submodule(path, t.nn.Tanh())), repr(m)

    check(run)


def test_deletion():
    def run(t):
        m = mlp(t)
        m.register_buffer("b", t.zeros(1), persistent=False)
        m.p = t.nn.Parameter(t.zeros(1))
        m.x = 1
        for name in ("b", "p", "0", "x"):
            delattr(m, name)
        return repr(m), list(m.state_dict()), try_(lambda: delattr(m, "nothing")), try_(lambda: m.b)

    check(run)


def test_iteration():
    def run(t):
        shared = t.nn.Linear(2, 2)
        m = t.nn.Sequential(shared, t.nn.Sequential(shared, t.nn.Tanh()))
        m.register_buffer("b", t.zeros(1))
        m.again = m.b
        names = []
        for method in ("named_parameters", "named_buffers", "named_modules"):
            for remove in (True, False):
                names.append([n for n, _ in getattr(m, method)(remove_duplicate=remove)])
        names.append([n for n, _ in m.named_children()])
        names.append([n for n, _ in m.named_parameters(prefix="x", recurse=False)])
        names.append([n for n, _ in m.named_modules(prefix="x")])
        names.append([len(list(i)) for i in (m.parameters(), m.buffers(), m.modules(), m.children())])
        return names

    check(run)


def test_modes_and_conversion():
    def run(t):
        m = mlp(t)
        m.register_buffer("n", t.zeros(2, dtype=t.int64))
        seen = []
        m.apply(lambda x: seen.append(type(x).__name__))
        out = [seen, m.eval().training, m[0].training, m.train()[1].training, try_(lambda: m.train(3))]
        for change in ("double", "float", "half", "bfloat16"):
            getattr(m, change)()
            out.append([m[0].weight.dtype, m.n.dtype])
        m.to(t.float64)
        p = m[0].weight
        out.append([p.dtype, p.is_leaf, p.requires_grad, type(p).__name__, m.to("cpu") is m])
        out.append(m.to(t.zeros(1, dtype=t.float32))[0].weight.dtype)
        out.append(m.to(device="cpu", dtype=t.float64)[0].bias.dtype)
        for bad in (lambda: m.to(t.int32), lambda: m.get_extra_state(), lambda: m.set_extra_state(1)):
            out.append(try_(bad))
        out.append(m.to_empty(device="cpu")[0].weight.shape)
        m.requires_grad_(False)
        out.append([p.requires_grad for p in m.parameters()])
        return out

    check(run)


def test_conversion_keeps_identity_and_gradient():
    def run(t):
        m = t.nn.Linear(2, 2)
        before = m.weight
        m(t.ones(1, 2)).sum().backward()
        m.double()
        return before is m.weight, m.weight.grad, m.weight.grad.dtype

    check(run)


def test_zero_grad():
    def run(t):
        m = t.nn.Linear(2, 2)
        m(t.ones(1, 2)).sum().backward()
        m.zero_grad(set_to_none=False)
        zeroed = m.weight.grad
        m.zero_grad()
        return zeroed, m.weight.grad

    check(run)


def test_missing_forward_and_arguments():
    check(lambda t: t.nn.Module()(3))
    check(lambda t: t.nn.Module(3))
    check(lambda t: t.nn.Module(a=3))
    check(lambda t: t.nn.Module(1, 2))
    check(lambda t: t.nn.Linear(1, 1).nothing)


def test_user_getattr():
    def run(t):
        class Wrapper(t.nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def __getattr__(self, name):
                try:
                    return super().__getattr__(name)
                except AttributeError:
                    return getattr(self.inner, name)

        w = Wrapper(t.nn.Linear(3, 2))
        return w.weight.shape, w.in_features, w.inner, try_(lambda: w.zzz)

    check(run)


def test_property_that_fails():
    def run(t):
        class M(t.nn.Module):
            @property
            def bad(self):
                raise AttributeError("inside")

        return M().bad

    check(run)


# state_dict


def test_state_dict_round_trip():
    def run(t):
        a, b = mlp(t), mlp(t)
        a.register_buffer("keep", t.ones(1))
        a.register_buffer("drop", t.ones(1), persistent=False)
        b.register_buffer("keep", t.zeros(1))
        state = a.state_dict()
        result = b.load_state_dict(state)
        vars_kept = a.state_dict(keep_vars=True)["0.weight"].requires_grad
        return repr(result), dict(state), dict(state._metadata), vars_kept, list(b.state_dict().items())

    check(run)


STATES = {
    "empty": lambda t: {},
    "no dict": lambda t: 3,
    "shapes": lambda t: {"0.weight": t.zeros(1), "zz": 3, "2.x": 3, "2.weight.q": 3},
    "not tensors": lambda t: {"0.weight": 3, "0.bias": [1]},
    "nested": lambda t: {
        "0.weight": t.zeros(4, 3),
        "0.bias": t.zeros(4),
        "2.weight": t.zeros(2, 4),
        "2.bias": t.zeros(2),
        "2": 1,
        "a.b.c": 2,
    },
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("case", STATES)
def test_load_errors(case, strict):
    check(lambda t: repr(mlp(t).load_state_dict(STATES[case](t), strict=strict)))


def test_load_assign_and_scalars():
    def run(t):
        m = t.nn.Linear(2, 1)
        state = {"weight": t.ones(1, 2, dtype=t.float64), "bias": t.ones(1)}
        m.load_state_dict(state, assign=True)
        n = t.nn.Module()
        n.register_buffer("s", t.tensor(1.0))
        n.load_state_dict({"s": t.tensor([3.0])})
        return m.weight, m.weight.requires_grad, m.weight.data_ptr() == state["weight"].data_ptr(), n.s

    check(run)


def test_extra_state():
    def run(t):
        class M(t.nn.Module):
            def __init__(self):
                super().__init__()
                self.x = 1

            def get_extra_state(self):
                return {"x": self.x}

            def set_extra_state(self, state):
                self.x = state["x"]

        a, b = t.nn.Sequential(M()), t.nn.Sequential(M())
        a[0].x = 7
        b.load_state_dict(a.state_dict())
        return (
            list(a.state_dict()),
            b[0].x,
            try_(lambda: b.load_state_dict({})),
            try_(lambda: t.nn.Sequential(t.nn.Tanh()).load_state_dict(a.state_dict())),
        )

    check(run)


def test_state_dict_hooks():
    def run(t):
        m = mlp(t)
        seen = []
        m[0].register_state_dict_pre_hook(lambda mod, prefix, keep: seen.append((prefix, keep)))
        m[0].register_state_dict_post_hook(lambda mod, sd, prefix, meta: sd.pop(prefix + "bias") and None)
        m[2]._register_state_dict_hook(lambda mod, sd, prefix, meta: OrderedDict(list(sd.items())[:1]))
        m[0].register_load_state_dict_pre_hook(lambda mod, sd, prefix, *rest: seen.append(("load", prefix)))
        m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
        state = m.state_dict()
        return list(state), repr(m.load_state_dict(state, strict=True)), seen

    check(run)


def test_copies():
    def run(t):
        m = mlp(t)
        m.n = 3
        m.register_buffer("b", t.ones(2))
        twin = copy.deepcopy(m)
        shallow = copy.copy(m)
        with t.no_grad():
            twin[0].weight.zero_()
        return (
            twin.n,
            m[0].weight,
            twin[0].weight,
            type(twin[0].weight).__name__,
            shallow[0] is m[0],
            list(pickle.loads(pickle.dumps(m)).state_dict().items()),
        )

    check(run)


# hooks


def test_forward_hooks():
    def run(t):
        m = t.nn.Identity()
        log = []
        m.register_forward_pre_hook(lambda mod, a: log.append("pre") or (a[0] + 1,))
        m.register_forward_pre_hook(lambda mod, a: log.append("first") or a[0] * 2, prepend=True)
        m.register_forward_hook(lambda mod, a, out: log.append("post") or out * 10)
        handle = m.register_forward_hook(lambda mod, a, kw, out: log.append(sorted(kw)), with_kwargs=True)
        out = m(t.ones(1))
        handle.remove()
        again = m(t.ones(1))
        with m.register_forward_hook(lambda mod, a, out: out * 0):
            zero = m(t.ones(1))
        return out, again, zero, m(t.ones(1)), log

    check(run)


def test_pre_hook_with_kwargs():
    def run(t):
        class M(t.nn.Module):
            def forward(self, x, *, scale=1):
                return x * scale

        m = M()
        handle = m.register_forward_pre_hook(lambda mod, a, kw: (a, {"scale": 5}), with_kwargs=True)
        out = m(t.ones(1), scale=2)
        handle.remove()
        m.register_forward_pre_hook(lambda mod, a, kw: 3, with_kwargs=True)
        return out, try_(lambda: m(t.ones(1)))

    check(run)


def test_always_called_hook():
    def run(t):
        class M(t.nn.Module):
            def forward(self, x):
                raise ValueError("no")

        log = []
        m = M()
        m.register_forward_hook(lambda mod, a, out: log.append(out), always_call=True)
        m.register_forward_hook(lambda mod, a, out: log.append("never"))
        return try_(lambda: m(1)), log

    check(run)


def test_global_hooks():
    def run(t):
        module = t.nn.modules.module
        log = []
        handles = [
            module.register_module_forward_pre_hook(lambda m, a: log.append("pre " + type(m).__name__)),
            module.register_module_forward_hook(lambda m, a, out: log.append("post " + type(m).__name__)),
            module.register_module_parameter_registration_hook(lambda m, name, p: log.append(name)),
        ]
        try:
            mlp(t)(t.ones(1, 3))
        finally:
            for h in handles:
                h.remove()
        mlp(t)(t.ones(1, 3))
        return log

    check(run)


@needs_function
def test_full_backward_hooks():
    def run(t):
        m = t.nn.Linear(2, 2)
        with t.no_grad():
            m.weight.fill_(2.0)
        log = []
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        m.register_full_backward_hook(lambda mod, gi, go: tuple(g * 3 for g in gi))
        m.register_full_backward_pre_hook(lambda mod, go: (go[0] * 5,))
        x = t.ones(1, 2, requires_grad=True)
        m(x).sum().backward()
        m(t.ones(1, 2)).sum().backward() if False else None
        return log, x.grad, m.weight.grad, try_(lambda: m.register_backward_hook(print))

    check(run)


@needs_function
def test_full_backward_hook_without_input_gradient():
    def run(t):
        m = t.nn.Linear(2, 2)
        with t.no_grad():
            m.weight.fill_(2.0)
        log = []
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        m(t.ones(1, 2)).sum().backward()
        return log

    check(run)


# containers

CONTAINERS = {
    "lists": lambda t: t.nn.ModuleList([*(t.nn.Linear(1, 1) for _ in range(3)), t.nn.ReLU()]),
    "nested": lambda t: t.nn.ModuleList([mlp(t), mlp(t), t.nn.ModuleList()]),
    "dict": lambda t: t.nn.ModuleDict({"a": t.nn.Linear(1, 1), "b": mlp(t)}),
    "dict of pairs": lambda t: t.nn.ModuleDict([["x", t.nn.Tanh()], ("y", t.nn.ReLU())]),
    "parameters": lambda t: t.nn.ParameterList([t.zeros(2, 3), t.nn.Parameter(t.zeros(1)), 3, "a"]),
    "parameter dict": lambda t: t.nn.ParameterDict(
        {"b": t.zeros(2, 3), "a": t.nn.Parameter(t.zeros(1)), "q": 3}
    ),
    "named": lambda t: t.nn.Sequential(OrderedDict([("one", t.nn.Tanh()), ("two", t.nn.ReLU())])),
    "empty": lambda t: [
        repr(c()) for c in (t.nn.Sequential, t.nn.ModuleList, t.nn.ModuleDict, t.nn.ParameterList)
    ],
    "bad list": lambda t: t.nn.ModuleList(3),
    "bad element": lambda t: t.nn.ModuleList([3]),
    "bad dict": lambda t: t.nn.ModuleDict(3),
    "bad pairs": lambda t: t.nn.ModuleDict([3]),
    "long pairs": lambda t: t.nn.ModuleDict(["abc"]),
    "bad parameters": lambda t: t.nn.ParameterList(3),
    "tensor": lambda t: t.nn.ParameterList(t.zeros(2)),
    "bad parameter dict": lambda t: t.nn.ParameterDict(3),
    "called": lambda t: t.nn.ModuleList()(1),
    "called dict": lambda t: t.nn.ParameterDict()(1),
    "called list": lambda t: t.nn.ParameterList()(1),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_containers(case):
    check(lambda t: repr(CONTAINERS[case](t)))


def test_list_methods():
    def run(t):
        nn = t.nn
        out = []
        for kind in (lambda *m: nn.Sequential(*m), lambda *m: nn.ModuleList(m)):
            m = kind(nn.Tanh(), nn.ReLU(), nn.Sigmoid(), nn.SiLU())
            out += [
                m[-1],
                m[1:3],
                len(m),
                try_(lambda: m[9]),  # noqa: B023
                try_(lambda: m["a"]),  # noqa: B023
                [type(x).__name__ for x in m],
            ]  # noqa: B023
            m[0] = nn.Linear(1, 1)
            del m[1]
            m.append(nn.Identity())
            m.insert(1, nn.GELU())
            m.extend([nn.ELU()])
            out += [repr(m), m.pop(0), repr(m), list(m._modules)]
            del m[1:3]
            out += [repr(m), list(m._modules), repr(m + kind(nn.Tanh()))]
            m += kind(nn.Tanh())
            out += [repr(m), try_(lambda: m.insert(50, nn.Tanh()))]  # noqa: B023
        s = nn.Sequential(nn.Tanh())
        out += [try_(lambda: s + 3), try_(lambda: s * 0), try_(lambda: s * "a"), repr(s * 2), repr(3 * s)]
        out += [
            try_(lambda: s.insert(0, 3)),
            try_(lambda: s.insert(9, nn.Tanh())),
            try_(lambda: nn.Sequential(3)),
        ]
        return out

    check(run)


def test_dict_methods():
    def run(t):
        d = t.nn.ModuleDict({"a": t.nn.Tanh()})
        d["b"] = t.nn.ReLU()
        out = [
            "b" in d,
            len(d),
            list(d),
            list(d.keys()),
            [repr(v) for v in d.values()],
            repr(d.pop("a")),
            repr(d),
        ]
        d.clear()
        p = t.nn.ParameterDict({"x": t.zeros(1)})
        p["n"] = 3
        p.setdefault("y", t.ones(1))
        out += [len(d), repr(p), p.get("zz", 5), p.pop("n"), list(reversed(p)), list(p.copy())]
        out += [list(p | t.nn.ParameterDict({"k": t.ones(2)})), try_(lambda: p[3]), try_(lambda: p["zz"])]
        out += [list(p.fromkeys(["u", "v"], 1).items()), p.popitem()[0], list(p.state_dict())]
        return out

    check(run)


# layers


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.Linear(3, 2),
        lambda nn: nn.Linear(3, 2, bias=False),
        lambda nn: nn.Linear(3, 0),
        lambda nn: nn.Linear(0, 2),
        lambda nn: nn.Bilinear(2, 3, 4),
        lambda nn: nn.Bilinear(0, 3, 4),
        lambda nn: nn.PReLU(3),
        lambda nn: nn.Linear(-1, 2),
        lambda nn: nn.Linear("a", 2),
    ],
)
def test_first_values(make):
    def run(t):
        m = make(t.nn)
        return repr(m), list(m.state_dict().items()), t.rand(3)

    def shown(t):
        result = try_(lambda: run(t))
        # the text of a bad size belongs to `empty`
        return (
            result[0] if isinstance(result, tuple) and result[0] in ("TypeError", "RuntimeError") else result
        )

    check(shown)


def test_linear_and_friends():
    check(lambda t: t.nn.Linear(3, 2)(t.ones(5, 3)), EPS)
    check(lambda t: t.nn.Linear(3, 2)(t.ones(3)), EPS)
    check(lambda t: t.nn.Linear(3, 2, dtype=t.float64)(t.ones(2, 2, 3, dtype=t.float64)), 1e-15)
    check(lambda t: t.nn.Bilinear(2, 3, 4)(t.ones(5, 2), t.ones(5, 3)), EPS)
    check(lambda t: t.nn.Identity(1, 2, a=3)(t.ones(2)))
    check(lambda t: t.nn.Flatten()(t.zeros(2, 3, 4)).shape)
    check(lambda t: t.nn.Flatten(0, 1)(t.zeros(2, 3, 4)).shape)
    check(lambda t: t.nn.Unflatten(1, (2, 2))(t.zeros(3, 4)).shape)
    check(lambda t: t.nn.Unflatten(1, [2, "a"]))
    check(lambda t: t.nn.Unflatten(1, 3))
    check(lambda t: repr([t.nn.Flatten(), t.nn.Unflatten(1, (2, 2)), t.nn.Identity()]))


ACTIVATIONS = [
    ("ReLU", ()), ("ReLU", (True,)), ("RReLU", ()), ("Hardtanh", (-2.0, 0.5)), ("ReLU6", ()), ("Sigmoid", ()),
    ("Hardsigmoid", ()), ("Tanh", ()), ("SiLU", ()), ("Mish", ()), ("Hardswish", ()), ("ELU", (0.7,)),
    ("CELU", (0.7,)),
    ("SELU", ()), ("GLU", ()), ("GELU", ()), ("GELU", ("tanh",)), ("Hardshrink", (0.3,)),
    ("LeakyReLU", (0.2,)),
    ("LogSigmoid", ()), ("Softplus", (2.0, 3.0)), ("Softshrink", (0.3,)), ("PReLU", ()), ("Softsign", ()),
    ("Tanhshrink", ()), ("Softmin", (1,)), ("Softmax", (1,)), ("LogSoftmax", (0,)), ("Threshold", (0.1, 7.0)),
]  # fmt: skip


@pytest.mark.parametrize("name, args", ACTIVATIONS, ids=[f"{n}{a}" for n, a in ACTIVATIONS])
def test_activations(name, args):
    def run(t):
        m = getattr(t.nn, name)(*args)
        x = t.tensor([[-3.0, -0.4, 0.0, 0.2], [0.5, 1.0, 4.0, 30.0]], requires_grad=not (args == (True,)))
        y = m.eval()(x)
        if x.requires_grad:
            y.sum().backward()
        return repr(m), y, x.grad

    check(run, 2e-6)


def test_activation_texts():
    def run(t):
        nn = t.nn
        ms = [nn.ReLU6(True), nn.Hardtanh(inplace=True), nn.ELU(inplace=True), nn.Threshold(1, 2, True)]
        ms += [
            nn.Softmax(),
            nn.Softmax2d(),
            nn.SiLU(True),
            nn.LeakyReLU(inplace=True),
            nn.RReLU(inplace=True),
        ]
        ms += [nn.Dropout(), nn.Dropout2d(0.1, True), nn.AlphaDropout(), nn.MSELoss(), nn.CrossEntropyLoss()]
        return [repr(m) for m in ms]

    check(run)
    check(lambda t: t.nn.Hardtanh(2, 1))
    check(lambda t: t.nn.Dropout(2))
    check(lambda t: t.nn.Softmax2d()(t.zeros(2)))


@pytest.mark.parametrize(
    "name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
)
def test_dropout_draws_the_same(name):
    shape = {"Dropout1d": (3, 4, 5), "Dropout3d": (2, 3, 2, 2, 2)}.get(name, (3, 4, 2, 2))

    def run(t):
        m = getattr(t.nn, name)(0.4)
        x = t.ones(shape)
        return m(x), m.eval()(x), t.rand(2)

    check(run, EPS)


def test_softmax_without_dim():
    check(lambda t: t.nn.functional.softmax(t.zeros(2, 3)))
    check(lambda t: t.nn.functional.log_softmax(t.zeros(3)))
    check(lambda t: t.nn.functional.softmin(t.zeros(2, 3, 4)))


def test_parameter():
    def run(t):
        p = t.nn.Parameter(t.ones(2))
        q = copy.deepcopy(p)
        return (
            [
                repr(p),
                repr(type(p)),
                isinstance(p, t.Tensor),
                isinstance(q, t.nn.Parameter),
                p.is_leaf,
                repr(q),
            ],
            [
                repr(pickle.loads(pickle.dumps(p))),
                repr(p + 1),
                repr(p.data),
                repr(t.nn.Parameter(t.ones(1), False)),
            ],
            [isinstance(t.ones(1), t.nn.Parameter), isinstance(t.nn.Buffer(t.ones(1)), t.nn.Buffer)],
        )

    check(run)
    check(lambda t: t.nn.Parameter(3))
    check(lambda t: t.nn.Parameter(t.tensor([1, 2])))
    check(lambda t: t.nn.Parameter())


def test_utils():
    def run(t):
        m = mlp(t)
        m(t.ones(2, 3)).pow(2).sum().backward()
        u = t.nn.utils
        out = [u.clip_grad_norm_(m.parameters(), 0.1), m[0].weight.grad]
        u.clip_grad_value_(m.parameters(), 0.01)
        out += [m[2].weight.grad, u.clip_grad_norm_(m.parameters(), 1.0, norm_type=float("inf"))]
        v = u.parameters_to_vector(m.parameters())
        u.vector_to_parameters(v.detach() * 0 + 1, m.parameters())
        return [*out, v.shape, m[0].weight]

    check(run, EPS)


# losses


def _classes(t, *shape, n=3):
    import math

    count = math.prod(shape)
    return t.tensor([(i * 7 + 1) % n for i in range(count)]).reshape(shape)


def _numbers(t, *shape, scale=1.0, grad=True, positive=False):
    import math

    count = math.prod(shape)
    values = [math.sin(1.7 * i + 0.3) * scale for i in range(count)]
    if positive:
        values = [0.05 + 0.9 * abs(v) for v in values]
    return t.tensor(values).reshape(shape).requires_grad_(grad)


ELEMENT_LOSSES = {
    "mse_loss": {},
    "l1_loss": {},
    "smooth_l1_loss": {"beta": 0.4},
    "huber_loss": {"delta": 0.4},
    "soft_margin_loss": {},
    "binary_cross_entropy": {"positive": True},
    "binary_cross_entropy_with_logits": {},
    "poisson_nll_loss": {},
    "kl_div": {"positive": True},
    "hinge_embedding_loss": {},
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "other"])
@pytest.mark.parametrize("name", ELEMENT_LOSSES)
def test_element_losses(name, reduction):
    options = dict(ELEMENT_LOSSES[name])
    positive = options.pop("positive", False)

    def run(t):
        x = _numbers(t, 4, 5, scale=2.0, positive=positive)
        y = _numbers(t, 4, 5, positive=True, grad=name not in ("hinge_embedding_loss", "soft_margin_loss"))
        if name == "hinge_embedding_loss":
            y = _classes(t, 4, 5, n=2) * 2 - 1
        loss = getattr(t.nn.functional, name)(x, y, reduction=reduction, **options)
        loss.sum().backward()
        node = type(loss.grad_fn).__name__ if reductions_are_there else ""
        return node, loss, x.grad, y.grad

    check(run, 2e-6)


@pytest.mark.parametrize("name", ["mse_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits"])
def test_element_losses_differentiate_twice(name):
    def run(t):
        x, y = _numbers(t, 3, scale=2.0), _numbers(t, 3, positive=True)
        loss = getattr(t.nn.functional, name)(x, y)
        (g,) = t.autograd.grad(loss, x, create_graph=True)
        (h,) = t.autograd.grad(g.pow(2).sum(), x)
        return g, h

    check(run, 2e-6)


ODD_LOSSES = {
    "broadcast": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2, 1)),
    "no broadcast": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(3)),
    "empty": lambda t: t.nn.functional.mse_loss(t.zeros(0), t.zeros(0)),
    "integers": lambda t: t.nn.functional.mse_loss(t.tensor([1]), t.tensor([1])),
    "mixed": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2, dtype=t.float64)),
    "legacy": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2), size_average=False),
    "weights": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2), weight=t.tensor([1.0, 3.0])),
    "bad weights": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2), weight=t.ones(3)),
    "module": lambda t: t.nn.MSELoss(size_average=False)(t.zeros(2), t.ones(2)),
    "beta": lambda t: t.nn.functional.smooth_l1_loss(t.zeros(2), t.ones(2), beta=-1),
    "beta 0": lambda t: t.nn.functional.smooth_l1_loss(t.zeros(2), t.ones(2), beta=0.0),
    "delta": lambda t: t.nn.functional.huber_loss(t.zeros(2), t.ones(2), delta=0.0),
    "bce range": lambda t: t.nn.functional.binary_cross_entropy(t.zeros(2) - 1, t.ones(2)),
    "bce size": lambda t: t.nn.functional.binary_cross_entropy(t.zeros(2), t.ones(3)),
    "bce ends": lambda t: t.nn.functional.binary_cross_entropy(t.tensor([0.0, 1.0]), t.tensor([1.0, 1.0])),
    "bce weight": lambda t: t.nn.BCELoss(weight=t.tensor([2.0]))(t.tensor([0.3]), t.tensor([1.0])),
    "logits size": lambda t: t.nn.functional.binary_cross_entropy_with_logits(t.zeros(2), t.ones(3)),
    "logits weights": lambda t: t.nn.BCEWithLogitsLoss(t.tensor([2.0]), pos_weight=t.tensor([3.0]))(
        t.tensor([-40.0, 0.3]), t.tensor([1.0, 0.0])
    ),
    "gaussian": lambda t: t.nn.GaussianNLLLoss(full=True)(t.zeros(3), t.ones(3), t.tensor([1.0, 2.0, 0.0])),
    "gaussian negative": lambda t: t.nn.GaussianNLLLoss()(t.zeros(2), t.ones(2), -t.ones(2)),
    "gaussian size": lambda t: t.nn.GaussianNLLLoss()(t.zeros(2), t.ones(2), t.ones(3)),
    "ranking": lambda t: t.nn.MarginRankingLoss(0.5)(t.zeros(2), t.ones(2), t.ones(2)),
    "ranking size": lambda t: t.nn.MarginRankingLoss()(t.zeros(2), t.ones(2, 1), t.ones(2, 1)),
    "triplet": lambda t: t.nn.TripletMarginLoss(swap=True)(t.zeros(2, 2), t.ones(2, 2), t.ones(2, 2) * 1.5),
    "triplet margin": lambda t: t.nn.TripletMarginLoss(margin=0),
    "cosine": lambda t: t.nn.CosineEmbeddingLoss()(t.ones(2, 3), t.arange(6.0).view(2, 3), t.tensor([1, -1])),
    "poisson full": lambda t: t.nn.PoissonNLLLoss(full=True)(t.ones(3), t.tensor([0.5, 2.0, 5.0])),
}


@pytest.mark.parametrize("case", ODD_LOSSES)
def test_odd_losses(case):
    check(ODD_LOSSES[case], 1e-6)


SHAPES = [((4, 3), (4,)), ((3,), ()), ((2, 3, 4), (2, 4)), ((2, 3, 2, 2), (2, 2, 2)), ((0, 3), (0,))]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_cross_entropy(shapes, smoothing, weighted, reduction):
    def run(t):
        x = _numbers(t, *shapes[0], scale=3.0)
        y = _classes(t, *shapes[1])
        w = t.tensor([1.0, 2.0, 0.5]) if weighted else None
        loss = t.nn.functional.cross_entropy(
            x, y, w, reduction=reduction, label_smoothing=smoothing, ignore_index=2
        )
        loss.sum().backward()
        name = type(loss.grad_fn).__name__ if shapes[0] != (2, 3, 4) else ""
        return name, loss, x.grad

    check(run, 2e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_with_probabilities(smoothing, reduction):
    def run(t):
        x, y = _numbers(t, 4, 3, scale=3.0), _numbers(t, 4, 3, positive=True)
        loss = t.nn.functional.cross_entropy(
            x, y, t.tensor([1.0, 2.0, 0.5]), reduction=reduction, label_smoothing=smoothing
        )
        loss.sum().backward()
        return loss, x.grad, y.grad

    check(run, 2e-6)


def test_cross_entropy_twice():
    def run(t):
        x = _numbers(t, 4, 3)
        loss = t.nn.CrossEntropyLoss()(x, _classes(t, 4))
        (g,) = t.autograd.grad(loss, x, create_graph=True)
        return g, t.autograd.grad(g.pow(2).sum(), x)

    check(run, 2e-6)


def _integers(t, *shape, value=0):
    return t.zeros(*shape, dtype=t.int64) + value


BAD_TARGETS = {
    "scalar": lambda t, f: f(t.zeros(()), t.tensor(0)),
    "one": lambda t, f: f(t.zeros(3), _integers(t, 1)),
    "one of three": lambda t, f: f(t.zeros(3), _integers(t, 2)),
    "batch": lambda t, f: f(t.zeros(2, 3), _integers(t, 3)),
    "float": lambda t, f: f(t.zeros(2, 3), t.zeros(2)),
    "above": lambda t, f: f(t.zeros(2, 3), _integers(t, 2, value=5)),
    "below": lambda t, f: f(t.zeros(2, 3), _integers(t, 2, value=-1)),
    "weight": lambda t, f: f(t.zeros(2, 3), _integers(t, 2), weight=t.zeros(2)),
    "weight type": lambda t, f: f(t.zeros(2, 3), _integers(t, 2), weight=t.zeros(3, dtype=t.float64)),
    "inner": lambda t, f: f(t.zeros(2, 3, 4), _integers(t, 2, 3)),
    "image": lambda t, f: f(t.zeros(2, 3, 4, 5), _integers(t, 2, 4, 4)),
    "column": lambda t, f: f(t.zeros(2, 3), _integers(t, 2, 1)),
    "reduction": lambda t, f: f(t.zeros(2, 3), _integers(t, 2), reduction="q"),
    "ignored": lambda t, f: f(t.zeros(2, 3), _integers(t, 2, value=-100)),
    "int32": lambda t, f: f(t.zeros(2, 3), _integers(t, 2).int()),
    "integers": lambda t, f: f(_integers(t, 2, 3), _integers(t, 2)),
}


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("case", BAD_TARGETS)
def test_bad_targets(case, name):
    if (case, name) == ("integers", "cross_entropy"):
        pytest.skip("the text names a kernel of log_softmax")
    check(lambda t: BAD_TARGETS[case](t, getattr(t.nn.functional, name)), 1e-6)
