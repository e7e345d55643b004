"""Options that give values to symbols, and formulas of a user's own."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated

import typer

from evtplan.errors import EvtplanError

__all__ = ["FormulasOption", "WhereOption", "pairs_in"]

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="SYMBOL=VALUE",
        help="A value, by the symbol's letter or name (E_V=64, pages=131072); repeat it for each.",
        show_default=False,
    ),
]
FormulasOption = Annotated[
    list[str] | None,
    typer.Option(
        "--formulas",
        metavar="FILE",
        help="Python file of your own formulas, which is run; repeat it for several.",
        show_default=False,
    ),
]


def pairs_in(texts: Iterable[str]) -> list[tuple[str, int | Fraction]]:
    """`["E_V=64"]` as pairs. Raises `EvtplanError` for what is no assignment of a number."""
    from evtplan.plans.given import read_value

    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise EvtplanError(f"{text!r} is no assignment", "write SYMBOL=VALUE, e.g. E_V=64")
        pairs.append((name, read_value(name, value)))
    return pairs
