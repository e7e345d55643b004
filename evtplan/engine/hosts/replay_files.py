"""Files of recorded behaviour, whatever is in them: traces of ops, error rows, races."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evtplan.engine.hosts.behaviour import Behaviour, behaviour_of
from evtplan.engine.hosts.procedures import Interpreter
from evtplan.engine.hosts.trace_file import Line, TraceError, read_lines
from evtplan.engine.replay import Difference, MachineMaker, Replayer
from evtplan.errors import InputError

__all__ = ["ENGINES", "FileReplayed", "machine_maker", "replay_file", "trace_files"]

ENGINES = ("python", "compiled")


@dataclass(frozen=True, slots=True)
class FileReplayed:
    """One file replayed. `kind` is trace, errors or races; `agreed` counts the lines before the
    first difference (of errors and races: all that agree); `recent` shows the last ops."""

    path: str
    kind: str
    xen: str
    lines: int
    agreed: int
    difference: Difference | None
    recent: tuple[str, ...] = ()


def machine_maker(engine: str) -> MachineMaker:
    """The machine called `engine`: python, the readable reference, or compiled."""
    if engine == "python":
        return Interpreter
    from evtplan.engine.hosts.compiled import Compiled

    return Compiled


def trace_files(given: Iterable[str]) -> list[str]:
    """The files meant: a directory stands for every .jsonl below it, in order of names.

    Raises `InputError` for a directory without any.
    """
    found: list[str] = []
    for name in given:
        path = Path(name)
        if not path.is_dir():
            found.append(name)
            continue
        inside = sorted(str(each) for each in path.rglob("*.jsonl"))
        if not inside:
            raise InputError(name, "a directory without a .jsonl file")
        found += inside
    return found


def replay_file(
    path: str, make: MachineMaker, *, xen: str | None = None, recent: int = 5
) -> FileReplayed:
    """Replay one file. `xen` is the release to be; None is the one a trace's header names, and the
    newest for files that name none. Raises `TraceError`, `InputError`, `UnknownNameError`.
    """
    lines = read_lines(path)
    first = next(lines, None)
    if first is None:
        raise TraceError(path, None, "an empty file: this is no trace")
    rest = itertools.chain([first], lines)
    if first.fields.get("t") == "hdr":
        return _trace(path, lines, first, make, xen, recent)
    if "mode" in first.fields:
        return _errors(path, list(rest), xen)
    if "scenario" in first.fields:
        return _races(path, rest, behaviour_of(xen or "master"))
    raise TraceError(path, first.line, "no header line: this is no trace")


def _trace(
    path: str,
    lines: Iterator[Line],
    header: Line,
    make: MachineMaker,
    xen: str | None,
    recent: int,
) -> FileReplayed:
    replayer = Replayer(make, xen=xen, recent=recent)
    result = replayer.replay(path, lines, header)
    release = xen or str(header.fields["xen"])
    return FileReplayed(
        path, "trace", release, result.lines, result.agreed, result.difference,
        tuple(result.recent),
    )  # fmt: skip


def _errors(path: str, lines: list[Line], xen: str | None) -> FileReplayed:
    """Error rows name no release: unless one is given, it is that recorded one that fits best."""
    from evtplan.engine.hosts.replay_errors import replay_error_rows

    releases = (xen,) if xen else ("master", "4.4")
    tried = [(replay_error_rows(lines, behaviour_of(each)), each) for each in releases]
    rows, release = max(tried, key=lambda one: one[0].agreed)
    name = xen or behaviour_of(release).name
    difference = _at(rows.difference, "rc")
    return FileReplayed(path, "errors", name, rows.lines, rows.agreed, difference)


def _races(path: str, lines: Iterable[Line], behaviour: Behaviour) -> FileReplayed:
    from evtplan.engine.hosts.races import replay_races

    count, agreed, first = replay_races(lines, behaviour)
    return FileReplayed(path, "races", behaviour.name, count, agreed, _at(first, "outcome"))


def _at(found: tuple[Line, str, Any, Any] | None, field: str) -> Difference | None:
    if found is None:
        return None
    line, what, expected, got = found
    return Difference(line.path, line.line, what, field, expected, got)
