"""The whole book, in reading order."""

from evtplan.errors import UnknownNameError
from evtplan.formulas import (
    channels,
    delivery,
    draft_a,
    fifo,
    heap,
    initialisation,
    limits,
    three_level,
    two_level,
)
from evtplan.formulas.core import Formula

__all__ = ["BOOK", "formula_named"]

CHAPTERS = (
    draft_a,
    fifo,
    two_level,
    three_level,
    limits,
    heap,
    channels,
    delivery,
    initialisation,
)

BOOK: dict[str, Formula] = {
    formula.name: formula for chapter in CHAPTERS for formula in chapter.FORMULAS
}


def formula_named(name: str) -> Formula:
    """The formula called `name`. Raises `UnknownNameError` with the nearest known name."""
    try:
        return BOOK[name]
    except KeyError:
        raise UnknownNameError("formula", name, BOOK) from None
