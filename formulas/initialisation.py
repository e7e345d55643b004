"""Bringing a domain's event channels up, and what is left when a registration fails half way."""

from sympy import Integer, Max, Min, Piecewise, ceiling, floor

from evtplan.formulas import vocabulary as v
from evtplan.formulas import vocabulary_delivery as d
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source

__all__ = ["FORMULAS"]

_c, _b, _j = d.INIT_VCPUS.symbol, d.BATCH.symbol, d.FAILING_VCPU.symbol
_A, _h_f = v.ARRAY_PAGES.symbol, d.FAILING_CALL.symbol

_INIT = Source(
    "xen-devel, draft A and its review, February 2013",
    "EVTCHNOP_init initialises a single VCPU's structures, adding one page for the event array",
)
_BATCHED = Source("xen-devel, Wei Liu to David Vrabel, February 2013", "always done in a batch")
_UNDO = Source(
    "xen-devel, Wei Liu to David Vrabel, February 2013",
    "if not in a batch, another operation must roll back what was registered",
)
_OFFLINE = Source(
    "xen-devel, David Vrabel to Wei Liu, February 2013",
    "have the guest take the VCPU offline if it cannot initialize it fully",
)
_FINAL = Source(
    "xen/common/event_fifo.c:422,483,590", "init_control a VCPU, expand_array an array page"
)
_ONE_PAGE = "each VCPU's registration adds one array page and that VCPU's control structures"
_ATOMIC = "a call that fails leaves nothing of its own behind"

CALLS = Formula(
    name="initialisation.calls",
    result=d.INIT_CALLS,
    inputs=(d.INIT_VCPUS, d.BATCH),
    expression=ceiling(_c / _b),
    kind=Kind.EXACT,
    meaning="Registration calls that bring up c VCPUs, b in each: c VCPU by VCPU, 1 in one batch.",
    source=_INIT,
    examples=(
        Example({"init_vcpus": 8, "batch": 1}, 8, "VCPU by VCPU"),
        Example({"init_vcpus": 8, "batch": 8}, 1, "in a batch"),
        Example({"init_vcpus": 8, "batch": 3}, 3),
    ),
)

PAGES = Formula(
    name="initialisation.pages",
    result=d.INIT_PAGES,
    inputs=(d.INIT_VCPUS, v.MAX_ARRAY_PAGES),
    expression=Min(_c, v.MAX_ARRAY_PAGES.symbol),
    kind=Kind.EXACT,
    meaning="Array pages of a draft A domain once c VCPUs are up, batch or not: one a VCPU, until "
    "the array has its largest size.",
    source=_INIT,
    certainty=Certainty.INFERRED,
    assumptions=(_ONE_PAGE, "past the largest array a registration adds no page"),
    examples=(
        Example({"init_vcpus": 8, "max_array_pages": 128}, 8),
        Example({"init_vcpus": 200, "max_array_pages": 128}, 128),
    ),
)

CALLS_UNTIL_FAILURE = Formula(
    name="initialisation.calls_until_failure",
    result=d.INIT_CALLS,
    inputs=(d.FAILING_VCPU, d.BATCH),
    expression=ceiling(_j / _b),
    kind=Kind.EXACT,
    meaning="Calls made when the initialisation of VCPU j fails, the failing call counted.",
    source=_INIT,
    derived_from=("initialisation.calls",),
    examples=(
        Example({"failing_vcpu": 5, "batch": 1}, 5),
        Example({"failing_vcpu": 5, "batch": 8}, 1),
    ),
)

PAGES_LEFT = Formula(
    name="initialisation.pages_left",
    result=d.PAGES_LEFT,
    inputs=(d.FAILING_VCPU, d.BATCH),
    expression=_b * floor((_j - 1) / _b),
    kind=Kind.EXACT,
    meaning="Pages left behind when VCPU j fails and the guest does nothing: those of the calls "
    "before. VCPU by VCPU j − 1; none where one batch holds every VCPU.",
    source=_BATCHED,
    assumptions=(_ONE_PAGE, "a batch is undone as a whole by Xen"),
    examples=(
        Example({"failing_vcpu": 5, "batch": 1}, 4, "as draft A was posted"),
        Example({"failing_vcpu": 5, "batch": 8}, 0, "policy: batch"),
        Example({"failing_vcpu": 5, "batch": 3}, 3),
    ),
)

CALLS_ROLLED_BACK = Formula(
    name="initialisation.calls_rolled_back",
    result=d.INIT_CALLS,
    inputs=(d.FAILING_VCPU, d.BATCH),
    expression=ceiling(_j / _b) + floor((_j - 1) / _b),
    kind=Kind.EXACT,
    meaning="Calls made when VCPU j fails and each registration before it is rolled back by one "
    "call more.",
    source=_UNDO,
    derived_from=("initialisation.calls_until_failure",),
    assumptions=("an operation that undoes one registration exists; draft A has none",),
    examples=(
        Example({"failing_vcpu": 5, "batch": 1}, 9, "5 calls, 4 undone"),
        Example({"failing_vcpu": 5, "batch": 8}, 1, "nothing to undo"),
    ),
)

PAGES_LEFT_ROLLING_BACK = Formula(
    name="initialisation.pages_left_rolling_back",
    result=d.PAGES_LEFT,
    inputs=(d.FAILING_VCPU, d.UNDONE),
    expression=Max(Integer(0), _j - 1 - d.UNDONE.symbol),
    kind=Kind.EXACT,
    meaning="Pages left behind when VCPU j failed and z of the registrations before it have been "
    "undone: none once all j − 1 are.",
    source=_UNDO,
    derived_from=("initialisation.pages_left",),
    assumptions=(_ONE_PAGE, _ATOMIC),
    examples=(
        Example({"failing_vcpu": 5, "undone": 4}, 0, "policy: roll back"),
        Example({"failing_vcpu": 5, "undone": 1}, 3, "a rollback that stops after one"),
    ),
)

VCPUS_ONLINE_OFFLINE = Formula(
    name="initialisation.vcpus_online",
    result=d.VCPUS_ONLINE,
    inputs=(d.INIT_VCPUS, d.FAILED_VCPUS),
    expression=Max(Integer(0), _c - d.FAILED_VCPUS.symbol),
    kind=Kind.EXACT,
    meaning="VCPUs online when each VCPU that fails is taken offline and the others go on.",
    source=_OFFLINE,
    assumptions=("VCPU 0 is among those that succeed: without it the guest does not run",),
    examples=(
        Example({"init_vcpus": 8, "failed_vcpus": 0}, 8),
        Example({"init_vcpus": 8, "failed_vcpus": 1}, 7, "policy: VCPU offline"),
    ),
)

PAGES_LEFT_OFFLINE = Formula(
    name="initialisation.pages_left_offline",
    result=d.PAGES_LEFT,
    inputs=(d.INIT_VCPUS, d.FAILED_VCPUS),
    expression=VCPUS_ONLINE_OFFLINE.expression,
    kind=Kind.EXACT,
    meaning="Pages that stand when failed VCPUs are taken offline: one for each VCPU that is up, "
    "all of them in use.",
    source=_OFFLINE,
    derived_from=("initialisation.vcpus_online",),
    assumptions=(_ONE_PAGE, _ATOMIC),
    examples=(Example({"init_vcpus": 8, "failed_vcpus": 1}, 7),),
)

VCPUS_ONLINE_SHORT_OFFLINE = Formula(
    name="initialisation.vcpus_online_short_of_pages",
    result=d.VCPUS_ONLINE,
    inputs=(d.INIT_VCPUS, v.PAGES),
    expression=Min(_c, v.PAGES.symbol),
    kind=Kind.EXACT,
    meaning="VCPUs online when only P pages are left and VCPUs that get none are taken offline.",
    source=_OFFLINE,
    derived_from=("initialisation.vcpus_online",),
    assumptions=(_ONE_PAGE,),
    examples=(
        Example({"init_vcpus": 8, "pages": 5}, 5),
        Example({"init_vcpus": 8, "pages": 9}, 8),
    ),
)

VCPUS_ONLINE_SHORT_ALL_OR_NONE = Formula(
    name="initialisation.vcpus_online_all_or_none",
    result=d.VCPUS_ONLINE,
    inputs=(d.INIT_VCPUS, v.PAGES),
    expression=Piecewise((Integer(0), v.PAGES.symbol < _c), (_c, True)),
    kind=Kind.EXACT,
    meaning="VCPUs that can use event channels when only P pages are left, in a batch or with "
    "roll back: all of them or none.",
    source=_BATCHED,
    derived_from=("initialisation.vcpus_online_short_of_pages",),
    assumptions=(_ONE_PAGE,),
    examples=(
        Example({"init_vcpus": 8, "pages": 5}, 0),
        Example({"init_vcpus": 8, "pages": 8}, 8),
    ),
)

FIFO_CALLS = Formula(
    name="initialisation.fifo_calls",
    result=d.INIT_CALLS,
    inputs=(d.INIT_VCPUS, v.ARRAY_PAGES),
    expression=_c + _A,
    kind=Kind.EXACT,
    meaning="Hypercalls that bring up a domain under the final ABI: init_control for each VCPU, "
    "expand_array for each array page. Each adds one page of Linux's.",
    source=_FINAL,
    certainty=Certainty.CODE,
    derived_from=("fifo.domain_pages",),
    examples=(Example({"init_vcpus": 4, "array_pages": 1}, 5),),
)

FIFO_PAGES_LEFT = Formula(
    name="initialisation.fifo_pages_left",
    result=d.PAGES_LEFT,
    inputs=(d.FAILING_CALL,),
    expression=_h_f - 1,
    kind=Kind.EXACT,
    meaning="Pages that Xen still maps when call number h_f, init_control or expand_array, fails "
    "under the final ABI: one for each call before.",
    source=_FINAL,
    derived_from=("initialisation.fifo_calls",),
    assumptions=("Linux's one page a call", _ATOMIC),
    examples=(Example({"failing_call": 1}, 0), Example({"failing_call": 4}, 3)),
)

FIFO_BYTES_LEFT = Formula(
    name="initialisation.fifo_xenheap_left",
    result=d.BYTES_LEFT,
    inputs=(d.FAILING_CALL, d.INIT_VCPUS),
    expression=Piecewise((Integer(0), _h_f <= 1), (1032 + 392 * _c, True)),
    kind=Kind.EXACT,
    meaning="Xen heap bytes of FIFO structures still allocated when call number h_f fails: the "
    "first init_control allocates them for every VCPU at once.",
    source=Source("xen/common/event_fifo.c:612", "structures of all VCPUs, since XSA-107"),
    certainty=Certainty.INFERRED,
    derived_from=("heap.fifo_struct_bytes",),
    assumptions=("a failed first call is undone: expand_array is refused after it, as observed",),
    examples=(
        Example({"failing_call": 1, "init_vcpus": 4}, 0),
        Example({"failing_call": 3, "init_vcpus": 4}, 2600),
    ),
)

FORMULAS = (
    CALLS,
    PAGES,
    CALLS_UNTIL_FAILURE,
    PAGES_LEFT,
    CALLS_ROLLED_BACK,
    PAGES_LEFT_ROLLING_BACK,
    VCPUS_ONLINE_OFFLINE,
    PAGES_LEFT_OFFLINE,
    VCPUS_ONLINE_SHORT_OFFLINE,
    VCPUS_ONLINE_SHORT_ALL_OR_NONE,
    FIFO_CALLS,
    FIFO_PAGES_LEFT,
    FIFO_BYTES_LEFT,
)
