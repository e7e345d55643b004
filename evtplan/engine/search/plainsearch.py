"""The search in plain Python: for spaces too small to be worth compiling for, and as reference.

It runs the plain dialect of the same printed functions, and numbers, orders and counts exactly
as the compiled search does.
"""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from evtplan.engine.search.kernel import CB, Mode
from evtplan.engine.search.livelock import Component, components_of
from evtplan.engine.search.stepcode import StepCode
from evtplan.engine.symmetries.reduction import Reduction

__all__ = ["PlainSearch", "plain_functions"]

# What a state costs in Python beside its int: a place in a set and in a list (measured, 3.11).
_PLACE_BYTES = 90
_BETWEEN = 256
_NAMES = ("expand", "always", "at_rest", "sometimes")
# What Python takes to compile a character of printed steps (measured, 3.11); up to so much in all
# it is as nothing beside Python itself.
_CODE_BYTES = 56
_FREE_CODE = 64 << 20


def plain_functions(source: str) -> dict[str, Any]:
    """Printed functions by name."""
    namespace: dict[str, Any] = {}
    exec(compile(source, "<generated>", "exec"), namespace)
    return namespace


class PlainSearch:
    """The states found so far, level by level; the same interface as `CompiledSearch`.

    Where compiling the steps alone takes more than `limit_bytes`, none but the first is found.
    """

    def __init__(
        self, code: StepCode, *, wanted: int, limit_bytes: int, most: int | None,
        reduction: Reduction | None = None,
    ) -> None:  # fmt: skip
        self._wanted = wanted
        self._state_bytes = sys.getsizeof(1 << code.packing.bits) + _PLACE_BYTES
        by_memory = limit_bytes // self._state_bytes
        if _CODE_BYTES * len(code.source) > max(limit_bytes, _FREE_CODE):
            by_memory = 0
        functions: dict[str, Any] = dict.fromkeys(_NAMES)
        if by_memory:
            functions = plain_functions(code.source)
        self._expand: Callable[[int, list[int]], int] = functions["expand"]
        self.expand = self._expand if reduction is None else self._expand_orbits
        self._reduction = reduction
        self._always: Callable[[int], int] = functions["always"]
        self._at_rest: Callable[[int], int] = functions["at_rest"]
        self._sometimes: Callable[[int], int] = functions["sometimes"]
        self._most = by_memory if most is None else min(most, by_memory)
        # It stopped for lack of memory, not because compiling pays from here.
        self.out_of_memory = False
        self._by_memory = by_memory
        self._seen: set[int] = set()
        self._counters = dict.fromkeys(
            (CB.EDGES, CB.STEP_FLAGS, CB.ALWAYS, CB.AT_REST, CB.SOMETIMES, CB.QUIET), 0
        )
        self.levels_states: list[list[int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._seen.clear()

    @property
    def count(self) -> int:
        """States found."""
        return len(self._seen)

    @property
    def used_bytes(self) -> int:
        """Bytes they take, about."""
        return len(self._seen) * self._state_bytes

    def total(self, field: int) -> int:
        """A counter."""
        return self._counters[field]

    flags = total

    def level_end(self, level: int) -> int:
        """States of all levels up to `level`."""
        return sum(len(states) for states in self.levels_states[: level + 1])

    def weighed(self, level: int, reduction: Reduction) -> tuple[int, int]:
        """States and edges that those of all levels up to `level` stand for."""
        states, edges = 0, 0
        out: list[int] = []
        for found in self.levels_states[: level + 1]:
            for state in found:
                weight = reduction.weight(state)
                out.clear()
                self._expand(state, out)
                states += weight
                edges += weight * len(out)
        return states, edges

    def _expand_orbits(self, state: int, out: list[int]) -> int:
        """As the printed function; each successor gives way to the state that stands for it."""
        assert self._reduction is not None
        begin = len(out)
        flags = self._expand(state, out)
        out[begin:] = map(self._reduction.of, out[begin:])
        return flags

    def insert_initial(self, state: int) -> None:
        """The one state of level 0."""
        self._seen.add(state)
        self.levels_states.append([state])

    def expand_level(self, between: Callable[[], None]) -> bool:
        """Find the next level from the last; False where that is too many states."""
        seen, expand, always = self._seen, self.expand, self._always
        counters = self._counters
        new: list[int] = []
        out: list[int] = []
        for number, state in enumerate(self.levels_states[-1]):
            if not number % _BETWEEN:
                between()
            if len(seen) > self._most:
                self.out_of_memory = len(seen) > self._by_memory
                return False
            out.clear()
            flags = expand(state, out)
            counters[CB.EDGES] += len(out)
            counters[CB.STEP_FLAGS] |= flags
            counters[CB.ALWAYS] |= always(state)
            if not out and not flags & 1:
                counters[CB.QUIET] += 1
                counters[CB.AT_REST] |= self._at_rest(state)
            if counters[CB.SOMETIMES] != self._wanted:
                counters[CB.SOMETIMES] |= self._sometimes(state)
            for successor in out:
                if successor not in seen:
                    seen.add(successor)
                    new.append(successor)
        self.levels_states.append(new)
        return True

    def find(self, level: int, mode: int, bit: int = 0, target: int | None = None) -> int | None:
        """The least state of `level` that has what `mode` looks for; None where none has."""
        found = [s for s in self.levels_states[level] if self._has(s, mode, bit, target)]
        return min(found, default=None)

    def components(self) -> list[Component] | None:
        """Strongly connected sets with an edge inside."""
        depths = {s: depth for depth, level in enumerate(self.levels_states) for s in level}
        start = self.levels_states[0][0]
        return list(components_of(start, self.expand, depths.__getitem__))

    def _has(self, state: int, mode: int, bit: int, target: int | None) -> bool:
        if mode == Mode.ALWAYS:
            return bool(self._always(state) & bit)
        if mode == Mode.SOMETIMES:
            return bool(self._sometimes(state) & bit)
        out: list[int] = []
        flags = self.expand(state, out)
        if mode == Mode.AT_REST:
            return not out and not flags & 1 and bool(self._at_rest(state) & bit)
        if mode == Mode.STEP:
            return bool(flags & bit)
        return target in out
