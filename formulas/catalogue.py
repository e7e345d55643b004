"""The whole book, in reading order."""

from evtplan.errors import UnknownNameError
from evtplan.formulas import bitmap, channels, draft_a, fifo, heap
from evtplan.formulas.core import Formula

__all__ = ["BOOK", "formula_named"]

BOOK: dict[str, Formula] = {
    formula.name: formula
    for chapter in (draft_a, fifo, bitmap, heap, channels)
    for formula in chapter.FORMULAS
}


def formula_named(name: str) -> Formula:
    """The formula called `name`. Raises `UnknownNameError` with the nearest known name."""
    try:
        return BOOK[name]
    except KeyError:
        raise UnknownNameError("formula", name, BOOK) from None
