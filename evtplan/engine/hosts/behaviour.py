"""How Xen releases differ in what their event-channel code does.

The ends of the range, 4.4.0 and master c447b7308b13 (4.23-unstable), are recorded behaviour. Where
the release of a change between them is known, the property says by which commit. A release marked
"recollection" was not read anywhere: it only says on which side of it a host of that age is taken
to be.
"""

import re
from dataclasses import dataclass

from evtplan.errors import UnknownNameError

__all__ = ["NEWEST", "OLDEST", "Behaviour", "behaviour_of"]

OLDEST = 404
NEWEST = 423


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A release as a number: 404 is 4.4, 423 is 4.23-unstable."""

    release: int

    @property
    def name(self) -> str:
        """The release as people write it."""
        return f"{self.release // 100}.{self.release % 100}"

    @property
    def evtchns_per_bucket(self) -> int:
        """struct evtchn in a page: 64 bytes each since de6acb78bf (4.6), 32 before."""
        return 64 if self.release >= 406 else 128

    @property
    def blocks_come_together(self) -> bool:
        """The first init_control allocates every VCPU's structure: a4e0cea6fc (4.5, XSA-107)."""
        return self.release >= 405

    @property
    def reset_leaves_fifo(self) -> bool:
        """reset switches back to 2-level; 4.4 does not. 4.5 is a recollection."""
        return self.release >= 405

    @property
    def skips_linked_ports(self) -> bool:
        """A closed port that is still LINKED is not given out: 78e24c269b (4.7)."""
        return self.release >= 407

    @property
    def expand_without_fifo_is_unsupported(self) -> bool:
        """expand_array on 2-level fails with EOPNOTSUPP, not ENOSYS. 4.8 is a recollection."""
        return self.release >= 408

    @property
    def checks_usable(self) -> bool:
        """set_priority and unmask ask whether a guest may use the port. 4.15 is a recollection."""
        return self.release >= 415

    @property
    def continues_resets(self) -> bool:
        """There is EVTCHNOP_reset_cont: 112992b05b and after (4.15, XSA-344)."""
        return self.release >= 415

    @property
    def global_virqs_have_an_owner(self) -> bool:
        """Only a VIRQ's handler domain binds a global one. 4.21 is a recollection."""
        return self.release >= 421

    @property
    def prints_guest_debug(self) -> bool:
        """Release builds print gdprintk() messages, as 4.4.0 does. 4.6 is a recollection."""
        return self.release < 406


def behaviour_of(name: str) -> Behaviour:
    """The behaviour of the release called `name`: 4.4, 4.4.0, 4.23-unstable, master.

    Raises `UnknownNameError` for a release older than 4.4, which has no FIFO ABI, or newer than the
    recorded one.
    """
    known = [f"4.{minor}" for minor in range(OLDEST % 100, NEWEST % 100 + 1)]
    if name in ("master", "unstable"):
        return Behaviour(NEWEST)
    found = re.fullmatch(
        r"(\d{1,3})\.(\d{1,3})(?:\.\d{1,3})?(?:-(?:unstable|rc\d*|rc\.\d+))?", name
    )
    if found is None or f"{int(found[1])}.{int(found[2])}" not in known:
        raise UnknownNameError("Xen release", name, known)
    return Behaviour(int(found[1]) * 100 + int(found[2]))
