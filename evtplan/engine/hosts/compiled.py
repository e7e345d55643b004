"""The same procedures as `procedures.py` runs step by step, printed and compiled with Numba.

Printed from the same lowered procedures: one function each, over one flat array of 64-bit integers.
A call runs to its end in one go; a handler that is to stop between two steps goes through a form
that keeps its control point and locals. Machine code is kept on disk beside the explorer's: only a
program that is new to this user costs compiling.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from evtplan.engine.codecache import load_generated, native_digest
from evtplan.engine.hosts.memory import (
    ARRAY,
    HEAD,
    HEAD_WORD,
    READY,
    CellMap,
    FlatMemory,
    Memory,
    Side,
)
from evtplan.engine.hosts.procedures import Call, Event, ProcedureError, Program
from evtplan.engine.lowering import Procedure
from evtplan.engine.printing import Printer, indented
from evtplan.engine.system import END, Assert, Choose, Emit, Place

__all__ = ["EVENT_NAMES", "Compiled", "compiled_function", "source_of"]

EVENT_NAMES = (
    "mark", "kick", "handled", "spurious", "hypercall", "pollers", "log", "fault", "crash",
)  # fmt: skip
MOST_EVENTS = 1 << 19  # that one call may emit; a drain of a full event array needs 2 for each port

# What a function returns instead of a result where it cannot go on.
_OUT_OF_RANGE, _BLOCKED, _BROKEN, _TOO_MANY = -2, -3, -4, -5
_REASONS = {
    _OUT_OF_RANGE: "a value or an index leaves its range",
    _BLOCKED: "it would wait for ever",
    _BROKEN: "an assertion is broken",
    _TOO_MANY: "it emits more than there is room for",
}
_ANY = "any"  # stands for the most a 64-bit value may be: such a check is left out
_SHIFT = {16: 4}  # priorities -> the shift that divides by them


class _ProcedurePrinter(Printer):
    """Prints a procedure over `m`, the memory; `e` takes events, two numbers each, from `n` on."""

    def __init__(self, procedure: Procedure, cells: CellMap, side: Side) -> None:
        self.procedure = procedure
        self.map = cells
        self.side = side
        self.variables = {variable.name: variable for variable in procedure.variables}

    def cell(self, place: Place, index: str) -> str:
        if place.variable == ARRAY:
            return f"m[m[{self.map.array_table(self.side)} + ({index} >> 10)] + ({index} & 1023)]"
        if place.variable == READY:
            return f"m[m[{self.map.block_table(self.side)} + {index}]]"
        if place.variable == HEAD:
            shift, mask = _SHIFT[self.map.priorities], self.map.priorities - 1
            table = self.map.block_table(self.side)
            return f"m[m[{table} + ({index} >> {shift})] + {HEAD_WORD} + ({index} & {mask})]"
        return f"m[{self.map.base[place.variable]} + {index}]"

    def set_cell(self, place: Place, index: str, value: str) -> list[str]:
        return [f"{self.cell(place, index)} = {value}"]

    def lowest(self, value: str) -> str:
        return f"lowest_bit({value})"

    def goto(self, point: int) -> list[str]:
        return [f"at = {point}", "break" if point == END else "continue"]

    def blocked(self) -> list[str]:
        return [f"failed = {_BLOCKED}", "break"]

    def check(self, condition: str) -> list[str]:
        if _ANY in condition:
            return []
        return [f"if not ({condition}):", f"    failed = {_OUT_OF_RANGE}", "    break"]

    def cells(self, variable: str) -> int:
        return self.variables[variable].cells

    def most(self, place: Place) -> Any:
        most = self.variables[place.variable].most
        return most if most < 1 << 63 else _ANY

    def most_of_local(self, slot: int) -> Any:
        most = self.procedure.kind.locals[slot].most
        return most if most < 1 << 63 else _ANY

    def emit(self, statement: Emit) -> list[str]:
        code = EVENT_NAMES.index(statement.name)
        value = self.number(statement.arguments[0]) if statement.arguments else "0"
        lines = [
            "if n + 2 > len(e):",
            f"    failed = {_TOO_MANY}",
            "    break",
            f"e[n] = {code}",
            f"e[n + 1] = {value}",
            "n += 2",
        ]
        if statement.name == "handled":
            lines.append("stopping = until")
        return lines

    def asserts(self, statement: Assert, condition: str) -> list[str]:
        return [f"if not {condition}:", f"    failed = {_BROKEN}", "    break"]

    def choose(self, statement: Choose) -> list[str]:
        low = self.number(statement.low)
        lines = [f"if {low} != {self.number(statement.high)}:", *indented(self.blocked())]
        return [*lines, self.assign(statement.slot, low)]

    # -- the two forms

    def loop(self, *, can_stop: bool) -> list[str]:
        """Step after step, until the end, a fault, or a step after which it is to stop."""
        lines = ["while True:"]
        if can_stop:
            lines += ["    if stopping != 0:", "        break"]
        for point in self.procedure.kind.points:
            lines.append(f"    if at == {point.index}:")
            lines += indented(indented(self.block(point.body)))
        return lines

    def whole(self) -> list[str]:
        """Arguments in, result out; what it emitted is in `e`, from 1 up to `e[0]`."""
        kind, parameters = self.procedure.kind, self.procedure.parameters
        arguments = ", ".join(["m", "e", *(f"l{slot}" for slot in parameters)])
        lines = [f"def procedure({arguments}):"]
        body = ["n = 1", f"at = {kind.start}", "failed = 0", "until = 0", "stopping = 0", "old = 0"]
        body += [f"l{s} = {kind.initial[s]}" for s in self._slots() if s not in parameters]
        body += self.loop(can_stop=False)
        result = "0" if self.procedure.result is None else f"l{self.procedure.result}"
        body += ["e[0] = n", "if failed != 0:", "    return failed", f"return {result}"]
        return lines + list(indented(body))

    def stoppable(self) -> list[str]:
        """Control point and locals in and out, in `l`; stops after a handled event if `until`."""
        lines = ["def procedure(m, e, l, at, until):"]
        body = ["n = 1", "failed = 0", "stopping = 0", "old = 0"]
        body += [f"l{slot} = l[{slot}]" for slot in self._slots()]
        body += self.loop(can_stop=True)
        body += [f"l[{slot}] = l{slot}" for slot in self._slots()]
        body += ["e[0] = n", "if failed != 0:", "    return failed", "return at"]
        return lines + list(indented(body))

    def _slots(self) -> Iterable[int]:
        return range(len(self.procedure.kind.locals))


def source_of(program: Program, key: tuple[str, str], *, stoppable: bool = False) -> str:
    """The Python source that a procedure is compiled from."""
    printer = _ProcedurePrinter(program.procedures[key], program.cells, program.side(key))
    return "\n".join(printer.stoppable() if stoppable else printer.whole()) + "\n"


def compiled_function(
    program: Program, key: tuple[str, str], *, stoppable: bool = False
) -> Callable[..., int]:
    """The compiled function of a procedure; compiled when it is first called, once a source."""
    return _compile(source_of(program, key, stoppable=stoppable))


@cache
def _compile(source: str) -> Callable[..., int]:
    function: Callable[..., int] = load_generated(_module_source(source)).procedure
    return function


def _module_source(source: str) -> str:
    """The module that keeps a printed procedure and its machine code from run to run."""
    return (
        f"# over native.py {native_digest()}\n"
        "from numba import njit\n\n"
        "from evtplan.engine.native import lowest_bit\n\n\n"
        f"@njit(cache=True)\n{source}"
    )


class Compiled:
    """The fast machine: the reference's answers, at the speed of compiled code."""

    def __init__(self, program: Program) -> None:
        import numpy

        self.program = program
        self._flat = FlatMemory(program.cells.frame(4))
        self.memory: Memory = self._flat
        self._events: Any = numpy.zeros(2 * MOST_EVENTS, dtype=numpy.int64)
        self._functions: dict[tuple[str, str], Callable[..., int]] = {}

    def call(self, key: tuple[str, str], *arguments: int) -> tuple[int, list[Event]]:
        if key not in self._functions:
            self._functions[key] = compiled_function(self.program, key)
        result = self._functions[key](self._flat.array, self._events, *arguments)
        self._check(key, result, 0)
        return result, self._emitted()

    def start(self, key: tuple[str, str], *arguments: int) -> Call:
        return self.program.start(key, *arguments)

    def go_on(self, call: Call, until: str | None) -> list[Event]:
        import numpy

        if until not in (None, "handled"):
            raise ValueError(f"compiled calls do not stop at {until}")
        function = compiled_function(self.program, call.key, stoppable=True)
        values = numpy.array([_signed(value) for value in call.locals], dtype=numpy.int64)
        at = function(self._flat.array, self._events, values, call.point, int(until is not None))
        self._check(call.key, at, call.point)
        call.point = at
        call.locals[:] = [int(value) for value in values]
        return self._emitted()

    def _emitted(self) -> list[Event]:
        events = self._events
        return [
            (EVENT_NAMES[int(events[n])], (int(events[n + 1]),))
            for n in range(1, int(events[0]), 2)
        ]

    def _check(self, key: tuple[str, str], result: int, point: int) -> None:
        if result < END:
            procedure = self.program.procedures[key]
            line = procedure.kind.points[point].line
            raise ProcedureError(key[1], procedure.path, line, _REASONS[result])


def _signed(value: int) -> int:
    return value if value < 1 << 63 else value - (1 << 64)
