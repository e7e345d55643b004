"""Procedures of the protocol texts over a domain's memory, executed step by step: the reference.

`compiled.py` runs the same lowered procedures as compiled code; recorded traces hold the two equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from evtplan.engine.hosts.memory import CellMap, Memory, Side, SparseMemory, map_cells
from evtplan.engine.interpreter import BlockedError, OutOfRangeError, Run
from evtplan.engine.interpreter import Memory as Cells
from evtplan.engine.language import Text, read_text
from evtplan.engine.lowering import Procedure, lower_procedure
from evtplan.engine.system import END
from evtplan.errors import EvtplanError

if TYPE_CHECKING:
    from evtplan.engine.system import Place

__all__ = [
    "FIFO",
    "TWO_LEVEL",
    "Call",
    "Event",
    "Interpreter",
    "Machine",
    "ProcedureError",
    "Program",
    "build_program",
]

FIFO, TWO_LEVEL = "fifo", "2l"
PRIORITIES = 16
MOST_STEPS = 1 << 23  # of one call; a drain of a full event array takes 11 for each port

_XEN = ("set_pending", "unmask", "clear_pending")
_GUEST = (
    "guest_mask", "guest_unmask", "guest_clear", "guest_set", "is_masked", "handle_upcall",
)  # fmt: skip

Event = tuple[str, tuple[int, ...]]


class ProcedureError(EvtplanError):
    """A procedure did what its text forbids: it waits for ever, or a value leaves its range."""

    def __init__(self, procedure: str, path: str, line: int, reason: str) -> None:
        self.procedure = procedure
        self.path = path
        self.line = line
        super().__init__(f"{path}:{line}: {procedure}: {reason}")


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Every procedure a host needs of the FIFO and 2-level texts, lowered for one kind of domain.

    A procedure's key is the ABI and its name: ("fifo", "set_pending").
    """

    procedures: Mapping[tuple[str, str], Procedure]
    cells: CellMap
    release: int

    def side(self, key: tuple[str, str]) -> Side:
        """Whose memory map a procedure sees."""
        return Side.GUEST if key[1] in _GUEST else Side.XEN

    def start(self, key: tuple[str, str], *arguments: int) -> "Call":
        """A call of a procedure, at its beginning."""
        procedure = self.procedures[key]
        values = list(procedure.kind.initial)
        for slot, argument in zip(procedure.parameters, arguments, strict=True):
            values[slot] = argument
        return Call(key, values, procedure.kind.start)


def build_program(
    *, release: int, vcpus: int, word_bits: int = 64, fifo: Text | None = None,
    two_level: Text | None = None,
) -> Program:  # fmt: skip
    """Lower both texts for domains with up to `vcpus` VCPUs on a host of `release`.

    Other texts than the built-in ones (a mutant, say) may be given. Raises `TextError`.
    """
    if fifo is None and two_level is None:
        return _builtin_program(release, vcpus, word_bits)
    return _build(
        fifo or read_text("fifo"), two_level or read_text("two-level"), release, vcpus, word_bits
    )


@cache
def _builtin_program(release: int, vcpus: int, word_bits: int) -> Program:
    return _build(read_text("fifo"), read_text("two-level"), release, vcpus, word_bits)


def _build(fifo: Text, two_level: Text, release: int, vcpus: int, word_bits: int) -> Program:
    host = {"host": 1, "vcpus": vcpus, "raisers": 0}
    settings = {
        FIFO: (fifo, host | {"ports": 131_071, "reserved_bits": 11, "priorities": PRIORITIES,
                             "xen_release": release}),
        TWO_LEVEL: (two_level, host | {"words": word_bits, "word_bits": word_bits}),
    }  # fmt: skip
    procedures: dict[tuple[str, str], Procedure] = {}
    for abi, (text, parameters) in settings.items():
        names = (*_XEN, *_GUEST, *(("is_linked",) if abi == FIFO else ()))
        for name in names:
            procedures[abi, name] = lower_procedure(text, name, parameters)
    variables = [
        next(p.variables for (of, _), p in procedures.items() if of == abi) for abi in settings
    ]
    return Program(procedures, map_cells(variables, PRIORITIES, vcpus), release)


@dataclass(slots=True)
class Call:
    """A call under way: the control point it stands at, its locals, what it has emitted."""

    key: tuple[str, str]
    locals: list[int]
    point: int = 0
    events: list[Event] = field(default_factory=list)
    state: object = None

    @property
    def done(self) -> bool:
        """It has returned."""
        return self.point == END


class Machine(Protocol):
    """Runs a program's procedures over one memory."""

    program: Program
    memory: Memory

    def call(self, key: tuple[str, str], *arguments: int) -> tuple[int, list[Event]]:
        """Run a procedure to its end: what it returns (0 for nothing), and what it emitted."""
        ...

    def start(self, key: tuple[str, str], *arguments: int) -> Call:
        """A call that has not made its first step."""
        ...

    def go_on(self, call: Call, until: str | None) -> list[Event]:
        """Run a call to its end, or to the end of the step that emits `until`; what it emitted."""
        ...


class Interpreter:
    """The readable machine: one step after the other, as the executor runs them."""

    def __init__(self, program: Program, most_steps: int = MOST_STEPS) -> None:
        self.program = program
        self.memory: Memory = SparseMemory()
        self.steps = 0
        self.most_steps = most_steps
        self._views = {
            key: _View(procedure, self.memory) for key, procedure in program.procedures.items()
        }

    def call(self, key: tuple[str, str], *arguments: int) -> tuple[int, list[Event]]:
        call = self.start(key, *arguments)
        events = self.go_on(call, None)
        result = self.program.procedures[key].result
        return (0 if result is None else call.locals[result]), events

    def start(self, key: tuple[str, str], *arguments: int) -> Call:
        return self.program.start(key, *arguments)

    def go_on(self, call: Call, until: str | None) -> list[Event]:
        found: list[Event] = []
        last = self.steps + self.most_steps
        while not call.done:
            if self.steps >= last:
                raise self._fault(call, f"it has not ended after {self.most_steps} steps")
            events = self.step(call)
            found += events
            if until is not None and any(name == until for name, _ in events):
                break
        return found

    def step(self, call: Call) -> list[Event]:
        """Make one step of a call; what it emitted. Raises `ProcedureError`."""
        procedure = self.program.procedures[call.key]
        point = procedure.kind.points[call.point]
        step = _Step(self, call, self._views[call.key])
        try:
            outcome = step.run(point.body)
        except BlockedError:
            raise self._fault(call, "it would wait for ever") from None
        except (OutOfRangeError, ValueError):
            raise self._fault(call, "a value or an index leaves its range") from None
        if outcome.broken:
            raise self._fault(call, f"{outcome.broken[0][0]} is broken")
        self.steps += 1
        call.point = outcome.point
        return [(name, values) for name, values, _ in outcome.emitted]

    def _fault(self, call: Call, reason: str) -> ProcedureError:
        procedure = self.program.procedures[call.key]
        line = procedure.kind.points[call.point].line
        return ProcedureError(call.key[1], procedure.path, line, reason)


class _View:
    """A domain's memory as the executor sees it: its cells, and the variables of one procedure."""

    def __init__(self, procedure: Procedure, memory: Memory) -> None:
        self.variables = {variable.name: variable for variable in procedure.variables}
        self.cells = memory
        self.most = tuple(local.most for local in procedure.kind.locals)


class _Step(Run):
    """One step over a domain's memory: places are found through its cell map."""

    def __init__(self, machine: Interpreter, call: Call, view: _View) -> None:
        super().__init__(cast("Cells", view), call.locals, view.most)
        self.map = machine.program.cells
        self.held = machine.memory
        self.side = machine.program.side(call.key)

    def locate(self, place: "Place") -> tuple[int, int, int]:
        index = self.value(place.index)
        if not 0 <= index < self.memory.variables[place.variable].cells:
            raise OutOfRangeError
        offset = 0 if place.offset is None else self.value(place.offset)
        cell = self.map.cell(self.held, place.variable, index, self.side)
        return cell, offset, place.bits if place.offset is not None else 0

    def _choose(self, slot: int, low: int, high: int) -> None:
        if low != high:
            raise BlockedError  # a host has nobody to choose for it
        self.locals[slot] = low
