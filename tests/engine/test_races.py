"""The interleavings of a raise with a guest have every outcome that real Xen showed."""

import json
from pathlib import Path

import pytest

from evtplan.engine.hosts.behaviour import Behaviour, behaviour_of
from evtplan.engine.hosts.races import SCENARIOS, outcomes, replay_races
from evtplan.engine.hosts.trace_file import read_lines

RACES = Path(__file__).parents[1] / "traces" / "races.jsonl"
NOW = behaviour_of("master")


class TestRaces:
    """the set of outcomes of the engine's interleavings contains every recorded outcome"""

    def test_every_recorded_outcome_is_found(self) -> None:
        rows, agreed, first = replay_races(read_lines(RACES), NOW)
        assert first is None
        assert rows == agreed == 45

    @pytest.mark.parametrize(
        ("name", "count"),
        [("consume-tail", 3), ("mask-tail", 2), ("clear-tail", 2), ("reraise-consume", 3),
         ("mask-target", 2), ("unmask-target", 2), ("consume-both", 2), ("mask-then-consume", 4)],
    )  # fmt: skip
    def test_no_more_are_found_than_recorded_where_every_boundary_was_tried(
        self, name: str, count: int
    ) -> None:
        found = outcomes(name, NOW).found
        recorded = [
            line.fields for line in read_lines(RACES)
            if line.fields["scenario"] == name and "runs" not in line.fields
        ]  # fmt: skip
        assert len(recorded) == count
        if name != "consume-both":  # there the guest acts in two parts, and once more often
            assert len(found) == count

    def test_five_lost_races_lose_the_event(self) -> None:
        found = [json.loads(one) for one in outcomes("lose-cmpxchg-5", NOW).found]
        lost = [one for one in found if one["stuck"]]
        assert lost
        assert all(one["handled"]["2"] == 0 and one["busy_seen"] for one in lost)

    def test_an_outcome_nobody_has_is_missed(self) -> None:
        lines = list(read_lines(RACES))
        lines[1].fields["kick"] = 7
        rows, agreed, first = replay_races(lines, NOW)
        assert agreed == rows - 1
        assert first is not None
        assert first[0] is lines[1]

    def test_older_xen_has_them_too(self) -> None:
        for name in SCENARIOS:
            assert outcomes(name, Behaviour(414)).found
