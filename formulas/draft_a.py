"""Draft A's own reckoning of memory: an estimate, a bound, and a second method."""

from sympy import ceiling, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas import vocabulary_guests as g
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source
from evtplan.formulas.sources import DRAFT_A, RECALLED_DRAFT, THREAD

__all__ = ["FORMULAS"]

_E_V, _E_P, _P = v.EVENTS_PER_VM.symbol, v.WORDS_PER_PAGE.symbol, v.PAGES.symbol
_V, _R, _c = v.VMS.symbol, v.BACKEND_BASE_PORTS.symbol, v.VCPUS.symbol
_D, _E_D, _A_max = (
    v.DRIVER_DOMAINS.symbol,
    v.EVENTS_PER_DRIVER_DOMAIN.symbol,
    v.MAX_ARRAY_PAGES.symbol,
)
_PER_VCPU = Source(
    "xen-devel, David Vrabel to Keir Fraser, 5 February 2013 (51111BCA.3010207@citrix.com)",
    "per-VCPU event arrays were dropped before posting, to save memory; a hybrid was floated",
)

VM_LIMIT_ESTIMATE = Formula(
    name="draft_a.vm_limit_estimate",
    result=v.VM_LIMIT,
    inputs=(v.PAGES, v.EVENTS_PER_VM, v.WORDS_PER_PAGE),
    expression=floor(_P / (1 + _E_V / _E_P)),
    kind=Kind.ESTIMATE,
    meaning="V = P ÷ (1 + E_V/E_P): a page for each domU, and the fraction of a page that its "
    "other ends fill in dom0.",
    source=THREAD,
    certainty=Certainty.STATED,
    assumptions=(
        "a domU fits one page: E_V < E_P",
        "port 0, dom0's own ports and the unfilled rest of dom0's last page are left out",
        "dom0 never runs out of ports",
    ),
    examples=(
        Example(
            {"pages": 131072, "events_per_vm": 64, "words_per_page": 1024},
            123361,
            "the design's 123 × 10³",
            Certainty.RECALLED,
        ),
        Example({"pages": 131072, "events_per_vm": 1024, "words_per_page": 1024}, 65536, "P/2"),
        Example({"pages": 262144, "events_per_vm": 64, "words_per_page": 1024}, 246723, "all of P"),
    ),
    derived_from=("draft_a.total_array_pages_estimate",),
)

TOTAL_PAGES_BOUND = Formula(
    name="draft_a.total_array_pages_bound",
    result=v.TOTAL_ARRAY_PAGES_BOUND,
    inputs=(v.VMS,),
    expression=2 * _V,
    kind=Kind.UPPER_BOUND,
    meaning="Two pages for each VM: one of its own, at most one in dom0.",
    source=DRAFT_A,
    certainty=Certainty.STATED,
    assumptions=("E_V < E_P, since port 0 takes a word too", "dom0's own ports left out"),
    examples=(Example({"vms": 1000}, 2000),),
)

MAX_ARRAY_PAGES = Formula(
    name="draft_a.max_array_pages",
    result=v.MAX_ARRAY_PAGES,
    inputs=(v.CHANNELS, v.WORDS_PER_PAGE),
    expression=floor((v.CHANNELS.symbol - 1) / _E_P) + 1,
    kind=Kind.EXACT,
    meaning="Event array pages of a domain that uses every port.",
    source=DRAFT_A,
    examples=(Example({"channels": 131072, "words_per_page": 1024}, 128),),
)

VM_LIMIT_SECOND_METHOD = Formula(
    name="draft_a.vm_limit_second_method",
    result=v.VM_LIMIT,
    inputs=(v.PAGES, v.DRIVER_DOMAINS, v.MAX_ARRAY_PAGES),
    expression=_P - (v.MAX_ARRAY_PAGES.symbol + v.DRIVER_DOMAINS.symbol * v.MAX_ARRAY_PAGES.symbol),
    kind=Kind.ESTIMATE,
    meaning="V = P − (128 + D·128): what is left for domUs of one page each when dom0 and D "
    "driver domains have arrays of maximum size. Negative when nothing is left.",
    source=RECALLED_DRAFT,
    certainty=Certainty.RECALLED,
    assumptions=("a domU fits one page: E_V < E_P",),
    examples=(
        Example(
            {"pages": 131072, "driver_domains": 16, "max_array_pages": 128},
            128896,
            "the design's 129 × 10³",
            Certainty.RECALLED,
        ),
    ),
)

TOTAL_PAGES_ESTIMATE = Formula(
    name="draft_a.total_array_pages_estimate",
    result=v.TOTAL_ARRAY_PAGES,
    inputs=(v.VMS, v.EVENTS_PER_VM, v.WORDS_PER_PAGE),
    expression=ceiling(_V * (1 + _E_V / _E_P)),
    kind=Kind.ESTIMATE,
    meaning="Pages as the draft reckons them: one in each domU, and E_V/E_P of a page in dom0.",
    source=THREAD,
    certainty=Certainty.STATED,
    assumptions=VM_LIMIT_ESTIMATE.assumptions,
    derived_from=("fifo.total_array_pages",),
    examples=(
        Example({"vms": 10000, "events_per_vm": 64, "words_per_page": 1024}, 10625),
        Example({"vms": 1000, "events_per_vm": 64, "words_per_page": 1024}, 1063),
    ),
)

TOTAL_PAGES_LOWER_BOUND = Formula(
    name="draft_a.total_array_pages_lower_bound",
    result=v.TOTAL_ARRAY_PAGES_BOUND,
    inputs=(v.VMS,),
    expression=_V + 1,
    kind=Kind.LOWER_BOUND,
    meaning="A page for each domU and one in dom0, however few events there are: Xen maps whole "
    "pages.",
    source=THREAD,
    derived_from=("fifo.total_array_pages",),
    assumptions=("no two domains share a page",),
    examples=(Example({"vms": 1000}, 1001),),
)

TOTAL_PAGES_IF_PACKED = Formula(
    name="draft_a.total_array_pages_if_packed",
    result=v.TOTAL_ARRAY_PAGES,
    inputs=(v.VMS, v.EVENTS_PER_VM, v.BACKEND_BASE_PORTS, v.WORDS_PER_PAGE),
    expression=ceiling(_V * (_E_V + 1) / _E_P) + floor((_R + _V * _E_V) / _E_P) + 1,
    kind=Kind.LOWER_BOUND,
    meaning="Pages if domUs' words could be packed into shared pages as dom0's are.",
    source=THREAD,
    certainty=Certainty.INFERRED,
    derived_from=("fifo.backend_array_pages",),
    assumptions=(
        "hypothetical: a page shared by guests lets each read and write the other's events",
        "each domU needs E_V + 1 words: port 0 takes one",
    ),
    examples=(
        Example(
            {"vms": 1000, "events_per_vm": 64, "backend_base_ports": 0, "words_per_page": 1024},
            127,
            "against 1063 whole pages",
        ),
    ),
)

VM_LIMIT_DRIVER_DOMAINS = Formula(
    name="draft_a.vm_limit_driver_domains",
    result=v.VM_LIMIT,
    inputs=(
        v.PAGES,
        v.DRIVER_DOMAINS,
        v.EVENTS_PER_DRIVER_DOMAIN,
        v.MAX_ARRAY_PAGES,
        v.WORDS_PER_PAGE,
    ),
    expression=_P - _A_max - ceiling(_D * _E_D / _E_P),
    kind=Kind.ESTIMATE,
    meaning="V = P − (128 + D·E_D/E_P): the second method, for driver domains of E_D events. "
    "Negative when nothing is left.",
    source=RECALLED_DRAFT,
    certainty=Certainty.RECALLED,
    assumptions=("a domU fits one page: E_V < E_P", "dom0 has an array of maximum size"),
    examples=(
        Example(
            {
                "pages": 131072,
                "driver_domains": 16,
                "events_per_driver_domain": 131072,
                "max_array_pages": 128,
                "words_per_page": 1024,
            },
            128896,
        ),
    ),
)

PER_VCPU_ARRAY_BYTES = Formula(
    name="draft_a.per_vcpu_array_bytes",
    result=v.ARRAY_BYTES,
    inputs=(v.CHANNELS, v.VCPUS),
    expression=4 * v.CHANNELS.symbol * _c,
    kind=Kind.EXACT,
    meaning="Bytes of the dropped variant's arrays: 32 bits for each event on each VCPU.",
    source=Source(
        "xen-devel, Keir Fraser, February 2013", "greater space cost: 32 bits × events × VCPUs"
    ),
    certainty=Certainty.STATED,
    assumptions=("the variant with an event array for each VCPU; posted draft A has one a domain",),
    examples=(
        Example({"channels": 1024, "vcpus": 4}, 16384, "a page for each VCPU"),
        Example({"channels": 131072, "vcpus": 8}, 4194304),
    ),
)

PER_VCPU_ARRAY_PAGES = Formula(
    name="draft_a.per_vcpu_array_pages",
    result=v.DOMAIN_PAGES,
    inputs=(v.HIGHEST_PORT, v.VCPUS, v.WORDS_PER_PAGE),
    expression=_c * (floor(v.HIGHEST_PORT.symbol / _E_P) + 1),
    kind=Kind.EXACT,
    meaning="Whole pages of one domain in the dropped variant: an event array for each VCPU.",
    source=_PER_VCPU,
    derived_from=("fifo.event_array_pages",),
    examples=(Example({"highest_port": 64, "vcpus": 4, "words_per_page": 1024}, 4),),
)

VM_LIMIT_PER_VCPU = Formula(
    name="draft_a.vm_limit_per_vcpu",
    result=v.VM_LIMIT,
    inputs=(v.PAGES, v.VCPUS, g.DOM0_VCPUS, v.EVENTS_PER_VM, v.WORDS_PER_PAGE),
    expression=floor(_P / (v.VCPUS.symbol + g.DOM0_VCPUS.symbol * _E_V / _E_P)),
    kind=Kind.ESTIMATE,
    meaning="The draft's estimate for the dropped variant: an array for each VCPU on either side. "
    "With c = 1 it is the hybrid: only dom0 has per-VCPU arrays.",
    source=_PER_VCPU,
    certainty=Certainty.INFERRED,
    derived_from=("draft_a.vm_limit_estimate", "draft_a.per_vcpu_array_pages"),
    assumptions=VM_LIMIT_ESTIMATE.assumptions,
    examples=(
        Example(
            {
                "pages": 131072,
                "vcpus": 4,
                "dom0_vcpus": 8,
                "events_per_vm": 64,
                "words_per_page": 1024,
            },
            29127,
        ),
        Example(
            {
                "pages": 131072,
                "vcpus": 1,
                "dom0_vcpus": 1,
                "events_per_vm": 64,
                "words_per_page": 1024,
            },
            123361,
            "one VCPU everywhere: the posted draft",
        ),
    ),
)

CONTROL_BLOCK_BYTES = Formula(
    name="draft_a.control_block_bytes",
    result=v.CONTROL_BLOCK_BYTES,
    inputs=(v.PRIORITY_LEVELS, v.VCPUS),
    expression=v.PRIORITY_LEVELS.symbol * 2 * 4 * _c,
    kind=Kind.EXACT,
    meaning="Bytes of the control blocks: head and tail words for each priority level of each "
    "VCPU.",
    source=RECALLED_DRAFT,
    certainty=Certainty.RECALLED,
    examples=(Example({"priority_levels": 16, "vcpus": 1}, 128, "S = L × 2 × 4 = 128 bytes"),),
)

FORMULAS = (
    TOTAL_PAGES_ESTIMATE,
    VM_LIMIT_ESTIMATE,
    TOTAL_PAGES_BOUND,
    TOTAL_PAGES_LOWER_BOUND,
    TOTAL_PAGES_IF_PACKED,
    MAX_ARRAY_PAGES,
    VM_LIMIT_SECOND_METHOD,
    VM_LIMIT_DRIVER_DOMAINS,
    PER_VCPU_ARRAY_BYTES,
    PER_VCPU_ARRAY_PAGES,
    VM_LIMIT_PER_VCPU,
    CONTROL_BLOCK_BYTES,
)
