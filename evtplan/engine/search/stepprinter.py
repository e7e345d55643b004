"""Prints the steps and the properties of a system as Python functions over packed states."""

from collections.abc import Sequence

from evtplan.engine.bodies import IN_RANGE, mentioned_slots, walk
from evtplan.engine.search.packed_values import PackedValues, constant
from evtplan.engine.search.packing import Packing
from evtplan.engine.system import (
    END,
    Assert,
    Block,
    Choose,
    Const,
    Goto,
    Guard,
    If,
    Load,
    Mark,
    Place,
    ProcessKind,
    Property,
    Return,
    Rmw,
    SetGhost,
    SetLocal,
    Store,
    TransitionSystem,
)

__all__ = ["StepPrinter"]


class StepPrinter:
    """Prints the functions of a system, one after the other, over states packed in one integer."""

    def __init__(self, system: TransitionSystem, packing: Packing, flags: Sequence[str]) -> None:
        self.system = system
        self.packing = packing
        self.flags = {name: 1 << index for index, name in enumerate(flags)}
        self.values = PackedValues(system, packing)
        self.variables = self.values.variables
        self.lines: list[str] = []
        self.temps = 0
        # While a body is printed:
        self.process = 0
        self.kind: ProcessKind | None = None
        self.choice = "-1"
        self.labelled = False
        self.flagged = False
        self.live: tuple[int, ...] = ()
        self.dead: list[int] = []

    # ---- functions ---------------------------------------------------------------------------

    @property
    def parameters(self) -> str:
        return ", ".join(f"s{word}" for word in range(self.packing.words))

    def expand(self, name: str, *, labelled: bool) -> list[str]:
        self.lines = ["", "", f"def {name}({self.parameters}, out):"]
        self.labelled = labelled
        self.values.words, self.values.prefix = "n", "L"
        self.put(1, "f = 0")
        for process, (kind, number) in enumerate(self.system.processes):
            self.process, self.kind, self.values.process = process, kind, number
            self.put(1, f"# {kind.name} {number}")
            self.put(1, f"pc = {self.values.part(self.packing.frames[process].pc, 's')}")
            for point in kind.points:
                word = "if" if point.index == kind.points[0].index else "elif"
                self.put(1, f"{word} pc == {point.index}:  # line {point.line}")
                self._point(point.index, 2)
        self.put(1, "return f")
        return self.lines

    def judges(
        self, name: str, properties: Sequence[Property], *, broken: bool, waits: bool = False
    ) -> list[str]:
        self.lines = []
        self.values.words, self.values.prefix, self.values.process = "s", "P", 0
        calls = []
        for number, item in enumerate(properties):
            function = f"_{name}_{number}"
            self.lines += ["", "", f"def {function}({self.parameters}):"]
            for slot in range(len(item.locals)):
                self.put(1, f"P{slot} = 0")
            self._property(item.body, 1)
            self.put(1, "return 0")
            test = (
                f"{function}({self.parameters}) == 0"
                if broken
                else f"{function}({self.parameters}) != 0"
            )
            calls.append(test)
        self.lines += ["", "", f"def {name}({self.parameters}):"]
        self.put(1, "f = 0")
        for number, test in enumerate(calls):
            self.put(1, f"if {test}:")
            self.put(2, f"f |= {1 << number}")
        if waits:
            self._waits(1 << len(calls))
        self.put(1, "return f")
        return self.lines

    def _waits(self, bit: int) -> None:
        """A process that stands at rest neither at its end nor where it may wait."""
        for process, (kind, _) in enumerate(self.system.processes):
            allowed = [point.index for point in kind.points if point.waits] + [len(kind.points)]
            pc = self.values.part(self.packing.frames[process].pc, "s")
            self.put(1, f"pc = {pc}")
            self.put(1, f"if not ({' or '.join(f'pc == {index}' for index in allowed)}):")
            self.put(2, f"f |= {bit}")

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def temp(self) -> str:
        self.temps += 1
        return f"t{self.temps}"

    # ---- one control point -------------------------------------------------------------------

    def _point(self, index: int, depth: int) -> None:
        assert self.kind is not None
        point = self.kind.points[index]
        self.live = point.live
        self.dead = sorted(mentioned_slots(self.kind, point.body) - set(point.live))
        self.choice = "-1"
        self.flagged = any(isinstance(item, Assert | Mark) for item in walk(point.body))
        self._start(depth)
        self._block(list(point.body), depth)

    def _start(self, depth: int) -> None:
        """The state as it stands before the step: every choice begins with it."""
        for slot in self.live:
            part = self.packing.frames[self.process].locals[slot]
            self.put(depth, f"L{slot} = {self.values.part(part, 's') if part else 0}")
        for slot in self.dead:
            self.put(depth, f"L{slot} = 0")
        for word in range(self.packing.words):
            self.put(depth, f"n{word} = s{word}")
        if self.labelled:
            self.put(depth, "f = 0")
        elif self.flagged:
            self.put(depth, "g = 0")

    def _block(self, block: list[object], depth: int) -> None:
        while block:
            statement = block.pop(0)
            match statement:
                case If():
                    if _simple(statement.then) and _simple(statement.other):
                        self._if(statement, depth)
                        continue
                    self.put(depth, f"if {self.values.condition(statement.test)}:")
                    self._block([*statement.then, *block], depth + 1)
                    self.put(depth, "else:")
                    self._block([*statement.other, *block], depth + 1)
                    return
                case Guard():
                    self.put(depth, f"if {self.values.condition(statement.test)}:")
                    self._block(block, depth + 1)
                    return
                case Choose():
                    low, high = (
                        self.values.number(statement.low),
                        self.values.number(statement.high),
                    )
                    self.choice = "choice"
                    self.put(depth, f"for choice in range({low}, {high} + 1):")
                    depth += 1
                    self._start(depth)
                    self.put(depth, f"L{statement.slot} = choice")
                case Goto():
                    self._goto(statement.point, depth)
                    return
                case _:
                    depth = self._statement(statement, depth)
        self.put(depth, "pass")

    def _if(self, statement: If, depth: int) -> None:
        self.put(depth, f"if {self.values.condition(statement.test)}:")
        self._way(statement.then, depth + 1)
        if statement.other:
            self.put(depth, "else:")
            self._way(statement.other, depth + 1)

    def _way(self, block: Block, depth: int) -> None:
        before = len(self.lines)
        for item in block:
            self._nested(item, depth)
        if len(self.lines) == before:  # nothing of the state: an Emit
            self.put(depth, "pass")

    def _nested(self, item: object, depth: int) -> None:
        if isinstance(item, If):
            self._if(item, depth)
        else:
            self._statement(item, depth)

    def _statement(self, statement: object, depth: int) -> int:
        """Print one plain statement; the depth at which the next one stands."""
        match statement:
            case SetLocal(slot, value, checked):
                self.put(depth, f"{self.values.local(slot)} = {self.values.number(value)}")
                if checked:
                    assert self.kind is not None
                    most = self.kind.locals[slot].most
                    depth = self._check(f"0 <= {self.values.local(slot)} <= {most}", depth)
            case SetGhost(place, value, checked) | Store(place, value, _, checked):
                depth = self._index(place, depth)
                depth = self._assign(place, self.values.number(value), checked, depth)
            case Load(slot, place):
                depth = self._index(place, depth)
                self.put(depth, f"{self.values.local(slot)} = {self.values.read(place)}")
            case Rmw(place, new, slot, _, checked):
                depth = self._index(place, depth)
                self.put(depth, f"old = {self.values.read(place)}")
                depth = self._assign(place, self.values.number(new), checked, depth)
                if slot is not None:
                    self.put(depth, f"{self.values.local(slot)} = old")
            case Mark(name):
                self.put(depth, f"{self.gathered} |= {self.flags[name]}")
            case Assert(name, test, _):
                self.put(depth, f"if not {self.values.condition(test)}:")
                self.put(depth + 1, f"{self.gathered} |= {self.flags[name]}")
            case _:  # Emit, Fence: nothing of the state
                pass
        return depth

    def _check(self, test: str, depth: int) -> int:
        self.put(depth, f"if not ({test}):")
        self.put(depth + 1, f"f |= {'g | ' if self._pending else ''}{self.flags[IN_RANGE]}")
        if self.labelled:
            self.put(depth + 1, f"out.append((None, f, {self.process}, {self.choice}))")
        self.put(depth, "else:")
        return depth + 1

    def _index(self, place: Place, depth: int) -> int:
        if not place.checked:
            return depth
        cells = self.variables[place.variable].cells
        return self._check(f"0 <= {self.values.number(place.index)} < {cells}", depth)

    def _assign(self, place: Place, value: str, checked: bool, depth: int) -> int:
        variable = self.variables[place.variable]
        bits = place.bits if place.offset is not None else variable.bits
        if checked:
            most = (1 << bits) - 1 if place.offset is not None else variable.most
            name = self.temp()
            self.put(depth, f"{name} = {value}")
            depth = self._check(f"0 <= {name} <= {most}", depth)
            value = name
        if not bits or not variable.bits:
            return depth
        chunks = self.packing.chunks[variable.name]
        index = self.values.number(place.index)
        inner = 0 if place.offset is None else constant(place.offset)
        if isinstance(place.index, Const):
            chunk = next(c for c in chunks if c.first <= place.index.value < c.first + c.count)
            base = chunk.offset + (place.index.value - chunk.first) * variable.bits
            self._insert(chunk.word, base, inner, place, value, bits, depth)
            return depth
        if len(chunks) > 1:
            name = self.temp()
            self.put(depth, f"{name} = {index}")
            index = name
        for number, chunk in enumerate(chunks):
            here = depth
            if len(chunks) > 1:
                word = "if" if number == 0 else "elif" if number < len(chunks) - 1 else "else"
                test = "" if word == "else" else f" {index} < {chunk.first + chunk.count}"
                self.put(depth, f"{word}{test}:")
                here += 1
            shift = self.values.cell_shift(variable, chunk, index)
            self._insert(chunk.word, shift, inner, place, value, bits, here)
        return depth

    def _insert(
        self, word: int, base: "int | str", inner: int | None, place: Place,
        value: str, bits: int, depth: int,
    ) -> None:  # fmt: skip
        name = f"n{word}"
        mask = (1 << bits) - 1
        if isinstance(base, int) and inner is not None:
            shift = base + inner
            keep = ~(mask << shift)
            moved = self._moved(value, shift)
            self.put(depth, f"{name} = ({name} & {keep}) | {moved}")
            return
        text = f"{base} + {inner if inner is not None else self.values.number(place.offset)}"  # type: ignore[arg-type]
        shift_name = self.temp()
        self.put(depth, f"{shift_name} = {text}")
        self.put(
            depth, f"{name} = ({name} & ~({mask} << {shift_name})) | ({value} << {shift_name})"
        )

    def _moved(self, value: str, shift: int) -> str:
        if value.lstrip("-").isdigit():
            moved = int(value) << shift
            return str(moved)
        return f"({value} << {shift})" if shift else f"({value})"

    @property
    def _pending(self) -> bool:
        """Flags of this step are kept apart until it is sure that it can be taken."""
        return self.flagged and not self.labelled

    @property
    def gathered(self) -> str:
        return "g" if self._pending else "f"

    def _goto(self, point: int, depth: int) -> None:
        """The successor: the frame anew, from the locals that are live where it goes."""
        if self._pending:
            self.put(depth, "f |= g")
        assert self.kind is not None
        frame = self.packing.frames[self.process]
        target = len(self.kind.points) if point == END else point
        live = () if point == END else self.kind.points[point].live
        parts = {frame.pc: str(target)}
        for slot in live:
            part = frame.locals[slot]
            if part is not None:
                parts[part] = f"L{slot}"
        cleared: dict[int, int] = {}
        for part in (frame.pc, *(p for p in frame.locals if p is not None)):
            cleared[part.word] = cleared.get(part.word, 0) | ((1 << part.bits) - 1) << part.offset
        for word, mask in cleared.items():
            keep = ~mask
            values = [
                self._moved(value, part.offset)
                for part, value in parts.items()
                if part.word == word and value != "0"
            ]
            self.put(depth, f"n{word} = " + " | ".join([f"(n{word} & {keep})", *values]))
        if self.labelled:
            self.put(depth, f"out.append((n0, f, {self.process}, {self.choice}))")
        else:
            self.put(depth, "out.append(n0)")

    # ---- properties --------------------------------------------------------------------------

    def _property(self, block: Block, depth: int) -> None:
        if not block:
            self.put(depth, "pass")
        for statement in block:
            match statement:
                case Return(value):
                    self.put(depth, f"return {self.values.number(value)}")
                case SetLocal(slot, value, _):
                    self.put(depth, f"P{slot} = {self.values.number(value)}")
                case If(test, then, other):
                    self.put(depth, f"if {self.values.condition(test)}:")
                    self._property(then, depth + 1)
                    if other and then and isinstance(then[-1], Return):
                        self._property(other, depth)  # a long chain stays flat
                    elif other:
                        self.put(depth, "else:")
                        self._property(other, depth + 1)
                case _:
                    raise AssertionError(statement)


def _simple(block: Block) -> bool:
    """No way out of the step and no deeper nesting inside: an ordinary if will do."""
    for statement in block:
        match statement:
            case If(_, then, other):
                if not (_simple(then) and _simple(other)):
                    return False
            case Guard() | Goto() | Choose():
                return False
            case SetLocal(_, _, checked):
                if checked:
                    return False
            case SetGhost(place, _, checked) | Store(place, _, _, checked):
                if checked or place.checked:
                    return False
            case Load(_, place):
                if place.checked:
                    return False
            case Rmw(place, _, _, _, checked):
                if checked or place.checked:
                    return False
            case _:
                pass
    return True
