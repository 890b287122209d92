"""The HTML form of an explanation: picture, table, derivatives. Self-contained, light and dark."""

from __future__ import annotations

from html import escape

from .graph import brief, number, short
from .picture import STYLE
from .printing import factor, pretty, symbol_pretty

__all__ = ["page", "table"]

_STYLE = """
.fx-doc{color:var(--fx-text);font:14px/1.5 "DejaVu Sans","Segoe UI",Helvetica,Arial,sans-serif;
background:var(--fx-page);padding:14px 18px;border-radius:10px;max-width:1280px}
.fx-doc .fx-two{display:flex;flex-wrap:wrap;gap:8px 28px;align-items:flex-start}
.fx-doc .fx-two>div{min-width:0}
.fx-doc h3{font-size:15px;margin:18px 0 6px;color:var(--fx-text)}
.fx-doc table{border-collapse:collapse;font-size:13px;margin:4px 0;color:var(--fx-text)}
.fx-doc th,.fx-doc td{text-align:left!important;padding:3px 12px 3px 4px;
border-bottom:1px solid var(--fx-edge);background:none!important;white-space:nowrap}
.fx-doc th{color:var(--fx-soft);font-weight:600}
.fx-doc td.v{color:var(--fx-value)}.fx-doc td.g{color:var(--fx-gradient)}
.fx-doc .fx-math{display:grid;grid-template-columns:max-content 1fr;gap:1px 8px;margin:8px 0 2px;
font-size:15px;overflow-x:auto}
.fx-doc .fx-math>span:nth-child(odd){text-align:right}
.fx-doc .fx-card{border-left:3px solid var(--fx-leaf-edge);padding:2px 0 4px 14px;margin:10px 0}
.fx-doc b.r{color:var(--fx-gradient)}
.fx-doc .ok{color:var(--fx-loss-edge)}.fx-doc .no{color:var(--fx-bad)}.fx-doc small{color:var(--fx-soft)}
.fx-doc p.w{color:var(--fx-bad);margin:6px 0}.fx-doc p.n{color:var(--fx-soft);margin:6px 0}
.fx-doc i{font-style:italic}
"""


def table(header, rows) -> str:
    """Cells are text; a cell (text, class) has a class."""
    out = ["<table><thead><tr>", *(f"<th>{escape(h)}</th>" for h in header), "</tr></thead><tbody>"]
    for row in rows:
        out.append("<tr>")
        for cell in row:
            content, cls = cell if isinstance(cell, tuple) else (cell, "")
            out.append(f'<td class="{cls}">{escape(content)}</td>' if cls else f"<td>{escape(content)}</td>")
        out.append("</tr>")
    return "".join([*out, "</tbody></table>"])


def wrap(inner: str) -> str:
    return f'<div class="fx fx-doc"><style>{STYLE}{_STYLE}</style>{inner}</div>'


def notes_html(notes) -> str:
    return "".join(f'<p class="{"w" if n.startswith("Warning") else "n"}">{escape(n)}</p>' for n in notes)


def page(e) -> str:
    """An Explanation as a fragment of HTML."""
    from .report import is_number

    loss = symbol_pretty(e.loss)
    rows = []
    for source in e.graph.leaves.values():
        g = e.graph.leaf_grads.get(id(source.value))
        rows.append(
            (
                symbol_pretty(source.symbol),
                "parameter",
                _shape(source.value),
                (_cell(source.value), "v"),
                (_cell(g), "g"),
            )
        )
    for c in e.graph.constants.values():
        if c.kind == "constant" and not is_number(c):
            row = (pretty(e._constant(c)), "constant", _shape(c.value), (_cell(c.value), "v"), "")
            rows += [row] if row not in rows else []
    for step, symbol, tree, shape in e._rows():
        rows.append(
            (
                symbol_pretty(symbol),
                pretty(tree)[:80],
                shape,
                (_cell(step.value), "v"),
                (_cell(step.grads[0]), "g"),
            )
        )
    parts = [f'<div class="fx-two"><div>{e.svg()}</div><div><h3>Chain rule</h3>']
    parts += [_derivative(e, d, loss) for d in e.derivatives.values()]
    parts.append("</div></div>")
    parts.append("<details open><summary><b>All steps</b></summary>")
    parts.append(table(("", "operation", "shape", "value", f"∂{loss}/∂(·)"), rows))
    parts.append("</details><details open><summary><b>Local derivatives</b></summary><div class='fx-math'>")
    for step in e.graph.steps:
        for local in e.locals[step.order]:
            if local is not None:
                left, right = _local(e, step, local, loss)
                parts.append(f"<span>{escape(left)}</span><span>= {escape(right)}</span>")
    parts.append("</div></details>")
    return wrap("".join([*parts, notes_html(e._notes())]))


def _local(e, step, local, loss) -> tuple[str, str]:
    from .report import value_of, with_numbers

    below, above = symbol_pretty(e._name(local.source)), symbol_pretty(e._step_symbol(step))
    if local.factor is None:
        right = f"{step.op}_vjp(∂{loss}/∂{above})" if local.tree is None else pretty(local.tree)
        return f"∂{loss}/∂{below}", right
    shown, put_in = pretty(local.factor), with_numbers(local.factor)
    value = "" if put_in is None else _minus(short(value_of(put_in)))
    return f"∂{above}/∂{below}", shown + (f" = {value}" if value not in ("", shown) else "")


def _shape(t):
    return "×".join(map(str, t.shape)) or "scalar"


def _derivative(e, d, loss) -> str:
    from .report import LONG, all_paths, value_of, with_numbers

    head = f"∂{loss}/∂{symbol_pretty(d.symbol)}"
    lines: list[tuple[str, str]] = []  # left of the sign, right of it (HTML)
    several = d.path_count > 1
    for k, path in enumerate(d.paths):
        factors = e._factors(path)
        left = f"path {k + 1}" if several else head
        if factors is None:
            route = [loss, *(symbol_pretty(e._name(link.source)) for link in path.links)]
            if several:
                lines.append(
                    (left, escape(" ← ".join(route) + f" contributes {_minus(short(path.contribution))}"))
                )
                continue
            for link in path.links:
                name = f"∂{loss}/∂{symbol_pretty(e._name(link.source))}"
                if link.tree is not None:
                    lines.append((name, escape(pretty(link.tree))))
            continue
        names, trees, numbers = factors
        lines.append((left, " · ".join(f"∂{symbol_pretty(a)}/∂{symbol_pretty(b)}" for a, b in names)))
        lines.append(("", escape(e._summed(path, " · ".join(factor(pretty(t)) for t in trees)))))
        if numbers is not None:
            row = " · ".join(factor(short(value_of(n)).replace("-", "−")) for n in numbers)
            lines.append(("", f"{row} = <b>{escape(_minus(short(path.contribution)))}</b>"))
        elif several:
            lines.append(("", escape(_minus(short(path.contribution)))))
    if several:
        lines.append((head, all_paths(d)))
    shown = d.tree is not None and len(d.formula) <= LONG
    if shown:
        lines.append((head, f"<b>{escape(pretty(d.tree))}</b>"))
        put_in = with_numbers(d.tree)
        if put_in is not None and d.numbers not in (d.formula, short(d.value)):
            lines.append(("", escape(pretty(put_in, 5))))
    lines.append(("" if shown or several else head, f'<b class="r">{escape(_minus(short(d.value)))}</b>'))
    body = "".join(f"<span>{escape(a)}</span><span>= {b}</span>" for a, b in lines)
    if d.numeric is None:
        check = f"<small>no numeric check: {escape(e._not_again())}</small>" if d.value.numel() else ""
    else:
        mark = '<span class="ok">✓</span>' if d.agrees else '<span class="no">✗ differs</span>'
        if d.agrees is None:
            mark = "<small>(the derivative jumps here)</small>" if d.precision == "kink" else ""
        entry = (
            ""
            if d.value.numel() == 1
            else f" (its entry of largest size: {number(d.value.reshape(-1)[d.entry].item(), 6)})"
        )
        check = f"<small>central difference: {_minus(number(d.numeric, 6) + escape(entry))}</small> {mark}"
    return f'<div class="fx-card"><div class="fx-math">{body}</div>{check}</div>'


def _cell(value) -> str:
    written = short(value)
    return _minus(written if len(written) <= 50 else brief(value))


def _minus(s: str) -> str:
    return s.replace("-", "−")
