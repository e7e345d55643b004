"""Where each cell and local of a system stands in a packed state.

A packed state is a few 64-bit words; `fused` lays them end to end in one Python integer of any
length, so that both forms order states alike. Cells keep their exact bits. Each process has a
frame: its control point, and the locals that are live there; locals that are never live at the
same point share bits. No part straddles two words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evtplan.engine.system import ProcessKind, TransitionSystem, Variable

__all__ = ["Chunk", "Frame", "Packing", "Part", "pack_system"]

_WORD = 64
# A part's mask must be a positive signed 64-bit number, and so must a value one too large.
_WIDEST = 62


@dataclass(frozen=True, slots=True)
class Part:
    """`bits` bits of packed word `word` from bit `offset` upwards."""

    word: int
    offset: int
    bits: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Cells `first` … `first` + `count` − 1 of a variable, side by side from `offset` upwards."""

    first: int
    count: int
    word: int
    offset: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One process: where its control point stands (END is the highest number) and its locals.

    `locals` has a part for each slot that is live at some point, None for the others.
    """

    pc: Part
    locals: tuple[Part | None, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Packing:
    """Every variable's chunks by name, every process's frame, and the bits of each word."""

    chunks: dict[str, tuple[Chunk, ...]]
    frames: tuple[Frame, ...]
    word_bits: tuple[int, ...]

    @property
    def words(self) -> int:
        """64-bit words of a state (1 where words have any length)."""
        return len(self.word_bits)

    @property
    def bits(self) -> int:
        """Bits of a state that mean anything."""
        return sum(self.word_bits)

    @property
    def record_bytes(self) -> int:
        """Bytes a stored state takes: whole words, the last one cut to the bytes it needs."""
        return max(8, 8 * (self.words - 1) + (self.word_bits[-1] + 7) // 8)

    @property
    def native(self) -> bool:
        """Every part fits a signed 64-bit register with room to spare."""
        parts = [part for frame in self.frames for part in (frame.pc, *frame.locals) if part]
        return all(part.bits <= _WIDEST for part in parts) and all(
            bits <= _WORD for bits in self.word_bits
        )

    def fused(self) -> "Packing":
        """The same places in one integer: word w's bit b is its bit 64·w + b."""

        def part(old: Part) -> Part:
            return Part(0, _WORD * old.word + old.offset, old.bits)

        chunks = {
            name: tuple(Chunk(c.first, c.count, 0, _WORD * c.word + c.offset) for c in old)
            for name, old in self.chunks.items()
        }
        frames = tuple(
            Frame(part(f.pc), tuple(part(p) if p else None for p in f.locals), f.end)
            for f in self.frames
        )
        return Packing(chunks, frames, (_WORD * (self.words - 1) + self.word_bits[-1],))


class _Bins:
    """First fit into words of `size` bits (None: one word of any length)."""

    def __init__(self, size: int | None) -> None:
        self.size = size
        self.used: list[int] = [0]

    def place(self, bits: int) -> tuple[int, int]:
        for word, used in enumerate(self.used):
            if self.size is None or used + bits <= self.size:
                self.used[word] = used + bits
                return word, used
        self.used.append(bits)
        return len(self.used) - 1, 0


def pack_system(system: TransitionSystem) -> Packing:
    """Where everything stands.

    A system with a part of more than 62 bits gets one word of any length: `native` is False, and
    only Python's integers can hold it.
    """
    widest = [v.bits for v in system.variables]
    widest += [local.most.bit_length() for kind in system.kinds for local in kind.locals]
    size = None if max(widest, default=0) > _WIDEST else _WORD
    items: list[tuple[int, str, int, int]] = []  # bits, what, number, piece
    for number, variable in enumerate(system.variables):
        if not variable.bits:
            continue
        per = _per_word(variable, size)
        for first in range(0, variable.cells, per):
            count = min(per, variable.cells - first)
            items.append((count * variable.bits, "cells", number, first))
    shapes = [_frame_shape(kind, size) for kind in system.kinds]
    process = 0
    for kind, shape in zip(system.kinds, shapes, strict=True):
        for _ in range(kind.count):
            for piece, bits in enumerate(shape.pieces):
                items.append((bits, "frame", process, piece))
            process += 1
    bins = _Bins(size)
    placed = {}
    for bits, what, number, piece in sorted(items, key=lambda item: -item[0]):
        placed[what, number, piece] = bins.place(bits)
    return Packing(_chunks(system, placed, size), _frames(system, shapes, placed), tuple(bins.used))


def _per_word(variable: Variable, size: int | None) -> int:
    return variable.cells if size is None else size // variable.bits


def _chunks(
    system: TransitionSystem,
    placed: dict[tuple[str, int, int], tuple[int, int]],
    size: int | None,
) -> dict[str, tuple[Chunk, ...]]:
    found: dict[str, tuple[Chunk, ...]] = {}
    for number, variable in enumerate(system.variables):
        if not variable.bits:  # always 0: takes no room
            found[variable.name] = (Chunk(0, variable.cells, 0, 0),)
            continue
        per = _per_word(variable, size)
        found[variable.name] = tuple(
            Chunk(first, min(per, variable.cells - first), *placed["cells", number, first])
            for first in range(0, variable.cells, per)
        )
    return found


@dataclass(frozen=True, slots=True)
class _Shape:
    """A frame before it is placed: bits of its pieces; (piece, offset) of the pc and each slot."""

    pieces: tuple[int, ...]
    pc_bits: int
    slots: tuple[tuple[int, int] | None, ...]


def _frame_shape(kind: ProcessKind, size: int | None) -> _Shape:
    pc_bits = len(kind.points).bit_length()  # one value more, for END
    live_sets = [set(point.live) for point in kind.points]
    placed: dict[int, int] = {}
    order = sorted(range(len(kind.locals)), key=lambda slot: (-kind.locals[slot].most, slot))
    for slot in order:
        bits = kind.locals[slot].most.bit_length()
        rivals = {other for live in live_sets if slot in live for other in live}
        if not rivals or not bits:
            continue
        taken = sorted(
            (placed[r], placed[r] + kind.locals[r].most.bit_length()) for r in rivals if r in placed
        )
        placed[slot] = _gap(taken, bits, pc_bits, size)
    ends = [pc_bits, *(o + kind.locals[s].most.bit_length() for s, o in placed.items())]
    top = max(ends)
    if size is None:
        pieces: Sequence[int] = (top,)
        slots = tuple((0, placed[s]) if s in placed else None for s in range(len(kind.locals)))
    else:
        count = (top + size - 1) // size
        pieces = [
            max([0, *(e - i * size for e in ends if e - i * size <= size)]) for i in range(count)
        ]
        slots = tuple(
            divmod(placed[s], size) if s in placed else None for s in range(len(kind.locals))
        )
    return _Shape(tuple(pieces), pc_bits, slots)


def _gap(taken: list[tuple[int, int]], bits: int, start: int, size: int | None) -> int:
    """The lowest offset from `start` where `bits` bits are free and straddle no word."""
    offset = start
    while True:
        if size is not None and offset // size != (offset + bits - 1) // size:
            offset = (offset // size + 1) * size
        clash = [end for begin, end in taken if begin < offset + bits and offset < end]
        if not clash:
            return offset
        offset = max(clash)


def _frames(
    system: TransitionSystem,
    shapes: list[_Shape],
    placed: dict[tuple[str, int, int], tuple[int, int]],
) -> tuple[Frame, ...]:
    frames: list[Frame] = []
    for kind, shape in zip(system.kinds, shapes, strict=True):
        for _ in range(kind.count):
            process = len(frames)
            parts: list[Part | None] = []
            for slot, where in enumerate(shape.slots):
                if where is None:
                    parts.append(None)
                    continue
                word, base = placed["frame", process, where[0]]
                parts.append(Part(word, base + where[1], kind.locals[slot].most.bit_length()))
            word, base = placed["frame", process, 0]
            frames.append(Frame(Part(word, base, shape.pc_bits), tuple(parts), len(kind.points)))
    return tuple(frames)
