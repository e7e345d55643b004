"""One record in; a table, plain text, CSV, JSON, JSON lines, Markdown, HTML or Parquet out."""

from evtplan.export.files import write_whole
from evtplan.export.formats import FORMATS, render
from evtplan.export.record import Cell, Column, Record, Row, Section

__all__ = ["FORMATS", "Cell", "Column", "Record", "Row", "Section", "render", "write_whole"]
