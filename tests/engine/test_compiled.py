"""The compiled machine gives the readable one's answers on every trace."""

from pathlib import Path

import pytest

from evtplan.engine.compiled import Compiled, source_of
from evtplan.engine.procedures import FIFO, build_program
from evtplan.engine.replay import replay_trace

TRACES = Path(__file__).parents[1] / "traces"
OP_TRACES = sorted(p for p in TRACES.rglob("*.jsonl") if p.stem not in ("errors", "races"))


class TestAgreesWithTheReference:
    """the pure-Python executor stays the readable reference and agrees with it on every trace"""

    @pytest.mark.parametrize("path", OP_TRACES, ids=lambda p: f"{p.parent.name}/{p.stem}")
    def test_replays_it(self, path: Path) -> None:
        result = replay_trace(path, Compiled)
        assert result.difference is None, result.recent
        assert result.agreed == result.lines > 0

    def test_it_is_printed_from_the_lowered_text(self) -> None:
        program = build_program(release=423, vcpus=8)
        source = source_of(program, (FIFO, "set_pending"))
        points = len(program.procedures[FIFO, "set_pending"].kind.points)
        assert source.count("if at == ") == points
