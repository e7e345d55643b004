"""A validation as one self-contained HTML page, fit to attach to a design review.

The page needs no network: its style and its pictures stand in it.
"""

import html
from collections.abc import Iterable, Mapping
from typing import Any

from evtplan.export.formats import text_of
from evtplan.export.record import Record, Section, shown_columns
from evtplan.export.validation_plots import inline_plots

__all__ = ["validation_page"]

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1a1d21;
  max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.8rem; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; border-bottom: 2px solid #d5dae0; }
p.lead { font-size: 1.1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; }
th, td { border-bottom: 1px solid #d5dae0; padding: .3rem .55rem; text-align: left;
  vertical-align: top; }
th { color: #5b6470; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.disagrees td { background: #fdecea; color: #b3261e; font-weight: 600; }
tr.none td { color: #5b6470; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption, footer { color: #5b6470; font-size: .88rem; }
@media print { @page { size: A4 landscape; margin: 12mm; } body { max-width: none; margin: 0; }
  table { font-size: 7.5pt; } tr, figure { break-inside: avoid; } }
"""


def validation_page(record: Record, version: str) -> str:
    """The page of `record`, whose columns should be the long ones."""
    title = "evtplan: the formulas held against the engine"
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in record.notes[:-2])
    said, total = record.notes[-2:]
    figures = "".join(
        f"<figure>{svg}<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, svg in inline_plots()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="lead">{html.escape(said)}. {html.escape(total)}.</p>\n'
        "<p>Two halves of evtplan that know nothing of each other answer the same questions: the "
        "closed form, a formula of the book, and the engine, which opens every channel by "
        "hypercall, adds every page and counts. Where more than one point was asked, the row "
        "shows the one at which the two lie furthest apart.</p>\n"
        f"{figures}\n{''.join(_table(section) for section in (record.main, *record.sections))}"
        f"<h2>Without a counterpart</h2>\n<ul>{notes}</ul>\n"
        f"<footer>evtplan {html.escape(version)}, scale {record.extra['scale']}. Run again: "
        f"<code>evtplan validate --scale {record.extra['scale']}</code></footer>\n</body></html>\n"
    )


def _table(section: Section) -> str:
    columns = shown_columns(section)
    head = "".join(f"<th>{html.escape(column.title)}</th>" for column in columns)
    body = "".join(_line(row, [column.name for column in columns]) for row in section.rows)
    return (
        f"<h2>{html.escape(section.title)}</h2>\n"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def _line(row: Mapping[str, Any], names: Iterable[str]) -> str:
    verdict = str(row.get("verdict", ""))
    kind = {"disagrees": ' class="disagrees"', "no counterpart": ' class="none"'}.get(verdict, "")
    cells = "".join(_cell(row.get(name)) for name in names)
    return f"<tr{kind}>{cells}</tr>\n"


def _cell(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="n">{value:,}</td>'
    if isinstance(value, Mapping):
        return f"<td>{html.escape(', '.join(f'{k} {v:,}' for k, v in value.items()))}</td>"
    return f"<td>{html.escape(text_of(value))}</td>"
