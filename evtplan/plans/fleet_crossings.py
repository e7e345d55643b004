"""Where the best of several ABIs changes for a fleet, along any number of it or of its host."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from evtplan.errors import EvtplanError
from evtplan.fleet.model import DEVICE_KINDS, Fleet
from evtplan.plans.breakeven import Measure
from evtplan.plans.costs import DOMAIN_IDS, PAGE_BYTES
from evtplan.plans.crossings import QUANTITIES, Span, distinct, points_along
from evtplan.plans.hosting import Hosting, hosting_of
from evtplan.plans.settings import Setting, fleet_with, setting_named

__all__ = ["points_by_fleet"]

# How far to look along the fields of guests, devices and hosts. What takes more ports lowers
# limits and raises costs; copies change the mix itself, whose limit may then go either way.
_VCPUS, _PORTS = Span(1, 2**13, False, True), Span(0, 2**18, False, True)
_DEMANDS: dict[str, Span] = {
    "vcpus": _VCPUS,
    "dom0_vcpus": _VCPUS,
    "dom0_virqs": Span(0, 2**10, False, True),
    "base_ports": _PORTS,
    "pirqs": _PORTS,
    "ioreq_servers": Span(0, 2**10, False, True),
    "queues": Span(1, 2**10, False, True),
    "rings": Span(1, 2**10, False, True),
    "channels": _PORTS,
}
_COPIES = Span(1, DOMAIN_IDS, None, True)
_DEVICES = Span(1, 2**13, False, True)


def points_by_fleet(
    fleet: Fleet, abis: Sequence[str], quantity: str, backends: int
) -> list[dict[str, Any]]:
    """The points along `quantity`, spelled as a sweep would (`vms`, `pages`, `host.dom0_vcpus`,
    `guest.NAME.vcpus`, `guest.NAME.vif`): where another ABI has the largest VM limit, and where
    another is the cheapest that carries the fleet as planned.

    Raises `UnknownNameError` for what is no quantity of the fleet, `EvtplanError` for one along
    which limits and costs go up and down.
    """
    key = f"{quantity}.count" if quantity.rpartition(".")[2] in DEVICE_KINDS else quantity
    setting = setting_named(fleet, key)
    span = _span(fleet, key, setting)
    if not distinct(abis):
        return []
    hosts = {
        name: _hosting_along(replace(fleet, host=replace(fleet.host, abi=name)), setting, backends)
        for name in abis
    }
    limits = {name: _limit(hosting) for name, hosting in hosts.items()}
    costs = {name: _cost(hosting, setting) for name, hosting in hosts.items()}
    return points_along(quantity, span, limits, costs, fleet.name)


def _span(fleet: Fleet, key: str, setting: Setting) -> Span:
    field = setting.path[-1]
    match setting.path:
        case ("vms",) | ("host", "pages" | "words_per_page"):
            return QUANTITIES[field]
        case ("guest", name, "count"):
            serving = {device.backend for guest in fleet.guests for device in guest.devices}
            names = {g.name for g in fleet.guests} if name == "*" else {name}
            if not serving & names:
                return _COPIES
        case ("guest", _, _, "count"):
            return _DEVICES
        case ("host" | "guest", *_) if field in _DEMANDS:
            return _DEMANDS[field]
    raise EvtplanError(
        f"no break-even points along {key}: limits and costs do not go one way as it grows",
        "vms, pages, words_per_page, host.dom0_vcpus, host.base_ports, guest.NAME.vcpus, "
        "guest.NAME.count, guest.NAME.vif and the like do",
    )


def _hosting_along(fleet: Fleet, setting: Setting, backends: int) -> Callable[[int], Hosting]:
    """The fleet on its host at each value."""
    whole = hosting_of(fleet, backends)
    if setting.path == ("vms",):
        return lambda _: whole
    if setting.path == ("host", "pages"):
        return lambda pages: replace(whole, pages=pages)
    return cache(lambda value: hosting_of(_with(fleet, setting, value), backends))


def _with(fleet: Fleet, setting: Setting, value: int) -> Fleet:
    """VCPUs that a domain has it can have."""
    if setting.path[-1] == "vcpus":
        guests = tuple(
            replace(guest, maxvcpus=None if guest.maxvcpus is None else max(guest.maxvcpus, value))
            if setting.path[1] in ("*", guest.name)
            else guest
            for guest in fleet.guests
        )
        fleet = replace(fleet, guests=guests)
    return fleet_with(fleet, setting, value)


def _limit(hosting: Callable[[int], Hosting]) -> Measure:
    return lambda value: hosting(value).binding.vms or None


def _cost(hosting: Callable[[int], Hosting], setting: Setting) -> Measure:
    """Bytes of event state, where so many VMs fit."""

    def cost(value: int) -> int | None:
        host = hosting(value)
        vms = value if setting.path == ("vms",) else sum(host.growth.planned)
        if vms > (host.binding.vms or 0):
            return None
        pages = host.pages_used(host.growth.load(vms))
        return pages * PAGE_BYTES + host.xenheap_bytes(vms)

    return cost
