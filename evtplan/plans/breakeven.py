"""Break-even points: the first value of a quantity at which another alternative becomes the best.

Exact over whole numbers: every measure is monotone in the quantity, so a whole range is settled
from its ends where one alternative beats the others at its own worst.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice

__all__ = ["MOST_POINTS", "BreakEven", "Measure", "break_evens"]

# A measure of an alternative at a value of the quantity; None where it cannot serve there.
Measure = Callable[[int], int | None]

# A table of more is no answer; the first is what was asked for.
MOST_POINTS = 8


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From `first_value` on `best_from` are the best (equally good), just before `best_before`;
    none of them where no alternative can serve.
    """

    first_value: int
    best_before: tuple[str, ...]
    best_from: tuple[str, ...]


def break_evens(
    measures: Mapping[str, Measure],
    least: int,
    most: int,
    *,
    rising: bool,
    larger_is_better: bool,
) -> tuple[BreakEven, ...]:
    """The first `MOST_POINTS` values in `least` + 1 … `most` at which the best of `measures`
    are others than at the value before.

    Each measure must never fall (`rising`) or never rise as the quantity grows, and must have no
    value at its bad end only.
    """
    search = _Search(measures, rising, larger_is_better)
    return tuple(islice(search.changes(least, most), MOST_POINTS)) if most > least else ()


# Below every whole number; whole numbers of any size compare with it exactly.
_NONE = float("-inf")


class _Search:
    def __init__(
        self, measures: Mapping[str, Measure], rising: bool, larger_is_better: bool
    ) -> None:
        self.names = tuple(measures)
        # Every score is "larger is better"; which end of a range is its worst follows.
        sign = 1 if larger_is_better else -1
        self.rising = rising if larger_is_better else not rising

        def score(name: str, value: int) -> float:
            found = measures[name](value)
            return _NONE if found is None else sign * found

        self.scores = cache(lambda value: tuple(score(name, value) for name in self.names))

    def best(self, value: int) -> tuple[str, ...]:
        scores = self.scores(value)
        most = max(scores)
        if most == _NONE:
            return ()
        return tuple(n for n, score in zip(self.names, scores, strict=True) if score == most)

    def changes(self, low: int, high: int) -> Iterator[BreakEven]:
        """Every change in `low` + 1 … `high`, in order."""
        ranges = [(low, high)]
        while ranges:
            low, high = ranges.pop()
            before, after = self.best(low), self.best(high)
            if high - low == 1:
                if before != after:
                    yield BreakEven(high, before, after)
            elif before != after or not self.settled(low, high, before):
                middle = (low + high) // 2
                ranges += [(middle, high), (low, middle)]

    def settled(self, low: int, high: int, best: tuple[str, ...]) -> bool:
        """True where `best`, the best at both ends, can be no others between them."""
        if not best:
            return True
        worst, fairest = (low, high) if self.rising else (high, low)
        at_worst = dict(zip(self.names, self.scores(worst), strict=True))
        at_fairest = dict(zip(self.names, self.scores(fairest), strict=True))
        if len(best) > 1 and any(at_worst[name] != at_fairest[name] for name in best):
            return False
        floor = at_worst[best[0]]
        return all(at_fairest[name] < floor for name in self.names if name not in best)
