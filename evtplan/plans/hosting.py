"""A fleet on its host under one ABI: the ports, pages and domains that so many of its VMs take.

The fleet grows VM by VM in the proportions of its groups, each group's share never more than one
VM off. Guests that serve others as backend domains stay as many as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd
from operator import mul

from evtplan.abi import Abi, Release, abi_named, mapping_space, release_named
from evtplan.fleet.census import Census, GuestCensus, census_of
from evtplan.fleet.model import DOM0, Fleet, Host
from evtplan.formulas import kernels
from evtplan.plans.costs import DOMAIN_IDS, array_pages, xenheap_bytes
from evtplan.plans.limits import Limit, binding_limit, fewest_backends, largest_fitting
from evtplan.plans.mix import shares

__all__ = ["Counts", "Hosting", "hosting_of"]

# How many VMs there are of each group of the fleet, in its order.
Counts = tuple[int, ...]


@dataclass(frozen=True)
class Hosting:
    """One fleet under its host's ABI. `sharing` has how many like domains share the other ends
    put in a backend domain, 1 where it says nothing.
    """

    census: Census
    sharing: Mapping[str, int]

    @property
    def fleet(self) -> Fleet:
        return self.census.fleet

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
    def pages(self) -> int:
        """P: the host's own, or what its release and architecture can map."""
        return self.host.pages or mapping_space(self.host.xen, self.host.arch).pages

    @cached_property
    def serving(self) -> frozenset[str]:
        """The guests of the fleet that are backend domains for others."""
        return frozenset(g.guest.name for g in self.census.guests) & self.census.base_ports.keys()

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

    def grown(self, vms: int) -> Counts:
        """The fleet with `vms` VMs, or its backend domains alone where it has fewer."""
        if all(self.weights):
            return shares(self.weights, max(0, vms))  # no backend domain among the guests
        growing = tuple(weight for weight in self.weights if weight)
        if not growing:
            return self.fixed
        more = iter(shares(growing, max(0, vms - sum(self.fixed))))
        return tuple(
            fixed + (next(more) if weight else 0)
            for fixed, weight in zip(self.fixed, self.weights, strict=True)
        )

    def number(self, name: str) -> int:
        """Like domains that share the other ends put in the backend domain `name`."""
        copies = sum(g.guest.copies for g in self.census.guests if g.guest.name == name)
        return self.sharing.get(name) or copies or 1

    def backend_vcpus(self, name: str) -> int:
        """VCPUs of one backend domain; those of a domain that nothing is known of are 1."""
        if name == DOM0:
            return self.host.dom0_vcpus
        return next((g.guest.vcpus for g in self.census.guests if g.guest.name == name), 1)

    # The costs of one VM of each group stand in a row: a search weighs them with thousands of
    # counts, and a table of VMs has hundreds of groups.

    @cached_property
    def _ports_behind(self) -> dict[str, Counts]:
        """Ports that one VM of each group takes in each backend domain."""
        guests = self.census.guests
        return {
            name: tuple(item.ports_by_backend.get(name, 0) for item in guests)
            for name in self.census.base_ports
        }

    @cached_property
    def _vm_pages(self) -> Counts:
        """Pages of P that one VM of each group takes on its own side."""
        return tuple(
            self.domu_pages(item) + self.control_pages(self.vm_vcpus(item))
            for item in self.census.guests
        )

    def backend_ports(self, name: str, counts: Counts) -> tuple[tuple[int, int], ...]:
        """(domains, ports in use in each) of the like domains behind `name`, the fullest first."""
        served: int = sum(map(mul, counts, self._ports_behind[name]))
        base, number = self.census.base_ports[name], self.number(name)
        each, more = divmod(served, number)
        fuller = ((more, base + each + 1),) if more else ()
        return (*fuller, (number - more, base + each))

    def fullest(self, counts: Counts) -> tuple[str, int]:
        """The backend domain with the most ports in use, and how many they are."""
        ports = {name: self.backend_ports(name, counts)[0][1] for name in self.census.base_ports}
        name = max(ports, key=ports.__getitem__)
        return name, ports[name]

    def fullest_of(self, name: str) -> int:
        """Ports in use, of the fleet as planned, in the fullest domain behind `name`."""
        return self.backend_ports(name, self.planned)[0][1]

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

    def backend_pages(self, counts: Counts) -> int:
        """Event state pages of all backend domains."""
        return sum(
            domains * self.state_pages(ports)
            for name in self.census.base_ports
            for domains, ports in self.backend_ports(name, counts)
        )

    @cached_property
    def backend_domain_vcpus(self) -> int:
        """VCPUs of all backend domains."""
        return sum(self.number(name) * self.backend_vcpus(name) for name in self.census.base_ports)

    def pages_used(self, counts: Counts) -> int:
        """Pages of P in use: both sides' event state and everybody's control blocks."""
        guests: int = sum(map(mul, counts, self._vm_pages))
        control = self.control_pages(self.backend_domain_vcpus)
        return guests + self.backend_pages(counts) + control

    def vm_xenheap_bytes(self, item: GuestCensus) -> int:
        """Xen heap bytes of one VM and its stub domain, whatever it does for others left out."""
        own = xenheap_bytes(self.abi, self.release, item.domu_ports, item.guest.vcpus)
        if item.stub is None:
            return own
        stub = item.stub
        return own + xenheap_bytes(self.abi, self.release, stub.domu_ports, stub.guest.vcpus)

    def xenheap_bytes(self, counts: Counts) -> int:
        """Xen heap bytes of all domains."""
        guests = sum(
            n * self.vm_xenheap_bytes(item)
            for n, item in zip(counts, self.census.guests, strict=True)
            if item.guest.name not in self.serving
        )
        return guests + sum(
            domains * xenheap_bytes(self.abi, self.release, ports, self.backend_vcpus(name))
            for name in self.census.base_ports
            for domains, ports in self.backend_ports(name, counts)
        )

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """Every exact limit on the number of VMs."""
        misfit = next((g for g in self.census.guests if not self._fits(g)), None)
        name, by_ports = self.tightest_backend
        holder = name if self.number(name) == 1 else f"each of {self.number(name)} × {name}"
        base, usable = self.census.base_ports[name], self.abi.usable_ports
        return (
            Limit("domu_ports", 0 if misfit else None, self._why_domu_ports(misfit)),
            Limit("pages", self._limit_by_pages(), self._why_pages()),
            Limit("domids", self._limit_by_domids(), self._why_domids()),
            Limit("backend_ports", by_ports, f"{holder} has {usable} ports: {base} for itself"),
        )

    @cached_property
    def binding(self) -> Limit:
        """The limit that is met first."""
        return binding_limit(self.limits)

    @cached_property
    def port_limits(self) -> dict[str, int]:
        """VMs until each backend domain has no port left for one more."""
        usable = self.abi.usable_ports

        def limit(name: str) -> int:
            return self._largest(lambda c: self.backend_ports(name, c)[0][1] <= usable)

        return {name: limit(name) for name in self.census.base_ports}

    @property
    def tightest_backend(self) -> tuple[str, int]:
        """The backend domain that runs out of ports first, and at how many VMs."""
        return min(self.port_limits.items(), key=lambda entry: entry[1])

    @cached_property
    def backends_to_lift(self) -> int | None:
        """The fewest like domains, in place of the backend domain that runs out of ports first,
        with which its ports are not what binds; None where ports of a backend do not bind.
        """
        if self.binding.name != "backend_ports":
            return None
        name = self.tightest_backend[0]

        def lifted(number: int) -> bool:
            other = replace(self, sharing={**self.sharing, name: number})
            rest = {n: limit for n, limit in other.port_limits.items() if n != name}
            others = [limit.vms for limit in other.limits[:-1] if limit.vms is not None]
            return 0 < other.port_limits[name] >= min([*rest.values(), *others])

        return fewest_backends(lifted, DOMAIN_IDS)

    def _largest(self, fits: Callable[[Counts], bool]) -> int:
        """The most VMs that fit: whole rounds of the mix first, then VM by VM."""
        fixed, a_round = sum(self.fixed), sum(self.weights)
        if not fits(self.fixed):
            return 0
        if a_round == 0:
            return fixed
        # Each round takes a port in dom0, a domain ID, and a page where pages are counted.
        like = max(self.number(name) for name in self.census.base_ports)
        most = max(self.pages, self.abi.channels * like)
        rounds = largest_fitting(lambda r: fits(self.grown(fixed + r * a_round)), most)
        whole = fixed + rounds * a_round
        return whole + largest_fitting(lambda v: fits(self.grown(whole + v)), a_round - 1)

    def _limit_by_pages(self) -> int | None:
        if not (self.abi.event_words or self.abi.bitmap_pages):
            return None
        return self._largest(lambda counts: self.pages_used(counts) <= self.pages)

    def _limit_by_domids(self) -> int:
        if not any(item.stub for item in self.census.guests):
            return DOMAIN_IDS
        return self._largest(lambda counts: self._domains(counts) <= DOMAIN_IDS)

    def _domains(self, counts: Counts) -> int:
        return sum(
            n * (2 if item.stub else 1) for n, item in zip(counts, self.census.guests, strict=True)
        )

    def _fits(self, item: GuestCensus) -> bool:
        return item.domu_ports <= item.highest_allowed_port(self.host)

    def _why_domu_ports(self, misfit: GuestCensus | None) -> str:
        if misfit is None:
            return "every guest fits its own limit"
        return (
            f"{misfit.guest.name} needs {misfit.domu_ports} event channels and may use ports up "
            f"to {misfit.highest_allowed_port(self.host)}"
        )

    def _why_pages(self) -> str:
        if not (self.abi.event_words or self.abi.bitmap_pages):
            return "the bitmaps lie in shared_info: no pages of P"
        control = " and control blocks" if self.abi.maps_control_blocks else ""
        return f"{self.pages} pages for event state{control}"

    def _why_domids(self) -> str:
        stubs = ", and a stub domain takes one too"
        some = any(item.stub for item in self.census.guests)
        return f"{DOMAIN_IDS} domain IDs lie below the reserved ones" + (stubs if some else "")


def hosting_of(fleet: Fleet, backends: int = 1) -> Hosting:
    """`fleet` counted, with `backends` like domains sharing the other ends put in dom0."""
    return Hosting(census_of(fleet), {DOM0: backends})
