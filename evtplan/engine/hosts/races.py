"""Races of one raise with a guest's actions: every outcome that the interleavings have.

`evtchn_send()` of real Xen was single-stepped, and a guest's action done at an instruction
boundary. Here the raise makes one step of its text after the other, and the guest acts whole
between two of them, wherever the scenario lets it. Every recorded outcome must be found.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evtplan.engine.host import DOMID_SELF, Domain, Host
from evtplan.engine.hosts.behaviour import Behaviour
from evtplan.engine.hosts.events import Events
from evtplan.engine.hosts.heap import Heap
from evtplan.engine.hosts.memory import SparseMemory
from evtplan.engine.hosts.procedures import FIFO, Call, Interpreter, build_program
from evtplan.engine.hosts.trace_file import Line, TraceError, text
from evtplan.engine.system import Choose, If, Statement

__all__ = ["SCENARIOS", "Outcomes", "Scenario", "outcomes", "replay_races"]

PORTS = (1, 2, 3)
PENDING, MASKED, LINKED, BUSY = 1 << 31, 1 << 30, 1 << 29, 1 << 28


@dataclass(slots=True)
class _Guest:
    """A FIFO guest with one VCPU and three ports, and what it has under way."""

    domain: Domain
    host: Host
    events: Events
    machine: Interpreter
    handler: Call | None = None
    owed: list[int] = field(default_factory=list)  # unmask hypercalls it makes after the raise
    handled: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PORTS, 0))
    busy_seen: bool = False

    def word(self, port: int) -> int:
        """A port's event word."""
        cell = self.events.guest_word(port)
        return 0 if cell is None else self.events.memory[cell]

    def set_word(self, port: int, value: int) -> None:
        """The guest writes a port's whole event word."""
        cell = self.events.guest_word(port)
        if cell is not None:
            self.events.memory[cell] = value

    def consume_one(self) -> None:
        """Linux's upcall handler, until it has taken one event off its queue."""
        if self.handler is None:
            self.handler = self.events.start_upcall(0)
        kind = self.machine.program.procedures[self.handler.key].kind
        while not self.handler.done:
            self._see(self.machine.step(self.handler))
            if not self.handler.done and _is_pause(kind.points[self.handler.point].body):
                return
        self.handler = None

    def drain(self) -> None:
        """Go on to the end of the handler, and run it while there are upcalls."""
        call = self.handler
        self.handler = None
        while call is not None or self.events.get("upcall"):
            call = call or self.events.start_upcall(0)
            self._see(self.machine.go_on(call, None))
            call = None

    def unmask(self, port: int) -> None:
        """Linux's unmask; the hypercall, if it needs one, is made later."""
        _, events = self.machine.call((FIFO, "guest_unmask"), port)
        self.owed += [values[0] for name, values in events if name == "hypercall"]

    def settle(self) -> None:
        """Make the hypercalls that are owed."""
        for port in self.owed:
            self.host.unmask(self.domain, port)
        self.owed.clear()

    def _see(self, events: Iterable[tuple[str, tuple[int, ...]]]) -> None:
        for name, values in events:
            if name == "handled":
                self.handled[values[0]] += 1


def _is_pause(body: Iterable[Statement]) -> bool:
    """A step that begins with no access of its own: where a handler may be held up."""
    first = next(iter(body), None)
    return first is None or not _starts_with_access(first)


def _starts_with_access(statement: Statement) -> bool:
    return not isinstance(statement, Choose | If) and type(statement).__name__ in (
        "Load", "Store", "Rmw",
    )  # fmt: skip


_Action = Callable[[_Guest], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`linked` ports stand on the queue already; `raised` is raised; the guest does `actions` in
    order, each once, or `hostile` any number of times. `masked` is masked at first."""

    linked: tuple[int, ...]
    raised: int
    actions: tuple[_Action, ...] = ()
    hostile: _Action | None = None
    masked: int | None = None


def _consume(guest: _Guest) -> None:
    guest.consume_one()


def _consume_both(guest: _Guest) -> None:
    guest.consume_one()
    guest.consume_one()


def _mask(port: int) -> _Action:
    return lambda guest: guest.set_word(port, guest.word(port) | MASKED)


def _clear(port: int) -> _Action:
    return lambda guest: guest.set_word(port, guest.word(port) & ~PENDING)


def _unmask(port: int) -> _Action:
    return lambda guest: guest.unmask(port)


def _flip(guest: _Guest) -> None:
    guest.set_word(1, guest.word(1) ^ MASKED)


_HOSTILE = Scenario((1,), 2, hostile=_flip)

SCENARIOS: Mapping[str, Scenario] = {
    "consume-tail": Scenario((1,), 2, (_consume,)),
    "mask-tail": Scenario((1,), 2, (_mask(1),)),
    "clear-tail": Scenario((1,), 2, (_clear(1),)),
    "reraise-consume": Scenario((1,), 1, (_consume,)),
    "mask-target": Scenario((1,), 2, (_mask(2),)),
    "unmask-target": Scenario((1,), 2, (_unmask(2),), masked=2),
    "consume-both": Scenario((1, 3), 2, (_consume_both,)),
    "mask-then-consume": Scenario((1,), 2, (_mask(1), _consume)),
    "flip-tail": _HOSTILE,
    **{f"lose-cmpxchg-{count}": _HOSTILE for count in range(1, 7)},
}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes of a scenario, each as the JSON of a recorded one's fields."""

    scenario: str
    found: frozenset[str]
    states: int


def _build(scenario: Scenario, behaviour: Behaviour) -> _Guest:
    host = Host(behaviour, Heap())
    peer = host.create(0, privileged=True)
    domain = host.create(1, max_port=4095)
    machine = Interpreter(build_program(release=behaviour.release, vcpus=8))
    events = Events(domain, machine)
    for gfn in (0x1000, 0x1001):
        domain.frame(gfn)
    host.init_control(domain, 0, 0x1000, 0)
    events.know_block(0, 0x1000, 0)
    host.expand_array(domain, 0x1001)
    events.know_page(0x1001, 0)
    guest = _Guest(domain, host, events, machine)
    for port in PORTS:
        host.alloc_unbound(domain, DOMID_SELF, 0)
        host.bind_interdomain(peer, 1, port)
        events.set("bound", port, 1)
    for port in scenario.linked:
        domain.raise_port(port)
    if scenario.masked is not None:
        guest.set_word(scenario.masked, MASKED)
    events.seen.marks.clear()
    events.seen.kicks.clear()
    return guest


def outcomes(name: str, behaviour: Behaviour) -> Outcomes:
    """Every outcome of a scenario over all places where the guest may act."""
    scenario = SCENARIOS[name]
    guest = _build(scenario, behaviour)
    raised = guest.machine.start((FIFO, "set_pending"), scenario.raised, 0)
    search = _Search(scenario, guest, raised)
    search.run()
    return Outcomes(name, frozenset(search.found), len(search.visited))


@dataclass(frozen=True, slots=True)
class _State:
    """All of a guest that an interleaving changes, and the raise under way."""

    cells: tuple[tuple[int, int], ...]
    raised: tuple[int, tuple[int, ...]]
    handler: tuple[int, tuple[int, ...]] | None
    owed: tuple[int, ...]
    handled: tuple[int, ...]
    busy_seen: bool
    marks: tuple[int, ...]
    kicks: tuple[int, ...]
    log: tuple[str, ...]
    acted: int


class _Search:
    """Depth first over every state; one guest is put into each in turn."""

    def __init__(self, scenario: Scenario, guest: _Guest, raised: Call) -> None:
        self.scenario = scenario
        self.guest = guest
        self.raised = raised
        self.found: set[str] = set()
        self.visited: set[_State] = set()

    def run(self) -> None:
        """Visit every state that can be reached from the one the guest is in."""
        actions = self.scenario.actions
        todo = [self._state(0)]
        while todo:
            state = todo.pop()
            if state in self.visited:
                continue
            self.visited.add(state)
            self._enter(state)
            if self.raised.done:
                if state.acted == len(actions):
                    self.found.add(self._outcome(self.guest))
                continue
            action = self.scenario.hostile
            if state.acted < len(actions):
                action = actions[state.acted]
            if action is not None:
                action(self.guest)
                todo.append(self._state(min(state.acted + 1, len(actions))))
                self._enter(state)
            self.guest.events.see(self.guest.machine.step(self.raised))
            self.guest.busy_seen |= any(self.guest.word(port) & BUSY for port in PORTS)
            todo.append(self._state(state.acted))

    def _memory(self) -> SparseMemory:
        memory = self.guest.events.memory
        assert isinstance(memory, SparseMemory)
        return memory

    def _state(self, acted: int) -> _State:
        guest, handler = self.guest, self.guest.handler
        return _State(
            cells=tuple(sorted((c, v) for c, v in self._memory().cells.items() if v)),
            raised=(self.raised.point, tuple(self.raised.locals)),
            handler=None if handler is None else (handler.point, tuple(handler.locals)),
            owed=tuple(guest.owed),
            handled=tuple(guest.handled[port] for port in PORTS),
            busy_seen=guest.busy_seen,
            marks=tuple(guest.events.seen.marks),
            kicks=tuple(guest.events.seen.kicks),
            log=tuple(guest.domain.log),
            acted=acted,
        )

    def _enter(self, state: _State) -> None:
        guest = self.guest
        self._memory().cells = dict(state.cells)
        self.raised.point, self.raised.locals = state.raised[0], list(state.raised[1])
        guest.handler = None
        if state.handler is not None:
            guest.handler = guest.events.start_upcall(0)
            guest.handler.point, guest.handler.locals = state.handler[0], list(state.handler[1])
        guest.owed = list(state.owed)
        guest.handled = dict(zip(PORTS, state.handled, strict=True))
        guest.busy_seen = state.busy_seen
        guest.events.seen.marks[:] = state.marks
        guest.events.seen.kicks[:] = state.kicks
        guest.domain.log[:] = state.log

    def _outcome(self, guest: _Guest) -> str:
        after: dict[str, Any] = {f"w{port}": f"{guest.word(port):08x}" for port in PORTS}
        ready, head = guest.events.guest_ready(0), guest.events.guest_head(0, 7)
        memory = guest.events.memory
        after |= {
            "head": memory[head or 0],
            "ready": f"{memory[ready or 0]:08x}",
            "tail": guest.events.get("T", 7),
        }
        found: dict[str, Any] = {
            "busy_seen": int(guest.busy_seen),
            "after": after,
            "mark": len(guest.events.seen.marks),
            "kick": len(guest.events.seen.kicks),
            "log": len(guest.domain.log),
            "unmask_hc": len(guest.owed),
        }
        guest.settle()
        for port in PORTS:
            guest.unmask(port)
            guest.settle()
        guest.drain()
        stuck = [p for p in PORTS if guest.word(p) & (PENDING | LINKED) == PENDING | LINKED]
        found["handled"] = {str(port): guest.handled[port] for port in PORTS}
        found["stuck"] = sum(1 << port - 1 for port in stuck)
        return json.dumps(found, sort_keys=True)


_COMPARED = ("busy_seen", "after", "mark", "kick", "log", "unmask_hc", "handled", "stuck")


def replay_races(
    lines: Iterable[Line], behaviour: Behaviour
) -> tuple[int, int, tuple[Line, str, Any, Any] | None]:
    """Look for every recorded outcome among those found: rows, those there, the first that is not.

    Raises `TraceError` for a malformed row or an unknown scenario.
    """
    known: dict[str, Outcomes] = {}
    rows = agreed = 0
    difference: tuple[Line, str, Any, Any] | None = None
    for line in lines:
        name = text(line, "scenario")
        if name not in SCENARIOS:
            raise TraceError(line.path, line.line, f"unknown scenario {name!r}")
        rows += 1
        if "runs" in line.fields:
            agreed += 1  # the line that says what the scenario is
            continue
        if name not in known:
            known[name] = outcomes(name, behaviour)
        missing = [key for key in _COMPARED if key not in line.fields]
        if missing:
            raise TraceError(line.path, line.line, f"no field {missing[0]!r}")
        wanted = {key: line.fields[key] for key in _COMPARED}
        if json.dumps(wanted, sort_keys=True) in known[name].found:
            agreed += 1
        elif difference is None:
            nearest = sorted(known[name].found)
            difference = (line, name, wanted, [json.loads(one) for one in nearest])
    return rows, agreed, difference
