"""How far V = P ÷ (1 + E_V/E_P) lies from the exact limit, cell by cell over the grid.

The exact limit is `fifo.vm_limit_pages`, which validation holds against hosts filled page by page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.readings import array_function

__all__ = ["EVENTS", "PAGES", "WORDS", "Errors", "error_rows", "errors_of"]

WORDS = (256, 512, 1024, 4096)
EVENTS = 4096
MOST_PAGES = 2**24

_Ints = npt.NDArray[np.int64]


def _pages() -> tuple[int, ...]:
    """P = m·2^k up to 2^24, m odd below 32: also where a host is filled without a rest."""
    found = {m << k for m in range(1, 32, 2) for k in range(25)}
    return tuple(sorted(p for p in found if p <= MOST_PAGES))


PAGES = _pages()


@dataclass(frozen=True, slots=True)
class Errors:
    """Estimate less exact limit for one E_P: rows are E_V = 1 … 4096, columns `PAGES`."""

    words: int
    exact: _Ints
    estimate: _Ints

    @property
    def error(self) -> _Ints:
        """VMs too high."""
        return self.estimate - self.exact


@lru_cache(maxsize=8)
def errors_of(words: int) -> Errors:
    """Every cell of the grid with `words` event words a page."""
    events = np.arange(1, EVENTS + 1, dtype=np.int64)[:, None]
    pages = np.asarray(PAGES, dtype=np.int64)[None, :]
    asked = {"pages": pages, "events_per_vm": events, "words_per_page": np.int64(words)}
    estimate = array_function(BOOK["draft_a.vm_limit_estimate"])(**asked)
    exact = array_function(BOOK["fifo.vm_limit_pages"])(
        **asked, backend_base_ports=np.int64(0), control_pages_per_vm=np.int64(0)
    )
    return Errors(words, np.asarray(exact), np.asarray(estimate))


def error_rows() -> Iterator[dict[str, Any]]:
    """For each E_P, the cells in which a domU fits a page, and those in which it does not."""
    for words in WORDS:
        errors = errors_of(words)
        for name, first, last in (
            ("E_V < E_P", 1, min(words - 1, EVENTS)),
            ("E_V ≥ E_P", words, EVENTS),
        ):
            yield _row(errors, name, first, last)


def _row(errors: Errors, name: str, first: int, last: int) -> dict[str, Any]:
    error = errors.error[first - 1 : last]
    exact = errors.exact[first - 1 : last]
    row, column = np.unravel_index(int(np.argmax(error)), error.shape)
    share = error[:, -1] / exact[:, -1]  # at 2^24 pages, where rounding no longer counts
    return {
        "words_per_page": errors.words,
        "cells_where": name,
        "cells": int(error.size),
        "exact": int((error == 0).sum()),
        "one_vm_too_high": int((error == 1).sum()),
        "more_too_high": int((error > 1).sum()),
        "too_low": int((error < 0).sum()),
        "worst_error_vms": int(error.max()),
        "worst_at_events_per_vm": first + int(row),
        "worst_at_pages": PAGES[int(column)],
        "least_percent_at_2_24_pages": round(100 * float(share.min()), 4),
        "worst_percent_at_2_24_pages": round(100 * float(share.max()), 4),
    }
