"""The summary of a grid of numbers, counted by compiled loops that keep nothing.

The order of the points is free here, so names are looped over outside, and the longest axis is
taken innermost (or several short ones together), where the processor works on several points at
once. Axes that no limit depends on, as the number of VMs planned, only multiply what is counted.
Nothing but a few kilobytes is read or written, whatever the size of the grid.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from evtplan.plans import uniform
from evtplan.plans.costs import DOMAIN_IDS
from evtplan.plans.sweeps import reduction
from evtplan.plans.sweeps.axes import Axis
from evtplan.plans.sweeps.columns import Column
from evtplan.plans.sweeps.compiled import compiled_module, kept_file
from evtplan.plans.sweeps.design import Sweep
from evtplan.plans.sweeps.lowering import (
    EXACT_BELOW,
    INPUT_COUNT,
    compiled_text,
    inputs_of_columns,
    largest_limit_magnitude,
)
from evtplan.plans.sweeps.numbers import NumbersSubject, inputs_of
from evtplan.plans.sweeps.summary import Region, Summary

__all__ = ["can_fuse", "fused_summary"]

# What a summary counts.
_COLUMNS = ("vm_limit", "binding")
# An axis that changes neither of them.
_ONE_POINT = Axis("vms", range(1, 2))
_INPUTS = (*uniform.FACTS, *uniform.NUMBERS)
# Inner points at least, where several axes must be taken together to have them.
_ENOUGH_INSIDE = 2048
# Points counted before progress is told and another processor may take over.
_POINTS_PER_TURN = 2**24
_LONGEST_TABLE = 10**7


def can_fuse(sweep: Sweep) -> bool:
    """True where `fused_summary` can count this sweep exactly: a grid of like VMs by numbers,
    without a condition, and no number in it beyond 2^53.
    """
    if not isinstance(sweep.subject, NumbersSubject):
        return False
    if sweep.where is not None or sweep.sample is not None or sweep.zipped:
        return False
    numbers = [axis for axis in sweep.axes if not axis.is_text]
    if not numbers or any(
        len(a) > _LONGEST_TABLE for a in numbers if not isinstance(a.values, range)
    ):
        return False
    corner = {axis.key: Column(axis.key, np.array([axis.most])) for axis in numbers}
    return all(
        largest_limit_magnitude(inputs_of(sweep.subject, {**corner, **names}, 1).largest())
        < EXACT_BELOW
        for names in _names(sweep)
    )


def _names(sweep: Sweep) -> Iterator[dict[str, Column]]:
    """Every combination of the axes that are names, as columns of one row."""
    axes = [axis for axis in sweep.axes if axis.is_text]
    for chosen in product(*(axis.values for axis in axes)):
        yield {
            axis.key: Column(axis.key, np.zeros(1, dtype=np.int64), None, (str(name),))
            for axis, name in zip(axes, chosen, strict=True)
        }


def fused_summary(
    sweep: Sweep, workers: int = 1, progress: Callable[[int], None] = lambda _points: None
) -> Summary:
    """What the grid of `sweep` comes to; `progress` is told of every few million points."""
    total = Summary()
    numbers = [axis for axis in sweep.axes if not axis.is_text]
    assert isinstance(sweep.subject, NumbersSubject)
    used = inputs_of_columns(_COLUMNS)
    counted = [axis for axis in numbers if _input(axis) in used]
    idle = [axis for axis in numbers if _input(axis) not in used]
    times = prod(len(axis) for axis in idle)
    for names in _names(sweep):
        corner = {axis.key: Column(axis.key, np.array([axis.values[0]])) for axis in numbers}
        inputs = inputs_of(sweep.subject, {**corner, **names}, 1)
        start = np.array([int(np.asarray(inputs.values[name]).flat[0]) for name in _INPUTS])
        several = inputs_of(
            sweep.subject,
            {a.key: Column(a.key, np.array([a.most])) for a in numbers} | names,
            1,
        ).largest()["backends"]
        grid = _grid(counted or [_ONE_POINT], start.astype(float), several == 1)
        texts = {key: column.texts for key, column in names.items() if column.texts}
        abi = str(inputs.column("abi").cells()[0])
        for tally in _tallies(grid, workers, lambda points: progress(points * times)):
            total.add(_summary(grid, tally, abi, texts, sweep.keys, idle))
    return total


@dataclass(frozen=True, slots=True)
class _Grid:
    """Numeric axes in the order they are counted, sorted values, and the compiled loop."""

    inner: tuple[Axis, ...]
    outer: tuple[Axis, ...]
    start: Any
    count: Callable[..., None]

    @property
    def inner_length(self) -> int:
        return prod(len(axis) for axis in self.inner)

    @property
    def counts_up(self) -> bool:
        """True where the one inner axis is an even range, which needs no table."""
        return len(self.inner) == 1 and isinstance(self.inner[0].values, range)

    @property
    def units(self) -> int:
        blocks = -(-self.inner_length // reduction.LANES)
        return blocks * prod(len(axis) for axis in self.outer)


def _grid(numbers: Sequence[Axis], start: Any, one_backend: bool) -> _Grid:
    axes = sorted((_sorted(axis) for axis in numbers), key=len)
    inner = [axes.pop()]
    while axes and prod(len(axis) for axis in inner) * len(axes[-1]) <= _ENOUGH_INSIDE**2:
        if prod(len(axis) for axis in inner) >= _ENOUGH_INSIDE:
            break
        inner.insert(0, axes.pop())
    varying = frozenset(_input(axis) for axis in inner)
    return _Grid(tuple(inner), tuple(axes), start, _count_function(one_backend, varying))


def _sorted(axis: Axis) -> Axis:
    if len(axis) == 1:  # no table: a range of one
        return Axis(axis.key, range(axis.least, axis.least + 1))
    values = axis.values
    return axis if isinstance(values, range) else Axis(axis.key, tuple(sorted(map(int, values))))


@cache
def _count_function(one_backend: bool, varying: frozenset[str]) -> Callable[..., None]:
    text = compiled_text(_COLUMNS, one_backend=one_backend, varying=varying)
    source = inspect.getsource(reduction.count_units)
    text += f"\nLANES = {reduction.LANES}\n_NONE = np.int32(2**31 - 1)\n\n@compiled\n{source}"
    for path in (kept_file(text), None):
        function: Callable[..., None] = compiled_module(text, path)["count_units"]
        try:
            function(
                0,
                0,
                *_arguments(_Grid((_ONE_POINT,), (), np.ones(INPUT_COUNT), function)),
            )
        except Exception:
            if path is None:
                raise
        else:
            break
    return function


def _input(axis: Axis) -> str:
    return "vms_asked" if axis.key == "vms" else axis.key


def _row(axis: Axis) -> int:
    return _INPUTS.index(_input(axis))


def _arguments(grid: _Grid) -> list[Any]:
    """The arguments of `count_units` from the third on; the last four are what it counts in."""
    inputs = np.repeat(grid.start.astype(float)[:, None], reduction.LANES, axis=1)
    outputs = np.empty((2, reduction.LANES))
    run = grid.inner[0].values
    begin, step = (run.start, run.step) if grid.counts_up and isinstance(run, range) else (0, 0)
    tables = np.zeros((1, 1))
    if not grid.counts_up:
        mesh = np.meshgrid(
            *(np.array(axis.values, dtype=float) for axis in grid.inner), indexing="ij"
        )
        tables = np.ascontiguousarray([side.ravel() for side in mesh])
    outer = [axis.values for axis in grid.outer]
    listed = [np.array(v if not isinstance(v, range) else [], dtype=float) for v in outer]
    begins = np.cumsum([0, *map(len, listed)])[:-1]
    bindings = len(uniform.BINDINGS)
    found = np.zeros((bindings, 5), dtype=np.int64)
    found[:, 1] = found[:, 3] = 2**62
    found[:, 2] = found[:, 4] = -1
    return [
        *(inputs, outputs, grid.inner_length, float(begin), float(step)),
        *(np.array([_row(axis) for axis in grid.inner], dtype=np.int64), tables),
        np.array([_row(axis) for axis in grid.outer], dtype=np.int64),
        np.array([len(v) for v in outer], dtype=np.int64),
        np.array([v.start if isinstance(v, range) else 0 for v in outer], dtype=float),
        np.array([v.step if isinstance(v, range) else 0 for v in outer], dtype=float),
        np.concatenate([*listed, np.zeros(1)]),
        np.array(
            [-1 if isinstance(v, range) else b for v, b in zip(outer, begins, strict=True)],
            dtype=np.int64,
        ),
        found,
        np.full((bindings, len(outer)), 2**62, dtype=np.int64),
        np.full((bindings, len(outer)), -1, dtype=np.int64),
        np.zeros((bindings, 1 if grid.counts_up else grid.inner_length), dtype=np.bool_),
    ]


def _tallies(
    grid: _Grid, workers: int, progress: Callable[[int], None]
) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Tallies that add up to the grid's, one for each turn."""
    turn = max(1, _POINTS_PER_TURN // min(reduction.LANES, grid.inner_length))
    firsts = range(0, grid.units, turn)

    def count(first: int) -> tuple[Any, Any, Any, Any]:
        arguments = _arguments(grid)
        grid.count(first, min(first + turn, grid.units), *arguments)
        found, outer_first, outer_last, hits = arguments[-4:]
        return found, outer_first, outer_last, hits

    if workers <= 1 or len(firsts) == 1:
        tallies: Iterator[tuple[Any, Any, Any, Any]] = map(count, firsts)
        for tally in tallies:
            progress(int(tally[0][:, 0].sum()))
            yield tally
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            for begin in range(0, len(firsts), 4 * workers):
                for tally in pool.map(count, firsts[begin : begin + 4 * workers]):
                    progress(int(tally[0][:, 0].sum()))
                    yield tally
        finally:
            pool.shutdown(cancel_futures=True)


def _summary(
    grid: _Grid,
    tally: tuple[Any, Any, Any, Any],
    abi: str,
    texts: dict[str, tuple[str, ...]],
    keys: tuple[str, ...],
    idle: Sequence[Axis],
) -> Summary:
    found, outer_first, outer_last, hits = tally
    summary = Summary()
    for limit, (points, least, most, first, last) in enumerate(found.tolist()):
        if not points:
            continue
        spans: dict[str, Any] = {key: names for key, names in texts.items() if key != "abi"}
        for place, axis in enumerate(grid.outer):
            low, high = outer_first[limit, place], outer_last[limit, place]
            spans[axis.key] = int(axis.values[int(low)]), int(axis.values[int(high)])
        if grid.counts_up:
            values = grid.inner[0].values
            spans[grid.inner[0].key] = int(values[first]), int(values[last])
        else:
            indices = np.flatnonzero(hits[limit])
            for axis in reversed(grid.inner):
                indices, places = np.divmod(indices, len(axis))
                spans[axis.key] = int(axis.values[places.min()]), int(axis.values[places.max()])
        for axis in idle:
            points *= len(axis)
            spans[axis.key] = axis.least, axis.most
        ordered = {key: spans[key] for key in keys if key in spans}
        region = Region(points, min(least, DOMAIN_IDS), most, ordered)
        summary.regions[abi, uniform.BINDINGS[limit]] = region
    return summary
