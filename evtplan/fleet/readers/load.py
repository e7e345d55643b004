"""Files of any format we read, turned into one fleet."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.model import MOST, Fleet, Guest, Host
from evtplan.fleet.readers.fleet_toml import looks_like_fleet_toml, read_fleet_toml
from evtplan.fleet.readers.xl_cfg import read_xl_cfg

__all__ = ["load_fleet", "read_text"]

# A configuration a person or a toolstack wrote is far smaller; a larger one is a mistake.
_LARGEST_BYTES = 64 * 2**20


def load_fleet(paths: Iterable[str], copies: int = 1) -> Fleet:
    """The fleet that the files of `paths` describe, each guest `copies` times; `-` is stdin.

    One fleet file brings its host; domain configurations get the default host. Raises
    `InputError` for a file that cannot be read.
    """
    guests: list[Guest] = []
    notes: list[str] = []
    host: Host | None = None
    name = ""
    for path in paths:
        text = read_text(path)
        if Path(path).suffix.lower() == ".toml" or looks_like_fleet_toml(text):
            fleet = read_fleet_toml(path, text)
            if host is not None and fleet.host != host:
                raise InputError(path, "a second fleet file with another host")
            host, name = fleet.host, name or fleet.name
            guests.extend(fleet.guests)
        else:
            guest, remarks = read_xl_cfg(path, text)
            guests.append(guest)
            notes.extend(remarks)
    many = tuple(replace(guest, copies=_times(guest, copies)) for guest in guests)
    return Fleet(many, host or Host(), name or "fleet", tuple(notes))


def _times(guest: Guest, copies: int) -> int:
    if guest.copies * copies > MOST:
        raise EvtplanError(f"{guest.name}: {guest.copies} × {copies} copies are more than 10^9")
    return guest.copies * copies


def read_text(path: str) -> str:
    """The text of the file `path`, UTF-8 with or without a mark; `-` is stdin.

    Bytes that are no UTF-8 are taken as Latin-1, since names and comments of old files are.
    Raises `InputError` for what cannot be opened, is no text, or is too large.
    """
    try:
        data = sys.stdin.buffer.read(_LARGEST_BYTES + 1) if path == "-" else _file_bytes(path)
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error
    shown = "<stdin>" if path == "-" else path
    if len(data) > _LARGEST_BYTES:
        raise InputError(shown, f"larger than {_LARGEST_BYTES >> 20} MiB")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise InputError(shown, "a NUL byte: this is no text file", line=line)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _file_bytes(path: str) -> bytes:
    if not path:
        raise EvtplanError("an empty file name")
    if "\0" in path:
        raise EvtplanError("a file name with a NUL byte")
    with open(path, "rb") as stream:
        return stream.read(_LARGEST_BYTES + 1)
