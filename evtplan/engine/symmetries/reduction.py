"""Searching orbits: one state stands for all that a symmetry makes equal.

A search that gets each successor's representative in place of the successor finds one state of
each orbit, at the depth at which the full search finds the first of them. The sum of the orbits'
sizes is then the number of states of the full search: `weight` gives them, so that it can be held
against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evtplan.engine.symmetries.orbits import print_canonical
from evtplan.engine.symmetry import Symmetry
from evtplan.engine.system import TransitionSystem

__all__ = ["Reduction", "compiled_reduction", "reduction_of"]

_COMPILED = """
import numpy as np
from numba import njit

from evtplan.engine.native import load64 as _load64, store64 as _store

compiled = njit(cache=True, nogil=True, error_model="numpy")


def ORDERS(numbers):
    return np.array(numbers, dtype=np.int64)


{canonical}"""


@dataclass(frozen=True, slots=True)
class Reduction:
    """A symmetry at work on packed states.

    `canonical` gives the state that stands for one, and how many renamings leave that as it is.
    """

    symmetry: Symmetry
    canonical: Callable[[int], tuple[int, int]]

    def of(self, state: int) -> int:
        """The state that stands for `state`."""
        return self.canonical(state)[0]

    def weight(self, state: int) -> int:
        """States of its orbit."""
        return self.symmetry.order // self.canonical(state)[1]


def reduction_of(system: TransitionSystem, symmetry: Symmetry) -> Reduction:
    """The reduction of states packed into one integer."""
    namespace: dict[str, Any] = {"compiled": _as_it_is, "ORDERS": tuple}
    source = print_canonical(system, symmetry, fused=True)
    exec(compile(source, "<generated>", "exec"), namespace)
    return Reduction(symmetry, namespace["canonical"])


def compiled_reduction(system: TransitionSystem, symmetry: Symmetry) -> str:
    """The same for states of 64-bit words: text for the module of a system's own functions."""
    return _COMPILED.format(canonical=print_canonical(system, symmetry, fused=False))


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function
