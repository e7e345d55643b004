"""The reference models as texts: the counts that other checkers found."""

from pathlib import Path

import pytest

from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
from tests.engine.search import search

TEXTS = Path(__file__).resolve().parents[2] / "examples" / "protocols"
NAMES = ("ports", "raises", "raisers", "maskers")


class TestCounts:
    """give exactly the states and transitions printed there"""

    @pytest.mark.parametrize(
        ("name", "row", "states", "spin"),
        [
            ("f_head", (2, 1, 1, 0), 425, 713),
            ("f_head", (2, 1, 2, 0), 829, 1487),
            ("f_head", (3, 1, 1, 0), 4666, 8632),
            ("f_head", (2, 1, 1, 1), 15326, 36793),
        ],
    )
    def test_are_those_of_spin(
        self, name: str, row: tuple[int, ...], states: int, spin: int
    ) -> None:
        text = read_text(TEXTS / f"{name}.py")
        found = search(lower(text, dict(zip(NAMES, row, strict=True))))
        assert found.states == states
        assert found.edges + 1 + found.at_rest == spin
        assert found.broken == {}
