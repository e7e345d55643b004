"""Equations as people read them: one line of Unicode, or LaTeX."""

from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from evtplan.formulas.core import Formula
from evtplan.formulas.functions import RepairmanBusy

__all__ = ["expression_text", "latex_text", "one_line"]

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_RELATIONS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "!=": "≠"}


class _OneLine(StrPrinter):  # type: ignore[misc]
    """⌊ ⌋ for floor, · for products, a slash for ratios, superscripts for whole powers."""

    def _print_floor(self, expression: Any) -> str:
        return f"⌊{self._print(expression.args[0])}⌋"

    def _print_ceiling(self, expression: Any) -> str:
        return f"⌈{self._print(expression.args[0])}⌉"

    def _print_Add(self, expression: Any, order: Any = None) -> str:
        terms = list(self._as_ordered_terms(expression, order=order))
        if any(sympy.denom(term) != 1 for term in terms):
            terms.sort(key=lambda term: not term.is_number)  # 1 + E_V/E_P, as the draft has it
        terms.sort(key=lambda term: term.could_extract_minus_sign())
        text = self._term(terms[0])
        for term in terms[1:]:
            negative = term.could_extract_minus_sign()
            text += f" − {self._term(-term)}" if negative else f" + {self._term(term)}"
        return text

    def _term(self, term: Any) -> str:
        return f"({self._print(term)})" if term.is_Add else str(self._print(term))

    def _print_Mul(self, expression: Any) -> str:
        if expression.could_extract_minus_sign():
            return f"−{self._factor(-expression)}"
        above, below = sympy.fraction(expression)
        if below == 1:
            return "·".join(self._factor(factor) for factor in _factors(above))
        text = self._print(below)
        return f"{self._factor(above)}/{f'({text})' if below.is_Mul or _is_sum(below) else text}"

    def _factor(self, factor: Any) -> str:
        text = str(self._print(factor))
        return f"({text})" if _is_sum(factor) else text

    def _print_Pow(self, expression: Any, rational: bool = False) -> str:
        base, exponent = expression.as_base_exp()
        if exponent.is_negative:
            return self._print_Mul(sympy.Mul(1, expression, evaluate=False))
        compound = base.is_Mul or base.is_Pow or _is_sum(base)
        text = f"({self._print(base)})" if compound else self._print(base)
        if exponent == sympy.Rational(1, 2):
            return f"√{text}"
        if exponent.is_Integer:
            return text + str(exponent).translate(_SUPERSCRIPTS)
        raised = self._print(exponent)
        return f"{text}^{raised if exponent.is_Symbol else f'({raised})'}"

    def _print_Max(self, expression: Any) -> str:
        return f"max({', '.join(self._print(a) for a in _ordered(expression.args))})"

    def _print_Min(self, expression: Any) -> str:
        return f"min({', '.join(self._print(a) for a in _ordered(expression.args))})"

    def _print_Piecewise(self, expression: Any) -> str:
        parts = []
        for value, condition in expression.args:
            otherwise = condition == sympy.true
            when = "otherwise" if otherwise else f"if {self._print(condition)}"
            parts.append(f"{self._print(value)} {when}")
        return "{" + "; ".join(parts) + "}"

    def _print_Relational(self, expression: Any) -> str:
        left, right = self._print(expression.lhs), self._print(expression.rhs)
        return f"{left} {_RELATIONS[expression.rel_op]} {right}"

    def _print_RepairmanQueue(self, expression: Any) -> str:
        return f"L({', '.join(self._print(a) for a in expression.args)})"

    def _print_RepairmanBusy(self, expression: Any) -> str:
        return f"1 − p₀({', '.join(self._print(a) for a in expression.args)})"

    def _print_Integer(self, expression: Any) -> str:
        text = str(expression).replace("-", "−")
        power = len(text) - 1
        round_number = power >= 6 and text == "1" + "0" * power
        return "10" + str(power).translate(_SUPERSCRIPTS) if round_number else text


class _Latex(LatexPrinter):  # type: ignore[misc]
    def _print_RepairmanQueue(self, expression: Any, exp: Any = None) -> str:
        inner = ", ".join(self._print(a) for a in expression.args)
        text = rf"L_{{\mathrm{{M/M/1//n}}}}\left({inner}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _print_RepairmanBusy(self, expression: Any, exp: Any = None) -> str:
        inner = ", ".join(self._print(a) for a in expression.args)
        return rf"1 - p_0\left({inner}\right)"

    def _needs_mul_brackets(self, expr: Any, first: bool = False, last: bool = False) -> bool:
        return isinstance(expr, RepairmanBusy) or bool(
            super()._needs_mul_brackets(expr, first, last)
        )


def _is_sum(expression: Any) -> bool:
    """Printed with a plus or minus outside any bracket."""
    return bool(expression.is_Add or isinstance(expression, RepairmanBusy))


def _factors(product: Any) -> list[Any]:
    factors = list(product.as_ordered_factors())
    return sorted(factors, key=lambda factor: not factor.is_number)


def _ordered(arguments: Any) -> list[Any]:
    return sorted(arguments, key=lambda a: (not a.is_number, sympy.default_sort_key(a)))


def expression_text(expression: sympy.Expr) -> str:
    """One line of Unicode for an expression."""
    return str(_OneLine().doprint(expression))


def one_line(formula: Formula) -> str:
    """`V = ⌊P/(1 + E_V/E_P)⌋`."""
    return f"{formula.result.letter} = {expression_text(formula.expression)}"


def latex_text(formula: Formula) -> str:
    """The equation in LaTeX, without delimiters."""
    return str(_Latex({"mul_symbol": "dot"}).doprint(formula.equation))
