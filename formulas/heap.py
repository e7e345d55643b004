"""Xen-side objects: buckets of struct evtchn, groups of buckets, FIFO structures."""

from sympy import Integer, Piecewise, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source
from evtplan.formulas.sources import SCHED_H

__all__ = ["FORMULAS"]

_p, _b, _c = v.HIGHEST_PORT.symbol, v.EVTCHNS_PER_BUCKET.symbol, v.VCPUS.symbol

BUCKETS = Formula(
    name="heap.buckets",
    result=v.BUCKETS,
    inputs=(v.HIGHEST_PORT, v.EVTCHNS_PER_BUCKET),
    expression=floor(_p / _b) + 1,
    kind=Kind.EXACT,
    meaning="Pages of struct evtchn up to the one of the highest port.",
    source=SCHED_H,
    certainty=Certainty.CODE,
    examples=(Example({"highest_port": 1023, "evtchns_per_bucket": 64}, 16),),
)

XENHEAP_PAGES = Formula(
    name="heap.xenheap_pages",
    result=v.XENHEAP_PAGES,
    inputs=(v.HIGHEST_PORT, v.EVTCHNS_PER_BUCKET),
    expression=BUCKETS.expression
    + Piecewise((Integer(0), _p < _b), (floor(_p / (512 * _b)) + 1, True)),
    kind=Kind.EXACT,
    meaning="Buckets, and pages of 512 bucket pointers once there is more than one bucket.",
    source=SCHED_H,
    derived_from=("heap.buckets",),
    assumptions=("Xen 4.4 or later", "a 64-bit hypervisor"),
    examples=(
        Example({"highest_port": 1023, "evtchns_per_bucket": 256}, 5, "a77eb86f44"),
        Example({"highest_port": 1023, "evtchns_per_bucket": 128}, 9, "Xen 4.4 and 4.5"),
        Example({"highest_port": 1023, "evtchns_per_bucket": 64}, 17, "Xen 4.6 and later"),
        Example({"highest_port": 131071, "evtchns_per_bucket": 64}, 2052, "every port"),
        Example({"highest_port": 63, "evtchns_per_bucket": 64}, 1),
    ),
)

FIFO_STRUCT_BYTES = Formula(
    name="heap.fifo_struct_bytes",
    result=v.XENHEAP_BYTES,
    inputs=(v.VCPUS,),
    expression=1032 + 392 * _c,
    kind=Kind.EXACT,
    meaning="Bytes of struct evtchn_fifo_domain and of one struct evtchn_fifo_vcpu a VCPU.",
    source=Source("xen/common/event_fifo.c", "compiled sizes, 64-bit, not a debug build"),
    examples=(Example({"vcpus": 1}, 1424),),
)

FORMULAS = (BUCKETS, XENHEAP_PAGES, FIFO_STRUCT_BYTES)
