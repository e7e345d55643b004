"""The memory a domain's events live in: where each variable of the protocol texts lies.

Ordinary variables take one cell a value. What guest and Xen share through pages (the event array,
the control blocks) lies in page frames of 1024 words, reached through tables as in reality: two
control blocks may overlap, one frame may be two array pages, and Xen and the guest may each have
their own idea of which frame is which. `side` says whose tables are used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from evtplan.engine.system import Variable

__all__ = ["CellMap", "FlatMemory", "Memory", "Side", "SparseMemory", "map_cells"]

WORDS = 1024  # event words in a frame
PAGES = 128  # frames of a full event array
HEAD_WORD = 2  # struct evtchn_fifo_control_block: ready, reserved, head[16]
BLOCK_WORDS = 18

# Variables that lie in frames.
ARRAY, READY, HEAD = "E", "ready", "head"


class Side(StrEnum):
    """Who makes an access."""

    XEN = "xen"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class CellMap:
    """Where things lie. `base` has the first cell of each variable and of each table; frames begin
    at `frames`, `WORDS` cells each. `sizes` has the cells of each variable."""

    base: Mapping[str, int]
    sizes: Mapping[str, int]
    priorities: int
    vcpus: int
    frames: int

    def array_table(self, side: Side) -> int:
        """The first of `PAGES` cells that hold where the frame of each array page begins."""
        return self.base[f"{side} array pages"]

    def block_table(self, side: Side) -> int:
        """The first of the cells, one a VCPU, that hold where its control block begins."""
        return self.base[f"{side} control blocks"]

    def frame(self, slot: int) -> int:
        """The first cell of the frame in `slot`."""
        return self.frames + slot * WORDS

    def cell(self, memory: "Memory", variable: str, index: int, side: Side) -> int:
        """The cell of element `index` of a variable, for an access from `side`."""
        if variable == ARRAY:
            return memory[self.array_table(side) + index // WORDS] + index % WORDS
        if variable == READY:
            return memory[self.block_table(side) + index]
        if variable == HEAD:
            block = memory[self.block_table(side) + index // self.priorities]
            return block + HEAD_WORD + index % self.priorities
        return self.base[variable] + index


def map_cells(systems: Iterable[Iterable["Variable"]], priorities: int, vcpus: int) -> CellMap:
    """The map for the variables of several texts; one of the same name is the same variable."""
    sizes: dict[str, int] = {}
    for variables in systems:
        for variable in variables:
            sizes[variable.name] = max(sizes.get(variable.name, 0), variable.cells)
    base: dict[str, int] = {}
    at = 0
    tables = {f"{side} array pages": PAGES for side in Side} | {
        f"{side} control blocks": vcpus for side in Side
    }
    for name, cells in (sizes | tables).items():
        base[name] = at
        if name not in (ARRAY, READY, HEAD):
            at += cells
    return CellMap(base, sizes, priorities, vcpus, at)


class Memory(Protocol):
    """Cells by number. All are 0 at first; a cell holds up to 64 bits."""

    def __getitem__(self, cell: int) -> int:
        """What a cell holds."""
        ...

    def __setitem__(self, cell: int, value: int) -> None:
        """Let a cell hold `value`."""
        ...

    def reserve(self, cells: int) -> None:
        """There are at least so many cells from now on."""
        ...

    def changes(self, ranges: Iterable[range]) -> list[tuple[int, int, int]]:
        """The cells within `ranges` that changed since this was last asked: (cell, before, now)."""
        ...


class SparseMemory:
    """Memory for the readable engine: a dictionary of the cells that were ever written."""

    def __init__(self) -> None:
        self.cells: dict[int, int] = {}
        self.before: dict[int, int] = {}

    def __getitem__(self, cell: int) -> int:
        return self.cells.get(cell, 0)

    def __setitem__(self, cell: int, value: int) -> None:
        self.before.setdefault(cell, self.cells.get(cell, 0))
        self.cells[cell] = value

    def reserve(self, cells: int) -> None:
        """A dictionary needs no room beforehand."""

    def changes(self, ranges: Iterable[range]) -> list[tuple[int, int, int]]:
        found = [
            (cell, old, self.cells[cell])
            for cell, old in sorted(self.before.items())
            if self.cells[cell] != old
        ]
        self.before.clear()
        return [item for item in found if any(item[0] in each for each in ranges)]


class FlatMemory:
    """Memory for compiled procedures: an array of 64-bit integers, two's complement."""

    def __init__(self, cells: int) -> None:
        import numpy

        self.array: Any = numpy.zeros(cells, dtype=numpy.int64)
        self._shadow: Any = numpy.zeros(cells, dtype=numpy.int64)

    def __getitem__(self, cell: int) -> int:
        value = int(self.array[cell])
        return value if value >= 0 else value + (1 << 64)

    def __setitem__(self, cell: int, value: int) -> None:
        self.array[cell] = value if value < 1 << 63 else value - (1 << 64)

    def reserve(self, cells: int) -> None:
        import numpy

        if cells > len(self.array):
            room = max(cells, 2 * len(self.array))
            for name in ("array", "_shadow"):
                held = getattr(self, name)
                grown = numpy.zeros(room, dtype=numpy.int64)
                grown[: len(held)] = held
                setattr(self, name, grown)

    def changes(self, ranges: Iterable[range]) -> list[tuple[int, int, int]]:
        found = []
        for each in ranges:
            part = slice(each.start, each.stop)
            now, old = self.array[part], self._shadow[part]
            for position in (now != old).nonzero()[0]:
                cell = each.start + int(position)
                before = int(old[position])
                found.append((cell, before if before >= 0 else before + (1 << 64), self[cell]))
            old[:] = now
        return found
