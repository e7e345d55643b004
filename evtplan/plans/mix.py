"""How many VMs of each group there are when a fleet of mixed guests grows VM by VM."""

from functools import lru_cache
from heapq import heapify, heapreplace

__all__ = ["shares"]


@lru_cache(maxsize=64)
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
        for index, more in enumerate(_within_one_round(weights, rest)):
            counts[index] += more
    return tuple(counts)


def _within_one_round(weights: tuple[int, ...], rest: int) -> list[int]:
    """The first `rest` VMs of a round.

    Those whose (2n + 1)/weight lies below twice the mean rate come before all others, and are
    all but a few; the last ones are put in, or taken out again, in order.
    """
    total = sum(weights)
    # Odd numbers below x = 2·rest·weight/total: half of x, rounded up to a whole number.
    counts = [-(-2 * rest * weight // total) // 2 for weight in weights]
    # Fractions of whole numbers below 2^b differ by more than 2^-2b, so these order them exactly.
    bits = 2 * max(weights).bit_length() + 1
    short = rest - sum(counts)
    sign = 1 if short > 0 else -1
    keys = [
        (sign * ((2 * n + sign) << bits) // weight, sign * index)
        for index, (n, weight) in enumerate(zip(counts, weights, strict=True))
    ]
    heapify(keys)
    for _ in range(abs(short)):
        index = sign * keys[0][1]
        counts[index] += sign
        key = sign * ((2 * counts[index] + sign) << bits) // weights[index]
        heapreplace(keys, (key, sign * index))
    return counts
