"""Recorded traces of the real event-channel code, replayed op by op; docs/replay.md has the format.

A trace's world is one guest (domain 1), whose ports' other ends are in a peer (domain 0). Each op
is done to our host; what it changed is put in the trace's own words and compared field by field.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evtplan.engine.host import (
    DOMID_SELF,
    LINK_BITS,
    MAX_ARRAY_PAGES,
    Domain,
    Fifo,
    Frame,
    Host,
)
from evtplan.engine.hosts.behaviour import Behaviour, behaviour_of
from evtplan.engine.hosts.events import Events, XenCrashError
from evtplan.engine.hosts.heap import Heap
from evtplan.engine.hosts.hypercalls import COMMANDS, hypercall
from evtplan.engine.hosts.observer import Observer
from evtplan.engine.hosts.procedures import TWO_LEVEL, Call, Machine, Program, build_program
from evtplan.engine.hosts.trace_file import Line, TraceError, number, read_lines, text
from evtplan.errors import UnknownNameError

__all__ = [
    "OPS",
    "Difference",
    "MachineMaker",
    "Replayed",
    "Replayer",
    "World",
    "build_world",
    "replay_trace",
]

MachineMaker = Callable[[Program], Machine]

GUEST, PEER = 1, 0
LATE_HANDLER = "lateeoi"
MOST_VCPUS = 64
ALWAYS_COMPARED = ("h", "done", "idle", "gfault", "spur", "rc", "hc", "wasm", "link_bits")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay first departs from its trace. `op` is what was done; None is "not there"."""

    path: str
    line: int
    op: str
    field: str
    expected: Any
    got: Any


@dataclass(slots=True)
class Replayed:
    """One trace replayed: its op lines, how many agreed, the first difference, and the last ops."""

    path: str
    name: str
    lines: int = 0
    agreed: int = 0
    difference: Difference | None = None
    recent: list[str] = field(default_factory=list)


@dataclass(slots=True)
class World:
    """The host that a trace is replayed on."""

    host: Host
    guest: Domain
    peer: Domain
    events: Events
    hvm: bool
    peers: dict[int, int] = field(default_factory=dict)  # the guest's port -> the peer's
    handlers: dict[int, Call] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)
    handled: int = 0

    @property
    def is_two_level(self) -> bool:
        """The guest is on the 2-level ABI."""
        return self.events.abi == TWO_LEVEL


def build_world(header: Line, behaviour: Behaviour, make: MachineMaker) -> World:
    """The world before a trace's first op."""
    vcpus = number(header, "vcpus", 1, MOST_VCPUS)
    highest = number(header, "max_port", -1, (1 << 32) - 1)
    host = Host(behaviour, Heap())
    peer = host.create(PEER, max_port=-1, privileged=True)
    peer.fifo = Fifo()  # for its port numbers; it only sends, and has no event memory
    guest = host.create(GUEST, vcpus=vcpus, max_port=highest)
    # One program serves every guest of up to 8 VCPUs, so that it is lowered (and compiled) once.
    program = build_program(release=behaviour.release, vcpus=8 if vcpus <= 8 else MOST_VCPUS)
    events = Events(guest, make(program))
    hvm = text(header, "guest", ("pv", "hvm"), default="pv") == "hvm"
    events.set("late", 0, text(header, "handler", ("ack", LATE_HANDLER), "ack") == LATE_HANDLER)
    events.set("is_hvm", 0, hvm)
    if text(header, "abi", ("fifo", "2l")) == "2l":
        for word in range(guest.word_bits):
            events.set("mask", word, (1 << guest.word_bits) - 1)
    return World(host, guest, peer, events, hvm)


# ---- the ops ---------------------------------------------------------------------------------


def _init_control(world: World, op: Line) -> dict[str, Any]:
    gfn, offset = number(op, "gfn"), number(op, "off")
    vcpu = number(op, "vcpu")
    writable, known = _page(world, op), gfn in world.events.slots
    free = 0 <= vcpu < world.guest.vcpus and vcpu not in world.events.guest_blocks
    if writable and (free or known) and 0 <= offset <= 4024 and offset % 8 == 0:
        world.events.clear_block(gfn, offset)
    rc = world.host.init_control(world.guest, vcpu, gfn, offset)
    if rc != 0:
        return {"rc": rc}
    world.events.know_block(vcpu, gfn, offset)
    return {"rc": rc, "link_bits": LINK_BITS}


def _expand_array(world: World, op: Line) -> dict[str, Any]:
    gfn, fill = number(op, "gfn"), _hex(op, "fill", 32)
    # A frame that nothing reaches needs no memory, however many of them a trace fills.
    fifo, known = world.guest.fifo, gfn in world.events.slots
    if _page(world, op) and (known or (fifo and len(fifo.pages) < MAX_ARRAY_PAGES)):
        world.events.fill(gfn, fill)
    rc = world.host.expand_array(world.guest, gfn)
    if rc == 0:
        world.events.know_page(gfn, fill)
    return {"rc": rc}


def _page(world: World, op: Line) -> bool:
    gfn = number(op, "gfn")
    writable = bool(number(op, "pg", 0, 1))
    world.guest.frames[gfn] = Frame(gfn, writable)
    return writable


def _bind(world: World, op: Line) -> dict[str, Any]:
    count = number(op, "n", 1, 1 << 17)
    made: list[int] = []
    for _ in range(count):
        port = world.host.alloc_unbound(world.guest, DOMID_SELF, PEER)
        if port < 0:
            return _bound(made, count, port)
        other = world.host.bind_interdomain(world.peer, GUEST, port)
        if other < 0:
            return _bound(made, count, other)
        world.peers[port] = other
        world.events.set("bound", port, 1)
        _bind_to_cpu(world, port, 0)
        made.append(port)
    return _bound(made, count, 0)


def _bound(made: list[int], count: int, rc: int) -> dict[str, Any]:
    if not made:
        return {"rc": rc}
    if count == 1:
        return {"port": made[0], "rc": rc}
    return {"first": made[0], "last": made[-1], "rc": rc}


def _bind_to_cpu(world: World, port: int, vcpu: int | None) -> None:
    """The guest's own binding, which its 2-level scan goes by; None: to no VCPU."""
    bits = world.guest.word_bits
    if port >= bits * bits:
        return
    for each in range(world.guest.vcpus):
        index = each * bits + port // bits
        row = world.events.get("cpu_mask", index)
        bit = 1 << port % bits
        world.events.set("cpu_mask", index, row | bit if each == vcpu else row & ~bit)


def _raise(world: World, op: Line) -> dict[str, Any]:
    port = number(op, "port")
    if port not in world.peers:
        raise TraceError(op.path, op.line, f"port {port} has no peer that could raise it")
    return {"rc": world.host.send(world.peer, world.peers[port])}


def _guest_op(name: str) -> Callable[[World, Line], dict[str, Any]]:
    def run(world: World, op: Line) -> dict[str, Any]:
        world.events.guest(name, _port(world, op))
        return {}

    return run


def _port(world: World, op: Line) -> int:
    limit = world.guest.word_bits**2 if world.is_two_level else 1 << 17
    return number(op, "port", 0, limit - 1)


def _unmask(world: World, op: Line) -> dict[str, Any]:
    cpu = number(op, "cpu", 0, world.guest.vcpus - 1)
    return {"hc": unmask_as_linux(world, _port(world, op), cpu)}


def unmask_as_linux(world: World, port: int, cpu: int) -> int:
    """Linux's unmask on a CPU; how many hypercalls it made."""
    before = len(world.events.seen.hypercalls)
    if world.is_two_level:
        world.events.guest("guest_unmask", port, cpu)
    else:
        world.events.guest("guest_unmask", port)
    made = world.events.seen.hypercalls[before:]
    for each in made:
        world.host.unmask(world.guest, each)
    return len(made)


def _unmask_hypercall(world: World, op: Line) -> dict[str, Any]:
    return {"rc": world.host.unmask(world.guest, number(op, "port"))}


def _consume(world: World, op: Line) -> dict[str, Any]:
    return _handle(world, op, "handled")


def _drain(world: World, op: Line) -> dict[str, Any]:
    return _handle(world, op, None)


def _handle(world: World, op: Line, until: str | None) -> dict[str, Any]:
    vcpu = number(op, "vcpu", 0, world.guest.vcpus - 1)
    call = world.handlers.get(vcpu)
    if vcpu in world.dead:
        return {"idle": 1}
    if call is None:
        if not world.events.get("upcall", vcpu) and not number(op, "force", 0, 1, default=0):
            return {"idle": 1}
        call = world.events.start_upcall(vcpu)
    seen = world.events.seen
    world.events.go_on(call, until)
    world.handled += len(seen.handled)
    result: dict[str, Any] = {"h": list(seen.handled)}
    if seen.spurious:
        result["spur"] = list(seen.spurious)
    if seen.faulted:
        result["gfault"] = 1
        world.dead.add(vcpu)
    if call.done:
        world.handlers.pop(vcpu, None)
    else:
        world.handlers[vcpu] = call
    return result | {"done": int(call.done)}


def _set_priority(world: World, op: Line) -> dict[str, Any]:
    return {"rc": world.host.set_priority(world.guest, number(op, "port"), number(op, "prio"))}


def _bind_vcpu(world: World, op: Line) -> dict[str, Any]:
    return {"rc": bind_as_linux(world, number(op, "port"), number(op, "vcpu"))}


def bind_as_linux(world: World, port: int, vcpu: int) -> int:
    """Bind a port to a VCPU; the guest's own binding follows where that went well."""
    rc = world.host.bind_vcpu(world.guest, port, vcpu)
    if rc == 0:
        _bind_to_cpu(world, port, vcpu)
    return rc


def _rebind(world: World, op: Line) -> dict[str, Any]:
    port, cpu = _port(world, op), number(op, "cpu", 0, world.guest.vcpus - 1)
    was_masked = world.events.guest("is_masked", port)
    if not was_masked:
        world.events.guest("guest_mask", port)
    rc = bind_as_linux(world, port, number(op, "vcpu"))
    made = 0 if was_masked else unmask_as_linux(world, port, cpu)
    return {"rc": rc, "wasm": was_masked, "hc": made}


def _close(world: World, op: Line) -> dict[str, Any]:
    port = number(op, "port")
    rc = world.host.close(world.guest, port)
    if rc == 0:
        _forget_port(world, port)
    return {"rc": rc}


def _forget_port(world: World, port: int) -> None:
    if port in world.peers:
        world.host.close(world.peer, world.peers.pop(port))
    world.events.set("bound", port, 0)
    _bind_to_cpu(world, port, None)


def _reset(world: World, op: Line) -> dict[str, Any]:
    rc = world.host.reset(world.guest, DOMID_SELF)
    if rc == 0:
        for port in list(world.peers):
            _forget_port(world, port)
        world.handlers.clear()
        world.dead.clear()
        world.events.forget()
    return {"rc": rc}


def _hypercall(world: World, op: Line) -> dict[str, Any]:
    """Any hypercall with any arguments."""
    command = text(op, "cmd")
    arguments = op.fields.get("args")
    if not isinstance(arguments, dict):
        raise TraceError(op.path, op.line, "args is no object")
    if command not in COMMANDS:
        raise TraceError(op.path, op.line, f"unknown hypercall {command!r}")
    args = Line(op.path, op.line, arguments)
    given = {name: number(args, name) for name in COMMANDS[command][1]}
    return {"rc": hypercall(world.host, world.guest, command, given)}


def _hex(op: Line, name: str, bits: int) -> int:
    value = op.fields.get(name)
    try:
        found = int(value, 16) if isinstance(value, str) else -1
    except ValueError:
        found = -1
    if not 0 <= found < 1 << bits:
        raise TraceError(op.path, op.line, f"{name} is {value!r}; it must be {bits} bits in hex")
    return found


def _poke(world: World, op: Line) -> dict[str, Any]:
    cell = world.events.guest_word(_port(world, op))
    if cell is None:
        raise TraceError(op.path, op.line, "the guest has no page for that port")
    world.events.memory[cell] = _hex(op, "val", 32)
    return {}


def _poke_ready(world: World, op: Line) -> dict[str, Any]:
    cell = world.events.guest_ready(number(op, "vcpu", 0, world.guest.vcpus - 1))
    if cell is None:
        raise TraceError(op.path, op.line, "that VCPU has no control block")
    world.events.memory[cell] = _hex(op, "val", 32)
    return {}


def _poke_head(world: World, op: Line) -> dict[str, Any]:
    vcpu = number(op, "vcpu", 0, world.guest.vcpus - 1)
    cell = world.events.guest_head(vcpu, number(op, "q", 0, 15))
    if cell is None:
        raise TraceError(op.path, op.line, "that VCPU has no control block")
    world.events.memory[cell] = number(op, "val", 0, (1 << 32) - 1)
    return {}


def _poke_up(world: World, op: Line) -> dict[str, Any]:
    vcpu = number(op, "vcpu", 0, world.guest.vcpus - 1)
    world.events.set("upcall", vcpu, number(op, "val", 0, 1))
    return {}


def _poke_selector(world: World, op: Line) -> dict[str, Any]:
    vcpu = number(op, "vcpu", 0, world.guest.vcpus - 1)
    world.events.set("selector", vcpu, _hex(op, "val", world.guest.word_bits))
    return {}


def _poke_row(variable: str) -> Callable[[World, Line], dict[str, Any]]:
    def run(world: World, op: Line) -> dict[str, Any]:
        row = number(op, "word", 0, world.guest.word_bits - 1)
        world.events.set(variable, row, _hex(op, "val", world.guest.word_bits))
        return {}

    return run


def _poll(world: World, op: Line) -> dict[str, Any]:
    vcpu = number(op, "vcpu", 0, world.guest.vcpus - 1)
    world.guest.polling[vcpu] = number(op, "port", -1)
    return {}


OPS: Mapping[str, Callable[[World, Line], dict[str, Any]]] = {
    "init_control": _init_control,
    "expand_array": _expand_array,
    "bind": _bind,
    "raise": _raise,
    "mask": _guest_op("guest_mask"),
    "unmask": _unmask,
    "unmask_hc": _unmask_hypercall,
    "clear": _guest_op("guest_clear"),
    "set": _guest_op("guest_set"),
    "consume": _consume,
    "drain": _drain,
    "set_priority": _set_priority,
    "bind_vcpu": _bind_vcpu,
    "rebind": _rebind,
    "close": _close,
    "reset": _reset,
    "hc": _hypercall,
    "poke": _poke,
    "poke_ready": _poke_ready,
    "poke_head": _poke_head,
    "poke_up": _poke_up,
    "poke_sel": _poke_selector,
    "poke_p": _poke_row("pending"),
    "poke_m": _poke_row("mask"),
    "poll": _poll,
}

# What was given to an op, by op; all its other fields are what was observed.
_GIVEN: Mapping[str, tuple[str, ...]] = {
    "init_control": ("cpu", "vcpu", "gfn", "pg", "off"),
    "expand_array": ("cpu", "gfn", "pg", "fill"),
    "bind": ("n",),
    "unmask": ("port", "cpu"),
    "unmask_hc": ("port", "cpu"),
    "consume": ("vcpu", "force"),
    "drain": ("vcpu", "force"),
    "set_priority": ("port", "prio"),
    "bind_vcpu": ("port", "vcpu"),
    "rebind": ("port", "vcpu", "cpu"),
    "reset": (),
    "hc": ("cmd", "args"),
    "poke": ("port", "val"),
    "poke_ready": ("vcpu", "val"),
    "poke_head": ("vcpu", "q", "val"),
    "poke_up": ("vcpu", "val"),
    "poke_sel": ("vcpu", "val"),
    "poke_p": ("word", "val"),
    "poke_m": ("word", "val"),
    "poll": ("vcpu", "port"),
}


# ---- a whole trace ---------------------------------------------------------------------------


class Replayer:
    """Replays traces. `xen` is the release to be, None for the one each trace names."""

    def __init__(self, make: MachineMaker, *, xen: str | None = None, recent: int = 5) -> None:
        self.make = make
        self.behaviour = None if xen is None else behaviour_of(xen)
        self.recent = recent

    def replay(self, path: str, lines: Iterable[Line], header: Line) -> Replayed:
        """Replay one trace whose header has been read. Raises `TraceError` for a malformed one."""
        behaviour = self.behaviour or _behaviour(header)
        world = build_world(header, behaviour, self.make)
        observer = Observer(world.guest, world.events, header)
        result = Replayed(path, str(header.fields.get("name", Path(path).stem)))
        ended = False
        for line in lines:
            if ended:
                raise TraceError(path, line.line, "there is a line after the end line")
            if line.fields.get("t") == "end":
                ended = True
                got = {"lines": result.lines, "handled": world.handled}
                self._compare(result, line, "end", got, ("t",))
                continue
            name = text(line, "op")
            if number(line, "i", 0) != result.lines:
                reason = f"op {line.fields['i']} stands where {result.lines} is due"
                raise TraceError(path, line.line, reason)
            result.lines += 1
            self._remember(result, line)
            if self._line(world, observer, result, line, name):
                result.agreed += 1
            if result.difference is not None:
                break
        if result.difference is not None:
            result.lines += sum(1 for line in lines if "op" in line.fields)
        elif not ended:
            raise TraceError(path, None, "the trace is cut off: it has no end line")
        return result

    def _line(
        self, world: World, observer: Observer, result: Replayed, line: Line, name: str
    ) -> bool:
        if name == "note":
            return True
        if name == "snap":
            got = observer.snapshot(world.handlers)
            return self._compare(result, line, name, got, ("i", "op", "why"))
        if name not in OPS:
            raise TraceError(line.path, line.line, f"unknown op {name!r}")
        observer.begin(name)
        try:
            got = OPS[name](world, line)
        except XenCrashError as crash:
            expected = line.fields.get("rc")
            place = f"{name} (i={line.fields['i']})"
            result.difference = Difference(
                line.path, line.line, place, "rc", expected, crash.message
            )
            return False
        if name == "bind":
            observer.track(got)
        got |= observer.changes()
        return self._compare(result, line, name, got, ("i", "op", *_GIVEN.get(name, ("port",))))

    def _remember(self, result: Replayed, line: Line) -> None:
        shown = ", ".join(f"{key}={value}" for key, value in line.fields.items() if key != "hv")
        result.recent.append(f"{line.line}: {shown}"[:300])
        del result.recent[: -self.recent - 1]

    def _compare(
        self,
        result: Replayed,
        line: Line,
        op: str,
        got: Mapping[str, Any],
        given: tuple[str, ...],
    ) -> bool:
        expected = {key: value for key, value in line.fields.items() if key not in given}
        if op == "bind" and "n" not in line.fields:
            raise TraceError(line.path, line.line, "bind without n")
        if expected == got:
            return True
        for place, wanted, found in _differences("", expected, got):
            label = op if op == "end" else f"{op} (i={line.fields['i']})"
            result.difference = Difference(line.path, line.line, label, place, wanted, found)
            return False
        return True


def _behaviour(header: Line) -> Behaviour:
    try:
        return behaviour_of(text(header, "xen"))
    except UnknownNameError as error:
        hint = "choose one with --xen"
        raise TraceError(header.path, header.line, error.message, hint) from error


def _differences(place: str, expected: Any, got: Any) -> Iterable[tuple[str, Any, Any]]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in [*expected, *(key for key in got if key not in expected)]:
            inner = f"{place}.{key}" if place else str(key)
            if key not in expected or key not in got:
                yield inner, expected.get(key), got.get(key)
            else:
                yield from _differences(inner, expected[key], got[key])
    elif expected != got or type(expected) is not type(got):
        yield place, expected, got


def replay_trace(path: str | Path, make: MachineMaker, *, xen: str | None = None) -> Replayed:
    """Replay the trace file at `path`. Raises `TraceError`, `InputError`."""
    lines = read_lines(path)
    header = next(lines, None)
    if header is None or header.fields.get("t") != "hdr":
        raise TraceError(str(path), 1, "no header line: this is no trace")
    return Replayer(make, xen=xen).replay(str(path), lines, header)
