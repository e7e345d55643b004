"""The compiled machine gives the readable one's answers on every trace."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from evtplan.engine.hosts import compiled
from evtplan.engine.hosts.behaviour import behaviour_of
from evtplan.engine.hosts.compiled import Compiled, source_of
from evtplan.engine.hosts.events import XenCrashError
from evtplan.engine.hosts.memory import FlatMemory
from evtplan.engine.hosts.observer import Observer
from evtplan.engine.hosts.procedures import FIFO, Interpreter, Program, build_program
from evtplan.engine.hosts.trace_file import Line, TraceError
from evtplan.engine.replay import OPS, MachineMaker, build_world, replay_trace

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


class TestMachineCodeIsKept:
    """the compiled form … replays: a second process need not compile it again"""

    def test_it_is_read_from_the_cache(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        program = build_program(release=423, vcpus=7)
        hits: list[int] = []
        for _ in range(2):
            function = self._as_in_a_new_process(program)
            memory = FlatMemory(program.cells.frame(4)).array
            assert function(memory, numpy.zeros(64, dtype=numpy.int64), 1) == 0
            hits.append(sum(function.stats.cache_hits.values()))
        assert hits == [0, 1]

    @staticmethod
    def _as_in_a_new_process(program: Program) -> Any:
        compiled._compile.cache_clear()
        for name in [each for each in sys.modules if each.startswith("evtplan_generated_")]:
            del sys.modules[name]
        return compiled.compiled_function(program, (FIFO, "is_masked"))


def hostile_ops(choice: random.Random, count: int, abi: str) -> Iterator[dict[str, object]]:
    """Ops of a guest that writes anything anywhere, and is reset now and then."""

    def word(bits: int) -> str:
        return f"{choice.getrandbits(bits) & choice.getrandbits(bits):x}"

    gfn = 0x1000
    if abi == "fifo":
        for vcpu in range(4):
            block = {"vcpu": vcpu, "gfn": vcpu, "pg": 1, "off": 0}
            yield {"op": "init_control", **block}
        yield {"op": "expand_array", "gfn": 9, "pg": 1, "fill": "0"}
    yield {"op": "bind", "n": 70}
    for port in range(1, 71):
        yield {"op": "unmask", "port": port, "cpu": 0}
    for _ in range(count):
        kind = choice.choice(
            ["raise"] * 16 + ["consume"] * 12 + ["drain", "mask", "unmask", "unmask", "unmask_hc"]
            + ["clear", "set", "set_priority", "bind_vcpu", "rebind", "close", "bind", "poke"]
            + ["poke_ready", "poke_head", "poke_up", "poke_sel", "poke_p", "poke_m", "poll"]
            + ["init_control", "expand_array", "reset"] * (abi == "fifo" and choice.random() < 0.1)
        )  # fmt: skip
        op: dict[str, object] = {
            "op": kind,
            "port": choice.randrange(1, 80),
            "vcpu": choice.randrange(4),
            "cpu": choice.randrange(4),
        }
        gfn += choice.randrange(2)
        more: dict[str, dict[str, object]] = {
            "init_control": {"gfn": gfn, "pg": 1, "off": 8 * choice.randrange(500)},
            "expand_array": {"gfn": gfn, "pg": 1, "fill": choice.choice(["0", "40000000"])},
            "bind": {"n": choice.randrange(1, 4)},
            "set_priority": {"prio": choice.randrange(17)},
            "poke": {"val": f"{choice.getrandbits(4) << 28 | choice.randrange(80):x}"},
            "poke_ready": {"val": word(16 if choice.random() < 0.9 else 32)},
            "poke_head": {"q": choice.randrange(16), "val": choice.choice([0, 5, 2000, 2**32 - 1])},
            "poke_up": {"val": choice.randrange(2)},
            "poke_sel": {"val": word(64)},
            "poke_p": {"word": choice.randrange(64), "val": word(64)},
            "poke_m": {"word": choice.randrange(64), "val": word(64)},
            "consume": {"force": choice.randrange(2)},
        }
        yield op | more.get(kind, {})


class TestHostileGuests:
    """Whatever a guest writes, both machines do the same, and neither leaves its ranges."""

    def life(self, make: MachineMaker, seed: int, abi: str, xen: str) -> list[object]:
        header = Line("t", 1, {"abi": abi, "vcpus": 4, "max_port": 4095, "profile": "edge"})
        world = build_world(header, behaviour_of(xen), make)
        observer = Observer(world.guest, world.events, header)
        told: list[object] = []
        for number, fields in enumerate(hostile_ops(random.Random(seed), 400, abi)):
            name = str(fields["op"])
            observer.begin(name)
            try:
                got = OPS[name](world, Line("t", number, fields))
            except TraceError as error:  # a page or a peer that is not there
                told.append(str(error))
                continue
            except XenCrashError as crash:
                return [*told, str(crash)]
            told.append((name, got, observer.changes()))
        return [*told, observer.snapshot(world.handlers), world.handled]

    @pytest.mark.parametrize("xen", ["4.4", "master"])
    @pytest.mark.parametrize("abi", ["fifo", "2l"])
    @pytest.mark.parametrize("seed", range(4))
    def test_is_one_life(self, seed: int, abi: str, xen: str) -> None:
        reference = self.life(Interpreter, seed, abi, xen)
        if xen == "master":
            assert reference[-1] > 5  # handlers have run
        assert self.life(Compiled, seed, abi, xen) == reference
