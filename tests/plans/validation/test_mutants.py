"""For each validator at least one mutant of the formula that it rejects."""

from dataclasses import replace
from functools import cache

import pytest
import sympy
from sympy import ceiling, floor

from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.core import Formula, Kind, Quantity
from evtplan.plans.validation.catalogue import VALIDATORS
from evtplan.plans.validation.core import Outcome, Point, Scale, judge

# A bound need not be tight, and a measured mean has an interval: there no error of one is seen.
MEASURED = {name for name in VALIDATORS if name.startswith("delivery.")}
COUNTED = sorted(set(VALIDATORS) - MEASURED)


@cache
def points(name: str) -> tuple[Point, ...]:
    found = tuple(VALIDATORS[name].points(Scale.SMALL))
    # Some, the ends among them: the mutants are judged point by point.
    step = max(1, len(found) // 1200)
    return (*found[::step], *found[-50:])


def judged(formula: Formula) -> Outcome:
    return judge(formula, VALIDATORS[formula.name], points(formula.name))


def with_input_off(formula: Formula, quantity: Quantity) -> Formula | None:
    """The formula with one input too large by one; None where the input then falls out."""
    try:
        wrong = formula.expression.subs(quantity.symbol, quantity.symbol + 1)
        return replace(formula, expression=wrong)
    except ValueError:
        return None


def swapped(expression: sympy.Expr) -> sympy.Expr:
    """Floor for ceiling, ceiling for floor."""
    mark = sympy.Function("mark")
    turned = expression.replace(floor, lambda x: mark(x)).replace(ceiling, lambda x: floor(x))
    return turned.replace(mark, lambda x: ceiling(x))


class TestOffByOne:
    """off by one"""

    @pytest.mark.parametrize("name", COUNTED)
    def test_is_rejected(self, name: str) -> None:
        formula = BOOK[name]
        wrong = {Kind.UPPER_BOUND: -1, Kind.LOWER_BOUND: 1}
        for step in [wrong[formula.kind]] if formula.kind in wrong else [1, -1]:
            off = judged(replace(formula, expression=formula.expression + step))
            if formula.kind is Kind.ESTIMATE and off.verdict == "holds":
                continue
            assert off.failed, step
            assert off.disagreements > 0
        if formula.kind is Kind.ESTIMATE:
            # Its stated error is no licence: one step out of it is seen on either side.
            error = VALIDATORS[name].error
            assert error is not None
            assert judged(replace(formula, expression=formula.expression + 10**9)).failed
            assert judged(replace(formula, expression=formula.expression - 2)).failed

    @pytest.mark.parametrize("name", COUNTED)
    def test_the_books_own_formula_is_not(self, name: str) -> None:
        assert not judged(BOOK[name]).failed


class TestInputOffByOne:
    """E_V for E_V + 1, and the like of every input"""

    @pytest.mark.parametrize("name", [n for n in COUNTED if BOOK[n].kind is Kind.EXACT])
    def test_some_input_too_large_by_one_is_rejected(self, name: str) -> None:
        formula = BOOK[name]
        wrong = [with_input_off(formula, quantity) for quantity in formula.inputs]
        assert any(judged(each).failed for each in wrong if each is not None)

    @pytest.mark.parametrize(
        ("name", "quantity"),
        [
            ("fifo.vm_limit_pages", "events_per_vm"),
            ("fifo.domu_array_pages", "events_per_vm"),
            ("fifo.backend_array_pages", "events_per_vm"),
            ("fifo.vm_limit_backend_ports", "events_per_vm"),
            ("draft_a.vm_limit_estimate", "events_per_vm"),
            ("draft_a.total_array_pages_estimate", "events_per_vm"),
        ],
    )
    def test_one_channel_too_many_a_vm_is_rejected(self, name: str, quantity: str) -> None:
        formula = BOOK[name]
        symbol = next(q.symbol for q in formula.inputs if q.name == quantity)
        wrong = formula.expression.subs(symbol, symbol + 1)
        assert judged(replace(formula, expression=wrong)).failed


class TestRounding:
    """floor for ceiling"""

    @pytest.mark.parametrize(
        "name",
        [
            n
            for n in COUNTED
            if BOOK[n].kind is Kind.EXACT and BOOK[n].expression.has(floor, ceiling)
        ],
    )
    def test_the_other_rounding_is_rejected(self, name: str) -> None:
        formula = BOOK[name]
        wrong = swapped(formula.expression)
        assert wrong != formula.expression
        assert judged(replace(formula, expression=wrong)).failed


class TestPortZero:
    """port 0 forgotten"""

    @pytest.mark.parametrize(
        ("name", "old", "new"),
        [
            ("fifo.usable_ports", "N - 1", "N"),
            ("fifo.event_array_pages", "floor(p/E_P) + 1", "ceiling(p/E_P)"),
            ("fifo.domu_array_pages", "V*(floor(E_V/E_P) + 1)", "V*ceiling(E_V/E_P)"),
            ("fifo.total_array_pages", "floor(E_V/E_P) + 1", "ceiling(E_V/E_P)"),
            ("heap.buckets", "floor(p/b) + 1", "ceiling(p/b)"),
        ],
    )
    def test_is_rejected(self, name: str, old: str, new: str) -> None:
        formula = BOOK[name]
        letters = {str(s): s for s in formula.expression.free_symbols}
        parts = [sympy.sympify(text, locals=letters) for text in (old, new)]
        wrong = formula.expression.subs(*parts)
        assert wrong != formula.expression
        assert judged(replace(formula, expression=wrong)).failed

    def test_the_published_two_level_limit_is_no_exact_one(self) -> None:
        exact = replace(BOOK["two_level.vm_limit_published"], kind=Kind.EXACT)
        assert judged(exact).failed

    def test_two_level_with_port_0_bound_is_rejected(self) -> None:
        formula = BOOK["two_level.vm_limit_backend_ports"]
        w, r, e, b = (q.symbol for q in formula.inputs)
        wrong = b * floor(sympy.Max(0, w**2 - r) / e)
        assert judged(replace(formula, expression=wrong)).failed


class TestBounds:
    """bounds must bound"""

    @pytest.mark.parametrize(
        "name", [n for n in COUNTED if BOOK[n].kind in (Kind.UPPER_BOUND, Kind.LOWER_BOUND)]
    )
    def test_turned_round_a_bound_is_rejected_and_its_own_is_tight(self, name: str) -> None:
        formula = BOOK[name]
        other = {Kind.UPPER_BOUND: Kind.LOWER_BOUND, Kind.LOWER_BOUND: Kind.UPPER_BOUND}
        assert judged(replace(formula, kind=other[formula.kind])).failed
        assert judged(formula).tightest == 0


class TestDelivery:
    """delivery formulas against runs of the protocol, with intervals"""

    @pytest.mark.parametrize("name", sorted(MEASURED))
    def test_mutants_are_rejected_and_the_books_own_is_not(self, name: str) -> None:
        formula = BOOK[name]
        assert not judged(formula).failed
        assert judged(replace(formula, expression=_MUTANTS[name](formula))).failed


_MUTANTS = {
    # of every interrupt, not only of those that are masked
    "delivery.unmask_hypercalls": lambda f: f.expression + 1,
    "delivery.unmask_cpu_share": lambda f: f.expression * sympy.Rational(1001, 1000),
    # half the masked time
    "delivery.masked_ppm_bound": lambda f: f.expression.replace(
        ceiling, lambda x: ceiling(x * sympy.Rational(4, 5))
    ),
    # twice the guest's busy time
    "delivery.upcalls": lambda f: f.expression.subs(
        f.inputs[1].symbol, 2 * f.inputs[1].symbol
    ),
    "delivery.events_per_upcall": lambda f: f.expression * sympy.Rational(11, 10),
    # the length that n raisers leave, not n − 1
    "delivery.lock_wait": lambda f: f.expression.subs(
        f.inputs[0].symbol, f.inputs[0].symbol + 1
    ),
    "delivery.lock_utilisation": lambda f: f.expression.subs(
        f.inputs[0].symbol, f.inputs[0].symbol + 1
    ),
    "delivery.lock_wait_lower_bound": lambda f: f.expression.subs(
        f.inputs[0].symbol, f.inputs[0].symbol + 1
    ),
    "delivery.lock_wait_upper_bound": lambda f: f.expression.subs(
        f.inputs[0].symbol, f.inputs[0].symbol - 1
    ),
    "delivery.saturation_raisers": lambda f: swapped(f.expression),
}  # fmt: skip
