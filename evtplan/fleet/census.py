"""The census: every channel of a fleet, by guest, by device and by backend domain."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from evtplan.abi import abi_named
from evtplan.fleet.model import DOM0, Fleet, Guest, GuestType, Host
from evtplan.fleet.rules import Channels, channels_of, local_ports_per_vcpu
from evtplan.formulas import kernels

__all__ = ["Census", "GuestCensus", "census_of"]


@dataclass(frozen=True, slots=True)
class GuestCensus:
    """The channels of one guest; ports are those of one copy."""

    guest: Guest
    channels: tuple[Channels, ...]

    @property
    def domu_ports(self) -> int:
        """Ports in the guest itself, which is also its highest port number."""
        return sum(item.domu_ports for item in self.channels)

    @property
    def backend_ports(self) -> int:
        """Ports in all backend domains."""
        return sum(item.backend_ports for item in self.channels)

    @property
    def ports_by_backend(self) -> dict[str, int]:
        """Ports in each backend domain that holds any."""
        found: dict[str, int] = {}
        for item in self.channels:
            if item.backend is not None and item.backend_ports:
                found[item.backend] = found.get(item.backend, 0) + item.backend_ports
        return found

    def highest_allowed_port(self, host: Host) -> int:
        """The highest port this guest may use under the host's ABI and toolstack."""
        usable = abi_named(host.abi).usable_ports
        limit = self.guest.max_event_channels
        if not limit:
            limit = host.default_max_event_channels
        return usable if limit is None else min(usable, limit)


@dataclass(frozen=True, slots=True)
class Census:
    """A fleet counted; `base_ports` has every backend domain and what it needs for itself."""

    fleet: Fleet
    guests: tuple[GuestCensus, ...]
    base_ports: dict[str, int]
    notes: tuple[str, ...]


def census_of(fleet: Fleet) -> Census:
    """Count every channel of `fleet`."""
    host = fleet.host
    guests = tuple(GuestCensus(guest, tuple(channels_of(guest, host))) for guest in fleet.guests)
    names = dict.fromkeys([DOM0, *(name for item in guests for name in item.ports_by_backend)])
    base = {name: _base_ports(name, host) for name in names}
    return Census(fleet, guests, base, (*fleet.notes, *_defaults_used(fleet, base)))


def _merged(found: Iterable[Channels]) -> tuple[Channels, ...]:
    """Like devices counted together: same kind, backend and rule."""
    merged: dict[tuple[str, str | None, str], Channels] = {}
    for item in found:
        key = (item.device, item.backend, item.rule)
        if key in merged:
            other = merged[key]
            item = replace(
                item,
                count=item.count + other.count,
                domu_ports=item.domu_ports + other.domu_ports,
                backend_ports=item.backend_ports + other.backend_ports,
            )
        merged[key] = item
    return tuple(merged.values())


def _base_ports(name: str, host: Host) -> int:
    if host.base_ports is not None:
        return host.base_ports
    if name != DOM0:
        # A driver domain of its own: xenstore, console, and one VCPU's channels.
        ports, _ = local_ports_per_vcpu(Guest(name, GuestType.PV), host)
        return 2 + ports
    dom0 = Guest(DOM0, GuestType.PV, vcpus=host.dom0_vcpus)
    ports, _ = local_ports_per_vcpu(dom0, host)
    return kernels.channels_dom0_base_ports(
        ports, host.dom0_vcpus, host.dom0_virqs, _host_pirqs(host)
    )


def _host_pirqs(host: Host) -> int:
    if host.pirqs is not None:
        return host.pirqs
    return host.physical_cpus or host.dom0_vcpus


def _defaults_used(fleet: Fleet, base: dict[str, int]) -> tuple[str, ...]:
    host, notes = fleet.host, []
    if host.base_ports is None:
        pirqs = "given" if host.pirqs is not None else "a guess: one a physical CPU"
        notes.append(
            f"dom0's own ports: {base[DOM0]}, from {host.dom0_vcpus} VCPUs, {host.dom0_virqs} "
            f"global VIRQs, 2 for xenstore, {_host_pirqs(host)} PIRQs ({pirqs})"
        )
    devices = [d for guest in fleet.guests for d in guest.devices]
    if any(d.kind == "vif" and d.queues is None for d in devices):
        notes.append("vif queues: Linux's default, min(8, dom0's VCPUs, the guest's VCPUs)")
    if any(d.kind == "vif" and d.split is None for d in devices):
        notes.append("vif channels: transmit and receive split, Linux netback's default")
    if any(d.kind == "vbd" and d.rings is None for d in devices):
        notes.append("vbd rings: Linux's default, min(4, dom0's VCPUs, the guest's VCPUs)")
    if any(not guest.max_event_channels for guest in fleet.guests):
        limit = host.default_max_event_channels
        notes.append(
            f"max_event_channels: {host.toolstack}'s default, "
            + ("no limit" if limit is None else f"highest port {limit}")
        )
    return tuple(notes)
