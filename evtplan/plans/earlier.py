"""A comparison against an earlier one that was saved as JSON: what changed, and by how much."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from evtplan.errors import InputError
from evtplan.plans.costs import percent_apart

__all__ = ["changes_between", "read_earlier"]

_COMMANDS = ("compare", "size")
_KEYS = ("fleet", "xen", "arch", "abi")
# What follows from the choice of the reference, not from what is compared.
_RELATIVE = "_vs_reference"
# The largest of our own numbers, products of two inputs of 10^18, are well below it.
_MOST_DIGITS = 60


_HINT = "save one with: evtplan compare … --format json -o FILE"


def read_earlier(path: str, text: str) -> tuple[dict[str, Any], ...]:
    """The rows of a comparison or sizing saved with --format json.

    Raises `InputError` for what is no such document.
    """
    try:
        document = json.loads(
            text, parse_constant=_no_constant, parse_int=_whole, parse_float=_finite
        )
    except RecursionError:
        raise InputError(path, "nested too deeply") from None
    except json.JSONDecodeError as error:
        said = f"no comparison saved as JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise InputError(path, said, line=error.lineno, column=error.colno, hint=_HINT) from None
    except ValueError as error:
        raise InputError(path, str(error)) from None
    if not isinstance(document, dict) or document.get("command") not in _COMMANDS:
        raise InputError(path, "no comparison saved as JSON", hint=_HINT)
    if document.get("schema") != 1:
        raise InputError(path, f"schema {document.get('schema')!r}; this evtplan reads 1")
    rows = document.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(path, "rows must be a list of objects", hint=_HINT)
    if not all(isinstance(row.get("abi"), str) for row in rows):
        raise InputError(path, "a row has no abi", hint=_HINT)
    for number, row in enumerate(rows, start=1):
        _check_row(path, number, row)
    return tuple(rows)


def _check_row(path: str, number: int, row: Mapping[str, Any]) -> None:
    """Raise `InputError` where a cell is none that a comparison has."""
    for name, value in row.items():
        if isinstance(value, dict | list):
            raise InputError(path, f"row {number}: {name!r} is no single value")
        if isinstance(value, str) and not value.isprintable():
            raise InputError(path, f"row {number}: {name!r} has unprintable characters")
        if name in _KEYS and not isinstance(value, str | None):
            raise InputError(path, f"row {number}: {name} is {value!r}; it must be text")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that JSON has")


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits; at most {_MOST_DIGITS} are read")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def changes_between(
    before: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, Any], ...]:
    """What differs between two comparisons, a row a quantity: its value before and now, and for
    numbers the change and the change in per cent of the value before.

    Rows are matched by fleet, release, architecture and ABI; one that only one side has is a row
    with the quantity `configuration`.
    """
    earlier, later = _by_key(before), _by_key(now)
    found: list[dict[str, Any]] = []
    for key in dict.fromkeys([*later, *earlier]):
        named = dict(zip(_KEYS, key, strict=True))
        if key not in earlier or key not in later:
            sides = ("absent", "present") if key in later else ("present", "absent")
            found.append(named | _change("configuration", *sides))
            continue
        old, new = earlier[key], later[key]
        for name in new:
            if name in old and old[name] != new[name] and _RELATIVE not in name:
                found.append(named | _change(name, old[name], new[name]))
    return tuple(found)


def _by_key(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    return {
        tuple(row.get(name) for name in _KEYS): {k: v for k, v in row.items() if k != "reference"}
        for row in rows
    }


def _change(name: str, old: Any, new: Any) -> dict[str, Any]:
    both = _is_number(old) and _is_number(new)
    return {
        "quantity": name,
        "before": old,
        "now": new,
        "change": new - old if both else None,
        "change_percent": _percent(old, new) if both else None,
    }


def _percent(old: float, new: float) -> float | None:
    """Per cent of `old`; None where that is zero or next to it."""
    percent = percent_apart(old, new)
    return percent if percent is None or math.isfinite(percent) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
