"""What a validation is made of: points that the engine answered, and how a formula is judged."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from evtplan.formulas.core import Formula, Kind
from evtplan.plans.validation.verdicts import AGREES, DISAGREES, HOLDS, UNANSWERED

__all__ = [
    "Number",
    "Outcome",
    "Point",
    "Scale",
    "StatedError",
    "Validator",
    "judge",
    "unanswered",
]

Number = int | Fraction


class Scale(StrEnum):
    """How much the engine builds: `small` for every change, `full` for a release."""

    SMALL = "small"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Point:
    """One question put to the engine: the formula's inputs by name, and the engine's answer.

    `half_width` is half the width of a confidence interval where the answer is a measured mean,
    0 where it was counted.
    """

    inputs: Mapping[str, int]
    engine: Number
    half_width: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class StatedError:
    """How far an estimate may lie from the engine's answer: `low` ≤ estimate − answer ≤ `high`,
    both of the point; `text` says it in words.
    """

    text: str
    low: Callable[[Point], Number]
    high: Callable[[Point], Number]


@dataclass(frozen=True, slots=True)
class Validator:
    """How the engine answers one formula's question.

    `points` builds what `question` asks about and counts, at a scale; `method` says how. `error`
    is what an estimate is allowed; an exact formula and a bound need none.
    """

    formula: str
    question: str
    method: str
    points: Callable[[Scale], Iterable[Point]]
    error: StatedError | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One formula judged. `closed` and `engine` are the two answers at the point of the worst
    error, whose `inputs` stand beside it; errors are closed form less engine. `worst_relative` is
    the largest error at any point as a share of the engine's answer there. `tightest` is the
    least distance of a bound from what it bounds; `interval` the half width there, of a measured
    answer.
    """

    formula: str
    kind: str
    question: str
    method: str
    verdict: str
    points: int
    disagreements: int
    worst_error: Number | None = None
    worst_relative: Fraction | None = None
    tightest: Number | None = None
    closed: Number | None = None
    engine: Number | None = None
    interval: Fraction | None = None
    inputs: Mapping[str, int] | None = None
    stated_error: str | None = None

    @property
    def failed(self) -> bool:
        """The formula and the engine disagree somewhere."""
        return self.verdict == DISAGREES

    def row(self) -> dict[str, Any]:
        """One row for exporters; fractions that are no whole numbers become floats."""
        return {
            "formula": self.formula,
            "kind": self.kind,
            "question": self.question,
            "closed_form": plain(self.closed),
            "engine": plain(self.engine),
            "difference": plain(self.worst_error),
            "verdict": self.verdict,
            "points": self.points,
            "disagreements": self.disagreements,
            "worst_error": plain(self.worst_error),
            "worst_relative_error": None
            if self.worst_relative is None
            else float(self.worst_relative),
            "tightest": plain(self.tightest),
            "interval_half_width": None if not self.interval else float(self.interval),
            "stated_error": self.stated_error,
            "worst_at": None if self.inputs is None else dict(self.inputs),
            "method": self.method,
        }


def plain(value: Number | None) -> int | float | None:
    """A number for files: whole where it is whole."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


def unanswered(formula: Formula, reason: str) -> Outcome:
    """A formula that the engine has nothing to say about, and why."""
    return Outcome(formula.name, formula.kind.value, formula.meaning, reason, UNANSWERED, 0, 0)


def judge(formula: Formula, validator: Validator, points: Iterable[Point]) -> Outcome:
    """Hold `formula` against the engine's `points`.

    Exact: equal everywhere (a measured mean: within its interval). A bound: on its side everywhere.
    An estimate: within its stated error. No point at all counts as a disagreement.
    """
    count = disagreements = 0
    relative: Fraction | None = None
    worst: tuple[Number, Point, Number] | None = None  # the error's size, where, the closed form
    shown_fails = False
    tightest: Number | None = None
    for point in points:
        count += 1
        closed = formula.evaluate(**point.inputs)
        error: Number = closed - point.engine
        good = _good(formula, validator, point, error)
        disagreements += not good
        size = error if error >= 0 else -error
        tightest = size if tightest is None else min(tightest, size)
        if size and point.engine:
            relative = max(relative or Fraction(0), Fraction(size) / abs(Fraction(point.engine)))
        # A disagreement is shown before any error that is allowed; of equal errors the last.
        if worst is None or (not good, size) >= (shown_fails, worst[0]):
            worst, shown_fails = (size, point, closed), not good
    name, kind = formula.name, formula.kind.value
    if worst is None:
        reason = "the engine answered at no point"
        return Outcome(name, kind, validator.question, reason, DISAGREES, 0, 1)
    size, point, closed = worst
    good_verdict = AGREES if formula.kind is Kind.EXACT else HOLDS
    return Outcome(
        formula=name,
        kind=kind,
        question=validator.question,
        method=validator.method,
        verdict=DISAGREES if disagreements else good_verdict,
        points=count,
        disagreements=disagreements,
        worst_error=closed - point.engine,
        worst_relative=relative or Fraction(0),
        tightest=tightest if formula.kind in (Kind.UPPER_BOUND, Kind.LOWER_BOUND) else None,
        closed=closed,
        engine=point.engine,
        interval=point.half_width or None,
        inputs=point.inputs,
        stated_error=validator.error.text if validator.error else None,
    )


def _good(formula: Formula, validator: Validator, point: Point, error: Number) -> bool:
    slack = point.half_width
    match formula.kind:
        case Kind.EXACT:
            return -slack <= error <= slack
        case Kind.UPPER_BOUND:
            return error >= -slack
        case Kind.LOWER_BOUND:
            return error <= slack
    if validator.error is None:
        return -slack <= error <= slack
    return validator.error.low(point) - slack <= error <= validator.error.high(point) + slack
