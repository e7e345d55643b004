"""Run a validation: every formula, and with none named whole hosts and lives as well."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evtplan.formulas.catalogue import BOOK, chapters_of, formula_named
from evtplan.formulas.core import Formula
from evtplan.plans.validation.catalogue import NO_COUNTERPART, VALIDATORS
from evtplan.plans.validation.characterisation import error_rows
from evtplan.plans.validation.core import Outcome, Scale, judge, unanswered
from evtplan.plans.validation.hosts import HostRow, hosts_built
from evtplan.plans.validation.lives import LifeRow, lives_led
from evtplan.plans.validation.questions import bound_rows, left_out_rows, registration_rows

__all__ = ["Validation", "names_given", "validate"]


@dataclass(frozen=True, slots=True)
class Validation:
    """What was compared. Where formulas were named there are no hosts and lives, and of the
    `answers` (tables by name) only those that go with them.
    """

    scale: Scale
    formulas: tuple[Outcome, ...]
    hosts: tuple[HostRow, ...] = ()
    lives: tuple[LifeRow, ...] = ()
    answers: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    @property
    def comparisons(self) -> int:
        """Answers of the engine that were compared, one by one."""
        counted = sum(outcome.points for outcome in self.formulas)
        return counted + len(self.hosts) + sum(life.points for life in self.lives)

    @property
    def failures(self) -> tuple[str, ...]:
        """What disagrees, in words."""
        formulas = [
            f"{o.formula}: {o.disagreements} of {o.points} points disagree"
            for o in self.formulas
            if o.failed
        ]
        hosts = [
            f"{h.host}: {h.question}: {h.engine}, not {h.closed}" for h in self.hosts if h.failed
        ]
        lives = [
            f"{each.host}: {each.question}: {each.disagreements} of {each.points} disagree"
            for each in self.lives
            if each.failed
        ]
        return (*formulas, *hosts, *lives)


def names_given(names: Iterable[str]) -> tuple[str, ...]:
    """The formulas that `names` ask for: formulas by name, chapters whole; all where none is given.

    Raises `EvtplanError` for a name that is none of them, or of several.
    """
    chapters = chapters_of(BOOK)
    found: dict[str, None] = {}
    for name in names:
        if name in chapters:
            found.update(dict.fromkeys(formula.name for formula in chapters[name]))
        else:
            found[formula_named(name).name] = None
    return tuple(name for name in BOOK if name in found) if found else tuple(BOOK)


def validate(
    names: Iterable[str] = (),
    scale: Scale = Scale.SMALL,
    *,
    book: Mapping[str, Formula] = BOOK,
    done: Callable[[int], None] = lambda _more: None,
) -> Validation:
    """Hold the formulas called `names` (all where there are none) against the engine.

    `done` is told of each formula and each host that is through. The same scale gives the same
    answer. Raises `EvtplanError` for a name that is no formula and no chapter.
    """
    asked = tuple(names)
    wanted = names_given(asked)
    outcomes = []
    for name in wanted:
        outcomes.append(outcome_of(book[name], scale))
        done(1)
    answers = {
        table: tuple(rows()) for table, (formula, rows) in _ANSWERS.items() if formula in wanted
    }
    if asked:
        return Validation(scale, tuple(outcomes), answers=answers)
    lives = lives_led(scale)
    done(1)
    hosts = tuple(hosts_built(scale))
    done(1)
    return Validation(scale, tuple(outcomes), hosts, lives, answers)


# Tables that answer the review thread, and the formula that each goes with.
_ANSWERS: dict[str, tuple[str, Callable[[], Iterable[Mapping[str, Any]]]]] = {
    "bounds": ("draft_a.total_array_pages_bound", bound_rows),
    "estimate_errors": ("draft_a.vm_limit_estimate", error_rows),
    "left_out": ("draft_a.vm_limit_estimate", left_out_rows),
    "registration": ("initialisation.pages_left", registration_rows),
}


def outcome_of(formula: Formula, scale: Scale) -> Outcome:
    """One formula judged, or why the engine has nothing to say about it."""
    if formula.name in NO_COUNTERPART:
        return unanswered(formula, NO_COUNTERPART[formula.name])
    validator = VALIDATORS[formula.name]
    return judge(formula, validator, validator.points(scale))
