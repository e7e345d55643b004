"""A sweep by numbers: the columns of `evtplan size --events-per-vm …` at every point."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from evtplan.abi import (
    ABIS,
    ARCHITECTURES,
    RELEASES,
    abi_named,
    mapping_space,
    release_named,
    usual_release,
)
from evtplan.errors import EvtplanError, UnknownNameError, ValueOutOfRangeError
from evtplan.plans import uniform
from evtplan.plans.sweeps.columns import Column, column_of, text_column
from evtplan.plans.sweeps.lowering import (
    EXACT_BELOW,
    always_present,
    exact_function,
    largest_magnitude,
)
from evtplan.plans.typed import LARGEST

__all__ = ["KEYS", "Inputs", "NumbersSubject", "inputs_of"]

# What can be set or varied: the least it can be, or the names it can take.
KEYS: dict[str, int | tuple[str, ...]] = {
    "abi": tuple(ABIS),
    "events_per_vm": 1,
    "vms": 1,
    "vcpus": 1,
    "pages": 1,
    "words_per_page": 1,
    "backends": 1,
    "backend_base_ports": 0,
    "driver_domains": 0,
    "guest_page_bytes": 1,
    "xen": tuple(RELEASES),
    "arch": ARCHITECTURES,
}
_NAMES = ("abi", "xen", "arch")
# What `uniform.row` takes for a number nobody gave.
_ABSENT = {
    "vms": -1, "vcpus": 0, "words_per_page": 1024, "backends": 1, "backend_base_ports": 0,
    "driver_domains": -1, "pages": 0, "guest_page_bytes": 4096,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NumbersSubject:
    """Like VMs sized by numbers; `fixed` is what every point has in common.

    The sizing's `backends_to_lift` and `methods_differ_percent` are not among the columns: they
    are worth a search each, and `evtplan size` shows them. Raises `ValueOutOfRangeError`,
    `UnknownNameError`.
    """

    fixed: tuple[tuple[str, int | str], ...] = ()

    def __post_init__(self) -> None:
        for key, value in self.fixed:
            check_value(key, value)

    @property
    def columns(self) -> tuple[str, ...]:
        """Inputs, then what `uniform.row` gives."""
        return tuple(dict.fromkeys((*KEYS, *uniform.COLUMNS)))

    @property
    def shown(self) -> tuple[str, ...]:
        """What is set, then what matters most."""
        return (
            *(key for key, _ in self.fixed),
            *("vm_limit", "binding", "vms", "headroom_vms", "backend_ports"),
            *("total_pages", "total_bytes"),
        )

    @property
    def complete(self) -> frozenset[str]:
        """What is set, and what `uniform.row` gives for any inputs."""
        return always_present().union(key for key, _ in self.fixed)

    @property
    def told(self) -> tuple[tuple[str, int | str], ...]:
        """What is set."""
        return self.fixed

    def check(self, keys: tuple[str, ...]) -> None:
        """Raise `EvtplanError` where nobody says how many channels a VM has."""
        if "events_per_vm" not in keys and "events_per_vm" not in dict(self.fixed):
            raise EvtplanError(
                "nothing to size", "set or vary events_per_vm, e.g. --vary events_per_vm=1..4096:x2"
            )

    def compute(
        self, points: Mapping[str, Column], rows: int, names: tuple[str, ...], *, compiled: bool
    ) -> dict[str, Column]:
        """The columns `names` at `rows` points; compiled only where no number goes beyond 2^53."""
        inputs = inputs_of(self, points, rows)
        computed = tuple(n for n in names if n in uniform.COLUMNS)
        lanes = compiled and largest_magnitude(inputs.largest()) < EXACT_BELOW
        found = (_in_lanes if lanes else _exactly)(inputs, computed) if computed else {}
        for name in names:
            if name not in found:
                found[name] = inputs.column(name)
        return found


def check_value(key: str, value: int | str) -> None:
    """Raise where `value` is nothing that `key` can be."""
    if key not in KEYS:
        raise UnknownNameError("quantity", key, KEYS)
    allowed = KEYS[key]
    if isinstance(allowed, tuple):
        if value not in allowed:
            raise UnknownNameError(
                {"abi": "ABI", "xen": "Xen release"}.get(key, key), str(value), allowed
            )
    elif not isinstance(value, int) or isinstance(value, bool) or not allowed <= value <= LARGEST:
        raise ValueOutOfRangeError(key, value, f"a whole number from {allowed} to 10^18")


def inputs_of(subject: NumbersSubject, points: Mapping[str, Column], rows: int) -> "Inputs":
    """What `uniform.row` takes at `rows` points."""
    return Inputs(dict(subject.fixed), points, rows)


class Inputs:
    """What `uniform.row` takes, for each row: a number for all of them, or one each."""

    def __init__(
        self, fixed: Mapping[str, int | str], points: Mapping[str, Column], rows: int
    ) -> None:
        self.fixed = fixed
        self.points = points
        self.rows = rows
        self.names, self.name_codes = self._named()
        self.values: dict[str, Any] = {}
        for name in uniform.NUMBERS:
            key = "vms" if name == "vms_asked" else name
            if key in points:
                self.values[name] = points[key].values
            else:
                self.values[name] = fixed.get(key, _ABSENT.get(key))
        facts, spaces = zip(*(self._facts(*names) for names in self.names), strict=True)
        for name in uniform.FACTS:
            self.values[name] = self._spread([fact[name] for fact in facts])
        if "pages" not in fixed and "pages" not in points:
            self.values["pages"] = self._spread(list(spaces))

    def _named(self) -> tuple[list[tuple[str, str, str]], Any]:
        """Every ABI, release and architecture that occur together, and which a row has."""
        texts, codes = [], []
        for key in _NAMES:
            column = self.points.get(key)
            if column is not None:
                assert column.texts is not None
                texts.append(column.texts)
                codes.append(column.values)
            else:
                texts.append((str(self.fixed.get(key, _DEFAULT_NAMES[key])),))
                codes.append(0)
        code = (codes[0] * len(texts[1]) + codes[1]) * len(texts[2]) + codes[2]
        return [(a, x, m) for a, x, m in product(*texts)], code

    @staticmethod
    def _facts(abi_name: str, xen: str, arch: str) -> tuple[dict[str, int], int]:
        abi = abi_named(abi_name)
        release = release_named(xen or usual_release(abi.era, arch))
        return uniform.facts_of(abi, release), mapping_space(release.name, arch).pages

    def _spread(self, values: list[int]) -> Any:
        if len(set(values)) == 1:
            return values[0]
        return np.array(values, dtype=np.int64)[self.name_codes]

    def largest(self) -> dict[str, int]:
        """The largest value of each input."""
        return {
            name: int(value.max()) if isinstance(value, np.ndarray) else int(value)
            for name, value in self.values.items()
        }

    def column(self, name: str) -> Column:
        """An input as a column of the answer."""
        if name in _NAMES:
            place = _NAMES.index(name)
            texts = [_shown_name(names, place) for names in self.names]
            different = tuple(dict.fromkeys(texts))
            code = np.array([different.index(text) for text in texts], dtype=np.int64)
            return text_column(
                name, np.broadcast_to(code[self.name_codes], (self.rows,)), different
            )
        value = self.values[name]
        if not isinstance(value, np.ndarray) and value == _ABSENT.get(name) and value <= 0:
            given = name in self.fixed or name == "backend_base_ports"
            if not given:
                return Column(name, _full(0, self.rows), np.ones(self.rows, dtype=bool))
        return Column(name, value if isinstance(value, np.ndarray) else _full(value, self.rows))


_DEFAULT_NAMES = {"abi": "fifo", "xen": "", "arch": "x86-64"}


def _shown_name(names: tuple[str, str, str], place: int) -> str:
    return names[place] or usual_release(abi_named(names[0]).era, names[2])


def _full(value: int, rows: int) -> Any:
    return np.full(rows, value, dtype=np.int64)


def _exactly(inputs: Inputs, names: tuple[str, ...]) -> dict[str, Column]:
    """Row by row in Python integers."""
    function = exact_function(names)
    keys = tuple(inputs.values)
    lists = [
        value.tolist() if isinstance(value, np.ndarray) else [int(value)] * inputs.rows
        for value in inputs.values.values()
    ]
    rows = [function(**dict(zip(keys, row, strict=True))) for row in zip(*lists, strict=True)]
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return {name: _named_column(column_of(name, c)) for name, c in zip(names, cells, strict=True)}


def _in_lanes(inputs: Inputs, names: tuple[str, ...]) -> dict[str, Column]:
    """All rows at once, compiled; every value below 2^53."""
    from evtplan.plans.sweeps.compiled import block_function

    several = inputs.values["backends"]
    one_backend = not isinstance(several, np.ndarray) and several == 1
    varying = frozenset(n for n, v in inputs.values.items() if isinstance(v, np.ndarray))
    function = block_function(names, one_backend, varying)
    lanes = np.empty((len(uniform.FACTS) + len(uniform.NUMBERS), inputs.rows))
    for place, name in enumerate((*uniform.FACTS, *uniform.NUMBERS)):
        if name in varying:
            lanes[place] = inputs.values[name]
        else:
            lanes[place, 0] = inputs.values[name]
    outputs = np.empty((len(names), inputs.rows))
    function(lanes, outputs, inputs.rows)
    found = {}
    for name, values in zip(names, outputs, strict=True):
        gone = np.isnan(values)
        missing = gone if gone.any() else None
        if missing is not None:
            values[missing] = 0
        found[name] = _named_column(Column(name, values.astype(np.int64), missing))
    return found


def _named_column(column: Column) -> Column:
    """`binding` as names rather than numbers."""
    if column.name != "binding":
        return column
    return text_column("binding", column.values, uniform.BINDINGS)
