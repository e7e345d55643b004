"""The review thread's questions about memory and registration, answered by counting."""

from collections.abc import Iterator
from typing import Any

from evtplan.engine.hosts.counting import vms_by_pages
from evtplan.engine.hosts.heap import Allocation, Heap
from evtplan.engine.hosts.registration import Policy, register
from evtplan.plans.validation.building import HostPlan, build

__all__ = ["bound_rows", "left_out_rows", "registration_rows"]

_VMS = 1000


def bound_rows() -> Iterator[dict[str, Any]]:
    """Is 2 pages a VM an upper or a lower bound, and can it be reduced? Hosts really built."""
    for events in (1, 4, 20, 64, 512, 1023, 1024, 2048):
        built = build(HostPlan(events, vms=_VMS))
        bound = 2 * _VMS
        if built.array_pages > bound:
            said = "broken: a domU of this many ports needs more than one page"
        elif built.array_pages == bound:
            said = "met exactly: it cannot be reduced"
        else:
            said = f"holds, and can be reduced by {bound - built.array_pages}"
        yield {
            "events_per_vm": events,
            "vms": _VMS,
            "domu_pages": built.domu_pages,
            "backend_pages": built.backend_pages,
            "array_pages": built.array_pages,
            "bound_2_per_vm": bound,
            "answer": said,
        }


def left_out_rows() -> Iterator[dict[str, Any]]:
    """What the estimate leaves out, on the draft's own host: P = 131,072 and E_V = 64."""
    pages, events = 131_072, 64
    estimate = pages * 1024 // (1024 + events)
    for base, control, what in (
        (0, 0, "nothing more"),
        (62, 0, "dom0's own 62 ports"),
        (5000, 0, "5,000 ports of dom0's own"),
        (62, 1, "and a control block page a VM: 1 VCPU"),
        (62, 2, "2 VCPUs"),
        (62, 4, "4 VCPUs"),
        (62, 8, "8 VCPUs"),
    ):
        counted = vms_by_pages([pages], events, 1024, base=base, control=control)
        vms = int(counted[0])
        yield {
            "counted": what,
            "backend_base_ports": base,
            "control_pages_per_vm": control,
            "vms": vms,
            "estimate": estimate,
            "too_high_percent": round(100 * (estimate - vms) / vms, 2),
        }


def registration_rows(vcpus: int = 8) -> Iterator[dict[str, Any]]:
    """What is left when registering one VCPU of `vcpus` fails, at either of its allocations."""
    for policy in Policy:
        for vcpu in range(1, vcpus + 1):
            seen = set()
            for attempt in (2 * vcpu - 1, 2 * vcpu):
                heap = Heap(failing={attempt})
                made = register(heap, vcpus, policy)
                pages, structures = (
                    heap.live[kind] for kind in (Allocation.ARRAY_PAGE, Allocation.FIFO_VCPU)
                )
                seen.add((made.calls, pages, structures, made.online))
            calls, pages, structures, online = sorted(seen)[-1]
            yield {
                "policy": str(policy),
                "failing_vcpu": vcpu,
                "vcpus": vcpus,
                "calls": calls,
                "pages_left": pages,
                "structures_left": structures,
                "leaked_pages": pages if not online else 0,
                "vcpus_online": online,
            }
