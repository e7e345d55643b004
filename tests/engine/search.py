"""A breadth-first search over a transition system by the interpreter: slow, and plain to read."""

from dataclasses import dataclass, field

from evtplan.engine.interpreter import BlockedError, Memory, OutOfRangeError, Run
from evtplan.engine.system import (
    END,
    Choose,
    Const,
    ControlPoint,
    ProcessKind,
    PropertyKind,
    TransitionSystem,
)


@dataclass
class Found:
    states: int = 0
    edges: int = 0
    at_rest: int = 0
    depth: int = 0
    broken: dict[str, int] = field(default_factory=dict)  # property -> least depth
    shown: set[str] = field(default_factory=set)


def choices(point: ControlPoint) -> list[int | None]:
    for statement in point.body[:1]:
        if isinstance(statement, Choose):
            assert isinstance(statement.low, Const)
            assert isinstance(statement.high, Const)
            return list(range(statement.low.value, statement.high.value + 1))
    return [None]


def search(system: TransitionSystem) -> Found:
    """Every state there is."""
    memory = Memory(system.variables)
    processes = system.processes
    found = Found()
    first = (tuple(memory.cells), tuple((k.start, k.initial) for k, _ in processes))
    seen = {first}
    level = [first]
    depth = 0
    while level:
        found.depth = depth
        following = []
        for state in level:
            memory.cells[:] = state[0]
            _judge(system, memory, PropertyKind.ALWAYS, depth, found)
            edges = 0
            for number, (kind, me) in enumerate(processes):
                for cells, at, run in _moves(kind, me, state, number, memory):
                    edges += 1
                    for name, _ in run.outcome.broken:
                        found.broken.setdefault(name, depth + 1)
                    found.shown.update(run.outcome.marks)
                    next_state = (cells, (*state[1][:number], at, *state[1][number + 1 :]))
                    if next_state not in seen:
                        seen.add(next_state)
                        following.append(next_state)
            found.edges += edges
            if not edges:
                found.at_rest += 1
                memory.cells[:] = state[0]
                _judge(system, memory, PropertyKind.AT_REST, depth, found)
                for (kind, _), (point, _) in zip(processes, state[1], strict=True):
                    if point != END and not kind.points[point].waits:
                        found.broken.setdefault("no_deadlock", depth)
        level = following
        depth += 1
    found.states = len(seen)
    return found


def _moves(kind: ProcessKind, me: int, state, number: int, memory: Memory):
    at, values = state[1][number]
    if at == END:
        return
    point = kind.points[at]
    most = tuple(local.most for local in kind.locals)
    for choice in choices(point):
        memory.cells[:] = state[0]
        run = Run(memory, list(values), most, me, choice)
        try:
            outcome = run.run(point.body)
        except BlockedError:
            continue
        except OutOfRangeError:
            yield state[0], state[1][number], run
            continue
        yield tuple(memory.cells), (outcome.point, tuple(run.locals)), run


def _judge(
    system: TransitionSystem, memory: Memory, kind: PropertyKind, depth: int, found: Found
) -> None:
    for item in system.properties:
        if item.kind in (kind, PropertyKind.SOMETIMES) and item.body:
            most = tuple(local.most for local in item.locals)
            value = Run(memory, [0] * len(item.locals), most).run(item.body).value
            if item.kind is PropertyKind.SOMETIMES:
                if value:
                    found.shown.add(item.name)
            elif not value:
                found.broken.setdefault(item.name, depth)
