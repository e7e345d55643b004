"""The closed form of an inverse, where the rules for floor and ceiling give one.

For whole n: ⌊g⌋ ≥ n ⇔ g ≥ n, ⌊g⌋ ≤ n ⇔ g < n + 1, ⌈g⌉ ≥ n ⇔ g > n − 1, ⌈g⌉ ≤ n ⇔ g ≤ n.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy
from sympy import ceiling, floor

from evtplan.formulas.core import Formula, Goal, Quantity
from evtplan.formulas.equations import expression_text

__all__ = ["symbolic_inverse"]


def symbolic_inverse(
    formula: Formula,
    unknown: Quantity,
    goal: Goal,
    smallest: bool,
    values: Mapping[sympy.Symbol, int],
    target: int | Fraction,
    value: int,
) -> str | None:
    """`P = ⌈V·(1 + E_V/E_P)⌉`, or None where the rules give nothing, or not `value` here."""
    x, n = unknown.symbol, formula.result.symbol
    peeled = _peel(formula.expression, x, n, goal is Goal.AT_LEAST)
    if peeled is None:
        return None
    inner, bound, strict = peeled
    level = sympy.Dummy("m", real=True)
    try:
        found = sympy.solve(sympy.Eq(inner, level), x)
    except NotImplementedError:
        return None
    roots = [root.subs(level, bound) for root in found]
    exact = sympy.Rational(target.numerator, target.denominator)
    for root in roots:
        closed = _rounded(sympy.simplify(root), smallest, strict)
        if closed.subs({**values, n: exact}) == value:
            return f"{unknown.letter} = {expression_text(closed)}"
    return None


def _rounded(root: sympy.Expr, smallest: bool, strict: bool) -> sympy.Expr:
    """The whole number next to `root` on its side; past it where the root itself will not do."""
    if root.is_integer:
        return root + (0 if not strict else 1 if smallest else -1)
    if smallest:
        return floor(root) + 1 if strict else ceiling(root)
    return ceiling(root) - 1 if strict else floor(root)


def _peel(e: Any, x: sympy.Symbol, n: Any, at_least: bool) -> tuple[Any, Any, bool] | None:
    """(g, m, strict) with: e ≥ n (or ≤ n) ⇔ g ≥ m (or ≤ m; > or < where strict)."""
    strict = False
    while True:
        if isinstance(e, floor):
            if not at_least:
                n, strict = n + 1, True
            e = e.args[0]
        elif isinstance(e, ceiling):
            if at_least:
                n, strict = n - 1, True
            e = e.args[0]
        elif isinstance(e, sympy.Max | sympy.Min):
            moving = [part for part in e.args if x in part.free_symbols]
            if len(moving) != 1:
                break
            e = moving[0]  # where another part decides, `symbolic_inverse` sees the difference
        elif isinstance(e, sympy.Add | sympy.Mul):
            apart, rest = e.as_independent(x)
            whole = rest.is_integer
            if isinstance(e, sympy.Add):
                if apart == 0:
                    break
                e, n = rest, n - apart
            else:
                if apart == 1 or not apart.is_positive or not whole:
                    break
                e, n = rest, ceiling(n / apart) if at_least else floor(n / apart)
        else:
            break
        if strict:
            break
    simple = not e.atoms(floor, ceiling, sympy.Max, sympy.Min, sympy.Piecewise) or all(
        x not in part.free_symbols
        for part in e.atoms(floor, ceiling, sympy.Max, sympy.Min, sympy.Piecewise)
    )
    return (e, n, strict) if simple and e.is_rational_function(x) else None
