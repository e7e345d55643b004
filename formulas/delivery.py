"""What delivery costs: unmask hypercalls, upcalls, waiting for the queue lock."""

from fractions import Fraction

from sympy import Integer, Max, Min, ceiling

from evtplan.formulas import vocabulary_delivery as d
from evtplan.formulas.core import Certainty, Example, Formula, Kind, Source
from evtplan.formulas.functions import RepairmanBusy, RepairmanQueue

__all__ = ["FORMULAS"]

_f, _m, _t_c = d.INTERRUPT_RATE.symbol, d.MASKED_PPM.symbol, d.HYPERCALL_NS.symbol
_t_e, _t_m = d.HANDLING_NS.symbol, d.MASKED_NS.symbol
_n, _S, _Z = d.RAISERS.symbol, d.HOLD_NS.symbol, d.THINK_NS.symbol
_MILLION, _BILLION = Integer(10**6), Integer(10**9)

_UNMASK = Source(
    "xen-devel, draft A and its review, February 2013",
    "a guest that unmasks a pending event must call the unmask hypercall; 27k interrupts a second",
)
_MVA = Source(
    "M. Reiser and S. S. Lavenberg, Mean-value analysis of closed multichain queuing networks, "
    "J. ACM 27 (1980)",
    "machine-repairman queue M/M/1//n: n raisers, one lock",
)
_BUSY_PERIOD = Source("L. Kleinrock, Queueing Systems I (1975)", "the busy period of M/G/1")
_QUEUE_ASSUMPTIONS = (
    "hold and think times are exponential; the lock is first come, first served",
    "one lock a queue; raisers into other queues do not wait for it",
    "a waiting processor raises nothing else meanwhile",
)
_RATE_NOTE = "one of 1G Ethernet (e1000, NAPI) under load: 27,000 interrupts a second"

HYPERCALLS = Formula(
    name="delivery.unmask_hypercalls",
    result=d.HYPERCALLS_PER_SECOND,
    inputs=(d.INTERRUPT_RATE, d.MASKED_PPM),
    expression=_f * _m / _MILLION,
    kind=Kind.EXACT,
    meaning="Unmask hypercalls a second: every interrupt that was raised while its port was "
    "masked needs one.",
    source=_UNMASK,
    assumptions=(
        "the guest calls only for a port that it finds pending, as draft A and Linux do",
        "raises that meet an already pending port are counted once",
    ),
    examples=(
        Example({"interrupt_rate": 27000, "masked_ppm": 1000000}, 27000, _RATE_NOTE),
        Example({"interrupt_rate": 27000, "masked_ppm": 10000}, 270, "one in a hundred"),
    ),
)

HYPERCALL_TIME = Formula(
    name="delivery.hypercall_time",
    result=d.HYPERCALL_TIME,
    inputs=(d.CYCLES, d.CLOCK_MHZ),
    expression=1000 * d.CYCLES.symbol / d.CLOCK_MHZ.symbol,
    kind=Kind.EXACT,
    meaning="Nanoseconds of a hypercall that takes so many cycles.",
    source=Source("arithmetic", "a thousand nanoseconds a microsecond"),
    assumptions=("the clock does not change; caches are as they were where cycles were counted",),
    examples=(
        Example(
            {"cycles": 2000, "clock_mhz": 2930},
            Fraction(200000, 293),
            "a VM exit of about 2,000 cycles (SplitX, KVM, Xeon X5570, 2010)",
            Certainty.STATED,
        ),
        Example(
            {"cycles": 1228, "clock_mhz": 2400},
            Fraction(1535, 3),
            "a Xen x86 hypercall (ISCA 2016, ARM virtualization)",
            Certainty.RECALLED,
        ),
    ),
)

CPU_SHARE = Formula(
    name="delivery.unmask_cpu_share",
    result=d.CPU_SHARE,
    inputs=(d.INTERRUPT_RATE, d.MASKED_PPM, d.HYPERCALL_NS),
    expression=_f * _m * _t_c / (_MILLION * _BILLION),
    kind=Kind.EXACT,
    meaning="Processors that unmask hypercalls keep busy: their rate times the time of one.",
    source=_UNMASK,
    derived_from=("delivery.unmask_hypercalls", "delivery.hypercall_time"),
    assumptions=("cache misses after the hypercall are not counted",),
    examples=(
        Example(
            {"interrupt_rate": 27000, "masked_ppm": 1000000, "hypercall_ns": 683},
            Fraction(18441, 10**6),
            "27,000 a second, every one: 1.8 % of a processor",
        ),
        Example(
            {"interrupt_rate": 27000, "masked_ppm": 10000, "hypercall_ns": 683},
            Fraction(18441, 10**8),
            "one in a hundred: 0.02 %",
        ),
    ),
)

MASKED_PPM_BOUND = Formula(
    name="delivery.masked_ppm_bound",
    result=d.MASKED_PPM,
    inputs=(d.INTERRUPT_RATE, d.MASKED_NS),
    expression=Min(_MILLION, ceiling(_f * _t_m / 1000)),
    kind=Kind.UPPER_BOUND,
    meaning="Interrupts of a million whose port is raised again while still masked: no more than "
    "the raises to expect in that time.",
    source=Source("union bound", "the chance of an arrival is at most the expected number"),
    assumptions=("arrivals are stationary and do not depend on the masking",),
    examples=(
        Example({"interrupt_rate": 27000, "masked_ns": 1000}, 27000, "masked for 1 µs each"),
        Example({"interrupt_rate": 27000, "masked_ns": 100000}, 1000000, "longer than the gap"),
    ),
)

UPCALLS = Formula(
    name="delivery.upcalls",
    result=d.UPCALLS_PER_SECOND,
    inputs=(d.INTERRUPT_RATE, d.HANDLING_NS),
    expression=Max(Integer(0), _f * (_BILLION - _f * _t_e)) / _BILLION,
    kind=Kind.ESTIMATE,
    meaning="Upcalls a second: an event that finds the guest busy rides along, so that each "
    "upcall is one busy period; f·(1 − f·t_e), and none once the guest is never idle.",
    source=_BUSY_PERIOD,
    assumptions=(
        "events arrive as a Poisson process, each on a port of its own",
        "the guest handles events until none is pending, as Linux does",
        "the time to enter and leave the upcall is left out",
    ),
    examples=(
        Example({"interrupt_rate": 27000, "handling_ns": 10000}, 19710),
        Example({"interrupt_rate": 200000, "handling_ns": 5000}, 0, "never idle"),
    ),
)

EVENTS_PER_UPCALL = Formula(
    name="delivery.events_per_upcall",
    result=d.EVENTS_PER_UPCALL,
    inputs=(d.INTERRUPT_RATE, d.HANDLING_NS),
    expression=_BILLION / Max(Integer(1), _BILLION - _f * _t_e),
    kind=Kind.ESTIMATE,
    meaning="Mean events handled in one upcall: 1/(1 − f·t_e) while the guest is idle at times.",
    source=_BUSY_PERIOD,
    derived_from=("delivery.upcalls",),
    assumptions=(*UPCALLS.assumptions, "at f·t_e ≥ 1 it has no mean; 10⁹ stands for that"),
    examples=(
        Example({"interrupt_rate": 27000, "handling_ns": 10000}, Fraction(100, 73)),
        Example({"interrupt_rate": 50000, "handling_ns": 10000}, 2),
    ),
)

LOCK_WAIT = Formula(
    name="delivery.lock_wait",
    result=d.LOCK_WAIT_NS,
    inputs=(d.RAISERS, d.HOLD_NS, d.THINK_NS),
    expression=_S * RepairmanQueue(_n - 1, _S, _Z),
    kind=Kind.ESTIMATE,
    meaning="Mean wait for the queue lock of n raisers, exact for the machine-repairman queue "
    "M/M/1//n: by the arrival theorem the length that n − 1 raisers leave, times the hold time.",
    source=_MVA,
    assumptions=_QUEUE_ASSUMPTIONS,
    examples=(
        Example({"raisers": 1, "hold_ns": 100, "think_ns": 1000}, 0, "alone: no wait"),
        Example({"raisers": 2, "hold_ns": 100, "think_ns": 900}, 10),
        Example(
            {"raisers": 8, "hold_ns": 100, "think_ns": 1000},
            Fraction(33322100, 305593),
            "109 ns on average",
        ),
    ),
)

LOCK_UTILISATION = Formula(
    name="delivery.lock_utilisation",
    result=d.LOCK_UTILISATION,
    inputs=(d.RAISERS, d.HOLD_NS, d.THINK_NS),
    expression=RepairmanBusy(_n, _S, _Z),
    kind=Kind.ESTIMATE,
    meaning="Share of time for which the lock is held: one minus Erlang's loss probability for "
    "n lines and Z/S erlangs.",
    source=_MVA,
    derived_from=("delivery.lock_wait",),
    assumptions=_QUEUE_ASSUMPTIONS,
    examples=(
        Example({"raisers": 1, "hold_ns": 100, "think_ns": 900}, Fraction(1, 10)),
        Example({"raisers": 2, "hold_ns": 100, "think_ns": 900}, Fraction(20, 101)),
    ),
)

LOCK_WAIT_LOWER_BOUND = Formula(
    name="delivery.lock_wait_lower_bound",
    result=d.LOCK_WAIT_BOUND_NS,
    inputs=(d.RAISERS, d.HOLD_NS, d.THINK_NS),
    expression=Max(Integer(0), (_n - 1) * _S - _Z),
    kind=Kind.LOWER_BOUND,
    meaning="The mean wait cannot be less: the lock serves one raiser every S.",
    source=Source("P. J. Denning and J. P. Buzen, operational analysis (1978)", "asymptotic bound"),
    derived_from=("delivery.lock_wait",),
    examples=(
        Example({"raisers": 8, "hold_ns": 100, "think_ns": 1000}, 0),
        Example({"raisers": 64, "hold_ns": 100, "think_ns": 1000}, 5300),
    ),
)

LOCK_WAIT_UPPER_BOUND = Formula(
    name="delivery.lock_wait_upper_bound",
    result=d.LOCK_WAIT_BOUND_NS,
    inputs=(d.RAISERS, d.HOLD_NS),
    expression=(_n - 1) * _S,
    kind=Kind.UPPER_BOUND,
    meaning="The mean wait cannot be more: every other raiser before this one.",
    source=Source("P. J. Denning and J. P. Buzen, operational analysis (1978)", "asymptotic bound"),
    derived_from=("delivery.lock_wait",),
    examples=(Example({"raisers": 8, "hold_ns": 100}, 700),),
)

SATURATION = Formula(
    name="delivery.saturation_raisers",
    result=d.SATURATION_RAISERS,
    inputs=(d.HOLD_NS, d.THINK_NS),
    expression=ceiling((_S + _Z) / _S),
    kind=Kind.EXACT,
    meaning="Raisers from which on the lock is the bottleneck: (S + Z)/S, rounded up.",
    source=Source("L. Kleinrock, Queueing Systems II (1976)", "saturation number"),
    examples=(
        Example({"hold_ns": 100, "think_ns": 1000}, 11),
        Example(
            {"hold_ns": 75, "think_ns": 37000},
            495,
            "raises of 75 ns (measured, compiled Xen code) at 27,000 a second a processor",
        ),
    ),
)

FORMULAS = (
    HYPERCALLS,
    HYPERCALL_TIME,
    CPU_SHARE,
    MASKED_PPM_BOUND,
    UPCALLS,
    EVENTS_PER_UPCALL,
    LOCK_WAIT,
    LOCK_UTILISATION,
    LOCK_WAIT_LOWER_BOUND,
    LOCK_WAIT_UPPER_BOUND,
    SATURATION,
)
