"""The table that the tests run: the written rows, and for pointwise operations rows made from signatures."""

from __future__ import annotations

import re

from op_samples import NO_SAMPLES, written_rows
from op_tools import IN_PLACE, METHOD, OUT, PLACES, PRIVATE, Op, Sample
from op_tools import Spec as T

from facula import _C
from facula._composite import operations

S = Sample
m = T(3, 4)

# Where a default row takes its numbers from, if anywhere else than usual: away from poles.
DOMAINS = {"lgamma": (0.2, 2.9), "digamma": (0.2, 2.9), "mvlgamma": (1.1, 2.9)}
# Default rows whose derivative PyTorch refuses to give, or calls zero.
NO_DERIVATIVE = {"zeta", "igamma", "igammac", "floor_divide", "nextafter"}


def default_row(signatures: list[str]) -> Op:
    """Samples for a pointwise operation, made from its signature."""
    samples: list[Sample] = []
    big = None
    for signature in signatures:
        inside = signature[signature.index("(") + 1 : signature.rindex(")")]
        parts = [p.strip() for p in inside.split(",") if p.strip() and p.strip() != "*"]
        # A keyword-only tensor does not exist; numbers without default follow the tensors.
        needed = [p.split(" ") for p in parts if "=" not in p]
        kinds = [kind for kind, _ in needed]
        optional = [p for p in parts if "=" in p]

        def row(*shapes: tuple[int, ...], kinds: list[str] = kinds, **extra: object) -> Sample:
            tensors = iter(shapes)
            args = [
                {"Number": 0.75, "int": 2}.get(k) or T(*next(tensors), dtype="bool" if k == "Mask" else None)
                for k in kinds
            ]
            return S(*args, **extra)

        arity = sum(k in ("Tensor", "Mask") for k in kinds)
        shapes = [(3, 4), (4,), (3, 1)][:arity] if arity else []
        samples += [row(*shapes), row(*[(3, 4)] * arity), row(*[()] * arity), row(*[(0, 4)] * arity)]
        if arity == 2:
            samples += [row((3, 4), ()), row((2, 1), (3,)), row((0, 1), (3,))]
            if kinds == ["Tensor", "Tensor"]:
                samples += [S(m, 2.5), S(m, 2), S(T(), 3)]
        for text in optional:
            option = re.split(r"[ =]", text)
            value = {"int": 2, "float": 0.3, "Number": 2}[option[0].rstrip("?")]
            samples.append(row(*shapes, **{option[1]: value}))
        if big is None:
            big = row(*[(517, 601), (601,), (517, 1)][:arity])
    return Op(*samples, big=big)


SPACE_BITS = {path or "torch": bit for bit, path in PLACES} | {"Tensor": METHOD}


def composites() -> dict[str, Op]:
    """The operations written in Python: under their name, or "space.name" where that is taken."""
    taken = {e[0] for e in _C._entries() if e[2] and not e[2] & PRIVATE}
    table: dict[str, Op] = {}
    for name, _, spaces, aliases, out, inplace in sorted(operations(), key=lambda o: "torch" not in o[2]):
        main = "torch" in spaces or "Tensor" in spaces
        key = name if main or name not in taken | table.keys() else f"{spaces[0]}.{name}"
        op = table.setdefault(key, Op())
        for space in spaces:
            if space in SPACE_BITS:
                op.forms |= SPACE_BITS[space]
            else:
                op.spaces += (space,)
        op.forms |= (OUT if out else 0) | (IN_PLACE if inplace else 0)
        op.aliases += aliases
    return table


def rows() -> dict[str, Op]:
    """Every public operation: a written row, or for pointwise ones the default."""
    written = written_rows()
    found: dict[str, list[tuple]] = {}
    for entry in _C._entries():
        if entry[2] and not entry[2] & PRIVATE:
            found.setdefault(entry[0], []).append(entry)
    table: dict[str, Op] = {}
    for name, entries in found.items():
        pointwise = all(e[4] for e in entries)
        if name in written:
            op = written.pop(name)
        elif pointwise:
            op = default_row([e[1] for e in entries])
            op.default, op.domain = True, DOMAINS.get(name)
            op.grad = name not in NO_DERIVATIVE
        else:
            continue
        op.name, op.pointwise = name, any(e[4] for e in entries)
        for e in entries:
            op.forms |= e[2]
        op.aliases = tuple(" ".join(e[3] for e in entries).split())
        table[name] = op
    for name, composite in composites().items():
        if name in table:
            op = table[name]
        elif name in written:
            op = table[name] = written.pop(name)
            op.name = name
        else:
            continue
        op.forms, op.spaces = op.forms | composite.forms, composite.spaces
        op.aliases += composite.aliases
    for name, op in written.items():
        assert op.forms or not op.samples, f"{name} is no operation"
        if op.samples:
            op.name = name
            table[name] = op
    return table


def unsampled() -> list[str]:
    """Public operations that are not pointwise and have neither samples nor a reason."""
    table = rows()
    names = {e[0] for e in _C._entries() if e[2] and not e[2] & PRIVATE} | composites().keys()
    return sorted(n for n in names if n not in table and n not in NO_SAMPLES)


TABLE = rows()
