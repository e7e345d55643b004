"""Progress on a terminal: how far, how fast, how long still; elsewhere only what takes days."""

import contextlib
import time
from collections.abc import Callable, Iterator

from evtplan.commands.output import is_quiet, note

__all__ = ["progress_of"]

# A rate is known after so long.
_SECONDS_TO_TELL = 5.0
_DAY = 86_400.0


class _Foresight:
    """Says once, where nobody sees a bar, that something will take more than a day."""

    def __init__(self, total: int, what: str) -> None:
        self.total = total
        self.what = what
        self.done = 0
        self.began = time.monotonic()
        self.told = False

    def advance(self, more: int) -> None:
        self.done += more
        taken = time.monotonic() - self.began
        if self.told or taken < _SECONDS_TO_TELL:
            return
        self.told = True
        left = (self.total - self.done) * taken / max(self.done, 1)
        if left > _DAY:
            rate = self.done / taken
            note(
                f"{self.total:.3g} {self.what} at {rate:.2g} a second take {left / _DAY:,.0f} days"
            )


@contextlib.contextmanager
def progress_of(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A function to call with how many more of `total` `what` are done."""
    if is_quiet():
        yield _Foresight(total, what).advance
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
