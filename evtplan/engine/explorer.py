"""Every interleaving of a system: how many states, which properties hold, the shortest ways there.

Breadth first, so that the first state that breaks a property is a nearest one. Small spaces are
searched in plain Python, larger ones in compiled code; both count the same states and find the
same counterexamples, whatever the number of threads: among equally near ones, the least in packed
order.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

from evtplan.engine.aside import aside
from evtplan.engine.bodies import IN_RANGE
from evtplan.engine.search.exploration import (
    BROKEN,
    INTERRUPTED,
    NO_MEMORY,
    Exploration,
    Limits,
    Progress,
    Step,
    Witness,
)
from evtplan.engine.search.kernel import CB, MOST_WORDS, Mode
from evtplan.engine.search.livelock import Component, fairest, fairest_orbits, loop_from, spread
from evtplan.engine.search.packing import pack_system
from evtplan.engine.search.pages import available_bytes
from evtplan.engine.search.plainsearch import PlainSearch, plain_functions
from evtplan.engine.search.snapshots import Snapshot, initial_state, snapshot_of
from evtplan.engine.search.stepcode import StepCode, print_steps
from evtplan.engine.symmetries.reduction import Reduction, compiled_reduction, reduction_of
from evtplan.engine.symmetry import Symmetry
from evtplan.engine.system import Choose, If, PropertyKind, TransitionSystem

if TYPE_CHECKING:
    from evtplan.engine.search.compiled_search import CompiledSearch

__all__ = [
    "Exploration",
    "Limits",
    "Progress",
    "Snapshot",
    "Step",
    "Witness",
    "explore",
    "initial_state",
    "most_successors",
    "snapshot_of",
    "usable_cores",
]

# Flags that fit above the successor count in what compiled `expand` returns.
_MOST_FLAGS = 40
_MOST_FAN_OUT = 1 << 16


class _Search(Protocol):
    @property
    def count(self) -> int: ...
    @property
    def used_bytes(self) -> int: ...
    def total(self, field: int) -> int: ...
    def flags(self, field: int) -> int: ...
    def level_end(self, level: int) -> int: ...
    def insert_initial(self, state: int) -> None: ...
    def expand_level(self, between: Callable[[], None]) -> bool: ...
    def find(
        self, level: int, mode: int, bit: int = 0, target: int | None = None
    ) -> int | None: ...
    def components(self) -> list[Component] | None: ...
    def weighed(self, level: int, reduction: Reduction) -> tuple[int, int]: ...


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def explore(
    system: TransitionSystem,
    limits: Limits | None = None,
    progress: Callable[[Progress], None] | None = None,
    symmetry: Symmetry | None = None,
) -> Exploration:
    """Search every state of `system`, stopping at the first broken property unless told not to.

    With a `symmetry` of it one state of each orbit is searched. `progress` is called now and then.
    Ctrl-C ends the search early: what is known so far comes back, not `finished`.
    """
    limits = limits or Limits()
    plain = print_steps(system)
    memory = limits.memory_bytes
    if memory is None:
        memory = available_bytes() * 4 // 5
    reduction = None if symmetry is None else reduction_of(system, symmetry)
    run = _Run(system, plain, limits, progress, reduction)
    fan_out = most_successors(system)
    compilable = (
        plain.compilable
        and len(plain.step_flags) <= _MOST_FLAGS
        and fan_out <= _MOST_FAN_OUT
        and limits.plain_states is not None
    )
    if compilable:
        compilable = pack_system(system).words <= MOST_WORDS
    wanted = (1 << len(plain.sometimes)) - 1
    found: Exploration | None = None
    if limits.plain_states != 0 or not compilable:
        most = limits.plain_states if compilable else None
        with PlainSearch(
            plain, wanted=wanted, limit_bytes=memory, most=most, reduction=reduction
        ) as search:
            found = run.search(search, "plain", 1)
        small = not compilable or found.finished or (found.broken and not limits.keep_going)
        if small or found.interrupted or search.out_of_memory:
            return found
    try:
        if found is not None and progress is not None:
            far = (found.depth, found.states, found.transitions, found.seconds)
            progress(Progress(*far, compiling=True))
        larger = run.compiled(memory, fan_out, wanted)
    except KeyboardInterrupt:  # while compiling
        if found is None:
            raise
        return replace(found, why=INTERRUPTED, compile_seconds=run.compile_seconds)
    if found is not None and not larger.finished and larger.states < found.states:
        return replace(found, why=larger.why)  # its table alone needs more than the limit
    return larger


class _Run:
    """One exploration: the system, its code, what was asked."""

    def __init__(
        self,
        system: TransitionSystem,
        plain: StepCode,
        limits: Limits,
        progress: Callable[[Progress], None] | None,
        reduction: Reduction | None,
    ) -> None:
        self.reduction = reduction
        self.system = system
        self.plain = plain
        self.limits = limits
        self.progress = progress
        self.kinds = {item.name: item.kind for item in system.properties}
        self.compile_seconds = 0.0

    @cached_property
    def labelled(self) -> Callable[[int, list[tuple[int | None, int, int, int]]], int]:
        """A state's steps, with who takes them."""
        function: Callable[..., int] = plain_functions(self.plain.labelled)["labelled"]
        return function

    def compiled(self, memory: int, fan_out: int, wanted: int) -> Exploration:
        threads = max(1, self.limits.threads)

        def prepare() -> Callable[..., "CompiledSearch"]:
            from evtplan.engine.search.compiled_search import CompiledSearch, compile_search
            from evtplan.engine.search.llvmcode import print_assembly

            assembly, packing = print_assembly(self.system, self.plain)
            text = ""
            if self.reduction is not None:
                text = compiled_reduction(self.system, self.reduction.symmetry)
            modules = compile_search(assembly, packing, threads, reduction=text)
            return partial(CompiledSearch, modules, packing)

        begin = time.perf_counter()
        try:
            search_with = aside(prepare)
        finally:
            self.compile_seconds = time.perf_counter() - begin
        with search_with(
            threads=threads,
            fan_out=fan_out,
            wanted=wanted,
            has_always=bool(self.plain.always),
            limit_bytes=memory,
        ) as search:
            return self.search(search, "compiled", threads)

    def search(self, search: _Search, method: str, threads: int) -> Exploration:
        begin, cpu = time.perf_counter(), time.process_time()
        told = begin
        broken: dict[str, tuple[int, int, int]] = {}  # name -> depth, mode, bit
        shown: dict[str, int] = {}
        depth, why, finished = 0, "", False

        def between() -> None:
            nonlocal told
            now = time.perf_counter()
            if self.progress is not None and now - told >= self.limits.report_seconds:
                told = now
                edges = search.total(CB.EDGES)
                self.progress(Progress(depth, search.count, edges, now - begin))

        search.insert_initial(initial_state(self.system, self.plain.packing))
        states, transitions = 1, 0
        try:
            while True:
                before = search.total(CB.EDGES)
                whole = search.expand_level(between)
                here = self._judge(search, depth, broken, shown)
                if not whole:
                    why = NO_MEMORY
                    states, transitions = search.count, search.total(CB.EDGES)
                    break
                if here and (not self.limits.keep_going or self._must_stop(here)):
                    # Only whole levels are counted, so that the figures depend on nothing else.
                    only_steps = min(broken[name][0] for name in here) > depth
                    states = search.count if only_steps else search.level_end(depth)
                    transitions = search.total(CB.EDGES) if only_steps else before
                    depth += only_steps
                    break
                states, transitions = search.count, search.total(CB.EDGES)
                if search.level_end(depth + 1) == search.level_end(depth):
                    finished = True
                    break
                depth += 1
        except KeyboardInterrupt:
            why = INTERRUPTED
            states, transitions = search.count, search.total(CB.EDGES)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        if not why and not finished:
            why = BROKEN
        witnesses: dict[str, Witness] = {}
        depths: dict[str, int] = {}
        endless = [p.name for p in self.system.properties if p.kind is PropertyKind.COMES_TO_REST]
        undecided = list(endless)
        stood_for: tuple[int | None, int | None] = (states, transitions)
        if self.reduction is not None:
            stood_for = (None, None)
        try:
            if self.reduction is not None and why in ("", BROKEN):
                weighed = search.weighed(depth, self.reduction)
                stood_for = (weighed[0], weighed[1] if finished else None)
            for name, where in broken.items():
                witnesses[name] = self._witness(search, name, *where)
                depths[name] = where[0]
            for name in endless if finished else ():
                if self._comes_to_rest(search, name, depths, witnesses):
                    undecided.remove(name)
        except KeyboardInterrupt:  # what has no counterexample yet is not told
            why = INTERRUPTED
            finished = finished and len(depths) == len(broken)
        return Exploration(
            system=self.system,
            states=states,
            transitions=transitions,
            depth=depth,
            at_rest=search.total(CB.QUIET),
            finished=finished,
            why=why,
            broken=depths,
            undecided=tuple(undecided),
            shown=shown,
            witnesses=witnesses,
            method=method,
            threads=threads,
            reduction="none" if self.reduction is None else self.reduction.symmetry.title,
            states_represented=stood_for[0],
            transitions_represented=stood_for[1],
            state_bits=self.plain.packing.bits,
            seconds=seconds,
            cpu_seconds=cpu,
            compile_seconds=self.compile_seconds,
            used_bytes=search.used_bytes,
            bytes_per_state=search.used_bytes / max(1, search.count),
            packing=self.plain.packing,
        )

    def _must_stop(self, here: list[str]) -> bool:
        """Renamings are proven for values in their range: beyond, orbits mean nothing."""
        return self.reduction is not None and IN_RANGE in here

    def _judge(
        self, search: _Search, depth: int, broken: dict[str, tuple[int, int, int]],
        shown: dict[str, int],
    ) -> list[str]:  # fmt: skip
        """Note what the level at `depth` broke or showed for the first time; what it broke."""
        code = self.plain
        new = []
        for mode, field_, names in (
            (Mode.ALWAYS, CB.ALWAYS, code.always),
            (Mode.AT_REST, CB.AT_REST, code.at_rest),
            (Mode.STEP, CB.STEP_FLAGS, code.step_flags),
        ):
            flags = search.flags(field_)
            for number, name in enumerate(names):
                if not flags >> number & 1:
                    continue
                at = depth + (mode == Mode.STEP)
                if name in code.marks:
                    shown.setdefault(name, at)
                elif name not in broken and (name in self.kinds or name == IN_RANGE):
                    broken[name] = (at, mode, 1 << number)
                    new.append(name)
        flags = search.flags(CB.SOMETIMES)
        for number, name in enumerate(code.sometimes):
            if flags >> number & 1:
                shown.setdefault(name, depth)
        return new

    def _of(self, state: int) -> int:
        """The state that stands for `state` in the search."""
        return state if self.reduction is None else self.reduction.of(state)

    def _witness(self, search: _Search, name: str, depth: int, mode: int, bit: int) -> Witness:
        """A shortest way there: the least such state, and back by least predecessors."""
        level = depth - (mode == Mode.STEP)
        last = search.find(level, mode, bit)
        assert last is not None
        states, steps = self.way_to(search, level, last)
        if mode == Mode.STEP:
            out: list[tuple[int | None, int, int, int]] = []
            self.labelled(states[-1], out)
            end, _, process, choice = next(item for item in out if item[1] & bit)
            steps.append(Step(process, None if choice < 0 else choice))
            if end is not None:
                states.append(end)
        return Witness(name, tuple(states), tuple(steps))

    def _comes_to_rest(
        self, search: _Search, name: str, broken: dict[str, int], witnesses: dict[str, Witness]
    ) -> bool:
        """Look for a fair loop; False where there is no memory to look."""
        components = search.components()
        if components is None:
            return False
        kinds = [n for n, kind in enumerate(self.system.kinds) for _ in range(kind.count)]
        if self.reduction is None:
            fair = fairest(components, self.labelled, kinds)
        else:
            fair = fairest_orbits(components, self.labelled, kinds, self._of)
        if fair is None:
            return True
        states, steps = self.way_to(search, fair.depth, fair.entry)
        loop, entry, inside = len(states) - 1, states[-1], fair.members
        if self.reduction is not None:
            inside = spread(entry, inside, self.labelled, self._of)
        for process, choice, after in loop_from(entry, inside, self.labelled, len(kinds)):
            steps.append(Step(process, None if choice < 0 else choice))
            states.append(after)
        broken[name] = fair.depth
        witnesses[name] = Witness(name, tuple(states), tuple(steps), loop)
        return True

    def way_to(self, search: _Search, level: int, last: int) -> tuple[list[int], list[Step]]:
        """States and steps from the initial state to `last`, which stands on `level`.

        In a search of orbits, to a state of its orbit: the steps are those of the full system.
        """
        ways = [last]
        for above in range(level - 1, -1, -1):
            found = search.find(above, Mode.PREDECESSOR, target=ways[-1])
            assert found is not None
            ways.append(found)
        states, steps = [ways.pop()], []
        while ways:
            after = ways.pop()
            out: list[tuple[int | None, int, int, int]] = []
            self.labelled(states[-1], out)
            ways_on = (item for item in out if item[0] is not None and self._of(item[0]) == after)
            state, _, process, choice = next(ways_on, (None, 0, 0, 0))
            assert state is not None
            states.append(state)
            steps.append(Step(process, None if choice < 0 else choice))
        return states, steps


def most_successors(system: TransitionSystem) -> int:
    """The most successors a state can have."""

    def choices(block: tuple[object, ...], kind_locals: tuple[int, ...]) -> int:
        most = 1
        for statement in block:
            if isinstance(statement, Choose):
                most = max(most, kind_locals[statement.slot] + 1)
            elif isinstance(statement, If):
                most = max(
                    most,
                    choices(statement.then, kind_locals),
                    choices(statement.other, kind_locals),
                )
        return most

    total = 0
    for kind in system.kinds:
        sizes = tuple(local.most for local in kind.locals)
        total += kind.count * max((choices(point.body, sizes) for point in kind.points), default=0)
    return max(1, total)
