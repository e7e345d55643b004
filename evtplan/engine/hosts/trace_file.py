"""Trace files: one JSON object a line, read with the place of everything that is wrong in them."""

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evtplan.errors import InputError

__all__ = ["Line", "TraceError", "number", "read_lines", "text"]

MOST_LINE_BYTES = 4_000_000
_SURELY = 1 << 62


class TraceError(InputError):
    """A trace that is malformed, cut off, or says what no trace can."""

    def __init__(self, path: str | Path, line: int | None, reason: str, hint: str = "") -> None:
        super().__init__(path, reason, line=line, hint=hint)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a trace: where it stands, and its fields."""

    path: str
    line: int
    fields: dict[str, Any]


def read_lines(path: str | Path) -> Iterator[Line]:
    """The objects of a trace file, one by one; - is stdin. Raises `TraceError`, `InputError`."""
    try:
        with sys.stdin.buffer if str(path) == "-" else Path(path).open("rb") as file:
            for position, data in enumerate(iter(lambda: file.readline(MOST_LINE_BYTES), b""), 1):
                if len(data) == MOST_LINE_BYTES and not data.endswith(b"\n"):
                    raise TraceError(path, position, f"longer than {MOST_LINE_BYTES} bytes")
                if data.strip():
                    yield Line(str(path), position, _object(path, position, data))
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error


def _object(path: str | Path, line: int, data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8-sig").rstrip(), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise TraceError(path, line, f"byte 0x{data[error.start]:02x} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InputError(path, f"not JSON: {error.msg}", line=line, column=error.colno) from error
    except (ValueError, RecursionError) as error:
        raise TraceError(path, line, f"not JSON: {error or 'nested too deeply'}") from error
    if not isinstance(found, dict):
        raise TraceError(path, line, "not a JSON object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number here")


def number(
    line: Line,
    name: str,
    least: int = -_SURELY,
    most: int = _SURELY,
    *,
    default: int | None = None,
) -> int:
    """A field that is a whole number from `least` to `most`. Raises `TraceError`."""
    if name not in line.fields and default is not None:
        return default
    if name not in line.fields:
        raise TraceError(line.path, line.line, f"no field {name!r}")
    value = line.fields[name]
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TraceError(line.path, line.line, f"{name} is {value!r}; it must be a whole number")
    if not least <= value <= most:
        allowed = f"from {least} to {most}" if most < _SURELY else f"{least} or more"
        if least == -_SURELY:
            allowed = "a smaller number"
        raise TraceError(line.path, line.line, f"{name} is {value}; it must be {allowed}")
    return value


def text(line: Line, name: str, allowed: tuple[str, ...] = (), default: str | None = None) -> str:
    """A field that is text, one of `allowed` where any are given. Raises `TraceError`."""
    value = line.fields.get(name, default)
    if value is None:
        raise TraceError(line.path, line.line, f"no field {name!r}")
    if not isinstance(value, str):
        raise TraceError(line.path, line.line, f"{name} is {value!r}; it must be text")
    if allowed and value not in allowed:
        known = ", ".join(allowed)
        raise TraceError(line.path, line.line, f"{name} is {value!r}; it must be one of: {known}")
    return value
