"""The steps of a protocol text with costs and clocks: latency, hypercalls, locks, cache lines.

Nothing of the protocol is stated here. A text is lowered as for the explorer, printed as flat
code, and its processes are set on CPUs: each step takes effect at one instant and then occupies
its CPU for what it costs. The conventions by which a text meets its workload:

* a process kind whose name begins with `raiser` takes one arrival of the workload at its `choose`
  (a ghost budget that its guard asks for is given); `consumer` is a VCPU of the guest; `masker`
  masks a port when the handler has run and unmasks it later, where the workload asks for masking;
* a field or a bitmap called `pending` tells a raise that coalesces; a text that has none is a
  queue in which every raise counts;
* `emit("handled", p)`, `emit("hypercall", p)` and `emit("upcall", v)` (or `kick`) are what is
  counted, and what the costs of those names are charged for.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evtplan.engine.simulator.flat import RECORD, emit_names
from evtplan.engine.simulator.machine import Handler, Machine
from evtplan.engine.simulator.placement import Placement
from evtplan.engine.simulator.simcode import loop_of
from evtplan.engine.simulator.simloop import BROKEN, ENDLESS, INTERRUPTED, RAISER
from evtplan.engine.simulator.simloop import STOPPED as _STOPPED
from evtplan.engine.simulator.workloads import Arrivals
from evtplan.engine.system import Choose, TransitionSystem
from evtplan.errors import EvtplanError, ValueOutOfRangeError

__all__ = ["Handler", "Machine", "Measured", "Run", "simulate"]

_COST_ORDER = ("hit", "transfer", "locked", "fence", "hypercall", "upcall")
# What is counted, by the names that texts emit it under.
_COUNTED = (("handled",), ("hypercall",), ("upcall", "kick"))
_MOST_DRAWS = 1_000_000  # of handlers' times; a longer run takes them from the start again


@dataclass(frozen=True, slots=True)
class Measured:
    """What happened after the warm-up, in `duration_ns`.

    `busy_ns` by CPU. `hypercall_ns`: the VCPUs' time in unmask hypercalls, from entry to return,
    waiting for locks included. `raiser_wait_ns`: what the raisers spun at locks; `lock_wait_ns`,
    what everybody did. `transfers` of cache lines by name of the line.
    """

    duration_ns: float
    handled: int
    coalesced: int
    upcalls: int
    hypercalls: int
    hypercall_ns: float
    locks_taken: int
    locks_waited: int
    lock_wait_ns: float
    raiser_wait_ns: float
    busy_ns: npt.NDArray[np.float64]
    transfers: Mapping[str, int]


@dataclass(frozen=True)
class Run:
    """One run, all of it but for `measured` and the latencies, which leave the warm-up out.

    Times are nanoseconds. `raised` = `handled` + `coalesced` + `outstanding`, and `outstanding`
    (raises counted by the simulator and not handled) equals `pending` (bits that the protocol's
    own memory has set) where the text has pending bits: `conserved` says that both hold.
    `schedule` has (process, choice) of the first steps, and `handled_ports` the ports in the order
    in which they were handled, where a schedule was asked for.
    """

    system: TransitionSystem
    raisers: int
    cpu_names: tuple[str, ...]
    duration_ns: float
    steps: int
    raised: int
    handled: int
    coalesced: int
    outstanding: int
    pending: int | None
    spurious: int
    hypercalls: int
    masks: int
    masks_missed: int
    locks_taken: int
    locks_waited: int
    lock_wait_ns: float
    busy_ns: npt.NDArray[np.float64]
    transfers: Mapping[str, int]
    measured: Measured
    latency_ns: npt.NDArray[np.float64] = field(repr=False)
    latency_port: npt.NDArray[np.int32] = field(repr=False)
    handled_ports: npt.NDArray[np.int64] = field(repr=False)
    schedule: npt.NDArray[np.int64] = field(repr=False)

    @property
    def conserved(self) -> bool:
        """Nothing raised has vanished, and nothing was handled that was not raised."""
        counted = self.raised == self.handled + self.coalesced + self.outstanding
        return counted and (self.pending is None or self.pending == self.outstanding)

    @property
    def consumer_busy_ns(self) -> float:
        """How long the guest's VCPUs were busy, together."""
        vcpus = [n for n, name in enumerate(self.cpu_names) if name.startswith("consumer")]
        return float(self.busy_ns[vcpus].sum())


def simulate(
    system: TransitionSystem,
    machine: Machine,
    arrivals: Arrivals,
    *,
    seed: int,
    warm_up: float = 0.1,
    keep_schedule: int = 0,
    compiled: bool = True,
) -> Run:
    """Run `system` on `machine` with `arrivals`, spread over its raisers port by port.

    `warm_up` is the share of the time at whose start nothing is measured. `compiled` False runs
    the same loop in plain Python. Raises `EvtplanError` for a text that does not keep to the
    conventions, and where it breaks a property or runs without end.
    """
    place = Placement(system, machine)
    most_port = int(arrivals.ports.max())
    if place.ports and most_port > place.ports:
        raise ValueOutOfRangeError("port", most_port, f"at most {place.ports} in {system.name}")
    code = loop_of(system, compiled=compiled)
    from_time = float(arrivals.times_ns[-1]) * warm_up
    memory = _memory(system, compiled=compiled)
    pending = np.array([place.pending_bit(p) for p in range(most_port + 1)], dtype=np.int64)
    tallies = _Tallies.empty(place, len(arrivals), len(memory), keep_schedule)
    names = emit_names(system)
    rng = np.random.Generator(np.random.PCG64([seed, 1]))

    def run() -> tuple[float, int, int]:
        found: tuple[float, int, int] = code(
            *_processes(place),
            memory,
            np.zeros(RECORD, dtype=np.int64),
            place.lines,
            np.full(len(tallies.transfers), -1, dtype=np.int64),
            np.zeros(len(tallies.transfers), dtype=np.int64),
            pending[:, 0].copy(),
            pending[:, 1].copy(),
            *(_number_of(names, wanted) for wanted in _COUNTED),
            _cost_row(machine, arrivals),
            machine.handler.draw(min(len(arrivals), _MOST_DRAWS), rng),
            *_dealt(place, arrivals),
            from_time,
            200 * len(arrivals) + 100_000,
            *(np.full(most_port + 1, n, dtype=np.int64) for n in (-1, 0)),
            *tallies.arguments(),
        )
        return found

    duration, nodes, traced = _interruptible(run, tallies.total)
    _check_ended(system, tallies.total, len(arrivals))
    still = [int(memory[cell] >> bit) & 1 for cell, bit in pending if cell >= 0]
    return _result(place, tallies, from_time, duration, nodes, traced, still)


def _interruptible(
    run: Callable[[], tuple[float, int, int]], total: npt.NDArray[np.int64]
) -> tuple[float, int, int]:
    """What `run` gives, made in a thread: compiled code would not see Ctrl-C, its caller does."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        try:
            return future.result()
        except BaseException:
            total[_STOPPED] = INTERRUPTED
            raise


def _check_ended(system: TransitionSystem, total: npt.NDArray[np.int64], events: int) -> None:
    if total[_STOPPED] == BROKEN:
        raise EvtplanError(f"{system.name} breaks one of its own assertions in this run")
    if total[_STOPPED] == ENDLESS:
        raise EvtplanError(
            f"{system.name} made {total[0]} steps for {events} events and did not come to rest",
            "check the protocol: evtplan check says where it runs without end",
        )


# ---- what the loop is given ------------------------------------------------------------------


def _processes(place: Placement) -> tuple[npt.NDArray[Any], ...]:
    """`kind` to `idles` of the loop: who runs, where, from which state, and where it chooses."""
    system = place.system
    most_locals = max(1, *(len(kind.locals) for kind in system.kinds))
    start = np.zeros((len(place.processes), most_locals + 1), dtype=np.int64)
    for number, (kind, _) in enumerate(place.processes):
        start[number, 0] = kind.start
        start[number, 1 : 1 + len(kind.initial)] = [_signed(value) for value in kind.initial]
    most_points = max(len(kind.points) for kind in system.kinds)
    chooses = np.zeros((len(system.kinds), most_points), dtype=np.bool_)
    idles = np.zeros_like(chooses)
    for row, kind in enumerate(system.kinds):
        for point in kind.points:
            chooses[row, point.index] = any(isinstance(item, Choose) for item in point.body)
            idles[row, point.index] = point.waits
    numbers = (place.kinds, [index for _, index in place.processes], place.cpus, place.roles)
    rows = (np.array(row, dtype=np.int64) for row in numbers)
    return (*rows, start, start[:, 0].copy(), start[:, 1:].copy(), chooses, idles)


def _memory(system: TransitionSystem, *, compiled: bool) -> Any:
    """Every cell at its start; as the bits of an int64 where compiled code works on it."""
    cells = [value for variable in system.variables for value in variable.initial] or [0]
    return np.array([_signed(cell) for cell in cells], dtype=np.int64) if compiled else cells


def _cost_row(machine: Machine, arrivals: Arrivals) -> npt.NDArray[np.float64]:
    masked_for = -1.0 if machine.masked_for_ns is None else machine.masked_for_ns
    costs = (machine.costs.ns(name) for name in _COST_ORDER)
    return np.array([*costs, masked_for, 1.0 if arrivals.closed else 0.0])


def _dealt(place: Placement, arrivals: Arrivals) -> tuple[npt.NDArray[Any], ...]:
    """The arrivals dealt out: each port has its raiser; with fewer ports than raisers, in turn.

    Times and ports raiser by raiser, and where each process's begin and end.
    """
    share = len(place.raisers)
    if len(np.unique(arrivals.ports)) < share:
        dealt = np.arange(len(arrivals)) % share
    else:
        dealt = (arrivals.ports - 1) % share
    order = np.argsort(dealt, kind="stable")
    bounds = np.searchsorted(dealt[order], np.arange(share + 1))
    begins = np.zeros(len(place.processes), dtype=np.int64)
    ends = np.zeros_like(begins)
    begins[place.raisers], ends[place.raisers] = bounds[:-1], bounds[1:]
    return arrivals.times_ns[order], arrivals.ports[order], begins, ends


# ---- what it gives back ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Counts:
    """The loop's counters: at its end, or as they stood when the warm-up was over."""

    total: npt.NDArray[np.int64]
    waited: npt.NDArray[np.float64]
    called: npt.NDArray[np.float64]
    busy: npt.NDArray[np.float64]
    transfers: npt.NDArray[np.int64]

    @classmethod
    def zero(cls, place: Placement) -> "_Counts":
        processes = len(place.processes)
        return cls(
            np.zeros(16, dtype=np.int64),
            np.zeros(processes),
            np.zeros(processes),
            np.zeros(len(place.cpu_names)),
            np.zeros(len(place.line_names) or 1, dtype=np.int64),
        )


@dataclass(frozen=True, slots=True)
class _Tallies:
    """The arrays that the loop writes to; one entry an event, or one a process, CPU or line."""

    end: _Counts
    before: _Counts
    after: npt.NDArray[np.int64]
    raised_at: npt.NDArray[np.float64]
    latency: npt.NDArray[np.float64]
    latency_port: npt.NDArray[np.int64]
    taken_by: npt.NDArray[np.int64]
    trace: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, place: Placement, events: int, cells: int, steps: int) -> "_Tallies":
        return cls(
            _Counts.zero(place),
            _Counts.zero(place),
            np.full(events, -1, dtype=np.int64),
            np.zeros(events),
            np.zeros(events),
            np.zeros(events, dtype=np.int64),
            np.full(cells, -1, dtype=np.int64),
            np.zeros((steps, 2), dtype=np.int64),
        )

    @property
    def total(self) -> npt.NDArray[np.int64]:
        return self.end.total

    @property
    def transfers(self) -> npt.NDArray[np.int64]:
        return self.end.transfers

    def arguments(self) -> tuple[npt.NDArray[Any], ...]:
        """From `after` to the loop's last."""
        end, then = self.end, self.before
        return (
            *(self.after, self.raised_at, self.latency, self.latency_port),
            *(end.total, end.waited, end.called, end.busy, end.transfers, self.taken_by),
            *(then.total, then.waited, then.called, then.busy, then.transfers, self.trace),
        )


def _result(
    place: Placement,
    tallies: _Tallies,
    from_time: float,
    duration: float,
    nodes: int,
    traced: int,
    still: list[int],
) -> Run:
    total = [int(value) for value in tallies.total]
    handled = total[2]
    latency = tallies.latency[:handled]
    kept = latency >= 0
    ports = tallies.latency_port[:handled]
    return Run(
        system=place.system,
        raisers=len(place.raisers),
        cpu_names=place.cpu_names,
        duration_ns=float(duration),
        steps=total[0],
        raised=total[1],
        handled=handled,
        coalesced=total[3],
        outstanding=int(nodes) - handled,
        pending=sum(still) if still else None,
        spurious=total[4],
        hypercalls=total[6],
        masks=total[10],
        masks_missed=total[11],
        locks_taken=total[7],
        locks_waited=total[8],
        lock_wait_ns=float(tallies.end.waited.sum()),
        busy_ns=tallies.end.busy,
        transfers=_by_line(place, tallies.transfers),
        measured=_measured(place, tallies, float(duration) - from_time),
        latency_ns=latency[kept],
        latency_port=ports[kept].astype(np.int32),
        handled_ports=ports.copy() if len(tallies.trace) else ports[:0].copy(),
        schedule=tallies.trace[:traced],
    )


def _measured(place: Placement, tallies: _Tallies, duration: float) -> Measured:
    end, before = tallies.end, tallies.before
    total = [int(value) for value in end.total - before.total]
    waited = end.waited - before.waited
    raisers = [number for number, role in enumerate(place.roles) if role == RAISER]
    return Measured(
        duration_ns=max(duration, 1.0),
        handled=total[2],
        coalesced=total[3],
        upcalls=total[5],
        hypercalls=total[6],
        hypercall_ns=float((end.called - before.called).sum()),
        locks_taken=total[7],
        locks_waited=total[8],
        lock_wait_ns=float(waited.sum()),
        raiser_wait_ns=float(waited[raisers].sum()),
        busy_ns=end.busy - before.busy,
        transfers=_by_line(place, end.transfers - before.transfers),
    )


def _by_line(place: Placement, transfers: npt.NDArray[np.int64]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, moved in zip(place.line_names, transfers, strict=False):
        found[name] = found.get(name, 0) + int(moved)
    return found


def _number_of(names: tuple[str, ...], wanted: tuple[str, ...]) -> int:
    return next((number for number, name in enumerate(names) if name in wanted), -1)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
