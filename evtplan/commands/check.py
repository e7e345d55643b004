"""`evtplan check`: every interleaving of a protocol text, and a shortest way to what breaks."""

import json
import sys
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.output import FormatOption, OutputOption, emit, is_quiet
from evtplan.commands.scenario import (
    MemoryOption,
    ParamOption,
    ParamsOption,
    ProtocolArgument,
    numbers_in,
    parameters_record,
)
from evtplan.commands.telling import tell
from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.export.record import Column, Record, Section

if TYPE_CHECKING:
    from evtplan.engine.checking import Check, PropertyVerdict
    from evtplan.engine.executor import Step
    from evtplan.engine.explorer import Exploration, Progress
    from evtplan.engine.language import Text
    from evtplan.engine.symmetry import Symmetry

__all__ = ["check"]

_SHOWN = (
    Column("property"),
    Column("verdict"),
    Column("depth"),
    Column("states"),
    Column("transitions"),
)
_EXIT = {"holds": 0, "broken": 1, "unfinished": 3}
_SUFFIXES = {"k": 10, "m": 20, "g": 30, "t": 40}


def check(
    protocol: ProtocolArgument,
    param: ParamOption = None,
    params: ParamsOption = False,
    memory: MemoryOption = "sc",
    stores: Annotated[
        int, typer.Option(min=1, max=8, help="Stores a process's buffer holds under tso, pso.")
    ] = 2,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Search every state even where a property is broken."),
    ] = False,
    symmetry: Annotated[
        bool,
        typer.Option(
            "--symmetry/--no-reduction",
            help="Search one state of all that differ only in names of interchangeable ports and "
            "processes.  [default: every state]",
            show_default=False,
        ),
    ] = False,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Stop unfinished at so many bytes (500M, 8G).  [default: 4/5 of what is free]",
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, max=64, help="Threads of a large search (count); 0: every core.")
    ] = 0,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="PROPERTY", help="Whose counterexample to show.  [default: the shortest]"
        ),
    ] = None,
    save_path: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Save the counterexample for evtplan run --schedule."),
    ] = None,
    diagram: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Draw the counterexample: .svg, or .mmd and .md for Mermaid."
        ),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Print the same system for another checker: promela."),
    ] = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Check every interleaving of a protocol text, and show a shortest counterexample."""
    from evtplan.engine.language import read_text

    text = read_text(protocol)
    if params:
        emit(parameters_record("check", text), format_name, output)
        return
    given = numbers_in(param)
    if export is not None:
        _export(text, given, memory, stores, export, output)
        return
    _check_suffix(diagram)
    found = _search(text, given, memory, stores, keep_going, memory_limit, threads, symmetry)
    shown = _shown(found, show)
    steps = _steps(found, shown)
    if shown is not None and shown.path is not None:
        _save(found, shown, steps, save_path, diagram)
    emit(_record(found, shown, steps), format_name, output)
    verdict = found.verdict.value
    if verdict == "unfinished":
        tell(f"error: {_unfinished(found)}")
    raise typer.Exit(130 if found.interrupted else _EXIT[verdict])


def _search(
    text: "Text", given: dict[str, int], memory: str, stores: int, keep_going: bool,
    memory_limit: str | None, threads: int, symmetry: bool,
) -> "Check":  # fmt: skip
    from evtplan.engine.checking import check as check_text
    from evtplan.engine.explorer import Limits, usable_cores

    limits = Limits(
        memory_bytes=_bytes(memory_limit),
        threads=threads or usable_cores(),
        keep_going=keep_going,
    )
    progress = None if is_quiet() else _tell
    try:
        return check_text(
            text, given, memory=memory or "sc", limits=limits, stores=stores, progress=progress,
            symmetry=symmetry,
        )  # fmt: skip
    finally:
        if progress is not None:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _tell(progress: "Progress") -> None:
    doing = "compiling for more" if progress.compiling else f"{progress.seconds:.0f} s"
    print(
        f"\r\x1b[K{progress.states:,} states, depth {progress.depth}, {doing}",
        end="",
        file=sys.stderr,
        flush=True,
    )


def _bytes(text: str | None) -> int | None:
    """A size in bytes: a number, or one with K, M, G, T (powers of 1024) behind it."""
    if text is None:
        return None
    number = text.strip().lower().removesuffix("ib").removesuffix("b")
    shift = _SUFFIXES.get(number[-1:], 0)
    digits = number[:-1] if shift else number
    try:
        size = int(float(digits) * (1 << shift)) if digits else -1
    except (ValueError, OverflowError):
        size = -1
    if not 0 < size < 1 << 62:
        raise EvtplanError(f"--memory-limit {text!r} is no size", "for example 500M or 8G")
    return size


def _unfinished(found: "Check") -> str:
    passes = [found.search, *([found.history] if found.history else [])]
    last = next((item for item in passes if not item.finished), found.search)
    if last.finished and found.interrupted:
        return (
            f"not finished: {last.states} states, depth {last.depth}: interrupted before endless "
            "runs were judged; nothing else was broken"
        )
    if last.finished:
        return "not finished: a property about endless runs needs more memory than the limit"
    states = f"{last.states} state{'s' * (last.states != 1)}"
    return f"not finished: {states}, depth {last.depth}: {last.why}; nothing was broken up to there"


def _shown(found: "Check", name: str | None) -> "PropertyVerdict | None":
    """The property whose counterexample to show."""
    if name is None:
        return found.first_broken
    by_name = {item.item.name: item for item in found.verdicts}
    if name not in by_name:
        raise UnknownNameError("property", name, by_name)
    return by_name[name]


def _steps(found: "Check", shown: "PropertyVerdict | None") -> tuple["Step", ...]:
    if shown is None or shown.path is None:
        return ()
    from evtplan.engine.executor import Executor
    from evtplan.engine.lowering import lower

    system = lower(found.text, found.parameters, memory=found.memory, history=shown.item.history)
    return Executor(system).follow(shown.path)


# ---- the record --------------------------------------------------------------------------------


def _record(found: "Check", shown: "PropertyVerdict | None", steps: tuple["Step", ...]) -> Record:
    first = found.first_broken
    depth = first.depth if first else found.search.depth
    rows = [_row(found, "all", "", found.verdict.value, depth, found.search)]
    for item in found.verdicts:
        search = found.history if item.item.history and found.history else found.search
        rows.append(
            _row(
                found, item.item.name, item.item.kind.value, item.verdict.value, item.depth, search
            )
        )
    sections = []
    notes = _notes(found)
    if steps and shown is not None:
        sections.append(_counterexample(found, shown, steps))
        notes.insert(0, _sentence(shown, steps))
    scenario = ", ".join(f"{name}={value}" for name, value in found.parameters.items())
    title = f"{found.text.name} ({scenario}), {found.memory}: {found.verdict.value}"
    return Record(
        command="check",
        rows=tuple(rows),
        columns=_SHOWN,
        title=title,
        sections=tuple(sections),
        notes=tuple(notes),
    )


def _row(
    found: "Check", name: str, kind: str, verdict: str, depth: int | None, search: "Exploration"
) -> dict[str, Any]:
    whole = search.finished and search.reduction == "none"
    return {
        "protocol": found.text.name,
        "params": dict(found.parameters),
        "memory": found.memory,
        "verdict": verdict,
        "property": name,
        "kind": kind or "all",
        "depth": depth,
        "states": search.states,
        "transitions": search.transitions,
        "transitions_spin": search.transitions + 1 + search.at_rest if whole else None,
        "states_at_rest": search.at_rest,
        "finished": search.finished,
        "search_depth": search.depth,
        "seconds": round(search.seconds, 3),
        "cpu_seconds": round(search.cpu_seconds, 3),
        "compile_seconds": round(search.compile_seconds, 3),
        "bytes_per_state": round(search.bytes_per_state, 1),
        "bits_per_state": search.state_bits,
        "method": search.method,
        "threads": search.threads,
        "reduction": search.reduction,
        "states_represented": search.states_represented,
        "transitions_represented": search.transitions_represented,
    }


def _counterexample(found: "Check", shown: "PropertyVerdict", steps: tuple["Step", ...]) -> Section:
    names = list(dict.fromkeys(step.process for step in steps))
    rows = []
    for step in steps:
        text = _said(step)
        row: dict[str, Any] = {
            "step": step.number,
            "process": step.process,
            "line": step.line,
            "text": step.source,
            "choice": step.taken.choice,
            "changes": ", ".join(map(str, step.changes)),
            "repeats": shown.loop is not None and step.number > shown.loop,
        }
        rows.append(row | {name: text if name == step.process else "" for name in names})
    columns = [Column("step"), *(Column(name, name) for name in names), Column("changes")]
    title = f"{shown.item.name}: {len(steps)} steps"
    return Section("counterexample", title, tuple(rows), tuple(columns))


def _said(step: "Step") -> str:
    """The text's line without its comment, with its number and what was picked."""
    source = step.source.split("  #")[0].rstrip()
    picked = "" if step.taken.choice is None else f" → {step.taken.choice}"
    return f"{step.line}: {source}{picked}" if step.line else source


def _sentence(shown: "PropertyVerdict", steps: tuple["Step", ...]) -> str:
    """What went wrong."""
    item = shown.item
    last = steps[-1]
    where = f"after {len(steps)} steps"
    if shown.loop is not None:
        turns = len(steps) - shown.loop
        return (
            f"{item.name} is broken: not so: “{item.sentence}”: after {shown.loop} steps the last "
            f"{turns} can repeat for ever, though every process gets its turns"
        )
    at = f", in {last.process} at line {last.line}" if last.line else ""
    sentence = item.sentence.rstrip(".")
    return f"{item.name} is broken {where}{at}: it is not so that: “{sentence}”"


def _notes(found: "Check") -> list[str]:
    from evtplan.engine.texts.doubts import doubts

    notes = []
    first = found.first_broken
    if first is not None and first.path is None:
        notes.append(f"{first.item.name} is broken: it never happens in this scenario")
    if not found.finished and found.verdict.value == "broken":
        notes.append("the search stopped there; --keep-going searches every state")
    for name in found.unshown:
        notes.append(f"never happened in this scenario, so nothing is proven of it: {name}")
    if found.symmetry is not None:
        notes += _reductions(found, found.symmetry)
    if found.buffers_full:
        notes.append("a store buffer was full: larger ones (--stores) may show more")
    return [*notes, *doubts(found.text)]


def _reductions(found: "Check", symmetry: "Symmetry") -> list[str]:
    """What was interchanged, what each search stands for, and what was not interchangeable."""
    notes = []
    for search, of in ((found.search, ""), (found.history, " with history")):
        if search is None:
            continue
        if search.reduction == "none":
            notes.append(f"reduced by nothing{of}: every state was searched")
        elif search.states_represented is None:
            notes.append(f"reduced{of} by {search.reduction}")
        else:
            notes.append(
                f"reduced{of} by {search.reduction}: {search.states} states stand for "
                f"{search.states_represented}"
            )
    notes += [f"{item.title} is not interchangeable: {item.why}" for item in symmetry.refusals]
    return notes


# ---- files -------------------------------------------------------------------------------------


def _check_suffix(diagram: str | None) -> None:
    if diagram is not None and FilePath(diagram).suffix not in (".svg", ".mmd", ".md"):
        raise EvtplanError(f"--diagram {diagram}: the name must end in .svg, .mmd or .md")


def _save(
    found: "Check", shown: "PropertyVerdict", steps: tuple["Step", ...],
    save_path: str | None, diagram: str | None,
) -> None:  # fmt: skip
    from evtplan.export import write_whole

    assert shown.path is not None
    if save_path is not None:
        document = json.loads(shown.path.to_json())
        if shown.loop is not None:
            document["repeats_from"] = shown.loop + 1
        for entry, step in zip(document["steps"], steps, strict=True):
            entry["name"] = step.process
            entry["line"] = step.line
            entry["text"] = step.source
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        write_whole(save_path, text.encode())
    if diagram is not None:
        from evtplan.export.sequence import Message, mermaid, svg

        messages = [
            Message(s.number, s.process, _said(s), ", ".join(map(str, s.changes))) for s in steps
        ]
        draw = svg if diagram.endswith(".svg") else mermaid
        drawn = draw(f"{found.text.name}: {shown.item.name}", messages)
        if diagram.endswith(".md"):
            drawn = f"```mermaid\n{drawn}```\n"
        write_whole(diagram, drawn.encode())


def _export(
    text: "Text", given: dict[str, int], memory: str, stores: int, name: str, output: str | None
) -> None:
    if name != "promela":
        raise UnknownNameError("export", name, ("promela",))
    from evtplan.engine.lowering import lower
    from evtplan.engine.promela import promela
    from evtplan.engine.store_buffers import with_store_buffers
    from evtplan.engine.texts.extent import require_checkable
    from evtplan.export import write_whole

    require_checkable(text, given)
    system = with_store_buffers(lower(text, given, memory=memory or "sc"), stores)
    source = promela(system)
    if output in (None, "-"):
        sys.stdout.write(source)
    else:
        write_whole(str(output), source.encode())
