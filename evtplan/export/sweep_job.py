"""A sweep and the format it is written in: a value that any process or machine can work on."""

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from evtplan.export.rows import TextAssembly, text_rows
from evtplan.fleet.model import Fleet
from evtplan.formulas import kernels
from evtplan.plans import uniform
from evtplan.plans.sweeps.build import SweepText, build_sweep
from evtplan.plans.sweeps.design import Sweep
from evtplan.plans.sweeps.summary import SUMMARISED, Summary, summarise

__all__ = ["Assembly", "Chunk", "SweepJob", "book_hash"]


def book_hash() -> str:
    """SHA-256 of the printed formula book and of the program over it that plans compute with."""
    text = inspect.getsource(kernels) + inspect.getsource(uniform)
    return hashlib.sha256(text.encode()).hexdigest()


class Assembly(Protocol):
    """How the chunks of a job become one file: `head`, a piece each in their order, `ending`."""

    @property
    def head(self) -> bytes:
        """What stands before the first piece."""

    def piece(self, data: Any) -> tuple[Any, dict[str, str]]:
        """The bytes of a chunk's `data`, and what `again` must know of them."""

    def again(self, size: int, told: Mapping[str, Any]) -> None:
        """Take in a piece of `size` bytes that an earlier run has written."""

    def ending(self) -> bytes:
        """What stands behind the last piece."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk computed: rows for the job's assembly, how many, and its part of the summary."""

    data: Any
    rows: int
    summary: Summary


@dataclass(frozen=True)
class SweepJob:
    """What to compute and how to write it; `form` is `plain`, `csv`, `jsonl` or `parquet`."""

    text: SweepText
    fleet: Fleet | None
    form: str

    @cached_property
    def sweep(self) -> Sweep:
        """The sweep, understood."""
        return build_sweep(self.text, self.fleet)

    def assembly(self) -> Assembly:
        """How the job's chunks become its file."""
        if self.form == "parquet":
            from evtplan.export.arrow import ParquetAssembly  # pyarrow: only for Parquet

            return ParquetAssembly()
        return TextAssembly(self.sweep.names, self.form)

    def chunk(self, index: int) -> Chunk:
        """Compute chunk `index`; depends on nothing but the job."""
        sweep = self.sweep
        columns, rows = sweep.rows(index, (*SUMMARISED, *sweep.keys))
        summary = summarise(columns, rows, sweep.keys, counted=sweep.sample is not None)
        wanted = [columns[name] for name in sweep.names]
        if self.form == "parquet":
            from evtplan.export.arrow import arrow_rows  # pyarrow: only for Parquet

            return Chunk(arrow_rows(wanted, sweep.complete), rows, summary)
        return Chunk(text_rows(wanted, self.form, compiled=sweep.is_large), rows, summary)

    def sendable_chunk(self, index: int) -> Chunk:
        """`chunk`, its data as what can be sent to another process."""
        chunk = self.chunk(index)
        data = bytes(chunk.data) if isinstance(chunk.data, memoryview) else chunk.data
        return Chunk(data, chunk.rows, chunk.summary)

    def identity(self, version: str) -> dict[str, Any]:
        """What makes two jobs' rows the same, byte for byte."""
        return {
            "evtplan": version,
            "book_sha256": book_hash(),
            "fleet_sha256": (
                hashlib.sha256(repr(self.fleet).encode()).hexdigest() if self.fleet else None
            ),
            "sweep": asdict(self.text),
            "formulas_sha256": [
                hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in self.text.formulas
            ],
            "format": self.form,
        }
