"""Break-even points of a fleet, against sizing it at every value."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from evtplan.abi import ABIS
from evtplan.errors import EvtplanError
from evtplan.fleet.model import Device, Fleet, Guest, GuestType, Host
from evtplan.fleet.readers.load import load_fleet
from evtplan.plans.breakeven import MOST_POINTS
from evtplan.plans.fleet_crossings import points_by_fleet
from evtplan.plans.fleet_sizing import size_fleet

CLOUD = Path(__file__).resolve().parents[2] / "examples" / "fleets" / "cloud.toml"
SMALL = Fleet(
    (
        Guest("web", vcpus=2, devices=(Device("vif"), Device("vbd")), copies=90),
        Guest("old", vcpus=1, type=GuestType.HVM, devices=(Device("vif", queues=1),), copies=30),
    ),
    host=Host(pages=2000, dom0_vcpus=4, xen="4.18"),
    name="small",
)
QUANTITIES = (
    "pages",
    "words_per_page",
    "host.dom0_vcpus",
    "host.dom0_virqs",
    "guest.web.vcpus",
    "guest.*.vcpus",
    "guest.web.vif",
    "guest.web.vbd.rings",
    "guest.old.ioreq_servers",
    "guest.old.pirqs",
    "guest.web.count",
    "vms",
)
Best = tuple[str, ...]


def changed(fleet: Fleet, quantity: str, value: int) -> Fleet:
    """Written out by hand: what `quantity` means."""
    match quantity.split("."):
        case ["vms"]:
            return replace(fleet, guests=_shared(fleet, value))
        case ["host", field] | [field]:
            fields: dict[str, Any] = {field: value}
            return replace(fleet, host=replace(fleet.host, **fields))
    _, name, *rest = quantity.split(".")
    return replace(
        fleet,
        guests=tuple(_guest(g, rest, value) if name in ("*", g.name) else g for g in fleet.guests),
    )


def _guest(guest: Guest, rest: list[str], value: int) -> Guest:
    match rest:
        case ["count"]:
            return replace(guest, copies=value)
        case ["vcpus" | "ioreq_servers" | "pirqs" as field]:
            fields: dict[str, Any] = {field: value}
            return replace(guest, **fields)
    kind, field = (*rest, "count")[:2]
    part: dict[str, Any] = {field: value}
    devices = tuple(replace(d, **part) if d.kind == kind else d for d in guest.devices)
    return replace(guest, devices=devices)


def _shared(fleet: Fleet, vms: int) -> tuple[Guest, ...]:
    """The mix 3 : 1, VM by VM: each goes where the least are for its share."""
    counts = [0] * len(fleet.guests)
    for _ in range(vms):
        rates = [(2 * n + 1) / g.copies for n, g in zip(counts, fleet.guests, strict=True)]
        counts[rates.index(min(rates))] += 1
    pairs = zip(fleet.guests, counts, strict=True)
    return tuple(replace(guest, copies=n) for guest, n in pairs if n)


def best_at(fleet: Fleet, quantity: str, value: int) -> dict[str, Best]:
    """The best ABIs at one value, from whole sizings."""
    rows = size_fleet(changed(fleet, quantity, value), tuple(ABIS), search_backends=False).rows
    limits = {row.abi: row.vm_limit for row in rows if row.vm_limit}
    if quantity == "vms":  # the mix is given; at this size it may be another
        whole = size_fleet(fleet, tuple(ABIS), search_backends=False).rows
        limits = {row.abi: row.vm_limit for row in whole if row.vm_limit}
    costs = {
        row.abi: row.total_bytes + row.xenheap_bytes
        for row in rows
        if row.abi in limits and row.vms is not None and row.vms <= limits[row.abi]
    }
    return {
        "vm_limit": tuple(a for a in limits if limits[a] == max(limits.values())),
        "memory_bytes": tuple(a for a in costs if costs[a] == min(costs.values())),
    }


@cache
def found_along(quantity: str) -> list[dict[str, Any]]:
    return points_by_fleet(SMALL, tuple(ABIS), quantity, 1)


class TestAgainstEveryValue:
    """the first value of a chosen quantity at which the cheaper ABI changes, exact"""

    @pytest.mark.parametrize("quantity", QUANTITIES)
    def test_every_point_and_no_other(self, quantity: str) -> None:
        best = cache(lambda value: best_at(SMALL, quantity, value))
        for measure in ("vm_limit", "memory_bytes"):
            points = [p for p in found_along(quantity) if p["measure"] == measure]
            told = {p["first_value"]: (p["best_before"], p["best_from"]) for p in points}
            # Every value of the first ones, and those beside each point; after the eighth none
            # are listed.
            last = max(told, default=0) if len(told) == MOST_POINTS else 10**9
            beside = {at + step for at in told for step in (-1, 0, 1)}
            for value in sorted(v for v in {*range(2, 26), *beside} if 1 < v <= last):
                sides = best(value - 1)[measure], best(value)[measure]
                found = tuple(", ".join(side) or None for side in sides)
                if points or measure == "memory_bytes":
                    assert (found[0] != found[1]) == (value in told), value
                    assert told.get(value, found) == found, value

    def test_there_are_such_points(self) -> None:
        assert sum(len(found_along(quantity)) > 0 for quantity in QUANTITIES) >= 10

    @pytest.mark.parametrize("quantity", ["guest.web.vcpus", "host.base_ports"])
    def test_beside_each_point_of_a_fleet_of_many_kinds(self, quantity: str) -> None:
        fleet = load_fleet([str(CLOUD)])
        points = points_by_fleet(fleet, ("2l-64", "fifo"), quantity, 1)
        assert points
        for point in points:
            value, measure = point["first_value"], point["measure"]
            for at, told in ((value - 1, point["best_before"]), (value, point["best_from"])):
                rows = size_fleet(changed(fleet, quantity, at), ("2l-64", "fifo")).rows
                fits = {r.abi: r for r in rows if r.vm_limit}
                if measure == "memory_bytes":
                    fits = {a: r for a, r in fits.items() if r.vms and r.vms <= r.vm_limit}
                    key = {a: -(r.total_bytes + r.xenheap_bytes) for a, r in fits.items()}
                else:
                    key = {a: r.vm_limit for a, r in fits.items()}
                assert (", ".join(a for a in key if key[a] == max(key.values())) or None) == told


class TestWhatIsNoQuantity:
    @pytest.mark.parametrize(
        ("quantity", "said"),
        [
            ("backends", "do not go one way"),
            ("guest.web.maxvcpus", "do not go one way"),
            ("guest.web.type", "do not go one way"),
            ("abi", "do not go one way"),
            ("guest.wbe.vcpus", "unknown guest 'wbe'"),
            ("guest.web.vtpm", "has no vtpm"),
            ("host.page", "unknown quantity of a fleet"),
            ("events_per_vm", "unknown quantity of a fleet"),
        ],
    )
    def test_is_a_clear_error(self, quantity: str, said: str) -> None:
        with pytest.raises(EvtplanError) as caught:
            points_by_fleet(SMALL, ("2l-64", "fifo"), quantity, 1)
        assert said in caught.value.message

    def test_copies_of_a_driver_domain_are_none(self) -> None:
        served = Guest("app", devices=(Device("vif", backend="net"),), copies=4)
        fleet = Fleet((served, Guest("net", copies=2)))
        for quantity in ("guest.net.count", "guest.*.count"):
            with pytest.raises(EvtplanError, match="do not go one way"):
                points_by_fleet(fleet, ("2l-64", "fifo"), quantity, 1)
        assert points_by_fleet(fleet, ("2l-64", "fifo"), "guest.app.count", 1)
