"""What an op has changed, put in a trace's own words."""

from collections.abc import Mapping
from typing import Any

from evtplan.engine.host import Domain
from evtplan.engine.hosts.events import Events
from evtplan.engine.hosts.memory import HEAD_WORD, WORDS
from evtplan.engine.hosts.ports import PortState
from evtplan.engine.hosts.procedures import PRIORITIES, Call
from evtplan.engine.hosts.trace_file import Line, TraceError

__all__ = ["Observer"]

# Ops after which any tracked port may look different though no cell of its has changed.
_SHOWS_PORTS = frozenset(("init_control", "bind", "bind_vcpu", "rebind", "close", "reset", "hc"))
_EDGE = "edge"
_NOTHING = {"st": 0, "vcpu": 0, "prio": 0, "lastq": "0.0", "pnd": 0}


class Observer:
    """Keeps what has been shown of the guest, so that only what differs is told."""

    def __init__(self, guest: Domain, events: Events, header: Line) -> None:
        self.guest = guest
        self.events = events
        self.memory = events.memory
        self.cells = events.cells
        self.two_level_trace = header.fields.get("abi") == "2l"
        self.is_edge = header.fields.get("profile") == _EDGE
        self.tracked: set[int] = set()
        if self.is_edge:
            self.tracked.update(range(64), range(1018, 1040))
        active = header.fields.get("active", [])
        if not isinstance(active, list) or not all(
            isinstance(p, int) and not isinstance(p, bool) and 0 <= p < 1 << 17 for p in active
        ):
            raise TraceError(header.path, header.line, "active is no list of port numbers")
        self.tracked.update(active)
        self.ports: dict[int, dict[str, Any]] = {}
        self.blocks: dict[int, tuple[int, list[int]]] = {}
        self.pages: list[int] = []
        self.known_blocks: dict[int, int] = {}
        self.abi = guest.abi
        self.first = True
        self.op = ""
        self._ranges()
        self.memory.changes(self.ranges)

    def track(self, got: Mapping[str, Any]) -> None:
        """A bind has made ports: follow a single one, and those up to 64 of many."""
        if got.get("rc") != 0 and "port" not in got and "first" not in got:
            return
        if "port" in got:
            self.tracked.add(got["port"])
        elif "first" in got:
            self.tracked.update(range(got["first"], min(got["last"], 64) + 1))

    def begin(self, op: str) -> None:
        """An op is about to be done."""
        self.op = op
        self.pages = list(self.events.guest_pages)
        self.known_blocks = dict(self.events.guest_blocks)
        self.guest.log.clear()
        self.guest.unblocked.clear()
        seen = self.events.seen
        for items in (seen.marks, seen.kicks, seen.handled, seen.spurious, seen.hypercalls):
            items.clear()
        seen.faulted = False

    # -- ranges of cells that matter

    def _ranges(self) -> None:
        base, sizes = self.cells.base, self.cells.sizes
        ports = len(self.guest.ports)
        self.ranges: list[range] = []
        self.names: list[tuple[range, str]] = []
        for name in (
            "upcall", "pending", "mask", "selector", "mine", "current_word", "current_bit", "T",
            "words",
        ):  # fmt: skip
            self._range(name, range(base[name], base[name] + sizes[name]))
        for name in ("priority", "lastq", "saved"):
            self._range(name, range(base[name], base[name] + ports))
        frames = len(self.events.slots)
        self._range("frame", range(self.cells.frames, self.cells.frame(frames)))

    def _range(self, name: str, cells: range) -> None:
        self.ranges.append(cells)
        self.names.append((cells, name))

    # -- changes

    def changes(self) -> dict[str, Any]:
        """Everything the op has changed."""
        self._ranges()
        changed: dict[str, list[tuple[int, int]]] = {}
        for cell, _, now in self.memory.changes(self.ranges):
            for cells, name in self.names:
                if cell in cells:
                    changed.setdefault(name, []).append((cell - cells.start, now))
        seen = self.events.seen
        found: dict[str, Any] = {}
        found["mark"] = list(seen.marks)
        found["kick"] = list(seen.kicks)
        found["unblock"] = list(self.guest.unblocked)
        found["w"] = self._words(changed.get("frame", []))
        found["cb"] = self._control_blocks()
        found["up"] = {str(v): now for v, now in changed.get("upcall", [])}
        found["p"] = {str(w): f"{now:x}" for w, now in changed.get("pending", [])}
        found["m"] = {str(w): f"{now:x}" for w, now in changed.get("mask", [])}
        found["sel"] = {str(v): f"{now:x}" for v, now in changed.get("selector", [])}
        found["g"] = self._private(changed)
        found["hv"] = self._hypervisor(changed)
        found["log"] = list(self.guest.log)
        return {name: value for name, value in found.items() if value}

    def _words(self, changed: list[tuple[int, int]]) -> dict[str, str]:
        """Event words that differ, as the guest reaches them; a new page's from its fill."""
        found: dict[int, int] = {}
        for offset, now in changed:
            slot, word = divmod(offset, WORDS)
            for page, held in enumerate(self.pages):
                if held == slot:
                    found[page * WORDS + word] = now
        pages = self.events.guest_pages
        for page in range(len(self.pages), len(pages)):
            first = self.cells.frame(pages[page])
            for word in range(WORDS):
                now = self.memory[first + word]
                if now != self.events.guest_fills[page]:
                    found[page * WORDS + word] = now
        return {str(port): f"{found[port]:08x}" for port in sorted(found)}

    def _control_blocks(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        blocks = self.known_blocks | self.events.guest_blocks
        for vcpu, first in sorted(blocks.items()):
            ready, heads = self.blocks.get(vcpu, (0, [0] * PRIORITIES))
            now = self.memory[first]
            heads_now = [self.memory[first + HEAD_WORD + q] for q in range(PRIORITIES)]
            told: dict[str, Any] = {}
            if now != ready:
                told["r"] = f"{now:08x}"
            moved = {str(q): h for q, h in enumerate(heads_now) if h != heads[q]}
            if moved:
                told["h"] = moved
            if told:
                found[str(vcpu)] = told
            self.blocks[vcpu] = (now, heads_now)
        for vcpu in [v for v in self.blocks if v not in self.events.guest_blocks]:
            del self.blocks[vcpu]
        return found

    def _private(self, changed: Mapping[str, list[tuple[int, int]]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for index, now in changed.get("mine", []):
            vcpu, priority = divmod(index, PRIORITIES)
            found.setdefault(str(vcpu), {})[str(priority)] = now
        moved = {v for name in ("current_word", "current_bit") for v, _ in changed.get(name, [])}
        for vcpu in sorted(moved):
            word, bit = self.events.get("current_word", vcpu), self.events.get("current_bit", vcpu)
            found[str(vcpu)] = {"w": word, "b": bit}
        return found

    def _hypervisor(self, changed: Mapping[str, list[tuple[int, int]]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.guest.abi != self.abi:
            self.abi = found["abi"] = self.guest.abi
        if changed.get("words"):
            found["num"] = changed["words"][0][1]
        tails = {_queue(index): now for index, now in changed.get("T", [])}
        if tails:
            found["tail"] = tails
        ports = self._ports(changed)
        if ports:
            found["port"] = ports
        return found

    def _ports(self, changed: Mapping[str, list[tuple[int, int]]]) -> dict[str, Any]:
        touched = {p for name in ("priority", "lastq", "saved") for p, _ in changed.get(name, [])}
        look_at = self.tracked & touched
        if self.first or self.op in _SHOWS_PORTS:
            look_at = self.tracked
        self.first = False
        found: dict[str, Any] = {}
        for port in sorted(look_at):
            now = self._port(port)
            before = self.ports.get(port, _NOTHING)
            told = {name: value for name, value in now.items() if value != before[name]}
            if told:
                found[str(port)] = told
                self.ports[port] = now
        return found

    def _port(self, port: int) -> dict[str, Any]:
        held = self.guest.ports.get(port)
        return {
            "st": int(held.state) if held else 0,
            "vcpu": held.vcpu if held else 0,
            "prio": self.events.get("priority", port),
            "lastq": _queue(self.events.get("lastq", port)),
            "pnd": self.events.get("saved", port),
        }

    # -- everything

    def snapshot(self, handlers: Mapping[int, Call]) -> dict[str, Any]:
        """The whole state, as a `snap` line has it."""
        vcpus = range(self.guest.vcpus)
        events = self.events
        rows = range(self.guest.word_bits)
        found: dict[str, Any] = {}
        if not self.two_level_trace:
            found["npages"] = len(events.guest_pages)
            found["w"] = self._whole_array()
            found["cb"] = {str(v): self._whole_block(v) for v in sorted(events.guest_blocks)}
        found["up"] = [events.get("upcall", v) for v in vcpus]
        pending = {w: events.get("pending", w) for w in rows}
        found["p"] = {str(w): f"{now:x}" for w, now in pending.items() if now}
        if self.two_level_trace:
            full = (1 << self.guest.word_bits) - 1
            mask = {w: events.get("mask", w) for w in rows}
            found["m"] = {str(w): f"{now:x}" for w, now in mask.items() if now != full}
        found["sel"] = [f"{events.get('selector', v):x}" for v in vcpus]
        found["g"] = self._whole_private()
        if not self.two_level_trace:
            queues = range(self.guest.vcpus * PRIORITIES)
            tails = {q: events.get("T", q) for q in queues}
            found["tail"] = {_queue(q): tail for q, tail in tails.items() if tail}
        found["inh"] = sorted(handlers)
        found["ports"] = self._whole_ports()
        return found

    def _whole_array(self) -> dict[str, str]:
        found = {}
        for page, slot in enumerate(self.events.guest_pages):
            first = self.cells.frame(slot)
            fill = self.events.guest_fills[page]
            for word in range(WORDS):
                now = self.memory[first + word]
                if now != fill:
                    found[str(page * WORDS + word)] = f"{now:08x}"
        return found

    def _whole_block(self, vcpu: int) -> dict[str, Any]:
        first = self.events.guest_blocks[vcpu]
        heads = {str(q): self.memory[first + HEAD_WORD + q] for q in range(PRIORITIES)}
        return {
            "r": f"{self.memory[first]:08x}",
            "h": {q: head for q, head in heads.items() if head},
        }

    def _whole_private(self) -> Any:
        events = self.events
        if self.two_level_trace:
            return [
                [events.get("current_word", v), events.get("current_bit", v)]
                for v in range(self.guest.vcpus)
            ]
        mine = {q: events.get("mine", q) for q in range(self.guest.vcpus * PRIORITIES)}
        return {_queue(q): head for q, head in mine.items() if head}

    def _whole_ports(self) -> dict[str, list[Any]]:
        found = {}
        for port in sorted(self.tracked):
            held = self.guest.ports.get(port)
            if held is not None and held.state > PortState.RESERVED:
                now = self._port(port)
                found[str(port)] = [now[name] for name in ("st", "vcpu", "prio", "lastq", "pnd")]
        return found


def _queue(index: int) -> str:
    return f"{index // PRIORITIES}.{index % PRIORITIES}"
