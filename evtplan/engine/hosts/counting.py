"""How many VMs a host holds, counted page by page without ports: for grids of millions of hosts.

The same rules as `bulk.py` for event arrays and control blocks, and nothing else: no page is
divided, every page is taken on its own. Tests hold both hosts equal.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["vms_by_pages"]


@njit(cache=True)
def _count(
    limits: Any, events: int, words: int, base: int, control: int, arrays: int, dom0_arrays: int
) -> Any:
    found = np.zeros(len(limits), dtype=np.int64)
    used = 0
    own = 0  # pages of each of dom0's arrays
    port = base  # its highest port
    while own * words <= port:
        own += 1
        for _ in range(dom0_arrays):
            used += 1
    vms = 0
    at = 0
    while at < len(limits):
        pages = 0
        while pages * words <= events:
            pages += 1
            for _ in range(arrays):
                used += 1
        for _ in range(control):
            used += 1
        port += events
        while own * words <= port:
            own += 1
            for _ in range(dom0_arrays):
                used += 1
        while at < len(limits) and used > limits[at]:
            found[at] = vms
            at += 1
        vms += 1
    return found


def vms_by_pages(
    limits: Sequence[int],
    events: int,
    words: int,
    *,
    base: int = 0,
    control: int = 0,
    arrays: int = 1,
    dom0_arrays: int = 1,
) -> npt.NDArray[np.int64]:
    """For each number of pages in `limits`, in ascending order, the VMs that run.

    A VM has `events` channels to dom0 and `control` control blocks; dom0 has `base` ports of its
    own. `arrays` and `dom0_arrays` are the event arrays of a domU and of dom0: one each, or one a
    VCPU in the variant that draft A dropped.
    """
    ordered = np.asarray(limits, dtype=np.int64)
    return np.asarray(_count(ordered, events, words, base, control, arrays, dom0_arrays))
