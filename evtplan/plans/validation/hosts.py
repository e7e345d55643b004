"""Whole hosts, really built: one that runs into each limit in turn, and the draft's own host."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evtplan.abi.errnos import Errno
from evtplan.engine.hosts.bulk import BulkHost
from evtplan.formulas.catalogue import BOOK
from evtplan.plans.validation.building import HostPlan, build, give_up, room_for
from evtplan.plans.validation.core import Scale
from evtplan.plans.validation.verdicts import AGREES, DISAGREES, HOLDS

__all__ = ["HostRow", "hosts_built"]


@dataclass(frozen=True, slots=True)
class HostRow:
    """One count of a built host beside the closed form's; `error` is what the hypercall said.

    A `bound` must not be exceeded; everything else must be equal.
    """

    host: str
    question: str
    formula: str
    closed: int
    engine: int
    error: str = ""
    bound: bool = False

    @property
    def failed(self) -> bool:
        """The two disagree."""
        return self.engine > self.closed if self.bound else self.engine != self.closed

    def row(self) -> dict[str, Any]:
        """One row for exporters."""
        good = HOLDS if self.bound else AGREES
        return {
            "host": self.host,
            "question": self.question,
            "formula": self.formula,
            "closed_form": self.closed,
            "engine": self.engine,
            "difference": self.closed - self.engine,
            "error": self.error,
            "verdict": DISAGREES if self.failed else good,
        }


_SPARE = 64  # pages beyond P, for when that limit is lifted too


@dataclass(frozen=True, slots=True)
class _Size:
    """Limits of a host: of a backend's ports, of domain IDs, of mapped pages."""

    channels: int
    backend_ports: int
    domain_ids: int
    pages: int


_SIZES = {
    Scale.SMALL: _Size(64, 16_383, 700, 1000),
    # The draft's: half of 1 GiB of mappings, 64 channels a guest; Xen's ports and domain IDs.
    Scale.FULL: _Size(64, 131_071, 32_752, 131_072),
}


def hosts_built(scale: Scale) -> Iterator[HostRow]:
    """The rows of both hosts. Full scale takes a gigabyte and some minutes."""
    size = _SIZES[scale]
    yield from _Growing(size).rows()
    name = f"one hypothetical backend of a wider LINK, P = {size.pages}"
    built = build(HostPlan(size.channels, pages=size.pages))
    asked = {"pages": size.pages, "events_per_vm": size.channels, "words_per_page": 1024}
    whole = {**asked, "backend_base_ports": 0, "control_pages_per_vm": 0}
    error = _name(built.error)
    yield _row(name, "VMs when pages run out", "fifo.vm_limit_pages", whole, built.vms, error)
    yield HostRow(
        name,
        "VMs by the draft's V = P ÷ (1 + E_V/E_P)",
        "draft_a.vm_limit_estimate",
        int(BOOK["draft_a.vm_limit_estimate"].evaluate(**asked)),
        built.vms,
        error,
        bound=True,
    )
    pairs = {"vms": built.vms, "events_per_vm": size.channels, "words_per_page": 1024}
    yield _row(
        name,
        "array pages of both sides",
        "fifo.total_array_pages",
        {**pairs, "backend_base_ports": 0},
        built.array_pages,
    )
    yield HostRow(name, "ends bound", "2·V·E_V", 2 * built.vms * size.channels, built.ends)


def _row(
    host: str, question: str, formula: str, inputs: dict[str, int], engine: int, error: str = ""
) -> HostRow:
    closed = int(BOOK[formula].evaluate(**inputs))
    return HostRow(host, question, formula, closed, engine, error)


def _name(error: int) -> str:
    return f"−{Errno(-error).name}" if error < 0 else ""


class _Growing:
    """A host whose limits are lifted one by one, each when it has been run into."""

    def __init__(self, size: _Size) -> None:
        self.size = size
        most = size.pages + size.backend_ports // size.channels + 2
        backends = most * size.channels // size.backend_ports + 2
        buckets = most * room_for(size.channels) + backends * room_for(size.backend_ports)
        self.bulk = BulkHost(
            most + backends,
            buckets=buckets,
            pages=size.pages + _SPARE,
            mappings=size.pages,
            domids=size.domain_ids,
        )
        self.backends: list[int] = []
        self.vms = self.domu_pages = 0
        self.waiting: int | None = None  # a VM that found something used up
        self.name = f"backends of {size.backend_ports} ports, P = {size.pages}"

    def rows(self) -> Iterator[HostRow]:
        """Open VMs until pages run out, lifting every other limit on the way."""
        self._add_backend()
        yield self._guest_ports()
        lifted = 0
        while True:
            error, where = self._fill()
            if where == "pages":
                break
            if where == "domain IDs":
                yield self._domain_ids(error)
                self.bulk.most_domains = self.bulk.room
                continue
            lifted += 1
            if lifted <= 2:
                yield self._backend_ports(error)
            self._add_backend()
        yield from self._pages(error)
        yield from self._all_of_the_estimate()

    def _add_backend(self) -> None:
        self.backends.append(self.bulk.create(max_port=self.size.backend_ports))
        self.bulk.expand_for(self.backends[-1])

    def _fill(self, most: int | None = None) -> tuple[int, str]:
        """Open VMs, `most` in all, until something runs out: the error, and what it is."""
        bulk, channels = self.bulk, self.size.channels
        while self.vms != most:
            guest = bulk.create(max_port=1023) if self.waiting is None else self.waiting
            if guest < 0:
                return guest, "domain IDs"
            _, error = bulk.bind_pairs(guest, self.backends[-1], channels)
            if error:
                give_up(bulk, guest)
                self.waiting = guest
                return error, "ports"
            self.waiting = None
            error = self._run(guest)
            if error:
                return error, "pages"
        return 0, ""

    def _run(self, guest: int) -> int:
        """Pages for a VM that has its channels; where one is missing it does not run."""
        error = self.bulk.expand_for(guest) or self.bulk.expand_for(self.backends[-1])
        if error:
            give_up(self.bulk, guest)
            self.waiting = guest
            return error
        self.vms += 1
        self.domu_pages += self.bulk.array_pages(guest)
        return 0

    def _guest_ports(self) -> HostRow:
        """The first VM may use one port fewer than it needs; then its limit is raised."""
        size, bulk = self.size, self.bulk
        guest = bulk.create(max_port=size.channels - 1)
        made, error = bulk.bind_pairs(guest, self.backends[-1], size.channels)
        question = f"ports of a guest limited to {size.channels - 1}"
        inputs = {"channels": size.channels}
        row = _row(self.name, question, "fifo.usable_ports", inputs, made, _name(error))
        bulk.set_max_port(guest, 1023)
        bulk.bind_pairs(guest, self.backends[-1], size.channels - made)
        self._run(guest)
        return row

    def _backend_ports(self, error: int) -> HostRow:
        inputs = {
            "usable_ports": self.size.backend_ports,
            "backend_base_ports": 0,
            "events_per_vm": self.size.channels,
            "backends": len(self.backends),
        }
        question = f"VMs when the ports of {len(self.backends)} backends run out"
        name = "fifo.vm_limit_backend_ports"
        return _row(self.name, question, name, inputs, self.vms, _name(error))

    def _domain_ids(self, error: int) -> HostRow:
        inputs = {"domain_ids": self.size.domain_ids, "backends": len(self.backends)}
        question = f"VMs when domain IDs run out, beside {len(self.backends)} backends"
        name = "limits.vm_limit_domids"
        return _row(self.name, question, name, inputs, self.vms, _name(error))

    def _pages(self, error: int) -> Iterator[HostRow]:
        size = self.size
        host = f"{self.name}, {len(self.backends)} backends"
        each = {"events_per_vm": size.channels, "words_per_page": 1024}
        inputs = {**each, "pages": size.pages, "backend_base_ports": 0, "control_pages_per_vm": 0}
        yield HostRow(
            host,
            "VMs when pages run out; one backend alone could hold as many at most",
            "fifo.vm_limit_pages",
            int(BOOK["fifo.vm_limit_pages"].evaluate(**inputs)),
            self.vms,
            _name(error),
            bound=True,
        )
        yield from self._counts(host)

    def _all_of_the_estimate(self) -> Iterator[HostRow]:
        """The pages' limit lifted too, until as many VMs run as the draft's estimate says."""
        size, bulk = self.size, self.bulk
        asked = {"pages": size.pages, "events_per_vm": size.channels, "words_per_page": 1024}
        wanted = int(BOOK["draft_a.vm_limit_estimate"].evaluate(**asked))
        bulk.mappings = size.pages + _SPARE
        while self._fill(wanted)[1] == "ports":
            self._add_backend()
        host = f"the same, {bulk.mapped - size.pages} more pages, {len(self.backends)} backends"
        yield HostRow(
            host, "VMs as the estimate says", "draft_a.vm_limit_estimate", wanted, self.vms
        )
        yield from self._counts(host)

    def _counts(self, host: str) -> Iterator[HostRow]:
        size, bulk = self.size, self.bulk
        inputs = {"events_per_vm": size.channels, "words_per_page": 1024, "vms": self.vms}
        yield _row(host, "array pages of all VMs", "fifo.domu_array_pages", inputs, self.domu_pages)
        own = BOOK["fifo.event_array_pages"]
        closed = sum(
            int(own.evaluate(highest_port=bulk.highest_port(b), words_per_page=1024))
            for b in self.backends
        )
        engine = sum(bulk.array_pages(b) for b in self.backends)
        yield HostRow(host, "array pages of all backends", own.name, closed, engine)
        yield HostRow(host, "ends bound", "2·V·E_V", 2 * self.vms * size.channels, bulk.ends)
