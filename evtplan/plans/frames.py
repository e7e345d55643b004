"""Rows as pandas DataFrames: integers as integers, missing values missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

__all__ = ["frame_of"]

_INT64 = range(-(2**63), 2**63)


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """`rows` as a DataFrame. Integer columns become `Int64` (missing values `pd.NA`), or stay
    exact Python integers where one does not fit 64 bits.
    """
    frame = pd.DataFrame(list(rows))
    for name in frame.columns:
        values = [row.get(name) for row in rows]
        present = [value for value in values if value is not None]
        whole = all(isinstance(value, int) and not isinstance(value, bool) for value in present)
        if present and whole and all(value in _INT64 for value in present):
            frame[name] = pd.array(values, dtype="Int64")
        elif present and whole:
            frame[name] = pd.Series(values, dtype=object)
    return frame
