"""Sizing fleets: limits of a mix, backends that share, and guests that do not fit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evtplan import Device, Fleet, Guest, Host, size
from evtplan.errors import EvtplanError
from evtplan.fleet.census import census_of
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
