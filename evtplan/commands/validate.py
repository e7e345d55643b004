"""`evtplan validate`: every formula held against the engine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evtplan import __version__
from evtplan.commands.output import FormatOption, OutputOption, chosen_format, emit, emit_text
from evtplan.commands.progress import progress_of
from evtplan.commands.telling import tell
from evtplan.errors import OutputError, UnknownNameError

if TYPE_CHECKING:
    from evtplan.plans.validation.running import Validation

__all__ = ["validate"]

_SCALES = ("small", "full")


def validate(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Formulas or chapters, e.g. draft_a.vm_limit_estimate or heap.  "
            "[default: all, and whole hosts]",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How much the engine builds: small (under a minute), or full (minutes, and a "
            "host of 123,361 VMs).",
        ),
    ] = "small",
    plots: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Also draw the estimate's error and the limits into DIR, as SVG."
        ),
    ] = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Hold every formula against the engine: the same question, two answers, one verdict."""
    from evtplan.export.validation_record import validation_record
    from evtplan.plans.validation.core import Scale
    from evtplan.plans.validation.running import names_given
    from evtplan.plans.validation.running import validate as validation_of

    if scale not in _SCALES:
        raise UnknownNameError("scale", scale, _SCALES)
    asked = names_given(names or ())
    name = chosen_format(format_name, output)
    if plots is not None and not Path(plots).is_dir():
        raise OutputError(plots, "no such directory")
    with progress_of(len(asked) + (0 if names else 2), "formulas and hosts") as advance:
        found = validation_of(names or (), Scale(scale), done=advance)
    if plots is not None:
        from evtplan.export.validation_plots import write_plots

        write_plots(plots)
    record = validation_record(found, long=name in ("html", "md"))
    if name == "html":
        from evtplan.export.validation_page import validation_page

        emit_text(validation_page(record, __version__), output)
    else:
        emit(record, name, output)
    _refuse(found)


def _refuse(found: "Validation") -> None:
    """Say what disagrees and leave with 1, where something does."""
    for said in found.failures:
        tell(f"error: {said}")
    if found.failures:
        raise typer.Exit(1)
