"""Sizing by numbers: what V like VMs cost under one ABI, how many fit, and what runs out first.

A fleet of unlike guests is sized by `evtplan.plans.fleet_sizing`; both give a `Sizing`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property

from evtplan.abi import NEWEST, Abi, Release, abi_named, mapping_space, release_named
from evtplan.errors import ValueOutOfRangeError
from evtplan.formulas import kernels
from evtplan.plans.answers import Sizing, SizingRow
from evtplan.plans.costs import (
    DOMAIN_IDS,
    PAGE_BYTES,
    array_pages,
    bound_holds,
    control_block_bytes,
    max_array_pages,
    percent_apart,
    xenheap_bytes,
    xenheap_pages,
)
from evtplan.plans.limits import Limit, binding_limit, fewest_backends, largest_fitting
from evtplan.plans.remarks import estimate_remark, lift_remark, methods_remark
from evtplan.plans.typed import LARGEST

__all__ = ["SizingInputs", "memory_bytes_of", "size_by_numbers", "vm_limit_of"]

# What libxl allows where an xl.cfg has no max_event_channels.
_LIBXL_PORTS = 1023


@dataclass(frozen=True, slots=True)
class SizingInputs:
    """A sizing by numbers: each VM has `events_per_vm` ports (E_V, numbered from 1) and as many
    other ends, all of them in one of `backends` like domains that need `backend_base_ports` each.

    `vms` None plans for as many as fit. `vcpus` (a VM's) None leaves control blocks out.
    `guest_page_bytes` is the page of the kernels, of which each array page and control block
    takes a whole one.
    `pages` (P) None takes what the release and architecture can map; `xen` None is the newest
    release, or the one an abandoned ABI was written for. Raises `ValueOutOfRangeError`.
    """

    abi: str
    events_per_vm: int
    vms: int | None = None
    vcpus: int | None = None
    pages: int | None = None
    words_per_page: int = 1024
    backends: int = 1
    backend_base_ports: int = 0
    driver_domains: int | None = None
    xen: str | None = None
    arch: str = "x86-64"
    guest_page_bytes: int = PAGE_BYTES

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name not in ("abi", "xen", "arch"):
                _check_number(field.name, getattr(self, field.name))


def _check_number(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueOutOfRangeError(name, value, "a whole number")
    least = 0 if name in ("backend_base_ports", "driver_domains") else 1
    if not least <= value <= LARGEST:
        raise ValueOutOfRangeError(name, value, f"from {least} to 10^18")


def size_by_numbers(configurations: Iterable[SizingInputs]) -> Sizing:
    """Size like VMs under each of `configurations`.

    Raises `UnknownNameError` for an ABI, release or architecture that is not known, and
    `EvtplanError` where the mapping space of the release on the architecture is not.
    """
    rows: list[SizingRow] = []
    limits: list[dict[str, object]] = []
    notes: list[str] = []
    for given in configurations:
        uniform = _Uniform(given)
        rows.append(uniform.row)
        limits.extend(uniform.limit_rows())
        notes.extend(uniform.notes())
    return Sizing(tuple(rows), tuple(limits), notes=tuple(dict.fromkeys(notes)))


def vm_limit_of(given: SizingInputs) -> int:
    """`vm_limit` alone, for searches."""
    return _Uniform(given).binding.vms or 0


def memory_bytes_of(given: SizingInputs, vms: int) -> int:
    """Bytes for `vms` VMs: the pages that Xen maps, and its heap. For searches."""
    return _Uniform(given).memory_bytes(vms)


class _Uniform:
    """Like VMs spread evenly over like backends."""

    def __init__(self, given: SizingInputs) -> None:
        self.given = given
        self.abi: Abi = abi_named(given.abi)
        self.release: Release = release_named(
            (self.abi.era or NEWEST) if given.xen is None else given.xen
        )
        self.space = None if given.pages else mapping_space(self.release.name, given.arch)
        self.pages = given.pages or (self.space.pages if self.space else 0)

    @cached_property
    def domu_pages(self) -> int:
        """Event array pages of one domU."""
        return array_pages(self.abi, self.given.events_per_vm, self.given.words_per_page)

    @cached_property
    def control_pages(self) -> int:
        """Pages of P that the control blocks of one VM take; 0 where they are not counted."""
        if not self.abi.maps_control_blocks or self.given.vcpus is None:
            return 0
        return kernels.fifo_control_pages(self.given.vcpus)

    def fullest_backend_ports(self, vms: int) -> int:
        """Ports in use in a backend domain that serves the most VMs."""
        served = -(-vms // self.given.backends)
        return self.given.backend_base_ports + served * self.given.events_per_vm

    def backend_pages(self, vms: int, backends: int) -> int:
        """Event array pages of all backends when VMs are spread evenly over them."""
        given = self.given
        served, more = divmod(vms, backends)

        def pages(vms_served: int) -> int:
            ports = given.backend_base_ports + vms_served * given.events_per_vm
            return array_pages(self.abi, ports, given.words_per_page)

        return (backends - more) * pages(served) + (more * pages(served + 1) if more else 0)

    def pages_used(self, vms: int, backends: int) -> int:
        """Pages of P in use: both sides' event state, and control blocks where counted."""
        return vms * (self.domu_pages + self.control_pages) + self.backend_pages(vms, backends)

    def limit_by_pages(self, backends: int) -> int | None:
        """The largest V whose whole pages fit in P; None where the ABI takes none of P."""
        given = self.given
        if self.domu_pages == 0:
            return None
        if backends == 1 and self.abi.event_words:
            return kernels.fifo_vm_limit_pages(
                self.pages,
                given.events_per_vm,
                given.words_per_page,
                given.backend_base_ports,
                self.control_pages,
            )
        if not self.abi.event_words:
            return kernels.three_level_vm_limit_pages(self.pages, self.domu_pages, backends)
        return largest_fitting(lambda vms: self.pages_used(vms, backends) <= self.pages, self.pages)

    def limit_by_backend_ports(self, backends: int) -> int:
        """VMs until no backend has ports left for the other ends of one more."""
        return kernels.fifo_vm_limit_backend_ports(
            self.abi.usable_ports,
            self.given.backend_base_ports,
            self.given.events_per_vm,
            backends,
        )

    def limits(self, backends: int) -> tuple[Limit, ...]:
        """Every exact limit on the number of VMs."""
        given, usable = self.given, self.abi.usable_ports
        fits = given.events_per_vm <= usable
        holder = "the backend" if backends == 1 else f"each of {backends} backends"
        return (
            Limit(
                "domu_ports",
                None if fits else 0,
                f"a domU has {usable} ports, and {given.events_per_vm} are wanted",
            ),
            Limit("pages", self.limit_by_pages(backends), self._why_pages()),
            Limit("domids", DOMAIN_IDS, f"{DOMAIN_IDS} domain IDs lie below the reserved ones"),
            Limit(
                "backend_ports",
                self.limit_by_backend_ports(backends),
                f"{holder} has {usable} ports: {given.backend_base_ports} for itself, "
                f"{given.events_per_vm} a VM",
            ),
        )

    def _why_pages(self) -> str:
        if self.domu_pages == 0:
            return "the bitmaps lie in shared_info: no pages of P"
        parts = [f"{self.domu_pages} a VM", "and the backend's packed pages"]
        if not self.abi.event_words:
            parts = [f"{self.domu_pages} a domain, VMs and backends alike"]
        if self.control_pages:
            parts.insert(1, f"{self.control_pages} for its control blocks")
        return f"{self.pages} pages: " + ", ".join(parts)

    @cached_property
    def binding(self) -> Limit:
        """The limit that is met first."""
        return binding_limit(self.limits(self.given.backends))

    @cached_property
    def backends_to_lift(self) -> int | None:
        """The fewest backend domains with which backend ports no longer bind; None where they
        do not bind, or no number of backends helps.
        """
        if self.binding.name != "backend_ports":
            return None

        def lifted(backends: int) -> bool:
            others = (limit for limit in self.limits(backends) if limit.name != "backend_ports")
            ports = self.limit_by_backend_ports(backends)
            # Many backends' own pages may leave room for no VM: that lifts nothing.
            return 0 < ports >= (binding_limit(tuple(others)).vms or 0)

        return fewest_backends(lifted, DOMAIN_IDS)

    @cached_property
    def row(self) -> SizingRow:
        """The answer, every column."""
        given, abi = self.given, self.abi
        by_name = {limit.name: limit.vms for limit in self.limits(given.backends)}
        limit = self.binding.vms or 0
        vms = limit if given.vms is None else given.vms
        backend_pages = self.backend_pages(vms, given.backends)
        array = vms * self.domu_pages + backend_pages
        vcpus = None if given.vcpus is None else vms * given.vcpus
        control = vcpus if abi.maps_control_blocks else None
        total = array + (control or 0)
        backend_ports = self.fullest_backend_ports(vms)
        estimate, second = self._estimates()
        return SizingRow(
            abi=abi.name,
            fleet=None,
            xen=self.release.name,
            arch=given.arch,
            vms=vms,
            events_per_vm=given.events_per_vm,
            vcpus=given.vcpus,
            words_per_page=given.words_per_page if abi.event_words else None,
            pages=self.pages,
            backends=given.backends,
            backend_base_ports=given.backend_base_ports,
            driver_domains=given.driver_domains,
            usable_ports_per_domain=abi.usable_ports,
            domu_ports=vms * given.events_per_vm,
            backend_ports=backend_ports,
            backend_headroom_ports=abi.usable_ports - backend_ports,
            domu_array_pages=vms * self.domu_pages,
            backend_array_pages=backend_pages,
            total_array_pages=array,
            total_array_pages_bound=(
                kernels.draft_a_total_array_pages_bound(vms) if abi.event_words else None
            ),
            control_block_pages=control,
            control_block_bytes=None if vcpus is None else control_block_bytes(abi, vcpus),
            total_pages=total,
            total_bytes=total * PAGE_BYTES,
            guest_page_bytes=given.guest_page_bytes,
            guest_memory_bytes=total * given.guest_page_bytes,
            xenheap_pages_per_domu=xenheap_pages(self.release, given.events_per_vm),
            xenheap_bytes=self._xenheap(vms),
            vm_limit_estimate=estimate,
            vm_limit_second_method=second,
            methods_differ_percent=percent_apart(estimate, second),
            vm_limit_pages=by_name["pages"],
            vm_limit_backend_ports=by_name["backend_ports"],
            vm_limit_domu_ports=by_name["domu_ports"],
            vm_limit_domids=DOMAIN_IDS,
            vm_limit=limit,
            binding=self.binding.name,
            headroom_vms=limit - vms,
            backends_to_lift=self.backends_to_lift,
        )

    def _estimates(self) -> tuple[int | None, int | None]:
        given = self.given
        if not self.abi.event_words:
            return None, None
        estimate = kernels.draft_a_vm_limit_estimate(
            self.pages, given.events_per_vm, given.words_per_page
        )
        if given.driver_domains is None:
            return estimate, None
        second = kernels.draft_a_vm_limit_second_method(
            self.pages, given.driver_domains, max_array_pages(self.abi, given.words_per_page)
        )
        return estimate, second

    def _xenheap(self, vms: int) -> int:
        given = self.given
        domu = xenheap_bytes(self.abi, self.release, given.events_per_vm, given.vcpus)
        served, more = divmod(vms, given.backends)
        total = vms * domu
        for count, vms_served in ((given.backends - more, served), (more, served + 1)):
            if count:
                ports = given.backend_base_ports + vms_served * given.events_per_vm
                total += count * xenheap_bytes(self.abi, self.release, ports, None)
        return total

    def memory_bytes(self, vms: int) -> int:
        """Bytes for `vms` VMs: the pages that Xen maps, and its heap."""
        return self.pages_used(vms, self.given.backends) * PAGE_BYTES + self._xenheap(vms)

    def limit_rows(self) -> list[dict[str, object]]:
        """One row a limit, the one that binds marked."""
        return [
            {
                "abi": self.abi.name,
                "limit": limit.name,
                "vms": limit.vms,
                "binds": limit.name == self.binding.name,
                "why": limit.reason,
            }
            for limit in self.limits(self.given.backends)
        ]

    def notes(self) -> list[str]:
        """What the reader must know about these figures."""
        given, row, name = self.given, self.row, self.abi.name
        notes = []
        if self.space and self.domu_pages:
            notes.append(
                f"{name}: P = {self.pages} pages, what Xen {self.release.name} on {given.arch} "
                f"can map at most: {self.space.source}; other users share it"
            )
        if given.vms is None:
            notes.append(f"{name}: no --vms given: the costs are those of {row.vms} VMs, the limit")
        if self.abi.maps_control_blocks and given.vcpus is None:
            notes.append(f"{name}: control blocks are not counted: give --vcpus")
        if given.backend_base_ports == 0:
            notes.append(
                "ports that dom0 needs for itself are not counted: give --backend-base-ports "
                "(published figures: 50 to 100 on XenServer, 20 to 200 elsewhere)"
            )
        if self.abi.event_words and not self.abi.maps_control_blocks and given.vcpus is not None:
            notes.append(
                f"{name}: control blocks of 128 bytes a VCPU, a recollection; where the draft puts "
                "them is not known, so they take no pages here"
            )
        if _LIBXL_PORTS < given.events_per_vm <= self.abi.usable_ports:
            notes.append(
                f"{name}: libxl gives a guest ports up to {_LIBXL_PORTS}: set "
                f"max_event_channels = {given.events_per_vm} or more in each xl.cfg"
            )
        notes.extend(self._notes_on_estimate())
        notes.extend(methods_remark(row))
        if row.backends_to_lift:
            notes.append(lift_remark(row, given.backends, "dom0", alone=True))
        if row.headroom_vms < 0:
            notes.append(f"{name}: {row.vms} VMs do not fit: {self._shortage()}")
        return notes

    def _shortage(self) -> str:
        given, row = self.given, self.row
        if self.binding.name == "backend_ports":
            return (
                f"a backend domain needs {row.backend_ports} event channels and has "
                f"{row.usable_ports_per_domain}; plan for at most {row.vm_limit}"
                + ("" if self.abi.event_words else ", or use --abi fifo")
            )
        if self.binding.name == "domu_ports":
            return (
                f"each needs {given.events_per_vm} event channels and {self.abi.name} has "
                f"{row.usable_ports_per_domain}"
            )
        return f"{self.binding.reason}; plan for at most {row.vm_limit}"

    def _notes_on_estimate(self) -> list[str]:
        why = []
        if self.domu_pages > 1:
            why.append(f"the {self.domu_pages} whole pages of a domU, since port 0 is never valid")
        if self.control_pages:
            why.append(f"the {self.control_pages} control block pages of a VM")
        why.append("the backend's own ports, port 0 and its last, part-filled page")
        notes = estimate_remark(self.row, why)
        given = self.given
        if self.abi.event_words and not bound_holds(given.events_per_vm, given.words_per_page):
            notes.append(
                f"{self.abi.name}: the draft's bound of 2 pages per VM does not hold: it needs "
                "E_V < E_P"
            )
        return notes
