"""Sizing a fleet: what its guests cost, how many of this mix fit, and what runs out first.

The limits count VMs of the same mix: guests are added in the proportions of the fleet, each
group's share never more than one VM off, until the next one does not fit.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd
from typing import Any

from evtplan.abi import Abi, Release, abi_named, mapping_space, release_named
from evtplan.fleet.census import Census, GuestCensus, census_of
from evtplan.fleet.model import Fleet
from evtplan.formulas import kernels
from evtplan.plans.answers import GroupRow, Sizing, SizingRow
from evtplan.plans.costs import (
    DOMAIN_IDS,
    PAGE_BYTES,
    array_pages,
    max_array_pages,
    xenheap_bytes,
    xenheap_pages,
)
from evtplan.plans.limits import Limit, binding_limit, fewest_backends, largest_fitting
from evtplan.plans.mix import shares

__all__ = ["size_fleet"]


def size_fleet(
    fleet: Fleet,
    abis: tuple[str, ...] = (),
    *,
    backends: int = 1,
    driver_domains: int | None = None,
) -> Sizing:
    """Size `fleet` under each of `abis` (its host's own where empty).

    `backends` like domains share the other ends that the fleet puts in dom0. Raises
    `UnknownNameError` for an ABI that is not known.
    """
    rows, limits, groups, devices, notes = [], [], [], [], []
    for abi in abis or (fleet.host.abi,):
        plan = _Plan(replace(fleet, host=replace(fleet.host, abi=abi)), backends, driver_domains)
        rows.append(plan.row)
        limits.extend(plan.limit_rows())
        groups.extend(plan.group_rows())
        devices.extend(plan.device_rows())
        notes.extend(plan.notes())
    return Sizing(
        tuple(rows), tuple(limits), tuple(groups), tuple(devices), tuple(dict.fromkeys(notes))
    )


@dataclass(frozen=True)
class _Plan:
    """One fleet under one ABI; VMs `v` of its mix stand for `shares` of each group."""

    fleet: Fleet
    backends: int
    driver_domains: int | None

    @cached_property
    def census(self) -> Census:
        return census_of(self.fleet)

    @cached_property
    def abi(self) -> Abi:
        return abi_named(self.fleet.host.abi)

    @cached_property
    def release(self) -> Release:
        return release_named(self.fleet.host.xen)

    @cached_property
    def pages(self) -> int:
        host = self.fleet.host
        return host.pages or mapping_space(host.xen, host.arch).pages

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """The proportions of the groups, in lowest terms."""
        counts = [item.guest.copies for item in self.census.guests]
        common = gcd(*counts)
        return tuple(count // common for count in counts)

    def domu_pages(self, item: GuestCensus) -> int:
        """Event state pages of one copy, those of its stub domain included."""
        own = array_pages(self.abi, item.domu_ports, self.fleet.host.words_per_page)
        return own + (self.domu_pages(item.stub) if item.stub else 0)

    def control_pages(self, vcpus: int) -> int:
        """Pages of P for the control blocks of a domain."""
        return kernels.fifo_control_pages(vcpus) if self.abi.maps_control_blocks else 0

    def backend_ports(self, counts: tuple[int, ...]) -> dict[str, int]:
        """Ports in use in each backend domain; of several sharing dom0's ends the fullest."""
        ports = {}
        for name, base in self.census.base_ports.items():
            served = sum(
                n * item.ports_by_backend.get(name, 0)
                for n, item in zip(counts, self.census.guests, strict=True)
            )
            ports[name] = base + -(-served // self.sharing(name))
        return ports

    def sharing(self, name: str) -> int:
        """Like domains that share the other ends the fleet puts in `name`."""
        return self.backends if name == "dom0" else 1

    def backend_pages(self, counts: tuple[int, ...]) -> int:
        """Event state pages of all backend domains."""
        words = self.fleet.host.words_per_page
        return sum(
            self.sharing(name) * array_pages(self.abi, ports, words)
            for name, ports in self.backend_ports(counts).items()
        )

    def pages_used(self, counts: tuple[int, ...]) -> int:
        """Pages of P in use, dom0's control blocks among them."""
        guests = sum(
            n * (self.domu_pages(item) + self.control_pages(item.guest.vcpus + bool(item.stub)))
            for n, item in zip(counts, self.census.guests, strict=True)
        )
        return guests + self.backend_pages(counts) + self.control_pages(self.fleet.host.dom0_vcpus)

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        usable, host = self.abi.usable_ports, self.fleet.host
        misfit = next((g for g in self.census.guests if not self._fits(g)), None)
        ports = self.backend_ports(self.weights)
        fullest = max(ports, key=ports.__getitem__)
        by_ports = largest_fitting(
            lambda v: max(self.backend_ports(shares(self.weights, v)).values()) <= usable,
            usable * sum(self.weights) * self.backends + 1,
        )
        by_pages = None
        if self.abi.event_words or self.abi.bitmap_pages:
            by_pages = largest_fitting(
                lambda v: self.pages_used(shares(self.weights, v)) <= self.pages, self.pages
            )
        why_not = (
            f"{misfit.guest.name} needs {misfit.domu_ports} event channels and may use ports up "
            f"to {misfit.highest_allowed_port(host)}"
            if misfit
            else "every guest fits its own limit"
        )
        return (
            Limit("domu_ports", 0 if misfit else None, why_not),
            Limit("pages", by_pages, f"{self.pages} pages for event state and control blocks"),
            Limit("domids", DOMAIN_IDS, f"{DOMAIN_IDS} domain IDs lie below the reserved ones"),
            Limit(
                "backend_ports",
                by_ports,
                f"{fullest} has {usable} ports: {self.census.base_ports[fullest]} for itself",
            ),
        )

    def _fits(self, item: GuestCensus) -> bool:
        return item.domu_ports <= item.highest_allowed_port(self.fleet.host)

    @cached_property
    def binding(self) -> Limit:
        return binding_limit(self.limits)

    @cached_property
    def backends_to_lift(self) -> int | None:
        """The fewest domains sharing dom0's other ends with which ports no longer bind."""
        if self.binding.name != "backend_ports":
            return None

        def lifted(backends: int) -> bool:
            return replace(self, backends=backends).binding.name != "backend_ports"

        return fewest_backends(lifted, 1024)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        return tuple(item.guest.copies for item in self.census.guests)

    @cached_property
    def row(self) -> SizingRow:
        host, guests = self.fleet.host, self.census.guests
        by_name = {limit.name: limit.vms for limit in self.limits}
        vms, limit = self.fleet.vms, self.binding.vms or 0
        domu_pages = sum(n * self.domu_pages(g) for n, g in zip(self.counts, guests, strict=True))
        backend_pages = self.backend_pages(self.counts)
        control = None
        if self.abi.priorities > 1:
            control = sum(g.guest.copies * g.guest.vcpus for g in guests) + host.dom0_vcpus
        fullest = max(self.backend_ports(self.counts).values())
        ports = {g.domu_ports for g in guests}
        alike = ports.pop() if len(ports) == 1 else None
        vcpus = {g.guest.vcpus for g in guests}
        array = domu_pages + backend_pages
        words = host.words_per_page if self.abi.event_words else None
        return SizingRow(
            abi=self.abi.name,
            fleet=self.fleet.name,
            xen=host.xen,
            arch=host.arch,
            vms=vms,
            events_per_vm=alike,
            vcpus=vcpus.pop() if len(vcpus) == 1 else None,
            words_per_page=words,
            pages=self.pages,
            backends=sum(self.sharing(name) for name in self.census.base_ports),
            backend_base_ports=self.census.base_ports["dom0"],
            driver_domains=self.driver_domains,
            usable_ports_per_domain=self.abi.usable_ports,
            domu_ports=sum(g.guest.copies * g.domu_ports for g in guests),
            backend_ports=fullest,
            backend_headroom_ports=self.abi.usable_ports - fullest,
            domu_array_pages=domu_pages,
            backend_array_pages=backend_pages,
            total_array_pages=array,
            total_array_pages_bound=(
                kernels.draft_a_total_array_pages_bound(vms) if words else None
            ),
            control_block_pages=control,
            control_block_bytes=None if control is None else 72 * control,
            total_pages=array + (control or 0),
            total_bytes=(array + (control or 0)) * PAGE_BYTES,
            xenheap_pages_per_domu=None if alike is None else xenheap_pages(self.release, alike),
            xenheap_bytes=self._xenheap(),
            vm_limit_estimate=self._estimate(),
            vm_limit_second_method=self._second_method(),
            methods_differ_percent=None,
            vm_limit_pages=by_name["pages"],
            vm_limit_backend_ports=by_name["backend_ports"],
            vm_limit_domu_ports=by_name["domu_ports"],
            vm_limit_domids=DOMAIN_IDS,
            vm_limit=limit,
            binding=self.binding.name,
            headroom_vms=limit - vms,
            backends_to_lift=self.backends_to_lift,
        )

    def _estimate(self) -> int | None:
        """The draft's estimate with the mean E_V of the fleet, exact in whole numbers."""
        if not self.abi.event_words:
            return None
        ends = sum(g.guest.copies * g.backend_ports for g in self.census.guests)
        words = self.fleet.host.words_per_page * self.fleet.vms
        return kernels.draft_a_vm_limit_estimate(self.pages, ends, words)

    def _second_method(self) -> int | None:
        if not self.abi.event_words or self.driver_domains is None:
            return None
        most = max_array_pages(self.abi, self.fleet.host.words_per_page)
        return kernels.draft_a_vm_limit_second_method(self.pages, self.driver_domains, most)

    def _xenheap(self) -> int:
        guests = sum(
            g.guest.copies * xenheap_bytes(self.abi, self.release, g.domu_ports, g.guest.vcpus)
            for g in self.census.guests
        )
        backends = 0
        for name, ports in self.backend_ports(self.counts).items():
            vcpus = self.fleet.host.dom0_vcpus if name == "dom0" else 1
            backends += self.sharing(name) * xenheap_bytes(self.abi, self.release, ports, vcpus)
        return guests + backends

    def limit_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "abi": self.abi.name,
                "limit": limit.name,
                "vms": limit.vms,
                "binds": limit.name == self.binding.name,
                "why": limit.reason,
            }
            for limit in self.limits
        ]

    def group_rows(self) -> list[GroupRow]:
        host = self.fleet.host
        rows = []
        for item in self.census.guests:
            copies, vcpus = item.guest.copies, item.guest.vcpus
            control = copies * vcpus if self.abi.priorities > 1 else None
            pages = copies * self.domu_pages(item)
            rows.append(
                GroupRow(
                    abi=self.abi.name,
                    group=item.guest.name,
                    type=item.guest.type.value,
                    vms=copies,
                    vcpus=vcpus,
                    ports_per_domu=item.domu_ports,
                    backend_ports_per_vm=item.backend_ports,
                    domu_ports=copies * item.domu_ports,
                    backend_ports=copies * item.backend_ports,
                    domu_array_pages=pages,
                    backend_array_pages=self._share_of_backend_pages(item),
                    control_block_pages=control,
                    total_pages=pages + (control or 0),
                    total_bytes=(pages + (control or 0)) * PAGE_BYTES,
                    xenheap_bytes=copies
                    * xenheap_bytes(self.abi, self.release, item.domu_ports, vcpus),
                    headroom_ports=item.highest_allowed_port(host) - item.domu_ports,
                )
            )
        return rows

    def _share_of_backend_pages(self, item: GuestCensus) -> int | None:
        """Pages that this group's other ends alone would fill, packed."""
        if not self.abi.event_words:
            return None
        ends = item.guest.copies * item.backend_ports
        return -(-ends // self.fleet.host.words_per_page)

    def device_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "abi": self.abi.name,
                "name": item.guest.name,
                "copies": item.guest.copies,
                "device": channels.device,
                "count": channels.count,
                "domu_ports": channels.domu_ports,
                "backend_ports": channels.backend_ports,
                "backend": channels.backend,
                "kind": channels.kind,
                "rule": channels.rule,
                "source": channels.source,
            }
            for item in self.census.guests
            for channels in item.channels
        ]

    def notes(self) -> list[str]:
        host, row, name = self.fleet.host, self.row, self.abi.name
        notes = list(self.census.notes)
        if host.pages is None and row.vm_limit_pages is not None:
            space = mapping_space(host.xen, host.arch)
            notes.append(
                f"P = {space.pages} pages, what Xen {host.xen} on {host.arch} can map at most: "
                f"{space.source}; other users share it"
            )
        if self.backends_to_lift:
            more = self.backends_to_lift - self.backends
            notes.append(
                f"{name}: ports of the backend run out first; {self.backends_to_lift} backend "
                f"domains ({more} more, as driver domains) lift that limit"
            )
        if row.headroom_vms < 0:
            notes.append(f"{name}: {row.vms} VMs do not fit: {self._shortage()}")
        return notes

    def _shortage(self) -> str:
        if self.binding.name != "backend_ports":
            return f"{self.binding.reason}; plan for at most {self.row.vm_limit}"
        fullest, ports = max(self.backend_ports(self.counts).items(), key=lambda entry: entry[1])
        remedy = "" if self.abi.event_words else ", or use --abi fifo"
        return (
            f"{fullest} needs {ports} event channels; the {self.abi.title} ABI has "
            f"{self.abi.usable_ports}; plan for at most {self.row.vm_limit}{remedy}"
        )
