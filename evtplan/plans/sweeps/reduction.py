"""The compiled loop of a summary: points are made, sized and counted without leaving the cache.

`count_units` is read as text and compiled in one piece with `block` of `lowering`, which it calls.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LANES", "count_units"]

# Points sized at a time: the inputs and outputs of so many fit in the first-level cache's
# neighbourhood, and the loops over them are long enough to be vectorised.
LANES = 512
# Stands in the text before this function: the program, compiled.
block: Callable[[Any, Any, int], None]
_NONE = np.int32(2**31 - 1)


def count_units(  # type: ignore[no-untyped-def]
    first_unit,
    last_unit,
    inputs,
    outputs,
    inner_length,
    inner_start,
    inner_step,
    inner_rows,
    inner_tables,
    outer_rows,
    outer_lengths,
    outer_starts,
    outer_steps,
    outer_tables,
    outer_begins,
    found,
    outer_first,
    outer_last,
    hits,
):
    """Count the points of units `first_unit` … `last_unit` − 1, each up to LANES points of the
    inner axis at one point of the outer ones.

    `inner_step` 0 takes the inner values from `inner_tables`, one row an input of `inner_rows`;
    an outer axis with `outer_begins` −1 counts up, others look in `outer_tables`. `found` has a
    row for each limit: points, least and greatest VM limit, first and last inner index.
    `outer_first` and `outer_last` are the first and last index of each outer axis for each limit;
    `hits` marks the inner indices for each limit where there is a table.
    """
    limits = np.empty(LANES, np.int32)
    codes = np.empty(LANES, np.int32)
    places = np.full(outer_rows.size, -1, np.int64)
    blocks = (inner_length + LANES - 1) // LANES
    previous = -1
    for unit in range(first_unit, last_unit):
        outer = unit // blocks
        start = (unit - outer * blocks) * LANES
        size = min(LANES, inner_length - start)
        if outer != previous:
            rest = outer
            for axis in range(outer_rows.size - 1, -1, -1):
                left = rest // outer_lengths[axis]
                place = rest - left * outer_lengths[axis]
                rest = left
                if place != places[axis]:
                    places[axis] = place
                    if outer_begins[axis] < 0:
                        value = outer_starts[axis] + outer_steps[axis] * place
                    else:
                        value = outer_tables[outer_begins[axis] + place]
                    for lane in range(LANES):
                        inputs[outer_rows[axis], lane] = value
            previous = outer
        if inner_step > 0:
            begin = inner_start + inner_step * start
            for lane in range(LANES):
                inputs[inner_rows[0], lane] = begin + inner_step * lane
        else:
            for table in range(inner_rows.size):
                for lane in range(size):
                    inputs[inner_rows[table], lane] = inner_tables[table, start + lane]
        block(inputs, outputs, size)  # noqa: F821  compiled before this, in the same text
        for lane in range(size):
            limits[lane] = np.int32(outputs[0, lane])
            codes[lane] = np.int32(outputs[1, lane])
        for limit in range(found.shape[0]):
            code = np.int32(limit)
            points = np.int32(0)
            least = _NONE
            most = np.int32(-1)
            first = _NONE
            last = np.int32(-1)
            for lane in range(size):
                here = codes[lane] == code
                points += np.int32(here)
                least = min(least, limits[lane] if here else _NONE)
                most = max(most, limits[lane] if here else np.int32(-1))
                first = min(first, np.int32(lane) if here else _NONE)
                last = max(last, np.int32(lane) if here else np.int32(-1))
            if points == 0:
                continue
            found[limit, 0] += points
            found[limit, 1] = min(found[limit, 1], np.int64(least))
            found[limit, 2] = max(found[limit, 2], np.int64(most))
            found[limit, 3] = min(found[limit, 3], start + np.int64(first))
            found[limit, 4] = max(found[limit, 4], start + np.int64(last))
            for axis in range(outer_rows.size):
                outer_first[limit, axis] = min(outer_first[limit, axis], places[axis])
                outer_last[limit, axis] = max(outer_last[limit, axis], places[axis])
            if hits.shape[1] > 1:
                for lane in range(size):
                    if codes[lane] == code:
                        hits[limit, start + lane] = True
