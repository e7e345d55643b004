"""The one record type that commands hand to exporters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

__all__ = ["Cell", "Column", "Record", "Row", "Section", "rows_of"]

# None is a value that does not exist; it is never written as zero.
Cell = str | int | float | bool | None
# JSON cells may nest (lists, objects); the other formats show them as compact JSON.
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` is the key in rows and in files, `heading` what a person reads."""

    name: str
    heading: str = ""

    @property
    def title(self) -> str:
        """The heading, or the name with spaces for underscores."""
        return self.heading or self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Section:
    """A further table of the same answer, below the main one.

    JSON carries it under its `name`; CSV, JSON lines and Parquet leave it out. A table too wide
    for the terminal goes on in another that begins with the first `keys` columns again.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...] = ()
    transpose: bool = False
    keys: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What a command found.

    `rows` go whole into files; `columns` selects and orders what tables for people show
    (all of the first row's keys where empty); `transpose` draws one column a row, for few rows
    of many quantities; `keys` is as in `Section`; `notes` go to stderr in pipes and below the
    table on a terminal.
    """

    command: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...] = ()
    title: str = ""
    transpose: bool = False
    keys: int = 1
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def main(self) -> Section:
        """The rows as a section like the others."""
        return Section("rows", self.title, self.rows, self.columns, self.transpose, self.keys)


def rows_of(answers: Sequence[Any]) -> tuple[Row, ...]:
    """A row for each of `answers`, flat dataclasses of one kind and with several fields."""
    if not answers:
        return ()
    names = [item.name for item in fields(answers[0])]
    values = attrgetter(*names)
    return tuple(dict(zip(names, values(answer), strict=True)) for answer in answers)


def shown_columns(section: Section) -> tuple[Column, ...]:
    """The columns a table of `section` has: its own, or every key in order of appearance."""
    return section.columns or tuple(Column(name) for name in keys_of(section.rows))


def keys_of(rows: Sequence[Row]) -> list[str]:
    """Every key of `rows`, in order of first appearance."""
    return list(dict.fromkeys(key for row in rows for key in row))


def file_names(section: Section) -> list[str]:
    """The columns of `section` in files: every key of its rows; where it has none, those that a
    table would show, so that an empty file still has its heading.
    """
    return keys_of(section.rows) or [column.name for column in section.columns]
