"""A dump of any format we know, recognised by what it says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from evtplan.errors import InputError, UnknownNameError
from evtplan.fleet.observed.debug_key_e import DebugKeyReader
from evtplan.fleet.observed.lines import LogLines
from evtplan.fleet.observed.lsevtchn import LsevtchnReader
from evtplan.fleet.observed.model import Observation
from evtplan.fleet.observed.proc_interrupts import ProcInterruptsReader

__all__ = ["DUMP_FORMATS", "feed_lines", "load_observation"]


class _Reader(Protocol):
    def feed(self, number: int, text: str) -> None: ...
    def finish(self) -> Observation | None: ...


# In this order of preference where one file has several.
_READERS: dict[str, Callable[[], _Reader]] = {
    DebugKeyReader.name: DebugKeyReader,
    LsevtchnReader.name: LsevtchnReader,
    ProcInterruptsReader.name: ProcInterruptsReader,
}
DUMP_FORMATS: tuple[str, ...] = tuple(_READERS)

# What else hosts print, and where it is read.
_OTHERS: tuple[tuple[str, str], ...] = (
    ("VCPUS NETS", "this is xentop's output: evtplan fleet reads it"),
    ("Mem VCPUs", "this is xl list's output, which shows no event channels"),
    ("(domain (", "this is xm list --long, which shows no event channels"),
    ('"c_info"', "this is xl list -l: evtplan fleet reads it"),
    ("<domain", "this is libvirt XML: evtplan fleet reads it"),
)


def load_observation(
    path: str, *, format_name: str | None = None, domain: int | None = None
) -> Observation:
    """What the dump in the file `path` (`-` is stdin) shows, whichever format it has.

    `domain` is whose a listing is that does not say so itself. Raises `InputError` where the
    file cannot be read or holds no dump, `UnknownNameError` for an unknown `format_name`.
    """
    if format_name is not None and format_name not in _READERS:
        raise UnknownNameError("dump format", format_name, DUMP_FORMATS)
    names = DUMP_FORMATS if format_name is None else (format_name,)
    readers = [_READERS[name]() for name in names]
    lines, other = LogLines(path), ""
    for number, text in lines.chunks():
        feed_lines(readers, number, text)
        if number < 100 and not other:
            other = _named(text.split("\n")[: 100 - number])
    found = [seen for reader in readers if (seen := reader.finish()) is not None]
    if not found:
        known = "a dump of debug key e, lsevtchn's output, or /proc/interrupts"
        raise InputError(lines.path, "no event channels in it", hint=other or f"expected {known}")
    taken, *rest = found
    notes = [*lines.notes, *taken.notes]
    notes += [f"{lines.path} has {seen.format} lines too; they are left out" for seen in rest]
    named = tuple(
        replace(item, domain=domain) if item.domain is None and domain is not None else item
        for item in taken.domains
    )
    return replace(taken, domains=named, notes=tuple(notes))


def feed_lines(readers: list[_Reader], number: int, text: str) -> None:
    """Give all readers the lines of `text`, save those that surely are a dump's of key e."""
    first, start = readers[0], 0
    while start < len(text):
        if text[start] == "\n":
            number, start = number + 1, start + 1
            continue
        if isinstance(first, DebugKeyReader):
            taken, start = first.take(number, text, start)
            number += taken
            if taken:
                continue
        end = text.index("\n", start)
        for reader in readers:
            reader.feed(number, text[start:end])
        number, start = number + 1, end + 1


def _named(lines: list[str]) -> str:
    """What else these lines are, where they are something that we know."""
    return next((hint for line in lines for mark, hint in _OTHERS if mark in line), "")
