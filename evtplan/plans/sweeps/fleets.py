"""A sweep over a fleet: its host, its guests and their devices, with some settings varied."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from evtplan.fleet.model import Fleet
from evtplan.plans.answers import SizingRow
from evtplan.plans.fleet_sizing import size_fleet
from evtplan.plans.settings import Setting, fleet_with
from evtplan.plans.sweeps.columns import Column, column_of

__all__ = ["FleetSubject", "column_name"]


def column_name(key: str) -> str:
    """`key` as a column: letters, digits and underscores."""
    return re.sub(r"\W+", "_", key, flags=re.ASCII).strip("_")


@dataclass(frozen=True, slots=True)
class FleetSubject:
    """A fleet; `settings` says what each varied column sets in it, `fixed` what is set once."""

    fleet: Fleet
    settings: tuple[tuple[str, Setting], ...] = ()
    fixed: tuple[tuple[Setting, int | str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What `evtplan size FLEET` gives."""
        return tuple(field.name for field in fields(SizingRow))

    @property
    def shown(self) -> tuple[str, ...]:
        """What matters most."""
        return (
            *("vms", "vm_limit", "binding", "headroom_vms", "backend_ports"),
            *("total_pages", "total_bytes"),
        )

    @property
    def complete(self) -> frozenset[str]:
        """None is promised."""
        return frozenset()

    @property
    def told(self) -> tuple[tuple[str, int | str], ...]:
        """The fleet by name, and what is set in it."""
        settings = ((".".join(setting.path), value) for setting, value in self.fixed)
        name = (("fleet", self.fleet.name),) if self.fleet.name != "fleet" else ()
        return (*name, *settings)

    def check(self, keys: tuple[str, ...]) -> None:
        """Nothing can be left open: the fleet says everything."""

    def compute(
        self, points: Mapping[str, Column], rows: int, names: tuple[str, ...], *, compiled: bool
    ) -> dict[str, Column]:
        """The columns `names` at `rows` points; a fleet is read in Python, `compiled` or not."""
        settings = dict(self.settings)
        cells = {column: points[column].cells() for column in settings}
        found: dict[str, list[Any]] = {name: [] for name in names}
        search = "backends_to_lift" in names
        for row in range(rows):
            chosen = [*self.fixed, *((settings[c], values[row]) for c, values in cells.items())]
            sized = self.sized(chosen, search)
            for name, values in found.items():
                values.append(getattr(sized, name))
        return {name: column_of(name, values) for name, values in found.items()}

    def sized(self, chosen: list[tuple[Setting, Any]], search_backends: bool) -> SizingRow:
        """The fleet sized with these settings."""
        fleet, options = self.fleet, {}
        # How many VMs there are in all is set last: the mix must be known.
        for setting, value in sorted(chosen, key=lambda pair: pair[0].path == ("vms",)):
            match setting.path:
                case ("backends" | "driver_domains" as option,):
                    options[option] = value
                case _:
                    fleet = fleet_with(fleet, setting, value)
        return size_fleet(fleet, search_backends=search_backends, **options).rows[0]
