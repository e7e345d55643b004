"""The searches: both count the same, find the same counterexamples, and know their limits."""

from dataclasses import replace
from pathlib import Path

import pytest

from evtplan.engine.executor import Executor
from evtplan.engine.explorer import Limits, explore, initial_state, snapshot_of
from evtplan.engine.language import parse_text, read_text
from evtplan.engine.lowering import lower
from evtplan.engine.path import Path as Schedule
from evtplan.engine.path import PathStep
from evtplan.engine.search.packing import pack_system
from evtplan.engine.system import TransitionSystem
from tests.engine.search import search

TEXTS = Path(__file__).resolve().parents[2] / "examples" / "protocols"
NAMES = ("ports", "raises", "raisers", "maskers")
COMPILED = Limits(keep_going=True, plain_states=0)
PLAIN = Limits(keep_going=True, plain_states=None)


def scenario(name: str, *numbers: int) -> TransitionSystem:
    return lower(read_text(TEXTS / f"{name}.py"), dict(zip(NAMES, numbers, strict=True)))


class TestBothSearches:
    """both give identical counts"""

    @pytest.mark.parametrize("name", ["a_pub", "f_head"])
    def test_agree_with_each_other_and_with_the_interpreter(self, name: str) -> None:
        system = scenario(name, 2, 1, 1, 1)
        plain = explore(system, PLAIN)
        assert plain.method == "plain"
        for threads in (1, 2):
            compiled = explore(system, replace(COMPILED, threads=threads))
            assert compiled.method == "compiled"
            assert (compiled.states, compiled.transitions, compiled.at_rest, compiled.depth) == (
                plain.states, plain.transitions, plain.at_rest, plain.depth,
            )  # fmt: skip
            assert compiled.broken == plain.broken
            assert compiled.shown == plain.shown
            assert compiled.witnesses == plain.witnesses
        if name == "a_pub":
            assert {"no_event_lost": 36, "list_is_sound": 38, "only_raised": 55}.items() <= (
                plain.broken.items()
            )
            assert "comes_to_rest" in plain.broken

    def test_agree_with_the_interpreter(self) -> None:
        system = scenario("a_fix", 2, 1, 1, 0)
        slow, found = search(system), explore(system, PLAIN)
        assert (found.states, found.transitions, found.at_rest) == (
            slow.states, slow.edges, slow.at_rest,
        )  # fmt: skip
        assert slow.broken.items() <= found.broken.items()

    def test_a_space_too_large_for_python_is_compiled(self) -> None:
        found = explore(scenario("f_head", 2, 2, 1, 0), Limits(plain_states=1000))
        assert (found.method, found.states, found.depth) == ("compiled", 8995, 68)


class TestTheTable:
    """open addressing with batched probing"""

    @pytest.mark.parametrize("threads", [1, 2])
    def test_finds_every_state_once_however_full_it_is(
        self, threads: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Lines overflow, the last into the first, and it grows often.
        monkeypatch.setattr("evtplan.engine.search.compiled_search._FIRST_SLOTS", 1 << 14)
        monkeypatch.setattr("evtplan.engine.search.compiled_search._LOAD", 0.98)
        found = explore(scenario("f_44", 2, 2, 2, 0), replace(COMPILED, threads=threads))
        assert (found.states, found.transitions) == (70267, 183846)


class TestStates:
    """states bit-packed into as few 64-bit words as the scenario needs"""

    def test_are_the_same_after_packing_and_unpacking(self) -> None:
        system = scenario("f_head", 3, 2, 1, 1)
        packing = pack_system(system)
        assert packing.words == 2
        assert packing.record_bytes == 11
        fused = packing.fused()
        state = initial_state(system, fused)
        snapshot = snapshot_of(system, fused, state)
        executor = Executor(system)
        assert list(snapshot.cells) == executor.memory.cells
        assert list(snapshot.points) == [process.point for process in executor.processes]


class TestCounterexamples:
    """shortest, and replayable"""

    def test_the_executor_can_follow_them_to_where_the_property_is_broken(self) -> None:
        system = scenario("a_fix", 2, 1, 1, 0)
        witness = explore(system).witnesses["no_event_lost"]
        assert len(witness.steps) == 32
        steps = tuple(PathStep(step.process, step.choice) for step in witness.steps)
        taken = Executor(system).follow(Schedule("a_fix", dict(system.parameters), steps))
        assert "no_event_lost" in taken[-1].broken
        assert not any(step.broken for step in taken[:-1])

    def test_an_endless_run_repeats(self) -> None:
        system = scenario("a_pub", 2, 2, 1, 0)
        witness = explore(system, PLAIN).witnesses["comes_to_rest"]
        assert witness.loop is not None
        assert witness.states[witness.loop] == witness.states[-1]
        assert len(witness.steps) > witness.loop


class TestLimits:
    """stops with an honest "not finished" instead of swapping"""

    @pytest.mark.parametrize("plain", [0, None])
    def test_of_memory_are_kept(self, plain: int | None) -> None:
        limits = Limits(plain_states=plain, memory_bytes=6_000_000)
        found = explore(scenario("f_44", 2, 2, 2, 0), limits)
        if plain is None:
            assert not found.finished
            assert "memory" in found.why
            assert 0 < found.states < 70267
        else:  # 10 bytes a state: it fits
            assert found.used_bytes <= 6_000_000

    def test_too_little_memory_for_the_table_is_said(self) -> None:
        found = explore(scenario("f_head", 2, 2, 1, 0), Limits(plain_states=0, memory_bytes=1000))
        assert not found.finished
        assert found.states >= 1

    def test_ctrl_c_gives_what_is_known(self) -> None:
        def stop(_: object) -> None:
            raise KeyboardInterrupt

        system = scenario("f_44", 2, 2, 2, 0)
        found = explore(system, replace(PLAIN, report_seconds=0.0), stop)
        assert found.why == "interrupted"
        assert not found.finished


LIVELOCK = '''
"""Two processes that pass a turn on for ever."""
shared = dict(turn=bit)
comes_to_rest = True
@process(2)
def player(me):
    while True:
        await turn == me
        turn = 1 - me
        mark("played")
'''


class TestEndlessRuns:
    """no livelock once raising stops (cycle detection)"""

    @pytest.mark.parametrize("limits", [PLAIN, COMPILED])
    def test_that_are_fair_are_found(self, limits: Limits) -> None:
        found = explore(lower(parse_text(LIVELOCK)), limits)
        assert found.broken == {"comes_to_rest": 0}

    def test_that_only_starve_somebody_are_not(self) -> None:
        text = (
            "shared = dict(flag=bit)\ncomes_to_rest = True\n"
            "@process()\ndef waiter():\n    while flag == 0:\n        pass\n"
            "@process()\ndef setter():\n    flag = 1\n    mark('set')\n"
        )
        assert explore(lower(parse_text(text)), PLAIN).broken == {}


class TestFreeReadings:
    """A free reading beyond an array's end gives 0: two indices, bits and fields too"""

    TEXT = """
class Word:
    link: upto(3)
    p: bit
shared = dict(x=upto(3), W=Word[2], M=bits(4)[2], G=upto(3)[2][2])
ghost = dict(q=upto(7), B=bit[2])
def start():
    W[0].link = 3
    W[1].link = 3
    M[0] = 15
    M[1] = 15
    B[0] = 1
    B[1] = 1
    for i in range(2):
        for j in range(2):
            G[i][j] = 3
@process
def worker():
    x = 1
    q = 7
    assert not B[q]
    if peek(W[q].link) or peek(M[q][1]) or peek(M[1][q]) or peek(G[0][q]) or B[q]:
        mark("something beyond the end")
    x = 2
    q = 1
    if peek(W[q].link) == 3 and peek(M[1][q]) and peek(G[1][q]) == 3 and B[q]:
        mark("what is there")
    x = 3
    q = 2
    if q < 2 and (B[q] or peek(G[1][q])):
        mark("behind a false test")
    x = 0
    q = 0
@always
def nothing_beyond():
    \"\"\"nothing is beyond\"\"\"
    m = M[0]
    return (q < 2 or not (G[0][q] or G[q][0] or W[q].p or B[q])) and (q < 4 or not m[q])
@sometimes
def beyond():
    \"\"\"an index is beyond\"\"\"
    return q == 7 and G[0][q] == 0 and M[0][q] == 0
"""

    def test_are_the_same_step_by_step_and_in_both_searches(self) -> None:
        system = lower(parse_text(self.TEXT))
        executor = Executor(system)
        while not executor.is_at_rest:
            assert executor.step(executor.enabled()[0]).broken == ()
        for limits in (PLAIN, COMPILED):
            found = explore(system, limits)
            assert (found.states, found.broken) == (5, {}), limits
            assert set(found.shown) == {"what is there", "beyond"}, limits

    @pytest.mark.parametrize("line", ["y = G[0][q]", "y = M[q][1]", "W[q].p = 1", "G[q][1] = 1"])
    def test_an_access_there_is_out_of_range(self, line: str) -> None:
        source = self.TEXT.replace("    assert not B[q]", f"    {line}\n    z = y" if "y" in line
                                   else f"    {line}")  # fmt: skip
        system = lower(parse_text(source))
        for limits in (PLAIN, COMPILED):
            found = explore(system, limits)
            assert found.broken == {"in_range": 2}, limits
            assert found.states == 2


class TestPropertiesReadFreely:
    """properties may read everything, freely: helpers of places within all and any too"""

    def test_helpers_of_places_within_all(self) -> None:
        source = """
shared = dict(v=bit[2])
def low(x: bit) -> bit:
    return not x
@process(2)
def p(me):
    v[me] = 1
    assert any(not low(v[i]) for i in range(2))
@at_rest
def full():
    \"\"\"all are set\"\"\"
    return all(low(v[i]) == 0 for i in range(2))
"""
        for limits in (PLAIN, COMPILED):
            assert explore(lower(parse_text(source)), limits).broken == {}
            broken = explore(lower(parse_text(source.replace("v[me] = 1", "v[0] = 1"))), limits)
            assert set(broken.broken) == {"full"}
