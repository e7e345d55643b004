"""Rows as a Parquet file: names and types as they stand, a missing value null."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from evtplan.errors import EvtplanError
from evtplan.export.record import Record, keys_of

__all__ = ["parquet_bytes"]


def parquet_bytes(record: Record) -> bytes:
    """The main rows of `record` as Parquet. Raises `EvtplanError` beyond 64-bit integers."""
    names = keys_of(record.rows)
    try:
        table = pa.table({name: [row.get(name) for row in record.rows] for name in names})
    except (OverflowError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise EvtplanError(
            f"these rows do not fit Parquet's types: {error}", "use csv or json: integers are exact"
        ) from error
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()
