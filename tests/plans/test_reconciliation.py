"""Plan against host: expected and seen by kind, what is unexplained, headroom."""

from dataclasses import replace
from typing import Any

import pytest

from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.fleet.model import Device, Fleet, Guest, GuestType, Host
from evtplan.fleet.observed.lsevtchn import LsevtchnReader
from evtplan.fleet.observed.proc_interrupts import ProcInterruptsReader
from evtplan.plans.reconciliation import Reconciliation, reconcile
from tests.fleet.observed.fake_host import FakeHost
from tests.fleet.observed.reading import read

VIF_AND_DISK = (Device("vif"), Device("vbd"))
WEB = Guest("web", vcpus=2, devices=VIF_AND_DISK, copies=2)
DESKTOP = Guest("desktop", GuestType.HVM, vcpus=4, devices=(Device("vif"), Device("vbd", count=2)))
PLAN = Fleet((WEB, DESKTOP), Host(dom0_vcpus=4, dom0_virqs=4, pirqs=8))
GIVEN = replace(PLAN, host=replace(PLAN.host, base_ports=38))


def host(*, fifo: bool = True) -> FakeHost:
    """A host that is just as planned; domains 1, 2 are web servers, 5 is the desktop."""
    made = FakeHost(fifo=fifo)
    made.dom0(4)
    made.guest(1, 2)
    made.guest(2, 2)
    made.guest(5, 4, kind="hvm", disks=2)
    return made


def unexplained(answer: Reconciliation) -> dict[tuple[Any, str], int]:
    return {
        (row["domain"], row["kind"]): row["unexplained"]
        for row in answer.kinds
        if row["unexplained"]
    }


class TestAgreement:
    """expected against seen, per domain and kind, what is unexplained"""

    @pytest.mark.parametrize("fifo", [True, False])
    def test_a_host_as_planned(self, fifo: bool) -> None:
        for plan in (PLAN, replace(PLAN, host=replace(PLAN.host, abi="2l-64"))):
            answer = reconcile(read(host(fifo=fifo).dump()), plan)
            assert answer.disagreements == ()
            assert unexplained(answer) == {}
            assert [row.guest for row in answer.rows] == ["dom0", "web", "web", "desktop"]
            assert all(row.unexplained_ports == 0 for row in answer.rows)

    def test_every_kind_has_a_row(self) -> None:
        kinds = {
            row["kind"]: (row["expected"], row["seen"])
            for row in reconcile(read(host().dump()), PLAN).kinds
            if row["domain"] == 5
        }
        # 2, 4 queues × 2, 4 rings × 2, 4 VCPUs + 1; 4 IPIs and a timer a VCPU
        assert kinds == {
            "interdomain": (23, 23), "xen_consumer": (5, 5), "unbound": (0, 0),
            "ipi": (16, 16), "virq": (4, 4), "pirq": (0, 0),
        }  # fmt: skip

    def test_what_is_there_beyond_the_plan_is_unexplained(self) -> None:
        seen = host()
        seen.pair(2, 0)
        seen.virq(2, 11)
        del seen.domains[5][max(seen.domains[5])]
        answer = reconcile(read(seen.dump()), PLAN)
        assert unexplained(answer) == {
            (2, "interdomain"): 1, (2, "virq"): 1, (5, "interdomain"): -1,
        }  # fmt: skip
        assert any(
            "domain 2 (web): 2 virq ports expected, 3 seen" in d for d in answer.disagreements
        )
        assert any("domain 0: 1 connected ports without" in d for d in answer.disagreements)

    def test_another_ioreq_server_is(self) -> None:
        seen = host()
        seen.ioreq(5, 4)
        answer = reconcile(read(seen.dump()), PLAN)
        assert unexplained(answer) == {(5, "interdomain"): 5, (5, "xen_consumer"): 5}
        row = next(row for row in answer.rows if row.domain == 5)
        assert (row.ioreq_servers, row.ioreq_ports) == (2, 10)

    def test_dom0s_own_ports_bind_only_where_the_plan_gives_them(self) -> None:
        seen = host()
        seen.pirq(0, 99, 99)
        assert reconcile(read(seen.dump()), PLAN).disagreements == ()
        assert reconcile(read(seen.dump()), PLAN).rows[0].unexplained_ports == 1
        assert reconcile(read(seen.dump()), GIVEN).disagreements == (
            "domain 0 (dom0): 38 own ports expected, 39 seen",
        )


class TestMatching:
    """matching of fleet guests to domains in a dump (dump has numbers only)"""

    def test_by_shape_whatever_the_order(self) -> None:
        made = FakeHost()
        made.dom0(4)
        made.guest(3, 4, kind="hvm", disks=2)
        made.guest(4, 2)
        made.guest(9, 2)
        answer = reconcile(read(made.dump()), PLAN)
        assert {row.domain: row.guest for row in answer.rows}[3] == "desktop"
        assert answer.disagreements == ()

    def test_by_order(self) -> None:
        answer = reconcile(read(host().dump()), replace(PLAN, guests=(DESKTOP, WEB)), by_order=True)
        assert [row.guest for row in answer.rows] == ["dom0", "desktop", "web", "web"]

    def test_by_map(self) -> None:
        answer = reconcile(read(host().dump()), PLAN, mapping={1: "desktop"})
        assert next(row.guest for row in answer.rows if row.domain == 1) == "desktop"
        with pytest.raises(UnknownNameError):
            reconcile(read(host().dump()), PLAN, mapping={1: "webb"})
        with pytest.raises(EvtplanError, match="no domain 7"):
            reconcile(read(host().dump()), PLAN, mapping={7: "web"})

    def test_by_the_number_the_plan_itself_has(self) -> None:
        plan = replace(PLAN, guests=(replace(WEB, copies=1, domid=5), WEB))
        answer = reconcile(read(host().dump()), plan)
        assert next(row for row in answer.rows if row.domain == 5).guest == "web"

    def test_what_has_no_counterpart_is_said(self) -> None:
        seen = host()
        seen.guest(8, 1)
        plan = replace(PLAN, guests=(WEB, DESKTOP, Guest("more", vcpus=64)))
        found = reconcile(read(seen.dump()), PLAN).disagreements
        assert "domain 8 is not in the plan" in found
        found = reconcile(read(host().dump()), plan).disagreements
        assert found == ("more: 1 of 1 are not in the dump",)

    def test_stub_domains_are_domains_too(self) -> None:
        made = FakeHost()
        made.dom0(4)
        made.pair(1, 0)
        made.pair(1, 0)
        made.vcpus(1, 1, pv=True)
        made.pair(2, 0)
        made.pair(2, 0)
        made.ioreq(2, 1, emulator=1)
        made.vcpus(2, 1, pv=False)
        plan = Fleet((Guest("g", GuestType.HVM, emulator="stub"),), PLAN.host)
        answer = reconcile(read(made.dump()), plan)
        assert [row.guest for row in answer.rows] == ["dom0", "g's stub", "g"]
        assert unexplained(answer) == {}


class TestBackends:
    """dom0's side: per guest, ports in dom0 whose remote is that domain"""

    def test_both_sides_and_the_plan(self) -> None:
        answer = reconcile(read(host().dump()), PLAN)
        assert [
            (row["backend"], row["domain"], row["expected"], row["seen"], row["guest_side"])
            for row in answer.backends
        ] == [(0, 1, 8, 8, 8), (0, 2, 8, 8, 8), (0, 5, 23, 23, 23)]

    def test_driver_domains(self) -> None:
        made = FakeHost()
        made.dom0(4)
        made.guest(1, 1, vifs=0, disks=0)
        made.guest(2, 1, vifs=0, disks=0)
        made.pair(2, 1)
        made.pair(2, 1)
        plan = Fleet(
            (Guest("net"), Guest("app", devices=(Device("vif", backend="net"),))), PLAN.host
        )
        answer = reconcile(read(made.dump()), plan)
        assert answer.disagreements == ()
        assert [(r["backend"], r["domain"], r["expected"]) for r in answer.backends] == [
            (0, 1, 2), (0, 2, 2), (1, 2, 2),
        ]  # fmt: skip
        assert [(r["domain"], r["vms"], r["ports_for_vms"]) for r in answer.headroom] == [
            (0, 2, 4), (1, 1, 2),
        ]  # fmt: skip


class TestHeadroom:
    """headroom (used, limit, how many more such VMs fit)"""

    @pytest.mark.parametrize(("fifo", "limit"), [(True, 131071), (False, 4095)])
    def test_of_dom0(self, fifo: bool, limit: int) -> None:
        made = FakeHost(fifo=fifo)
        made.dom0(4)
        for domain in range(1, 11):
            made.guest(domain, 2)
        (row,) = reconcile(read(made.dump())).headroom
        own = 38 if fifo else 42
        assert (row["used"], row["limit"], row["own"]) == (own + 80, limit, own)
        assert (row["vms"], row["ports_for_vms"], row["free"]) == (10, 80, limit - own - 80)
        more = row["more_vms"]
        assert own + 8 * (10 + more) <= limit < own + 8 * (11 + more)

    def test_a_guests_limit_is_the_plans(self) -> None:
        plan = replace(PLAN, guests=(replace(WEB, max_event_channels=100), DESKTOP))
        rows = {row.domain: row for row in reconcile(read(host().dump()), plan).rows}
        assert (rows[1].limit_ports, rows[1].free_ports) == (100, 80)
        assert rows[5].limit_ports == 1023

    def test_without_dom0_it_cannot_be_told(self) -> None:
        made = host()
        del made.domains[0]
        answer = reconcile(read(made.dump()))
        assert answer.headroom == ()
        assert any("dom0 is not in the dump" in n and "hold 39 ports" in n for n in answer.notes)


class TestDumpAlone:
    def test_a_dump_that_contradicts_itself_disagrees(self) -> None:
        assert reconcile(read(host().dump())).disagreements == ()
        made = host()
        del made.domains[1][1]
        answer = reconcile(read(made.dump()))
        assert answer.disagreements == ("domain 0: 1 connected ports without an other end",)
        assert answer.rows[0].lost_ends == 1


class TestOtherFormats:
    """what it cannot show is named; the 4.15–4.18 bug of lsevtchn"""

    def test_interrupts_hide_ioreq_ports_and_an_unused_console(self) -> None:
        lines = [f" {n}: 1 1 1 1 xen-dyn -event x{n}" for n in range(22 - 5)]
        for vcpu in range(4):
            names = [
                f"resched{vcpu}",
                f"callfunc{vcpu}",
                f"callfuncsingle{vcpu}",
                f"spinlock{vcpu}",
            ]
            lines += [f" {100 + 9 * vcpu}: 1 1 1 1 xen-percpu -virq timer{vcpu}"]
            lines += [
                f" {101 + 9 * vcpu + i}: 1 1 1 1 xen-percpu -ipi {name}"
                for i, name in enumerate(names)
            ]
        answer = reconcile(read("\n".join(lines), ProcInterruptsReader()), PLAN)
        (row,) = answer.rows
        assert (row.guest, row.ports, row.expected_ports) == ("desktop", 37, 43)
        assert (row.not_shown_ports, row.unexplained_ports, row.agrees) == (6, 0, True)
        assert answer.disagreements == ()

    def test_a_listing_with_ioreq_ports_without_and_stopped(self) -> None:
        ports = host().domains[5]
        kinds = {
            3: "Interdomain (Connected) - Remote Domain 0, Port 9",
            5: "Virtual IRQ 0",
            6: "IPI",
        }
        lines = [
            (port.consumer, f"{number:4}: VCPU {port.vcpu}: {kinds[port.state]}")
            for number, port in ports.items()
        ]

        def listed(chosen: list[str]) -> Reconciliation:
            return reconcile(read("\n".join(chosen), LsevtchnReader()), PLAN)

        whole = listed([line for _, line in lines])
        assert (whole.disagreements, whole.rows[0].not_shown_ports) == ((), 0)
        without = listed([line for consumer, line in lines if not consumer])
        assert (without.disagreements, without.rows[0].not_shown_ports) == ((), 5)
        first = next(i for i, (consumer, _) in enumerate(lines) if consumer)
        stopped = reconcile(
            read("\n".join(line for _, line in lines[:first]), LsevtchnReader()),
            replace(PLAN, guests=(DESKTOP,)),
        )
        assert stopped.disagreements
        assert any("stopped at its first ioreq port" in note for note in stopped.notes)
