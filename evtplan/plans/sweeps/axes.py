"""What a sweep varies: `KEY=1,2,4`, `KEY=1..4096:x2`, `KEY=100..10000:100`, `KEY=fifo,2l-64`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeVar

from evtplan.errors import EvtplanError
from evtplan.plans.typed import NotANumberError, TooLargeError, number_in

__all__ = ["Axis", "AxisError", "parse_axis", "point_count", "split_setting"]

_Value = TypeVar("_Value", int, str)

# A range this long stands on its own: a list of it would have to be kept in memory.
_LONGEST_IN_LIST = 10**6

# A key, in which the name of a guest may stand in quotes, and the values.
_SETTING = re.compile(r"""((?:"[^"]*"|'[^']*'|[^="'])+)=(.*)""", re.DOTALL)
_RANGE = re.compile(r"(?P<first>[^.:]*)\.\.(?P<last>[^:]*)(?::(?P<step>.*))?", re.DOTALL)


class AxisError(EvtplanError):
    """A `--vary` that cannot be: which, why, and how it is written."""

    def __init__(self, text: str, reason: str, hint: str = "") -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"--vary {text}: {reason}", hint)


@dataclass(frozen=True, slots=True)
class Axis:
    """A quantity and the values it takes, in order; whole numbers or texts.

    A long run of numbers is a `range`, never a list.
    """

    key: str
    values: Sequence[int] | Sequence[str]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def least(self) -> int:
        """The smallest of its numbers; of a range at once, however long it is."""
        values = self.values
        return int(values[0] if isinstance(values, range) else min(map(int, values)))

    @property
    def most(self) -> int:
        """The largest of its numbers; of a range at once, however long it is."""
        values = self.values
        return int(values[-1] if isinstance(values, range) else max(map(int, values)))

    @property
    def is_text(self) -> bool:
        """True where the values are names."""
        return bool(self.values) and isinstance(self.values[0], str)


def point_count(axes: Sequence[Axis], zipped: bool = False) -> int:
    """Points of the grid that `axes` span, or of the axes taken side by side.

    Raises `EvtplanError` where axes side by side differ in length.
    """
    if not zipped or not axes:
        return prod(len(axis) for axis in axes)
    lengths = {len(axis) for axis in axes}
    if len(lengths) > 1:
        told = ", ".join(f"{axis.key} has {len(axis)}" for axis in axes)
        raise EvtplanError(
            f"--zip takes values side by side, so there must be as many of each: {told}",
            "without --zip every combination is taken",
        )
    return lengths.pop()


def split_setting(text: str, option: str) -> tuple[str, str]:
    """`KEY=VALUE` in two. Raises `EvtplanError` where it has no `=` or no key."""
    found = _SETTING.fullmatch(text)
    key, values = found.groups() if found else ("", "")
    key = key.strip().replace("-", "_") if "." not in key else key.strip()
    if not key:
        raise EvtplanError(f"{option} {text}: not KEY=VALUES", f"e.g. {option} events_per_vm=64")
    return key, values.strip()


def parse_axis(text: str, values: str, key: str, *, is_text: bool, repeats: bool = False) -> Axis:
    """The axis that `KEY=values` spells; `text` is what the user wrote, for errors. With `repeats`
    a value may be there more than once, as where axes are taken side by side.

    Raises `AxisError` for an empty list or range, a step of zero, a range that runs backwards, a
    fraction, a number beyond 10^18.
    """
    if not values:
        raise AxisError(text, "no values", "" if is_text else f"e.g. {key}=1,2,4 or {key}=1..64:x2")
    items = [item.strip() for item in values.split(",")]
    if any(not item for item in items):
        raise AxisError(text, "an empty value in the list")
    if is_text:
        return Axis(key, _once(text, items, repeats))
    if len(items) == 1 and ".." in items[0]:
        return Axis(key, _range(text, items[0]))
    found: list[int] = []
    for item in items:
        run = _range(text, item) if ".." in item else (_whole(text, item),)
        if len(found) + len(run) > _LONGEST_IN_LIST:
            raise AxisError(
                text, "a list of more than a million values", "give one range, first..last:step"
            )
        found.extend(run)
    return Axis(key, _once(text, found, repeats))


def _once(text: str, values: list[_Value], repeats: bool) -> tuple[_Value, ...]:
    if not repeats:
        seen: set[_Value] = set()
        for value in values:
            if value in seen:
                raise AxisError(
                    text, f"{value} is there twice", "only side by side, with --zip, can it be"
                )
            seen.add(value)
    return tuple(values)


def _range(text: str, item: str) -> Sequence[int]:
    found = _RANGE.fullmatch(item)
    if found is None:
        raise AxisError(text, f"{item!r} is no range", "write first..last or first..last:step")
    first, last = _whole(text, found["first"]), _whole(text, found["last"])
    step = found["step"]
    if first > last:
        raise AxisError(
            text, f"the range {item} is empty: it runs backwards", f"write {last}..{first}"
        )
    if step is None:
        return range(first, last + 1)
    if step[:1] in ("x", "X", "*", "×"):
        return _geometric(text, first, last, _whole(text, step[1:]))
    width = _whole(text, step)
    if width == 0:
        raise AxisError(text, "a step of zero never reaches the end", "give a step of 1 or more")
    if width < 0:
        raise AxisError(text, f"the step {width} goes backwards", "ranges go upwards")
    return range(first, last + 1, width)


def _geometric(text: str, first: int, last: int, factor: int) -> tuple[int, ...]:
    if factor < 2:
        raise AxisError(
            text, f"x{factor} never reaches the end", "multiply by a whole number from 2 on, as x2"
        )
    if first < 1:
        raise AxisError(text, "a range that multiplies must begin at 1 or more")
    values = []
    while first <= last:
        values.append(first)
        first *= factor
    return tuple(values)


def _whole(text: str, item: str) -> int:
    item = item.strip()
    try:
        value = number_in(item)
    except TooLargeError:
        raise AxisError(text, f"{item[:24]}… is beyond 10^18") from None
    except NotANumberError:
        value = None
    if not isinstance(value, int):
        what = "nothing" if not item else repr(item)
        raise AxisError(text, f"{what} where a whole number belongs", "counts and pages are whole")
    return value
