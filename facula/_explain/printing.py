"""Trees as text (Python that can be run), as text for reading (∂, ·, ²), and as LaTeX."""

from __future__ import annotations

import re
import unicodedata

from .._C import Tensor
from .formula import UNKNOWN, Symbol, evaluate, keeps_conjugates
from .graph import number
from .moves import Entries, Join, Written
from .names import GREEK

__all__ = ["factor", "factor_latex", "latex", "pretty", "symbol_latex", "symbol_pretty", "text"]

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = 1, 2, 3, 4, 5
_COMPARE = {
    "gt": ">",
    "lt": "<",
    "ge": ">=",
    "le": "<=",
    "eq": "==",
    "ne": "!=",
    "logical_and": "&",
    "logical_or": "|",
}
_PRETTY_COMPARE = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠", "&": "and", "|": "or"}
_LATEX_COMPARE = {">=": r"\ge", "<=": r"\le", "==": "=", "!=": r"\ne", "&": r"\land", "|": r"\lor"}
_LATEX_FUNCTIONS = frozenset("sin cos tan sinh cosh tanh exp log max min det arg".split())
_SHORTER = {
    "vector_norm": "norm",
    "scaled_dot_product_flash_attention_for_cpu": "attention",
    "native_batch_norm": "batch_norm",
    "native_layer_norm": "layer_norm",
    "max_pool1d_with_indices": "max_pool1d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    "mkldnn_rnn_layer": "lstm",
    "mkldnn_rnn_layer_vjp": "lstm_vjp",
}
_SPECIAL = {c: "\\" + c for c in "_{}#%&$"} | {"\\": "", "^": r"\hat{\ }", "~": r"\sim "}
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def text(tree, digits: int = 6) -> str:
    """`2*x*(w*x + b - y)`"""
    return _write(tree, _Text(digits))[0]


def pretty(tree, digits: int = 4) -> str:
    """`2·x·(w·x + b − y)`"""
    return _write(tree, _Pretty(digits))[0]


def latex(tree, digits: int = 4) -> str:
    r"""`2 x \left(w x + b - y\right)`"""
    return _write(tree, _Latex(digits))[0]


def _write(tree, style):
    """(text, level): the level of its outermost operation."""
    if isinstance(tree, Symbol):
        if tree.of is not None:
            return style.gradient(tree.loss, tree.of), _ATOM
        return style.symbol(tree.name), _ATOM
    if not isinstance(tree, tuple):
        s = style.number(tree)
        return s, _SIGN if s.startswith(("-", "−")) else _ATOM
    f = tree[0]

    def at(t, level):
        s, have = _write(t, style)
        return s if have >= level else style.group(s)

    def tight(t):  # what a suffix is written to
        s = at(t, _ATOM)
        return style.group(s) if isinstance(t, Symbol) and t.of is not None else s

    if not isinstance(f, str):
        if getattr(f, "after", False):  # x[1:4], x.reshape(2, 3)
            return style.after(tight(tree[1]), f.name), _ATOM
        if isinstance(f, Written):
            return style.written(at(tree[1], _SUM), f.index, at(tree[2], _SUM)), 0
        arguments = [_write(t, style)[0] for t in tree[1:]]
        if isinstance(f, Entries):
            return style.entries(f.rows(arguments), len(f.shape)), _ATOM
        if len(arguments) > 1:
            arguments = [a for a, t in zip(arguments, tree[1:]) if not _is_unnamed(t)]
        if isinstance(f, Join):
            arguments = [f"[{', '.join(arguments)}]"]
        return style.call(f.name, arguments, getattr(f, "suffix", "")), _ATOM
    name = f

    if name in ("add", "sub"):
        right = _SUM + 1 if name == "sub" else _SUM
        sign = "+" if name == "add" else style.minus
        s = at(tree[2], right)
        if s.startswith((style.minus, "-")):
            s = style.group(s)
        return f"{at(tree[1], _SUM)} {sign} {s}", _SUM
    if name == "mul":
        a, b = at(tree[1], _PRODUCT), at(tree[2], _PRODUCT)
        if b.startswith((style.minus, "-")) or _is_product(tree[2]) and not isinstance(tree[1], (int, float)):
            b = style.group(b)  # a*b @ c is (a*b) @ c
        return style.product(a, b, tree), _PRODUCT
    if name == "matmul":
        return style.matmul(at(tree[1], _PRODUCT), at(tree[2], _SIGN + 1)), _PRODUCT
    if name == "mT":
        return style.transpose(tight(tree[1]), ".mT"), _ATOM
    if name == "div":
        return style.quotient(tree, at)
    if name == "neg":
        s = at(tree[1], _PRODUCT)
        return style.minus + (style.group(s) if s.startswith((style.minus, "-")) else s), _SIGN
    if name == "T":
        return style.transpose(tight(tree[1])), _ATOM
    if name in ("pow", "square"):
        exponent = tree[2] if name == "pow" else 2.0
        return style.power(tight(tree[1]), exponent)
    if name in _COMPARE:
        return f"{at(tree[1], _SUM)} {style.compare(_COMPARE[name])} {at(tree[2], _SUM)}", 0
    return style.call(name.removeprefix("special."), [_write(t, style)[0] for t in tree[1:]]), _ATOM


def _is_unnamed(tree) -> bool:
    """Numbers that an operation keeps for its derivative, such as where a maximum was."""
    return isinstance(tree, Symbol) and tree.name == "const"


def _is_vector(tree) -> bool:
    """Whether a tree's value has several elements: products of two such are element by element."""
    if isinstance(tree, Symbol):
        return tree.value is not None and tree.value.numel() > 1
    if not isinstance(tree, tuple):
        return False
    try:
        value = evaluate(tree)
    except UNKNOWN:
        return False
    return isinstance(value, Tensor) and value.numel() > 1


def _is_product(tree) -> bool:
    """Whether a matrix product stands first in what is written without brackets."""
    while isinstance(tree, tuple) and tree[0] in ("mul", "div"):
        tree = tree[1]
    return isinstance(tree, tuple) and tree[0] == "matmul"


class _Text:
    minus = "-"

    def __init__(self, digits):
        self.digits = digits

    def number(self, x):
        return number(int(x) if isinstance(x, float) and x.is_integer() and abs(x) < 1e6 else x, self.digits)

    def symbol(self, name):
        return name

    def gradient(self, loss, of):
        return f"d{loss}/d{of}"

    def group(self, s):
        return f"({s})"

    def product(self, a, b, tree=None):
        return f"{a}*{b}"

    def matmul(self, a, b):
        return f"{a} @ {b}"

    def quotient(self, tree, at):
        return f"{at(tree[1], _PRODUCT)}/{at(tree[2], _SIGN + 1)}", _PRODUCT

    def transpose(self, a, name=".T"):
        return f"{a}{name}"

    def after(self, a, name):
        return f"{a}{name}"

    def written(self, a, index, b):
        return f"{a} with {index} = {b}"

    def entries(self, rows, dims):
        written = ["[" + ", ".join(row) + "]" for row in rows]
        return written[0] if dims == 1 else "[" + ", ".join(written) + "]"

    def power(self, base, exponent):
        s, level = _write(exponent, self)
        return f"{base}**{s if level == _ATOM else f'({s})'}", _POWER

    def compare(self, sign):
        return sign

    def call(self, name, arguments, suffix=""):
        return f"{_short_name(name)}({', '.join(arguments)}{suffix})"


class _Pretty(_Text):
    minus = "−"

    def number(self, x):
        return super().number(x).replace("-", "−")

    def symbol(self, name):
        return symbol_pretty(name)

    def gradient(self, loss, of):
        return f"∂{symbol_pretty(loss)}/∂{symbol_pretty(of)}"

    def product(self, a, b, tree=None):
        return f"{a}·{b}"

    def transpose(self, a, name=".T"):
        return f"{a}ᵀ"

    def power(self, base, exponent):
        if isinstance(exponent, (int, float)) and float(exponent).is_integer():
            return base + str(int(exponent)).translate(_SUPERSCRIPTS), _POWER
        s, level = _write(exponent, self)
        return f"{base}^{s if level == _ATOM else f'({s})'}", _POWER

    def compare(self, sign):
        return _PRETTY_COMPARE.get(sign, sign)

    def call(self, name, arguments, suffix=""):
        if name == "sqrt":
            return f"√({arguments[0]})"
        if name == "abs":
            return f"|{arguments[0]}|"
        if name == "vector_norm" and not suffix:
            return f"‖{arguments[0]}‖"
        return super().call(name, arguments, suffix)


class _Latex(_Text):
    def number(self, x):
        s = super().number(x)
        if "e" in s and "j" not in s and s not in ("inf", "-inf"):
            mantissa, exponent = s.split("e")
            return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
        return s.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")

    def symbol(self, name):
        return symbol_latex(name)

    def gradient(self, loss, of):
        return rf"\frac{{\partial {symbol_latex(loss)}}}{{\partial {symbol_latex(of)}}}"

    def group(self, s):
        return rf"\left({s}\right)"

    def product(self, a, b, tree=None):
        if tree is not None and _is_vector(tree[1]) and _is_vector(tree[2]):
            return rf"{a} \odot {b}"
        if re.search(r"(?<!_\{)\\mathrm", a + b):  # words side by side would read as one
            return rf"{a} \cdot {b}"
        return rf"{a} \cdot {b}" if b[:1].isdigit() or b.startswith(r"\left(-") else f"{a} {b}"

    def matmul(self, a, b):
        return rf"{a} \, {b}"

    def quotient(self, tree, at):
        return rf"\frac{{{at(tree[1], 0)}}}{{{at(tree[2], 0)}}}", _PRODUCT

    def transpose(self, a, name=".T"):
        return rf"{a}^{{\top}}"

    def after(self, a, name):
        if name.startswith("["):
            return rf"{a}_{{{name}}}" if "_" not in a and "^" not in a else rf"\left({a}\right)_{{{name}}}"
        return rf"{a}\mathrm{{{_escape(name)}}}"

    def power(self, base, exponent):
        return rf"{base}^{{{_write(exponent, self)[0]}}}", _POWER

    def written(self, a, index, b):
        return rf"{a} \text{{ with }} {index} = {b}"

    def entries(self, rows, dims):
        return r"\begin{pmatrix}" + r" \\ ".join(" & ".join(r) for r in rows) + r"\end{pmatrix}"

    def compare(self, sign):
        return _LATEX_COMPARE.get(sign, sign)

    def call(self, name, arguments, suffix=""):
        inner = ", ".join(arguments)
        below = suffix.removeprefix(", ").removesuffix(", True")
        if name == "vector_norm":
            return rf"\left\lVert {inner} \right\rVert" + (f"_{{{below}}}" if below else "")
        if name == "where" and len(arguments) == 3:
            condition, one, other = arguments
            return (
                rf"\begin{{cases}} {one} & \text{{if }} {condition} \\ {other} & \text{{else}} \end{{cases}}"
            )
        if name == "sum" and len(arguments) == 1:
            return (rf"\sum\nolimits_{{{below}}}" if below else r"\sum") + rf"\left({inner}\right)"
        if name == "sqrt":
            return rf"\sqrt{{{inner}}}"
        if name == "exp":
            return rf"e^{{{inner}}}"
        if name == "abs":
            return rf"\left|{inner}\right|"
        if name == "sigmoid":
            return rf"\sigma\left({inner}\right)"
        name = _short_name(name)
        head = "\\" + name if name in _LATEX_FUNCTIONS else rf"\operatorname{{{_escape(name)}}}"
        return rf"{head}\left({inner}{suffix}\right)"


def _short_name(name: str) -> str:
    if name == "sgn" and not keeps_conjugates():
        return "sign"
    return _SHORTER.get(name, name)


def _escape(s):
    """A name in LaTeX: what means something there is written as itself."""
    return "".join(_SPECIAL.get(c, c) for c in s)


def symbol_pretty(name: str) -> str:
    """`theta_1` is θ₁, `y_hat` is ŷ."""
    stem, digits = _split(name)
    letter, accent = _accented(stem)
    if accent:
        return unicodedata.normalize("NFC", GREEK.get(letter, letter) + _ACCENTS[accent])
    stem = GREEK.get(stem.removesuffix("_"), stem)
    return stem + digits.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def symbol_latex(name: str) -> str:
    r"""`theta_1` is `\theta_{1}`, `y_hat` is `\hat{y}`, `W_hh` is `W_{\mathrm{hh}}`."""
    stem, digits = _split(name)
    letter, accent = _accented(stem)
    if accent:
        return rf"\{accent}{{{symbol_latex(letter)}}}"
    head, _, tail = stem.partition("_")
    if len(head) == 1 or head in GREEK:
        if tail.isalnum() and not digits:
            return rf"{symbol_latex(head)}_{{\mathrm{{{_escape(tail)}}}}}"
        if head in GREEK and stem == head + "_":  # lambda_
            stem = head
    stem = _LETTERS.get(stem, stem)
    if stem in GREEK:
        stem = "\\" + stem if stem != "omicron" else "o"
    elif len(stem) > 1 or not stem.isascii():
        stem = rf"\mathrm{{{_escape(stem)}}}"
    return rf"{stem}_{{{digits}}}" if digits else stem


def _accented(stem):
    """("y", "hat") of `y_hat` and of ŷ; ("", "") of what has no accent."""
    letter, _, accent = stem.rpartition("_")
    if accent in _ACCENTS and (len(letter) == 1 or letter in GREEK):
        return letter, accent
    parts = unicodedata.normalize("NFD", stem)
    if len(parts) == 2:
        for name, mark in _ACCENTS.items():
            if parts[1] == mark:
                return parts[0], name
    return "", ""


_LETTERS = {letter: name for name, letter in GREEK.items()}


def _split(name):
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    if digits and stem.endswith("_"):
        stem = stem[:-1]
    if not stem or "." in stem or "[" in stem or len(digits) > 3:
        return name, ""
    return stem, digits


def factor(s: str) -> str:
    """Text as a factor of a product: in brackets where it needs them."""
    plain = not any(c in s for c in "+ /") and not s.startswith(("-", "−"))
    return s if plain or _wrapped(s) else f"({s})"


def factor_latex(s: str) -> str:
    """As `factor`, for LaTeX."""
    return rf"\left({s}\right)" if s.startswith("-") or "+" in s or " - " in s else s


def _wrapped(s: str) -> bool:
    """Whether one call or pair of brackets is all of it."""
    depth = 0
    for i, c in enumerate(s):
        depth += (c == "(") - (c == ")")
        if depth == 0 and c in " +-*/" and i:
            return False
    return not s.startswith(("-", "−"))
