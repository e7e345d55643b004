"""Rows of whole numbers and names written as text by compiled code, straight into one buffer.

Imported only where there are many rows: it loads Numba.
"""

from typing import Any

import numba
import numpy as np

__all__ = ["write_rows"]

# Digits and pieces of text travel as words of eight bytes, the first byte lowest. A word is always
# written whole, and what stands behind its last useful byte is overwritten by the next.
_WORD = 8
_MASK_100 = np.uint64(0x7F0000007F)
_MASK_10 = np.uint64(0x000F000F000F000F)
_ASCII = np.uint64(0x3030303030303030)


@numba.njit(cache=True, nogil=True, inline="always")
def _put(out, at, word):  # type: ignore[no-untyped-def]
    # The compiler makes one store of these eight.
    out[at] = np.uint8(word)
    out[at + np.uint64(1)] = np.uint8(word >> np.uint64(8))
    out[at + np.uint64(2)] = np.uint8(word >> np.uint64(16))
    out[at + np.uint64(3)] = np.uint8(word >> np.uint64(24))
    out[at + np.uint64(4)] = np.uint8(word >> np.uint64(32))
    out[at + np.uint64(5)] = np.uint8(word >> np.uint64(40))
    out[at + np.uint64(6)] = np.uint8(word >> np.uint64(48))
    out[at + np.uint64(7)] = np.uint8(word >> np.uint64(56))


@numba.njit(cache=True, nogil=True, inline="always")
def _eight_digits(number):  # type: ignore[no-untyped-def]
    """The word of eight decimal digits of `number`, below 10^8, leading zeros included.

    Two, four, then eight digits are split side by side in one register: division by 100 and by
    10 as multiplication and shift, exact for numbers that small.
    """
    high = number // np.uint64(10000)
    fours = high | ((number - high * np.uint64(10000)) << np.uint64(32))
    tops = ((fours * np.uint64(10486)) >> np.uint64(20)) & _MASK_100
    twos = tops | ((fours - tops * np.uint64(100)) << np.uint64(16))
    tens = ((twos * np.uint64(103)) >> np.uint64(10)) & _MASK_10
    return (tens | ((twos - tens * np.uint64(10)) << np.uint64(8))) + _ASCII


@numba.njit(cache=True, nogil=True, inline="always")
def _first_digits(out, at, number):  # type: ignore[no-untyped-def]
    """Write `number`, below 10^8, without leading zeros; the place after it."""
    width = np.uint64(1)
    width += np.uint64(number >= np.uint64(10))
    width += np.uint64(number >= np.uint64(100))
    width += np.uint64(number >= np.uint64(1000))
    width += np.uint64(number >= np.uint64(10000))
    width += np.uint64(number >= np.uint64(100000))
    width += np.uint64(number >= np.uint64(1000000))
    width += np.uint64(number >= np.uint64(10000000))
    _put(out, at, _eight_digits(number) >> ((np.uint64(8) - width) << np.uint64(3)))
    return at + width


@numba.njit(cache=True, nogil=True, inline="always")
def _whole(out, at, value):  # type: ignore[no-untyped-def]
    """Write `value` in decimal; the place after it."""
    rest = np.uint64(value)
    if value < 0:
        out[at] = np.uint8(45)  # "-"
        at += np.uint64(1)
        rest = np.uint64(0) - rest
    if rest < np.uint64(10**8):
        return _first_digits(out, at, rest)
    high = rest // np.uint64(10**8)
    low = rest - high * np.uint64(10**8)
    if high < np.uint64(10**8):
        at = _first_digits(out, at, high)
    else:
        top = high // np.uint64(10**8)
        at = _first_digits(out, at, top)
        _put(out, at, _eight_digits(high - top * np.uint64(10**8)))
        at += np.uint64(8)
    _put(out, at, _eight_digits(low))
    return at + np.uint64(8)


@numba.njit(cache=True, nogil=True, inline="always")
def _text(out, at, words, place, lengths, item):  # type: ignore[no-untyped-def]
    """Write the text that begins at `words[place]`; the place after it."""
    length = lengths[item]
    done = np.uint64(0)
    while done < length:
        _put(out, at + done, words[place])
        place += np.uint64(1)
        done += np.uint64(8)
    return at + length


@numba.njit(cache=True, nogil=True)
def _write(cells, missing, kinds, fixed, fixed_at, fixed_long, names, names_at, names_long, out):  # type: ignore[no-untyped-def]
    """Rows of `cells`: before each cell the piece of `fixed` that belongs there.

    `kinds`: −1 a number, else the first of this column's names. Piece 2c of `fixed` stands before
    column c, piece 2c + 1 in the place of its missing cells; the last piece ends the row. Returns
    the bytes written.
    """
    columns, rows = cells.shape
    some_missing = missing.shape[1] > 1
    at = np.uint64(0)
    for row in range(rows):
        for column in range(columns):
            before = 2 * column
            at = _text(out, at, fixed, fixed_at[before], fixed_long, before)
            if some_missing and missing[column, row]:
                at = _text(out, at, fixed, fixed_at[before + 1], fixed_long, before + 1)
            elif kinds[column] < 0:
                at = _whole(out, at, cells[column, row])
            else:
                name = kinds[column] + cells[column, row]
                at = _text(out, at, names, names_at[name], names_long, name)
        last = 2 * columns
        at = _text(out, at, fixed, fixed_at[last], fixed_long, last)
    return at


def write_rows(
    cells: Any, missing: Any, kinds: Any, fixed: list[bytes], names: list[bytes]
) -> memoryview:
    """The rows as text; see `_write`. `cells` is int64 of columns × rows."""
    rows = cells.shape[1]
    longest = max((len(name) for name in names), default=0)
    room = rows * (sum(map(len, fixed)) + len(kinds) * max(20, longest)) + 3 * _WORD
    out = np.empty(room, dtype=np.uint8)
    length = _write(cells, missing, kinds, *_words(fixed), *_words(names), out)
    return out.data[: int(length)]


def _words(pieces: list[bytes]) -> tuple[Any, Any, Any]:
    """The pieces one after the other in whole words, the word each begins at, and their lengths."""
    padded = [piece + bytes(-len(piece) % _WORD) for piece in pieces]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.uint64)
    begins = np.cumsum([0, *(len(piece) // _WORD for piece in padded)]).astype(np.uint64)
    return np.frombuffer(b"".join(padded) or bytes(_WORD), dtype="<u8"), begins, lengths
