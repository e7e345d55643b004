"""Channels per guest and per backend domain: queues, rings, VCPUs, emulators."""

from sympy import Integer, Min

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source

__all__ = ["FORMULAS"]

_c, _c0, _c_max = v.VCPUS.symbol, v.DOM0_VCPUS.symbol, v.POSSIBLE_VCPUS.symbol
_EVENTS_BASE = Source("Linux 6.12 arch/x86/xen/{smp,smp_pv,spinlock,time}.c")

VIF_QUEUES = Formula(
    name="channels.vif_queues",
    result=v.QUEUES,
    inputs=(v.DOM0_VCPUS, v.VCPUS),
    expression=Min(Integer(8), _c0, _c),
    kind=Kind.EXACT,
    meaning="Queues of a vif under the default of both Linux drivers: 8, or the CPUs online.",
    source=Source("Linux 6.12 xen-netfront.c:63,2288; xen-netback/netback.c:71,1757"),
    certainty=Certainty.CODE,
    assumptions=("neither side's max_queues is set",),
    examples=(
        Example({"dom0_vcpus": 8, "vcpus": 2}, 2),
        Example({"dom0_vcpus": 16, "vcpus": 32}, 8),
    ),
)

VIF_PORTS = Formula(
    name="channels.vif_ports",
    result=v.VIF_PORTS,
    inputs=(v.QUEUES, v.CHANNELS_PER_QUEUE, v.CONTROL_RINGS),
    expression=v.QUEUES.symbol * v.CHANNELS_PER_QUEUE.symbol + v.CONTROL_RINGS.symbol,
    kind=Kind.EXACT,
    meaning="Channels of one vif on each side: q·s, and one for a control ring.",
    source=Source("Linux 6.12 xen-netfront.c:1918; xen-netback/interface.c:749, xenbus.c:690"),
    certainty=Certainty.CODE,
    examples=(
        Example({"queues": 2, "channels_per_queue": 2, "control_rings": 0}, 4),
        Example({"queues": 1, "channels_per_queue": 1, "control_rings": 1}, 2),
    ),
)

VBD_RINGS = Formula(
    name="channels.vbd_rings",
    result=v.RINGS,
    inputs=(v.DOM0_VCPUS, v.VCPUS),
    expression=Min(Integer(4), _c0, _c),
    kind=Kind.EXACT,
    meaning="Rings of a vbd under the defaults: 4 in the frontend, or the CPUs online.",
    source=Source("Linux 6.12 xen-blkfront.c:143,1910,2593; xen-blkback/blkback.c:1541"),
    certainty=Certainty.CODE,
    assumptions=("the backend is Linux blkback; tapdisk and QEMU advertise their own number",),
    examples=(Example({"dom0_vcpus": 8, "vcpus": 2}, 2), Example({"dom0_vcpus": 8, "vcpus": 8}, 4)),
)

LOCAL_PORTS = Formula(
    name="channels.local_ports",
    result=v.LOCAL_PORTS,
    inputs=(v.PORTS_PER_VCPU, v.VCPUS),
    expression=v.PORTS_PER_VCPU.symbol * _c,
    kind=Kind.EXACT,
    meaning="A guest's own timer, IPIs and debug VIRQs, k for each VCPU.",
    source=_EVENTS_BASE,
    certainty=Certainty.CODE,
    examples=(Example({"ports_per_vcpu": 6, "vcpus": 2}, 12, "Linux PV under FIFO"),),
)

EMULATOR_PORTS = Formula(
    name="channels.emulator_ports",
    result=v.EMULATOR_PORTS,
    inputs=(v.IOREQ_SERVERS, v.POSSIBLE_VCPUS),
    expression=v.IOREQ_SERVERS.symbol * (_c_max + 1),
    kind=Kind.EXACT,
    meaning="Each ioreq server binds a channel for every possible VCPU and one for buffered I/O.",
    source=Source("xen/common/ioreq.c:375; QEMU hw/xen/xen-hvm-common.c xen_do_ioreq_register()"),
    certainty=Certainty.CODE,
    examples=(Example({"ioreq_servers": 1, "possible_vcpus": 4}, 5),),
)

DOM0_BASE_PORTS = Formula(
    name="channels.dom0_base_ports",
    result=v.BACKEND_BASE_PORTS,
    inputs=(v.PORTS_PER_VCPU, v.DOM0_VCPUS, v.VIRQS, v.PIRQS),
    expression=v.PORTS_PER_VCPU.symbol * _c0 + v.VIRQS.symbol + 2 + v.PIRQS.symbol,
    kind=Kind.ESTIMATE,
    meaning="Ports dom0 needs for itself: its VCPUs' own, global VIRQs, both ends of its xenstore "
    "channel, physical interrupts.",
    source=Source("Linux 6.12 hvc_xen.c, mcelog.c, pcpu.c, xenbus_probe.c:894"),
    assumptions=("dom0 is a Linux PV guest", "the number of physical interrupts is a guess"),
    examples=(Example({"ports_per_vcpu": 6, "dom0_vcpus": 8, "virqs": 4, "pirqs": 8}, 62),),
)

FORMULAS = (
    VIF_QUEUES,
    VIF_PORTS,
    VBD_RINGS,
    LOCAL_PORTS,
    EMULATOR_PORTS,
    DOM0_BASE_PORTS,
)
