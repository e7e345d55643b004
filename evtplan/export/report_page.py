"""A capacity review as one self-contained HTML page, or as Markdown.

The page needs no network: its style, its plot and its formulas (MathML) stand in it. It is laid
out for a screen and for A4.
"""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from evtplan.export.formats import text_of
from evtplan.plans.report import Report

__all__ = ["report_html", "report_md"]

Rows = Sequence[Mapping[str, Any]]

_STYLE = """
:root { color-scheme: light; --ink: #1a1d21; --soft: #5b6470; --line: #d5dae0; --mark: #0072B2;
  --warn: #b3261e; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink);
  background: #fff; max-width: 62rem; margin: 2.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; border-bottom: 2px solid var(--line);
  padding-bottom: .25rem; }
p.lead { font-size: 1.1rem; margin: .3rem 0 1.4rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .8rem; }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.45rem; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.card b.long { font-size: 1rem; line-height: 1.7; }
.card span { color: var(--soft); font-size: .85rem; }
.card.warn b { color: var(--warn); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 1rem; font-size: .88rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.n, td.w { white-space: nowrap; }
td:first-child { overflow-wrap: anywhere; min-width: 5rem; }
tr.binds td { background: #eef6fb; font-weight: 600; }
figure { margin: 1rem 0; } figure svg { width: 100%; height: auto; }
math { font-family: math, "Cambria Math", "STIX Two Math", "Latin Modern Math", serif; }
mtd { text-align: left; padding: 0 .5em; }
figcaption, .note, footer { color: var(--soft); font-size: .85rem; }
.bar { height: .9rem; background: #e9edf1; border-radius: .45rem; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--mark);
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.bar.over i { background: var(--warn); }
.formula { break-inside: avoid; margin: 0 0 1rem; padding-left: .9rem;
  border-left: 3px solid var(--line); }
.formula code { font-weight: 600; } .formula math { font-size: 1.05rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .6rem; }
@media print {
  @page { size: A4; margin: 16mm 14mm; }
  body { font-size: 10pt; max-width: none; margin: 0; padding: 0; }
  h2 { break-after: avoid; } table, figure, .card, tr { break-inside: avoid; }
  table.long { break-inside: auto; }
  .cards { grid-template-columns: repeat(5, 1fr); gap: .4rem; } .card { padding: .4rem .5rem; }
  .card b { font-size: 1.1rem; } .card b.long { font-size: .8rem; }
  .scroll { overflow: visible; } table { font-size: 8.2pt; } th, td { padding: .2rem .35rem; }
}
"""

_FLEET = {
    "group": "group",
    "type": "type",
    "vms": "VMs",
    "vcpus": "VCPUs",
    "ports_per_domu": "ports, domU",
    "backend_ports_per_vm": "ports, backend",
    "total_pages": "pages",
    "xenheap_bytes": "Xen heap bytes",
    "headroom_ports": "ports left, domU",
}
_COMPARED = {
    "abi": "ABI",
    "vm_limit": "VM limit",
    "binding": "runs out first",
    "headroom_vms": "headroom, VMs",
    "backend_ports": "ports, fullest backend",
    "backend_headroom_ports": "ports left there",
    "total_pages": "pages",
    "total_bytes": "bytes",
    "xenheap_bytes": "Xen heap bytes",
}
_LIMITS = {"limit": "limit", "vms": "VMs", "binds": "binds", "why": "why"}
_EFFECTS = {
    "rank": "rank", "input": "input", "value": "now", "plus_one": "VMs gained by 1 more",
    "minus_one": "by 1 less", "plus_tenth": "by 10 % more", "minus_tenth": "by 10 % less",
}  # fmt: skip
_BREAK_EVEN = {
    "vms_from": "from, VMs", "best_from": "takes the least memory", "best_before": "until then",
}  # fmt: skip
_NO_BREAK_EVEN = "There is none: no other of these ABIs is ever cheaper."
# Columns that hold names of ours.
_WORDS = ("binding", "limit")
# Columns that are never broken.
_WHOLE = ("abi", "limit")
_RUNS_OUT = {
    "backend_ports": "event channels of the fullest backend domain",
    "pages": "pages for event state",
    "domids": "domain IDs",
    "domu_ports": "event channels of a guest",
}


_NONE_FITS = "No VM of this mix fits under any of these ABIs."
# Rows of a table of groups; a table longer than the second may break over pages.
_MOST_GROUPS = 40
_LONG_TABLE = 12


def report_html(report: Report, version: str) -> str:
    """The review as a page; the same review gives the same bytes."""
    title = html.escape(f"Event-channel capacity of {report.fleet.name}")
    body = [
        f"<header><h1>{title}</h1>",
        f'<p class="lead">{html.escape(_lead(report))}</p></header>',
        _cards(report),
        "<section><h2>The fleet</h2>",
        f"<p>{html.escape(_host_line(report))}</p>",
        _table(_groups(report), _FLEET),
        *(f'<p class="note">{html.escape(note)}</p>' for note in _more_groups(report)),
        "</section>",
        "<section><h2>What binds</h2>",
        _table(report.sizing.limits, _LIMITS, mark="binds"),
        "</section>",
        "<section><h2>ABIs side by side</h2>",
        _table([asdict(row) for row in report.compared.rows], _COMPARED),
        "</section>",
        "<section><h2>Break-even</h2>",
        _figure(report),
        _break_even(report),
        "</section>",
        "<section><h2>Sensitivity</h2>",
        _table(report.effects, _EFFECTS) if report.effects else "",
        *(f'<p class="note">{html.escape(note)}</p>' for note in report.effect_notes),
        "</section>",
        "<section><h2>Validation</h2>",
        f"<p>Formulas against the protocol engine: {html.escape(report.validation)}.</p>",
        "</section>",
        "<section><h2>Assumptions</h2><ul>",
        *(f"<li>{html.escape(note)}</li>" for note in report.sizing.notes),
        "</ul></section>",
        "<section><h2>Formulas used</h2>",
        *(_formula(used) for used in report.formulas),
        "</section>",
        f"<footer>evtplan {html.escape(version)}. Counts are exact integers; estimates are named "
        "as such.</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _groups(report: Report) -> list[dict[str, Any]]:
    """The groups with the most VMs, in the fleet's order."""
    groups = report.sizing.groups
    largest = sorted(range(len(groups)), key=lambda at: -groups[at].vms)[:_MOST_GROUPS]
    return [asdict(groups[at]) for at in sorted(largest)]


def _more_groups(report: Report) -> list[str]:
    """What the table of groups leaves out, if anything."""
    left = len(report.sizing.groups) - _MOST_GROUPS
    if left <= 0:
        return []
    vms = sum(row.vms for row in report.sizing.groups) - sum(r["vms"] for r in _groups(report))
    return [
        f"and {_grouped(left)} smaller groups with {_grouped(vms)} VMs between them; "
        "evtplan size lists every one"
    ]


def _lead(report: Report) -> str:
    row = report.sizing.rows[0]
    what = _RUNS_OUT.get(row.binding, row.binding)
    planned, limit = _grouped(row.vms), _grouped(row.vm_limit)
    if row.vm_limit == 0:
        return f"None of the {planned} VMs planned fits under the {row.abi} ABI: too few {what}."
    if row.headroom_vms < 0:
        return (
            f"The {planned} VMs planned do not fit: under the {row.abi} ABI {limit} do, "
            f"and then the host runs out of {what}."
        )
    return (
        f"{planned} {'VM is' if row.vms == 1 else 'VMs are'} planned; under the {row.abi} ABI "
        f"{limit} of this mix fit before the host runs out of {what}."
    )


def _host_line(report: Report) -> str:
    host, row = report.fleet.host, report.sizing.rows[0]
    name = "Host" if host.name == "host" else host.name
    return (
        f"{name}: Xen {row.xen} on {row.arch}, dom0 with {host.dom0_vcpus} VCPUs, "
        f"{row.backends} backend domain{'s' if row.backends != 1 else ''}, {host.toolstack}; "
        f"{_grouped(row.pages)} pages for event state; dom0 needs "
        f"{row.backend_base_ports} ports for itself."
    )


def _cards(report: Report) -> str:
    row = report.sizing.rows[0]
    share = 100 * row.vms / row.vm_limit if row.vm_limit else math.inf
    ports = 100 * row.backend_ports / row.usable_ports_per_domain
    cards = (
        (_grouped(row.vm_limit), "VMs of this mix fit", row.headroom_vms < 0),
        (_grouped(row.headroom_vms), "VMs of headroom", row.headroom_vms < 0),
        (row.binding.replace("_", " "), "runs out first", False),
        (_grouped(row.backend_headroom_ports), "ports left in the fullest backend",
         row.backend_headroom_ports < 0),
        (_grouped(row.total_pages), "pages of event state", False),
    )  # fmt: skip
    boxes = "".join(
        f'<div class="card{" warn" if warn else ""}"><b{_class_of_length(value)}>'
        f"{html.escape(value)}</b>"
        f"<span>{html.escape(text)}</span></div>"
        for value, text, warn in cards
    )
    bars = "".join(
        f'<p class="note">{html.escape(text)}: {_percent(percent)}</p>'
        f'<div class="bar{" over" if percent > 100 else ""}">'
        f'<i style="width:{min(percent, 100):.1f}%"></i></div>'
        for text, percent in (
            ("VMs planned, of those that fit", share),
            ("ports in use in the fullest backend domain", ports),
        )
    )
    return f'<section><h2>Headroom</h2><div class="cards">{boxes}</div>{bars}</section>'


def _class_of_length(value: str) -> str:
    return ' class="long"' if len(value) > 9 else ""


def _percent(value: float) -> str:
    if value > 1000:
        return "none fits" if math.isinf(value) else "more than ten times as many as there are"
    return f"{value:.1f} %"


def _grouped(value: int) -> str:
    """A number for people: groups of three, a true minus sign."""
    return f"{value:,}".replace(",", "\u202f").replace("-", "−")


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _grouped(value)
    return text_of(value)


def _table(rows: Rows, columns: Mapping[str, str], mark: str = "") -> str:
    numeric = {name for name in columns if all(_is_count(row[name]) for row in rows)}
    head = "".join(
        f'<th{_class(name in numeric)} scope="col">{html.escape(title)}</th>'
        for name, title in columns.items()
    )
    long = ' class="long"' if len(rows) > _LONG_TABLE else ""
    lines = []
    for row in rows:
        cells = "".join(
            f"<td{_class(name in numeric, name in _WHOLE)}>"
            f"{html.escape(_in_words(name, row[name]))}</td>"
            for name in columns
        )
        marked = ' class="binds"' if mark and row[mark] else ""
        lines.append(f"<tr{marked}>{cells}</tr>")
    return (
        f'<div class="scroll"><table{long}>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>" + "\n".join(lines) + "</tbody></table></div>"
    )


def _in_words(column: str, value: Any) -> str:
    """A cell; limits as words, which may wrap."""
    text = _shown(value)
    return text.replace("_", " ") if column in _WORDS else text


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _class(numeric: bool, words: bool = False) -> str:
    return ' class="n"' if numeric else ' class="w"' if words else ""


def _break_even(report: Report) -> str:
    if report.break_even:
        return _table(report.break_even, _BREAK_EVEN)
    return f"<p>{_NO_BREAK_EVEN}</p>" if any(curve.points for curve in report.curves) else ""


def _figure(report: Report) -> str:
    if not any(curve.points for curve in report.curves):
        return f"<p>{_NONE_FITS}</p>"
    return (
        f"<figure>{_plot(report)}<figcaption>Memory for event channels as the fleet grows in its "
        "own proportions, up to the limit of each ABI (dot).</figcaption></figure>"
    )


def _formula(used: Any) -> str:
    return (
        f'<div class="formula"><code>{html.escape(used.name)}</code> '
        f'<span class="note">({html.escape(used.kind)}, {html.escape(used.certainty)})</span>'
        f'<div><math display="block">{used.mathml}</math></div>'
        f"<div>{html.escape(used.meaning)}</div>"
        f'<div class="note">{html.escape(used.source)}</div></div>'
    )


def _plot(report: Report) -> str:
    """Memory over VMs, a line for each ABI."""
    from matplotlib.ticker import FuncFormatter

    from evtplan.export.plot import COLOURS, inline_svg, new_figure

    figure = new_figure(9.0, 4.4)
    axes = figure.add_subplot()
    for place, curve in enumerate(c for c in report.curves if c.points):
        xs, ys = zip(*((vms, data / 2**20) for vms, data in curve.points), strict=True)
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(xs, ys, color=colour, label=f"{curve.abi}, up to {curve.vm_limit:,} VMs")
        axes.plot(xs[-1:], ys[-1:], "o", color=colour, markersize=5)
    planned = report.fleet.vms
    told = f"planned: {planned:,}"
    axes.axvline(planned, color="#5b6470", linewidth=0.9, linestyle="--", label=told)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("VMs of this mix")
    axes.set_ylabel("memory, MiB")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(
            FuncFormatter(lambda value, _place: f"{value:,.0f}" if value >= 1 else f"{value:g}")
        )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9)
    return inline_svg(figure)


def report_md(report: Report, version: str) -> str:
    """The review in Markdown: the same sections, the plot as its table, formulas in LaTeX."""
    lines = [f"# Event-channel capacity of {report.fleet.name}", _lead(report)]
    lines += ["## The fleet", _host_line(report)]
    lines += [_md_table(_groups(report), _FLEET), *_more_groups(report)]
    lines += ["## What binds", _md_table(report.sizing.limits, _LIMITS)]
    lines += ["## ABIs side by side"]
    lines += [_md_table([asdict(row) for row in report.compared.rows], _COMPARED)]
    lines += ["## Break-even"]
    lines += [_md_table(report.break_even, _BREAK_EVEN) if report.break_even else _NO_BREAK_EVEN]
    lines += ["## Sensitivity"]
    lines += [_md_table(report.effects, _EFFECTS)] if report.effects else []
    lines += [f"- {note}" for note in report.effect_notes]
    lines += ["## Validation", f"Formulas against the protocol engine: {report.validation}."]
    lines += ["## Assumptions", "\n".join(f"- {note}" for note in report.sizing.notes)]
    lines += ["## Formulas used"]
    for used in report.formulas:
        lines.append(
            f"**{used.name}** ({used.kind}, {used.certainty}): {used.meaning}\n\n"
            f"$$ {used.latex} $$\n\nSource: {used.source}"
        )
    lines.append(f"evtplan {version}")
    return "\n\n".join(lines) + "\n"


def _md_table(rows: Rows, columns: Mapping[str, str]) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    def shown(value: Any) -> str:
        return _shown(value) if value is None or isinstance(value, bool) else text_of(value)

    return "\n".join(
        [
            line(columns.values()),
            "|" + "---|" * len(columns),
            *(line(shown(row[name]) for name in columns) for row in rows),
        ]
    )
