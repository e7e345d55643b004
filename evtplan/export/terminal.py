"""Tables for people at a terminal, drawn by Rich."""

import io
import os
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evtplan.export.formats import text_of
from evtplan.export.record import Record, Section, shown_columns

__all__ = ["table_text"]


def table_text(record: Record, *, width: int | None) -> str:
    """`record` as tables at most `width` columns wide where that fits.

    A table that does not fit is drawn wider: a digit is never cut or replaced by an ellipsis.
    """
    out = io.StringIO()
    tables = [_table(section) for section in (record.main, *record.sections)]
    console = Console(
        file=out,
        width=100_000,
        force_terminal=width is not None,
        no_color=bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb" or None,
        highlight=False,
        emoji=False,
    )
    needed = max(console.measure(t).minimum if t.columns else 0 for t in tables)
    console.width = max(width or 80, needed)
    for index, table in enumerate(tables):
        if index:
            console.print()
        console.print(table)
    for note in record.notes:
        console.print(Text(f"note: {note}"), soft_wrap=False)
    return out.getvalue()


def _table(section: Section) -> Table:
    columns = shown_columns(section)
    table = Table(title=section.title or None, title_justify="left", title_style="bold")
    if section.transpose:
        table.show_header = False
        table.add_column(no_wrap=False, min_width=12)
        for _ in section.rows:
            table.add_column(justify="right", no_wrap=True)
        for column in columns:
            values = [_shown(row.get(column.name)) for row in section.rows]
            table.add_row(Text(column.title), *values)
        return table
    for column in columns:
        cells = [row.get(column.name) for row in section.rows]
        numeric = all(_is_number(cell) or cell is None for cell in cells)
        table.add_column(
            Text(column.title), justify="right" if numeric else "left",
            no_wrap=numeric, overflow="fold",
        )  # fmt: skip
    for row in section.rows:
        table.add_row(*(_shown(row.get(column.name)) for column in columns))
    return table


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _shown(cell: Any) -> Text:
    if cell is None:
        return Text("–")
    if isinstance(cell, bool):
        return Text("yes" if cell else "no")
    if isinstance(cell, float):
        return Text(f"{cell:.4g}")
    return Text(text_of(cell))
