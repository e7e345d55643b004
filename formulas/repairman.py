"""A closed queue's mean length and utilisation in three readings, without SymPy.

The machine-repairman queue M/M/1//n by mean value analysis (Reiser and Lavenberg, 1980):
L(0) = 0 and L(n) = n·S·(1 + L(n − 1)) / (Z + S·(1 + L(n − 1))). Its server is busy for the share
n·S / (Z + S·(1 + L(n − 1))) of the time.
"""

from fractions import Fraction
from typing import Any

__all__ = [
    "repairman_busy",
    "repairman_busy_array",
    "repairman_busy_float",
    "repairman_queue",
    "repairman_queue_array",
    "repairman_queue_float",
]


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


def repairman_busy(n: int, service: int, think: int) -> Fraction:
    """Exact share of time for which the server is busy; `n` ≥ 1."""
    return n * service / (think + service * (1 + repairman_queue(n - 1, service, think)))


def repairman_busy_float(n: int, service: int, think: int) -> float:
    """The same in floats, as Numba compiles it."""
    queue = 0.0
    for customers in range(1, n):
        busy = service * (1.0 + queue)
        queue = customers * busy / (think + busy)
    return n * service / (think + service * (1.0 + queue))


def repairman_busy_array(n: Any, service: Any, think: Any) -> Any:
    """The same over NumPy arrays that broadcast together."""
    return n * service / (think + service * (1.0 + repairman_queue_array(n - 1, service, think)))
