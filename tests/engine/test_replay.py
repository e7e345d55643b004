"""Recorded behaviour of the real event-channel code is what the host model does."""

from pathlib import Path

import pytest

from evtplan.engine.hosts.behaviour import behaviour_of
from evtplan.engine.hosts.procedures import Interpreter
from evtplan.engine.hosts.replay_errors import replay_error_rows
from evtplan.engine.hosts.trace_file import read_lines
from evtplan.engine.replay import replay_trace

TRACES = Path(__file__).parents[1] / "traces"
OP_TRACES = sorted(path for path in TRACES.rglob("*.jsonl") if path.stem not in ("errors", "races"))


class TestEveryLineAgreesOnEveryField:
    """Over all recorded traces, FIFO and 2-level, random and directed."""

    @pytest.mark.parametrize("path", OP_TRACES, ids=lambda p: f"{p.parent.name}/{p.stem}")
    def test_the_readable_machine_replays_it(self, path: Path) -> None:
        result = replay_trace(path, Interpreter)
        assert result.difference is None, result.recent
        assert result.agreed == result.lines > 0

    def test_there_are_all_of_them(self) -> None:
        assert len(OP_TRACES) == 57


class TestErrorNumbers:
    """The error numbers of every hypercall, both ABIs, and port limits."""

    @pytest.mark.parametrize(
        ("name", "xen", "rows"), [("errors", "4.23-unstable", 193), ("xen44/errors", "4.4", 179)]
    )
    def test_every_row_agrees(self, name: str, xen: str, rows: int) -> None:
        lines = read_lines(TRACES / f"{name}.jsonl")
        result = replay_error_rows(lines, behaviour_of(xen))
        assert result.difference is None
        assert result.agreed == result.lines == rows
