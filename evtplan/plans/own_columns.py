"""Formulas of a user's own as further columns of a sizing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evtplan.errors import EvtplanError, UndefinedError, ValueOutOfRangeError
from evtplan.formulas.catalogue import BOOK, catalogue_with
from evtplan.formulas.core import Formula, Quantity

__all__ = ["own_columns", "own_formulas"]


def own_formulas(files: Iterable[str | Path]) -> tuple[Formula, ...]:
    """The formulas that `files` add to the book. Raises `InputError` as `catalogue_with` does."""
    return tuple(f for name, f in catalogue_with(files).items() if name not in BOOK)


def own_columns(
    formulas: Iterable[Formula], row: Mapping[str, Any]
) -> dict[str, int | float | None]:
    """Each formula's result for one row of a sizing, under its function name.

    An input takes its value from the row's column of the same name, or has its usual value where
    the row has no such column; None where the row's value is missing, or the formula divides by
    zero. Raises `EvtplanError` for an input that is neither, and for a value that the input
    cannot have.
    """
    found: dict[str, int | float | None] = {}
    for formula in formulas:
        values = {q.name: row.get(q.name, q.usual) for q in formula.inputs}
        for quantity in formula.inputs:
            if values[quantity.name] is None and quantity.name not in row:
                raise EvtplanError(
                    f"{formula.name}: a sizing has no column {quantity.name}",
                    "its inputs may be " + ", ".join(k for k, v in row.items() if _whole(v)),
                )
        if any(value is None for value in values.values()):
            found[formula.function_name] = None
            continue
        for quantity in formula.inputs:
            _check(formula, quantity, values[quantity.name])
        found[formula.function_name] = _result(formula, values)
    return found


def _check(formula: Formula, quantity: Quantity, value: Any) -> None:
    try:
        quantity.check(value)
    except ValueOutOfRangeError as error:
        raise EvtplanError(f"{formula.name}: here {error.message}") from error


def _result(formula: Formula, values: Mapping[str, Any]) -> int | float | None:
    try:
        result = formula.evaluate(**{name: int(value) for name, value in values.items()})
    except UndefinedError:
        return None
    return int(result) if result.denominator == 1 else float(result)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
