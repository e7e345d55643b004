"""What `lsevtchn [domid]` prints (tools/xcutils/lsevtchn.c), one line a port.

       1: VCPU 0: Interdomain (Connected) - Remote Domain 0, Port 33

The command prints neither the domain nor the event state. Xen 4.15 to 4.18 refuse to tell the
status of a port that Xen consumes, and tools before 4.20 then end the listing there.
"""

import re

from evtplan.fleet.observed.lines import Tally
from evtplan.fleet.observed.model import (
    PER_VCPU_VIRQS,
    Observation,
    ObservedDomain,
    ObservedPort,
)

__all__ = ["LsevtchnReader"]

_LINE = re.compile(
    r"(?<!\d)(\d{1,6}): VCPU (\d{1,4}): (?:"
    r"(?P<waiting>Interdomain \(Waiting connection\) - Remote Domain (?P<for>\d{1,5}))(?!\d)"
    r"|(?P<connected>Interdomain \(Connected\) - Remote Domain (?P<to>\d{1,5}), "
    r"Port (?P<port>\d{1,6}))(?!\d)"
    r"|Physical IRQ (?P<pirq>\d{1,6})(?!\d)"
    r"|Virtual IRQ (?P<virq>\d{1,3})(?!\d)"
    r"|(?P<ipi>IPI)\b|(?P<unknown>Unknown)\b)"
)
_HALF = re.compile(r"(?<!\d)\d{1,6}:(?: VCPU\b.{0,60})?$")
_QUOTES = re.compile(r"^[\s>|]+")
_HEADING = re.compile(
    r"^(?:.{0,80}\blsevtchn|[\s#=*\-]*dom(?:ain|id|u)?)[\s:=#]+(\d{1,5})\b", re.IGNORECASE
)
_MOST_PORTS = 1 << 17

CANNOT_SHOW = (
    "which domain it is of, unless the command line or a heading stands above it",
    "the ABI, pending, masked and linked",
    "which ports Xen consumes (ioreq): Xen 4.15 to 4.18 refuse their status; there tools before "
    "4.20 stop at the first one, so that a listing of an HVM domain is too short, and later "
    "tools leave them out; Xen 4.19 and later list them as interdomain",
)


class LsevtchnReader:
    """Reads listings line by line with `feed`; `finish` has the last one of each domain."""

    name = "lsevtchn"

    def __init__(self) -> None:
        self._domain: int | None = None
        self._ports: list[ObservedPort] = []
        self._found: dict[int | None, list[ObservedPort]] = {}
        self._half = ""
        self._listings = 0
        self._first = 0
        self._damaged = Tally()
        self._unknown = Tally()

    def feed(self, number: int, text: str) -> None:
        """Take one line."""
        if not self._half and "VCPU" not in text:
            # Headings and command lines stand at the start; nothing else is looked at.
            if ("lsevtchn" in text or "om" in text[:16].lower()) and (
                found := _HEADING.match(text)
            ):
                self._close_listing()
                self._domain = int(found[1])
            return
        bare = _QUOTES.sub("", text.rstrip(), count=1)
        if self._half:
            bare, self._half = f"{self._half} {bare}", ""
        match = _LINE.search(bare)
        if match:
            self._take(number, match)
        elif half := _HALF.search(bare[-100:]):
            if bare.count("VCPU") == 1 and len(bare) < 100:
                self._half = half[0]
            else:
                self._damaged.add(number)

    def _take(self, number: int, match: re.Match[str]) -> None:
        port, vcpu = int(match[1]), int(match[2])
        if not 0 < port < _MOST_PORTS:
            self._damaged.add(number)
            return
        if match["unknown"]:
            self._unknown.add(number)
        if self._ports and port <= (self._ports[-1].number or 0):
            self._close_listing()
        self._first = self._first or number
        self._ports.append(_port(port, vcpu, match))

    def _close_listing(self) -> None:
        if self._ports:
            self._listings += 1
            self._found[self._owner()] = self._ports
        self._ports = []

    def _owner(self) -> int | None:
        """The domain of the listing: its heading's, or the one that a port of it loops back to."""
        if self._domain is not None:
            return self._domain
        ends = {p.number: p for p in self._ports if p.kind == "interdomain"}
        for number, port in ends.items():
            other = ends.get(port.remote_port)
            if (
                other is not None
                and other.remote_port == number
                and other.remote_domain == port.remote_domain
            ):
                return port.remote_domain
        return None

    def finish(self) -> Observation | None:
        """The listings; None where there is none."""
        self._close_listing()
        if not self._found:
            return None
        domains = tuple(
            ObservedDomain(domain, tuple(ports), *_abi(ports))
            for domain, ports in self._found.items()
        )
        return Observation(
            self.name,
            domains,
            line=self._first,
            dumps=self._listings,
            notes=tuple(self._notes()),
            cannot_show=CANNOT_SHOW,
        )

    def _notes(self) -> list[str]:
        notes = []
        if self._listings > len(self._found):
            notes.append(f"{self._listings} listings; the last one of each domain is taken")
        if self._unknown.count:
            notes.append(f"{self._unknown.count} ports of unknown kind, counted as reserved")
        if self._half:
            notes.append("the listing is truncated: it stops in the middle of a line")
        if self._damaged.count:
            notes.append(
                f"{self._damaged.count} damaged lines, the first on line {self._damaged.first}: "
                "they are left out"
            )
        return notes


def _port(port: int, vcpu: int, match: re.Match[str]) -> ObservedPort:
    if match["connected"]:
        return ObservedPort(
            port,
            "interdomain",
            vcpu,
            remote_domain=int(match["to"]),
            remote_port=int(match["port"]),
        )
    if match["waiting"]:
        return ObservedPort(port, "unbound", vcpu, remote_domain=int(match["for"]))
    if match["virq"]:
        virq = str(int(match["virq"]))
        return ObservedPort(port, "virq", vcpu, what=virq, per_vcpu=virq in PER_VCPU_VIRQS)
    if match["pirq"]:
        return ObservedPort(port, "pirq", vcpu, what=str(int(match["pirq"])))
    if match["ipi"]:
        return ObservedPort(port, "ipi", vcpu, per_vcpu=True)
    return ObservedPort(port, "reserved", vcpu)


def _abi(ports: list[ObservedPort]) -> tuple[str | None, str]:
    if max(port.number or 0 for port in ports) > 4095:
        return "fifo", "a port above 4095"
    return None, "not printed"
