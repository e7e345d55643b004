"""Files of any format we read, turned into one fleet."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.model import MOST, Fleet, Guest, Host
from evtplan.fleet.readers.detect import detected_format, format_named
from evtplan.fleet.readers.fleet_toml import read_fleet_toml
from evtplan.fleet.readers.inputs import Input, Skipped, inputs_of
from evtplan.fleet.readers.libvirt_xml import read_libvirt_xml
from evtplan.fleet.readers.reading import Reading
from evtplan.fleet.readers.source import Source, open_source
from evtplan.fleet.readers.table import Progress, read_csv, read_parquet
from evtplan.fleet.readers.xentop import read_xentop
from evtplan.fleet.readers.xl_cfg import read_xl_cfg
from evtplan.fleet.readers.xl_list import read_xl_list

__all__ = ["load_fleet", "read_file", "read_text"]

# So many files of directories may be something else before they outnumber the readable too far.
_MOST_SKIPPED = 2000
# Notes name so many places or files before they only count the rest.
_MOST_NAMED = 3
_MOST_KEYS = 50
_LONGEST_KEY = 60


def load_fleet(
    paths: Iterable[str],
    copies: int = 1,
    *,
    from_format: str | None = None,
    progress: Progress | None = None,
) -> Fleet:
    """The fleet that the files of `paths` describe, each guest `copies` times; `-` is stdin.

    Formats are told by content unless `from_format` names one. One fleet file brings its host;
    other files get the default host, with the VCPUs of dom0 where a file shows them. `progress`
    is called while a table is read. Raises `InputError` for a file that cannot be read; one that
    was found in a directory is skipped instead, with a note.
    """
    chosen = None if from_format is None else format_named(from_format)
    loading = _Loading()
    for item in inputs_of(paths):
        if isinstance(item, Skipped):
            loading.skipped.append((item.path, item.reason))
            continue
        try:
            reading = read_file(item, chosen, progress)
        except EvtplanError as error:
            if not item.found:
                raise
            loading.skip(item.path, _reason(item.path, error))
            continue
        loading.add(item.path, reading)
    return loading.fleet(copies)


def read_file(
    item: Input, from_format: str | None = None, progress: Progress | None = None
) -> Reading:
    """What one file says, in the format `from_format` or the one its content shows."""
    with open_source(item.path, only_regular=item.found) as source:
        name = from_format or detected_format(source)
        return _READERS[name](source, progress)


def read_text(path: str) -> str:
    """The text of the file `path`; `-` is stdin; gzipped text is decompressed.

    Bytes that are no UTF-8 are taken as Latin-1, since names and comments of old files are.
    Raises `InputError` for what cannot be opened, is no text, or is too large.
    """
    with open_source(path) as source:
        return source.text()


_READERS: dict[str, Callable[[Source, Progress | None], Reading]] = {
    "xl": lambda source, _: read_xl_cfg(source.name, source.text()),
    "libvirt": lambda source, _: read_libvirt_xml(source.name, source.data()),
    "xl-list": lambda source, _: read_xl_list(source.name, source.text()),
    "xentop": lambda source, _: read_xentop(source.name, source.text()),
    "csv": read_csv,
    "parquet": read_parquet,
    "toml": lambda source, _: read_fleet_toml(source.name, source.text()),
}


def _reason(path: str, error: EvtplanError) -> str:
    return error.message.removeprefix(path).removeprefix(":").strip()


@dataclass(slots=True)
class _Loading:
    """What the files so far have said."""

    paths: list[str] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    host: Host | None = None
    name: str = ""
    dom0_vcpus: set[int] = field(default_factory=set)
    arches: set[str] = field(default_factory=set)

    def add(self, path: str, reading: Reading) -> None:
        if reading.host is not None:
            if self.host is not None and self.host != reading.host:
                raise InputError(path, "a second fleet file with another host")
            self.host, self.name = reading.host, self.name or reading.name
        if reading.dom0_vcpus is not None:
            self.dom0_vcpus.add(reading.dom0_vcpus)
        self.paths.append("<stdin>" if path == "-" else path)
        self.guests.extend(reading.guests)
        if reading.arch is not None:
            self.arches.add(reading.arch)
        self.notes.update(dict.fromkeys(reading.notes))
        for key, line in reading.unknown:
            place = self.paths[-1] if line is None else f"{self.paths[-1]}:{line}"
            self.unknown.setdefault(key, []).append(place)

    def skip(self, path: str, reason: str) -> None:
        """Remember a file that is something else. Raises `EvtplanError` where nearly all are: a
        directory like / or a home would be read for hours.
        """
        self.skipped.append((path, reason))
        if len(self.skipped) > _MOST_SKIPPED and len(self.paths) * 10 < len(self.skipped):
            raise EvtplanError(
                f"{len(self.skipped)} of the first {len(self.skipped) + len(self.paths)} files "
                f"are no configurations, the last {path}",
                "name the directory that has the configurations, or a pattern like DIR/*.cfg",
            )

    def fleet(self, copies: int) -> Fleet:
        if not self.guests and self.skipped:
            path, reason = self.skipped[0]
            more = f", and {len(self.skipped) - 1} more like it" if len(self.skipped) > 1 else ""
            raise EvtplanError(f"no guest in any of the files: {path}: {reason}{more}")
        if not self.guests:
            raise EvtplanError(f"dom0, but no guest in {_some(self.paths)}")
        many = (
            self.guests
            if copies == 1
            else [replace(guest, copies=_times(guest, copies)) for guest in self.guests]
        )
        host = self.host or self._seen_host()
        notes = (*self._unknown_noted(), *self._skipped_noted(), *self.notes)
        return Fleet(tuple(many), host, self.name or "fleet", notes)

    def _seen_host(self) -> Host:
        host = Host()
        if self.dom0_vcpus:
            vcpus = max(self.dom0_vcpus)
            self.notes[f"dom0 has {vcpus} VCPUs, as the input shows"] = None
            host = replace(host, dom0_vcpus=vcpus)
        # Guests of one host are for one architecture; many configurations do not say which.
        arch = next(iter(self.arches)) if len(self.arches) == 1 else None
        if arch and arch != host.arch:
            self.notes[f"the guests are for {arch}, so the host is taken to be"] = None
            host = replace(host, arch=arch)
        return host

    def _unknown_noted(self) -> list[str]:
        """Every key that no reader knows, once, with where it stands."""
        if not self.unknown:
            return []
        found = [
            f"{key[:_LONGEST_KEY]} ({_some(places)})"
            for key, places in islice(self.unknown.items(), _MOST_KEYS)
        ]
        left = len(self.unknown) - len(found)
        more = f"; and {left} more" if left else ""
        return ["not known, and taken to cost no channel: " + ", ".join(found) + more]

    def _skipped_noted(self) -> list[str]:
        reasons: dict[str, list[str]] = {}
        for path, reason in self.skipped:
            reasons.setdefault(reason, []).append(path)
        return [f"skipped {_some(paths)}: {reason}" for reason, paths in reasons.items()]


def _some(places: list[str]) -> str:
    shown = ", ".join(places[:_MOST_NAMED])
    more = len(places) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _times(guest: Guest, copies: int) -> int:
    if guest.copies * copies > MOST:
        raise EvtplanError(f"{guest.name}: {guest.copies} × {copies} copies are more than 10^9")
    return guest.copies * copies
