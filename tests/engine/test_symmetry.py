"""Interchangeable names and processes: proven, refused where they are not, held against the full
search state by state."""

import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from evtplan.engine.checking import check
from evtplan.engine.executor import Executor
from evtplan.engine.explorer import Exploration, Limits, explore, initial_state, snapshot_of
from evtplan.engine.language import builtin_texts, parse_text, read_text
from evtplan.engine.lowering import lower
from evtplan.engine.search.plainsearch import plain_functions
from evtplan.engine.search.stepcode import print_steps
from evtplan.engine.store_buffers import with_store_buffers
from evtplan.engine.symmetries.reduction import Reduction, reduction_of
from evtplan.engine.symmetry import (
    Interchangeable,
    NoSymmetryError,
    Pool,
    Symmetry,
    find_symmetry,
)
from evtplan.engine.system import TransitionSystem
from tests.engine.symmetric_texts import random_text

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ROOT / "examples" / "protocols"
NAMES = ("ports", "raises", "raisers", "maskers")
PLAIN = Limits(keep_going=True, plain_states=None)
COMPILED = Limits(keep_going=True, plain_states=0)
MODELS = ("f_head", "f_44", "a_pub", "a_fix", "a_lock")


def scenario(name: str, *numbers: int, history: bool = False) -> TransitionSystem:
    parameters = dict(zip(NAMES, numbers, strict=False))
    return lower(read_text(TEXTS / f"{name}.py"), parameters, history=history)


def text(source: str, **parameters: int) -> TransitionSystem:
    return lower(parse_text(source), parameters)


def require_equal(full: Exploration, reduced: Exploration) -> None:
    """Everything that a search finds, but for the states that stand for others."""
    assert full.finished
    assert reduced.finished
    assert reduced.states_represented == full.states
    assert reduced.transitions_represented == full.transitions
    assert reduced.depth == full.depth
    assert reduced.broken == full.broken
    assert reduced.shown == full.shown
    assert reduced.undecided == full.undecided


def every_text() -> Iterator[tuple[str, str, dict[str, int], str]]:
    """Built-in texts as the manifest checks them, and the examples, each also at a larger size."""
    manifest = ROOT / "evtplan" / "protocols" / "manifest.toml"
    for item in tomllib.loads(manifest.read_text())["check"]:
        yield item["protocol"], item["protocol"], item["parameters"], item["memory"]
    for path in sorted(TEXTS.glob("*.py")):
        yield path.stem, str(path), {}, "sc"
        if path.stem in MODELS:
            yield path.stem, str(path), {"raisers": 2}, "sc"
            yield path.stem, str(path), {"raisers": 2, "ports": 1, "maskers": 1}, "tso"
    yield "f_head", str(TEXTS / "f_head.py"), {"ports": 3}, "sc"
    yield "f_no_lock", str(TEXTS / "f_no_lock.py"), {"ports": 3, "raisers": 2}, "sc"
    yield "fifo", "fifo", {"ports": 3, "raisers": 2}, "sc"
    yield "fifo", "fifo", {"vcpus": 2, "movers": 1}, "sc"
    yield "fifo", "fifo", {"maskers": 2, "masks": 1, "raises": 0}, "sc"
    yield "three-level", "three-level", {"raisers": 2}, "sc"


CASES = [
    pytest.param(
        name, parameters, memory, id="-".join([label, *map(str, parameters.values()), memory])
    )
    for label, name, parameters, memory in every_text()
]


class TestTheFullSearch:
    """Symmetry reduction where sound, off by default until proven against the full search"""

    @pytest.mark.parametrize(("name", "parameters", "memory"), CASES)
    def test_has_as_many_states_and_edges_as_the_reduced_one_stands_for(
        self, name: str, parameters: dict[str, int], memory: str
    ) -> None:
        read = read_text(name)
        for history in (False, True):
            system = with_store_buffers(lower(read, parameters, memory=memory, history=history), 2)
            symmetry = find_symmetry(system)
            if symmetry.order == 1:
                continue
            full = explore(system, replace(PLAIN, memory_bytes=3_000_000))
            if not full.finished:
                continue  # the slow rows are for those
            reduced = explore(system, PLAIN, symmetry=symmetry)
            require_equal(full, reduced)
            assert reduced.states < full.states
            assert reduced.reduction == symmetry.title

    def test_is_held_against_most_texts(self) -> None:
        """A test that skipped every text would prove nothing."""
        reduced = [
            label
            for label, name, parameters, memory in every_text()
            if find_symmetry(
                with_store_buffers(lower(read_text(name), parameters, memory=memory), 2)
            ).order > 1
        ]  # fmt: skip
        assert len(reduced) >= 25
        assert {"draft-a-locked", "fifo", "f_head", "history/no-lock"} <= set(reduced)

    @pytest.mark.parametrize("history", [False, True])
    def test_has_each_level_of_the_same_size(self, history: bool) -> None:
        system = scenario("f_head", 3, 1, 2, 0, history=history)
        reduction = reduction_of(system, find_symmetry(system))
        full, _ = levels(system, None)
        few, weighed = levels(system, reduction)
        assert weighed == full
        assert sum(few) * 8 < sum(full)

    def test_finds_the_states_that_renaming_finds(self) -> None:
        """Orbits by brute force: every permutation of ports and of raisers applied by hand."""
        system = scenario("a_fix", 2, 1, 2, 0)
        reduction = reduction_of(system, find_symmetry(system))
        states = every_state(system)
        packing = print_steps(system).packing
        orbits: dict[frozenset[object], int] = {}
        for state in states:
            snapshot = snapshot_of(system, packing, state)
            orbit = frozenset(renamed(system, snapshot, ports) for ports in permutations((1, 2)))
            orbits.setdefault(orbit, reduction.of(state))
            assert orbits[orbit] == reduction.of(state)
        assert len(set(orbits.values())) == len(orbits)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "row", "states"),
        [
            ("f_head", (3, 2, 1, 1), 8553359),
            ("a_lock", (3, 2, 1, 1), 3199583),
            ("f_44", (4, 1, 1, 1), 3145202),
            ("f_head", (4, 1, 1, 1), 2134474),
        ],
    )
    def test_has_the_states_that_other_checkers_count(
        self, name: str, row: tuple[int, ...], states: int
    ) -> None:
        system = scenario(name, *row)
        found = explore(system, replace(COMPILED, threads=2), symmetry=find_symmetry(system))
        assert found.finished
        assert found.states_represented == states
        assert found.states < states / 5


def levels(system: TransitionSystem, reduction: Reduction | None) -> tuple[list[int], list[int]]:
    """States of each level, and how many those stand for."""
    code = print_steps(system)
    expand = plain_functions(code.source)["expand"]
    of = reduction.of if reduction else lambda state: state
    level = [initial_state(system, code.packing)]
    seen = set(level)
    sizes, weights = [], []
    while level:
        sizes.append(len(level))
        weights.append(sum(reduction.weight(s) if reduction else 1 for s in level))
        out: list[int] = []
        for state in level:
            expand(state, out)
        level = list(dict.fromkeys(of(s) for s in out if of(s) not in seen))
        seen.update(level)
    return sizes, weights


def every_state(system: TransitionSystem) -> set[int]:
    code = print_steps(system)
    expand = plain_functions(code.source)["expand"]
    todo = [initial_state(system, code.packing)]
    seen = set(todo)
    while todo:
        out: list[int] = []
        expand(todo.pop(), out)
        new = set(out) - seen
        seen |= new
        todo += new
    return seen


def renamed(system: TransitionSystem, snapshot: object, ports: tuple[int, ...]) -> object:
    """A snapshot of a_fix with its ports renamed; raisers as a bag. Knows the text by heart."""
    to = {0: 0, **{port + 1: new for port, new in enumerate(ports)}}
    cells = list(snapshot.cells)  # type: ignore[attr-defined]
    base = {variable.name: variable.base for variable in system.variables}
    moved = list(cells)
    for port in (0, 1, 2):
        word = cells[base["E"] + port]
        moved[base["E"] + to[port]] = (word & ~3) | to[word & 3]
    for port in (1, 2):
        moved[base["left"] + to[port] - 1] = cells[base["left"] + port - 1]
    for name in ("H", "T"):
        moved[base[name]] = to[cells[base[name]]]
    frames = []
    processes = zip(system.processes, snapshot.points, snapshot.locals, strict=True)  # type: ignore[attr-defined]
    for (kind, _), point, values in processes:
        new = tuple(
            to[value] if kind.name == "consumer" or local.name == "p" else value
            for local, value in zip(kind.locals, values, strict=True)
        )
        frames.append((kind.name, point, new))
    return tuple(moved), tuple(sorted(frames))


class TestBothSearches:
    """Both searches give identical reduced counts"""

    @pytest.mark.parametrize(
        ("name", "numbers"), [("f_head", (3, 1, 2, 0)), ("a_pub", (2, 1, 1, 1))]
    )
    def test_find_the_same(self, name: str, numbers: tuple[int, ...]) -> None:
        system = scenario(name, *numbers)
        symmetry = find_symmetry(system)
        plain = explore(system, PLAIN, symmetry=symmetry)
        require_equal(explore(system, PLAIN), plain)
        for threads in (1, 2):
            compiled = explore(system, replace(COMPILED, threads=threads), symmetry=symmetry)
            assert compiled.method == "compiled"
            assert (compiled.states, compiled.transitions, compiled.at_rest) == (
                plain.states, plain.transitions, plain.at_rest,
            )  # fmt: skip
            assert compiled.states_represented == plain.states_represented
            assert compiled.transitions_represented == plain.transitions_represented
            assert compiled.broken == plain.broken
            assert compiled.witnesses == plain.witnesses

    def test_find_the_same_where_a_process_has_more_points_than_a_word_has_bits(self) -> None:
        steps = "    step()\n" * 70
        system = text(HEAD + RAISER.format(line="q = H") + steps + "    H = q\n    T = p\n")
        symmetry = find_symmetry(system)
        assert symmetry.title == "port(3) × raiser(2)"
        assert len(system.kinds[0].points) > 70
        plain = explore(system, PLAIN, symmetry=symmetry)
        require_equal(explore(system, PLAIN), plain)
        compiled = explore(system, COMPILED, symmetry=symmetry)
        assert (compiled.states, compiled.transitions) == (plain.states, plain.transitions)
        require_equal(explore(system, PLAIN), compiled)


HEAD = """
parameters = dict(ports=(3, 1, 4))
port = upto(ports)
queued = span(1, ports)
shared = dict(E=bit[port], H=port, T=port)
ghost = dict(left=bit[queued])

def start():
    for p in queued:
        left[p] = 1

"""
RAISER = """
@process(2, waits=True)
def raiser():
    p = choose(q for q in queued if left[q])
    left[p] = 0
    E[p] = 1
    {line}
    H = p
"""


class TestAsymmetry:
    """where the text breaks symmetry the reduction is refused with a named reason"""

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("if p < H: T = p", "used with <"),
            ("T = min(p, H)", "used with min"),
            ("T = (p + 1) % 4", "used with +"),
            ("if p == 1: T = p", "one of them is told from the others"),
            ("H = 2", "one of them is told from the others"),
            ("E[2] = 0", "one of them is told from the others"),
            ("assert p != 3, 'low: p is low'", "one of them is told from the others"),
            ("if p >= 2: mark('high')", "one of them is told from the others"),
            ("T = 1 if p == H else p", "one of them is told from the others"),
            ("q: port = 2; E[q] = p == q", "one of them is told from the others"),
            ("for q in queued: E[q] = 1", "used with +"),
        ],
    )
    def test_in_a_step_is_named_with_its_line(self, line: str, why: str) -> None:
        """The line is that of the step which the statement belongs to. (The last one makes a step
        for each port, 1 first: an order that is seen.)"""
        found = find_symmetry(text(HEAD + RAISER.format(line=line)))
        assert [pool.title for pool in found.pools] == ["raiser"]
        assert not found.names
        assert [item.title for item in found.refusals] == ["port"]
        assert re.fullmatch(rf"in the step of line 1[5-8]: {re.escape(why)}", found.refusals[0].why)

    @pytest.mark.parametrize(
        "line",
        [
            "T = H",
            "T = 2",  # which nobody compares with a port
            "if p != H: T = p",
            "E[H] = 1",
            "if H > 0: T = H",
            "mark('any')",
            "for q in queued: left[q] = left[q] and left[p]",
            "for q in queued: left[q] = 0 if left[q] and q != p else left[q]",
            "assert sum(left[q] for q in queued) <= 2, 'few: at most two are left'",
        ],
    )
    def test_is_not_seen_where_there_is_none(self, line: str) -> None:
        system = text(HEAD + RAISER.format(line=line))
        symmetry = find_symmetry(system)
        assert symmetry.title == "port(3) × raiser(2)"
        require_equal(explore(system, PLAIN), explore(system, PLAIN, symmetry=symmetry))

    def test_of_the_beginning(self) -> None:
        source = (HEAD + RAISER.format(line="step()")).replace(
            "    for p in", "    E[2] = 1\n    for p in"
        )
        found = find_symmetry(text(source))
        assert found.refusals[0].why == "E does not begin alike for all of them"

    @pytest.mark.parametrize(
        "claim", ["E[1] == 0 or H", "H != 2", "sum(p * E[p] for p in queued) < 5", "E[1] <= E[2]"]
    )
    def test_of_a_property(self, claim: str) -> None:
        judged = f'\n@at_rest\ndef rest():\n    """So."""\n    return {claim}\n'
        found = find_symmetry(text(HEAD + RAISER.format(line="step()") + judged))
        assert not found.names
        assert "in the property rest" in found.refusals[0].why

    def test_of_processes_that_are_told_by_their_number(self) -> None:
        source = "shared = dict(x=bit[3])\n\n@process(3)\ndef worker(me):\n    x[me] = {}\n"
        assert find_symmetry(text(source.format("1"))).title == "worker(3)"
        found = find_symmetry(text(source.format("me == 1")))
        assert found.title == "none"
        assert found.refusals[0].why == (
            "in the step of line 5: one of them is told from the others"
        )

    def test_of_treibers_stack_and_of_petersons_lock(self) -> None:
        """Their nodes begin in a row, and a turn is somebody's: nothing is interchangeable."""
        for name in ("treiber", "peterson"):
            with pytest.raises(NoSymmetryError) as raised:
                check(read_text(TEXTS / f"{name}.py"), symmetry=True)
            assert "does not begin alike" in raised.value.hint

    def test_is_honest_about_store_buffers(self) -> None:
        system = lower(read_text(TEXTS / "a_fix.py"), {"raisers": 2}, memory="tso")
        found = find_symmetry(with_store_buffers(system))
        assert found.title == "raiser(2)"
        assert "store buffers" in found.refusals[0].why


class TestUnsoundReductions:
    """A deliberately unsound canonicaliser is caught"""

    def test_names_that_are_told_apart_give_other_counts(self) -> None:
        """The proof left out: port 1 leaves no trace, so that it differs from the others."""
        source = HEAD + RAISER.format(line="if p == 1: left[p] = 1")
        system = text(source)
        assert find_symmetry(system).title == "raiser(2)"
        names = find_symmetry(text(HEAD + RAISER.format(line="step()"))).names
        assert is_caught(system, replace(find_symmetry(system), names=names))

    @pytest.mark.parametrize("left_out", ["dims", "values", "locals"])
    def test_what_is_not_renamed_gives_other_counts(self, left_out: str) -> None:
        system = scenario("f_head", 2, 1, 2, 0)
        symmetry = find_symmetry(system)
        assert not is_caught(system, symmetry)
        names = symmetry.names[0]
        if left_out == "locals":
            fewer = {key: value for key, value in names.locals.items() if key[0] != 1}
        else:
            fewer = dict(list(getattr(names, left_out).items())[1:])
        wrong = replace(symmetry, names=(replace(names, **{left_out: fewer}),))
        assert is_caught(system, wrong)

    def test_processes_that_are_not_alike_give_other_counts(self) -> None:
        source = "shared = dict(x=bit[2])\n\n@process(2)\ndef worker(me):\n    x[me] = me\n"
        assert is_caught(text(source), Symmetry((), (Pool("worker", 0, 2),), ()))

    def test_less_than_all_is_no_mistake(self) -> None:
        system = scenario("f_head", 2, 1, 2, 0)
        symmetry = find_symmetry(system)
        for less in (replace(symmetry, pools=()), replace(symmetry, names=())):
            assert not is_caught(system, less)


def is_caught(system: TransitionSystem, symmetry: Symmetry) -> bool:
    """Whether the searches, held against each other, show that the symmetry is none."""
    full = explore(system, PLAIN)
    try:
        require_equal(full, explore(system, PLAIN, symmetry=symmetry))
    except AssertionError:
        return True
    return False


class TestRandomTexts:
    """Where the proof says that names can be interchanged, they can"""

    def test_the_reduced_search_finds_what_the_full_one_finds(self) -> None:
        proven, refused, told = 0, 0, set()
        for seed in range(120):
            try:
                system = lower(parse_text(random_text(seed)))
            except Exception:  # not a text after all
                continue
            symmetry = find_symmetry(system)
            refused += bool(symmetry.refusals)
            if symmetry.order == 1:
                continue
            full = explore(system, replace(PLAIN, memory_bytes=6_000_000))
            if not full.finished:
                continue
            reduced = explore(system, PLAIN, symmetry=symmetry)
            if "in_range" in full.broken:  # beyond it orbits mean nothing, and the search stops
                assert reduced.broken["in_range"] == full.broken["in_range"], seed
                continue
            require_equal(full, reduced)
            proven += 1
            told.update(full.broken)
        assert proven >= 60
        assert refused >= 20
        assert {"claim", "rest", "comes_to_rest"} & told


class TestCounterexamples:
    """counterexample schedules must be un-permuted so that they replay against the text"""

    @pytest.mark.parametrize(
        ("name", "numbers"), [("a_fix", (3, 1, 2, 0)), ("a_pub", (2, 2, 1, 0))]
    )
    def test_replay_against_the_text(self, name: str, numbers: tuple[int, ...]) -> None:
        read = read_text(TEXTS / f"{name}.py")
        parameters = dict(zip(NAMES, numbers, strict=True))
        full = check(read, parameters)
        reduced = check(read, parameters, symmetry=True)
        assert reduced.search.reduction != "none"
        assert full.first_broken is not None
        assert reduced.first_broken is not None
        assert reduced.first_broken.item == full.first_broken.item
        assert reduced.first_broken.depth == full.first_broken.depth
        path = reduced.first_broken.path
        assert path is not None
        steps = Executor(lower(read, parameters)).follow(path)
        assert len(steps) == full.first_broken.depth
        assert reduced.first_broken.item.name in steps[-1].broken

    def test_of_every_property_are_ways_of_the_full_system(self) -> None:
        system = scenario("a_pub", 2, 1, 1, 1)
        found = explore(system, PLAIN, symmetry=find_symmetry(system))
        labelled = plain_functions(print_steps(system).labelled)["labelled"]
        assert "comes_to_rest" in found.broken
        for witness in found.witnesses.values():
            assert witness.states[0] == initial_state(system, found.packing)
            for (state, after), step in zip(pairwise(witness.states), witness.steps, strict=False):
                out: list[tuple[int | None, int, int, int]] = []
                labelled(state, out)
                moves = [(item[0], item[2], None if item[3] < 0 else item[3]) for item in out]
                assert (after, step.process, step.choice) in moves
            if witness.loop is not None:
                assert witness.states[-1] == witness.states[witness.loop]


STARVED = """
shared = dict(go=bit)

@process(2)
def worker():
    if test_and_set(go):
        while go:
            pass
    else:
        {line}
        go = 0

comes_to_rest = True
"""


class TestEndlessRuns:
    """no livelock once raising stops: in a search of orbits each process still gets its turns"""

    def test_one_of_two_like_processes_that_never_moves_is_not_fair(self) -> None:
        """The one spins for ever only if the other, which could move, never does."""
        system = text(STARVED.format(line="step()"))
        symmetry = find_symmetry(system)
        assert symmetry.title == "worker(2)"
        full, reduced = explore(system, PLAIN), explore(system, PLAIN, symmetry=symmetry)
        require_equal(full, reduced)
        assert not reduced.broken

    def test_both_spinning_is(self) -> None:
        source = STARVED.format(line="step()").replace(
            "        go = 0\n", "        while go:\n            pass\n"
        )
        system = text(source)
        full = explore(system, PLAIN)
        for limits in (PLAIN, COMPILED):
            reduced = explore(system, limits, symmetry=find_symmetry(system))
            require_equal(full, reduced)
            assert "comes_to_rest" in reduced.broken


class TestNames:
    def test_are_proven_whatever_they_are_called(self) -> None:
        """Not by the name of a type: a text without any is found as well."""
        source = """
shared = dict(a=bit[4], b=upto(3))

@process(2)
def worker():
    x = choose(span(1, 3))
    a[x] = 1
    b = x
"""
        found = find_symmetry(text(source))
        assert found.title == "index of a(3) × worker(2)"
        assert isinstance(found.names[0], Interchangeable)
        assert found.names[0].elements == (1, 2, 3)
        assert found.order == 12

    def test_more_than_six_are_reduced_by_six(self) -> None:
        symmetry = find_symmetry(scenario("f_head", 8, 1, 1, 0))
        assert symmetry.title == "port(6)"
        assert symmetry.order == 720

    def test_every_built_in_text_has_an_answer(self) -> None:
        for name in builtin_texts():
            found = find_symmetry(lower(read_text(name)))
            assert isinstance(found, Symmetry)
            for item in found.refusals:
                assert item.why

    def test_the_state_that_stands_for_an_orbit_is_its_own(self) -> None:
        system = scenario("f_head", 3, 1, 2, 0)
        reduction = reduction_of(system, find_symmetry(system))
        states = sorted(every_state(system))
        for state in random.Random(1).sample(states, 500):
            stands = reduction.of(state)
            assert reduction.of(stands) == stands
            assert reduction.weight(stands) == reduction.weight(state)
