"""What a sweep comes to: by rows, by compiled counting, and what can be promised."""

import json

import pytest

from evtplan.plans.sweeps.build import SweepText, build_sweep
from evtplan.plans.sweeps.design import Sweep
from evtplan.plans.sweeps.fused import can_fuse, fused_summary
from evtplan.plans.sweeps.summary import PROMISES, SUMMARISED, Summary, summarise


def by_rows(sweep: Sweep) -> Summary:
    total = Summary()
    for index in range(sweep.chunks):
        columns, rows = sweep.rows(index, SUMMARISED)
        total.add(summarise(columns, rows, sweep.keys, counted=sweep.sample is not None))
    return total


class TestFused:
    """10^8-point sweep … reduced to a summary: the same as from rows"""

    @pytest.mark.parametrize(
        "vary",
        [
            ("abi=all", "vms=1..7", "events_per_vm=1..1500:3"),
            ("events_per_vm=1..131072:x2", "abi=fifo,3l-64", "vcpus=4,1,2", "pages=1000..9000:1000",
             "backend_base_ports=0,50,10"),
            ("events_per_vm=3,1,70000", "xen=4.4,4.22", "backends=1,2,7", "pages=1000..90000:900"),
            ("words_per_page=1..3000", "events_per_vm=1000"),
            ("vms=5,3,4", "guest_page_bytes=4096,65536", "abi=fifo,2l-64",
             "events_per_vm=1..9000:7"),
            ("vms=1..7:3", "abi=fifo,2l-64", "events_per_vm=20"),
        ],
    )  # fmt: skip
    def test_is_what_the_rows_come_to(self, vary: tuple[str, ...]) -> None:
        sweep = build_sweep(SweepText(vary=vary))
        assert can_fuse(sweep)
        found = fused_summary(sweep, workers=2)
        assert found.points == sweep.points
        assert found.binding_rows() == by_rows(sweep).binding_rows()
        assert len(found.regions) > 1 or "words" in vary[0]

    @pytest.mark.parametrize(
        "vary", [("vms=1..1000000000000000", "events_per_vm=20"), ("events_per_vm=1..20000000",)]
    )
    def test_a_long_range_is_never_walked_through(self, vary: tuple[str, ...]) -> None:
        """10^15 points with a summary"""
        sweep = build_sweep(SweepText(vary=vary, summary=True))
        assert can_fuse(sweep)
        assert fused_summary(sweep).points == sweep.points

    def test_what_it_cannot_count_is_left_to_the_rows(self) -> None:
        for text in (
            SweepText(vary=("events_per_vm=1..5",), where="vm_limit > 3"),
            SweepText(vary=("events_per_vm=1..5", "vms=1..5"), zip=True),
            SweepText(vary=("events_per_vm=1..5",), sample=10),
            SweepText(vary=("events_per_vm=1..5", "pages=1,1000000000000000")),
            SweepText(vary=("abi=fifo,2l-64",), set=("events_per_vm=4",)),
        ):
            assert not can_fuse(build_sweep(text))


class TestPromises:
    """with quantiles of the VM limit (what can I promise with 99 %?)"""

    def test_are_the_largest_that_so_many_points_carry(self) -> None:
        sweep = build_sweep(
            SweepText(dist=("events_per_vm=lognormal(median=64, sigma=0.5)",), sample=5000)
        )
        columns, _ = sweep.rows(0)
        limits = columns["vm_limit"].cells()
        rows = by_rows(sweep).promise_rows()
        assert [row["points_percent"] for row in rows] == list(PROMISES)
        for row in rows:
            carried = [
                sum(limit >= n for limit in limits) for n in (row["vm_limit"], row["vm_limit"] + 1)
            ]
            needed = round(row["points_percent"] * 10) * 5
            assert carried[0] >= needed > carried[1]
            assert row["points"] == carried[0]


class TestParts:
    def test_add_up_in_any_order_and_survive_json(self) -> None:
        sweep = build_sweep(
            SweepText(
                vary=("abi=fifo,2l-64",),
                dist=("events_per_vm=uniform(1, 400)",),
                sample=3000,
                rows_per_chunk=1000,
            )
        )
        parts = []
        for index in range(sweep.chunks):
            columns, rows = sweep.rows(index, SUMMARISED)
            parts.append(summarise(columns, rows, sweep.keys, counted=True))
        forwards, backwards = Summary(), Summary()
        for part in parts:
            forwards.add(Summary.from_json(json.loads(json.dumps(part.to_json()))))
        for part in reversed(parts):
            backwards.add(part)
        assert forwards.binding_rows() == backwards.binding_rows()
        assert forwards.promise_rows() == backwards.promise_rows()
        assert forwards.points == 3000
