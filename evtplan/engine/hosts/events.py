"""The events of one domain: the protocol texts' procedures at work on its memory.

Xen's side is called by the hypercalls of `host.py`, the guest's by whoever plays the guest. What
the procedures emit is collected in `Seen` until somebody looks.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evtplan.engine.hosts.memory import ARRAY, BLOCK_WORDS, HEAD, PAGES, READY, WORDS, Side
from evtplan.engine.hosts.procedures import FIFO, PRIORITIES, TWO_LEVEL, Call, Event, Machine
from evtplan.errors import EvtplanError

if TYPE_CHECKING:
    from evtplan.engine.host import Domain

__all__ = ["Events", "Seen", "XenCrashError"]

_LOGS = {
    1: "%pv has no FIFO event channel control block",
    2: "%pd port %u lost event (too many queue changes)",
    3: "%s:%d:d%d domain %d, port %d not linked",
}
NOT_LINKED = 3


class XenCrashError(EvtplanError):
    """The hypervisor itself goes down, as Xen 4.4 does for want of a control block (XSA-107)."""

    def __init__(self, vcpu: int) -> None:
        self.vcpu = vcpu
        super().__init__(f"Xen follows a null pointer: vcpu {vcpu} has no control block (XSA-107)")


@dataclass(slots=True)
class Seen:
    """What procedures have let be seen since it was last cleared, in order."""

    marks: list[int] = field(default_factory=list)
    kicks: list[int] = field(default_factory=list)
    handled: list[int] = field(default_factory=list)
    spurious: list[int] = field(default_factory=list)
    hypercalls: list[int] = field(default_factory=list)
    faulted: bool = False


class Events:
    """A domain's event memory and who works on it.

    `guest_pages` and `guest_blocks` are what the guest knows it has registered: the frame slot of
    each array page, and of each VCPU's control block its first cell.
    """

    def __init__(self, domain: "Domain", machine: Machine) -> None:
        self.domain = domain
        self.machine = machine
        self.memory = machine.memory
        self.cells = machine.program.cells
        self.seen = Seen()
        self.slots: dict[int, int] = {}  # gfn -> frame slot
        self.guest_pages: list[int] = []
        self.guest_fills: list[int] = []  # what each was filled with before it was added
        self.guest_blocks: dict[int, int] = {}
        domain.events = self

    # -- memory

    def get(self, variable: str, index: int = 0) -> int:
        """An ordinary variable's element."""
        return self.memory[self.cells.base[variable] + index]

    def set(self, variable: str, index: int, value: int) -> None:
        """Let an ordinary variable's element be `value`."""
        self.memory[self.cells.base[variable] + index] = value

    def slot(self, gfn: int) -> int:
        """The slot of a guest frame, its memory there from now on."""
        if gfn not in self.slots:
            self.slots[gfn] = len(self.slots)
            self.memory.reserve(self.cells.frame(len(self.slots)))
        return self.slots[gfn]

    def fill(self, gfn: int, word: int) -> None:
        """The guest writes every word of a frame."""
        first = self.cells.frame(self.slot(gfn))
        for cell in range(first, first + WORDS):
            self.memory[cell] = word

    def clear_block(self, gfn: int, offset: int) -> None:
        """The guest zeroes a control block to be."""
        first = self.cells.frame(self.slot(gfn)) + offset // 4
        for cell in range(first, first + BLOCK_WORDS):
            self.memory[cell] = 0

    # -- calls

    def _call(self, abi: str, name: str, *arguments: int) -> int:
        result, events = self.machine.call((abi, name), *arguments)
        self.see(events)
        return result

    def see(self, events: list[Event]) -> None:
        """Note what procedures have emitted."""
        seen = self.seen
        for name, values in events:
            match name:
                case "mark":
                    seen.marks.append(values[0])
                case "kick":
                    seen.kicks.append(values[0])
                case "handled":
                    seen.handled.append(values[0])
                case "spurious":
                    seen.spurious.append(values[0])
                case "hypercall":
                    seen.hypercalls.append(values[0])
                case "fault":
                    seen.faulted = True
                case "pollers":
                    self.domain.check_pollers(values[0])
                case "log":
                    self._log(values[0])
                case "crash":
                    raise XenCrashError(values[0])

    def _log(self, message: int) -> None:
        if message != NOT_LINKED or self.domain.behaviour.prints_guest_debug:
            self.domain.log.append(_LOGS[message])

    # -- Xen's side

    @property
    def abi(self) -> str:
        """The ABI whose procedures run."""
        return TWO_LEVEL if self.domain.fifo is None else FIFO

    def set_pending(self, number: int, vcpu: int) -> None:
        """Raise a port whose events go to `vcpu`."""
        self._call(self.abi, "set_pending", number, vcpu)

    def unmask(self, number: int, vcpu: int) -> None:
        """The hypervisor's part of an unmask."""
        self._call(self.abi, "unmask", number, vcpu)

    def clear_pending(self, number: int) -> None:
        """What closing a port does to its event."""
        self._call(self.abi, "clear_pending", number)

    def is_linked(self, number: int) -> bool:
        """The port stands on a queue."""
        return bool(self._call(FIFO, "is_linked", number))

    def is_saved(self, number: int) -> bool:
        """evtchn->pending: raised while its page was missing, or carried over from 2-level."""
        return bool(self.get("saved", number))

    def set_priority(self, number: int, priority: int) -> None:
        """evtchn->priority."""
        self.set("priority", number, priority)

    def enter_fifo(self, valid: int, priority: int) -> None:
        """setup_ports(): save what is pending in the bitmaps, set every port's priority."""
        bits = self.domain.word_bits
        for number in range(1, min(valid, bits * bits)):
            if self.get("pending", number // bits) >> number % bits & 1:
                self.set("saved", number, 1)
        for number in range(1, valid):
            self.set_priority(number, priority)

    def leave_fifo(self) -> None:
        """evtchn_fifo_destroy(): queues, control blocks and the array are gone."""
        for variable in ("T", "block"):
            for index in range(self.cells.sizes[variable]):
                if self.get(variable, index):
                    self.set(variable, index, 0)
        self.set("words", 0, 0)

    def map_block(self, vcpu: int, gfn: int, offset: int) -> None:
        """Xen reaches a VCPU's control block from now on."""
        first = self.cells.frame(self.slot(gfn)) + offset // 4
        self.memory[self.cells.block_table(Side.XEN) + vcpu] = first
        self.set("block", vcpu, 1)

    def map_page(self, gfn: int) -> None:
        """Xen reaches one more page of event words."""
        words = self.get("words")
        first = self.cells.frame(self.slot(gfn))
        self.memory[self.cells.array_table(Side.XEN) + words // WORDS] = first
        self.set("words", 0, words + WORDS)

    # -- the guest's side

    def know_block(self, vcpu: int, gfn: int, offset: int) -> None:
        """The guest has registered a control block."""
        first = self.cells.frame(self.slot(gfn)) + offset // 4
        self.memory[self.cells.block_table(Side.GUEST) + vcpu] = first
        self.guest_blocks[vcpu] = first
        self.set("guest_block", vcpu, 1)

    def know_page(self, gfn: int, fill: int) -> None:
        """The guest has added a page that it had filled with `fill`."""
        slot = self.slot(gfn)
        page = len(self.guest_pages)
        if page < PAGES:
            self.memory[self.cells.array_table(Side.GUEST) + page] = self.cells.frame(slot)
            self.guest_pages.append(slot)
            self.guest_fills.append(fill)
            self.set("guest_words", 0, (page + 1) * WORDS)

    def forget(self) -> None:
        """The guest starts anew: no pages, no control blocks, no ports."""
        self.guest_pages.clear()
        self.guest_fills.clear()
        self.guest_blocks.clear()
        self.set("guest_words", 0, 0)
        ports = len(self.domain.ports)
        for variable in ("guest_block", "bound", "mine", "cpu_mask"):
            for index in range(min(self.cells.sizes[variable], max(ports, 4096))):
                if self.get(variable, index):
                    self.set(variable, index, 0)

    def guest(self, name: str, *arguments: int) -> int:
        """One of the guest's procedures, on the ABI in force."""
        return self._call(self.abi, name, *arguments)

    def start_upcall(self, vcpu: int) -> Call:
        """The guest's upcall handler, before its first step."""
        return self.machine.start((self.abi, "handle_upcall"), vcpu)

    def go_on(self, call: Call, until: str | None) -> None:
        """Let a handler go on."""
        self.see(self.machine.go_on(call, until))

    def guest_word(self, number: int) -> int | None:
        """The cell of a port's event word as the guest reaches it, None for a page it has not."""
        page = number // WORDS
        if page >= len(self.guest_pages):
            return None
        return self.cells.cell(self.memory, ARRAY, number, Side.GUEST)

    def guest_ready(self, vcpu: int) -> int | None:
        """The cell of a control block's ready word, None where the guest has none."""
        if vcpu not in self.guest_blocks:
            return None
        return self.cells.cell(self.memory, READY, vcpu, Side.GUEST)

    def guest_head(self, vcpu: int, priority: int) -> int | None:
        """The cell of a control block's head, None where the guest has none."""
        if vcpu not in self.guest_blocks:
            return None
        index = vcpu * PRIORITIES + priority
        return self.cells.cell(self.memory, HEAD, index, Side.GUEST)
