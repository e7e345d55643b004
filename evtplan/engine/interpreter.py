"""Statements of a transition system run one by one: the readable reference for all printed code."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from evtplan.engine.bodies import IN_RANGE
from evtplan.engine.operations import fold_binary
from evtplan.engine.system import (
    Assert,
    Binary,
    Block,
    Choose,
    Cond,
    Const,
    Emit,
    Expr,
    Fence,
    Goto,
    Guard,
    If,
    Insert,
    Load,
    LocalRead,
    Mark,
    Me,
    Old,
    Place,
    PlaceRead,
    Return,
    Rmw,
    SetGhost,
    SetLocal,
    Store,
    Unary,
    Variable,
)

__all__ = ["Access", "BlockedError", "Memory", "Outcome", "Run"]


class BlockedError(Exception):
    """A guard is false: the step is not enabled, and nothing of it has happened."""


class OutOfRangeError(Exception):
    """An index outside its array: the property `in_range` is broken, the step cannot go on."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a step did to a cell: `cell` is its number in the system, None for a fence."""

    kind: str
    variable: str = ""
    cell: int | None = None
    before: int = 0
    after: int = 0


@dataclass(slots=True)
class Outcome:
    """Where a step went, and what was to be seen on the way."""

    point: int = 0
    value: int | None = None
    access: Access | None = None
    changes: list[tuple[int, int, int]] = field(default_factory=list)  # cell, before, after
    emitted: list[tuple[str, tuple[int, ...], int]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    broken: list[tuple[str, int]] = field(default_factory=list)  # property, line


class Memory:
    """The cells of every variable, in one list."""

    def __init__(self, variables: Iterable[Variable]) -> None:
        self.variables = {variable.name: variable for variable in variables}
        self.cells = [value for v in self.variables.values() for value in v.initial]


@dataclass(slots=True)
class Run:
    """One body run: on `memory`, the process's `locals`, its number `me`."""

    memory: Memory
    locals: list[int]
    most: tuple[int, ...] = ()
    me: int = 0
    choice: int | None = None
    outcome: Outcome = field(default_factory=Outcome)
    old: int = 0
    undo: list[tuple[int, int]] = field(default_factory=list)

    # -- statements

    def run(self, body: Block) -> Outcome:
        """Run a body to its `Goto` or `Return`. Raises `BlockedError` with all of it undone."""
        kept = list(self.locals)
        try:
            self._block(body)
        except BlockedError:
            self.locals[:] = kept
            for cell, value in reversed(self.undo):
                self.memory.cells[cell] = value
            raise
        return self.outcome

    def _block(self, body: Block) -> bool:
        for statement in body:
            match statement:
                case If(test=test, then=then, other=other):
                    if self._block(then if self.value(test) else other):
                        return True
                case SetLocal(slot=slot, value=value, checked=checked):
                    number = self.value(value)
                    if checked:
                        self._check(0 <= number <= self.most[slot])
                    self.locals[slot] = number
                case Goto(point=point):
                    self.outcome.point = point
                    return True
                case Return(value=value):
                    self.outcome.value = self.value(value)
                    return True
                case Guard(test=test):
                    if not self.value(test):
                        raise BlockedError
                case Choose(slot=slot, low=low, high=high):
                    self._choose(slot, self.value(low), self.value(high))
                case Assert(name=name, test=test, line=line):
                    if not self.value(test):
                        self.outcome.broken.append((name, line))
                case Emit(name=name, arguments=arguments, line=line):
                    values = tuple(self.value(a) for a in arguments)
                    self.outcome.emitted.append((name, values, line))
                case Mark(name=name):
                    self.outcome.marks.append(name)
                case _:
                    self._access(statement)
        return False

    def _choose(self, slot: int, low: int, high: int) -> None:
        if self.choice is None or not low <= self.choice <= high:
            raise BlockedError
        self.locals[slot] = self.choice

    def _access(self, statement: object) -> None:
        match statement:
            case Load(slot=slot, place=place):
                cell, offset, bits = self.locate(place)
                self.locals[slot] = self._part(cell, offset, bits)
                held = self.memory.cells[cell]
                self.outcome.access = Access("load", place.variable, cell, held, held)
            case Store(place=place, value=value, release=release, checked=checked):
                self._put(place, self.value(value), checked, "release" if release else "store")
            case SetGhost(place=place, value=value, checked=checked):
                self._put(place, self.value(value), checked, "")
            case Rmw(place=place, new=new, slot=slot, acquire=acquire, checked=checked):
                cell, offset, bits = self.locate(place)
                self.old = self._part(cell, offset, bits)
                old = self.old
                self._put(place, self.value(new), checked, "acquire" if acquire else "rmw")
                if slot is not None:
                    self.locals[slot] = old
            case Fence(kind=kind):
                self.outcome.access = Access(f"{kind} fence")

    def _check(self, holds: bool) -> None:
        if not holds:
            self.outcome.broken.append((IN_RANGE, 0))

    def locate(self, place: Place) -> tuple[int, int, int]:
        """A place's cell in the system, its offset in the cell, and its bits (0: the whole)."""
        variable = self.memory.variables[place.variable]
        index = self.value(place.index)
        if not 0 <= index < variable.cells:
            self._check(False)
            raise OutOfRangeError
        offset = 0 if place.offset is None else self.value(place.offset)
        return variable.base + index, offset, place.bits if place.offset is not None else 0

    def _free(self, place: Place) -> int:
        """A free reading: beyond the end of an array there is nothing to see, which reads as 0."""
        if place.checked:
            index = self.value(place.index)
            if not 0 <= index < self.memory.variables[place.variable].cells:
                return 0
        return self._part(*self.locate(place))

    def _part(self, cell: int, offset: int, bits: int) -> int:
        held = self.memory.cells[cell]
        return (held >> offset) & ((1 << bits) - 1) if bits else held

    def _put(self, place: Place, value: int, checked: bool, kind: str) -> None:
        cell, offset, bits = self.locate(place)
        before = self.memory.cells[cell]
        variable = self.memory.variables[place.variable]
        if checked:
            self._check(0 <= value <= ((1 << bits) - 1 if bits else variable.most))
        after = value
        if bits:
            mask = ((1 << bits) - 1) << offset
            after = (before & ~mask) | ((value << offset) & mask)
        self.undo.append((cell, before))
        self.memory.cells[cell] = after
        if before != after:
            self.outcome.changes.append((cell, before, after))
        if kind:
            self.outcome.access = Access(kind, place.variable, cell, before, after)

    # -- expressions

    def value(self, expr: Expr) -> int:
        """The number that an expression is now."""
        match expr:
            case Const(value=value):
                return value
            case LocalRead(slot=slot):
                return self.locals[slot]
            case Binary(op="and", left=left, right=right):
                return int(bool(self.value(left)) and bool(self.value(right)))
            case Binary(op="or", left=left, right=right):
                return int(bool(self.value(left)) or bool(self.value(right)))
            case Binary(op=op, left=left, right=right):
                return fold_binary(op, self.value(left), self.value(right))
            case Me():
                return self.me
            case Old():
                return self.old
            case Unary(op=op, operand=operand):
                return _UNARY[op](self.value(operand))
            case Cond(test=test, then=then, other=other):
                return self.value(then if self.value(test) else other)
            case Insert(word=word, offset=offset, bits=bits, value=value):
                at = self.value(offset)
                mask = ((1 << bits) - 1) << at
                return (self.value(word) & ~mask) | ((self.value(value) << at) & mask)
            case PlaceRead(place=place):
                return self._free(place)
        raise AssertionError(expr)


_UNARY: dict[str, Callable[[int], int]] = {
    "not": lambda a: int(not a),
    "-": lambda a: -a,
    "~": lambda a: ~a,
    "lowest": lambda a: (a & -a).bit_length() - 1,
}
