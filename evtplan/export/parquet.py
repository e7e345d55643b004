"""Rows as a Parquet file: names and types as they stand, a missing value null."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evtplan.errors import EvtplanError
from evtplan.export.formats import text_of
from evtplan.export.record import Record, file_names

__all__ = ["parquet_bytes"]


def parquet_bytes(record: Record) -> bytes:
    """The main rows of `record` as Parquet. Raises `EvtplanError` beyond 64-bit integers."""
    names = file_names(record.main)
    try:
        table = pa.table({name: _cells([row.get(name) for row in record.rows]) for name in names})
    except (OverflowError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise EvtplanError(
            f"these rows do not fit Parquet's types: {error}", "use csv or json: integers are exact"
        ) from error
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _cells(values: list[Any]) -> list[Any]:
    """`values`, as text where numbers, truths and texts stand in one column: Parquet has one type
    a column.
    """
    kinds = {_kind(value) for value in values if value is not None}
    if len(kinds) < 2:
        return values
    return [None if value is None else text_of(value) for value in values]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else type(value).__name__
