"""`xentop -b`: a table of running domains, printed again and again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from evtplan.errors import InputError
from evtplan.fleet.model import Device, Guest, GuestType
from evtplan.fleet.readers.domain import counted
from evtplan.fleet.readers.reading import Reading, printable

__all__ = ["looks_like_xentop", "read_xentop"]

_HEADER = re.compile(r"\bNAME\s+STATE\s+CPU\(sec\)")
# What a terminal was told to do, in a log of its screen.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_NO_LIMIT = re.compile(r"\bno limit\b")
# Six letters or dashes, each its own: dying, running, blocked, paused, …
_STATE = re.compile(r"[d-][s-][b-][c-][p-][r-]")


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    vcpus: int
    vifs: int
    vbds: int


def looks_like_xentop(text: str) -> bool:
    """True where `text` has xentop's heading."""
    return _HEADER.search(text) is not None


def read_xentop(path: str, text: str) -> Reading:
    """The guests of the last round that xentop printed; dom0 tells the host's VCPUs.

    Two domains whose names were cut to the same ten characters stay two. Raises `InputError`
    with the line of a row that has not the columns of its heading.
    """
    notes: list[str] = []
    rounds = _rounds(path, text, notes)
    if not rounds:
        raise InputError(path, "xentop's heading without a row for any domain")
    rows = [row for row in rounds[-1] if not _is_dom0(row)]
    dom0 = [row for row in rounds[-1] if _is_dom0(row)]
    notes += [
        "xentop tells no type of guest: pv is taken",
        "xentop tells VCPUs, networks and block devices only: every other device is missing",
    ]
    if len(rounds) > 1:
        notes.append(f"xentop printed {len(rounds)} rounds; the last one is read")
    guests = tuple(
        Guest(
            name=printable(row.name) or "domain",
            type=GuestType.PV,
            vcpus=max(1, row.vcpus),
            devices=counted(
                Device(kind, count=number)
                for kind, number in (("vif", row.vifs), ("vbd", row.vbds))
                if number
            ),
        )
        for row in rows
    )
    return Reading(guests, tuple(notes), dom0_vcpus=max(1, dom0[0].vcpus) if dom0 else None)


def _is_dom0(row: _Row) -> bool:
    return row.name in ("Domain-0", "dom0")


def _rounds(path: str, text: str, notes: list[str]) -> list[list[_Row]]:
    """The rows of each round. A round begins with its heading; where each row has a heading
    (`-r`), or where there is one in all, a round has dom0 once, at the place it has in the first.
    """
    rows: list[_Row] = []
    headings: list[int] = []  # how many rows stood above each
    columns: list[str] = []
    lines = _ESCAPES.sub("", text).splitlines()
    for number, line in enumerate(lines, 1):
        if _HEADER.search(line):
            columns = line[line.index("NAME") :].split()
            headings.append(len(rows))
            continue
        if number == len(lines) and not text.endswith("\n") and rows and _is_cut(line, columns):
            notes.append("xentop's last row is cut off, and left out")
            break
        row = _row(path, number, line, columns) if columns else None
        if row is not None:
            rows.append(row)
    starts = sorted(set(headings) - {len(rows)})
    if len(starts) == len(rows) > 1 and not any(_is_dom0(row) for row in rows):
        # A heading before every row: one round in which only different names are different.
        return [list({row.name: row for row in rows}.values())]
    if len(starts) in (1, len(rows)):
        found = [number for number, row in enumerate(rows) if _is_dom0(row)]
        starts = [number - found[0] for number in found] or [0]
    return [rows[start:end] for start, end in pairwise([*starts, len(rows)]) if start < end]


def _is_cut(line: str, columns: Sequence[str]) -> bool:
    return len(_NO_LIMIT.sub("no-limit", line).split()) < len(columns)


def _row(path: str, number: int, line: str, columns: Sequence[str]) -> _Row | None:
    """A row read from its right end, since a name may hold spaces; None for other lines."""
    cells = _NO_LIMIT.sub("no-limit", line.lstrip(" #").rstrip()).split()
    right = len(columns) - 1  # columns right of the name
    if len(cells) <= 2 or not any(_STATE.fullmatch(cell) for cell in cells):
        return None
    if len(cells) <= right:
        raise InputError(
            path, f"{len(cells)} columns where the heading has {len(columns)}", line=number
        )
    values = dict(zip(columns[1:], cells[-right:], strict=True))
    name = " ".join(cells[:-right])
    try:
        found = [_count(values[key]) for key in ("VCPUS", "NETS", "VBDS")]
    except (KeyError, ValueError) as error:
        raise InputError(path, f"VCPUS, NETS and VBDS cannot be read: {error}", line=number) from (
            error
        )
    return _Row(name, *found)


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ValueError(f"{text[:40]!r} is no whole number")
    return int(text)
