"""Tables for people at a terminal, drawn by Rich."""

import io
import os
from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evtplan.export.formats import text_of
from evtplan.export.record import Record, Section, shown_columns

__all__ = ["table_text"]

# Cells up to this many characters stay on one line; longer text wraps between words.
_NEVER_BROKEN = 12
# A word longer than this is broken: a path, not a number (those are never broken).
_LONGEST_WORD = 40
# Labels of a table with one quantity a line wrap to no less than this.
_LABELS = 24


def table_text(record: Record, *, width: int | None) -> str:
    """`record` as tables at most `width` columns wide where that fits.

    One with too many columns goes on in a further table; one with too wide a column is drawn
    wider: a digit is never cut or replaced by an ellipsis.
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
        for part, (table, needed) in enumerate(_tables(section, width or 80)):
            if index or part:
                console.print()
            console.width = max(width or 80, needed)
            console.print(table)
    console.width = width or 80
    for note in record.notes:
        console.print(Text(f"note: {note}"))
    out = console.file
    assert isinstance(out, io.StringIO)
    lines = out.getvalue().splitlines()
    return "".join(line.rstrip() + "\n" for line in lines)


def _tables(section: Section, width: int) -> Iterator[tuple[Table, int]]:
    """The tables of `section`, and how wide each is: `width` at most, or what nothing is cut at.

    A section with more columns than fit goes on in further tables, its key columns repeated.
    """
    columns = shown_columns(section)
    headings = [column.title for column in columns]
    grid: list[list[Any]] = [[row.get(column.name) for column in columns] for row in section.rows]
    keys = section.keys
    if section.transpose:
        grid = [list(line) for line in zip(headings, *grid, strict=True)]
        headings, keys = [""] * (len(section.rows) + 1), 1
    least = [_least(h, [line[i] for line in grid]) for i, h in enumerate(headings)]
    if section.transpose:
        longest = max((cell_len(column.title) for column in columns), default=1)
        least[0] = max(least[0], min(_LABELS, longest))
    # Beside the key columns there may be less room than a long word would like.
    room = width - 1 - sum(low + 3 for low in least[:keys]) - 3
    for index in range(keys, len(least)):
        if least[index] > room:
            cells = [line[index] for line in grid]
            least[index] = max(room, _least(headings[index], cells, _NEVER_BROKEN))
    for part, chosen in enumerate(_parts(least, keys, width)):
        some = [[line[index] for index in chosen] for line in grid]
        title = f"{section.title} (continued)" if part and section.title else section.title
        names, lows = [headings[index] for index in chosen], [least[index] for index in chosen]
        yield _table(title, names, some, section.transpose, _widths(names, some, lows, width))


def _parts(least: list[int], keys: int, width: int) -> list[list[int]]:
    """Column numbers of each table: the first `keys` in every one, the others in order."""
    room = width - 1 - sum(low + 3 for low in least[:keys])
    parts: list[list[int]] = []
    left = 0
    for index in range(keys, len(least)):
        if not parts or least[index] + 3 > left:
            parts.append(list(range(keys)))
            left = room
        parts[-1].append(index)
        left -= least[index] + 3
    return parts or [list(range(len(least)))]


def _table(
    title: str, headings: list[str], grid: list[list[Any]], transpose: bool, widths: list[int]
) -> tuple[Table, int]:
    table = Table(
        title=title or None, title_justify="left", title_style="bold", show_header=not transpose
    )
    for index, heading in enumerate(headings):
        numbers = all(_is_number(line[index]) or line[index] is None for line in grid)
        right = numbers or (transpose and index > 0)
        table.add_column(
            Text(heading),
            justify="right" if right else "left",
            width=widths[index],
            overflow="fold",
        )
    for line in grid:
        table.add_row(*(_shown(cell) for cell in line))
    return table, sum(widths) + 3 * len(widths) + 1


def _widths(headings: list[str], grid: list[list[Any]], least: list[int], width: int) -> list[int]:
    """Column widths that fit `width` with their borders, or the least that cut nothing."""
    widths = [
        max([low, cell_len(h), *(cell_len(_shown(line[index]).plain) for line in grid)])
        for index, (h, low) in enumerate(zip(headings, least, strict=True))
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


def _least(heading: str, cells: Sequence[Any], longest: int = _LONGEST_WORD) -> int:
    """Room for every short cell on one line, and for every word of the others up to `longest`."""
    least = max((cell_len(word) for word in heading.split()), default=1)
    for cell in cells:
        text = _shown(cell).plain
        whole = _is_number(cell) or cell_len(text) <= _NEVER_BROKEN
        words = [cell_len(text)] if whole else [cell_len(word) for word in text.split()]
        least = max([least, *(words if whole else (min(word, longest) for word in words))])
    return least


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _shown(cell: Any) -> Text:
    if cell is None:
        return Text("–")
    if isinstance(cell, bool):
        return Text("yes" if cell else "no")
    if isinstance(cell, float):
        # Four digits, but never an exponent where the whole number is no longer.
        return Text(f"{cell:.0f}" if 1e4 <= abs(cell) < 1e15 else f"{cell:.4g}")
    return Text(text_of(cell))
