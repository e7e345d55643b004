"""What the formula book is made of: quantities, sources, examples, formulas."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy

from evtplan.errors import UndefinedError, ValueOutOfRangeError

__all__ = ["Certainty", "Example", "Formula", "Goal", "Kind", "Quantity", "Source"]


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


class Goal(Enum):
    """What a planner asks of a result: so much of a capacity, no more than so much of a cost."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    EXACTLY = "exactly"


@dataclass(frozen=True)
class Quantity:
    """A quantity of the field: the name used in data, its letter, unit and meaning.

    `integer` False marks a rational one (a result only: every input is a whole number, in a unit
    small enough). Values are `least` … `most`; `most` None is no limit. `usual` is what a command
    takes where nothing is given. `tried` is the range of the tests: up to there, and as far as
    no product leaves 64 bits beyond it, the compiled readings are exact. `goal` is what is asked
    of the quantity as a result.
    """

    name: str
    letter: str
    unit: str
    meaning: str
    integer: bool = True
    least: int = 0
    most: int | None = None
    usual: int | None = None
    tried: int = 2**17
    goal: Goal = Goal.AT_MOST

    @property
    def symbol(self) -> sympy.Symbol:
        """The SymPy symbol. SymPy keeps one per name and assumptions, so every reading of the
        same quantity is the same symbol.
        """
        return self.symbol_called(self.letter)

    def symbol_called(self, text: str) -> sympy.Symbol:
        """A symbol with this quantity's assumptions and another name."""
        sign = {"positive": True} if self.least > 0 else {"nonnegative": True}
        return sympy.Symbol(text, real=True, **sign, **self._whole())

    def _whole(self) -> dict[str, bool]:
        return {"integer": True} if self.integer else {}

    @property
    def allowed(self) -> str:
        """The values it can have, in words."""
        if self.most is None:
            return f"a whole number of at least {self.least}"
        return f"a whole number from {self.least} to {self.most}"

    def check(self, value: object) -> None:
        """Raises `ValueOutOfRangeError` for a value this quantity cannot have as an input."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not self._within(value):
            raise ValueOutOfRangeError(f"{self.letter} ({self.name})", value, self.allowed)

    def _within(self, value: Any) -> bool:
        return value >= self.least and (self.most is None or value <= self.most)


@dataclass(frozen=True)
class Source:
    """Where a formula or figure comes from: a file, a commit, a message; and what it says."""

    where: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.what else self.where


@dataclass(frozen=True)
class Example:
    """A worked example: values by quantity name, and the result they give.

    `note` says what it stands for and who gives the figure; `certainty` how well that figure is
    founded, where it is not this book's own arithmetic.
    """

    inputs: Mapping[str, int]
    result: int | Fraction
    note: str = ""
    certainty: Certainty | None = None


@dataclass(frozen=True)
class Formula:
    """An equation of the book: `result` = `expression` over the symbols of `inputs`.

    The expression uses floor, ceiling, Max, Min, Piecewise, exact rationals and the functions of
    `evtplan.formulas.functions` only, so that the printed Python is exact: a whole number, or a
    `Fraction` where the result is no integer quantity. `name` is `<module>.<quantity>`, as
    commands take it. Raises `ValueError` where the expression has a symbol that is no input, an
    input is unused, or two inputs share a letter.
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
        if not isinstance(self.expression, sympy.Expr):
            raise ValueError(
                f"{self.name}: {self.expression!r} is no SymPy expression of the inputs' symbols"
            )
        symbols = {quantity.symbol for quantity in self.inputs}
        free = self.expression.free_symbols
        if free != symbols:
            odd = ", ".join(sorted(str(symbol) for symbol in free ^ symbols))
            raise ValueError(f"{self.name}: inputs and expression differ in {odd}")
        letters = [quantity.letter for quantity in (self.result, *self.inputs)]
        if len(set(letters)) != len(letters):
            raise ValueError(f"{self.name}: two quantities share a letter: {', '.join(letters)}")

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

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: the printed function is printed anew there."""
        return {name: value for name, value in self.__dict__.items() if name != "_exact"}

    def evaluate(self, **values: int) -> int | Fraction:
        """The result, exact, inputs by quantity name: an integer, or a `Fraction` where the
        result is a rational quantity.

        Raises `TypeError` for a missing or unknown input, `UndefinedError` where it would divide
        by zero. Values are not checked here.
        """
        try:
            found = self._exact(**values)
        except ZeroDivisionError:
            letters = {q.letter: values[q.name] for q in self.inputs}
            raise UndefinedError(self.name, letters) from None
        return found if isinstance(found, Fraction) else int(found)
