"""What steps cost and where variables lie: read from a TOML file, with sources and ranges."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from evtplan.errors import InputError, UnknownNameError, ValueOutOfRangeError

__all__ = ["ACCESS_COSTS", "EVENT_COSTS", "LEVELS", "Cost", "Costs", "default_costs", "read_costs"]

ACCESS_COSTS: tuple[str, ...] = ("hit", "transfer", "locked", "fence")
EVENT_COSTS: tuple[str, ...] = ("handled", "hypercall", "upcall")
LEVELS: tuple[str, ...] = ("low", "nominal", "high")
CERTAINTIES: tuple[str, ...] = ("measured", "stated", "assumed")

# A cost above a second is a slip of units.
MOST_NS = 1e9


@dataclass(frozen=True, slots=True)
class Cost:
    """One cost in nanoseconds, the range it plausibly lies in, and how it is known."""

    name: str
    ns: float
    low: float
    high: float
    certainty: str
    source: str


@dataclass(frozen=True, slots=True)
class Costs:
    """Every cost by name; see costs.toml for what each means."""

    by_name: Mapping[str, Cost]

    def ns(self, name: str) -> float:
        """The cost called `name`, in nanoseconds."""
        return self.by_name[name].ns

    def with_ns(self, **values: float) -> "Costs":
        """The same costs but for those named. Raises as `read_costs` does."""
        changed = dict(self.by_name)
        for name, value in values.items():
            if name not in changed:
                raise UnknownNameError("cost", name, changed)
            changed[name] = replace(changed[name], ns=_checked(f"cost {name}", value))
        return Costs(changed)

    def at(self, level: str) -> "Costs":
        """Every cost at one `level` of its range: `low`, `nominal` (as it stands) or `high`."""
        if level == "nominal":
            return self
        return self.with_ns(**{name: getattr(cost, level) for name, cost in self.by_name.items()})

    def only(self, *names: str) -> "Costs":
        """All costs zero but those named."""
        zero = {name: 0.0 for name in self.by_name if name not in names}
        return self.with_ns(**zero)


def default_costs() -> Costs:
    """The costs that evtplan ships."""
    return read_costs(Path(__file__).with_name("costs.toml"))


def read_costs(path: str | Path) -> Costs:
    """The costs of a TOML file; what it leaves out is taken from ours.

    Raises `InputError` for a file that cannot be read or says what is not allowed.
    """
    ours = Path(__file__).with_name("costs.toml")
    found: dict[str, Cost] = {}
    if Path(path) != ours:
        found.update(read_costs(ours).by_name)
    document = _document(path)
    for table, names in (("access", ACCESS_COSTS), ("event", EVENT_COSTS)):
        section = document.pop(table, {})
        if not isinstance(section, dict):
            raise InputError(path, f"[{table}] is no table")
        for name, entry in section.items():
            if name not in names:
                error = UnknownNameError(f"cost in [{table}]", name, names)
                raise InputError(path, error.message, line=_line(path, name), hint=error.hint)
            found[name] = _cost(path, name, entry)
    for name in document:
        error = UnknownNameError("table", name, ("access", "event"))
        raise InputError(path, error.message, line=_line(path, name), hint=error.hint)
    return Costs(found)


def _document(path: str | Path) -> dict[str, object]:
    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(path, f"not TOML: {error}") from error


def _cost(path: str | Path, name: str, entry: object) -> Cost:
    if not isinstance(entry, dict):
        entry = {"ns": entry}
    if "ns" not in entry:
        raise InputError(path, f"cost {name} has no `ns`", line=_line(path, name))
    known = ("ns", "low", "high", "certainty", "source")
    for key in entry:
        if key not in known:
            odd = UnknownNameError(f"key of cost {name}", key, known)
            raise InputError(path, odd.message, line=_line(path, key), hint=odd.hint)
    try:
        ns = _checked(f"cost {name}", entry["ns"])
        low = _checked(f"cost {name}: low", entry.get("low", ns))
        high = _checked(f"cost {name}: high", entry.get("high", ns))
    except ValueOutOfRangeError as error:
        raise InputError(path, error.message, line=_line(path, name), hint=error.hint) from error
    if not low <= ns <= high:
        reason = f"cost {name}: {ns:g} ns lies outside its own range {low:g} … {high:g}"
        raise InputError(path, reason, line=_line(path, name))
    certainty = entry.get("certainty", "measured")
    if certainty not in CERTAINTIES:
        odd = UnknownNameError("certainty", str(certainty), CERTAINTIES)
        raise InputError(path, odd.message, line=_line(path, name), hint=odd.hint)
    return Cost(name, ns, low, high, str(certainty), str(entry.get("source", "")))


def _checked(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueOutOfRangeError(name, value, "a number of nanoseconds")
    if not isfinite(value) or not 0 <= value <= MOST_NS:
        raise ValueOutOfRangeError(name, value, "from 0 to 10^9 nanoseconds")
    return float(value)


def _line(path: str | Path, word: str) -> int | None:
    """The first line that has `word` as a key or in a heading."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    for number, line in enumerate(text.splitlines(), 1):
        head = line.split("=")[0]
        if word in head.replace("[", " ").replace("]", " ").replace(".", " ").split():
            return number
    return None
