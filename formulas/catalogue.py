"""The whole book, in reading order, and how to find things in it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from evtplan.errors import EvtplanError, UnknownNameError
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
from evtplan.formulas.own import formulas_in

__all__ = ["BOOK", "catalogue_with", "chapters_of", "formula_named", "users_of"]

Catalogue = Mapping[str, Formula]

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


def catalogue_with(files: Iterable[str | Path] = ()) -> dict[str, Formula]:
    """The book, and the formulas of a user's own Python `files` after it, in order.

    The files are run: they are the user's own programs. Raises `InputError` for a file that
    cannot be read, fails, has no formulas, or defines a name twice or one of the book's.
    """
    catalogue = dict(BOOK)
    for path in files:
        for formula in formulas_in(path, known=catalogue):
            catalogue[formula.name] = formula
    return catalogue


def formula_named(name: str, catalogue: Catalogue = BOOK) -> Formula:
    """The formula called `name`: in full, or after the dot where only one is called so.

    Raises `EvtplanError` for a name of several or of a chapter, `UnknownNameError` with the
    nearest for one of none.
    """
    found = [full for full in catalogue if full.partition(".")[2] == name]
    if name in catalogue or len(found) == 1:
        return catalogue[name if name in catalogue else found[0]]
    if found:
        raise EvtplanError(f"several formulas are called {name}", "one of " + ", ".join(found))
    chapters = chapters_of(catalogue)
    if name in chapters:
        raise EvtplanError(f"{name} is a whole chapter", f"evtplan formulas {name} lists it")
    error = UnknownNameError("formula", name, (*catalogue, *chapters))
    if error.hint.startswith("known: "):
        error.hint = "evtplan formulas lists them"
    raise error


def chapters_of(catalogue: Catalogue = BOOK) -> dict[str, tuple[Formula, ...]]:
    """Formulas by the part of their name before the dot."""
    found: dict[str, tuple[Formula, ...]] = {}
    for name, formula in catalogue.items():
        chapter = name.partition(".")[0]
        found[chapter] = (*found.get(chapter, ()), formula)
    return found


def users_of(name: str, catalogue: Catalogue = BOOK) -> tuple[str, ...]:
    """The formulas derived from the one called `name`."""
    return tuple(other for other, formula in catalogue.items() if name in formula.derived_from)
