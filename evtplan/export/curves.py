"""Plots of simulated configurations: distribution of latency, or curves over rate or raisers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evtplan.errors import EvtplanError
from evtplan.export.files import open_whole

if TYPE_CHECKING:
    from evtplan.plans.simulating import Simulated

__all__ = ["draw_simulation", "plot_format"]

_SUFFIXES = (".svg", ".png", ".pdf")


def draw_simulation(path: Path, found: Sequence["Simulated"]) -> None:
    """Draw `found` to `path`, whole or not at all; the same runs give the same bytes.

    Raises `EvtplanError` for a suffix that is no picture.
    """
    kind = plot_format(path)
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "evtplan", "svg.fonttype": "none"}):
        raisers = sorted({item.raisers for item in found})
        rates = sorted({item.rate_per_second for item in found})
        if len(raisers) > 1:
            figure = _curves(pyplot, found, "raisers", "CPUs that raise (count)")
        elif len(rates) > 1:
            figure = _curves(pyplot, found, "rate_per_second", "events raised (per second)")
        else:
            figure = _distribution(pyplot, found)
        with open_whole(path) as stream:
            figure.savefig(stream, format=kind, metadata=_dateless(kind))
        pyplot.close(figure)


def plot_format(path: Path) -> str:
    """The kind of picture that `path` names. Raises `EvtplanError` where it names none."""
    if path.suffix.lower() not in _SUFFIXES:
        raise EvtplanError(f"{path}: plots are drawn as {', '.join(_SUFFIXES)}")
    return path.suffix.lower().removeprefix(".")


def _dateless(kind: str) -> dict[str, Any]:
    return {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})


def _distribution(pyplot: Any, found: Sequence["Simulated"]) -> Any:
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for item in found:
        latency = np.sort(np.concatenate([run.latency_ns for run in item.runs]))
        share = np.linspace(0, 1, min(len(latency), 1000))
        axes.step(np.quantile(latency, share) / 1000, share, label=item.protocol)
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlabel("latency from raise to handler (µs)")
    axes.set_ylabel("share of events handled by then")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    return figure


def _curves(pyplot: Any, found: Sequence["Simulated"], over: str, label: str) -> Any:
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(7, 6), sharex=True, layout="constrained"
    )
    for name in dict.fromkeys(item.protocol for item in found):
        items = sorted((i for i in found if i.protocol == name), key=lambda i: getattr(i, over))
        x = [getattr(item, over) for item in items]
        _line(above, x, [item.measures.latency_p99_ns for item in items], name, 1e-3)
        _line(below, x, [item.measures.lock_spin_share for item in items], name, 100)
    above.set_ylabel("99 % latency (µs)")
    below.set_ylabel("raisers' time spinning (%)")
    below.set_xlabel(label)
    for axes in (above, below):
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    return figure


def _line(axes: Any, x: Sequence[float], measures: Sequence[Any], name: str, scale: float) -> None:
    y = np.array([m.mean for m in measures]) * scale
    error = np.array([m.half_width or 0.0 for m in measures]) * scale
    axes.errorbar(x, y, yerr=error, marker="o", capsize=3, label=name)
