"""Endless runs that are weakly fair: does everything come to rest once raising stops?

A run is weakly fair if no process is for ever able to move and never moves. An endless one exists
just where some strongly connected set of states has, for each process, a state in which it cannot
move or a step of it that stays inside.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = [
    "Component",
    "Fair",
    "components_of",
    "fairest",
    "fairest_orbits",
    "loop_from",
    "spread",
]

# (successor or None, flags, process, choice) a step
Labelled = Callable[[int, list[tuple[int | None, int, int, int]]], object]
# States of a strongly connected set, each with its depth.
Component = list[tuple[int, int]]


# The state that stands for one in a search of orbits.
Representative = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Fair:
    """A component in which a weakly fair run can stay: its shallowest state, the least of them."""

    entry: int
    depth: int
    members: frozenset[int]


def components_of(
    start: int, expand: Callable[[int, list[int]], int], depth_of: Callable[[int], int]
) -> Iterator[Component]:
    """The strongly connected sets that have an edge inside, by Tarjan's algorithm."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    frames: list[tuple[int, Iterator[int], list[int]]] = []

    def visit(state: int) -> None:
        order[state] = low[state] = len(order) + 1
        stack.append(state)
        on_stack.add(state)
        out: list[int] = []
        expand(state, out)
        frames.append((state, iter(out), out))

    visit(start)
    while frames:
        state, rest, out = frames[-1]
        for successor in rest:
            if successor not in order:
                visit(successor)
                break
            if successor in on_stack:
                low[state] = min(low[state], order[successor])
        else:
            frames.pop()
            if frames:
                above = frames[-1][0]
                low[above] = min(low[above], low[state])
            if low[state] == order[state]:
                at = stack.index(state, order_floor(stack, order, order[state]))
                members = stack[at:]
                del stack[at:]
                on_stack.difference_update(members)
                if len(members) > 1 or state in out:
                    yield [(depth_of(member), member) for member in members]


def order_floor(stack: list[int], order: dict[int, int], wanted: int) -> int:
    """Where in `stack`, which is sorted by `order`, the state numbered `wanted` stands."""
    low, high = 0, len(stack)
    while low < high:
        middle = (low + high) // 2
        if order[stack[middle]] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def fairest(
    components: Iterable[Component], labelled: Labelled, kinds: Sequence[int]
) -> Fair | None:
    """The fair component with the shallowest entry; None where no component is fair.

    `kinds` has the number of each process's kind.
    """
    return _shallowest(
        components, lambda _, members: _is_fair(members, members, labelled, len(kinds))
    )


def fairest_orbits(
    components: Iterable[Component], labelled: Labelled, kinds: Sequence[int], of: Representative
) -> Fair | None:
    """The same in a search of orbits, whose components are of the states that stand for them.

    Such a component stands for strongly connected sets of the full system that renamings make
    equal: from any state of one, every step that stays in its orbits stays in it. So one of them
    is looked at, in full: in an orbit it is no longer told which of several like processes waits.
    """

    def is_fair(entry: int, members: frozenset[int]) -> bool:
        if not _may_be_fair(members, labelled, kinds, of):
            return False
        inside = spread(entry, members, labelled, of)
        return _is_fair(inside, inside, labelled, len(kinds))

    return _shallowest(components, is_fair)


def _shallowest(
    components: Iterable[Component], is_fair: Callable[[int, frozenset[int]], bool]
) -> Fair | None:
    best: Fair | None = None
    for component in components:
        depth, entry = min(component)
        if best is not None and (depth, entry) >= (best.depth, best.entry):
            continue
        members = frozenset(state for _, state in component)
        if is_fair(entry, members):
            best = Fair(entry, depth, members)
    return best


def spread(
    entry: int, members: Collection[int], labelled: Labelled, of: Representative
) -> frozenset[int]:
    """The states that can be reached from `entry` without leaving the orbits of `members`."""
    found = {entry}
    todo = [entry]
    while todo:
        for after, *_ in _moves(todo.pop(), labelled):
            if after is not None and after not in found and of(after) in members:
                found.add(after)
                todo.append(after)
    return frozenset(found)


def _moves(state: int, labelled: Labelled) -> list[tuple[int | None, int, int, int]]:
    out: list[tuple[int | None, int, int, int]] = []
    labelled(state, out)
    return out


def _is_fair(
    states: Iterable[int], inside: Collection[int], labelled: Labelled, processes: int
) -> bool:
    waiting = set(range(processes))  # no state yet in which it cannot move, no step inside
    for state in states:
        moves = _moves(state, labelled)
        able = {process for _, _, process, _ in moves}
        waiting &= able - {process for after, _, process, _ in moves if after in inside}
        if not waiting:
            return True
    return False


def _may_be_fair(
    members: Collection[int], labelled: Labelled, kinds: Sequence[int], of: Representative
) -> bool:
    """Whether of each kind some process cannot move or has a step inside: it is not fair else."""
    waiting = set(kinds)
    for state in members:
        moves = _moves(state, labelled)
        able = {process for _, _, process, _ in moves}
        moved = {p for after, _, p, _ in moves if after is not None and of(after) in members}
        waiting -= {kind for p, kind in enumerate(kinds) if p not in able or p in moved}
        if not waiting:
            return True
    return False


def loop_from(
    entry: int, inside: Collection[int], labelled: Labelled, processes: int
) -> tuple[tuple[int, int, int], ...]:
    """Steps (process, choice, state after) from `entry` back to it that do each process justice.

    `inside` is a fair component.
    """
    steps: list[tuple[int, int, int]] = []
    state = entry
    for process in range(processes):
        path = _nearest(state, inside, labelled, process, steps)
        steps += path
        state = steps[-1][2] if steps else state
    if state != entry or not steps:
        steps += _way(state, inside, labelled, lambda after: after == entry)
    return tuple(steps)


def _nearest(
    state: int,
    inside: Collection[int],
    labelled: Labelled,
    process: int,
    done: list[tuple[int, int, int]],
) -> list[tuple[int, int, int]]:
    """Steps to where `process` cannot move, or to just after a step of it; [] where done."""

    def unable(at: int) -> bool:
        return all(item[2] != process for item in _moves(at, labelled))

    if any(step[0] == process for step in done) or unable(state):
        return []
    if any(unable(step[2]) for step in done):
        return []
    return _way(state, inside, labelled, unable, process)


def _way(
    state: int,
    inside: Collection[int],
    labelled: Labelled,
    reached: Callable[[int], bool],
    process: int | None = None,
) -> list[tuple[int, int, int]]:
    """The shortest steps inside to where `reached` holds, or that end in a step of `process`."""
    came: dict[int, tuple[int, tuple[int, int, int]]] = {}
    todo = deque([state])
    while todo:
        at = todo.popleft()
        for after, _, mover, choice in _moves(at, labelled):
            if after is None or after not in inside:
                continue
            step = (mover, choice, after)
            if mover == process or reached(after):
                steps = [step]
                while at != state:
                    at, step = came[at]
                    steps.append(step)
                return steps[::-1]
            if after not in came and after != state:
                came[after] = (at, step)
                todo.append(after)
    raise AssertionError("a strongly connected set has a way")
