"""Memory models by name, and the store buffers that make them.

- `sc`: every store is seen by all at once.
- `tso` (x86): each process has a buffer of stores, first in, first out. It sees its own stores at
  once; the others see one when it leaves the buffer, which may be at any time. A locked operation
  or `fence()` waits until the process's own buffer is empty. Loads are not delayed.
- `pso`: as `tso`, but stores to different words may leave in any order, unless a `store_fence()`
  stands between them or the later one releases a lock.

A buffer has a fixed number of entries: a store that finds it full waits. What holds with n entries
need not hold with more; `FULL` says whether a buffer was ever full.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, get_args

from evtplan.engine.store_shapes import Shape, shapes_of, store_key
from evtplan.engine.system import (
    AccessKind,
    Binary,
    Block,
    Choose,
    Cond,
    Const,
    ControlPoint,
    Emit,
    Expr,
    Fence,
    Goto,
    Guard,
    If,
    Insert,
    Load,
    LocalRead,
    LocalVariable,
    Me,
    Place,
    PlaceRead,
    ProcessKind,
    Property,
    PropertyKind,
    Return,
    Rmw,
    SetGhost,
    SetLocal,
    Statement,
    Store,
    TransitionSystem,
    Unary,
    Variable,
    VariableKind,
)

__all__ = ["DEFAULT_STORES", "FULL", "MEMORY_MODELS", "drained_cell", "with_store_buffers"]

MEMORY_MODELS = ("sc", "tso", "pso")
# Entries of a process's buffer.
DEFAULT_STORES = 2
# Name of the property that is shown where a buffer was full.
FULL = "store_buffer_full"


def with_store_buffers(system: TransitionSystem, entries: int = DEFAULT_STORES) -> TransitionSystem:
    """The system with the store buffers of its memory model (none for `sc`).

    A process kind that stores gets a further kind, `… stores`, whose steps let stores out.
    """
    if system.memory == "sc":
        return system
    variables, kinds, drains, full = list(system.variables), [], [], []
    base = system.cells
    for kind in system.kinds:
        shapes = shapes_of(system, kind)
        if not shapes:
            kinds.append(kind)
            continue
        buffer = _Buffer(system, kind, shapes, entries, len(kind.locals))
        for variable in buffer.variables(base):
            variables.append(variable)
            base += variable.cells
        kinds.append(buffer.rewritten())
        drains.append(buffer.drain())
        full += [buffer.is_full(number) for number in range(kind.count)]
    properties = list(system.properties)
    if full:
        test: Expr = Const(0)
        for item in full:
            test = Binary("or", test, item)
        sentence = f"some store buffer has all its {entries} entries taken"
        properties.append(Property(FULL, PropertyKind.SOMETIMES, sentence, 0, (Return(test),)))
    return replace(
        system,
        variables=tuple(variables),
        kinds=(*kinds, *drains),
        properties=tuple(properties),
    )


def drained_cell(
    plain: TransitionSystem,
    buffered: TransitionSystem,
    process: int,
    entry: int,
    cells: Sequence[int],
) -> int:
    """The cell that a buffer's `entry` means in a state: `process` counts those of `plain`."""
    kind, me = plain.processes[process]
    codes = next(v for v in buffered.variables if v.name == f"{kind.name} stores")
    code = cells[codes.base + me * codes.dims[1][1] + entry]
    for shape in shapes_of(plain, kind):
        if shape.code <= code < shape.code + shape.codes:
            return shape.variable.base + (code - shape.code) // shape.offsets
    raise ValueError(f"entry {entry} holds no store")


class _Buffer:
    """The buffer of one process kind, and its statements rewritten to use it."""

    def __init__(
        self,
        system: TransitionSystem,
        kind: ProcessKind,
        shapes: list[Shape],
        entries: int,
        scratch: int,
    ) -> None:
        self.pso = system.memory == "pso"
        self.system_variables = {variable.name: variable for variable in system.variables}
        self.kind = kind
        self.shapes = shapes
        self.entries = entries
        self.scratch = scratch  # two locals of our own: a whole cell, a value to store
        self.codes = f"{kind.name} stores"
        self.values = f"{kind.name} stored"

    def variables(self, base: int) -> list[Variable]:
        cells = self.kind.count * self.entries
        last = self.shapes[-1]
        most = max((1 << shape.bits) - 1 for shape in self.shapes)
        dims = ((0, self.kind.count), (0, self.entries))
        zero = (0,) * cells
        ghost = VariableKind.GHOST
        return [
            Variable(self.codes, ghost, last.code + last.codes - 1, dims, base, zero),
            Variable(self.values, ghost, most, dims, base + cells, zero),
        ]

    # ---- places and readings of entries --------------------------------------------------------

    def _at(self, name: str, entry: Expr | int, me: Expr | None = None) -> Place:
        number: Expr = Const(entry) if isinstance(entry, int) else entry
        if self.kind.count > 1:
            whose = Binary("*", Me() if me is None else me, Const(self.entries))
            number = Binary("+", whose, number)
        return Place(name, number, checked=False)

    def _code(self, entry: int, me: Expr | None = None) -> Expr:
        return PlaceRead(self._at(self.codes, entry, me))

    def _value(self, entry: int) -> Expr:
        return PlaceRead(self._at(self.values, entry))

    def is_full(self, number: int) -> Expr:
        return Binary("!=", self._code(self.entries - 1, Const(number)), Const(0))

    @property
    def _empty(self) -> Expr:
        return Binary("==", self._code(0), Const(0))

    # ---- the processes -------------------------------------------------------------------------

    def rewritten(self) -> ProcessKind:
        """The kind with its loads and stores going through the buffer."""
        points = tuple(replace(point, body=self._block(point.body)) for point in self.kind.points)
        widest = max(variable.most for variable in self.system_variables.values())
        extra = (LocalVariable("cell", widest), LocalVariable("value", widest))
        return replace(
            self.kind,
            points=points,
            locals=self.kind.locals + extra,
            initial=(*self.kind.initial, 0, 0),
            uses_me=True,
        )

    def _block(self, block: Block) -> Block:
        made: list[Statement] = []
        for statement in block:
            made += self._statement(statement)
        return tuple(made)

    def _statement(self, statement: Statement) -> list[Statement]:
        statement = self._as_seen(statement)
        match statement:
            case If(test, then, other):
                return [If(test, self._block(then), self._block(other))]
            case Load(slot, place):
                return self._load(slot, place)
            case Store():
                return self._store(statement)
            case Rmw() | Fence(kind="full"):
                return [Guard(self._empty), statement]
            case Fence(kind="store") if self.pso:
                barrier = self._push(Const(1), Const(0))
                return [statement, If(self._empty, (), barrier)]
        return [statement]

    def _as_seen(self, statement: Statement) -> Statement:
        """A statement that reads memory without an access as its process sees it."""
        if isinstance(statement, Emit):
            return replace(statement, arguments=tuple(map(self._seen, statement.arguments)))
        changed: dict[str, Any] = {}
        for item in fields(statement):
            held = getattr(statement, item.name)
            if isinstance(held, Place):
                changed[item.name] = self._seen_place(held)
            elif isinstance(held, get_args(Expr)):
                changed[item.name] = self._seen(held)
        return replace(statement, **changed)

    def _load(self, slot: int, place: Place) -> list[Statement]:
        variable = self.system_variables[place.variable]
        whole = Place(place.variable, place.index, checked=place.checked)
        cell = LocalRead(self.scratch)
        made: list[Statement] = [Load(self.scratch, whole)]
        for entry in range(self.entries):
            value = self._overlaid(cell, variable, place.index, entry)
            if value != cell:
                made.append(SetLocal(self.scratch, value))
        made.append(SetLocal(slot, _part(cell, place)))
        return made

    def _overlaid(self, cell: Expr, variable: Variable, index: Expr, entry: int) -> Expr:
        """What the process sees in a cell where `cell` is what it would see without an entry."""
        result = cell
        code = self._code(entry)
        for shape in self.shapes:
            if shape.variable.name != variable.name:
                continue
            here = Binary("and", shape.holds(code), Binary("==", shape.cell(code), index))
            inner = shape.inner(code)
            value = self._value(entry)
            changed = value if inner is None else Insert(cell, inner, shape.bits, value)
            result = Cond(here, changed, result)
        return result

    def _seen(self, expr: Expr) -> Expr:
        """A free reading of shared memory as the process sees it."""
        match expr:
            case PlaceRead(place):
                place = self._seen_place(place)
                variable = self.system_variables.get(place.variable)
                if variable is None or variable.kind is not VariableKind.SHARED:
                    return PlaceRead(place)
                cell: Expr = PlaceRead(Place(place.variable, place.index, checked=place.checked))
                for entry in range(self.entries):
                    cell = self._overlaid(cell, variable, place.index, entry)
                return _part(cell, place)
            case Unary(op, operand):
                return Unary(op, self._seen(operand))
            case Binary(op, left, right):
                return Binary(op, self._seen(left), self._seen(right))
            case Cond(test, then, other):
                return Cond(self._seen(test), self._seen(then), self._seen(other))
            case Insert(word, offset, bits, value):
                return Insert(self._seen(word), self._seen(offset), bits, self._seen(value))
        return expr

    def _seen_place(self, place: Place) -> Place:
        offset = None if place.offset is None else self._seen(place.offset)
        return replace(place, index=self._seen(place.index), offset=offset)

    def _store(self, store: Store) -> list[Statement]:
        variable = self.system_variables[store.place.variable]
        key = store_key(variable, store)
        shape = next(
            s
            for s in self.shapes
            if (s.variable.name, s.offset, s.bits, s.offsets, s.release) == key
        )
        number: Expr = store.place.index
        if shape.offsets > 1:
            assert store.place.offset is not None
            scaled = Binary("*", number, Const(shape.offsets))
            number = Binary("+", scaled, store.place.offset)
        code = Binary("+", number, Const(shape.code))
        made: list[Statement] = []
        test = self._fits(store, variable)
        if test is not None:
            # It shows when the store is made, not when it leaves, and ends the run as ever.
            out = SetLocal(self.scratch + 1, Const(-1), checked=True)
            room = Guard(Binary("==", self._code(self.entries - 1), Const(0)))
            made.append(If(test, (), (room, out)))
        made.append(SetLocal(self.scratch + 1, store.value))
        return made + list(self._push(code, LocalRead(self.scratch + 1)))

    @staticmethod
    def _fits(store: Store, variable: Variable) -> Expr | None:
        """Whether index and value are in range; None where that is sure."""
        tests: list[Expr] = []
        if store.place.checked:
            index = store.place.index
            tests += [Binary(">=", index, Const(0)), Binary("<", index, Const(variable.cells))]
        if store.checked:
            part = store.place.offset is not None
            most = (1 << store.place.bits) - 1 if part else variable.most
            tests += [Binary(">=", store.value, Const(0)), Binary("<=", store.value, Const(most))]
        test = tests[0] if tests else None
        for item in tests[1:]:
            assert test is not None
            test = Binary("and", test, item)
        return test

    def _push(self, code: Expr, value: Expr) -> Block:
        """Behind the last entry taken; a full buffer makes the store wait."""
        block: Block = (Guard(Const(0)),)
        for entry in reversed(range(self.entries)):
            put = (
                SetGhost(self._at(self.codes, entry), code),
                SetGhost(self._at(self.values, entry), value),
            )
            block = (If(Binary("==", self._code(entry), Const(0)), put, block),)
        return block

    # ---- letting stores out --------------------------------------------------------------------

    def drain(self) -> ProcessKind:
        """The kind whose only step lets one store out of the buffer."""
        body: Block
        if self.pso:
            ways: Block = (Guard(Const(0)),)
            for entry in reversed(range(self.entries)):
                chosen = Binary("==", LocalRead(0), Const(entry))
                way = (Guard(self._may_leave(entry)), *self._out(entry))
                ways = (If(chosen, way, ways),)
            body = (Choose(0, Const(0), Const(self.entries - 1)), *ways)
        else:
            body = (Guard(Binary("!=", self._code(0), Const(0))), *self._out(0))
        body = (*body, SetLocal(0, Const(0)), Goto(0))
        point = ControlPoint(
            0, 0, "a store leaves the buffer", body, AccessKind.STORE, (), waits=True
        )
        name = f"{self.kind.name} memory"
        locals_ = (LocalVariable("entry", self.entries),)
        return ProcessKind(name, self.kind.count, (point,), locals_, 0, (0,), uses_me=True)

    def _may_leave(self, entry: int) -> Expr:
        code = self._code(entry)
        test: Expr = Binary(">", code, Const(1))
        for older in range(entry):
            before = self._code(older)
            free = Binary(
                "and",
                Binary("!=", before, Const(1)),
                Binary("!=", self._cell_number(before), self._cell_number(code)),
            )
            test = Binary("and", test, free)
        if entry:
            for shape in self.shapes:
                if shape.release:
                    test = Binary("and", test, Unary("not", shape.holds(code)))
        return test

    def _cell_number(self, code: Expr) -> Expr:
        """Which cell of all an entry means."""
        number: Expr = Const(0)
        for shape in self.shapes:
            cell = Binary("+", Const(shape.variable.base), shape.cell(code))
            number = Cond(shape.holds(code), cell, number)
        return number

    def _out(self, entry: int) -> Block:
        """Write the entry to memory, and close the gap it leaves."""
        code = self._code(entry)
        write: Block = ()
        for shape in self.shapes:
            place = Place(
                shape.variable.name,
                shape.cell(code),
                shape.inner(code),
                0 if shape.offset is None else shape.bits,
                checked=False,
            )
            write = (If(shape.holds(code), (Store(place, self._value(entry)),), write),)
        made = [*write, *self._shift(entry)]
        if self.pso and entry == 0:
            # Barriers with nothing before them bar nothing.
            block: Block = ()
            for _ in range(self.entries - 1):
                block = (If(Binary("==", self._code(0), Const(1)), (*self._shift(), *block), ()),)
            made += block
        return tuple(made)

    def _shift(self, entry: int = 0) -> Block:
        """Move the entries behind `entry` forward by one."""
        made: list[Statement] = []
        for at in range(entry, self.entries):
            last = at == self.entries - 1
            code: Expr = Const(0) if last else self._code(at + 1)
            value: Expr = Const(0) if last else self._value(at + 1)
            made.append(SetGhost(self._at(self.codes, at), code))
            made.append(SetGhost(self._at(self.values, at), value))
        return tuple(made)


def _part(cell: Expr, place: Place) -> Expr:
    if place.offset is None:
        return cell
    return Binary("&", Binary(">>", cell, place.offset), Const((1 << place.bits) - 1))
