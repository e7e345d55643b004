"""A domain's ports: buckets of struct evtchn, and how a free one is found."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from evtplan.abi.errnos import Errno
from evtplan.engine.hosts.heap import Allocation, Heap

if TYPE_CHECKING:
    from collections.abc import Callable

    from evtplan.engine.host import Domain

__all__ = ["BUCKETS_PER_GROUP", "Port", "PortState", "PortTable", "RefusedError"]

BUCKETS_PER_GROUP = 512  # pointers in a page: xen/include/xen/sched.h


class RefusedError(Exception):
    """A hypercall ends here and returns −`errno`."""

    def __init__(self, errno: Errno) -> None:
        self.errno = errno
        super().__init__(errno.name)


class PortState(IntEnum):
    """struct evtchn: state (ECS_…)."""

    FREE = 0
    RESERVED = 1
    UNBOUND = 2
    INTERDOMAIN = 3
    PIRQ = 4
    VIRQ = 5
    IPI = 6


@dataclass(slots=True)
class Port:
    """struct evtchn, without what only the FIFO protocol reads (that lies in its memory).

    `peer_domid` may call bind_interdomain on an unbound port; `peer` and `peer_port` are the other
    end of an interdomain one. `vcpu` is notified. Events of a port with `xen_consumer` go to Xen.
    """

    state: PortState = PortState.FREE
    vcpu: int = 0
    xen_consumer: bool = False
    peer_domid: int = 0
    peer: "Domain | None" = None
    peer_port: int = 0
    virq: int = 0
    pirq: int = 0

    @property
    def usable(self) -> bool:
        """evtchn_usable(): a guest may use it."""
        return not self.xen_consumer and self.state > PortState.RESERVED


@dataclass(slots=True)
class PortTable:
    """The ports of one domain: all that lie in allocated buckets; `len()` is valid_evtchns.

    `highest` is the highest number the domain may have (max_evtchn_port), `bucket` the ports in a
    bucket. No port below `_lowest` is free and unlinked, so that a search may begin there.
    """

    heap: Heap
    highest: int
    bucket: int
    ports: list[Port] = field(default_factory=list)
    active: int = 0
    groups: int = 0
    _lowest: int = 0

    def __len__(self) -> int:
        return len(self.ports)

    def get(self, number: int) -> Port | None:
        """_evtchn_from_port(): the port, None for one in no bucket."""
        return self.ports[number] if 0 <= number < len(self.ports) else None

    def add_bucket(self) -> None:
        """One more bucket, and its group where it is the first of one. Raises `NoMemoryError`.

        The first bucket of a domain hangs on struct domain and needs no group.
        """
        number = len(self.ports) // self.bucket
        if number > 0 and number // BUCKETS_PER_GROUP >= self.groups:
            self.heap.take(Allocation.GROUP)
            self.groups += 1
        self.heap.take(Allocation.BUCKET)
        self.ports.extend(Port() for _ in range(self.bucket))

    def allocate(self, abi_ports: int, is_busy: "Callable[[int], bool]") -> int:
        """get_free_port(): the lowest free port; a free one that `is_busy` is passed over.

        `abi_ports` are the numbers the ABI in force has. Raises `RefusedError` with ENOSPC,
        `NoMemoryError` where a bucket is needed and there is none.
        """
        number = self._lowest
        passed_over = False
        while True:
            if number > self.highest or number >= abi_ports:
                raise RefusedError(Errno.ENOSPC)
            if number >= len(self.ports):
                self.add_bucket()
            if self.ports[number].state is PortState.FREE:
                if not is_busy(number):
                    self.active += 1
                    return number
                passed_over = True
            elif not passed_over:
                self._lowest = number + 1
            number += 1

    def free(self, number: int) -> None:
        """evtchn_free(), all but its event: nobody's port, bound to VCPU 0 again."""
        port = self.ports[number]
        port.state = PortState.FREE
        port.vcpu = 0
        port.xen_consumer = False
        port.peer = None
        self.active -= 1
        self._lowest = min(self._lowest, number)

    def release(self) -> None:
        """Give every bucket and group back; the domain is gone."""
        self.heap.give(Allocation.BUCKET, len(self.ports) // self.bucket)
        self.heap.give(Allocation.GROUP, self.groups)
        self.ports.clear()
        self.groups = 0
