"""`evtplan simulate`: a protocol under load: latency, hypercalls, locks, cache lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.output import FormatOption, OutputOption, emit
from evtplan.errors import EvtplanError, ValueOutOfRangeError
from evtplan.export.record import Column, Record, Section

if TYPE_CHECKING:
    from evtplan.engine.costs import Costs
    from evtplan.engine.simulation import Handler
    from evtplan.plans.simulating import Simulated, SimulationInputs

__all__ = ["simulate"]

_SHOWN = (
    Column("protocol"),
    Column("raisers"),
    Column("rate_per_second", "rate, events/s"),
    Column("costs"),
    Column("lock_place", "lock lies"),
    Column("raised"),
    Column("handled"),
    Column("coalesced"),
    Column("pending", "pending at the end"),
    Column("spurious", "handled, never raised"),
    Column("conserved", "raised = handled + coalesced + pending"),
    Column("handled_per_second", "handled/s"),
    Column("latency_mean_ns", "latency to handler, mean, ns"),
    Column("latency_p50_ns", "latency, median, ns"),
    Column("latency_p99_ns", "latency, 99 %, ns"),
    Column("latency_p999_ns", "latency, 99.9 %, ns"),
    Column("latency_max_ns", "latency, worst, ns"),
    Column("jain_index", "fairness of ports (Jain)"),
    Column("worst_port_p99_ns", "worst port's 99 %, ns"),
    Column("upcalls_per_second", "upcalls/s"),
    Column("hypercalls_per_second", "unmask hypercalls/s"),
    Column("hypercall_cpu_percent", "CPU in those hypercalls, %"),
    Column("vcpu_busy_percent", "VCPU busy, %"),
    Column("raiser_busy_percent", "raisers busy, %"),
    Column("lock_waited_percent", "locks waited for, %"),
    Column("lock_wait_mean_ns", "wait per lock taken, ns"),
    Column("lock_spin_percent", "raisers spinning, %"),
    Column("line_transfers_per_event", "cache lines moved per event"),
)


def simulate(
    protocol: Annotated[
        str,
        typer.Argument(
            metavar="PROTOCOL",
            help="A protocol text: fifo, two-level, draft-a, …, an ABI name (2l-64), or a file.",
        ),
    ],
    rate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N[,N…]",
            help="Events raised per second in all (events/s); several give a row each.  "
            "[default: 27000]",
            show_default=False,
        ),
    ] = None,
    raisers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N[,N…]",
            help="CPUs that raise (count, at most 60); several give a row each.  [default: 1]",
            show_default=False,
        ),
    ] = None,
    ports: Annotated[int, typer.Option(min=1, help="Ports raised (count).")] = 1,
    arrivals: Annotated[
        str, typer.Option(metavar="NAME", help="poisson, periodic or bursty.")
    ] = "poisson",
    zipf: Annotated[
        float, typer.Option(help="Skew of ports: port k has a share as 1/k^ZIPF (0: alike).")
    ] = 0.0,
    burst_on: Annotated[
        float, typer.Option(help="Mean length of a burst (µs), for bursty.")
    ] = 1000.0,
    burst_off: Annotated[
        float, typer.Option(help="Mean silence between bursts (µs), for bursty.")
    ] = 9000.0,
    recording: Annotated[
        Path | None,
        typer.Option(help="Replay arrivals from FILE: `time port` a line, time in nanoseconds."),
    ] = None,
    handler: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="How long a handler runs (ns): 2000, fixed:2000, exponential:2000, "
            "uniform:1000-3000.  A bare number is exponential.  [default: the cost `handled`, "
            "2000 unless --costs or --cost changes it]",
            show_default=False,
        ),
    ] = None,
    masked_for: Annotated[
        float | None,
        typer.Option(
            help="The handler masks its port, and unmasks it this long after (ns): a NIC that "
            "masks while it polls. Without it nothing is masked."
        ),
    ] = None,
    maskers: Annotated[
        int, typer.Option(min=0, help="Ports that can be masked at a time (count; 0: all).")
    ] = 0,
    priority: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PORT=PRIO", help="Priority of a port, 0 highest; repeat it for more."
        ),
    ] = None,
    vcpus: Annotated[
        int, typer.Option(min=1, help="VCPUs of the guest (count); ports go to them in turn.")
    ] = 1,
    place: Annotated[
        list[str] | None,
        typer.Option(metavar="PORT=VCPU", help="Bind a port to a VCPU, from 0; repeatable."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="PROTOCOL", help="Another protocol on the same arrivals."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter of the text; repeat it for more."),
    ] = None,
    lock: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLACE[,PLACE…]",
            help="Where the queue lock lies: apart (lines of its own), control (in the control "
            "block's line), array (in the event array's first line); several give a row each.  "
            "[default: apart]",
            show_default=False,
        ),
    ] = None,
    words: Annotated[
        str,
        typer.Option(metavar="PLACE", help="Event words packed (16 a line) or spread (1 a line)."),
    ] = "packed",
    costs: Annotated[
        Path | None,
        typer.Option(help="Costs from a TOML file; what it leaves out is ours."),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NS",
            help="One cost (ns): hit, transfer, locked, fence, hypercall, upcall, handled; "
            "repeatable.",
        ),
    ] = None,
    free: Annotated[
        bool,
        typer.Option(
            "--free", help="Steps cost nothing, only the handler takes time: for queueing theory."
        ),
    ] = False,
    cost_range: Annotated[
        bool,
        typer.Option(
            "--cost-range", help="Also with every cost at the low and at the high end of its range."
        ),
    ] = False,
    events: Annotated[int, typer.Option(min=10, help="Events in a run (count).")] = 100_000,
    replications: Annotated[
        int, typer.Option(min=1, help="Runs with seeds one after the other (count).")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first run.")] = 1,
    warm_up: Annotated[
        float, typer.Option(help="Share of a run at whose start nothing is measured.")
    ] = 0.1,
    allow_overload: Annotated[
        bool, typer.Option("--allow-overload", help="Simulate more load than can be handled.")
    ] = False,
    by_port: Annotated[
        bool, typer.Option("--by-port", help="Add a row a port, a priority and a cache line.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Draw to FILE (svg, png, pdf): the latency's distribution, or curves over --rate, "
            "--raisers or --lock where those are several."
        ),
    ] = None,
    format_: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Run a protocol under load: latency, fairness, hypercalls, locks, cache lines.

    The steps are those of the protocol text itself; what each costs is a file of costs with
    sources. Rates and times carry the half width of their 95 % confidence interval.
    """
    from evtplan.engine.costs import LEVELS
    from evtplan.engine.simulator.workloads import Workload, read_recording
    from evtplan.plans.simulating import (
        SimulationInputs,
        protocols_given,
        simulate_protocols,
    )

    if plot:
        from evtplan.export.curves import draw_simulation, plot_format

        plot_format(plot)  # a wrong suffix is said before the work, not after it
        if output and plot.resolve() == Path(output).resolve():
            raise EvtplanError(f"--plot and --output both name {plot}")
    rates = _numbers("--rate", rate or ["27000"])
    if recording and (rate or zipf or arrivals != "poisson"):
        raise EvtplanError(
            "--recording has arrivals of its own", "leave out --rate, --arrivals and --zipf"
        )
    recorded = read_recording(recording) if recording else None
    for option, mean in (("--burst-on", burst_on), ("--burst-off", burst_off)):
        if not 0 < mean <= 1e9:
            raise ValueOutOfRangeError(option, mean, "above 0 and at most 10^9 microseconds")
    workload = Workload(rates[0], ports, arrivals, zipf, burst_on * 1000, burst_off * 1000)
    costs_given = _costs(costs, cost or [], free)
    inputs = SimulationInputs(
        protocols=protocols_given(protocol, against or ()),
        workload=workload,
        rates=rates[:1] if recorded else rates,
        raisers=tuple(_whole("--raisers", n) for n in _numbers("--raisers", raisers or ["1"])),
        maskers=maskers,
        handler=_handler(handler or str(costs_given.ns("handled"))),
        costs=costs_given,
        lock_places=tuple(part for item in lock or ["apart"] for part in item.split(",")),
        words=words,
        masked_for_ns=masked_for,
        events=events,
        replications=replications,
        seed=seed,
        warm_up=warm_up,
        priorities=dict(_pairs("--priority", priority or [])),
        vcpus=vcpus,
        places=dict(_pairs("--place", place or [])),
        parameters=dict(_named("--param", param or [])),
        recording=recorded,
        allow_overload=allow_overload,
        levels=LEVELS if cost_range else ("nominal",),
    )
    found = simulate_protocols(inputs)
    if plot:
        draw_simulation(plot, found)
    emit(_record(found, inputs, by_port), format_, output)


def _numbers(option: str, given: Sequence[str]) -> tuple[float, ...]:
    found = []
    for part in (piece for item in given for piece in item.split(",")):
        try:
            found.append(float(part))
        except ValueError:
            raise EvtplanError(f"{option}: {part!r} is no number") from None
    return tuple(found)


def _whole(option: str, value: float) -> int:
    if not value.is_integer():
        raise ValueOutOfRangeError(option, value, "a whole number")
    return int(value)


def _named(option: str, given: Sequence[str]) -> list[tuple[str, int]]:
    found = []
    for item in given:
        name, _, value = item.partition("=")
        try:
            found.append((name.strip(), int(value)))
        except ValueError:
            raise EvtplanError(f"{option}: {item!r} is not NAME=WHOLE NUMBER") from None
    return found


def _pairs(option: str, given: Sequence[str]) -> list[tuple[int, int]]:
    try:
        return [(int(name), value) for name, value in _named(option, given)]
    except ValueError:
        wrong = ", ".join(given)
        raise EvtplanError(f"{option}: {wrong} is not PORT=WHOLE NUMBER") from None


def _handler(spec: str) -> "Handler":
    from evtplan.engine.simulation import Handler

    kind, _, value = spec.rpartition(":")
    kind = kind or "exponential"
    try:
        if kind == "uniform":
            low, high = (float(part) for part in value.split("-"))
            return Handler((low + high) / 2, kind, (high - low) / 2)
        return Handler(float(value), kind)
    except ValueError:
        raise EvtplanError(
            f"--handler: {spec!r} is no duration in nanoseconds",
            "as in 2000, fixed:2000, exponential:2000, uniform:1000-3000",
        ) from None


def _costs(path: Path | None, changes: Sequence[str], free: bool) -> "Costs":
    from evtplan.engine.costs import default_costs, read_costs

    costs = read_costs(path) if path else default_costs()
    if free:
        costs = costs.only("handled")
    for item in changes:
        name, _, value = item.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise EvtplanError(f"--cost: {item!r} is not NAME=NANOSECONDS") from None
        costs = costs.with_ns(**{name.strip(): number})
    return costs


def _record(found: Sequence["Simulated"], inputs: "SimulationInputs", by_port: bool) -> Record:
    rows = tuple(_with_percents(item.row()) for item in found)
    sections: tuple[Section, ...] = ()
    if by_port:
        sections = (
            Section("ports", "By port", tuple(_port_rows(found, "ports", "port"))),
            Section(
                "priorities", "By priority", tuple(_port_rows(found, "priorities", "priority"))
            ),
            Section("lines", "Cache lines moved", tuple(_line_rows(found))),
        )
        sections = tuple(section for section in sections if section.rows)
    return Record(
        "simulate",
        rows,
        columns=_SHOWN,
        title="Simulation",
        transpose=True,
        sections=sections,
        notes=tuple(_notes(found, inputs)),
    )


def _with_percents(row: dict[str, object]) -> dict[str, object]:
    """Shares also in per cent, for tables."""
    found: dict[str, object] = {}
    for name, value in row.items():
        found[name] = value
        if name.endswith("_share") and isinstance(value, float):
            found[name.removesuffix("_share") + "_percent"] = 100 * value
    return found


def _head(item: "Simulated") -> dict[str, Any]:
    return {
        "protocol": item.protocol,
        "raisers": item.raisers,
        "rate_per_second": item.row()["rate_per_second"],
        "costs": item.costs,
        **({"lock_place": item.lock_place} if item.lock_place != "apart" else {}),
    }


def _port_rows(
    found: Sequence["Simulated"], which: str, heading: str
) -> Iterator[dict[str, object]]:
    for item in found:
        for port in getattr(item, which):
            yield {
                **_head(item),
                heading: port.port,
                "handled": port.handled,
                "mean_ns": port.mean_ns,
                "p50_ns": port.p50_ns,
                "p99_ns": port.p99_ns,
                "max_ns": port.max_ns,
            }


def _line_rows(found: Sequence["Simulated"]) -> Iterator[dict[str, object]]:
    for item in found:
        measured = [run.measured for run in item.runs]
        handled = max(1, sum(part.handled for part in measured))
        for name in dict.fromkeys(name for part in measured for name in part.transfers):
            moved = sum(part.transfers.get(name, 0) for part in measured)
            yield {
                **_head(item),
                "line": name,
                "transfers": moved,
                "transfers_per_event": moved / handled,
            }


def _notes(found: Sequence["Simulated"], inputs: "SimulationInputs") -> Iterator[str]:
    assumed = [c for c in inputs.costs.by_name.values() if c.certainty == "assumed" and c.ns]
    if assumed:
        yield "costs assumed, not measured: " + ", ".join(
            f"{c.name} {c.ns:g} ns ({c.low:g} to {c.high:g})"
            for c in assumed
            if c.name != "handled"
        )
    yield (
        f"handler: {inputs.handler.kind}, mean {inputs.handler.mean_ns:g} ns; latency runs from "
        "the raise to the start of its handler"
    )
    for item in found:
        if any(run.masks_missed for run in item.runs):
            missed = sum(run.masks_missed for run in item.runs)
            yield f"{item.protocol}: {missed} times no masker was free: give more --maskers"
        lost = sum(run.outstanding for run in item.runs)
        if lost:
            yield f"{item.protocol}: {lost} events were still pending when everything was at rest"
