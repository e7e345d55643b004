"""The options every command shares for its output, and the one way a record leaves a command."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from evtplan import __version__
from evtplan.commands.telling import tell
from evtplan.errors import OutputError, UnknownNameError, UnknownSuffixError
from evtplan.export import FORMATS, Record, render, write_whole

__all__ = ["FormatOption", "OutputOption", "chosen_format", "emit", "emit_text", "note"]

FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help="How to write the answer: " + ", ".join(FORMATS) + ". "
        "Without it: by the output's suffix, a table on a terminal, plain text in a pipe.",
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write to FILE, whole or not at all; - is stdout."
    ),
]

_SUFFIXES = {
    ".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".md": "md",
    ".html": "html", ".parquet": "parquet", ".txt": "table", ".tsv": "plain",
}  # fmt: skip


def chosen_format(asked: str | None, output: str | None) -> str:
    """The format to write: the one asked for, or the one that suits where it goes.

    A file without a suffix gets plain text. Raises `UnknownNameError` for a format that does not
    exist, `UnknownSuffixError` for a suffix that stands for none.
    """
    if asked is not None:
        if asked not in FORMATS:
            raise UnknownNameError("format", asked, FORMATS)
        return asked
    if output not in (None, "-"):
        suffix = Path(str(output)).suffix.lower()
        if suffix and suffix not in _SUFFIXES:
            raise UnknownSuffixError(str(output), suffix, _SUFFIXES)
        return _SUFFIXES.get(suffix, "plain")
    return "table" if sys.stdout is not None and sys.stdout.isatty() else "plain"


def emit(record: Record, format_name: str | None, output: str | None) -> None:
    """Write `record` where and how the user asked; notes go to stderr where the format has none."""
    name = chosen_format(format_name, output)
    to_stdout = output in (None, "-")
    if to_stdout and sys.stdout is None:
        raise OutputError("-", "stdout is closed")
    width = shutil.get_terminal_size().columns if to_stdout and sys.stdout.isatty() else None
    data = render(record, name, version=__version__, width=width)
    if to_stdout:
        if name == "parquet" and sys.stdout.isatty():
            raise OutputError("-", "Parquet is no text for a terminal; use -o FILE")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    else:
        write_whole(str(output), data)
    if name in ("plain", "csv", "jsonl", "parquet"):
        for text in record.notes:
            note(text)


def emit_text(text: str, output: str | None) -> None:
    """Write `text` as it is to stdout, or whole to the file `output`."""
    if output not in (None, "-"):
        write_whole(str(output), text.encode())
        return
    if sys.stdout is None:
        raise OutputError("-", "stdout is closed")
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


def note(text: str) -> None:
    """A remark for the person, on stderr."""
    tell(f"note: {text}")


def is_quiet() -> bool:
    """True where progress must not be drawn: stderr is no terminal, or a dumb one."""
    return not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
