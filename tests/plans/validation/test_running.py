"""What a validation covers, and what it says."""

import pytest

from evtplan.engine.hosts.counting import vms_by_pages
from evtplan.errors import UnknownNameError
from evtplan.formulas.catalogue import BOOK
from evtplan.plans.validation.building import HostPlan, build
from evtplan.plans.validation.catalogue import NO_COUNTERPART, VALIDATORS
from evtplan.plans.validation.characterisation import WORDS, errors_of
from evtplan.plans.validation.core import Scale, judge
from evtplan.plans.validation.hosts import hosts_built
from evtplan.plans.validation.lives import LifeRow, lives_led
from evtplan.plans.validation.questions import bound_rows, registration_rows
from evtplan.plans.validation.running import names_given, outcome_of
from evtplan.plans.validation.status import status


class TestCoverage:
    """Formulas with no engine counterpart are listed as such: none passes silently"""

    def test_every_formula_is_held_against_the_engine_or_says_why_not(self) -> None:
        assert set(VALIDATORS) | set(NO_COUNTERPART) == set(BOOK)
        assert set(VALIDATORS) & set(NO_COUNTERPART) == set()

    def test_one_without_a_counterpart_gives_its_reason(self) -> None:
        outcome = outcome_of(BOOK["limits.pv_vcpu_limit"], Scale.SMALL)
        assert outcome.verdict == "no counterpart"
        assert outcome.points == 0
        assert "GDT" in outcome.method

    def test_an_estimate_states_its_error(self) -> None:
        for name, validator in VALIDATORS.items():
            assert (validator.error is not None) == (BOOK[name].kind.value == "estimate"), name

    def test_no_answer_at_all_is_a_disagreement(self) -> None:
        name = "heap.buckets"
        assert judge(BOOK[name], VALIDATORS[name], ()).failed


class TestNames:
    def test_are_formulas_chapters_or_the_end_of_a_name(self) -> None:
        assert names_given(["buckets"]) == ("heap.buckets",)
        assert len(names_given(["heap"])) == 12
        assert names_given([]) == tuple(BOOK)

    def test_an_unknown_one_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(UnknownNameError) as caught:
            names_given(["heap.bucket"])
        assert "heap.buckets" in caught.value.hint


class TestTwoCounts:
    """two implementations sharing the rules, proven equal"""

    @pytest.mark.parametrize("words", [16, 256, 1024])
    @pytest.mark.parametrize("events", [1, 15, 16, 17, 255, 256, 300])
    @pytest.mark.parametrize(("base", "control"), [(0, 0), (700, 0), (3, 2)])
    def test_pages_counted_and_hosts_built_agree(
        self, words: int, events: int, base: int, control: int
    ) -> None:
        limits = [1, 2, 3, 7, 40, 90]
        counted = vms_by_pages(limits, events, words, base=base, control=control)
        built = [build(HostPlan(events, words, base, control, pages=p)).vms for p in limits]
        assert list(counted) == built

    def test_arrays_for_each_vcpu_take_a_page_each(self) -> None:
        assert list(vms_by_pages([7, 8, 20], 3, 16, arrays=4, dom0_arrays=4)) == [0, 1, 4]


class TestHosts:
    """one that runs into each limit in turn"""

    def test_every_limit_is_run_into_where_the_formulas_say(self) -> None:
        rows = list(hosts_built(Scale.SMALL))
        assert not [row for row in rows if row.failed]
        said = " ".join(row.question for row in rows)
        for limit in ("ports of a guest", "backends run out", "domain IDs", "pages run out"):
            assert limit in said
        assert {row.error for row in rows} >= {"−ENOSPC", "−ENOMEM"}

    def test_a_wrong_count_fails(self) -> None:
        row = next(iter(hosts_built(Scale.SMALL)))
        assert type(row)(row.host, row.question, row.formula, row.closed + 1, row.engine).failed


class TestLives:
    """opens and closes channels at random: neither lost nor counted twice"""

    def test_nothing_is_lost(self) -> None:
        rows = lives_led(Scale.SMALL)
        assert not [row for row in rows if row.failed]
        assert sum(row.points for row in rows) > 10_000

    def test_one_port_too_many_is_seen(self) -> None:
        row = LifeRow("a host", "ports")
        assert row.failed  # nothing was compared
        row.compare(3, 3)
        assert not row.failed
        row.compare(3, 4)
        assert row.failed


class TestTheThreadsQuestions:
    """The thread's questions about bounds and half-failed registration"""

    def test_two_pages_a_vm_is_an_upper_bound_until_a_vm_fills_a_page(self) -> None:
        rows = {row["events_per_vm"]: row for row in bound_rows()}
        assert rows[64]["array_pages"] == 1063
        assert rows[1023]["array_pages"] == rows[1023]["bound_2_per_vm"]
        assert rows[1024]["array_pages"] == 3001

    def test_only_doing_nothing_leaks(self) -> None:
        rows = list(registration_rows())
        leaked = {row["policy"]: 0 for row in rows}
        for row in rows:
            leaked[row["policy"]] += row["leaked_pages"]
        assert leaked == {"nothing": 28, "roll back": 0, "batch": 0, "VCPU offline": 0}


class TestTheEstimate:
    """exact error over the grid"""

    @pytest.mark.parametrize("words", WORDS)
    def test_is_right_or_one_vm_too_high_while_a_domu_fits_a_page(self, words: int) -> None:
        error = errors_of(words).error[: words - 1]
        assert set(error.flatten().tolist()) == {0, 1}

    @pytest.mark.parametrize("words", [256, 512, 1024])
    def test_is_a_third_to_nearly_the_whole_too_high_beyond(self, words: int) -> None:
        found = errors_of(words)
        share = found.error[words - 1 :, -1] / found.exact[words - 1 :, -1]
        assert 0.33 < share.min() < share.max() < 1


class TestStatus:
    def test_says_it_in_a_sentence(self) -> None:
        assert "not run" in status(None)
        rows = [
            {"formula": "a.b", "verdict": "agrees", "points": 3},
            {"formula": "c.d", "verdict": "no counterpart", "points": 0},
        ]
        assert status(rows) == (
            "1 of 1 formulas agree with the engine in 3 comparisons; 1 have no counterpart in it"
        )
        bad = [*rows, {"formula": "e.f", "verdict": "disagrees", "points": 2}]
        assert "NOT: e.f" in status(bad)
        host = {"host": "h", "question": "q", "verdict": "disagrees"}
        assert status(rows, [host]).endswith("; 0 of 1 counts of whole hosts hold; NOT: h: q")
