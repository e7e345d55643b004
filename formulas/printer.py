"""SymPy expressions printed as code that stays exact, in three dialects.

SymPy's own `lambdify` goes through floats and is wrong by one where a ratio is a whole number.
Here floor(n/d) is printed as n//d and ceiling(n/d) as -(-n//d), which Python, NumPy and Numba
all take, with the same answer in each.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

import sympy
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.printing.pycode import PythonCodePrinter

from evtplan.formulas.core import Formula
from evtplan.formulas.functions import RepairmanBusy, RepairmanQueue

__all__ = ["Dialect", "exact_function", "exact_source", "printed_source"]


class Dialect(Enum):
    """Whom the code is for: Python integers and fractions, NumPy arrays, a Numba scalar loop."""

    PYTHON = "python"
    NUMPY = "numpy"
    NUMBA = "numba"


class _Exact(PythonCodePrinter):  # type: ignore[misc]
    """Prints expressions whose value is a whole number; refuses what would need a float."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__({"fully_qualified_modules": False})
        self.dialect = dialect
        # Conditions of the branches being printed: NumPy computes every branch for every element.
        self._within: list[str] = []

    def _print_floor(self, expression: sympy.Expr) -> str:
        return "({} // {})".format(*self._fraction(expression.args[0]))

    def _print_ceiling(self, expression: sympy.Expr) -> str:
        return "(-(-{} // {}))".format(*self._fraction(expression.args[0]))

    def _fraction(self, argument: sympy.Expr) -> tuple[str, str]:
        above, below = sympy.fraction(sympy.together(argument))
        return f"({self._print(above)})", self._divisor(below)

    def _divisor(self, below: sympy.Expr) -> str:
        """A divisor; in an array branch 1 where the branch is not taken and it might be 0."""
        text = f"({self._print(below)})"
        if self.dialect is Dialect.NUMPY and self._within and not below.is_positive:
            return f"where({' & '.join(self._within)}, {text}, 1)"
        return text

    def print_ratio(self, expression: sympy.Expr) -> str:
        """A rational result: a `Fraction` in Python, else one division of whole numbers."""
        above, below = self._fraction(expression)
        if self.dialect is Dialect.PYTHON:
            return f"Fraction({above[1:-1]}, {below[1:-1]})"
        return f"{above} / {below}"

    def _print_Rational(self, expression: sympy.Expr) -> str:
        raise ValueError(f"{expression} is no whole number outside floor and ceiling")

    def _print_Float(self, expression: sympy.Expr) -> str:
        raise ValueError(f"{expression} is a float; the book has exact numbers only")

    def _print_Pow(self, expression: sympy.Expr, **_options: Any) -> str:
        base, exponent = expression.as_base_exp()
        if not (exponent.is_integer and exponent.is_nonnegative):
            raise ValueError(f"{expression} leaves the whole numbers outside floor and ceiling")
        if base == 2 and not exponent.is_Integer:
            return f"(1 << ({self._print(exponent)}))"
        if exponent.is_Integer and exponent <= 4:
            return "(" + "*".join([f"({self._print(base)})"] * int(exponent)) + ")"
        return f"({self._print(base)})**({self._print(exponent)})"

    def _print_Max(self, expression: sympy.Expr) -> str:
        return self._extreme("max", "maximum", expression.args)

    def _print_Min(self, expression: sympy.Expr) -> str:
        return self._extreme("min", "minimum", expression.args)

    def _extreme(self, scalar: str, array: str, arguments: tuple[sympy.Expr, ...]) -> str:
        texts: list[str] = [self._print(argument) for argument in arguments]
        if self.dialect is not Dialect.NUMPY:
            return f"{scalar}({', '.join(texts)})"
        nested = texts[0]
        for text in texts[1:]:
            nested = f"{array}({nested}, {text})"
        return nested

    def _print_Piecewise(self, expression: sympy.Expr) -> str:
        if expression.args[-1].cond != sympy.true:
            raise ValueError(f"{expression} has no branch for the rest: end it with True")
        return self._branches(list(expression.args))

    def _branches(self, pairs: list[Any]) -> str:
        value, condition = pairs[0].expr, pairs[0].cond
        if condition == sympy.true:
            return f"({self._print(value)})"
        test = f"({self._print(condition)})"
        self._within.append(test)
        taken = self._print(value)
        self._within[-1] = f"~{test}"
        other = self._branches(pairs[1:])
        self._within.pop()
        if self.dialect is Dialect.NUMPY:
            return f"where({test}, {taken}, {other})"
        return f"(({taken}) if {test} else {other})"

    def _print_And(self, expression: sympy.Expr) -> str:
        return self._joined("&", "and", expression)

    def _print_Or(self, expression: sympy.Expr) -> str:
        return self._joined("|", "or", expression)

    def _joined(self, array: str, scalar: str, expression: sympy.Expr) -> str:
        word = array if self.dialect is Dialect.NUMPY else scalar
        parts = sorted(expression.args, key=sympy.default_sort_key)
        return f" {word} ".join(f"({self._print(part)})" for part in parts)

    def _print_RepairmanQueue(self, expression: sympy.Expr) -> str:
        return self._called("repairman_queue", expression)

    def _print_RepairmanBusy(self, expression: sympy.Expr) -> str:
        return self._called("repairman_busy", expression)

    def _called(self, name: str, expression: sympy.Expr) -> str:
        return f"{name}({', '.join(self._print(argument) for argument in expression.args)})"


_KNOWN = (sympy.floor, sympy.ceiling, sympy.Max, sympy.Min, sympy.Piecewise)


def _check_functions(expression: sympy.Expr) -> None:
    """Refuses what has no exact reading: other functions, and numbers such as π."""
    known = (*_KNOWN, RepairmanBusy, RepairmanQueue, ExprCondPair)
    for part in expression.atoms(sympy.Function, sympy.NumberSymbol):
        if not isinstance(part, known):
            raise ValueError(f"{part} is no function or number of the book")


def printed_source(formula: Formula, dialect: Dialect) -> str:
    """A Python function over the names of the inputs, in `dialect`.

    Raises `ValueError` where the expression could leave the whole numbers and the result is an
    integer quantity.
    """
    # The assumptions stay, so that the printer still knows which divisors are never 0.
    names = {q.symbol: q.symbol_called(q.name) for q in formula.inputs}
    _check_functions(formula.expression)
    printer = _Exact(dialect)
    expression = formula.expression.xreplace(names)
    whole = formula.result.integer
    body = printer.doprint(expression) if whole else printer.print_ratio(expression)
    if dialect is not Dialect.PYTHON:
        arguments = ", ".join(q.name for q in formula.inputs)
        return f"def {formula.function_name}({arguments}):\n    return {body}\n"
    arguments = ", ".join(f"{q.name}: int" for q in formula.inputs)
    kind = "int" if whole else "Fraction"
    return f"def {formula.function_name}({arguments}) -> {kind}:\n    return {body}\n"


def exact_source(formula: Formula) -> str:
    """The function in Python, with exact integers or fractions, as `kernels.py` has it."""
    return printed_source(formula, Dialect.PYTHON)


def exact_function(formula: Formula) -> Callable[..., Any]:
    """The function of `exact_source`, ready to call."""
    from fractions import Fraction

    from evtplan.formulas.repairman import repairman_busy, repairman_queue

    scope: dict[str, Any] = {
        "Fraction": Fraction,
        "repairman_busy": repairman_busy,
        "repairman_queue": repairman_queue,
    }
    exec(exact_source(formula), scope)  # our own printed arithmetic, no input of anybody's
    function: Callable[..., Any] = scope[formula.function_name]
    return function
