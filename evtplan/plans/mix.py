"""How many VMs of each group there are when a fleet of mixed guests grows VM by VM."""

from collections.abc import Sequence
from heapq import heapify, heapreplace
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Round", "shares"]

# So many groups are counted column-wise, which costs as much for a few as for hundreds.
_MANY = 200


def shares(weights: tuple[int, ...], vms: int) -> tuple[int, ...]:
    """`vms` VMs divided over groups in the proportions `weights`, all of them positive.

    Sainte-Laguë's method: the VM added next goes to the group with the lowest (2n + 1)/weight,
    of equal ones the first. So no group ever loses a VM when the fleet grows, and whole
    multiples of the weights come out exact.

    >>> shares((2, 1), 6), shares((2, 1), 7), shares((2, 1), 8)
    ((4, 2), (5, 2), (5, 3))
    """
    whole, rest = divmod(vms, sum(weights))
    counts = [whole * weight for weight in weights]
    if rest:
        for index, more in enumerate(Round(weights).first(rest)):
            counts[index] += more
    return tuple(counts)


class Round:
    """One round of the mix: as many VMs of each group as `weights`, all of them positive.

    `takes` has, for each thing that is counted, what one VM of each group takes of it.
    """

    def __init__(self, weights: tuple[int, ...], takes: tuple[tuple[int, ...], ...] = ()) -> None:
        self.weights = weights
        self.takes = takes
        self.vms = sum(weights)
        most = max(weights)
        # Fractions of whole numbers below 2^b differ by more than 2^-2b, so that keys with so
        # many bits behind the point order them exactly.
        self._bits = 2 * most.bit_length() + 1
        largest_take = max(map(max, takes), default=0)
        largest = max(2 * most, largest_take) * self.vms, (2 * most + 3) << self._bits
        self._columns = self._takes_by_columns = None
        if len(weights) >= _MANY and max(largest) < 2**62:
            self._columns = _array(weights)
            self._takes_by_columns = _array(takes or ((0,) * len(weights),))

    def totals(self, vms: int) -> tuple[int, ...]:
        """What the first `vms` VMs of the round take of each thing."""
        if self._columns is None or self._takes_by_columns is None:
            counts = self.first(vms)
            return tuple(sum(map(mul, counts, each)) for each in self.takes)
        found: list[int] = (self._takes_by_columns @ self._by_columns(self._columns, vms)).tolist()
        return tuple(found[: len(self.takes)])

    def first(self, vms: int) -> list[int]:
        """How many of each group are among the first `vms` VMs of the round.

        Those whose (2n + 1)/weight lies below twice the mean rate come before all others, and
        are all but a few; the last ones are put in, or taken out again, in order.
        """
        if self._columns is not None:
            found: list[int] = self._by_columns(self._columns, vms).tolist()
            return found
        # Odd numbers below x = 2·vms·weight/total: half of x, rounded up to a whole number.
        counts = [-(-2 * vms * weight // self.vms) // 2 for weight in self.weights]
        short = vms - sum(counts)
        self._put_in(counts, range(len(counts)), short)
        return counts

    def _put_in(self, counts: list[int], groups: Sequence[int], short: int) -> None:
        """Put the next `short` VMs in, or take so many out where it is negative, of `groups`,
        of which there are `counts`.
        """
        sign = 1 if short > 0 else -1
        keys = [
            (self._key(group, count, sign), sign * group, place)
            for place, (group, count) in enumerate(zip(groups, counts, strict=True))
        ]
        heapify(keys)
        for _ in range(abs(short)):
            _, order, place = keys[0]
            counts[place] += sign
            key = self._key(sign * order, counts[place], sign)
            heapreplace(keys, (key, order, place))

    def _key(self, group: int, count: int, sign: int) -> int:
        return sign * ((2 * count + sign) << self._bits) // self.weights[group]

    def _by_columns(self, weights: "NDArray[np.int64]", vms: int) -> "NDArray[np.int64]":
        """The same for many groups: only those that come next are put in one by one."""
        import numpy as np

        counts = -(-2 * vms * weights // self.vms) // 2
        short = vms - int(counts.sum())
        if short:
            sign, number = (1, short) if short > 0 else (-1, -short)
            keys = sign * ((2 * counts + sign) << self._bits) // weights
            last = np.partition(keys, number - 1)[number - 1]
            # Of equal ones the first are put in first, and the last taken out first.
            even = np.flatnonzero(keys == last)[::sign]
            before = np.flatnonzero(keys < last)
            groups = [*before.tolist(), *even[: number - len(before)].tolist()]
            taken = counts[groups].tolist()
            self._put_in(taken, groups, short)
            counts[groups] = taken
        return counts


def _array(numbers: Sequence[int] | Sequence[Sequence[int]]) -> "NDArray[np.int64]":
    import numpy as np

    return np.array(numbers, dtype=np.int64)
