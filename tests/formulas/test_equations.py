"""Equations as they are printed: read back they are the formula, and no bracket is one too many."""

import re
from collections.abc import Iterator

import pytest
import sympy

from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.core import Formula
from evtplan.formulas.equations import expression_text, latex_text, one_line
from evtplan.formulas.functions import RepairmanBusy, RepairmanQueue

EVERY = pytest.mark.parametrize("formula", BOOK.values(), ids=list(BOOK))
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
NAMES = {
    "max": sympy.Max,
    "min": sympy.Min,
    "floor": sympy.floor,
    "ceiling": sympy.ceiling,
    "Piecewise": sympy.Piecewise,
    "Queue": RepairmanQueue,
    "Busy": RepairmanBusy,
}


def read_back(text: str, symbols: dict[str, sympy.Symbol]) -> sympy.Expr:
    """The expression that a reader takes `text` for."""
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: f"**{m[0].translate(SUPERSCRIPTS)}", text)
    text = re.sub(r"\{([^{}]*)\}", _branches, text)
    text = text.replace("1 − p₀(", "Busy(").replace("L(", "Queue(")
    for old, new in (("⌊", "floor("), ("⌈", "ceiling("), ("⌋", ")"), ("⌉", ")")):
        text = text.replace(old, new)
    for old, new in (("·", "*"), ("−", "-"), ("^", "**"), ("≤", "<="), ("≥", ">=")):
        text = text.replace(old, new)
    return sympy.sympify(text, locals={**NAMES, **symbols})


def _branches(found: re.Match[str]) -> str:
    parts = [part.strip() for part in found[1].split(";")]
    pairs = [part.removesuffix(" otherwise").split(" if ") for part in parts]
    return "Piecewise(" + ",".join(f"({p[0]}, {p[1] if p[1:] else 'True'})" for p in pairs) + ")"


def with_a_pair_less(text: str) -> Iterator[str]:
    """`text` without one of its pairs of round brackets, those of function calls left alone."""
    opened: list[int] = []
    for place, sign in enumerate(text):
        if sign == "(":
            opened.append(place)
        elif sign == ")":
            first = opened.pop()
            if not re.search(r"[\w₀]$", text[:first]):
                yield text[:first] + text[first + 1 : place] + text[place + 1 :]


@EVERY
class TestOneLine:
    def test_read_back_is_the_formula(self, formula: Formula) -> None:
        left, text = one_line(formula).split(" = ", 1)
        symbols = {q.letter: q.symbol for q in formula.inputs}
        assert left == formula.result.letter
        assert sympy.simplify(read_back(text, symbols) - formula.expression) == 0

    def test_no_bracket_is_one_too_many(self, formula: Formula) -> None:
        text = expression_text(formula.expression)
        symbols = {q.letter: q.symbol for q in formula.inputs}
        for shorter in with_a_pair_less(text):
            assert read_back(shorter, symbols) != read_back(text, symbols), shorter

    def test_latex_has_no_bracket_round_the_whole(self, formula: Formula) -> None:
        right = latex_text(formula).split(" = ", 1)[1]
        assert not re.fullmatch(r"\\left\((?:(?!\\left\(|\\right\)).)*\\right\)", right)


class TestParts:
    """what a user's own formula may be made of"""

    @pytest.mark.parametrize(
        ("expression", "text"),
        [
            ("-x/y", "−x/y"),
            ("x/(y*z)", "x/(y·z)"),
            ("x/y**2", "x/y²"),
            ("(x + 1)**2", "(x + 1)²"),
            ("floor(x/2)**2", "⌊x/2⌋²"),
            ("2**(x + 1)", "2^(x + 1)"),
            ("x**y/2", "x^y/2"),
            ("floor(x)/Max(1, y)", "⌊x⌋/max(1, y)"),
            ("x*(1 + 1/y)", "x·(1 + 1/y)"),
            ("1/ceiling(x/3)", "1/⌈x/3⌉"),
            ("Piecewise((1, x > 2), (x, True))*2", "2·{1 if x > 2; x otherwise}"),
        ],
    )
    def test_are_printed_with_the_brackets_they_need(self, expression: str, text: str) -> None:
        symbols = {name: sympy.Symbol(name, positive=True) for name in "xyz"}
        assert expression_text(sympy.sympify(expression, locals=symbols)) == text

    def test_the_share_of_a_queue_is_a_sum_within_a_product(self) -> None:
        n, s, z = sympy.symbols("n s z", positive=True)
        assert expression_text(s * RepairmanBusy(n, s, z)) == "s·(1 − p₀(n, s, z))"
