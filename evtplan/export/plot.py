"""A sweep as a picture: curves over one varied number, a heat map over two, chance as shares.

SVG, PNG, or SVG in a page of its own; the same sweep gives the same bytes.
"""

import html
import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from evtplan.errors import EvtplanError, OutputError, UnknownNameError
from evtplan.export.files import write_whole
from evtplan.plans.sweeps.design import Sweep

__all__ = ["check_plot", "draw_sweep", "inline_svg", "new_figure", "svg_bytes"]

_SUFFIXES = (".svg", ".png", ".html")
_MOST_POINTS = 10**6
_MOST_CURVES = 12
_MOST_PANELS = 6
# Told apart by people who do not see all colours (Okabe and Ito), darkest first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Cells of a heat map that have room for their numbers.
_MOST_NUMBERS = 130
_SPELLED = {
    "vm": "VM", "vms": "VMs", "vcpus": "VCPUs", "abi": "ABI", "xen": "Xen", "domu": "domU",
    "domids": "domain IDs", "xenheap": "Xen heap",
}  # fmt: skip
_NAMES = ("binding", "fleet", "abi", "xen", "arch")


def check_plot(sweep: Sweep, path: str, column: str) -> None:
    """Raise `EvtplanError` where `sweep` cannot be drawn, before anything is computed."""
    if Path(path).suffix.lower() not in _SUFFIXES:
        raise EvtplanError(f"--plot {path}: not a picture", "end it in .svg, .png or .html")
    if column not in sweep.known:
        raise UnknownNameError("column", column, sweep.known)
    if column in _NAMES:
        raise EvtplanError(f"--plot-y {column}: a name cannot be drawn", "e.g. --plot-y vm_limit")
    if not Path(path).absolute().parent.is_dir():
        raise OutputError(path, "No such file or directory")
    if sweep.points > _MOST_POINTS:
        raise EvtplanError(
            f"{sweep.points} points are too many to draw", f"vary fewer: up to {_MOST_POINTS}"
        )
    if sweep.sample is None:
        numbers, panels = _numbers(sweep), _panels(sweep)
        if len(numbers) > 2 and not sweep.zipped:
            raise EvtplanError(
                f"{len(numbers)} numbers are varied; a picture shows one or two",
                f"set all but two of {', '.join(numbers)}",
            )
        most = _MOST_CURVES if len(numbers) < 2 or sweep.zipped else _MOST_PANELS
        if panels > most:
            raise EvtplanError(f"{panels} combinations of names are too many for one picture")


def draw_sweep(sweep: Sweep, path: str, column: str) -> None:
    """Draw `column` over the points of `sweep` into the file `path`, written whole."""
    table = _table(sweep, column)
    if not len(table[column]):
        raise EvtplanError("no point satisfies the condition: there is nothing to draw")
    if all(value is None for value in table[column]):
        raise EvtplanError(f"--plot-y {column}: it has no value at any point of this sweep")
    if sweep.sample is not None:
        figure = _shares(sweep, table, column)
    elif len(_numbers(sweep)) == 2 and not sweep.zipped:
        figure = _heat_maps(sweep, table, column)
    else:
        figure = _curves(sweep, table, column)
    told = ", ".join(f"{_label(name)} {value}" for name, value in sweep.subject.told)
    if told:
        figure.suptitle(told, x=0.01, ha="left", fontsize=9, color="#5b6470")
    suffix = Path(path).suffix.lower()
    if suffix == ".png":
        data = _png_bytes(figure)
    elif suffix == ".svg":
        data = svg_bytes(figure)
    else:
        over = " and ".join(_label(key) for key in sweep.keys)
        data = _page(inline_svg(figure), f"{_label(column)} over {over}")
    write_whole(path, data)


def _numbers(sweep: Sweep) -> tuple[str, ...]:
    return tuple(axis.key for axis in sweep.axes if not axis.is_text)


def _panels(sweep: Sweep) -> int:
    product = 1
    for axis in sweep.axes:
        product *= len(axis) if axis.is_text else 1
    return product


def _table(sweep: Sweep, column: str) -> dict[str, list[Any]]:
    """The varied quantities and `column`, row by row."""
    wanted = tuple(dict.fromkeys((*sweep.keys, column, "abi")))
    table: dict[str, list[Any]] = {name: [] for name in wanted}
    for index in range(sweep.chunks):
        columns, _ = sweep.rows(index, wanted)
        for name in wanted:
            table[name].extend(columns[name].cells())
    return table


def _groups(sweep: Sweep, table: dict[str, list[Any]]) -> dict[str, list[int]]:
    """Rows with the same names together, under a title that says them."""
    names = [axis.key for axis in sweep.axes if axis.is_text]
    groups: dict[str, list[int]] = {}
    for row in range(len(table["abi"])):
        title = ", ".join(str(table[name][row]) for name in names)
        groups.setdefault(title, []).append(row)
    return groups


def new_figure(width: float = 8.0, height: float = 4.8) -> Any:
    """A figure that is drawn without a display, in our style."""
    import matplotlib as mpl  # slow to import: only for pictures
    from matplotlib.figure import Figure

    mpl.rcParams.update(
        {
            "svg.hashsalt": "evtplan",
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    return Figure(figsize=(width, height), layout="constrained")


def _curves(sweep: Sweep, table: dict[str, list[Any]], column: str) -> Any:
    figure = new_figure()
    axes = figure.add_subplot()
    numbers = _numbers(sweep)
    groups = _groups(sweep, table)
    if not numbers:
        titles = list(groups)
        values = [table[column][rows[0]] or 0 for rows in groups.values()]
        bars = axes.bar(titles, values, color=COLOURS[0])
        axes.bar_label(bars, fmt=lambda value: f"{value:,.10g}")
        axes.set_ylabel(_label(column))
        _ticks(axes.yaxis)
        return figure
    x = numbers[0]
    curves: dict[tuple[tuple[Any, Any], ...], list[str]] = {}
    for title, rows in groups.items():
        points = sorted(
            (table[x][row], table[column][row]) for row in rows if table[column][row] is not None
        )
        curves.setdefault(tuple(points), []).append(title)
    for place, (curve, titles) in enumerate(curves.items()):
        marker = "o" if len(curve) <= 40 else ""
        axes.plot(
            [p[0] for p in curve],
            [p[1] for p in curve],
            label=", ".join(titles) or None,
            color=COLOURS[place % len(COLOURS)],
            linestyle=("-", "--", ":")[place // len(COLOURS) % 3],
            # Where curves meet, the one below shows at the edges of the one above.
            linewidth=1.4 + 1.2 * (len(curves) - 1 - place) / max(len(curves) - 1, 1),
            marker=marker,
            markersize=3.5,
        )
    _scale(axes, "x", table[x])
    _scale(axes, "y", [v for v in table[column] if v is not None], varied=False)
    beside = ", ".join(_label(name) for name in numbers[1:])
    axes.set_xlabel(_label(x) + (f" (and beside it {beside})" if beside else ""))
    axes.set_ylabel(_label(column))
    axes.grid(alpha=0.3)
    if any(groups):
        axes.legend(frameon=False)
    return figure


def _heat_maps(sweep: Sweep, table: dict[str, list[Any]], column: str) -> Any:
    across, up = _numbers(sweep)[::-1]
    groups = _groups(sweep, table)
    figure = new_figure(5.4 * len(groups) + 1.2, 4.8)
    known = [value for value in table[column] if value is not None]
    low, high = min(known, default=0), max(known, default=1)
    shade, shades = _shade(low, high)
    mesh = None
    panels = []
    for place, (title, rows) in enumerate(groups.items(), 1):
        axes = figure.add_subplot(1, len(groups), place)
        panels.append(axes)
        xs, ys = (sorted({table[key][row] for row in rows}) for key in (across, up))
        cells = np.full((len(ys), len(xs)), np.nan)
        columns, lines = ({v: n for n, v in enumerate(side)} for side in (xs, ys))
        for row in rows:
            value = table[column][row]
            if value is not None:
                cells[lines[table[up][row]], columns[table[across][row]]] = value
        mesh = axes.pcolormesh(
            _edges(xs), _edges(ys), cells, norm=shade, cmap=shades, rasterized=cells.size > 5000
        )
        if cells.size <= _MOST_NUMBERS:
            _write_cells(axes, xs, ys, cells, mesh)
        for direction, values in (("x", xs), ("y", ys)):
            _scale(axes, direction, values)
        axes.set_xlabel(_label(across))
        axes.set_ylabel(_label(up))
        axes.set_title(title)
    bar = figure.colorbar(mesh, ax=panels, label=_label(column))
    bar.ax.yaxis.set_minor_formatter(_minor)
    bar.ax.yaxis.set_major_formatter(_number)
    return figure


def _shade(low: float, high: float) -> tuple[Any, str]:
    """How values are shaded: what is short of zero in another colour, wide ranges by factors."""
    from matplotlib.colors import LogNorm, Normalize, SymLogNorm, TwoSlopeNorm

    furthest = max(abs(low), abs(high))
    if low < 0 < high:
        if furthest >= 100:
            return SymLogNorm(1, vmin=-furthest, vmax=furthest, base=10), "PuOr"
        return TwoSlopeNorm(0, -furthest, furthest), "PuOr"
    if low > 0 and high / low >= 50:
        return LogNorm(low, high), "cividis"
    if low == 0 and high >= 100:
        return SymLogNorm(1, vmin=0, vmax=high, base=10), "cividis"
    return Normalize(low, max(high, low + 1)), "cividis"


def _write_cells(axes: Any, xs: Sequence[int], ys: Sequence[int], cells: Any, mesh: Any) -> None:
    """The value of each cell, dark on light and light on dark."""
    for line, y in enumerate(ys):
        for place, x in enumerate(xs):
            value = cells[line, place]
            if not np.isnan(value):
                red, green, blue, _ = mesh.cmap(mesh.norm(value))
                dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
                axes.text(
                    x, y, _number(value, 0), ha="center", va="center", fontsize=7.5,
                    color="white" if dark else "black",
                )  # fmt: skip


def _edges(values: Sequence[int]) -> list[float]:
    """Where the cells around `values` meet: half way, in the scale they are drawn in."""
    if len(values) == 1:
        return [values[0] * 0.9 - 0.1, values[0] * 1.1 + 0.1]
    if _is_geometric(values):
        middles = [(a * b) ** 0.5 for a, b in pairwise(values)]
        return [values[0] ** 2 / middles[0], *middles, values[-1] ** 2 / middles[-1]]
    middles = [(a + b) / 2 for a, b in pairwise(values)]
    return [2 * values[0] - middles[0], *middles, 2 * values[-1] - middles[-1]]


def _is_geometric(values: Sequence[int]) -> bool:
    """True where the values grow by factors rather than by steps."""
    ordered = sorted(set(values))
    if len(ordered) < 3 or ordered[0] <= 0 or ordered[-1] / ordered[0] < 16:
        return False
    return ordered[1] - ordered[0] < (ordered[-1] - ordered[0]) / (len(ordered) - 1) / 2


def _scale(axes: Any, direction: str, values: Sequence[int], *, varied: bool = True) -> None:
    """Choose how an axis is divided: by factors where `values` grow by them, or, for what is
    computed rather than varied, where they span a wide range, zeros at its foot.
    """
    positive = [value for value in values if value > 0]
    wide = bool(positive) and max(positive) / min(positive) >= 100
    by_factors = _is_geometric(values) if varied else wide
    set_scale = getattr(axes, f"set_{direction}scale")
    if by_factors and len(positive) == len(values):
        set_scale("log", base=2 if varied else 10)
    elif by_factors and min(values) == 0:
        set_scale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
    _ticks(getattr(axes, f"{direction}axis"))


def _ticks(axis: Any) -> None:
    """Whole numbers in groups of three; where the scale is even, at whole numbers only."""
    if axis.get_scale() == "linear":
        from matplotlib.ticker import MaxNLocator

        axis.set_major_locator(MaxNLocator(nbins="auto", integer=True, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(_number)


def _minor(value: float, place: int) -> str:
    """2 and 5 times a power of ten are told, the rest only marked."""
    return _number(value, place) if f"{abs(value):e}"[0] in "25" else ""


def _number(value: float, _place: int) -> str:
    return f"{value:,.10g}".replace("-", "\u2212")


def _shares(sweep: Sweep, table: dict[str, list[Any]], column: str) -> Any:
    """For each value, at which share of the points it is reached."""
    figure = new_figure()
    axes = figure.add_subplot()
    axis_of_abi = next((axis.values for axis in sweep.axes if axis.key == "abi"), ())
    groups: dict[str, list[Any]] = {str(abi): [] for abi in axis_of_abi}
    for abi, value in zip(table["abi"], table[column], strict=True):
        if value is not None:
            groups.setdefault(abi, []).append(value)
    groups = {abi: values for abi, values in groups.items() if values}
    for place, (title, values) in enumerate(groups.items()):
        ordered = np.sort(np.array(values))
        share = 100 * (1 - np.arange(len(ordered)) / len(ordered))
        keep = np.unique(np.linspace(0, len(ordered) - 1, 2000).astype(int))
        promised = ordered[len(ordered) // 100]
        axes.plot(
            ordered[keep], share[keep], label=f"{title}: {promised:,} at 99 %",
            color=COLOURS[place % len(COLOURS)], drawstyle="steps-pre",
        )  # fmt: skip
        axes.plot([promised], [99], "o", color=COLOURS[place % len(COLOURS)], markersize=4)
    axes.axhline(99, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel(_label(column))
    axes.set_ylabel("points that reach it, %")
    axes.set_ylim(0, 107)
    everything = [value for values in groups.values() for value in values]
    if min(everything) > 0 and max(everything) / min(everything) >= 100:
        axes.set_xscale("log")
    _ticks(axes.xaxis)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def _label(column: str) -> str:
    return " ".join(_SPELLED.get(word, word) for word in column.split("_"))


def svg_bytes(figure: Any) -> bytes:
    """The figure as SVG, without a date."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "evtplan"})
    return out.getvalue()


def inline_svg(figure: Any) -> str:
    """The figure as an `<svg>` element for a page."""
    text = svg_bytes(figure).decode()
    return text[text.index("<svg") :].strip()


def _png_bytes(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=150, metadata={"Software": None})
    return out.getvalue()


def _page(svg: str, title: str) -> bytes:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>\n"
        "<style>body{font:15px sans-serif;margin:2rem auto;max-width:60rem}"
        "svg{max-width:100%;height:auto}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n{svg}\n</body></html>\n"
    ).encode()
