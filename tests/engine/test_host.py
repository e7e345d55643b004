"""A host's life: nothing is lost or counted twice, whatever fails, at any scale."""

import random
from contextlib import suppress

import pytest

from evtplan.abi.errnos import Errno
from evtplan.engine.host import DOMID_SELF, Domain, Host, Virq
from evtplan.engine.hosts.behaviour import Behaviour
from evtplan.engine.hosts.bulk import BulkHost
from evtplan.engine.hosts.heap import Allocation, Heap, NoMemoryError
from evtplan.engine.hosts.ports import PortState, RefusedError
from evtplan.engine.hosts.registration import Policy, register


def fifo_guest(host: Host, pages: int = 1, vcpus: int = 2) -> Domain:
    guest = host.create(1, vcpus=vcpus, max_port=4095)
    for vcpu in range(vcpus):
        guest.frame(100 + vcpu)
        assert host.init_control(guest, vcpu, 100 + vcpu, 0) == 0
    for page in range(pages):
        guest.frame(200 + page)
        assert host.expand_array(guest, 200 + page) == 0
    return guest


class TestPorts:
    def test_the_lowest_free_port_is_given_out(self) -> None:
        host = Host()
        guest = host.create(1)
        made = [host.alloc_unbound(guest, DOMID_SELF, 0) for _ in range(5)]
        assert made == [1, 2, 3, 4, 5]
        assert host.close(guest, 2) == host.close(guest, 4) == 0
        assert [host.alloc_unbound(guest, DOMID_SELF, 0) for _ in range(3)] == [2, 4, 6]

    @pytest.mark.parametrize(
        ("max_port", "fifo", "word_bits", "ports"),
        [(1023, False, 64, 1023), (-1, False, 64, 4095), (-1, False, 32, 1023),
         (1023, True, 64, 1023), (-1, True, 64, 131_071)],
    )  # fmt: skip
    def test_a_domain_has_as_many_as_its_abi_and_limit(
        self, max_port: int, fifo: bool, word_bits: int, ports: int
    ) -> None:
        host = Host()
        guest = host.create(1, max_port=max_port, word_bits=word_bits)
        guest.frame(1)
        if fifo:
            assert host.init_control(guest, 0, 1, 0) == 0
        made = 0
        while (port := host.alloc_unbound(guest, DOMID_SELF, 0)) > 0:
            made += 1
        assert port == -Errno.ENOSPC
        assert made == guest.ports.active == ports
        # 131,071 ports: 2,048 buckets and 4 groups, as the facts count them
        assert host.heap.live[Allocation.BUCKET] == -(-(ports + 1) // 64)
        assert host.heap.live[Allocation.GROUP] == -(-(ports + 1) // (64 * 512))

    def test_both_ends_of_a_channel_know_each_other(self) -> None:
        host = Host()
        one, two = host.create(0), host.create(1)
        port = host.alloc_unbound(two, DOMID_SELF, 0)
        other = host.bind_interdomain(one, 1, port)
        held = one.ports.get(other)
        assert held is not None
        assert (held.state, held.peer, held.peer_port) == (PortState.INTERDOMAIN, two, port)
        assert host.close(two, port) == 0
        assert held.state is PortState.UNBOUND
        assert host.send(one, other) == 0  # dropped

    def test_a_virq_binds_again_once_it_is_closed(self) -> None:
        host = Host()
        guest = host.create(1, vcpus=2)
        port = host.bind_virq(guest, Virq.TIMER, 1)
        assert host.bind_virq(guest, Virq.TIMER, 1) == -Errno.EEXIST
        assert host.close(guest, port) == 0
        assert host.bind_virq(guest, Virq.TIMER, 1) == port

    def test_domids_end_below_the_reserved_ones(self) -> None:
        host = Host()
        with pytest.raises(RefusedError):
            host.create(0x7FF0)


def life(host: Host) -> None:
    """Everything a host allocates for; ends early where a domain cannot be had."""
    host.create(0, max_port=-1, privileged=True)
    guest = host.create(1, vcpus=3, max_port=4095)
    peer = host.domains[0]
    for number in range(130):
        port = host.alloc_unbound(guest, DOMID_SELF, 0)
        if port > 0 and number < 70:
            host.bind_interdomain(peer, 1, port)
    host.bind_pirq(guest, 5)
    for vcpu in range(3):
        guest.frame(10 + vcpu)
        host.init_control(guest, vcpu, 10 + vcpu, 0)
    for page in range(3):
        guest.frame(20 + page)
        host.expand_array(guest, 20 + page)
    host.bind_ipi(guest, 0)
    host.reset(guest, DOMID_SELF)
    guest.frame(30)
    host.init_control(guest, 0, 30, 0)
    host.expand_array(guest, 30)


class TestFailedAllocations:
    """failure injection at any allocation"""

    def allocations(self, behaviour: Behaviour) -> int:
        host = Host(behaviour)
        life(host)
        return host.heap.made

    @pytest.mark.parametrize("release", [404, 423])
    def test_nothing_leaks_wherever_one_fails(self, release: int) -> None:
        behaviour = Behaviour(release)
        total = self.allocations(behaviour)
        assert total > 15
        for number in range(1, total + 1):
            host = Host(behaviour, Heap(failing={number}))
            with suppress(NoMemoryError):  # a domain's first bucket
                life(host)
            for domain in list(host.domains.values()):
                host.destroy(domain)
            alive = {kind: count for kind, count in host.heap.live.items() if count}
            assert alive == {}, number

    def test_a_first_init_control_that_fails_leaves_2_level(self) -> None:
        host = Host(heap=Heap(mappings=0))
        guest = host.create(1, vcpus=4)
        guest.frame(1)
        assert host.init_control(guest, 0, 1, 0) == -Errno.ENOMEM
        assert guest.abi == "2l"
        assert host.expand_array(guest, 1) == -Errno.EOPNOTSUPP
        assert host.heap.live[Allocation.FIFO_VCPU] == 0

    def test_mappings_run_out(self) -> None:
        host = Host(heap=Heap(mappings=4))
        guest = fifo_guest(host, pages=2)
        guest.frame(300)
        assert host.expand_array(guest, 300) == -Errno.ENOMEM
        assert host.heap.mapped == 4

    def test_a_reset_gives_every_page_back(self) -> None:
        host = Host()
        guest = fifo_guest(host, pages=3)
        assert host.heap.mapped == 5
        assert host.reset(guest, DOMID_SELF) == 0
        assert host.heap.mapped == 0
        assert guest.abi == "2l"

    def test_freeing_what_was_never_allocated_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="freed"):
            Heap().give(Allocation.BUCKET)


class TestBulkHost:
    """two implementations sharing the rules, proven equal"""

    @pytest.mark.parametrize("seed", range(6))
    def test_leads_the_reference_life(self, seed: int) -> None:
        choice = random.Random(seed)
        heap = Heap(mappings=6)
        host, bulk = Host(heap=heap), BulkHost(12, buckets=400, pages=400, mappings=6)
        for number in range(4):
            limit = choice.choice([-1, 70, 1023])
            domain = host.create(number, max_port=limit)
            domain.frame(7)
            host.init_control(domain, 0, 7, 0)
            heap.live[Allocation.CONTROL_BLOCK] = 0  # the bulk host maps array pages only
            assert bulk.create(max_port=limit) == number
        for _ in range(300):
            one, two = choice.sample(range(4), 2)
            match choice.choice(["bind", "bind", "close", "expand"]):
                case "bind":
                    pairs = choice.randrange(1, 9)
                    assert bulk.bind_pairs(one, two, pairs) == self.bind(host, one, two, pairs)
                case "close":
                    port = choice.randrange(-1, 140)
                    assert bulk.close(one, port) == host.close(host.domains[one], port)
                case "expand":
                    assert bulk.expand_array(one) == host.expand_array(host.domains[one], 7)
            self.same(host, bulk)

    def bind(self, host: Host, one: int, two: int, pairs: int) -> tuple[int, int]:
        for made in range(pairs):
            port = host.alloc_unbound(host.domains[one], DOMID_SELF, two)
            if port < 0:
                return made, port
            other = host.bind_interdomain(host.domains[two], one, port)
            if other < 0:
                host.close(host.domains[one], port)
                return made, other
        return pairs, 0

    def same(self, host: Host, bulk: BulkHost) -> None:
        assert bulk.buckets == host.heap.live[Allocation.BUCKET]
        assert bulk.groups == host.heap.live[Allocation.GROUP]
        assert bulk.mapped == host.heap.live[Allocation.ARRAY_PAGE]
        for number, domain in host.domains.items():
            assert bulk.active(number) == domain.ports.active
            assert bulk.valid(number) == len(domain.ports)
            for port, held in domain.bound():
                state, peer, far = bulk.state(number, port)
                assert state == held.state
                if held.peer is not None:
                    assert (peer, far) == (held.peer.domid, held.peer_port)

    def test_a_host_runs_into_its_limits(self) -> None:
        bulk = BulkHost(3, buckets=3, pages=2, domids=2)
        assert [bulk.create() for _ in range(3)] == [0, 1, -Errno.ENOSPC]
        assert bulk.bind_pairs(0, 1, 200) == (63, -Errno.ENOMEM)
        assert [bulk.expand_array(0) for _ in range(3)] == [0, 0, -Errno.ENOMEM]

    @pytest.mark.slow
    def test_holds_the_drafts_host(self) -> None:
        """123,361 VMs with 64 channels each: 131,072 pages, half of the draft's 1 GiB"""
        vms, channels = 123_361, 64
        bulk = BulkHost(vms + 80, buckets=500_000, pages=140_000, domids=None)
        backends = [bulk.create(max_port=-1)]
        for _ in range(vms):
            guest = bulk.create()
            made, failed = bulk.bind_pairs(guest, backends[-1], channels)
            if failed:
                backends.append(bulk.create(max_port=-1))
                assert bulk.bind_pairs(guest, backends[-1], channels - made) == (channels - made, 0)
            assert bulk.expand_for(guest) == 0
        assert all(bulk.expand_for(backend) == 0 for backend in backends)
        assert bulk.ends == 2 * vms * channels == 15_790_208
        assert len(backends) == 61
        assert bulk.mapped == 131_072


class TestDraftARegistration:
    """what happens when registering a VCPU fails half way"""

    @pytest.mark.parametrize("failing", range(1, 17))
    @pytest.mark.parametrize("policy", list(Policy))
    def test_every_allocation_may_fail(self, policy: Policy, failing: int) -> None:
        heap = Heap(failing={failing})
        result = register(heap, 8, policy)
        vcpu = (failing + 1) // 2  # each initialisation makes two allocations
        assert heap.live[Allocation.ARRAY_PAGE] == result.pages
        assert heap.live[Allocation.FIFO_VCPU] == result.pages
        assert result.failed == 1
        match policy:
            case Policy.NOTHING:
                assert (result.calls, result.pages, result.online) == (vcpu, vcpu - 1, 0)
            case Policy.ROLL_BACK:
                assert (result.calls, result.pages, result.online) == (2 * vcpu - 1, 0, 0)
            case Policy.BATCH:
                assert (result.calls, result.pages, result.online) == (1, 0, 0)
            case Policy.OFFLINE if vcpu == 1:  # without VCPU 0 there is no guest to go on
                assert (result.calls, result.pages, result.online) == (1, 0, 0)
            case Policy.OFFLINE:
                assert (result.calls, result.pages, result.online) == (8, 7, 7)

    @pytest.mark.parametrize("policy", list(Policy))
    def test_nothing_fails_and_all_are_up(self, policy: Policy) -> None:
        result = register(Heap(), 200, policy)
        assert (result.online, result.pages, result.failed) == (200, 128, 0)

    def test_a_roll_back_that_fails_leaves_pages(self) -> None:
        result = register(Heap(failing={9}), 8, Policy.ROLL_BACK, failing_undo=2)
        assert (result.undone, result.pages, result.online) == (1, 3, 0)

    @pytest.mark.parametrize(("vcpus", "batch"), [(0, None), (1, 0)])
    def test_no_vcpu_is_no_domain(self, vcpus: int, batch: int | None) -> None:
        with pytest.raises(ValueError, match="at least one"):
            register(Heap(), vcpus, Policy.BATCH, batch=batch)
