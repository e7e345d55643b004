"""What the formula book is made of: quantities, sources, examples, formulas."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import sympy

__all__ = ["Certainty", "Example", "Formula", "Kind", "Quantity", "Source"]


class Kind(Enum):
    """How a formula's result relates to the thing it speaks of."""

    EXACT = "exact"
    UPPER_BOUND = "upper bound"
    LOWER_BOUND = "lower bound"
    ESTIMATE = "estimate"


class Certainty(Enum):
    """How well a formula or figure is founded."""

    STATED = "stated in the source"
    CODE = "read in source code"
    DERIVED = "derived by arithmetic"
    INFERRED = "inferred, not stated anywhere"
    RECALLED = "recalled, no readable text found"


@dataclass(frozen=True)
class Quantity:
    """A quantity of the field: the name used in data, its symbol, unit and meaning.

    `integer` False marks a rational or real quantity; the least value is `least`.
    """

    name: str
    letter: str
    unit: str
    meaning: str
    integer: bool = True
    least: int = 0

    @property
    def symbol(self) -> sympy.Symbol:
        """The SymPy symbol. SymPy keeps one per name and assumptions, so every reading of the
        same quantity is the same symbol.
        """
        positive = {"positive": True} if self.least > 0 else {"nonnegative": True}
        return sympy.Symbol(self.letter, real=True, **positive, **self._whole())

    def _whole(self) -> dict[str, bool]:
        return {"integer": True} if self.integer else {}


@dataclass(frozen=True)
class Source:
    """Where a formula or figure comes from: a file, a commit, a message; and what it says."""

    where: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.what else self.where


@dataclass(frozen=True)
class Example:
    """A worked example: values by quantity name, and the result they give."""

    inputs: Mapping[str, int]
    result: int
    note: str = ""


@dataclass(frozen=True)
class Formula:
    """An equation of the book: `result` = `expression` over the symbols of `inputs`.

    The expression uses floor, ceiling, Max, Min, Piecewise and exact rationals only, so that the
    printed Python gives exact integers. `name` is `<module>.<quantity>`, as commands take it.
    Raises `ValueError` where the expression has a symbol that is no input, or an input is unused.
    """

    name: str
    result: Quantity
    inputs: tuple[Quantity, ...]
    expression: sympy.Expr
    kind: Kind
    meaning: str
    source: Source
    certainty: Certainty = Certainty.DERIVED
    assumptions: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    derived_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        symbols = {quantity.symbol for quantity in self.inputs}
        free = self.expression.free_symbols
        if free != symbols:
            odd = ", ".join(sorted(str(symbol) for symbol in free ^ symbols))
            raise ValueError(f"{self.name}: inputs and expression differ in {odd}")

    @property
    def function_name(self) -> str:
        """The name of the printed function in `evtplan.formulas.kernels`."""
        return self.name.replace(".", "_").replace("-", "_")

    @property
    def equation(self) -> sympy.Eq:
        """result = expression, unevaluated."""
        return sympy.Eq(self.result.symbol, self.expression, evaluate=False)

    @cached_property
    def _exact(self) -> Any:
        from evtplan.formulas.printer import exact_function

        return exact_function(self)

    def evaluate(self, **values: int) -> int:
        """The result in exact Python integers, inputs by quantity name.

        Raises `TypeError` for a missing or unknown input.
        """
        return int(self._exact(**values))
