"""Registrations that fail half way: killed at every possible allocation, and what is left."""

from collections.abc import Collection, Iterator
from itertools import product

from evtplan.engine.host import Domain, Host
from evtplan.engine.hosts.heap import BYTES, Allocation, Heap
from evtplan.engine.hosts.registration import Policy, Registration, register
from evtplan.plans.validation.core import Point, Scale, Validator

__all__ = ["VALIDATORS", "bring_up", "failing_attempts"]

_A_CALL = 2  # allocations of one VCPU's initialisation: its structure, its array page
_KILLED = "draft A's registration, killed at each allocation in turn"


def _sizes(scale: Scale) -> tuple[int, ...]:
    return (1, 2, 3, 8, 16, 64) if scale is Scale.SMALL else (1, 2, 3, 5, 8, 16, 64, 128)


def _batches(vcpus: int) -> tuple[int, ...]:
    return tuple(sorted({1, 2, 3, vcpus, vcpus + 1}))


def _calls(scale: Scale) -> Iterator[Point]:
    for vcpus in (*_sizes(scale), 200):
        for batch in _batches(vcpus):
            made = register(Heap(), vcpus, Policy.BATCH, batch=batch)
            yield Point({"init_vcpus": vcpus, "batch": batch}, made.calls)


def _pages(scale: Scale) -> Iterator[Point]:
    for vcpus in (*_sizes(scale), 127, 128, 129, 200):
        for policy in Policy:
            made = register(Heap(), vcpus, policy)
            yield Point({"init_vcpus": vcpus, "max_array_pages": 128}, made.pages)


def _killed(policy: Policy, scale: Scale) -> Iterator[tuple[int, int, Registration, Heap]]:
    """(VCPU that fails, batch, what came of it, the heap) for every allocation that may fail."""
    for vcpus in _sizes(scale):
        for batch in _batches(vcpus):
            for attempt in range(1, _A_CALL * vcpus + 1):
                heap = Heap(failing={attempt})
                made = register(heap, vcpus, policy, batch=batch)
                yield (attempt - 1) // _A_CALL + 1, batch, made, heap


def _until_failure(scale: Scale) -> Iterator[Point]:
    for vcpu, batch, made, _ in _killed(Policy.NOTHING, scale):
        yield Point({"failing_vcpu": vcpu, "batch": batch}, made.calls)


def _left(scale: Scale) -> Iterator[Point]:
    for vcpu, batch, _, heap in _killed(Policy.NOTHING, scale):
        inputs = {"failing_vcpu": vcpu, "batch": batch}
        yield Point(inputs, heap.live[Allocation.ARRAY_PAGE])
        # Each page left has its VCPU's structure beside it: nothing else may leak.
        yield Point(inputs, heap.live[Allocation.FIFO_VCPU])


def _rolled_back(scale: Scale) -> Iterator[Point]:
    for vcpu, batch, made, _ in _killed(Policy.ROLL_BACK, scale):
        yield Point({"failing_vcpu": vcpu, "batch": batch}, made.calls)


def _undoing(scale: Scale) -> Iterator[Point]:
    """Roll backs that stop after some registrations, at every possible place."""
    for vcpus in (size for size in _sizes(scale) if size <= 32 or scale is Scale.FULL):
        for attempt in range(1, _A_CALL * vcpus + 1):
            vcpu = (attempt - 1) // _A_CALL + 1
            for undone in range(vcpu):
                heap = Heap(failing={attempt})
                register(heap, vcpus, Policy.ROLL_BACK, failing_undo=undone + 1)
                inputs = {"failing_vcpu": vcpu, "undone": undone}
                yield Point(inputs, heap.live[Allocation.ARRAY_PAGE])
            heap = Heap(failing={attempt})
            register(heap, vcpus, Policy.ROLL_BACK)
            inputs = {"failing_vcpu": vcpu, "undone": vcpus}
            yield Point(inputs, heap.live[Allocation.ARRAY_PAGE])


def failing_attempts(vcpus: int, failing: Collection[int], late: bool) -> set[int]:
    """The numbers of the allocations to fail so that these VCPUs (from 0) fail: at their
    structure, or `late`, at their page.
    """
    attempts, number = set(), 0
    for vcpu in range(vcpus):
        number += 1
        if vcpu in failing and not late:
            attempts.add(number)
            continue
        number += 1
        if vcpu in failing:
            attempts.add(number)
    return attempts


def _offline(scale: Scale, *, pages: bool) -> Iterator[Point]:
    for vcpus, late in product(_sizes(scale), (False, True)):
        for failed in range(vcpus):
            # Spread over the VCPUs, never VCPU 0.
            failing = {1 + (7 * k) % (vcpus - 1) for k in range(failed)} if vcpus > 1 else set()
            heap = Heap(failing=failing_attempts(vcpus, failing, late))
            made = register(heap, vcpus, Policy.OFFLINE)
            counted = heap.live[Allocation.ARRAY_PAGE] if pages else made.online
            yield Point({"init_vcpus": vcpus, "failed_vcpus": len(failing)}, counted)
        heap = Heap(failing=set(range(1, _A_CALL * vcpus + 1)))
        made = register(heap, vcpus, Policy.OFFLINE)
        counted = heap.live[Allocation.ARRAY_PAGE] if pages else made.online
        yield Point({"init_vcpus": vcpus, "failed_vcpus": vcpus}, counted)


def _online(scale: Scale) -> Iterator[Point]:
    return _offline(scale, pages=False)


def _offline_pages(scale: Scale) -> Iterator[Point]:
    return _offline(scale, pages=True)


def _short(scale: Scale) -> Iterator[Point]:
    for vcpus in _sizes(scale):
        for pages in range(1, vcpus + 3):
            made = register(Heap(mappings=pages), vcpus, Policy.OFFLINE)
            yield Point({"init_vcpus": vcpus, "pages": pages}, made.online)


def _all_or_none(scale: Scale) -> Iterator[Point]:
    for vcpus, policy in product(_sizes(scale), (Policy.BATCH, Policy.ROLL_BACK)):
        for pages in range(1, vcpus + 3):
            made = register(Heap(mappings=pages), vcpus, policy)
            yield Point({"init_vcpus": vcpus, "pages": pages}, made.online)


# -- the final ABI


def bring_up(host: Host, guest: Domain, pages: int) -> tuple[int, int]:
    """Linux's way: init_control for each VCPU, then expand_array; stops at the first failure.

    Returns the calls made, the failing one included, and 0 or its error.
    """
    calls = 0
    for vcpu in range(guest.vcpus):
        guest.frame(vcpu)
        calls += 1
        error = host.init_control(guest, vcpu, vcpu, 0)
        if error:
            return calls, error
    for page in range(pages):
        guest.frame(10_000 + page)
        calls += 1
        error = host.expand_array(guest, 10_000 + page)
        if error:
            return calls, error
    return calls, 0


def _final_calls(scale: Scale) -> Iterator[Point]:
    for vcpus, pages in product(_sizes(scale), (1, 2, 17, 128)):
        host = Host()
        calls, _ = bring_up(host, host.create(1, vcpus=vcpus), pages)
        yield Point({"init_vcpus": vcpus, "array_pages": pages}, calls)


def _final_killed(scale: Scale) -> Iterator[tuple[int, int, Host]]:
    """(the call that failed, VCPUs, the host) for every allocation that bringing up makes."""
    for vcpus, pages in product((1, 2, 4, 8), (1, 2, 5)):
        whole = Host()
        guest = whole.create(1, vcpus=vcpus)
        before = whole.heap.made
        bring_up(whole, guest, pages)
        for attempt in range(before + 1, whole.heap.made + 1):
            host = Host(heap=Heap(failing={attempt}))
            calls, error = bring_up(host, host.create(1, vcpus=vcpus), pages)
            if error:
                yield calls, vcpus, host


def _final_left(scale: Scale) -> Iterator[Point]:
    for call, _, host in _final_killed(scale):
        yield Point({"failing_call": call}, host.heap.mapped)


def _final_bytes(scale: Scale) -> Iterator[Point]:
    kinds = (Allocation.FIFO_DOMAIN, Allocation.FIFO_VCPU)
    for call, vcpus, host in _final_killed(scale):
        left = sum(BYTES[kind] * host.heap.live[kind] for kind in kinds)
        yield Point({"failing_call": call, "init_vcpus": vcpus}, left)


VALIDATORS = (
    Validator(
        "initialisation.calls",
        "How many calls bring c VCPUs up?",
        "draft A's registration, in batches",
        _calls,
    ),
    Validator(
        "initialisation.pages",
        "How many pages does the domain then have?",
        "draft A's registration under each policy",
        _pages,
    ),
    Validator(
        "initialisation.calls_until_failure",
        "How many calls are made when VCPU j fails?",
        _KILLED,
        _until_failure,
    ),
    Validator(
        "initialisation.pages_left",
        "How many pages and structures are left when the guest does nothing?",
        _KILLED,
        _left,
    ),
    Validator(
        "initialisation.calls_rolled_back",
        "How many calls does it take to roll back?",
        _KILLED + ", then rolled back",
        _rolled_back,
    ),
    Validator(
        "initialisation.pages_left_rolling_back",
        "How many pages are left when undoing stops half way?",
        _KILLED + ", and the roll back stopped after each of its calls",
        _undoing,
    ),
    Validator(
        "initialisation.vcpus_online",
        "How many VCPUs run when those that fail stay offline?",
        "draft A's registration with any number of VCPUs failing, at either allocation",
        _online,
    ),
    Validator(
        "initialisation.pages_left_offline",
        "How many pages stand when those that fail stay offline?",
        "the same; live pages are counted",
        _offline_pages,
    ),
    Validator(
        "initialisation.vcpus_online_short_of_pages",
        "How many VCPUs run when P pages are left, taking the others offline?",
        "pages run out during registration",
        _short,
    ),
    Validator(
        "initialisation.vcpus_online_all_or_none",
        "How many VCPUs run when P pages are left, in a batch or rolling back?",
        "pages run out during registration",
        _all_or_none,
    ),
    Validator(
        "initialisation.fifo_calls",
        "How many hypercalls bring a domain up under the final ABI?",
        "init_control and expand_array, counted",
        _final_calls,
    ),
    Validator(
        "initialisation.fifo_pages_left",
        "How many pages stay mapped when a call fails?",
        "the final ABI's calls, killed at each allocation in turn",
        _final_left,
    ),
    Validator(
        "initialisation.fifo_xenheap_left",
        "How many bytes of FIFO structures stay when a call fails?",
        "the final ABI's calls, killed at each allocation in turn",
        _final_bytes,
    ),
)
