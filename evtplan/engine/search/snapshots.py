"""States in full, and packed into one integer."""

from dataclasses import dataclass

from evtplan.engine.search.packing import Packing
from evtplan.engine.system import TransitionSystem

__all__ = ["Snapshot", "initial_state", "pack", "snapshot_of"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state in full: every cell, and each process's control point (END: −1) and locals."""

    cells: tuple[int, ...]
    points: tuple[int, ...]
    locals: tuple[tuple[int, ...], ...]


def pack(system: TransitionSystem, packing: Packing, snapshot: Snapshot) -> int:
    """A snapshot as one integer of the fused `packing`."""
    state = 0
    for variable in system.variables:
        for chunk in packing.chunks[variable.name]:
            for at in range(chunk.count):
                value = snapshot.cells[variable.base + chunk.first + at]
                state |= value << (chunk.offset + at * variable.bits)
    for number, frame in enumerate(packing.frames):
        point = snapshot.points[number]
        state |= (frame.end if point < 0 else point) << frame.pc.offset
        kind = system.processes[number][0]
        live = () if point < 0 else kind.points[point].live
        for slot in live:
            part = frame.locals[slot]
            if part is not None:
                state |= snapshot.locals[number][slot] << part.offset
    return state


def snapshot_of(system: TransitionSystem, packing: Packing, state: int) -> Snapshot:
    """The packed `state` in full."""
    cells = [0] * system.cells
    for variable in system.variables:
        mask = (1 << variable.bits) - 1
        for chunk in packing.chunks[variable.name]:
            for at in range(chunk.count):
                value = (state >> (chunk.offset + at * variable.bits)) & mask
                cells[variable.base + chunk.first + at] = value
    points, frames = [], []
    for (kind, _), frame in zip(system.processes, packing.frames, strict=True):
        point = (state >> frame.pc.offset) & ((1 << frame.pc.bits) - 1)
        values = [0] * len(kind.locals)
        for slot in () if point == frame.end else kind.points[point].live:
            part = frame.locals[slot]
            if part is not None:
                values[slot] = (state >> part.offset) & ((1 << part.bits) - 1)
        points.append(-1 if point == frame.end else point)
        frames.append(tuple(values))
    return Snapshot(tuple(cells), tuple(points), tuple(frames))


def initial_state(system: TransitionSystem, packing: Packing) -> int:
    """The state every run begins in, packed (fused)."""
    cells = [0] * system.cells
    for variable in system.variables:
        cells[variable.base : variable.base + variable.cells] = variable.initial
    points = tuple(kind.start for kind, _ in system.processes)
    values = tuple(kind.initial for kind, _ in system.processes)
    return pack(system, packing, Snapshot(tuple(cells), points, values))
