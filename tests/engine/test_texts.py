"""The built-in texts of draft A and the 3-level proposal."""

from pathlib import Path

import pytest

from evtplan.engine.language import builtin_texts, read_text
from evtplan.engine.lowering import lower
from tests.engine.printed_search import printed_search

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "protocols"


class TestDraftA:
    """the published E[H] line and the repaired one told apart"""

    def test_as_published_loses_the_second_event_of_a_single_port(self) -> None:
        found = printed_search(lower(read_text("draft-a"), history=True))
        assert found.broken["no_event_lost"] == 27

    def test_with_e_p_a_single_port_loses_none_and_two_ports_do(self) -> None:
        text = read_text("draft_a_repaired")
        one = printed_search(lower(text, {"ports": 1, "raises": 1}))
        assert one.broken == {}
        assert printed_search(lower(text)).broken["no_event_lost"] == 32

    @pytest.mark.parametrize("maskers", [0, 1])
    def test_with_the_lock_all_holds(self, maskers: int) -> None:
        system = lower(read_text("draft-a-locked"), {"maskers": maskers, "raises": 1}, history=True)
        found = printed_search(system)
        assert found.broken == {}
        assert "an event is appended to a queue that is not empty" in found.shown

    @pytest.mark.parametrize(
        ("repaired", "states", "spin"), [(0, 1433, 2579), (1, 1111, 1993), (2, 681, 1131)]
    )
    def test_is_the_reference_model(self, repaired: int, states: int, spin: int) -> None:
        row = {"ports": 2, "raises": 1, "raisers": 2, "maskers": 0, "repaired": repaired}
        found = printed_search(lower(read_text("draft-a"), row))
        assert (found.states, found.edges + 1 + found.at_rest) == (states, spin)


class TestThreeLevel:
    @pytest.mark.parametrize("maskers", [0, 1])
    def test_loses_no_event(self, maskers: int) -> None:
        found = printed_search(lower(read_text("three-level"), {"maskers": maskers}))
        assert found.broken == {}
        assert "an event is handled" in found.shown


class TestEveryText:
    @pytest.mark.parametrize("name", builtin_texts())
    def test_is_read_and_lowered(self, name: str) -> None:
        system = lower(read_text(name.replace("-", "_")), history=True)
        assert system.kinds


class TestExamples:
    """texts as somebody writes them from the documentation alone"""

    @pytest.mark.parametrize(
        ("name", "parameters", "states", "broken"),
        [
            ("peterson", {}, 174, {}),
            ("treiber", {}, 6865, {"exclusive": 21, "nothing_is_lost": 31}),
            ("treiber", {"counted": 1}, 6696, {}),
            ("ring", {}, 73, {}),
            ("ring", {"slots": 1}, 45, {}),
            ("store_buffering", {}, 13, {}),
        ],
    )
    def test_are_judged_right(
        self, name: str, parameters: dict[str, int], states: int, broken: dict[str, int]
    ) -> None:
        found = printed_search(lower(read_text(EXAMPLES / f"{name}.py"), parameters))
        assert found.states == states
        assert found.broken == broken
        assert found.shown

    def test_the_page_shows_one_of_them_whole(self) -> None:
        page = (EXAMPLES.parents[1] / "docs" / "protocol-language.md").read_text()
        assert (EXAMPLES / "peterson.py").read_text() in page
