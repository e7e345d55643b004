"""A formula turned round: the whole number of one symbol at which the result meets a target.

The answer is found by bisection over the exact formula on every stretch where it rises or falls
(`evtplan.plans.monotone`), so it is exact through floors and ceilings; where the rules for floor
and ceiling give a closed form as well, it is shown beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import sympy

from evtplan.errors import EvtplanError, UndefinedError, ValueOutOfRangeError
from evtplan.formulas.core import Formula, Goal
from evtplan.plans.given import quantity_of, resolve
from evtplan.plans.inversion import symbolic_inverse
from evtplan.plans.monotone import monotone_stretches

__all__ = ["Solution", "solve"]

# Where a symbol has no largest value of its own, the search goes this far.
FARTHEST = 10**24


@dataclass(frozen=True, slots=True)
class Solution:
    """What `solve` found for one symbol.

    `side` says that `value` is the smallest or largest that meets the target, or the exact and
    only one. `next_value` is one step further, which does not; `reached` and `next_reached` are
    the results at both. `value` None is no solution, and `why` says why. `symbolic` is the closed
    form where one exists; `ranges` are all values that meet the target.
    """

    formula: str
    symbol: str
    name: str
    goal: str
    target: int | Fraction
    side: str | None
    value: int | None
    next_value: int | None
    reached: int | Fraction | None
    next_reached: int | Fraction | None
    why: str
    symbolic: str | None
    ranges: tuple[tuple[int, int | None], ...]
    inputs: dict[str, int]
    notes: tuple[str, ...]


def solve(
    formula: Formula,
    symbol: str,
    given: Mapping[str, int | Fraction],
    goal: Goal | None = None,
) -> tuple[Solution, ...]:
    """Turn `formula` round for `symbol` (a letter or a name).

    `given` has the target under the result's letter or name, and a value for every other symbol;
    what has a usual value may be left out. `goal` None is the result's own: so much of a capacity
    at least, no more than so much of a cost. Two solutions, the smallest and the largest, where
    exactly the target is asked for and several values give it. Raises `EvtplanError` for
    contradictory or missing values and unknown symbols.

    >>> from evtplan.formulas.catalogue import BOOK
    >>> estimate = BOOK["draft_a.vm_limit_estimate"]
    >>> (answer,) = solve(estimate, "P", {"V": 10000, "E_V": 64, "E_P": 1024})
    >>> answer.side, answer.value, answer.next_value
    ('smallest', 10625, 10624)
    >>> answer.why
    'P = 10624 gives V = 9999, fewer than 10000'
    """
    return _Question(formula, symbol, given, goal).answers()


class _Question:
    """One question: the formula as a function of one whole number, and what is asked of it."""

    def __init__(
        self,
        formula: Formula,
        symbol: str,
        given: Mapping[str, int | Fraction],
        goal: Goal | None,
    ) -> None:
        self.formula = formula
        self.unknown = quantity_of(formula, symbol)
        if self.unknown == formula.result:
            raise EvtplanError(
                f"{self.unknown.letter} is what {formula.name} gives",
                f"evtplan formulas {formula.name} --where … computes it; solve for one of "
                + ", ".join(q.letter for q in formula.inputs),
            )
        values = resolve(formula, given)
        if self.unknown.name in values:
            raise EvtplanError(
                f"contradictory: {self.unknown.letter} is both given and asked for",
                f"leave {self.unknown.letter} out of --where",
            )
        self.notes: list[str] = []
        self.target = self._target(values)
        self.inputs = self._inputs(values)
        self.goal = goal or formula.result.goal
        self.low = self.unknown.least
        self.high = FARTHEST if self.unknown.most is None else self.unknown.most
        self._keep_off_poles()

    def _target(self, values: Mapping[str, int | Fraction]) -> int | Fraction:
        result = self.formula.result
        if result.name not in values:
            raise EvtplanError(
                f"no target: {result.letter} ({result.name}) is not given",
                f"add --where {result.letter}=…",
            )
        target = values[result.name]
        if target <= 0:
            kind = "a whole number of at least 1" if result.integer else "more than 0"
            raise ValueOutOfRangeError(
                f"the target {result.letter}", target, kind, "nothing needs to be solved for less"
            )
        if result.integer and target.denominator != 1:
            raise ValueOutOfRangeError(f"the target {result.letter}", target, "a whole number")
        return target

    def _inputs(self, values: Mapping[str, int | Fraction]) -> dict[str, int]:
        inputs, missing = {}, []
        for quantity in self.formula.inputs:
            if quantity == self.unknown:
                continue
            if quantity.name in values:
                inputs[quantity.name] = int(values[quantity.name])
            elif quantity.usual is not None:
                inputs[quantity.name] = quantity.usual
                self.notes.append(
                    f"{quantity.letter} = {quantity.usual} is taken: {quantity.meaning}"
                )
            else:
                missing.append(quantity)
        if missing:
            raise EvtplanError(
                "not given: " + ", ".join(f"{q.letter} ({q.name})" for q in missing),
                "add " + " ".join(f"--where {q.letter}=…" for q in missing),
            )
        return inputs

    def _keep_off_poles(self) -> None:
        """Begin after the least value where the formula divides by zero there.

        Raises `UndefinedError` where it does so further on, or whatever the unknown is.
        """
        x, expression = self.unknown.symbol, self._expression()
        if expression.has(sympy.zoo, sympy.nan, sympy.oo):
            self.at(self.low)
        below = {part.base for part in expression.atoms(sympy.Pow) if part.exp.is_negative}
        for base in sorted(below, key=sympy.default_sort_key):
            if not base.is_polynomial(x):
                continue
            roots = sympy.Poly(base, x).ground_roots() if x in base.free_symbols else {}
            for pole in sorted(int(root) for root in roots if root.is_Integer):
                if not self.low <= pole <= self.high:
                    continue
                try:
                    self.at(pole)
                except UndefinedError:
                    if pole > self.low:
                        raise
                    self.low = pole + 1

    # -- the function ------------------------------------------------------------------------

    def at(self, value: int) -> int | Fraction:
        """The formula's exact result at one value of the unknown."""
        return self.formula.evaluate(**self.inputs, **{self.unknown.name: value})

    def meets(self, value: int) -> bool:
        """True where the result at `value` is as asked."""
        found = self.at(value)
        if self.goal is Goal.AT_LEAST:
            return found >= self.target
        return found <= self.target if self.goal is Goal.AT_MOST else found == self.target

    def _expression(self) -> sympy.Expr:
        values = {q.symbol: self.inputs[q.name] for q in self.formula.inputs if q != self.unknown}
        return self.formula.expression.subs(values)

    def solutions(self) -> list[tuple[int, int]]:
        """Every value that meets the target, as ranges in order."""
        found: list[tuple[int, int]] = []
        stretches = monotone_stretches(self._expression(), self.unknown.symbol, self.low, self.high)
        for low, high, trend in stretches:
            part = self._within(low, high, trend)
            if part and found and found[-1][1] == part[0] - 1:
                found[-1] = (found[-1][0], part[1])
            elif part:
                found.append(part)
        return found

    def _within(self, low: int, high: int, trend: int) -> tuple[int, int] | None:
        """The part of one stretch that meets the target; a range, since the result only rises
        or only falls there.
        """
        if trend == 0:
            return (low, high) if self.meets(low) else None
        sign = trend

        def reaches(value: int) -> bool:
            return sign * (self.at(value) - self.target) >= 0

        def passes(value: int) -> bool:
            return sign * (self.at(value) - self.target) > 0

        start, end = low, high
        if (self.goal is Goal.AT_LEAST) == (sign > 0) or self.goal is Goal.EXACTLY:
            start = _first_true(reaches, low, high)
        if (self.goal is Goal.AT_LEAST) != (sign > 0) or self.goal is Goal.EXACTLY:
            end = _first_true(passes, low, high) - 1
        return (start, end) if start <= end else None

    # -- the answer --------------------------------------------------------------------------

    def answers(self) -> tuple[Solution, ...]:
        """The answer, or the two ends of it."""
        ranges = self.solutions()
        if not ranges:
            return (self._answer(None, None, ranges, f"no solution: {self._shortfall()}"),)
        first, last = ranges[0][0], ranges[-1][1]
        if self.goal is Goal.EXACTLY:
            if first == last:
                return (self._at_end("exact", first, ranges),)
            ends = [self._at_end("smallest", first, ranges)]
            return (
                (*ends, self._at_end("largest", last, ranges)) if last < self.high else (ends[0],)
            )
        if last < self.high:
            return (self._at_end("largest", last, ranges),)
        if first == self.low and len(ranges) > 1:
            return (self._at_end("largest", ranges[0][1], ranges),)
        if first > self.low or self._rises():
            return (self._at_end("smallest", first, ranges),)
        return (self._at_end("largest", last, ranges),)

    def _rises(self) -> bool:
        """True where the goal is easier met by larger values."""
        more = self.at(self.high) >= self.at(self.low)
        return more == (self.goal is Goal.AT_LEAST)

    def _at_end(self, side: str, value: int, ranges: list[tuple[int, int]]) -> Solution:
        step = -1 if side == "smallest" else 1
        further = value + step
        if side == "exact" and further > self.high:
            further = value - 1
        if self.low <= further <= self.high:
            return self._answer(side, value, ranges, self._why_not(further), further)
        u = self.unknown
        if value == FARTHEST and u.most is None:
            return self._answer(
                None,
                None,
                ranges,
                f"no boundary: every value of {u.letter} up to 10^24 gives "
                f"{self._result_text(value)}, {self._wanted()}",
            )
        word = "below" if step < 0 else "above"
        why = f"{u.letter} cannot be {word} {value}: {u.meaning}"
        return self._answer(side, value, ranges, why)

    def _answer(
        self,
        side: str | None,
        value: int | None,
        ranges: list[tuple[int, int]],
        why: str,
        further: int | None = None,
    ) -> Solution:
        notes = list(self.notes)
        if len(ranges) > 1:
            notes.append(f"{self.unknown.letter} meets it in {len(ranges)} ranges: {_text(ranges)}")
        return Solution(
            formula=self.formula.name,
            symbol=self.unknown.letter,
            name=self.unknown.name,
            goal=self.goal.value,
            target=self.target,
            side=side,
            value=value,
            next_value=further,
            reached=None if value is None else self.at(value),
            next_reached=None if further is None else self.at(further),
            why=why,
            symbolic=self._symbolic(side, value),
            ranges=tuple((low, None if high == FARTHEST else high) for low, high in ranges),
            inputs=self.inputs,
            notes=tuple(notes),
        )

    def _symbolic(self, side: str | None, value: int | None) -> str | None:
        if value is None or self.goal is Goal.EXACTLY:
            return None
        values = {q.symbol: self.inputs[q.name] for q in self.formula.inputs if q != self.unknown}
        return symbolic_inverse(
            self.formula, self.unknown, self.goal, side == "smallest", values, self.target, value
        )

    def _result_text(self, value: int) -> str:
        found = self.at(value)
        return f"{self.formula.result.letter} = {number(found)}"

    def _why_not(self, further: int) -> str:
        found, letter = self.at(further), self.unknown.letter
        if found < self.target:
            word = "fewer than" if self._countable() else "less than"
        else:
            word = "more than"
        result, target = apart(found, self.target)
        return (
            f"{letter} = {further} gives {self.formula.result.letter} = {result}, {word} {target}"
        )

    def _countable(self) -> bool:
        return self.formula.result.unit in ("VM", "VCPU", "port", "page", "domain")

    def _wanted(self) -> str:
        return f"{self.goal.value} {number(self.target)}"

    def _shortfall(self) -> str:
        """How near the result comes to the target, and where."""
        ends: dict[int, int | Fraction] = {}
        for low, high, _ in monotone_stretches(
            self._expression(), self.unknown.symbol, self.low, self.high
        ):
            ends.setdefault(low, self.at(low))
            ends.setdefault(high, self.at(high))
        letter, result = self.unknown.letter, self.formula.result.letter
        limit = "" if self.unknown.most is not None else " up to 10^24"
        if self.goal is Goal.EXACTLY:
            return self._stepped_over(ends)
        best = max if self.goal is Goal.AT_LEAST else min
        at, found = best(ends.items(), key=lambda pair: pair[1])
        place = f"at {letter} = {at}" if at != FARTHEST else f"at the largest {letter}"
        most = "most" if self.goal is Goal.AT_LEAST else "least"
        return (
            f"{result} is at {most} {number(found)}, {place}, whatever {letter}{limit} is; "
            f"{self._wanted()} is asked for"
        )

    def _stepped_over(self, ends: Mapping[int, int | Fraction]) -> str:
        letter, result = self.unknown.letter, self.formula.result.letter
        points = sorted(ends)
        for low, high in pairwise(points):
            below, above = ends[low] < self.target, ends[high] < self.target
            if below == above:
                continue
            past = _first_true(lambda v, b=below: (self.at(v) < self.target) != b, low, high)  # type: ignore[misc]
            return (
                f"{result} steps over {number(self.target)}: {letter} = {past - 1} gives "
                f"{number(self.at(past - 1))}, {letter} = {past} gives {number(self.at(past))}"
            )
        least, most = min(ends.values()), max(ends.values())
        return (
            f"{result} lies between {number(least)} and {number(most)} whatever {letter} is; "
            f"{number(self.target)} is asked for"
        )


def number(value: int | Fraction) -> str:
    """A value as a person reads it: whole, or a fraction with its decimal value."""
    if value.denominator == 1:
        return str(int(value))
    return f"{float(value):.6g}"


def apart(one: int | Fraction, other: int | Fraction) -> tuple[str, str]:
    """Two unequal values as a person reads them, with as many digits as tell them apart."""
    shown = number(one), number(other)
    if shown[0] != shown[1]:
        return shown
    digits = 7
    while (exact := (_digits(one, digits), _digits(other, digits)))[0] == exact[1]:
        digits += 1
    return exact


def _digits(value: int | Fraction, digits: int) -> str:
    """`value` rounded to so many significant digits; a whole number as it is."""
    if value.denominator == 1:
        return str(int(value))
    with localcontext(prec=digits):
        return f"{(Decimal(value.numerator) / Decimal(value.denominator)).normalize():f}"


def _text(ranges: list[tuple[int, int]]) -> str:
    shown = [f"{low} to {high}" if low < high else str(low) for low, high in ranges[:4]]
    if ranges[-1][1] == FARTHEST and len(ranges) <= 4:
        shown[-1] = f"{ranges[-1][0]} and more"
    return ", ".join(shown) + (", …" if len(ranges) > 4 else "")


def _first_true(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The first of low … high that `holds`, which once true stays true; high + 1 where none."""
    bad, good = low - 1, high + 1
    step = 1
    while bad + step < good:  # gallop first: answers are small beside the range
        if holds(bad + step):
            good = bad + step
            break
        bad, step = bad + step, 2 * step
    while good - bad > 1:
        middle = (good + bad) // 2
        bad, good = (bad, middle) if holds(middle) else (middle, good)
    return good
