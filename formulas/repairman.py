"""A closed queue's mean length in three readings, without SymPy.

The machine-repairman queue M/M/1//n by mean value analysis (Reiser and Lavenberg, 1980):
L(0) = 0 and L(n) = n·S·(1 + L(n − 1)) / (Z + S·(1 + L(n − 1))).
"""

from fractions import Fraction
from typing import Any

__all__ = ["repairman_queue", "repairman_queue_array", "repairman_queue_float"]


def repairman_queue(n: int, service: int, think: int) -> Fraction:
    """Exact mean queue length for whole `n` ≥ 0, `service` ≥ 1 and `think` ≥ 1, times in one
    unit. The numbers grow by a factor a step, so that the work grows with the square of `n`.
    """
    above, below = 0, 1
    for customers in range(1, n + 1):
        busy = service * (below + above)
        above, below = customers * busy, think * below + busy
    return Fraction(above, below)


def repairman_queue_float(n: int, service: int, think: int) -> float:
    """The same in floats, as Numba compiles it. Every step adds positive numbers, so that the
    error stays within a few units in the last place a step.
    """
    queue = 0.0
    for customers in range(1, n + 1):
        busy = service * (1.0 + queue)
        queue = customers * busy / (think + busy)
    return queue


def repairman_queue_array(n: Any, service: Any, think: Any) -> Any:
    """The same over NumPy arrays that broadcast together."""
    import numpy as np

    n, service, think = np.broadcast_arrays(n, service, think)
    queue = np.zeros(n.shape)
    for customers in range(1, int(n.max(initial=0)) + 1):
        busy = service * (1.0 + queue)
        queue = np.where(customers <= n, customers * busy / (think + busy), queue)
    return queue
