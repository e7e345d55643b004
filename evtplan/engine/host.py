"""A host's life: domains, their ports, and the event-channel hypercalls with their error numbers.

This is the readable reference: one Python object a port. It answers as xen/common/event_channel.c
and event_fifo.c do. Every hypercall returns what the guest gets: a number (a new port, or 0), or a
negative error number. What a raise does to event words, queues and bitmaps is not written here: it
is executed from the protocol texts by `events.py`, in domains that have event memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from evtplan.abi.errnos import Errno
from evtplan.engine.hosts.behaviour import NEWEST, Behaviour
from evtplan.engine.hosts.heap import Allocation, Heap, NoMemoryError
from evtplan.engine.hosts.ports import Port, PortState, PortTable, RefusedError

if TYPE_CHECKING:
    from evtplan.engine.hosts.events import Events

__all__ = [
    "DOMID_FIRST_RESERVED",
    "DOMID_SELF",
    "FIFO_PORTS",
    "MAX_ARRAY_PAGES",
    "WORDS_PER_PAGE",
    "Domain",
    "Fifo",
    "Frame",
    "Host",
    "Virq",
]

DOMID_SELF = 0x7FF0
DOMID_FIRST_RESERVED = 0x7FF0
FIFO_PORTS = 1 << 17
WORDS_PER_PAGE = 1024
MAX_ARRAY_PAGES = FIFO_PORTS // WORDS_PER_PAGE
LINK_BITS = 17
DEFAULT_PRIORITY = 7
PRIORITIES = 16
PAGE_BYTES = 4096
CONTROL_BLOCK_BYTES = 72
INT_MAX = (1 << 31) - 1


class Virq:
    """Virtual interrupts: xen/include/public/xen.h."""

    TIMER, DEBUG, CONSOLE, DOM_EXC, TBUF = range(5)
    XENOPROF, ARGO, XENPMU, ARCH_0 = 7, 11, 13, 16
    COUNT = 24

    PER_VCPU = frozenset({TIMER, DEBUG, XENOPROF, XENPMU})
    # Not the hardware domain's alone. On x86 only ARCH_0 (MCA) of the eight is.
    PER_DOMAIN = frozenset({ARGO, *range(ARCH_0 + 1, COUNT)})


@dataclass(frozen=True, slots=True)
class Frame:
    """A guest page frame; one that is not `writable` cannot be shared with Xen."""

    gfn: int
    writable: bool = True


@dataclass(slots=True)
class Fifo:
    """struct evtchn_fifo_domain: mapped array pages, and control blocks by VCPU (frame, offset)."""

    pages: list[Frame] = field(default_factory=list)
    blocks: dict[int, tuple[Frame, int]] = field(default_factory=dict)
    vcpus: set[int] = field(default_factory=set)  # whose struct evtchn_fifo_vcpu is allocated

    @property
    def words(self) -> int:
        """num_evtchns: event words that Xen can reach."""
        return len(self.pages) * WORDS_PER_PAGE


@dataclass(slots=True, eq=False)
class Domain:
    """A domain. `max_port` is the highest port number it may have (max_evtchn_port), −1 for no
    limit of its own; `word_bits` decides the ports of its 2-level ABI; `pirqs` is nr_pirqs.

    `privileged` domains may act on others; the `hardware` domain handles global VIRQs.
    """

    domid: int
    heap: Heap
    behaviour: Behaviour
    vcpus: int = 1
    max_port: int = INT_MAX
    word_bits: int = 64
    pirqs: int = 16
    privileged: bool = False
    hardware: bool = False
    ports: PortTable = field(init=False)
    fifo: Fifo | None = None
    frames: dict[int, Frame] = field(default_factory=dict)
    virqs: dict[tuple[int, int], int] = field(default_factory=dict)  # (virq, vcpu) -> port
    pirq_ports: dict[int, int] = field(default_factory=dict)
    xen_ports: int = 0
    polling: dict[int, int] = field(default_factory=dict)  # vcpu -> port, -1 for several
    unblocked: list[int] = field(default_factory=list)
    events: "Events | None" = None
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        highest = INT_MAX if self.max_port < 0 else min(self.max_port, INT_MAX)
        self.ports = PortTable(self.heap, highest, self.behaviour.evtchns_per_bucket)

    @property
    def abi(self) -> str:
        """The ABI in force: 2l or fifo."""
        return "2l" if self.fifo is None else "fifo"

    @property
    def abi_ports(self) -> int:
        """max_evtchns(): port numbers of the ABI in force."""
        return self.word_bits * self.word_bits if self.fifo is None else FIFO_PORTS

    def bound(self) -> Iterator[tuple[int, Port]]:
        """Every port that is neither free nor reserved, with its number."""
        for number, port in enumerate(self.ports.ports):
            if port.state > PortState.RESERVED:
                yield number, port

    def frame(self, gfn: int) -> Frame:
        """The frame of that number; a writable one is there from now on if there was none."""
        return self.frames.setdefault(gfn, Frame(gfn))

    # -- events

    def is_busy(self, number: int) -> bool:
        """evtchn_is_busy(): a closed port that still stands on a queue."""
        if self.events is None or self.fifo is None or not self.behaviour.skips_linked_ports:
            return False
        return self.events.is_linked(number)

    def raise_port(self, number: int) -> None:
        """evtchn_port_set_pending()."""
        port = self.ports.ports[number]
        if self.events is not None and port.usable:
            self.events.set_pending(number, port.vcpu)

    def check_pollers(self, number: int) -> None:
        """evtchn_check_pollers(): wake the VCPUs that poll for the port, or for several."""
        for vcpu in sorted(self.polling):
            waits_for = self.polling[vcpu]
            if waits_for <= 0 or waits_for == number:
                del self.polling[vcpu]
                self.unblocked.append(vcpu)

    def open_port(self, number: int) -> None:
        """evtchn_port_init(): what the ABI in force does to a port just bound."""
        if self.events is None or self.fifo is None:
            return
        self.events.set_priority(number, DEFAULT_PRIORITY)
        if self.behaviour.prints_guest_debug and self.events.is_linked(number):
            self.log.append("%s:%d:d%d domain %d, port %d already on a queue")

    def free_port(self, number: int) -> None:
        """evtchn_free(): PENDING is cleared, and nothing else of its event."""
        if self.events is not None:
            self.events.clear_pending(number)
        if self.ports.ports[number].xen_consumer:
            self.xen_ports -= 1
        self.ports.free(number)

    def fail(self, errno: Errno) -> RefusedError:
        """ERROR_EXIT(): the error, logged where the release prints such things."""
        if self.behaviour.prints_guest_debug:
            self.log.append("%s:%d:d%d EVTCHNOP failure: error %d")
        return RefusedError(errno)


_P = ParamSpec("_P")
_Call = Callable[Concatenate["Host", Domain, _P], int]


def _hypercall(call: _Call[_P]) -> _Call[_P]:
    """Turn refusals and failed allocations into the number the guest gets."""

    def called(host: "Host", caller: Domain, /, *args: _P.args, **kwargs: _P.kwargs) -> int:
        try:
            return call(host, caller, *args, **kwargs)
        except RefusedError as refused:
            return -refused.errno
        except NoMemoryError:
            return -Errno.ENOMEM

    called.__name__ = call.__name__
    called.__doc__ = call.__doc__
    return called


@dataclass(slots=True)
class Host:
    """Domains by domid, and the heap they share."""

    behaviour: Behaviour = field(default_factory=lambda: Behaviour(NEWEST))
    heap: Heap = field(default_factory=Heap)
    domains: dict[int, Domain] = field(default_factory=dict)

    def create(
        self,
        domid: int | None = None,
        *,
        vcpus: int = 1,
        max_port: int = 1023,
        word_bits: int = 64,
        privileged: bool = False,
        pirqs: int = 16,
    ) -> Domain:
        """A new domain with its first bucket, port 0 reserved; the lowest free domid where None.

        Raises `RefusedError` with EEXIST for a domid in use, ENOSPC where there is none left,
        `NoMemoryError` where its first bucket cannot be had.
        """
        if domid is None:
            domid = next((d for d in range(DOMID_FIRST_RESERVED) if d not in self.domains), None)
        if domid is None or domid >= DOMID_FIRST_RESERVED:
            raise RefusedError(Errno.ENOSPC)
        if domid in self.domains:
            raise RefusedError(Errno.EEXIST)
        domain = Domain(
            domid,
            self.heap,
            self.behaviour,
            vcpus=vcpus,
            max_port=max_port,
            word_bits=word_bits,
            privileged=privileged,
            hardware=domid == 0,
            pirqs=pirqs,
        )
        domain.ports.add_bucket()
        domain.ports.ports[0].state = PortState.RESERVED
        self.domains[domid] = domain
        return domain

    def destroy(self, domain: Domain) -> None:
        """evtchn_destroy(): close every port, unmap every page, free every bucket."""
        for number, _ in list(domain.bound()):
            self._close(domain, number, guest=False)
        self._leave_fifo(domain)
        self.heap.give(Allocation.PIRQ, len(domain.pirq_ports))
        domain.ports.release()
        del self.domains[domain.domid]

    def _domain(self, caller: Domain, domid: int) -> Domain:
        if domid in (DOMID_SELF, caller.domid):
            return caller
        if domid not in self.domains:
            raise RefusedError(Errno.ESRCH)
        return self.domains[domid]

    def _new_port(self, domain: Domain) -> int:
        try:
            return domain.ports.allocate(domain.abi_ports, domain.is_busy)
        except RefusedError as refused:
            raise domain.fail(refused.errno) from None

    # -- binding

    @_hypercall
    def alloc_unbound(self, caller: Domain, domid: int, remote_domid: int) -> int:
        """EVTCHNOP_alloc_unbound: a port of `domid` that `remote_domid` may bind to."""
        domain = self._domain(caller, domid)
        number = self._new_port(domain)
        if domain is not caller and not caller.privileged:
            domain.free_port(number)  # XSM is asked after the port was found
            raise RefusedError(Errno.EPERM)
        port = domain.ports.ports[number]
        port.state = PortState.UNBOUND
        port.peer_domid = caller.domid if remote_domid == DOMID_SELF else remote_domid
        domain.open_port(number)
        return number

    @_hypercall
    def bind_interdomain(self, caller: Domain, remote_domid: int, remote_port: int) -> int:
        """EVTCHNOP_bind_interdomain: a port of the caller, joined to an unbound one elsewhere."""
        remote = self._domain(caller, remote_domid)
        number = self._new_port(caller)
        there = remote.ports.get(remote_port)
        if (
            there is None
            or there.state is not PortState.UNBOUND
            or there.peer_domid != caller.domid
            or (remote is caller and remote_port == number)
        ):
            caller.free_port(number)
            raise caller.fail(Errno.EINVAL)
        here = caller.ports.ports[number]
        here.state = there.state = PortState.INTERDOMAIN
        here.peer, here.peer_port = remote, remote_port
        there.peer, there.peer_port = caller, number
        caller.open_port(number)
        # The other side may have sent while nobody was bound: raise our end, to be safe.
        caller.raise_port(number)
        return number

    @_hypercall
    def bind_virq(self, caller: Domain, virq: int, vcpu: int) -> int:
        """EVTCHNOP_bind_virq."""
        if not 0 <= virq < Virq.COUNT:
            raise RefusedError(Errno.EINVAL)
        if virq not in Virq.PER_VCPU and vcpu != 0:
            raise RefusedError(Errno.EINVAL)
        is_global = virq not in Virq.PER_VCPU and virq not in Virq.PER_DOMAIN
        if is_global and not caller.hardware and self.behaviour.global_virqs_have_an_owner:
            raise RefusedError(Errno.EBUSY)
        if not 0 <= vcpu < caller.vcpus:
            raise RefusedError(Errno.ENOENT)
        if (virq, vcpu) in caller.virqs:
            raise caller.fail(Errno.EEXIST)
        number = self._new_port(caller)
        port = caller.ports.ports[number]
        port.state, port.vcpu, port.virq = PortState.VIRQ, vcpu, virq
        caller.open_port(number)
        caller.virqs[virq, vcpu] = number
        return number

    @_hypercall
    def bind_ipi(self, caller: Domain, vcpu: int) -> int:
        """EVTCHNOP_bind_ipi."""
        if not 0 <= vcpu < caller.vcpus:
            raise RefusedError(Errno.ENOENT)
        number = self._new_port(caller)
        port = caller.ports.ports[number]
        port.state, port.vcpu = PortState.IPI, vcpu
        caller.open_port(number)
        return number

    @_hypercall
    def bind_pirq(self, caller: Domain, pirq: int) -> int:
        """EVTCHNOP_bind_pirq, for a guest that may use the PIRQ."""
        if not 0 <= pirq < caller.pirqs:
            raise RefusedError(Errno.EINVAL)
        if pirq in caller.pirq_ports:
            raise RefusedError(Errno.EEXIST)
        number = self._new_port(caller)
        try:
            self.heap.take(Allocation.PIRQ)
        except NoMemoryError:
            caller.free_port(number)
            raise
        port = caller.ports.ports[number]
        port.state, port.pirq = PortState.PIRQ, pirq
        caller.open_port(number)
        caller.pirq_ports[pirq] = number
        return number

    def bind_xen(self, domain: Domain, remote_domid: int, vcpu: int) -> int:
        """alloc_unbound_xen_event_channel(): an ioreq or vm_event port, whose events go to Xen."""
        try:
            number = self._new_port(domain)
        except RefusedError as refused:
            return -refused.errno
        except NoMemoryError:
            return -Errno.ENOMEM
        port = domain.ports.ports[number]
        port.state, port.vcpu, port.xen_consumer = PortState.UNBOUND, vcpu, True
        port.peer_domid = remote_domid
        domain.xen_ports += 1
        return number

    @_hypercall
    def bind_vcpu(self, caller: Domain, number: int, vcpu: int) -> int:
        """EVTCHNOP_bind_vcpu: notify another VCPU from now on."""
        if not 0 <= vcpu < caller.vcpus:
            raise RefusedError(Errno.ENOENT)
        port = caller.ports.get(number)
        if port is None or port.xen_consumer:
            raise RefusedError(Errno.EINVAL)
        free_to_move = port.state in (PortState.UNBOUND, PortState.INTERDOMAIN, PortState.PIRQ)
        if port.state is PortState.VIRQ:
            free_to_move = port.virq not in Virq.PER_VCPU
        if not free_to_move:
            raise RefusedError(Errno.EINVAL)
        port.vcpu = vcpu
        return 0

    # -- closing

    @_hypercall
    def close(self, caller: Domain, number: int) -> int:
        """EVTCHNOP_close."""
        self._close(caller, number, guest=True)
        return 0

    def _close(self, domain: Domain, number: int, *, guest: bool) -> None:
        port = domain.ports.get(number)
        if port is None or (guest and port.xen_consumer):
            raise RefusedError(Errno.EINVAL)
        match port.state:
            case PortState.FREE | PortState.RESERVED:
                raise RefusedError(Errno.EINVAL)
            case PortState.PIRQ:
                del domain.pirq_ports[port.pirq]
                self.heap.give(Allocation.PIRQ)
            case PortState.VIRQ:
                key = next(key for key, bound in domain.virqs.items() if bound == number)
                del domain.virqs[key]
            case PortState.INTERDOMAIN if port.peer is not None:
                there = port.peer.ports.ports[port.peer_port]
                there.state = PortState.UNBOUND
                there.peer_domid = domain.domid
                there.peer = None
        domain.free_port(number)

    @_hypercall
    def reset(self, caller: Domain, domid: int) -> int:
        """EVTCHNOP_reset: close everything; since 4.5 also go back to 2-level."""
        domain = self._domain(caller, domid)
        if domain is not caller and not caller.privileged:
            raise RefusedError(Errno.EPERM)
        for number, port in list(domain.bound()):
            if not port.xen_consumer:
                self._close(domain, number, guest=True)
        if self.behaviour.reset_leaves_fifo and domain.ports.active <= domain.xen_ports:
            self._leave_fifo(domain)
        return 0

    # -- events

    @_hypercall
    def send(self, caller: Domain, number: int) -> int:
        """EVTCHNOP_send."""
        port = caller.ports.get(number)
        if port is None or port.xen_consumer:
            raise RefusedError(Errno.EINVAL)
        if port.state is PortState.INTERDOMAIN and port.peer is not None:
            port.peer.raise_port(port.peer_port)
        elif port.state is PortState.IPI:
            caller.raise_port(number)
        elif port.state is not PortState.UNBOUND:  # an unbound one drops it silently
            raise RefusedError(Errno.EINVAL)
        return 0

    @_hypercall
    def unmask(self, caller: Domain, number: int) -> int:
        """EVTCHNOP_unmask."""
        port = caller.ports.get(number)
        if port is None:
            raise RefusedError(Errno.EINVAL)
        if caller.events is not None and (port.usable or not self.behaviour.checks_usable):
            caller.events.unmask(number, port.vcpu)
        return 0

    @_hypercall
    def set_priority(self, caller: Domain, number: int, priority: int) -> int:
        """EVTCHNOP_set_priority."""
        port = caller.ports.get(number)
        if port is None:
            raise RefusedError(Errno.EINVAL)
        if caller.fifo is None:
            raise RefusedError(Errno.ENOSYS)
        if self.behaviour.checks_usable and not port.usable:
            raise RefusedError(Errno.EACCES)
        if not 0 <= priority < PRIORITIES:
            raise RefusedError(Errno.EINVAL)
        if caller.events is not None:
            caller.events.set_priority(number, priority)
        return 0

    @_hypercall
    def status(self, caller: Domain, domid: int, number: int) -> int:
        """EVTCHNOP_status. The answer itself is the port's state: `Domain.ports.get(number)`."""
        domain = self._domain(caller, domid)
        if domain.ports.get(number) is None:
            raise RefusedError(Errno.EINVAL)
        if domain is not caller and not caller.privileged:
            raise RefusedError(Errno.EPERM)
        return 0

    def unknown(self, caller: Domain, command: int) -> int:
        """A command that no guest may give: 14 is EVTCHNOP_reset_cont, Xen's own."""
        if command == 14 and self.behaviour.continues_resets:
            return -Errno.EBUSY  # no reset is in progress
        return -Errno.ENOSYS

    # -- the FIFO ABI

    @_hypercall
    def init_control(self, caller: Domain, vcpu: int, gfn: int, offset: int) -> int:
        """EVTCHNOP_init_control: a VCPU's control block; the first one turns FIFO on."""
        if not 0 <= vcpu < caller.vcpus:
            raise RefusedError(Errno.ENOENT)
        if not 0 <= offset <= PAGE_BYTES - CONTROL_BLOCK_BYTES or offset % 8 != 0:
            raise RefusedError(Errno.EINVAL)
        if caller.fifo is not None:
            self._add_block(caller, caller.fifo, vcpu, gfn, offset)
            if caller.events is not None:
                caller.events.map_block(vcpu, gfn, offset)
            return 0
        fifo = Fifo()
        whole = False  # struct evtchn_fifo_domain is there
        try:
            if self.behaviour.blocks_come_together:
                for each in range(caller.vcpus):
                    self.heap.take(Allocation.FIFO_VCPU)
                    fifo.vcpus.add(each)
                self.heap.take(Allocation.FIFO_DOMAIN)
                whole = True
                self._add_block(caller, fifo, vcpu, gfn, offset)
            else:
                self._add_block(caller, fifo, vcpu, gfn, offset)
                self.heap.take(Allocation.FIFO_DOMAIN)
        except (RefusedError, NoMemoryError):
            self._free_fifo(fifo, whole=whole)
            raise
        caller.fifo = fifo
        if caller.events is not None:
            caller.events.enter_fifo(len(caller.ports), DEFAULT_PRIORITY)
            caller.events.map_block(vcpu, gfn, offset)
        return 0

    def _add_block(self, domain: Domain, fifo: Fifo, vcpu: int, gfn: int, offset: int) -> None:
        if vcpu in fifo.blocks:
            raise RefusedError(Errno.EINVAL)
        frame = self._writable(domain, gfn)
        taken = vcpu not in fifo.vcpus
        if taken:
            self.heap.take(Allocation.FIFO_VCPU)
            fifo.vcpus.add(vcpu)
        try:
            self.heap.take(Allocation.CONTROL_BLOCK)
        except NoMemoryError:
            if taken:
                fifo.vcpus.discard(vcpu)
                self.heap.give(Allocation.FIFO_VCPU)
            raise
        fifo.blocks[vcpu] = (frame, offset)

    @_hypercall
    def expand_array(self, caller: Domain, gfn: int) -> int:
        """EVTCHNOP_expand_array: one more page of event words."""
        if caller.fifo is None:
            unsupported = self.behaviour.expand_without_fifo_is_unsupported
            raise RefusedError(Errno.EOPNOTSUPP if unsupported else Errno.ENOSYS)
        if len(caller.fifo.pages) >= MAX_ARRAY_PAGES:
            raise RefusedError(Errno.ENOSPC)
        frame = self._writable(caller, gfn)
        self.heap.take(Allocation.ARRAY_PAGE)
        first = caller.fifo.words
        caller.fifo.pages.append(frame)
        if caller.events is None:
            return 0
        caller.events.map_page(gfn)
        # Raise what was saved while the page was missing; nobody asks whether the port is open.
        for number in range(first, min(first + WORDS_PER_PAGE, len(caller.ports))):
            if caller.events.is_saved(number):
                caller.events.set_pending(number, caller.ports.ports[number].vcpu)
        return 0

    def _writable(self, domain: Domain, gfn: int) -> Frame:
        """map_guest_page(): the frame, which must be the guest's and writable."""
        frame = domain.frames.get(gfn)
        if frame is None or not frame.writable:
            raise RefusedError(Errno.EINVAL)
        return frame

    def _leave_fifo(self, domain: Domain) -> None:
        """evtchn_fifo_destroy() and back to 2-level; priorities and lastq stay as they are."""
        if domain.fifo is None:
            return
        self._free_fifo(domain.fifo, whole=True)
        domain.fifo = None
        if domain.events is not None:
            domain.events.leave_fifo()

    def _free_fifo(self, fifo: Fifo, *, whole: bool) -> None:
        self.heap.give(Allocation.ARRAY_PAGE, len(fifo.pages))
        self.heap.give(Allocation.CONTROL_BLOCK, len(fifo.blocks))
        self.heap.give(Allocation.FIFO_VCPU, len(fifo.vcpus))
        if whole:
            self.heap.give(Allocation.FIFO_DOMAIN)
