"""Places in memory, and what a text does to them: loads, stores, locked operations, ghosts."""

import ast
from dataclasses import dataclass, field, replace

from evtplan.engine.bodies import IN_RANGE
from evtplan.engine.language import TextError
from evtplan.engine.system import (
    Assert,
    Binary,
    Cond,
    Const,
    Expr,
    Load,
    LocalRead,
    Place,
    PlaceRead,
    SetGhost,
    SetLocal,
    Statement,
    Store,
    VariableKind,
)
from evtplan.engine.texts.arithmetic import binary, constant
from evtplan.engine.texts.flow import Graph, Node, NodeKind, Value
from evtplan.engine.texts.scope import BIT_TYPE, Scope, Type

__all__ = ["Frame", "Places", "Spot"]

# An index that no array has: where one of several indices is beyond its own end.
NOWHERE = Const(-1)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place and the type of what it holds."""

    place: Place
    type: Type
    kind: VariableKind

    @property
    def is_shared(self) -> bool:
        """True where reading and writing it are accesses."""
        return self.kind is VariableKind.SHARED


@dataclass(slots=True)
class Held:
    """A lock that the code under way holds: where each way out releases it."""

    place: Place
    line: int
    releases: dict[int, Node] = field(default_factory=dict)


@dataclass(slots=True)
class Loop:
    """A loop that the code under way is in."""

    leave: Node
    again: Node


@dataclass(slots=True)
class Frame:
    """A function being lowered, or inlined: its names, and how it is left."""

    function: ast.FunctionDef
    names: dict[str, "int | Value"]
    leave: Node
    around: list[Held | Loop] = field(default_factory=list)
    result: int | None = None
    returns: list[Value] = field(default_factory=list)


class Places:
    """Lowers places and accesses into `graph`. `free`: as a property does, without any step."""

    def __init__(self, scope: Scope, *, history: bool, memory: str, free: bool = False) -> None:
        self.scope = scope
        self.history = history
        self.memory = memory
        self.free = free
        self.graph = Graph()
        self.frames: list[Frame] = []
        self.temporaries: list[int] = []
        self.busy_temporaries = 0
        self.accesses_left: int | None = None  # inside await, and inside a locked operation
        self.only_inside = ""
        self.waits = False
        self.uses_me = False
        self.stepping: dict[str, bool] = {}
        self.looking: set[str] = set()
        self.sentences: dict[str, tuple[str, bool]] = {}  # assertion -> sentence, on history

    # -- what the other half provides

    def value(self, node: ast.expr) -> Value:
        raise NotImplementedError

    def has_access(self, node: ast.AST) -> bool:
        raise NotImplementedError

    def has_effect(self, node: ast.AST) -> bool:
        raise NotImplementedError

    # -- errors and names

    @property
    def frame(self) -> Frame:
        """The innermost function."""
        return self.frames[-1]

    def fail(self, node: ast.AST | None, reason: str, allowed: str = "") -> TextError:
        """The error for `node`."""
        return self.scope.fail(node, reason, allowed)

    def unknown(self, name: str, node: ast.AST) -> TextError:
        """The error for a name that stands for nothing here."""
        text = self.scope.text
        known = [
            *self.frame.names, *text.variables, *text.definitions, *text.parameters,
            *text.functions, *text.words,
        ]  # fmt: skip
        return self.scope.unknown(name, node, known)

    # -- temporaries: locals that live within one statement

    def temporary(self, low: int, most: int) -> int:
        """A slot that is free until the statement under way ends."""
        if self.busy_temporaries == len(self.temporaries):
            self.temporaries.append(
                self.graph.new_local(f"_{len(self.temporaries)}", Type(0, most))
            )
        slot = self.temporaries[self.busy_temporaries]
        self.busy_temporaries += 1
        local = self.graph.locals[slot]
        local.type = Type(0, max(local.type.most, most))
        return slot

    def hold(self, value: Value, line: int) -> Value:
        """`value` kept in a temporary, so that what follows cannot change it."""
        if value.constant is not None or isinstance(value.expr, LocalRead):
            return value
        slot = self.temporary(value.low, value.most)
        self.graph.local_work(SetLocal(slot, value.expr, value.low < 0), line)
        return Value(LocalRead(slot), value.low, value.most, value.type)

    # -- places

    def spot(self, node: ast.expr) -> Spot | None:
        """The place in memory that `node` names; None for no memory. Indices may be accesses."""
        chain: list[ast.Attribute | ast.Subscript] = []
        root = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            chain.append(root)
            root = root.value
        if not isinstance(root, ast.Name) or root.id in self.frame.names:
            return None
        if root.id not in self.scope.variables:
            if root.id in self.scope.text.variables:
                raise self.fail(
                    node,
                    f"{root.id} is history: only history and assertions may depend on it",
                )
            return None
        return self._spot(root.id, chain[::-1], node)

    def _spot(self, name: str, chain: list[ast.Attribute | ast.Subscript], node: ast.expr) -> Spot:
        variable = self.scope.variables[name]
        dims = self.scope.dimensions[name]
        if len(chain) < len(dims) or any(
            not isinstance(c, ast.Subscript) for c in chain[: len(dims)]
        ):
            raise self.fail(node, f"{name} has {len(dims)} indices", f"{name}" + "[…]" * len(dims))
        index = constant(0)
        inside = constant(1)
        for part, dim in zip(chain, dims, strict=False):
            assert isinstance(part, ast.Subscript)
            at = self._index(part.slice, name, dim)
            first, count = dim.low, dim.most - dim.low + 1
            inside = binary("and", inside, self.within(at, first, dim.most))
            shifted = binary("-", at, constant(first))
            index = binary("+", binary("*", index, constant(count)), shifted)
        checked = inside.constant is None
        place = Place(name, index.expr, checked=checked)
        if checked and len(dims) > 1:  # one index beyond its end may be another's element
            place = replace(place, index=Cond(inside.expr, index.expr, NOWHERE))
        element = self.scope.elements[name]
        return self._part(place, element, chain[len(dims) :], variable.kind, node)

    def _index(self, node: ast.expr, name: str, dim: Type) -> Value:
        at = self.value(node)
        if at.constant is not None and not dim.low <= at.constant <= dim.most:
            raise self.fail(node, f"{name} has no element {at.constant}", f"{dim.low} … {dim.most}")
        return at

    def _part(
        self,
        place: Place,
        element: Type,
        rest: list[ast.Attribute | ast.Subscript],
        kind: VariableKind,
        node: ast.expr,
    ) -> Spot:
        if not rest:
            return Spot(place, element, kind)
        part = rest[0]
        if len(rest) > 1:
            raise self.fail(node, "a part of a part")
        if isinstance(part, ast.Attribute):
            if element.word is None:
                raise self.fail(node, f"{place.variable} has no fields")
            if part.attr not in element.word.fields:
                raise self.scope.unknown(part.attr, node, element.word.fields)
            item, type_ = element.word.fields[part.attr]
            part_of = Place(
                place.variable, place.index, Const(item.offset), item.bits, place.checked
            )
            return Spot(part_of, type_, kind)
        if not element.bits:
            raise self.fail(node, f"{place.variable} has no bits to index", "bits(n)")
        at = self._index(part.slice, place.variable, Type(0, element.bits - 1))
        inside = self.within(at, 0, element.bits - 1)
        bit = Place(place.variable, place.index, at.expr, 1, place.checked)
        if inside.constant is None:
            bit = replace(bit, index=Cond(inside.expr, place.index, NOWHERE), checked=True)
        return Spot(bit, BIT_TYPE, kind)

    def within(self, value: Value, low: int, most: int) -> Value:
        """Whether a value is in a range."""
        above = binary(">=", value, constant(low)) if value.low < low else constant(1)
        below = binary("<=", value, constant(most)) if value.most > most else constant(1)
        return binary("and", above, below)

    def require(self, test: Expr, line: int) -> None:
        """A property of the language itself: no index and no value out of range.

        What properties read and put together is nobody's memory: nothing is required of it.
        """
        if self.free:
            return
        self.graph.local_work(Assert(IN_RANGE, test, line), line)

    # -- reading and writing

    def access(self, statement: Statement, node: ast.AST) -> Node:
        """Make an access here; where one too many, say so."""
        if self.free:
            raise self.fail(node, "a property only reads", "reading memory is free here")
        if self.accesses_left is not None:
            if self.accesses_left == 0:
                raise self.fail(
                    node,
                    f"two accesses where one is allowed: {self.only_inside}",
                    "read the other into a local first",
                )
            self.accesses_left -= 1
        return self.graph.add(Node(NodeKind.ACCESS, getattr(node, "lineno", 0), statement))

    def read(self, spot: Spot, node: ast.AST, *, peek: bool = False) -> Value:
        """What the place holds: a load, or a free reading of a ghost."""
        type_ = Type(0, spot.type.most, spot.type.word, spot.type.bits)
        if spot.type.is_lock and not (self.free or peek):
            raise self.fail(node, "a lock is taken, not read", "with L:, acquire(L), release(L)")
        if self.free or peek or not spot.is_shared:
            return Value(PlaceRead(spot.place), 0, type_.most, type_)
        slot = self.temporary(0, type_.most)
        self.access(Load(slot, spot.place), node)
        return Value(LocalRead(slot), 0, type_.most, type_)

    def write(self, spot: Spot, value: Value, node: ast.AST) -> None:
        """Store a value, or set a ghost."""
        line = getattr(node, "lineno", 0)
        if spot.type.is_lock:
            raise self.fail(node, "a lock is taken, not written", "with L:, acquire(L), release(L)")
        checked = self._fits_place(spot, value, line, node)
        if spot.is_shared:
            self.access(Store(spot.place, value.expr, checked=checked), node)
        elif self.free:
            raise self.fail(node, "a property changes nothing but its own locals")
        else:
            self.graph.local_work(SetGhost(spot.place, value.expr, checked), line)

    def _fits_place(self, spot: Spot, value: Value, line: int, node: ast.AST) -> bool:
        if spot.place.bits:
            self.field_fits(spot.type, value, line, node)
            return False
        return self.fits(spot.type, value, line, node)

    def fits(self, type_: Type, value: Value, line: int, node: ast.AST) -> bool:
        """True where a value may be beyond `type_`, which whoever runs the system then checks."""
        number = value.constant
        if number is not None and not 0 <= number <= type_.most:
            raise self.fail(node, f"{number} is not within 0 … {type_.most}")
        if type_.word is not None and (value.type is None or value.type.word is not type_.word):
            self._fields_fit(type_, value, line)
        return value.low < 0 or value.most > type_.most

    def _fields_fit(self, type_: Type, value: Value, line: int) -> None:
        if value.constant == 0 or type_.word is None:
            return
        for item, kind in type_.word.fields.values():
            if kind.most != (1 << item.bits) - 1:
                part = Binary(
                    "&", Binary(">>", value.expr, Const(item.offset)), Const((1 << item.bits) - 1)
                )
                self.require(Binary("<=", part, Const(kind.most)), line)

    def field_fits(self, kind: Type, value: Value, line: int, node: ast.AST) -> None:
        """Require that a value put into a field is within the field's type."""
        number = value.constant
        if number is not None and not 0 <= number <= kind.most:
            raise self.fail(node, f"{number} is not within 0 … {kind.most}")
        if value.low < 0 or value.most > kind.most:
            self.require(self.within(value, 0, kind.most).expr, line)
