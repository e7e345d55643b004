"""`evtplan.size`: the library twin of the command."""

from dataclasses import replace
from typing import Any

from evtplan.errors import EvtplanError
from evtplan.fleet.model import Fleet
from evtplan.plans.answers import Sizing
from evtplan.plans.fleet_sizing import size_fleet
from evtplan.plans.sizing import SizingInputs, size_by_numbers

__all__ = ["size"]

_WITH_A_FLEET = frozenset(["backends", "driver_domains", "guest_page_bytes"])


def size(
    fleet: Fleet | SizingInputs | None = None,
    *,
    abi: str | tuple[str, ...] | None = None,
    **numbers: Any,
) -> Sizing:
    """Size a fleet, or like VMs by numbers.

    `fleet` is a `Fleet`, a `SizingInputs`, or None with the fields of `SizingInputs` as keywords.
    `abi` names one ABI or several; None is the fleet's own, or `fifo`. With a fleet, `backends`,
    `driver_domains` and `guest_page_bytes` are the only numbers. Raises `EvtplanError` for input
    that cannot be.

    >>> from evtplan import Fleet, Guest, Device, size
    >>> web = Guest("web", vcpus=2, devices=(Device("vif"), Device("vbd")), copies=200)
    >>> row = size(Fleet((web,))).rows[0]
    >>> row.vms, row.events_per_vm, row.vm_limit, row.binding
    (200, 20, 16376, 'backend_ports')
    >>> size(abi="2l-64", events_per_vm=4).rows[0].vm_limit
    1023
    """
    abis = (abi,) if isinstance(abi, str) else abi or ()
    if isinstance(fleet, Fleet):
        known = {name: numbers.pop(name) for name in _WITH_A_FLEET & numbers.keys()}
        if numbers:
            raise EvtplanError(f"a fleet is sized without {', '.join(sorted(numbers))}")
        return size_fleet(fleet, abis, **known)
    if isinstance(fleet, SizingInputs):
        return size_by_numbers(replace(fleet, abi=name) for name in abis or (fleet.abi,))
    try:
        given = [SizingInputs(abi=name, **numbers) for name in abis or ("fifo",)]
    except TypeError as error:
        raise EvtplanError(f"cannot size by these numbers: {error}") from error
    return size_by_numbers(given)
