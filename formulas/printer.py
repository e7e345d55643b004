"""SymPy expressions printed as Python that stays in exact integers.

SymPy's own `lambdify` goes through floats and is wrong by one where a ratio is a whole number.
Here floor(n/d) is printed as n//d and ceiling(n/d) as -(-n//d), which Python, NumPy and Numba
all take, with the same answer in each.
"""

from collections.abc import Callable
from typing import Any

import sympy
from sympy.printing.pycode import PythonCodePrinter

from evtplan.formulas.core import Formula

__all__ = ["exact_function", "exact_source"]


class _ExactIntegers(PythonCodePrinter):  # type: ignore[misc]
    """Prints expressions whose value is a whole number; refuses what would need a float."""

    def _print_floor(self, expression: sympy.Expr) -> str:
        return "({} // {})".format(*self._fraction(expression.args[0]))

    def _print_ceiling(self, expression: sympy.Expr) -> str:
        return "-(-{} // {})".format(*self._fraction(expression.args[0]))

    def _fraction(self, argument: sympy.Expr) -> tuple[str, str]:
        above, below = sympy.fraction(sympy.together(argument))
        return f"({self._print(above)})", f"({self._print(below)})"

    def _print_Rational(self, expression: sympy.Expr) -> str:
        raise ValueError(f"{expression} is no whole number outside floor and ceiling")

    def _print_Float(self, expression: sympy.Expr) -> str:
        raise ValueError(f"{expression} is a float; the book has exact numbers only")

    def _print_Pow(self, expression: sympy.Expr, **_options: Any) -> str:
        base, exponent = expression.as_base_exp()
        if not (exponent.is_integer and exponent.is_nonnegative):
            raise ValueError(f"{expression} leaves the whole numbers outside floor and ceiling")
        return f"({self._print(base)})**({self._print(exponent)})"

    def _print_Max(self, expression: sympy.Expr) -> str:
        return self._nested("max", expression.args)

    def _print_Min(self, expression: sympy.Expr) -> str:
        return self._nested("min", expression.args)

    def _nested(self, function: str, arguments: tuple[sympy.Expr, ...]) -> str:
        return f"{function}({', '.join(self._print(argument) for argument in arguments)})"


def exact_source(formula: Formula) -> str:
    """A Python function over the names of the inputs that returns the exact result.

    Raises `ValueError` where the expression could leave the whole numbers.
    """
    names = {q.symbol: sympy.Symbol(q.name, integer=True) for q in formula.inputs}
    body = _ExactIntegers({"fully_qualified_modules": False}).doprint(
        formula.expression.xreplace(names)
    )
    arguments = ", ".join(f"{q.name}: int" for q in formula.inputs)
    return f"def {formula.function_name}({arguments}) -> int:\n    return {body}\n"


def exact_function(formula: Formula) -> Callable[..., int]:
    """The function of `exact_source`, ready to call."""
    scope: dict[str, Any] = {}
    exec(exact_source(formula), scope)  # our own printed arithmetic, no input of anybody's
    function: Callable[..., int] = scope[formula.function_name]
    return function
