"""The draft's formula derived from whole page counts, each step executed by SymPy."""

import random

import pytest
import sympy
from sympy import ceiling, floor

from evtplan.formulas import kernels
from evtplan.formulas import vocabulary as v
from evtplan.formulas.catalogue import BOOK

V, P, R = v.VMS.symbol, v.PAGES.symbol, v.BACKEND_BASE_PORTS.symbol
E_V, E_P = v.EVENTS_PER_VM.symbol, v.WORDS_PER_PAGE.symbol
DOMU = BOOK["fifo.domu_array_pages"].expression
BACKEND = BOOK["fifo.backend_array_pages"].expression
TOTAL = BOOK["fifo.total_array_pages"].expression


def without_rounding(expression: sympy.Expr) -> sympy.Expr:
    """Every floor and ceiling replaced by what it rounds."""
    inner = sympy.Wild("inner")
    return expression.replace(floor(inner), inner).replace(ceiling(inner), inner)


class TestTheDraftsFormula:
    """V = P ÷ (1 + E_V/E_P) from the page counts"""

    def test_total_pages_are_the_two_sides_together(self) -> None:
        assert sympy.simplify(TOTAL - DOMU - BACKEND) == 0

    def test_follows_when_rounding_and_dom0s_own_ports_are_left_out(self) -> None:
        # A domU with E_V < E_P takes exactly one page, however few events it has.
        fraction = sympy.Symbol("x", positive=True)
        assert floor(E_V / E_P).subs(E_V, E_P * fraction).subs(fraction, sympy.Rational(1, 3)) == 0
        one_page_each = DOMU.subs(floor(E_V / E_P), 0)
        assert one_page_each == V
        # In dom0 the other ends fill V·E_V words; its own ports and the last page are left out.
        packed = without_rounding(BACKEND).subs(R, 0) - 1
        assert sympy.simplify(packed - V * E_V / E_P) == 0
        (solution,) = sympy.solve(sympy.Eq(one_page_each + packed, P), V)
        assert sympy.simplify(solution - P / (1 + E_V / E_P)) == 0
        stated = without_rounding(BOOK["draft_a.vm_limit_estimate"].expression)
        assert sympy.simplify(solution - stated) == 0

    def test_its_inverse_is_the_drafts_page_count(self) -> None:
        stated = without_rounding(BOOK["draft_a.vm_limit_estimate"].expression)
        (pages,) = sympy.solve(sympy.Eq(V, stated), P)
        counted = without_rounding(BOOK["draft_a.total_array_pages_estimate"].expression)
        assert sympy.simplify(pages - counted) == 0

    def test_the_exact_limit_is_the_estimate_with_what_it_left_out(self) -> None:
        exact = BOOK["fifo.vm_limit_pages"].expression.args[1]  # of Max(0, …)
        left_out = {
            floor(E_V / E_P): 0,
            v.CONTROL_PAGES_PER_VM.symbol: 0,
        }
        corrected = without_rounding(exact.subs(left_out))
        # P loses dom0's own ports and port 0, as a fraction of a page; the rest is the draft's.
        expected = (P - (R + 1) / E_P) / (1 + E_V / E_P)
        assert sympy.simplify(corrected - expected) == 0


class TestUpperOrLower:
    """upper or lower bound?"""

    def test_two_pages_a_vm_is_an_upper_bound_where_dom0_is_small(self) -> None:
        """It is one exactly while R < V·(E_P − E_V): SymPy reduces total ≤ 2V to that."""
        k = sympy.Symbol("k", integer=True, positive=True)  # E_P = E_V + k: a domU fits one page
        # total = V + floor((R + V·E_V)/E_P) + 1 ≤ 2V  ⇔  (R + V·E_V)/E_P < V
        condition = sympy.simplify((V * (E_V + k) - (R + V * E_V)) - (V * k - R))
        assert condition == 0
        for events, more, base, vms in TestUpperOrLower.cases():
            total = BOOK["fifo.total_array_pages"].evaluate(
                vms=vms,
                events_per_vm=events,
                backend_base_ports=base,
                words_per_page=events + more,
            )
            assert (total <= 2 * vms) == (base < vms * more)

    @staticmethod
    def cases() -> list[tuple[int, int, int, int]]:
        chance = random.Random(4)
        pick = chance.randint
        return [(pick(1, 40), pick(1, 40), pick(0, 60), pick(1, 8)) for _ in range(300)]

    def test_both_answers_occur(self) -> None:
        answers = {base < vms * more for _, more, base, vms in self.cases()}
        assert answers == {True, False}

    @pytest.mark.parametrize("words", [7, 64, 1000])
    def test_v_plus_1_pages_is_a_lower_bound_and_is_reached(self, words: int) -> None:
        reached = False
        for vms in range(1, 40):
            for events in range(1, 2 * words, 3):
                total = kernels.fifo_total_array_pages(vms, events, 0, words)
                assert total >= kernels.draft_a_total_array_pages_lower_bound(vms)
                reached = reached or total == vms + 1
        assert reached

    def test_the_estimate_promises_too_much_where_domus_need_more_pages(self) -> None:
        above = below = 0
        for pages in range(2, 60):
            for events in range(1, 40):
                for words in (7, 10):
                    estimate = kernels.draft_a_vm_limit_estimate(pages, events, words)
                    exact = kernels.fifo_vm_limit_pages(pages, events, words, 0, 0)
                    above += estimate > exact
                    below += estimate < exact
        assert above > 0
        assert below == 0  # with whole pages it never promises too little

    def test_within_its_assumptions_it_is_an_upper_bound_at_most_one_vm_too_high(self) -> None:
        """E_V < E_P and no ports of dom0's own: the estimate is the exact limit or one more."""
        differences = set()
        for words in (7, 10, 64, 1000):
            for events in range(1, words, max(1, words // 20)):
                for pages in range(1, 300):
                    estimate = kernels.draft_a_vm_limit_estimate(pages, events, words)
                    exact = kernels.fifo_vm_limit_pages(pages, events, words, 0, 0)
                    differences.add(estimate - exact)
        assert differences == {0, 1}


class TestCanItBeReduced:
    """can it be reduced below a page per domU?"""

    def test_not_with_whole_pages(self) -> None:
        for events in range(1, 200):
            pages = kernels.fifo_domu_array_pages(1000, events, 1024)
            assert pages >= 1000

    def test_only_by_packing_domus_words_into_shared_pages(self) -> None:
        packed = kernels.draft_a_total_array_pages_if_packed(1000, 64, 0, 1024)
        assert packed < 1000 < kernels.fifo_total_array_pages(1000, 64, 0, 1024)

    def test_fewer_events_shrink_dom0s_part_only(self) -> None:
        many = kernels.fifo_total_array_pages(1000, 512, 0, 1024)
        few = kernels.fifo_total_array_pages(1000, 8, 0, 1024)
        assert (many, few) == (1501, 1008)
