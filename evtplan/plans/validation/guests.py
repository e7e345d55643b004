"""Guests brought up as their kernels and backends do, hypercall by hypercall, and counted."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product

from evtplan.engine.host import DOMID_SELF, Domain, Host, Virq
from evtplan.plans.validation.core import Point, Scale, StatedError, Validator

__all__ = ["VALIDATORS"]

_PAIRS = "frontend and backend bind each channel: alloc_unbound, bind_interdomain"
_BROUGHT_UP = "a guest brought up with all its devices; ports in use are counted"
_NONE = StatedError("none: the same ports, one by one", lambda _: 0, lambda _: 0)


class _Machine:
    """A host with dom0 and one guest; channels are bound as drivers bind them."""

    def __init__(self, vcpus: int = 1, dom0_vcpus: int = 1) -> None:
        self.host = Host()
        self.dom0 = self.host.create(0, vcpus=dom0_vcpus, max_port=-1, privileged=True, pirqs=4096)
        self.guest = self.host.create(1, vcpus=vcpus, max_port=-1, pirqs=4096)

    def pair(self, count: int = 1) -> None:
        """`count` channels between the guest and dom0."""
        for _ in range(count):
            port = self.host.alloc_unbound(self.guest, DOMID_SELF, 0)
            _made(self.host.bind_interdomain(self.dom0, self.guest.domid, port))

    def negotiated(self, *limits: int) -> int:
        """Queues or rings: both sides add one as long as none of `limits` is reached."""
        agreed = 0
        while all(agreed < limit for limit in limits):
            self.pair()
            agreed += 1
        return agreed

    def device(self, parts: int, each: int, control: int = 0) -> None:
        """A device of `parts` queues or rings with `each` channels, and control rings."""
        for _ in range(parts):
            self.pair(each)
        self.pair(control)

    def emulator(self, servers: int, possible_vcpus: int) -> None:
        """ioreq servers: Xen opens a port for each possible VCPU, and one for buffered I/O."""
        for _ in range(servers):
            for vcpu in range(possible_vcpus):
                self.xen_port(vcpu)
            self.xen_port(0)

    def xen_port(self, vcpu: int) -> None:
        """A port of the guest's whose events go to Xen, and dom0's end of it."""
        port = self.host.bind_xen(self.guest, 0, vcpu)
        _made(self.host.bind_interdomain(self.dom0, self.guest.domid, port))

    def own(self, domain: Domain, vcpu: int, count: int) -> None:
        """`count` ports that a VCPU has for itself: its timer first, then IPIs."""
        for number in range(count):
            if number == 0:
                _made(self.host.bind_virq(domain, Virq.TIMER, vcpu))
            else:
                _made(self.host.bind_ipi(domain, vcpu))

    def pirqs(self, domain: Domain, count: int) -> None:
        """Physical interrupts bound one by one."""
        for pirq in range(count):
            _made(self.host.bind_pirq(domain, pirq))


def _made(port: int) -> None:
    if port <= 0:
        raise RuntimeError(f"a channel of the model guest was refused: {port}")


Points = Callable[[Scale], Iterator[Point]]


def _over(axes: Mapping[str, tuple[int, ...]], count: Callable[[Mapping[str, int]], int]) -> Points:
    """Every combination of `axes`, each counted by `count`."""

    def points(scale: Scale) -> Iterator[Point]:
        for values in product(*axes.values()):
            inputs = dict(zip(axes, values, strict=True))
            yield Point(inputs, count(inputs))

    return points


def _queues(at: Mapping[str, int]) -> int:
    return _Machine().negotiated(8, at["dom0_vcpus"], at["vcpus"])


def _rings(at: Mapping[str, int]) -> int:
    return _Machine().negotiated(4, at["dom0_vcpus"], at["vcpus"])


def _agreed(at: Mapping[str, int]) -> int:
    return _Machine().negotiated(*at.values())


def _vif(at: Mapping[str, int]) -> int:
    machine = _Machine()
    machine.device(at["queues"], at["channels_per_queue"], at["control_rings"])
    return machine.guest.ports.active


def _vcpus_own(at: Mapping[str, int]) -> int:
    machine = _Machine(at["vcpus"])
    for vcpu in range(at["vcpus"]):
        machine.own(machine.guest, vcpu, at["ports_per_vcpu"])
    return machine.guest.ports.active


def _linux_vcpu(at: Mapping[str, int]) -> int:
    """What Linux binds as it brings VCPU 0 up, kind by kind."""
    machine = _Machine(at["possible_vcpus"])
    host, guest = machine.host, machine.guest
    _made(host.bind_virq(guest, Virq.TIMER, 0))
    for _ in ("reschedule", "call function", "call function single"):
        _made(host.bind_ipi(guest, 0))
    if at["pv_guest"]:
        _made(host.bind_ipi(guest, 0))  # irq_work
    if at["spinlock_kicker"] and guest.vcpus > 1:
        _made(host.bind_ipi(guest, 0))
    if at["two_level_guest"]:
        _made(host.bind_virq(guest, Virq.DEBUG, 0))
    if at["pv_guest"] and at["vpmu"]:
        _made(host.bind_virq(guest, Virq.XENPMU, 0))
    return guest.ports.active


def _emulators(at: Mapping[str, int]) -> int:
    machine = _Machine(at["possible_vcpus"])
    machine.emulator(at["ioreq_servers"], at["possible_vcpus"])
    return machine.guest.ports.active


def _dom0(at: Mapping[str, int]) -> int:
    machine = _Machine(dom0_vcpus=at["dom0_vcpus"])
    host, dom0 = machine.host, machine.dom0
    for vcpu in range(at["dom0_vcpus"]):
        machine.own(dom0, vcpu, at["ports_per_vcpu"])
    for virq in (2, 3, 4, 8, 9, 10, 12, 16)[: at["virqs"]]:  # the global ones
        _made(host.bind_virq(dom0, virq, 0))
    port = host.alloc_unbound(dom0, DOMID_SELF, DOMID_SELF)
    _made(host.bind_interdomain(dom0, 0, port))  # xenstored runs in dom0 itself
    machine.pirqs(dom0, at["pirqs"])
    return dom0.ports.active


def _others(at: Mapping[str, int]) -> int:
    machine = _Machine()
    for _ in range(at["single_devices"]):
        machine.pair()
    for name in ("ninepfs", "connectors", "streams"):
        for _ in range(at[name]):
            machine.device(2, 1)
    for _ in range(at["pvcalls"]):
        machine.pair()
    for _ in range(at["sockets"]):
        machine.pair()
    return machine.guest.ports.active


def _whole(at: Mapping[str, int]) -> _Machine:
    machine = _Machine(at.get("vcpus", 1))
    machine.pair(2)  # xenstore and console
    for _ in range(at["vifs"]):
        machine.pair(at["vif_ports"])
    for _ in range(at["vbds"]):
        machine.pair(at["rings"])
    machine.pair(at["other_ports"])
    for _ in range(at["emulator_ports"]):
        machine.xen_port(0)
    for vcpu in range(at.get("vcpus", 0)):
        machine.own(machine.guest, vcpu, at["ports_per_vcpu"])
    machine.pirqs(machine.guest, at.get("pirqs", 0))
    return machine


def _stub(at: Mapping[str, int]) -> int:
    """The stub domain as the guest of a host: its own channels, and the emulator's ends."""
    machine = _Machine(at["vcpus"])
    machine.pair(2)
    for vcpu in range(at["vcpus"]):
        machine.own(machine.guest, vcpu, at["ports_per_vcpu"])
    served = machine.host.create(2, vcpus=1, max_port=-1)
    for _ in range(at["emulator_ports"]):
        port = machine.host.bind_xen(served, machine.guest.domid, 0)
        _made(machine.host.bind_interdomain(machine.guest, served.domid, port))
    return machine.guest.ports.active


def _xenserver(at: Mapping[str, int]) -> int:
    machine = _Machine(at["vcpus"])
    for _ in range(at["vbds"]):
        machine.pair()
    for _ in range(at["vifs"]):
        machine.pair()
    machine.pair()  # xenstore
    for _ in range(at["vcpus"]):
        for _ in range(at["hvm_ports_per_vcpu"]):
            machine.xen_port(0)
    machine.pair(at["pv_consoles"])
    return machine.dom0.ports.active


_CPUS = {"dom0_vcpus": (1, 2, 3, 4, 7, 8, 9, 64), "vcpus": (1, 2, 4, 5, 8, 9, 32)}
_FLAG = (0, 1)
_PARTS = (1, 2, 3, 4, 7, 8, 9, 64)
_PAIRED = {
    "vifs": (0, 1, 3), "vif_ports": (1, 4, 17), "vbds": (0, 1, 2), "rings": (1, 4),
    "other_ports": (0, 3), "emulator_ports": (0, 5),
}  # fmt: skip
_OWN = {"ports_per_vcpu": (0, 6), "vcpus": (1, 2, 8), "pirqs": (0, 5)}

VALIDATORS = (
    Validator(
        "channels.ports_per_vcpu",
        "Which ports does Linux bind for a VCPU?",
        "VIRQs and IPIs bound kind by kind",
        _over(
            {
                "pv_guest": _FLAG,
                "possible_vcpus": (1, 2, 8),
                "spinlock_kicker": _FLAG,
                "two_level_guest": _FLAG,
                "vpmu": _FLAG,
            },
            _linux_vcpu,
        ),
    ),
    Validator(
        "channels.vif_queues_agreed",
        "How many queues has a vif whose sides set their own limits?",
        "a queue is added while both sides are ready for one more",
        _over({"backend_queues": _PARTS, "frontend_queues": _PARTS}, _agreed),
    ),
    Validator(
        "channels.vif_queues",
        "How many queues do netfront and netback agree on?",
        "a queue is added while both sides have a CPU for it",
        _over(_CPUS, _queues),
    ),
    Validator(
        "channels.vif_ports",
        "How many channels has a vif?",
        _PAIRS,
        _over({"queues": (1, 2, 7, 8), "channels_per_queue": (1, 2), "control_rings": _FLAG}, _vif),
    ),
    Validator(
        "channels.vbd_rings_agreed",
        "How many rings has a vbd whose sides set their own limits?",
        "a ring is added while both sides are ready for one more",
        _over({"backend_rings": _PARTS, "frontend_rings": _PARTS}, _agreed),
    ),
    Validator(
        "channels.vbd_rings",
        "How many rings do blkfront and blkback agree on?",
        "a ring is added while both sides have a CPU for it",
        _over(_CPUS, _rings),
    ),
    Validator(
        "channels.local_ports",
        "How many ports have all VCPUs?",
        "each VCPU binds its timer and IPIs",
        _over({"ports_per_vcpu": (0, 1, 5, 6, 7), "vcpus": (1, 2, 31, 128)}, _vcpus_own),
    ),
    Validator(
        "channels.emulator_ports",
        "How many channels have a guest's ioreq servers?",
        "Xen opens a port for each possible VCPU and one for buffered I/O; the emulator binds them",
        _over({"ioreq_servers": (0, 1, 3), "possible_vcpus": (1, 2, 4, 128)}, _emulators),
    ),
    Validator(
        "channels.dom0_base_ports",
        "How many ports does dom0 need for itself?",
        "dom0 binds its VIRQs, IPIs, PIRQs and both ends of xenstore's channel",
        _over(
            {
                "ports_per_vcpu": (0, 5, 6),
                "dom0_vcpus": (1, 4, 16),
                "virqs": (0, 4, 8),
                "pirqs": (0, 8, 100),
            },
            _dom0,
        ),
        _NONE,
    ),
    Validator(
        "channels.other_ports",
        "How many channels have the other devices?",
        _PAIRS,
        _over(
            {
                "single_devices": (0, 2),
                "ninepfs": (0, 1, 3),
                "connectors": (0, 2),
                "streams": (0, 1),
                "pvcalls": (0, 1),
                "sockets": (0, 10),
            },
            _others,
        ),
    ),
    Validator(
        "channels.domu_ports",
        "How many ports has a guest?",
        _BROUGHT_UP,
        _over({**_PAIRED, **_OWN}, lambda at: _whole(at).guest.ports.active),
    ),
    Validator(
        "channels.backend_ports_per_vm",
        "How many ports does a guest take in dom0?",
        _BROUGHT_UP,
        _over(_PAIRED, lambda at: _whole(at).dom0.ports.active),
    ),
    Validator(
        "channels.stub_ports",
        "How many ports has a stub domain?",
        "a stub domain brought up, and the other ends of its guest's emulator",
        _over({"emulator_ports": (0, 5, 129), "ports_per_vcpu": (0, 5, 6), "vcpus": (1, 2)}, _stub),
        _NONE,
    ),
    Validator(
        "channels.xenserver_dom0_ports",
        "How many dom0 ports did a VM on XenServer 6 take?",
        "its devices of one channel each, bound one by one",
        _over(
            {
                "vbds": (0, 1, 3),
                "vifs": (0, 1, 7),
                "hvm_ports_per_vcpu": (0, 1, 2),
                "vcpus": (1, 4),
                "pv_consoles": _FLAG,
            },
            _xenserver,
        ),
        _NONE,
    ),
)
