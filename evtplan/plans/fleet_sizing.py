"""Sizing a fleet: what its guests cost, how many of this mix fit, and what runs out first.

How the mix grows, and what it then takes, is in `evtplan.plans.hosting`.
"""

from dataclasses import replace
from typing import Any

from evtplan.abi import mapping_space
from evtplan.fleet.census import GuestCensus
from evtplan.fleet.model import DOM0, Fleet
from evtplan.formulas import kernels
from evtplan.plans.answers import GroupRow, Sizing, SizingRow
from evtplan.plans.costs import (
    PAGE_BYTES,
    control_block_bytes,
    max_array_pages,
    percent_apart,
    xenheap_pages,
)
from evtplan.plans.hosting import Hosting, hosting_of
from evtplan.plans.remarks import estimate_remark, lift_remark, methods_remark

__all__ = ["size_fleet"]


def size_fleet(
    fleet: Fleet,
    abis: tuple[str, ...] = (),
    *,
    backends: int = 1,
    driver_domains: int | None = None,
    guest_page_bytes: int = PAGE_BYTES,
    search_backends: bool = True,
) -> Sizing:
    """Size `fleet` under each of `abis` (its host's own where empty).

    `backends` like domains share the other ends that the fleet puts in dom0; `guest_page_bytes`
    is the page of every kernel. `search_backends` False leaves `backends_to_lift` out, most of
    the work. Raises `UnknownNameError` for an ABI that is not known.
    """
    rows: list[SizingRow] = []
    groups: list[GroupRow] = []
    limits, counted, notes = [], [], []
    for abi in abis or (fleet.host.abi,):
        hosting = hosting_of(replace(fleet, host=replace(fleet.host, abi=abi)), backends)
        row = _row(hosting, driver_domains, guest_page_bytes, search_backends)
        rows.append(row)
        limits.extend(_limit_rows(hosting))
        groups.extend(_group_row(hosting, item) for item in hosting.census.guests)
        counted.append((abi, hosting.census.guests))
        notes.extend(_notes(hosting, row))
    return Sizing(
        tuple(rows), tuple(limits), tuple(groups), tuple(dict.fromkeys(notes)), tuple(counted)
    )


def _row(
    hosting: Hosting, driver_domains: int | None, guest_page_bytes: int, search_backends: bool
) -> SizingRow:
    host, abi, guests = hosting.host, hosting.abi, hosting.census.guests
    by_name = {limit.name: limit.vms for limit in hosting.limits}
    vms, limit = hosting.fleet.vms, hosting.binding.vms or 0
    growth = hosting.growth
    counts, load = growth.planned, growth.planned_load
    domu_pages = sum(n * growth.domu_pages(g) for n, g in zip(counts, guests, strict=True))
    backend_pages = hosting.backend_pages(load)
    array = domu_pages + backend_pages
    vcpus = sum(n * growth.vm_vcpus(g) for n, g in zip(counts, guests, strict=True))
    vcpus += hosting.backend_domain_vcpus
    control = vcpus if abi.maps_control_blocks else None
    total = array + (control or 0)
    fullest = hosting.fullest(load)[1]
    alike = _only({g.domu_ports for g in guests})
    estimate, second = _estimates(hosting, driver_domains)
    return SizingRow(
        abi=abi.name,
        fleet=hosting.fleet.name,
        xen=host.xen,
        arch=host.arch,
        vms=vms,
        events_per_vm=alike,
        vcpus=_only({g.guest.vcpus for g in guests}),
        words_per_page=host.words_per_page if abi.event_words else None,
        pages=hosting.pages,
        backends=sum(hosting.number(name) for name in hosting.census.base_ports),
        backend_base_ports=hosting.census.base_ports[DOM0],
        driver_domains=driver_domains,
        usable_ports_per_domain=abi.usable_ports,
        domu_ports=sum(n * g.domu_ports for n, g in zip(counts, guests, strict=True)),
        backend_ports=fullest,
        backend_headroom_ports=abi.usable_ports - fullest,
        domu_array_pages=domu_pages,
        backend_array_pages=backend_pages,
        total_array_pages=array,
        total_array_pages_bound=(
            kernels.draft_a_total_array_pages_bound(vms) if abi.event_words else None
        ),
        control_block_pages=control,
        control_block_bytes=control_block_bytes(abi, vcpus),
        total_pages=total,
        total_bytes=total * PAGE_BYTES,
        guest_page_bytes=guest_page_bytes,
        guest_memory_bytes=total * guest_page_bytes,
        xenheap_pages_per_domu=None if alike is None else xenheap_pages(growth.release, alike),
        xenheap_bytes=hosting.xenheap_bytes(vms),
        vm_limit_estimate=estimate,
        vm_limit_second_method=second,
        methods_differ_percent=percent_apart(estimate, second),
        vm_limit_pages=by_name["pages"],
        vm_limit_backend_ports=by_name["backend_ports"],
        vm_limit_domu_ports=by_name["domu_ports"],
        vm_limit_domids=by_name["domids"] or 0,
        vm_limit=limit,
        binding=hosting.binding.name,
        headroom_vms=limit - vms,
        backends_to_lift=hosting.backends_to_lift if search_backends else None,
    )


def _only(values: set[int]) -> int | None:
    """The value that all guests share, where they do."""
    return values.pop() if len(values) == 1 else None


def _estimates(hosting: Hosting, driver_domains: int | None) -> tuple[int | None, int | None]:
    """The draft's two estimates, the first with the mean E_V of the fleet in whole numbers."""
    if not hosting.abi.event_words:
        return None, None
    fleet, words = hosting.fleet, hosting.host.words_per_page
    ends = sum(g.guest.copies * g.backend_ports for g in hosting.census.guests)
    estimate = kernels.draft_a_vm_limit_estimate(hosting.pages, ends, words * fleet.vms)
    if driver_domains is None:
        return estimate, None
    most = max_array_pages(hosting.abi, words)
    second = kernels.draft_a_vm_limit_second_method(hosting.pages, driver_domains, most)
    return estimate, second


def _limit_rows(hosting: Hosting) -> list[dict[str, Any]]:
    return [
        {
            "abi": hosting.abi.name,
            "limit": limit.name,
            "vms": limit.vms,
            "binds": limit.name == hosting.binding.name,
            "why": limit.reason,
        }
        for limit in hosting.limits
    ]


def _group_row(hosting: Hosting, item: GuestCensus) -> GroupRow:
    growth, abi, copies = hosting.growth, hosting.abi, item.guest.copies
    serves = item.guest.name in growth.serving
    # What a backend domain takes stands with its group, whatever it does for the others.
    own = growth.state_pages(hosting.fullest_of(item.guest.name)) if serves else 0
    pages = copies * (own + growth.domu_pages(item))
    vcpus = growth.vm_vcpus(item) + (item.guest.vcpus if serves else 0)
    control = copies * vcpus if abi.maps_control_blocks else None
    total = pages + (control or 0)
    return GroupRow(
        abi=abi.name,
        group=item.guest.name,
        type=item.guest.type.value,
        vms=copies,
        vcpus=item.guest.vcpus,
        ports_per_domu=item.domu_ports,
        backend_ports_per_vm=item.backend_ports,
        domu_ports=copies * item.domu_ports,
        backend_ports=copies * item.backend_ports,
        domu_array_pages=pages,
        backend_array_pages=_packed_pages(hosting, item),
        control_block_pages=control,
        total_pages=total,
        total_bytes=total * PAGE_BYTES,
        xenheap_bytes=copies * growth.vm_xenheap_bytes(item),
        headroom_ports=item.highest_allowed_port(hosting.host) - item.domu_ports,
    )


def _packed_pages(hosting: Hosting, item: GuestCensus) -> int | None:
    """Pages that this group's other ends alone would fill, packed."""
    if not hosting.abi.event_words:
        return None
    return -(-item.guest.copies * item.backend_ports // hosting.host.words_per_page)


def _notes(hosting: Hosting, row: SizingRow) -> list[str]:
    host, name = hosting.host, hosting.abi.name
    notes = list(hosting.census.notes)
    if host.pages is None and row.vm_limit_pages is not None:
        space = mapping_space(host.xen, host.arch)
        notes.append(
            f"P = {space.pages} pages, what Xen {host.xen} on {host.arch} can map at most: "
            f"{space.source}; other users share it"
        )
    notes.extend(
        f"{backend} serves other guests: its number stays as it is when the mix grows"
        for backend in sorted(hosting.growth.serving)
    )
    why = ["each guest's whole last page", "the backends' own ports, port 0 and last pages"]
    if hosting.abi.maps_control_blocks:
        why.insert(1, "control blocks")
    notes.extend(estimate_remark(row, why))
    notes.extend(methods_remark(row))
    if row.backends_to_lift:
        backend = hosting.tightest_backend[0]
        now = hosting.number(backend)
        notes.append(lift_remark(row, now, backend, alone=len(hosting.census.base_ports) == 1))
    if row.headroom_vms < 0:
        notes.append(f"{name}: {row.vms} VMs do not fit: {_shortage(hosting, row)}")
    return notes


def _shortage(hosting: Hosting, row: SizingRow) -> str:
    if hosting.binding.name != "backend_ports":
        return f"{hosting.binding.reason}; plan for at most {row.vm_limit}"
    fullest, ports = hosting.fullest(hosting.growth.planned_load)
    remedy = "" if hosting.abi.event_words else ", or use --abi fifo"
    return (
        f"{fullest} needs {ports} event channels; the {hosting.abi.title} ABI has "
        f"{hosting.abi.usable_ports}; plan for at most {row.vm_limit}{remedy}"
    )
