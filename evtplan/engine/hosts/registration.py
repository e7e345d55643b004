"""Draft A's EVTCHNOP_init, VCPU by VCPU or in batches, and what a failure half way leaves behind.

The thread names three answers to a registration that fails: roll back what was registered (Wei
Liu), register in a batch (Wei Liu), take the VCPU offline that cannot be initialised (David
Vrabel); draft A itself does nothing. Each initialisation takes the VCPU's structure and one array
page until the array is full; one that fails leaves nothing of its own behind. Both are inferred:
the draft's text on it could not be read.
"""

from dataclasses import dataclass
from enum import StrEnum

from evtplan.engine.host import MAX_ARRAY_PAGES
from evtplan.engine.hosts.heap import Allocation, Heap, NoMemoryError

__all__ = ["Policy", "Registration", "register"]


class Policy(StrEnum):
    """What is done about an initialisation that fails."""

    NOTHING = "nothing"
    ROLL_BACK = "roll back"
    BATCH = "batch"
    OFFLINE = "VCPU offline"


@dataclass(frozen=True, slots=True)
class Registration:
    """What came of bringing a domain up. `calls` are hypercalls made, those that failed and those
    that undo included; `pages` array pages that stand; `online` VCPUs that run with event queues;
    `failed` initialisations that failed; `undone` registrations rolled back.
    """

    policy: Policy
    calls: int
    pages: int
    online: int
    failed: int
    undone: int

    @property
    def usable(self) -> bool:
        """The guest runs on the new ABI: VCPU 0 and whoever else is online have queues."""
        return self.online > 0


def register(
    heap: Heap,
    vcpus: int,
    policy: Policy,
    *,
    batch: int | None = None,
    failing_undo: int | None = None,
) -> Registration:
    """Bring up `vcpus` VCPUs on `heap`, which says which allocation fails.

    `batch` VCPUs go into one call: 1 under the other policies, all of them under `BATCH` unless
    given. `failing_undo` is the number (from 1) of an undoing call that fails and ends the roll
    back.
    Allocations that stand afterwards are still live on `heap`. Raises `ValueError` for no VCPU.
    """
    if vcpus < 1 or (batch is not None and batch < 1):
        raise ValueError("a domain has at least one VCPU, and a batch too")
    size = batch or (vcpus if policy is Policy.BATCH else 1)
    calls = failed = undone = 0
    up: list[list[tuple[int, bool]]] = []  # the VCPUs of each call that went well, with their page
    for first in range(0, vcpus, size):
        calls += 1
        taken = _call(heap, range(first, min(first + size, vcpus)), _pages(up))
        if taken is not None:
            up.append(taken)
            continue
        failed += 1
        if policy is Policy.ROLL_BACK:
            calls, undone = _roll_back(heap, up, calls, failing_undo)
        if policy is not Policy.OFFLINE or first == 0:
            break
    online = sum(len(taken) for taken in up)
    if failed and policy is not Policy.OFFLINE:
        online = 0  # the guest cannot use a queue on some of its VCPUs only: it stays on 2-level
    return Registration(policy, calls, _pages(up), online, failed, undone)


def _call(heap: Heap, vcpus: range, pages: int) -> list[tuple[int, bool]] | None:
    """One EVTCHNOP_init for these VCPUs: each with whether it added a page; None: undone whole."""
    taken: list[tuple[int, bool]] = []
    for vcpu in vcpus:
        try:
            heap.take(Allocation.FIFO_VCPU)
        except NoMemoryError:
            _free(heap, taken)
            return None
        adds = pages + sum(page for _, page in taken) < MAX_ARRAY_PAGES
        try:
            if adds:
                heap.take(Allocation.ARRAY_PAGE)
        except NoMemoryError:
            heap.give(Allocation.FIFO_VCPU)
            _free(heap, taken)
            return None
        taken.append((vcpu, adds))
    return taken


def _free(heap: Heap, taken: list[tuple[int, bool]]) -> None:
    heap.give(Allocation.FIFO_VCPU, len(taken))
    heap.give(Allocation.ARRAY_PAGE, sum(page for _, page in taken))


def _roll_back(
    heap: Heap, up: list[list[tuple[int, bool]]], calls: int, failing_undo: int | None
) -> tuple[int, int]:
    """Undo call by call, the last first; a call that fails ends it."""
    undone = 0
    while up:
        calls += 1
        if failing_undo is not None and undone + 1 == failing_undo:
            break
        _free(heap, up.pop())
        undone += 1
    return calls, undone


def _pages(up: list[list[tuple[int, bool]]]) -> int:
    return sum(page for taken in up for _, page in taken)
