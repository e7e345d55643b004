"""Sizing fleets: limits of a mix, backends that share, and guests that do not fit."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evtplan import Device, Fleet, Guest, Host, size
from evtplan.errors import EvtplanError
from evtplan.fleet.census import census_of
from evtplan.plans.hosting import hosting_of
from evtplan.plans.mix import shares

WEB = Guest("web", vcpus=2, devices=(Device("vif"), Device("vbd")))
BIG = Guest("big", vcpus=8, devices=(Device("vif", count=2), Device("vbd", count=3)))


class TestMix:
    @given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(0, 200))
    def test_shares_add_up_and_no_group_ever_loses_a_vm(self, weights: list[int], vms: int) -> None:
        now, after = shares(tuple(weights), vms), shares(tuple(weights), vms + 1)
        assert sum(now) == vms
        assert all(b - a in (0, 1) for a, b in zip(now, after, strict=True))

    @given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(0, 9))
    def test_whole_multiples_are_exact(self, weights: list[int], times: int) -> None:
        assert shares(tuple(weights), times * sum(weights)) == tuple(times * w for w in weights)


class TestLimits:
    @pytest.mark.parametrize("abi", ["2l-32", "2l-64", "fifo-draft-a", "fifo", "3l-64"])
    def test_the_limit_of_one_group_is_where_dom0_runs_out(self, abi: str) -> None:
        row = size(Fleet((WEB,), Host(base_ports=70)), abi=abi).rows[0]
        assert row.vm_limit_backend_ports == (row.usable_ports_per_domain - 70) // 8

    def test_a_mix_fits_at_its_limit_and_one_more_vm_does_not(self) -> None:
        fleet = Fleet((replace(WEB, copies=3), replace(BIG, copies=2)), Host(abi="2l-64"))
        limit = size(fleet).rows[0].vm_limit_backend_ports
        assert limit is not None
        base = census_of(fleet).base_ports["dom0"]
        used = [
            base + sum(n * per for n, per in zip(shares((3, 2), v), (8, 46), strict=True))
            for v in (limit, limit + 1)
        ]
        assert used[0] <= 4095 < used[1]

    def test_pages_bind_where_there_are_few(self) -> None:
        row = size(Fleet((WEB,), Host(pages=1000, base_ports=0))).rows[0]
        # a page and two control blocks a VM; dom0's 8 control blocks and its packed pages
        limit = row.vm_limit_pages
        assert limit is not None
        assert row.binding == "pages"
        assert limit * 3 + 8 + limit * 8 // 1024 + 1 <= 1000
        assert (limit + 1) * 3 + 8 + (limit + 1) * 8 // 1024 + 1 > 1000

    def test_a_guest_over_its_own_limit_fits_nowhere(self) -> None:
        row = size(Fleet((replace(BIG, max_event_channels=50),))).rows[0]
        assert (row.vm_limit, row.binding, row.vm_limit_domu_ports) == (0, "domu_ports", 0)

    def test_backends_that_share_dom0s_ends_lift_its_limit(self) -> None:
        fleet = Fleet((WEB,))
        needed = size(fleet).rows[0].backends_to_lift
        assert needed is not None
        assert size(fleet, backends=needed).rows[0].binding != "backend_ports"
        assert size(fleet, backends=needed - 1).rows[0].binding == "backend_ports"


def fleets() -> st.SearchStrategy[Fleet]:
    """Small fleets with driver domains in and outside the fleet, and stub domains."""
    device = st.builds(
        Device,
        st.sampled_from(["vif", "vbd", "vkb"]),
        count=st.integers(1, 3),
        backend=st.sampled_from(["dom0", "net", "disk"]),
    )
    guest = st.builds(
        Guest,
        st.sampled_from(["web", "mail", "net"]),
        type=st.sampled_from(["pv", "pvh", "hvm"]),
        vcpus=st.integers(1, 4),
        devices=st.lists(device, max_size=3).map(tuple),
        copies=st.integers(1, 4),
        emulator=st.sampled_from(["dom0", "dm"]),
    )
    guests = st.lists(guest, min_size=1, max_size=3, unique_by=lambda g: g.name)
    abi = st.sampled_from(["2l-32", "2l-64", "3l-64", "fifo", "fifo-draft-a"])
    host = st.builds(Host, abi=abi, pages=st.integers(1, 3000), base_ports=st.integers(0, 400))
    return st.builds(Fleet, guests.map(tuple), host)


class TestHosting:
    """the largest V whose whole pages fit, and every other limit, of any fleet"""

    @given(fleets(), st.integers(1, 3))
    def test_each_limit_fits_and_one_more_vm_does_not(self, fleet: Fleet, backends: int) -> None:
        hosting = hosting_of(fleet, backends)
        growth = hosting.growth
        assume(any(growth.weights))
        usable = hosting.abi.usable_ports

        def ports_fit(vms: int) -> bool:
            return hosting.fullest(growth.load(vms))[1] <= usable

        def pages_fit(vms: int) -> bool:
            return hosting.pages_used(growth.load(vms)) <= hosting.pages

        limits = {limit.name: limit.vms for limit in hosting.limits}
        for name, fits in (("backend_ports", ports_fit), ("pages", pages_fit)):
            limit = limits[name]
            if limit is not None:
                assert limit == 0 or fits(limit)
                assert not fits(max(limit + 1, growth.fixed_vms))

    def test_a_driver_domain_in_the_fleet_is_no_part_of_the_mix(self) -> None:
        net = Guest("net", vcpus=4, copies=2)
        web = replace(WEB, devices=(Device("vif", backend="net"), Device("vbd")), copies=10)
        hosting = hosting_of(Fleet((net, web)))
        assert hosting.growth.counts(102) == (2, 100)
        # Two like domains share the 10 guests' 4 channels each; their own 26 come on top.
        assert hosting.backend_ports("net", hosting.growth.planned_load) == ((2, 26 + 20),)
        # Nine domains, 10 × 3 pages, 2 × 5, and dom0's 9: no page counts twice.
        assert hosting.pages_used(hosting.growth.planned_load) == 10 * 3 + 2 * 5 + 9

    def test_the_reason_names_the_backend_that_runs_out_and_how_many_lift_it(self) -> None:
        net = (Device("vif", count=7, backend="net"), Device("vbd"))
        sizing = size(Fleet((replace(WEB, devices=net, copies=2),), Host(abi="2l-32")))
        assert [r["why"] for r in sizing.limits if r["binds"]] == [
            "net has 1023 ports: 8 for itself"
        ]
        # 28 ends a VM in net, 4 in dom0: 36 of them there; dom0 itself stops at 238.
        assert sizing.rows[0].vm_limit == 36
        assert sizing.rows[0].backends_to_lift == 7
        assert any("7 domains like net (6 more)" in note for note in sizing.notes)

    def test_a_stub_domain_takes_a_domain_id(self) -> None:
        guest = Guest("win", type="hvm", emulator="win-dm")  # type: ignore[arg-type]
        assert size(Fleet((guest,))).rows[0].vm_limit_domids == 32752 // 2


class TestGuestPages:
    """An Arm host with 64 KiB pages"""

    def test_each_page_of_p_costs_a_page_of_the_kernel(self) -> None:
        row = size(Fleet((replace(WEB, copies=10),), Host(arch="arm64")), guest_page_bytes=65536)
        (row,) = row.rows
        assert row.guest_memory_bytes == row.total_pages * 65536
        assert row.total_bytes == row.total_pages * 4096


class TestLibrary:
    def test_to_frame_keeps_integers(self) -> None:
        frame = size(Fleet((WEB,)), abi=("fifo", "2l-64")).to_frame()
        assert list(frame["abi"]) == ["fifo", "2l-64"]
        assert str(frame["vm_limit"].dtype) == "Int64"
        assert frame["vm_limit_pages"].isna().tolist() == [False, True]

    def test_unknown_numbers_are_refused(self) -> None:
        with pytest.raises(EvtplanError, match="events"):
            size(events=4)
        with pytest.raises(EvtplanError, match="vms"):
            size(Fleet((WEB,)), vms=4)
