"""Many rows written by compiled code are the rows that Python writes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evtplan.export.rows import ROW_FORMATS, text_rows
from evtplan.plans.sweeps.columns import Column, text_column

WHOLE = st.integers(-(2**63), 2**63 - 1) | st.builds(
    lambda power, more, sign: sign * (10**power + more),
    st.integers(0, 18),
    st.integers(-1, 1),
    st.sampled_from([1, -1]),
)
NAMES = ("fifo", "", "a name with, a comma and more than sixteen bytes", 'said "so"', "zwölf")


@pytest.mark.parametrize("form", ROW_FORMATS)
@settings(max_examples=60, deadline=None)  # the first compiles
@given(rows=st.lists(st.tuples(WHOLE, st.integers(0, 4), WHOLE, st.booleans()), max_size=40))
def test_byte_for_byte(form: str, rows: list[tuple[int, int, int, bool]]) -> None:
    first, names, last, gone = (np.array([row[n] for row in rows]) for n in range(4))
    columns = [
        Column("vms", first.astype(np.int64)),
        text_column("abi", names.astype(np.int64), NAMES),
        Column("total_pages", last.astype(np.int64), gone.astype(bool)),
    ]
    compiled = text_rows(columns, form, compiled=True)
    assert bytes(compiled) == text_rows(columns, form, compiled=False)
