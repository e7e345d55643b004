"""Progress on a terminal: how far, how fast, how long still; nothing anywhere else."""

import contextlib
from collections.abc import Callable, Iterator

from evtplan.commands.output import is_quiet

__all__ = ["progress_of"]


@contextlib.contextmanager
def progress_of(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A function to call with how many more of `total` `what` are done."""
    if is_quiet():
        yield lambda _more: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.description}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=total, rate="")

        def advance(more: int) -> None:
            bars.update(task, advance=more)
            speed = bars.tasks[0].speed
            if speed:
                bars.update(task, rate=f"{speed:,.0f}/s")

        yield advance
