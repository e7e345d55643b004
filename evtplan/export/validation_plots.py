"""Pictures of a validation: the estimate against the exact limit, and where each limit binds."""

from pathlib import Path
from typing import Any

import numpy as np

from evtplan.engine.hosts.counting import vms_by_pages
from evtplan.export.files import write_whole
from evtplan.export.plot import COLOURS, inline_svg, new_figure, svg_bytes
from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.readings import array_function
from evtplan.plans.validation.characterisation import EVENTS, WORDS, errors_of

__all__ = ["inline_plots", "write_plots"]

_PAGES = 131_072  # half of the draft's 1 GiB
_ASKED = (1, 4, 16, 64, 128, 256, 512, 1023, 1024, 2047, 2048, 4096)


def inline_plots() -> tuple[tuple[str, str], ...]:
    """(caption, `<svg>` element) of each picture."""
    return tuple((caption, inline_svg(draw())) for _, caption, draw in _PLOTS)


def write_plots(folder: str) -> None:
    """Write each picture into `folder` as SVG. Raises `OutputError`."""
    for name, _, draw in _PLOTS:
        write_whole(Path(folder) / f"{name}.svg", svg_bytes(draw()))


def _estimate() -> Any:
    """Above VMs a page, below the error: lines by the formulas, rings counted page by page."""
    figure = new_figure(8.0, 7.0)
    above, below = figure.subplots(2, 1, sharex=True)
    events = np.arange(1, EVENTS + 1)
    for place, words in enumerate(WORDS):
        errors = errors_of(words)
        exact, estimate = errors.exact[:, -1], errors.estimate[:, -1]
        colour = COLOURS[place]
        above.plot(events, exact / 2**24, color=colour, label=f"E_P = {words}")
        above.plot(events, estimate / 2**24, color=colour, linestyle=":")
        counted = [int(vms_by_pages([2**20], each, words)[0]) / 2**20 for each in _ASKED]
        above.plot(_ASKED, counted, "o", color=colour, markerfacecolor="none", markersize=5)
        below.plot(events, 100 * (estimate - exact) / exact, color=colour)
    above.plot([], [], "k-", label="exact")
    above.plot([], [], "k:", label="P ÷ (1 + E_V/E_P)")
    above.plot([], [], "ko", markerfacecolor="none", label="counted by the engine")
    above.set_ylabel("VMs a page of P")
    above.legend(frameon=False, ncols=2)
    below.set_ylabel("the estimate is too high, %")
    below.set_xlabel("event channels of a VM, E_V")
    for axes in (above, below):
        axes.set_xscale("log", base=2)
        axes.grid(alpha=0.3)
    return figure


def _limits() -> Any:
    """VMs that each limit allows on the draft's host; what binds is lowest."""
    figure = new_figure(8.0, 4.8)
    axes = figure.add_subplot()
    events = np.arange(1, EVENTS + 1, dtype=np.int64)
    pages = array_function(BOOK["fifo.vm_limit_pages"])
    ports = array_function(BOOK["fifo.vm_limit_backend_ports"])
    whole, none = np.int64(131_071), np.int64(0)
    host = {"words_per_page": np.int64(1024), "pages": np.int64(_PAGES)}
    lines = [
        (f"pages, P = {_PAGES:,}", pages(
            events_per_vm=events, backend_base_ports=none, control_pages_per_vm=none, **host)),
        ("pages with 2 control blocks a VM", pages(
            events_per_vm=events, backend_base_ports=none, control_pages_per_vm=np.int64(2),
            **host)),
    ]  # fmt: skip
    for backends in (1, 16):
        found = ports(
            usable_ports=whole, backend_base_ports=np.int64(62), events_per_vm=events,
            backends=np.int64(backends),
        )  # fmt: skip
        name = "ports of 1 backend" if backends == 1 else f"ports of {backends} backends"
        lines.append((name, found))
    lines.append(("domain IDs", np.full(len(events), 32_751)))
    for place, (name, values) in enumerate(lines):
        axes.plot(events, np.maximum(values, 1), color=COLOURS[place], label=name)
    for control, colour in ((0, COLOURS[0]), (2, COLOURS[1])):
        counted = [int(vms_by_pages([_PAGES], e, 1024, control=control)[0]) for e in _ASKED]
        axes.plot(_ASKED, counted, "o", color=colour, markerfacecolor="none", markersize=5)
    lowest = np.min([values for _, values in lines[:1] + lines[2:3] + lines[4:]], axis=0)
    axes.fill_between(events, 1, np.maximum(lowest, 1), color="grey", alpha=0.12, linewidth=0)
    axes.plot([], [], "ko", markerfacecolor="none", label="counted by the engine")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("event channels of a VM, E_V")
    axes.set_ylabel("VMs")
    axes.legend(frameon=False, fontsize=9)
    axes.grid(alpha=0.3)
    return figure


_PLOTS = (
    (
        "estimate-error",
        "The estimate against the exact limit. Until E_V reaches E_P the two lines are one; from "
        "there on a domU needs another page, which the estimate does not count.",
        _estimate,
    ),
    (
        "limits",
        "Where each limit binds, one backend: the lowest line does. Grey: what a host of one "
        "backend can run without control blocks.",
        _limits,
    ),
)
