"""What lies in guests' memory: bitmaps, selectors, control blocks, laid out as the texts do."""

from collections.abc import Iterator
from itertools import product

from evtplan.engine.host import DOMID_SELF, Host
from evtplan.engine.hosts.bulk import BulkHost
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
from evtplan.engine.system import Variable
from evtplan.plans.validation.building import room_for
from evtplan.plans.validation.core import Point, Scale, Validator
from evtplan.plans.validation.heap import fifo_guest

__all__ = ["VALIDATORS"]

_LAID_OUT = "the protocol text is laid out in memory; its bits are counted"
_REGISTERED = "a domain registers a control block for each VCPU and grows its array"
_BITS_PER_PAGE = 8 * 4096


def _variables(name: str, **parameters: int) -> dict[str, Variable]:
    system = lower(read_text(name), parameters, properties=False)
    return {variable.name: variable for variable in system.variables}


def _bytes(bits: int) -> int:
    """Whole bytes that so many bits take, filled one after the other."""
    return len(bytes(0 for _ in range(0, bits, 8)))


def _bitmaps(scale: Scale) -> Iterator[Point]:
    for bits in (2, 3, 4, 8, 16, 32, 64) if scale is Scale.FULL else (2, 3, 4, 8, 16, 32):
        found = _variables("two-level", word_bits=bits, words=bits)
        size = sum(_bytes(found[n].cells * found[n].bits) for n in ("pending", "mask"))
        yield Point({"word_bits": bits}, size)


def _state(scale: Scale) -> Iterator[Point]:
    for bits in (3, 8, 16, 32):
        for vcpus in (1, 2, 4, 32) if bits < 32 else (1, 4):
            found = _variables("two-level", word_bits=bits, words=bits, vcpus=vcpus)
            size = sum(_bytes(found[n].cells * found[n].bits) for n in ("pending", "mask"))
            selectors = found["selector"]
            size += sum(_bytes(selectors.bits) for _ in range(selectors.cells))
            yield Point({"word_bits": bits, "vcpus": vcpus}, size)


def _three_level(bits: int) -> dict[str, Variable]:
    return _variables("three-level", word_bits=bits, words=bits, groups=bits)


def _three_level_bitmaps(scale: Scale) -> Iterator[Point]:
    for bits in range(2, 9):
        found = _three_level(bits)
        size = sum(_bytes(found[n].cells * found[n].bits) for n in ("pending", "mask"))
        yield Point({"word_bits": bits}, size)


def _selectors(scale: Scale) -> Iterator[Point]:
    for bits in range(2, 9):
        second = _three_level(bits)["second"]
        inputs = {"word_bits": bits, "vcpus": 1}  # the text has one VCPU
        yield Point(inputs, _bytes(second.cells * second.bits))


def _bitmap_pages(scale: Scale) -> Iterator[Point]:
    """A domain opens every port, and maps pages until each has a bit in both bitmaps."""
    for bits in (2, 8, 16, 31, 32, 33, 63, 64):
        bulk = BulkHost(1, buckets=room_for(bits**3), pages=64)
        domain = bulk.create(max_port=-1, fifo=False, word_bits=bits, levels=3)
        while bulk.alloc_unbound(domain, domain, 1) > 0:
            pass
        for _ in ("pending", "mask"):
            mapped = 0
            while bulk.highest_port(domain) >= mapped * _BITS_PER_PAGE:
                bulk.map_page(domain)
                mapped += 1
        yield Point({"word_bits": bits}, bulk.array_pages(domain))


def _block_bytes(scale: Scale) -> Iterator[Point]:
    """The last place of a page at which Xen takes a block says how long it is."""
    for vcpus in (1, 2, 4, 8, 64):
        host = Host()
        guest = host.create(1, vcpus=vcpus)
        size = 0
        for vcpu in range(vcpus):
            guest.frame(vcpu)
            offset = 4096
            while host.init_control(guest, vcpu, vcpu, offset) != 0:
                offset -= 8
            size += 4096 - offset
        yield Point({"vcpus": vcpus}, size)


def _packed(scale: Scale) -> Iterator[Point]:
    """Blocks further and further apart, a new page where Xen takes no further one in the last."""
    for vcpus, apart in product((1, 2, 55, 56, 57, 64, 112, 113), (72, 80, 256, 4096)):
        host = Host()
        guest = host.create(1, vcpus=vcpus)
        pages, offset = 1, 0
        guest.frame(pages)
        for vcpu in range(vcpus):
            if host.init_control(guest, vcpu, pages, offset) != 0:
                pages, offset = pages + 1, 0
                guest.frame(pages)
                host.init_control(guest, vcpu, pages, offset)
            offset += apart
        yield Point({"vcpus": vcpus}, pages)


def _registered(vcpus: int, port: int) -> Host:
    """A host with one FIFO domain as Linux sets it up, with every port up to `port`."""
    host, guest = fifo_guest(vcpus, most_port=port)
    for vcpu in range(1, vcpus):
        guest.frame(1 + vcpu)
        host.init_control(guest, vcpu, 1 + vcpu, 0)
    while guest.fifo is not None and port >= guest.fifo.words:
        guest.frame(1000 + guest.fifo.words)
        host.expand_array(guest, 1000 + guest.fifo.words)
    while host.alloc_unbound(guest, DOMID_SELF, 0) > 0:
        pass
    return host


_SHAPES = ((1, 1), (1, 1023), (4, 64), (4, 1024), (2, 2047), (64, 3), (3, 4095), (2, 5000))


def _control_pages(scale: Scale) -> Iterator[Point]:
    for vcpus, port in _SHAPES:
        blocks = _registered(vcpus, port).domains[1].fifo
        yield Point({"vcpus": vcpus}, len(blocks.blocks) if blocks else 0)


def _domain_pages(scale: Scale) -> Iterator[Point]:
    for vcpus, port in _SHAPES:
        inputs = {"highest_port": port, "vcpus": vcpus, "words_per_page": 1024}
        yield Point(inputs, _registered(vcpus, port).heap.mapped)
    for vcpus, port, words in ((1, 3, 4), (2, 4, 4), (3, 1000, 256), (4, 4096, 4096)):
        bulk = BulkHost(1, buckets=room_for(port), pages=port, words_per_page=words)
        domain = bulk.create(max_port=port)
        bulk.alloc_unbound(domain, domain, port)
        bulk.expand_for(domain)
        for _ in range(vcpus):
            bulk.init_control(domain)
        yield Point({"highest_port": port, "vcpus": vcpus, "words_per_page": words}, bulk.mapped)


def _guest_bytes(scale: Scale) -> Iterator[Point]:
    for size in (4096, 16_384, 65_536):
        for vcpus, port in _SHAPES:
            frames = _registered(vcpus, port).domains[1].frames
            inputs = {"highest_port": port, "vcpus": vcpus, "words_per_page": 1024}
            given = sum(len(bytearray(size)) for _ in frames)
            yield Point({**inputs, "guest_page_bytes": size}, given)


VALIDATORS = (
    Validator("two_level.bitmap_bytes", "How many bytes have both bitmaps?", _LAID_OUT, _bitmaps),
    Validator(
        "two_level.state_bytes", "How many bytes with each VCPU's selector?", _LAID_OUT, _state
    ),
    Validator(
        "three_level.bitmap_bytes",
        "How many bytes have both bitmaps?",
        _LAID_OUT,
        _three_level_bitmaps,
    ),
    Validator(
        "three_level.bitmap_pages",
        "How many pages have both bitmaps?",
        "a domain opens every port and maps pages until each has a bit in both",
        _bitmap_pages,
    ),
    Validator(
        "three_level.selector_bytes",
        "How many bytes have the second-level selectors?",
        _LAID_OUT,
        _selectors,
    ),
    Validator(
        "fifo.control_block_bytes",
        "How many bytes have a domain's control blocks?",
        "init_control at ever lower offsets of a page, until Xen takes the block",
        _block_bytes,
    ),
    Validator(
        "fifo.packed_control_pages",
        "How few pages can hold the control blocks of c VCPUs?",
        "blocks are registered side by side and apart; a new page where Xen refuses one",
        _packed,
    ),
    Validator(
        "fifo.control_pages",
        "How many control block pages are mapped for c VCPUs?",
        _REGISTERED,
        _control_pages,
    ),
    Validator(
        "fifo.domain_pages",
        "How many pages of a domain does Xen map?",
        _REGISTERED,
        _domain_pages,
    ),
    Validator(
        "fifo.guest_bytes",
        "How much memory does the guest give for it?",
        _REGISTERED + "; the frames it gave are counted",
        _guest_bytes,
    ),
)
