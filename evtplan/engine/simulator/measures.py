"""What simulated runs say: quantiles, rates, shares, fairness, with confidence intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import isfinite, nan, sqrt

import numpy as np
import numpy.typing as npt

from evtplan.engine.simulation import Run

__all__ = ["Measure", "Measures", "PortMeasure", "jain_index", "measure", "measure_ports"]

NS_PER_SECOND = 1e9

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom; beyond, the normal's.
_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean over replications, and half the width of its 95 % confidence interval (Student's t;
    None with a single replication). The mean is NaN where no run has the value: no latency where
    nothing was handled.
    """

    mean: float
    half_width: float | None

    def holds(self, value: float, slack: float = 0.0) -> bool:
        """Whether `value` lies in the interval, widened by `slack` on either side."""
        return abs(self.mean - value) <= (self.half_width or 0.0) + slack


@dataclass(frozen=True, slots=True)
class Measures:
    """One configuration measured. Latency runs from the raise to the start of its handler.

    Rates and shares are of the time after the warm-up. `hypercall_cpu_share` is of one CPU: what
    the VCPUs spend in unmask hypercalls, all that Xen does in them included.
    """

    handled_per_second: Measure
    coalesced_per_second: Measure
    latency_mean_ns: Measure
    latency_p50_ns: Measure
    latency_p90_ns: Measure
    latency_p99_ns: Measure
    latency_p999_ns: Measure
    latency_max_ns: Measure
    jain_index: Measure
    worst_port_p99_ns: Measure
    upcalls_per_second: Measure
    hypercalls_per_second: Measure
    hypercall_cpu_share: Measure
    vcpu_busy_share: Measure
    raiser_busy_share: Measure
    lock_taken_per_second: Measure
    lock_waited_share: Measure
    lock_wait_mean_ns: Measure
    lock_spin_share: Measure
    line_transfers_per_event: Measure


def _rates(run: Run) -> dict[str, float]:
    found = run.measured
    seconds = found.duration_ns / NS_PER_SECOND
    ports = _by_port(run)
    return {
        "handled_per_second": found.handled / seconds,
        "coalesced_per_second": found.coalesced / seconds,
        **_quantiles(run.latency_ns),
        "jain_index": jain_index(np.array([port.mean_ns for port in ports])),
        "worst_port_p99_ns": max((port.p99_ns for port in ports), default=nan),
        "upcalls_per_second": found.upcalls / seconds,
        "hypercalls_per_second": found.hypercalls / seconds,
        "hypercall_cpu_share": found.hypercall_ns / found.duration_ns,
        "vcpu_busy_share": _share(run, "consumer"),
        "raiser_busy_share": _share(run, "raiser"),
        "lock_taken_per_second": found.locks_taken / seconds,
        "lock_waited_share": found.locks_waited / max(found.locks_taken, 1),
        "lock_wait_mean_ns": found.lock_wait_ns / max(found.locks_taken, 1),
        "lock_spin_share": found.raiser_wait_ns / (found.duration_ns * run.raisers),
        "line_transfers_per_event": sum(found.transfers.values()) / max(found.handled, 1),
    }


def _share(run: Run, name: str) -> float:
    """The share of the time in which the CPUs of that name are busy, on average."""
    cpus = [number for number, cpu in enumerate(run.cpu_names) if cpu.startswith(name)]
    return float(run.measured.busy_ns[cpus].mean() / run.measured.duration_ns) if cpus else 0.0


def _quantiles(latency: npt.NDArray[np.float64]) -> dict[str, float]:
    if not len(latency):
        latency = np.full(1, nan)  # nothing was handled: no latency, rather than none at all
    p50, p90, p99, p999 = np.quantile(latency, [0.5, 0.9, 0.99, 0.999])
    return {
        "latency_mean_ns": float(latency.mean()),
        "latency_p50_ns": float(p50),
        "latency_p90_ns": float(p90),
        "latency_p99_ns": float(p99),
        "latency_p999_ns": float(p999),
        "latency_max_ns": float(latency.max()),
    }


def jain_index(values: npt.NDArray[np.float64]) -> float:
    """Jain's fairness index, (Σx)² ÷ (n Σx²): 1 where all are alike, 1/n where one has all.

    Source: Jain, Chiu, Hawe, DEC-TR-301, 1984. Of ports' mean latencies here.
    """
    if not len(values):
        return nan
    square = float((values * values).sum())
    return float(values.sum()) ** 2 / (len(values) * square) if square else 1.0


def measure(runs: Sequence[Run]) -> Measures:
    """The measures of like runs with different seeds."""
    found = [_rates(run) for run in runs]
    return Measures(**{f.name: _mean([row[f.name] for row in found]) for f in fields(Measures)})


def _mean(values: Sequence[float]) -> Measure:
    values = [value for value in values if isfinite(value)]  # of those runs that have one
    mean = float(np.mean(values)) if values else nan
    if len(values) < 2:
        return Measure(mean, None)
    freedom = len(values) - 1
    quantile = _T95[freedom - 1] if freedom <= len(_T95) else 1.96
    return Measure(mean, quantile * float(np.std(values, ddof=1)) / sqrt(len(values)))


@dataclass(frozen=True, slots=True)
class PortMeasure:
    """One port (or one priority) over all replications together."""

    port: int
    handled: int
    mean_ns: float
    p50_ns: float
    p99_ns: float
    max_ns: float


def _by_port(run: Run) -> list[PortMeasure]:
    return measure_ports([run])


def measure_ports(
    runs: Sequence[Run], group: Callable[[int], int] = lambda port: port
) -> list[PortMeasure]:
    """Latency by port, or by `group` of a port (its priority), in ascending order."""
    latency = np.concatenate([run.latency_ns for run in runs])
    ports = np.concatenate([run.latency_port for run in runs])
    if not len(ports):
        return []
    names, inverse = np.unique(ports, return_inverse=True)
    groups = np.array([group(int(name)) for name in names])[inverse]
    order = np.argsort(groups, kind="stable")
    latency, groups = latency[order], groups[order]
    bounds = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    found = []
    for begin, end in zip(bounds, [*bounds[1:], len(groups)], strict=True):
        part = latency[begin:end]
        p50, p99 = np.quantile(part, [0.5, 0.99])
        found.append(
            PortMeasure(
                int(groups[begin]),
                int(end - begin),
                float(part.mean()),
                float(p50),
                float(p99),
                float(part.max()),
            )
        )
    return found
