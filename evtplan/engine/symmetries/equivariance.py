"""Proof that values can change their names: every step does the same to the renamed state.

Most statements only copy, compare and index by such values, and need no more than that. Where a
constant names one of them (a loop over all ports is unrolled, so that it names each in turn) the
fewest statements that do the same together are run on every value of what they read, before and
after renaming. What holds for two renamings that make all others holds for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evtplan.engine.bodies import IN_RANGE
from evtplan.engine.interpreter import BlockedError, Memory, Run
from evtplan.engine.symmetries.roles import (
    Noted,
    NotedBlock,
    Role,
    Roles,
    Shape,
    Test,
    shape_constants,
    shape_role,
)
from evtplan.engine.system import (
    Assert,
    Choose,
    Goto,
    Guard,
    If,
    Load,
    LocalVariable,
    Mark,
    ProcessKind,
    Return,
    Rmw,
    SetGhost,
    SetLocal,
    Store,
    TransitionSystem,
    Variable,
)

__all__ = ["Names", "why_not_interchangeable"]

# Runs of statements that a proof may take.
MOST_TRIALS = 60_000


@dataclass(frozen=True, slots=True)
class Names:
    """A role whose values `elements` may be names; everything else it holds keeps its meaning."""

    role: Role
    elements: tuple[int, ...]

    def has(self, role: Role | None) -> bool:
        """Whether it is the role of these names."""
        return role is not None and role.root is self.role

    def generators(self) -> list[dict[int, int]]:
        """Renamings that make all others: two names exchanged, and all passed on in a ring."""
        ring = dict(zip(self.elements, (*self.elements[1:], self.elements[0]), strict=True))
        if len(self.elements) == 2:
            return [ring]
        first, second = self.elements[:2]
        swap = {value: value for value in self.elements} | {first: second, second: first}
        return [swap, ring]

    def renamed(self, role: Role | None, value: int, names: Mapping[int, int]) -> int:
        """A value of a role, or a word with parts of it, renamed."""
        if role is None:
            return value
        root = role.root
        if root is self.role:
            return names.get(value, value)
        for (offset, bits), part in root.parts.items():
            if part.root is self.role:
                mask = (1 << bits) - 1
                old = (value >> offset) & mask
                value = (value & ~(mask << offset)) | (names.get(old, old) << offset)
        return value


def why_not_interchangeable(system: TransitionSystem, roles: Roles, names: Names) -> str:
    """Why the names cannot be interchanged, with the line of the text; "" where they can."""
    for generator in names.generators():
        try:
            why = _Proof(system, roles, names, generator).why_not()
        except _TooManyError as error:
            why = f"in the step of line {error.line}: too many cases to prove it"
        if why:
            return why
    return ""


class _NotKnownError(Exception):
    def __init__(self, key: "_Key") -> None:
        self.key = key


class _StopError(Exception):
    """A value out of its range: nothing that follows counts."""


class _TooManyError(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


# A cell's field (cell, offset, bits), or a local (−1, slot, 0).
_Key = tuple[int, int, int]


@dataclass(slots=True)
class _End:
    """What some statements did."""

    way: object  # "goto 3", "return 1", "blocked", "stop", or "" where the next statement follows
    point: int | None = None
    raised: frozenset[str] = frozenset()
    written: dict[_Key, int] = field(default_factory=dict)


class _Proof:
    """One renaming."""

    def __init__(
        self, system: TransitionSystem, roles: Roles, names: Names, forth: Mapping[int, int]
    ) -> None:
        self.system = system
        self.roles = roles
        self.names = names
        self.forth = forth
        self.back = {new: old for old, new in forth.items()}
        self.memory = Memory(system.variables)
        self.variable_of = [v for v in system.variables for _ in range(v.cells)]
        self.cell_forth = [self._cell(cell, forth) for cell in range(system.cells)]
        self.cell_back = [self._cell(cell, self.back) for cell in range(system.cells)]
        # While a body is proved:
        self.index: int | None = None
        self.kind: ProcessKind | None = None
        self.slots: tuple[LocalVariable, ...] = ()

    def why_not(self) -> str:
        why = self._initial()
        for (index, point), block in self.roles.points.items():
            if why:
                return why
            self.index, self.kind = index, self.system.kinds[index]
            self.slots = self.kind.locals
            why = self._block(block, self.kind.points[point].line)
        for item in self.system.properties:
            if why:
                return why
            self.index, self.kind, self.slots = None, None, item.locals
            why = self._block(self.roles.properties[item.name], item.line)
            why = why and f"in the property {item.name}{why[why.index(':') :]}"
        return why

    # ---- renaming ------------------------------------------------------------------------------

    def _cell(self, cell: int, names: Mapping[int, int]) -> int:
        variable = self.variable_of[cell]
        number = cell - variable.base
        at, scale = 0, 1
        roles = self.roles.dims[variable.name]
        for (first, count), role in zip(reversed(variable.dims), reversed(roles), strict=True):
            part = number % count
            number //= count
            if self.names.has(role):
                part = names.get(part + first, part + first) - first
            at += part * scale
            scale *= count
        return variable.base + at

    def _role_of(self, key: _Key) -> Role:
        cell, offset, bits = key
        variable = self.variable_of[cell]
        value = self.roles.values[variable.name]
        return value if variable.layout is None else value.part(offset, bits)

    def _renamed(self, cells: Sequence[int], key: _Key) -> _Key:
        return (cells[key[0]], *key[1:]) if key[0] >= 0 else key

    def _initial(self) -> str:
        system, names = self.system, self.names
        cells = [value for variable in system.variables for value in variable.initial]
        for cell, value in enumerate(cells):
            variable = self.variable_of[cell]
            role = self.roles.values[variable.name]
            if cells[self.cell_forth[cell]] != names.renamed(role, value, self.forth):
                return f"{variable.name} does not begin alike for all of them"
        for index, kind in enumerate(system.kinds):
            for slot in kind.points[kind.start].live if kind.start >= 0 else ():
                role = self.roles.locals[index, kind.start, slot]
                value = kind.initial[slot]
                if names.renamed(role, value, self.forth) != value:
                    return f"{kind.name} begins with one of them in {kind.locals[slot].name}"
        return ""

    # ---- statements one by one -----------------------------------------------------------------

    def _block(self, block: NotedBlock, line: int) -> str:
        noted = block.statements
        at = 0
        while at < len(noted):
            why = self._statement(noted[at])
            if not why:
                at += 1
                continue
            for end in range(at + 1, len(noted) + 1):
                after = noted[end].before if end < len(noted) else block.after
                if self._together(noted[at:end], after):
                    at = end
                    break
            else:
                return why
        return ""

    def _statement(self, noted: Noted) -> str:
        if any(self._tells_apart(test) for test in noted.tests):
            return f"in the step of line {noted.line}: one of them is told from the others"
        for way in (noted.then, noted.other):
            why = self._block(way, noted.line) if way is not None else ""
            if why:
                return why
        return ""

    def _tells_apart(self, test: Test) -> bool:
        """Whether a constant that meets a role depends on which name it holds."""
        elements = self.names.elements
        role = test.role.root
        if role is not self.names.role:
            return any(
                part.root is self.names.role
                and (test.op != "==" or (test.value >> offset) & ((1 << bits) - 1) in elements)
                for (offset, bits), part in role.parts.items()
            )
        match test.op:
            case "==":
                return test.value in elements
            case "range":
                inside = {test.value <= value <= test.high for value in elements}
                return len(inside) > 1
            case "1-":
                return elements != (0, 1)
        return len({_compare(test.op, value, test.value) for value in elements}) > 1

    # ---- several at once -----------------------------------------------------------------------

    def _together(self, noted: Sequence[Noted], after: Mapping[int, Shape] | None) -> bool:
        """Whether these statements, run one after the other, do the same to the renamed state."""
        numbers = range(self.kind.count) if self.kind is not None else range(1)
        before = noted[0].before
        trials = 0
        for number in numbers:
            todo: list[dict[_Key, int]] = [
                {(-1, slot, 0): shape for slot, shape in before.items() if isinstance(shape, int)}
            ]
            while todo:
                known = todo.pop()
                trials += 1
                if trials > MOST_TRIALS:
                    raise _TooManyError(noted[0].line)
                try:
                    if not self._same(noted, after, number, known):
                        return False
                except _NotKnownError as missing:
                    if missing.key[0] < 0 and not self._is_mapped(before[missing.key[1]]):
                        return False
                    most = self._most(missing.key)
                    todo += [known | {missing.key: value} for value in range(most + 1)]
                except ValueError:  # undefined for values that may never come up
                    return False
        return True

    def _most(self, key: _Key) -> int:
        cell, offset, bits = key
        if cell < 0:
            return self.slots[offset].most
        variable = self.variable_of[cell]
        return variable.most if variable.layout is None else (1 << bits) - 1

    def _same(
        self, noted: Sequence[Noted], after: Mapping[int, Shape] | None, number: int,
        known: dict[_Key, int],
    ) -> bool:  # fmt: skip
        before = noted[0].before
        one = self._run(noted, number, known)
        renamed = {
            self._renamed(self.cell_forth, key): self._value(key, value, before, self.forth)
            for key, value in known.items()
        }
        is_theirs = self.index is not None and self.names.has(self.roles.numbers[self.index])
        other_number = self.forth[number] if is_theirs else number
        try:
            two = self._run(noted, other_number, renamed)
        except _NotKnownError as missing:
            raise _NotKnownError(self._renamed(self.cell_back, missing.key)) from None
        if one.way != two.way:
            return False
        if one.way in ("stop", "blocked"):
            return True
        if one.raised != two.raised:
            return False
        keys = set(one.written) | {self._renamed(self.cell_back, key) for key in two.written}
        keys |= {
            (-1, slot, 0) for slot in self._live(one.point) if not self._is_mapped(before[slot])
        }
        for key in sorted(keys):
            if key[0] < 0 and not self._matters(key[1], one.point, after):
                continue
            there = self._renamed(self.cell_forth, key)
            value = self._found(key, one.written, known)
            environment = self._environment(one.point, after)
            expected = self._value(key, value, environment, self.forth)
            if there in two.written:
                if two.written[there] != expected:
                    return False
            elif there not in renamed:
                raise _NotKnownError(key)
            elif renamed[there] != expected:
                return False
        return True

    def _live(self, point: int | None) -> tuple[int, ...]:
        if self.kind is None or point is None or point < 0:
            return ()
        return self.kind.points[point].live

    def _is_mapped(self, shape: Shape) -> bool:
        """Whether renaming a state renames what the local holds: no constant that is a name.

        (A constant stays itself. Set to either, a local's renamed value would be told by how it
        was set, which the value alone does not show.)
        """
        is_name = self.names.has(shape_role(shape))
        return not isinstance(shape, int) and not (
            is_name and any(number in self.names.elements for number in shape_constants(shape))
        )

    def _matters(self, slot: int, point: int | None, after: Mapping[int, Shape] | None) -> bool:
        if point is not None:
            return slot in self._live(point)
        return after is not None

    def _environment(
        self, point: int | None, after: Mapping[int, Shape] | None
    ) -> Mapping[int, Shape]:
        if point is None or self.kind is None or self.index is None or point < 0:
            return after or {}
        live = self.kind.points[point].live
        return {slot: self.roles.locals[self.index, point, slot] for slot in live}

    def _found(self, key: _Key, written: dict[_Key, int], known: dict[_Key, int]) -> int:
        if key in written:
            return written[key]
        if key in known:
            return known[key]
        raise _NotKnownError(key)

    def _value(
        self, key: _Key, value: int, environment: Mapping[int, Shape], names: Mapping[int, int]
    ) -> int:
        if key[0] >= 0:
            return self.names.renamed(self._role_of(key), value, names)
        shape = environment.get(key[1], 0)
        return self.names.renamed(shape_role(shape), value, names)

    def _run(self, noted: Sequence[Noted], number: int, known: dict[_Key, int]) -> _End:
        trial = _Trial(self, known, number)
        try:
            trial.statements(tuple(item.statement for item in noted))
        except BlockedError:
            return _End("blocked")
        except _StopError:
            return _End("stop")
        return _End(trial.way, trial.point, frozenset(trial.raised), trial.written)


class _Trial(Run):
    """Statements run on as much of a state as is known; asks for what they read besides."""

    def __init__(self, proof: _Proof, known: dict[_Key, int], number: int) -> None:
        self.proof = proof
        self.known = known
        self.written: dict[_Key, int] = {}
        self.raised: set[str] = set()
        self.way: object = ""
        self.point: int | None = None
        most = tuple(local.most for local in proof.slots)
        super().__init__(proof.memory, _Locals(self), most, number)  # type: ignore[arg-type]

    def statements(self, block: Sequence[object]) -> bool:
        """Run them; True where they end the step."""
        for statement in block:
            match statement:
                case If(test, then, other):
                    if self.statements(then if self.value(test) else other):
                        return True
                case SetLocal(slot, value, checked):
                    number = self.value(value)
                    self._check(not checked or 0 <= number <= self.most[slot])
                    self.locals[slot] = number
                case Goto(point):
                    self.way, self.point = f"goto {point}", point
                    return True
                case Return(value):
                    self.way = f"return {int(bool(self.value(value)))}"
                    return True
                case Guard(test):
                    if not self.value(test):
                        raise BlockedError
                case Assert(name, test):
                    if not self.value(test):
                        self._check(name != IN_RANGE)
                        self.raised.add(name)
                case Mark(name):
                    self.raised.add(name)
                case Choose():
                    raise ValueError("a choice")
                case Load(slot, place):
                    self.locals[slot] = self._part(*self.locate(place))
                case Store(place, value, _, checked) | SetGhost(place, value, checked):
                    self._put(place, self.value(value), checked, "")
                case Rmw(place, new, slot, _, checked):
                    old = self.old = self._part(*self.locate(place))
                    self._put(place, self.value(new), checked, "")
                    if slot is not None:
                        self.locals[slot] = old
        return False

    def _check(self, holds: bool) -> None:
        if not holds:
            raise _StopError

    def read(self, key: _Key) -> int:
        """A field or local as it is now."""
        if key in self.written:
            return self.written[key]
        if key in self.known:
            return self.known[key]
        raise _NotKnownError(key)

    def _fields(self, cell: int, offset: int, bits: int) -> list[_Key]:
        """The keys that a part of a cell reaches into."""
        variable = self.proof.variable_of[cell]
        if variable.layout is None:
            return [(cell, 0, variable.bits)]
        return [
            (cell, item.offset, item.bits)
            for item in variable.layout.fields
            if not bits or (item.offset < offset + bits and offset < item.offset + item.bits)
        ]

    def _part(self, cell: int, offset: int, bits: int) -> int:
        held = sum(self.read(key) << key[1] for key in self._fields(cell, offset, bits))
        return (held >> offset) & ((1 << bits) - 1) if bits else held

    def _put(self, place: object, value: int, checked: bool, kind: str) -> None:
        cell, offset, bits = self.locate(place)  # type: ignore[arg-type]
        variable: Variable = self.proof.variable_of[cell]
        if checked:
            self._check(0 <= value <= ((1 << bits) - 1 if bits else variable.most))
        mask = ((1 << bits) - 1) << offset if bits else -1
        for key in self._fields(cell, offset, bits):
            own = ((1 << key[2]) - 1) << key[1]
            changed = ((value << offset) & mask & own) >> key[1]
            if mask & own != own:
                changed |= self.read(key) & ~((mask & own) >> key[1])
            self.written[key] = changed


class _Locals:
    """A process's locals, known or not."""

    def __init__(self, trial: _Trial) -> None:
        self.trial = trial

    def __getitem__(self, slot: int) -> int:
        return self.trial.read((-1, slot, 0))

    def __setitem__(self, slot: int, value: int) -> None:
        self.trial.written[-1, slot, 0] = value


def _compare(op: str, left: int, right: int) -> bool:
    if op == "<":
        return left < right
    if op == "<=":
        return left <= right
    return left > right if op == ">" else left >= right
