"""Schedules: written out by a person, drawn by chance, or picked one step at a time."""

import random
import re
from collections.abc import Callable, Iterator

from evtplan.engine.executor import Executor, ScheduleError, Step
from evtplan.engine.path import PathStep

__all__ = ["by_chance", "by_hand", "describe_move", "parse_schedule"]

MOST_STEPS = 1_000_000
_ITEM = re.compile(r"(?P<who>[^=~]+?)(?:=(?P<choice>\d+)|(?P<flush>~)(?P<cell>\d+)?)?")


def parse_schedule(text: str, names: tuple[str, ...]) -> tuple[PathStep, ...]:
    """A schedule written out: processes by number or name with commas or spaces between; `=N`
    is what the environment picks, `~` (and a cell's number) a step of the process's store buffer.

    `raiser=2, raiser, consumer` · `0=2 0 1` · `p0 p0~ p1`. Raises `ScheduleError`.
    """
    found = []
    for number, item in enumerate((i for i in re.split(r"[,;\s]+", text.strip()) if i), 1):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ScheduleError(number, f"{item!r} is no step", "PROCESS, PROCESS=CHOICE, PROCESS~")
        choice, cell = match["choice"], match["cell"]
        found.append(
            PathStep(
                _process(number, match["who"], names),
                None if choice is None else int(choice),
                match["flush"] is not None,
                None if cell is None else int(cell),
            )
        )
    return tuple(found)


def _process(number: int, who: str, names: tuple[str, ...]) -> int:
    if who.isdigit():
        return int(who)
    short = {name.replace(" ", ""): at for at, name in enumerate(names)}
    if who.replace("-", "_") in short:
        return short[who.replace("-", "_")]
    raise ScheduleError(number, f"there is no process {who!r}", ", ".join(short))


def by_chance(executor: Executor, seed: int, most: int) -> Iterator[Step]:
    """Steps drawn evenly among those that can be taken, until rest or `most` steps."""
    chance = random.Random(seed)
    for _ in range(most):
        moves = executor.enabled()
        if not moves:
            return
        made = executor.step(moves[chance.randrange(len(moves))])
        yield made
        if made.leads_nowhere:
            return


def describe_move(executor: Executor, move: PathStep) -> str:
    """A step that can be taken, for a person."""
    name = executor.process_names[move.process]
    if move.flushes:
        where = "" if move.cell is None else f" of {executor.names.name(move.cell)}"
        return f"{name}: its store buffer writes the oldest store{where}"
    process = executor.processes[move.process]
    point = process.kind.points[process.point]
    picks = "" if move.choice is None else f", picking {move.choice}"
    return f"{name}{picks}: line {point.line}: {point.label}"


def by_hand(
    executor: Executor, ask: Callable[[list[str]], int | None], most: int
) -> Iterator[Step]:
    """Steps that `ask` picks from descriptions of those that can be taken; None ends."""
    for _ in range(most):
        moves = executor.enabled()
        if not moves:
            return
        picked = ask([describe_move(executor, move) for move in moves])
        if picked is None:
            return
        made = executor.step(moves[picked])
        yield made
        if made.leads_nowhere:
            return
