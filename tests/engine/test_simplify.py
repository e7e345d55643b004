"""A simplified body does what the body did."""

import random
from pathlib import Path

import pytest

import evtplan.engine.texts.steps as steps
from evtplan.engine.interpreter import BlockedError, Memory, OutOfRangeError, Run
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
from evtplan.engine.system import TransitionSystem

TEXTS = sorted((Path(__file__).resolve().parents[2] / "examples" / "protocols").glob("*.py"))


def outcome(system: TransitionSystem, kind, body, cells, values, choice):
    memory = Memory(system.variables)
    memory.cells[:] = cells
    run = Run(memory, list(values), tuple(v.most for v in kind.locals), 0, choice)
    try:
        result = run.run(body)
    except BlockedError:
        return "blocked"
    except (OutOfRangeError, ValueError):
        return "out of range"
    return result.point, result.changes, result.marks, result.emitted, run.locals, memory.cells


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_both_agree_from_random_states(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = read_text(path)
    small = lower(text, history=True)
    monkeypatch.setattr(steps, "simplified", lambda body, live, slots: body)
    plain = lower(text, history=True)
    chance = random.Random(path.stem)
    for kind, other in zip(small.kinds, plain.kinds, strict=True):
        for point, reference in zip(kind.points, other.points, strict=True):
            for _ in range(60):
                cells = [chance.randint(0, v.most) for v in small.variables for _ in range(v.cells)]
                values = [
                    chance.randint(0, local.most) if slot in point.live else 0
                    for slot, local in enumerate(kind.locals)
                ]
                choice = chance.randint(1, 2)
                assert outcome(small, kind, point.body, cells, values, choice) == outcome(
                    plain, other, reference.body, cells, values, choice
                )
