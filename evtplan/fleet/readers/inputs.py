"""The files that a command line names: files, directories, patterns, stdin."""

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evtplan.errors import EvtplanError, InputError

__all__ = ["Input", "Skipped", "inputs_of"]

# What editors and package managers leave beside a configuration.
_BACKUPS = (
    "~", ".bak", ".old", ".orig", ".save", ".swp", ".rpmsave", ".rpmnew", ".rpmorig",
    ".dpkg-old", ".dpkg-dist", ".dpkg-new",
)  # fmt: skip
_DEEPEST = 64
_NO_FILE = "neither a file nor a directory"


@dataclass(frozen=True, slots=True)
class Input:
    """A file to read. One that was `found` in a directory may be something else entirely: it is
    skipped with a note where it cannot be read.
    """

    path: str
    found: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was met in a directory and not read, and why."""

    path: str
    reason: str


def inputs_of(paths: Iterable[str]) -> Iterator[Input | Skipped]:
    """The files that `paths` stand for, those of a directory in order of their names, and
    before what lies further below.

    Directories are walked with all below them, each once however often links lead there, and
    without what begins with a dot. Raises `InputError` for a pattern that fits no file, and for a
    directory without one.
    """
    for path in paths:
        if path == "-" or "\0" in path:
            yield Input(path)
        elif os.path.isdir(path):
            yield from _walked(path)
        elif _is_pattern(path):
            yield from _fitting(path)
        else:
            yield Input(path)


def _is_pattern(path: str) -> bool:
    return any(mark in path for mark in "*?[") and not os.path.lexists(path)


def _fitting(pattern: str) -> Iterator[Input | Skipped]:
    """What fits `pattern`, each file once. A file that fits is named as good as outright; only
    what lies in a directory that fits may be something else.
    """
    names = _expanded(pattern)
    if not names:
        raise InputError(pattern, "no file fits this pattern")
    seen: set[tuple[int, int]] = set()
    for name in names:
        try:
            about = os.stat(name)
        except OSError as error:
            yield Skipped(name, error.strerror or str(error))
            continue
        key = (about.st_dev, about.st_ino)
        if key in seen:
            continue
        if stat.S_ISDIR(about.st_mode):
            yield from _below(name, seen, 0)
        elif not stat.S_ISREG(about.st_mode):
            yield Skipped(name, _NO_FILE)
        else:
            seen.add(key)
            yield Input(name)


def _expanded(pattern: str) -> list[str]:
    """The names that `pattern` stands for, sorted; `**` stands for directories, not for links to
    them, whose number has no bound where they lead in a circle.
    """
    path = Path(pattern)
    if "**" not in path.parts:
        return sorted(glob.glob(pattern))
    hidden = any(part.startswith(".") for part in path.parts)
    try:
        found = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        return sorted(
            str(name)
            for name in found
            if hidden or not any(part.startswith(".") for part in name.parts)
        )
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(pattern, f"this pattern cannot be expanded: {error}") from error


def _walked(top: str) -> Iterator[Input | Skipped]:
    seen: set[tuple[int, int]] = set()
    empty = True
    for item in _below(top, seen, 0):
        empty = False
        yield item
    if empty:
        raise InputError(top, "a directory without files")


def _below(folder: str, seen: set[tuple[int, int]], depth: int) -> Iterator[Input | Skipped]:
    try:
        about = os.stat(folder)
        key = (about.st_dev, about.st_ino)
        if key in seen:
            yield Skipped(folder, "a link to a directory that is read already")
            return
        seen.add(key)
        if depth > _DEEPEST:
            raise EvtplanError(f"{folder}: directories nested more than {_DEEPEST} deep")
        names = sorted(os.listdir(folder), key=lambda name: _rank(os.path.join(folder, name)))
    except OSError as error:
        yield Skipped(folder, error.strerror or str(error))
        return
    for name in names:
        if not name.startswith("."):
            yield from _entry(os.path.join(folder, name), seen, depth)


def _rank(path: str) -> tuple[bool, bool, str]:
    """Files before directories and before links to them, then by name."""
    return os.path.isdir(path), os.path.islink(path), path


def _entry(path: str, seen: set[tuple[int, int]], depth: int) -> Iterator[Input | Skipped]:
    try:
        about = os.stat(path)
    except OSError as error:
        yield Skipped(path, error.strerror or str(error))
        return
    if stat.S_ISDIR(about.st_mode):
        yield from _below(path, seen, depth + 1)
    elif not stat.S_ISREG(about.st_mode):
        yield Skipped(path, _NO_FILE)
    elif path.lower().endswith(_BACKUPS):
        yield Skipped(path, "it looks like a backup")
    elif (about.st_dev, about.st_ino) in seen:
        yield Skipped(path, "a link to a file that is read already")
    else:
        seen.add((about.st_dev, about.st_ino))
        yield Input(path, found=True)
