"""Numbers as people type them, read exactly: `10000`, `10_000`, `2^17`, `1e6`, `0.5`, `27/200`."""

import re
from fractions import Fraction

__all__ = ["LARGEST", "NotANumberError", "TooLargeError", "number_in"]

# Beyond this a number is taken for a slip; every answer is exact whatever its size.
LARGEST = 10**18
# Digits before and after the point; what has more is not read at all.
_MOST_DIGITS = 60
_MOST_PLACES = 40

_DECIMAL = re.compile(
    r"[+-]?(?P<digits>\d[\d_]*(\.\d*)?|\.\d+)(e(?P<power>[+-]?\d+))?", re.ASCII | re.IGNORECASE
)
_POWER = re.compile(r"(?P<base>[+-]?\d{1,4})\^(?P<power>\d{1,2})", re.ASCII)
_RATIO = re.compile(r"([+-]?\d[\d_]{0,50})/(\d[\d_]{0,50})", re.ASCII)


class NotANumberError(ValueError):
    """A text that spells no number, or one of more digits than anybody means."""


class TooLargeError(ValueError):
    """A number beyond `LARGEST`, on either side of 0."""


def number_in(text: str) -> int | Fraction:
    """The number that `text` spells: an integer where it is whole, else a `Fraction`.

    Raises `NotANumberError` for what is no number or has too many places, `TooLargeError` for one
    beyond `LARGEST`.
    """
    text = text.strip()
    if power := _POWER.fullmatch(text):
        value = Fraction(int(power["base"]) ** int(power["power"]))
    elif ratio := _RATIO.fullmatch(text):
        above, below = (int(part.replace("_", "")) for part in ratio.groups())
        if below == 0:
            raise NotANumberError(text)
        value = Fraction(above, below)
    elif decimal := _DECIMAL.fullmatch(text):
        value = _decimal(decimal)
    else:
        raise NotANumberError(text)
    if abs(value) > LARGEST:
        raise TooLargeError(text)
    return int(value) if value.denominator == 1 else value


def _decimal(found: re.Match[str]) -> Fraction:
    power = int((found["power"] or "0")[:_MOST_DIGITS])
    digits = found["digits"].replace("_", "").lstrip("0")
    if not digits.strip(".0"):
        return Fraction(0)
    before, _, after = digits.partition(".")
    if len(before) + power > _MOST_DIGITS:
        raise TooLargeError(found[0])
    if len(after) - power > _MOST_PLACES:
        raise NotANumberError(found[0])
    value = Fraction(digits) * Fraction(10) ** power
    return -value if found[0].startswith("-") else value
