"""Prints a transition system as LLVM assembly over packed states, for the compiled search.

The functions are those of `stepcode`, in the same order and with the same flags; a state is a few
64-bit words here. Printing assembly, and not Python for Numba to type and lower again, makes
compiling several times faster; Numba links it into the search and optimises both together.

- `expand(s…, out)` writes every successor from address `out` on, and returns their number with
  the flags in the bits from `FLAG_SHIFT` upwards.
- `always(s…)`, `at_rest(s…)`, `sometimes(s…)` return a bit for each property.
"""

from collections.abc import Callable, Sequence

from evtplan.engine.bodies import mentioned_slots
from evtplan.engine.search.assembly import Assembly, signed
from evtplan.engine.search.packing import Packing, pack_system
from evtplan.engine.search.stepcode import FLAG_SHIFT, StepCode
from evtplan.engine.system import (
    END,
    Assert,
    Block,
    Choose,
    Const,
    Expr,
    Goto,
    Guard,
    If,
    Load,
    Mark,
    Place,
    ProcessKind,
    Property,
    PropertyKind,
    Return,
    Rmw,
    SetGhost,
    SetLocal,
    Store,
    TransitionSystem,
)

__all__ = ["print_assembly"]


def print_assembly(system: TransitionSystem, code: StepCode) -> tuple[str, Packing]:
    """The functions of `system`, with the flags that `code` lists; the packing they use."""
    packing = pack_system(system)
    by_name = {item.name: item for item in system.properties}
    printer = _Printer(system, packing, {n: 1 << i for i, n in enumerate(code.step_flags)})
    printer.expand()
    deadlock = any(p.kind is PropertyKind.NO_DEADLOCK for p in system.properties)
    printer.judges("always", [by_name[n] for n in code.always], broken=True)
    rest = [by_name[n] for n in code.at_rest if by_name[n].kind is PropertyKind.AT_REST]
    printer.judges("at_rest", rest, broken=True, waits=deadlock)
    printer.judges("sometimes", [by_name[n] for n in code.sometimes], broken=False)
    declared = "declare i64 @llvm.cttz.i64(i64, i1)\n"
    return declared + "\n".join(printer.lines) + "\n", packing


class _Printer(Assembly):
    """Prints one function after the other."""

    def __init__(self, system: TransitionSystem, packing: Packing, flags: dict[str, int]) -> None:
        super().__init__(system, packing, flags)
        self.system = system
        self.kind: ProcessKind | None = None
        self.process = 0
        self.assigned: frozenset[int] = frozenset()
        self.live: tuple[int, ...] = ()
        self.dead: list[int] = []
        self.most_of: Sequence[int] = ()

    # ---- expand --------------------------------------------------------------------------------

    def expand(self) -> None:
        words = self.packing.words
        self.words = "n"
        self.lines.append(f"define weak_odr i64 @NAME_expand({self.parameters}, i64 %out) {{")
        self.block("entry")
        slots = max((len(kind.locals) for kind in self.system.kinds), default=0)
        self.variables_of([f"n{w}" for w in range(words)] + [f"L{s}" for s in range(slots)])
        self.variables_of(["f", "g", "k", "c"])
        self.store("%out", "k")
        for process, (kind, number) in enumerate(self.system.processes):
            self.process, self.kind, self.me = process, kind, number
            self.most_of = [local.most for local in kind.locals]
            following = self.name("process")
            pc = self.part(self.packing.frames[process].pc, "s")
            labels = [self.name("point") for _ in kind.points]
            cases = " ".join(f"i64 {i}, label %{label}" for i, label in enumerate(labels))
            self.put(f"switch i64 {pc}, label %{following} [{cases}]")
            for index, label in enumerate(labels):
                self.block(label)
                self.point(index, following)
            self.block(following)
        bytes_ = self.op(f"sub i64 {self.load('k')}, %out")
        count = self.op(f"udiv i64 {bytes_}, {8 * words}")
        shifted = self.op(f"shl i64 {self.load('f')}, {FLAG_SHIFT}")
        self.put(f"ret i64 {self.op(f'or i64 {count}, {shifted}')}")
        self.lines.append("}")

    def point(self, index: int, following: str) -> None:
        assert self.kind is not None
        point = self.kind.points[index]
        self.live = point.live
        self.dead = sorted(mentioned_slots(self.kind, point.body) - set(point.live))
        self.assigned = frozenset(_assigned(point.body))
        self.leave = following
        self.begin()
        self.statements(point.body, "")

    def begin(self) -> None:
        """The state as it stands before the step: every choice begins with it."""
        for word in range(self.packing.words):
            self.store(f"%s{word}", f"n{word}")
        for slot in self.live:
            part = self.packing.frames[self.process].locals[slot]
            self.store(self.part(part, "s") if part else "0", f"L{slot}")
        for slot in self.dead:
            self.store("0", f"L{slot}")
        self.store("0", "g")

    def fork(
        self, test: Expr, then: Block, other: Block, join: str, write: Callable[[Block, str], None]
    ) -> None:
        """Print both ways of a branch by `write`; either goes on at `join`."""
        yes, no = self.name("then"), self.name("else")
        self.branch(self.test(test), yes, no)
        for label, way in ((yes, then), (no, other)):
            self.block(label)
            write(way, join)

    def statements(self, block: Block, join: str) -> None:
        """Print a block; where it does not end the step it goes on at `join`."""
        for number, statement in enumerate(block):
            match statement:
                case If(test, then, other):
                    last = number == len(block) - 1
                    after = join if last else self.name("join")
                    self.fork(test, then, other, after, self.statements)
                    if last:
                        return
                    self.block(after)
                case Guard(test):
                    self.require(self.test(test))
                case Choose(slot, low, high):
                    self.choose(slot, low, high)
                case Goto(point):
                    self.goto(point)
                    return
                case _:
                    self.statement(statement)
        self.jump(join or self.leave)

    def choose(self, slot: int, low: Expr, high: Expr) -> None:
        head, body, again = self.name("choose"), self.name("chosen"), self.name("again")
        self.store(self.value(low), "c")
        most = self.value(high)
        done = self.leave
        self.jump(head)
        self.block(again)
        self.store(self.op(f"add i64 {self.load('c')}, 1"), "c")
        self.jump(head)
        self.block(head)
        self.branch(self.op(f"icmp sle i64 {self.load('c')}, {most}"), body, done)
        self.block(body)
        self.leave = again
        self.begin()
        self.store(self.load("c"), f"L{slot}")

    def statement(self, statement: object) -> None:
        match statement:
            case SetLocal(slot, value, checked):
                number = self.value(value)
                if checked:
                    self.within(number, self.most_of[slot])
                self.store(number, f"L{slot}")
            case SetGhost(place, new, checked) | Store(place, new, _, checked):
                self.assign(place, lambda: self.value(new), checked)
            case Load(slot, place):
                self.store(self.read(place, access=True), f"L{slot}")
            case Rmw(place, new, slot, _, checked):
                old = self.read(place, access=True)

                def value_of() -> str:
                    self.old = old
                    return self.value(new)

                self.assign(place, value_of, checked, proven=True)
                if slot is not None:
                    self.store(old, f"L{slot}")
            case Mark(name):
                self.store(self.op(f"or i64 {self.load('g')}, {self.flags[name]}"), "g")
            case Assert(name, test, _):
                bit = self.op(f"select i1 {self.test(test)}, i64 0, i64 {self.flags[name]}")
                self.store(self.op(f"or i64 {self.load('g')}, {bit}"), "g")
            case _:  # Emit, Fence: nothing of the state
                pass

    def assign(self, place: Place, value_of: object, checked: bool, proven: bool = False) -> None:
        variable = self.variables[place.variable]
        if place.checked and not proven:
            self.within(self.value(place.index), variable.cells - 1)
        bits = place.bits if place.offset is not None else variable.bits
        value: str = value_of()  # type: ignore[operator]
        if checked:
            self.within(value, (1 << bits) - 1 if place.offset is not None else variable.most)
        if not bits or not variable.bits:
            return
        chunks = self.packing.chunks[variable.name]
        inner = None if place.offset is None else place.offset
        if isinstance(place.index, Const):
            at = place.index.value
            chunk = next(c for c in chunks if c.first <= at < c.first + c.count)
            fixed = Const(chunk.offset + (at - chunk.first) * variable.bits)
            self.insert(chunk.word, fixed, inner, value, bits)
            return
        done = self.name("stored") if len(chunks) > 1 else ""
        for chunk in chunks:
            following = ""
            if chunk is not chunks[-1]:
                here, following = self.name("chunk"), self.name("chunk")
                index = self.value(place.index)
                inside = self.op(f"icmp slt i64 {index}, {chunk.first + chunk.count}")
                self.branch(inside, here, following)
                self.block(here)
            self.insert(
                chunk.word, self.cell_shift(variable, chunk, place.index), inner, value, bits
            )
            if done:
                self.jump(done)
            if following:
                self.block(following)
        if done:
            self.block(done)

    def goto(self, point: int) -> None:
        """The successor: control point and live locals; those that did not change stay in place."""
        assert self.kind is not None
        frame = self.packing.frames[self.process]
        live = () if point == END else self.kind.points[point].live
        kept = {slot for slot in live if slot in self.live and slot not in self.assigned}
        parts = {frame.pc: str(frame.end if point == END else point)}
        clear: dict[int, int] = {}
        for part in (frame.pc, *(p for p in frame.locals if p is not None)):
            clear[part.word] = clear.get(part.word, 0) | ((1 << part.bits) - 1) << part.offset
        for slot in live:
            part_ = frame.locals[slot]
            if part_ is None:
                continue
            if slot in kept:
                clear[part_.word] &= ~(((1 << part_.bits) - 1) << part_.offset)
            else:
                parts[part_] = self.load(f"L{slot}")
        for word, mask in clear.items():
            value = self.op(f"and i64 {self.load(f'n{word}')}, {signed(~mask)}")
            for part, number in parts.items():
                if part.word == word and number != "0":
                    value = self.op(f"or i64 {value}, {self.moved(number, part.offset)}")
            self.store(value, f"n{word}")
        address = self.load("k")
        for word in range(self.packing.words):
            at = self.op(f"add i64 {address}, {8 * word}") if word else address
            pointer = self.op(f"inttoptr i64 {at} to ptr")
            self.put(f"store i64 {self.load(f'n{word}')}, ptr {pointer}, align 8")
        self.store(self.op(f"add i64 {address}, {8 * self.packing.words}"), "k")
        self.store(self.op(f"or i64 {self.load('f')}, {self.load('g')}"), "f")
        self.jump(self.leave)

    # ---- properties ----------------------------------------------------------------------------

    def judges(
        self, name: str, properties: Sequence[Property], *, broken: bool, waits: bool = False
    ) -> None:
        self.words, self.me = "s", 0
        for number, item in enumerate(properties):
            self.lines.append(f"define internal i64 @NAME_{name}_{number}({self.parameters}) {{")
            self.block("entry")
            self.variables_of([f"L{slot}" for slot in range(len(item.locals))])
            self.property(item.body, "")
            self.lines.append("}")
        self.lines.append(f"define weak_odr i64 @NAME_{name}({self.parameters}) {{")
        self.block("entry")
        self.variables_of(["f"])
        for number in range(len(properties)):
            value = self.op(f"call i64 @NAME_{name}_{number}({self.parameters})")
            test = self.op(f"icmp {'eq' if broken else 'ne'} i64 {value}, 0")
            self.flag(test, 1 << number)
        if waits:
            self.waits(1 << len(properties))
        self.put(f"ret i64 {self.load('f')}")
        self.lines.append("}")

    def flag(self, test: str, bit: int) -> None:
        raised = self.op(f"select i1 {test}, i64 {bit}, i64 0")
        self.store(self.op(f"or i64 {self.load('f')}, {raised}"), "f")

    def waits(self, bit: int) -> None:
        for process, (kind, _) in enumerate(self.system.processes):
            allowed = [point.index for point in kind.points if point.waits] + [len(kind.points)]
            pc = self.part(self.packing.frames[process].pc, "s")
            stuck = "true"
            for index in allowed:
                differs = self.op(f"icmp ne i64 {pc}, {index}")
                stuck = self.op(f"and i1 {stuck}, {differs}")
            self.flag(stuck, bit)

    def property(self, block: Block, join: str) -> None:
        for number, statement in enumerate(block):
            match statement:
                case Return(value):
                    self.put(f"ret i64 {self.value(value)}")
                    return
                case SetLocal(slot, value, _):
                    self.store(self.value(value), f"L{slot}")
                case If(test, then, other):
                    last = number == len(block) - 1
                    after = join if last else self.name("join")
                    self.fork(test, then, other, after, self.property)
                    if last:
                        return
                    self.block(after)
        if join:
            self.jump(join)
        else:
            self.put("ret i64 0")


def _assigned(block: Block) -> set[int]:
    """Slots that a block may change."""
    found: set[int] = set()
    for statement in block:
        match statement:
            case SetLocal(slot, _, _) | Load(slot, _) | Choose(slot, _, _):
                found.add(slot)
            case Rmw(slot=slot) if slot is not None:
                found.add(slot)
            case If(_, then, other):
                found |= _assigned(then) | _assigned(other)
    return found
