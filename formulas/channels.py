"""Channels per guest and per backend domain: queues, rings, VCPUs, emulators."""

from sympy import Integer, Min

from evtplan.formulas import vocabulary as v
from evtplan.formulas import vocabulary_guests as g
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source

__all__ = ["FORMULAS"]

_c, _c0, _c_max = v.VCPUS.symbol, g.DOM0_VCPUS.symbol, g.POSSIBLE_VCPUS.symbol
_EVENTS_BASE = Source("Linux 6.12 arch/x86/xen/{smp,smp_pv,spinlock,time}.c")

_WEB = {
    "vifs": 1,
    "vif_ports": 4,
    "vbds": 1,
    "rings": 2,
    "other_ports": 0,
    "emulator_ports": 0,
}


def _k(**given: int) -> dict[str, int]:
    """Inputs of k: what is given, else a guest with PV spinlocks and nothing more."""
    flags = {"pv_guest": 0, "spinlock_kicker": 1, "two_level_guest": 0, "vpmu": 0}
    return {**flags, **given}


VIF_QUEUES_AGREED = Formula(
    name="channels.vif_queues_agreed",
    result=g.QUEUES,
    inputs=(g.BACKEND_QUEUES, g.FRONTEND_QUEUES),
    expression=Min(g.BACKEND_QUEUES.symbol, g.FRONTEND_QUEUES.symbol),
    kind=Kind.EXACT,
    meaning="Queues of a vif: the fewer of the backend's multi-queue-max-queues and the frontend's "
    "max_queues.",
    source=Source("Linux 6.12 xen-netfront.c:2288"),
    certainty=Certainty.CODE,
    examples=(Example({"backend_queues": 2, "frontend_queues": 8}, 2),),
)

VIF_QUEUES = Formula(
    name="channels.vif_queues",
    result=g.QUEUES,
    inputs=(g.DOM0_VCPUS, v.VCPUS),
    expression=Min(Integer(8), _c0, _c),
    kind=Kind.EXACT,
    meaning="Queues of a vif under the default of both Linux drivers: 8, or the CPUs online.",
    source=Source("Linux 6.12 xen-netfront.c:63,2288; xen-netback/netback.c:71,1757"),
    certainty=Certainty.CODE,
    assumptions=("neither side's max_queues is set",),
    derived_from=("channels.vif_queues_agreed",),
    examples=(
        Example({"dom0_vcpus": 8, "vcpus": 2}, 2),
        Example({"dom0_vcpus": 16, "vcpus": 32}, 8),
    ),
)

VIF_PORTS = Formula(
    name="channels.vif_ports",
    result=g.VIF_PORTS,
    inputs=(g.QUEUES, g.CHANNELS_PER_QUEUE, g.CONTROL_RINGS),
    expression=g.QUEUES.symbol * g.CHANNELS_PER_QUEUE.symbol + g.CONTROL_RINGS.symbol,
    kind=Kind.EXACT,
    meaning="Channels of one vif on each side: q·s, and one for a control ring.",
    source=Source("Linux 6.12 xen-netfront.c:1918; xen-netback/interface.c:749, xenbus.c:690"),
    certainty=Certainty.CODE,
    examples=(
        Example({"queues": 2, "channels_per_queue": 2, "control_rings": 0}, 4),
        Example({"queues": 1, "channels_per_queue": 1, "control_rings": 1}, 2),
    ),
)

VBD_RINGS_AGREED = Formula(
    name="channels.vbd_rings_agreed",
    result=g.RINGS,
    inputs=(g.BACKEND_RINGS, g.FRONTEND_RINGS),
    expression=Min(g.BACKEND_RINGS.symbol, g.FRONTEND_RINGS.symbol),
    kind=Kind.EXACT,
    meaning="Rings of a vbd: the fewer of those that backend and frontend are ready for.",
    source=Source("Linux 6.12 xen-blkfront.c:1910"),
    certainty=Certainty.CODE,
    examples=(Example({"backend_rings": 1, "frontend_rings": 4}, 1, "a backend of one ring"),),
)

VBD_RINGS = Formula(
    name="channels.vbd_rings",
    result=g.RINGS,
    inputs=(g.DOM0_VCPUS, v.VCPUS),
    expression=Min(Integer(4), _c0, _c),
    kind=Kind.EXACT,
    meaning="Rings of a vbd under the defaults: 4 in the frontend, or the CPUs online.",
    source=Source("Linux 6.12 xen-blkfront.c:143,1910,2593; xen-blkback/blkback.c:1541"),
    certainty=Certainty.CODE,
    assumptions=("the backend is Linux blkback; tapdisk and QEMU advertise their own number",),
    derived_from=("channels.vbd_rings_agreed",),
    examples=(Example({"dom0_vcpus": 8, "vcpus": 2}, 2), Example({"dom0_vcpus": 8, "vcpus": 8}, 4)),
)

LOCAL_PORTS = Formula(
    name="channels.local_ports",
    result=g.LOCAL_PORTS,
    inputs=(g.PORTS_PER_VCPU, v.VCPUS),
    expression=g.PORTS_PER_VCPU.symbol * _c,
    kind=Kind.EXACT,
    meaning="A guest's own timer, IPIs and debug VIRQs, k for each VCPU.",
    source=_EVENTS_BASE,
    certainty=Certainty.CODE,
    examples=(Example({"ports_per_vcpu": 6, "vcpus": 2}, 12, "Linux PV under FIFO"),),
)

EMULATOR_PORTS = Formula(
    name="channels.emulator_ports",
    result=g.EMULATOR_PORTS,
    inputs=(g.IOREQ_SERVERS, g.POSSIBLE_VCPUS),
    expression=g.IOREQ_SERVERS.symbol * (_c_max + 1),
    kind=Kind.EXACT,
    meaning="Each ioreq server binds a channel for every possible VCPU and one for buffered I/O.",
    source=Source("xen/common/ioreq.c:375; QEMU hw/xen/xen-hvm-common.c xen_do_ioreq_register()"),
    certainty=Certainty.CODE,
    examples=(Example({"ioreq_servers": 1, "possible_vcpus": 4}, 5),),
)

DOM0_BASE_PORTS = Formula(
    name="channels.dom0_base_ports",
    result=v.BACKEND_BASE_PORTS,
    inputs=(g.PORTS_PER_VCPU, g.DOM0_VCPUS, g.VIRQS, g.PIRQS),
    expression=g.PORTS_PER_VCPU.symbol * _c0 + g.VIRQS.symbol + 2 + g.PIRQS.symbol,
    kind=Kind.ESTIMATE,
    meaning="Ports dom0 needs for itself: its VCPUs' own, global VIRQs, both ends of its xenstore "
    "channel, physical interrupts.",
    source=Source("Linux 6.12 hvc_xen.c, mcelog.c, pcpu.c, xenbus_probe.c:894"),
    assumptions=("dom0 is a Linux PV guest", "the number of physical interrupts is a guess"),
    examples=(Example({"ports_per_vcpu": 6, "dom0_vcpus": 8, "virqs": 4, "pirqs": 8}, 62),),
)

PORTS_PER_VCPU = Formula(
    name="channels.ports_per_vcpu",
    result=g.PORTS_PER_VCPU,
    inputs=(g.PV_GUEST, g.POSSIBLE_VCPUS, g.SPINLOCK_KICKER, g.TWO_LEVEL_GUEST, g.VPMU),
    expression=4
    + g.PV_GUEST.symbol
    + Min(g.SPINLOCK_KICKER.symbol, _c_max - 1)
    + g.TWO_LEVEL_GUEST.symbol
    + g.PV_GUEST.symbol * g.VPMU.symbol,
    kind=Kind.EXACT,
    meaning="k of an x86 Linux guest: timer and 3 IPIs; irq_work for PV; the spinlock kicker with "
    "more than one possible VCPU; the debug VIRQ only without FIFO; a PMU's VIRQ for PV.",
    source=_EVENTS_BASE,
    certainty=Certainty.CODE,
    assumptions=(
        "Linux on x86 with the vector callback; a Linux guest on Arm binds none of these: k = 0",
        "an HVM guest without PV drivers has k = 0",
    ),
    examples=(
        Example(_k(pv_guest=1, possible_vcpus=4), 6, "PV, FIFO"),
        Example(_k(pv_guest=1, possible_vcpus=4, two_level_guest=1), 7, "PV, 2-level"),
        Example(_k(possible_vcpus=4), 5, "PVH and HVM, FIFO"),
        Example(_k(possible_vcpus=4, two_level_guest=1), 6, "PVH and HVM, 2-level"),
        Example(_k(pv_guest=1, possible_vcpus=1), 5, "one possible VCPU: no kicker"),
        Example(_k(pv_guest=1, possible_vcpus=4, vpmu=1), 7, "PV with a virtual PMU"),
    ),
)

OTHER_PORTS = Formula(
    name="channels.other_ports",
    result=g.OTHER_PORTS,
    inputs=(
        g.SINGLE_DEVICES,
        g.NINEPFS,
        g.CONNECTORS,
        g.STREAMS,
        g.PVCALLS,
        g.SOCKETS,
    ),
    expression=g.SINGLE_DEVICES.symbol
    + 2 * (g.NINEPFS.symbol + g.CONNECTORS.symbol + g.STREAMS.symbol)
    + g.PVCALLS.symbol
    + g.SOCKETS.symbol,
    kind=Kind.EXACT,
    meaning="Channels of the devices that are neither vif nor vbd: one each, but two for a 9pfs "
    "mount, a display connector and a sound stream, and one for every pvcalls socket.",
    source=Source(
        "Linux 6.12 xen-kbdfront.c:434, xen-fbfront.c:560, xen-tpmfront.c:262, "
        "xen-scsifront.c:804, xen-hcd.c:1131, trans_xen.c:22, pvcalls-front.c:437, "
        "xen_drm_front_evtchnl.c:223, xen_snd_front_evtchnl.c:291"
    ),
    certainty=Certainty.CODE,
    examples=(
        Example(
            {
                "single_devices": 2,
                "ninepfs": 1,
                "connectors": 1,
                "streams": 2,
                "pvcalls": 1,
                "sockets": 3,
            },
            14,
        ),
    ),
)

_PAIRED = (
    2
    + g.VIFS.symbol * g.VIF_PORTS.symbol
    + g.VBDS.symbol * g.RINGS.symbol
    + g.OTHER_PORTS.symbol
    + g.EMULATOR_PORTS.symbol
)
_PAIRED_INPUTS = (g.VIFS, g.VIF_PORTS, g.VBDS, g.RINGS, g.OTHER_PORTS, g.EMULATOR_PORTS)

DOMU_PORTS = Formula(
    name="channels.domu_ports",
    result=g.DOMU_PORTS,
    inputs=(*_PAIRED_INPUTS, g.PORTS_PER_VCPU, v.VCPUS, g.PIRQS),
    expression=_PAIRED + g.PORTS_PER_VCPU.symbol * _c + g.PIRQS.symbol,
    kind=Kind.EXACT,
    meaning="Ports of one guest: xenstore and console, its devices, its emulators, its VCPUs, its "
    "physical interrupts.",
    source=Source("libxl_dom.c:371", "xenstore and console for every guest type"),
    derived_from=(
        "channels.vif_ports",
        "channels.vbd_rings",
        "channels.other_ports",
        "channels.emulator_ports",
        "channels.local_ports",
    ),
    examples=(
        Example(
            {**_WEB, "ports_per_vcpu": 6, "vcpus": 2, "pirqs": 0}, 20, "2 VCPUs, PV, FIFO, 8 CPUs"
        ),
        Example({**_WEB, "ports_per_vcpu": 0, "vcpus": 2, "pirqs": 0}, 8, "the same on Arm: k = 0"),
        Example(
            {
                "vifs": 1,
                "vif_ports": 1,
                "vbds": 1,
                "rings": 1,
                "other_ports": 0,
                "emulator_ports": 0,
                "ports_per_vcpu": 6,
                "vcpus": 1,
                "pirqs": 5,
            },
            15,
            "a recorded guest showed 14 in /proc/interrupts, where the console does not appear",
        ),
    ),
)

BACKEND_PORTS_PER_VM = Formula(
    name="channels.backend_ports_per_vm",
    result=g.BACKEND_PORTS_PER_VM,
    inputs=_PAIRED_INPUTS,
    expression=_PAIRED,
    kind=Kind.EXACT,
    meaning="Ports in backend domains for one guest: the other end of every channel that has one.",
    source=Source("libxl_dom.c:371; xenstored/domain.c:954; xen/common/ioreq.c:375"),
    derived_from=DOMU_PORTS.derived_from[:-1],
    examples=(
        Example(
            {
                "vifs": 1,
                "vif_ports": 1,
                "vbds": 1,
                "rings": 1,
                "other_ports": 0,
                "emulator_ports": 0,
            },
            4,
            "a typical guest with one vif and one vbd consumes four (Wei Liu, 2013)",
            Certainty.STATED,
        ),
        Example(_WEB, 8, "a vif of 2 split queues, a vbd of 2 rings"),
        Example(
            {
                "vifs": 1,
                "vif_ports": 2,
                "vbds": 1,
                "rings": 1,
                "other_ports": 0,
                "emulator_ports": 5,
            },
            10,
            "HVM, 4 VCPUs, one QEMU, a vif with a control ring",
        ),
    ),
)

STUB_PORTS = Formula(
    name="channels.stub_ports",
    result=g.STUB_PORTS,
    inputs=(g.EMULATOR_PORTS, g.PORTS_PER_VCPU, v.VCPUS),
    expression=g.EMULATOR_PORTS.symbol + 2 + g.PORTS_PER_VCPU.symbol * _c,
    kind=Kind.ESTIMATE,
    meaning="Ports of a stub domain: the emulator ends of its guest, its own xenstore and console, "
    "and its own VCPUs'.",
    source=Source("xen/common/ioreq.c:375", "the emulator's domain holds the other ends"),
    certainty=Certainty.INFERRED,
    derived_from=("channels.emulator_ports", "channels.local_ports"),
    assumptions=("c and k are those of the stub domain", "its own devices are left out"),
    examples=(Example({"emulator_ports": 5, "ports_per_vcpu": 5, "vcpus": 1}, 12),),
)

XENSERVER_DOM0_PORTS = Formula(
    name="channels.xenserver_dom0_ports",
    result=g.BACKEND_PORTS_PER_VM,
    inputs=(g.VBDS, g.VIFS, g.HVM_PORTS_PER_VCPU, v.VCPUS, g.PV_CONSOLES),
    expression=g.VBDS.symbol
    + g.VIFS.symbol
    + 1
    + g.HVM_PORTS_PER_VCPU.symbol * _c
    + g.PV_CONSOLES.symbol,
    kind=Kind.ESTIMATE,
    meaning="Dom0 ports for one VM on XenServer 6.x: one a disk, one a vif, one for xenstore; one "
    "a VCPU for HVM (two from 6.2 on); one for a PV console.",
    source=Source("J. Davies, How did we increase VM density in XenServer 6.2, 2013"),
    certainty=Certainty.STATED,
    assumptions=("drivers of 2013: one ring and one queue a device",),
    examples=(
        Example(
            {"vbds": 3, "vifs": 1, "hvm_ports_per_vcpu": 1, "vcpus": 1, "pv_consoles": 0},
            6,
            "an HVM guest with 3 disks, 1 vif, 1 VCPU",
            Certainty.RECALLED,
        ),
        Example(
            {"vbds": 1, "vifs": 1, "hvm_ports_per_vcpu": 0, "vcpus": 1, "pv_consoles": 1},
            4,
            "at least four",
            Certainty.STATED,
        ),
    ),
)

FORMULAS = (
    PORTS_PER_VCPU,
    VIF_QUEUES_AGREED,
    VIF_QUEUES,
    VIF_PORTS,
    VBD_RINGS_AGREED,
    VBD_RINGS,
    LOCAL_PORTS,
    EMULATOR_PORTS,
    DOM0_BASE_PORTS,
    OTHER_PORTS,
    DOMU_PORTS,
    BACKEND_PORTS_PER_VM,
    STUB_PORTS,
    XENSERVER_DOM0_PORTS,
)
