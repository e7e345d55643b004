"""Tables for people at a terminal, drawn by Rich."""

import io
import os
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evtplan.export.formats import text_of
from evtplan.export.record import Record, Section, shown_columns

__all__ = ["table_text"]

# Cells up to this many characters stay on one line; longer text wraps between words.
_NEVER_BROKEN = 20
# A word longer than this is broken: a path, not a number (those are never broken).
_LONGEST_WORD = 40


def table_text(record: Record, *, width: int | None) -> str:
    """`record` as tables at most `width` columns wide where that fits.

    A table that does not fit is drawn wider: a digit is never cut or replaced by an ellipsis.
    """
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    console = Console(
        file=io.StringIO(),
        width=width or 80,
        force_terminal=width is not None and not plain,
        no_color=plain,
        highlight=False,
        emoji=False,
    )
    for index, section in enumerate((record.main, *record.sections)):
        if index:
            console.print()
        table, needed = _table(section, width or 80)
        console.width = max(width or 80, needed)
        console.print(table)
    console.width = width or 80
    for note in record.notes:
        console.print(Text(f"note: {note}"))
    out = console.file
    assert isinstance(out, io.StringIO)
    lines = out.getvalue().splitlines()
    return "".join(line.rstrip() + "\n" for line in lines)


def _table(section: Section, width: int) -> tuple[Table, int]:
    """The table of `section`, and how wide it is: `width` at most, or what nothing is cut at."""
    columns = shown_columns(section)
    headings = [column.title for column in columns]
    grid: list[list[Any]] = [[row.get(column.name) for column in columns] for row in section.rows]
    if section.transpose:
        grid = [list(line) for line in zip(headings, *grid, strict=True)]
        headings = [""] * (len(section.rows) + 1)
    table = Table(
        title=section.title or None,
        title_justify="left",
        title_style="bold",
        show_header=not section.transpose,
    )
    widths = _widths(headings, grid, width)
    for index, heading in enumerate(headings):
        numbers = all(_is_number(line[index]) or line[index] is None for line in grid)
        right = numbers or (section.transpose and index > 0)
        table.add_column(
            Text(heading),
            justify="right" if right else "left",
            width=widths[index],
            overflow="fold",
        )
    for line in grid:
        table.add_row(*(_shown(cell) for cell in line))
    return table, sum(widths) + 3 * len(widths) + 1


def _widths(headings: list[str], grid: list[list[Any]], width: int) -> list[int]:
    """Column widths that fit `width` with their borders, or the least that cut nothing."""
    columns = [[line[index] for line in grid] for index in range(len(headings))]
    least = [_least(h, cells) for h, cells in zip(headings, columns, strict=True)]
    widths = [
        max([cell_len(h), *(cell_len(_shown(cell).plain) for cell in cells)])
        for h, cells in zip(headings, columns, strict=True)
    ]
    excess = sum(widths) + 3 * len(widths) + 1 - width
    while excess > 0:
        slack = [wide - low for wide, low in zip(widths, least, strict=True)]
        if not any(slack):
            break
        widest = max((wide, index) for index, wide in enumerate(widths) if slack[index])[1]
        widths[widest] -= 1
        excess -= 1
    return widths


def _least(heading: str, cells: Sequence[Any]) -> int:
    """Room for every short cell on one line, and for every word of the others."""
    least = max((cell_len(word) for word in heading.split()), default=1)
    for cell in cells:
        text = _shown(cell).plain
        whole = _is_number(cell) or cell_len(text) <= _NEVER_BROKEN
        words = [cell_len(text)] if whole else [cell_len(word) for word in text.split()]
        least = max([least, *(words if whole else (min(word, _LONGEST_WORD) for word in words))])
    return least


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
