"""Which planned guest each domain of a dump is: a dump has numbers only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from evtplan.errors import EvtplanError, UnknownNameError

__all__ = ["Matching", "match_domains"]

# Beyond so many comparisons only the order is looked at.
_MOST_PAIRS = 4_000_000


@dataclass(frozen=True, slots=True)
class Matching:
    """`groups` has the planned group of each domain (None: not in the plan), `missing` how many
    copies of each group no domain is.
    """

    groups: tuple[int | None, ...]
    missing: tuple[int, ...]


def match_domains(
    domains: Sequence[int | None],
    names: Sequence[str],
    copies: Sequence[int],
    *,
    forced: Mapping[int, str],
    cost: Callable[[int, int], int] | None,
) -> Matching:
    """Give each of `domains` a group of the plan.

    First those that `forced` names (domain number to group name); then, cheapest first, the
    pairs of domain and group by `cost`, which takes their indices and says by how many ports they
    differ; equal ones in the order of domains and of the plan. `cost` None goes by order alone:
    the first copy of the first group is the lowest domain. Raises `UnknownNameError` for a name
    the plan does not have, `EvtplanError` for a domain the dump does not have.
    """
    left = list(copies)
    groups: list[int | None] = [None] * len(domains)
    for number, name in forced.items():
        if name not in names:
            raise UnknownNameError("guest", name, names)
        if number not in domains:
            raise EvtplanError(f"the dump has no domain {number}, which {name} is said to be")
        groups[list(domains).index(number)] = group = list(names).index(name)
        left[group] -= 1
    waiting = [index for index, group in enumerate(groups) if group is None]
    pairs: Iterable[tuple[int, int, int]]
    if cost is None or len(waiting) * len(names) > _MOST_PAIRS:
        pairs = ((0, domain, group) for group in range(len(names)) for domain in waiting)
    else:
        pairs = sorted((cost(d, g), d, g) for d in waiting for g in range(len(names)))
    for _, domain, group in pairs:
        if groups[domain] is None and left[group] > 0:
            groups[domain] = group
            left[group] -= 1
    return Matching(tuple(groups), tuple(max(0, number) for number in left))
