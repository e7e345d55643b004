"""Computed columns as CSV, JSON lines or tab-separated text, a chunk of rows at a time.

The bytes are those that `formats` gives for the same rows; many rows are written by compiled code.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evtplan.export.formats import text_of
from evtplan.plans.sweeps.columns import Column

__all__ = ["ROW_FORMATS", "TextAssembly", "text_rows"]

ROW_FORMATS = ("plain", "csv", "jsonl")


class TextAssembly:
    """One text of rows under a heading: chunks stand in it as they come."""

    def __init__(self, names: Sequence[str], form: str) -> None:
        self.head = _heading(names, form)

    def piece(self, data: Any) -> tuple[Any, dict[str, str]]:
        """The rows as they are."""
        return data, {}

    def again(self, _size: int, _told: Mapping[str, Any]) -> None:
        """Nothing need be known of rows that an earlier run has written."""

    def ending(self) -> bytes:
        """Nothing."""
        return b""


def _heading(names: Sequence[str], form: str) -> bytes:
    """What stands above the rows."""
    if form == "jsonl":
        return b""
    if form == "csv":
        return _csv_line(names)
    return ("\t".join(names) + "\n").encode()


def text_rows(columns: Sequence[Column], form: str, *, compiled: bool) -> bytes | memoryview:
    """The rows of `columns` in the format `form`, one of `ROW_FORMATS`; `compiled` where there are
    so many that it pays to load the compiled writer.
    """
    if compiled and all(c.texts is not None or c.values.dtype == np.int64 for c in columns):
        return _compiled(columns, form)
    cells = zip(*(column.cells() for column in columns), strict=True)
    if form == "jsonl":
        names = [column.name for column in columns]
        lines = (
            json.dumps(dict(zip(names, line, strict=True)), ensure_ascii=False) for line in cells
        )
        return "".join(f"{line}\n" for line in lines).encode()
    if form == "plain":
        return "".join("\t".join(map(_plain, line)) + "\n" for line in cells).encode()
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(map(text_of, line) for line in cells)
    return out.getvalue().encode()


def _plain(cell: object) -> str:
    return text_of(cell).replace("\t", " ").replace("\r", " ").replace("\n", " ")


def _csv_line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()


def _compiled(columns: Sequence[Column], form: str) -> memoryview:
    from evtplan.export.digits import write_rows

    names: list[bytes] = []
    kinds = []
    for column in columns:
        if column.texts is None:
            kinds.append(-1)
        else:
            kinds.append(len(names))
            names.extend(_name(text, form) for text in column.texts)
    cells = np.empty((len(columns), columns[0].values.size), dtype=np.int64)
    for place, column in enumerate(columns):
        cells[place] = column.values
    some_missing = any(column.missing_or_none is not None for column in columns)
    missing = np.zeros(cells.shape if some_missing else (len(columns), 0), dtype=bool)
    if some_missing:
        for place, column in enumerate(columns):
            missing[place] = column.missing
    return write_rows(
        cells, missing, np.array(kinds, dtype=np.int64), _pieces(columns, form), names
    )


def _pieces(columns: Sequence[Column], form: str) -> list[bytes]:
    """What stands before each cell, in place of a missing one, and at the end of a row."""
    pieces = []
    for place, column in enumerate(columns):
        if form == "jsonl":
            before = "{" if place == 0 else ", "
            key = json.dumps(column.name, ensure_ascii=False)
            pieces += [f"{before}{key}: ".encode(), b"null"]
        else:
            pieces += [b"" if place == 0 else (b"," if form == "csv" else b"\t"), b""]
    return [*pieces, b"}\n" if form == "jsonl" else b"\n"]


def _name(text: str, form: str) -> bytes:
    if form == "jsonl":
        return json.dumps(text, ensure_ascii=False).encode()
    if form == "plain":
        return _plain(text).encode()
    return _csv_line([text, ""]).removesuffix(b",\n")  # quoted as the csv module quotes it
