"""Where a function of one whole number rises and where it falls, exactly.

SymPy cannot solve through floor and ceiling. A monotone stretch can be bisected instead, so this
module cuts the range of the unknown into stretches on which the expression never falls or never
rises. It argues over the structure of the expression: sums, products and quotients of monotone
parts of known sign, floors, ceilings, maxima; where that is not enough it cuts at the turning
points and poles of rational parts (isolated exactly), at the points where a condition or a
maximum changes sides, or at the steps of a floor.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import sympy

from evtplan.errors import EvtplanError

__all__ = ["Stretch", "monotone_stretches"]

# A function in more pieces than this is refused: each is argued over one by one.
MOST_PIECES = 3000


class Stretch(NamedTuple):
    """The whole numbers low … high, on which the function rises (1), falls (−1) or stays (0);
    to rise or fall is meant in the weak sense.
    """

    low: int
    high: int
    trend: int


def monotone_stretches(
    expression: sympy.Expr, symbol: sympy.Symbol, low: int, high: int
) -> list[Stretch]:
    """The stretches of low … high, in order. Raises `EvtplanError` where there are too many."""
    search = _Search(symbol)
    found = list(search.stretches(expression, low, high))
    return _joined(found)


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    """Single points hold no trend of their own; they are kept as constant stretches."""
    return [s._replace(trend=0) if s.low == s.high else s for s in stretches]


class _Search:
    def __init__(self, symbol: sympy.Symbol) -> None:
        self.x = symbol
        self.pieces = 0

    def stretches(self, expression: sympy.Expr, low: int, high: int) -> Iterator[Stretch]:
        """Stretches of `expression` on low … high, by arguing or by cutting."""
        self.pieces += 1
        if self.pieces > MOST_PIECES:
            raise EvtplanError(
                f"the formula turns more than {MOST_PIECES} times as {self.x} varies",
                "give a smaller value for the other symbols, or solve for another symbol",
            )
        trend = self.trend(expression, low, high)
        if low == high or trend is not None:
            yield Stretch(low, high, trend or 0)
            return
        for part, start, end in self._cut(expression, low, high):
            yield from self.stretches(part, start, end)

    # -- arguing over structure --------------------------------------------------------------

    def trend(self, e: sympy.Expr, low: int, high: int) -> int | None:
        """1, −1 or 0 where `e` provably rises, falls or stays on low … high, else None."""
        if self.x not in e.free_symbols:
            return 0
        if e == self.x:
            return 1
        if isinstance(e, sympy.floor | sympy.ceiling):
            return self.trend(e.args[0], low, high)
        if isinstance(e, sympy.Add | sympy.Max | sympy.Min):
            found = _agreed(self.trend(a, low, high) for a in e.args)
        elif isinstance(e, sympy.Mul):
            found = self._of_product(e, low, high)
        elif isinstance(e, sympy.Pow):
            found = self._of_power(e, low, high)
        elif getattr(e, "trends", None):
            parts = (self._signed(a, t, low, high) for a, t in zip(e.args, e.trends, strict=True))
            found = _agreed(parts)
        else:
            found = None
        if found is None and e.is_rational_function(self.x):
            found = self._of_ratio(e, low, high)
        return found

    def _signed(self, argument: sympy.Expr, direction: int, low: int, high: int) -> int | None:
        inner = self.trend(argument, low, high)
        return None if inner is None else inner * direction

    def _of_product(self, e: sympy.Expr, low: int, high: int) -> int | None:
        """Factors of known sign: sizes that all grow make a product whose size grows."""
        sign, sizes = 1, []
        for factor in e.args:
            factor_sign = self.sign(factor, low, high)
            inner = self.trend(factor, low, high)
            if factor_sign is None or inner is None:
                return None
            sign *= factor_sign
            sizes.append(inner * factor_sign)
        size = _agreed(iter(sizes))
        return None if size is None else size * sign

    def _of_power(self, e: sympy.Expr, low: int, high: int) -> int | None:
        base, exponent = e.as_base_exp()
        if self.x not in base.free_symbols:
            growing = bool(base >= 1)
            return self.trend(exponent, low, high) if growing else None
        if not exponent.is_Integer:
            return None
        inner, sign = self.trend(base, low, high), self.sign(base, low, high)
        if inner is None or sign != 1 or (exponent < 0 and self._vanishes(base, low, high)):
            return None
        return inner if exponent > 0 else -inner

    def sign(self, e: sympy.Expr, low: int, high: int) -> int | None:
        """1 where `e` is nowhere negative, −1 where it is nowhere positive, else None.

        Known for what is monotone: its ends have the extreme values.
        """
        if isinstance(e, sympy.Pow) and e.exp.is_negative:
            inner = self.sign(e.base, low, high)
            return None if self._vanishes(e.base, low, high) else inner
        if self.trend(e, low, high) is None:
            return None
        ends = (self.value(e, low), self.value(e, high))
        if all(end >= 0 for end in ends):
            return 1
        return -1 if all(end <= 0 for end in ends) else None

    def _vanishes(self, e: sympy.Expr, low: int, high: int) -> bool:
        """True unless both ends of a monotone `e` lie on one side of zero."""
        if self.trend(e, low, high) is None:
            return True
        first, last = self.value(e, low), self.value(e, high)
        return not bool(first * last > 0)

    def value(self, e: sympy.Expr, at: int) -> Any:
        """The exact value of `e` at one whole number."""
        return e.subs(self.x, at)

    # -- rational parts ----------------------------------------------------------------------

    def _of_ratio(self, e: sympy.Expr, low: int, high: int) -> int | None:
        if self._turning_points(e, low, high):
            return None
        first, last = self.value(e, low), self.value(e, high)
        return int(sympy.sign(last - first))

    def _turning_points(self, e: sympy.Expr, low: int, high: int) -> list[int]:
        """Whole numbers after which the slope of a rational `e` may change or `e` has a pole."""
        above, below = sympy.fraction(sympy.cancel(sympy.together(e)))
        slope = (
            sympy.Poly(above, self.x).diff() * sympy.Poly(below, self.x)
            - sympy.Poly(above, self.x) * sympy.Poly(below, self.x).diff()
        )
        found: set[int] = set()
        for poly in (slope, sympy.Poly(below, self.x)):
            if poly.degree() < 1:
                continue
            for (start, end), _ in poly.intervals(inf=low, sup=high, eps=sympy.Rational(1, 4)):
                found.update(range(int(sympy.floor(start)), int(sympy.floor(end)) + 1))
        return sorted(point for point in found if low <= point < high)

    # -- cutting -----------------------------------------------------------------------------

    def _cut(self, e: sympy.Expr, low: int, high: int) -> list[tuple[sympy.Expr, int, int]]:
        """`e` on parts of low … high, each simpler than before."""
        for node in sympy.preorder_traversal(e):
            if isinstance(node, sympy.Piecewise) and self.x in node.free_symbols:
                return self._at_branches(e, node, low, high)
        for node in sympy.preorder_traversal(e):
            ratio = isinstance(node, sympy.Expr) and node.is_rational_function(self.x)
            if ratio and self.x in node.free_symbols:
                points = self._turning_points(node, low, high)
                if points:
                    return _parts(e, points, low, high)
        for node in sympy.preorder_traversal(e):
            extreme = isinstance(node, sympy.Max | sympy.Min)
            if extreme and self.trend(node, low, high) is None:
                return self._at_sides(e, node, low, high)
        return self._at_steps(e, low, high)

    def _at_branches(
        self, e: sympy.Expr, node: sympy.Expr, low: int, high: int
    ) -> list[tuple[sympy.Expr, int, int]]:
        points: set[int] = set()
        for _, condition in node.args:
            for relation in condition.atoms(sympy.core.relational.Relational):
                points.update(self._changes(relation.lhs - relation.rhs, low, high))
        parts = []
        for _, start, end in _parts(e, sorted(points), low, high):
            branch = next(v for v, c in node.args if c.subs(self.x, start) == sympy.true)
            parts.append((e.xreplace({node: branch}), start, end))
        return parts

    def _at_sides(
        self, e: sympy.Expr, node: sympy.Expr, low: int, high: int
    ) -> list[tuple[sympy.Expr, int, int]]:
        points: set[int] = set()
        for index, first in enumerate(node.args):
            for other in node.args[index + 1 :]:
                points.update(self._changes(first - other, low, high))
        pick = max if isinstance(node, sympy.Max) else min
        parts = []
        for _, start, end in _parts(e, sorted(points), low, high):
            # Between two changes one argument is on top at both ends, and so throughout.
            side = pick(
                node.args,
                key=lambda a, at=(start, end): (self.value(a, at[0]), self.value(a, at[1])),  # type: ignore[misc]
            )
            parts.append((e.xreplace({node: side}), start, end))
        return parts

    def _changes(self, difference: sympy.Expr, low: int, high: int) -> set[int]:
        """Whole numbers after which the sign of `difference` changes, its zeros set apart."""
        found: set[int] = set()
        if self.x not in difference.free_symbols:
            return found
        for start, end, trend in self.stretches(difference, low, high):
            if start > low:
                found.add(start - 1)
            if trend == 0:
                continue

            def rank(at: int, t: int = trend) -> int:
                return t * int(sympy.sign(self.value(difference, at)))

            for bound in (0, 1):
                first = _first(lambda at, b=bound: rank(at) >= b, start, end)  # type: ignore[misc]
                if first is not None and first > start:
                    found.add(first - 1)
        return found

    def _at_steps(self, e: sympy.Expr, low: int, high: int) -> list[tuple[sympy.Expr, int, int]]:
        """Between its steps a floor is a number; the one with the fewest steps is cut at."""
        best: tuple[int, sympy.Expr] | None = None
        for node in e.atoms(sympy.floor, sympy.ceiling):
            if self.x in node.free_symbols and self.trend(node, low, high) is not None:
                steps = abs(int(self.value(node, high)) - int(self.value(node, low)))
                if best is None or steps < best[0]:
                    best = (steps, node)
        if best is None:
            raise EvtplanError(
                f"the formula is not monotone in {self.x}, and no way was found to cut it into "
                "parts that are",
                "solve for another symbol",
            )
        node, parts, start = best[1], [], low
        while start <= high:
            level = self.value(node, start)
            past = _first(lambda at, v=level: self.value(node, at) != v, start, high)  # type: ignore[misc]
            end = high if past is None else past - 1
            parts.append((e.xreplace({node: level}), start, end))
            start = end + 1
            if len(parts) > MOST_PIECES:
                raise EvtplanError(
                    f"the formula turns more than {MOST_PIECES} times as {self.x} varies",
                    "give a smaller value for the other symbols, or solve for another symbol",
                )
        return parts


def _agreed(trends: Iterator[int | None]) -> int | None:
    """The one direction that all trends have, constants aside; None where they differ."""
    found = 0
    for trend in trends:
        if trend is None or found * trend < 0:
            return None
        found = found or trend
    return found


def _parts(
    e: sympy.Expr, points: list[int], low: int, high: int
) -> list[tuple[sympy.Expr, int, int]]:
    starts = [low, *(point + 1 for point in points if low <= point < high)]
    ends = [*(start - 1 for start in starts[1:]), high]
    return [(e, start, end) for start, end in zip(starts, ends, strict=True)]


def _first(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The first of low … high that `holds`, which once true stays true; None where none does."""
    if holds(low):
        return low
    if not holds(high):
        return None
    step = 1
    while low + step < high and not holds(low + step):
        low, step = low + step, 2 * step
    bad, good = low, min(high, low + step)
    while good - bad > 1:
        middle = (good + bad) // 2
        bad, good = (bad, middle) if holds(middle) else (middle, good)
    return good
