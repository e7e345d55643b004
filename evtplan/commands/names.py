"""Options that take names: repeated, separated by commas, or `all`."""

from collections.abc import Iterable

from evtplan.errors import UnknownNameError

__all__ = ["names_in"]


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
