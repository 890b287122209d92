"""Programs that use torch.func with modules, Functions, random numbers and whole tutorials."""

from __future__ import annotations

import copy

CASES: dict = {}


def case(f):
    CASES[f.__name__] = f
    return f


def each(**cases):
    CASES.update(cases)


def net(t, seed=0, sizes=(4, 5, 3)):
    """A small network with weights that do not depend on a random stream."""
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layer = t.nn.Linear(a, b)
        with t.no_grad():
            n = a * b
            layer.weight.copy_(((t.arange(float(n)) * (7 + seed) % 11) / 11 - 0.5).reshape(b, a))
            layer.bias.copy_(t.arange(float(b)) / 10 + seed)
        layers += [layer, t.nn.Tanh()]
    return t.nn.Sequential(*layers[:-1])


def data(t, rows=6):
    return t.arange(4.0 * rows).reshape(rows, 4).sin(), t.arange(rows) % 3


def detached(model):
    return {k: v.detach() for k, v in model.named_parameters()}


# --- functional_call and stack_module_state ---

each(
    call_module=lambda t: t.func.functional_call(net(t), detached(net(t, 1)), (data(t)[0],)),
    call_module_one_argument=lambda t: t.func.functional_call(net(t), detached(net(t, 1)), data(t)[0]),
    call_module_partly=lambda t: t.func.functional_call(net(t), {"0.bias": t.ones(5)}, (data(t)[0],)),
    call_module_several=lambda t: t.func.functional_call(
        net(t), ({"0.bias": t.ones(5)}, {"2.bias": t.zeros(3)}), (data(t)[0],)
    ),
    call_module_stateless=lambda t: t.nn.utils.stateless.functional_call(
        net(t), {"0.bias": t.ones(5)}, (data(t)[0],)
    ),
    call_repeated_error=lambda t: t.func.functional_call(
        net(t), ({"0.bias": t.ones(5)}, {"0.bias": t.ones(5)}), (data(t)[0],)
    ),
    call_dicts_error=lambda t: t.func.functional_call(net(t), [3], (data(t)[0],)),
    call_type_error=lambda t: t.func.functional_call(net(t), 3, (data(t)[0],)),
    call_strict_error=lambda t: t.func.functional_call(
        net(t), {"0.bias": t.ones(5)}, (data(t)[0],), strict=True
    ),
    stack_none_error=lambda t: t.func.stack_module_state([]),
    stack_mode_error=lambda t: t.func.stack_module_state([net(t), net(t).eval()]),
    stack_class_error=lambda t: t.func.stack_module_state([net(t), t.nn.Linear(2, 2)]),
    stack_states=lambda t: t.func.stack_module_state([net(t, i) for i in range(3)]),
)


@case
def call_leaves_the_module(t):
    model = net(t)
    before = model(data(t)[0])
    t.func.functional_call(model, detached(net(t, 1)), (data(t)[0],))
    return before, model(data(t)[0])


@case
def call_tied(t):
    model = t.nn.Sequential(t.nn.Linear(3, 3), t.nn.Linear(3, 3))
    model[1].weight = model[0].weight
    new = {"0.weight": t.eye(3) * 2, "0.bias": t.zeros(3), "1.bias": t.zeros(3)}
    return t.func.functional_call(model, new, (t.ones(3),))


@case
def grad_of_module(t):
    inputs, labels = data(t)
    model = net(t)

    def loss(p):
        return t.nn.functional.cross_entropy(t.func.functional_call(model, p, (inputs,)), labels)

    return t.func.grad_and_value(loss)(detached(model))


@case
def hessian_of_module(t):
    inputs, labels = data(t)
    model = net(t, sizes=(4, 3, 3))

    def loss(p):
        return t.nn.functional.cross_entropy(t.func.functional_call(model, p, (inputs,)), labels)

    return t.func.hessian(loss)(detached(model))


# --- tutorials ---


@case
def per_sample_gradients(t):
    inputs, labels = data(t)
    model = net(t)
    params = detached(model)
    buffers = {k: v.detach() for k, v in model.named_buffers()}

    def compute_loss(params, buffers, sample, target):
        batch = sample.unsqueeze(0)
        targets = target.unsqueeze(0)
        predictions = t.func.functional_call(model, (params, buffers), (batch,))
        return t.nn.functional.cross_entropy(predictions, targets)

    ft_compute_grad = t.func.grad(compute_loss)
    return t.func.vmap(ft_compute_grad, in_dims=(None, None, 0, 0))(params, buffers, inputs, labels)


@case
def per_sample_gradients_of_convolutions(t):
    model = t.nn.Sequential(
        t.nn.Conv2d(1, 2, 3), t.nn.ReLU(), t.nn.MaxPool2d(2), t.nn.Flatten(), t.nn.Linear(8, 3)
    )
    with t.no_grad():
        for p in model.parameters():
            p.copy_((t.arange(float(p.numel())) % 5 / 5 - 0.4).reshape(p.shape))
    images, labels = (t.arange(3.0 * 36) * 1.7).sin().reshape(3, 1, 6, 6), t.arange(3)

    def compute_loss(params, image, label):
        out = t.func.functional_call(model, params, (image.unsqueeze(0),))
        return t.nn.functional.cross_entropy(out, label.unsqueeze(0))

    return t.vmap(t.func.grad(compute_loss), in_dims=(None, 0, 0), chunk_size=2)(
        detached(model), images, labels
    )


@case
def model_ensembling(t):
    models = [net(t, i) for i in range(3)]
    params, buffers = t.func.stack_module_state(models)
    base_model = copy.deepcopy(models[0])
    base_model = base_model.to("meta")

    def fmodel(params, buffers, x):
        return t.func.functional_call(base_model, (params, buffers), (x,))

    inputs, _ = data(t)
    same = t.vmap(fmodel, in_dims=(0, 0, None))(params, buffers, inputs)
    own = t.vmap(fmodel)(params, buffers, inputs.reshape(3, 2, 4))
    return same, own


@case
def jacobians_and_hessians(t):
    weight, bias = t.arange(12.0).reshape(3, 4) / 12, t.arange(3.0) / 3
    xv = t.arange(4.0) / 4

    def predict(weight, bias, x):
        return t.nn.functional.linear(x, weight, bias).tanh()

    _, vjp_fn = t.func.vjp(lambda a: predict(weight, bias, a), xv)
    (rows,) = t.vmap(vjp_fn)(t.eye(3))
    rev = t.func.jacrev(predict, argnums=2)(weight, bias, xv)
    fwd = t.func.jacfwd(predict, argnums=2)(weight, bias, xv)
    hess = t.func.hessian(predict, argnums=2)(weight, bias, xv)
    both = t.func.jacrev(t.func.jacfwd(predict, argnums=2), argnums=2)(weight, bias, xv)
    many = t.vmap(t.func.jacrev(predict, argnums=2), in_dims=(None, None, 0))(
        weight, bias, t.stack([xv, xv * 2])
    )
    weights = t.func.jacrev(predict, argnums=(0, 1))(weight, bias, xv)
    return rows, rev, fwd, hess, both, many, weights


@case
def neural_tangent_kernel(t):
    model = net(t, sizes=(4, 3, 2))
    params = detached(model)
    x1, x2 = data(t, 3)[0], data(t, 2)[0] * 0.5

    def fnet_single(params, x):
        return t.func.functional_call(model, params, (x.unsqueeze(0),)).squeeze(0)

    def by_contraction(compute="full"):
        jac1 = t.vmap(t.func.jacrev(fnet_single), (None, 0))(params, x1)
        jac2 = t.vmap(t.func.jacrev(fnet_single), (None, 0))(params, x2)
        equation = {"full": "Naf,Mbf->NMab", "trace": "Naf,Maf->NM"}[compute]
        parts = [t.einsum(equation, jac1[k].flatten(2), jac2[k].flatten(2)) for k in jac1]
        return t.stack(parts).sum(0)

    def by_products():
        def get_ntk(x1, x2):
            def func_x1(params):
                return fnet_single(params, x1)

            def func_x2(params):
                return fnet_single(params, x2)

            output, vjp_fn = t.func.vjp(func_x1, params)

            def get_ntk_slice(vec):
                vjps = vjp_fn(vec)
                _, jvps = t.func.jvp(func_x2, (params,), vjps)
                return jvps

            basis = t.eye(output.numel(), dtype=output.dtype).view(output.numel(), -1)
            return t.vmap(get_ntk_slice)(basis)

        return t.vmap(t.vmap(get_ntk, (None, 0)), (0, None))(x1, x2)

    return by_contraction(), by_contraction("trace"), by_products()


@case
def maml(t):
    def net_fn(x, params):
        x = t.nn.functional.linear(x, params[0], params[1])
        x = t.nn.functional.relu(x)
        return t.nn.functional.linear(x, params[2], params[3])

    params = [
        (t.arange(5.0).reshape(5, 1) - 2) / 3,
        t.arange(5.0) / 5,
        (t.arange(5.0).reshape(1, 5) - 1) / 4,
        t.zeros(1),
    ]
    params = [p.requires_grad_() for p in params]
    x1 = t.linspace(-1, 1, 8).reshape(2, 4, 1)
    x2 = t.linspace(-2, 2, 8).reshape(2, 4, 1)

    def get_loss_for_task(x1, y1, x2, y2):
        def inner_loss(params, x1, y1):
            f = net_fn(x1, params)
            return ((f - y1) ** 2).mean()

        grads = t.func.grad(inner_loss)(tuple(params), x1, y1)
        new_params = [(params[i] - 0.1 * grads[i]) for i in range(len(params))]
        v_f = net_fn(x2, new_params)
        return ((v_f - y2) ** 2).mean()

    losses = t.vmap(get_loss_for_task)(x1, x1.sin(), x2, x2.sin())
    loss = losses.mean()
    loss.backward()
    return loss, [p.grad for p in params]


@case
def inner_loop_of_steps(t):
    model = net(t)
    inputs, labels = data(t)

    def loss(p):
        return t.nn.functional.cross_entropy(t.func.functional_call(model, p, (inputs,)), labels)

    def adapted(p):
        for _ in range(3):
            g = t.func.grad(loss)(p)
            p = {k: v - 0.5 * g[k] for k, v in p.items()}
        return loss(p)

    return t.func.grad_and_value(adapted)(detached(model))


@case
def batch_norm_without_running_stats(t):
    model = t.nn.Sequential(t.nn.Linear(4, 3), t.nn.BatchNorm1d(3, track_running_stats=False))
    with t.no_grad():
        model[0].weight.copy_(t.arange(12.0).reshape(3, 4) / 12)
        model[0].bias.zero_()
    params = {k: t.stack([v.detach(), v.detach() * 2]) for k, v in model.named_parameters()}
    return t.vmap(lambda p: t.func.functional_call(model, p, (data(t)[0],)))(params)


@case
def batch_norm_running_error(t):
    model = t.nn.BatchNorm1d(4)
    return t.vmap(lambda a: t.func.functional_call(model, {}, (a,)))(data(t)[0].reshape(2, 3, 4))


# --- random numbers: which examples are the same ---


def _kinds(t, randomness, f):
    r = t.vmap(f, randomness=randomness)(t.ones(5, 40))
    return bool((r[0] == r[1]).all()), tuple(r.shape), str(r.dtype)


for _name, _f in {
    "rand": lambda t: lambda a: t.rand(7),
    "randn_like": lambda t: lambda a: t.randn_like(a),
    "randint": lambda t: lambda a: t.randint(0, 1000, (9,)),
    "randperm": lambda t: lambda a: t.randperm(30),
    "normal": lambda t: lambda a: t.normal(a, a),
    "bernoulli": lambda t: lambda a: t.bernoulli(a * 0.5),
    "dropout": lambda t: lambda a: t.nn.functional.dropout(a, 0.5),
    "dropout_off": lambda t: lambda a: t.nn.functional.dropout(a, 0.5, training=False),
    "dropout2d": lambda t: lambda a: t.nn.functional.dropout2d(a.reshape(1, 10, 2, 2), 0.5),
    "alpha_dropout": lambda t: lambda a: t.nn.functional.alpha_dropout(a, 0.5, training=True),
    "uniform_": lambda t: lambda a: (a * 1).uniform_(),
    "exponential_": lambda t: lambda a: t.zeros_like(a).exponential_(),
    "multinomial": lambda t: lambda a: t.multinomial(a, 20),
    "poisson": lambda t: lambda a: t.poisson(a * 9),
}.items():
    for _mode in ("same", "different"):
        _refused = _mode == "same" and _name in ("normal", "bernoulli", "multinomial", "poisson")
        _full = f"random_{_name}_{_mode}" + "_error" * _refused
        CASES[_full] = lambda t, f=_f, mode=_mode: _kinds(t, mode, f(t))


@case
def random_nested(t):
    def inner(a):
        return t.vmap(lambda b: t.rand(20), randomness="same")(t.ones(2))

    r = t.vmap(inner, randomness="different")(t.ones(3))
    return tuple(r.shape), bool((r[0] == r[1]).all()), bool((r[:, 0] == r[:, 1]).all())


# --- autograd.Function ---


def function(t, **attributes):
    class Cube(t.autograd.Function):
        @staticmethod
        def forward(x, k):
            return x**3 * k

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])
            ctx.save_for_forward(inputs[0])
            ctx.k = inputs[1]

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x * x * g * ctx.k, None

        @staticmethod
        def jvp(ctx, gx, _):
            (x,) = ctx.saved_tensors
            return 3 * x * x * gx * ctx.k

    for k, v in attributes.items():
        setattr(Cube, k, v)
    return Cube


def values(t):
    return t.tensor([[0.5, -1.5], [2.0, 1.0]])


def _rule(info, in_dims, x, k):
    return (x**3 * k, in_dims[0])


each(
    function_vmap=lambda t: t.vmap(lambda a: function(t, generate_vmap_rule=True).apply(a, 2.0))(values(t)),
    function_grad=lambda t: t.func.grad(lambda a: function(t).apply(a, 2.0).sum())(values(t)),
    function_vmap_grad=lambda t: t.vmap(
        t.func.grad(lambda a: function(t, generate_vmap_rule=True).apply(a, 2.0).sum())
    )(values(t)),
    function_grad_vmap=lambda t: t.func.grad(
        lambda b: t.vmap(lambda a: function(t, generate_vmap_rule=True).apply(a, 2.0))(b).sum()
    )(values(t)),
    function_vmap_vmap=lambda t: t.vmap(t.vmap(lambda a: function(t, generate_vmap_rule=True).apply(a, 2.0)))(
        values(t)
    ),
    function_jacrev=lambda t: t.func.jacrev(lambda a: function(t).apply(a, 2.0))(values(t)),
    function_jvp=lambda t: t.func.jvp(lambda a: function(t).apply(a, 2.0), (values(t),), (values(t),)),
    function_jacfwd=lambda t: t.func.jacfwd(lambda a: function(t, generate_vmap_rule=True).apply(a, 2.0))(
        values(t)
    ),
    function_grad_grad=lambda t: t.func.grad(t.func.grad(lambda a: function(t).apply(a, 2.0)))(t.tensor(1.5)),
    function_rule=lambda t: t.vmap(lambda a: function(t, vmap=staticmethod(_rule)).apply(a, 2.0))(values(t)),
    function_rule_in_dims=lambda t: t.vmap(
        lambda a: function(t, vmap=staticmethod(_rule)).apply(a, 2.0), in_dims=1, out_dims=1
    )(values(t)),
    function_no_rule_error=lambda t: t.vmap(lambda a: function(t).apply(a, 2.0))(values(t)),
    function_two_rules_error=lambda t: t.vmap(
        lambda a: function(t, vmap=staticmethod(_rule), generate_vmap_rule=True).apply(a, 2.0)
    )(values(t)),
    function_rule_returns_error=lambda t: t.vmap(
        lambda a: function(t, vmap=staticmethod(lambda info, in_dims, x, k: x)).apply(a, 2.0)
    )(values(t)),
)


@case
def function_without_setup_error(t):
    class Old(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    return t.func.grad(lambda a: Old.apply(a).sum())(values(t))


@case
def is_grads_batched(t):
    a = t.arange(3.0).requires_grad_()
    y = a**2
    return t.autograd.grad(y, a, t.eye(3), is_grads_batched=True)


@case
def gradients_of_older_style(t):
    a = t.arange(1.0, 4.0).requires_grad_()
    y = a.prod() * a
    return t.vmap(lambda v: t.autograd.grad(y, a, v, retain_graph=True)[0])(t.eye(3))
