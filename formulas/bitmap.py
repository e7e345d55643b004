"""The bitmap ABIs, 2-level and 3-level: channels, and the 3-level proposal's pages."""

from sympy import Integer, Max, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source
from evtplan.formulas.sources import PUBLIC_HEADER

__all__ = ["FORMULAS"]

_w = v.WORD_BITS.symbol
_PROPOSAL = Source("xen-devel, 3-level event channel ABI, RFC V1–V5, 2012-12 to 2013-03")

TWO_LEVEL_CHANNELS = Formula(
    name="two_level.channels",
    result=v.CHANNELS,
    inputs=(v.WORD_BITS,),
    expression=_w**2,
    kind=Kind.EXACT,
    meaning="Port numbers: a selector word with a bit for each word of the bitmap.",
    source=PUBLIC_HEADER,
    certainty=Certainty.CODE,
    examples=(Example({"word_bits": 32}, 1024), Example({"word_bits": 64}, 4096)),
)

THREE_LEVEL_CHANNELS = Formula(
    name="three_level.channels",
    result=v.CHANNELS,
    inputs=(v.WORD_BITS,),
    expression=_w**3,
    kind=Kind.EXACT,
    meaning="Port numbers with one more level of selectors.",
    source=_PROPOSAL,
    examples=(Example({"word_bits": 32}, 32768), Example({"word_bits": 64}, 262144)),
)

THREE_LEVEL_BITMAP_PAGES = Formula(
    name="three_level.bitmap_pages",
    result=v.ARRAY_PAGES,
    inputs=(v.WORD_BITS,),
    expression=2 * floor((_w**3 + 32767) / Integer(32768)),
    kind=Kind.EXACT,
    meaning="Pages of the pending and the mask bitmap of one domain, 32768 bits a page.",
    source=_PROPOSAL,
    examples=(Example({"word_bits": 32}, 2), Example({"word_bits": 64}, 16)),
)

THREE_LEVEL_VM_LIMIT_PAGES = Formula(
    name="three_level.vm_limit_pages",
    result=v.VM_LIMIT,
    inputs=(v.PAGES, v.ARRAY_PAGES, v.BACKENDS),
    expression=Max(Integer(0), floor(v.PAGES.symbol / v.ARRAY_PAGES.symbol) - v.BACKENDS.symbol),
    kind=Kind.EXACT,
    meaning="VMs whose bitmap pages fit in P beside those of the backend domains.",
    source=_PROPOSAL,
    assumptions=("every domain registers the extended ABI", "selectors lie in no page of P"),
    examples=(Example({"pages": 131072, "array_pages": 16, "backends": 1}, 8191),),
)

FORMULAS = (
    TWO_LEVEL_CHANNELS,
    THREE_LEVEL_CHANNELS,
    THREE_LEVEL_BITMAP_PAGES,
    THREE_LEVEL_VM_LIMIT_PAGES,
)
