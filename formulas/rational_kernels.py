"""The formulas of the book with fractional results; printed by generate.py, not by hand.

Each takes its inputs by the names of the book's quantities and returns an exact `Fraction`.
"""

from fractions import Fraction

from evtplan.formulas.repairman import repairman_busy, repairman_queue

__all__ = [
    "delivery_events_per_upcall",
    "delivery_hypercall_time",
    "delivery_lock_utilisation",
    "delivery_lock_wait",
    "delivery_unmask_cpu_share",
    "delivery_unmask_hypercalls",
    "delivery_upcalls",
]


def delivery_unmask_hypercalls(interrupt_rate: int, masked_ppm: int) -> Fraction:
    """Unmask hypercalls a second: every interrupt that was raised while its port was masked needs one. [delivery.unmask_hypercalls]"""
    return Fraction(interrupt_rate*masked_ppm, 1000000)


def delivery_hypercall_time(cycles: int, clock_mhz: int) -> Fraction:
    """Nanoseconds of a hypercall that takes so many cycles. [delivery.hypercall_time]"""
    return Fraction(1000*cycles, clock_mhz)


def delivery_unmask_cpu_share(interrupt_rate: int, masked_ppm: int, hypercall_ns: int) -> Fraction:
    """Processors that unmask hypercalls keep busy: their rate times the time of one. [delivery.unmask_cpu_share]"""
    return Fraction(hypercall_ns*interrupt_rate*masked_ppm, 1000000000000000)


def delivery_upcalls(interrupt_rate: int, handling_ns: int) -> Fraction:
    """Upcalls a second: an event that finds the guest busy rides along, so that each upcall is one busy period; f·(1 − f·t_e), and none once the guest is never idle. [delivery.upcalls]"""
    return Fraction(max(0, interrupt_rate*(-handling_ns*interrupt_rate + 1000000000)), 1000000000)


def delivery_events_per_upcall(interrupt_rate: int, handling_ns: int) -> Fraction:
    """Mean events handled in one upcall: 1/(1 − f·t_e) while the guest is idle at times. [delivery.events_per_upcall]"""
    return Fraction(1000000000, max(1, -handling_ns*interrupt_rate + 1000000000))


def delivery_lock_wait(raisers: int, hold_ns: int, think_ns: int) -> Fraction:
    """Mean wait for the queue lock of n raisers, exact for the machine-repairman queue M/M/1//n: by the arrival theorem the length that n − 1 raisers leave, times the hold time. [delivery.lock_wait]"""
    return Fraction(hold_ns*repairman_queue(raisers - 1, hold_ns, think_ns), 1)


def delivery_lock_utilisation(raisers: int, hold_ns: int, think_ns: int) -> Fraction:
    """Share of time for which the lock is held: one minus Erlang's loss probability for n lines and Z/S erlangs. [delivery.lock_utilisation]"""
    return Fraction(repairman_busy(raisers, hold_ns, think_ns), 1)
