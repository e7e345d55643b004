"""A transition system in Promela, so that SPIN can count the same states and the same steps.

Each process is a proctype with a label a control point; each way through a step's body is one
`d_step`, guarded by the condition under which it is taken, written over the state before the step.
Cells and locals are global bytes, shorts or ints, all of them part of SPIN's state vector; locals
that are dead are 0 as they are here.
"""

from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from evtplan.engine.system import (
    END,
    Binary,
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
    Me,
    Old,
    Place,
    PlaceRead,
    ProcessKind,
    Rmw,
    SetGhost,
    SetLocal,
    Store,
    TransitionSystem,
    Unary,
)
from evtplan.errors import EvtplanError

__all__ = ["promela"]

_MOST_BITS = 31
_OPS = {"//": "/", "and": "&&", "or": "||"}


@dataclass(slots=True)
class _Way:
    """One way through a body: tests over the state before it, what it assigns, where it goes.

    `locals` has each local's value over the state before; `cells` what was stored, latest last.
    """

    tests: list[Expr] = field(default_factory=list)
    locals: dict[int, Expr] = field(default_factory=dict)
    stores: list[tuple[Place, Expr]] = field(default_factory=list)
    target: int = END


def promela(system: TransitionSystem) -> str:
    """The model's text. Raises `EvtplanError` for numbers beyond 31 bits."""
    widest = max([v.bits for v in system.variables] + [
        local.most.bit_length() for kind in system.kinds for local in kind.locals
    ], default=0)  # fmt: skip
    if widest > _MOST_BITS:
        raise EvtplanError(f"Promela has no numbers of {widest} bits", "smaller parameters")
    return _Model(system).text()


def _type(most: int) -> str:
    for name, limit in (("bit", 1), ("byte", 255), ("short", 32767)):
        if most <= limit:
            return name
    return "int"


class _Model:
    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.names = {v.name: f"v{number}" for number, v in enumerate(system.variables)}
        self.variables = {v.name: v for v in system.variables}
        self.process = 0
        self.me = 0
        self.locals: set[int] = set()
        self.temporaries = 0

    def text(self) -> str:
        lines = [f"/* {self.system.name}: exported by evtplan; spin -a, then pan */"]
        for variable in self.system.variables:
            if not variable.most:
                continue
            name, cells = self.names[variable.name], variable.cells
            size = f"[{cells}]" if cells > 1 else ""
            first = variable.initial
            if len(set(first)) == 1:
                values = str(first[0])
            else:
                values = "{" + ", ".join(map(str, first)) + "}"
            start = f" = {values}" if any(first) else ""
            lines.append(f"{_type(variable.most)} {name}{size}{start}; /* {variable.name} */")
        body: list[str] = []
        for process, (kind, me) in enumerate(self.system.processes):
            self.process, self.me = process, me
            body += self._proctype(kind)
        lines += [f"hidden int t{number};" for number in range(self.temporaries)]
        return "\n".join(lines + body) + "\n"

    def _proctype(self, kind: ProcessKind) -> list[str]:
        live = sorted({slot for point in kind.points for slot in point.live})
        lines = [f"active proctype p{self.process}() {{ /* {kind.name} {self.me} */"]
        for slot in live:
            if kind.locals[slot].most:
                value = kind.initial[slot] if slot in _live_at(kind, kind.start) else 0
                lines.append(f"  {_type(kind.locals[slot].most)} l{slot} = {value};")
        self.locals = {slot for slot in live if kind.locals[slot].most}
        lines.append(f"  goto {_label(kind.start)};")
        for point in kind.points:
            ways: list[str] = []
            for way in self._ways(kind, point.index):
                ways += self._option(kind, point.live, way)
            lines.append(f"{_label(point.index)}:")
            lines += ["  if", *ways, "  fi;"] if ways else ["  false;"]
        lines += [f"{_label(END)}: false", "}"]
        return lines

    # ---- ways through a body -------------------------------------------------------------------

    def _ways(self, kind: ProcessKind, index: int) -> list[_Way]:
        point = kind.points[index]
        start = _Way(locals={slot: Const(0) for slot in range(len(kind.locals))})
        for slot in point.live:
            start.locals[slot] = LocalRead(slot)
        found: list[_Way] = []
        self._walk(kind, list(point.body), start, found)
        return found

    def _walk(self, kind: ProcessKind, block: list[Any], way: _Way, found: list[_Way]) -> None:
        while block:
            statement = block.pop(0)
            match statement:
                case If(test, then, other):
                    seen = self._seen(test, way)
                    for side, taken in ((then, True), (other, False)):
                        copy = _copied(way)
                        copy.tests.append(seen if taken else Unary("not", seen))
                        self._walk(kind, [*side, *block], copy, found)
                    return
                case Choose(slot, low, high):
                    most = kind.locals[slot].most
                    for number in range(most + 1):
                        copy = _copied(way)
                        copy.locals[slot] = Const(number)
                        inside = [
                            Binary("<=", self._seen(low, way), Const(number)),
                            Binary("<=", Const(number), self._seen(high, way)),
                        ]
                        copy.tests += inside
                        self._walk(kind, list(block), copy, found)
                    return
                case Guard(test):
                    way.tests.append(self._seen(test, way))
                case Goto(point):
                    way.target = point
                    found.append(way)
                    return
                case _:
                    self._do(kind, statement, way)

    def _do(self, kind: ProcessKind, statement: object, way: _Way) -> None:
        match statement:
            case SetLocal(slot, value, _):
                way.locals[slot] = self._seen(value, way)
            case Load(slot, place):
                way.locals[slot] = self._seen(PlaceRead(place), way)
            case SetGhost(place, value) | Store(place, value):
                way.stores.append((self._where(place, way), self._seen(value, way)))
            case Rmw(place, new, slot):
                old = self._seen(PlaceRead(place), way)
                value = _substituted(self._seen_but_old(new, way), old)
                way.stores.append((self._where(place, way), value))
                if slot is not None:
                    way.locals[slot] = old
            case _:  # Assert, Mark, Emit, Fence: nothing of the state
                pass

    def _where(self, place: Place, way: _Way) -> Place:
        offset = None if place.offset is None else self._seen(place.offset, way)
        return replace(place, index=self._seen(place.index, way), offset=offset)

    def _seen(self, expr: Expr, way: _Way) -> Expr:
        """An expression in the middle of a way, over the state before it."""
        seen: Expr = self._seen_but_old(expr, way)
        return seen

    def _seen_but_old(self, expr: Any, way: _Way) -> Any:
        if isinstance(expr, LocalRead):
            return way.locals[expr.slot]
        if isinstance(expr, PlaceRead):
            place = self._where(expr.place, way)
            return self._after(place, way)
        if is_dataclass(expr) and not isinstance(expr, Place | type):
            changed = {
                entry.name: self._seen_but_old(getattr(expr, entry.name), way)
                for entry in fields(expr)
                if is_dataclass(getattr(expr, entry.name))
            }
            return replace(expr, **changed) if changed else expr
        return expr

    def _after(self, place: Place, way: _Way) -> Expr:
        """What a place holds after the stores of a way so far."""
        value: Expr = PlaceRead(replace(place, offset=None, bits=0))
        for stored, new in way.stores:
            if stored.variable != place.variable:
                continue
            changed = new if stored.offset is None else Insert(
                value, stored.offset, stored.bits, new
            )  # fmt: skip
            same = _equal(stored.index, place.index)
            value = changed if same is True else value if same is False else Cond(
                Binary("==", stored.index, place.index), changed, value
            )  # fmt: skip
        if place.offset is None:
            return value
        shifted = Binary(">>", value, place.offset)
        return Binary("&", shifted, Const((1 << place.bits) - 1))

    # ---- text ----------------------------------------------------------------------------------

    def _option(self, kind: ProcessKind, live: tuple[int, ...], way: _Way) -> list[str]:
        tests = []
        for test in way.tests:
            constant = _folded(test)
            if constant == 0:
                return []
            if constant is None:
                tests.append(self._expr(test))
        guard = " && ".join(dict.fromkeys(tests)) or "true"
        after = _live_at(kind, way.target)
        done: list[str] = []
        # Everything assigned is over the state before: first kept aside, then put in place.
        assigned: list[tuple[str, str]] = []
        for place, value in way.stores:
            if self.variables[place.variable].most:
                assigned += self._stored(place, value, way)
        for slot in sorted(self.locals):
            value = way.locals[slot] if slot in after else Const(0)
            if value == LocalRead(slot) or (slot not in live and value == Const(0)):
                continue
            assigned.append((f"l{slot}", self._expr(value)))
        if len(assigned) == 1:
            done = [f"{name} = {value}" for name, value in assigned]
        else:
            names = [f"t{number}" for number in range(len(assigned))]
            self.temporaries = max(self.temporaries, len(names))
            done = [f"{t} = {value}" for t, (_, value) in zip(names, assigned, strict=True)]
            done += [f"{name} = {t}" for t, (name, _) in zip(names, assigned, strict=True)]
        body = "; ".join([guard, *done])
        return [f"  :: d_step {{ {body} }}; goto {_label(way.target)}"]

    def _stored(self, place: Place, value: Expr, way: _Way) -> list[tuple[str, str]]:
        whole = value
        if place.offset is not None:
            before: Expr = PlaceRead(replace(place, offset=None, bits=0))
            for stored, new in way.stores:
                if stored is place:
                    break
                if stored.variable == place.variable and _equal(stored.index, place.index) is True:
                    before = new if stored.offset is None else Insert(
                        before, stored.offset, stored.bits, new
                    )  # fmt: skip
            whole = Insert(before, place.offset, place.bits, value)
        variable = self.variables[place.variable]
        name = self.names[place.variable]
        if variable.cells > 1:
            name = f"{name}[{self._expr(place.index)}]"
        return [(name, self._expr(whole))]

    def _expr(self, expr: Expr) -> str:
        match expr:
            case Const(value):
                return str(value)
            case LocalRead(slot):
                return f"l{slot}" if slot in self.locals else "0"
            case Me():
                return str(self.me)
            case PlaceRead(place):
                return self._place(place)
            case Insert(word, offset, bits, new):
                at = self._expr(offset)
                mask = (1 << bits) - 1
                kept = f"({self._expr(word)} & (~({mask} << {at})))"
                return f"({kept} | (({self._expr(new)} & {mask}) << {at}))"
            case Cond(test, then, other):
                return f"({self._expr(test)} -> {self._expr(then)} : {self._expr(other)})"
            case Unary("not", operand):
                return f"(!{self._expr(operand)})"
            case Unary("lowest", operand):
                looked_at = self._expr(operand)
                text = "31"
                for bit in range(30, -1, -1):
                    text = f"((({looked_at}) & {1 << bit}) -> {bit} : {text})"
                return text
            case Unary(op, operand):
                return f"({op}{self._expr(operand)})"
            case Binary("min" | "max" as op, left, right):
                a, b = self._expr(left), self._expr(right)
                return f"({a} {'<' if op == 'min' else '>'} {b} -> {a} : {b})"
            case Binary(op, left, right):
                return f"({self._expr(left)} {_OPS.get(op, op)} {self._expr(right)})"
        raise AssertionError(expr)

    def _place(self, place: Place) -> str:
        variable = self.variables[place.variable]
        if not variable.most:
            return "0"
        name = self.names[place.variable]
        if variable.cells == 1:
            return name
        index = self._expr(place.index)
        if not place.checked:
            return f"{name}[{index}]"
        return f"(({index} >= 0 && {index} < {variable.cells}) -> {name}[{index}] : 0)"


def _live_at(kind: ProcessKind, point: int) -> tuple[int, ...]:
    return () if point == END else kind.points[point].live


def _label(point: int) -> str:
    return "end_done" if point == END else f"end_{point}"


def _copied(way: _Way) -> _Way:
    return _Way(list(way.tests), dict(way.locals), list(way.stores), way.target)


def _substituted(expr: Any, old: Expr) -> Any:
    if isinstance(expr, Old):
        return old
    if is_dataclass(expr) and not isinstance(expr, Place | type):
        changed = {
            entry.name: _substituted(getattr(expr, entry.name), old)
            for entry in fields(expr)
            if is_dataclass(getattr(expr, entry.name))
        }
        return replace(expr, **changed) if changed else expr
    return expr


def _equal(left: Expr, right: Expr) -> bool | None:
    """Whether two indices are the same; None where it depends on the state."""
    if left == right:
        return True
    if isinstance(left, Const) and isinstance(right, Const):
        return False
    return None


def _folded(expr: Expr) -> int | None:
    """The truth of a test that is a constant; None for one that is not."""
    match expr:
        case Const(value):
            return int(bool(value))
        case Unary("not", operand):
            inner = _folded(operand)
            return None if inner is None else int(not inner)
        case Binary("<=", Const(a), Const(b)):
            return int(a <= b)
        case Binary("==", Const(a), Const(b)):
            return int(a == b)
        case Binary("!=", Const(a), Const(b)):
            return int(a != b)
    return None
