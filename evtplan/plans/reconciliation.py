"""Plan against what a live host shows: expected and seen, what is unexplained, headroom."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evtplan.abi import abi_named
from evtplan.fleet.model import DOM0, Fleet
from evtplan.fleet.observed.model import Observation, ObservedDomain, ObservedPort
from evtplan.plans.expected_kinds import (
    EXPECTED_KINDS,
    ExpectedDomain,
    expected_dom0,
    expected_domains,
)
from evtplan.plans.matching import Matching, match_domains

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["DomainRow", "Reconciliation", "reconcile"]

# libxl gives a guest this highest port unless told otherwise; a dump does not show it.
_LIBXL_DEFAULT = 1023

_VIRQS = {
    "0": "TIMER", "1": "DEBUG", "2": "CONSOLE", "3": "DOM_EXC", "4": "TBUF", "6": "DEBUGGER",
    "7": "XENOPROF", "8": "CON_RING", "9": "PCPU_STATE", "10": "MEM_EVENT", "11": "ARGO",
    "12": "ENOMEM", "13": "XENPMU", "16": "ARCH_0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One domain of a dump; None where the format does not show a thing, or there is no plan.

    `interdomain`, `unbound`, `ipi`, `virq`, `pirq` and `reserved` add up to `ports`;
    `xen_consumer` ports are among them. `local_per_vcpu` is what each VCPU has for itself (IPIs,
    timer, debug, …); `ioreq_servers` with `ioreq_ports` are recognised by their VCPUs + 1 ports.
    `lost_ends` are connected ports whose other end the dump should have and has not. `free_ports`
    are left below `limit_ports`. `unexplained_ports` are those seen beyond the plan, or missing
    (negative).
    """

    domain: int | None
    guest: str | None
    abi: str | None
    ports: int
    highest_port: int | None
    interdomain: int
    unbound: int
    ipi: int
    virq: int
    pirq: int
    reserved: int
    xen_consumer: int | None
    pending: int | None
    masked: int | None
    linked: int | None
    busy: int | None
    vcpus_seen: int
    local_per_vcpu: int | None
    ioreq_servers: int | None
    ioreq_ports: int | None
    lost_ends: int | None
    polling_vcpus: int | None
    limit_ports: int | None
    free_ports: int | None
    expected_ports: int | None
    not_shown_ports: int | None
    unexplained_ports: int | None
    agrees: bool | None
    abi_evidence: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`rows` by domain; `kinds` expected against seen; `backends` each guest's ends in its
    backend domains; `headroom` what is left in those; `disagreements` say where plan and host, or
    the two ends of the dump, differ.
    """

    rows: tuple[DomainRow, ...]
    kinds: tuple[dict[str, Any], ...]
    backends: tuple[dict[str, Any], ...]
    headroom: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    disagreements: tuple[str, ...]

    def to_frame(self) -> "DataFrame":
        """The rows as a pandas DataFrame, one column a field, missing values `pd.NA`."""
        from evtplan.plans.frames import frame_of

        return frame_of(self.rows)


def reconcile(
    observation: Observation,
    fleet: Fleet | None = None,
    *,
    mapping: Mapping[int, str] | None = None,
    by_order: bool = False,
) -> Reconciliation:
    """Hold `fleet` (None: nothing but the dump's own two sides) against `observation`.

    `mapping` says which guest a domain is; the others are matched by their ports, or with
    `by_order` by their order alone. Raises `UnknownNameError` for a guest that is not in the
    plan, `EvtplanError` for a domain that is not in the dump.
    """
    work = _Reconciler(observation, fleet, dict(mapping or {}), by_order)
    kinds, backends, headroom = tuple(work.kinds()), tuple(work.backends()), tuple(work.headroom())
    rows = tuple(work.row(item) for item in observation.domains)
    return Reconciliation(
        rows,
        kinds,
        backends,
        headroom,
        tuple(work.notes()),
        tuple(work.disagreements(kinds, backends)),
    )


@dataclass(frozen=True)
class _Reconciler:
    seen: Observation
    fleet: Fleet | None
    mapping: dict[int, str]
    by_order: bool

    # What the plan expects, domain by domain

    @cached_property
    def guests(self) -> list[ObservedDomain]:
        """The domains other than dom0."""
        return [item for item in self.seen.domains if item.domain != 0]

    def expected_under(self, abi: str | None) -> tuple[ExpectedDomain, ...]:
        """The plan's domains where they use `abi` (None: the plan's own)."""
        assert self.fleet is not None
        name = abi or self.fleet.host.abi
        if name not in self._by_abi:
            self._by_abi[name] = expected_domains(self.fleet, name)
        return self._by_abi[name]

    @cached_property
    def _by_abi(self) -> dict[str, tuple[ExpectedDomain, ...]]:
        return {}

    @cached_property
    def matching(self) -> Matching:
        """The group of the plan that each of `guests` is."""
        plan = self.expected_under(None)
        forced = {item.domid: item.name for item in plan if item.domid is not None}
        known = {item.domain for item in self.guests}
        forced = {number: name for number, name in forced.items() if number in known}
        shapes: dict[tuple[Any, ...], int] = {}

        def cost(index: int, group: int) -> int:
            domain = self.guests[index]
            key = (_shape(domain), group)
            if key not in shapes:
                expected = self.expected_under(domain.abi)[group]
                shapes[key] = sum(
                    abs(row["unexplained"]) for row in self._kind_rows(domain, expected)
                )
            return shapes[key]

        return match_domains(
            [item.domain for item in self.guests],
            [item.name for item in plan],
            [item.copies for item in plan],
            forced={**forced, **self.mapping},
            cost=None if self.by_order else cost,
        )

    @cached_property
    def expected(self) -> dict[int | None, ExpectedDomain]:
        """The planned domain that each domain of the dump is."""
        if self.fleet is None:
            return {}
        pairs = zip(self.guests, self.matching.groups, strict=True)
        found = {
            item.domain: self.expected_under(item.abi)[group]
            for item, group in pairs
            if group is not None
        }
        # A driver domain holds the ends of those that run, not of all that are planned.
        served: Counter[str] = Counter()
        for expected in found.values():
            served.update(expected.ends)
        like = Counter(expected.name for expected in found.values())
        return {
            domain: one.with_serving(served[one.name] // like[one.name])
            for domain, one in found.items()
        }

    # Expected against seen, by kind

    def kinds(self) -> Iterator[dict[str, Any]]:
        """A row for each kind of each domain of the plan."""
        for item in self.seen.domains:
            expected = self.expected.get(item.domain) if item.domain != 0 else None
            if expected is not None:
                yield from self._kind_rows(item, expected)
            elif item.domain == 0 and self.fleet is not None:
                yield from self._dom0_rows(item)

    def _kind_rows(
        self, item: ObservedDomain, expected: ExpectedDomain
    ) -> Iterator[dict[str, Any]]:
        for kind in EXPECTED_KINDS:
            seen = item.xen_consumer if kind == "xen_consumer" else item.kinds[kind]
            if seen is None:
                continue
            least, most = self._hidden(kind, expected)
            planned = expected.kinds[kind]
            hidden = min(max(planned - seen, least), most)
            yield {
                "domain": item.domain,
                "guest": expected.name,
                "kind": kind,
                "expected": planned,
                "seen": seen,
                "not_shown": hidden,
                "unexplained": seen + hidden - planned,
                "detail": _detail(item, kind),
            }

    def _hidden(self, kind: str, expected: ExpectedDomain) -> tuple[int, int]:
        """The fewest and the most of the expected ports that this format leaves out."""
        if kind != "interdomain" or self.seen.format == "debug-key-e":
            return 0, 0
        consumed = expected.kinds["xen_consumer"]
        if self.seen.format == "lsevtchn":
            return 0, consumed
        console = min(1, expected.ends[DOM0])  # bound to an interrupt only by a guest that uses it
        return consumed, consumed + console

    def _dom0_rows(self, item: ObservedDomain) -> Iterator[dict[str, Any]]:
        """dom0's own ports: those that have no other end in another domain."""
        assert self.fleet is not None
        expected = expected_dom0(self.fleet, item.abi or self.fleet.host.abi)
        if self.seen.format == "proc-interrupts":
            return
        own = [port for port in item.ports if port.remote_domain in (None, 0)]
        seen = Counter(port.kind for port in own)
        seen["total"] = len(own)
        for kind in ("interdomain", "ipi", "virq", "pirq", "total"):
            if kind in expected:
                yield {
                    "domain": 0,
                    "guest": DOM0,
                    "kind": "own" if kind == "total" else f"own {kind}",
                    "expected": expected[kind],
                    "seen": seen[kind],
                    "not_shown": 0,
                    "unexplained": seen[kind] - expected[kind],
                    "detail": "" if kind == "total" else _detail_of(own, kind),
                }

    # The two ends of interdomain channels

    def backends(self) -> Iterator[dict[str, Any]]:
        """A row for each guest in each backend domain: its ends there and those in itself."""
        for backend, domain in sorted(self._pairs):
            there, here = self.seen.by_domain.get(backend), self.seen.by_domain.get(domain)
            seen = None if there is None else there.remote_ends[domain]
            guest_side = None if here is None else here.remote_ends[backend]
            planned = self._planned_ends(backend, domain)
            found = seen if seen is not None else guest_side
            if found is not None and planned is not None and seen is None:
                # The guest's side leaves out what its format hides.
                _, most = self._hidden("interdomain", self.expected[domain])
                found = min(max(found, planned), found + most)
            yield {
                "backend": backend,
                "domain": domain,
                "guest": self._name(domain),
                "expected": planned,
                "seen": seen,
                "guest_side": guest_side,
                "unexplained": None if planned is None or found is None else found - planned,
            }

    @cached_property
    def _pairs(self) -> set[tuple[int, int]]:
        """(backend, guest) of every two domains that have ends in each other.

        The plan knows which is the backend; otherwise it is the lower number, since a backend is
        there before its frontends.
        """
        found = set()
        for item in self.seen.domains:
            for other in item.remote_ends:
                if item.domain is not None and other != item.domain:
                    low, high = sorted((item.domain, other))
                    turned = (
                        low != 0
                        and self._planned_ends(high, low)
                        and not self._planned_ends(low, high)
                    )
                    found.add((high, low) if turned else (low, high))
        return found

    def _planned_ends(self, backend: int, domain: int) -> int | None:
        expected = self.expected.get(domain)
        name = DOM0 if backend == 0 else self._name(backend)
        return None if expected is None or name is None else expected.ends[name]

    def _name(self, domain: int | None) -> str | None:
        if domain == 0:
            return DOM0
        expected = self.expected.get(domain)
        return expected.name if expected else None

    def lost_ends(self, item: ObservedDomain) -> int | None:
        """Connected ports whose other end is in a domain of the dump, and is not there."""
        return None if self.seen.format == "proc-interrupts" else self._lost[id(item)]

    @cached_property
    def _lost(self) -> dict[int, int]:
        return {
            id(item): sum(self._is_lost(item.domain, port) for port in item.ports)
            for item in self.seen.domains
        }

    def _is_lost(self, domain: int | None, port: ObservedPort) -> bool:
        if port.remote_domain is None or port.remote_port is None:
            return False
        other = self.seen.by_domain.get(port.remote_domain)
        if other is None:
            return False
        end = other.by_number.get(port.remote_port)
        return end is None or (end.remote_domain, end.remote_port) != (domain, port.number)

    # What is left

    def headroom(self) -> Iterator[dict[str, Any]]:
        """A row for each backend domain of the dump: how many more VMs like those it serves."""
        for backend in sorted({0, *(backend for backend, _ in self._pairs)}):
            item = self.seen.by_domain.get(backend)
            limit = None if item is None else self.limit(item)
            if item is None or limit is None:
                continue
            served = {d: n for d, n in item.remote_ends.items() if (backend, d) in self._pairs}
            ports, vms = sum(served.values()), len(served)
            free = max(0, limit - len(item.ports))
            yield {
                "domain": backend,
                "guest": self._name(backend),
                "abi": item.abi,
                "used": len(item.ports),
                "limit": limit,
                "free": free,
                "own": len(item.ports) - ports,
                "ports_for_vms": ports,
                "vms": vms,
                # Exact where all are alike, otherwise as many of the same mix.
                "more_vms": free * vms // ports if ports else None,
            }

    def limit(self, item: ObservedDomain) -> int | None:
        """The most ports of the domain: its ABI's, and what its toolstack allows."""
        expected = self.expected.get(item.domain) if item.domain != 0 else None
        if expected is not None:
            return expected.limit
        if item.abi is None:
            return None
        usable = abi_named(item.abi).usable_ports
        if item.domain == 0 or (item.highest_port or 0) > _LIBXL_DEFAULT:
            return usable
        return min(usable, _LIBXL_DEFAULT)

    # Rows and remarks

    def row(self, item: ObservedDomain) -> DomainRow:
        """The row of one domain."""
        expected = self.expected.get(item.domain) if item.domain != 0 else None
        kinds = list(self._kind_rows(item, expected)) if expected else []
        whole = [row for row in kinds if row["kind"] != "xen_consumer"]
        hidden = sum(row["not_shown"] for row in whole) if expected else None
        planned = expected.ports if expected else self._planned_dom0(item)
        limit, consumers = self.limit(item), item.xen_consumer
        return DomainRow(
            domain=item.domain,
            guest=self._name(item.domain) if item.domain is not None or expected else None,
            abi=item.abi,
            ports=len(item.ports),
            highest_port=item.highest_port,
            interdomain=item.kinds["interdomain"],
            unbound=item.kinds["unbound"],
            ipi=item.kinds["ipi"],
            virq=item.kinds["virq"],
            pirq=item.kinds["pirq"],
            reserved=item.kinds["reserved"],
            xen_consumer=consumers,
            pending=item.count("pending"),
            masked=item.count("masked"),
            linked=item.count("linked"),
            busy=item.count("busy"),
            vcpus_seen=item.vcpus_seen,
            local_per_vcpu=item.local_per_vcpu,
            ioreq_servers=None if consumers is None else item.ioreq[0],
            ioreq_ports=None if consumers is None else item.ioreq[1],
            lost_ends=self.lost_ends(item),
            polling_vcpus=None if item.polling_vcpus is None else len(item.polling_vcpus),
            limit_ports=limit,
            free_ports=None if limit is None else max(0, limit - len(item.ports)),
            expected_ports=planned,
            not_shown_ports=hidden,
            unexplained_ports=(
                None if planned is None else len(item.ports) + (hidden or 0) - planned
            ),
            agrees=all(not row["unexplained"] for row in kinds) if expected else None,
            abi_evidence=item.abi_evidence,
        )

    def _planned_dom0(self, item: ObservedDomain) -> int | None:
        """What the plan gives dom0: its own ports, and the ends of the guests that were seen."""
        if self.fleet is None or item.domain != 0 or self.seen.format == "proc-interrupts":
            return None
        own = expected_dom0(self.fleet, item.abi or self.fleet.host.abi)["total"]
        return own + sum(expected.ends[DOM0] for expected in self.expected.values())

    def notes(self) -> Iterator[str]:
        """What to know about the dump, the plan's defaults, and the matching."""
        yield from self.seen.notes
        if self.seen.cannot_show:
            yield f"{self.seen.format} cannot show " + "; ".join(self.seen.cannot_show)
        if any("assumed" in item.abi_evidence for item in self.seen.domains):
            yield (
                "2-level guests are taken as 64-bit (4095 ports), which no dump shows below port "
                "1024; a 32-bit guest has 1023"
            )
        if any(self._is_at_default_limit(item) for item in self.guests):
            yield (
                f"limit of guests: port {_LIBXL_DEFAULT}, libxl's default max_event_channels; a "
                "dump does not show it"
            )
        lost = sum(self.lost_ends(item) or 0 for item in self.seen.domains)
        if lost:
            yield f"{lost} connected ports have no matching other end in the dump"
        if 0 not in self.seen.by_domain:
            held = sum(item.remote_ends[0] for item in self.guests)
            what = f"; the domains seen hold {held} ports there" if held else ""
            yield f"dom0 is not in the dump: its headroom cannot be told{what}"
        if self.fleet is not None:
            yield from self._plan_notes()

    def _is_at_default_limit(self, item: ObservedDomain) -> bool:
        return item.domain not in self.expected and self.limit(item) == _LIBXL_DEFAULT

    def _plan_notes(self) -> Iterator[str]:
        assert self.fleet is not None
        planned = self.fleet.host.abi
        other = [
            item for item in self.seen.domains if item.abi and _family(item.abi) != _family(planned)
        ]
        if other:
            names = ", ".join(f"{item.domain} ({item.abi})" for item in other[:5])
            yield (
                f"another ABI than the plan's {planned} is used by {len(other)} of "
                f"{len(self.seen.domains)} domains: {names}; each is counted by its own"
            )
        if self.fleet.host.base_ports is None and 0 in self.seen.by_domain:
            yield "dom0's own ports are a guess of the plan's; give base_ports to hold them to it"
        yield from self._unmatched()
        if self.seen.format == "lsevtchn":
            yield from self._stopped_listings()

    def _stopped_listings(self) -> Iterator[str]:
        for item in self.guests:
            expected = self.expected.get(item.domain)
            consumed = expected.kinds["xen_consumer"] if expected else 0
            if expected and consumed and len(item.ports) < expected.ports - consumed:
                yield (
                    f"{expected.name}: the listing may have stopped at its first ioreq port, as on "
                    "Xen 4.15 to 4.18 with tools before 4.20"
                )

    def disagreements(
        self, kinds: tuple[dict[str, Any], ...], backends: tuple[dict[str, Any], ...]
    ) -> Iterator[str]:
        """Where plan and host differ; without a plan, where the dump contradicts itself."""
        for row in kinds:
            given = self.fleet is not None and self.fleet.host.base_ports is not None
            if row["unexplained"] and (row["domain"] != 0 or given):
                hidden = f", {row['not_shown']} not shown" if row["not_shown"] else ""
                yield (
                    f"domain {_number(row['domain'])} ({row['guest']}): {row['expected']} "
                    f"{row['kind']} ports expected, {row['seen']} seen{hidden}"
                )
        for row in backends:
            if row["unexplained"]:
                seen = row["seen"] if row["seen"] is not None else row["guest_side"]
                yield (
                    f"domain {row['domain']} ({row['guest']}): {row['expected']} ends expected in "
                    f"domain {row['backend']}, {seen} seen"
                )
        if self.seen.truncated:
            yield f"the dump is truncated: {self.seen.truncated}"
        for item in self.seen.domains:
            if lost := self.lost_ends(item):
                yield f"domain {_number(item.domain)}: {lost} connected ports without an other end"
        if self.fleet is not None:
            yield from self._unmatched()

    def _unmatched(self) -> Iterator[str]:
        """Domains and copies without a counterpart; an excerpt without dom0 lacks no guest."""
        for item in self.guests:
            if item.domain not in self.expected:
                yield f"domain {_number(item.domain)} is not in the plan"
        if self._is_of_whole_host:
            plan = zip(self.expected_under(None), self.matching.missing, strict=True)
            for planned, missing in plan:
                if missing:
                    yield f"{planned.name}: {missing} of {planned.copies} are not in the dump"

    @property
    def _is_of_whole_host(self) -> bool:
        return 0 in self.seen.by_domain and self.seen.format == "debug-key-e"


def _family(abi: str) -> str:
    return abi.partition("-")[0]


def _number(domain: int | None) -> str:
    return "of unknown number" if domain is None else str(domain)


def _shape(item: ObservedDomain) -> tuple[Any, ...]:
    """What tells two domains apart when they are matched."""
    return (item.abi, item.xen_consumer, *(item.kinds[kind] for kind in EXPECTED_KINDS))


def _detail(item: ObservedDomain, kind: str) -> str:
    if kind == "xen_consumer":
        servers, ports = item.ioreq
        return f"ioreq {ports}, servers {servers}" if servers else ""
    return _detail_of([port for port in item.ports if port.kind == kind], kind)


def _detail_of(ports: list[ObservedPort], kind: str) -> str:
    """What the ports of one kind are, the commonest first."""
    if kind in ("interdomain", "unbound"):
        names = [
            f"domain {port.remote_domain}" if port.remote_domain is not None else port.what or ""
            for port in ports
            if port.kind == kind
        ]
    else:
        names = [_named(port.what or "", kind) for port in ports if port.kind == kind]
    counts = Counter(name for name in names if name)
    shown = [f"{name} {n}" if n > 1 else name for name, n in counts.most_common(6)]
    return ", ".join(shown) + (", …" if len(counts) > 6 else "")


def _named(what: str, kind: str) -> str:
    """The VIRQ's name, or the driver's without its VCPU: `timer3` is a `timer`."""
    if kind == "pirq":
        return what
    if kind == "virq" and what.isdigit():
        return _VIRQS.get(what, f"VIRQ {what}")
    return what.rstrip("0123456789")
