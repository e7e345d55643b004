"""`evtplan run`: one schedule of a protocol text, step by step."""

import os
import random
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.output import FormatOption, OutputOption, emit
from evtplan.commands.scenario import (
    MemoryOption,
    ParamOption,
    ParamsOption,
    ProtocolArgument,
    numbers_in,
    parameters_record,
)
from evtplan.errors import EvtplanError
from evtplan.export.record import Column, Record

if TYPE_CHECKING:
    from evtplan.engine.executor import Executor, Step
    from evtplan.engine.language import Text
    from evtplan.engine.path import Path

__all__ = ["run"]

_SHOWN = (
    Column("step"),
    Column("process"),
    Column("choice", "picks"),
    Column("line"),
    Column("source", "the text says"),
    Column("changed", "what changed"),
    Column("seen"),
)


def run(
    protocol: ProtocolArgument,
    param: ParamOption = None,
    params: ParamsOption = False,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|STEPS",
            help="A saved path (- is stdin), or processes in turn: 'raiser=2 raiser consumer'; "
            "=N is what the environment picks, ~ a step of the store buffer.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Draw the schedule by chance.  [default: 0]"),
    ] = None,
    steps: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="The most steps to take (count).")
    ] = 1000,
    memory: MemoryOption = "",
    step: Annotated[
        bool, typer.Option("--step", help="Pick each step by hand, from stdin.")
    ] = False,
    save_path: Annotated[
        str | None, typer.Option(metavar="FILE", help="Save the schedule, to be run again.")
    ] = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Run one schedule of a protocol text: each step, its line, and the memory that changed."""
    from evtplan.engine.executor import Executor
    from evtplan.engine.language import read_text
    from evtplan.engine.lowering import lower

    text = read_text(protocol)
    if params:
        emit(parameters_record("run", text), format_name, output)
        return
    if step and (schedule is not None or seed is not None):
        raise EvtplanError("--step picks by hand: no --schedule or --seed beside it")
    given = numbers_in(param)
    path = _path_in(schedule)
    if path is not None:
        given = {**path.parameters, **given}
        memory = memory or path.memory
    system = lower(text, given, memory=memory or "sc", history=True)
    executor = Executor(system)
    taken, end = _take(executor, path, schedule, seed, steps, step)
    if save_path is not None:
        _save(text, executor, taken, save_path)
    emit(_record(text, executor, taken, end), format_name, output)
    _judge(executor, taken)


def _path_in(schedule: str | None) -> "Path | None":
    """The saved path that --schedule names, if it names one."""
    from evtplan.engine.path import parse_path, read_path

    if schedule == "-":
        return parse_path(sys.stdin.buffer.read(), "-")
    if schedule is not None and (os.path.exists(schedule) or schedule.endswith(".json")):
        return read_path(schedule)
    return None


def _take(
    executor: "Executor",
    path: "Path | None",
    schedule: str | None,
    seed: int | None,
    most: int,
    by_hand_: bool,
) -> tuple[list["Step"], str]:
    from evtplan.engine.executor import ScheduleError
    from evtplan.engine.schedule import by_chance, by_hand, parse_schedule

    if by_hand_:
        taken = list(by_hand(executor, _ask, most))
    elif schedule is not None:
        wanted = path.steps if path else parse_schedule(schedule, executor.process_names)
        taken = []
        for move in wanted[:most]:
            try:
                taken.append(executor.step(move))
            except ScheduleError as error:
                done = f"{len(taken)} steps were taken"
                raise EvtplanError(error.message, f"{error.hint}; {done}".lstrip("; ")) from error
    else:
        taken = list(by_chance(executor, seed or 0, most))
    if taken and taken[-1].leads_nowhere:
        end = "the last one leads nowhere: a value or an index is out of range"
    else:
        end = "nobody can move any more" if executor.is_at_rest else "the run stops here"
    return taken, f"{len(taken)} steps; {end}"


def _ask(offers: list[str]) -> int | None:
    for number, offer in enumerate(offers, 1):
        print(f"  {number}  {offer}", file=sys.stderr)
    while True:
        print(
            f"step 1-{len(offers)}, Enter for any, q to end: ", end="", file=sys.stderr, flush=True
        )
        line = sys.stdin.readline()
        answer = line.strip().lower()
        if not line or answer in ("q", "quit"):
            print(file=sys.stderr)
            return None
        if not answer:
            return random.Random(len(offers)).randrange(len(offers))
        if answer.isdigit() and 1 <= int(answer) <= len(offers):
            return int(answer) - 1
        print(f"{answer!r} is none of them", file=sys.stderr)


def _save(text: "Text", executor: "Executor", taken: list["Step"], file: str) -> None:
    from evtplan.engine.path import Path
    from evtplan.export.files import write_whole

    broken = next((name for step in taken for name in step.broken), "")
    path = Path(
        protocol=text.name,
        parameters=executor.system.parameters,
        steps=tuple(step.taken for step in taken),
        memory=executor.system.memory,
        property=broken,
    )
    write_whole(file, path.to_json().encode())


def _record(text: "Text", executor: "Executor", taken: list["Step"], end: str) -> Record:
    from evtplan.engine.texts.doubts import doubts

    numbers = ", ".join(f"{name}={value}" for name, value in executor.system.parameters.items())
    return Record(
        command="run",
        rows=tuple(_row(step) for step in taken),
        columns=_SHOWN,
        title=f"{text.name}: {numbers}" if numbers else text.name,
        notes=(end, *doubts(text)),
        extra={
            "protocol": text.name,
            "parameters": dict(executor.system.parameters),
            "memory": executor.system.memory,
            "at_rest": executor.is_at_rest,
            "processes": list(executor.process_names),
        },
    )


def _row(step: "Step") -> dict[str, Any]:
    seen = [" ".join([name, *map(str, values)]) for name, values in step.emitted]
    seen += [f"sometimes: {name}" for name in step.marks]
    seen += [f"broken: {name}" for name in step.broken]
    return {
        "step": step.number,
        "process": step.process,
        "choice": step.taken.choice,
        "line": step.line or None,
        "source": step.source.split("#")[0].rstrip(),
        "access": step.access,
        "changed": ", ".join(str(change) for change in step.changes),
        "seen": "; ".join(seen),
        "broken": ", ".join(step.broken),
    }


def _judge(executor: "Executor", taken: list["Step"]) -> None:
    """Say which properties the run breaks; exit 1 where it breaks one."""
    first: dict[str, int] = {}
    for step in taken:
        for name in step.broken:
            first.setdefault(name, step.number)
    if not first:
        return
    sentences = {item.name: item.sentence for item in executor.system.properties}
    for name, number in first.items():
        print(f"broken at step {number}: {name}: {sentences.get(name, '')}", file=sys.stderr)
    raise typer.Exit(1)
