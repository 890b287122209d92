"""The steps of the optimizers as functions of lists: parameters, gradients, states, written to in place.

Each makes an optimizer of what it is given and lets it do one step, so that there is one formula.
"""

from __future__ import annotations

import facula as torch

__all__ = [
    *("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "asgd", "muon", "nadam", "radam"),
    *("rmsprop", "rprop", "sgd", "sparse_adam"),
]

# Class; state of the optimizer -> argument, in the order of the arguments.
_STATES: dict[str, tuple[str, dict[str, str]]] = {
    "adadelta": ("Adadelta", {"square_avg": "square_avgs", "acc_delta": "acc_deltas", "step": "state_steps"}),
    "adafactor": (
        "Adafactor",
        {"row_var": "row_vars", "col_var": "col_vars", "variance": "variances", "step": "state_steps"},
    ),
    "adagrad": ("Adagrad", {"sum": "state_sums", "step": "state_steps"}),
    "adam": (
        "Adam",
        {
            "exp_avg": "exp_avgs",
            "exp_avg_sq": "exp_avg_sqs",
            "max_exp_avg_sq": "max_exp_avg_sqs",
            "step": "state_steps",
        },
    ),
    "adamax": ("Adamax", {"exp_avg": "exp_avgs", "exp_inf": "exp_infs", "step": "state_steps"}),
    "asgd": ("ASGD", {"ax": "axs", "mu": "mus", "eta": "etas", "step": "state_steps"}),
    "muon": ("Muon", {"momentum_buffer": "muon_momentum_bufs"}),
    "nadam": (
        "NAdam",
        {
            "exp_avg": "exp_avgs",
            "exp_avg_sq": "exp_avg_sqs",
            "mu_product": "mu_products",
            "step": "state_steps",
        },
    ),
    "radam": ("RAdam", {"exp_avg": "exp_avgs", "exp_avg_sq": "exp_avg_sqs", "step": "state_steps"}),
    "rmsprop": (
        "RMSprop",
        {
            "square_avg": "square_avgs",
            "grad_avg": "grad_avgs",
            "momentum_buffer": "momentum_buffer_list",
            "step": "state_steps",
        },
    ),
    "rprop": ("Rprop", {"prev": "prevs", "step_size": "step_sizes", "step": "state_steps"}),
    "sgd": ("SGD", {"momentum_buffer": "momentum_buffer_list"}),
    "sparse_adam": (
        "SparseAdam",
        {"exp_avg": "exp_avgs", "exp_avg_sq": "exp_avg_sqs", "step": "state_steps"},
    ),
}
_STATES["adamw"] = ("AdamW", _STATES["adam"][1])
# What may follow the lists by position, in PyTorch's order.
_FOREACH = ("foreach", "capturable", "differentiable", "fused", "grad_scale", "found_inf", "has_complex")
_POSITIONAL = {
    "adadelta": ("capturable", "foreach", "differentiable", "has_complex"),
    "adafactor": ("foreach", "grad_scale", "found_inf", "has_complex"),
    "adagrad": (
        *("fused", "grad_scale", "found_inf", "has_sparse_grad", "foreach", "differentiable", "has_complex"),
    ),
    "adam": (*_FOREACH, "decoupled_weight_decay"),
    "adamw": _FOREACH,
    "adamax": ("foreach", "maximize", "differentiable", "capturable", "has_complex"),
    "asgd": ("foreach", "maximize", "differentiable", "capturable", "has_complex"),
    "nadam": (
        *("decoupled_weight_decay", "foreach", "capturable", "differentiable", "has_complex", "maximize"),
    ),
    "radam": (
        *("decoupled_weight_decay", "foreach", "differentiable", "capturable", "has_complex", "maximize"),
    ),
    "rmsprop": ("foreach", "maximize", "differentiable", "capturable", "has_complex"),
    "rprop": ("foreach", "capturable", "maximize", "differentiable", "has_complex"),
    "sgd": ("has_sparse_grad", "foreach", "fused", "grad_scale", "found_inf"),
}
# Options that are pairs in the optimizer, and what the step does not ask for.
_PAIRS = {
    "betas": ("beta1", "beta2"),
    "etas": ("etaminus", "etaplus"),
    "step_sizes": ("step_size_min", "step_size_max"),
    "eps": ("eps1", "eps2"),
}
_REQUIRED = {
    "adadelta": "lr rho eps weight_decay maximize",
    "adafactor": "d lr beta2_decay weight_decay eps1 eps2 maximize",
    "adagrad": "lr weight_decay lr_decay eps maximize",
    "adam": "amsgrad beta1 beta2 lr weight_decay eps maximize",
    "adamw": "amsgrad beta1 beta2 lr weight_decay eps maximize",
    "adamax": "eps beta1 beta2 lr weight_decay",
    "asgd": "lambd lr t0 alpha weight_decay",
    "muon": "lr weight_decay momentum nesterov ns_coefficients ns_steps eps adjust_lr_fn has_complex",
    "nadam": "beta1 beta2 lr weight_decay momentum_decay eps",
    "radam": "beta1 beta2 lr weight_decay eps",
    "rmsprop": "lr alpha eps weight_decay momentum centered",
    "rprop": "step_size_min step_size_max etaminus etaplus",
    "sgd": "weight_decay momentum lr dampening nesterov maximize",
    "sparse_adam": "eps beta1 beta2 lr maximize",
}


def _arguments(name: str, args: tuple, options: dict) -> tuple[list, list, dict, dict]:
    """(parameters, gradients, state -> list, options) of a call."""
    states = _STATES[name][1]
    lists = ("params", "d_p_list" if name == "sgd" else "grads", *states.values())
    order = (*lists, *_POSITIONAL.get(name, ()))
    required = (*lists, *_REQUIRED[name].split())
    if len(args) > len(order):
        raise TypeError(f"{name}() takes {len(order)} positional arguments but {len(args)} were given")
    given = dict(zip(order, args))
    for key, value in options.items():
        if key in given:
            raise TypeError(f"{name}() got multiple values for argument '{key}'")
        if key not in order and key not in required:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        given[key] = value
    absent = [key for key in lists if key not in given]
    kind = "positional"
    if not absent:
        absent, kind = [key for key in required if key not in given], "keyword-only"
    if absent:
        named = [f"'{key}'" for key in absent]
        text = (
            named[0]
            if len(named) == 1
            else ", ".join(named[:-1]) + f"{',' * (len(named) > 2)} and {named[-1]}"
        )
        plural = "s" if len(named) > 1 else ""
        raise TypeError(f"{name}() missing {len(named)} required {kind} argument{plural}: {text}")
    params, grads = given.pop(lists[0]), given.pop(lists[1])
    return params, grads, {state: given.pop(key) for state, key in states.items()}, given


def _step(name: str, args: tuple, options: dict) -> None:
    params, grads, states, given = _arguments(name, args, options)
    if not params:
        return
    scaling = {key: given.pop(key, None) for key in ("grad_scale", "found_inf")}
    if any(each is not None for each in scaling.values()) and not given.get("fused"):
        raise AssertionError("Expected grad_scale and found_inf to be None")
    for key in ("has_complex", "has_sparse_grad"):
        given.pop(key, None)
    for pair, (first, second) in _PAIRS.items():
        if first in given:
            given[pair] = (given.pop(first), given.pop(second))
    if name == "rprop":
        given["lr"] = 0.0  # only the first step sizes come from it
    kind = getattr(torch.optim, _STATES[name][0])
    if name in ("muon", "sgd") or not all(p.requires_grad for p in params):
        given.setdefault("foreach", None)
    optimizer = kind(
        list(params), **{k: v for k, v in given.items() if not (name == "muon" and k == "foreach")}
    )
    vars(optimizer).update(scaling)
    before = [p.grad for p in params]
    # Sparse steps are counted by the caller.
    late = name == "sparse_adam"
    try:
        for i, (p, grad) in enumerate(zip(params, grads)):
            p.grad = grad
            # A list that is shorter belongs to a state that is not kept.
            own = {state: each[i] for state, each in states.items() if i < len(each)}
            own = {state: value for state, value in own.items() if value is not None}
            if late:
                own["step"] = own["step"] - 1
            if own:
                optimizer.state[p] = own
        optimizer.step()
        for i, p in enumerate(params):
            for state, each in states.items():
                if i < len(each) and each[i] is None:
                    each[i] = optimizer.state[p].get(state)
    finally:
        for p, grad in zip(params, before):
            p.grad = grad


def _form(name: str):
    def step(*args, **options) -> None:
        _step(name, args, options)

    step.__name__ = step.__qualname__ = name
    lists = ", ".join(_STATES[name][1].values())
    step.__doc__ = (
        f"One step of {_STATES[name][0]} over lists: `params` and {lists} are written to.\n\n"
        f"    By position: params, gradients, {lists}.\n"
        f"    By keyword: {_REQUIRED[name].replace(' ', ', ')}.\n    "
    )
    return step


for _name in __all__:
    globals()[_name] = _form(_name)


def find(module: str, name: str):
    """The function of this name for a module of an optimizer; AttributeError."""
    if name in __all__ and name == module.rsplit(".", 1)[-1].lstrip("_"):
        return globals()[name]
    raise AttributeError(f"module '{module.replace('facula', 'torch', 1)}' has no attribute '{name}'")
