"""`symbol=value` as a user gives it, resolved against the symbols of one formula."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.core import Formula, Quantity
from evtplan.plans.typed import NotANumberError, TooLargeError, number_in

__all__ = ["quantity_of", "read_value", "resolve"]


def read_value(name: str, text: str) -> int | Fraction:
    """A number as typed, exactly; `name` is whose it is. Raises `EvtplanError`."""
    try:
        return number_in(text)
    except TooLargeError:
        raise EvtplanError(f"{name} is {_short(text)}; it must be at most 10^18") from None
    except NotANumberError:
        raise EvtplanError(
            f"{name} is {_short(text)!r}; it must be a number", "write 10000, 10_000, 1e4 or 2^17"
        ) from None


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"


def quantity_of(formula: Formula, name: str) -> Quantity:
    """The quantity of `formula` that has `name` as its letter or its name.

    Raises `EvtplanError` for a symbol of other formulas, `UnknownNameError` for one of none.
    """
    own = (formula.result, *formula.inputs)
    for quantity in own:
        if name in (quantity.letter, quantity.name):
            return quantity
    known = [text for quantity in own for text in (quantity.letter, quantity.name)]
    for other in BOOK.values():
        for quantity in (other.result, *other.inputs):
            if name in (quantity.letter, quantity.name):
                symbols = ", ".join(f"{q.letter} ({q.name})" for q in own)
                raise EvtplanError(
                    f"{formula.name} has no {quantity.letter} ({quantity.name})",
                    f"its symbols are {symbols}",
                )
    raise UnknownNameError(f"symbol of {formula.name}:", name, known)


def resolve(
    formula: Formula, given: Mapping[str, int | Fraction] | Iterable[tuple[str, int | Fraction]]
) -> dict[str, int | Fraction]:
    """The values by quantity name. Raises `EvtplanError` for an unknown symbol, a value that its
    quantity cannot have, and two different values for one quantity.
    """
    pairs = given.items() if isinstance(given, Mapping) else given
    found: dict[str, int | Fraction] = {}
    for name, value in pairs:
        quantity = quantity_of(formula, name)
        if found.get(quantity.name, value) != value:
            raise EvtplanError(
                f"contradictory values for {quantity.letter} ({quantity.name}): "
                f"{found[quantity.name]} and {value}",
                "give each symbol once",
            )
        if quantity in formula.inputs:
            quantity.check(value)
        found[quantity.name] = value
    return found
