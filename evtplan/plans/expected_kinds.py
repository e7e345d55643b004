"""What a census leads one to see in a dump: ports by kind, and where their other ends are."""

from collections import Counter
from dataclasses import dataclass, replace

from evtplan.abi import abi_named
from evtplan.fleet.census import GuestCensus, census_of
from evtplan.fleet.model import DOM0, Fleet, Guest, GuestType, Host
from evtplan.fleet.rules import Channels, local_ports_per_vcpu

__all__ = ["EXPECTED_KINDS", "ExpectedDomain", "expected_dom0", "expected_domains"]

# As a dump counts them; xen_consumer ports are among the interdomain ones.
EXPECTED_KINDS: tuple[str, ...] = ("interdomain", "xen_consumer", "unbound", "ipi", "virq", "pirq")

# Devices whose ports in the guest Xen takes for itself (x≠0 in a dump).
_XEN_CONSUMED = frozenset(["ioreq", "vm_event", "vpl011"])


@dataclass(frozen=True, slots=True)
class ExpectedDomain:
    """One planned domain, `copies` times: its ports by kind under `abi`.

    `ends` counts its other ends by the name of the domain they are in, `serving` the ends of
    others in it, which are among its interdomain ports; `limit` is the highest port it may use.
    """

    name: str
    copies: int
    domid: int | None
    abi: str
    kinds: Counter[str]
    ends: Counter[str]
    limit: int
    serving: int = 0

    @property
    def ports(self) -> int:
        """All ports."""
        return self.kinds.total() - self.kinds["xen_consumer"]

    def with_serving(self, ends: int) -> "ExpectedDomain":
        """The same domain with so many ends of others in it."""
        kinds = self.kinds.copy()
        kinds["interdomain"] += ends - self.serving
        return replace(self, kinds=kinds, serving=ends)


def expected_domains(fleet: Fleet, abi: str) -> tuple[ExpectedDomain, ...]:
    """Every guest of `fleet` where all domains use `abi`, and each guest's stub domain after it.

    A guest's ABI is its kernel's choice among those the host offers, so that a dump and not the
    plan says which one to count with.
    """
    host = replace(fleet.host, abi=abi)
    found = []
    for item in census_of(replace(fleet, host=host)).guests:
        limit = item.highest_allowed_port(host)
        found.append(_expected(item.guest, item.channels, item.guest.domid, host, limit))
        if item.stub is not None:
            found.append(_stub(item, item.stub, host))
    served: Counter[str] = Counter()
    for one in found:
        served.update({name: ports * one.copies for name, ports in one.ends.items()})
    return tuple(one.with_serving(served[one.name] // one.copies) for one in found)


def _stub(item: GuestCensus, stub: GuestCensus, host: Host) -> ExpectedDomain:
    limit = stub.highest_allowed_port(host)
    expected = _expected(stub.guest, stub.channels, None, host, limit)
    return replace(
        expected, name=f"{item.guest.name}'s {stub.guest.name}", copies=item.guest.copies
    )


def _expected(
    guest: Guest, channels: tuple[Channels, ...], domid: int | None, host: Host, limit: int
) -> ExpectedDomain:
    kinds: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for item in channels:
        if item.device == "vcpu":
            kinds += _local_kinds(item.domu_ports, guest.vcpus, host)
        elif item.device == "ioreq" and item.backend is None:
            kinds["interdomain"] += item.domu_ports  # a stub domain's ends: it consumes them itself
        else:
            kinds["interdomain"] += item.backend_ports
            kinds["pirq"] += item.domu_ports - item.backend_ports
            if item.device in _XEN_CONSUMED:
                kinds["xen_consumer"] += item.backend_ports
            if item.backend is not None:
                ends[item.backend] += item.backend_ports
    return ExpectedDomain(guest.name, guest.copies, domid, host.abi, kinds, ends, limit)


def _local_kinds(ports: int, vcpus: int, host: Host) -> Counter[str]:
    """VCPUs' own ports: a timer VIRQ each, under 2-level a debug VIRQ too; the rest are IPIs."""
    virqs = vcpus * (1 if abi_named(host.abi).event_words else 2) if ports else 0
    return Counter({"virq": virqs, "ipi": ports - virqs})


def expected_dom0(fleet: Fleet, abi: str) -> Counter[str]:
    """What dom0 needs for itself by kind; only `total` where the plan gives just that."""
    host = replace(fleet.host, abi=abi)
    total = census_of(replace(fleet, host=host)).base_ports[DOM0]
    if host.base_ports is not None:
        return Counter({"total": total})
    dom0 = Guest(DOM0, GuestType.PV, vcpus=host.dom0_vcpus)
    each, _ = local_ports_per_vcpu(dom0, host)
    kinds = _local_kinds(each * host.dom0_vcpus, host.dom0_vcpus, host)
    kinds["virq"] += host.dom0_virqs
    kinds["interdomain"] = 2  # xenstore, both ends in dom0
    kinds["pirq"] = total - kinds.total()
    kinds["total"] = total
    return kinds
