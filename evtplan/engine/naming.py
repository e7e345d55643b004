"""Cells by the names that a text gives them: `E[2].link`, `head[0][7]`."""

from collections.abc import Iterator
from dataclasses import dataclass

from evtplan.engine.system import TransitionSystem, Variable

__all__ = ["Change", "Names", "cell_name", "changes_of"]


@dataclass(frozen=True, slots=True)
class Change:
    """A place that took another value."""

    place: str
    before: int
    after: int

    def __str__(self) -> str:
        return f"{self.place} {self.before}→{self.after}"


def cell_name(variable: Variable, index: int) -> str:
    """The name of a variable's cell, counted from its first."""
    parts = []
    for first, count in reversed(variable.dims):
        parts.append(f"[{index % count + first}]")
        index //= count
    return variable.name + "".join(reversed(parts))


def changes_of(variable: Variable, index: int, before: int, after: int) -> Iterator[Change]:
    """What changed in a cell, field by field where it is a word."""
    name = cell_name(variable, index)
    if variable.layout is None:
        if before != after:
            yield Change(name, before, after)
        return
    for field in variable.layout.fields:
        mask = (1 << field.bits) - 1
        was, now = (before >> field.offset) & mask, (after >> field.offset) & mask
        if was != now:
            yield Change(f"{name}.{field.name}", was, now)


class Names:
    """The cells of a system by their number among all of them."""

    def __init__(self, system: TransitionSystem) -> None:
        self._variables = sorted(system.variables, key=lambda variable: variable.base)

    def variable(self, cell: int) -> tuple[Variable, int]:
        """The variable that a cell belongs to, and the cell's index in it."""
        low, high = 0, len(self._variables) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._variables[middle].base <= cell:
                low = middle
            else:
                high = middle - 1
        variable = self._variables[low]
        return variable, cell - variable.base

    def name(self, cell: int) -> str:
        """A cell's name."""
        return cell_name(*self.variable(cell))

    def changes(self, cell: int, before: int, after: int) -> tuple[Change, ...]:
        """What changed in a cell."""
        return tuple(changes_of(*self.variable(cell), before, after))
