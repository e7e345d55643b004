"""What one domain costs under an ABI: event state pages and Xen heap."""

from evtplan.abi import Abi, Release
from evtplan.formulas import kernels

__all__ = [
    "DOMAIN_IDS",
    "PAGE_BYTES",
    "array_pages",
    "bound_holds",
    "control_block_bytes",
    "max_array_pages",
    "percent_apart",
    "xenheap_bytes",
    "xenheap_pages",
]

PAGE_BYTES = 4096
# DOMID_FIRST_RESERVED, 0x7FF0 in xen/include/public/xen.h: domain IDs, dom0's among them.
DOMAIN_IDS = 0x7FF0


def array_pages(abi: Abi, highest_port: int, words_per_page: int) -> int:
    """Pages of P that hold the event state of a domain with ports 1 … `highest_port`."""
    if abi.event_words:
        return kernels.fifo_event_array_pages(highest_port, words_per_page)
    return abi.bitmap_pages


def max_array_pages(abi: Abi, words_per_page: int) -> int:
    """Event array pages of a domain that uses every port."""
    return kernels.draft_a_max_array_pages(abi.channels, words_per_page)


def control_block_bytes(abi: Abi, vcpus: int) -> int | None:
    """Bytes of control blocks, 72 a VCPU (128 in draft A); None where the ABI has none."""
    if abi.maps_control_blocks:
        return kernels.fifo_control_block_bytes(vcpus)
    if abi.event_words:
        return kernels.draft_a_control_block_bytes(abi.priorities, vcpus)
    return None


def bound_holds(events_per_vm: int, words_per_page: int) -> bool:
    """True where the draft's bound of two pages a VM is one: port 0 takes a word as well."""
    return events_per_vm < words_per_page


def xenheap_pages(release: Release, highest_port: int) -> int:
    """Xen heap pages for a domain's struct evtchn: buckets, and groups of bucket pointers."""
    if release.groups:
        return kernels.heap_xenheap_pages(highest_port, release.evtchns_per_bucket)
    return kernels.heap_buckets(highest_port, release.evtchns_per_bucket)


def xenheap_bytes(abi: Abi, release: Release, highest_port: int, vcpus: int | None) -> int:
    """Xen heap bytes for one domain's channels: its pages, and the FIFO structures of its VCPUs
    where their number is known.
    """
    fifo = 0
    if abi.maps_control_blocks and vcpus is not None:
        fifo = kernels.heap_fifo_struct_bytes(vcpus)
    return xenheap_pages(release, highest_port) * PAGE_BYTES + fifo


def percent_apart(first: float | None, second: float | None) -> float | None:
    """How far `second` lies from `first`, in per cent of `first`, to two places."""
    if first is None or second is None or first == 0:
        return None
    return round(100 * (second - first) / first, 2)
