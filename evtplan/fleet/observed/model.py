"""Event channels as they were seen: ports of domains, whatever printed them."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

__all__ = ["KINDS", "Observation", "ObservedDomain", "ObservedPort"]

# Every bound port is exactly one of these; Xen's "reserved" ports belong to nobody yet.
KINDS: tuple[str, ...] = ("interdomain", "unbound", "ipi", "virq", "pirq", "reserved")

# VIRQs that each VCPU binds for itself: TIMER, DEBUG, XENOPROF, XENPMU
# (xen/include/public/xen.h; every other number is bound once a domain).
PER_VCPU_VIRQS = frozenset(["0", "1", "7", "13"])


class ObservedPort(NamedTuple):
    """One port; None is what the format does not print.

    `kind` is one of `KINDS`. `consumer` is 0 where the guest itself takes the events, and the
    number of the Xen consumer otherwise. `link` is the port next in the FIFO queue (0: the last
    one), None where the port is not linked. `what` is the VIRQ, the PIRQ, or the driver's name;
    `per_vcpu` says that each VCPU has such a port for itself.
    """

    number: int | None
    kind: str
    vcpu: int | None = None
    consumer: int | None = None
    remote_domain: int | None = None
    remote_port: int | None = None
    pending: bool | None = None
    masked: bool | None = None
    linked: bool | None = None
    busy: bool | None = None
    link: int | None = None
    what: str | None = None
    per_vcpu: bool = False


@dataclass(frozen=True)
class ObservedDomain:
    """One domain's ports, in the order printed.

    `domain` None is a listing that does not say whose it is. `abi` is a name of `ABIS`, None
    where nothing tells it; `abi_evidence` says what does. `vcpus` None counts the VCPUs that
    any port notifies.
    """

    domain: int | None
    ports: tuple[ObservedPort, ...]
    abi: str | None = None
    abi_evidence: str = ""
    polling_vcpus: tuple[int, ...] | None = None
    vcpus: int | None = None

    @cached_property
    def kinds(self) -> Counter[str]:
        """Ports of each kind; interdomain ones include those that Xen consumes."""
        return Counter(port.kind for port in self.ports)

    @cached_property
    def by_number(self) -> dict[int, ObservedPort]:
        """The ports that have a number, by it."""
        return {port.number: port for port in self.ports if port.number is not None}

    @property
    def highest_port(self) -> int | None:
        """The highest port number; None where the format prints none, 0 where no port is in use."""
        if not self.ports:
            return 0
        return max(self.by_number, default=None)

    @property
    def vcpus_seen(self) -> int:
        """VCPUs that show in the listing."""
        if self.vcpus is not None:
            return self.vcpus
        return len({port.vcpu for port in self.ports if port.vcpu is not None})

    def count(self, flag: str) -> int | None:
        """Ports whose `flag` (pending, masked, linked, busy) is set; None where never printed."""
        known = [value for port in self.ports if (value := getattr(port, flag)) is not None]
        return sum(known) if known or not self.ports else None

    @property
    def xen_consumer(self) -> int | None:
        """Ports whose events Xen takes for itself; None where the format does not show it."""
        known = [port.consumer for port in self.ports if port.consumer is not None]
        return sum(1 for value in known if value) if known or not self.ports else None

    @cached_property
    def local_by_vcpu(self) -> dict[int, int]:
        """Each VCPU's own channels: its IPIs and its per-VCPU VIRQs."""
        found = Counter(p.vcpu for p in self.ports if p.per_vcpu and p.vcpu is not None)
        return {vcpu: found[vcpu] for vcpu in sorted(v for v in found if v is not None)}

    @property
    def local_per_vcpu(self) -> int | None:
        """The commonest of those counts (of two, the greater); None where there are none."""
        counts = Counter(self.local_by_vcpu.values())
        return max(counts, key=lambda each: (counts[each], each), default=None)

    @cached_property
    def ioreq(self) -> tuple[int, int]:
        """(ioreq servers, their ports) among the ports that Xen consumes.

        A server has a port for every VCPU, notifying that one, and one more on VCPU 0 for
        buffered requests (xen/common/ioreq.c:375,382-389): VCPUs + 1. Other consumers (vm_event,
        vpl011) have no such pattern.
        """
        groups: dict[tuple[int, int | None], Counter[int]] = {}
        for port in self.ports:
            if port.consumer and port.vcpu is not None and port.kind != "unbound":
                group = groups.setdefault((port.consumer, port.remote_domain), Counter())
                group[port.vcpu] += 1
        servers = ports = 0
        for group in groups.values():
            each = min(group[vcpu] for vcpu in range(max(group) + 1))
            found = min(each, group[0] // 2)
            servers += found
            ports += found * (max(group) + 2)
        return servers, ports

    @cached_property
    def remote_ends(self) -> Counter[int]:
        """Ports that have their other end in each domain, connected or waiting for it."""
        return Counter(p.remote_domain for p in self.ports if p.remote_domain is not None)


@dataclass(frozen=True)
class Observation:
    """The domains of one dump and what there is to say about it.

    `format` is the format's name; `line` is where the dump begins, `dumps` how many the file
    has, and `truncated` says why the one taken is not whole (empty where it is). `cannot_show`
    names what this format leaves out.
    """

    format: str
    domains: tuple[ObservedDomain, ...]
    line: int = 1
    dumps: int = 1
    truncated: str = ""
    notes: tuple[str, ...] = ()
    cannot_show: tuple[str, ...] = field(default=())

    @cached_property
    def by_domain(self) -> dict[int, ObservedDomain]:
        """The domains whose number is known."""
        return {item.domain: item for item in self.domains if item.domain is not None}
