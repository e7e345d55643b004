"""One text for every reader: what hosts replay is what other checkers counted."""

import pytest

from evtplan.engine.language import parse_text, read_text
from evtplan.engine.lowering import lower
from tests.engine.search import Found, search


def found(name: str, history: bool = False, **parameters: int) -> Found:
    return search(lower(read_text(name), parameters, history=history))


class TestReferenceModels:
    """The steps of F-head and F-44 are those of the text that replays real Xen: `xen_release` and
    `linux_release` choose, one queue and no host's life fold the rest away."""

    @pytest.mark.parametrize(
        ("xen", "row", "states", "spin"),
        [
            (423, (2, 1, 1, 0), 425, 713),
            (423, (2, 1, 2, 0), 829, 1487),
            (423, (2, 2, 1, 0), 8995, 17183),
            (423, (2, 1, 1, 1), 15326, 36793),
            (423, (3, 1, 1, 0), 4666, 8632),
            (404, (2, 1, 1, 0), 447, 753),
            (404, (2, 1, 2, 0), 971, 1775),
            pytest.param(404, (2, 1, 1, 1), 20656, 50779, marks=pytest.mark.slow),
        ],
    )
    def test_have_its_counts(self, xen: int, row: tuple[int, ...], states: int, spin: int) -> None:
        ports, raises, raisers, maskers = row
        result = found(
            "fifo", ports=ports, raises=raises, raisers=raisers, maskers=maskers,
            xen_release=xen, linux_release=314,
        )  # fmt: skip
        assert result.states == states
        assert result.edges + 1 + result.at_rest == spin
        assert result.broken == {}


class TestTheTextsHold:
    """no event lost, none handled that was not raised, in order, and something happens"""

    @pytest.mark.parametrize(
        ("name", "parameters"),
        [
            ("fifo", {"maskers": 1}),
            ("fifo", {"ports": 1, "priorities": 2, "movers": 1, "raises": 2}),
            ("fifo", {"ports": 1, "vcpus": 2, "movers": 1, "raises": 2}),
            ("fifo", {"priorities": 2, "movers": 1, "xen_release": 414}),
            ("two-level", {"word_bits": 2, "words": 2}),
            ("two-level", {"word_bits": 3, "maskers": 1}),
            ("two-level", {"word_bits": 3, "maskers": 1, "hvm": 1, "raises": 2}),
        ],
    )
    def test_in_every_interleaving(self, name: str, parameters: dict[str, int]) -> None:
        result = found(name, history=True, **parameters)
        assert result.broken == {}
        assert "an event is handled" in result.shown

    @pytest.mark.parametrize(
        ("right", "wrong", "broken"),
        [
            ("acquire(L[0])  # I", "pass", {"in_order", "no_event_lost", "queues_are_empty"}),
            ("            T[old] = 0  # X4b", "            pass", {"no_event_lost"}),
            ("    if E[p].pending:  # M5", "    if 0:", {"no_event_lost"}),
        ],
    )
    def test_and_a_fault_shows(self, right: str, wrong: str, broken: set[str]) -> None:
        source = "\n".join(read_text("fifo").source) + "\n"
        assert source.count(right) == 1
        if "acquire" in right:
            source = source.replace("    release(L[q])  # XU", "    pass")
        text = parse_text(source.replace(right, wrong))
        parameters = {"raisers": 2, "raises": 1, "maskers": int("M5" in right)}
        if "X4b" in right:
            parameters = {"ports": 1, "raises": 2}
        result = search(lower(text, parameters, history=True))
        assert set(result.broken) & broken
