"""Breadth-first search in compiled code: memory, threads, growth, levels."""

from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import ModuleType, TracebackType
from typing import Self

from evtplan.engine.aside import aside
from evtplan.engine.codecache import load_generated, native_digest
from evtplan.engine.search.kernel import (
    BATCH,
    CB,
    RECENT,
    SEGMENT_BYTES,
    Mode,
    kernel_source,
    system_source,
)
from evtplan.engine.search.livelock import Component
from evtplan.engine.search.packing import Packing
from evtplan.engine.search.pages import Pages
from evtplan.engine.search.stepcode import FLAG_SHIFT
from evtplan.engine.symmetries.reduction import Reduction

__all__ = ["CompiledSearch", "compile_search"]

_FIRST_SLOTS = 1 << 20
_LOAD = 0.8  # the table grows beyond this
_FULL = 0.9  # … or is filled up to this where there is no memory to grow
_CHUNK = 256
_SMALL_LEVEL = 4096  # one thread alone is faster
_MAX_SLOTS = (1 << 32) - 1


def compile_search(
    assembly: str, packing: Packing, threads: int, *, timed: bool = False, reduction: str = ""
) -> tuple[ModuleType, ModuleType]:
    """The compiled search, and a system's own functions; from the cache where they are there.

    `timed`: a search that notes in CB.TIMES where its time goes, which costs it a little.
    `reduction`: the text of `compiled_reduction`, for a search of orbits.
    """
    here = native_digest()
    kernel = load_generated(
        kernel_source(packing, FLAG_SHIFT, threads=threads, native_hash=here, timed=timed)
    )
    kernel.run.compile("int64(int64)")
    kernel.rehash.compile("int64(int64)")
    system = load_generated(
        system_source(
            packing, assembly, native_hash=here, flag_shift=FLAG_SHIFT, reduction=reduction
        )
    )
    if reduction:
        system.weigh.compile("int64(int64, int64, int64, int64, int64)")
    return kernel, system


class CompiledSearch:
    """The states found so far, level by level. Use as a context manager: it holds mapped memory.

    `limit_bytes` bounds states, table and buffers together.
    """

    def __init__(
        self, modules: tuple[ModuleType, ModuleType], packing: Packing, *, threads: int,
        fan_out: int, wanted: int, has_always: bool, limit_bytes: int,
    ) -> None:  # fmt: skip
        import numpy as np

        self.module, self.system = modules
        system = self.system
        self.run: Callable[[int], int] = self.module.run
        self.packing = packing
        self.threads = threads
        self.limit_bytes = limit_bytes
        self.rec = packing.record_bytes
        self.shift = (threads - 1).bit_length()
        self.chunk = max(1, min(_CHUNK, (1 << 20) // max(1, fan_out)))
        # Found before the limit is looked at again: of a chunk, and of the batches under way.
        self.slack = threads * (self.chunk * fan_out + 3 * (BATCH + fan_out)) + 1
        batch = max(BATCH + fan_out, self.chunk)
        stride = batch * (8 * packing.words + 16) + 64
        buffer = 3 * stride + RECENT * 8 * packing.words
        self.fixed = threads * buffer
        self.region = (max(limit_bytes, 1 << 22) + self.slack * self.rec + 4095) // 4096 * 4096
        self.states = self._reserve()
        self.buffers = [Pages(buffer) for _ in range(threads)]
        slots = _FIRST_SLOTS
        while slots * _LOAD < 2 * self.slack:
            slots *= 2
        self.slots = slots
        self.table = Pages(4 * slots)
        self.segments = np.zeros(threads * SEGMENT_BYTES // 8, dtype=np.int64)
        self.blocks = [np.zeros(CB.SIZE, dtype=np.int64) for _ in range(threads)]
        self.levels: list[tuple[int, ...]] = [(0,) * threads]
        # Never on the main thread, which waits for Ctrl-C.
        self.pool = ThreadPoolExecutor(threads)
        self.left_running = False
        for number, block in enumerate(self.blocks):
            block[CB.STATES] = self.states.address
            block[CB.REGION] = self.region
            block[CB.THREAD] = number
            block[CB.SEGMENTS] = self.segments.ctypes.data
            block[CB.OUT] = self.buffers[number].address
            block[CB.PENDING] = self.buffers[number].address + batch * 8 * packing.words
            block[CB.STRIDE] = stride
            block[CB.REMEMBERED] = self.buffers[number].address + 3 * stride
            block[CB.CHUNK] = self.chunk
            block[CB.WANTED] = wanted
            block[CB.EXPAND] = system.expand.address
            block[CB.IS_ALWAYS] = system.always.address if has_always else 0
            block[CB.IS_AT_REST] = system.at_rest.address
            block[CB.IS_SOMETIMES] = system.sometimes.address
        self._set_table()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for block in self.blocks:
            block[CB.LIMIT] = 0
        self.pool.shutdown()
        if self.left_running:  # it keeps us alive until it is done
            return
        for pages in (self.states, self.table, *self.buffers):
            pages.close()

    def _reserve(self) -> Pages:
        """Room for the states: as much as the limit allows, or as the system will map."""
        while True:
            try:
                return Pages(self.region * self.threads)
            except MemoryError:
                if self.region < 1 << 26:
                    raise
                self.region = self.region // 2 // 4096 * 4096

    # ---- figures -----------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """States found."""
        return sum(int(block[CB.COUNT]) for block in self.blocks)

    @property
    def used_bytes(self) -> int:
        """Bytes of states, table and buffers."""
        return self.count * self.rec + 4 * self.slots + self.fixed

    def total(self, field: int) -> int:
        """A counter, summed over threads."""
        return sum(int(block[field]) for block in self.blocks)

    def flags(self, field: int) -> int:
        """A set of flags, joined over threads."""
        found = 0
        for block in self.blocks:
            found |= int(block[field])
        return found

    def level_end(self, level: int) -> int:
        """States of all levels up to `level`."""
        return sum(self.levels[level + 1])

    def weighed(self, level: int, reduction: Reduction) -> tuple[int, int]:
        """States and edges that those of all levels up to `level` stand for."""
        order, out = reduction.symmetry.order, self.buffers[0].address

        def weigh() -> tuple[int, int]:
            states, edges = 0, 0
            with Pages(16) as found:
                for number, count in enumerate(self.levels[level + 1]):
                    address = self.states.address + number * self.region
                    self.system.weigh(address, count, out, order, found.address)
                    states += int.from_bytes(found.read(8), "little")
                    edges += int.from_bytes(found.read(8, 8), "little")
            return states, edges

        try:
            return aside(weigh)
        except KeyboardInterrupt:
            self.left_running = True
            raise

    # ---- searching ---------------------------------------------------------------------------

    def insert_initial(self, state: int) -> None:
        """The one state of level 0."""
        words = [(state >> (64 * i)) & ((1 << 64) - 1) for i in range(self.packing.words)]
        raw = b"".join(word.to_bytes(8, "little") for word in words)
        self.states.write(0, raw[: self.rec])
        for buffer in self.buffers:  # it is known; an empty place would be mistaken for a state
            buffer.write(buffer.size - RECENT * len(raw), raw * RECENT)
        self.blocks[0][CB.COUNT] = 1
        self.levels = [(0,) * self.threads, self._counts()]
        self._rehash()

    def expand_level(self, between: Callable[[], None]) -> bool:
        """Find the next level from the last; False where memory does not allow to finish it.

        `between` is called now and then, and may raise to stop.
        """
        begin, end = self.levels[-2], self.levels[-1]
        self._set_segments(begin, end)
        small = sum(end) - sum(begin) < _SMALL_LEVEL
        self._set_mode(Mode.SEARCH)
        while True:
            if not self._set_limits(small):
                return False
            left = self._call(self.run, alone=small)
            between()
            if left:
                break
        self.levels.append(self._counts())
        return True

    def find(self, level: int, mode: int, bit: int = 0, target: int | None = None) -> int | None:
        """The least state of `level` that has what `mode` looks for; None where none has."""
        for block in self.blocks:
            block[CB.MODE] = mode
            block[CB.BIT] = bit
            block[CB.FOUND] = 0
            block[CB.LIMIT] = 1 << 62
            for i in range(self.packing.words):
                word = ((target or 0) >> (64 * i)) & ((1 << 64) - 1)
                block[CB.TARGET + i] = word - (1 << 64) if word >> 63 else word
        self._set_segments(self.levels[level], self.levels[level + 1])
        self._call(self.run)
        found = []
        for block in self.blocks:
            if block[CB.FOUND]:
                words = [
                    int(block[CB.BEST + i]) & ((1 << 64) - 1) for i in range(self.packing.words)
                ]
                found.append(sum(word << (64 * i) for i, word in enumerate(words)))
        return min(found, default=None)

    def components(self) -> list[Component] | None:
        """Strongly connected sets with an edge inside; None where memory does not suffice.

        Only after a whole search. Sets of one state are among them only if it has a loop.
        """
        highest = max(
            (int(block[CB.COUNT]) << self.shift) + n for n, block in enumerate(self.blocks)
        )
        free = self.limit_bytes - self.used_bytes - 4 * (highest + 1)
        if free <= 0:
            return None
        edges = self.total(CB.EDGES)
        sizes = (4 * highest + 8, 4 * self.count + 8, 40 * (self.count + 2), 4 * edges + 64)
        pages = [Pages(size) for size in (*sizes, 8 * (2 * self.count + 2))]

        def found() -> bytes | None:
            try:
                words = self.module.components(
                    self.blocks[0].ctypes.data, 0, *(item.address for item in pages), free
                )
                return None if words < 0 else pages[-1].read(8 * words)
            finally:
                for item in pages:
                    item.close()

        try:
            data = aside(found)
        except KeyboardInterrupt:
            self.left_running = True
            raise
        return None if data is None else self._members(data)

    def _members(self, data: bytes) -> list[Component]:
        numbers = memoryview(data).cast("q")
        found: list[Component] = []
        at = 0
        while at < len(numbers):
            size = numbers[at]
            members = numbers[at + 1 : at + 1 + size]
            found.append([(self._level(number), self._state(number)) for number in members])
            at += 1 + size
        return found

    def _state(self, number: int) -> int:
        thread = number & (self.threads - 1) if self.shift else 0
        at = thread * self.region + (number >> self.shift) * self.rec
        return int.from_bytes(self.states.read(self.rec, at), "little")

    def _level(self, number: int) -> int:
        thread = number & (self.threads - 1) if self.shift else 0
        place = number >> self.shift
        return bisect_right(self.levels, place, key=lambda ends: ends[thread]) - 1

    # ---- inside ------------------------------------------------------------------------------

    def _counts(self) -> tuple[int, ...]:
        return tuple(int(block[CB.COUNT]) for block in self.blocks)

    def _set_mode(self, mode: int) -> None:
        for block in self.blocks:
            block[CB.MODE] = mode

    def _set_segments(self, begin: tuple[int, ...], end: tuple[int, ...]) -> None:
        step = SEGMENT_BYTES // 8
        for number in range(self.threads):
            self.segments[number * step] = begin[number]
            self.segments[number * step + 1] = end[number]

    def _set_table(self) -> None:
        # Numbers up to what the table can hold, +1, thread bits included: one may have them all.
        largest = int(self.slots * _FULL) + self.slack
        bits = min(32, (largest * self.threads + 1).bit_length())
        for block in self.blocks:
            block[CB.TABLE] = self.table.address
            block[CB.SLOTS] = self.slots
            block[CB.INDEX_BITS] = bits

    def _set_limits(self, small: bool) -> bool:
        """Room for each thread; grows the table where it is nearly full."""
        count = self.count
        room = int(self.slots * _LOAD) - self.slack - count
        if room <= 0:
            room = self._grow()
        by_memory = (self.limit_bytes - self.used_bytes) // self.rec - self.slack
        fullest = max(int(block[CB.COUNT]) for block in self.blocks)
        # A thread's states are numbered in what its own number leaves of a slot.
        by_thread = min(self.region // self.rec, (1 << 32 - self.shift) - 1) - self.slack
        room = min(room, by_memory, by_thread - fullest)
        if room <= 0:
            return False
        share = room if small or self.threads == 1 else max(1, room // self.threads)
        # Come up for air now and then.
        share = min(share, 1 << 21)
        for block in self.blocks:
            block[CB.LIMIT] = block[CB.COUNT] + share
        return True

    def _grow(self) -> int:
        """A larger table if there is memory for both; the room there is then."""
        for factor in (4, 2) if self._widens() else (2,):
            slots = self.slots * factor
            if slots <= _MAX_SLOTS and self.used_bytes + 4 * slots <= self.limit_bytes:
                old = self.table
                self.table, self.slots = Pages(4 * slots), slots
                self._set_table()
                self._rehash()
                old.close()
                return int(self.slots * _LOAD) - self.slack - self.count
        return int(self.slots * _FULL) - self.slack - self.count

    def _widens(self) -> bool:
        """The last whole level is the largest: then as many states again may be expected."""
        if len(self.levels) < 3:
            return True
        first, middle, last = (sum(counts) for counts in self.levels[-3:])
        return last - middle > middle - first

    def _rehash(self) -> None:
        segments = self.segments.copy()
        self._set_segments((0,) * self.threads, self._counts())
        self._call(self.module.rehash)
        self.segments[:] = segments

    def _call(self, function: Callable[[int], int], *, alone: bool = False) -> int:
        """Run `function` on every thread; 1 where the level's chunks were all taken."""
        calls: list[Future[int]] = []
        try:
            for block in self.blocks[:1] if alone else self.blocks:
                calls.append(self.pool.submit(function, block.ctypes.data))
            return min(call.result() for call in calls)
        except KeyboardInterrupt:
            self._stop(calls)
            raise

    def _stop(self, calls: list["Future[int]"]) -> None:
        """Let every thread end with the chunk it is at, and wait: it writes to our memory."""
        for block in self.blocks:
            block[CB.LIMIT] = 0
        waiting = True
        while waiting:
            with suppress(KeyboardInterrupt):
                for call in calls:
                    call.result()
                waiting = False
