"""Hosts built hypercall by hypercall, page by page, until something runs out."""

from dataclasses import dataclass

from evtplan.engine.hosts.bulk import BulkHost
from evtplan.engine.hosts.ports import PortState

__all__ = ["WIDE_LINK", "Built", "HostPlan", "build", "give_up", "grown_pages", "room_for"]

# Bits of LINK of a hypothetical backend that holds every other end of the largest host.
WIDE_LINK = 25
_BUCKET = 64


@dataclass(frozen=True, slots=True)
class HostPlan:
    """VMs to open on a host with one backend: `vms` None is as many as there are pages for.

    Each has `events` channels to the backend, which has `base` ports of its own, and maps
    `control` control blocks. `pages` bounds all that is mapped.
    """

    events: int
    words: int = 1024
    base: int = 0
    control: int = 0
    vms: int | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """What stands on a built host: `vms` that run, and the pages of each side."""

    vms: int
    domu_pages: int
    backend_pages: int
    control_pages: int
    ends: int
    error: int

    @property
    def array_pages(self) -> int:
        """Event array pages of both sides."""
        return self.domu_pages + self.backend_pages


def room_for(ports: int) -> int:
    """Buckets that hold so many ports of one domain, and one to spare."""
    return ports // _BUCKET + 2


def build(plan: HostPlan) -> Built:
    """Open VM after VM: create, bind its channels in pairs, add pages on both sides.

    The backend is hypothetical where it needs more ports than any ABI has: `WIDE_LINK` bits of
    LINK. A VM for which a page is missing does not run; its pages stand and are not counted as
    its own. Raises `RuntimeError` where the host itself cannot be made.
    """
    most = plan.vms if plan.vms is not None else (plan.pages or 0)
    pages = plan.pages if plan.pages is not None else _enough(plan, most)
    ports = plan.base + (most + 1) * plan.events
    bulk = BulkHost(
        most + 2,
        buckets=(most + 1) * room_for(plan.events) + room_for(ports),
        pages=pages,
        mappings=plan.pages,
        domids=None,
        words_per_page=plan.words,
        link_bits=WIDE_LINK,
    )
    backend = bulk.create(max_port=ports)
    if plan.base and bulk.alloc_unbound(backend, backend, plan.base) != plan.base:
        raise RuntimeError("the backend's own ports do not fit")
    error = bulk.expand_for(backend)
    vms, domu_pages, control_pages, ends = 0, 0, 0, 0
    backend_pages = bulk.array_pages(backend)
    while not error and vms != plan.vms:
        guest, error = _open(bulk, backend, plan)
        if error:
            break
        vms += 1
        domu_pages += bulk.array_pages(guest)
        control_pages += bulk.control_blocks(guest)
        ends = bulk.ends
        backend_pages = bulk.array_pages(backend)
    return Built(vms, domu_pages, backend_pages, control_pages, ends, error)


def _enough(plan: HostPlan, vms: int) -> int:
    """Room, not an answer: pages that suffice whatever the rules are."""
    each = plan.events // plan.words + 2
    return vms * each + (plan.base + vms * plan.events) // plan.words + 2


def _open(bulk: BulkHost, backend: int, plan: HostPlan) -> tuple[int, int]:
    """One more VM: its number, and 0 or the error that stopped it."""
    guest = bulk.create(max_port=plan.events)
    if guest < 0:
        return guest, guest
    _, error = bulk.bind_pairs(guest, backend, plan.events)
    error = error or bulk.expand_for(guest)
    for _ in range(plan.control):
        error = error or bulk.init_control(guest)
    return guest, error or bulk.expand_for(backend)


def grown_pages(port: int, words: int, domains: int = 1) -> tuple[int, int]:
    """Pages and bytes of event arrays of `domains` domains, each with every port up to `port`."""
    bulk = BulkHost(
        domains,
        buckets=domains * room_for(port),
        pages=domains * (port // words + 2),
        domids=None,
        words_per_page=words,
        link_bits=WIDE_LINK,
    )
    for _ in range(domains):
        domain = bulk.create(max_port=port)
        bulk.alloc_unbound(domain, domain, port)
        bulk.expand_for(domain)
    return bulk.mapped, bulk.array_bytes


def give_up(bulk: BulkHost, guest: int) -> None:
    """Close every channel of a guest, on both sides."""
    for port in range(1, bulk.highest_port(guest) + 1):
        state, peer, far = bulk.state(guest, port)
        bulk.close(guest, port)
        if state == PortState.INTERDOMAIN:
            bulk.close(peer, far)
