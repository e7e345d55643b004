"""Rows of whole numbers and names written as text by compiled code, straight into one buffer.

Imported only where there are many rows: it loads Numba.
"""

from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

__all__ = ["write_rows"]

# Digits and pieces of text travel as words of eight bytes, the first byte lowest. A word is always
# written whole, and what stands behind its last useful byte is overwritten by the next.
_WORD = 8
_10_4 = np.uint64(10**4)
_10_8 = np.uint64(10**8)


def _store_word(_context: Any, out: Any, _at: Any, _word: Any) -> Any:
    """Write the eight bytes of a word at `out[at]`, aligned or not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, word = arguments
        make: Any = make_array(signature.args[0])  # type: ignore[no-untyped-call]  # Numba's
        data = make(context, builder, array).data
        place = builder.bitcast(builder.gep(data, [at]), ir.IntType(64).as_pointer())
        builder.store(word, place, align=1)
        return context.get_dummy_value()

    return types.void(out, types.uint64, types.uint64), generate


_store: Any = intrinsic(_store_word)


@cache
def _fours() -> Any:
    """A word for each number below 10^4: its digits, the last byte their count; then a word each
    for the same with leading zeros.
    """
    numbers = np.arange(10**4, dtype=np.uint64)
    padded = sum(
        ((numbers // np.uint64(10 ** (3 - place)) % np.uint64(10)) + np.uint64(ord("0")))
        << np.uint64(8 * place)
        for place in range(4)
    )
    count = np.uint64(1) + sum((numbers >= limit).astype(np.uint64) for limit in (10, 100, 1000))
    plain = (padded >> (np.uint64(8) * (np.uint64(4) - count))) | (count << np.uint64(56))
    return np.concatenate([plain, padded])


@numba.njit(cache=True, nogil=True, inline="always")
def _leading(out, at, number, fours):  # type: ignore[no-untyped-def]
    """Write `number`, below 10^4, without leading zeros; the place after it."""
    word = fours[number]
    _store(out, at, word)
    return at + (word >> np.uint64(56))


@numba.njit(cache=True, nogil=True, inline="always")
def _eight(out, at, number, fours):  # type: ignore[no-untyped-def]
    """Write the eight digits of `number`, below 10^8; the place after them."""
    high = number // _10_4
    _store(out, at, fours[_10_4 + high])
    _store(out, at + np.uint64(4), fours[_10_4 + number - high * _10_4])
    return at + np.uint64(8)


@numba.njit(cache=True, nogil=True, inline="always")
def _up_to_eight(out, at, number, fours):  # type: ignore[no-untyped-def]
    """Write `number`, below 10^8, without leading zeros; the place after it."""
    if number < _10_4:
        return _leading(out, at, number, fours)
    high = number // _10_4
    at = _leading(out, at, high, fours)
    _store(out, at, fours[_10_4 + number - high * _10_4])
    return at + np.uint64(4)


@numba.njit(cache=True, nogil=True, inline="always")
def _whole(out, at, value, fours):  # type: ignore[no-untyped-def]
    """Write `value` in decimal; the place after it."""
    rest = np.uint64(value)
    if value < 0:
        out[at] = np.uint8(45)  # "-"
        at += np.uint64(1)
        rest = np.uint64(0) - rest
    if rest < _10_8:
        return _up_to_eight(out, at, rest, fours)
    high = rest // _10_8
    if high >= _10_8:
        top = high // _10_8
        at = _leading(out, at, top, fours)  # 64 bits have 20 digits at most
        at = _eight(out, at, high - top * _10_8, fours)
    else:
        at = _up_to_eight(out, at, high, fours)
    return _eight(out, at, rest - high * _10_8, fours)


@numba.njit(cache=True, nogil=True, inline="always")
def _text(out, at, words, place, lengths, item):  # type: ignore[no-untyped-def]
    """Write the text that begins at `words[place]`; the place after it."""
    length = lengths[item]
    done = np.uint64(0)
    while done < length:
        _store(out, at + done, words[place])
        place += np.uint64(1)
        done += np.uint64(8)
    return at + length


@numba.njit(cache=True, nogil=True)
def _write(  # type: ignore[no-untyped-def]
    cells, missing, kinds, fixed, fixed_at, fixed_long, names, names_at, names_long, fours, out
):
    """Rows of `cells`: before each cell the piece of `fixed` that belongs there.

    `kinds`: −1 a number, else the first of this column's names. Piece 2c of `fixed` stands before
    column c, piece 2c + 1 in the place of its missing cells; the last piece ends the row. Returns
    the bytes written.
    """
    columns, rows = cells.shape
    some_missing = missing.shape[1] > 0
    at = np.uint64(0)
    for row in range(rows):
        for column in range(columns):
            before = 2 * column
            at = _text(out, at, fixed, fixed_at[before], fixed_long, before)
            if some_missing and missing[column, row]:
                at = _text(out, at, fixed, fixed_at[before + 1], fixed_long, before + 1)
            elif kinds[column] < 0:
                at = _whole(out, at, cells[column, row], fours)
            else:
                name = kinds[column] + cells[column, row]
                at = _text(out, at, names, names_at[name], names_long, name)
        last = 2 * columns
        at = _text(out, at, fixed, fixed_at[last], fixed_long, last)
    return at


def write_rows(
    cells: Any, missing: Any, kinds: Any, fixed: list[bytes], names: list[bytes]
) -> memoryview:
    """The rows as text; see `_write`. `cells` is int64 of columns × rows, `missing` as many truths
    or, where no cell is missing, columns × 0.
    """
    rows = cells.shape[1]
    longest = max((len(name) for name in names), default=0)
    room = rows * (sum(map(len, fixed)) + len(kinds) * max(20, longest)) + 3 * _WORD
    out = np.empty(room, dtype=np.uint8)
    length = _write(cells, missing, kinds, *_words(fixed), *_words(names), _fours(), out)
    return out.data[: int(length)]


def _words(pieces: list[bytes]) -> tuple[Any, Any, Any]:
    """The pieces one after the other in whole words, the word each begins at, and their lengths."""
    padded = [piece + bytes(-len(piece) % _WORD) for piece in pieces]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.uint64)
    begins = np.cumsum([0, *(len(piece) // _WORD for piece in padded)]).astype(np.uint64)
    return np.frombuffer(b"".join(padded) or bytes(_WORD), dtype="<u8"), begins, lengths
