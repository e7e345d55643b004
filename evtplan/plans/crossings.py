"""Where the best of several ABIs changes: break-even points of VM limits and of costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evtplan.errors import UnknownNameError
from evtplan.plans.breakeven import BreakEven, Measure, break_evens
from evtplan.plans.costs import DOMAIN_IDS
from evtplan.plans.sizing import SizingInputs, memory_bytes_of, vm_limit_of

__all__ = ["QUANTITIES", "Span", "distinct", "points_along", "points_by_numbers"]


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


def points_by_numbers(given: Sequence[SizingInputs], quantity: str) -> list[dict[str, Any]]:
    """The points along `quantity`, one configuration an ABI: where another has the largest VM
    limit, and where another is the cheapest that carries the VMs given.

    Raises `UnknownNameError` for a quantity that is none of `QUANTITIES`.
    """
    if quantity not in QUANTITIES:
        raise UnknownNameError("quantity", quantity, QUANTITIES)
    if not distinct([item.abi for item in given]):
        return []
    return points_along(
        quantity,
        QUANTITIES[quantity],
        {item.abi: _limit_along(item, quantity) for item in given},
        {item.abi: _cost_along(item, quantity) for item in given},
    )


def points_along(
    quantity: str,
    span: Span,
    limits: Mapping[str, Measure],
    costs: Mapping[str, Measure],
    fleet: str | None = None,
) -> list[dict[str, Any]]:
    """The points at which another of the ABIs has the largest limit, and another the least cost."""
    points: list[dict[str, Any]] = []
    for measure, measures, rise in (
        ("vm_limit", limits, span.limits_rise),
        ("memory_bytes", costs, span.costs_rise),
    ):
        if rise is None:
            continue
        larger = measure == "vm_limit"
        found = break_evens(measures, span.least, span.most, rising=rise, larger_is_better=larger)
        points.extend(_row(fleet, quantity, measure, point) for point in found)
    return points


def distinct(abis: Sequence[str]) -> bool:
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


def _row(fleet: str | None, quantity: str, measure: str, point: BreakEven) -> dict[str, Any]:
    return {
        "fleet": fleet,
        "quantity": quantity,
        "measure": measure,
        "first_value": point.first_value,
        "best_before": ", ".join(point.best_before) or None,
        "best_from": ", ".join(point.best_from) or None,
    }
