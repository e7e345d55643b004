"""Formulas of one's own: `evtplan size … --formulas examples/formulas/racks.py`."""

from sympy import ceiling, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Example, Formula, Kind, Quantity, Source

RACKS = Quantity("racks", "K_r", "rack", "racks of hosts for the VMs planned")
HOSTS_PER_RACK = Quantity(
    "hosts_per_rack", "h_r", "host/rack", "hosts in one rack", least=1, usual=20
)
STATE_BYTES = Quantity("total_bytes", "M_T", "byte", "bytes of all event state")
_V = v.VMS.symbol

MEMORY_PER_VM = Formula(
    name="racks.state_bytes_per_vm",
    result=Quantity("state_bytes_per_vm", "M_V", "byte", "bytes of event state for each VM"),
    inputs=(STATE_BYTES, v.VMS),
    expression=ceiling(STATE_BYTES.symbol / _V),
    kind=Kind.EXACT,
    meaning="Bytes of event state for each VM, rounded up.",
    source=Source("our capacity handbook, page 12"),
    examples=(Example({"total_bytes": 8191, "vms": 2}, 4096),),
)

RACKS_NEEDED = Formula(
    name="racks.racks_needed",
    result=RACKS,
    inputs=(v.VMS, HOSTS_PER_RACK),
    expression=ceiling(_V / (100 * HOSTS_PER_RACK.symbol)),
    kind=Kind.ESTIMATE,
    meaning="Racks for the VMs planned when a host carries a hundred.",
    source=Source("our capacity handbook, page 13"),
    assumptions=("a host carries 100 VMs whatever the limit says",),
    examples=(Example({"vms": 2001, "hosts_per_rack": 20}, 2),),
)

PAGES_FOR_GROWTH = Formula(
    name="racks.pages_for_growth",
    result=v.TOTAL_ARRAY_PAGES,
    inputs=(v.VMS, v.EVENTS_PER_VM, v.WORDS_PER_PAGE),
    expression=_V * (floor(v.EVENTS_PER_VM.symbol / v.WORDS_PER_PAGE.symbol) + 2),
    kind=Kind.UPPER_BOUND,
    meaning="Array pages when every VM may grow by one page.",
    source=Source("our capacity handbook, page 14"),
    derived_from=("fifo.domu_array_pages",),
    examples=(Example({"vms": 1000, "events_per_vm": 64, "words_per_page": 1024}, 2000),),
)

FORMULAS = (MEMORY_PER_VM, RACKS_NEEDED, PAGES_FOR_GROWTH)
