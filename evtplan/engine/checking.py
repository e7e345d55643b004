"""A protocol text checked: every property's verdict, and a shortest counterexample to each broken.

Two searches where needed: one for the properties of the text's own state (its counts are the ones
reported), and one with history variables for the properties that read them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from evtplan.engine.explorer import Exploration, Limits, Progress, Witness, explore, snapshot_of
from evtplan.engine.language import Text
from evtplan.engine.lowering import lower
from evtplan.engine.path import Path, PathStep
from evtplan.engine.store_buffers import DEFAULT_STORES, FULL, drained_cell, with_store_buffers
from evtplan.engine.symmetry import NoSymmetryError, Symmetry, find_symmetry
from evtplan.engine.system import Property, PropertyKind, TransitionSystem, VariableKind
from evtplan.engine.texts.extent import require_checkable

__all__ = ["Check", "PropertyVerdict", "Verdict", "check"]


class Verdict(StrEnum):
    """What a search says of a property."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class PropertyVerdict:
    """One property: its verdict, the depth at which it was broken or shown (None: neither).

    `path` leads to where it is broken; `loop` is the number of its first step that repeats for
    ever, where it is an endless run.
    """

    item: Property
    verdict: Verdict
    depth: int | None
    path: Path | None = None
    loop: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What was found. `system` is the one searched first, as lowered, without store buffers.

    `unshown` has the marks that no run reaches in this scenario: what is proven says nothing
    about them. `buffers_full`: a store buffer was full at some time, so that larger ones may show
    more. `symmetry` is what the first search was reduced by, and what it could not be.
    """

    text: Text
    parameters: Mapping[str, int]
    memory: str
    system: TransitionSystem
    search: Exploration
    history: Exploration | None
    verdicts: tuple[PropertyVerdict, ...]
    unshown: tuple[str, ...]
    buffers_full: bool
    symmetry: Symmetry | None = None

    @property
    def verdict(self) -> Verdict:
        """Of all properties together: broken if one is, holds if all do."""
        found = {item.verdict for item in self.verdicts}
        if Verdict.BROKEN in found:
            return Verdict.BROKEN
        if Verdict.UNFINISHED in found or not self.search.finished:
            return Verdict.UNFINISHED
        return Verdict.HOLDS

    @property
    def first_broken(self) -> PropertyVerdict | None:
        """The property with the shortest counterexample; the first in the text of several."""
        broken = [item for item in self.verdicts if item.verdict is Verdict.BROKEN]
        return min(broken, key=lambda item: (item.path is None, item.depth or 0), default=None)

    @property
    def finished(self) -> bool:
        """Every state was searched."""
        passes = (self.search, *((self.history,) if self.history else ()))
        return all(item.finished for item in passes)

    @property
    def interrupted(self) -> bool:
        """Ctrl-C came before everything was known."""
        return self.search.interrupted or (self.history is not None and self.history.interrupted)


def check(
    text: Text,
    parameters: Mapping[str, int] | None = None,
    *,
    memory: str = "sc",
    limits: Limits | None = None,
    stores: int = DEFAULT_STORES,
    progress: Callable[[Progress], None] | None = None,
    symmetry: bool = False,
) -> Check:
    """Check every property of `text` for one scenario.

    `stores` is the size of each process's store buffer under `tso` and `pso`. With `symmetry` one
    state stands for all that are equal but for the names of what is interchangeable; a second
    search is only reduced where that is proven with its history too. Raises `TextError`,
    `ValueOutOfRangeError`, `UnknownNameError`, `ScenarioTooLargeError`, `NoSymmetryError`.
    """
    limits = limits or Limits()
    require_checkable(text, parameters or {})
    system = lower(text, parameters, memory=memory)
    buffered = with_store_buffers(system, stores)
    found = find_symmetry(buffered) if symmetry else None
    if found is not None and found.order == 1:
        raise NoSymmetryError(text.name, found)
    search = explore(buffered, limits, progress, found)
    second: Exploration | None = None
    full = _with_history(text, parameters, memory)
    properties = list(system.properties)
    if full is not None:
        known = {item.name for item in properties}
        properties += [item for item in full.properties if item.name not in known]
        if search.finished and not search.interrupted and (limits.keep_going or not search.broken):
            buffered = with_store_buffers(full, stores)
            also = find_symmetry(buffered) if symmetry else None
            second = explore(buffered, limits, progress, also if also and also.order > 1 else None)
    verdicts, unshown = [], []
    for item in properties:
        mark = item.kind is PropertyKind.SOMETIMES and not item.body
        if mark and search.finished and not item.history and item.name not in search.shown:
            unshown.append(item.name)
        else:
            verdicts.append(_verdict(text, system, item, search, second))
    return Check(
        text=text,
        parameters=system.parameters,
        memory=memory,
        system=system,
        search=search,
        history=second,
        verdicts=tuple(verdicts),
        unshown=tuple(unshown),
        buffers_full=FULL in search.shown,
        symmetry=found,
    )


def _with_history(
    text: Text, parameters: Mapping[str, int] | None, memory: str
) -> TransitionSystem | None:
    """The system with its history and only the properties that read it; None where none does."""
    if not any(item.kind is VariableKind.HISTORY for item in text.variables.values()):
        return None
    full = lower(text, parameters, memory=memory, history=True)
    kept = tuple(item for item in full.properties if item.history)
    return replace(full, properties=kept) if kept else None


def _verdict(
    text: Text,
    system: TransitionSystem,
    item: Property,
    search: Exploration,
    second: Exploration | None,
) -> PropertyVerdict:
    where = second if item.history else search
    if where is None:
        return PropertyVerdict(item, Verdict.UNFINISHED, None)
    if item.name in where.broken:
        witness = where.witnesses[item.name]
        path = path_of(text, system, where, witness)
        return PropertyVerdict(item, Verdict.BROKEN, where.broken[item.name], path, witness.loop)
    if item.kind is PropertyKind.SOMETIMES:
        if item.name in where.shown:
            return PropertyVerdict(item, Verdict.HOLDS, where.shown[item.name])
        return PropertyVerdict(item, Verdict.BROKEN if where.finished else Verdict.UNFINISHED, None)
    decided = where.finished and item.name not in where.undecided
    return PropertyVerdict(item, Verdict.HOLDS if decided else Verdict.UNFINISHED, None)


def path_of(text: Text, system: TransitionSystem, search: Exploration, witness: Witness) -> Path:
    """A witness as a schedule of `system`, which has no store buffers of its own."""
    steps = []
    own = len(system.processes)
    for number, step in enumerate(witness.steps):
        if step.process < own:
            steps.append(PathStep(step.process, step.choice))
            continue
        kind, at = search.system.processes[step.process]
        owner = next(
            index
            for index, (other, me) in enumerate(system.processes)
            if f"{other.name} memory" == kind.name and me == at
        )
        cell = None
        if system.memory == "pso":
            snapshot = snapshot_of(search.system, search.packing, witness.states[number])
            entry = step.choice or 0
            cell = drained_cell(system, search.system, owner, entry, snapshot.cells)
        steps.append(PathStep(owner, None, True, cell))
    return Path(
        protocol=text.name if text.path == text.name else text.path,
        parameters=dict(system.parameters),
        steps=tuple(steps),
        memory=system.memory,
        property=witness.name,
    )
