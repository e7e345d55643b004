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
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from evtplan.engine.costs import Costs
from evtplan.engine.flat import RECORD, emit_names, step_source
from evtplan.engine.simloop import loop
from evtplan.engine.system import (
    Choose,
    ProcessKind,
    TransitionSystem,
    Variable,
    VariableKind,
)
from evtplan.engine.workloads import Arrivals
from evtplan.errors import EvtplanError, UnknownNameError, ValueOutOfRangeError

__all__ = [
    "HANDLERS",
    "LOCK_PLACES",
    "WORD_PLACES",
    "Handler",
    "Machine",
    "Run",
    "simulate",
]

LOCK_PLACES: tuple[str, ...] = ("apart", "control", "array")
WORD_PLACES: tuple[str, ...] = ("packed", "spread")
HANDLERS: tuple[str, ...] = ("exponential", "fixed", "uniform")

LINE_BYTES = 64
WORD_BYTES = 4
MOST_CPUS = 62  # sharers of a line are bits of one signed 64-bit word

_ROLES = {"raiser": 0, "consumer": 1, "masker": 2}
_COST_ORDER = ("hit", "transfer", "locked", "fence", "hypercall", "upcall")


@dataclass(frozen=True, slots=True)
class Handler:
    """How long the guest's handler takes, in nanoseconds: `mean_ns`, `exponential`, `fixed`, or
    `uniform` between mean − spread and mean + spread.
    """

    mean_ns: float
    kind: str = "exponential"
    spread_ns: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in HANDLERS:
            raise UnknownNameError("distribution of the handler", self.kind, HANDLERS)
        if not 0 <= self.mean_ns <= 1e9:
            raise ValueOutOfRangeError("handler", self.mean_ns, "from 0 to 10^9 nanoseconds")
        if not 0 <= self.spread_ns <= self.mean_ns:
            raise ValueOutOfRangeError("handler spread", self.spread_ns, "from 0 to the mean")

    def draw(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """`count` durations."""
        if self.kind == "exponential":
            return rng.exponential(self.mean_ns, count) if self.mean_ns else np.zeros(count)
        if self.kind == "uniform":
            low, high = self.mean_ns - self.spread_ns, self.mean_ns + self.spread_ns
            return rng.uniform(low, high, count)
        return np.full(count, self.mean_ns)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the protocol runs on: costs, the handler, and where the variables lie.

    `lock_place`: the queue lock and what else only Xen sees in lines `apart`, in the line of the
    `control` block, or in the first line of the event `array`. `words`: event words `packed` 16 a
    line, or `spread` one a line. `masked_for_ns` None: the handler does not mask; else each handled
    port is masked at once and unmasked that long after.
    """

    costs: Costs
    handler: Handler
    lock_place: str = "apart"
    words: str = "packed"
    masked_for_ns: float | None = None

    def __post_init__(self) -> None:
        if self.lock_place not in LOCK_PLACES:
            raise UnknownNameError("place of the lock", self.lock_place, LOCK_PLACES)
        if self.words not in WORD_PLACES:
            raise UnknownNameError("place of the words", self.words, WORD_PLACES)
        if self.masked_for_ns is not None and not 0 <= self.masked_for_ns <= 1e9:
            raise ValueOutOfRangeError("masked for", self.masked_for_ns, "from 0 to 10^9 ns")


@dataclass(frozen=True)
class Run:
    """One run. Times are nanoseconds; arrays of latencies leave the warm-up out.

    `raised` = `handled` + `coalesced` + `outstanding`, and `outstanding` (raises counted by the
    simulator and not handled) equals `pending` (bits that the protocol's own memory has set) where
    the text has pending bits: `conserved` says that both hold. `schedule` has (process, choice)
    of the first steps, where it was asked for.
    """

    system: TransitionSystem
    raisers: int
    duration_ns: float
    steps: int
    raised: int
    handled: int
    coalesced: int
    outstanding: int
    pending: int | None
    spurious: int
    upcalls: int
    hypercalls: int
    masks: int
    masks_missed: int
    locks_taken: int
    locks_waited: int
    lock_wait_ns: float
    busy_ns: npt.NDArray[np.float64]
    cpu_names: tuple[str, ...]
    transfers: Mapping[str, int]
    latency_ns: npt.NDArray[np.float64]
    latency_port: npt.NDArray[np.int64]
    handled_ports: npt.NDArray[np.int64]
    schedule: npt.NDArray[np.int64] = field(repr=False)

    @property
    def conserved(self) -> bool:
        """Nothing raised has vanished, and nothing was handled that was not raised."""
        counted = self.raised == self.handled + self.coalesced + self.outstanding
        return counted and (self.pending is None or self.pending == self.outstanding)


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

    `warm_up` is the share of the time at whose start arrivals are not measured. `compiled` False
    runs the same loop in plain Python. Raises `EvtplanError` for a text that does not keep to the
    conventions, and where it breaks a property or runs without end.
    """
    plan = _Plan(system, machine)
    return plan.run(arrivals, seed, warm_up, keep_schedule, compiled)


# ---- from a system to arrays -----------------------------------------------------------------


class _Plan:
    """Where everything of one system lies on the machine."""

    def __init__(self, system: TransitionSystem, machine: Machine) -> None:
        self.system, self.machine = system, machine
        self.processes = system.processes
        self.kinds = [system.kinds.index(kind) for kind, _ in self.processes]
        self.roles = [_role(kind.name) for kind, _ in self.processes]
        if 0 not in self.roles:
            raise EvtplanError(
                f"{system.name} has no raiser to give the workload to",
                "a text that is simulated needs a process whose name begins with raiser",
            )
        self.raisers = [n for n, role in enumerate(self.roles) if role == 0]
        self.cpus, self.cpu_names = self._cpus()
        if len(self.cpu_names) > MOST_CPUS:
            raise ValueOutOfRangeError("CPUs", len(self.cpu_names), f"at most {MOST_CPUS}")
        self.lines, self.line_names = self._lines()
        self.ports = max(
            (self._ports_of(v) for v in system.variables if _has_pending(v)), default=0
        )

    def _cpus(self) -> tuple[list[int], tuple[str, ...]]:
        """A CPU for each raiser, one for each consumer; maskers share the consumers'."""
        names: list[str] = []
        cpus = [0] * len(self.processes)
        consumers = []
        for number, (kind, index) in enumerate(self.processes):
            if self.roles[number] != 2:
                cpus[number] = len(names)
                names.append(f"{kind.name} {index}" if kind.count > 1 else kind.name)
                if self.roles[number] == 1:
                    consumers.append(cpus[number])
        for number, (_, index) in enumerate(self.processes):
            if self.roles[number] == 2:
                cpus[number] = consumers[index % len(consumers)] if consumers else 0
        return cpus, tuple(names)

    def _lines(self) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """The cache line of every cell, and the name of every line's group."""
        line_of = np.zeros(max(1, self.system.cells), dtype=np.int64)
        names: list[str] = []
        lines: dict[tuple[str, int], int] = {}

        def line(group: str, number: int) -> int:
            key = (group, number)
            if key not in lines:
                lines[key] = len(names)
                names.append(group)
            return lines[key]

        for variable in self.system.variables:
            if variable.kind is not VariableKind.SHARED:
                continue
            group = self._group(variable)
            for cell in range(variable.cells):
                line_of[variable.base + cell] = line(group, self._line_number(variable, cell))
        return line_of, tuple(names)

    def _group(self, variable: Variable) -> str:
        if variable.layout is not None or variable.name in ("pending", "mask", "masked"):
            return "event array"
        if variable.owner == "xen":
            return {"apart": "queue lock", "control": "control block", "array": "event array"}[
                self.machine.lock_place
            ]
        if variable.name.startswith(("upcall", "sel")):
            return "vcpu_info"
        return "control block"

    def _line_number(self, variable: Variable, cell: int) -> int:
        if self._group(variable) != "event array":
            if len(variable.dims) >= 1:  # a control block, queue or vcpu_info for each VCPU
                below = variable.cells // variable.dims[0][1]
                return cell // below
            return 0
        if variable.owner == "xen":
            return 0
        if self.machine.words == "spread":
            return cell
        size = WORD_BYTES if variable.layout is not None else 8
        return cell * size // LINE_BYTES

    def _ports_of(self, variable: Variable) -> int:
        if variable.layout is not None:
            first, count = variable.dims[0]
            return first + count - 1
        return variable.cells * variable.bits - 1

    def _pending(self, port: int) -> tuple[int, int]:
        """The cell and the bit that tell whether `port` is pending; cell −1 where none does."""
        for variable in self.system.variables:
            if not _has_pending(variable):
                continue
            if variable.layout is not None:
                bit = next(f.offset for f in variable.layout.fields if f.name == "pending")
                return variable.base + port - variable.dims[0][0], bit
            return variable.base + port // variable.bits, port % variable.bits
        return -1, 0

    def run(
        self,
        arrivals: Arrivals,
        seed: int,
        warm_up: float,
        keep_schedule: int,
        compiled: bool,
    ) -> Run:
        """One run; see `simulate`."""
        system, machine = self.system, self.machine
        code = _compiled(system, compiled)
        most_port = int(arrivals.ports.max())
        if self.ports and most_port > self.ports:
            raise ValueOutOfRangeError("port", most_port, f"at most {self.ports} in {system.name}")
        times, ports, begins, ends = self._dealt(arrivals)
        events = len(arrivals)
        count = len(self.processes)
        mem: Any = [value for v in system.variables for value in v.initial] or [0]
        if compiled:
            mem = np.array([_signed(value) for value in mem], dtype=np.int64)
        most_locals = max(1, *(len(kind.locals) for kind in system.kinds))
        start = np.zeros((count, most_locals + 1), dtype=np.int64)
        for number, (kind, _) in enumerate(self.processes):
            start[number, 0] = kind.start
            start[number, 1 : 1 + len(kind.initial)] = [_signed(v) for v in kind.initial]
        most_points = max(len(kind.points) for kind in system.kinds)
        chooses = np.zeros((len(system.kinds), most_points), dtype=np.bool_)
        idles = np.zeros_like(chooses)
        for row, kind in enumerate(system.kinds):
            for point in kind.points:
                chooses[row, point.index] = any(isinstance(s, Choose) for s in point.body)
                idles[row, point.index] = point.waits
        names = emit_names(system)
        emits = [_number_of(names, wanted) for wanted in _COUNTED]
        pending = np.array([self._pending(port) for port in range(most_port + 1)], dtype=np.int64)
        cost = np.array(
            [machine.costs.ns(name) for name in _COST_ORDER]
            + [-1.0 if machine.masked_for_ns is None else machine.masked_for_ns]
            + [1.0 if arrivals.closed else 0.0]
        )
        rng = np.random.Generator(np.random.PCG64([seed, 1]))
        room = 2 * events + 16
        first_of = np.full(most_port + 1, -1, dtype=np.int64)
        after = np.full(room, -1, dtype=np.int64)
        latency, latency_port = np.zeros(room), np.zeros(room, dtype=np.int64)
        total = np.zeros(16, dtype=np.int64)
        waited, busy = np.zeros(count), np.zeros(len(self.cpu_names))
        transfers = np.zeros(len(self.line_names) or 1, dtype=np.int64)
        trace = np.zeros((keep_schedule, 2), dtype=np.int64)
        duration, nodes, traced = code(
            np.array(self.kinds, dtype=np.int64),
            np.array([index for _, index in self.processes], dtype=np.int64),
            np.array(self.cpus, dtype=np.int64),
            np.array(self.roles, dtype=np.int64),
            start,
            start[:, 0].copy(),
            start[:, 1:].copy(),
            chooses,
            idles,
            mem,
            np.zeros(RECORD, dtype=np.int64),
            self.lines,
            np.full(len(transfers), -1, dtype=np.int64),
            np.zeros(len(transfers), dtype=np.int64),
            pending[:, 0].copy(),
            pending[:, 1].copy(),
            *emits,
            cost,
            machine.handler.draw(min(events, 1_000_000), rng),
            times,
            ports,
            begins,
            ends,
            float(arrivals.times_ns[-1]) * warm_up,
            200 * events + 100_000,
            first_of,
            np.zeros(most_port + 1, dtype=np.int64),
            after,
            np.zeros(room),
            latency,
            latency_port,
            total,
            waited,
            busy,
            transfers,
            trace,
        )
        if total[_STOPPED] == 2:
            raise EvtplanError(f"{system.name} breaks one of its own assertions in this run")
        if total[_STOPPED] == 1:
            raise EvtplanError(
                f"{system.name} made {total[0]} steps for {events} events and did not come to rest",
                "check the protocol: evtplan check says where it runs without end",
            )
        handled = int(total[2])
        kept = latency[:handled] >= 0
        by_line: dict[str, int] = {}
        for name, moved in zip(self.line_names, transfers, strict=False):
            by_line[name] = by_line.get(name, 0) + int(moved)
        bits = [(c, b) for c, b in pending if c >= 0]
        still = sum(int(mem[c] >> b) & 1 for c, b in bits) if bits else None
        return Run(
            system=system,
            raisers=len(self.raisers),
            duration_ns=float(duration),
            steps=int(total[0]),
            raised=int(total[1]),
            handled=handled,
            coalesced=int(total[3]),
            outstanding=int(nodes) - handled,
            pending=still,
            spurious=int(total[4]),
            upcalls=int(total[5]),
            hypercalls=int(total[6]),
            masks=int(total[10]),
            masks_missed=int(total[11]),
            locks_taken=int(total[7]),
            locks_waited=int(total[8]),
            lock_wait_ns=float(waited.sum()),
            busy_ns=busy,
            cpu_names=self.cpu_names,
            transfers=by_line,
            latency_ns=latency[:handled][kept],
            latency_port=latency_port[:handled][kept],
            handled_ports=latency_port[:handled],
            schedule=trace[:traced],
        )

    def _dealt(
        self, arrivals: Arrivals
    ) -> tuple[
        npt.NDArray[np.float64],
        npt.NDArray[np.int64],
        npt.NDArray[np.int64],
        npt.NDArray[np.int64],
    ]:
        """The arrivals dealt out: each port has its raiser; with fewer ports than raisers, in
        turn. Returns times and ports raiser by raiser, and where each process's begin and end.
        """
        share = len(self.raisers)
        if len(np.unique(arrivals.ports)) < share:
            dealt = np.arange(len(arrivals)) % share
        else:
            dealt = (arrivals.ports - 1) % share
        order = np.argsort(dealt, kind="stable")
        bounds = np.searchsorted(dealt[order], np.arange(share + 1))
        begins = np.zeros(len(self.processes), dtype=np.int64)
        ends = np.zeros(len(self.processes), dtype=np.int64)
        for place, number in enumerate(self.raisers):
            begins[number], ends[number] = bounds[place], bounds[place + 1]
        return arrivals.times_ns[order], arrivals.ports[order], begins, ends


_STOPPED = 12
# What is counted, by the names that texts emit it under.
_COUNTED = (("handled",), ("hypercall",), ("upcall", "kick"))


def _role(name: str) -> int:
    return next((role for word, role in _ROLES.items() if name.startswith(word)), 3)


def _has_pending(variable: Variable) -> bool:
    if variable.kind is not VariableKind.SHARED:
        return False
    if variable.layout is not None:
        return any(item.name == "pending" for item in variable.layout.fields)
    return variable.name == "pending"


def _number_of(names: tuple[str, ...], wanted: tuple[str, ...]) -> int:
    return next((number for number, name in enumerate(names) if name in wanted), -1)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


# ---- compiled --------------------------------------------------------------------------------


def _compiled(system: TransitionSystem, compiled: bool) -> Callable[..., Any]:
    """The loop bound to the steps of `system`."""
    return _code(_source(system, compiled), compiled)


def _source(system: TransitionSystem, compiled: bool) -> str:
    steps = step_source(system, refill=True, signed=compiled)
    calls = "\n".join(
        f"    if kind == {number}:\n        return step_{kind.name}(mem, loc, pc, me, choice, rec)"
        for number, kind in enumerate(system.kinds)
    )
    dispatch = f"def dispatch(kind, mem, loc, pc, me, choice, rec):\n{calls}\n    return -3\n"
    return f"{steps}\n\n{dispatch}"


def _lowest_bit(word: int) -> int:
    count = 0
    while not (word >> count) & 1 and count < 63:
        count += 1
    return count


@lru_cache(maxsize=32)
def _code(source: str, compiled: bool) -> Callable[..., Any]:
    if not compiled:
        scope: dict[str, Any] = {"lowest_bit": _lowest_bit}
        exec(source, scope)  # printed by flat.py from a transition system, no text of anybody's
        return lambda *arguments: loop(scope["dispatch"], *arguments)
    return _numba_code(source)


def _numba_code(source: str) -> Callable[..., Any]:
    """The steps compiled for this system, and the loop, which is the same for all of them.

    The loop takes the steps through a function pointer, so that its machine code is made once and
    kept on disk; only the steps of a new text cost compiling.
    """
    from numba import njit, types

    whole, row = types.int64, types.int64[::1]
    step_type = whole(whole, row, row, whole, whole, whole, row)
    scope: dict[str, Any] = {"lowest_bit": njit(_lowest_bit)}
    exec(source, scope)  # see _code
    for name in [item for item in scope if item.startswith("step_")]:
        scope[name] = njit(scope[name])
    dispatch = njit(step_type)(scope["dispatch"])
    run = _loop_for(types.FunctionType(step_type))
    return lambda *arguments: run(dispatch, *arguments)


@lru_cache(maxsize=1)
def _loop_for(step: Any) -> Callable[..., Any]:
    from numba import njit, types

    whole, real = types.int64, types.float64
    row, table, times = whole[::1], whole[:, ::1], real[::1]
    result = types.Tuple((real, whole, whole))  # type: ignore[no-untyped-call]
    signature = result(
        step, row, row, row, row, table, row, table,  # dispatch, kind … loc
        types.boolean[:, ::1], types.boolean[:, ::1], row, row, row, row, row,  # … sharers
        row, row, whole, whole, whole, times, times,  # pending_cell … service_ns
        times, row, row, row, real, whole, row, row, row,  # arrival_time … after
        times, times, row, row, times, times, row, table,  # raised_at … trace
    )  # fmt: skip
    compiled: Callable[..., Any] = njit(signature, cache=True)(loop)
    return compiled


def only_kinds(system: TransitionSystem, keep: Callable[[ProcessKind], bool]) -> TransitionSystem:
    """The system without the kinds that `keep` refuses."""
    return replace(system, kinds=tuple(kind for kind in system.kinds if keep(kind)))
