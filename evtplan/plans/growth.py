"""How a fleet grows, and what so many of its VMs add up to under one ABI.

The fleet grows VM by VM in the proportions of its groups, each group's share never more than one
VM off. Guests that serve others as backend domains stay as many as they are.
"""

from collections.abc import Mapping
from functools import cached_property
from math import gcd
from operator import mul
from typing import NamedTuple

from evtplan.abi import Abi, Release, abi_named, release_named
from evtplan.fleet.census import Census, GuestCensus
from evtplan.fleet.model import Host
from evtplan.formulas import kernels
from evtplan.plans.costs import array_pages, xenheap_bytes
from evtplan.plans.mix import Round

__all__ = ["Counts", "Growth", "Load"]

# How many VMs there are of each group of the fleet, in its order.
Counts = tuple[int, ...]


class Load(NamedTuple):
    """What the guests of a fleet take together: ports in each backend domain, pages of P on
    their own side, and domain IDs.
    """

    ports: Mapping[str, int]
    pages: int
    domains: int


class Growth:
    """One fleet as `census` counted it, of any size; whoever shares its backend domains."""

    def __init__(self, census: Census) -> None:
        self.census = census
        # A search asks for the same parts of a round over and over, and a table of VMs has
        # thousands of groups.
        self._parts: dict[int, Counts] = {}

    @property
    def host(self) -> Host:
        return self.census.fleet.host

    @cached_property
    def abi(self) -> Abi:
        return abi_named(self.host.abi)

    @cached_property
    def release(self) -> Release:
        return release_named(self.host.xen)

    @cached_property
    def copies(self) -> dict[str, int]:
        """Domains of each name."""
        found: dict[str, int] = {}
        for item in self.census.guests:
            found[item.guest.name] = found.get(item.guest.name, 0) + item.guest.copies
        return found

    @cached_property
    def serving(self) -> frozenset[str]:
        """The guests of the fleet that are backend domains for others."""
        return frozenset(self.copies.keys() & self.census.base_ports.keys())

    @cached_property
    def misfit(self) -> GuestCensus | None:
        """The first guest that needs more ports than it may use."""
        allowed = (item for item in self.census.guests if not self._fits(item))
        return next(allowed, None)

    def _fits(self, item: GuestCensus) -> bool:
        return item.domu_ports <= item.highest_allowed_port(self.host)

    @cached_property
    def planned(self) -> Counts:
        """The fleet as it is planned."""
        return tuple(item.guest.copies for item in self.census.guests)

    @cached_property
    def fixed(self) -> Counts:
        """The backend domains among the guests."""
        return tuple(
            item.guest.copies if item.guest.name in self.serving else 0
            for item in self.census.guests
        )

    @cached_property
    def weights(self) -> Counts:
        """The proportions of the groups that grow, in lowest terms; all 0 where none does."""
        growing = [a - b for a, b in zip(self.planned, self.fixed, strict=True)]
        common = gcd(*growing) or 1
        return tuple(count // common for count in growing)

    @cached_property
    def fixed_vms(self) -> int:
        """Backend domains among the guests, in all."""
        return sum(self.fixed)

    @cached_property
    def round_vms(self) -> int:
        """VMs of one round of the mix; 0 where nothing grows."""
        return sum(self.weights)

    @cached_property
    def _round(self) -> Round:
        growing = [place for place, weight in enumerate(self.weights) if weight]
        weights, *takes = (
            tuple(row[place] for place in growing) for row in (self.weights, *self._takes)
        )
        return Round(weights, tuple(takes))

    def counts(self, vms: int) -> Counts:
        """The fleet with `vms` VMs, or its backend domains alone where it has fewer."""
        if not self.round_vms:
            return self.fixed
        whole, rest = divmod(max(0, vms - self.fixed_vms), self.round_vms)
        part = iter(self._round.first(rest))
        return tuple(
            fixed + (whole * weight + next(part) if weight else 0)
            for fixed, weight in zip(self.fixed, self.weights, strict=True)
        )

    def load(self, vms: int) -> Load:
        """What the fleet takes with `vms` VMs: that of `counts(vms)`."""
        if not self.round_vms:
            return self._load(self._sums(self.fixed))
        whole, rest = divmod(max(0, vms - self.fixed_vms), self.round_vms)
        part = self._part(rest)
        fixed, a_round = self._sums_of_fixed, self._sums_of_round
        return self._load(
            tuple(a + whole * b + c for a, b, c in zip(fixed, a_round, part, strict=True))
        )

    @cached_property
    def planned_load(self) -> Load:
        """What the fleet takes as it is planned."""
        return self._load(self._sums(self.planned))

    def _load(self, sums: Counts) -> Load:
        ports = dict(zip(self.census.base_ports, sums[2:], strict=True))
        return Load(ports, sums[0], sums[1])

    @cached_property
    def _takes(self) -> tuple[Counts, ...]:
        """What one VM of each group takes: pages, domain IDs, ports in each backend domain."""
        guests = self.census.guests
        return (
            tuple(
                self.domu_pages(item) + self.control_pages(self.vm_vcpus(item)) for item in guests
            ),
            tuple(2 if item.stub else 1 for item in guests),
            *(
                tuple(item.ports_by_backend.get(name, 0) for item in guests)
                for name in self.census.base_ports
            ),
        )

    def _sums(self, counts: Counts) -> Counts:
        return tuple(sum(map(mul, counts, takes)) for takes in self._takes)

    @cached_property
    def _sums_of_fixed(self) -> Counts:
        return self._sums(self.fixed)

    @cached_property
    def _sums_of_round(self) -> Counts:
        return self._sums(self.weights)

    def _part(self, vms: int) -> Counts:
        """What the first `vms` VMs of a round take."""
        found = self._parts.get(vms)
        if found is None:
            found = self._parts[vms] = self._round.totals(vms)
        return found

    def state_pages(self, highest_port: int) -> int:
        """Event state pages of a domain that uses ports up to `highest_port`."""
        return array_pages(self.abi, highest_port, self.host.words_per_page)

    def control_pages(self, vcpus: int) -> int:
        """Pages of P for the control blocks of a domain."""
        return kernels.fifo_control_pages(vcpus) if self.abi.maps_control_blocks else 0

    def domu_pages(self, item: GuestCensus) -> int:
        """Event state pages of one VM and its stub domain; those of a backend domain count
        with the backends.
        """
        own = 0 if item.guest.name in self.serving else self.state_pages(item.domu_ports)
        return own + (self.state_pages(item.stub.domu_ports) if item.stub else 0)

    def vm_vcpus(self, item: GuestCensus) -> int:
        """VCPUs of one VM and its stub domain; those of a backend domain count there."""
        own = 0 if item.guest.name in self.serving else item.guest.vcpus
        return own + (item.stub.guest.vcpus if item.stub else 0)

    def vm_xenheap_bytes(self, item: GuestCensus) -> int:
        """Xen heap bytes of one VM and its stub domain, whatever it does for others left out."""
        own = xenheap_bytes(self.abi, self.release, item.domu_ports, item.guest.vcpus)
        if item.stub is None:
            return own
        stub = item.stub
        return own + xenheap_bytes(self.abi, self.release, stub.domu_ports, stub.guest.vcpus)
