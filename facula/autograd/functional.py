"""Derivatives of functions as values: torch.autograd.functional.

Each function records `func` on fresh inputs and differentiates what it returns. Derivatives along a direction
are taken by differentiating twice ("double backward trick"): u -> J^T u is linear, and its derivative with
respect to u is J.
"""

from __future__ import annotations

import facula as torch

from .. import _C

__all__ = ["vjp", "jvp", "jacobian", "hessian", "hvp", "vhp"]

_NOT_IN_STRICT = "This is not allowed in strict mode."


def _tensors(given, what: str, function: str):
    """(was it a tuple, the tuple)."""
    many = isinstance(given, tuple)
    values = given if many else (given,)
    for i, value in enumerate(values):
        if not isinstance(value, _C.Tensor):
            where = f"value at index {i}" if many else f"given {what}"
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the "
                f"{where} "
                f"has type {type(value)}."
            )
    return many, values


def _fresh(values, create_graph: bool, need_graph: bool = True):
    """Tensors to differentiate by: views of the given ones where their history is to go on, else new "
    "leaves."""
    return tuple(
        t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_(need_graph)
        for t in values
    )


def _finished(values, create_graph: bool):
    if create_graph:
        return values
    if isinstance(values, _C.Tensor):
        return values.detach()
    return tuple(_finished(v, create_graph) for v in values)


def _packed(values, many: bool):
    return values if many else values[0]


def _check_direction(v, like, many: bool) -> None:
    if len(v) != len(like):
        if many:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(v, like)):
        if a.size() != b.size():
            entry = f"Entry {i} in " if many else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {b.size()} but got {a.size()}.")


def _need_history(values, strict: bool, says) -> None:
    """In strict mode: every value is there and recorded. `says(i)` is the error where it is not."""
    for i, t in enumerate(values if strict else ()):
        if t is None:
            raise RuntimeError(
                f"The output of the user-provided function is independent of input {i}. {_NOT_IN_STRICT}"
            )
        if not t.requires_grad:
            raise RuntimeError(says(i))


def _output_unrecorded(i: int) -> str:
    return (
        f"Output {i} of the user-provided function does not require gradients. The outputs must be "
        "computed in "
        "a differentiable manner from the input when running in strict mode."
    )


def _gradient_unrecorded(i: int) -> str:
    return (
        f"The gradient with respect to input {i} is independent of the inputs of the user-provided function. "
        f"{_NOT_IN_STRICT}"
    )


def _jacobian_unrecorded(i: int) -> str:
    return (
        "While computing the hessian, found that the jacobian of the user-provided function with respect to "
        f"input {i} is independent of the input. {_NOT_IN_STRICT} You should ensure that your function is "
        "twice "
        "differentiable and that the jacobian depends on the inputs (this would be violated by a linear "
        "function for example)."
    )


def _gradients(outputs, inputs, grad_outputs=None, create_graph=False, retain_graph=None, batched=False):
    """Of the outputs that are recorded; None for each input that has no part in them."""
    given = grad_outputs or (None,) * len(outputs)
    pairs = [(o, g) for o, g in zip(outputs, given) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return torch.autograd.grad(
        tuple(o for o, _ in pairs),
        inputs,
        tuple(g for _, g in pairs),
        allow_unused=True,
        create_graph=create_graph,
        retain_graph=retain_graph,
        is_grads_batched=batched,
    )


def _with_zeros(gradients, like, strict: bool, create_graph: bool, missing, constant):
    """Zeros where there is no gradient, which strict mode refuses with `missing(i)`; a gradient
    that strict mode is to differentiate again must be recorded, else `constant(i)` is the error."""
    result = []
    for i, g in enumerate(gradients):
        if g is None:
            if strict:
                raise RuntimeError(missing(i))
            g = torch.zeros_like(like[i])
        elif strict and create_graph and not g.requires_grad:
            raise RuntimeError(constant(i))
        result.append(g)
    return tuple(result)


def _independent(what: str, entry: str = "input"):
    return lambda i: f"The {what} is independent of {entry} {i}. {_NOT_IN_STRICT}"


def _constant(what: str):
    return lambda i: (
        f"The {what} of the user-provided function is independent of input {i}. This is not allowed in "
        "strict "
        "mode when create_graph=True."
    )


_OUTPUT_INDEPENDENT = _independent("output of the user-provided function")
_JACOBIAN_INDEPENDENT = _independent("jacobian of the user-provided function")


def _trick_independent(i: int) -> str:
    return (
        f"The gradient with respect to the input is independent of entry {i} in the grad_outputs when "
        "using the "
        f"double backward trick to compute forward mode gradients. {_NOT_IN_STRICT}"
    )


def _double_trick_independent(i: int) -> str:
    return (
        f"The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This "
        "is "
        "not allowed in strict mode as it prevents from using the double backward trick to replace forward "
        "mode "
        "AD."
    )


def _scalar_only(function: str, many: bool, outputs) -> None:
    if many:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].nelement() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {function} should contain a single element"
        )


def _direction(v, function: str, like, many: bool, single: str, create_graph: bool):
    """The vector v as a tuple; where it is None, `single` says what must have one element."""
    if v is None:
        if len(like) != 1 or like[0].nelement() != 1:
            raise RuntimeError(f"The vector v can only be None if {single} with a single element.")
        return None
    _, v = _tensors(v, "v", function)
    v = _fresh(v, create_graph, need_graph=False)
    _check_direction(v, like, many)
    return v


_SINGLE_OUTPUT = "the user-provided function returns a single Tensor"
_SINGLE_INPUT = "the input to the user-provided function is a single Tensor"


def _recorded(func, inputs, function: str, create_graph: bool, strict: bool):
    """(inputs were a tuple, fresh inputs, outputs were a tuple, outputs)."""
    many, inputs = _tensors(inputs, "inputs", function)
    inputs = _fresh(inputs, create_graph)
    many_out, outputs = _tensors(func(*inputs), "outputs of the user-provided function", function)
    _need_history(outputs, strict, _output_unrecorded)
    return many, inputs, many_out, outputs


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """A function's value and the product of a vector with its Jacobian, v^T J.

    Args:
        func: takes tensors by position; returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them, where the derivative is taken.
        v: of the outputs' shapes; may be left out for one output of one element.
        create_graph: the results can be differentiated again.
        strict: an output that does not depend on an input is an error, instead of a derivative of zero.

    Returns:
        (output, product): as `func` returns, and as `inputs`.

    Raises:
        RuntimeError: `v` is missing or has other shapes; in strict mode, an independent output.
        TypeError: something that is no tensor.

    Example:
        >>> import facula as torch
        >>> torch.autograd.functional.vjp(lambda x: x**2, torch.tensor([1.0, 2.0]), torch.ones(2))
        (tensor([1., 4.]), tensor([2., 4.]))
    """
    with torch.enable_grad():
        many, inputs, many_out, outputs = _recorded(func, inputs, "vjp", create_graph, strict)
        v = _direction(v, "vjp", outputs, many_out, _SINGLE_OUTPUT, create_graph)
    with torch.set_grad_enabled(create_graph or torch.is_grad_enabled()):
        found = _gradients(outputs, inputs, v, create_graph=create_graph)
        product = _with_zeros(found, inputs, strict, create_graph, _OUTPUT_INDEPENDENT, _constant("jacobian"))
    outputs, product = _finished(outputs, create_graph), _finished(product, create_graph)
    return _packed(outputs, many_out), _packed(product, many)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """A function's value and its derivative along a direction, J v.

    Args:
        func: takes tensors by position; returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them, where the derivative is taken.
        v: the direction, of the inputs' shapes; may be left out for one input of one element.
        create_graph: the results can be differentiated again.
        strict: an output that does not depend on the inputs is an error, instead of a derivative of zero.

    Returns:
        (output, derivative), each a tensor or a tuple as `func` returns.

    Raises:
        RuntimeError: `v` is missing or has other shapes; in strict mode, an independent output.
        TypeError: something that is no tensor.

    Example:
        >>> import facula as torch
        >>> torch.autograd.functional.jvp(lambda x: x**2, torch.tensor(3.0), torch.tensor(1.0))
        (tensor(9.), tensor(6.))
    """
    with torch.enable_grad():
        many, inputs = _tensors(inputs, "inputs", "jvp")
        inputs = _fresh(inputs, create_graph)
        v = _direction(v, "jvp", inputs, many, _SINGLE_INPUT, create_graph)
        many_out, outputs = _tensors(func(*inputs), "outputs of the user-provided function", "jvp")
        _need_history(outputs, strict, _output_unrecorded)
        # The backward is linear in the gradients given to it, whatever they are.
        u = tuple(torch.zeros_like(o, requires_grad=True) for o in outputs)
        gradients = _gradients(outputs, inputs, u, create_graph=True)
        _need_history(gradients, strict, _gradient_unrecorded)
    if create_graph:
        with torch.enable_grad():
            found = _gradients(gradients, u, v, create_graph=True)
            product = _with_zeros(found, outputs, strict, True, _trick_independent, _constant("jacobian"))
    else:
        found = _gradients(gradients, u, v)
        product = _with_zeros(found, outputs, strict, False, _trick_independent, _constant("jacobian"))
    outputs, product = _finished(outputs, create_graph), _finished(product, create_graph)
    return _packed(outputs, many_out), _packed(product, many_out)


def _batched_jacobian(inputs, outputs, create_graph: bool):
    """jacobian[output][input] from a batched backward."""
    from ._batched import rows_of

    rows, sizes = rows_of(outputs, inputs, create_graph=create_graph), [o.numel() for o in outputs]
    blocks = [[None] * len(sizes) if g is None else g.split(sizes) for g in rows]
    return tuple(
        tuple(
            o.new_zeros(o.shape + x.shape, dtype=x.dtype)
            if of_x[j] is None
            else of_x[j].reshape(o.shape + x.shape)
            for of_x, x in zip(blocks, inputs)
        )
        for j, o in enumerate(outputs)
    )


def _jacobian_by_rows(inputs, outputs, create_graph: bool, strict: bool):
    result = []
    for i, output in enumerate(outputs):
        rows = [[] for _ in inputs]
        for element in output.reshape(-1):
            found = _gradients((element,), inputs, retain_graph=True, create_graph=create_graph)
            for k, g in enumerate(found):
                if g is None and strict:
                    raise RuntimeError(
                        f"Output {i} of the user-provided function is independent of input {k}. "
                        f"{_NOT_IN_STRICT}"
                    )
                if g is not None and strict and create_graph and not g.requires_grad:
                    raise RuntimeError(_constant("jacobian")(i))
                rows[k].append(torch.zeros_like(inputs[k]) if g is None else g)
        result.append(
            tuple(
                (torch.stack(r) if r else x.new_zeros(0)).view(output.size() + x.size())
                for r, x in zip(rows, inputs)
            )
        )
    return tuple(result)


def _jacobian_by_columns(func, inputs, strict: bool, vectorize: bool):
    """In forward mode: the derivative along each element of each input."""
    if strict:
        raise RuntimeError(
            'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not '
            "supported "
            'together (yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
        )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for "
            "`vectorize=True`."
        )
    many, inputs = _tensors(inputs, "inputs", "jacobian")
    shape: dict = {}

    def checked(*args):
        shape["many"], outputs = _tensors(func(*args), "outputs of the user-provided function", "jacobian")
        return outputs

    try:
        found = _columns_at_once(checked, inputs)
    except Exception:  # what only single tangents can do, and errors as they give them
        found = _columns_one_by_one(checked, inputs)
    rows = [_packed(list(row), many) for row in found]
    return _packed(rows if many else tuple(rows), shape["many"])  # lists for several inputs, as in PyTorch


def _columns_at_once(checked, inputs):
    from ..func import jacfwd

    return jacfwd(checked, tuple(range(len(inputs))))(*inputs)


def _columns_one_by_one(checked, inputs):
    from . import forward_ad

    columns = []  # of each input
    outputs = ()
    for at, x in enumerate(inputs):
        of_input = []
        for k in range(x.numel()):
            unit = torch.zeros_like(x)
            unit.view(-1)[k] = 1
            with forward_ad.dual_level():
                duals = [
                    forward_ad.make_dual(t.detach(), unit) if i == at else t for i, t in enumerate(inputs)
                ]
                pairs = [forward_ad.unpack_dual(o) for o in checked(*duals)]
            of_input.append([torch.zeros_like(p) if t is None else t for p, t in pairs])
            outputs = tuple(p for p, _ in pairs)
        columns.append(of_input)
    if not outputs:
        outputs = checked(*inputs)
    return [
        [
            torch.stack([c[j] for c in columns[i]], -1).reshape(o.shape + x.shape)
            if columns[i]
            else o.new_zeros(o.shape + x.shape)
            for i, x in enumerate(inputs)
        ]
        for j, o in enumerate(outputs)
    ]


def _check_strategy(strategy: str, hint: str) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(hint)


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """The Jacobian of a function: the derivative of every output element by every input element.

    Args:
        func: takes tensors by position; returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them, where the derivative is taken.
        create_graph: the result can be differentiated again.
        strict: an output that does not depend on an input is an error, instead of a derivative of zero.
        vectorize: all rows in one batched backward.
        strategy: "reverse-mode" (a backward for each output element) or "forward-mode" (a forward for each
            input element; needs `vectorize=True`).

    Returns:
        A tensor of shape outputs + inputs; a tuple for several inputs, a tuple of those for several outputs.

    Raises:
        RuntimeError: in strict mode, an independent output.
        TypeError: something that is no tensor.

    Example:
        >>> import facula as torch
        >>> torch.autograd.functional.jacobian(lambda x: x**2, torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    _check_strategy(
        strategy,
        'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more '
        'outputs than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use '
        '"reverse-mode".',
    )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                'torch.autograd.functional.jacobian: `create_graph=True` and `strategy="forward-mode"` are '
                "not "
                "supported together (yet). Please either set `create_graph=False` or "
                '`strategy="reverse-mode"`.'
            )
        return _jacobian_by_columns(func, inputs, strict, vectorize)
    with torch.enable_grad():
        many, inputs, many_out, outputs = _recorded(func, inputs, "jacobian", create_graph, strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported "
                "together. Please either set `strict=False` or `vectorize=False`."
            )
        if vectorize:
            found = _batched_jacobian(inputs, outputs, create_graph)
        else:
            found = _jacobian_by_rows(inputs, outputs, create_graph, strict)
        found = _finished(found, create_graph)
        return _packed(tuple(_packed(row, many) for row in found), many_out)


def hessian(
    func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"
):
    """The Hessian of a function with one output element: its second derivatives.

    Args:
        func: takes tensors by position; returns a tensor of one element.
        inputs: a tensor or a tuple of them, where the derivatives are taken.
        create_graph: the result can be differentiated again.
        strict: an output that does not depend on an input is an error, instead of a derivative of zero.
        vectorize: all rows in one batched backward.
        outer_jacobian_strategy: "reverse-mode" or "forward-mode", of the second derivative.

    Returns:
        A tensor of shape inputs + inputs, or a tuple of tuples for several inputs.

    Raises:
        RuntimeError: `func` returns something else; in strict mode, an independent output.

    Example:
        >>> import facula as torch
        >>> torch.autograd.functional.hessian(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    many, inputs = _tensors(inputs, "inputs", "hessian")
    _check_strategy(
        outer_jacobian_strategy, 'Expected strategy to be either "forward-mode" or "reverse-mode".'
    )

    def checked(*args):
        result = func(*args)
        many_out, outputs = _tensors(result, "outputs of the user-provided function", "hessian")
        _need_history(outputs, strict, _output_unrecorded)
        _scalar_only("hessian", many_out, outputs)
        return result.squeeze()

    def gradient(*args):
        found = jacobian(checked, args, create_graph=True)
        _need_history(found, strict, _jacobian_unrecorded)
        return found

    if outer_jacobian_strategy == "forward-mode" and vectorize and not (create_graph or strict):
        rows = jacobian(gradient, inputs, create_graph=True, vectorize=True)  # the same numbers, and recorded
        return _packed([_packed(list(row), many) for row in rows], many)
    result = jacobian(
        gradient,
        inputs,
        create_graph=create_graph,
        strict=strict,
        vectorize=vectorize,
        strategy=outer_jacobian_strategy,
    )
    return _packed(tuple(_packed(row, many) for row in result), many)


def _first_order(name, func, inputs, v, create_graph, strict):
    """What products with a Hessian begin with: the checked arguments, the output, its recorded gradient."""
    many, inputs = _tensors(inputs, "inputs", name)
    inputs = _fresh(inputs, create_graph)
    v = _direction(v, name, inputs, many, _SINGLE_INPUT, create_graph)
    many_out, outputs = _tensors(func(*inputs), "outputs of the user-provided function", name)
    _need_history(outputs, strict, _output_unrecorded)
    _scalar_only(name, many_out, outputs)
    gradient = _gradients(outputs, inputs, create_graph=True)
    _need_history(gradient, strict, _jacobian_unrecorded)
    return many, inputs, v, many_out, outputs, gradient


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """A function's value and the product of a vector with its Hessian, v^T H.

    Args:
        func: takes tensors by position; returns a tensor of one element.
        inputs: a tensor or a tuple of them, where the derivatives are taken.
        v: of the inputs' shapes; may be left out for one input of one element.
        create_graph: the results can be differentiated again.
        strict: an output that does not depend on an input is an error, instead of a derivative of zero.

    Returns:
        (output, product): a tensor, and as `inputs`.

    Raises:
        RuntimeError: `func` returns something else, or `v` is missing or has other shapes.

    Example:
        >>> import facula as torch
        >>> torch.autograd.functional.vhp(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]), torch.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    with torch.enable_grad():
        many, inputs, v, many_out, outputs, gradient = _first_order(
            "vhp", func, inputs, v, create_graph, strict
        )
    with torch.set_grad_enabled(create_graph or torch.is_grad_enabled()):
        found = _gradients(gradient, inputs, v, create_graph=create_graph)
        product = _with_zeros(
            found, inputs, strict, create_graph, _JACOBIAN_INDEPENDENT, _constant("hessian")
        )
    outputs, product = _finished(outputs, create_graph), _finished(product, create_graph)
    return _packed(outputs, many_out), _packed(product, many)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """A function's value and the product of its Hessian with a vector, H v.

    Takes, returns and raises what `vhp` does, which is faster where the Hessian is symmetric.

    Example:
        >>> import facula as torch
        >>> torch.autograd.functional.hvp(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]), torch.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    with torch.enable_grad():
        many, inputs, v, many_out, outputs, gradient = _first_order(
            "hvp", func, inputs, v, create_graph, strict
        )
        u = tuple(torch.zeros_like(x, requires_grad=True) for x in inputs)
        twice = _gradients(gradient, inputs, u, create_graph=True)
        _need_history(twice, strict, _hessian_unrecorded)
    with torch.set_grad_enabled(create_graph or torch.is_grad_enabled()):
        found = _gradients(twice, u, v, create_graph=create_graph)
        product = _with_zeros(
            found, inputs, strict, create_graph, _double_trick_independent, _constant("hessian")
        )
    outputs, product = _finished(outputs, create_graph), _finished(product, create_graph)
    return _packed(outputs, many_out), _packed(product, many)


def _hessian_unrecorded(i: int) -> str:
    return (
        f"The hessian of the user-provided function with respect to input {i} is independent of the input. "
        f"{_NOT_IN_STRICT} You should ensure that your function is thrice differentiable and that the "
        "hessian "
        "depends on the inputs."
    )
