"""`evtplan replay`: recorded behaviour of real Xen against the host model, op by op."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.output import FormatOption, OutputOption, emit, note
from evtplan.errors import UnknownNameError
from evtplan.export.record import Column, Record

if TYPE_CHECKING:
    from evtplan.engine.hosts.replay_files import FileReplayed
    from evtplan.engine.replay import Difference

__all__ = ["replay"]

_SHOWN = (
    Column("trace"),
    Column("kind"),
    Column("xen", "Xen release"),
    Column("lines"),
    Column("agreed"),
    Column("first_difference", "first difference"),
)


def replay(
    traces: Annotated[
        list[str],
        typer.Argument(
            metavar="TRACE...",
            help="Trace files (JSON lines), directories with .jsonl files below them; - is stdin.",
            show_default=False,
        ),
    ],
    xen: Annotated[
        str | None,
        typer.Option(
            metavar="RELEASE",
            help="Xen release to be, e.g. 4.4 or master.  [default: the one a trace names, else "
            "the newest]",
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What runs the protocol texts: python, the readable reference, or compiled.",
        ),
    ] = "python",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the last ops before a difference.")
    ] = False,
    recent: Annotated[
        int, typer.Option(min=1, max=1000, help="Ops that --verbose shows (count).")
    ] = 5,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> int:
    """Replay recorded behaviour of real Xen; every field of every op must agree."""
    from evtplan.engine.hosts.replay_files import ENGINES, machine_maker, replay_file, trace_files

    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    make = machine_maker(engine)
    found = [replay_file(path, make, xen=xen, recent=recent) for path in trace_files(traces)]
    differing = [each for each in found if each.difference is not None]
    lines = sum(each.lines for each in found)
    agreed = sum(each.agreed for each in found)
    note_text = f"{agreed} of {lines} lines in {len(found)} files agree on every field"
    shown = format_name in (None, "table", "plain", "md") and output in (None, "-")
    rows = tuple(_row(each, nested=not shown) for each in found)
    emit(Record("replay", rows, _SHOWN, notes=(note_text,)), format_name, output)
    for each in differing:
        _tell(each, verbose=verbose)
    return 1 if differing else 0


def _row(each: "FileReplayed", *, nested: bool) -> dict[str, Any]:
    difference: Any = None
    if each.difference is not None:
        difference = _nested(each.difference) if nested else _sentence(each.difference)
    return {
        "trace": each.path,
        "kind": each.kind,
        "xen": each.xen,
        "lines": each.lines,
        "agreed": each.agreed,
        "first_difference": difference,
    }


def _nested(difference: "Difference") -> dict[str, Any]:
    return {key: value for key, value in asdict(difference).items() if key != "path"}


def _sentence(difference: "Difference") -> str:
    expected, got = (_short(value) for value in (difference.expected, difference.got))
    place = f"line {difference.line}, {difference.op}, {difference.field}"
    return f"{place}: expected {expected}, got {got}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 120 else shown[:117] + "…"


def _tell(each: "FileReplayed", *, verbose: bool) -> None:
    if each.difference is None:
        return
    note(f"{each.path}: {_sentence(each.difference)}")
    if verbose:
        for line in each.recent:
            note(f"  {line}")
