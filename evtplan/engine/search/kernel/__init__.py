"""A compiled breadth-first search: its text, and the control block that it is run by."""

from evtplan.engine.search.kernel.control import CB, MOST_WORDS, SEGMENT_BYTES, Mode
from evtplan.engine.search.kernel.level import kernel_source
from evtplan.engine.search.kernel.system import system_source
from evtplan.engine.search.kernel.table import BATCH, RECENT

__all__ = [
    "BATCH",
    "CB",
    "MOST_WORDS",
    "RECENT",
    "SEGMENT_BYTES",
    "Mode",
    "kernel_source",
    "system_source",
]
