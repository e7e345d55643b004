"""The distinct rows of a batch and how many there are of each, column-wise."""

from collections.abc import Iterator, Sequence
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["plain_cell", "shapes_of"]

# Up to so many possible keys are counted in one array, else the keys are sorted.
_MOST_BINS = 2**18
# Whole numbers that lie no further apart are their own codes.
_WIDEST = 2**16
_LARGEST_KEY = 2**62

_Shape = tuple[Any, ...]


def shapes_of(batch: pa.RecordBatch) -> Iterator[tuple[_Shape, int]]:
    """Every distinct row of `batch`, and how many rows are like it.

    Cells come out as whole numbers, text, or None. Each column becomes small codes, the codes of
    a row one key in mixed radix, and the keys are counted.
    """
    if not batch.num_rows:
        return
    key: NDArray[np.int64] = np.zeros(batch.num_rows, dtype=np.int64)
    # What each digit of the key stands for: the cells of one column, or of several.
    digits: list[Sequence[_Shape]] = []
    largest = 1
    for column in batch.columns:
        codes, cells = _coded(column)
        if largest * len(cells) >= _LARGEST_KEY:
            # Number the keys there are anew: there are no more of them than rows.
            known, key = np.unique(key, return_inverse=True)
            digits = [_shapes(known, digits)]
            largest = len(known)
        key = key * len(cells) + codes
        digits.append(cells)
        largest *= len(cells)
    if largest <= _MOST_BINS:
        counts = np.bincount(key)
        keys = np.flatnonzero(counts)
        numbers = counts[keys]
    else:
        keys, numbers = np.unique(key, return_counts=True)
    yield from zip(_shapes(keys, digits), numbers.tolist(), strict=True)


def _shapes(keys: "NDArray[np.int64]", digits: Sequence[Sequence[_Shape]]) -> list[_Shape]:
    """The cells that the digits of each key stand for."""
    columns = []
    for cells in reversed(digits):
        keys, places = np.divmod(keys, len(cells))
        columns.append([cells[place] for place in places.tolist()])
    found = columns.pop()
    while columns:
        found = list(map(add, found, columns.pop()))
    return found


def _coded(column: pa.Array) -> tuple["NDArray[np.int64]", Sequence[_Shape]]:
    """A column as codes from 0, and the cell that each code stands for."""
    if pa.types.is_signed_integer(column.type) and column.null_count == 0:
        numbers = _numbers(column)
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < _WIDEST:
            return numbers - low, [(number,) for number in range(low, high + 1)]
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    cells: list[_Shape] = [(plain_cell(value),) for value in column.dictionary.to_pylist()]
    codes = column.indices
    if codes.null_count:
        codes = codes.cast(pa.int64()).fill_null(len(cells))
        cells.append((None,))
    return _numbers(codes), cells


def _numbers(column: pa.Array) -> "NDArray[np.int64]":
    # By DLPack: pyarrow's own to_numpy() would import pandas first, and its cast() the library
    # of compute functions.
    return np.from_dlpack(column).astype(np.int64, copy=False)


def plain_cell(value: Any) -> str | int | None:
    """A cell as a whole number where it is one, as text, or None where it is empty."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, bool):
        return int(value)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return int(value) if whole and abs(value) < 2**63 else str(value)
