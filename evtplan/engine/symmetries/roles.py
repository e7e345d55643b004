"""Which values and which indices of a system stand for the same things: ports, say, or processes.

A **role** is what a variable's cells hold, a dimension that an array is indexed by, a process's own
number, or a local at one control point. Roles between which values pass are one; a role that is
counted with, or ordered against another, is *spoilt*: its values are numbers and no names. What is
left are roles whose values are only copied, compared for equality and used as indices, as names
are. (Constants are let through here, and noted statement by statement; `equivariance` looks at
them.)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from evtplan.engine.system import (
    Assert,
    Binary,
    Block,
    Choose,
    Cond,
    Const,
    Expr,
    Goto,
    Guard,
    If,
    Insert,
    Load,
    LocalRead,
    LocalVariable,
    Me,
    Old,
    Place,
    PlaceRead,
    ProcessKind,
    Return,
    Rmw,
    SetGhost,
    SetLocal,
    Store,
    TransitionSystem,
    Unary,
    Variable,
)

__all__ = ["Environment", "Noted", "NotedBlock", "Role", "Roles", "Shape", "Test", "shape_role"]

_ORDERS = ("<", "<=", ">", ">=")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(slots=True, eq=False)
class Role:
    """One role; `root` is the one it was joined to.

    `parts` are the fields of a word by (offset, bits); `most` the least of what its places can
    hold; `spans` the (first, count) of dimensions indexed by it; `kinds` the process kinds that
    it numbers; `fault` says why its values are no names.
    """

    name: str = ""
    most: int | None = None
    up: "Role | None" = None
    parts: dict[tuple[int, int], "Role"] = field(default_factory=dict)
    spans: set[tuple[int, int]] = field(default_factory=set)
    kinds: set[int] = field(default_factory=set)
    fault: str = ""

    @property
    def root(self) -> "Role":
        """The role that stands for all joined to it."""
        role = self
        while role.up is not None:
            if role.up.up is not None:
                role.up = role.up.up
            role = role.up
        return role

    def part(self, offset: int, bits: int) -> "Role":
        """The role of a field."""
        root = self.root
        return root.parts.setdefault((offset, bits), Role(most=(1 << bits) - 1))


@dataclass(frozen=True, slots=True)
class _Number:
    """A value that names nothing; `why` says how it came about."""

    why: str


@dataclass(frozen=True, slots=True)
class _Either:
    """A local set in different ways on two ways that met."""

    shapes: tuple["Shape", ...]


# A value's role, a constant, a number that is computed, or a local set on several ways.
Shape = Role | int | _Number | _Either
Environment = dict[int, Shape]


@dataclass(frozen=True, slots=True)
class Test:
    """A constant that meets a role: `op` is a comparison, "range" (`value` to `high`), or "1-"."""

    role: Role
    op: str
    value: int
    high: int = 0


@dataclass(slots=True)
class Noted:
    """A statement as it was walked: the constants it uses, and its locals before it."""

    statement: object
    line: int
    before: Environment
    tests: list[Test] = field(default_factory=list)
    then: "NotedBlock | None" = None
    other: "NotedBlock | None" = None


@dataclass(slots=True)
class NotedBlock:
    """A block walked, and its locals at its end (None: no way leads there)."""

    statements: list[Noted]
    after: Environment | None


class Roles:
    """Every role of a system, and every body walked.

    `points` has the walked body of each (kind, point), `properties` those of properties by name.
    """

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.variables = {variable.name: variable for variable in system.variables}
        self.values: dict[str, Role] = {}
        self.dims: dict[str, tuple[Role, ...]] = {}
        for variable in system.variables:
            value = Role(variable.name, variable.most)
            for item in variable.layout.fields if variable.layout else ():
                value.part(item.offset, item.bits).name = f"{variable.name}.{item.name}"
            self.values[variable.name] = value
            self.dims[variable.name] = tuple(
                Role(f"the index of {variable.name}", spans={span}) for span in variable.dims
            )
        self.numbers = [
            Role(f"the number of {kind.name}", spans={(0, kind.count)}, kinds={index})
            for index, kind in enumerate(system.kinds)
        ]
        self.locals: dict[tuple[int, int, int], Role] = {}
        self.uses_number: set[int] = set()
        self.touched: set[str] = set()
        self.points: dict[tuple[int, int], NotedBlock] = {}
        self.properties: dict[str, NotedBlock] = {}
        for index, kind in enumerate(system.kinds):
            for point in kind.points:
                for slot in point.live:
                    name = f"{kind.name}'s {kind.locals[slot].name}"
                    role = Role(name, kind.locals[slot].most)
                    self.locals[index, point.index, slot] = role
        for index, kind in enumerate(system.kinds):
            for point in kind.points:
                walk = _Walk(self, index, kind, point.line, kind.locals)
                begin: Environment = dict.fromkeys(range(len(kind.locals)), 0)
                begin |= {slot: self.locals[index, point.index, slot] for slot in point.live}
                self.points[index, point.index] = walk.block(point.body, begin)
        for judged in system.properties:
            walk = _Walk(self, None, None, judged.line, judged.locals)
            begin = dict.fromkeys(range(len(judged.locals)), 0)
            self.properties[judged.name] = walk.block(judged.body, begin)

    def roots(self) -> list[Role]:
        """The roles that index an array or number processes, in the order of the text."""
        found: dict[Role, None] = {}
        every = [role for name in self.dims if name in self.touched for role in self.dims[name]]
        for role in [*every, *(self.numbers[index] for index in sorted(self.uses_number))]:
            found.setdefault(role.root)
        return list(found)

    def join(self, one: Role, other: Role) -> None:
        """Make two roles one."""
        one, other = one.root, other.root
        if one is other:
            return
        other.up = one
        one.name = one.name or other.name
        if other.most is not None:
            one.most = other.most if one.most is None else min(one.most, other.most)
        one.spans |= other.spans
        one.kinds |= other.kinds
        one.fault = one.fault or other.fault
        for key, part in other.parts.items():
            if key in one.parts:
                self.join(one.parts[key], part)
            else:
                one.parts[key] = part
        other.parts = {}

    def spread_faults(self) -> None:
        """What is computed with is computed with in all its parts; overlapping fields are."""
        every = [*self.values.values(), *self.locals.values()]
        changed = True
        while changed:
            changed = False
            for role in every:
                root = role.root
                for (offset, bits), part in root.parts.items():
                    clash = any(
                        key != (offset, bits) and key[0] < offset + bits and offset < sum(key)
                        for key in root.parts
                    )
                    fault = root.fault or ("its bits are taken apart in several ways" * clash)
                    if fault and not part.root.fault:
                        part.root.fault = fault
                        changed = True


class _Walk:
    """One body, statement by statement."""

    def __init__(
        self, roles: Roles, index: int | None, kind: ProcessKind | None, line: int,
        slots: tuple[LocalVariable, ...],
    ) -> None:  # fmt: skip
        self.roles = roles
        self.slots = slots
        self.index = index
        self.kind = kind
        self.line = line
        self.here: Noted | None = None
        self.locals: Environment = {}
        self.old: Shape = 0

    # ---- statements ----------------------------------------------------------------------------

    def block(self, block: Block, begin: Environment) -> NotedBlock:
        noted = []
        self.locals = dict(begin)
        for statement in block:
            line = statement.line if isinstance(statement, Assert) and statement.line else self.line
            here = self.here = Noted(statement, line, dict(self.locals))
            noted.append(here)
            if self._statement(statement, here):
                return NotedBlock(noted, None)
        return NotedBlock(noted, dict(self.locals))

    def _statement(self, statement: object, here: Noted) -> bool:
        """Walk one statement; True where nothing follows."""
        match statement:
            case If(test, then, other):
                self._truth(self.shape(test))
                begin = dict(self.locals)
                here.then = self.block(then, begin)
                here.other = self.block(other, begin)
                self.here = here
                ways = [way.after for way in (here.then, here.other) if way.after is not None]
                if not ways:
                    return True
                self.locals = _meet(ways)
            case SetLocal(slot, value):
                self._set(slot, self.shape(value))
            case SetGhost(place, value) | Store(place, value):
                self._pass(self.shape(value), self.place(place))
            case Load(slot, place):
                self._set(slot, self.place(place))
            case Rmw(place, new, slot):
                self.old = held = self.place(place)
                self._pass(self.shape(new), held)
                if slot is not None:
                    self._set(slot, held)
            case Choose(slot, low, high):
                self._choose(slot, self.shape(low), self.shape(high))
            case Guard(test) | Assert(_, test):
                self._truth(self.shape(test))
            case Return(value):
                self._truth(self.shape(value))
                return True
            case Goto(point):
                self._goto(point)
                return True
        return False

    def _set(self, slot: int, shape: Shape) -> None:
        """A local takes a value; what it can hold bounds the role where that is checked."""
        if isinstance(shape, Role) and self.kind is not None:
            root, most = shape.root, self.kind.locals[slot].most
            root.most = most if root.most is None else min(root.most, most)
        self.locals[slot] = shape

    def _choose(self, slot: int, low: Shape, high: Shape) -> None:
        if isinstance(low, int) and isinstance(high, int):
            role = Role()
            self._note(Test(role, "range", low, high))
            self.locals[slot] = role
        else:
            self.locals[slot] = self._number("a choice between computed bounds", low, high)

    def _goto(self, point: int) -> None:
        if self.index is None or self.kind is None or point < 0:
            return
        for slot in self.kind.points[point].live:
            role = self.roles.locals[self.index, point, slot]
            self._pass(self._resolved(self.locals[slot]), role)

    # ---- values --------------------------------------------------------------------------------

    def shape(self, expr: Expr) -> Shape:
        """What an expression's value is."""
        match expr:
            case Const(value):
                return value
            case LocalRead(slot):
                return self._resolved(self.locals[slot])
            case Me():
                assert self.index is not None
                self.roles.uses_number.add(self.index)
                return self.roles.numbers[self.index]
            case Old():
                return self.old
            case PlaceRead(place):
                held = self.place(place)
                if place.checked:
                    self._note(Test(held, "==", 0))  # a free reading beyond the end is 0
                return held
            case Unary("not", operand):
                self._truth(self.shape(operand))
                return _Number("not")
            case Unary(op, operand):
                return self._number(op, self.shape(operand))
            case Cond(test, then, other):
                self._truth(self.shape(test))
                return self._joined(self.shape(then), self.shape(other))
            case Insert(word, offset, bits, value):
                return self._insert(self.shape(word), self.shape(offset), bits, self.shape(value))
            case Binary():
                return self._binary(expr)
        raise AssertionError(expr)

    def _binary(self, expr: Binary) -> Shape:
        field_ = self._field(expr)
        if field_ is not None:
            return field_
        left, right = self.shape(expr.left), self.shape(expr.right)
        op = expr.op
        if op in ("and", "or"):
            self._truth(left)
            self._truth(right)
            return _Number(op)
        if op in ("==", "!="):
            if isinstance(left, int) and isinstance(right, int):
                return _Number(op)
            self._joined(left, right)
            return _Number(op)
        if op in _ORDERS:
            self._ordered(op, left, right)
            return _Number(op)
        if op == "-" and left == 1 and isinstance(right, Role):
            self._note(Test(right, "1-", 1))
            return right
        if op == "*" and right == 1:
            return left
        return self._number(op, left, right)

    def _field(self, expr: Binary) -> Shape | None:
        """The role of a field that is read by shift and mask; None where it is none."""
        if expr.op != "&" or not isinstance(expr.right, Const):
            return None
        word: Expr = expr.left
        bits, offset = expr.right.value.bit_length(), 0
        if expr.right.value != (1 << bits) - 1:
            return None
        shifted = word
        if isinstance(shifted, Binary) and shifted.op == ">>":
            if not isinstance(shifted.right, Const):
                return None
            word, offset = shifted.left, shifted.right.value
        shape = self.shape(word)
        if isinstance(shape, Role):
            return shape.part(offset, bits)
        if isinstance(shape, int):
            return (shape >> offset) & expr.right.value
        return shape

    def _ordered(self, op: str, left: Shape, right: Shape) -> None:
        if isinstance(left, Role) and isinstance(right, int):
            self._note(Test(left, op, right))
        elif isinstance(left, int) and isinstance(right, Role):
            self._note(Test(right, _MIRRORED[op], left))
        elif not (isinstance(left, int) and isinstance(right, int)):
            self._number(op, left, right)

    def _insert(self, word: Shape, offset: Shape, bits: int, value: Shape) -> Shape:
        if not isinstance(offset, int):
            return self._number("a bit by its number", word, offset, value)
        if isinstance(word, int):
            number, word = word, Role()
            self._note(Test(word, "==", number))
        if isinstance(word, Role):
            self._pass(value, word.part(offset, bits))
        elif isinstance(value, Role):
            self._spoil(value, "put into a number")
        return word

    # ---- places --------------------------------------------------------------------------------

    def place(self, place: Place) -> Role:
        """The role of what stands there."""
        self.roles.touched.add(place.variable)
        variable = self.roles.variables[place.variable]
        roles = self.roles.dims[variable.name]
        index = place.index
        if isinstance(index, Cond) and index.other == Const(-1):  # beyond its end: nowhere
            self._truth(self.shape(index.test))
            index = index.then
        parts = _index_parts(variable, index, self._most_of)
        if parts is None:
            self._number(f"a computed index of {variable.name}", self.shape(index), *roles)
        for role, part in zip(roles, parts or (), strict=False):
            self._pass(self.shape(part), role)
        value = self.roles.values[variable.name]
        if place.offset is None:
            return value
        offset = self.shape(place.offset)
        if isinstance(offset, int):
            return value.part(offset, place.bits)
        self._number(f"a bit of {variable.name} by its number", offset, value)
        return Role(fault=f"a bit of {variable.name}")

    def _most_of(self, slot: int) -> int:
        return self.slots[slot].most

    # ---- roles that meet -----------------------------------------------------------------------

    def _resolved(self, shape: Shape) -> Shape:
        if not isinstance(shape, _Either):
            return shape
        first = self._resolved(shape.shapes[0])
        for item in shape.shapes[1:]:
            first = self._joined(first, self._resolved(item))
        return first

    def _joined(self, one: Shape, other: Shape) -> Shape:
        """What holds either."""
        if isinstance(one, int) and isinstance(other, int):
            if one == other:
                return one
            role = Role()
            self._note(Test(role, "==", one))
            one = role
        if isinstance(one, Role):
            self._pass(other, one)
            return one
        if isinstance(other, Role):
            self._pass(one, other)
            return other
        return one if isinstance(one, _Number) else other

    def _pass(self, shape: Shape, to: Role) -> None:
        """A value goes to where `to` is kept."""
        if isinstance(shape, Role):
            self.roles.join(to, shape)
        elif isinstance(shape, int):
            self._note(Test(to, "==", shape))
        elif isinstance(shape, _Number):
            self._spoil(to, shape.why)
        else:
            self._pass(self._resolved(shape), to)

    def _truth(self, shape: Shape) -> None:
        if isinstance(shape, Role):
            self._note(Test(shape, "==", 0))

    def _number(self, why: str, *shapes: Shape) -> _Number:
        for shape in shapes:
            if isinstance(shape, Role):
                self._spoil(shape, why)
        return _Number(why)

    def _spoil(self, role: Role, why: str) -> None:
        root = role.root
        if not root.fault:
            words = why if " " in why else f"used with {why}"
            line = self.here.line if self.here else self.line
            # What has no line was made for store buffers.
            root.fault = (
                f"in the step of line {line}: {words}" if line else "store buffers compute with it"
            )

    def _note(self, test: Test) -> None:
        assert self.here is not None
        self.here.tests.append(test)


def shape_role(shape: Shape) -> Role | None:
    """The role of a local, None where it names nothing."""
    if isinstance(shape, Role):
        return shape.root
    if isinstance(shape, _Either):
        roles = (shape_role(item) for item in shape.shapes)
        return next((role for role in roles if role is not None), None)
    return None


def shape_constants(shape: Shape) -> Iterator[int]:
    """The constants that a local may hold, where it was set in several ways."""
    if isinstance(shape, int):
        yield shape
    elif isinstance(shape, _Either):
        for item in shape.shapes:
            yield from shape_constants(item)


def _meet(ways: list[Environment]) -> Environment:
    if len(ways) == 1:
        return dict(ways[0])
    left, right = ways
    met: Environment = {}
    for slot, shape in left.items():
        other = right[slot]
        same = shape is other or (isinstance(shape, int) and shape == other)
        met[slot] = shape if same else _Either((shape, other))
    return met


def _index_parts(
    variable: Variable, index: Expr, most_of: Callable[[int], int]
) -> list[Expr] | None:
    """An index of cells taken apart into one a dimension, as the text had them.

    None where it does not have the form that `places` gives it, or where that form may have come
    about otherwise. `most_of` is the most that the local of a slot can hold.
    """
    found: list[Expr] = []
    rest = index
    for first, count in reversed(variable.dims[1:]):
        if isinstance(rest, Const):
            rest, last = Const(rest.value // count), Const(rest.value % count)
            found.append(Const(last.value + first))
            continue
        pair = _split(rest, count)
        if pair is None:
            return None
        part = _unshifted(pair[1], first)
        if part is None:
            return None
        if first == 0 and not _is_below(pair[1], count, most_of):
            return None  # it may as well be a sum that a text wrote for one index
        found.append(part)
        rest = pair[0]
    if not variable.dims:
        return [] if isinstance(rest, Const) else None
    part = _unshifted(rest, variable.dims[0][0])
    if part is None:
        return None
    return [part, *reversed(found)]


def _split(expr: Expr, count: int) -> tuple[Expr, Expr] | None:
    """`before` and `last` of `before * count + last`."""
    zero: Expr = Const(0)
    before, last = expr, zero
    if isinstance(expr, Binary) and expr.op == "+":
        before, last = expr.left, expr.right
    elif count > 1 and not (isinstance(expr, Binary) and expr.op == "*"):
        before, last = zero, expr
    if count == 1:
        return before, last
    if isinstance(before, Const):
        return None if before.value % count else (Const(before.value // count), last)
    if isinstance(before, Binary) and before.op == "*" and before.right == Const(count):
        return before.left, last
    return None


def _is_below(expr: Expr, count: int, most_of: Callable[[int], int]) -> bool:
    match expr:
        case Const(value):
            return value < count
        case LocalRead(slot):
            return most_of(slot) < count
        case Me():
            return True  # the two dimensions would have to be one's size, which is looked at later
    return False


def _unshifted(expr: Expr, first: int) -> Expr | None:
    """`part` of `part - first`."""
    if isinstance(expr, Const):
        return Const(expr.value + first)
    if first == 0:
        return expr
    if isinstance(expr, Binary) and expr.op == "-" and expr.right == Const(first):
        return expr.left
    return None
