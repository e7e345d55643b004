"""The texts that several formulas come from."""

from evtplan.formulas.core import Source

__all__ = [
    "DRAFT_A",
    "EVENT_FIFO",
    "LINUX_FIFO",
    "PUBLIC_HEADER",
    "RECALLED_DRAFT",
    "SCHED_H",
    "THREAD",
    "THREE_LEVEL",
    "XEN_H",
]

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
XEN_H = Source("xen/include/public/xen.h:785", "evtchn_pending[] and evtchn_mask[] of shared_info")
SCHED_H = Source("xen/include/xen/sched.h", "buckets of one page, groups of bucket pointers")
THREE_LEVEL = Source("xen-devel, 3-level event channel ABI, RFC V1–V5, 2012-12 to 2013-03")
LINUX_FIFO = Source("Linux 6.12 drivers/xen/events/events_fifo.c", "a page for each VCPU, offset 0")
