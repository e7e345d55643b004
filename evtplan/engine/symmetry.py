"""What of a system is interchangeable: names such as ports, and like processes.

A **symmetry** here is a group of renamings under which every step, every property and the initial
state stay what they are; `equivariance` proves it, text by text and scenario by scenario. States
that a renaming makes equal then have the same future, and one of them stands for all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import factorial

from evtplan.engine.symmetries.equivariance import Names, why_not_interchangeable
from evtplan.engine.symmetries.roles import Role, Roles
from evtplan.engine.system import TransitionSystem
from evtplan.errors import EvtplanError

__all__ = [
    "MOST_ELEMENTS",
    "Interchangeable",
    "NoSymmetryError",
    "Pool",
    "Refusal",
    "Symmetry",
    "find_symmetry",
]

# Of more than these only the first are interchanged: n! renamings are tried where states tie.
MOST_ELEMENTS = 6

_LAST = 14  # the highest value that may be a name: a renaming is one integer, four bits a name


@dataclass(frozen=True, slots=True)
class Interchangeable:
    """Names that can be interchanged: `elements` are their values.

    `dims` has the dimensions they index, by variable; `values` the (offset, bits) of cells that
    hold one; `locals` those of locals by (kind, point, slot); `kinds` the process kinds whose
    number is one. Bits 0 mean the whole.
    """

    title: str
    elements: tuple[int, ...]
    dims: dict[str, tuple[bool, ...]]
    values: dict[str, tuple[tuple[int, int], ...]]
    locals: dict[tuple[int, int, int], tuple[tuple[int, int], ...]]
    kinds: frozenset[int]


@dataclass(frozen=True, slots=True)
class Pool:
    """Like processes that know no number: the kind's, and how many."""

    title: str
    kind: int
    count: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """What looks interchangeable and is not, and why."""

    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Symmetry:
    """All that was found."""

    names: tuple[Interchangeable, ...]
    pools: tuple[Pool, ...]
    refusals: tuple[Refusal, ...]

    @property
    def order(self) -> int:
        """Renamings: the most states that one can stand for."""
        order = 1
        for item in self.names:
            order *= factorial(len(item.elements))
        for pool in self.pools:
            order *= factorial(pool.count)
        return order

    @property
    def title(self) -> str:
        """For rows: `port(3) × raiser(2)`; `none` where nothing is interchangeable."""
        parts = [f"{item.title}({len(item.elements)})" for item in self.names]
        parts += [f"{pool.title}({pool.count})" for pool in self.pools]
        return " × ".join(parts) or "none"


class NoSymmetryError(EvtplanError):
    """Nothing of a scenario is interchangeable; `symmetry` has what looked so, and why not."""

    def __init__(self, protocol: str, symmetry: Symmetry) -> None:
        self.protocol = protocol
        self.symmetry = symmetry
        why = "; ".join(f"{item.title}: {item.why}" for item in symmetry.refusals)
        super().__init__(
            f"nothing of {protocol} is interchangeable in this scenario",
            why or "it has no two ports or processes that could be",
        )


def find_symmetry(system: TransitionSystem) -> Symmetry:
    """What is interchangeable in `system`, proven."""
    roles = Roles(system)
    roles.spread_faults()
    names: list[Interchangeable] = []
    refusals: list[Refusal] = []
    for role in roles.roots():
        title = _title(system, roles, role)
        why = ""
        for elements in _candidates(role):
            why = _unfit(system, roles, role, elements) or role.fault
            if not why:
                why = why_not_interchangeable(system, roles, Names(role, elements))
            if not why:
                names.append(_interchangeable(system, roles, role, title, elements))
                break
        if why and role.spans <= {(0, 2), (1, 1)} and not role.kinds:
            why = f"there are two, or one and a 0 for none ({why})"
        if why and title:
            refusals.append(Refusal(title, why))
    pools = [
        Pool(kind.name, index, kind.count)
        for index, kind in enumerate(system.kinds)
        if kind.count > 1 and index not in roles.uses_number
    ]
    return Symmetry(tuple(names), tuple(pools), tuple(refusals))


def _title(system: TransitionSystem, roles: Roles, role: Role) -> str:
    """What the text calls them: the type of an index, the process, or the array they index.

    "" for what no text declared: the entries of a store buffer.
    """
    indexed = [
        (variable, number)
        for variable in system.variables
        for number, dim in enumerate(roles.dims[variable.name])
        if dim.root is role and variable.indices
    ]
    types = [variable.indices[number] for variable, number in indexed]
    kinds = [system.kinds[index].name for index in sorted(role.kinds & roles.uses_number)]
    arrays = [f"index of {variable.name}" for variable, _ in indexed]
    return next((name for name in (*types, *kinds, *arrays) if name), "")


def _candidates(role: Role) -> Iterator[tuple[int, ...]]:
    """Values that may be names, at least two: all that index, or all but a 0 that means none."""
    end = max(first + count for first, count in role.spans)
    start = max(first for first, _ in role.spans)
    for first in (start, 1) if start == 0 and not role.kinds else (start,):
        if end - first >= 2:
            yield tuple(range(first, end))[:MOST_ELEMENTS]


def _unfit(system: TransitionSystem, roles: Roles, role: Role, elements: tuple[int, ...]) -> str:
    """Why they cannot be names at all; "" where they may."""
    if system.memory != "sc" and any(
        roles.values[variable.name].root is role
        for variable in system.variables
        if not variable.indices and variable.dims
    ):
        return f"under {system.memory} store buffers hold them beside other values"
    if len({first + count for first, count in role.spans}) > 1:
        return "arrays of different sizes are indexed by it"
    if role.most is not None and role.most < elements[-1]:
        return f"{role.name} cannot hold every one of them"
    if elements[-1] > _LAST:
        return "it is numbered too high"
    if role.parts:
        return "its bits are taken apart"
    for held in (*roles.values.values(), *roles.locals.values()):
        for part in held.root.parts.values():
            if any(inner.root is role for inner in part.root.parts.values()):
                return "it is part of a part"
    return ""


def _interchangeable(
    system: TransitionSystem, roles: Roles, role: Role, title: str, elements: tuple[int, ...]
) -> Interchangeable:
    def parts(held: Role) -> tuple[tuple[int, int], ...]:
        root = held.root
        if root is role:
            return ((0, 0),)
        return tuple(sorted(key for key, part in root.parts.items() if part.root is role))

    dims = {
        variable.name: tuple(dim.root is role for dim in roles.dims[variable.name])
        for variable in system.variables
    }
    values = {variable.name: parts(roles.values[variable.name]) for variable in system.variables}
    locals_ = {key: parts(held) for key, held in roles.locals.items()}
    return Interchangeable(
        title=title,
        elements=elements,
        dims={name: found for name, found in dims.items() if any(found)},
        values={name: found for name, found in values.items() if found},
        locals={key: found for key, found in locals_.items() if found},
        kinds=frozenset(role.kinds & roles.uses_number),
    )
