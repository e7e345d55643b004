"""One schedule of a transition system, step by step: readable, and the reference for the rest.

Under `tso` and `pso` each process has a store buffer: its stores wait there, its own loads see
them, and a step of the buffer itself writes one to memory (under tso the oldest, under pso the
oldest of any cell). Locked operations and full fences write the whole buffer first; a store fence
keeps the stores behind it behind it, and so does a release.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evtplan.engine.bodies import IN_RANGE
from evtplan.engine.interpreter import Access, BlockedError, Memory, OutOfRangeError, Run
from evtplan.engine.naming import Change, Names
from evtplan.engine.path import Path, PathStep
from evtplan.engine.system import (
    END,
    Choose,
    ControlPoint,
    Fence,
    Load,
    ProcessKind,
    Property,
    PropertyKind,
    Rmw,
    Store,
    TransitionSystem,
)
from evtplan.errors import EvtplanError

__all__ = ["Executor", "ScheduleError", "Step", "process_names"]


class ScheduleError(EvtplanError):
    """A schedule asks for a step that cannot be taken where it stands."""

    def __init__(self, number: int, reason: str, hint: str = "") -> None:
        self.number = number
        self.reason = reason
        super().__init__(f"step {number}: {reason}", hint)


@dataclass(frozen=True, slots=True)
class Buffered:
    """A store that waits in a store buffer; `bits` 0: a whole cell. A `fence` is no store."""

    cell: int
    offset: int
    bits: int
    value: int
    release: bool = False
    fence: bool = False

    def into(self, held: int) -> int:
        """What the cell holds once the store has reached it."""
        if not self.bits:
            return self.value
        mask = ((1 << self.bits) - 1) << self.offset
        return (held & ~mask) | ((self.value << self.offset) & mask)


@dataclass(frozen=True, slots=True)
class Step:
    """A step taken: who moved, at which line, what changed, what there was to see.

    `broken` has the properties that do not hold at this step or in the state after it.
    """

    number: int
    taken: PathStep
    process: str
    line: int
    source: str
    access: str
    changes: tuple[Change, ...]
    emitted: tuple[tuple[str, tuple[int, ...]], ...]
    marks: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def leads_nowhere(self) -> bool:
        """True where a value or an index went out of range: nothing is defined after that."""
        return IN_RANGE in self.broken


def process_names(system: TransitionSystem) -> tuple[str, ...]:
    """Every process by name: that of its kind, and its number where there are several."""
    return tuple(
        kind.name if kind.count == 1 else f"{kind.name} {number}"
        for kind, number in system.processes
    )


@dataclass(slots=True)
class _Process:
    kind: ProcessKind
    me: int
    point: int
    locals: list[int]
    buffer: list[Buffered] = field(default_factory=list)


@dataclass(slots=True)
class _BufferedRun(Run):
    """A body run in front of a store buffer."""

    buffer: list[Buffered] = field(default_factory=list)

    def _access(self, statement: object) -> None:
        match statement:
            case Load(slot=slot, place=place):
                cell, offset, bits = self.locate(place)
                held = self._part(cell, 0, 0)
                self.locals[slot] = self._part(cell, offset, bits)
                self.outcome.access = Access("load", place.variable, cell, held, held)
            case Store(place=place, value=value, release=release, checked=checked):
                cell, offset, bits = self.locate(place)
                number = self.value(value)
                if checked:
                    most = self.memory.variables[place.variable].most
                    self._check(0 <= number <= ((1 << bits) - 1 if bits else most))
                self.buffer.append(Buffered(cell, offset, bits, number, release))
                self.outcome.access = Access(
                    "release" if release else "store", place.variable, cell
                )
            case Rmw():
                self._drain()
                Run._access(self, statement)
            case Fence(kind=kind):
                if kind == "full":
                    self._drain()
                elif kind == "store":
                    self.buffer.append(Buffered(-1, 0, 0, 0, fence=True))
                self.outcome.access = Access(f"{kind} fence")
            case _:
                Run._access(self, statement)

    def _part(self, cell: int, offset: int, bits: int) -> int:
        """What the process sees: memory, and its own stores that wait."""
        held = self.memory.cells[cell]
        for waiting in self.buffer:
            if waiting.cell == cell and not waiting.fence:
                held = waiting.into(held)
        return (held >> offset) & ((1 << bits) - 1) if bits else held

    def _drain(self) -> None:
        for waiting in self.buffer:
            if waiting.fence:
                continue
            before = self.memory.cells[waiting.cell]
            after = waiting.into(before)
            self.undo.append((waiting.cell, before))
            self.memory.cells[waiting.cell] = after
            if before != after:
                self.outcome.changes.append((waiting.cell, before, after))
        self.buffer.clear()


class Executor:
    """A transition system in one state, which steps change."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.names = Names(system)
        self.memory = Memory(system.variables)
        self.processes = [
            _Process(kind, me, kind.start, list(kind.initial)) for kind, me in system.processes
        ]
        self.process_names = process_names(system)
        self.steps = 0
        self.has_buffers = system.memory != "sc"

    # -- what can happen

    def enabled(self) -> tuple[PathStep, ...]:
        """Every step that can be taken now, in order of processes and choices."""
        found: list[PathStep] = []
        for number, process in enumerate(self.processes):
            if process.point != END:
                point = process.kind.points[process.point]
                for choice in self._choices(point, process):
                    if self._try(process, point, choice):
                        found.append(PathStep(number, choice))
            found += (PathStep(number, None, True, cell) for cell in self._flushable(process))
        return tuple(found)

    def _choices(self, point: ControlPoint, process: _Process) -> Sequence[int | None]:
        first = point.body[0] if point.body else None
        if not isinstance(first, Choose):
            return (None,)
        run = Run(self.memory, process.locals, (), process.me)
        return range(run.value(first.low), run.value(first.high) + 1)

    def _run(self, process: _Process, choice: int | None) -> Run:
        most = tuple(local.most for local in process.kind.locals)
        if not self.has_buffers:
            return Run(self.memory, process.locals, most, process.me, choice)
        return _BufferedRun(
            self.memory, process.locals, most, process.me, choice, buffer=process.buffer
        )

    def _try(self, process: _Process, point: ControlPoint, choice: int | None) -> bool:
        cells, locals_ = list(self.memory.cells), list(process.locals)
        buffer = list(process.buffer)
        try:
            self._run(process, choice).run(point.body)
        except BlockedError:
            return False
        except (OutOfRangeError, ValueError):
            return True  # the step can be taken, and breaks in_range
        finally:
            self.memory.cells[:] = cells
            process.locals[:] = locals_
            process.buffer[:] = buffer
        return True

    def _flushable(self, process: _Process) -> list[int | None]:
        waiting = process.buffer
        while waiting and waiting[0].fence:
            waiting.pop(0)
        if not waiting:
            return []
        if self.system.memory == "tso":
            return [None]
        cells: dict[int | None, None] = {}
        for position, item in enumerate(waiting):
            if item.fence or (item.release and position):
                break
            cells.setdefault(item.cell, None)
            if item.release:
                break
        return list(cells)

    @property
    def is_at_rest(self) -> bool:
        """True where nobody can move."""
        return not self.enabled()

    # -- stepping

    def step(self, taken: PathStep) -> Step:
        """Take a step. Raises `ScheduleError` where it cannot be taken."""
        number = self.steps + 1
        if not 0 <= taken.process < len(self.processes):
            raise ScheduleError(
                number, f"there is no process {taken.process}", ", ".join(self.process_names)
            )
        process = self.processes[taken.process]
        made = self._flush(number, taken, process) if taken.flushes else None
        if made is None:
            made = self._move(number, taken, process)
        self.steps = number
        return made

    def _move(self, number: int, taken: PathStep, process: _Process) -> Step:
        name = self.process_names[taken.process]
        if process.point == END:
            raise ScheduleError(number, f"{name} is at its end")
        point = process.kind.points[process.point]
        run = self._run(process, taken.choice)
        broken: list[str] = []
        try:
            outcome = run.run(point.body)
        except BlockedError as error:
            raise self._blocked(number, taken, name, point) from error
        except (OutOfRangeError, ValueError):
            outcome = run.outcome
            outcome.point = process.point
            broken.append(IN_RANGE)
        process.point = outcome.point
        changes = [
            c for cell, was, now in outcome.changes for c in self.names.changes(cell, was, now)
        ]
        broken += [item for item, _ in outcome.broken]
        kind = outcome.access.kind if outcome.access else "none"
        return Step(
            number=number,
            taken=taken,
            process=name,
            line=point.line,
            source=point.label,
            access=kind,
            changes=tuple(changes),
            emitted=tuple((what, values) for what, values, _ in outcome.emitted),
            marks=tuple(outcome.marks),
            broken=tuple(dict.fromkeys([*broken, *self.broken_now()])),
        )

    def _blocked(
        self, number: int, taken: PathStep, name: str, point: ControlPoint
    ) -> ScheduleError:
        offered = [
            "" if step.choice is None else f"{step.choice}"
            for step in self.enabled()
            if step.process == taken.process and not step.flushes
        ]
        picked = "" if taken.choice is None else f" with {taken.choice}"
        hint = f"it may pick {', '.join(offered)}" if any(offered) else self._can_move()
        return ScheduleError(
            number,
            f"{name} cannot move{picked}: it waits at line {point.line}: {point.label}",
            hint,
        )

    def _can_move(self) -> str:
        names = dict.fromkeys(self.process_names[step.process] for step in self.enabled())
        return "these can move: " + ", ".join(names) if names else "nobody can move"

    def _flush(self, number: int, taken: PathStep, process: _Process) -> Step:
        name = self.process_names[taken.process]
        cells = self._flushable(process)
        if taken.cell not in cells:
            raise ScheduleError(number, f"the store buffer of {name} has no such store to write")
        position = next(
            at for at, item in enumerate(process.buffer) if taken.cell in (None, item.cell)
        )
        item = process.buffer.pop(position)
        before = self.memory.cells[item.cell]
        after = item.into(before)
        self.memory.cells[item.cell] = after
        return Step(
            number=number,
            taken=taken,
            process=name,
            line=0,
            source="(its store buffer writes)",
            access="flush",
            changes=self.names.changes(item.cell, before, after),
            emitted=(),
            marks=(),
            broken=self.broken_now(),
        )

    # -- properties

    def broken_now(self) -> tuple[str, ...]:
        """The properties that do not hold in this state."""
        rest = self.is_at_rest
        broken = []
        for item in self.system.properties:
            applies = item.kind is PropertyKind.ALWAYS or (
                item.kind is PropertyKind.AT_REST and rest
            )
            if applies and item.body and not self._holds(item):
                broken.append(item.name)
            if item.kind is PropertyKind.NO_DEADLOCK and rest and self._is_stuck():
                broken.append(item.name)
        return tuple(broken)

    def _holds(self, item: Property) -> bool:
        most = tuple(local.most for local in item.locals)
        return bool(Run(self.memory, [0] * len(item.locals), most).run(item.body).value)

    def _is_stuck(self) -> bool:
        return any(
            process.point != END and not process.kind.points[process.point].waits
            for process in self.processes
        )

    def follow(self, path: Path) -> tuple[Step, ...]:
        """Every step of a path. Raises `ScheduleError`."""
        return tuple(self.step(taken) for taken in path.steps)
