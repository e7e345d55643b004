"""What a reader hands back, whatever the format."""

from dataclasses import dataclass

from evtplan.fleet.model import DOM0, Guest, Host

__all__ = ["Reading", "backend_name", "printable"]

# Names by which toolstacks call the domain that we call dom0.
_DOM0_NAMES = frozenset(["", "0", "dom0", "domain-0", "domain0"])


@dataclass(frozen=True, slots=True)
class Reading:
    """The guests of one file and what the file leaves open.

    `notes` are remarks that hold for any file alike; `unknown` has keys that the reader does not
    know, with their lines. `host` is given by a fleet file only; `dom0_vcpus` was seen on a
    running host, and `arch` is the guests' own.
    """

    guests: tuple[Guest, ...]
    notes: tuple[str, ...] = ()
    unknown: tuple[tuple[str, int | None], ...] = ()
    host: Host | None = None
    dom0_vcpus: int | None = None
    arch: str | None = None
    name: str = ""


def backend_name(text: str | None) -> str:
    """The backend domain that a device's `backend` option names; dom0 where it names none."""
    name = printable((text or "").strip())
    return DOM0 if name.lower() in _DOM0_NAMES else name


def printable(name: str) -> str:
    """`name` without characters that would move a cursor or cannot be written at all."""
    return name if name.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in name)
