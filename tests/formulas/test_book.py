"""The book as a whole: sources, units, examples, and the kernels printed from it."""

import pytest
import sympy

from evtplan.formulas import kernels
from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.core import Formula
from evtplan.formulas.generate import KERNELS, kernels_source

EVERY = pytest.mark.parametrize("formula", BOOK.values(), ids=list(BOOK))


@EVERY
class TestEveryFormula:
    def test_says_what_it_is_and_where_it_comes_from(self, formula: Formula) -> None:
        assert formula.meaning.endswith(".")
        assert formula.source.where
        for quantity in (formula.result, *formula.inputs):
            assert quantity.unit
            assert quantity.meaning

    def test_has_worked_examples_that_hold(self, formula: Formula) -> None:
        assert formula.examples
        for example in formula.examples:
            assert formula.evaluate(**example.inputs) == example.result

    def test_names_only_formulas_of_the_book_as_its_origin(self, formula: Formula) -> None:
        assert set(formula.derived_from) <= set(BOOK)

    def test_kernel_agrees_with_sympy_on_its_examples(self, formula: Formula) -> None:
        kernel = getattr(kernels, formula.function_name)
        for example in formula.examples:
            values = {q.symbol: example.inputs[q.name] for q in formula.inputs}
            symbolic = formula.expression.subs(values)
            assert kernel(**example.inputs) == sympy.Integer(symbolic)


class TestKernels:
    def test_are_what_the_book_prints(self) -> None:
        assert KERNELS.read_text(encoding="utf-8") == kernels_source()
