"""What the bodies of a system's steps mention: their properties, the slots they use."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from evtplan.engine.system import (
    END,
    Assert,
    Block,
    Goto,
    If,
    Mark,
    ProcessKind,
    TransitionSystem,
)

__all__ = ["IN_RANGE", "mentioned_slots", "step_properties", "walk"]

# The property that every system has.
IN_RANGE = "in_range"


def step_properties(system: TransitionSystem) -> tuple[list[str], list[str]]:
    """Names of assertions, and of marks, in order of first appearance."""
    asserted: dict[str, None] = {}
    marked: dict[str, None] = {}
    for kind in system.kinds:
        for point in kind.points:
            for statement in walk(point.body):
                if isinstance(statement, Assert):
                    asserted.setdefault(statement.name)
                elif isinstance(statement, Mark):
                    marked.setdefault(statement.name)
    asserted.pop(IN_RANGE, None)
    return list(asserted), [name for name in marked if name not in asserted]


def walk(block: Block) -> Iterable[object]:
    """Every statement of a block, those of its branches too."""
    for statement in block:
        yield statement
        if isinstance(statement, If):
            yield from walk(statement.then)
            yield from walk(statement.other)


def mentioned_slots(kind: ProcessKind, block: Block) -> set[int]:
    """Slots that a body reads, sets or leaves live: those not live before begin as 0."""
    found: set[int] = set()
    todo: list[object] = list(block)
    while todo:
        item = todo.pop()
        if isinstance(item, tuple):
            todo.extend(item)
        elif isinstance(item, Goto):
            found.update(() if item.point == END else kind.points[item.point].live)
        elif is_dataclass(item):
            slot = getattr(item, "slot", None)
            if slot is not None:
                found.add(slot)
            todo.extend(getattr(item, entry.name) for entry in fields(item))
    return found
