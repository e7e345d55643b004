"""The 3-level proposal: one more level of selectors over a bitmap in pages of its own."""

from sympy import Integer, Max, ceiling, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Example, Formula, Kind
from evtplan.formulas.sources import THREE_LEVEL

__all__ = ["FORMULAS"]

_w, _c = v.WORD_BITS.symbol, v.VCPUS.symbol
_R, _B, _E_V = v.BACKEND_BASE_PORTS.symbol, v.BACKENDS.symbol, v.EVENTS_PER_VM.symbol

CHANNELS = Formula(
    name="three_level.channels",
    result=v.CHANNELS,
    inputs=(v.WORD_BITS,),
    expression=_w**3,
    kind=Kind.EXACT,
    meaning="Port numbers with one more level of selectors.",
    source=THREE_LEVEL,
    examples=(Example({"word_bits": 32}, 32768), Example({"word_bits": 64}, 262144)),
)

BITMAP_BYTES = Formula(
    name="three_level.bitmap_bytes",
    result=v.BITMAP_BYTES,
    inputs=(v.WORD_BITS,),
    expression=2 * ceiling(_w**3 / 8),
    kind=Kind.EXACT,
    meaning="Bytes of the pending and the mask bitmap, a bit a port in each.",
    source=THREE_LEVEL,
    derived_from=("three_level.channels",),
    examples=(
        Example({"word_bits": 32}, 8192, "4 KiB each"),
        Example({"word_bits": 64}, 65536, "32 KiB each"),
    ),
)

BITMAP_PAGES = Formula(
    name="three_level.bitmap_pages",
    result=v.ARRAY_PAGES,
    inputs=(v.WORD_BITS,),
    expression=2 * ceiling(_w**3 / 32768),
    kind=Kind.EXACT,
    meaning="Pages of the pending and the mask bitmap of one domain, 32768 bits a page.",
    source=THREE_LEVEL,
    derived_from=("three_level.channels",),
    examples=(Example({"word_bits": 32}, 2), Example({"word_bits": 64}, 16)),
)

SELECTOR_BYTES = Formula(
    name="three_level.selector_bytes",
    result=v.SELECTOR_BYTES,
    inputs=(v.WORD_BITS, v.VCPUS),
    expression=_c * ceiling(_w**2 / 8),
    kind=Kind.EXACT,
    meaning="Bytes of the second-level selectors: for each VCPU a bit for each word of the bitmap.",
    source=THREE_LEVEL,
    assumptions=("whether the prototype took a whole page for each VCPU was not found",),
    examples=(
        Example({"word_bits": 32, "vcpus": 1}, 128),
        Example({"word_bits": 64, "vcpus": 1}, 512),
        Example({"word_bits": 64, "vcpus": 8}, 4096, "8 VCPUs' fill a page"),
    ),
)

VM_LIMIT_PAGES = Formula(
    name="three_level.vm_limit_pages",
    result=v.VM_LIMIT,
    inputs=(v.PAGES, v.ARRAY_PAGES, v.BACKENDS),
    expression=Max(Integer(0), floor(v.PAGES.symbol / v.ARRAY_PAGES.symbol) - v.BACKENDS.symbol),
    kind=Kind.EXACT,
    meaning="VMs whose bitmap pages fit in P beside those of the backend domains.",
    source=THREE_LEVEL,
    derived_from=("three_level.bitmap_pages",),
    assumptions=(
        "every domain registers the extended ABI; the series' V5 let only dom0 do so, and then "
        "domUs take no pages",
        "selectors lie in no page of P",
    ),
    examples=(Example({"pages": 131072, "array_pages": 16, "backends": 1}, 8191),),
)

VM_LIMIT_BACKEND_PORTS = Formula(
    name="three_level.vm_limit_backend_ports",
    result=v.VM_LIMIT,
    inputs=(v.WORD_BITS, v.BACKEND_BASE_PORTS, v.EVENTS_PER_VM, v.BACKENDS),
    expression=_B * floor(Max(Integer(0), _w**3 - 1 - _R) / _E_V),
    kind=Kind.EXACT,
    meaning="VMs until the backend domains have no port left for another VM's other ends.",
    source=THREE_LEVEL,
    derived_from=("three_level.channels", "fifo.vm_limit_backend_ports"),
    assumptions=("all other ends of a VM lie in one backend", "every backend needs R ports"),
    examples=(
        Example(
            {"word_bits": 32, "backend_base_ports": 0, "events_per_vm": 4, "backends": 1}, 8191
        ),
        Example(
            {"word_bits": 64, "backend_base_ports": 0, "events_per_vm": 4, "backends": 1}, 65535
        ),
    ),
)

FORMULAS = (
    CHANNELS,
    BITMAP_BYTES,
    BITMAP_PAGES,
    SELECTOR_BYTES,
    VM_LIMIT_PAGES,
    VM_LIMIT_BACKEND_PORTS,
)
