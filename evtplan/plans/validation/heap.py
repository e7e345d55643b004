"""Xen's heap: buckets of struct evtchn, groups of buckets, FIFO structures: what is live."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product

from evtplan.abi import RELEASES
from evtplan.engine.host import DOMID_SELF, Domain, Host
from evtplan.engine.hosts.behaviour import behaviour_of
from evtplan.engine.hosts.heap import BYTES, Allocation, Heap
from evtplan.engine.hosts.ports import PortState, PortTable
from evtplan.plans.validation.core import Point, Scale, Validator

__all__ = ["VALIDATORS"]

_OPENED = "a domain opens port after port; live buckets and groups are counted after each"
_FIRST_BLOCK = "a domain's first init_control; live allocations are counted"


@lru_cache(maxsize=2)
def _opened(scale: Scale) -> tuple[tuple[int, int, int, int], ...]:
    """(struct evtchn in a bucket, highest port, buckets, groups), a port at a time."""
    last = {1: 2000, 2: 2100, 64: 33_000, 128: 1500, 256: 1500}
    if scale is Scale.FULL:
        last = {1: 5000, 2: 5000, 64: 131_071, 128: 131_071, 256: 131_071}
    found = []
    for bucket, most in last.items():
        heap = Heap()
        table = PortTable(heap, most, bucket)
        table.add_bucket()
        table.ports[0].state = PortState.RESERVED
        port = 0
        while True:
            live = heap.live
            found.append((bucket, port, live[Allocation.BUCKET], live[Allocation.GROUP]))
            if port == most:
                break
            port = table.allocate(most + 1, _never)
            table.ports[port].state = PortState.UNBOUND
    return tuple(found)


def _never(_port: int) -> bool:
    return False


class _Opened:
    """Points of one count of the port tables."""

    def __init__(self, count: Callable[[int, int], int]) -> None:
        self.count = count

    def __call__(self, scale: Scale) -> Iterator[Point]:
        for bucket, port, buckets, groups in _opened(scale):
            inputs = {"highest_port": port, "evtchns_per_bucket": bucket}
            yield Point(inputs, self.count(buckets, groups))


def _per_bucket(scale: Scale) -> Iterator[Point]:
    for release in RELEASES.values():
        if release.name in ("4.3", "4.4-dev"):
            continue  # the host model begins with 4.4 as released
        host = Host(behaviour_of(release.name))
        bucket = len(host.create(1).ports)
        yield Point({"evtchn_bytes": release.evtchn_bytes}, bucket)


def _groups_at_most(scale: Scale) -> Iterator[Point]:
    """Every port of an ABI opened: the groups that then hang on struct domain."""
    for bucket, bits in ((1, 10), (1, 11), (2, 11), (64, 12), (64, 16), (64, 17), (128, 17)):
        channels = 1 << bits
        for ports in (channels, channels - 1, channels + 1) if bits < 16 else (channels,):
            heap = Heap()
            table = PortTable(heap, ports - 1, bucket)
            while len(table) < ports:
                table.add_bucket()
            inputs = {"channels": ports, "evtchns_per_bucket": bucket}
            yield Point(inputs, heap.live[Allocation.GROUP])


def _buckets_at_most(scale: Scale) -> Iterator[Point]:
    for bucket, channels in product((1, 2, 64, 128, 256), (1, 63, 64, 65, 127, 128, 4096, 1 << 17)):
        if channels // bucket > 5000:
            continue
        heap = Heap()
        table = PortTable(heap, channels - 1, bucket)
        while len(table) < channels:
            table.add_bucket()
        inputs = {"channels": channels, "evtchns_per_bucket": bucket}
        yield Point(inputs, heap.live[Allocation.BUCKET])


def _in_a_group(scale: Scale) -> Iterator[Point]:
    """Buckets added until a second group is needed: what the first one reaches."""
    for bucket in (1, 2, 64, 128, 256):
        heap = Heap()
        table = PortTable(heap, 1 << 18, bucket)
        reached = 0
        while heap.live[Allocation.GROUP] < 2:
            reached = len(table)
            table.add_bucket()
        yield Point({"evtchns_per_bucket": bucket}, reached)


def fifo_guest(vcpus: int, most_port: int = 1023) -> tuple[Host, Domain]:
    """A host and its one domain, gone over to FIFO with one control block."""
    host = Host()
    guest = host.create(1, vcpus=vcpus, max_port=most_port)
    guest.frame(1)
    host.init_control(guest, 0, 1, 0)
    return host, guest


class _Structures:
    """Heap bytes of some kinds of allocation once a domain has gone over to FIFO."""

    def __init__(self, *kinds: Allocation, **fixed: int) -> None:
        self.kinds, self.fixed = kinds, fixed

    def __call__(self, scale: Scale) -> Iterator[Point]:
        for vcpus in (1, 2, 3, 4, 8, 64, 128, 512):
            host, _ = fifo_guest(vcpus)
            found = sum(BYTES[kind] * host.heap.live[kind] for kind in self.kinds)
            inputs = dict(self.fixed) if "max_array_pages" in self.fixed else {"vcpus": vcpus}
            yield Point({**inputs, **self.fixed}, found)


def _all_bytes(scale: Scale) -> Iterator[Point]:
    ports = (1, 63, 64, 65, 1023, 4095) if scale is Scale.SMALL else (63, 64, 32_768, 131_071)
    for vcpus in (1, 4):
        for port in ports:
            host, guest = fifo_guest(vcpus, most_port=port)
            while host.alloc_unbound(guest, DOMID_SELF, 0) > 0:
                pass
            inputs = {"highest_port": port, "evtchns_per_bucket": 64, "vcpus": vcpus}
            yield Point(inputs, host.heap.bytes)


VALIDATORS = (
    Validator(
        "heap.evtchns_per_bucket",
        "How many struct evtchn fit a bucket?",
        "a domain's first bucket, as each release from 4.4 on makes it",
        _per_bucket,
    ),
    Validator(
        "heap.buckets",
        "How many buckets has a domain whose highest port is p?",
        _OPENED,
        _Opened(lambda buckets, groups: buckets),
    ),
    Validator(
        "heap.group_pages",
        "How many pages of bucket pointers has it?",
        _OPENED,
        _Opened(lambda buckets, groups: groups),
    ),
    Validator(
        "heap.xenheap_pages",
        "How many pages of Xen's heap do its ports take?",
        _OPENED,
        _Opened(lambda buckets, groups: buckets + groups),
    ),
    Validator(
        "heap.evtchns_per_group",
        "How many struct evtchn does one group reach?",
        "buckets added until a second group is allocated",
        _in_a_group,
    ),
    Validator(
        "heap.max_buckets",
        "How many buckets hold every port of an ABI?",
        "buckets added until every port has one",
        _buckets_at_most,
    ),
    Validator(
        "heap.max_groups",
        "How many groups hold every port of an ABI?",
        "buckets added until every port has one",
        _groups_at_most,
    ),
    Validator(
        "heap.fifo_vcpu_bytes",
        "How many bytes do c struct evtchn_fifo_vcpu take?",
        _FIRST_BLOCK,
        _Structures(Allocation.FIFO_VCPU, priority_levels=16),
    ),
    Validator(
        "heap.fifo_domain_bytes",
        "How many bytes does struct evtchn_fifo_domain take?",
        _FIRST_BLOCK,
        _Structures(Allocation.FIFO_DOMAIN, max_array_pages=128),
    ),
    Validator(
        "heap.fifo_struct_bytes",
        "How many bytes do a domain's FIFO structures take?",
        _FIRST_BLOCK,
        _Structures(Allocation.FIFO_DOMAIN, Allocation.FIFO_VCPU),
    ),
    Validator(
        "heap.xenheap_bytes",
        "How many bytes of Xen's heap does a domain take?",
        "a FIFO domain opens every port; live bytes are counted",
        _all_bytes,
    ),
)
