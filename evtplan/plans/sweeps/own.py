"""Formulas of a user's own as further columns of a sweep, in exact Python integers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evtplan.errors import EvtplanError
from evtplan.formulas.core import Formula
from evtplan.plans.own_columns import own_columns
from evtplan.plans.sweeps.columns import Column, column_of
from evtplan.plans.sweeps.design import Subject

__all__ = ["WithOwn"]


@dataclass(frozen=True, slots=True)
class WithOwn:
    """A subject whose points have a column more for each of `formulas`.

    An input is the column of its name, varied or computed, or has its usual value.
    """

    subject: Subject
    formulas: tuple[Formula, ...]

    @property
    def _own(self) -> tuple[str, ...]:
        return tuple(formula.function_name for formula in self.formulas)

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of the subject, and the formulas'."""
        return (*self.subject.columns, *self._own)

    @property
    def shown(self) -> tuple[str, ...]:
        """Those of the subject, and the formulas'."""
        return (*self.subject.shown, *self._own)

    @property
    def complete(self) -> frozenset[str]:
        """Those of the subject: a formula may divide by zero."""
        return self.subject.complete

    @property
    def told(self) -> tuple[tuple[str, int | str], ...]:
        """What the subject tells."""
        return self.subject.told

    def check(self, keys: tuple[str, ...]) -> None:
        """Raise `EvtplanError` where the subject does, or an input has no value."""
        self.subject.check(keys)
        known = {*keys, *self.subject.columns}
        for formula in self.formulas:
            for quantity in formula.inputs:
                if quantity.name not in known and quantity.usual is None:
                    raise EvtplanError(
                        f"{formula.name}: this sweep has no column {quantity.name}",
                        "its inputs may be " + ", ".join(sorted(known)),
                    )

    def compute(
        self, points: Mapping[str, Column], rows: int, names: tuple[str, ...], *, compiled: bool
    ) -> dict[str, Column]:
        """The columns `names`, the formulas' row by row."""
        wanted = [f for f in self.formulas if f.function_name in names]
        inputs = [q.name for f in wanted for q in f.inputs if q.name in self.subject.columns]
        others = [name for name in (*names, *inputs) if name not in self._own]
        asked = tuple(name for name in dict.fromkeys(others) if name not in points)
        found = self.subject.compute(points, rows, asked, compiled=compiled)
        given = {**found, **points}
        for formula in wanted:
            used = {q.name: given[q.name].cells() for q in formula.inputs if q.name in given}
            cells = [
                own_columns((formula,), {name: column[row] for name, column in used.items()})
                for row in range(rows)
            ]
            found[formula.function_name] = _column(
                formula, [cell[formula.function_name] for cell in cells]
            )
        return found


def _column(formula: Formula, cells: list[int | float | None]) -> Column:
    """One type in every chunk: whole numbers, or floats for a rational result."""
    column = column_of(formula.function_name, cells)
    if formula.result.integer:
        return column
    return Column(column.name, column.values.astype(np.float64), column.missing_or_none)
