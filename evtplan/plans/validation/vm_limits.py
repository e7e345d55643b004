"""How many VMs fit: hosts filled until pages, ports or domain IDs run out."""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import product

from evtplan.engine.host import Host
from evtplan.engine.hosts.bulk import BulkHost
from evtplan.engine.hosts.counting import vms_by_pages
from evtplan.engine.hosts.ports import RefusedError
from evtplan.plans.validation.building import HostPlan, build, give_up, room_for
from evtplan.plans.validation.core import Number, Point, Scale, StatedError, Validator

__all__ = ["GRID_WORDS", "VALIDATORS", "grid_points"]

GRID_WORDS = (256, 512, 1024, 4096)
_MOST_EVENTS = 4096
_FILLED = (
    "VMs opened one after another until a page is missing: port by port on a built host, and page "
    "by page over the grid E_P ∈ {256, 512, 1024, 4096}, E_V = 1 … 4096"
)
_PORTS = "VMs opened on backend after backend until none has a port left (ENOSPC)"


# -- pages


@lru_cache(maxsize=4)
def grid_points(scale: Scale) -> tuple[tuple[int, int, int, int], ...]:
    """(P, E_V, E_P, V) as counted page by page, over the grid of the characterisation.

    Every E_V up to 2^12 pages (full: 2^17); powers of two and their neighbours up to 2^24.
    """
    found = []
    far = {1, 2, 3, 64, 100, 1000}
    far |= {edge + step for edge in GRID_WORDS for step in (-1, 0, 1)} - {4097}
    for words in GRID_WORDS:
        for events in range(1, _MOST_EVENTS + 1):
            most = 12 if scale is Scale.SMALL else 17
            if events in far:
                most = 20 if scale is Scale.SMALL else 24
            # Between powers of two as well: there the last page is not full.
            limits = [2**k for k in range(0, most + 1, 4)] + [2**most - 1]
            if events in far:
                limits = [2**k for k in range(most + 1)] + [1000, 3000, 123_457]
            limits = sorted(set(limits))
            for pages, vms in zip(limits, vms_by_pages(limits, events, words), strict=True):
                found.append((pages, events, words, int(vms)))
    return tuple(found)


@lru_cache(maxsize=4)
def _built(scale: Scale) -> tuple[tuple[HostPlan, int], ...]:
    """Hosts filled port by port: the plan, and how many VMs ran."""
    found = []
    for words in (16, *GRID_WORDS):
        events = sorted({1, 3, 15, 16, 17, 64, words - 1, words, words + 1})
        for channels, base, control in product(events, (0, 62), (0, 4)):
            for pages in (1, 2, 40, 129) if scale is Scale.SMALL else (1, 2, 129, 512):
                if channels * pages > 140_000:
                    continue
                plan = HostPlan(channels, words, base, control, pages=pages)
                found.append((plan, build(plan).vms))
    return tuple(found)


def _exact(scale: Scale) -> Iterator[Point]:
    for plan, vms in _built(scale):
        yield Point(
            {
                "pages": plan.pages or 0,
                "events_per_vm": plan.events,
                "words_per_page": plan.words,
                "backend_base_ports": plan.base,
                "control_pages_per_vm": plan.control,
            },
            vms,
        )
    rest = {"backend_base_ports": 0, "control_pages_per_vm": 0}
    for pages, events, words, vms in grid_points(scale):
        inputs = {"pages": pages, "events_per_vm": events, "words_per_page": words}
        yield Point({**inputs, **rest}, vms)
    for base, control in ((62, 0), (5000, 1), (131_071, 8)):
        for events, words in product((1, 20, 64, 1023, 1024), GRID_WORDS):
            limits = [2**k for k in range(18)]
            counted = vms_by_pages(limits, events, words, base=base, control=control)
            for pages, vms in zip(limits, counted, strict=True):
                inputs = {"pages": pages, "events_per_vm": events, "words_per_page": words}
                rest = {"backend_base_ports": base, "control_pages_per_vm": control}
                yield Point({**inputs, **rest}, int(vms))


def _estimate(scale: Scale) -> Iterator[Point]:
    for plan, vms in _built(scale):
        if plan.base == plan.control == 0:
            inputs = {
                "pages": plan.pages or 0,
                "events_per_vm": plan.events,
                "words_per_page": plan.words,
            }
            yield Point(inputs, vms)
    for pages, events, words, vms in grid_points(scale):
        yield Point({"pages": pages, "events_per_vm": events, "words_per_page": words}, vms)


def _overshoot(point: Point) -> Number:
    """At most so far above: a VM while a domU fits a page, and the share that whole pages add."""
    at = point.inputs
    events, words = at["events_per_vm"], at["words_per_page"]
    extra = events // words
    if not extra:
        return 1
    return point.engine * Fraction(extra * words, events + words) + 2


def _per_vcpu(scale: Scale) -> Iterator[Point]:
    for vcpus, dom0, words in product((1, 2, 4), (1, 2, 8), (256, 1024)):
        for events in (1, 20, 64, words - 1):
            limits = [2**k for k in range(18)] + [200_000]
            counted = vms_by_pages(limits, events, words, arrays=vcpus, dom0_arrays=dom0)
            for pages, vms in zip(limits, counted, strict=True):
                inputs = {"pages": pages, "vcpus": vcpus, "dom0_vcpus": dom0}
                inputs |= {"events_per_vm": events, "words_per_page": words}
                yield Point(inputs, int(vms))


def _last_pages(point: Point) -> Number:
    at = point.inputs
    each = at["vcpus"] + Fraction(at["dom0_vcpus"] * at["events_per_vm"], at["words_per_page"])
    return at["dom0_vcpus"] / each + 1


def _second_method(scale: Scale) -> Iterator[Point]:
    """dom0 and D driver domains with arrays of every page they can have; then domUs of one page."""
    for bits, drivers, pages in product((10, 12, 17), (0, 1, 2, 16), (700, 5000)):
        words = 1024 if bits == 17 else 64
        bulk = BulkHost(
            pages + drivers + 2, buckets=2 * pages + 64, pages=pages + 8, mappings=pages,
            domids=None, words_per_page=words, link_bits=bits,
        )  # fmt: skip
        largest = 0
        for _ in range(drivers + 1):
            domain = bulk.create(max_port=1)
            error = 0
            while not error:
                error = bulk.expand_array(domain)
            largest = max(largest, bulk.array_pages(domain))
        if bulk.mapped == pages:
            continue  # nothing is left: the formula's answer is a deficit
        inputs = {"pages": pages, "driver_domains": drivers, "max_array_pages": largest}
        yield Point(inputs, _single_page_domus(bulk))


def _driver_domains(scale: Scale) -> Iterator[Point]:
    for drivers, events, pages in product((0, 1, 3, 16), (1, 1000, 1023, 1024, 4000), (300, 1000)):
        bulk = BulkHost(
            pages + drivers + 2,
            buckets=2 * pages + 64 + drivers * room_for(events),
            pages=pages + 8, mappings=pages, domids=None,
        )  # fmt: skip
        dom0 = bulk.create(max_port=1)
        while bulk.expand_array(dom0) == 0:
            pass
        for _ in range(drivers):
            driver = bulk.create(max_port=-1)
            bulk.alloc_unbound(driver, dom0, events)
            bulk.expand_for(driver)
        inputs = {"pages": pages, "driver_domains": drivers, "words_per_page": 1024}
        inputs |= {"events_per_driver_domain": events, "max_array_pages": bulk.array_pages(dom0)}
        yield Point(inputs, _single_page_domus(bulk))


def _single_page_domus(bulk: BulkHost) -> int:
    """domUs of one port, and so one page, that still fit."""
    vms = 0
    while True:
        guest = bulk.create(max_port=1)
        bulk.alloc_unbound(guest, guest, 1)
        if bulk.expand_for(guest):
            return vms
        vms += 1


def _three_level_pages(scale: Scale) -> Iterator[Point]:
    for pages, each, backends in product((1, 15, 16, 100, 513), (1, 2, 16), (1, 2, 9)):
        bulk = BulkHost(pages + backends + 2, buckets=1200, pages=pages + 1, mappings=pages)
        vms = 0
        for number in range(pages + backends + 1):
            domain = bulk.create(fifo=False, word_bits=64, levels=3, max_port=1)
            if any(bulk.map_page(domain) for _ in range(each)):
                break
            vms += number >= backends
        yield Point({"pages": pages, "array_pages": each, "backends": backends}, vms)


# -- ports


def _by_ports(usable: int, base: int, events: int, backends: int, **abi: int) -> int:
    """VMs whose other ends found room in one of `backends` domains that may use `usable` ports."""
    most = backends * (usable // events + 1) + backends + 2
    bulk = BulkHost(
        most,
        buckets=backends * room_for(usable) + most * room_for(events),
        pages=1,
        domids=None,
    )
    fifo = not abi
    vms = 0
    for _ in range(backends):
        backend = bulk.create(max_port=usable, fifo=fifo, **abi)
        if bulk.alloc_unbound(backend, backend, base) < 0:
            continue
        guest = bulk.create(max_port=events, fifo=fifo, **abi)
        while bulk.bind_pairs(guest, backend, events)[1] == 0:
            vms += 1
            guest = bulk.create(max_port=events, fifo=fifo, **abi)
        give_up(bulk, guest)  # what it could bind before the backend was full
    return vms


def _fifo_ports(scale: Scale) -> Iterator[Point]:
    usable = (1, 63, 1023, 4095) if scale is Scale.SMALL else (63, 1023, 4095, 131_071)
    for ports, base, events, backends in product(usable, (0, 62, 100), (1, 4, 6, 64, 1023), (1, 3)):
        inputs = {"usable_ports": ports, "backend_base_ports": base}
        inputs |= {"events_per_vm": events, "backends": backends}
        yield Point(inputs, _by_ports(ports, base, events, backends))


class _Levels:
    """Backends of the bitmap ABI of so many levels, filled to the last port."""

    def __init__(self, levels: int, sizes: dict[Scale, tuple[int, ...]]) -> None:
        self.levels, self.sizes = levels, sizes

    def __call__(self, scale: Scale) -> Iterator[Point]:
        for bits in self.sizes[scale]:
            channels = _channels_of(bits, self.levels)
            for base, events, backends in product((0, 62, 124), (1, 4, 5, 6, 64), (1, 3)):
                inputs = {"word_bits": bits, "backend_base_ports": base}
                inputs |= {"events_per_vm": events, "backends": backends}
                abi = {"word_bits": bits, "levels": self.levels}
                yield Point(inputs, _by_ports(channels, base, events, backends, **abi))


@lru_cache
def _channels_of(bits: int, levels: int) -> int:
    """Ports that a domain of a bitmap ABI could open, and port 0."""
    bulk = BulkHost(1, buckets=bits**levels // 64 + 2, pages=1)
    domain = bulk.create(max_port=-1, fifo=False, word_bits=bits, levels=levels)
    while bulk.alloc_unbound(domain, domain, 1) > 0:
        pass
    return bulk.active(domain) + 1


def _published(scale: Scale) -> Iterator[Point]:
    for bits, events in product((2, 8, 32, 64), (1, 3, 4, 5, 6, 7, 20)):
        vms = _by_ports(_channels_of(bits, 2), 0, events, 1, word_bits=bits, levels=2)
        yield Point({"word_bits": bits, "events_per_vm": events}, vms)


class _ChannelPoints:
    """Domains of a bitmap ABI that open every port they can."""

    def __init__(self, levels: int, sizes: tuple[int, ...]) -> None:
        self.levels, self.sizes = levels, sizes

    def __call__(self, scale: Scale) -> Iterator[Point]:
        for bits in self.sizes:
            yield Point({"word_bits": bits}, _channels_of(bits, self.levels))


# -- VCPUs and domain IDs


def _vcpus(most_port: int, bits: int, fixed: int, each: int) -> int:
    """VCPUs of a guest that could bind all of their ports, after `fixed` others."""
    host = Host()
    enough = max(most_port, bits * bits) // each + 2
    guest = host.create(1, vcpus=enough, max_port=most_port, word_bits=bits)
    if most_port > bits * bits:  # more than 2-level has: a FIFO guest
        guest.frame(1)
        host.init_control(guest, 0, 1, 0)
    for _ in range(fixed):
        if host.alloc_unbound(guest, 1, 0) < 0:
            return 0
    vcpu = 0
    while all(host.bind_ipi(guest, vcpu) > 0 for _ in range(each)):
        vcpu += 1
    return vcpu


def _two_level_vcpus(scale: Scale) -> Iterator[Point]:
    for bits, fixed, each in product((8, 32, 64), (0, 2, 20, 100), (2, 3, 6, 7)):
        inputs = {"word_bits": bits, "fixed_ports": fixed, "per_vcpu_ports": each}
        yield Point(inputs, _vcpus(-1, bits, fixed, each))


def _two_level_bound(scale: Scale) -> Iterator[Point]:
    for bits, each in product((8, 32, 64), (2, 3, 5, 6, 7)):
        inputs = {"word_bits": bits, "per_vcpu_ports": each}
        yield Point(inputs, _vcpus(-1, bits, 0, each))


def _any_vcpus(scale: Scale) -> Iterator[Point]:
    usable = (1, 5, 63, 1023, 4095) if scale is Scale.SMALL else (63, 1023, 4095, 40_000)
    for ports, fixed, each in product(usable, (0, 2, 20, 100), (2, 5, 6, 7)):
        inputs = {"usable_ports": ports, "fixed_ports": fixed, "per_vcpu_ports": each}
        yield Point(inputs, _vcpus(ports, 64, fixed, each))


def _domids(scale: Scale) -> Iterator[Point]:
    asked = [*product((1, 2, 17, 1000), (1, 2, 16, 200)), (32_752, 16)]
    for ids, backends in asked:
        bulk = BulkHost(ids + 1, buckets=ids + 1, pages=1, domids=ids)
        vms = 0
        while bulk.create(max_port=1) >= 0:
            vms += bulk.count > backends
        yield Point({"domain_ids": ids, "backends": backends}, vms)
    if scale is Scale.SMALL:
        return
    host = Host()  # the readable host, by its own rule
    try:
        while len(host.domains) < 40_000:
            host.create(len(host.domains), max_port=1)
    except RefusedError:
        pass
    yield Point({"domain_ids": len(host.domains), "backends": 1}, len(host.domains) - 1)


_MORE = {Scale.SMALL: (2, 8, 16), Scale.FULL: (2, 8, 32, 64)}

VALIDATORS = (
    Validator("fifo.vm_limit_pages", "How many VMs fit P pages?", _FILLED, _exact),
    Validator(
        "draft_a.vm_limit_estimate",
        "How many VMs fit P pages, by V = P ÷ (1 + E_V/E_P)?",
        _FILLED,
        _estimate,
        StatedError(
            "0 or 1 VM too high where E_V < E_P; from E_V = E_P on, "
            "⌊E_V/E_P⌋·E_P/(E_V + E_P) of V and 2 VMs at most",
            lambda _: 0,
            _overshoot,
        ),
    ),
    Validator(
        "draft_a.vm_limit_per_vcpu",
        "How many VMs would fit with arrays for each VCPU?",
        "an array for each VCPU on either side, page by page",
        _per_vcpu,
        StatedError(
            "never too low; too high by what c_0 last pages of dom0 hold, and 1 VM",
            lambda _: 0,
            _last_pages,
        ),
    ),
    Validator(
        "draft_a.vm_limit_second_method",
        "How many one-page domUs fit beside dom0 and D driver domains of largest arrays?",
        "arrays expanded to ENOSPC, then domUs until ENOMEM",
        _second_method,
        StatedError("none, as long as anything is left", lambda _: 0, lambda _: 0),
    ),
    Validator(
        "draft_a.vm_limit_driver_domains",
        "How many one-page domUs fit beside dom0 and D driver domains of E_D events?",
        "driver domains open their ports and grow their arrays, then domUs until ENOMEM",
        _driver_domains,
        StatedError(
            "never too low; at most one VM too high a driver domain: its last page",
            lambda _: 0,
            lambda point: point.inputs["driver_domains"],
        ),
    ),
    Validator(
        "fifo.vm_limit_backend_ports",
        "How many VMs' other ends fit the backends?",
        _PORTS,
        _fifo_ports,
    ),
    Validator(
        "two_level.channels",
        "How many port numbers has 2-level?",
        "a domain opens ports until ENOSPC",
        _ChannelPoints(2, (2, 3, 5, 8, 16, 31, 32, 64)),
    ),
    Validator(
        "two_level.vm_limit_backend_ports",
        "How many VMs' other ends fit the backends?",
        _PORTS,
        _Levels(2, {Scale.SMALL: (8, 32, 64), Scale.FULL: (8, 32, 64)}),
    ),
    Validator(
        "two_level.vm_limit_published",
        "Are there never more VMs than all ports divided by a VM's?",
        _PORTS,
        _published,
    ),
    Validator(
        "two_level.vcpu_limit",
        "Are there never more VCPUs than all ports divided by a VCPU's?",
        "VCPUs bind IPIs until ENOSPC",
        _two_level_bound,
    ),
    Validator(
        "two_level.vcpu_limit_ports",
        "How many VCPUs' ports fit a guest?",
        "VCPUs bind IPIs until ENOSPC",
        _two_level_vcpus,
    ),
    Validator(
        "three_level.channels",
        "How many port numbers has 3-level?",
        "a domain opens ports until ENOSPC",
        _ChannelPoints(3, (2, 3, 5, 8, 16, 32, 64)),
    ),
    Validator(
        "three_level.vm_limit_pages",
        "How many VMs' bitmaps fit P pages?",
        "each domain maps its bitmap pages, until ENOMEM",
        _three_level_pages,
    ),
    Validator(
        "three_level.vm_limit_backend_ports",
        "How many VMs' other ends fit the backends?",
        _PORTS,
        _Levels(3, _MORE),
    ),
    Validator(
        "limits.vm_limit_domids",
        "How many VMs have a domain ID?",
        "domains created until ENOSPC, the backends first",
        _domids,
    ),
    Validator(
        "limits.vcpu_limit_ports",
        "How many VCPUs' ports fit what a guest may use?",
        "VCPUs bind IPIs until ENOSPC",
        _any_vcpus,
    ),
)
