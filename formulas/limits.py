"""Limits that stand beside ports and event arrays: mappings, domain IDs, VCPUs, Linux's own."""

from sympy import Integer, Max, Min, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas import vocabulary_guests as g
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

OTHER_MAPPINGS = Formula(
    name="limits.other_mappings",
    result=g.OTHER_MAPPINGS,
    inputs=(v.VCPUS, g.VCPU_AREAS, g.HVM_GUEST, g.IOREQ_PAGES),
    expression=v.VCPUS.symbol * (g.VCPU_AREAS.symbol + g.HVM_GUEST.symbol) + g.IOREQ_PAGES.symbol,
    kind=Kind.LOWER_BOUND,
    meaning="What a domain takes of the same space beside its event state: registered vcpu_info "
    "and runstate areas, a virtual APIC page for each VCPU of an HVM guest, ioreq pages.",
    source=Source("xen/common/domain.c:1885, ioreq.c:294; xen/arch/x86/hvm/vlapic.c:1699"),
    certainty=Certainty.CODE,
    assumptions=("virtual PMUs, Viridian enlightenments and argo map more",),
    examples=(
        Example({"vcpus": 4, "vcpu_areas": 1, "hvm_guest": 0, "ioreq_pages": 0}, 4),
        Example({"vcpus": 4, "vcpu_areas": 2, "hvm_guest": 1, "ioreq_pages": 2}, 14),
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

REGISTERED_VCPUS = Formula(
    name="limits.registered_vcpus",
    result=g.REGISTERED_VCPUS,
    inputs=(v.VCPUS, g.LEGACY_VCPUS),
    expression=Max(Integer(0), v.VCPUS.symbol - g.LEGACY_VCPUS.symbol),
    kind=Kind.LOWER_BOUND,
    meaning="VCPUs without a place in shared_info: each must register a vcpu_info, which Xen maps.",
    source=Source("xen/include/public/arch-x86/xen.h:98", "XEN_LEGACY_MAX_VCPUS"),
    certainty=Certainty.CODE,
    assumptions=("a guest may register the others as well",),
    examples=(
        Example({"vcpus": 128, "legacy_vcpus": 32}, 96, "x86"),
        Example({"vcpus": 8, "legacy_vcpus": 1}, 7, "Arm"),
        Example({"vcpus": 4, "legacy_vcpus": 32}, 0),
    ),
)

ALLOWED_PORTS = Formula(
    name="limits.allowed_ports",
    result=v.USABLE_PORTS,
    inputs=(v.MAX_EVENT_CHANNELS, v.CHANNELS),
    expression=Min(v.MAX_EVENT_CHANNELS.symbol, v.CHANNELS.symbol - 1),
    kind=Kind.EXACT,
    meaning="Ports that a domain can bind: up to its max_event_channels, which is a port number, "
    "and to the last port of its ABI.",
    source=Source("xen/common/event_channel.c:202", "a port above either limit is refused"),
    certainty=Certainty.CODE,
    assumptions=("−1 is no limit: dom0's default, and that of every xenopsd guest",),
    derived_from=("fifo.usable_ports",),
    examples=(
        Example({"max_event_channels": 1023, "channels": 131072}, 1023, "libxl's default"),
        Example({"max_event_channels": 8191, "channels": 4096}, 4095, "2-level, 64-bit"),
        Example({"max_event_channels": 131071, "channels": 131072}, 131071),
    ),
)

LINUX_IRQS = Formula(
    name="limits.linux_irqs",
    result=g.IRQS,
    inputs=(g.KERNEL_CPUS,),
    expression=8192 + 64 * g.KERNEL_CPUS.symbol,
    kind=Kind.UPPER_BOUND,
    meaning="Events that a Linux guest can bind, each to an interrupt number: for a kernel built "
    "for few CPUs fewer than FIFO has ports.",
    source=Source(
        "David Vrabel, Linux FIFO series, RFC v2 and v3, August and September 2013",
        "other factors limit the number of supported IRQs (IRQs is 8192 + 64 * NR_CPUS)",
    ),
    certainty=Certainty.STATED,
    assumptions=("Linux of 2013 on x86-64",),
    examples=(
        Example({"kernel_cpus": 8}, 8704),
        Example({"kernel_cpus": 512}, 40960),
        Example({"kernel_cpus": 1920}, 131072, "from here on FIFO's ports are the limit"),
    ),
)

LINUX_IRQ_ROW_PAGES = Formula(
    name="limits.linux_irq_row_pages",
    result=g.IRQ_ROW_PAGES,
    inputs=(v.HIGHEST_PORT, v.GUEST_PAGE_BYTES),
    expression=floor(4 * v.HIGHEST_PORT.symbol / v.GUEST_PAGE_BYTES.symbol) + 1,
    kind=Kind.UPPER_BOUND,
    meaning="Pages of evtchn_to_irq, Linux's table of 4 bytes a port: a row is a page, of 1024 "
    "ports with 4 KiB pages, and is allocated when a port in it is first bound.",
    source=Source("Linux 6.12 drivers/xen/events/events_base.c:179"),
    certainty=Certainty.CODE,
    assumptions=("a row in which no port is ever bound is not allocated",),
    examples=(
        Example({"highest_port": 1023, "guest_page_bytes": 4096}, 1),
        Example({"highest_port": 1024, "guest_page_bytes": 4096}, 2),
        Example({"highest_port": 131071, "guest_page_bytes": 4096}, 128, "every port of FIFO"),
        Example({"highest_port": 131071, "guest_page_bytes": 65536}, 8, "Arm64, 64 KiB pages"),
    ),
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
    derived_from=("two_level.vcpu_limit_ports", "limits.allowed_ports"),
    examples=(
        Example(
            {"usable_ports": 1023, "fixed_ports": 20, "per_vcpu_ports": 6},
            167,
            "under libxl's default max_event_channels",
        ),
        Example({"usable_ports": 131071, "fixed_ports": 2, "per_vcpu_ports": 6}, 21844),
    ),
)

FORMULAS = (
    MAPPING_PAGES,
    OTHER_MAPPINGS,
    VM_LIMIT_DOMIDS,
    ALLOWED_PORTS,
    PV_VCPU_LIMIT,
    VCPU_LIMIT_PORTS,
    REGISTERED_VCPUS,
    LINUX_IRQS,
    LINUX_IRQ_ROW_PAGES,
)
