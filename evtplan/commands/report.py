"""`evtplan report`: one page about a fleet, for a capacity review."""

from pathlib import Path
from typing import Annotated

import typer

from evtplan import __version__
from evtplan.commands.names import names_in
from evtplan.commands.output import emit_text
from evtplan.errors import EvtplanError

__all__ = ["report"]

_SUFFIXES = {".html": "html", ".htm": "html", ".md": "md", ".markdown": "md"}


def report(
    fleet: Annotated[
        list[str],
        typer.Argument(
            metavar="FLEET...",
            help="Fleet files (TOML) or domain configurations (xl.cfg, …); - is stdin.",
            show_default=False,
        ),
    ],
    abi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="ABIs to set beside the fleet's own, with commas, or all.  [default: 2l-64, fifo]",
            show_default=False,
        ),
    ] = None,
    backends: Annotated[
        int, typer.Option(min=1, help="Domains that share dom0's other ends (count).")
    ] = 1,
    copies: Annotated[
        int, typer.Option(min=1, help="VMs of each configuration given (count).")
    ] = 1,
    validation: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What evtplan validate --format json said."),
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help="html or md; by the suffix of -o."),
    ] = None,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, whole; - is stdout."),
    ] = "-",
) -> None:
    """Report on a fleet: one self-contained page for a capacity review, HTML or Markdown."""
    from evtplan.abi import ABIS

    form = format_name or ("md" if output == "-" else _SUFFIXES.get(Path(output).suffix.lower()))
    if form not in ("html", "md"):
        raise EvtplanError(
            f"a report is html or md, not {format_name or output}", "e.g. -o report.html"
        )
    abis = names_in(abi, "ABI", ABIS) or ("2l-64", "fifo")

    from evtplan.export.report_page import report_html, report_md
    from evtplan.fleet.readers.load import load_fleet
    from evtplan.plans.report import report_on

    found = report_on(load_fleet(fleet, copies), abis, backends=backends, validation=validation)
    emit_text((report_html if form == "html" else report_md)(found, __version__), output)
