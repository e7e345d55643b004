"""Draft A's own reckoning of memory: an estimate, a bound, and a second method."""

from sympy import floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Certainty, Example, Formula, Kind
from evtplan.formulas.sources import DRAFT_A, RECALLED_DRAFT, THREAD

__all__ = ["FORMULAS"]

_E_V, _E_P, _P = v.EVENTS_PER_VM.symbol, v.WORDS_PER_PAGE.symbol, v.PAGES.symbol

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
        ),
        Example({"pages": 131072, "events_per_vm": 1024, "words_per_page": 1024}, 65536, "P/2"),
    ),
)

TOTAL_PAGES_BOUND = Formula(
    name="draft_a.total_array_pages_bound",
    result=v.TOTAL_ARRAY_PAGES_BOUND,
    inputs=(v.VMS,),
    expression=2 * v.VMS.symbol,
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
        ),
    ),
)

FORMULAS = (VM_LIMIT_ESTIMATE, TOTAL_PAGES_BOUND, MAX_ARRAY_PAGES, VM_LIMIT_SECOND_METHOD)
