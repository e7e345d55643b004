"""Options that take names: repeated, separated by commas, or `all`."""

from collections.abc import Iterable

from evtplan.errors import UnknownNameError

__all__ = ["abis_in", "names_in"]


def names_in(given: list[str] | None, kind: str, known: Iterable[str]) -> tuple[str, ...]:
    """The names in `given`, each once, in order; `all` stands for every known one.

    Raises `UnknownNameError` for a name that is none of `known`.
    """
    every = tuple(known)
    found: list[str] = []
    for name in (part.strip() for text in given or () for part in text.split(",")):
        if name == "all":
            found.extend(every)
        elif name in every:
            found.append(name)
        else:
            raise UnknownNameError(kind, name, every)
    return tuple(dict.fromkeys(found))


def abis_in(given: list[str] | None, architectures: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """The ABIs in `given`, and a remark on what `all` leaves out: those that exist on none of the
    hosts' `architectures`.
    """
    from evtplan.abi import ABIS, abis_on

    words = [part.strip() for text in given or () for part in text.split(",")]
    named = names_in(words, "ABI", ABIS)
    hosts = tuple(dict.fromkeys(architectures))
    exist = {name for host in hosts for name in abis_on(host)}
    left = [name for name in named if name not in exist and name not in words]
    if "all" not in words or not hosts or not left:
        return named, ""
    absent, places = " and ".join(left), ", ".join(hosts)
    remark = f"all leaves out {absent}: words of bitmaps on {places} have 64 bits"
    return tuple(name for name in named if name not in left), remark
