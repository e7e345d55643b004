"""The book as a whole: sources, units, examples, and the kernels printed from it."""

import pytest
import sympy

from evtplan.formulas import kernels, rational_kernels
from evtplan.formulas import vocabulary as v
from evtplan.formulas import vocabulary_delivery as d
from evtplan.formulas import vocabulary_guests as g
from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.core import Certainty, Formula, Kind, Quantity
from evtplan.formulas.generate import KERNELS, kernels_source

EVERY = pytest.mark.parametrize("formula", BOOK.values(), ids=list(BOOK))
VOCABULARY = [getattr(module, name) for module in (v, g, d) for name in module.__all__]


@EVERY
class TestEveryFormula:
    """every Quantity used has unit and meaning; every Formula a source"""

    def test_says_what_it_is_and_where_it_comes_from(self, formula: Formula) -> None:
        assert formula.meaning.endswith(".")
        assert formula.source.where
        assert isinstance(formula.certainty, Certainty)
        assert isinstance(formula.kind, Kind)
        for quantity in (formula.result, *formula.inputs):
            assert quantity.unit
            assert quantity.meaning

    def test_its_quantities_are_of_the_vocabulary(self, formula: Formula) -> None:
        assert all(q in VOCABULARY for q in (formula.result, *formula.inputs))

    def test_has_worked_examples_that_hold(self, formula: Formula) -> None:
        assert formula.examples
        for example in formula.examples:
            for quantity in formula.inputs:
                quantity.check(example.inputs[quantity.name])
            assert formula.evaluate(**example.inputs) == example.result

    def test_names_only_formulas_of_the_book_as_its_origin(self, formula: Formula) -> None:
        assert set(formula.derived_from) <= set(BOOK) - {formula.name}

    def test_kernel_agrees_with_sympy_on_its_examples(self, formula: Formula) -> None:
        module = kernels if formula.result.integer else rational_kernels
        kernel = getattr(module, formula.function_name)
        for example in formula.examples:
            values = {q.symbol: example.inputs[q.name] for q in formula.inputs}
            found = kernel(**example.inputs)
            symbolic = sympy.Rational(formula.expression.subs(values))
            assert symbolic == sympy.Rational(found.numerator, found.denominator)

    def test_what_is_recalled_only_says_so(self, formula: Formula) -> None:
        recalled = "recalled" in formula.source.what
        assert recalled is (formula.certainty is Certainty.RECALLED)

    def test_estimates_and_bounds_say_what_they_leave_out(self, formula: Formula) -> None:
        if formula.kind is Kind.ESTIMATE:
            assert formula.assumptions


class TestVocabulary:
    """Symbols use the draft's letters where it has them"""

    def test_names_are_used_once(self) -> None:
        names = [q.name for q in VOCABULARY]
        assert len(names) == len(set(names))

    def test_a_letter_stands_for_one_kind_of_thing_only(self) -> None:
        by_letter: dict[str, set[str]] = {}
        for quantity in VOCABULARY:
            by_letter.setdefault(quantity.letter, set()).add(quantity.unit)
        assert [letter for letter, units in by_letter.items() if len(units) > 1] == []

    @pytest.mark.parametrize(
        ("letter", "quantity"),
        [
            ("E_P", v.WORDS_PER_PAGE),
            ("E_V", v.EVENTS_PER_VM),
            ("P", v.PAGES),
            ("V", v.VMS),
            ("V", v.VM_LIMIT),
            ("D", v.DRIVER_DOMAINS),
        ],
    )
    def test_has_the_drafts_letters(self, letter: str, quantity: Quantity) -> None:
        assert quantity.letter == letter

    def test_leaves_head_and_tail_to_the_protocols(self) -> None:
        assert not {"H", "T"} & {q.letter for q in VOCABULARY}

    def test_every_quantity_is_used(self) -> None:
        used = {q.name for f in BOOK.values() for q in (f.result, *f.inputs)}
        assert {q.name for q in VOCABULARY} - used == set()


class TestKernels:
    def test_are_what_the_book_prints(self) -> None:
        for path in KERNELS:
            assert path.read_text(encoding="utf-8") == kernels_source(path)
