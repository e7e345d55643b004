"""Transition systems printed as Python source: for the searches, the simulator and the host.

A `Printer` knows how expressions and statements read in Python; whoever uses it says where memory
and locals are (packed in 64-bit words, in flat arrays, in a list) by overriding its hooks. The
source is plain integer Python that Numba compiles too. The interpreter is the reference.
"""

from collections.abc import Iterable

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
    Statement,
    Store,
    Unary,
)

__all__ = ["Printer", "always_leaves", "indented"]

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_TRUTHS = (*_COMPARISONS, "and", "or")


class Printer:
    """Prints expressions and statements. Override the hooks; each gets and gives source text.

    `leaves`: whether what `goto` and `returns` print leaves the code (return, continue), so that
    nothing need be nested behind it.
    """

    leaves = True

    # -- hooks: where things are

    def local(self, slot: int) -> str:
        """The local in `slot`, as a name that can be read and assigned."""
        return f"l{slot}"

    def me(self) -> str:
        """The number of the moving process."""
        return "me"

    def old(self) -> str:
        """The name that holds what the place of an `Rmw` held before."""
        return "old"

    def cell(self, place: Place, index: str) -> str:
        """The whole cell that a place is in or is, as a number."""
        raise NotImplementedError

    def set_cell(self, place: Place, index: str, value: str) -> list[str]:
        """Give the whole cell a new value."""
        raise NotImplementedError

    def lowest(self, value: str) -> str:
        """The number of the lowest 1 bit."""
        return f"(({value} & -{value}).bit_length() - 1)"

    def goto(self, point: int) -> list[str]:
        """The step ends at control point `point`."""
        raise NotImplementedError

    def returns(self, value: str) -> list[str]:
        """A property has the verdict `value`."""
        return [f"return {value}"]

    def blocked(self) -> list[str]:
        """A guard is false: the step is not enabled; must leave the code."""
        raise NotImplementedError

    def check(self, condition: str) -> list[str]:
        """The property `in_range` is broken unless `condition`."""
        return []

    def emit(self, statement: Emit) -> list[str]:
        """Something an onlooker sees."""
        return []

    def mark(self, name: str) -> list[str]:
        """The sometimes property `name` is shown."""
        return []

    def asserts(self, statement: Assert, condition: str) -> list[str]:
        """The property `statement.name` is broken unless `condition`."""
        return []

    def choose(self, statement: Choose) -> list[str]:
        """The environment's choice; by default the caller sets the local before the body."""
        return []

    def fence(self, kind: str) -> list[str]:
        """A barrier."""
        return []

    # -- hooks with a meaning that fits sequential consistency

    def load(self, statement: Load) -> list[str]:
        """A load: its local takes what the place holds."""
        return [
            *self.index_check(statement.place),
            self.assign(statement.slot, self.read(statement.place)),
        ]

    def store(self, statement: Store) -> list[str]:
        """A store."""
        return self.put(statement.place, self.number(statement.value), statement.checked)

    def rmw(self, statement: Rmw) -> list[str]:
        """A locked read-modify-write."""
        lines = self.index_check(statement.place)
        if _has_old(statement.new) or statement.slot is not None:
            lines.append(f"{self.old()} = {self.read(statement.place)}")
        lines += self.put(statement.place, self.number(statement.new), statement.checked)
        if statement.slot is not None:
            lines.append(self.assign(statement.slot, self.old()))
        return lines

    # -- places

    def index(self, place: Place) -> str:
        """A place's index among its variable's cells."""
        return self.number(place.index)

    def index_check(self, place: Place) -> list[str]:
        """The check of a place's index, where lowering has not proven it."""
        if not place.checked:
            return []
        return self.check(f"0 <= {self.index(place)} < {self.cells(place.variable)}")

    def cells(self, variable: str) -> int:
        """Cells of a variable; needed only where indices are checked."""
        raise NotImplementedError

    def most(self, place: Place) -> int:
        """The most a cell of a place's variable may hold; needed only where values are checked."""
        raise NotImplementedError

    def most_of_local(self, slot: int) -> int:
        """The most a local may hold; needed only where values are checked."""
        raise NotImplementedError

    def read(self, place: Place) -> str:
        """What a place holds."""
        whole = self.cell(place, self.index(place))
        if place.offset is None:
            return whole
        mask = (1 << place.bits) - 1
        if place.offset == Const(0):
            return f"({whole} & {mask})"
        return f"(({whole} >> {self.number(place.offset)}) & {mask})"

    def free(self, place: Place) -> str:
        """What a free reading of a place gives: 0 beyond the end of its array."""
        if not place.checked:
            return self.read(place)
        inside = f"0 <= {self.index(place)} < {self.cells(place.variable)}"
        return f"({self.read(place)} if {inside} else 0)"

    def put(self, place: Place, value: str, checked: bool = False) -> list[str]:
        """Give a place a new value."""
        lines = self.index_check(place)
        if checked:
            most = (1 << place.bits) - 1 if place.offset is not None else self.most(place)
            lines += self.check(f"0 <= {value} <= {most}")
        index = self.index(place)
        if place.offset is None:
            return lines + self.set_cell(place, index, value)
        whole = self._inserted(self.cell(place, index), place.offset, place.bits, value)
        return lines + self.set_cell(place, index, whole)

    def _inserted(self, word: str, offset: Expr, bits: int, value: str) -> str:
        mask = (1 << bits) - 1
        if isinstance(offset, Const):
            kept = f"({word} & {~(mask << offset.value)})"
            if value.isdigit():
                number = (int(value) & mask) << offset.value
                return f"({kept} | {number})" if number else kept
            return f"({kept} | (({value} & {mask}) << {offset.value}))"
        at = self.number(offset)
        return f"(({word} & ~({mask} << {at})) | (({value} & {mask}) << {at}))"

    # -- expressions

    def number(self, expr: Expr) -> str:
        """An expression as an integer; a truth value as 0 or 1."""
        match expr:
            case Const(value=value):
                return str(value) if value >= 0 else f"({value})"
            case LocalRead(slot=slot):
                return self.local(slot)
            case Me():
                return self.me()
            case Old():
                return self.old()
            case PlaceRead(place=place):
                return self.free(place)
            case Unary(op="not") | Binary(op="and" | "or" | "==" | "!=" | "<" | "<=" | ">" | ">="):
                return f"(1 if {self.condition(expr)} else 0)"
            case Unary(op="lowest", operand=operand):
                return self.lowest(self.number(operand))
            case Unary(op=op, operand=operand):
                return f"({op}{self.number(operand)})"
            case Binary(op="min" | "max" as op, left=left, right=right):
                return f"{op}({self.number(left)}, {self.number(right)})"
            case Binary(op=op, left=left, right=right):
                return f"({self.number(left)} {op} {self.number(right)})"
            case Cond(test=test, then=then, other=other):
                return f"({self.number(then)} if {self.condition(test)} else {self.number(other)})"
            case Insert(word=word, offset=offset, bits=bits, value=value):
                return self._inserted(self.number(word), offset, bits, self.number(value))
        raise AssertionError(expr)

    def condition(self, expr: Expr) -> str:
        """An expression as the test of an `if`."""
        match expr:
            case Const(value=value):
                return str(bool(value))
            case Unary(op="not", operand=operand):
                return f"(not {self.condition(operand)})"
            case Binary(op="and" | "or" as op, left=left, right=right):
                return f"({self.condition(left)} {op} {self.condition(right)})"
            case Binary(op=op, left=left, right=right) if op in _COMPARISONS:
                return f"({self.number(left)} {op} {self.number(right)})"
        return f"({self.number(expr)} != 0)"

    # -- statements

    def assign(self, slot: int, value: str) -> str:
        """A local takes a value."""
        return f"{self.local(slot)} = {value}"

    def block(self, statements: Iterable[Statement]) -> list[str]:
        """The lines of a block, not indented."""
        lines: list[str] = []
        for statement in statements:
            lines += self._statement(statement)
        return lines

    def _statement(self, statement: Statement) -> list[str]:
        match statement:
            case SetLocal(slot=slot, value=value, checked=checked):
                line = self.assign(slot, self.number(value))
                if not checked:
                    return [line]
                return [
                    *self.check(f"0 <= {self.number(value)} <= {self.most_of_local(slot)}"),
                    line,
                ]
            case SetGhost(place=place, value=value, checked=checked):
                return self.put(place, self.number(value), checked)
            case Load():
                return self.load(statement)
            case Store():
                return self.store(statement)
            case Rmw():
                return self.rmw(statement)
            case Fence(kind=kind):
                return self.fence(kind)
            case Choose():
                return self.choose(statement)
            case Guard(test=test):
                return [f"if not {self.condition(test)}:", *indented(self.blocked())]
            case If():
                return self._branch(statement)
            case Emit():
                return self.emit(statement)
            case Mark(name=name):
                return self.mark(name)
            case Assert(test=test):
                return self.asserts(statement, self.condition(test))
            case Goto(point=point):
                return self.goto(point)
            case Return(value=value):
                return self.returns(self.number(value))

    def _branch(self, statement: If) -> list[str]:
        then, other = self.block(statement.then), self.block(statement.other)
        test = self.condition(statement.test)
        if not then and not other:
            return []
        if not then:
            return [f"if not {test}:", *indented(other)]
        lines = [f"if {test}:", *indented(then)]
        if not other:
            return lines
        if self.leaves and always_leaves(statement.then):
            return lines + other
        if self.leaves and always_leaves(statement.other):
            return [f"if not {test}:", *indented(other), *then]
        return [*lines, "else:", *indented(other)]


def indented(lines: Iterable[str]) -> list[str]:
    """Lines one level deeper; `pass` where there are none."""
    return ["    " + line for line in lines] or ["    pass"]


def always_leaves(block: Block) -> bool:
    """True where every way through a block ends in a `Goto` or `Return`."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, If):
        return always_leaves(last.then) and always_leaves(last.other)
    return isinstance(last, Goto | Return)


def _has_old(expr: Expr) -> bool:
    match expr:
        case Old():
            return True
        case Unary(operand=operand):
            return _has_old(operand)
        case Binary(left=left, right=right):
            return _has_old(left) or _has_old(right)
        case Cond(test=test, then=then, other=other):
            return _has_old(test) or _has_old(then) or _has_old(other)
        case Insert(word=word, offset=offset, value=value):
            return _has_old(word) or _has_old(offset) or _has_old(value)
    return False
