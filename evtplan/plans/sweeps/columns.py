"""A column of computed rows: whole numbers, fractions or names, and where there is no value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Column", "column_of", "filtered", "text_column"]

_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `values` are int64, float64, or Python integers where one does not fit; for
    names they are indices in `texts`. `missing` is True where there is no value, None where
    every row has one.
    """

    name: str
    values: Any
    missing_or_none: Any = None
    texts: tuple[str, ...] | None = None

    @property
    def missing(self) -> Any:
        """A Boolean for each row, or False for all."""
        return False if self.missing_or_none is None else self.missing_or_none

    def cells(self) -> list[Any]:
        """The cells as Python values, None where there is none."""
        values = self.values.tolist()
        if self.texts is not None:
            values = [self.texts[code] for code in values]
        if self.missing_or_none is None:
            return list(values)
        missing = self.missing_or_none.tolist()
        return [None if gone else v for v, gone in zip(values, missing, strict=True)]


def column_of(name: str, cells: Sequence[Any]) -> Column:
    """The column of these Python values: all whole numbers, all fractions, or all names."""
    gone = np.array([cell is None for cell in cells], dtype=bool)
    missing = gone if gone.any() else None
    present = [cell for cell in cells if cell is not None]
    if any(isinstance(cell, str) for cell in present):
        texts = tuple(dict.fromkeys(present))
        index = {text: n for n, text in enumerate(texts)}
        codes = np.array([index.get(cell, 0) for cell in cells], dtype=np.int64)
        return Column(name, codes, missing, texts)
    filled = [0 if cell is None else cell for cell in cells]
    if any(isinstance(cell, float) for cell in present):
        return Column(name, np.array(filled, dtype=np.float64), missing)
    fits = all(cell in _INT64 for cell in present)
    return Column(name, np.array(filled, dtype=np.int64 if fits else object), missing)


def text_column(name: str, codes: Any, texts: tuple[str, ...]) -> Column:
    """A column of names by their indices."""
    return Column(name, codes, None, texts)


def filtered(column: Column, kept: Any) -> Column:
    """The rows of `column` where `kept` is True."""
    missing = None if column.missing_or_none is None else column.missing_or_none[kept]
    return Column(column.name, column.values[kept], missing, column.texts)
