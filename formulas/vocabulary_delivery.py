"""Every quantity of delivery and of registration: rates, times, costs, calls, what is left."""

from evtplan.formulas.core import Goal, Quantity

__all__ = [
    "BATCH",
    "BYTES_LEFT",
    "CLOCK_MHZ",
    "CPU_SHARE",
    "CYCLES",
    "EVENTS_PER_UPCALL",
    "FAILED_VCPUS",
    "FAILING_CALL",
    "FAILING_VCPU",
    "HANDLING_NS",
    "HOLD_NS",
    "HYPERCALLS_PER_SECOND",
    "HYPERCALL_NS",
    "HYPERCALL_TIME",
    "INIT_CALLS",
    "INIT_PAGES",
    "INIT_VCPUS",
    "INTERRUPT_RATE",
    "LOCK_UTILISATION",
    "LOCK_WAIT_BOUND_NS",
    "LOCK_WAIT_NS",
    "MASKED_NS",
    "MASKED_PPM",
    "PAGES_LEFT",
    "RAISERS",
    "SATURATION_RAISERS",
    "THINK_NS",
    "UNDONE",
    "UPCALLS_PER_SECOND",
    "VCPUS_ONLINE",
]

# Delivery: rates, times, costs.
INTERRUPT_RATE = Quantity(
    "interrupt_rate", "f", "interrupt/s", "interrupts a second to one guest", tried=2**17
)
MASKED_PPM = Quantity(
    "masked_ppm",
    "m",
    "ppm",
    "interrupts, of a million, raised while their port is masked and unmasked by hypercall",
    most=10**6,
    tried=10**6,
)
MASKED_NS = Quantity(
    "masked_ns", "t_m", "ns", "time for which a port stays masked after each interrupt", tried=2**20
)
HYPERCALL_NS = Quantity(
    "hypercall_ns", "t_c", "ns", "time that one unmask hypercall takes", tried=2**15
)
HYPERCALL_TIME = Quantity("hypercall_time", "t_h", "ns", "time of one hypercall", integer=False)
CYCLES = Quantity("cycles", "y", "cycle", "processor cycles of one hypercall", tried=2**20)
CLOCK_MHZ = Quantity("clock_mhz", "Z_M", "MHz", "clock of the processor", least=1, tried=2**13)
HYPERCALLS_PER_SECOND = Quantity(
    "hypercalls_per_second", "U", "hypercall/s", "unmask hypercalls a second", integer=False
)
CPU_SHARE = Quantity(
    "cpu_share", "u", "CPU", "processors that are busy with it: 1 is all of one", integer=False
)
HANDLING_NS = Quantity(
    "handling_ns", "t_e", "ns", "mean time to handle one event in the guest", tried=2**14
)
UPCALLS_PER_SECOND = Quantity(
    "upcalls_per_second", "K", "upcall/s", "upcalls a second to one VCPU", integer=False
)
EVENTS_PER_UPCALL = Quantity(
    "events_per_upcall", "e", "event/upcall", "mean events handled in one upcall", integer=False
)
RAISERS = Quantity(
    "raisers",
    "n",
    "CPU",
    "processors that raise events into one queue",
    least=1,
    most=4096,
    tried=6,
)
HOLD_NS = Quantity(
    "hold_ns", "t_l", "ns", "mean time for which a raise holds the queue lock", least=1, tried=2**12
)
THINK_NS = Quantity(
    "think_ns",
    "t_z",
    "ns",
    "mean time from a raise to the same processor's next",
    least=1,
    tried=2**16,
)
LOCK_WAIT_NS = Quantity("lock_wait_ns", "W", "ns", "mean wait for the queue lock", integer=False)
LOCK_WAIT_BOUND_NS = Quantity(
    "lock_wait_bound_ns", "W_b", "ns", "a bound on the mean wait for the queue lock"
)
LOCK_UTILISATION = Quantity(
    "lock_utilisation", "u_l", "1", "share of time for which the queue lock is held", integer=False
)
SATURATION_RAISERS = Quantity(
    "saturation_raisers",
    "n_S",
    "CPU",
    "processors at which the queue lock saturates",
    goal=Goal.AT_LEAST,
)

# Initialisation.
INIT_VCPUS = Quantity(
    "init_vcpus", "c", "VCPU", "VCPUs of the domain to bring up", least=1, tried=2**13
)
BATCH = Quantity(
    "batch",
    "b_r",
    "VCPU/call",
    "VCPUs that one registration call initialises, all or none",
    least=1,
    usual=1,
    tried=2**10,
)
FAILING_VCPU = Quantity(
    "failing_vcpu",
    "j",
    "VCPU",
    "the VCPU, counted from 1, whose initialisation fails",
    least=1,
    tried=2**13,
)
UNDONE = Quantity(
    "undone", "z", "call", "registrations undone before undoing stops", usual=0, tried=2**13
)
FAILED_VCPUS = Quantity(
    "failed_vcpus", "j_f", "VCPU", "VCPUs whose initialisation fails", tried=2**13
)
INIT_CALLS = Quantity("init_calls", "h", "call", "registration hypercalls made")
INIT_PAGES = Quantity(
    "init_pages", "P_i", "page", "pages that the domain's event state takes once it is up"
)
PAGES_LEFT = Quantity("pages_left", "P_l", "page", "pages still allocated after the failure")
VCPUS_ONLINE = Quantity(
    "vcpus_online", "c_on", "VCPU", "VCPUs that are online after the failure", goal=Goal.AT_LEAST
)
FAILING_CALL = Quantity(
    "failing_call", "h_f", "call", "the call, counted from 1, that fails", least=1, tried=2**13
)
BYTES_LEFT = Quantity(
    "bytes_left", "X_l", "byte", "Xen heap bytes still allocated after the failure"
)
