"""The event-channel ABIs: how many ports, where the event state lies, and who says so."""

from dataclasses import dataclass

from evtplan.errors import UnknownNameError

__all__ = ["ABIS", "Abi", "abi_named"]


@dataclass(frozen=True, slots=True)
class Abi:
    """One event-channel ABI.

    `channels` counts port numbers, 0 among them. `event_words` says that every port has a 32-bit
    word in an event array that grows a page at a time; otherwise `bitmap_pages` pages hold the
    pending and mask bitmaps of a domain however few ports it has (0: they lie in shared_info).
    `maps_control_blocks`: each VCPU registers a control block that Xen maps on its own.
    `era` is the Xen release of the host that the ABI was written for, where that is not today's.
    """

    name: str
    title: str
    channels: int
    event_words: bool
    bitmap_pages: int
    priorities: int
    maps_control_blocks: bool
    era: str | None
    source: str

    @property
    def usable_ports(self) -> int:
        """Ports a domain can bind: port 0 is never valid."""
        return self.channels - 1


_PUBLIC = "xen/include/public/event_channel.h"
_DRAFT_A = "Scalable Event Channel ABI design (draft A), xen-devel, February 2013"
_THREE_LEVEL = "3-level event channel ABI, RFC, xen-devel 2012-12 to 2013-03; never merged"

ABIS: dict[str, Abi] = {
    abi.name: abi
    for abi in (
        Abi("2l-32", "2-level, 32-bit", 32**2, False, 0, 1, False, None, _PUBLIC),
        Abi("2l-64", "2-level, 64-bit and Arm", 64**2, False, 0, 1, False, None, _PUBLIC),
        Abi("3l-32", "3-level proposal, 32-bit", 32**3, False, 2, 1, False, "4.3", _THREE_LEVEL),
        Abi("3l-64", "3-level proposal, 64-bit", 64**3, False, 16, 1, False, "4.3", _THREE_LEVEL),
        Abi("fifo-draft-a", "FIFO, draft A", 2**17, True, 0, 16, False, "4.3", _DRAFT_A),
        Abi("fifo", "FIFO, Xen 4.4 and later", 2**17, True, 0, 16, True, None, _PUBLIC),
    )
}


# Words of 32 bits; on Arm, 32-bit or 64-bit, an event word has 64 (xen_ulong_t), as
# xen/include/public/event_channel.h:329 counts 4096 channels there.
_NOT_ON_ARM = ("2l-32", "3l-32")


def abis_on(architecture: str) -> tuple[str, ...]:
    """The ABIs that exist on a host of `architecture`, by name."""
    if architecture == "x86-64":
        return tuple(ABIS)
    return tuple(name for name in ABIS if name not in _NOT_ON_ARM)


def abi_named(name: str) -> Abi:
    """The ABI called `name`. Raises `UnknownNameError` with the nearest known name."""
    try:
        return ABIS[name]
    except KeyError:
        raise UnknownNameError("ABI", name, ABIS) from None
