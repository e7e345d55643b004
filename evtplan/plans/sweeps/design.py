"""A sweep as a value: what is swept, over which points, which columns and rows are kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.plans.sweeps.axes import Axis, point_count
from evtplan.plans.sweeps.columns import Column, filtered, text_column
from evtplan.plans.sweeps.distributions import Distribution
from evtplan.plans.sweeps.where import Condition

__all__ = ["ROWS_PER_CHUNK", "Subject", "Sweep"]

# Rows computed, written and resumed at a time: large enough that a part file is worth opening,
# small enough that a few of them fit in any memory.
ROWS_PER_CHUNK = 2**16
# Points drawn from one stream of random numbers, whatever the chunks.
_ROWS_PER_DRAW = 2**13
# Fewer points are computed and written before compiled code has been loaded.
_WORTH_COMPILING = 50_000


class Subject(Protocol):
    """What a sweep asks about, point by point."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it can give, besides the quantities that are varied."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Those it gives where nobody chose."""

    @property
    def complete(self) -> frozenset[str]:
        """Columns that have a value at every point."""

    @property
    def told(self) -> tuple[tuple[str, int | str], ...]:
        """What all points have in common, for a caption."""

    def check(self, keys: tuple[str, ...]) -> None:
        """Raise `EvtplanError` where the varied `keys` leave something open."""

    def compute(
        self, points: Mapping[str, Column], rows: int, names: tuple[str, ...], *, compiled: bool
    ) -> dict[str, Column]:
        """The columns `names` at `rows` points, given each varied quantity; with `compiled` by
        compiled code where there is any.
        """


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is swept. Points count from 0, the axis given last changing fastest.

    With `sample`, that many points are drawn instead: quantities with a distribution from it,
    others from their axis, each value as likely. The same `seed` draws the same points, whatever
    the chunks' order. Raises `EvtplanError` for a quantity that is given twice, an unknown
    column, or axes side by side that differ in length.
    """

    subject: Subject
    axes: tuple[Axis, ...]
    zipped: bool = False
    sample: int | None = None
    distributions: tuple[Distribution, ...] = ()
    seed: int = 0
    select: tuple[str, ...] = ()
    where: Condition | None = None
    rows_per_chunk: int = ROWS_PER_CHUNK

    def __post_init__(self) -> None:
        for key in self.keys:
            if self.keys.count(key) > 1:
                raise EvtplanError(f"{key} is varied twice", "give it once, with all its values")
        if self.distributions and self.sample is None:
            raise EvtplanError(
                f"{self.distributions[0].key} is drawn by chance, but how often?",
                "give --sample, e.g. --sample 100000",
            )
        if self.zipped and self.sample is not None:
            raise EvtplanError("--zip takes every point in turn; --sample draws them", "give one")
        point_count(self.axes, self.zipped)
        self.subject.check(self.keys)
        for name in self.select:
            if name not in self.known:
                raise UnknownNameError("column", name, self.known)

    @property
    def keys(self) -> tuple[str, ...]:
        """The quantities varied, in the order given."""
        return (*(axis.key for axis in self.axes), *(law.key for law in self.distributions))

    @property
    def known(self) -> tuple[str, ...]:
        """Every column there is."""
        return tuple(dict.fromkeys((*self.keys, *self.subject.columns)))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the answer: those selected, or what is varied and what matters most."""
        return self.select or tuple(dict.fromkeys((*self.keys, *self.subject.shown)))

    @property
    def complete(self) -> frozenset[str]:
        """Columns that have a value in every row."""
        return self.subject.complete.union(self.keys)

    @property
    def points(self) -> int:
        """Points to compute; those a condition leaves out are among them."""
        if self.sample is not None:
            return self.sample
        return point_count(self.axes, self.zipped)

    @property
    def is_large(self) -> bool:
        """True where there are so many points that it pays to load compiled code."""
        return self.points >= _WORTH_COMPILING

    @property
    def chunks(self) -> int:
        """Chunks the points come in."""
        return -(-self.points // self.rows_per_chunk)

    def chunk_bounds(self, index: int) -> tuple[int, int]:
        """The first point of chunk `index`, and the one after its last."""
        start = index * self.rows_per_chunk
        return start, min(start + self.rows_per_chunk, self.points)

    def rows(self, index: int, more: tuple[str, ...] = ()) -> tuple[dict[str, Column], int]:
        """The rows of chunk `index` that satisfy the condition, and how many they are.

        `more` names columns wanted besides those of the answer.
        """
        start, stop = self.chunk_bounds(index)
        points = self.inputs(start, stop)
        wanted = tuple(dict.fromkeys((*self.names, *more)))
        asked = self.where.names if self.where else ()
        names = tuple(n for n in dict.fromkeys((*wanted, *asked)) if n not in points)
        rows = stop - start
        computed = self.subject.compute(points, rows, names, compiled=self.is_large)
        found = {**points, **computed}
        if self.where is None:
            return {name: found[name] for name in wanted}, rows
        kept = self.where.holds(found, rows)
        return {name: filtered(found[name], kept) for name in wanted}, int(kept.sum())

    def inputs(self, start: int, stop: int) -> dict[str, Column]:
        """The varied quantities at points `start` … `stop` − 1."""
        if self.sample is not None:
            return self._drawn(start, stop)
        found = {}
        for axis, places in self._places(start, stop):
            found[axis.key] = _taken(axis, places)
        return {axis.key: found[axis.key] for axis in self.axes}

    def _places(self, start: int, stop: int) -> Iterator[tuple[Axis, Any]]:
        """Each axis and the index of its value at each point."""
        index = np.arange(start, stop, dtype=np.int64)
        if self.zipped:
            yield from ((axis, index) for axis in self.axes)
            return
        for axis in reversed(self.axes):
            index, places = np.divmod(index, len(axis))
            yield axis, places

    def _drawn(self, start: int, stop: int) -> dict[str, Column]:
        first = start // _ROWS_PER_DRAW
        blocks = range(first, -(-stop // _ROWS_PER_DRAW))
        inside = slice(start - first * _ROWS_PER_DRAW, stop - first * _ROWS_PER_DRAW)
        found = {}
        parts: list[Axis | Distribution] = [*self.axes, *self.distributions]
        for number, part in enumerate(parts):
            drawn = np.concatenate([self._draw(part, number, block) for block in blocks])[inside]
            if isinstance(part, Distribution):
                found[part.key] = Column(part.key, drawn)
            else:
                found[part.key] = _taken(part, drawn)
        return found

    def _draw(self, part: Axis | Distribution, number: int, block: int) -> Any:
        # A stream of its own for each quantity and block: no draw depends on another's.
        words = np.random.SeedSequence([self.seed, number, block])
        generator = np.random.Generator(np.random.Philox(words))
        if isinstance(part, Distribution):
            return part.draw(generator, _ROWS_PER_DRAW)
        return generator.integers(0, len(part), _ROWS_PER_DRAW)


def _taken(axis: Axis, places: Any) -> Column:
    values = axis.values
    if isinstance(values, range):
        return Column(axis.key, values.start + values.step * places)
    if axis.is_text:
        return text_column(axis.key, places, tuple(str(value) for value in values))
    return Column(axis.key, np.array(values, dtype=np.int64)[places])
