"""Random programs of views, writes in place, uses and backward passes, for both libraries.

A program is a list of statements in which `torch` is one library, then the other. It is grown one statement
at a time against PyTorch, so that shapes fit mostly; what PyTorch refuses is part of the program, for the
other library must refuse it too. After each statement all that can be seen of every variable is compared.
"""

from __future__ import annotations

import random
import warnings

import torch

import facula

MODES = ["", "", "", "", "", "", "", "", "no_grad", "no_grad", "inference_mode"]


def first_line(error: Exception) -> str:
    return str(error).split("\n")[0]


class Run:
    """A program under way in one library."""

    def __init__(self, library) -> None:
        self.space = {"torch": library}
        self.library = library

    def step(self, statement: str):
        """Runs a statement; returns its error, if any, as (type, first line)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                exec(statement, self.space)
            except Exception as error:
                return type(error).__name__, first_line(error)
        return None

    def tensors(self) -> dict[str, object]:
        found = {}
        for name, value in self.space.items():
            if isinstance(value, self.library.Tensor):
                found[name] = value
            elif isinstance(value, (tuple, list)):
                for i, each in enumerate(value):
                    if isinstance(each, self.library.Tensor):
                        found[f"{name}[{i}]"] = each
        return found

    def name_of(self, tensor) -> str | None:
        if tensor is None:
            return None
        for name, each in self.tensors().items():
            if each is tensor:
                return name
        return "?"

    def look(self, tensor, history: bool) -> list:
        """All that can be seen of a tensor; an error while looking is a sight as well."""
        views = [
            ("shape", lambda t: tuple(t.shape)),
            ("stride", lambda t: t.stride()),
            ("offset", lambda t: t.storage_offset()),
            ("dtype", lambda t: str(t.dtype)),
            ("inference", lambda t: t.is_inference()),
            ("values", lambda t: t.detach().tolist()),
            ("version", lambda t: t._version),
            ("base", lambda t: self.name_of(t._base)),
            ("view", lambda t: t._is_view()),
            ("retains", lambda t: t.retains_grad),
            ("grad", lambda t: None if t.grad is None else t.grad.tolist()),
            ("grad layout", lambda t: None if t.grad is None else t.grad.stride()),
        ]
        if history:
            views += [
                ("requires_grad", lambda t: t.requires_grad),
                ("leaf", lambda t: t.is_leaf),
                ("grad_fn", lambda t: t.grad_fn and t.grad_fn.name()),
                ("next", leads_to),
                ("output", lambda t: t.output_nr),
            ]
        seen = []
        for name, look in views:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    seen.append((name, look(tensor)))
                except Exception as error:
                    seen.append((name, (type(error).__name__, first_line(error))))
        return seen


def leads_to(tensor) -> list:
    """The nodes behind a tensor's own. Not compared: which operands count as inputs (masks, numbers), and
    what lies behind a reshape that copies, which is two nodes in PyTorch."""
    node = tensor.grad_fn
    if node is None or node.name() == "UnsafeViewBackward0":
        return []
    found = [(each.name(), i) for each, i in node.next_functions if each is not None]
    return found[:1] if node.name() == "IndexPutBackward0" else found  # PyTorch views the value first


def alike(a, b) -> bool:
    if isinstance(a, (float, complex)) and isinstance(b, type(a)):
        return a == b or abs(a - b) <= 1e-9 * max(1, abs(a)) or (a != a and b != b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b))
    return a == b


class Program:
    """Grows a program from a seed."""

    wide = False

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0
        self.statements: list[str] = []

    def new_name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def statement(self, run: Run) -> str:
        r = self.random
        tensors = run.tensors()
        if len(tensors) < 2 or r.random() < 0.04:
            shape, n = r.choice([("4", 4), ("2, 3", 6), ("3, 2, 2", 12), ("6", 6), ("2, 2", 4)])
            end = r.choice([".clone()", ".requires_grad_()", ".clone().requires_grad_()"])
            return (
                f"{self.new_name()} = torch.linspace(-1, 1.5, {n}, dtype=torch.float64).reshape({shape}){end}"
            )
        name = r.choice(list(tensors))
        t = tensors[name]
        kind = r.choices(
            ["view", "multi", "operation", "write", "index", "flag", "data", "hook", "backward", "grad"],
            [30, 5, 20, 28, 10, 3, 3, 4, 8, 4],
        )[0]
        made = getattr(self, kind)(name, t, tensors)
        mode = r.choice(MODES)
        if mode and kind not in ("backward", "grad"):
            made = f"with torch.{mode}():\n    {made}"
        return made

    def partner(self, t, tensors, *, broadcast: bool = True) -> str:
        """Something to compute with t: a number, or a tensor of the same (or of a smaller) shape."""

        def fits(o) -> bool:
            return o.shape == t.shape or (broadcast and o.dim() < t.dim() and o.shape == t.shape[-o.dim() :])

        fitting = [n for n, o in tensors.items() if o.dim() <= t.dim() and fits(o)]
        return self.random.choice([*fitting, "2.0", "0.5"]) if fitting else self.random.choice(["2.0", "0.5"])

    def chosen(self, name: str, options: str) -> str:
        """One line of `options`, in which {} stands for the tensor."""
        return self.random.choice([x.strip() for x in options.strip().split("\n")]).replace("{}", name)

    def view(self, name, t, tensors) -> str:
        options = VIEWS + (VIEWS_OF_ANY if t.dim() else "") + (VIEWS_OF_MATRICES if t.dim() == 2 else "")
        return f"{self.new_name()} = " + self.chosen(name, options + (VIEWS_OF_MORE if t.dim() > 1 else ""))

    def multi(self, name, t, tensors) -> str:
        return f"{self.new_name()} = " + self.chosen(name, MULTI)

    def operation(self, name, t, tensors) -> str:
        other = self.partner(t, tensors)
        return f"{self.new_name()} = " + self.chosen(name, OPERATIONS).replace("OTHER", other)

    def write(self, name, t, tensors) -> str:
        other = self.partner(t, tensors)
        same = other if other[0] == "v" else name
        return self.chosen(name, WRITES).replace("OTHER", other).replace("SAME", same)

    def index(self, name, t, tensors) -> str:
        r = self.random
        if not t.dim():
            return f"{name}[...] = {self.partner(t, tensors)}"
        places = ["0", "-1", "1:", "::2", "...", "torch.tensor([0])", f"{name} > 0", ":1"]
        at = r.choice(places + [":, 0"] * (t.dim() > 1))
        rows = [
            n for n, o in tensors.items() if o.dim() < t.dim() and o.shape == t.shape[t.dim() - o.dim() :]
        ]
        value = r.choice([*rows, "3.0"]) if at in ("0", "-1", "1:", "...") and rows else "3.0"
        return r.choice([f"{name}[{at}] = {value}", f"{name}[{at}] += {value}", f"{name}[{at}] *= 2.0"])

    def flag(self, name, t, tensors) -> str:
        return self.chosen(name, FLAGS)

    def data(self, name, t, tensors) -> str:
        other = self.partner(t, tensors, broadcast=False)
        same = other if other[0] == "v" else f"torch.zeros_like({name})"
        # A view that gets other memory goes on to count for its old base in PyTorch alone.
        made = self.chosen(name, DATA if t._is_view() else DATA + OTHER_MEMORY).replace("SAME", same)
        return f"{self.new_name()} = {made}" if made == f"{name}.data" else made

    def hook(self, name, t, tensors) -> str:
        if t._is_view():  # PyTorch 2.13 crashes for some views that are out of date
            return f"{name}.retain_grad()"
        return self.chosen(name, HOOKS)

    def backward(self, name, t, tensors) -> str:
        flags = self.random.choice(["", "retain_graph=True", "retain_graph=True", "create_graph=True"])
        return self.chosen(name, BACKWARDS).replace("FLAGS", flags)

    def grad(self, name, t, tensors) -> str:
        other, unused = self.random.choice(list(tensors)), self.random.random() < 0.5
        call = f"torch.autograd.grad({name}.cos().sum(), [{other}], retain_graph=True, allow_unused={unused})"
        return f"{self.new_name()} = {call}"


VIEWS = """
{}.detach()
{}.unsqueeze(0)
{}.unsqueeze(-1)
{}.reshape(-1)
{}.flatten()
{}[...]
{}.view_as({})
"""
VIEWS_OF_ANY = """{}[0]
{}[-1]
{}[1:]
{}[::2]
{}[None]
{}[:]
{}.narrow(0, 0, 1)
{}.select(0, 0)
{}.view(-1)
{}.expand(2, *{}.shape)
{}.unfold(0, 1, 1)
{}.squeeze()
{}.squeeze(0)
{}.as_strided((2,), (1,))
{}.as_strided((2,), (1,), 1)
"""
VIEWS_OF_MATRICES = """{}.t()
{}.T
{}.diagonal()
{}.view({}.shape[1], {}.shape[0])
"""
VIEWS_OF_MORE = """{}[:, 0]
{}[:, None]
{}.transpose(0, 1)
{}.movedim(0, -1)
{}.flatten(0, 1)
{}.permute(*reversed(range({}.dim())))
"""
MULTI = """
{}.unbind()
{}.split(1)
{}.chunk(2)
{}.tensor_split(2)
torch.unbind({}, -1)
"""
OPERATIONS = """
{} * OTHER
{} + OTHER
{} - OTHER
{} * {}
{}.sin()
{}.exp()
{}.tanh()
{}.clone()
{}.sum()
{}.sum(0)
{} ** 2
{}.contiguous()
torch.cat([{}, {}])
{}.cumsum(0)
"""
WRITES = """
{}.mul_(OTHER)
{}.add_(OTHER)
{}.sub_(OTHER)
{}.mul_(SAME)
{}.add_(SAME, alpha=2)
{}.copy_(SAME)
{}.addcmul_(SAME, SAME)
{}.lerp_(SAME, 0.3)
{}.zero_()
{}.fill_(1.5)
{}.sin_()
{}.exp_()
{}.tanh_()
{}.neg_()
{}.relu_()
{}.square_()
{}.sigmoid_()
{}.cumsum_(0)
{}.clamp_(-0.5, 0.5)
{}.masked_fill_({} > 0, 0.25)
"""
FLAGS = """
{}.requires_grad_()
{}.requires_grad_(False)
{}.detach_()
{}.retain_grad()
{}.grad = None
{}.t_()
{}.unsqueeze_(0)
{}.squeeze_()
{}.grad = torch.zeros_like({})
"""
DATA = """
{}.data.mul_(2.0)
{}.data[...] = 1.0
{}.detach().add_(1.0)
{}.data
"""
OTHER_MEMORY = """{}.data = SAME
{}.set_(SAME)
"""
HOOKS = """
{}.register_hook(lambda g: g * 2)
{}.register_hook(lambda g: None)
{}.retain_grad()
"""
BACKWARDS = """
({} * {}).sum().backward(FLAGS)
{}.sum().backward(FLAGS)
{}.backward(torch.ones_like({}), FLAGS)
"""


def overlaps_itself(t) -> bool:
    """Whether elements are one: most writes do not say then which of them is the last."""
    return 1 + sum((n - 1) * s for n, s in zip(t.shape, t.stride())) < t.numel()


class WideProgram(Program):
    """More kinds of statements than Program knows, whose seeds are to stay what they are."""

    wide = True

    def statement(self, run: Run) -> str:
        r = self.random
        tensors = run.tensors()
        if len(tensors) >= 2 and r.random() < 0.35:
            name = r.choice(list(tensors))
            t = tensors[name]
            kinds = ["more_views", "more_writes", "out", "memory", "number", "node"]
            kind = r.choices(kinds, [30, 25, 12, 8, 5, 6])[0]
            made = getattr(self, kind)(name, t, tensors)
            mode = r.choice(MODES) if kind != "memory" else ""  # what is normal elsewhere stays so
            return f"with torch.{mode}():\n    {made}" if mode else made
        if r.random() < 0.03:
            shape = r.choice(["0", "0, 2", "2, 0", "1", "1, 3", "2, 1, 2"])
            end = r.choice(["", ".requires_grad_()", ".clone().requires_grad_()"])
            return f"{self.new_name()} = torch.full(({shape},), 0.75, dtype=torch.float64){end}"
        return super().statement(run)

    def more_views(self, name, t, tensors) -> str:
        options = ANY_VIEWS
        if t.is_complex():
            options += "torch.view_as_real({})\n{}.real\n{}.imag\n{}.conj()\n"
        elif t.dim() and t.shape[-1] == 2 and t.stride(-1) == 1:
            options += "torch.view_as_complex({})\n"
        if t.dim():
            options += (
                "{}.unfold(-1, 2, 1)\n{}.unfold(0, 1, 2)\n{}.swapdims(0, -1)\n{}.unflatten(0, (-1, 1))\n"
            )
        if t.dim() > 1:
            options += (
                "{}.diagonal(1)\n{}.diagonal(0, -1, 0)\n{}.mT\n{}[0, 1:]\n{}[..., ::2]\n{}.select(1, -1)\n"
            )
            options += "{}.hsplit(1)\n{}.vsplit(1)\n{}.split([1, {}.shape[1] - 1], 1)\n{}.squeeze((0, 1))\n"
        return f"{self.new_name()} = " + self.chosen(name, options)

    def more_writes(self, name, t, tensors) -> str:
        other = self.partner(t, tensors)
        if not t.dim():
            return self.chosen(name, "{}.copy_(torch.tensor(2.0))\n{}.fill_(torch.tensor(0.5))\n{}.add_(1)")
        same = other if other[0] == "v" else name
        if overlaps_itself(t):
            return f"{name}.sub_({same}, alpha=0.5)"
        return self.chosen(name, MORE_WRITES).replace("OTHER", other).replace("SAME", same)

    def out(self, name, t, tensors) -> str:
        other = self.partner(t, tensors)
        source = self.random.choice(list(tensors))
        return self.chosen(name, OUT).replace("OTHER", other).replace("SOURCE", source)

    def memory(self, name, t, tensors) -> str:
        # Another shape under a tensor that was computed with is refused with another text.
        other = self.random.choice(
            [n for n, o in tensors.items() if o.shape == t.shape and not o.is_inference()] or [name]
        )
        return self.chosen(name, MEMORY).replace("OTHER", other)

    def write(self, name, t, tensors) -> str:
        return f"{name}.exp_()" if overlaps_itself(t) else super().write(name, t, tensors)

    def number(self, name, t, tensors) -> str:
        return f"{self.new_name()} = " + self.chosen(name, MORE_OPERATIONS)

    def node(self, name, t, tensors) -> str:
        if t._is_view():  # PyTorch 2.13 crashes for some views that are out of date
            return f"{name}.retain_grad()"
        return self.chosen(name, MORE_HOOKS)


ANY_VIEWS = """
{}.view({}.shape)
{}.expand_as({})
{}.expand(3, *{}.shape)
{}.unsqueeze(0).expand(2, *{}.shape)
{}.permute(*range({}.dim()))
{}.movedim(-1, 0)
{}.unbind(0)
{}.data
{}.view_as({})
{}.as_strided({}.shape, {}.stride())
{}.as_strided((2, 2), (1, 1))
{}.as_strided((1,), (1,), 2)
{}.detach().view(-1)
{}.detach()[...]
{}.contiguous().view(-1)
{}.squeeze(-1)
{}.ravel()
{}.narrow(-1, 0, 1)
torch.atleast_2d({})
torch.broadcast_to({}, (2, *{}.shape))
torch.split({}, 2)
torch.chunk({}, 3, -1)
{}.reshape({}.shape)
{}.to(torch.float64)
{}.requires_grad_(False)
"""
MORE_WRITES = """
{}[{} > 0] = OTHER
{}[{} > 0] = 0.5
{}[[0]] = OTHER
{}[torch.tensor([0, 0])] += 1.0
{}.index_put_((torch.tensor([0]),), torch.tensor(1.5, dtype=torch.float64))
{}.index_put_((torch.tensor([0]),), torch.tensor(1.5, dtype=torch.float64), accumulate=True)
{}.index_fill_(0, torch.tensor([0]), 2.0)
{}.index_add_(0, torch.tensor([0]), {}[:1])
{}.index_copy_(0, torch.tensor([0]), {}[:1])
{}.masked_fill_({} < 0, torch.tensor(0.1, dtype=torch.float64))
{}.masked_scatter_({} > 0, {}.clone())
{}.scatter_(0, torch.zeros_like({}, dtype=torch.int64)[:1], 0.3)
{}.scatter_add_(0, torch.zeros_like({}, dtype=torch.int64)[:1], {})
{}.copy_(OTHER)
{}.copy_({}[0])
{}.copy_(2.5)
{}[0].copy_({}[-1])
{}[1:].copy_({}[:-1])
{}[1:].add_({}[:-1])
{}[:-1] = {}[1:]
{}[..., :1] = {}[..., -1:]
{}.add_({}[0])
{}.mul_({}.sum())
{}.sub_(SAME, alpha=0.5)
{}.div_(2)
{}.pow_(2)
{}.cumprod_(0)
{}.clamp_(min=0)
{}.addcdiv_(SAME, SAME)
{}.triu_()
{}.swapaxes_(0, -1)
{}.unsqueeze_(-1)
{}.squeeze_(0)
{}.transpose_(0, -1)
{}.as_strided_((1,), (1,))
{}.detach()[0] = 4.0
{}.select(0, 0).zero_()
{}.flip(0).add_(1)
{}.abs_().add_(0.1).log_()
{}.where({} > 0, 0.5).mul_(2)
{} += OTHER
{} *= OTHER
{} -= {}
{} **= 2
{}[0] -= {}[-1]
"""
OUT = """
torch.add({}.clone(), OTHER, out=SOURCE)
torch.mul({}, OTHER, out={})
torch.sin({}.clone(), out=SOURCE)
torch.exp({}, out={})
torch.cat([{}.clone(), {}.clone()], out=SOURCE.clone())
torch.sum({}.clone(), 0, out=SOURCE)
torch.sub(2.0, {}.clone(), out=SOURCE)
torch.clamp({}.clone(), -0.5, 0.5, out=SOURCE)
torch.cumsum({}.clone(), 0, out=SOURCE)
torch.abs({}.clone(), out=SOURCE.detach())
torch.neg({}.clone(), out=SOURCE.data)
"""
MEMORY = """
{}.set_(OTHER)
{}.set_(OTHER.untyped_storage(), 0, (1,))
{}.set_(OTHER.detach().clone(), 0, (1, 1), (2, 1))
{}.data = OTHER
{}.data = OTHER.clone()
{}.resize_(1)
{}.detach().resize_(1, 1)
{}.data.zero_()
{}.data.add_(1.0)
{}.untyped_storage().nbytes()
"""
MORE_OPERATIONS = """
{}.mean()
{}.mean(0)
{}.max()
{}.abs()
{}.sigmoid().log()
{}.prod()
{}.flip(0)
{}.repeat(2)
torch.stack([{}, {}])
{}.masked_fill({} > 0, 0.0)
{}.clamp(min=0)
{}.where({} > 0, torch.zeros((), dtype=torch.float64))
{}.T.contiguous() if {}.dim() == 2 else {}.sqrt()
{}[{} > 0]
{}[torch.tensor([0])]
{}.softmax(0)
{}.norm()
{}.relu()
{}.roll(1)
2.0 - {}
{} / 2.0
{}.logsumexp(0)
torch.addcmul({}, {}, {})
"""
MORE_HOOKS = """
{}.register_hook(lambda g: g.mul_(2))
{}.register_hook(lambda g: g.clone())
{}.register_hook(lambda g: g.detach())
{}.register_post_accumulate_grad_hook(lambda p: p.grad.add_(1))
{}.grad_fn.register_hook(lambda a, b: None)
{}.grad_fn.register_prehook(lambda a: None)
{}.sum().backward(retain_graph=True, inputs=[{}])
{}.retain_grad()
"""


def compare(seed: int, length: int = 25, kind: type[Program] = Program) -> str | None:
    """Runs one random program in both libraries: None, or how they differ and after which statements."""
    program = kind(seed)
    runs = Run(torch), Run(facula)
    for i in range(length):
        statement = program.statement(runs[0])
        program.statements.append(statement)
        errors = [run.step(statement) for run in runs]
        text = "\n".join(program.statements)
        if not same_error(*errors):
            return f"seed {seed}\n{text}\nPyTorch: {errors[0]}\nfacula:  {errors[1]}"
        if errors[0] and errors[0][1].startswith("Inplace update to inference tensor"):
            return None  # PyTorch writes before it refuses; facula does not
        history = program.random.random() < 0.5 or i == length - 1
        seen, others = ({name: run.look(t, history) for name, t in run.tensors().items()} for run in runs)
        for name, sights in seen.items():
            for (what, expected), (_, got) in zip(
                sights, others.get(name, [(w, "missing") for w, _ in sights])
            ):
                if not alike(expected, got):
                    return f"seed {seed}\n{text}\n{name}.{what}\nPyTorch: {expected}\nfacula:  {got}"
    return None


def same_error(expected, got) -> bool:
    if expected is None or got is None:
        return expected is got
    return expected[0] == got[0] and got[1].startswith(expected[1])
