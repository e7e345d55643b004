"""Computed columns as one Parquet file, which grows by a row group a chunk.

A row group is written at the place it will have in the file, so that it is encoded once: a killed
sweep goes on behind the last one, and at the end the footer lists them all.
"""

import base64
import contextlib
import io
import json
import os
import tempfile
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evtplan.errors import EvtplanError
from evtplan.plans.sweeps.columns import Column

__all__ = ["ParquetAssembly", "arrow_rows"]

_MAGIC = b"PAR1"


def arrow_rows(columns: Sequence[Column], complete: Container[str]) -> Any:
    """The rows of `columns` as an Arrow record batch; those of `complete` lack no value in any.

    Raises `EvtplanError` where a whole number does not fit 64 bits.
    """
    arrays = [_array(column) for column in columns]
    fields = [
        pa.field(column.name, array.type, nullable=column.name not in complete)
        for column, array in zip(columns, arrays, strict=True)
    ]
    return pa.record_batch(arrays, schema=pa.schema(fields))


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


class ParquetAssembly:
    """The pieces of one Parquet file, in order: `head`, one of each batch, `ending`."""

    head = _MAGIC

    def __init__(self) -> None:
        self._at = len(self.head)
        self._footer: Any = None

    def piece(self, batch: Any) -> tuple[memoryview, dict[str, str]]:
        """The row group of `batch`, and what `again` must know of it."""
        data, footer = _row_group(pa.Table.from_batches([batch]), self._at)
        self._list(data.nbytes, footer)
        return data, {"footer": base64.b64encode(_footer_bytes(footer)).decode()}

    def again(self, size: int, told: Mapping[str, str]) -> None:
        """Take in a piece of `size` bytes that an earlier run has written."""
        footer = pq.read_metadata(pa.BufferReader(base64.b64decode(told["footer"])))
        self._list(size, footer)

    def _list(self, size: int, footer: Any) -> None:
        self._at += size
        if self._footer is None:
            self._footer = footer
            return
        try:
            self._footer.append_row_groups(footer)
        except RuntimeError as error:
            raise EvtplanError(
                "a column has numbers in one part and names in another: Parquet has one type",
                "use csv or jsonl",
            ) from error

    def ending(self) -> bytes:
        """What ends the file."""
        return _footer_bytes(self._footer)[len(_MAGIC) :]


def _footer_bytes(footer: Any) -> bytes:
    """The footer as a Parquet file of its own, without rows."""
    stream = io.BytesIO()
    footer.write_metadata_file(stream)
    return stream.getvalue()


def _row_group(table: Any, at: int) -> tuple[memoryview, Any]:
    """The bytes of `table` as the row group that begins at byte `at` of a file, and the footer of
    a file that has no other.
    """
    schema = table.schema
    numbers = [field.name for field in schema if not pa.types.is_dictionary(field.type)]
    footers: list[Any] = []
    with _sparse_file(at + _room(table)) as path, pa.memory_map(path, "r+") as sink:
        writer = pq.ParquetWriter(
            sink,
            schema,
            compression="snappy",
            use_dictionary=[field.name for field in schema if field.name not in numbers],
            # What grows from row to row by even steps all but vanishes.
            column_encoding={
                field.name: "DELTA_BINARY_PACKED"
                for field in schema
                if pa.types.is_integer(field.type)
            },
            # Those of names cost more than the names.
            write_statistics=numbers,
            # Without Arrow's own schema readers see names as text, not as categories.
            store_schema=False,
            metadata_collector=footers,
        )
        sink.seek(at)
        writer.write_table(table)
        end = sink.tell()
        if at == len(_MAGIC):
            writer.add_key_value_metadata(_for_pandas(schema))
        writer.close()
        sink.seek(at)
        return memoryview(sink.read(end - at)), footers[0]


def _room(table: Any) -> int:
    """Bytes that a row group and a footer of `table` never exceed."""
    longest = 0
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            texts = column.chunk(0).dictionary.to_pylist()
            longest += max((len(text.encode()) for text in texts), default=0)
    width: int = table.num_columns
    return 2 * int(table.num_rows) * (longest + 16 * width) + 2**16 * (width + 16)


@contextlib.contextmanager
def _sparse_file(size: int) -> Iterator[str]:
    """The path of a file of `size` bytes that takes room only where it is written."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("row group")
        try:
            os.ftruncate(handle, size)
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
        return
    with tempfile.NamedTemporaryFile() as stream:
        stream.truncate(size)
        yield stream.name


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
