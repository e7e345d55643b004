"""The 2-level ABI: a selector word and a bitmap, all of it in shared_info."""

from sympy import Integer, Max, ceiling, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source
from evtplan.formulas.sources import PUBLIC_HEADER, XEN_H

__all__ = ["FORMULAS"]

_w, _c = v.WORD_BITS.symbol, v.VCPUS.symbol
_R, _B, _E_V = v.BACKEND_BASE_PORTS.symbol, v.BACKENDS.symbol, v.EVENTS_PER_VM.symbol

CHANNELS = Formula(
    name="two_level.channels",
    result=v.CHANNELS,
    inputs=(v.WORD_BITS,),
    expression=_w**2,
    kind=Kind.EXACT,
    meaning="Port numbers: a selector word with a bit for each word of the bitmap.",
    source=PUBLIC_HEADER,
    certainty=Certainty.CODE,
    examples=(
        Example({"word_bits": 32}, 1024, "32-bit x86"),
        Example({"word_bits": 64}, 4096, "64-bit x86, Arm 32 and 64"),
    ),
)

BITMAP_BYTES = Formula(
    name="two_level.bitmap_bytes",
    result=v.BITMAP_BYTES,
    inputs=(v.WORD_BITS,),
    expression=2 * ceiling(_w**2 / 8),
    kind=Kind.EXACT,
    meaning="Bytes of the pending and the mask bitmap, a bit a port in each.",
    source=XEN_H,
    certainty=Certainty.CODE,
    assumptions=("they lie in shared_info, which every domain has: the ABI takes no page of P",),
    derived_from=("two_level.channels",),
    examples=(
        Example({"word_bits": 32}, 256, "2 × 128 bytes"),
        Example({"word_bits": 64}, 1024, "2 × 512 bytes"),
    ),
)

STATE_BYTES = Formula(
    name="two_level.state_bytes",
    result=v.STATE_BYTES,
    inputs=(v.WORD_BITS, v.VCPUS),
    expression=BITMAP_BYTES.expression + _c * ceiling(_w / 8),
    kind=Kind.EXACT,
    meaning="Bytes of both bitmaps and of one selector word in each VCPU's vcpu_info.",
    source=XEN_H,
    derived_from=("two_level.bitmap_bytes",),
    examples=(
        Example({"word_bits": 64, "vcpus": 4}, 1056),
        Example({"word_bits": 32, "vcpus": 32}, 384),
    ),
)

VM_LIMIT_PUBLISHED = Formula(
    name="two_level.vm_limit_published",
    result=v.VM_LIMIT,
    inputs=(v.WORD_BITS, v.EVENTS_PER_VM),
    expression=floor(_w**2 / _E_V),
    kind=Kind.UPPER_BOUND,
    meaning="VMs as published: all port numbers of dom0 divided by the channels of one VM.",
    source=Source(
        "Wei Liu, xen.org blog, 2013; George Dunlap, xen-devel, March 2013",
        "at most NR_EVENT_CHANNELS / 4 guests",
    ),
    certainty=Certainty.STATED,
    derived_from=("two_level.channels",),
    assumptions=("port 0 and dom0's own ports are left out",),
    examples=(
        Example(
            {"word_bits": 32, "events_per_vm": 4},
            256,
            "theoretical maximum of 256 guests on a 32-bit dom0 (Xen 4.4 release notes)",
            Certainty.STATED,
        ),
        Example(
            {"word_bits": 64, "events_per_vm": 4}, 1024, "fewer than 1024 guests", Certainty.STATED
        ),
    ),
)

VM_LIMIT_BACKEND_PORTS = Formula(
    name="two_level.vm_limit_backend_ports",
    result=v.VM_LIMIT,
    inputs=(v.WORD_BITS, v.BACKEND_BASE_PORTS, v.EVENTS_PER_VM, v.BACKENDS),
    expression=_B * floor(Max(Integer(0), _w**2 - 1 - _R) / _E_V),
    kind=Kind.EXACT,
    meaning="VMs until the backend domains have no port left for another VM's other ends.",
    source=PUBLIC_HEADER,
    derived_from=("two_level.channels", "fifo.vm_limit_backend_ports"),
    assumptions=("all other ends of a VM lie in one backend", "every backend needs R ports"),
    examples=(
        Example(
            {"word_bits": 32, "backend_base_ports": 100, "events_per_vm": 6, "backends": 1},
            153,
            "XenServer 6.1 supported 150 VMs (Citrix blog, 2015)",
            Certainty.STATED,
        ),
        Example(
            {"word_bits": 64, "backend_base_ports": 100, "events_per_vm": 6, "backends": 1},
            665,
            "XenServer 6.2 and 6.5 supported 650 Linux VMs (J. Davies, 2013)",
            Certainty.STATED,
        ),
        Example(
            {"word_bits": 32, "backend_base_ports": 124, "events_per_vm": 5, "backends": 1},
            179,
            "in practice 180 or so (G. Dunlap, 2013), if a VM needs 5",
            Certainty.INFERRED,
        ),
    ),
)

VCPU_LIMIT = Formula(
    name="two_level.vcpu_limit",
    result=v.VCPU_LIMIT,
    inputs=(v.WORD_BITS, v.PER_VCPU_PORTS),
    expression=floor(_w**2 / v.PER_VCPU_PORTS.symbol),
    kind=Kind.UPPER_BOUND,
    meaning="VCPUs of a PV guest whose ports are all spent on its VCPUs.",
    source=Source(
        "wiki.xen.org, Xen 4.2 Limits",
        "each VCPU needs at least two event channels: the timer VIRQ and IPIs",
    ),
    certainty=Certainty.STATED,
    derived_from=("two_level.channels",),
    assumptions=("port 0 and every other channel of the guest are left out",),
    examples=(
        Example({"word_bits": 64, "per_vcpu_ports": 2}, 2048, "4096/2 (Xen 4.2)", Certainty.STATED),
    ),
)

VCPU_LIMIT_PORTS = Formula(
    name="two_level.vcpu_limit_ports",
    result=v.VCPU_LIMIT,
    inputs=(v.WORD_BITS, v.FIXED_PORTS, v.PER_VCPU_PORTS),
    expression=floor(Max(Integer(0), _w**2 - 1 - v.FIXED_PORTS.symbol) / v.PER_VCPU_PORTS.symbol),
    kind=Kind.EXACT,
    meaning="VCPUs until the guest's own ports run out, port 0 and F other ports set aside.",
    source=PUBLIC_HEADER,
    derived_from=("two_level.vcpu_limit",),
    examples=(
        Example({"word_bits": 64, "fixed_ports": 2, "per_vcpu_ports": 2}, 2046),
        Example({"word_bits": 64, "fixed_ports": 2, "per_vcpu_ports": 7}, 584, "Linux PV"),
    ),
)

FORMULAS = (
    CHANNELS,
    BITMAP_BYTES,
    STATE_BYTES,
    VM_LIMIT_PUBLISHED,
    VM_LIMIT_BACKEND_PORTS,
    VCPU_LIMIT,
    VCPU_LIMIT_PORTS,
)
