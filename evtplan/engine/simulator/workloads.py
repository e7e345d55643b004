"""Who raises what when: arrivals drawn from a distribution, or read from a recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evtplan.errors import EvtplanError, InputError, UnknownNameError, ValueOutOfRangeError

__all__ = ["ARRIVALS", "Arrivals", "Workload", "draw", "read_recording"]

ARRIVALS: tuple[str, ...] = ("poisson", "periodic", "bursty")

NS_PER_SECOND = 1e9
MOST_EVENTS = 20_000_000  # a gigabyte and a half while they run


@dataclass(frozen=True, slots=True)
class Workload:
    """Events raised per second in all (`rate`), over `ports` ports.

    `arrivals`: `poisson`; `periodic` (each port at its own fixed interval and random phase);
    `bursty` (Poisson while on, silent while off; on and off last exponential times of mean
    `burst_on_ns` and `burst_off_ns`, and `rate` is the mean over both). `zipf` s > 0 gives port k
    a share proportional to 1/k^s. `shares` overrides it with one weight a port.
    """

    rate: float
    ports: int = 1
    arrivals: str = "poisson"
    zipf: float = 0.0
    burst_on_ns: float = 1e6
    burst_off_ns: float = 9e6
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.arrivals not in ARRIVALS:
            raise UnknownNameError("distribution of arrivals", self.arrivals, ARRIVALS)
        _positive("rate", self.rate, "events a second")
        _positive("burst on", self.burst_on_ns, "nanoseconds")
        _positive("burst off", self.burst_off_ns, "nanoseconds")
        if not 1 <= self.ports <= 131_071:
            raise ValueOutOfRangeError("ports", self.ports, "from 1 to 131071")
        if not (isfinite(self.zipf) and 0 <= self.zipf <= 10):
            raise ValueOutOfRangeError("zipf", self.zipf, "from 0 to 10")
        if self.shares and len(self.shares) != self.ports:
            raise ValueOutOfRangeError("shares", len(self.shares), f"one a port, {self.ports}")

    def share_of_ports(self) -> npt.NDArray[np.float64]:
        """The share of the rate that each port has; they add up to 1."""
        if self.shares:
            weights = np.asarray(self.shares, dtype=np.float64)
        else:
            weights = np.arange(1, self.ports + 1, dtype=np.float64) ** -self.zipf
        return np.asarray(weights / weights.sum(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Raises in order of time: nanoseconds from the start, and the port of each (from 1).

    Where `closed`, each time is how long its raiser waits after its last raise was done: a closed
    queue, in which nobody raises while he waits for a lock.
    """

    times_ns: npt.NDArray[np.float64]
    ports: npt.NDArray[np.int64]
    closed: bool = False

    def __len__(self) -> int:
        return len(self.times_ns)


def _positive(name: str, value: float, unit: str) -> None:
    if not (isfinite(value) and 0 < value <= 1e12):
        raise ValueOutOfRangeError(name, value, f"a positive number of {unit}, at most 10^12")


def draw(workload: Workload, events: int, seed: int) -> Arrivals:
    """About `events` arrivals of `workload`; the same seed gives the same ones."""
    if not 1 <= events <= MOST_EVENTS:
        raise ValueOutOfRangeError("events", events, f"from 1 to {MOST_EVENTS}")
    rng = np.random.Generator(np.random.PCG64(seed))
    shares = workload.share_of_ports()
    if workload.arrivals == "periodic":
        return _periodic(workload, shares, events, rng)
    gaps = rng.exponential(NS_PER_SECOND / workload.rate, events)
    times = np.cumsum(gaps)
    if workload.arrivals == "bursty":
        times = _stretched(times, workload, rng)
    ports = np.ones(events, dtype=np.int64)
    if workload.ports > 1:
        ports = np.searchsorted(np.cumsum(shares), rng.random(events), side="right") + 1
        ports = np.minimum(ports, workload.ports).astype(np.int64)
    return Arrivals(times, ports)


def _periodic(
    workload: Workload,
    shares: npt.NDArray[np.float64],
    events: int,
    rng: np.random.Generator,
) -> Arrivals:
    horizon = events * NS_PER_SECOND / workload.rate
    times, ports = [], []
    for number, share in enumerate(shares, 1):
        if share == 0:
            continue
        period = NS_PER_SECOND / (workload.rate * share)
        own = np.arange(rng.random() * period, horizon, period)
        times.append(own)
        ports.append(np.full(len(own), number, dtype=np.int64))
    all_times, all_ports = np.concatenate(times), np.concatenate(ports)
    order = np.argsort(all_times, kind="stable")
    return Arrivals(all_times[order], all_ports[order])


def _stretched(
    times: npt.NDArray[np.float64], workload: Workload, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The times with silences put in: what was drawn is time spent in bursts."""
    cycle = workload.burst_on_ns + workload.burst_off_ns
    # The rate is the mean over both, so that inside a burst time runs faster.
    inside = times * (workload.burst_on_ns / cycle)
    bursts = int(inside[-1] / workload.burst_on_ns * 2) + 64
    on = rng.exponential(workload.burst_on_ns, bursts)
    ends = np.cumsum(on)
    while ends[-1] < inside[-1]:
        on = np.concatenate((on, rng.exponential(workload.burst_on_ns, bursts)))
        ends = np.cumsum(on)
    off = rng.exponential(workload.burst_off_ns, len(on))
    silence = np.concatenate(([0.0], np.cumsum(off)))
    stretched: npt.NDArray[np.float64] = inside + silence[np.searchsorted(ends, inside)]
    return stretched


def read_recording(path: str | Path) -> Arrivals:
    """Arrivals from a text file: `time port` or `time,port` a line, time in nanoseconds from any
    start, in order; `#` begins a comment; one header line is passed over.

    Raises `InputError`, with the line, for anything else.
    """
    times: list[float] = []
    ports: list[int] = []
    for position, (number, fields) in enumerate(_recorded_lines(path)):
        if len(fields) != 2:
            raise InputError(path, "a line is `time port`", line=number)
        try:
            time, port = float(fields[0]), int(fields[1])
        except ValueError:
            if position == 0:
                continue  # the header
            raise InputError(path, f"not `time port`: {' '.join(fields)}", line=number) from None
        if not isfinite(time) or abs(time) > 1e18:
            raise InputError(path, f"time {fields[0]} is no time in nanoseconds", line=number)
        if not 1 <= port <= 131_071:
            raise InputError(path, f"port {port} is not from 1 to 131071", line=number)
        if times and time < times[-1]:
            reason = f"time {time:g} lies before {times[-1]:g}: the recording is out of order"
            raise InputError(path, reason, line=number)
        times.append(time)
        ports.append(port)
        if len(times) > MOST_EVENTS:
            raise InputError(path, f"more than {MOST_EVENTS} events", line=number)
    if not times:
        raise EvtplanError(f"{path}: no events in this recording")
    found = np.asarray(times, dtype=np.float64)
    return Arrivals(found - found[0], np.asarray(ports, dtype=np.int64))


def _recorded_lines(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with open(path, encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                content = line.split("#")[0].replace(",", " ").replace("\t", " ").split()
                if content:
                    yield number, content
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 text: {error.reason}") from error
