"""Every error evtplan raises on purpose: each keeps its operands and builds its message.

A command that meets one prints `error: …` (and `hint: …` where there is a remedy) and exits 2.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

__all__ = [
    "EvtplanError",
    "InputError",
    "OutputError",
    "UndefinedError",
    "UnknownNameError",
    "UnknownSuffixError",
    "ValueOutOfRangeError",
]


# What an error repeats of a name or value, and of all there is to say of a file.
_LONGEST_NAME = 80
_LONGEST_REASON = 400


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class EvtplanError(Exception):
    """What is wrong, and how to mend it; the base of all our errors."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(EvtplanError):
    """A file that cannot be read, or says something that is not allowed where it stands."""

    def __init__(
        self,
        path: str | Path,
        reason: str,
        *,
        line: int | None = None,
        column: int | None = None,
        hint: str = "",
    ) -> None:
        self.path = str(path)
        self.reason = reason = _short(reason, _LONGEST_REASON)
        self.line = line
        self.column = column
        place = ":".join(str(part) for part in (self.path, line, column) if part is not None)
        super().__init__(f"{place}: {reason}", hint)


class OutputError(EvtplanError):
    """A file that cannot be written; whatever stood there before still stands."""

    def __init__(self, path: str | Path, reason: str, hint: str = "") -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"cannot write {self.path}: {reason}", hint)


class UndefinedError(EvtplanError):
    """A formula where it would divide by zero: it has no value there."""

    def __init__(self, formula: str, inputs: Mapping[str, int]) -> None:
        self.formula = formula
        self.inputs = dict(inputs)
        place = ", ".join(f"{name} = {value}" for name, value in inputs.items())
        super().__init__(f"{formula} divides by 0 at {place}", "it has no value there")


class UnknownNameError(EvtplanError):
    """A name that is none of the known ones; the hint has the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name = _short(name, _LONGEST_NAME)
        self.known = tuple(known)
        by_lower = {text.lower(): text for text in self.known}
        # Numbers that look alike mean nothing: 4.23 is not a slip for 4.3.
        is_number = name.replace(".", "").isdecimal()
        near = [] if is_number else get_close_matches(name.lower(), by_lower, n=1)
        hint = f"did you mean {by_lower[near[0]]}?" if near else "known: " + ", ".join(self.known)
        super().__init__(f"unknown {kind} {name!r}", hint)


class UnknownSuffixError(EvtplanError):
    """A file to be written whose suffix says no format; the hint has those that do."""

    def __init__(self, path: str | Path, suffix: str, known: Iterable[str]) -> None:
        self.path = str(path)
        self.suffix = suffix
        self.known = tuple(known)
        near = get_close_matches(suffix, self.known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        super().__init__(
            f"{self.path}: no format has the suffix {suffix}",
            f"{meant}end it in {', '.join(self.known[:-1])} or {self.known[-1]}, or give --format",
        )


class ValueOutOfRangeError(EvtplanError):
    """A number outside what its quantity can be."""

    def __init__(self, name: str, value: object, allowed: str, hint: str = "") -> None:
        self.name = name
        self.value = value
        self.allowed = allowed
        super().__init__(f"{name} is {value}; it must be {allowed}", hint)
