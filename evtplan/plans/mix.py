"""How many VMs of each group there are when a fleet of mixed guests grows VM by VM."""

from math import lcm

__all__ = ["shares"]


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
    common = lcm(*weights)
    steps = [common // weight for weight in weights]

    def taken(key: int) -> list[int]:
        """VMs of each group whose (2n + 1)·step is at most `key`."""
        return [(key // step + 1) // 2 for step in steps]

    low, high = 0, 2 * common + max(steps)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if sum(taken(middle)) >= rest else (middle, high)
    counts = taken(high)
    surplus = sum(counts) - rest
    # Only groups whose last VM has exactly this key can give it back, the last ones first.
    for index in reversed(range(len(weights))):
        if surplus and counts[index] and (2 * counts[index] - 1) * steps[index] == high:
            counts[index] -= 1
            surplus -= 1
    return counts
