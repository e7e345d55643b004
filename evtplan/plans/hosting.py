"""A fleet on its host under one ABI: the ports, pages and domains that so many of its VMs take.

How the fleet grows is in `evtplan.plans.growth`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from evtplan.abi import Abi, mapping_space
from evtplan.fleet.census import Census, GuestCensus, census_of
from evtplan.fleet.model import DOM0, Fleet, Host
from evtplan.plans.costs import DOMAIN_IDS, xenheap_bytes
from evtplan.plans.growth import Growth, Load
from evtplan.plans.limits import Limit, binding_limit, fewest_backends, largest_fitting

__all__ = ["Hosting", "hosting_of"]

# Limits that depend on the guests alone.
_STILL = frozenset(["domu_ports", "domids"])


@dataclass(frozen=True)
class Hosting:
    """One fleet under its host's ABI, which has `pages` (P) for event state. `sharing` has how
    many like domains share the other ends put in a backend domain, 1 where it says nothing.
    """

    growth: Growth
    sharing: Mapping[str, int]
    pages: int

    @property
    def census(self) -> Census:
        return self.growth.census

    @property
    def fleet(self) -> Fleet:
        return self.census.fleet

    @property
    def host(self) -> Host:
        return self.census.fleet.host

    @property
    def abi(self) -> Abi:
        return self.growth.abi

    def number(self, name: str) -> int:
        """Like domains that share the other ends put in the backend domain `name`."""
        return self.sharing.get(name) or self.growth.copies.get(name) or 1

    def backend_vcpus(self, name: str) -> int:
        """VCPUs of one backend domain; those of a domain that nothing is known of are 1."""
        if name == DOM0:
            return self.host.dom0_vcpus
        return next((g.guest.vcpus for g in self.census.guests if g.guest.name == name), 1)

    def backend_ports(self, name: str, load: Load) -> tuple[tuple[int, int], ...]:
        """(domains, ports in use in each) of the like domains behind `name`, the fullest first."""
        base, number = self.census.base_ports[name], self.number(name)
        each, more = divmod(load.ports[name], number)
        fuller = ((more, base + each + 1),) if more else ()
        return (*fuller, (number - more, base + each))

    def fullest(self, load: Load) -> tuple[str, int]:
        """The backend domain with the most ports in use, and how many they are."""
        ports = {name: self.backend_ports(name, load)[0][1] for name in self.census.base_ports}
        name = max(ports, key=ports.__getitem__)
        return name, ports[name]

    def fullest_of(self, name: str) -> int:
        """Ports in use, of the fleet as planned, in the fullest domain behind `name`."""
        return self.backend_ports(name, self.growth.planned_load)[0][1]

    def backend_pages(self, load: Load) -> int:
        """Event state pages of all backend domains."""
        return sum(
            domains * self.growth.state_pages(ports)
            for name in self.census.base_ports
            for domains, ports in self.backend_ports(name, load)
        )

    @cached_property
    def backend_domain_vcpus(self) -> int:
        """VCPUs of all backend domains."""
        return sum(self.number(name) * self.backend_vcpus(name) for name in self.census.base_ports)

    def pages_used(self, load: Load) -> int:
        """Pages of P in use: both sides' event state and everybody's control blocks."""
        control = self.growth.control_pages(self.backend_domain_vcpus)
        return load.pages + self.backend_pages(load) + control

    def xenheap_bytes(self, vms: int) -> int:
        """Xen heap bytes of all domains, with `vms` VMs."""
        growth = self.growth
        guests = sum(
            n * growth.vm_xenheap_bytes(item)
            for n, item in zip(growth.counts(vms), self.census.guests, strict=True)
            if item.guest.name not in growth.serving
        )
        load = growth.load(vms)
        return guests + sum(
            domains * xenheap_bytes(self.abi, growth.release, ports, self.backend_vcpus(name))
            for name in self.census.base_ports
            for domains, ports in self.backend_ports(name, load)
        )

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """Every exact limit on the number of VMs."""
        misfit = self.growth.misfit
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
        return {name: self._limit_by_ports(name) for name in self.census.base_ports}

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
        # What the number of domains behind `name` does not move.
        still = [limit for other, limit in self.port_limits.items() if other != name]
        still += [each.vms for each in self.limits if each.name in _STILL and each.vms is not None]
        steady = min(still)

        def lifted(number: int) -> bool:
            other = replace(self, sharing={**self.sharing, name: number})
            ports = other._limit_by_ports(name)
            if ports == 0 or ports >= steady:
                return ports > 0
            pages = other._limit_by_pages()
            return pages is not None and ports >= pages

        return fewest_backends(lifted, DOMAIN_IDS)

    def _largest(self, used: Callable[[Load], int], most_used: int) -> int:
        """The most VMs with which no more than `most_used` is `used`: whole rounds of the mix
        first, then VM by VM.
        """
        growth = self.growth
        fixed, a_round = growth.fixed_vms, growth.round_vms

        def fits(vms: int) -> bool:
            return used(growth.load(vms)) <= most_used

        if not fits(fixed):
            return 0
        if a_round == 0:
            return fixed
        # Each round takes a port in dom0, a domain ID, and a page where pages are counted.
        like = max(self.number(name) for name in self.census.base_ports)
        most = max(self.pages, self.abi.channels * like, DOMAIN_IDS)
        rounds = largest_fitting(lambda r: fits(fixed + r * a_round), most)
        whole = fixed + rounds * a_round
        # Within a round the VMs come evenly, so that what is left tells nearly how many fit.
        start, end = used(growth.load(whole)), used(growth.load(whole + a_round))
        near = (most_used - start) * a_round // max(1, end - start)
        return whole + largest_fitting(lambda v: fits(whole + v), a_round - 1, near)

    def _limit_by_ports(self, name: str) -> int:
        return self._largest(
            lambda load: self.backend_ports(name, load)[0][1], self.abi.usable_ports
        )

    def _limit_by_pages(self) -> int | None:
        if not (self.abi.event_words or self.abi.bitmap_pages):
            return None
        return self._largest(self.pages_used, self.pages)

    def _limit_by_domids(self) -> int:
        if not any(item.stub for item in self.census.guests):
            return DOMAIN_IDS
        return self._largest(lambda load: load.domains, DOMAIN_IDS)

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
    """`fleet` counted, with `backends` like domains sharing the other ends put in dom0.

    P is the host's own, or what its release and architecture can map.
    """
    host = fleet.host
    pages = host.pages or mapping_space(host.xen, host.arch).pages
    return Hosting(Growth(census_of(fleet)), {DOM0: backends}, pages)
