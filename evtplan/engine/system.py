"""A transition system: what a protocol text is lowered to, and what every reading runs.

The executor interprets these statements; the explorer, the simulator and the compiled host print
them as Python for Numba; the exporters print them for other checkers. They all agree because
there is nothing else to agree on.

A **state** is the value of every cell of every variable, and for each process its control point
and its locals. A **step** is one process going from its control point to the next: the `body` of
that point, run atomically. A body makes at most one *access*: one `Load`, `Store`, `Rmw`, or
`Fence` on any path; ghost and history variables, locals, choices, guards, marks and assertions
ride along. If a `Guard` on the way is false the step is not enabled and has no effect at all. A
body with a `Choose` is one step for each value of the choice whose guards hold. Every path of a
body ends in one `Goto`. Locals that are dead at the point gone to have been set to 0 by the body,
so that states that differ in nothing that matters are equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "END",
    "AccessKind",
    "Assert",
    "Binary",
    "Block",
    "Choose",
    "Cond",
    "Const",
    "ControlPoint",
    "Emit",
    "Expr",
    "Fence",
    "Field",
    "Goto",
    "Guard",
    "If",
    "Insert",
    "Layout",
    "Load",
    "LocalRead",
    "LocalVariable",
    "Mark",
    "Me",
    "Old",
    "Place",
    "PlaceRead",
    "ProcessKind",
    "Property",
    "PropertyKind",
    "Return",
    "Rmw",
    "SetGhost",
    "SetLocal",
    "Statement",
    "Store",
    "TransitionSystem",
    "Unary",
    "Variable",
    "VariableKind",
]

# ---- data ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """`bits` bits of a word from bit `offset` (0 is the lowest) upwards."""

    name: str
    offset: int
    bits: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The named fields of a word, the first at bit 0."""

    name: str
    fields: tuple[Field, ...]

    @property
    def bits(self) -> int:
        """Bits of a whole word."""
        return sum(item.bits for item in self.fields)


class VariableKind(StrEnum):
    """Who sees a variable. Only accesses to `shared` ones are steps of their own."""

    SHARED = "shared"  # memory: every process sees it; store buffers stand before it
    GHOST = "ghost"  # budgets and observations; part of the state, free to read and write
    HISTORY = "history"  # as ghost, but kept only while a property that reads it is checked


@dataclass(frozen=True, slots=True)
class Variable:
    """An array of `cells` values from 0 to `most`, of which the first has the index `first`.

    `dims` has the (first, count) of each dimension, row-major, () for a scalar; `base` is the
    number of its first cell among all cells of the system. `initial` has every cell's value.
    `indices` are the names of the types that index it ("" where a type has none).
    """

    name: str
    kind: VariableKind
    most: int
    dims: tuple[tuple[int, int], ...]
    base: int
    initial: tuple[int, ...]
    layout: Layout | None = None
    is_lock: bool = False
    owner: str = "shared"
    indices: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """Cells of all dimensions."""
        return len(self.initial)

    @property
    def bits(self) -> int:
        """Bits that one cell needs."""
        return self.most.bit_length()


# ---- expressions: integers; a truth value is 0 or 1 ------------------------------------------


@dataclass(frozen=True, slots=True)
class Const:
    """A number."""

    value: int


@dataclass(frozen=True, slots=True)
class LocalRead:
    """The local in `slot` of the process that moves."""

    slot: int


@dataclass(frozen=True, slots=True)
class Me:
    """The number of the moving process among those of its kind, from 0."""


@dataclass(frozen=True, slots=True)
class Old:
    """Inside `Rmw.new` only: what the place held before."""


@dataclass(frozen=True, slots=True)
class Unary:
    """`op` is one of: not, -, ~, lowest (number of the lowest 1 bit; of 0: undefined)."""

    op: str
    operand: "Expr"


@dataclass(frozen=True, slots=True)
class Binary:
    """`op` is one of: + - * // % & | ^ << >> == != < <= > >= and or min max.

    `and` and `or` take truth values, and the right side is evaluated only where it decides.
    """

    op: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Cond:
    """`then` where `test` is not 0, else `other`; only the one taken is evaluated."""

    test: "Expr"
    then: "Expr"
    other: "Expr"


@dataclass(frozen=True, slots=True)
class Insert:
    """`word` with `bits` bits from `offset` replaced by `value`."""

    word: "Expr"
    offset: "Expr"
    bits: int
    value: "Expr"


@dataclass(frozen=True, slots=True)
class Place:
    """A cell, or a part of one: `bits` bits from bit `offset` (whole: offset None).

    `index` counts cells from the variable's first, all dimensions folded into one; it must lie in
    0 … cells − 1, which whoever runs the system checks (`checked` False: lowering proved it).
    """

    variable: str
    index: "Expr"
    offset: "Expr | None" = None
    bits: int = 0
    checked: bool = True


@dataclass(frozen=True, slots=True)
class PlaceRead:
    """A free reading: of a ghost or history variable, or by a property or an assertion."""

    place: Place


Expr = Const | LocalRead | Me | Old | Unary | Binary | Cond | Insert | PlaceRead


# ---- statements ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetLocal:
    """A local takes a value; `checked` says that it might exceed the local's `most`."""

    slot: int
    value: Expr
    checked: bool = False


@dataclass(frozen=True, slots=True)
class SetGhost:
    """A ghost or history place takes a value."""

    place: Place
    value: Expr
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """Access: a local takes what the place holds."""

    slot: int
    place: Place


@dataclass(frozen=True, slots=True)
class Store:
    """Access: a plain store of a whole cell or of one field; a store buffer may delay it.

    `release` marks the store that frees a lock: every store before it is seen first.
    """

    place: Place
    value: Expr
    release: bool = False
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Rmw:
    """Access: one locked read-modify-write. `new` is over `Old`; `slot` (if any) takes the old
    value. It sees and drains every store of its process. `acquire` marks the taking of a lock.
    """

    place: Place
    new: Expr
    slot: int | None = None
    acquire: bool = False
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Fence:
    """A barrier: `full`, `store` or `load`. Lowered for sc it is left out; under a memory model
    with store buffers it is a step of its own.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class Choose:
    """The environment picks: the local in `slot` takes each value from `low` to `high`."""

    slot: int
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class Guard:
    """The step can be taken only where `test` is not 0."""

    test: Expr


@dataclass(frozen=True, slots=True)
class If:
    """A branch on locals and ghosts."""

    test: Expr
    then: "Block"
    other: "Block"


@dataclass(frozen=True, slots=True)
class Emit:
    """Something an onlooker sees: `handled p`, `upcall v`; no part of the state."""

    name: str
    arguments: tuple[Expr, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The *sometimes* property `name` is shown by this step."""

    name: str


@dataclass(frozen=True, slots=True)
class Assert:
    """The property `name` is broken by this step where `test` is 0."""

    name: str
    test: Expr
    line: int


@dataclass(frozen=True, slots=True)
class Goto:
    """The step ends at control point `point`; `END` for a process that is done."""

    point: int


@dataclass(frozen=True, slots=True)
class Return:
    """In a property: its value. (A property's body is statements on locals of its own.)"""

    value: Expr


Statement = (
    SetLocal
    | SetGhost
    | Load
    | Store
    | Rmw
    | Fence
    | Choose
    | Guard
    | If
    | Emit
    | Mark
    | Assert
    | Goto
    | Return
)
Block = tuple[Statement, ...]

END = -1


# ---- the whole -------------------------------------------------------------------------------


class AccessKind(StrEnum):
    """What a step does to shared memory, for costs and for people."""

    LOAD = "load"
    STORE = "store"
    RMW = "rmw"
    ACQUIRE = "acquire"
    RELEASE = "release"
    FENCE = "fence"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LocalVariable:
    """A local of a process kind, from 0 to `most`; 0 wherever it is dead."""

    name: str
    most: int
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class ControlPoint:
    """Where a process may stand: `body` is its next step. `line` is the access's line in the
    text (1-based); `access` the kind of access (of the first path that has one); `waits` says that
    a process may stand here for ever when nobody has work for it (it is no deadlock).
    """

    index: int
    line: int
    label: str
    body: Block
    access: AccessKind
    live: tuple[int, ...]
    waits: bool = False


@dataclass(frozen=True, slots=True)
class ProcessKind:
    """`count` like processes. They start at `start` with `initial` in their locals."""

    name: str
    count: int
    points: tuple[ControlPoint, ...]
    locals: tuple[LocalVariable, ...]
    start: int
    initial: tuple[int, ...]
    uses_me: bool = False


class PropertyKind(StrEnum):
    """When a property must hold."""

    ALWAYS = "always"  # in every state, or (assertions) at every step that makes it
    AT_REST = "at_rest"  # in every state in which no process can move
    SOMETIMES = "sometimes"  # in some state, or (marks) by some step
    COMES_TO_REST = "comes_to_rest"  # no endless run is weakly fair: it ends in a state of rest
    NO_DEADLOCK = "no_deadlock"  # at rest every process is at its END or at a point that waits


@dataclass(frozen=True, slots=True)
class Property:
    """A property by name. `body` is over property-local slots and ends in `Return` on every path;
    it is empty where assertions or marks of that name make the property, or the kind needs none.
    `history` says that it reads history variables. `sentence` says what it means that it holds.
    """

    name: str
    kind: PropertyKind
    sentence: str
    line: int
    body: Block = ()
    locals: tuple[LocalVariable, ...] = ()
    history: bool = False


@dataclass(frozen=True, slots=True)
class TransitionSystem:
    """A protocol text lowered for one scenario: parameters, memory model, history or not."""

    name: str
    path: str
    source: tuple[str, ...]
    parameters: Mapping[str, int]
    memory: str
    variables: tuple[Variable, ...]
    kinds: tuple[ProcessKind, ...]
    properties: tuple[Property, ...]
    with_history: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def cells(self) -> int:
        """Cells of all variables."""
        return sum(variable.cells for variable in self.variables)

    @property
    def processes(self) -> tuple[tuple[ProcessKind, int], ...]:
        """Every process: its kind, and its number among those of that kind."""
        return tuple((kind, number) for kind in self.kinds for number in range(kind.count))
