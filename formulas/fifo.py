"""The final FIFO ABI: event array, control blocks, what fits."""

from sympy import Integer, Max, ceiling, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source
from evtplan.formulas.sources import EVENT_FIFO, LINUX_FIFO, PUBLIC_HEADER

__all__ = ["FORMULAS"]

_E_V, _E_P, _P = v.EVENTS_PER_VM.symbol, v.WORDS_PER_PAGE.symbol, v.PAGES.symbol
_V, _R, _C = v.VMS.symbol, v.BACKEND_BASE_PORTS.symbol, v.CONTROL_PAGES_PER_VM.symbol

CHANNELS = Formula(
    name="fifo.channels",
    result=v.CHANNELS,
    inputs=(v.LINK_BITS,),
    expression=2**v.LINK_BITS.symbol,
    kind=Kind.EXACT,
    meaning="Port numbers that the LINK field of an event word can hold.",
    source=PUBLIC_HEADER,
    certainty=Certainty.CODE,
    examples=(Example({"link_bits": 17}, 131072),),
)

WORDS_PER_PAGE = Formula(
    name="fifo.words_per_page",
    result=v.WORDS_PER_PAGE,
    inputs=(v.PAGE_BYTES,),
    expression=floor(v.PAGE_BYTES.symbol / 4),
    kind=Kind.EXACT,
    meaning="E_P: event words of 32 bits in a page of the event array.",
    source=EVENT_FIFO,
    certainty=Certainty.CODE,
    assumptions=("Xen's pages are 4 KiB, and Linux adds 4 KiB a call whatever its own pages are",),
    examples=(
        Example({"page_bytes": 4096}, 1024),
        Example({"page_bytes": 16384}, 4096, "if 16 KiB pages were added whole"),
        Example({"page_bytes": 65536}, 16384, "if 64 KiB pages were added whole"),
    ),
)

USABLE_PORTS = Formula(
    name="fifo.usable_ports",
    result=v.USABLE_PORTS,
    inputs=(v.CHANNELS,),
    expression=v.CHANNELS.symbol - 1,
    kind=Kind.EXACT,
    meaning="Ports a domain can bind: every port number but 0, which is never valid.",
    source=PUBLIC_HEADER,
    certainty=Certainty.CODE,
    examples=(Example({"channels": 131072}, 131071), Example({"channels": 1024}, 1023)),
)

EVENT_ARRAY_PAGES = Formula(
    name="fifo.event_array_pages",
    result=v.ARRAY_PAGES,
    inputs=(v.HIGHEST_PORT, v.WORDS_PER_PAGE),
    expression=floor(v.HIGHEST_PORT.symbol / _E_P) + 1,
    kind=Kind.EXACT,
    meaning="Whole pages of event words up to the word of the highest port.",
    source=EVENT_FIFO,
    certainty=Certainty.CODE,
    assumptions=("the array is grown no further than the highest port needs",),
    examples=(
        Example({"highest_port": 1023, "words_per_page": 1024}, 1),
        Example({"highest_port": 1024, "words_per_page": 1024}, 2, "port 0 takes a word"),
        Example({"highest_port": 131071, "words_per_page": 1024}, 128),
    ),
)

DOMU_ARRAY_PAGES = Formula(
    name="fifo.domu_array_pages",
    result=v.DOMU_ARRAY_PAGES,
    inputs=(v.VMS, v.EVENTS_PER_VM, v.WORDS_PER_PAGE),
    expression=_V * (floor(_E_V / _E_P) + 1),
    kind=Kind.EXACT,
    meaning="Event array pages of V VMs with E_V ports each, numbered from 1.",
    source=EVENT_FIFO,
    derived_from=("fifo.event_array_pages",),
    examples=(Example({"vms": 1000, "events_per_vm": 64, "words_per_page": 1024}, 1000),),
)

BACKEND_ARRAY_PAGES = Formula(
    name="fifo.backend_array_pages",
    result=v.BACKEND_ARRAY_PAGES,
    inputs=(v.VMS, v.EVENTS_PER_VM, v.BACKEND_BASE_PORTS, v.WORDS_PER_PAGE),
    expression=floor((_R + _V * _E_V) / _E_P) + 1,
    kind=Kind.EXACT,
    meaning="Pages into which one backend domain packs the other ends, after its own ports.",
    source=EVENT_FIFO,
    derived_from=("fifo.event_array_pages",),
    assumptions=("one backend domain holds every other end", "its ports leave no gaps"),
    examples=(
        Example(
            {"vms": 1000, "events_per_vm": 64, "backend_base_ports": 0, "words_per_page": 1024}, 63
        ),
    ),
)

TOTAL_ARRAY_PAGES = Formula(
    name="fifo.total_array_pages",
    result=v.TOTAL_ARRAY_PAGES,
    inputs=(v.VMS, v.EVENTS_PER_VM, v.BACKEND_BASE_PORTS, v.WORDS_PER_PAGE),
    expression=DOMU_ARRAY_PAGES.expression + BACKEND_ARRAY_PAGES.expression,
    kind=Kind.EXACT,
    meaning="Event array pages of both sides.",
    source=EVENT_FIFO,
    derived_from=("fifo.domu_array_pages", "fifo.backend_array_pages"),
    assumptions=BACKEND_ARRAY_PAGES.assumptions,
    examples=(
        Example(
            {"vms": 1000, "events_per_vm": 64, "backend_base_ports": 0, "words_per_page": 1024},
            1063,
        ),
    ),
)

VM_LIMIT_PAGES = Formula(
    name="fifo.vm_limit_pages",
    result=v.VM_LIMIT,
    inputs=(
        v.PAGES,
        v.EVENTS_PER_VM,
        v.WORDS_PER_PAGE,
        v.BACKEND_BASE_PORTS,
        v.CONTROL_PAGES_PER_VM,
    ),
    expression=Max(
        Integer(0),
        floor((_E_P * _P - _R - 1) / (_E_V + _E_P * (floor(_E_V / _E_P) + 1 + _C))),
    ),
    kind=Kind.EXACT,
    meaning="The largest V whose whole pages fit in P: domU arrays, their control block pages, "
    "and the backend's packed array.",
    source=EVENT_FIFO,
    derived_from=("fifo.total_array_pages", "fifo.control_pages"),
    assumptions=(
        "one backend domain holds every other end",
        "V·(pages of a domU + C) + floor((R + V·E_V)/E_P) + 1 <= P, solved for whole V",
    ),
    examples=(
        Example(
            {
                "pages": 131072,
                "events_per_vm": 64,
                "words_per_page": 1024,
                "backend_base_ports": 0,
                "control_pages_per_vm": 0,
            },
            123361,
        ),
    ),
)

VM_LIMIT_BACKEND_PORTS = Formula(
    name="fifo.vm_limit_backend_ports",
    result=v.VM_LIMIT,
    inputs=(v.USABLE_PORTS, v.BACKEND_BASE_PORTS, v.EVENTS_PER_VM, v.BACKENDS),
    expression=v.BACKENDS.symbol * floor(Max(Integer(0), v.USABLE_PORTS.symbol - _R) / _E_V),
    kind=Kind.EXACT,
    meaning="VMs until the backend domains have no port left for another VM's other ends.",
    source=PUBLIC_HEADER,
    assumptions=("all other ends of a VM lie in one backend", "every backend needs R ports"),
    examples=(
        Example(
            {"usable_ports": 1023, "backend_base_ports": 100, "events_per_vm": 6, "backends": 1},
            153,
            "XenServer 6.1 supported 150 VMs (Citrix blog, 2015)",
            Certainty.STATED,
        ),
        Example(
            {"usable_ports": 4095, "backend_base_ports": 0, "events_per_vm": 4, "backends": 1},
            1023,
            "a 64-bit backend supports fewer than 1024 guests (Wei Liu, 2013)",
            Certainty.STATED,
        ),
    ),
)

CONTROL_BLOCK_BYTES = Formula(
    name="fifo.control_block_bytes",
    result=v.CONTROL_BLOCK_BYTES,
    inputs=(v.VCPUS,),
    expression=72 * v.VCPUS.symbol,
    kind=Kind.EXACT,
    meaning="Bytes of the control blocks: ready, a reserved word and 16 heads for each VCPU.",
    source=PUBLIC_HEADER,
    certainty=Certainty.CODE,
    examples=(Example({"vcpus": 4}, 288),),
)

CONTROL_PAGES = Formula(
    name="fifo.control_pages",
    result=v.CONTROL_PAGES_PER_VM,
    inputs=(v.VCPUS,),
    expression=v.VCPUS.symbol,
    kind=Kind.EXACT,
    meaning="Pages that Linux gives to control blocks, and that Xen maps: one for each VCPU.",
    source=LINUX_FIFO,
    certainty=Certainty.CODE,
    examples=(Example({"vcpus": 4}, 4),),
)

PACKED_CONTROL_PAGES = Formula(
    name="fifo.packed_control_pages",
    result=v.PACKED_CONTROL_PAGES,
    inputs=(v.VCPUS,),
    expression=ceiling(v.VCPUS.symbol / Integer(4096 // 72)),
    kind=Kind.LOWER_BOUND,
    meaning="Guest pages that control blocks need: the ABI lets 56 of 72 bytes share one, where "
    "Linux gives each a page. Xen maps the page anew for every VCPU all the same.",
    source=Source(
        "xen/common/event_fifo.c:483,590", "a block is 8-byte aligned and crosses no page"
    ),
    derived_from=("fifo.control_block_bytes",),
    examples=(
        Example({"vcpus": 4}, 1, "instead of Linux's 4"),
        Example({"vcpus": 56}, 1),
        Example({"vcpus": 57}, 2),
    ),
)

DOMAIN_PAGES = Formula(
    name="fifo.domain_pages",
    result=v.DOMAIN_PAGES,
    inputs=(v.HIGHEST_PORT, v.VCPUS, v.WORDS_PER_PAGE),
    expression=EVENT_ARRAY_PAGES.expression + CONTROL_PAGES.expression,
    kind=Kind.EXACT,
    meaning="Pages of one domain: its event array, and a control block page for each VCPU. Xen "
    "maps each of them.",
    source=LINUX_FIFO,
    certainty=Certainty.CODE,
    derived_from=("fifo.event_array_pages", "fifo.control_pages"),
    examples=(
        Example(
            {"highest_port": 64, "vcpus": 4, "words_per_page": 1024},
            5,
            "where draft A promised one additional page a domU",
        ),
    ),
)

GUEST_BYTES = Formula(
    name="fifo.guest_bytes",
    result=v.GUEST_BYTES,
    inputs=(v.HIGHEST_PORT, v.VCPUS, v.WORDS_PER_PAGE, v.GUEST_PAGE_BYTES),
    expression=v.GUEST_PAGE_BYTES.symbol * DOMAIN_PAGES.expression,
    kind=Kind.EXACT,
    meaning="Guest memory of one domain's event state: Linux gives a page of its own size to each "
    "array page and each control block.",
    source=Source("Linux 6.12 drivers/xen/events/events_fifo.c:57,158,380"),
    derived_from=("fifo.domain_pages",),
    examples=(
        Example(
            {
                "highest_port": 64,
                "vcpus": 4,
                "words_per_page": 1024,
                "guest_page_bytes": 4096,
            },
            20480,
        ),
        Example(
            {
                "highest_port": 64,
                "vcpus": 4,
                "words_per_page": 1024,
                "guest_page_bytes": 16384,
            },
            81920,
            "Arm64 with 16 KiB pages",
        ),
        Example(
            {
                "highest_port": 64,
                "vcpus": 4,
                "words_per_page": 1024,
                "guest_page_bytes": 65536,
            },
            327680,
            "Arm64 with 64 KiB pages",
        ),
    ),
)

FORMULAS = (
    CHANNELS,
    WORDS_PER_PAGE,
    USABLE_PORTS,
    EVENT_ARRAY_PAGES,
    DOMU_ARRAY_PAGES,
    BACKEND_ARRAY_PAGES,
    TOTAL_ARRAY_PAGES,
    VM_LIMIT_PAGES,
    VM_LIMIT_BACKEND_PORTS,
    CONTROL_BLOCK_BYTES,
    CONTROL_PAGES,
    PACKED_CONTROL_PAGES,
    DOMAIN_PAGES,
    GUEST_BYTES,
)
