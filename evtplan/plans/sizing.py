"""Sizing by numbers: what V like VMs cost under one ABI, how many fit, and what runs out first.

A fleet of unlike guests is sized by `evtplan.plans.fleet_sizing`; both give a `Sizing`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from evtplan.abi import Abi, Release, abi_named, mapping_space, release_named, usual_release
from evtplan.errors import ValueOutOfRangeError
from evtplan.formulas import kernels
from evtplan.plans import uniform
from evtplan.plans.answers import Sizing, SizingRow
from evtplan.plans.costs import (
    DOMAIN_IDS,
    PAGE_BYTES,
    array_pages,
    bound_holds,
    percent_apart,
)
from evtplan.plans.limits import Limit, fewest_backends
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
        sized = _Uniform(given)
        rows.append(sized.row)
        limits.extend(sized.limit_rows())
        notes.extend(sized.notes())
    return Sizing(tuple(rows), tuple(limits), notes=tuple(dict.fromkeys(notes)))


def vm_limit_of(given: SizingInputs) -> int:
    """`vm_limit` alone, for searches."""
    return int(_Uniform(given).answer["vm_limit"])


def memory_bytes_of(given: SizingInputs, vms: int) -> int:
    """Bytes for `vms` VMs: the pages that Xen maps, and its heap. For searches."""
    columns = _Uniform(given).columns(given.backends, vms)
    return int(columns["total_bytes"] + columns["xenheap_bytes"])


class _Uniform:
    """Like VMs spread evenly over like backends."""

    def __init__(self, given: SizingInputs) -> None:
        self.given = given
        self.abi: Abi = abi_named(given.abi)
        self.release: Release = release_named(
            usual_release(self.abi.era, given.arch) if given.xen is None else given.xen
        )
        self.space = None if given.pages else mapping_space(self.release.name, given.arch)
        self.pages = given.pages or (self.space.pages if self.space else 0)

    def columns(self, backends: int, vms: int | None) -> dict[str, Any]:
        """Every column of `uniform.row` for `vms` VMs (None: as many as fit) over `backends`."""
        given = self.given
        return uniform.row(
            **uniform.facts_of(self.abi, self.release),
            events_per_vm=given.events_per_vm,
            vms_asked=-1 if vms is None else vms,
            vcpus=given.vcpus or 0,
            pages=self.pages,
            words_per_page=given.words_per_page,
            backends=backends,
            backend_base_ports=given.backend_base_ports,
            driver_domains=-1 if given.driver_domains is None else given.driver_domains,
            guest_page_bytes=given.guest_page_bytes,
        )

    @cached_property
    def answer(self) -> dict[str, Any]:
        """The columns as asked for."""
        return self.columns(self.given.backends, self.given.vms)

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

    def limits(self, columns: Mapping[str, Any]) -> tuple[Limit, ...]:
        """Every exact limit on the number of VMs."""
        given, usable = self.given, self.abi.usable_ports
        backends = given.backends
        holder = "the backend" if backends == 1 else f"each of {backends} backends"
        return (
            Limit(
                "domu_ports",
                columns["vm_limit_domu_ports"],
                f"a domU has {usable} ports, and {given.events_per_vm} are wanted",
            ),
            Limit("pages", columns["vm_limit_pages"], self._why_pages()),
            Limit("domids", DOMAIN_IDS, f"{DOMAIN_IDS} domain IDs lie below the reserved ones"),
            Limit(
                "backend_ports",
                columns["vm_limit_backend_ports"],
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
        name = uniform.BINDINGS[self.answer["binding"]]
        return next(limit for limit in self.limits(self.answer) if limit.name == name)

    @cached_property
    def backends_to_lift(self) -> int | None:
        """The fewest backend domains with which backend ports no longer bind; None where they
        do not bind, or no number of backends helps.
        """
        if self.binding.name != "backend_ports":
            return None

        def lifted(backends: int) -> bool:
            columns = self.columns(backends, 1)
            others = (DOMAIN_IDS, columns["vm_limit_pages"], columns["vm_limit_domu_ports"])
            # Many backends' own pages may leave room for no VM: that lifts nothing.
            least = min(vms for vms in others if vms is not None)
            return bool(0 < columns["vm_limit_backend_ports"] >= least)

        return fewest_backends(lifted, DOMAIN_IDS)

    @cached_property
    def row(self) -> SizingRow:
        """The answer, every column."""
        given, answer = self.given, self.answer
        return SizingRow(
            **{**answer, "binding": self.binding.name},
            abi=self.abi.name,
            fleet=None,
            xen=self.release.name,
            arch=given.arch,
            events_per_vm=given.events_per_vm,
            vcpus=given.vcpus,
            words_per_page=given.words_per_page if self.abi.event_words else None,
            pages=self.pages,
            backends=given.backends,
            backend_base_ports=given.backend_base_ports,
            driver_domains=given.driver_domains,
            guest_page_bytes=given.guest_page_bytes,
            methods_differ_percent=percent_apart(
                answer["vm_limit_estimate"], answer["vm_limit_second_method"]
            ),
            backends_to_lift=self.backends_to_lift,
        )

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
            for limit in self.limits(self.answer)
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
