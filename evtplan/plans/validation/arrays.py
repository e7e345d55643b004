"""Event arrays, grown page by page: a domain's, both sides', draft A's bounds on them."""

import struct
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from evtplan.engine.host import DOMID_SELF, Host
from evtplan.engine.hosts.bulk import BulkHost
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
from evtplan.plans.validation.building import Built, HostPlan, build, grown_pages, room_for
from evtplan.plans.validation.core import Point, Scale, StatedError, Validator

__all__ = ["VALIDATORS"]

_PAIRED = "hosts of V domUs and a backend built by hypercalls, pages added until each port has one"


@lru_cache(maxsize=4096)
def _built(vms: int, events: int, words: int, base: int) -> Built:
    return build(HostPlan(events, words=words, base=base, vms=vms))


def _paired(scale: Scale) -> Iterator[tuple[int, int, int, int]]:
    """(V, E_V, R, E_P) around every edge where one more page begins."""
    bases = (0, 62, 1023)
    for words in (16, 256, 1024):
        events = (1, words // 4, words - 1, words, words + 1, 2 * words)
        yield from product((0, 1, 2, 3, 17, 64), events, bases, (words,))
    if scale is Scale.FULL:
        yield from product((1000, 4095), (4, 20, 64, 1023, 1024), bases, (512, 1024, 4096))


class _BuiltPoints:
    """Points that read one count of the built hosts."""

    def __init__(self, count: str, *, base: bool = True, only: str = "") -> None:
        self.count, self.base, self.only = count, base, only

    def __call__(self, scale: Scale) -> Iterator[Point]:
        for vms, events, base, words in _paired(scale):
            if (not self.base and base) or (vms == 0 and not self.base):
                continue
            if self.only == "fits" and events >= words:
                continue
            inputs = {"vms": vms}
            if self.only != "vms" and self.only != "fits":
                inputs |= {"events_per_vm": events, "words_per_page": words}
                if self.base:
                    inputs["backend_base_ports"] = base
            built = _built(vms, events, words, base)
            yield Point(inputs, getattr(built, self.count))


def _domu(scale: Scale) -> Iterator[Point]:
    for vms, events, base, words in _paired(scale):
        if base == 0:
            inputs = {"vms": vms, "events_per_vm": events, "words_per_page": words}
            yield Point(inputs, _built(vms, events, words, 0).domu_pages)


def _own(scale: Scale) -> Iterator[Point]:
    """One domain that opens a port at a time and adds a page when the port has no word."""
    most = {16: 600, 256: 3000, 1024: 5000 if scale is Scale.SMALL else 131_071}
    for words, last in most.items():
        bulk = BulkHost(1, buckets=room_for(last), pages=last // words + 2, words_per_page=words)
        domain = bulk.create(max_port=-1)
        bulk.expand_for(domain)
        yield Point({"highest_port": 0, "words_per_page": words}, bulk.array_pages(domain))
        for port in range(1, last + 1):
            bulk.alloc_unbound(domain, domain, 1)
            bulk.expand_for(domain)
            inputs = {"highest_port": port, "words_per_page": words}
            yield Point(inputs, bulk.array_pages(domain))


def _largest(scale: Scale) -> Iterator[Point]:
    for bits in range(1, 18):
        for words in (3, 16, 256, 1000, 1024, 4096):
            pages = (1 << bits) // words + 2
            bulk = BulkHost(1, buckets=2, pages=pages, words_per_page=words, link_bits=bits)
            domain = bulk.create(max_port=1)
            while bulk.expand_array(domain) == 0:
                pass
            inputs = {"channels": 1 << bits, "words_per_page": words}
            yield Point(inputs, bulk.array_pages(domain))


def _link_ports(bits: int) -> int:
    """Port numbers that the FIFO text's LINK field of `bits` bits can hold, 0 among them.

    The text is laid out for more and more ports until the field needs another bit.
    """
    text = read_text("fifo")

    def fits(ports: int) -> bool:
        system = lower(text, {"ports": ports, "host": 1, "raisers": 0}, properties=False)
        layout = next(v.layout for v in system.variables if v.name == "E")
        assert layout is not None
        return next(f.bits for f in layout.fields if f.name == "link") <= bits

    ports = 1
    while fits(2 * ports):
        ports *= 2
    step = ports
    while step:
        if fits(ports + step):
            ports += step
        step //= 2
    return ports + 1


def _channels(scale: Scale) -> Iterator[Point]:
    for bits in range(1, 9 if scale is Scale.SMALL else 13):
        yield Point({"link_bits": bits}, _link_ports(bits))
    host = Host()
    guest = host.create(1, max_port=-1)
    guest.frame(1)
    host.init_control(guest, 0, 1, 0)
    while host.alloc_unbound(guest, DOMID_SELF, 0) > 0:
        pass
    yield Point({"link_bits": 17}, len(guest.ports))


def _words(scale: Scale) -> Iterator[Point]:
    for size in (*range(4, 140), 4096, 16384, 65536):
        page, written = bytearray(size), 0
        while True:
            try:
                struct.pack_into("<I", page, 4 * written, 1 << 30)  # MASKED
            except struct.error:
                break
            written += 1
        yield Point({"page_bytes": size}, written)


def _usable(scale: Scale) -> Iterator[Point]:
    for channels in (1, 2, 3, 63, 64, 65, 1024, 4096, 32768, 131072):
        bulk = BulkHost(1, buckets=room_for(channels), pages=1)
        domain = bulk.create(max_port=channels - 1)
        bulk.alloc_unbound(domain, domain, channels)  # one more than it can
        yield Point({"channels": channels}, bulk.active(domain))


def _limited(scale: Scale) -> Iterator[Point]:
    """Ports opened until ENOSPC, whichever of the two limits says so."""
    for channels, most in product((64, 1024, 4096, 1 << 17), (0, 1, 63, 64, 1023, 4095, 4096)):
        bulk = BulkHost(1, buckets=room_for(most), pages=1)
        if channels < 1 << 17:
            bits = round(channels**0.5)
            domain = bulk.create(max_port=most, fifo=False, word_bits=bits)
        else:
            domain = bulk.create(max_port=most)
        bulk.alloc_unbound(domain, domain, most + 1)  # one more than it may
        yield Point({"max_event_channels": most, "channels": channels}, bulk.active(domain))


def _per_vcpu(scale: Scale) -> Iterator[Point]:
    for words, vcpus in product((16, 256, 1024), (1, 2, 5, 8)):
        for port in (0, 1, words - 1, words, 3 * words + 1):
            inputs = {"highest_port": port, "vcpus": vcpus, "words_per_page": words}
            yield Point(inputs, grown_pages(port, words, vcpus)[0])


def _per_vcpu_bytes(scale: Scale) -> Iterator[Point]:
    for bits, vcpus in product((4, 8, 10, 13), (1, 2, 5, 8)):
        channels = 1 << bits
        # A page that holds a whole number of times: the bytes are those of the words alone.
        yield Point({"channels": channels, "vcpus": vcpus}, grown_pages(channels - 1, 16, vcpus)[1])


def _estimated(scale: Scale) -> Iterator[Point]:
    for vms, events, base, words in _paired(scale):
        if base == 0:
            inputs = {"vms": vms, "events_per_vm": events, "words_per_page": words}
            yield Point(inputs, _built(vms, events, words, 0).array_pages)


def _missed_pages(point: Point) -> int:
    """Pages that the estimate may be short of: dom0's last, and what no domU shares."""
    at = point.inputs
    return -1 - at["vms"] * (at["events_per_vm"] // at["words_per_page"])


VALIDATORS = (
    Validator(
        "fifo.channels",
        "How many port numbers does a LINK field of l bits hold?",
        "the FIFO text is laid out for ever more ports; at 17 bits a domain opens every port",
        _channels,
    ),
    Validator(
        "fifo.words_per_page",
        "How many event words fit a page?",
        "words are written one behind the other until one does not fit",
        _words,
    ),
    Validator(
        "fifo.usable_ports",
        "How many ports can a domain bind?",
        "ports are opened until ENOSPC",
        _usable,
    ),
    Validator(
        "limits.allowed_ports",
        "How many ports can a domain bind that is limited?",
        "ports are opened until ENOSPC, under the ABI's limit and the domain's own",
        _limited,
    ),
    Validator(
        "fifo.event_array_pages",
        "How many pages has the event array of a domain whose highest port is p?",
        "ports opened one by one, a page added when a port has no word",
        _own,
    ),
    Validator("fifo.domu_array_pages", "How many pages have V domUs?", _PAIRED, _domu),
    Validator(
        "fifo.backend_array_pages",
        "How many pages do the other ends fill?",
        _PAIRED,
        _BuiltPoints("backend_pages"),
    ),
    Validator(
        "fifo.total_array_pages",
        "How many pages do both sides take?",
        _PAIRED,
        _BuiltPoints("array_pages"),
    ),
    Validator(
        "draft_a.total_array_pages_estimate",
        "How many pages do both sides take, by the draft's reckoning?",
        _PAIRED,
        _estimated,
        StatedError(
            "0 or 1 page too low where E_V < E_P; beyond, also V·⌊E_V/E_P⌋ too low",
            _missed_pages,
            lambda _: 0,
        ),
    ),
    Validator(
        "draft_a.total_array_pages_bound",
        "Do two pages a VM always suffice (E_V < E_P)?",
        _PAIRED,
        _BuiltPoints("array_pages", base=False, only="fits"),
    ),
    Validator(
        "draft_a.total_array_pages_lower_bound",
        "Can it be fewer than a page a VM and one?",
        _PAIRED,
        _BuiltPoints("array_pages", only="vms"),
    ),
    Validator(
        "draft_a.total_array_pages_if_packed",
        "Would packing domUs' words into shared pages need no more pages?",
        _PAIRED,
        _BuiltPoints("array_pages"),
    ),
    Validator(
        "draft_a.max_array_pages",
        "How many pages can an array grow to?",
        "expand_array until ENOSPC",
        _largest,
    ),
    Validator(
        "draft_a.per_vcpu_array_pages",
        "How many pages would arrays for each VCPU take?",
        "an array grown for each VCPU",
        _per_vcpu,
    ),
    Validator(
        "draft_a.per_vcpu_array_bytes",
        "How many bytes of event words would arrays for each VCPU take?",
        "an array grown for each VCPU, to every port",
        _per_vcpu_bytes,
    ),
)
