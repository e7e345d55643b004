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

__all__ = ["DUMP_FORMATS", "load_observation"]


class _Reader(Protocol):
    def feed(self, number: int, text: str) -> bool: ...
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
    feeds = [reader.feed for reader in readers]
    lines, other = LogLines(path), ""
    for number, text in lines:
        for feed in feeds:
            if feed(number, text):
                break  # surely a line of that format, and of no other
        if number < 100 and not other:
            other = next((hint for mark, hint in _OTHERS if mark in text), "")
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
