"""Limits that stand beside ports and event arrays: mappings, domain IDs, VCPUs."""

from sympy import Integer, Max, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source

__all__ = ["FORMULAS"]

_MIB_PAGES = 256  # pages of 4 KiB in a MiB

MAPPING_PAGES = Formula(
    name="limits.mapping_pages",
    result=v.PAGES,
    inputs=(v.MAPPING_MIB, v.GUARD_PAGES),
    expression=floor(_MIB_PAGES * v.MAPPING_MIB.symbol / (1 + v.GUARD_PAGES.symbol)),
    kind=Kind.UPPER_BOUND,
    meaning="P at most: global mappings of one 4 KiB page that the address space holds, each with "
    "its guard pages.",
    source=Source(
        "RELEASE-4.3.0 xen/include/asm-x86/config.h:227; xen/common/vmap.c:85; "
        "xen/arch/arm/include/asm/mmu/layout.h:99,134",
        "GLOBALMAP has no guard pages; every vmap leaves one",
    ),
    certainty=Certainty.CODE,
    assumptions=(
        "other users of the space (vcpu_info and runstate areas, ioreq pages, vlapic pages) and "
        "the vmap bitmap take their share",
        "release builds for x86-64 use the direct map for low memory and take no vmap at all",
    ),
    examples=(
        Example({"mapping_mib": 1024, "guard_pages": 0}, 262144, "x86-64, Xen 4.3: 1 GiB"),
        Example({"mapping_mib": 65536, "guard_pages": 1}, 8388608, "x86-64, 4.4 on: 64 GiB vmap"),
        Example({"mapping_mib": 1024, "guard_pages": 1}, 131072, "Arm64: 1 GiB vmap"),
        Example({"mapping_mib": 768, "guard_pages": 1}, 98304, "Arm32: 768 MiB vmap"),
    ),
)

VM_LIMIT_DOMIDS = Formula(
    name="limits.vm_limit_domids",
    result=v.VM_LIMIT,
    inputs=(v.DOMAIN_IDS, v.BACKENDS),
    expression=Max(Integer(0), v.DOMAIN_IDS.symbol - v.BACKENDS.symbol),
    kind=Kind.EXACT,
    meaning="VMs until domain IDs run out, dom0 and driver domains set aside.",
    source=Source("xen/include/public/xen.h:575", "DOMID_FIRST_RESERVED 0x7FF0"),
    certainty=Certainty.CODE,
    examples=(
        Example({"domain_ids": 32752, "backends": 1}, 32751, "dom0 has ID 0"),
        Example({"domain_ids": 32752, "backends": 16}, 32736),
    ),
)

PV_VCPU_LIMIT = Formula(
    name="limits.pv_vcpu_limit",
    result=v.VCPU_LIMIT,
    inputs=(v.VIRTUAL_MIB,),
    expression=floor(v.VIRTUAL_MIB.symbol * 2**20 / Integer(2**17)),
    kind=Kind.EXACT,
    meaning="MAX_VIRT_CPUS of an x86 PV guest: 128 KiB of Xen's address space for each VCPU's GDT "
    "and LDT.",
    source=Source("xen/arch/x86/include/asm/config.h:245", "GDT_LDT_MBYTES << (20 − 17)"),
    certainty=Certainty.CODE,
    assumptions=("HVM guests stop at 128 VCPUs, Arm64 at 128, Arm32 at 8, whatever this says",),
    examples=(Example({"virtual_mib": 1024}, 8192),),
)

VCPU_LIMIT_PORTS = Formula(
    name="limits.vcpu_limit_ports",
    result=v.VCPU_LIMIT,
    inputs=(v.USABLE_PORTS, v.FIXED_PORTS, v.PER_VCPU_PORTS),
    expression=floor(
        Max(Integer(0), v.USABLE_PORTS.symbol - v.FIXED_PORTS.symbol) / v.PER_VCPU_PORTS.symbol
    ),
    kind=Kind.EXACT,
    meaning="VCPUs until the ports that a guest may use run out, under any ABI or "
    "max_event_channels.",
    source=Source("xen/common/event_channel.c:202", "a port above the limit is refused, -ENOSPC"),
    derived_from=("two_level.vcpu_limit_ports",),
    examples=(
        Example(
            {"usable_ports": 1023, "fixed_ports": 20, "per_vcpu_ports": 6},
            167,
            "under libxl's default max_event_channels",
        ),
        Example({"usable_ports": 131071, "fixed_ports": 2, "per_vcpu_ports": 6}, 21844),
    ),
)

FORMULAS = (MAPPING_PAGES, VM_LIMIT_DOMIDS, PV_VCPU_LIMIT, VCPU_LIMIT_PORTS)
