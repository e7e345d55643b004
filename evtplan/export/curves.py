"""Plots of simulated configurations: distribution of latency, or curves over rate or raisers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evtplan.errors import EvtplanError
from evtplan.export.files import open_whole

if TYPE_CHECKING:
    from evtplan.plans.simulating import Simulated

__all__ = ["draw_simulation", "plot_format"]

_SUFFIXES = (".svg", ".png", ".pdf")

# Panels: a measure, its axis, and what it is multiplied by.
_LATENCY = ("latency_p99_ns", "99 % latency (µs)", 1e-3)
_SPINNING = ("lock_spin_share", "raisers' time spinning (%)", 100.0)
_HANDLED = ("handled_per_second", "events handled (per second)", 1.0)
_HYPERCALLS = ("hypercall_cpu_share", "CPU in unmask hypercalls (%)", 100.0)
_WAIT = ("lock_wait_mean_ns", "wait per lock taken (ns)", 1.0)
_LINES = ("line_transfers_per_event", "cache lines moved per event", 1.0)


def draw_simulation(path: Path, found: Sequence["Simulated"]) -> None:
    """Draw `found` to `path`, whole or not at all; the same runs give the same bytes.

    Raises `EvtplanError` for a suffix that is no picture.
    """
    kind = plot_format(path)
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "evtplan", "svg.fonttype": "none"}):
        figure = _figure(pyplot, found)
        with open_whole(path) as stream:
            figure.savefig(stream, format=kind, metadata=_dateless(kind))
        pyplot.close(figure)


def _figure(pyplot: Any, found: Sequence["Simulated"]) -> Any:
    """Curves over what differs most: raisers, rates, places of the lock; else distributions."""
    if len({item.raisers for item in found}) > 1:
        return _curves(pyplot, found, "raisers", "CPUs that raise (count)", (_LATENCY, _SPINNING))
    if len({item.rate_per_second for item in found}) > 1:
        panels = [_LATENCY, _HANDLED]
        if any(item.measures.hypercalls_per_second.mean > 0 for item in found):
            panels.append(_HYPERCALLS)
        return _curves(pyplot, found, "rate_per_second", "events raised (per second)", panels)
    if len({item.lock_place for item in found}) > 1:
        return _curves(pyplot, found, "lock_place", "where the lock lies", (_WAIT, _LINES))
    return _distribution(pyplot, found)


def plot_format(path: Path) -> str:
    """The kind of picture that `path` names. Raises `EvtplanError` where it names none."""
    if path.suffix.lower() not in _SUFFIXES:
        raise EvtplanError(f"{path}: plots are drawn as {', '.join(_SUFFIXES)}")
    return path.suffix.lower().removeprefix(".")


def _dateless(kind: str) -> dict[str, Any]:
    return {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})


def _distribution(pyplot: Any, found: Sequence["Simulated"]) -> Any:
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for item, name in zip(found, _labels(found, ""), strict=True):
        latency = np.sort(np.concatenate([run.latency_ns for run in item.runs]))
        if not len(latency):
            continue  # nothing was handled
        share = np.linspace(0, 1, min(len(latency), 1000))
        axes.step(np.quantile(latency, share) / 1000, share, label=name)
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlabel("latency from raise to handler (µs)")
    axes.set_ylabel("share of events handled by then")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    return figure


def _curves(
    pyplot: Any,
    found: Sequence["Simulated"],
    over: str,
    label: str,
    panels: Sequence[tuple[str, str, float]],
) -> Any:
    figure, rows = pyplot.subplots(
        len(panels), 1, figsize=(7, 3 * len(panels)), sharex=True, layout="constrained"
    )
    names = _labels(found, over)
    for axes, (measure, title, scale) in zip(rows, panels, strict=True):
        for name in dict.fromkeys(names):
            items = [item for item, own in zip(found, names, strict=True) if own == name]
            if over != "lock_place":
                items.sort(key=lambda item: float(getattr(item, over)))
            measures = [getattr(item.measures, measure) for item in items]
            _line(axes, [getattr(item, over) for item in items], measures, name, scale)
        axes.set_ylabel(title)
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    rows[-1].set_xlabel(label)
    return figure


def _labels(found: Sequence["Simulated"], over: str) -> list[str]:
    """What tells a configuration from the others that share its place on the x axis."""
    parts: dict[str, Callable[[Simulated], str]] = {
        "raisers": lambda item: f"{item.raisers} raisers",
        "rate_per_second": lambda item: f"{item.rate_per_second:g} a second",
        "lock_place": lambda item: f"lock {item.lock_place}",
        "costs": lambda item: f"{item.costs} costs",
    }
    differ = [
        say
        for name, say in parts.items()
        if name != over and len({getattr(item, name) for item in found}) > 1
    ]
    return [", ".join([item.protocol, *(say(item) for say in differ)]) for item in found]


def _line(axes: Any, x: Sequence[float], measures: Sequence[Any], name: str, scale: float) -> None:
    y = np.array([m.mean for m in measures]) * scale
    error = np.array([m.half_width or 0.0 for m in measures]) * scale
    axes.errorbar(x, y, yerr=error, marker="o", capsize=3, label=name)
