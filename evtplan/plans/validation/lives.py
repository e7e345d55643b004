"""Hosts that open and close channels at random: nothing is lost, nothing is counted twice.

A ledger of its own notes what every hypercall returned. After each step the host's counts must be
what the ledger says they are.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from evtplan.engine.host import DOMID_SELF, Domain, Host
from evtplan.engine.hosts.behaviour import Behaviour
from evtplan.engine.hosts.bulk import BulkHost
from evtplan.engine.hosts.heap import Allocation, Heap, NoMemoryError
from evtplan.engine.hosts.ports import PortState
from evtplan.plans.validation.core import Scale
from evtplan.plans.validation.verdicts import AGREES, DISAGREES

__all__ = ["LifeRow", "lives_led"]

_DOMAINS = 6


@dataclass(slots=True)
class LifeRow:
    """One thing that must be conserved, and how often it was compared."""

    host: str
    question: str
    points: int = 0
    disagreements: int = 0

    def compare(self, said: int, found: int) -> None:
        """Count one comparison."""
        self.points += 1
        self.disagreements += said != found

    @property
    def failed(self) -> bool:
        """Something was lost or counted twice, or nothing was compared."""
        return self.disagreements > 0 or self.points == 0

    def row(self) -> dict[str, Any]:
        """One row for exporters."""
        return {
            "host": self.host,
            "question": self.question,
            "points": self.points,
            "disagreements": self.disagreements,
            "verdict": DISAGREES if self.failed else AGREES,
        }


def lives_led(scale: Scale) -> tuple[LifeRow, ...]:
    """Lead every life; the same scale leads the same ones."""
    steps, seeds = (300, 6) if scale is Scale.SMALL else (1500, 10)
    found: list[LifeRow] = []
    for release in (404, 423):
        name = f"host model, Xen {Behaviour(release).name}, allocations failing at random"
        life = _Life(name)
        for seed in range(seeds):
            life.lead(random.Random(seed), release, steps)
        found.extend(life.rows)
    return (*found, *_many_ports(steps * 10, seeds))


@dataclass(slots=True)
class _Ledger:
    """What hypercalls said, by domain: open ports, channels as pairs of ends, mapped pages."""

    ports: dict[int, set[int]] = field(default_factory=dict)
    pairs: set[frozenset[tuple[int, int]]] = field(default_factory=set)
    pages: dict[int, int] = field(default_factory=dict)
    blocks: dict[int, int] = field(default_factory=dict)

    def forget(self, end: tuple[int, int]) -> None:
        """An end is closed: its channel is no more, and the other end stays open."""
        self.pairs = {pair for pair in self.pairs if end not in pair}
        self.ports[end[0]].discard(end[1])


class _Life:
    """Lives on the readable host, all compared in the same rows."""

    def __init__(self, name: str) -> None:
        self.in_use = LifeRow(name, "ports in use = ports opened less ports closed")
        self.ends = LifeRow(name, "channels with two ends that know each other = channels joined")
        self.mapped = LifeRow(name, "pages mapped = pages added less pages given back")
        self.buckets = LifeRow(name, "buckets alive = buckets that hold the domains' ports")
        self.nothing = LifeRow(name, "allocations alive once every domain is gone = 0")
        self.rows = (self.in_use, self.ends, self.mapped, self.buckets, self.nothing)

    def lead(self, chance: random.Random, release: int, steps: int) -> None:
        """One life of `steps` steps, in which an allocation in twenty fails."""
        failing = {n for n in range(_DOMAINS + 4, 40 * steps) if chance.random() < 0.05}
        host = Host(Behaviour(release), Heap(failing=failing))
        ledger = _Ledger()
        for domid in range(_DOMAINS):
            self._create(host, ledger, domid)
        for step in range(steps):
            self._step(host, ledger, chance, step)
            self._compare(host, ledger)
        for domain in list(host.domains.values()):
            host.destroy(domain)
        for kind in Allocation:
            self.nothing.compare(0, host.heap.live[kind])

    def _create(self, host: Host, ledger: _Ledger, domid: int) -> None:
        try:
            host.create(domid, vcpus=2, max_port=4095, privileged=domid == 0)
        except NoMemoryError:
            return
        ledger.ports[domid] = set()
        ledger.pages[domid] = ledger.blocks[domid] = 0

    def _step(self, host: Host, ledger: _Ledger, chance: random.Random, step: int) -> None:
        domid = chance.randrange(_DOMAINS)
        if domid not in host.domains:
            self._create(host, ledger, domid)
            return
        domain = host.domains[domid]
        match chance.choices(
            ("pair", "own", "close", "block", "page", "reset", "destroy"),
            (40, 10, 35, 5, 8, 1, 1),
        )[0]:
            case "pair":
                self._pair(host, ledger, domain, chance.randrange(_DOMAINS))
            case "own":
                port = host.bind_ipi(domain, chance.randrange(2))
                if port > 0:
                    ledger.ports[domid].add(port)
            case "close":
                known = sorted(ledger.ports[domid])
                port = chance.choice([*known, 4000]) if known else 0
                if host.close(domain, port) == 0:
                    ledger.forget((domid, port))
            case "block":
                domain.frame(step)
                if host.init_control(domain, chance.randrange(2), step, 0) == 0:
                    ledger.blocks[domid] += 1
            case "page":
                domain.frame(step)
                if host.expand_array(domain, step) == 0:
                    ledger.pages[domid] += 1
            case "reset":
                self._reset(host, ledger, domain)
            case "destroy":
                self._clear(ledger, domid)
                host.destroy(domain)
                del ledger.ports[domid], ledger.pages[domid], ledger.blocks[domid]

    def _pair(self, host: Host, ledger: _Ledger, domain: Domain, other: int) -> None:
        here = host.alloc_unbound(domain, DOMID_SELF, other)
        if here < 0:
            return
        ledger.ports[domain.domid].add(here)
        if other in host.domains:
            there = host.bind_interdomain(host.domains[other], domain.domid, here)
            if there > 0:
                ledger.ports[other].add(there)
                ledger.pairs.add(frozenset({(domain.domid, here), (other, there)}))

    def _reset(self, host: Host, ledger: _Ledger, domain: Domain) -> None:
        host.reset(domain, DOMID_SELF)
        self._clear(ledger, domain.domid)
        if host.behaviour.reset_leaves_fifo:
            ledger.pages[domain.domid] = ledger.blocks[domain.domid] = 0

    def _clear(self, ledger: _Ledger, domid: int) -> None:
        for port in list(ledger.ports[domid]):
            ledger.forget((domid, port))

    def _compare(self, host: Host, ledger: _Ledger) -> None:
        live = host.heap.live
        joined = 0
        for domid, domain in host.domains.items():
            self.in_use.compare(len(ledger.ports[domid]), domain.ports.active)
            for number, port in domain.bound():
                if port.state is PortState.INTERDOMAIN and port.peer is not None:
                    there = port.peer.ports.ports[port.peer_port]
                    joined += there.peer is domain and there.peer_port == number
        self.ends.compare(2 * len(ledger.pairs), joined)
        pages = sum(ledger.pages.values()) + sum(ledger.blocks.values())
        self.mapped.compare(pages, host.heap.mapped)
        size = host.behaviour.evtchns_per_bucket
        held = sum(len(domain.ports) for domain in host.domains.values())
        self.buckets.compare(held // size, live[Allocation.BUCKET])


def _many_ports(steps: int, seeds: int) -> Iterator[LifeRow]:
    """The host of millions of ports, opening and closing channels by the hundred."""
    name = "host of arrays"
    in_use = LifeRow(name, "ports in use = ports opened less ports closed")
    refused = LifeRow(name, "closing a closed port is refused")
    for seed in range(seeds):
        chance = random.Random(seed)
        bulk = BulkHost(_DOMAINS, buckets=_DOMAINS * 2100, pages=1)
        for _ in range(_DOMAINS):
            bulk.create(max_port=-1)
        open_ports: list[tuple[int, int]] = []
        for _ in range(steps // 20):
            one, two = chance.sample(range(_DOMAINS), 2)
            before = {d: {p for e, p in open_ports if e == d} for d in (one, two)}
            made, _error = bulk.bind_pairs(one, two, chance.randrange(1, 40))
            for domain in (one, two):
                found = [
                    (domain, port)
                    for port in range(1, bulk.highest_port(domain) + 1)
                    if bulk.state(domain, port)[0] > PortState.RESERVED
                    and port not in before[domain]
                ]
                in_use.compare(made, len(found))
                open_ports += found
            chance.shuffle(open_ports)
            for _ in range(min(len(open_ports), chance.randrange(60))):
                domain, port = open_ports.pop()
                bulk.close(domain, port)
                refused.compare(-22, bulk.close(domain, port))
            in_use.compare(len(open_ports), bulk.ends)
    yield from (in_use, refused)
