"""Simulate protocol texts under a workload: which runs to make, and what they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite, nan, prod

from evtplan.engine.costs import Costs, default_costs
from evtplan.engine.language import Text, read_text
from evtplan.engine.lowering import lower
from evtplan.engine.simulation import Handler, Machine, Run, simulate
from evtplan.engine.simulator.measures import Measures, PortMeasure, measure, measure_ports
from evtplan.engine.simulator.workloads import Arrivals, Workload, draw
from evtplan.engine.system import TransitionSystem
from evtplan.errors import EvtplanError, UnknownNameError, ValueOutOfRangeError

__all__ = ["Simulated", "SimulationInputs", "simulate_protocols"]

NS_PER_SECOND = 1e9

# ABI names stand for their texts, with the parameters that make the difference.
_ABI_TEXTS: dict[str, tuple[str, dict[str, int]]] = {
    "2l-32": ("two-level", {"word_bits": 32}),
    "2l-64": ("two-level", {"word_bits": 64}),
    "3l-32": ("three-level", {"word_bits": 32}),
    "3l-64": ("three-level", {"word_bits": 64}),
    "fifo-draft-a": ("draft-a", {}),
}
_PRIORITY_VARIABLES = ("priority", "prio", "port_priority")

# A run that ends this much later than its last arrival could not keep up with it.
_LATE = 1.1
_SLACK_HANDLERS = 100  # a queue that may stand at the end of a short run without meaning overload

# Texts look at each port in some loops, which are unrolled up to this many turns.
_MOST_PORTS = 4095
_MOST_KEPT = 100_000_000  # latencies of all runs together: 12 bytes each


@dataclass(frozen=True, slots=True)
class SimulationInputs:
    """What to simulate: every protocol with every number of raisers at every rate.

    `workload` has the arrivals at some rate; `rates` (events a second in all) replaces it one by
    one. `events` arrivals a run, `replications` runs with seeds from `seed` on. `warm_up` is the
    share of a run at whose start nothing is measured. `priorities` by port (the text's default
    elsewhere); the text gets as many priorities as that takes. Ports go to the `vcpus` in turn, or
    where `places` puts them. `recording` replaces drawn arrivals; the rate is then its own.
    `parameters` go to the text. `lock_places`, and `levels` of the costs' ranges (low, nominal,
    high), give configurations of their own.
    """

    protocols: tuple[str, ...]
    workload: Workload
    rates: tuple[float, ...]
    raisers: tuple[int, ...] = (1,)
    maskers: int = 0
    handler: Handler = field(default_factory=lambda: Handler(2000.0))
    costs: Costs = field(default_factory=default_costs)
    lock_places: tuple[str, ...] = ("apart",)
    words: str = "packed"
    masked_for_ns: float | None = None
    events: int = 100_000
    replications: int = 5
    seed: int = 1
    warm_up: float = 0.1
    priorities: Mapping[int, int] = field(default_factory=dict)
    vcpus: int = 1
    places: Mapping[int, int] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)
    recording: Arrivals | None = None
    allow_overload: bool = False
    levels: tuple[str, ...] = ("nominal",)

    def __post_init__(self) -> None:
        if not self.protocols:
            raise EvtplanError("no protocol to simulate")
        if not 1 <= self.replications <= 1000:
            raise ValueOutOfRangeError("replications", self.replications, "from 1 to 1000")
        if not 0 <= self.warm_up < 1:
            raise ValueOutOfRangeError("warm-up", self.warm_up, "a share from 0 to below 1")
        for rate in self.rates:
            replace(self.workload, rate=rate)
        each = self.events if self.recording is None else len(self.recording)
        kept = each * self.replications * self._configurations()
        if kept > _MOST_KEPT:
            reason = f"at most {_MOST_KEPT} in all replications and configurations together"
            raise ValueOutOfRangeError("events", kept, reason)
        if not 1 <= self.vcpus <= 60:
            raise ValueOutOfRangeError("vcpus", self.vcpus, "from 1 to 60")
        for port, vcpu in self.places.items():
            if not 0 <= vcpu < self.vcpus:
                raise ValueOutOfRangeError(f"VCPU of port {port}", vcpu, f"below {self.vcpus}")
        for count in self.raisers:
            if not 1 <= count <= 60:
                raise ValueOutOfRangeError("raisers", count, "from 1 to 60")

    def _configurations(self) -> int:
        several = (self.protocols, self.rates, self.raisers, self.lock_places, self.levels)
        return prod(len(items) for items in several)


@dataclass(frozen=True, slots=True)
class Simulated:
    """One configuration: what was simulated, its measures, and each port's."""

    protocol: str
    raisers: int
    rate_per_second: float
    costs: str
    lock_place: str
    measures: Measures
    ports: tuple[PortMeasure, ...]
    priorities: tuple[PortMeasure, ...]
    runs: tuple[Run, ...]

    def row(self) -> dict[str, object]:
        """The configuration as one row: counts exact, rates and times with their half widths."""
        runs = self.runs
        found: dict[str, object] = {
            "protocol": self.protocol,
            "raisers": self.raisers,
            "rate_per_second": _whole_if_whole(self.rate_per_second),
            "costs": self.costs,
            "lock_place": self.lock_place,
            "replications": len(runs),
            "raised": sum(run.raised for run in runs),
            "handled": sum(run.handled for run in runs),
            "coalesced": sum(run.coalesced for run in runs),
            "pending": sum(run.outstanding for run in runs),
            "spurious": sum(run.spurious for run in runs),
            "conserved": all(run.conserved for run in runs),
            "steps": sum(run.steps for run in runs),
        }
        for item in fields(Measures):
            value = getattr(self.measures, item.name)
            found[item.name] = value.mean if isfinite(value.mean) else None
            found[f"{item.name}_ci95"] = value.half_width
        return found


def _whole_if_whole(value: float) -> float | None:
    if not isfinite(value):
        return None
    return int(value) if value == int(value) else value


def simulate_protocols(inputs: SimulationInputs) -> tuple[Simulated, ...]:
    """Every configuration of `inputs`, protocols side by side on the same arrivals.

    Raises `EvtplanError` for a load above capacity unless it is allowed, and whatever reading the
    texts raises.
    """
    found = []
    for rate in inputs.rates if inputs.recording is None else (_rate_of(inputs.recording),):
        if inputs.recording is None:
            _check_load(inputs, rate)
        for raisers in inputs.raisers:
            for name in inputs.protocols:
                for place in inputs.lock_places:
                    for level in inputs.levels:
                        scene = _Scene(name, raisers, rate, place, level)
                        found.append(_configuration(inputs, scene))
    return tuple(found)


def _rate_of(recording: Arrivals) -> float:
    """Events a second of a recording; NaN where it takes no time."""
    span = float(recording.times_ns[-1])
    return (len(recording) - 1) * NS_PER_SECOND / span if span else nan


def _check_load(inputs: SimulationInputs, rate: float) -> None:
    """Handlers alone must leave every VCPU some of its time."""
    if inputs.allow_overload:
        return
    loads = [0.0] * inputs.vcpus
    workload = replace(inputs.workload, rate=rate)
    shares = workload.share_of_ports()
    for port, share in enumerate(shares.tolist(), 1):
        loads[_vcpu_of(inputs, port)] += share * rate * inputs.handler.mean_ns / NS_PER_SECOND
    load = max(loads)
    if load >= 1:
        one = f"VCPU {loads.index(load)}" if inputs.vcpus > 1 else "1 VCPU"
        of_all = f", {load / sum(loads):.0%} of them its own," if inputs.vcpus > 1 else ""
        raise EvtplanError(
            f"{rate:g} events a second of {inputs.handler.mean_ns:g} ns each{of_all} are "
            f"{load:.2f} times what {one} can handle",
            "lower --rate or --handler, or give --allow-overload to see it coalesce",
        )


def _vcpu_of(inputs: SimulationInputs, port: int) -> int:
    """Ports go to the VCPUs in turn, or where `places` puts them."""
    return inputs.places.get(port, (port - 1) % inputs.vcpus)


@dataclass(frozen=True, slots=True)
class _Scene:
    protocol: str
    raisers: int
    rate: float
    lock_place: str
    level: str


def _configuration(inputs: SimulationInputs, scene: _Scene) -> Simulated:
    name = scene.protocol
    most_port = inputs.workload.ports
    if inputs.recording is not None:
        most_port = max(most_port, int(inputs.recording.ports.max()))
    system = _system(inputs, name, scene.raisers, most_port)
    machine = Machine(
        inputs.costs.at(scene.level).with_ns(handled=inputs.handler.mean_ns),
        inputs.handler,
        scene.lock_place,
        inputs.words,
        inputs.masked_for_ns,
    )
    runs = []
    for seed in range(inputs.seed, inputs.seed + inputs.replications):
        drawn = inputs.recording
        if drawn is None:
            drawn = draw(replace(inputs.workload, rate=scene.rate), inputs.events, seed)
        run = simulate(system, machine, drawn, seed=seed, warm_up=inputs.warm_up)
        _check_kept_up(name, run, drawn, inputs)
        runs.append(run)
    priority_of = _priorities(system)
    return Simulated(
        name,
        scene.raisers,
        scene.rate,
        scene.level,
        scene.lock_place,
        measure(runs),
        tuple(measure_ports(runs)),
        tuple(measure_ports(runs, priority_of.__getitem__)) if priority_of else (),
        tuple(runs),
    )


def _check_kept_up(name: str, run: Run, drawn: Arrivals, inputs: SimulationInputs) -> None:
    """A raiser that falls behind makes the run late; VCPUs that do, let events coalesce."""
    if inputs.allow_overload:
        return
    last = float(drawn.times_ns[-1])
    slack = 1e5 + _SLACK_HANDLERS * inputs.handler.mean_ns
    each = run.consumer_busy_ns / max(run.handled, 1)
    needed = run.raised * each / inputs.vcpus
    if needed > last + slack:
        raise EvtplanError(
            f"{name} could not keep up: {len(drawn)} events that arrive within {last:.0f} ns, each "
            f"{each:.0f} ns of a VCPU with these costs, would take {needed:.0f} ns",
            "lower --rate or --handler, or give --allow-overload to see it coalesce",
        )
    if run.duration_ns > _LATE * last + slack:
        raise EvtplanError(
            f"{name} could not keep up: {len(drawn)} events that arrive within {last:.0f} ns took "
            f"{run.duration_ns:.0f} ns with these costs",
            "lower --rate, add --raisers, or give --allow-overload",
        )


def _system(inputs: SimulationInputs, name: str, raisers: int, ports: int) -> TransitionSystem:
    text_name, fixed = _ABI_TEXTS.get(name, (name, {}))
    text = read_text(text_name)
    wanted = {"ports": ports, "raisers": raisers, **_maskers(text, inputs, ports), **fixed}
    word_bits = inputs.parameters.get("word_bits", wanted.get("word_bits", 64))
    wanted |= {"word_bits": word_bits, "words": ports // word_bits + 1, "vcpus": inputs.vcpus}
    known = text.parameters
    if inputs.priorities:
        wanted["priorities"] = max(inputs.priorities.values()) + 1
        _check_priorities(name, text, inputs.priorities)
    most = _most_ports(text, word_bits)
    if ports > most:
        raise ValueOutOfRangeError("port", ports, f"at most {most} in a simulated {name}")
    for key in inputs.parameters:
        if key not in known:
            raise UnknownNameError(f"parameter of {name}", key, sorted(known))
    parameters = {key: value for key, value in wanted.items() if key in known}
    system = lower(text, {**parameters, **inputs.parameters})
    if inputs.vcpus > 1:
        system = _with_places(system, inputs, ports)
    return _with_priorities(system, inputs.priorities)


def _most_ports(text: Text, word_bits: int) -> int:
    """What the ABI allows (a selector has a bit a word), and what a simulated text can."""
    if "word_bits" not in text.parameters:
        return _MOST_PORTS
    most_words = min(word_bits, text.parameters["words"].most)
    return min(_MOST_PORTS, most_words * word_bits - 1)


def _check_priorities(name: str, text: Text, priorities: Mapping[int, int]) -> None:
    declared = text.parameters.get("priorities")
    if declared is None:
        return
    for priority in priorities.values():
        if not 0 <= priority < declared.most:
            allowed = f"from 0 (highest) to {declared.most - 1} in {name}"
            raise ValueOutOfRangeError("priority", priority, allowed)


def _maskers(text: Text, inputs: SimulationInputs, ports: int) -> dict[str, int]:
    declared = text.parameters.get("maskers")
    most = declared.most if declared else 0
    if not _masks(inputs):
        return {"maskers": 0}
    if most < 1:
        raise EvtplanError(f"{text.name} has no maskers: its ports cannot be masked while handled")
    return {"maskers": inputs.maskers or min(ports, most)}


def _masks(inputs: SimulationInputs) -> bool:
    return inputs.masked_for_ns is not None


def _with_priorities(system: TransitionSystem, priorities: Mapping[int, int]) -> TransitionSystem:
    """The system with its ports' priorities set before anything moves."""
    if not priorities:
        return system
    changed = []
    for variable in system.variables:
        if variable.name in _PRIORITY_VARIABLES and variable.dims:
            first, count = variable.dims[0]
            initial = list(variable.initial)
            for port, priority in priorities.items():
                if not max(first, 1) <= port < first + count:
                    allowed = f"from {max(first, 1)} to {first + count - 1}"
                    raise ValueOutOfRangeError("port", port, allowed)
                if not 0 <= priority <= variable.most:
                    allowed = f"from 0 (highest) to {variable.most}; see --param priorities"
                    raise ValueOutOfRangeError("priority", priority, allowed)
                initial[port - first] = priority
            variable = replace(variable, initial=tuple(initial))
            break
        changed.append(variable)
    else:
        raise EvtplanError(f"{system.name} has no priorities", "fifo has 16")
    rest = system.variables[len(changed) + 1 :]
    return replace(system, variables=(*changed, variable, *rest))


def _with_places(
    system: TransitionSystem, inputs: SimulationInputs, ports: int
) -> TransitionSystem:
    """The system with its ports bound to VCPUs: in Xen, and in a 2-level guest's own masks."""
    places = {port: _vcpu_of(inputs, port) for port in range(1, ports + 1)}
    for port in inputs.places:
        if port not in places:
            raise ValueOutOfRangeError("port", port, f"from 1 to {ports}")
    changed, bound = [], False
    for variable in system.variables:
        initial = list(variable.initial)
        if variable.name == "target" and variable.dims:
            first = variable.dims[0][0]
            for port, vcpu in places.items():
                initial[port - first] = vcpu
            bound = True
        elif variable.name == "cpu_mask":
            words, bits = variable.dims[1][1], variable.bits
            initial = [0] * len(initial)
            for port, vcpu in places.items():
                initial[vcpu * words + port // bits] |= 1 << (port % bits)
        changed.append(replace(variable, initial=tuple(initial)))
    if not bound:
        raise EvtplanError(f"{system.name} does not bind ports to VCPUs", "fifo and 2l-64 do")
    return replace(system, variables=tuple(changed))


def _priorities(system: TransitionSystem) -> dict[int, int]:
    for variable in system.variables:
        if variable.name in _PRIORITY_VARIABLES and variable.dims:
            first = variable.dims[0][0]
            return dict(enumerate(variable.initial, first))
    return {}


def protocols_given(name: str, against: Iterable[str]) -> tuple[str, ...]:
    """The protocol and what it is held against, each once."""
    return tuple(dict.fromkeys((name, *against)))
