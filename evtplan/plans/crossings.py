"""Where the best of several ABIs changes: break-even points of VM limits and of costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evtplan.errors import UnknownNameError
from evtplan.fleet.model import Fleet
from evtplan.plans.breakeven import BreakEven, Measure, break_evens
from evtplan.plans.costs import DOMAIN_IDS, PAGE_BYTES
from evtplan.plans.hosting import Hosting, hosting_of
from evtplan.plans.sizing import SizingInputs, memory_bytes_of, vm_limit_of

__all__ = ["FLEET_QUANTITIES", "QUANTITIES", "points_by_fleet", "points_by_numbers"]


@dataclass(frozen=True, slots=True)
class Span:
    """Values of a quantity: from `least` to `most`. `limits_rise` and `costs_rise` say which way
    VM limits and costs go as it grows; None where it does not touch them.
    """

    least: int
    most: int
    limits_rise: bool | None
    costs_rise: bool | None


# By numbers; the most ports are one more than the ABI with the most has, where none can serve; the
# others are as large as any host's.
QUANTITIES: Mapping[str, Span] = {
    "events_per_vm": Span(1, 2**18, False, True),
    "vms": Span(1, DOMAIN_IDS, None, True),
    "vcpus": Span(1, 2**13, False, True),
    "backend_base_ports": Span(0, 2**18, False, True),
    "pages": Span(1, 2**24, True, None),
    "words_per_page": Span(1, 2**17, True, False),
}
FLEET_QUANTITIES = ("vms", "pages")


def points_by_numbers(given: Sequence[SizingInputs], quantity: str) -> list[dict[str, Any]]:
    """The points along `quantity`, one configuration an ABI: where another has the largest VM
    limit, and where another is the cheapest that carries the VMs given.

    Raises `UnknownNameError` for a quantity that is none of `QUANTITIES`.
    """
    if quantity not in QUANTITIES:
        raise UnknownNameError("quantity", quantity, QUANTITIES)
    span = QUANTITIES[quantity]
    points: list[dict[str, Any]] = []
    if not _distinct([item.abi for item in given]):
        return points
    if span.limits_rise is not None:
        limits = {item.abi: _limit_along(item, quantity) for item in given}
        found = break_evens(
            limits, span.least, span.most, rising=span.limits_rise, larger_is_better=True
        )
        points.extend(_row(None, quantity, "vm_limit", point) for point in found)
    if span.costs_rise is not None:
        costs = {item.abi: _cost_along(item, quantity) for item in given}
        found = break_evens(
            costs, span.least, span.most, rising=span.costs_rise, larger_is_better=False
        )
        points.extend(_row(None, quantity, "memory_bytes", point) for point in found)
    return points


def points_by_fleet(
    fleet: Fleet, abis: Sequence[str], quantity: str, backends: int
) -> list[dict[str, Any]]:
    """The points for one fleet: the cheapest that carries its mix as that grows, or the largest
    limit as there are more pages.

    Raises `UnknownNameError` for a quantity that is none of `FLEET_QUANTITIES`.
    """
    if quantity not in FLEET_QUANTITIES:
        raise UnknownNameError("quantity of a fleet", quantity, FLEET_QUANTITIES)
    if not _distinct(abis):
        return []
    hosted = {
        name: hosting_of(replace(fleet, host=replace(fleet.host, abi=name)), backends)
        for name in abis
    }
    if quantity == "pages":
        limits = {name: _limit_along_pages(hosting) for name, hosting in hosted.items()}
        span = QUANTITIES["pages"]
        found = break_evens(limits, span.least, span.most, rising=True, larger_is_better=True)
        return [_row(fleet.name, "pages", "vm_limit", point) for point in found]
    costs = {name: _cost_of_mix(hosting) for name, hosting in hosted.items()}
    found = break_evens(costs, 1, DOMAIN_IDS, rising=True, larger_is_better=False)
    return [_row(fleet.name, "vms", "memory_bytes", point) for point in found]


def _distinct(abis: Sequence[str]) -> bool:
    """True where there are several ABIs, each once: hosts apart have no break-even point."""
    return len(abis) > 1 and len(set(abis)) == len(abis)


def _limit_along(given: SizingInputs, quantity: str) -> Measure:
    return lambda value: vm_limit_of(_with(given, quantity, value)) or None


def _cost_along(given: SizingInputs, quantity: str) -> Measure:
    """Bytes for the VMs given, where so many fit at all."""

    def cost(value: int) -> int | None:
        changed = _with(given, quantity, value)
        vms = changed.vms or 1
        return memory_bytes_of(changed, vms) if vms <= vm_limit_of(changed) else None

    return cost


def _with(given: SizingInputs, quantity: str, value: int) -> SizingInputs:
    changed: Any = {quantity: value}
    return replace(given, **changed)


def _limit_along_pages(hosting: Hosting) -> Measure:
    return lambda pages: replace(hosting, pages=pages).binding.vms or None


def _cost_of_mix(hosting: Hosting) -> Measure:
    def cost(vms: int) -> int | None:
        if vms > (hosting.binding.vms or 0):
            return None
        pages = hosting.pages_used(hosting.growth.load(vms))
        return pages * PAGE_BYTES + hosting.xenheap_bytes(vms)

    return cost


def _row(fleet: str | None, quantity: str, measure: str, point: BreakEven) -> dict[str, Any]:
    return {
        "fleet": fleet,
        "quantity": quantity,
        "measure": measure,
        "first_value": point.first_value,
        "best_before": ", ".join(point.best_before) or None,
        "best_from": ", ".join(point.best_from) or None,
    }
