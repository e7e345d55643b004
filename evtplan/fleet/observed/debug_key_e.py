"""The dump that Xen's debug key `e` writes to its console (xen/common/event_channel.c).

    (XEN) Event channel information for domain 3:
    (XEN) Polling vCPUs: {}
    (XEN)     port [p/m/s]
    (XEN)        1 [1/0/1]: s=3 n=0 x=0 d=0 p=33

What stands between the brackets is pending, masked, and the ABI's own state: the selector bit
under 2-level, BUSY and LINK under FIFO; before Xen 4.4 there is none. Xen prints a line in
several pieces, so that other CPUs' output may stand between them; mail wraps and quotes lines;
logs cut dumps off. A log may hold many dumps: the last whole one is taken.
"""

import re
from array import array
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import NamedTuple

from evtplan.fleet.observed.lines import Tally
from evtplan.fleet.observed.model import (
    PER_VCPU_VIRQS,
    Observation,
    ObservedDomain,
    ObservedPort,
)

__all__ = ["DebugKeyReader"]

_KINDS = {1: "reserved", 2: "unbound", 3: "interdomain", 4: "pirq", 5: "virq", 6: "ipi"}
# The fields without which a line of each state is not whole.
_NEEDED = {1: "n", 2: "nd", 3: "ndp", 4: "np", 5: "nv", 6: "n"}
# No ABI has more ports, no domain more VCPUs.
_MOST_PORTS = 1 << 17
_MOST_VCPUS = 1 << 13
# Other CPUs' lines that may stand between two pieces of one line.
_PATIENCE = 8
# Xen's headings are up to this long.
_SHORT = 60

_MARKER = re.compile(r"'(.)' pressed")
_DOMAIN = re.compile(r"Event channel information for domain\s+d?(\d{1,5})(?!\d)(\s*:)?")
_OLD_DOMAIN = re.compile(r"Domain (\d{1,5}) polling vCPUs:\s*([0-9a-fA-F]{0,256})")
_POLLING = re.compile(r"Polling vCPUs:\s*\{([\d,\- ]*)\}?")
_TABLE = re.compile(r"port\s+\[p/m(/s)?\]")
_PORT = re.compile(
    r"(?<!\d)(\d{1,6})\s{1,12}\[(\d)/(\d)(?:/([\sB?\-\d]{0,16}))?\]:\s{0,4}s=(\d)(?!\d)"
)
# A line as Xen prints it when nothing comes between, nearly every line of a large log. What is
# rare, a port above 99999 or a VCPU above 999, takes a closer look.
# Possessive, since nothing is won by trying fewer digits.
_PREFIX = r"(?:\(XEN\) )?(?:\[[\d\-:. ]{6,32}+\] )?"
_LINE = _PREFIX + (
    r"[ ]{2,12}+([1-9]\d{0,4}+) "
    r"\[([01])/([01])/([ B?\-\d]{1,16}+)\]: s=([16]~|2~ d=\d{1,5}+|3~ d=\d{1,5}+ p=\d{1,6}+"
    r"|4~ p=\d{1,6}+ i=-?\d{1,10}+|5~ v=\d{1,3}+)(?: Z=[\w:.\-]++)?\n"
).replace("~", r" n=\d{1,3}+ x=\d{1,2}+")
_HEADING = re.compile(
    rf"{_PREFIX}Event channel information for domain (\d{{1,5}}+):\n"
    rf"{_PREFIX}Polling vCPUs: {{}}\n{_PREFIX}[ ]*+port \[p/m/s\]\n"
)
_WHOLE_LINE = re.compile(_LINE)
# Not without end: the rest is looked at again where one of them does not follow.
_WHOLE_LINES = re.compile(f"(?:{_LINE}){{1,100}}+")
# What such lines say, where it is known that they are whole.
_PORT_OF_LINE = re.compile(r"  (\d+) \[[01]/")
_END_OF_LINE = re.compile(r" d=(\d+) p=")
_FIELD = re.compile(r"\s{0,4}\b([nxdpiv])=(-?\d{1,10})(?![\w=])")
_HALF_PORT = re.compile(
    r"(?<!\d)(\d{1,6})\s{1,12}\["
    r"(?:\d(?:/(?:\d(?:/[\sB?\-\d]{0,16})?(?:\](?::\s{0,4}(?:s=?)?)?)?)?)?)?$"
)
_HALF_STATE = re.compile(r"(?<!\d)(\d{1,6})\s{1,12}\[\d/\d/")
_HALF_DOMAIN = re.compile(r"Event channel(?: information(?: for(?: domain)?)?)?$")
# The first characters of a line of a dump, and no more.
_BEGUN = re.compile(
    r"(?:\(X?E?N?|\(XEN\)\s*\[[\d\-:. ]*|\(XEN\)\s{2,12}\d{0,6}\s{0,2}|\d\s[nxdpivsZ](?:=-?)?)$"
)
# What no line of a dump lacks; most of a console log is something else.
_OURS = re.compile(r"\]:|\d\s{1,12}\[|hannel|olling vCPUs|pressed|\[p/m|in flux|\)\s+\d+\s*$")
_QUOTES = re.compile(r"^[\s>|]*(?:\[[\d\-:. TZ+]{6,}\]\s*)?")
_FIFO_STATE = re.compile(r"\s*(B)?\s*(\?|-|\d{1,6})\s*")


@dataclass(slots=True)
class _Line:
    """One port's line, or what is there of it; fields may follow on later lines."""

    number: int
    port: int
    pending: bool
    masked: bool
    state: str | None
    kind: int
    fields: dict[str, int] = field(default_factory=dict)
    waited: int = 0

    @property
    def whole(self) -> bool:
        """True where every field that a line of its kind needs is there."""
        return all(name in self.fields for name in _NEEDED[self.kind])

    def seen(self) -> "_Seen":
        """The line, which is whole."""
        get = self.fields.get
        return _Seen(
            self.port, self.pending, self.masked, self.state, self.kind,
            self.fields["n"], get("x"), get("d"), get("p"), get("v"),
        )  # fmt: skip


class _Seen(NamedTuple):
    """A whole line of a port; `state` None is the form without one."""

    port: int
    pending: bool
    masked: bool
    state: str | None
    kind: int
    vcpu: int
    consumer: int | None
    domain: int | None
    peer: int | None
    virq: int | None

    @property
    def connected(self) -> bool:
        return self.kind == 3 and self.domain is not None and self.peer is not None


@dataclass(slots=True)
class _Block:
    """One domain of a dump; `domain` None is no heading.

    `parts` has the lines in the order printed: texts of lines that are whole in themselves, of
    which most belong to a dump that is not the last, and lines put together from pieces.
    `ports` are theirs.
    """

    domain: int | None
    parts: list["str | _Seen"] = field(default_factory=list)
    ports: "array[int]" = field(default_factory=lambda: array("l"))
    polling: tuple[int, ...] | None = None

    @property
    def last_port(self) -> int:
        return self.ports[-1] if self.ports else 0

    def take(self, part: "str | _Seen", ports: list[int]) -> None:
        """Take one line, or the text of several."""
        self.parts.append(part)
        self.ports.extend(ports)

    def drop_last(self) -> None:
        """Take the last line back."""
        self.ports.pop()
        last = self.parts.pop()
        if isinstance(last, str) and (rest := last[: last.rfind("\n", 0, -1) + 1]):
            self.parts.append(rest)

    def lines(self) -> Iterator[_Seen]:
        """Every line, read."""
        for part in self.parts:
            if isinstance(part, str):
                yield from map(_seen, _WHOLE_LINE.findall(part))
            else:
                yield part

    def connected(self) -> set[int]:
        """The domains in which connected ports have their other ends."""
        found: set[int] = set()
        for part in self.parts:
            if isinstance(part, str):
                found.update(map(int, set(_END_OF_LINE.findall(part))))
            elif part.connected:
                found.add(part.domain or 0)
        return found

    def highest_end(self, domain: int) -> int:
        """The highest port in `domain` with which one of these is connected; 0 for none."""
        in_domain = re.compile(rf" d=0*{domain} p=(\d+)")
        found = [0]
        for part in self.parts:
            if isinstance(part, str):
                found.extend(map(int, in_domain.findall(part)))
            elif part.connected and part.domain == domain:
                found.append(part.peer or 0)
        return max(found)


@dataclass(slots=True)
class _Dump:
    """One dump: its domains in the order printed, and what shows that it is not whole.

    `ended` is the line where something else followed, 0 while nothing has; `doubt` is 0 for a
    whole dump, 1 where only other ends are missing, 2 where it is surely cut off.
    """

    line: int
    marked: bool = False
    blocks: dict[int | None, _Block] = field(default_factory=dict)
    ended: int = 0
    cut: str = ""
    doubt: int = 0

    @property
    def last(self) -> _Block | None:
        return next(reversed(self.blocks.values()), None)

    def suspect(self, doubt: int, reason: str) -> None:
        """Note `reason` unless there is a stronger one."""
        if doubt > self.doubt:
            self.doubt, self.cut = doubt, reason


class DebugKeyReader:
    """Reads a log line by line with `feed`; `finish` has what was found."""

    name = "debug-key-e"

    def __init__(self) -> None:
        self._dump: _Dump | None = None
        self._block: _Block | None = None
        self._open: _Line | None = None
        self._half = ""
        self._half_line = 0
        self._best: _Dump | None = None
        self._dumps = 0
        self._unwhole: deque[tuple[int, str]] = deque(maxlen=4)
        self._damaged = Tally()
        self._orphans = Tally()
        self._headless = _Block(None)
        self._headless_ports: set[int] = set()
        # The last port taken of the block; a port that went back behind it, and where it was then.
        self._last_port = 0
        self._stray = (0, 0)
        self._lost: list[_Block] = []
        self._in_flux = 0
        self._last = 0
        self._last_text = ""

    def feed(self, number: int, text: str) -> None:
        """Take one line of the log."""
        self._last, self._last_text = number, text
        if self._open is None and not self._half and not _OURS.search(text):
            if self._dump is not None and not self._dump.ended and text.strip(" >|"):
                self._foreign(number)
        elif "(XEN)" in text:
            before, *segments = text.split("(XEN)")
            if "=" in before or "[" in before:
                self._segment(number, before)
            for segment in segments:
                self._segment(number, segment)
        else:
            self._segment(number, text)

    def take(self, number: int, text: str, start: int) -> tuple[int, int]:
        """Take lines that are whole in themselves, those with which text[start:] begins: a
        domain's heading, or ports; each ends in a line feed, `number` is the first one's.

        Returns how many they were, and where they end; none where the first line takes a
        closer look, by `feed`.
        """
        if self._half:
            return 0, start
        if found := _HEADING.match(text, start):
            self._domain(number, int(found[1]))
            assert self._block is not None
            self._block.polling = ()
            return self._taken(number, text, 3, found.end())
        found = None if self._block is None else _WHOLE_LINES.match(text, start)
        if found is None:
            return 0, start
        self._close_line()
        block = self._block
        assert block is not None
        end = found.end()
        ports = list(map(int, _PORT_OF_LINE.findall(text, start, end)))
        rising = takewhile(lambda pair: pair[0] < pair[1], pairwise([self._last_port, *ports]))
        lines = sum(1 for _ in rising)
        if not lines:
            return 0, start
        if lines < len(ports):
            ports, end = ports[:lines], start
            for _ in ports:
                end = text.index("\n", end) + 1
        block.take(text[start:end], ports)
        self._last_port = ports[-1]
        return self._taken(number, text, lines, end)

    def _taken(self, number: int, text: str, lines: int, end: int) -> tuple[int, int]:
        self._last = number + lines - 1
        self._last_text = text[text.rfind("\n", 0, end - 1) + 1 : end - 1]
        self._goes_on()
        return lines, end

    def finish(self) -> Observation | None:
        """The last whole dump; None where the log has none at all."""
        self._close_dump(at_end=True)
        dump = self._best
        if dump is None and not self._headless.ports:
            return None
        if dump is None:
            dump = _Dump(self._orphans.first)
            dump.blocks[None] = self._headless
        domains = tuple(map(_observed, dump.blocks.values()))
        return Observation(
            self.name,
            domains,
            line=dump.line,
            dumps=self._dumps,
            truncated=dump.cut if dump.doubt else "",
            notes=tuple(self._notes(dump)),
        )

    # The parts of a dump

    def _segment(self, number: int, text: str) -> None:
        """What one printk wrote, or a piece of it, without Xen's prefix."""
        bare = _QUOTES.sub("", text, count=1).rstrip()
        if not bare:
            return
        if self._half:
            joined = f"{self._half} {bare}"
            if self._is_part(joined):
                self._half, bare = "", joined
            elif number - self._half_line > _PATIENCE:
                self._drop_half()
        elif self._open is not None and self._continued(bare):
            return
        if self._known(number, bare):
            return
        if self._wait_for_rest(number, bare):
            return
        self._foreign(number)

    @staticmethod
    def _is_part(text: str) -> bool:
        return bool(_PORT.search(text) or _HALF_PORT.search(text) or _DOMAIN.search(text))

    def _known(self, number: int, text: str) -> bool:
        if "]:" in text and (found := _PORT.search(text)):
            self._port(number, text, found)
            return True
        if "hannel info" in text and (found := _DOMAIN.search(text)):
            self._domain(number, int(found[1]))
            return True
        if "olling vCPUs" in text:
            return self._polling(number, text)
        if "[p/m" in text and _TABLE.search(text):
            self._close_line()
            self._goes_on()
            return True
        if "pressed" in text and (found := _MARKER.search(text)):
            self._close_dump(at_end=False)
            if found[1] == "e":
                self._start_dump(number, marked=True)
            return True
        if text.endswith("in flux") and self._block is not None:
            self._close_line()
            self._in_flux += 1
            return True
        return False

    def _port(self, number: int, text: str, found: re.Match[str]) -> None:
        self._close_line()
        port, kind = int(found[1]), int(found[5])
        if kind not in _KINDS or not 0 < port < _MOST_PORTS:
            self._damage(number)
            return
        self._drop_half()
        if self._block is None:
            self._orphans.add(number)
        self._open = _Line(number, port, found[2] != "0", found[3] != "0", found[4], kind)
        self._take_fields(text, found.end())

    def _take_fields(self, text: str, start: int) -> bool:
        """Read `name=value` one after the other from `start`; True where there was any."""
        assert self._open is not None
        fields, taken = self._open.fields, False
        while (found := _FIELD.match(text, start)) and found[1] not in fields:
            fields[found[1]] = int(found[2])
            start, taken = found.end(), True
        return taken

    def _continued(self, bare: str) -> bool:
        """True where `bare` goes on with the open line."""
        assert self._open is not None
        if _FIELD.match(bare):
            return self._take_fields(bare, 0)
        return bare.startswith("Z=")

    def _domain(self, number: int, domain: int) -> None:
        self._close_line()
        block = self._block
        if block is not None and block.domain == domain and not block.ports:
            return  # before 4.4 a domain has two headings
        dump = self._dump
        if dump is None or domain in dump.blocks or (domain == 0 and dump.blocks):
            self._close_dump(at_end=False)
            dump = self._start_dump(number, marked=False)
        dump.ended = 0
        self._block = dump.blocks[domain] = _Block(domain)
        self._last_port = 0

    def _polling(self, number: int, text: str) -> bool:
        if found := _OLD_DOMAIN.search(text):
            self._domain(number, int(found[1]))
            mask = int(found[2] or "0", 16)
            polling = tuple(bit for bit in range(mask.bit_length()) if mask >> bit & 1)
        elif found := _POLLING.search(text):
            polling = _ranges(found[1])
        else:
            return False
        self._close_line()
        if self._block is not None:
            self._block.polling = polling
            self._goes_on()
        return True

    def _wait_for_rest(self, number: int, bare: str) -> bool:
        """True where `bare` ends in the first half of something that may go on further down."""
        if self._block is not None and bare.isdigit() and len(bare) < 7:
            self._close_line()
            self._half, self._half_line = bare, number
            return True
        tail = max(0, len(bare) - _SHORT)
        if "[" in bare and (found := _HALF_PORT.search(bare, tail) or _HALF_STATE.search(bare)):
            self._close_line()
            self._half, self._half_line = found[0], number
            return True
        if bare.endswith(("channel", "information", "for", "domain")) and (
            found := _HALF_DOMAIN.search(bare)
        ):
            self._close_line()
            self._half, self._half_line = found[0], number
            return True
        return False

    def _foreign(self, number: int) -> None:
        """Another line of the console, or of the mail."""
        if self._open is not None:
            self._open.waited += 1
            if self._open.whole or self._open.waited > _PATIENCE:
                self._close_line()
        if self._dump is not None and self._open is None and not self._half:
            self._dump.ended = self._dump.ended or number

    # Ends

    def _close_line(self) -> None:
        line, self._open = self._open, None
        if line is None:
            return
        self._goes_on()
        if not line.whole or not 0 <= line.fields["n"] < _MOST_VCPUS:
            self._damage(line.number)
        elif self._block is None:
            if not self._dumps and line.port not in self._headless_ports:
                self._headless_ports.add(line.port)
                self._headless.take(line.seen(), [line.port])
        elif line.port > self._last_port or self._goes_back(line):
            self._last_port = line.port
            self._block.take(line.seen(), [line.port])
        else:
            self._damage(line.number)

    def _goes_back(self, line: _Line) -> bool:
        """True where `line`, whose port is not above the last one, is taken nevertheless.

        Xen prints ports in their order: either the last one was damaged, or this one is, or, where
        a second follows from it, the ports are those of a domain whose heading is missing.
        """
        assert self._block is not None
        *_, before, last = (0, 0, *self._block.ports[-2:])
        if before < line.port < last:
            self._block.drop_last()
            self._damage(line.number)
            return True
        stray, at = self._stray
        if at != last or line.port <= stray or self._dump is None:
            self._stray = (line.port, last)
            return False
        self._dump.suspect(1, "the heading of a domain is missing")
        self._block = _Block(None)
        self._lost.append(self._block)
        return True

    def _damage(self, number: int) -> None:
        self._damaged.add(number)

    def _drop_half(self) -> None:
        if self._half[:1].isdigit():
            self._damage(self._half_line)
        self._half = ""

    def _goes_on(self) -> None:
        if self._dump is not None:
            self._dump.ended = 0

    def _start_dump(self, number: int, *, marked: bool) -> _Dump:
        self._dump = _Dump(number, marked)
        return self._dump

    def _close_dump(self, *, at_end: bool) -> None:
        dump = self._dump
        if dump is not None:
            if at_end and dump.ended == self._last and len(self._last_text) < _SHORT:
                dump.ended = 0  # all that follows is a line cut off, perhaps one of the dump's own
            cut_in_line = bool(self._half) or (self._open is not None and not self._open.whole)
            cut_in_line |= at_end and bool(_BEGUN.search(self._last_text))
            if cut_in_line and not dump.ended:
                dump.suspect(2, "it stops in the middle of a line")
        self._close_line()
        self._drop_half()
        self._block, self._dump = None, None
        if dump is None or (not dump.blocks and not (dump.marked and at_end)):
            return
        if not dump.blocks:
            # Nothing but the key press: no dump of its own to choose, yet worth a word.
            self._dumps += 1
            self._unwhole.append((dump.line, "no domain follows the key press"))
            return
        self._dumps += 1
        _judge(dump, self._best, at_end)
        if dump.doubt:
            self._unwhole.append((dump.line, dump.cut))
        if self._best is None or dump.doubt <= self._best.doubt:
            self._best = dump

    def _notes(self, taken: _Dump) -> Iterable[str]:
        if self._dumps > 1:
            which = "the last whole one" if not taken.doubt else "the last one"
            yield f"{self._dumps} dumps; {which} is taken, from line {taken.line}"
        for line, why in (item for item in self._unwhole if item[0] != taken.line):
            yield f"the dump from line {line} is truncated: {why}; it is left out"
        if taken.doubt:
            yield f"the dump from line {taken.line} is truncated: {taken.cut}; counts are too low"
        if self._orphans.count and None not in taken.blocks:
            yield (
                f"{self._orphans.count} port lines before any domain's heading, the first on line "
                f"{self._orphans.first}: the log begins in the middle of a dump; they are left out"
            )
        if self._lost:
            lines = sum(len(block.ports) for block in self._lost)
            yield f"{lines} port lines whose domain's heading is missing: they are left out"
        if self._damaged.count:
            yield (
                f"{self._damaged.count} damaged or repeated port lines, the first on line "
                f"{self._damaged.first}: they are left out"
            )
        if self._in_flux:
            yield f"{self._in_flux} ports were in flux while Xen printed: they are left out"


def _judge(dump: _Dump, earlier: _Dump | None, at_end: bool) -> None:
    """Say whether `dump` is cut off at its end."""
    last = dump.last
    assert last is not None
    if not last.ports and not dump.ended:
        dump.suspect(2, f"domain {last.domain} has a heading and no port")
    if at_end and not dump.ended and earlier is not None and _lost_local_ports(last, earlier):
        dump.suspect(2, f"domain {last.domain} has lost its last ports since the dump before")
    # Domains are printed in the order of their numbers, ports too: an other end that must
    # come later and does not was cut off. An excerpt of some domains says nothing of others.
    number = -1 if last.domain is None else last.domain
    blocks = dump.blocks.values()
    highest = max(block.highest_end(number) for block in blocks)
    if highest > last.last_port:
        dump.suspect(
            1, f"domain {last.domain} ends at port {last.last_port}, {highest} is connected"
        )
    connected = set().union(*(block.connected() for block in blocks))
    beyond = {domain for domain in connected if domain > number and domain not in dump.blocks}
    if beyond and (dump.marked or 0 in dump.blocks):
        names = ", ".join(map(str, sorted(beyond)[:5]))
        dump.suspect(1, f"connected domains are not in it: {names}")


def _lost_local_ports(last: _Block, earlier: _Dump) -> bool:
    """True where `earlier` has IPIs or VIRQs of that domain beyond its last port now.

    A guest closes devices' ports as they go, and its own (IPIs, VIRQs, PIRQs) hardly ever.
    """
    before = earlier.blocks.get(last.domain)
    if before is None:
        return False
    return any(seen.port > last.last_port and seen.kind in (4, 5, 6) for seen in before.lines())


def _ranges(text: str) -> tuple[int, ...]:
    """The numbers of a list such as `0,2-4`."""
    found: list[int] = []
    for part in text.replace(" ", "").split(",")[:_MOST_VCPUS]:
        low, _, high = part.partition("-")
        if low.isdigit() and (high or low).isdigit():
            first, final = int(low[:6]), int((high or low)[:6])
            found.extend(range(first, min(final, _MOST_VCPUS) + 1))
    return tuple(dict.fromkeys(found))


# From lines to ports


def _seen(line: tuple[str, str, str, str, str]) -> _Seen:
    """What a line says that is whole in itself."""
    port, pending, masked, state, rest = line
    kind, *given = rest.split(" ")
    fields = {part[0]: int(part[2:]) for part in given}
    get = fields.get
    return _Seen(
        int(port), pending == "1", masked == "1", state, int(kind),
        fields["n"], fields["x"], get("d"), get("p"), get("v"),
    )  # fmt: skip


def _observed(block: _Block) -> ObservedDomain:
    lines = list(block.lines())
    fifo = any(_is_fifo(seen.state) for seen in lines)
    abi, evidence = _abi(lines, fifo)
    ports = tuple(_observed_port(seen, fifo) for seen in lines)
    block.parts = []  # the memory of the larger half, before the next domain's
    return ObservedDomain(block.domain, ports, abi, evidence, block.polling)


def _is_fifo(state: str | None) -> bool:
    """True for a state that 2-level never prints: `  -   `, `B -   `, `  12  `, `?     `."""
    return state is not None and state not in ("0", "1")


def _observed_port(seen: _Seen, fifo: bool) -> ObservedPort:
    linked = busy = link = None
    if fifo and seen.state is not None and (found := _FIFO_STATE.fullmatch(seen.state)):
        word = found[2]
        if word != "?":
            busy, linked = found[1] == "B", word != "-"
            link = int(word) if linked else None
    what = {4: seen.peer, 5: seen.virq}.get(seen.kind)
    text = None if what is None else str(what)
    return ObservedPort(
        number=seen.port,
        kind=_KINDS[seen.kind],
        vcpu=seen.vcpu,
        consumer=seen.consumer,
        remote_domain=seen.domain if seen.kind in (2, 3) else None,
        remote_port=seen.peer if seen.kind == 3 else None,
        pending=seen.pending,
        masked=seen.masked,
        linked=linked,
        busy=busy,
        link=link,
        what=text,
        per_vcpu=seen.kind == 6 or (seen.kind == 5 and text in PER_VCPU_VIRQS),
    )


def _abi(lines: Collection[_Seen], fifo: bool) -> tuple[str | None, str]:
    """The ABI of a domain and what shows it.

    2-level prints a selector bit. It holds 1023 ports in a 32-bit guest and 4095 in a 64-bit
    one; a port above 1023 shows the latter, selector bits that differ within 64 ports and agree
    within 32 the former. Otherwise 64 bits are assumed.
    """
    if not lines:
        return None, "no port in use"
    if fifo:
        return "fifo", "the state is a FIFO event word"
    stated = any(seen.state for seen in lines)
    how = "the state is a selector bit" if stated else "no state is printed, before Xen 4.4"
    if max(seen.port for seen in lines) > 1023:
        return "2l-64", f"{how}; a port above 1023"
    if stated and _selectors_are_32_bits_wide(lines):
        return "2l-32", f"{how}; the bits differ by 32 ports"
    return "2l-64", f"{how}; 64 bits assumed, no port above 1023"


def _selectors_are_32_bits_wide(lines: Collection[_Seen]) -> bool:
    """True where VCPUs' selector bits cannot be those of 64-bit words.

    The guest clears bits while Xen prints, so that a single odd one proves nothing.
    """
    words: dict[tuple[int, int], list[str | None]] = {}
    for seen in lines:
        words.setdefault((seen.vcpu, seen.port // 32), []).append(seen.state)
    if any(len(set(bits)) > 1 for bits in words.values()):
        return False
    steady = {key: bits[0] for key, bits in words.items() if len(bits) > 1}
    return any(
        vcpu == other and first // 2 == second // 2 and steady[vcpu, first] != steady[other, second]
        for (vcpu, first), (other, second) in pairwise(sorted(steady))
    )
