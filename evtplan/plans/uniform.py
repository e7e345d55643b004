"""Like VMs by numbers: every column of a sizing as one straight-line program over the book.

`row` reads the kernels of the formula book in exact Python integers. A sweep reads the same text:
it takes the lines that the wanted columns need and compiles them. So the text keeps to what both
understand: one assignment a line, `//` as the only division, small functions, no container.
"""

from typing import Any

from evtplan.abi import Abi, Release
from evtplan.formulas import kernels
from evtplan.plans.costs import DOMAIN_IDS, PAGE_BYTES

__all__ = ["BINDINGS", "COLUMNS", "FACTS", "NUMBERS", "facts_of", "row"]

# A value that does not exist.
NOTHING = None
# More VMs than ever bind: there are only DOMAIN_IDS.
NEVER = DOMAIN_IDS + 1

# What `binding` counts: the limits, in the order in which the first of equal ones is named.
BINDINGS = ("domu_ports", "pages", "domids", "backend_ports")

FACTS = (
    "usable_ports", "channels", "event_words", "bitmap_pages", "priorities",
    "maps_control_blocks", "evtchns_per_bucket", "groups",
)  # fmt: skip
NUMBERS = (
    "events_per_vm", "vms_asked", "vcpus", "pages", "words_per_page", "backends",
    "backend_base_ports", "driver_domains", "guest_page_bytes",
)  # fmt: skip
COLUMNS = (
    "usable_ports_per_domain", "domu_ports", "backend_ports", "backend_headroom_ports",
    "domu_array_pages", "backend_array_pages", "total_array_pages", "total_array_pages_bound",
    "control_block_pages", "control_block_bytes", "total_pages", "total_bytes",
    "guest_memory_bytes", "xenheap_pages_per_domu", "xenheap_bytes", "vm_limit_estimate",
    "vm_limit_second_method",
    "vm_limit_pages", "vm_limit_backend_ports", "vm_limit_domu_ports", "vm_limit_domids",
    "vm_limit", "binding", "vms", "headroom_vms",
)  # fmt: skip


def facts_of(abi: Abi, release: Release) -> dict[str, int]:
    """What `row` must know about an ABI and a release, as whole numbers."""
    return {
        "usable_ports": abi.usable_ports,
        "channels": abi.channels,
        "event_words": int(abi.event_words),
        "bitmap_pages": abi.bitmap_pages,
        "priorities": abi.priorities,
        "maps_control_blocks": int(abi.maps_control_blocks),
        "evtchns_per_bucket": release.evtchns_per_bucket,
        "groups": int(release.groups),
    }


def state_pages(event_words: int, bitmap_pages: int, highest_port: int, words_per_page: int) -> int:
    """Pages of P with the event state of a domain that uses ports up to `highest_port`."""
    if event_words:
        return kernels.fifo_event_array_pages(highest_port, words_per_page)
    return bitmap_pages


def heap_pages(groups: int, highest_port: int, evtchns_per_bucket: int) -> int:
    """Xen heap pages for one domain's struct evtchn."""
    if groups:
        return kernels.heap_xenheap_pages(highest_port, evtchns_per_bucket)
    return kernels.heap_buckets(highest_port, evtchns_per_bucket)


def spread_array_pages(
    vms: int, backends: int, backend_base_ports: int, events_per_vm: int, words_per_page: int
) -> int:
    """Event array pages of all backends when VMs are spread evenly over them."""
    served = vms // backends
    more = vms - served * backends
    ports = backend_base_ports + served * events_per_vm
    few = kernels.fifo_event_array_pages(ports, words_per_page)
    many = kernels.fifo_event_array_pages(ports + events_per_vm, words_per_page)
    return (backends - more) * few + more * many


def spread_heap_pages(
    vms: int,
    backends: int,
    backend_base_ports: int,
    events_per_vm: int,
    groups: int,
    evtchns_per_bucket: int,
) -> int:
    """Xen heap pages of all backends when VMs are spread evenly over them."""
    served = vms // backends
    more = vms - served * backends
    ports = backend_base_ports + served * events_per_vm
    few = heap_pages(groups, ports, evtchns_per_bucket)
    many = heap_pages(groups, ports + events_per_vm, evtchns_per_bucket)
    return (backends - more) * few + more * many


def limit_beside_one(
    pages: int,
    events_per_vm: int,
    words_per_page: int,
    backend_base_ports: int,
    control_pages: int,
    backends: int,
) -> int:
    """The largest V whose whole event array pages fit in P beside one backend's."""
    return kernels.fifo_vm_limit_pages(
        pages, events_per_vm, words_per_page, backend_base_ports, control_pages
    )


def limit_beside_many(
    pages: int,
    events_per_vm: int,
    words_per_page: int,
    backend_base_ports: int,
    control_pages: int,
    backends: int,
) -> int:
    """The same beside any number of backends: no closed form, since each has its own part-filled
    last page; bisection, since pages in use only grow with V.
    """
    if backends == 1:
        return limit_beside_one(
            pages, events_per_vm, words_per_page, backend_base_ports, control_pages, backends
        )
    per_vm = kernels.fifo_event_array_pages(events_per_vm, words_per_page) + control_pages
    good = 0
    bad = pages // per_vm + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        used = middle * per_vm + spread_array_pages(
            middle, backends, backend_base_ports, events_per_vm, words_per_page
        )
        if used <= pages:
            good = middle
        else:
            bad = middle
    return good


def row(
    *,
    usable_ports: int,
    channels: int,
    event_words: int,
    bitmap_pages: int,
    priorities: int,
    maps_control_blocks: int,
    evtchns_per_bucket: int,
    groups: int,
    events_per_vm: int,
    vms_asked: int,
    vcpus: int,
    pages: int,
    words_per_page: int,
    backends: int,
    backend_base_ports: int,
    driver_domains: int,
    guest_page_bytes: int,
) -> dict[str, Any]:
    """Every column of `COLUMNS`. `vms_asked` −1 plans for as many as fit; `vcpus` 0 and
    `driver_domains` −1 are not known. `binding` is an index in `BINDINGS`.
    """
    state = state_pages(event_words, bitmap_pages, events_per_vm, words_per_page)
    mapped = kernels.fifo_control_pages(vcpus) if maps_control_blocks else 0
    fits = events_per_vm <= usable_ports

    by_words = limit_beside_many(
        pages, events_per_vm, words_per_page, backend_base_ports, mapped, backends
    )
    # No ABI without bitmap pages comes to use this; 1 keeps the division defined.
    bitmap = bitmap_pages if bitmap_pages else 1
    by_bitmaps = kernels.three_level_vm_limit_pages(pages, bitmap, backends)
    by_pages = by_words if event_words else (by_bitmaps if bitmap_pages else NEVER)
    vm_limit_backend_ports = kernels.fifo_vm_limit_backend_ports(
        usable_ports, backend_base_ports, events_per_vm, backends
    )
    vm_limit_pages = by_pages if state else NOTHING
    vm_limit_domu_ports = NOTHING if fits else 0
    vm_limit_domids = DOMAIN_IDS
    lowest = min(min(by_pages, vm_limit_backend_ports), DOMAIN_IDS)
    vm_limit = lowest if fits else 0
    of_two = 2 if lowest == DOMAIN_IDS else 3
    of_three = 1 if by_pages == lowest else of_two
    binding = of_three if fits else 0

    vms = vm_limit if vms_asked < 0 else vms_asked
    headroom_vms = vm_limit - vms
    usable_ports_per_domain = usable_ports
    domu_ports = vms * events_per_vm
    backend_ports = backend_base_ports + -(-vms // backends) * events_per_vm
    backend_headroom_ports = usable_ports - backend_ports

    domu_array_pages = vms * state
    packed = spread_array_pages(vms, backends, backend_base_ports, events_per_vm, words_per_page)
    backend_array_pages = packed if event_words else backends * bitmap_pages
    total_array_pages = domu_array_pages + backend_array_pages
    bound = kernels.draft_a_total_array_pages_bound(vms)
    total_array_pages_bound = bound if event_words else NOTHING

    counted = vms * kernels.fifo_control_pages(vcpus) if maps_control_blocks else 0
    fifo_blocks = kernels.fifo_control_block_bytes(vms * vcpus)
    draft_blocks = kernels.draft_a_control_block_bytes(priorities, vms * vcpus)
    block_bytes = fifo_blocks if maps_control_blocks else draft_blocks
    control_block_pages = counted if maps_control_blocks and vcpus > 0 else NOTHING
    control_block_bytes = block_bytes if event_words and vcpus > 0 else NOTHING
    total_pages = total_array_pages + counted
    total_bytes = total_pages * PAGE_BYTES
    guest_memory_bytes = total_pages * guest_page_bytes

    xenheap_pages_per_domu = heap_pages(groups, events_per_vm, evtchns_per_bucket)
    structs = vms * kernels.heap_fifo_struct_bytes(vcpus)
    buckets = vms * xenheap_pages_per_domu + spread_heap_pages(
        vms, backends, backend_base_ports, events_per_vm, groups, evtchns_per_bucket
    )
    counted_structs = structs if maps_control_blocks and vcpus > 0 else 0
    xenheap_bytes = buckets * PAGE_BYTES + counted_structs

    estimate = kernels.draft_a_vm_limit_estimate(pages, events_per_vm, words_per_page)
    vm_limit_estimate = estimate if event_words else NOTHING
    most = kernels.draft_a_max_array_pages(channels, words_per_page)
    second = kernels.draft_a_vm_limit_second_method(pages, driver_domains, most)
    vm_limit_second_method = second if event_words and driver_domains >= 0 else NOTHING
    return {name: value for name, value in locals().items() if name in COLUMNS}
