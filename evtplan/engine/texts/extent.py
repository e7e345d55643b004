"""Is a scenario small enough to be checked? Said before anything is unrolled over its cells."""

from collections.abc import Mapping
from contextlib import suppress

from evtplan.engine.language import Text, TextError
from evtplan.engine.texts.scope import TooManyCellsError, declare, parameter_values
from evtplan.errors import EvtplanError, ValueOutOfRangeError

__all__ = ["MOST_CELLS_CHECKED", "ScenarioTooLargeError", "require_checkable"]

# Lowering and printing take time in proportion to these, seconds at this many; and no search of
# so large a state ends.
MOST_CELLS_CHECKED = 4096


class ScenarioTooLargeError(EvtplanError):
    """A scenario whose states have more cells than a check can take; names the parameter."""

    def __init__(
        self, text: str, cells: int | None, parameter: str, value: int, most: int | None
    ) -> None:
        self.text = text
        self.cells = cells
        self.parameter = parameter
        self.value = value
        self.most = most
        size = "too many cells" if cells is None else f"{cells} cells"
        why = f" with {parameter} {value}" if parameter else ""
        hint = "smaller parameters"
        if parameter and most is not None:
            hint = f"{parameter} may be up to {most} here"
        super().__init__(
            f"{text} is too large to check{why}: its state has {size}, "
            f"of at most {MOST_CELLS_CHECKED}",
            hint,
        )


def require_checkable(text: Text, given: Mapping[str, int]) -> None:
    """Raise `ScenarioTooLargeError` for a scenario that is too large to check."""
    values = parameter_values(text, given)
    try:
        cells: int | None = _cells(text, values)
    except TooManyCellsError:
        cells = None
    if cells is not None and cells <= MOST_CELLS_CHECKED:
        return
    smaller: dict[str, int] = {}
    for name, parameter in text.parameters.items():
        with suppress(TextError, ValueOutOfRangeError):
            smaller[name] = _cells(text, values | {name: parameter.least})
    blamed = min(smaller, key=lambda name: smaller[name], default="")
    if not blamed or (cells is not None and smaller[blamed] >= cells):
        raise ScenarioTooLargeError(text.name, cells, "", 0, None)
    most = None
    if smaller[blamed] <= MOST_CELLS_CHECKED:
        most = _most(text, values, blamed)
    raise ScenarioTooLargeError(text.name, cells, blamed, values[blamed], most)


def _most(text: Text, values: Mapping[str, int], name: str) -> int:
    """The largest value of the parameter `name` that is small enough, by halving."""
    low, high = text.parameters[name].least, values[name]
    while high - low > 1:
        middle = (low + high) // 2
        size = MOST_CELLS_CHECKED + 1
        with suppress(TextError, ValueOutOfRangeError):
            size = _cells(text, {**values, name: middle})
        if size <= MOST_CELLS_CHECKED:
            low = middle
        else:
            high = middle
    return low


def _cells(text: Text, values: Mapping[str, int]) -> int:
    """Cells of a state, history included."""
    scope = declare(text, values, history=True)
    return sum(variable.cells for variable in scope.variables.values())
