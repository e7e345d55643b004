"""The reference models as texts: the counts that other checkers found."""

from pathlib import Path

import pytest

from evtplan.engine.checking import Verdict, check
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
from tests.engine.printed_search import printed_search
from tests.engine.search import search

TEXTS = Path(__file__).resolve().parents[2] / "examples" / "protocols"
NAMES = ("ports", "raises", "raisers", "maskers")
ROWS = ((2, 1, 1, 0), (2, 1, 2, 0), (2, 1, 1, 1), (2, 2, 1, 0), (2, 2, 2, 0), (3, 1, 1, 0))

# states / transitions as SPIN counts them: edges + 1 + states of rest
COUNTS = {
    "f_head": "425/713 829/1487 15326/36793 8995/17183 37217/89969 4666/8632",
    "f_44": "447/753 971/1775 20656/50779 9251/17643 70267/183851 4969/9217",
    "a_lock": "387/591 681/1131 7430/16101 6381/11311 21893/49749 4429/7390",
    "a_pub": "799/1351 1433/2579 12966/29995 11323/21171 28931/65075 15997/28519",
    "a_fix": "613/1033 1111/1993 13494/30939 13731/26145 54063/132757 9706/17386",
}
CASES = [
    (name, row, *map(int, cell.split("/")))
    for name, cells in COUNTS.items()
    for row, cell in zip(ROWS, cells.split(), strict=True)
]


def scenario(name: str, row: tuple[int, ...], *, history: bool = False):
    text = read_text(TEXTS / f"{name}.py")
    return lower(text, dict(zip(NAMES, row, strict=True)), history=history)


class TestCounts:
    """give exactly the states and transitions printed there"""

    @pytest.mark.parametrize(("name", "row", "states", "spin"), CASES)
    def test_are_those_of_spin(
        self, name: str, row: tuple[int, ...], states: int, spin: int
    ) -> None:
        found = printed_search(scenario(name, row))
        assert found.states == states
        assert found.edges + 1 + found.at_rest == spin
        assert found.shown

    def test_the_interpreter_and_the_printed_code_agree(self) -> None:
        system = scenario("a_fix", (2, 1, 2, 0))
        assert search(system) == printed_search(system)


class TestVerdicts:
    """verdicts and shortest depths"""

    @pytest.mark.parametrize("name", ["f_head", "f_44", "a_lock"])
    def test_what_holds(self, name: str) -> None:
        assert printed_search(scenario(name, (2, 1, 1, 1), history=True)).broken == {}

    @pytest.mark.parametrize(
        ("name", "row", "property_name", "depth"),
        [
            ("a_pub", (3, 1, 1, 0), "fifo_order", 40),
            ("a_fix", (2, 2, 1, 0), "fifo_order", 41),
            ("f_no_lock", (2, 1, 2, 0), "fifo_order", 17),
            ("f_no_lock", (2, 1, 2, 0), "no_event_lost", 28),
            ("a_pub", (1, 2, 1, 0), "no_event_lost", 27),
            ("a_pub", (2, 2, 1, 0), "only_raised", 53),
            ("a_fix", (2, 1, 1, 0), "no_event_lost", 32),
            ("a_fix", (1, 2, 1, 0), "only_raised", 37),
        ],
    )
    def test_what_breaks(
        self, name: str, row: tuple[int, ...], property_name: str, depth: int
    ) -> None:
        system = scenario(name, row, history=True)
        assert printed_search(system).broken[property_name] == depth


class TestHistoryVerdicts:
    """The variants of F-44 and F-head break at the depths that the other checkers found"""

    @pytest.mark.parametrize(
        ("name", "row", "property_name", "depth"),
        [
            ("old-tail", (2, 1, 1, 1), "no_event_lost", 43),
            ("ready-without-head", (2, 2, 1, 0), "not_queued", 45),
            ("no-lock", (2, 1, 2, 0), "fifo_order", 17),
            ("no-lock", (2, 1, 2, 0), "no_event_lost", 28),
            ("unmask-without-hypercall", (1, 1, 1, 1), "no_event_lost", 8),
        ],
    )
    def test_what_breaks_before_the_fix(
        self, name: str, row: tuple[int, ...], property_name: str, depth: int
    ) -> None:
        parameters = dict(zip(NAMES, row, strict=True)) | {"fixed": 0}
        system = lower(read_text(f"history/{name}"), parameters, history=True)
        assert printed_search(system).broken[property_name] == depth

    @pytest.mark.parametrize(
        ("name", "model", "row"),
        [
            ("old-tail", "f_44", (2, 1, 1, 1)),
            ("no-lock", "f_head", (2, 1, 2, 0)),
            ("unmask-without-hypercall", "f_head", (2, 1, 1, 1)),
        ],
    )
    def test_fixed_they_are_the_reference_models(
        self, name: str, model: str, row: tuple[int, ...]
    ) -> None:
        parameters = dict(zip(NAMES, row, strict=True)) | {"fixed": 1}
        found = printed_search(lower(read_text(f"history/{name}"), parameters))
        wanted = printed_search(scenario(model, row))
        assert (found.states, found.edges) == (wanted.states, wanted.edges)
        assert found.broken == {}


class TestStoreBuffers:
    """x86-TSO: draft A's published mb() is neither sufficient nor what A-lock needs"""

    @staticmethod
    def broken(name: str, **parameters: int) -> bool:
        found = check(read_text(TEXTS / f"{name}.py"), parameters, memory="tso")
        return found.verdict is Verdict.BROKEN

    def test_the_final_abi_holds(self) -> None:
        assert not self.broken("f_head", ports=1, raises=2, maskers=1)
        assert not self.broken("f_44", ports=1, raises=2, maskers=1)

    def test_a_lock_holds_with_its_three_fences(self) -> None:
        assert not self.broken("a_lock", ports=1, raises=2, maskers=1)
        assert not self.broken("a_lock", ports=2, raises=2)

    @pytest.mark.parametrize("published", [0, 1])
    @pytest.mark.parametrize(
        ("fence", "scenario_"),
        [
            ("fence_pending", {"ports": 1, "raises": 2, "maskers": 1}),
            ("fence_masked", {"ports": 1, "raises": 2, "maskers": 1}),
            ("fence_linked", {"ports": 2, "raises": 3}),
        ],
    )
    def test_each_of_them_is_needed_with_the_published_one_or_without(
        self, fence: str, scenario_: dict[str, int], published: int
    ) -> None:
        assert self.broken("a_lock", **scenario_, **{fence: 0}, published=published)
