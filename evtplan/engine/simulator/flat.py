"""A transition system as Python source over one flat array of cells, for Numba or plain Python.

`step_source` prints one function a process kind; the statements of the system are the only model.
Each takes

    mem     every cell of every variable, in the order of their `base`
    loc     the locals of the process that moves
    pc      its control point
    me      its number among those of its kind
    choice  the value of the step's choice, ignored where it has none
    rec     written: what the step did, see the `REC_…` indices

and returns the new control point, `END`, or one of `BLOCKED` (a guard is false; nothing has
changed) and `FAULT` (a value or an index out of range, or a broken assertion). For Numba all of
them are int64 and a cell of 64 bits is kept as the int64 with the same bits; in plain Python
`mem` is a list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evtplan.engine.bodies import walk
from evtplan.engine.printing import Printer, indented
from evtplan.engine.system import (
    AccessKind,
    Assert,
    Binary,
    Block,
    Choose,
    Cond,
    Const,
    ControlPoint,
    Emit,
    Expr,
    Guard,
    Load,
    Place,
    PlaceRead,
    ProcessKind,
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

__all__ = [
    "ACCESS_CODES",
    "BLOCKED",
    "FAULT",
    "RECORD",
    "REC_ACCESS",
    "REC_CELL",
    "REC_EMITS",
    "REC_FIRST_EMIT",
    "REC_WROTE",
    "emit_names",
    "step_source",
]

BLOCKED = -2
FAULT = -3

REC_CELL = 0  # the cell accessed, -1 for none
REC_ACCESS = 1  # a code of ACCESS_CODES
REC_WROTE = 2  # 1 where the cell was written
REC_EMITS = 3  # how many things were emitted; each has EMIT_WIDTH entries from REC_FIRST_EMIT
REC_FIRST_EMIT = 4
EMIT_WIDTH = 2  # number of the name in `emit_names`, first argument
MOST_EMITS = 6
RECORD = REC_FIRST_EMIT + EMIT_WIDTH * MOST_EMITS

ACCESS_CODES: dict[AccessKind, int] = {kind: code for code, kind in enumerate(AccessKind)}


def emit_names(system: TransitionSystem) -> tuple[str, ...]:
    """Every name that some step emits, in order of first appearance."""
    found: dict[str, None] = {}
    for kind in system.kinds:
        for point in kind.points:
            for statement in walk(point.body):
                if isinstance(statement, Emit):
                    found[statement.name] = None
    return tuple(found)


def step_source(
    system: TransitionSystem,
    *,
    name: Callable[[ProcessKind], str] = lambda kind: f"step_{kind.name}",
    refill: bool = False,
    signed: bool = True,
) -> str:
    """The functions of every kind of `system`.

    `refill` gives a choice what it asks for: a ghost budget that a guard of the same step finds
    used up is set to 1 first. Simulations, whose workload is the budget, want that. `signed`
    prints constants as Numba's int64 needs them.
    """
    emits = {item: number for number, item in enumerate(emit_names(system))}
    functions = []
    for kind in system.kinds:
        printer = _FlatPrinter(system, kind, emits, refill, signed)
        functions.append("\n".join(printer.function(name(kind))) + "\n")
    return "\n\n".join(functions)


@dataclass
class _FlatPrinter(Printer):
    system: TransitionSystem
    kind: ProcessKind
    emits: dict[str, int]
    refill: bool
    signed: bool
    variables: dict[str, Variable] = field(init=False)
    assigned: list[int] = field(init=False, default_factory=list)
    guarded: int = field(init=False, default=0)  # writes of this body that a guard may undo
    written: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.variables = {variable.name: variable for variable in self.system.variables}

    # ---- functions ---------------------------------------------------------------------------

    def function(self, name: str) -> list[str]:
        """A decision tree over the control point, with a body at each leaf."""
        head = [
            f"rec[{REC_CELL}] = -1",
            f"rec[{REC_ACCESS}] = {ACCESS_CODES[AccessKind.NONE]}",
            f"rec[{REC_WROTE}] = 0",
            f"rec[{REC_EMITS}] = 0",
        ]
        lines = [*head, *self._tree(self.kind.points), f"return {BLOCKED}"]
        return [f"def {name}(mem, loc, pc, me, choice, rec):", *indented(lines)]

    def _tree(self, points: Sequence[ControlPoint]) -> list[str]:
        if len(points) == 1:
            return [f"if pc == {points[0].index}:", *indented(self._body(points[0]))]
        if not points:
            return []
        middle = len(points) // 2
        return [
            f"if pc < {points[middle].index}:",
            *indented(self._tree(points[:middle])),
            "else:",
            *indented(self._tree(points[middle:])),
        ]

    def _body(self, point: ControlPoint) -> list[str]:
        self.assigned = sorted(_slots_assigned(point.body))
        self.guarded, self.written = _writes_before_a_guard(point.body), 0
        lines = [f"{self.local(slot)} = loc[{slot}]" for slot in point.live]
        # What is dead here is 0, and some path may leave it so.
        lines += [f"{self.local(s)} = 0" for s in self.assigned if s not in point.live]
        for number in range(self.guarded):
            lines += [f"u{number} = -1", f"v{number} = 0"]
        return lines + self.block(point.body)

    # ---- hooks -------------------------------------------------------------------------------

    def cell(self, place: Place, index: str) -> str:
        return f"mem[{self._number_of_cell(place, index)}]"

    def _number_of_cell(self, place: Place, index: str) -> str:
        base = self.variables[place.variable].base
        if isinstance(place.index, Const):
            return str(base + place.index.value)
        return f"{index} + {base}" if base else index

    def set_cell(self, place: Place, index: str, value: str) -> list[str]:
        number = self._number_of_cell(place, index)
        lines = []
        if self.written < self.guarded:
            lines += [f"u{self.written} = {number}", f"v{self.written} = mem[{number}]"]
            self.written += 1
        return [*lines, f"mem[{number}] = {value}"]

    def lowest(self, value: str) -> str:
        return f"lowest_bit({value})"

    def goto(self, point: int) -> list[str]:
        return [*(f"loc[{s}] = {self.local(s)}" for s in self.assigned), f"return {point}"]

    def blocked(self) -> list[str]:
        lines = []
        for number in reversed(range(self.written)):
            lines += [f"if u{number} >= 0:", f"    mem[u{number}] = v{number}"]
        return [*lines, f"return {BLOCKED}"]

    def check(self, condition: str) -> list[str]:
        return [f"if not ({condition}):", f"    return {FAULT}"]

    def cells(self, variable: str) -> int:
        return self.variables[variable].cells

    def most(self, place: Place) -> int:
        return min(self.variables[place.variable].most, 2**63 - 1)

    def most_of_local(self, slot: int) -> int:
        return min(self.kind.locals[slot].most, 2**63 - 1)

    def emit(self, statement: Emit) -> list[str]:
        first = self.number(statement.arguments[0]) if statement.arguments else "0"
        place = f"{REC_FIRST_EMIT} + {EMIT_WIDTH} * rec[{REC_EMITS}]"
        return [
            f"if rec[{REC_EMITS}] < {MOST_EMITS}:",
            f"    rec[{place}] = {self.emits[statement.name]}",
            f"    rec[{place} + 1] = {first}",
            f"    rec[{REC_EMITS}] += 1",
        ]

    def asserts(self, statement: Assert, condition: str) -> list[str]:
        return self.check(condition)

    def choose(self, statement: Choose) -> list[str]:
        low, high = self.number(statement.low), self.number(statement.high)
        return [
            f"if not {low} <= choice <= {high}:",
            *indented(self.blocked()),
            f"{self.local(statement.slot)} = choice",
        ]

    def fence(self, kind: str) -> list[str]:
        return [f"rec[{REC_ACCESS}] = {ACCESS_CODES[AccessKind.FENCE]}"]

    def load(self, statement: Load) -> list[str]:
        return [*super().load(statement), *self._record(AccessKind.LOAD, statement.place)]

    def store(self, statement: Store) -> list[str]:
        kind = AccessKind.RELEASE if statement.release else AccessKind.STORE
        return [*self._record(kind, statement.place), *super().store(statement)]

    def rmw(self, statement: Rmw) -> list[str]:
        kind = AccessKind.ACQUIRE if statement.acquire else AccessKind.RMW
        return [*self._record(kind, statement.place), *super().rmw(statement)]

    def _record(self, kind: AccessKind, place: Place) -> list[str]:
        lines = [] if kind is AccessKind.LOAD else [f"rec[{REC_WROTE}] = 1"]
        number = self._number_of_cell(place, self.index(place))
        return [
            *lines,
            f"rec[{REC_ACCESS}] = {ACCESS_CODES[kind]}",
            f"rec[{REC_CELL}] = {number}",
        ]

    # ---- what the hooks do not reach ---------------------------------------------------------

    def number(self, expr: Expr) -> str:
        if self.signed and isinstance(expr, Const) and expr.value >= 2**63:
            return f"({expr.value - 2**64})"
        return super().number(expr)

    def _inserted(self, word: str, offset: Expr, bits: int, value: str) -> str:
        if self.signed and isinstance(offset, Const) and offset.value + bits > 62:
            # The printed mask would be no int64; shifted at run time it wraps to the right bits.
            at, mask = offset.value, (1 << bits) - 1
            return f"(({word} & ~({mask} << {at})) | (({value} & {mask}) << {at}))"
        return super()._inserted(word, offset, bits, value)

    def _statement(self, statement: Statement) -> list[str]:
        if self.refill and isinstance(statement, Guard):
            lines = []
            for place in _places_read(statement.test):
                if self.variables[place.variable].kind is VariableKind.GHOST:
                    cell = self.cell(place, self.index(place))
                    lines += [f"if {cell} == 0:", f"    {cell} = 1"]
            return lines + super()._statement(statement)
        return super()._statement(statement)


def _writes_before_a_guard(block: Block) -> int:
    """How many writes of `block`, in the order printed, stand before its last guard."""
    flat = list(walk(block))
    guards = [number for number, item in enumerate(flat) if isinstance(item, Guard)]
    before = flat[: guards[-1]] if guards else []
    return sum(isinstance(item, SetGhost | Store | Rmw) for item in before)


def _slots_assigned(block: Block) -> set[int]:
    """The locals that some path of `block` gives a value."""
    found: set[int] = set()
    for statement in walk(block):
        match statement:
            case SetLocal(slot=slot) | Load(slot=slot) | Choose(slot=slot):
                found.add(slot)
            case Rmw(slot=int(slot)):
                found.add(slot)
    return found


def _places_read(expr: Expr) -> list[Place]:
    match expr:
        case PlaceRead(place=place):
            return [place]
        case Unary(operand=operand):
            return _places_read(operand)
        case Binary(left=left, right=right):
            return [*_places_read(left), *_places_read(right)]
        case Cond(test=test, then=then, other=other):
            return [place for part in (test, then, other) for place in _places_read(part)]
    return []
