"""The texts that several formulas come from."""

from evtplan.formulas.core import Source

__all__ = ["DRAFT_A", "EVENT_FIFO", "PUBLIC_HEADER", "RECALLED_DRAFT", "SCHED_H", "THREAD"]

THREAD = Source(
    "xen-devel, David Vrabel to Wei Liu, February 2013",
    "Scalable Event Channel ABI design (draft A): memory use",
)
DRAFT_A = Source(
    "xen-devel, draft A as quoted in its review, February 2013",
    "each page has space for E_P events; channels come in pairs",
)
RECALLED_DRAFT = Source(
    "memory section of the FIFO design document", "recalled; no readable copy was found"
)
EVENT_FIFO = Source("xen/common/event_fifo.c", "the array grows by whole pages, 1024 words each")
PUBLIC_HEADER = Source(
    "xen/include/public/event_channel.h", "channel counts; port 0 is never valid"
)
SCHED_H = Source("xen/include/xen/sched.h", "buckets of one page, groups of bucket pointers")
