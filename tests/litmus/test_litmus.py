"""Litmus tests: the set of outcomes each memory model allows, and no other.

Outcomes are known: x86-TSO (Sewell and others, CACM 2010), SPARC TSO and PSO (the SPARC V9 manual),
sequential consistency by hand. Registers are ghosts, read when all is at rest.
"""

import pytest

from evtplan.engine.checking import check
from evtplan.engine.executor import Executor
from evtplan.engine.explorer import Limits, explore, snapshot_of
from evtplan.engine.language import parse_text
from evtplan.engine.lowering import lower
from evtplan.engine.path import PathStep
from evtplan.engine.search.plainsearch import PlainSearch
from evtplan.engine.search.stepcode import print_steps
from evtplan.engine.store_buffers import with_store_buffers

HEAD = "shared = dict(x=upto(2), y=upto(2))\nghost = dict(r=upto(2)[upto(3)])\n"


def program(*processes: str) -> str:
    lines = [HEAD]
    for number, body in enumerate(processes):
        lines += ["@process()", f"def p{number}():"]
        lines += [f"    {line.strip()}" for line in body.split(";")]
    return "\n".join(lines) + "\n"


def outcomes(text: str, memory: str, names: tuple[str, ...]) -> set[tuple[int, ...]]:
    """Every combination of values of `names` (r0 … r3, x, y) at rest."""
    system = with_store_buffers(lower(parse_text(text), memory=memory), 3)
    code = print_steps(system)
    with PlainSearch(code, wanted=0, limit_bytes=1 << 30, most=None) as search:
        from evtplan.engine.explorer import initial_state

        search.insert_initial(initial_state(system, code.packing))
        while search.levels_states[-1]:
            assert search.expand_level(lambda: None)
        base = {variable.name: variable.base for variable in system.variables}
        found = set()
        for level in search.levels_states:
            for state in level:
                out: list[int] = []
                search.expand(state, out)
                if not out:
                    cells = snapshot_of(system, code.packing, state).cells
                    at = [base["r"] + int(n[1]) if n[0] == "r" else base[n] for n in names]
                    found.add(tuple(cells[cell] for cell in at))
    return found


R0, R1 = "a = {0}; r[0] = a", "b = {0}; r[1] = b"
BOTH = {(0, 1), (1, 0), (1, 1)}
SB = program("x = 1; a = y; r[0] = a", "y = 1; b = x; r[1] = b")
SB_FENCED = program("x = 1; fence(); a = y; r[0] = a", "y = 1; fence(); b = x; r[1] = b")
SB_LOCKED = program("exchange(x, 1); a = y; r[0] = a", "exchange(y, 1); b = x; r[1] = b")
SB_ONE_FENCE = program("x = 1; fence(); a = y; r[0] = a", "y = 1; b = x; r[1] = b")
SB_STORE_FENCE = program(
    "x = 1; store_fence(); a = y; r[0] = a", "y = 1; store_fence(); b = x; r[1] = b"
)
MP = program("x = 1; y = 1", "a = y; r[0] = a; b = x; r[1] = b")
MP_FENCED = program("x = 1; store_fence(); y = 1", "a = y; r[0] = a; b = x; r[1] = b")
LB = program("a = y; r[0] = a; x = 1", "b = x; r[1] = b; y = 1")
S = program("x = 2; y = 1", "a = y; r[0] = a; x = 1")
R = program("x = 1; y = 1", "y = 2; a = x; r[0] = a")
TWO_PLUS_TWO = program("x = 1; y = 2", "y = 1; x = 2")
CORR = program("x = 1", "a = x; r[0] = a; b = x; r[1] = b")
IRIW = program(
    "x = 1", "y = 1", "a = x; r[0] = a; b = y; r[1] = b", "c = y; r[2] = c; d = x; r[3] = d"
)
CASES = {
    "SB": (SB, ("r0", "r1"), (0, 0), {"tso", "pso"}),
    "SB+fences": (SB_FENCED, ("r0", "r1"), (0, 0), set()),
    "SB+locked": (SB_LOCKED, ("r0", "r1"), (0, 0), set()),
    "SB+one fence": (SB_ONE_FENCE, ("r0", "r1"), (0, 0), {"tso", "pso"}),
    "SB+store fences": (SB_STORE_FENCE, ("r0", "r1"), (0, 0), {"tso", "pso"}),
    "MP": (MP, ("r0", "r1"), (1, 0), {"pso"}),
    "MP+store fence": (MP_FENCED, ("r0", "r1"), (1, 0), set()),
    "LB": (LB, ("r0", "r1"), (1, 1), set()),
    "S": (S, ("r0", "x"), (1, 2), {"pso"}),
    "R": (R, ("y", "r0"), (2, 0), {"tso", "pso"}),
    "2+2W": (TWO_PLUS_TWO, ("x", "y"), (1, 1), {"pso"}),
    "CoRR": (CORR, ("r0", "r1"), (1, 0), set()),
    "IRIW": (IRIW, ("r0", "r1", "r2", "r3"), (1, 0, 1, 0), set()),
}


class TestRelaxedOutcomes:
    """so that a missing barrier shows"""

    @pytest.mark.parametrize("memory", ["sc", "tso", "pso"])
    @pytest.mark.parametrize("name", CASES)
    def test_are_seen_where_the_model_allows_them(self, name: str, memory: str) -> None:
        text, names, relaxed, allowed = CASES[name]
        assert (relaxed in outcomes(text, memory, names)) == (memory in allowed)


class TestWholeSets:
    """collect the set of outcomes and compare with the model's known set"""

    def test_of_store_buffering(self) -> None:
        names = ("r0", "r1")
        assert outcomes(SB, "sc", names) == BOTH
        assert outcomes(SB, "tso", names) == BOTH | {(0, 0)}
        assert outcomes(SB, "pso", names) == BOTH | {(0, 0)}

    def test_of_message_passing(self) -> None:
        names = ("r0", "r1")
        assert outcomes(MP, "tso", names) == {(0, 0), (0, 1), (1, 1)}
        assert outcomes(MP, "pso", names) == {(0, 0), (0, 1), (1, 1), (1, 0)}

    def test_of_iriw_all_but_the_one(self) -> None:
        names = ("r0", "r1", "r2", "r3")
        for memory in ("sc", "tso", "pso"):
            assert len(outcomes(IRIW, memory, names)) == 15

    def test_stronger_models_allow_no_more(self) -> None:
        for text, names, _, _ in CASES.values():
            sc, tso, pso = (outcomes(text, memory, names) for memory in ("sc", "tso", "pso"))
            assert sc <= tso <= pso


class TestForwarding:
    def test_a_process_sees_its_own_stores(self) -> None:
        text = program("x = 1; a = x; r[0] = a; b = y; r[1] = b", "y = 1; c = x; r[2] = c")
        for memory in ("tso", "pso"):
            found = outcomes(text, memory, ("r0", "r1", "r2"))
            assert {item[0] for item in found} == {1}
            assert (1, 0, 0) in found

    def test_also_where_it_reads_without_an_access(self) -> None:
        text = program("x = 1; y = peek(x); r[0] = peek(x); r[peek(x)] = 1; a = y; r[2] = a")
        for memory in ("sc", "tso", "pso"):
            system = lower(parse_text(text), memory=memory)
            assert outcomes(text, memory, ("r0", "r1", "r2", "y")) == {(1, 1, 1, 1)}
            executor = Executor(system)
            for _ in range(3):
                executor.step(PathStep(0))
            cells = {v.name: v.base for v in system.variables}
            assert executor.memory.cells[cells["r"] : cells["r"] + 3] == [1, 1, 1]

    def test_the_compiled_search_has_the_same_states(self) -> None:
        system = with_store_buffers(lower(parse_text(IRIW), memory="pso"), 2)
        plain = explore(system, Limits(plain_states=None))
        compiled = explore(system, Limits(plain_states=0))
        assert (plain.states, plain.transitions) == (compiled.states, compiled.transitions)


class TestOutOfRange:
    """the step that does it leads nowhere and is no edge"""

    @pytest.mark.parametrize(
        ("memory", "stores", "depth"), [("sc", 2, 6), ("tso", 1, 8), ("tso", 2, 7), ("pso", 3, 6)]
    )
    def test_it_shows_when_the_store_is_made_if_there_is_room(
        self, memory: str, stores: int, depth: int
    ) -> None:
        text = parse_text(
            "shared = dict(c=upto(2))\n@process\ndef p():\n    for i in range(4):\n"
            "        t = c\n        c = t + 1\n"
        )
        found = check(text, memory=memory, stores=stores, limits=Limits(keep_going=True))
        assert [(v.item.name, v.depth) for v in found.verdicts if v.path] == [("in_range", depth)]
