"""`evtplan sweep`: what-if over a grid or over chance, at any size."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan import __version__
from evtplan.commands.output import FormatOption, OutputOption, chosen_format, emit, note
from evtplan.commands.where import FormulasOption
from evtplan.errors import EvtplanError, OutputError
from evtplan.export.record import Record, Section

if TYPE_CHECKING:
    from evtplan.export.sweep_job import SweepJob
    from evtplan.export.sweep_run import Hands, Outcome
    from evtplan.plans.sweeps.script import SweepScript
    from evtplan.plans.sweeps.summary import Summary

__all__ = ["sweep"]

# Formats whose rows are written as they come; the others draw one whole document.
_STREAMED = ("plain", "csv", "jsonl", "parquet")
# More rows than this are no document that anybody reads.
_LONGEST_DOCUMENT = 100_000
# A table on a terminal shows this many rows, and says how many there are.
_LONGEST_TABLE = 60
# A sweep file that is longer is told by its beginning.
_HEAD_BYTES = 2**16


def sweep(
    fleet: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Fleet files, or one sweep file (TOML) with what the options say; - is stdin. "
            "Without any, sweep by numbers.",
            show_default=False,
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUES",
            help="Vary a quantity, also several (repeat it): events_per_vm=1..4096:x2, "
            "vms=100..10000:100, abi=fifo,2l-64, guest.web.vcpus=1,2,4. The last changes fastest.",
            show_default=False,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Set a quantity for every point, e.g. pages=131072.",
            show_default=False,
        ),
    ] = None,
    zip_: Annotated[
        bool, typer.Option("--zip", help="Take values side by side, not every combination.")
    ] = False,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Keep the rows that satisfy it, e.g. \"total_pages <= pages and abi == 'fifo'\".",
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMNS", help="Columns of the answer, with commas; all.", show_default=False
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(metavar="N", help="Draw N points by chance instead of every one (count)."),
    ] = None,
    dist: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=LAW(…)",
            help="Draw a quantity from a law, with --sample: lognormal(median=64, sigma=0.5), "
            "normal, uniform, triangular, poisson, exponential, choice; min= and max= bound it.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the draws (whole number).  [default: 0]")
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Only what it comes to: which limit binds, where.")
    ] = False,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Draw vm_limit too: curves, a heat map for two varied numbers; .svg, .png, .html.",
        ),
    ] = None,
    plot_y: Annotated[
        str, typer.Option("--plot-y", metavar="COLUMN", help="The column to draw.")
    ] = "vm_limit",
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Processors to use (count).  [default: all]"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Compute on a Dask cluster, e.g. tcp://host:8786 (evtplan[dask]).",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a sweep that was stopped.")
    ] = False,
    chunk_rows: Annotated[
        int | None,
        typer.Option(min=1, max=2**22, help="Rows of a part file (count).  [default: 65536]"),
    ] = None,
    own: FormulasOption = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Sweep what-if questions: every combination, or by chance; tables, files, plots."""
    from evtplan.export.sweep_run import Hands

    options = {
        "vary": tuple(vary or ()),
        "set": tuple(set_ or ()),
        "dist": tuple(dist or ()),
        "zip": zip_,
        "where": where,
        "select": tuple(select or ()),
        "sample": sample,
        "seed": seed,
        "summary": summary,
        "rows_per_chunk": chunk_rows,
        "formulas": tuple(own or ()),
    }
    given = {name: value for name, value in options.items() if not _is_unset(value)}
    script = _script(list(fleet or ()), given)
    output = output if output is not None else script.output
    asked = format_name if format_name is not None else script.format
    form = chosen_format(asked, output)
    hands = Hands(workers or len(os.sched_getaffinity(0)), scheduler)
    job = _job(script, form)
    to_file = output not in (None, "-")
    if resume and not (to_file and form in _STREAMED and not job.text.summary):
        raise EvtplanError(
            "--resume goes on with a file", "give -o FILE.csv, FILE.jsonl or FILE.parquet"
        )
    picture = plot or script.plot
    if picture is not None:
        _check_plot(job, picture, plot_y)
    if job.text.summary:
        emit(_summary_record(_only_summary(job, hands), job), asked, output)
    elif form in _STREAMED:
        _stream(job, hands, output, resume=resume, command=_command(script, job, output))
    else:
        emit(_document(job, form, bool(to_file)), asked, output)
    if picture is not None:
        from evtplan.export.plot import draw_sweep

        draw_sweep(job.sweep, picture, plot_y)


def _is_unset(value: object) -> bool:
    return value is None or value is False or value == ()


def _script(files: list[str], given: dict[str, Any]) -> "SweepScript":
    """What to sweep: the options, over what a sweep file says."""
    from dataclasses import replace

    from evtplan.fleet.readers.load import read_text
    from evtplan.plans.sweeps.build import SweepText
    from evtplan.plans.sweeps.script import SweepScript, looks_like_sweep, read_sweep_file

    script = SweepScript(SweepText(), tuple(files))
    scripts = [path for path in files if looks_like_sweep(_head(path))]
    if len(scripts) > 1:
        raise EvtplanError(f"{' and '.join(scripts)} are both sweep files", "give one")
    for path in scripts:
        script = read_sweep_file(path, read_text(path))
        fleets = tuple(other for other in files if other != path)
        script = replace(script, fleet=fleets or script.fleet)
    for name in ("vary", "set", "dist", "formulas"):
        given[name] = (*getattr(script.text, name), *given.get(name, ()))
    return replace(script, text=replace(script.text, **given))


def _head(path: str) -> str:
    """How the file `path` or, for -, stdin begins, which is not consumed."""
    if path == "-":
        peek = getattr(getattr(sys.stdin, "buffer", None), "peek", None)
        head = peek(_HEAD_BYTES) if peek else b""
    elif path.endswith(".toml") and os.path.isfile(path):
        with open(path, "rb") as stream:
            head = stream.read(_HEAD_BYTES)
    else:
        head = b""
    return bytes(head).decode("utf-8-sig", "replace")


def _job(script: "SweepScript", form: str) -> "SweepJob":
    from evtplan.export.sweep_job import SweepJob
    from evtplan.fleet.readers.load import load_fleet
    from evtplan.plans.sweeps.build import SettingError

    fleet = load_fleet(script.fleet) if script.fleet else None
    job = SweepJob(script.text, fleet, form)
    try:
        _ = job.sweep  # whatever is wrong with it is said before anything is written
    except SettingError as error:
        raise script.placed(error) from error
    return job


def _command(script: "SweepScript", job: "SweepJob", output: str | None) -> list[str]:
    """The command that gives these very bytes, whoever computed them."""
    text = job.text
    words = ["evtplan", "sweep", *script.fleet]
    for name in ("vary", "set", "dist"):
        for item in getattr(text, name):
            words += [f"--{name}", item]
    words += [word for path in text.formulas for word in ("--formulas", path)]
    words += ["--zip"] if text.zip else []
    for name, value in (("--where", text.where), ("--sample", text.sample)):
        words += [name, str(value)] if value is not None else []
    words += ["--seed", str(text.seed)] if text.sample is not None else []
    words += ["--select", ",".join(text.select)] if text.select else []
    return [*words, "--format", job.form, "-o", str(output)]


@contextmanager
def _shown_progress(job: "SweepJob") -> Iterator[Any]:
    from evtplan.commands.progress import progress_of

    with progress_of(job.sweep.points, "points") as advance:
        yield advance


def _stream(
    job: "SweepJob", hands: "Hands", output: str | None, *, resume: bool, command: list[str]
) -> None:
    from evtplan.export.sweep_run import run_to_file, run_to_stream

    if output in (None, "-"):
        if sys.stdout is None:
            raise OutputError("-", "stdout is closed")
        if job.form == "parquet" and sys.stdout.isatty():
            raise EvtplanError("Parquet is no text for a terminal", "use -o FILE")
        sys.stdout.flush()
        # Rows and progress would write over each other on the same terminal.
        with _shown_progress(job) if not sys.stdout.isatty() else _no_progress() as advance:
            outcome = run_to_stream(job, sys.stdout.buffer, hands, advance)
        sys.stdout.flush()
    else:
        target = Path(str(output))
        try:
            with _shown_progress(job) as advance:
                outcome = run_to_file(
                    job,
                    target,
                    hands,
                    advance,
                    version=__version__,
                    command=command,
                    resume=resume,
                )
        except KeyboardInterrupt:
            if Path(f"{target.resolve()}.parts").exists():
                note(f"what is done stays in {output}.parts; --resume goes on with it")
            raise
        if outcome.rows < 0:
            note(f"{output} is finished already")
            return
    _tell(job, outcome)


@contextmanager
def _no_progress() -> Iterator[Any]:
    yield lambda _more: None


def _tell(job: "SweepJob", outcome: "Outcome") -> None:
    """Remarks on what was written."""
    for text in _notes(job, outcome.rows, outcome.summary):
        note(text)


def _notes(job: "SweepJob", rows: int, summary: "Summary") -> list[str]:
    from evtplan.export.sweep_run import abi_order

    notes = []
    if job.text.where is not None:
        notes.append(f"{rows} of {job.sweep.points} points satisfy {job.text.where}")
    if job.sweep.sample is not None:
        for row in summary.promise_rows(abi_order(job)):
            if row["points_percent"] == 99.0:
                notes.append(
                    f"{row['abi']}: at 99 % of the points at least {row['vm_limit']} VMs fit"
                )
    return notes


def _sections(job: "SweepJob", summary: "Summary") -> tuple[Section, ...]:
    from evtplan.export.sweep_run import abi_order

    order = abi_order(job)
    sections = [Section("summary", "What binds where", tuple(summary.binding_rows(order)))]
    if job.sweep.sample is not None:
        promises = tuple(summary.promise_rows(order))
        sections.append(Section("promises", "What can be promised", promises))
    return tuple(sections)


def _summary_record(summary: "Summary", job: "SweepJob") -> Record:
    first, *others = _sections(job, summary)
    return Record(
        "sweep",
        first.rows,
        title=first.title,
        sections=tuple(others),
        notes=tuple(_notes(job, summary.points, summary)),
    )


def _only_summary(job: "SweepJob", hands: "Hands") -> "Summary":
    from evtplan.export.sweep_run import run_to_summary

    with _shown_progress(job) as advance:
        return run_to_summary(job, hands, advance)


def _document(job: "SweepJob", form: str, to_file: bool) -> Record:
    """The rows and what they come to, as one document."""
    from evtplan.plans.sweeps.summary import SUMMARISED, Summary, summarise

    made = job.sweep
    if made.points > _LONGEST_DOCUMENT:
        raise EvtplanError(
            f"{made.points} points are more than a {form} document holds",
            "use -o FILE.csv or FILE.parquet, or --summary",
        )
    rows: list[dict[str, Any]] = []
    found = Summary()
    for index in range(made.chunks):
        columns, count = made.rows(index, (*SUMMARISED, *made.keys))
        found.add(summarise(columns, count, made.keys, counted=made.sample is not None))
        cells = zip(*(columns[name].cells() for name in made.names), strict=True)
        rows.extend(dict(zip(made.names, line, strict=True)) for line in cells)
    notes = _notes(job, len(rows), found)
    shown = rows
    if form == "table" and not to_file and len(rows) > _LONGEST_TABLE:
        shown = rows[:_LONGEST_TABLE]
        notes.append(f"the first {_LONGEST_TABLE} of {len(rows)} rows; -o FILE.csv has them all")
    return Record(
        "sweep",
        tuple(shown),
        title="Sweep",
        sections=_sections(job, found),
        notes=tuple(notes),
    )


def _check_plot(job: "SweepJob", picture: str, column: str) -> None:
    from evtplan.export.plot import check_plot

    check_plot(job.sweep, picture, column)
