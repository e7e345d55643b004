"""A compiled breadth-first search: its text, and the control block that it is run by."""

from evtplan.engine.kernel.control import CB, MOST_WORDS, SEGMENT_BYTES, Mode
from evtplan.engine.kernel.level import kernel_source
from evtplan.engine.kernel.system import system_source
from evtplan.engine.kernel.table import BATCH, RECENT

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
