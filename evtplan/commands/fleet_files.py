"""The options by which commands take a fleet, and the bar while a large table is read."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.output import is_quiet
from evtplan.errors import EvtplanError

if TYPE_CHECKING:
    from evtplan.fleet.model import Fleet

__all__ = ["FromOption", "fleet_from", "reading_bar"]

FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FORMAT",
        help="Format of the files: xl, libvirt, xl-list, xentop, csv, parquet, toml. "
        "Without it each file's content tells.",
        show_default=False,
    ),
]


def fleet_from(files: list[str], from_format: str | None, copies: int = 1) -> "Fleet":
    """The fleet that `files` describe, with a bar on a terminal while a large table is read.

    Raises `EvtplanError` for what cannot be read, and for a stdin that is closed or given twice.
    """
    from evtplan.fleet.readers.load import load_fleet

    if files.count("-") > 1:
        raise EvtplanError("- is given twice, but stdin can be read only once")
    if "-" in files and sys.stdin is None:
        raise EvtplanError("stdin is closed")
    with reading_bar() as progress:
        return load_fleet(files, copies, from_format=from_format, progress=progress)


@contextmanager
def reading_bar() -> Iterator[Callable[[int, int], None] | None]:
    """What to call with the amount done and the whole; None where no bar may be drawn."""
    if is_quiet():
        yield None
        return
    bar: list[Any] = []

    def show(done: int, whole: int) -> None:
        if not bar:
            bar.extend(_started())
        bar[0].update(bar[1], completed=min(done, whole), total=max(whole, 1))

    try:
        yield show
    finally:
        if bar:
            bar[0].stop()


def _started() -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.start()
    return progress, progress.add_task("reading", total=None)
