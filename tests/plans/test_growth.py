"""How a mix grows, held against the rule said plainly, and limits against a search without
short cuts.
"""

from collections.abc import Callable
from dataclasses import replace
from math import gcd

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evtplan import Fleet
from evtplan.plans.costs import DOMAIN_IDS
from evtplan.plans.growth import Counts
from evtplan.plans.hosting import Hosting, hosting_of
from evtplan.plans.limits import fewest_backends, largest_fitting
from evtplan.plans.mix import Round, shares
from tests.plans.test_fleet_sizing import fleets


def one_by_one(weights: tuple[int, ...], vms: int) -> list[int]:
    """The rule as it is said: the next VM goes to the lowest (2n + 1)/weight, the first of those
    that are equal.
    """
    counts = [0] * len(weights)
    for _ in range(vms):
        best = 0
        for group in range(1, len(weights)):
            ahead = (2 * counts[group] + 1) * weights[best]
            if ahead < (2 * counts[best] + 1) * weights[group]:
                best = group
        counts[best] += 1
    return counts


class TestRound:
    """whole rounds of the mix first, then VM by VM"""

    @given(st.lists(st.integers(1, 9) | st.integers(1, 200), min_size=1, max_size=9), st.data())
    def test_a_part_of_a_round_is_what_one_vm_after_the_other_makes(
        self, weights: list[int], data: st.DataObject
    ) -> None:
        given_weights = tuple(weights)
        vms = data.draw(st.integers(0, sum(weights)))
        assert Round(given_weights).first(vms) == one_by_one(given_weights, vms)

    @given(st.integers(0), st.sampled_from([1, 2, 5, 40, 2000, 10**6]), st.floats(0, 1))
    @settings(max_examples=60, deadline=None)
    def test_many_groups_counted_column_wise_come_out_the_same(
        self, seed: int, most: int, part: float
    ) -> None:
        weights = tuple(
            1 + (seed + 7919 * n * n + 104729 * n) % most if n % 3 else 1 for n in range(300)
        )
        many = Round(weights)
        assert many._columns is not None
        vms = int(part * many.vms)
        found = many.first(vms)
        many._columns = None
        assert found == many.first(vms)
        assert sum(found) == vms

    @pytest.mark.parametrize("weights", [(1,) * 250, (1,) * 249 + (2,), (10**9,) * 300])
    def test_equal_weights_go_in_order_and_large_ones_are_counted_exactly(
        self, weights: tuple[int, ...]
    ) -> None:
        vms = sum(weights) // 3
        whole, rest = divmod(vms, len(weights))
        found = Round(weights).first(vms)
        assert sum(found) == vms
        assert set(found) <= {whole, whole + 1}
        if len(set(weights)) == 1:
            assert found == [whole + (n < rest) for n in range(len(weights))]


class Plainly:
    """The limits of `hosting` by weighing every count of the search group by group."""

    def __init__(self, hosting: Hosting) -> None:
        self.hosting = hosting
        self.guests = hosting.census.guests
        planned, fixed = hosting.growth.planned, hosting.growth.fixed
        growing = [a - b for a, b in zip(planned, fixed, strict=True)]
        self.fixed = fixed
        self.weights = tuple(count // (gcd(*growing) or 1) for count in growing)

    def grown(self, vms: int) -> Counts:
        weights = tuple(weight for weight in self.weights if weight)
        if not weights:
            return self.fixed
        more = iter(shares(weights, max(0, vms - sum(self.fixed))))
        return tuple(
            fixed + (next(more) if weight else 0)
            for fixed, weight in zip(self.fixed, self.weights, strict=True)
        )

    def each(self, name: str, counts: Counts, number: int) -> tuple[int, int, int]:
        """Ports in each domain behind `name`, how many have one more, and how many there are."""
        served = sum(
            n * item.ports_by_backend.get(name, 0)
            for n, item in zip(counts, self.guests, strict=True)
        )
        each, more = divmod(served, number)
        return self.hosting.census.base_ports[name] + each, more, number

    def limits(self, sharing: dict[str, int]) -> dict[str, int]:
        """Every limit that there is, each backend domain's under its name."""
        hosting, growth, host = self.hosting, self.hosting.growth, self.hosting.host
        numbers = {
            name: sharing.get(name)
            or sum(g.guest.copies for g in self.guests if g.guest.name == name)
            or 1
            for name in hosting.census.base_ports
        }
        control = growth.control_pages(
            sum(n * hosting.backend_vcpus(name) for name, n in numbers.items())
        )

        def largest(fits: Callable[[Counts], bool]) -> int:
            fixed, a_round = sum(self.fixed), sum(self.weights)
            if not fits(self.fixed):
                return 0
            if not a_round:
                return fixed
            most = max(hosting.pages, hosting.abi.channels * max(numbers.values()), DOMAIN_IDS)
            rounds = largest_fitting(lambda r: fits(self.grown(fixed + r * a_round)), most)
            whole = fixed + rounds * a_round
            return whole + largest_fitting(lambda v: fits(self.grown(whole + v)), a_round - 1)

        def pages(counts: Counts) -> int:
            used = sum(
                n * (growth.domu_pages(item) + growth.control_pages(growth.vm_vcpus(item)))
                for n, item in zip(counts, self.guests, strict=True)
            )
            for name, number in numbers.items():
                ports, more, domains = self.each(name, counts, number)
                used += more * growth.state_pages(ports + 1)
                used += (domains - more) * growth.state_pages(ports)
            return used + control

        def ports_fit(name: str) -> Callable[[Counts], bool]:
            def fits(counts: Counts) -> bool:
                ports, more, _ = self.each(name, counts, numbers[name])
                return ports + (more > 0) <= hosting.abi.usable_ports

            return fits

        found = {name: largest(ports_fit(name)) for name in numbers}
        if hosting.abi.event_words or hosting.abi.bitmap_pages:
            found[" pages"] = largest(lambda counts: pages(counts) <= hosting.pages)
        if any(item.stub for item in self.guests):
            found[" domids"] = largest(
                lambda counts: (
                    sum(
                        n * (2 if item.stub else 1)
                        for n, item in zip(counts, self.guests, strict=True)
                    )
                    <= DOMAIN_IDS
                )
            )
        else:
            found[" domids"] = DOMAIN_IDS
        if any(g.domu_ports > g.highest_allowed_port(host) for g in self.guests):
            found[" domus"] = 0
        return found

    def backends_to_lift(self) -> int | None:
        """The smallest number of domains with which their ports do not bind."""
        sharing = dict(self.hosting.sharing)
        now = self.limits(sharing)
        name = min(self.hosting.census.base_ports, key=now.__getitem__)
        rest = [limit for other, limit in now.items() if other.startswith(" ")]
        if now[name] >= min(rest):
            return None

        def lifted(number: int) -> bool:
            limits = self.limits({**sharing, name: number})
            return 0 < limits.pop(name) >= min(limits.values())

        return fewest_backends(lifted, DOMAIN_IDS)


class TestSearches:
    """the largest V whose whole pages fit, and every other limit, of any fleet"""

    @given(fleets(), st.integers(1, 3), st.sampled_from([1, 40, 3000]))
    @settings(deadline=None)
    def test_limits_and_backends_come_out_as_by_weighing_every_group_at_every_step(
        self, fleet: Fleet, backends: int, times: int
    ) -> None:
        guests = tuple(replace(g, copies=g.copies * times + i) for i, g in enumerate(fleet.guests))
        hosting = hosting_of(replace(fleet, guests=guests), backends)
        plainly = Plainly(hosting)
        wanted = plainly.limits(dict(hosting.sharing))
        limits = {limit.name: limit.vms for limit in hosting.limits}
        assert hosting.port_limits == {n: v for n, v in wanted.items() if n[0] != " "}
        assert limits["pages"] == wanted.get(" pages")
        assert limits["domids"] == wanted[" domids"]
        assert hosting.backends_to_lift == plainly.backends_to_lift()

    @given(fleets(), st.integers(0, 500))
    def test_what_so_many_vms_take_is_what_their_groups_take(self, fleet: Fleet, vms: int) -> None:
        hosting = hosting_of(fleet)
        plainly, growth = Plainly(hosting), hosting.growth
        counts = plainly.grown(vms)
        assert growth.counts(vms) == counts
        load = growth.load(vms)
        for name, base in hosting.census.base_ports.items():
            assert plainly.each(name, counts, 1)[0] == base + load.ports[name]
        assert load.domains == sum(
            n * (2 if item.stub else 1)
            for n, item in zip(counts, hosting.census.guests, strict=True)
        )
