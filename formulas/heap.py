"""Xen-side objects: buckets of struct evtchn, groups of buckets, FIFO structures."""

from sympy import Integer, Piecewise, ceiling, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source
from evtplan.formulas.sources import SCHED_H

__all__ = ["FORMULAS"]

_p, _b, _c = v.HIGHEST_PORT.symbol, v.EVTCHNS_PER_BUCKET.symbol, v.VCPUS.symbol

_L, _A_max, _s = v.PRIORITY_LEVELS.symbol, v.MAX_ARRAY_PAGES.symbol, v.EVTCHN_BYTES.symbol
_FIFO_STRUCTS = Source("xen/common/event_fifo.c:24", "compiled sizes, 64-bit, not a debug build")

EVTCHNS_PER_BUCKET = Formula(
    name="heap.evtchns_per_bucket",
    result=v.EVTCHNS_PER_BUCKET,
    inputs=(v.EVTCHN_BYTES,),
    expression=Piecewise(
        *((Integer(4096 // power), _s <= power) for power in (2**k for k in range(12))),
        (Integer(1), True),
    ),
    kind=Kind.EXACT,
    meaning="struct evtchn in a page when each takes the next power of two of bytes.",
    source=SCHED_H,
    certainty=Certainty.CODE,
    examples=(
        Example({"evtchn_bytes": 16}, 256, "as committed in October 2013, without XSM"),
        Example({"evtchn_bytes": 24}, 128, "Xen 4.3; with XSM in October 2013"),
        Example({"evtchn_bytes": 32}, 128, "Xen 4.4 and 4.5"),
        Example({"evtchn_bytes": 40}, 64, "Xen 4.4 with FLASK"),
        Example({"evtchn_bytes": 64}, 64, "Xen 4.6 and later"),
    ),
)

BUCKETS = Formula(
    name="heap.buckets",
    result=v.BUCKETS,
    inputs=(v.HIGHEST_PORT, v.EVTCHNS_PER_BUCKET),
    expression=floor(_p / _b) + 1,
    kind=Kind.EXACT,
    meaning="Pages of struct evtchn up to the one of the highest port.",
    source=SCHED_H,
    certainty=Certainty.CODE,
    derived_from=("heap.evtchns_per_bucket",),
    examples=(
        Example({"highest_port": 1023, "evtchns_per_bucket": 64}, 16),
        Example({"highest_port": 4095, "evtchns_per_bucket": 128}, 32, "Xen 4.3, every port"),
    ),
)

EVTCHNS_PER_GROUP = Formula(
    name="heap.evtchns_per_group",
    result=v.EVTCHNS_PER_GROUP,
    inputs=(v.EVTCHNS_PER_BUCKET,),
    expression=512 * _b,
    kind=Kind.EXACT,
    meaning="struct evtchn that one group reaches: a page of 512 pointers, each to a bucket.",
    source=SCHED_H,
    certainty=Certainty.CODE,
    assumptions=("a 64-bit hypervisor: pointers of 8 bytes",),
    derived_from=("heap.evtchns_per_bucket",),
    examples=(
        Example({"evtchns_per_bucket": 64}, 32768, "Xen 4.6 and later"),
        Example({"evtchns_per_bucket": 256}, 131072, "October 2013: one group is enough"),
    ),
)

GROUP_PAGES = Formula(
    name="heap.group_pages",
    result=v.GROUP_PAGES,
    inputs=(v.HIGHEST_PORT, v.EVTCHNS_PER_BUCKET),
    expression=Piecewise((Integer(0), _p < _b), (floor(_p / (512 * _b)) + 1, True)),
    kind=Kind.EXACT,
    meaning="Pages of 512 bucket pointers; none while one bucket is enough.",
    source=SCHED_H,
    certainty=Certainty.CODE,
    assumptions=("Xen 4.4 or later", "a 64-bit hypervisor"),
    derived_from=("heap.buckets", "heap.evtchns_per_group"),
    examples=(
        Example({"highest_port": 63, "evtchns_per_bucket": 64}, 0),
        Example({"highest_port": 64, "evtchns_per_bucket": 64}, 1),
        Example({"highest_port": 131071, "evtchns_per_bucket": 64}, 4),
    ),
)

MAX_BUCKETS = Formula(
    name="heap.max_buckets",
    result=v.MAX_BUCKETS,
    inputs=(v.CHANNELS, v.EVTCHNS_PER_BUCKET),
    expression=ceiling(v.CHANNELS.symbol / _b),
    kind=Kind.EXACT,
    meaning="Buckets that hold every port of the ABI; before groups, so many pointers.",
    source=SCHED_H,
    certainty=Certainty.CODE,
    derived_from=("heap.evtchns_per_bucket",),
    examples=(
        Example({"channels": 4096, "evtchns_per_bucket": 128}, 32, "Xen 4.3"),
        Example({"channels": 131072, "evtchns_per_bucket": 64}, 2048, "Xen 4.6 and later"),
    ),
)

MAX_GROUPS = Formula(
    name="heap.max_groups",
    result=v.MAX_GROUPS,
    inputs=(v.CHANNELS, v.EVTCHNS_PER_BUCKET),
    expression=ceiling(v.CHANNELS.symbol / (512 * _b)),
    kind=Kind.EXACT,
    meaning="NR_EVTCHN_GROUPS: groups that hold every port of the ABI.",
    source=SCHED_H,
    certainty=Certainty.CODE,
    derived_from=("heap.evtchns_per_group",),
    examples=(
        Example({"channels": 131072, "evtchns_per_bucket": 256}, 1, "ea963e094a"),
        Example({"channels": 131072, "evtchns_per_bucket": 128}, 2, "ea963e094a, with XSM"),
        Example({"channels": 131072, "evtchns_per_bucket": 64}, 4, "Xen 4.6 and later"),
    ),
)

STRUCT_BYTES_SAVED = Formula(
    name="heap.struct_bytes_saved",
    result=v.STRUCT_BYTES_SAVED,
    inputs=(v.MAX_BUCKETS, v.MAX_GROUPS),
    expression=8 * (v.MAX_BUCKETS.symbol - 1 - v.MAX_GROUPS.symbol),
    kind=Kind.LOWER_BOUND,
    meaning="Bytes by which struct domain shrank when bucket pointers gave way to one and the "
    "group pointers.",
    source=Source("Xen commit ea963e094a (2013-10)", "shrinks by at least 232 bytes"),
    certainty=Certainty.STATED,
    derived_from=("heap.max_buckets", "heap.max_groups"),
    examples=(Example({"max_buckets": 32, "max_groups": 2}, 232, "ea963e094a", Certainty.STATED),),
)

XENHEAP_PAGES = Formula(
    name="heap.xenheap_pages",
    result=v.XENHEAP_PAGES,
    inputs=(v.HIGHEST_PORT, v.EVTCHNS_PER_BUCKET),
    expression=BUCKETS.expression + GROUP_PAGES.expression,
    kind=Kind.EXACT,
    meaning="Buckets, and pages of 512 bucket pointers once there is more than one bucket.",
    source=SCHED_H,
    derived_from=("heap.buckets", "heap.group_pages"),
    assumptions=("Xen 4.4 or later", "a 64-bit hypervisor"),
    examples=(
        Example(
            {"highest_port": 1023, "evtchns_per_bucket": 256},
            5,
            "at most 5 xenheap pages for the default of 1023 (a77eb86f44)",
            Certainty.STATED,
        ),
        Example({"highest_port": 1023, "evtchns_per_bucket": 128}, 9, "Xen 4.4 and 4.5"),
        Example({"highest_port": 1023, "evtchns_per_bucket": 64}, 17, "Xen 4.6 and later"),
        Example({"highest_port": 131071, "evtchns_per_bucket": 64}, 2052, "every port"),
        Example({"highest_port": 63, "evtchns_per_bucket": 64}, 1),
    ),
)

FIFO_VCPU_BYTES = Formula(
    name="heap.fifo_vcpu_bytes",
    result=v.FIFO_VCPU_BYTES,
    inputs=(v.VCPUS, v.PRIORITY_LEVELS),
    expression=_c * (8 + 24 * _L),
    kind=Kind.EXACT,
    meaning="Bytes of struct evtchn_fifo_vcpu, one for each VCPU: a pointer, and a queue of 24 "
    "bytes for each priority.",
    source=_FIFO_STRUCTS,
    examples=(Example({"vcpus": 1, "priority_levels": 16}, 392),),
)

FIFO_DOMAIN_BYTES = Formula(
    name="heap.fifo_domain_bytes",
    result=v.FIFO_DOMAIN_BYTES,
    inputs=(v.MAX_ARRAY_PAGES,),
    expression=8 * _A_max + 8,
    kind=Kind.EXACT,
    meaning="Bytes of struct evtchn_fifo_domain: a pointer for each array page, and their number.",
    source=_FIFO_STRUCTS,
    examples=(Example({"max_array_pages": 128}, 1032),),
)

FIFO_STRUCT_BYTES = Formula(
    name="heap.fifo_struct_bytes",
    result=v.FIFO_STRUCT_BYTES,
    inputs=(v.VCPUS,),
    expression=FIFO_DOMAIN_BYTES.expression.subs(_A_max, 128)
    + FIFO_VCPU_BYTES.expression.subs(_L, 16),
    kind=Kind.EXACT,
    meaning="Bytes of struct evtchn_fifo_domain and of one struct evtchn_fifo_vcpu a VCPU.",
    source=_FIFO_STRUCTS,
    derived_from=("heap.fifo_domain_bytes", "heap.fifo_vcpu_bytes"),
    assumptions=("allocated for all VCPUs at once, when the first control block is registered",),
    examples=(Example({"vcpus": 1}, 1424), Example({"vcpus": 4}, 2600)),
)

XENHEAP_BYTES = Formula(
    name="heap.xenheap_bytes",
    result=v.XENHEAP_BYTES,
    inputs=(v.HIGHEST_PORT, v.EVTCHNS_PER_BUCKET, v.VCPUS),
    expression=4096 * XENHEAP_PAGES.expression + FIFO_STRUCT_BYTES.expression,
    kind=Kind.EXACT,
    meaning="Xen heap bytes of one FIFO domain: its struct evtchn and its FIFO structures.",
    source=SCHED_H,
    derived_from=("heap.xenheap_pages", "heap.fifo_struct_bytes"),
    assumptions=XENHEAP_PAGES.assumptions,
    examples=(
        Example({"highest_port": 63, "evtchns_per_bucket": 64, "vcpus": 1}, 5520),
        Example({"highest_port": 131071, "evtchns_per_bucket": 64, "vcpus": 4}, 8407592),
    ),
)

FORMULAS = (
    EVTCHNS_PER_BUCKET,
    BUCKETS,
    EVTCHNS_PER_GROUP,
    GROUP_PAGES,
    MAX_BUCKETS,
    MAX_GROUPS,
    STRUCT_BYTES_SAVED,
    XENHEAP_PAGES,
    FIFO_VCPU_BYTES,
    FIFO_DOMAIN_BYTES,
    FIFO_STRUCT_BYTES,
    XENHEAP_BYTES,
)
