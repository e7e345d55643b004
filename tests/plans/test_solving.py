"""Formulas turned round: every formula, every symbol, against plain counting."""

import random
import zlib
from fractions import Fraction

import pytest

from evtplan.errors import EvtplanError
from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.core import Formula, Goal, Quantity
from evtplan.plans.solving import Solution, solve

PAIRS = [(f, q) for f in BOOK.values() for q in f.inputs]
WINDOW = 70


def small_inputs(formula: Formula, chance: random.Random) -> dict[str, int]:
    """Inputs small enough that every turn of the formula lies within the window."""
    return {
        q.name: chance.randint(q.least, min(q.least + 40, q.tried, q.most or 10**9))
        for q in formula.inputs
    }


def met(goal: Goal, found: int | Fraction, target: int | Fraction) -> bool:
    if goal is Goal.EXACTLY:
        return found == target
    return found >= target if goal is Goal.AT_LEAST else found <= target


def check(formula: Formula, unknown: Quantity, chance: random.Random, goal: Goal | None) -> bool:
    """One question; True where it has an answer within the window."""
    inputs = small_inputs(formula, chance)
    target = formula.evaluate(**inputs) + chance.choice([0, 0, 0, 1, -1])
    if target <= 0:
        return False
    given = {q.letter: inputs[q.name] for q in formula.inputs if q != unknown}
    given[formula.result.letter] = target
    answers = solve(formula, unknown.letter, given, goal)
    goal = goal or formula.result.goal

    def holds(value: int) -> bool:
        return met(goal, formula.evaluate(**{**inputs, unknown.name: value}), target)

    last = min(unknown.least + WINDOW, unknown.most or 10**9)
    counted = {v for v in range(unknown.least, last + 1) if holds(v)}
    (first, *_) = answers
    found = {
        v
        for low, high in first.ranges
        for v in range(low, min(last, last if high is None else high) + 1)
    }
    assert found == counted
    for answer in answers:
        _check_boundary(answer, holds, unknown)
    return bool(counted)


def _check_boundary(answer: Solution, holds: object, unknown: Quantity) -> None:
    assert callable(holds)
    if answer.value is None:
        assert answer.why.startswith(("no solution", "no boundary"))
        return
    assert holds(answer.value)
    step = -1 if answer.side == "smallest" else 1
    if answer.next_value is None:
        assert not unknown.least <= answer.value + step <= (unknown.most or 10**30)
    else:
        assert answer.side == "exact" or answer.next_value == answer.value + step
        assert not holds(answer.next_value)
        assert str(answer.next_value) in answer.why


class TestEveryInverse:
    """Every inverse is brute-force verified in tests around the boundary"""

    @pytest.mark.parametrize(
        ("formula", "unknown"), PAIRS, ids=[f"{f.name}-{q.name}" for f, q in PAIRS]
    )
    def test_agrees_with_counting(self, formula: Formula, unknown: Quantity) -> None:
        chance = random.Random(zlib.crc32(f"{formula.name} {unknown.name}".encode()))
        answered = [check(formula, unknown, chance, None) for _ in range(2)]
        answered += [check(formula, unknown, chance, Goal.EXACTLY)]
        tries = 0
        while not any(answered) and tries < 200:
            answered.append(check(formula, unknown, chance, None))
            tries += 1
        assert any(answered)


def solved(name: str, symbol: str, goal: Goal | None = None, **given: int) -> Solution:
    answer, *_ = solve(BOOK[name], symbol, given, goal)
    return answer


class TestTheThread:
    def test_10000_vms_need_10625_pages_by_the_drafts_estimate(self) -> None:
        answer = solved("draft_a.vm_limit_estimate", "P", V=10000, E_V=64, E_P=1024)
        assert (answer.value, answer.side, answer.next_value) == (10625, "smallest", 10624)
        assert answer.why == "P = 10624 gives V = 9999, fewer than 10000"
        assert answer.symbolic == "P = ⌈V·(E_P + E_V)/E_P⌉"

    def test_the_closed_form_passes_a_limit_that_does_not_bind(self) -> None:
        answer = solved("limits.allowed_ports", "p_max", N_u=1023, N=4096)
        assert (answer.value, answer.symbolic) == (1023, "p_max = N_u")

    def test_names_of_quantities_do_as_well_as_letters(self) -> None:
        answer = solved(
            "draft_a.vm_limit_estimate",
            "pages",
            vm_limit=10000,
            events_per_vm=64,
            words_per_page=1024,
        )
        assert answer.value == 10625

    @pytest.mark.parametrize("vms", [1, 999, 10_000, 123_361, 10**9])
    @pytest.mark.parametrize("events", [1, 64, 1000, 1024, 5000])
    def test_the_exact_page_limit_of_fifo_and_back_agree(self, vms: int, events: int) -> None:
        pages = solved("fifo.vm_limit_pages", "P", V=vms, E_V=events, E_P=1000, R=62, C=4).value
        assert pages is not None
        limit = BOOK["fifo.vm_limit_pages"].evaluate
        others = {"events_per_vm": events, "words_per_page": 1000}
        others |= {"backend_base_ports": 62, "control_pages_per_vm": 4}
        assert limit(pages=pages, **others) >= vms
        assert limit(pages=pages - 1, **others) < vms


class TestNonMonotone:
    def test_every_range_is_told(self) -> None:
        answer = solved("delivery.upcalls", "f", K=10000, t_e=10000)
        assert answer.ranges == ((0, 11270), (88730, None))
        assert (answer.side, answer.value) == ("largest", 11270)
        assert any("2 ranges" in note for note in answer.notes)

    def test_a_saw_tooth_is_cut_at_its_steps(self) -> None:
        answer = solved("initialisation.pages_left", "b_r", Goal.EXACTLY, P_l=4, j=5)
        assert answer.ranges == ((1, 2), (4, 4))


class TestNoSolution:
    def test_says_what_is_reached_at_most(self) -> None:
        answer = solved("draft_a.vm_limit_estimate", "E_P", V=20001, P=20000, E_V=64)
        assert answer.value is None
        assert answer.why.startswith("no solution: V is at most 19999")

    def test_a_value_that_is_stepped_over_says_between_what(self) -> None:
        answer = solved("two_level.channels", "w", Goal.EXACTLY, N=1000)
        assert answer.why == ("no solution: N steps over 1000: w = 31 gives 961, w = 32 gives 1024")

    def test_a_symbol_that_changes_nothing_has_no_boundary(self) -> None:
        answer = solved("channels.vif_queues", "c", Goal.AT_MOST, q=8, c_0=16)
        assert answer.value is None
        assert answer.why.startswith("no boundary")


class TestBadQuestions:
    """a target of 0, a negative one, an unknown symbol, a symbol the formula does not have,
    contradictory --where: clear errors"""

    @pytest.mark.parametrize(
        ("symbol", "given", "said"),
        [
            ("P", {"V": 0, "E_V": 64, "E_P": 1024}, "the target V is 0"),
            ("P", {"V": -5, "E_V": 64, "E_P": 1024}, "the target V is -5"),
            ("P", {"V": Fraction(1, 2), "E_V": 64, "E_P": 1024}, "whole number"),
            ("Q", {"V": 1, "E_V": 64, "E_P": 1024}, "'Q'"),
            ("D", {"V": 1, "E_V": 64, "E_P": 1024}, "has no D (driver_domains)"),
            ("P", {"V": 1, "E_V": 64, "E_P": 1024, "R": 3}, "has no R (backend_base_ports)"),
            ("P", {"V": 1, "E_V": 64, "E_P": 1024, "pages": 7}, "both given and asked for"),
            ("P", {"V": 1, "vm_limit": 2, "E_V": 64, "E_P": 1024}, "contradictory values for V"),
            ("P", {"E_V": 64, "E_P": 1024}, "no target"),
            ("P", {"V": 1, "E_P": 1024}, "not given: E_V (events_per_vm)"),
            ("P", {"V": 1, "E_V": 0, "E_P": 1024}, "E_V (events_per_vm) is 0"),
            ("P", {"V": 1, "E_V": Fraction(3, 2), "E_P": 1024}, "E_V (events_per_vm) is 3/2"),
            ("V", {"V": 1, "E_V": 64, "E_P": 1024, "P": 9}, "V is what"),
        ],
    )
    def test_are_clear_errors(
        self, symbol: str, given: dict[str, int | Fraction], said: str
    ) -> None:
        with pytest.raises(EvtplanError) as caught:
            solve(BOOK["draft_a.vm_limit_estimate"], symbol, given)
        assert said in caught.value.message

    def test_an_unknown_symbol_gets_a_suggestion(self) -> None:
        with pytest.raises(EvtplanError) as caught:
            solve(BOOK["draft_a.vm_limit_estimate"], "page", {"V": 1, "E_V": 64})
        assert caught.value.hint == "did you mean pages?"


class TestWhyNot:
    """gives value, the value one step further and why it fails"""

    def test_close_results_are_told_apart(self) -> None:
        share = BOOK["delivery.unmask_cpu_share"]
        (answer,) = solve(share, "f", {"u": Fraction(1, 2), "m": 1, "t_c": 1})
        assert answer.value == 5 * 10**14
        assert answer.why.endswith("gives u = 0.500000000000001, more than 0.5")
