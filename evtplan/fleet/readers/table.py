"""Tables of VMs in CSV or Parquet, of any length, read in batches.

A table of up to `MOST_ROWS_KEPT` rows gives a guest a row. Of a longer one, rows that are alike
in every column channels depend on become one guest with so many copies: names cost nothing, and
a million VMs have a few hundred shapes.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.model import MOST, Guest
from evtplan.fleet.readers.reading import Reading, printable
from evtplan.fleet.readers.source import Source, decoded
from evtplan.fleet.readers.table_columns import (
    NUMBERS,
    Cell,
    Layout,
    columns_noted,
    guest_of_row,
    layout_of,
    shape_name,
)

if TYPE_CHECKING:
    from pyarrow import RecordBatch

__all__ = [
    "MOST_ROWS_KEPT",
    "Progress",
    "delimiter_of",
    "heading_of",
    "read_csv",
    "read_parquet",
]

MOST_ROWS_KEPT = 10_000
# A table of VMs has a few hundred shapes; one where nearly every row differs is no such table.
_MOST_SHAPES = 200_000
_BATCH_ROWS = 2**17
_BLOCK_BYTES = 4 * 2**20
# Empty lines that may stand above a heading.
_MOST_LINES_BEFORE = 100
_SEPARATOR = re.compile(r'"?sep=.?"?', re.IGNORECASE)

# Text in Parquet; what old writers call binary is text as well.
_TEXTS = frozenset(["string", "large_string", "binary", "large_binary"])

# Called with the bytes done so far and those there are.
Progress = Callable[[int, int], None]
_Shape = tuple[Cell, ...]


def delimiter_of(line: str) -> str | None:
    """What parts the columns of a heading that has one of VMs' columns, or None."""
    for delimiter in (",", ";", "\t", "|"):
        if delimiter in line:
            layout = layout_of(_split(line, delimiter))
            return delimiter if layout.headings else None
    return "," if layout_of([line.strip().strip('"')]).headings else None


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:  # a carriage return within, or a cell without end: no heading
        return []


def heading_of(text: str) -> tuple[int, str]:
    """The line that a table's heading stands on, from 1, and the heading: the first that is
    neither empty nor the line `sep=;` by which spreadsheets name their delimiter.
    """
    number, heading = 1, ""
    for number, line in enumerate(text.split("\n", _MOST_LINES_BEFORE)[:_MOST_LINES_BEFORE], 1):
        heading = line.rstrip("\r")
        if heading.strip(' \t,;|"') and not _SEPARATOR.fullmatch(heading):
            return number, heading
    return number, heading


def read_csv(source: Source, progress: Progress | None = None) -> Reading:
    """The guests of a table in CSV, parted by commas, semicolons, tabs or bars.

    Raises `InputError` with the line of a cell that says what cannot be, or of a row with other
    columns than the heading.
    """
    number, heading = heading_of(decoded(source.name, _whole_lines(source.head)))
    delimiter = delimiter_of(heading) or ""
    headings = tuple(_split(heading, delimiter)) if delimiter else ()
    layout = layout_of(headings)
    if not layout.headings:
        raise InputError(
            source.name, "the heading has no column of VMs that is known", line=number,
            hint="name columns vcpus, type, vifs, vbds, …; see docs/fleet.md",
        )  # fmt: skip
    table = _Csv(source, delimiter, number, headings, layout, progress)
    return table.by_row() if table.is_short() else table.by_shape()


def _whole_lines(head: bytes) -> bytes:
    """`head` without a character of which only the first bytes were read."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) & ~1]
    return head[: head.rfind(b"\n") + 1] or head


class _Csv:
    def __init__(
        self,
        source: Source,
        delimiter: str,
        line: int,
        headings: Sequence[str],
        layout: Layout,
        progress: Progress | None,
    ) -> None:
        self.source = source
        self.name = source.name
        self.delimiter = delimiter
        self.line = line
        self.headings = headings
        self.layout = layout
        self.places = {
            column: headings.index(heading) for column, heading in layout.headings.items()
        }
        self.progress = progress

    def is_short(self) -> bool:
        """True where there are few enough rows to keep each, and a file small enough to know."""
        if self.source.size > 16 * 2**20:
            return False
        with self.source.stream() as stream:
            rows = 0
            while chunk := stream.read(2**20):
                rows += chunk.count(b"\n")
                if rows > MOST_ROWS_KEPT:
                    return False
        return True

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Every row below the heading but empty ones, with the line it begins on."""
        with self.source.stream() as stream:
            text = io.TextIOWrapper(stream, encoding=_encoding(self.source.head), newline="")
            try:
                reader = csv.reader(text, delimiter=self.delimiter)
                before = 0
                for row in reader:
                    line, before = before + 1, reader.line_num
                    if line > self.line and any(cell.strip() for cell in row):
                        yield line, row
            except (csv.Error, UnicodeError) as error:
                reason = str(error).partition(" - ")[0]
                raise InputError(self.name, f"CSV: {reason}", line=before + 1) from error
            finally:
                text.detach()

    def by_row(self) -> Reading:
        guests = []
        for line, row in self.rows():
            with _at_line(self.name, line):
                cells = self.cells(row)
                name = printable(str(cells.get("name") or "").strip()) or f"row {line}"
                guests.append(guest_of_row(cells, name))
        if not guests:
            raise InputError(self.name, "a heading without rows")
        return Reading(tuple(guests), tuple(columns_noted(self.layout)))

    def cells(self, row: Sequence[str]) -> dict[str, Cell]:
        if len(row) <= max(self.places.values()):
            raise EvtplanError(f"{len(row)} columns, fewer than the heading has")
        # A comma within a number moves all cells behind it; empty cells at the end move none.
        if any(cell.strip() for cell in row[len(self.headings) :]):
            raise EvtplanError(f"{len(row)} columns where the heading has {len(self.headings)}")
        return {column: row[place] for column, place in self.places.items()}

    def by_shape(self) -> Reading:
        """Like rows together. Columns of numbers are read as such, unless one is no number:
        then all are read as text, and the rules for single cells say what is wrong and where.
        """
        import pyarrow as pa

        shapes: dict[_Shape, int] = {}
        for as_numbers in (True, False):
            try:
                shapes = _counted(self.name, self.batches(as_numbers), self.layout.shape)
                break
            except pa.ArrowInvalid as error:
                if not as_numbers or "conversion error" not in str(error):
                    raise self.located(error) from error
            except pa.ArrowException as error:
                raise self.located(error) from error
        return _grouped(self.name, self.layout, shapes, self.wrong)

    def batches(self, as_numbers: bool) -> Iterator["RecordBatch"]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        words = pa.dictionary(pa.int32(), pa.string())
        headings = self.layout.headings
        types = {
            headings[column]: pa.int64() if as_numbers and column in NUMBERS else words
            for column in self.layout.shape
        }
        with self.source.stream() as stream:
            watched = _Watched(stream, self.source, self.progress)
            reader = arrow_csv.open_csv(
                watched,
                read_options=arrow_csv.ReadOptions(
                    skip_rows=self.line - 1,
                    block_size=_BLOCK_BYTES,
                    encoding=_encoding(self.source.head).removesuffix("-sig"),
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.delimiter, newlines_in_values=True
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=[headings[column] for column in self.layout.shape],
                    column_types=types,
                    strings_can_be_null=True,
                ),
            )
            with reader:
                yield from reader

    def located(self, error: Exception) -> InputError:
        """A parser's error with its line, found by reading again."""
        if "straddling" in str(error):
            return InputError(self.name, f"a row longer than {_BLOCK_BYTES >> 20} MiB")
        wanted = len(self.headings)
        for line, row in self.rows():
            if len(row) != wanted:
                reason = f"{len(row)} columns where the heading has {wanted}"
                return InputError(self.name, reason, line=line)
        return InputError(self.name, "CSV: " + str(error).partition("\n")[0][:200])

    def wrong(self, shape: _Shape, error: EvtplanError) -> InputError:
        """`error` with the line of the first row that has this shape."""
        return InputError(self.name, error.message, line=self.line_of(shape), hint=error.hint)

    def line_of(self, shape: _Shape) -> int | None:
        """The line of the first row that has this shape."""
        wanted = ["" if cell is None else str(cell) for cell in shape]
        for line, row in self.rows():
            if len(row) > max(self.places.values()):
                found = [row[self.places[column]].strip() for column in self.layout.shape]
                if found == wanted:
                    return line
        return None


class _Watched(io.RawIOBase):
    """A stream that tells how far it was read."""

    def __init__(self, stream: Any, source: Source, progress: Progress | None) -> None:
        self.inner = stream
        self.source = source
        self.progress = progress

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.inner.read(size)
        if self.progress is not None:
            self.progress(self.source.file.tell(), self.source.size)
        return data


def _encoding(head: bytes) -> str:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return "utf-8-sig" if _is_utf8(head) else "latin-1"


def _is_utf8(head: bytes) -> bool:
    try:
        _whole_lines(head).decode()
    except UnicodeDecodeError:
        return False
    return True


def read_parquet(source: Source, progress: Progress | None = None) -> Reading:
    """The guests of a table in Parquet; row groups are read one after the other.

    Raises `InputError` for what is no Parquet file, or has no column of VMs that is known.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with source.stream() as stream:
            table = parquet.ParquetFile(stream)
            layout = layout_of(table.schema_arrow.names)
            if not layout.headings:
                raise InputError(
                    source.name, "no column of VMs that is known",
                    hint="name columns vcpus, type, vifs, vbds, …; see docs/fleet.md",
                )  # fmt: skip
            _check_types(source.name, layout, table.schema_arrow)
            rows = table.metadata.num_rows
            kept = list(layout.headings) if rows <= MOST_ROWS_KEPT else list(layout.shape)
            headings = [layout.headings[column] for column in kept]
            batches = _watched_batches(table, headings, rows, progress)
            if rows <= MOST_ROWS_KEPT:
                return _parquet_by_row(source.name, layout, kept, batches)
            shapes = _counted(source.name, batches, layout.shape)
            return _grouped(
                source.name,
                layout,
                shapes,
                lambda shape, error: _wrong_row(source.name, table, headings, shape, error),
            )
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise InputError(source.name, f"Parquet: {reason}") from error


def _wrong_row(
    name: str, table: Any, headings: list[str], shape: _Shape, error: EvtplanError
) -> InputError:
    """`error` with the first row that has this shape."""
    from evtplan.fleet.readers.table_shapes import plain_cell

    number = 0
    for batch in _watched_batches(table, headings, 0, None):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            if tuple(plain_cell(value) for value in row) == shape:
                return InputError(name, f"row {number}: {error.message}", hint=error.hint)
    return InputError(name, error.message, hint=error.hint)


def _watched_batches(
    table: Any, headings: list[str], rows: int, progress: Progress | None
) -> Iterator["RecordBatch"]:
    done = 0
    for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=headings):
        yield batch.select(headings)
        done += batch.num_rows
        if progress is not None:
            progress(done, rows)


def _check_types(name: str, layout: Layout, schema: Any) -> None:
    import pyarrow as pa

    for column, heading in layout.headings.items():
        if len(schema.get_all_field_indices(heading)) > 1:
            raise InputError(name, f"more than one column {heading}")
        kind = schema.field(heading).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        plain = (
            pa.types.is_integer(kind)
            or pa.types.is_floating(kind)
            or pa.types.is_decimal(kind)
            or pa.types.is_boolean(kind)
            or str(kind) in _TEXTS
            or pa.types.is_null(kind)
        )
        if not plain and column != "name":
            raise InputError(name, f"column {heading} is of type {kind}: no {column}")


def _parquet_by_row(
    name: str, layout: Layout, kept: list[str], batches: Iterable["RecordBatch"]
) -> Reading:
    from evtplan.fleet.readers.table_shapes import plain_cell

    guests: list[Guest] = []
    for batch in batches:
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number = len(guests) + 1
            cells = {column: plain_cell(value) for column, value in zip(kept, row, strict=True)}
            with _at_row(name, number):
                label = printable(str(cells.get("name") or "").strip()) or f"row {number}"
                guests.append(guest_of_row(cells, label))
    if not guests:
        raise InputError(name, "a table without rows")
    return Reading(tuple(guests), tuple(columns_noted(layout)))


def _counted(
    name: str, batches: Iterable["RecordBatch"], columns: Sequence[str]
) -> dict[_Shape, int]:
    """Every shape and its number of rows."""
    from evtplan.fleet.readers.table_shapes import shapes_of

    found: dict[_Shape, int] = {}
    for batch in batches:
        for shape, rows in shapes_of(batch):
            found[shape] = found.get(shape, 0) + rows
        if len(found) > _MOST_SHAPES:
            raise InputError(
                name, f"more than {_MOST_SHAPES} different rows in {', '.join(columns)}"
            )
    return found


def _grouped(
    name: str,
    layout: Layout,
    shapes: dict[_Shape, int],
    wrong: Callable[[_Shape, EvtplanError], InputError],
) -> Reading:
    """A guest for each shape, with as many copies as rows have it, sorted by its cells; `wrong`
    says where a shape stands that cannot be.
    """
    if not shapes:
        raise InputError(name, "a heading without rows")
    groups: dict[Guest, int] = {}
    for shape, rows in sorted(shapes.items(), key=_order):
        cells = dict(zip(layout.shape, shape, strict=True))
        try:
            guest = guest_of_row(cells, "vm")
        except EvtplanError as error:
            raise wrong(shape, error) from error
        one = guest if guest.copies == 1 else replace(guest, copies=1)
        groups[one] = groups.get(one, 0) + rows * guest.copies
    taken: set[str] = set()
    guests = []
    for one, copies in groups.items():
        label = shape_name(one, taken)
        taken.add(label)
        if copies > MOST:
            raise InputError(name, f"{copies} VMs of one kind; at most 10^9 are counted")
        emulator = f"{label}-dm" if one.emulator == "vm-dm" else one.emulator
        guests.append(replace(one, name=label, copies=copies, emulator=emulator))
    rows = sum(shapes.values())
    note = f"{rows} rows are {len(guests)} kinds of VM: like rows are counted together"
    return Reading(tuple(guests), (note, *columns_noted(layout)))


def _order(entry: tuple[_Shape, int]) -> list[tuple[int, int, str]]:
    """Empty cells first, then numbers, then text: an order that no batch size changes."""
    return [
        (1, cell, "") if isinstance(cell, int) else (0 if cell is None else 2, 0, cell or "")
        for cell in entry[0]
    ]


@contextmanager
def _at_line(name: str, line: int) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except EvtplanError as error:
        raise InputError(name, error.message, line=line, hint=error.hint) from error


@contextmanager
def _at_row(name: str, row: int) -> Iterator[None]:
    try:
        yield
    except EvtplanError as error:
        raise InputError(name, f"row {row}: {error.message}", hint=error.hint) from error
