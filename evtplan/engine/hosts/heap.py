"""What a host allocates for event channels: counted, bounded, made to fail where a test says."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Allocation", "Heap", "NoMemoryError"]


class Allocation(StrEnum):
    """The kinds of allocation; the value names it in reports."""

    BUCKET = "bucket of struct evtchn"  # one page
    GROUP = "group of bucket pointers"  # one page
    FIFO_DOMAIN = "struct evtchn_fifo_domain"
    FIFO_VCPU = "struct evtchn_fifo_vcpu"
    ARRAY_PAGE = "mapping of an event array page"
    CONTROL_BLOCK = "mapping of a control block"
    PIRQ = "struct pirq"

    @property
    def is_mapping(self) -> bool:
        """It takes a slot of the global mapping space; the page itself is the guest's."""
        return self in (Allocation.ARRAY_PAGE, Allocation.CONTROL_BLOCK)


# Bytes of the heap: struct sizes of a 64-bit release build (event_fifo.c, sched.h), page for page.
BYTES = {
    Allocation.BUCKET: 4096,
    Allocation.GROUP: 4096,
    Allocation.FIFO_DOMAIN: 1032,
    Allocation.FIFO_VCPU: 392,
    Allocation.PIRQ: 64,
}


class NoMemoryError(Exception):
    """An allocation failed; the hypercall that made it returns −ENOMEM."""

    def __init__(self, kind: Allocation) -> None:
        self.kind = kind
        super().__init__(f"no memory for a {kind.value}")


@dataclass(slots=True)
class Heap:
    """Live allocations by kind. `made` counts every attempt, from 1, over the host's whole life.

    An attempt whose number is in `failing` fails; so does a mapping beyond `mappings` (None: no
    limit) and a page of the heap beyond `pages`.
    """

    mappings: int | None = None
    pages: int | None = None
    failing: Collection[int] = ()
    made: int = 0
    live: Counter[Allocation] = field(default_factory=Counter)

    def take(self, kind: Allocation) -> None:
        """Allocate one. Raises `NoMemoryError`."""
        self.made += 1
        if self.made in self.failing:
            raise NoMemoryError(kind)
        if kind.is_mapping and self.mappings is not None and self.mapped >= self.mappings:
            raise NoMemoryError(kind)
        if not kind.is_mapping and self.pages is not None:
            after = self.bytes + BYTES[kind]
            if after > self.pages * 4096:
                raise NoMemoryError(kind)
        self.live[kind] += 1

    def give(self, kind: Allocation, count: int = 1) -> None:
        """Free `count` of them. Raises `ValueError` for what was never allocated."""
        if self.live[kind] < count:
            raise ValueError(f"{count} of {kind.value} freed, {self.live[kind]} live")
        self.live[kind] -= count

    @property
    def mapped(self) -> int:
        """Slots of the global mapping space in use."""
        return sum(count for kind, count in self.live.items() if kind.is_mapping)

    @property
    def bytes(self) -> int:
        """Bytes of the heap in use."""
        return sum(BYTES[kind] * count for kind, count in self.live.items() if kind in BYTES)
