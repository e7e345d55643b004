"""Records as pandas DataFrames: integers as integers, missing values missing."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["frame_of"]

_INT64 = range(-(2**63), 2**63)
# What a field may be declared as, and the column's type: the same whether or not it has values.
_DTYPES = (
    ((int, int | None), "Int64"),
    ((float, float | None), "float64"),
    ((bool, bool | None), "boolean"),
)


def frame_of(records: "Sequence[DataclassInstance]") -> pd.DataFrame:
    """`records`, all of one type, as a DataFrame with a column a field. Integer columns are
    `Int64` (missing values `pd.NA`), or stay exact Python integers where one does not fit 64
    bits; fractions are `float64` and truths `boolean`.
    """
    rows = [asdict(record) for record in records]
    frame = pd.DataFrame(rows)
    for field in fields(records[0]) if records else ():
        dtype = next((name for kinds, name in _DTYPES if field.type in kinds), None)
        values = [row[field.name] for row in rows]
        if dtype == "Int64" and any(v not in _INT64 for v in values if v is not None):
            frame[field.name] = pd.Series(values, dtype=object)
        elif dtype is not None:
            frame[field.name] = pd.Series(values, dtype=dtype)
    return frame
