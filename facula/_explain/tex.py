"""The LaTeX form of an explanation, within what MathJax and KaTeX know."""

from __future__ import annotations

from .graph import short
from .printing import factor_latex, latex, symbol_latex, text
from .report import LONG, is_summed, place_of, value_of, with_numbers

__all__ = ["blocks"]


def blocks(e) -> list[str]:
    """Of an Explanation: the definitions, the local derivatives, and one for each derivative."""
    made = [_align([rf"{symbol_latex(s)} &= {latex(t)}" for _, s, t, _ in e._rows()])]
    rows = [row for step in e.graph.steps for row in _locals(e, step)]
    if rows:
        made.append(_align(rows))
    return made + [_align(_derivative(e, d)) for d in e.derivatives.values()]


def _locals(e, step):
    for local in e.locals[step.order]:
        if local is None:
            continue
        below = e._name(local.source)
        if local.factor is not None:
            yield rf"{_partial(e._step_symbol(step), below)} &= {latex(local.factor)}"
        elif local.tree is not None:
            yield rf"{_partial(e.loss, below)} &= {latex(local.tree)}"


def _derivative(e, d):
    loss, head, rows = symbol_latex(e.loss), _partial(e.loss, d.symbol), []
    left = head  # what the next row begins with
    for k, path in enumerate(d.paths):
        sign = "" if k == 0 else r"\quad + "
        factors = e._factors(path)
        if factors is not None:
            names, trees, _ = factors
            rows.append(f"{left} &= {sign}" + r" \cdot ".join(_partial(a, b) for a, b in names))
        elif d.path_count > 1:
            route = [e.loss, *(e._name(link.source) for link in path.links)]
            rows.append(f"{left} &= {sign}" + " ".join(_partial(a, b) for a, b in zip(route, route[1:])))
        else:
            for link in path.links:
                if link.tree is not None:
                    rows.append(f"{_partial(e.loss, e._name(link.source))} &= {latex(link.tree)}")
            continue
        left = ""
    if d.path_count > len(d.paths):
        rows.append(r" &\quad + \cdots")
    for k, path in enumerate(d.paths):
        factors = e._factors(path)
        if factors is not None:
            product = r" \cdot ".join(factor_latex(latex(t)) for t in factors[1])
            if any(map(is_summed, path.links)):
                product = rf"\sum\left({product}\right)"
        elif d.path_count > 1:
            product = _value(path.contribution) if path.contribution is not None else r"\cdots"
        else:
            continue
        rows.append((" &= " if k == 0 else r" &\quad + ") + product)
        if factors is not None and factors[2] is not None and d.path_count == 1:
            values = [value_of(n) for n in factors[2]]
            if not any(v is None or isinstance(v, complex) for v in values):
                rows.append(" &= " + r" \cdot ".join(factor_latex(latex(float(v))) for v in values))
    start = head if not rows or left else ""
    if d.tree is not None and len(text(d.tree)) <= LONG:
        rows.append(f"{start} &= {latex(d.tree)}")
        start = ""
        put_in = with_numbers(d.tree)
        if put_in is not None and put_in != d.tree:
            rows.append(f" &= {latex(put_in)}")
    if not rows or rows[-1].rpartition("&= ")[2] != _value(d.value):
        rows.append(f"{start} &= {_value(d.value)}")
    if d.numeric is not None:
        p = symbol_latex(d.symbol)
        h = r"\varepsilon" if p == "h" else "h"
        rows.append(
            rf"\frac{{{loss}({p} + {h}) - {loss}({p} - {h})}}{{2{h}}} &\approx {latex(d.numeric, 6)}"
            if d.value.numel() == 1
            else rf"\text{{central difference, entry {place_of(d.entry, d.value.shape)}}}"
            rf" &\approx {latex(d.numeric, 6)}"
        )
    return [row for k, row in enumerate(rows) if k == 0 or row != rows[k - 1]]


def _partial(a: str, b: str) -> str:
    return rf"\frac{{\partial {symbol_latex(a)}}}{{\partial {symbol_latex(b)}}}"


def _value(v) -> str:
    if v.numel() == 1:
        return latex(v.item() if v.is_complex() else float(v))
    if v.dim() in (1, 2) and v.numel() <= 12 and not v.is_complex():
        rows = v.tolist() if v.dim() == 2 else [v.tolist()]
        return (
            r"\begin{pmatrix}"
            + r" \\ ".join(" & ".join(latex(float(x)) for x in r) for r in rows)
            + r"\end{pmatrix}"
        )
    return rf"\text{{{short(v).replace('×', 'x')}}}"


def _align(rows) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"
