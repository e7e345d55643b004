"""A host of millions of ports: the rules of `host.py` over arrays, compiled.

It holds what planning counts: domains, buckets, ports bound in pairs, event array pages really
allocated, mappings. It has no event delivery. Tests run the same life on both hosts and hold them
equal: every returned number, every count.
"""

from typing import Any

import numpy as np
from numba import njit

from evtplan.abi.errnos import Errno
from evtplan.engine.host import DOMID_FIRST_RESERVED, LINK_BITS, WORDS_PER_PAGE
from evtplan.engine.hosts.ports import BUCKETS_PER_GROUP, PortState
from evtplan.errors import ValueOutOfRangeError

__all__ = ["BulkHost"]

_FREE, _RESERVED = int(PortState.FREE), int(PortState.RESERVED)
_UNBOUND, _INTERDOMAIN = int(PortState.UNBOUND), int(PortState.INTERDOMAIN)
_ENOSPC, _ENOMEM, _EINVAL = -int(Errno.ENOSPC), -int(Errno.ENOMEM), -int(Errno.EINVAL)
_ESRCH = -int(Errno.ESRCH)
_BUCKET = 64
MASKED_WORD = np.uint32(1 << 30)  # what Linux fills a new page with

# Columns of the table of domains.
_HIGHEST, _ABI_PORTS, _VALID, _LOWEST, _ACTIVE, _TABLE, _ROOM, _GROUPS, _PAGES, _CONTROL = range(10)
_COLUMNS = 10
# Counters of the host.
_BUCKETS, _GROUP_PAGES, _ARRAY_PAGES, _NEXT_ROOM, _BUCKET_LIMIT, _BLOCKS = range(6)


@njit(cache=True)
def _index(domains: Any, table: Any, d: int, port: int) -> int:
    """The place of a port in the pools."""
    place: int = table[domains[d, _TABLE] + port // _BUCKET] * _BUCKET + port % _BUCKET
    return place


@njit(cache=True)
def _add_bucket(domains: Any, table: Any, counts: Any, d: int) -> int:
    """One more bucket; 0, or −ENOMEM where the pool is used up."""
    number = domains[d, _VALID] // _BUCKET
    needs_group = number > 0 and number // BUCKETS_PER_GROUP >= domains[d, _GROUPS]
    if counts[_BUCKETS] + 1 > counts[_BUCKET_LIMIT] or number >= domains[d, _ROOM]:
        return _ENOMEM
    if needs_group:
        domains[d, _GROUPS] += 1
        counts[_GROUP_PAGES] += 1
    table[domains[d, _TABLE] + number] = counts[_BUCKETS]
    counts[_BUCKETS] += 1
    domains[d, _VALID] += _BUCKET
    return 0


@njit(cache=True)
def _allocate(domains: Any, table: Any, counts: Any, state: Any, d: int) -> int:
    """get_free_port(): the lowest free port, or a negative error."""
    port: int = domains[d, _LOWEST]
    while True:
        if port > domains[d, _HIGHEST] or port >= domains[d, _ABI_PORTS]:
            return _ENOSPC
        if port >= domains[d, _VALID]:
            failed = _add_bucket(domains, table, counts, d)
            if failed != 0:
                return failed
        if state[_index(domains, table, d, port)] == _FREE:
            domains[d, _ACTIVE] += 1
            domains[d, _LOWEST] = port
            return port
        port += 1


@njit(cache=True)
def _free_port(domains: Any, table: Any, state: Any, vcpu: Any, d: int, port: int) -> None:
    place = _index(domains, table, d, port)
    state[place] = _FREE
    vcpu[place] = 0
    domains[d, _ACTIVE] -= 1
    domains[d, _LOWEST] = min(domains[d, _LOWEST], port)


@njit(cache=True)
def _bind_pairs(
    domains: Any, table: Any, counts: Any, state: Any, vcpu: Any, peer: Any, far: Any,
    d: int, other: int, count: int, out: Any,
) -> int:  # fmt: skip
    """`count` times alloc_unbound by d and bind_interdomain by `other`; pairs made.

    Stops at the first failure, whose number is left in `out[0]`; as in reality a bind that fails
    leaves d's port unbound, which is then closed.
    """
    for made in range(count):
        port = _allocate(domains, table, counts, state, d)
        if port < 0:
            out[0] = port
            return made
        here = _index(domains, table, d, port)
        state[here] = _UNBOUND
        peer[here] = other
        there_port = _allocate(domains, table, counts, state, other)
        if there_port < 0:
            _free_port(domains, table, state, vcpu, d, port)
            out[0] = there_port
            return made
        there = _index(domains, table, other, there_port)
        state[here] = _INTERDOMAIN
        state[there] = _INTERDOMAIN
        peer[there] = d
        far[here] = there_port
        far[there] = port
    out[0] = 0
    return count


@njit(cache=True)
def _alloc_unbound(
    domains: Any, table: Any, counts: Any, state: Any, peer: Any, d: int, remote: int, count: int
) -> int:
    """`count` times alloc_unbound: the ports made, or the negative error of the first failure."""
    for _ in range(count):
        port = _allocate(domains, table, counts, state, d)
        if port < 0:
            return port
        place = _index(domains, table, d, port)
        state[place] = _UNBOUND
        peer[place] = remote
    return count


@njit(cache=True)
def _close(
    domains: Any, table: Any, state: Any, vcpu: Any, peer: Any, far: Any, d: int, port: int
) -> int:
    if port < 0 or port >= domains[d, _VALID]:
        return _EINVAL
    place = _index(domains, table, d, port)
    if state[place] <= _RESERVED:
        return _EINVAL
    if state[place] == _INTERDOMAIN:
        there = _index(domains, table, peer[place], far[place])
        state[there] = _UNBOUND
        peer[there] = d
    _free_port(domains, table, state, vcpu, d, port)
    return 0


class BulkHost:
    """A host for up to `domains` domains. `mappings` bounds mapped pages, `domids` domain numbers.

    Room is reserved as the address space of arrays; memory is taken when it is used. `buckets` is
    the most buckets of 64 ports, `pages` the most event array pages there can be.

    `words_per_page` and `link_bits` other than 1024 and 17 make a hypothetical host: one of larger
    pages, or one whose event words can link more ports than any ABI's.
    """

    def __init__(
        self,
        domains: int,
        *,
        buckets: int,
        pages: int,
        mappings: int | None = None,
        domids: int | None = DOMID_FIRST_RESERVED,
        words_per_page: int = WORDS_PER_PAGE,
        link_bits: int = LINK_BITS,
    ) -> None:
        for name, value in (("domains", domains), ("buckets", buckets), ("pages", pages)):
            if not 1 <= value <= 1 << 31:
                raise ValueOutOfRangeError(name, value, "from 1 to 2147483648")
        self.most_domains = domains if domids is None else min(domains, domids)
        self.mappings = mappings
        self.words_per_page = words_per_page
        self.fifo_ports = 1 << link_bits
        self.count = 0
        self._domains = np.zeros((domains, _COLUMNS), dtype=np.int64)
        self._table = np.zeros(0, dtype=np.int32)
        self._counts = np.zeros(6, dtype=np.int64)
        self._counts[_BUCKET_LIMIT] = buckets
        ports = buckets * _BUCKET
        self._state = np.zeros(ports, dtype=np.uint8)
        self._vcpu = np.zeros(ports, dtype=np.uint16)
        self._peer = np.zeros(ports, dtype=np.int32)
        self._far = np.zeros(ports, dtype=np.int32)
        self._pages = np.zeros((pages, words_per_page), dtype=np.uint32)
        self._out = np.zeros(1, dtype=np.int64)

    # -- domains

    def create(
        self, *, max_port: int = 1023, fifo: bool = True, word_bits: int = 64, levels: int = 2
    ) -> int:
        """A new domain: its number, or −ENOSPC without a domid left, −ENOMEM without a bucket.

        Without `fifo` it has the bitmap ABI of `levels` levels of words of `word_bits` bits.
        """
        if self.count >= self.most_domains:
            return _ENOSPC
        d = self.count
        abi_ports = self.fifo_ports if fifo else word_bits**levels
        highest = (1 << 31) - 1 if max_port < 0 else max_port
        row = self._domains[d]
        row[_HIGHEST], row[_ABI_PORTS] = highest, abi_ports
        row[_TABLE], row[_ROOM] = self._room(min(highest, abi_ports - 1) // _BUCKET + 1)
        failed = _add_bucket(self._domains, self._table, self._counts, d)
        if failed:
            return int(failed)
        self._state[_index(self._domains, self._table, d, 0)] = _RESERVED
        self.count += 1
        return d

    @property
    def room(self) -> int:
        """Domains for which there is room, whatever domain IDs there are."""
        return len(self._domains)

    def _room(self, entries: int) -> tuple[int, int]:
        first = int(self._counts[_NEXT_ROOM])
        needed = first + entries
        if needed > len(self._table):
            grown = np.zeros(max(needed, 2 * len(self._table), 1 << 16), dtype=np.int32)
            grown[: len(self._table)] = self._table
            self._table = grown
        self._counts[_NEXT_ROOM] = needed
        return first, entries

    def set_max_port(self, domain: int, max_port: int) -> None:
        """XEN_DOMCTL_set_max_evtchn: the domain may use ports up to `max_port` from now on."""
        row = self._domains[domain]
        first, used = int(row[_TABLE]), int(row[_VALID]) // _BUCKET
        row[_HIGHEST] = (1 << 31) - 1 if max_port < 0 else max_port
        entries = max(min(row[_HIGHEST], row[_ABI_PORTS] - 1) // _BUCKET + 1, used)
        row[_TABLE], row[_ROOM] = self._room(int(entries))
        place = int(row[_TABLE])
        self._table[place : place + used] = self._table[first : first + used]

    # -- ports

    def bind_pairs(self, domain: int, other: int, count: int) -> tuple[int, int]:
        """Open `count` channels between two domains: pairs made, and 0 or the error at the end."""
        made = _bind_pairs(
            self._domains, self._table, self._counts, self._state, self._vcpu, self._peer,
            self._far, domain, other, count, self._out,
        )  # fmt: skip
        return int(made), int(self._out[0])

    def alloc_unbound(self, domain: int, remote: int, count: int) -> int:
        """Open `count` ports of `domain` that `remote` may bind to: `count`, or an error."""
        return int(
            _alloc_unbound(
                self._domains, self._table, self._counts, self._state, self._peer, domain, remote,
                count,
            )
        )  # fmt: skip

    def close(self, domain: int, port: int) -> int:
        """EVTCHNOP_close: 0 or −EINVAL."""
        return int(
            _close(
                self._domains, self._table, self._state, self._vcpu, self._peer, self._far, domain,
                port,
            )
        )  # fmt: skip

    def expand_array(self, domain: int) -> int:
        """One more page of event words, really there, filled as by Linux: 0, or an error.

        −ENOSPC where every port of the ABI has a word already.
        """
        row = self._domains[domain]
        if row[_PAGES] * self.words_per_page >= row[_ABI_PORTS]:
            return _ENOSPC
        return self.map_page(domain)

    def map_page(self, domain: int) -> int:
        """Map one more page of a domain's event state, whatever its ABI calls it: 0, −ENOMEM."""
        if self._is_full or self._counts[_ARRAY_PAGES] >= len(self._pages):
            return _ENOMEM
        self._pages[self._counts[_ARRAY_PAGES]] = MASKED_WORD
        self._domains[domain, _PAGES] += 1
        self._counts[_ARRAY_PAGES] += 1
        return 0

    def init_control(self, domain: int) -> int:
        """Map one more control block of a domain: 0, or −ENOMEM."""
        if self._is_full:
            return _ENOMEM
        self._domains[domain, _CONTROL] += 1
        self._counts[_BLOCKS] += 1
        return 0

    @property
    def _is_full(self) -> bool:
        return self.mappings is not None and self.mapped >= self.mappings

    def expand_for(self, domain: int) -> int:
        """Add pages until every bound port has a word, as Linux does: 0, or an error."""
        while self.highest_port(domain) >= self.array_pages(domain) * self.words_per_page:
            failed = self.expand_array(domain)
            if failed:
                return failed
        return 0

    # -- counts

    @property
    def mapped(self) -> int:
        """Slots of the global mapping space in use: array pages and control blocks."""
        return int(self._counts[_ARRAY_PAGES] + self._counts[_BLOCKS])

    @property
    def buckets(self) -> int:
        """Buckets of struct evtchn, a heap page each."""
        return int(self._counts[_BUCKETS])

    @property
    def groups(self) -> int:
        """Pages of bucket pointers."""
        return int(self._counts[_GROUP_PAGES])

    def array_pages(self, domain: int) -> int:
        """Event array pages of a domain."""
        return int(self._domains[domain, _PAGES])

    def control_blocks(self, domain: int) -> int:
        """Mapped control blocks of a domain."""
        return int(self._domains[domain, _CONTROL])

    @property
    def array_bytes(self) -> int:
        """Bytes of the event words that are there."""
        return int(self._pages[: self._counts[_ARRAY_PAGES]].nbytes)

    def active(self, domain: int) -> int:
        """Ports of a domain that are not free; port 0 is not counted."""
        return int(self._domains[domain, _ACTIVE])

    def valid(self, domain: int) -> int:
        """Ports in a domain's buckets: valid_evtchns."""
        return int(self._domains[domain, _VALID])

    def highest_port(self, domain: int) -> int:
        """The highest port of a domain that is not free; 0 where all are."""
        valid = self.valid(domain)
        for bucket in range(valid // _BUCKET - 1, -1, -1):
            first = _index(self._domains, self._table, domain, bucket * _BUCKET)
            used = np.flatnonzero(self._state[first : first + _BUCKET] > _RESERVED)
            if len(used):
                return int(bucket * _BUCKET + used[-1])
        return 0

    def state(self, domain: int, port: int) -> tuple[int, int, int]:
        """A port's state, and of an interdomain one the other end: domain and port."""
        place = _index(self._domains, self._table, domain, port)
        return int(self._state[place]), int(self._peer[place]), int(self._far[place])

    @property
    def ends(self) -> int:
        """Ports of all domains that are not free; their ports 0 are not counted."""
        return int(self._domains[: self.count, _ACTIVE].sum())
