"""The census: every channel of a fleet, by guest, by device and by backend domain."""

from dataclasses import dataclass, field

from evtplan.abi import abi_named
from evtplan.fleet.model import DOM0, Fleet, Guest, GuestType, Host
from evtplan.fleet.rules import Channels, channels_of, local_ports_per_vcpu
from evtplan.formulas import kernels

__all__ = ["BackendCensus", "Census", "GuestCensus", "census_of"]


@dataclass(frozen=True, slots=True)
class GuestCensus:
    """The channels of one guest; ports are those of one copy.

    `stub` is the stub domain that runs the guest's QEMU, where it has one: a domain beside each
    copy, with ports of its own besides the emulator's ends. `domu_ports` is the number of ports
    in the guest, which is also its highest port number; `backend_ports` that of its other ends,
    in whichever domains; `ports_by_backend` has those in each backend domain that all copies
    share, its stub domain's own included.
    """

    guest: Guest
    channels: tuple[Channels, ...]
    stub: "GuestCensus | None" = None
    domu_ports: int = field(init=False)
    backend_ports: int = field(init=False)
    ports_by_backend: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        # Counted once: sizing asks for them thousands of times.
        own, ends = self.channels, self.channels + (self.stub.channels if self.stub else ())
        stub = self.stub.guest.name if self.stub else None
        shared: dict[str, int] = {}
        for item in ends:
            if item.backend is not None and item.backend_ports and item.backend != stub:
                shared[item.backend] = shared.get(item.backend, 0) + item.backend_ports
        object.__setattr__(self, "domu_ports", sum(item.domu_ports for item in own))
        object.__setattr__(self, "backend_ports", sum(item.backend_ports for item in own))
        object.__setattr__(self, "ports_by_backend", shared)

    def highest_allowed_port(self, host: Host) -> int:
        """The highest port this guest may use under the host's ABI and toolstack."""
        usable = abi_named(host.abi).usable_ports
        limit = self.guest.max_event_channels
        if not limit:
            limit = host.default_max_event_channels
        return usable if limit is None else min(usable, limit)


@dataclass(frozen=True, slots=True)
class BackendCensus:
    """A backend domain: `base_ports` for itself, `guest_ports` for the whole fleet's ends."""

    name: str
    base_ports: int
    guest_ports: int
    usable_ports: int

    @property
    def ports(self) -> int:
        """Ports in use, which is also the highest port number."""
        return self.base_ports + self.guest_ports


@dataclass(frozen=True, slots=True)
class Census:
    """A fleet counted; `base_ports` has every backend domain and what it needs for itself."""

    fleet: Fleet
    guests: tuple[GuestCensus, ...]
    base_ports: dict[str, int]
    notes: tuple[str, ...]

    @property
    def backends(self) -> tuple[BackendCensus, ...]:
        """Every backend domain, with the ports that all copies of all guests need there."""
        served = dict.fromkeys(self.base_ports, 0)
        for item in self.guests:
            for name, ports in item.ports_by_backend.items():
                served[name] += ports * item.guest.copies
        usable = abi_named(self.fleet.host.abi).usable_ports
        return tuple(
            BackendCensus(name, base, served[name], usable)
            for name, base in self.base_ports.items()
        )


def census_of(fleet: Fleet) -> Census:
    """Count every channel of `fleet`.

    A guest that is itself named as a backend gives its own VCPUs to the drivers' defaults, and
    its own ports as what that backend needs for itself.
    """
    host = fleet.host
    named = {device.backend for guest in fleet.guests for device in guest.devices} - {DOM0}
    serving = {guest.name: guest.vcpus for guest in fleet.guests if guest.name in named}
    guests = tuple(
        GuestCensus(guest, tuple(channels_of(guest, host, serving)), _stub(guest, host))
        for guest in fleet.guests
    )
    own = {item.guest.name: item.domu_ports for item in guests if item.guest.name in serving}
    names = dict.fromkeys([DOM0, *(name for item in guests for name in item.ports_by_backend)])
    base = {name: own[name] if name in own else _base_ports(name, host) for name in names}
    return Census(fleet, guests, base, (*fleet.notes, *_defaults_used(fleet, base, serving)))


def _stub(guest: Guest, host: Host) -> GuestCensus | None:
    """The stub domain of `guest`: a PV guest of one VCPU that holds the emulator's ends."""
    if guest.emulator == DOM0 or not guest.servers:
        return None
    stub = Guest(guest.emulator, GuestType.PV, copies=guest.copies)
    ports = kernels.channels_emulator_ports(guest.servers, guest.possible_vcpus)
    rule = f"the other ends of {guest.name}'s ioreq servers"
    ends = Channels("ioreq", guest.servers, ports, 0, None, rule, "xen/common/ioreq.c:375")
    return GuestCensus(stub, (*channels_of(stub, host), ends))


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


def _defaults_used(fleet: Fleet, base: dict[str, int], serving: dict[str, int]) -> tuple[str, ...]:
    host, notes = fleet.host, []
    if host.base_ports is None:
        pirqs = "given" if host.pirqs is not None else "a guess: one a physical CPU"
        notes.append(
            f"dom0's own ports: {base[DOM0]}, from {host.dom0_vcpus} VCPUs, {host.dom0_virqs} "
            f"global VIRQs, 2 for xenstore, {_host_pirqs(host)} PIRQs ({pirqs})"
        )
        notes.extend(
            f"{name} is not in the fleet: counted as a Linux PV guest with 1 VCPU, {ports} ports "
            "for itself, and with dom0's number of VCPUs for queues and rings"
            for name, ports in base.items()
            if name not in serving and name != DOM0
        )
    devices = [d for guest in fleet.guests for d in guest.devices]
    if any(d.kind == "vif" and d.queues is None for d in devices):
        notes.append(f"vif queues: Linux's default, min(8, {_offer(host.vif_queues)})")
    if host.vif_split and any(d.kind == "vif" and d.split is None for d in devices):
        notes.append("vif channels: transmit and receive split, Linux netback's default")
    if any(d.kind == "vbd" and d.rings is None for d in devices):
        notes.append(f"vbd rings: Linux's default, min(4, {_offer(host.vbd_rings)})")
    if any(d.kind == "pci" and d.channels is None for d in devices):
        notes.append("pci: one interrupt vector a device, a guess; MSI-X devices use many")
    if any(not guest.max_event_channels for guest in fleet.guests):
        limit = host.default_max_event_channels
        notes.append(
            f"max_event_channels: {host.toolstack}'s default, "
            + ("no limit" if limit is None else f"highest port {limit}")
        )
    return tuple(notes)


def _offer(offered: int | None) -> str:
    """The two numbers, beside the drivers' own most, of which a default is the least."""
    backend = "dom0's VCPUs" if offered is None else f"the backend's {offered}"
    return f"{backend}, the guest's VCPUs"
