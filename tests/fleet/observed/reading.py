"""Texts read as dumps without a file."""

from evtplan.fleet.observed.debug_key_e import DebugKeyReader
from evtplan.fleet.observed.load import feed_lines
from evtplan.fleet.observed.lsevtchn import LsevtchnReader
from evtplan.fleet.observed.model import Observation, ObservedDomain
from evtplan.fleet.observed.proc_interrupts import ProcInterruptsReader


def read(
    text: str, reader: DebugKeyReader | LsevtchnReader | ProcInterruptsReader | None = None
) -> Observation:
    """What `text` shows, as a dump of debug key e unless another reader is given."""
    reader = reader or DebugKeyReader()
    feed_lines([reader], 1, text + "\n")
    found = reader.finish()
    assert found is not None
    return found


def only(text: str) -> ObservedDomain:
    """The single domain of the dump `text`."""
    (domain,) = read(text).domains
    return domain
