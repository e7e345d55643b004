"""Each deliberate one-line fault of a text is caught by a recorded trace."""

from pathlib import Path

import pytest

from evtplan.engine import replay
from evtplan.engine.hosts.procedures import Interpreter, ProcedureError, Program, build_program
from evtplan.engine.language import parse_text, read_text
from evtplan.engine.replay import Replayed, replay_trace
from tests.engine.mutants import MUTANTS, Mutant

TRACES = Path(__file__).parents[1] / "traces"


def replay_with(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> Replayed:
    source = "\n".join(read_text(mutant.text).source) + "\n"
    assert source.count(mutant.right) == 1
    text = parse_text(source.replace(mutant.right, mutant.wrong), name=mutant.text)

    def build(*, release: int, vcpus: int) -> Program:
        if mutant.text == "fifo":
            return build_program(release=release, vcpus=vcpus, fifo=text)
        return build_program(release=release, vcpus=vcpus, two_level=text)

    monkeypatch.setattr(replay, "build_program", build)
    path = TRACES / f"{mutant.trace}.jsonl"
    return replay_trace(path, lambda program: Interpreter(program, most_steps=20_000))


class TestMutants:
    """at least 20 deliberate mutants of the FIFO and 2-level texts"""

    def test_there_are_enough_of_both_texts(self) -> None:
        texts = [mutant.text for mutant in MUTANTS]
        assert texts.count("fifo") >= 20
        assert texts.count("two-level") >= 10

    @pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.text}: {m.wrong.strip()[:40]}")
    def test_is_caught(self, mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
        try:
            result = replay_with(mutant, monkeypatch)
        except ProcedureError:
            return  # it runs for ever, or out of its range: replay stops with an error
        assert result.difference is not None


class TestTheTextsThemselves:
    """The traces that catch the mutants agree with the texts as they are."""

    @pytest.mark.parametrize("name", sorted({mutant.trace for mutant in MUTANTS}))
    def test_agree(self, name: str) -> None:
        assert replay_trace(TRACES / f"{name}.jsonl", Interpreter).difference is None
