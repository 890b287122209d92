"""Simplification by SymPy, where it is installed (imported on first use)."""

from __future__ import annotations

from .. import _C
from .formula import UNKNOWN, Again, Symbol, evaluate, tidy
from .moves import Move, Reduced, SumTo, moved

__all__ = ["available", "simplify"]

_LIMIT = 100  # operations: beyond, simplification takes seconds and nobody reads the result
_KNOWN = frozenset("exp log sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh erf".split())


def available() -> bool:
    """Whether SymPy can be imported."""
    try:
        import sympy  # noqa: F401
    except ImportError:
        return False
    return True


def simplify(tree, order: dict):
    """The shortest form found, or None. `order`: id of a Symbol -> place in which it is first met."""
    try:
        import sympy
    except ImportError:
        return None
    reader = _Reader(sympy, order)
    try:
        start = reader.expression(tree)
        if start.count_ops() > _LIMIT:
            return None
        forms = []
        for e in {start: 0, reader.cancelled(start): 0}:
            forms += [e, sympy.factor_terms(e), sympy.together(e)]
        if not start.atoms(sympy.Function):
            forms.append(sympy.factor(start))
            forms.append(sympy.cancel(start))
        else:
            forms.append(sympy.factor(start, deep=False))
        known = start.atoms(sympy.Function)
        roots = {p.base for p in start.atoms(sympy.Pow) if not p.exp.is_Integer}
        if start.count_ops() < 30 and len(known) + len(roots) < 4 and not _unknown(sympy, known):
            forms.append(sympy.simplify(start))  # slow where it meets functions it does not know
        forms = [reader.pull_out(f) for f in forms]
        if start.count_ops() < 40:
            forms.append(reader.pull_out(sympy.factor(forms[1])))
        if start.count_ops() < 60:
            forms += reader.logistic(forms[0])
        best = reader.rescaled(min(forms, key=lambda e: (e.count_ops(), _contents(sympy, e), len(str(e)))))
        best = reader.oriented(best, {a.primitive()[1] for a in start.atoms(sympy.Add)})
        if best.could_extract_minus_sign() and isinstance(best, sympy.Mul):  # -2*(y - z) reads as 2*(z - y)
            sums = [a for a in best.args if isinstance(a, sympy.Add)]
            if sums:
                best = sympy.Mul(-best / sums[0], -sums[0])
            else:
                best = reader.turned(best)
        return reader.tree(best)
    except (
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
        NotImplementedError,
        RecursionError,
        ZeroDivisionError,
    ):
        return None


def _contents(sympy, e) -> int:
    """How many sums have a number in all of their terms, as 2*w*x - 6 has."""
    return sum(bool(a.primitive()[0] > 1) for a in e.atoms(sympy.Add))


def _unknown(sympy, functions) -> bool:
    return any(isinstance(f, sympy.core.function.AppliedUndef) for f in functions)


class _Reader:
    def __init__(self, sympy, order):
        self.sympy, self.order = sympy, order
        self.symbols: dict[str, Symbol] = {}
        self.functions: dict[str, object] = {}
        self.names: dict[int, str] = {}
        self.keep = []

    def symbol(self, s: Symbol):
        name = f"v{self.order.setdefault(id(s), len(self.order)):05d}"
        self.symbols[name] = s
        return self.sympy.Symbol(name, real=True)

    def function(self, f):
        if isinstance(f, str):
            name = "f_" + f.replace(".", "__")
        else:
            key = getattr(f, "key", None) or id(f)
            name = self.names.setdefault(key, f"r{len(self.names)}")
        self.functions[name] = f
        return self.sympy.Function(name, real=True)

    def expression(self, t):
        s = self.sympy
        if isinstance(t, Symbol):
            return self.symbol(t)
        if isinstance(t, int):
            return s.Integer(t)
        if isinstance(t, float):
            return self.number(t)
        f, *rest = t
        a = [self.expression(x) for x in rest]
        match f:
            case "add":
                return a[0] + a[1]
            case "sub":
                return a[0] - a[1]
            case "mul":
                return a[0] * a[1]
            case "div":
                return a[0] / a[1]
            case "neg":
                return -a[0]
            case "pow":
                return a[0] ** a[1]
            case "square":
                return a[0] ** 2
            case "reciprocal":
                return 1 / a[0]
            case "sqrt":
                return s.sqrt(a[0])
            case "rsqrt":
                return 1 / s.sqrt(a[0])
        if isinstance(f, str) and f in _KNOWN:
            return getattr(s, f)(a[0])
        return self.function(f)(*a)

    def number(self, x: float):
        s = self.sympy
        if x != x or x in (float("inf"), float("-inf")):
            raise ValueError(x)
        if x.is_integer():
            return s.Integer(int(x))
        if 0 < abs(x) < 1e-3:  # the eps of a norm: kept apart, never multiplied through
            name = f"v9{abs(hash(abs(x))) % 10**8:08d}"
            self.symbols[name] = abs(x)
            return s.Symbol(name, positive=True) * (1 if x > 0 else -1)
        exact = s.Rational(repr(x))
        for bottom in range(2, 101):  # 1/3 is a third again
            if abs(x * bottom - round(x * bottom)) < 6e-8 * abs(x * bottom):
                return s.Rational(round(x * bottom), bottom)
        return exact if exact.q <= 10**6 else s.Float(x, 15)

    def pull_out(self, e):
        """Numbers and one-element factors come out of sums and other linear operations."""
        s = self.sympy

        def linear(call):
            f = self.functions.get(call.func.__name__)
            if f is None or not _is_linear(f) or len(call.args) < 1:
                return call
            factor, args = s.Integer(1), []
            for a in call.args:
                a = s.factor_terms(a)
                outside, inside = s.Integer(1), a
                if isinstance(a, s.Mul) or a.is_number:
                    parts = a.as_ordered_factors() if isinstance(a, s.Mul) else [a]
                    # `1` alone has lost the shape of what it stood for
                    scalars = [p for p in parts if self.is_scalar(p, f)]
                    inside = s.Mul(*[p for p in parts if p not in scalars])
                    outside = s.Mul(*scalars)
                    if not inside.free_symbols:
                        outside, inside = s.Integer(1), a
                factor, args = factor * outside, [*args, inside]
            return factor * call.func(*args)

        undefined = s.core.function.AppliedUndef
        return e.replace(lambda x: isinstance(x, undefined), linear)

    def is_scalar(self, e, f) -> bool:
        if e.is_number:
            return True
        if not isinstance(f, (SumTo, Again, Move, Reduced)) and f not in ("matmul", "T", "mT"):
            return False
        if e.atoms(self.sympy.Function):
            return self.is_one_element(e)
        symbols = [self.symbols.get(x.name) for x in e.free_symbols]
        symbols = [x for x in symbols if not isinstance(x, float)]
        return all(x is not None and x.value is not None and x.value.dim() == 0 for x in symbols)

    def is_one_element(self, e) -> bool:
        try:
            value = evaluate(self.tree(e))
        except UNKNOWN:
            return False
        return not isinstance(value, _C.Tensor) or value.dim() == 0

    def cancelled(self, e):
        """Common factors of quotients cancelled, inside of sums and products of matrices too."""
        s = self.sympy
        if e.is_Atom or e.count_ops() > 60:
            return e
        if e.args and not isinstance(e, s.Function) or isinstance(e, s.core.function.AppliedUndef):
            e = e.func(*(self.cancelled(a) if a.args else a for a in e.args))
        if not isinstance(e, (s.Add, s.Mul)) or not s.fraction(s.together(e))[1].free_symbols:
            return e
        try:
            shorter = s.cancel(e)
        except s.PolynomialError:
            return e
        return min(e, shorter, key=lambda x: (x.count_ops(), len(str(x))))

    def logistic(self, e):
        """[e with sigmoid(z) for 1/(1 + exp(-z))], where it then is a polynomial in it."""
        s = self.sympy
        undefined = s.core.function.AppliedUndef
        calls = isinstance(e, s.Mul) and all(isinstance(a, undefined) or not a.has(s.exp) for a in e.args)
        if calls or isinstance(e, undefined):
            parts = [(a, self.logistic(a)) for a in e.args if a.has(s.exp)]
            changed = {a: min(found, key=lambda f: f.count_ops()) for a, found in parts if found}
            return [e.func(*(changed.get(a, a) for a in e.args))] if changed else []
        e = s.powsimp(e, combine="exp")
        powers = [x.args[0] for x in e.atoms(s.exp)]
        if not powers or not s.fraction(s.together(e))[1].has(s.exp):
            return []
        z = -powers[0] if powers[0].could_extract_minus_sign() else powers[0]
        if any(p not in (z, -z) for p in powers):
            return []
        one = s.Dummy("s", real=True)
        e = s.cancel(e.subs({s.exp(z): one / (1 - one), s.exp(-z): (1 - one) / one}))
        if s.fraction(e)[1].has(one):
            return []
        made = self.function("sigmoid")(z)
        return [f.subs(one, made) for f in (e, s.factor(e), s.factor(s.expand(e)))]

    def turned(self, e):
        """-X.T @ (y - z) reads as X.T @ (z - y)."""
        s = self.sympy
        for call in e.args:
            f = self.functions.get(call.func.__name__)
            if f is not None and _is_linear(f):
                for i, a in enumerate(call.args):
                    if isinstance(a, s.Add) and any(t.could_extract_minus_sign() for t in a.args):
                        turned = call.func(*(-b if k == i else b for k, b in enumerate(call.args)))
                        return -e / call * turned
        return e

    def rescaled(self, e):
        """(k - 10)**3/2500 is -2*(1 - k/10)**3/5, as steps of 0.1 are written."""
        s = self.sympy

        def one(m):
            c, rest = m.as_coeff_Mul()
            for p in s.Mul.make_args(rest):
                if isinstance(p, s.Pow) and p.exp.is_Integer and p.exp > 1 and isinstance(p.base, s.Add):
                    size, others = p.base.as_coeff_Add()
                    new = c * size**p.exp
                    if size.is_Rational and abs(size) > 1 and c.is_Rational and new.q < c.q:
                        scaled = s.Add(1, *(a / size for a in s.Add.make_args(others)))
                        return new * scaled**p.exp * rest / p
            return m

        return e.replace(lambda x: isinstance(x, s.Mul), one)

    def oriented(self, e, written):
        """(h**2 - 1)*(y - h) is (1 - h**2)*(h - y) where the graph has its differences that way round."""
        s = self.sympy

        def one(m):
            turned = [a for a in m.args if isinstance(a, s.Add) and a not in written and -a in written]
            number, _ = m.as_coeff_Mul()
            if not turned or len(turned) % 2 and number > 0:
                return m
            factors = [-a if a in turned else a for a in m.args if a != number]
            number *= (-1) ** len(turned)
            return s.Mul(*([] if number == 1 else [number]), *factors, evaluate=False)

        return e.replace(lambda x: isinstance(x, s.Mul), one)

    # --- and back ---

    def tree(self, e):
        s = self.sympy
        if isinstance(e, s.Symbol):
            return self.symbols[e.name]
        if e.is_Integer:
            return float(int(e))
        if e.is_Rational:
            simple = e.q in (2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 1000)
            return float(e) if simple else ("div", float(e.p), float(e.q))
        if e.is_number and not e.args or isinstance(e, s.Float):
            return float(e)
        if isinstance(e, s.Add):
            return self.sum_of(e)
        if isinstance(e, s.Mul):
            return self.product_of(e)
        if isinstance(e, s.Pow):
            base, exponent = e.args
            if exponent == s.Rational(1, 2):
                return ("sqrt", self.tree(base))
            if exponent.is_number and exponent < 0:
                return ("div", 1.0, self.tree(s.Pow(base, -exponent)))
            return ("pow", self.tree(base), self.tree(exponent))
        if isinstance(e, s.exp):
            return ("exp", self.tree(e.args[0]))
        name = e.func.__name__
        args = tuple(self.tree(a) for a in e.args)
        if name in self.functions:
            f = self.functions[name]
            return moved(f, args[0]) if isinstance(f, Move) else tidy((f, *args))
        if name == "Abs":
            return ("abs", *args)
        if name in _KNOWN:
            return (name, *args)
        if e.is_number:
            return float(e)
        raise KeyError(name)

    def first(self, e):
        return min((int(x.name[1:]) for x in e.free_symbols), default=10**6)

    def sum_of(self, e):
        def rank(a):
            degree = s.total_degree(a) if a.is_polynomial() else 0
            return (a.is_number, (a if a.is_Symbol else -a).is_Symbol, self.first(a), -degree)

        s = self.sympy
        terms = sorted(e.args, key=rank)
        ahead = next((a for a in terms if not a.could_extract_minus_sign()), terms[0])
        terms.remove(ahead)  # no minus stands first where something else can
        total = None
        for a in (ahead, *terms):
            negative = a.could_extract_minus_sign()
            part = self.tree(-a if negative else a)
            if total is None:
                total = ("neg", part) if negative else part
            else:
                total = ("sub" if negative else "add", total, part)
        return total

    def product_of(self, e):
        s = self.sympy
        coefficient, rest = e.as_coeff_Mul()
        above, below = [], []
        for a in s.Mul.make_args(rest):
            if isinstance(a, s.Pow) and a.exp.is_number and a.exp < 0:
                below.append(s.Pow(a.base, -a.exp))
            else:
                above.append(a)
        sign = coefficient < 0
        coefficient = abs(coefficient)
        if (
            coefficient.is_Rational
            and coefficient.q != 1
            and (coefficient.q not in (2, 4, 5, 10) or coefficient.p == 1)
        ):
            if coefficient.q != 1:
                below.insert(0, s.Integer(coefficient.q))
            coefficient = s.Integer(coefficient.p)

        def rank(a):
            f = self.functions.get(a.func.__name__)
            plain = getattr(f, "after", False) and a.args[0].is_Symbol  # X[:, 0]
            return (not plain and (isinstance(a, s.Add) or bool(a.atoms(s.Function))), self.first(a))

        def chain(parts, number):
            made = None if number == 1 else self.tree(number)
            for a in sorted(parts, key=rank):
                made = self.tree(a) if made is None else ("mul", made, self.tree(a))
            return 1.0 if made is None else made

        top = chain(above, coefficient)
        result = (
            top
            if not below
            else (
                "div",
                top,
                chain([b for b in below if not b.is_number], s.Mul(*[b for b in below if b.is_number])),
            )
        )
        return tidy(("neg", result)) if sign else result


def _is_linear(f) -> bool:
    """Whether multiplying an operand multiplies the result, found by trying."""
    if isinstance(f, (SumTo, Move)) or f in ("matmul", "T", "mT", "outer"):
        return True
    if isinstance(f, Reduced):
        f = f.again
    if not isinstance(f, Again):
        return False
    import facula

    shapes = [s for s in f.shapes if s is not None]
    try:
        values = [facula.linspace(-1.0, 2.0, facula.Size(s).numel()).reshape(s) for s in shapes]
        one = f(*values)
        for i in range(len(values)):
            more = f(*(-3 * v if k == i else v for k, v in enumerate(values)))
            if not bool(((more + 3 * one).abs() <= 1e-4 * (1 + one.abs())).all()):
                return False
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    return True
