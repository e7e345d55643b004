"""Computed columns as Parquet: each chunk as Arrow's own stream first, then all in one file."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evtplan.errors import EvtplanError
from evtplan.plans.sweeps.columns import Column

__all__ = ["arrow_rows", "write_parquet"]


def arrow_rows(columns: Sequence[Column], rows: int) -> memoryview:
    """`rows` rows as an Arrow stream of one batch.

    Raises `EvtplanError` where a whole number does not fit 64 bits.
    """
    batch = pa.record_batch([_array(c) for c in columns], names=[c.name for c in columns])
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


def _array(column: Column) -> Any:
    missing = column.missing_or_none
    if column.texts is not None:
        codes = pa.array(np.asarray(column.values, dtype=np.int32), mask=missing)
        return pa.DictionaryArray.from_arrays(codes, pa.array(column.texts, pa.string()))
    if column.values.dtype == object:
        raise EvtplanError(
            f"{column.name} does not fit Parquet's 64-bit integers",
            "use csv or jsonl: integers are exact",
        )
    return pa.array(np.ascontiguousarray(column.values), mask=missing)


def write_parquet(stream: BinaryIO, parts: Iterable[Any]) -> None:
    """Write the rows of `parts`, each an Arrow stream, as one Parquet file."""
    writer = None
    try:
        for part in parts:
            table = pa.ipc.open_stream(pa.py_buffer(part)).read_all()
            if writer is None:
                schema = table.schema
                writer = pq.ParquetWriter(
                    stream,
                    schema,
                    compression="snappy",
                    use_dictionary=[f.name for f in schema if pa.types.is_dictionary(f.type)],
                    # Without Arrow's own schema readers see names as text, not as categories.
                    store_schema=False,
                    # What grows from row to row by even steps all but vanishes.
                    column_encoding={
                        f.name: "DELTA_BINARY_PACKED" for f in schema if pa.types.is_integer(f.type)
                    },
                )
            writer.write_table(table)
        if writer is not None:
            writer.add_key_value_metadata(_for_pandas(schema))
    finally:
        if writer is not None:
            writer.close()


def _for_pandas(schema: Any) -> dict[bytes, bytes]:
    """What makes pandas read whole numbers with missing values as whole numbers."""
    columns = []
    for field in schema:
        kind = {"int64": ("int64", "Int64"), "double": ("float64", "float64")}.get(str(field.type))
        pandas, numpy = kind or ("unicode", "object")
        columns.append(
            {
                "name": field.name,
                "field_name": field.name,
                "pandas_type": pandas,
                "numpy_type": numpy,
                "metadata": None,
            }
        )
    described = {"index_columns": [], "column_indexes": [], "columns": columns}
    return {b"pandas": json.dumps({**described, "pandas_version": "2.2.0"}).encode()}
