"""A graph drawn as SVG: layers from top (inputs) to bottom (the loss), boxes with values and gradients."""

from __future__ import annotations

from html import escape

__all__ = ["Box", "Link", "STYLE", "draw"]

# The same sheet serves light and dark backgrounds, a notebook's own choice before the system's.
_LIGHT = """--fx-text:#1b2430;--fx-soft:#5b6775;--fx-line:#9aa7b5;--fx-card:#ffffff;--fx-edge:#c9d2dc;
--fx-leaf:#e8f1fd;--fx-leaf-edge:#3b7dd8;--fx-constant:#f1f3f5;--fx-loss:#e6f6ec;--fx-loss-edge:#2e9e5b;
--fx-gradient:#b4500b;--fx-value:#1f6feb;--fx-bad:#c62828;--fx-bad-fill:#fdeaea;--fx-page:#ffffff;--fx-label:#fffaf3"""
_DARK = """--fx-text:#e6edf3;--fx-soft:#9aa7b5;--fx-line:#6b7886;--fx-card:#1c232c;--fx-edge:#3a4552;
--fx-leaf:#16263d;--fx-leaf-edge:#5b9bf0;--fx-constant:#232a33;--fx-loss:#152d20;--fx-loss-edge:#4cc07c;
--fx-gradient:#f0a35e;--fx-value:#79b8ff;--fx-bad:#ff7b72;--fx-bad-fill:#3b1d1f;--fx-page:#12171d;--fx-label:#26201a"""
STYLE = f"""
.fx{{{_LIGHT}}}
@media (prefers-color-scheme:dark){{.fx{{{_DARK}}}}}
body[data-jp-theme-light="true"] .fx,body.vscode-light .fx,html[theme="light"] .fx{{{_LIGHT}}}
body[data-jp-theme-light="false"] .fx,body.vscode-dark .fx,html[theme="dark"] .fx{{{_DARK}}}
.fx text{{font-family:"DejaVu Sans","Segoe UI",Helvetica,Arial,sans-serif;fill:var(--fx-text)}}
.fx .fx-page{{fill:var(--fx-page)}}
.fx .fx-title{{font-size:14px;font-weight:600}}
.fx .fx-small{{font-size:12px;fill:var(--fx-value)}}
.fx .fx-grad{{font-size:12px;fill:var(--fx-gradient)}}
.fx .fx-note{{font-size:11px;fill:var(--fx-soft)}}
.fx .fx-box{{fill:var(--fx-card);stroke:var(--fx-edge);stroke-width:1.2}}
.fx .fx-leaf,.fx .fx-group{{fill:var(--fx-leaf);stroke:var(--fx-leaf-edge)}}
.fx .fx-constant{{fill:var(--fx-constant);stroke:var(--fx-edge);stroke-dasharray:4 3}}
.fx .fx-loss{{fill:var(--fx-loss);stroke:var(--fx-loss-edge);stroke-width:1.8}}
.fx .fx-bad{{fill:var(--fx-bad-fill);stroke:var(--fx-bad);stroke-width:2}}
.fx .fx-path{{fill:none;stroke:var(--fx-line);stroke-width:1.4}}
.fx .fx-carries{{stroke:var(--fx-gradient);stroke-width:1.6}}
.fx .fx-head{{fill:var(--fx-line)}}
.fx .fx-head-carries{{fill:var(--fx-gradient)}}
.fx .fx-label{{fill:var(--fx-label);opacity:.94}}
"""

_LINE_OF = ("box", "loss", "bad", "group")  # what stands in a line as far as it can
_GAP_X, _GAP_Y, _PAD, _LINE, _ROW = 34, 64, 14, 18, 23


class Box:
    """`lines`: (text, class) from top to bottom."""

    def __init__(self, key, lines, kind="box", note=""):
        self.key, self.lines, self.kind, self.note = key, lines, kind, note
        self.width = (
            max([66.0, *(text_width(t, 9.4 if c == "fx-title" else 7.6) for t, c in lines)]) + 2 * _PAD
        )
        self.height = _LINE * len(lines) + 16
        self.rank = 0
        self.x = self.y = 0.0


class Link:
    """From an operand to the operation that reads it; `label`: the local derivative."""

    def __init__(self, start, end, label="", carries=False):
        self.start, self.end, self.label, self.carries = start, end, label, carries


class _Bend:  # where a long link passes a layer
    lines = ()
    kind = "bend"
    height = 0.0

    def __init__(self, rank):
        self.rank, self.width, self.x, self.y = rank, 26.0, 0.0, 0.0


def text_width(s: str, size: float) -> float:
    thin = sum(c in "il.,·'|:()[]∂ᵀ₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹ " for c in s)
    return size * (len(s) - 0.42 * thin)


def draw(boxes: list[Box], links: list[Link], title: str, legend: list[tuple[str, str]] = ()) -> str:
    """The picture as a string; it needs nothing outside itself."""
    by_key = {b.key: b for b in boxes}
    links = [link for link in links if link.start in by_key and link.end in by_key]
    _rank(boxes, links, by_key)
    layers, chains = _layers(boxes, links, by_key)
    _order(layers, chains)
    _place(layers, chains)
    width = max((b.x + b.width / 2 for layer in layers for b in layer), default=0.0)
    left = min((b.x - b.width / 2 for layer in layers for b in layer), default=0.0)
    y, gap = 56.0, _GAP_Y if any(link.label for link in links) else _GAP_Y / 2
    for rank, layer in enumerate(layers):
        tall = max(b.height for b in layer)
        for b in layer:
            b.y = y + tall / 2
        y += tall + gap
        if rank + 1 < len(layers):  # labels that would overlap stand one above the other
            y += _ROW * (_levels(links, chains, layers[rank + 1]) - 1)
    labels = [label for layer in layers[1:] for label in _labels(links, chains, layer)]
    for x, _, w, _, _ in labels:
        width, left = max(width, x + w / 2), min(left, x - w / 2)
    shift = 24 - left
    written = sum(text_width(text, 7.2) + 22 for text, _ in legend)
    total = max(width + shift + 24, text_width(title, 10.6) + 48, written + 26)
    if total > width + shift + 24:
        shift += (total - (width + shift + 24)) / 2
    height = y - gap + 28 + (22 if legend else 0)
    out = [
        f'<svg class="fx" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {height:.0f}" '
        f'width="{total:.0f}" height="{height:.0f}" role="img" style="max-width:100%;height:auto">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        '<defs><marker id="fx-a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="fx-head" d="M0 0L8 4L0 8z"/></marker><marker id="fx-b" viewBox="0 0 8 8" '
        'refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="fx-head-carries" '
        'd="M0 0L8 4L0 8z"/></marker></defs>',
        f'<rect class="fx-page" width="{total:.0f}" height="{height:.0f}" rx="10"/>',
        f'<text class="fx-title" x="24" y="32" style="font-size:16px">{escape(title)}</text>',
    ]
    for link, chain in zip(links, chains):
        out.append(_path(chain, shift, link.carries))
    for x, cy, w, label, link in labels:
        cls = "fx-grad" if link.carries else "fx-note"
        out.append(
            f'<rect class="fx-label" x="{x + shift - w / 2:.1f}" y="{cy - 10:.1f}" width="{w:.1f}" '
            f'height="20" rx="5"/><text class="{cls}" x="{x + shift:.1f}" y="{cy + 4:.1f}" '
            'text-anchor="middle">'
            f"{escape(label)}</text>"
        )
    for b in boxes:
        out.append(_box(b, shift))
    x = 24.0
    for text, cls in legend:
        out.append(f'<text class="{cls}" x="{x:.0f}" y="{height - 14:.0f}">{escape(text)}</text>')
        x += text_width(text, 7.2) + 22
    return "\n".join([*out, "</svg>"])


def _rank(boxes, links, by_key):
    inputs: dict = {b.key: [] for b in boxes}
    readers: dict = {b.key: [] for b in boxes}
    for link in links:
        inputs[link.end].append(link.start)
        readers[link.start].append(link.end)
    waiting = {k: len(v) for k, v in inputs.items()}
    ready = [b.key for b in boxes if not waiting[b.key]]
    for key in ready:
        for reader in readers[key]:
            by_key[reader].rank = max(by_key[reader].rank, by_key[key].rank + 1)
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)
    for b in boxes:  # operands stand just above their first reader
        if not inputs[b.key] and readers[b.key]:
            b.rank = min(by_key[r].rank for r in readers[b.key]) - 1


def _layers(boxes, links, by_key):
    layers = [[] for _ in range(1 + max((b.rank for b in boxes), default=0))]
    for b in boxes:
        layers[b.rank].append(b)
    chains = []
    for link in links:
        start, end = by_key[link.start], by_key[link.end]
        bends = [_Bend(r) for r in range(start.rank + 1, end.rank)]
        for bend in bends:
            layers[bend.rank].append(bend)
        chains.append([start, *bends, end])
    return [layer for layer in layers if layer], chains


def _neighbours(chains):
    above: dict = {}
    below: dict = {}
    for chain in chains:
        for a, b in zip(chain, chain[1:]):
            below.setdefault(id(a), []).append(b)
            above.setdefault(id(b), []).append(a)
    return above, below


def _order(layers, chains):
    above, below = _neighbours(chains)
    place = {id(b): i for layer in layers for i, b in enumerate(layer)}
    for sweep in range(8):
        near = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middle = {
                id(b): sum(place[id(n)] for n in near[id(b)]) / len(near[id(b)])
                if near.get(id(b))
                else place[id(b)]
                for b in layer
            }
            layer.sort(key=lambda b: middle[id(b)])
            for i, b in enumerate(layer):
                place[id(b)] = i


def _place(layers, chains):
    above, below = _neighbours(chains)
    for layer in layers:
        x = 0.0
        for b in layer:
            b.x = x + b.width / 2
            x += b.width + _GAP_X
        for b in layer:
            b.x -= (x - _GAP_X) / 2
    for sweep in range(240 if sum(map(len, layers)) < 80 else 30):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = []
            for b in layer:
                near = [*above.get(id(b), []), *below.get(id(b), [])]
                # Operations stand in a line as far as they can; operands stand beside it.
                weight = [8.0 if b.kind != "leaf" and n.kind in (*_LINE_OF, "bend") else 1.0 for n in near]
                if b.kind in _LINE_OF and any(w > 1 for w in weight):
                    weight = [w if w > 1 else 0.05 for w in weight]
                total = sum(weight)
                wanted.append(sum(n.x * w for n, w in zip(near, weight)) / total if near else b.x)
            _spread(layer, wanted, [8.0 if b.kind in (*_LINE_OF, "bend") else 1.0 for b in layer])


def _spread(layer, wanted, weights):
    """Positions near the wanted ones, in order and without overlap: runs that touch share their mean."""
    runs: list[list] = []  # [weighted sum of (wanted - offset), weight, boxes, offsets]
    for b, x, w in zip(layer, wanted, weights):
        runs.append([x * w, w, [b], [0.0]])
        while len(runs) > 1:
            p, q = runs[-2], runs[-1]
            shift = p[3][-1] + p[2][-1].width / 2 + _GAP_X + q[2][0].width / 2
            if p[0] / p[1] + shift <= q[0] / q[1]:
                break
            runs.pop()
            p[0] += q[0] - shift * q[1]
            p[1] += q[1]
            p[2] += q[2]
            p[3] += [o + shift for o in q[3]]
    for total, weight, boxes, offsets in runs:
        for b, o in zip(boxes, offsets):
            b.x = total / weight + o


def _levels(links, chains, layer) -> int:
    return 1 + max((level for *_, level in _stacked(links, chains, layer)), default=0)


def _stacked(links, chains, layer):
    """[link, its chain, width, level]: labels above a layer, each on the lowest level where it has room."""
    ends = {id(b) for b in layer}
    made = []
    for link, chain in zip(links, chains):
        if link.label and id(chain[-1]) in ends:
            made.append([link, chain, text_width(link.label, 7.6) + 10, 0])
    made.sort(key=lambda item: item[1][-2].x * 0.35 + item[1][-1].x * 0.65)
    right: list[float] = []
    for item in made:
        middle = item[1][-2].x * 0.35 + item[1][-1].x * 0.65
        start = middle - item[2] / 2
        room = next((k for k, x in enumerate(right) if x + 8 <= start), None)
        if room is None:
            crossing = min(range(len(right)), key=right.__getitem__) if len(right) >= 5 else len(right)
            room = crossing
            if room == len(right):
                right.append(0.0)
        right[room] = middle + item[2] / 2
        item[3] = room
    return made


def _labels(links, chains, layer):
    """(x, y, width, text, link) of the labels above a layer: on their arrows, as far as there is room."""
    rows: dict[int, list] = {}
    for link, chain, w, level in _stacked(links, chains, layer):
        start, end = chain[-2], chain[-1]
        top = max(b.y + b.height / 2 for b in (start,))
        bottom = end.y - end.height / 2
        y = bottom - _GAP_Y / 2 - level * _ROW if bottom - top > _GAP_Y + 1 else (top + bottom) / 2
        y = max(y, top + 14) + 1
        rows.setdefault(level, []).append([_crossing(chain, y), y, w, link.label, link])
    for row in rows.values():
        row.sort(key=lambda item: item[0])
        for _ in range(200):
            moved = False
            for a, b in zip(row, row[1:]):
                overlap = (a[2] + b[2]) / 2 + 6 - (b[0] - a[0])
                if overlap > 0.5 and abs(a[1] - b[1]) < 20:
                    a[0] -= overlap / 2
                    b[0] += overlap / 2
                    moved = True
            if not moved:
                break
    return [tuple(item) for row in rows.values() for item in row]


def _ends(chain):
    """Where the last piece of a link begins and ends."""
    start, end = chain[-2], chain[-1]
    spread = max(-0.38 * end.width, min(0.38 * end.width, (start.x - end.x) * 0.25))
    return start.x, start.y + start.height / 2, end.x + spread, end.y - end.height / 2 - 2


def _crossing(chain, y):
    """The place at which the last piece of a link has the height y."""
    x0, y0, x1, y1 = _ends(chain)
    low, high = 0.0, 1.0
    for _ in range(24):
        t = (low + high) / 2
        middle = (y0 + y1) / 2
        at = (1 - t) ** 3 * y0 + 3 * t * (1 - t) * middle + t**3 * y1
        low, high = (t, high) if at < y else (low, t)
    return x0 + (x1 - x0) * (3 * t * t - 2 * t**3)


def _path(chain, shift, carries):
    points = [(chain[0].x + shift, chain[0].y + chain[0].height / 2)]
    points += [(b.x + shift, b.y) for b in chain[1:-1]]
    _, _, x, y = _ends(chain)
    points.append((x + shift, y))
    d = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        middle = (y0 + y1) / 2
        d += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    return (
        f'<path class="fx-path{" fx-carries" if carries else ""}" d="{d}" '
        f'marker-end="url(#fx-{"b" if carries else "a"})"/>'
    )


def _box(b, shift):
    x, y = b.x + shift - b.width / 2, b.y - b.height / 2
    kind = "" if b.kind == "box" else f" fx-{b.kind}"
    out = [f"<g><title>{escape(b.note)}</title>" if b.note else "<g>"]
    out.append(
        f'<rect class="fx-box{kind}" x="{x:.1f}" y="{y:.1f}" width="{b.width:.1f}" height="{b.height:.1f}" '
        'rx="9"/>'
    )
    for i, (text, cls) in enumerate(b.lines):
        out.append(
            f'<text class="{cls}" x="{b.x + shift:.1f}" y="{y + 22 + i * _LINE:.1f}" text-anchor="middle">'
            f"{escape(text)}</text>"
        )
    return "".join([*out, "</g>"])
