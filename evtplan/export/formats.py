"""Every format, from one record; the same record gives the same bytes."""

import csv
import html
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from evtplan.export.record import Record, Section, file_names, shown_columns

__all__ = ["FORMATS", "render"]


def render(record: Record, name: str, *, version: str, width: int | None = None) -> bytes:
    """`record` in the format `name` (a key of `FORMATS`).

    `width` is the terminal's, in columns, and only the format `table` heeds it.
    """
    if name == "table":
        from evtplan.export.terminal import table_text  # Rich: only for people at a terminal

        return table_text(record, width=width).encode()
    if name == "parquet":
        from evtplan.export.parquet import parquet_bytes  # pyarrow: only for Parquet

        return parquet_bytes(record)
    return _TEXT[name](record, version).encode()


def text_of(cell: Any) -> str:
    """A cell as files show it: integers exact, a missing value empty, nested ones as JSON."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(cell)
    if isinstance(cell, dict | list | tuple):
        return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
    return str(cell)


def _sections(record: Record) -> Iterable[Section]:
    return (record.main, *record.sections)


def _grid(section: Section) -> list[list[str]]:
    """The heading and the rows of a table for people, as text."""
    columns = shown_columns(section)
    if section.transpose:
        return [[c.title, *(text_of(row.get(c.name)) for row in section.rows)] for c in columns]
    body = [[text_of(row.get(c.name)) for c in columns] for row in section.rows]
    return [[c.title for c in columns], *body]


def _plain(record: Record, _version: str) -> str:
    blocks = []
    for section in _sections(record):
        names = file_names(section)
        lines: list[Iterable[Any]] = [names]
        lines.extend([row.get(name) for name in names] for row in section.rows)
        blocks.append("".join("\t".join(map(_one_line, line)) + "\n" for line in lines))
    return "\n".join(blocks)


def _one_line(cell: Any) -> str:
    if type(cell) is int:  # nearly all cells of a long table
        return str(cell)
    return text_of(cell).replace("\t", " ").replace("\r", " ").replace("\n", " ")


def _csv(record: Record, _version: str) -> str:
    out = io.StringIO()
    names = file_names(record.main)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([text_of(row.get(name)) for name in names] for row in record.rows)
    return out.getvalue()


def _json(record: Record, version: str) -> str:
    document: dict[str, Any] = {"schema": 1, "command": record.command, "evtplan": version}
    for section in _sections(record):
        document[section.name] = [dict(row) for row in section.rows]
    document.update(record.extra)
    if record.notes:
        document["notes"] = list(record.notes)
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _jsonl(record: Record, _version: str) -> str:
    return "".join(
        json.dumps(dict(row), ensure_ascii=False, allow_nan=False) + "\n" for row in record.rows
    )


def _md(record: Record, _version: str) -> str:
    blocks = []
    for section in _sections(record):
        grid = [[_md_cell(cell) for cell in line] for line in _grid(section)]
        if section.transpose:
            grid.insert(0, [""] * len(grid[0]) if grid else [""])
        rows = ["| " + " | ".join(line) + " |" for line in grid]
        rows.insert(1, "|" + "---|" * len(grid[0]))
        title = f"## {section.title}\n\n" if section.title else ""
        blocks.append(title + "\n".join(rows) + "\n")
    if record.notes:
        blocks.append("".join(f"- {note}\n" for note in record.notes))
    return "\n".join(blocks)


def _md_cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _html(record: Record, _version: str) -> str:
    body = []
    for section in _sections(record):
        body.append(f"<h2>{html.escape(section.title)}</h2>" if section.title else "")
        grid = _grid(section)
        cells = "".join(
            "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in line) + "</tr>\n"
            for tag, line in zip(["th", *["td"] * len(grid)], grid, strict=False)
        )
        body.append(f"<table>\n{cells}</table>")
    body.extend(f"<p>{html.escape(note)}</p>" for note in record.notes)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(record.title or record.command)}</title></head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


_TEXT: dict[str, Callable[[Record, str], str]] = {
    "plain": _plain,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "md": _md,
    "html": _html,
}

FORMATS: tuple[str, ...] = ("table", *_TEXT, "parquet")
