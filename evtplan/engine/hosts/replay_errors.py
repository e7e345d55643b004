"""Recorded error numbers: rows of (mode, call, when, rc), each row a case that is built and tried.

The rows of a mode share one guest and are tried in order. It is domain 1 with two VCPUs, beside
an unprivileged view of domain 0, and has a port of every kind.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evtplan.abi.errnos import Errno
from evtplan.engine.host import (
    DOMID_SELF,
    MAX_ARRAY_PAGES,
    Domain,
    Frame,
    Host,
    Virq,
)
from evtplan.engine.hosts.behaviour import Behaviour
from evtplan.engine.hosts.hypercalls import hypercall
from evtplan.engine.hosts.trace_file import Line, TraceError, number, text

__all__ = ["Rows", "replay_error_rows"]

_HUGE = 0xFFFF_FFFF
_NOBODY = 77  # a domid without a domain
_VCPUS = 2
_GOOD, _BAD, _READ_ONLY, _SECOND = 0x1000, 0x7, 0x6, 0x1001


@dataclass(slots=True)
class Rows:
    """Error rows replayed: the first that does not agree, with what came instead."""

    lines: int = 0
    agreed: int = 0
    difference: tuple[Line, str, Any, Any] | None = None


@dataclass(slots=True)
class _Case:
    """The guest of one mode, and the number of a port of each kind."""

    host: Host
    guest: Domain
    peer: Domain
    ports: dict[str, int] = field(default_factory=dict)
    bound_pirq: int = 3

    def call(self, command: str, **arguments: int) -> int:
        """A hypercall by the guest."""
        return hypercall(self.host, self.guest, command, arguments)

    def port(self, kind: str) -> int:
        """A port by its kind, as the rows call it."""
        ports = self.guest.ports
        if kind == "free":
            return max(n for n in range(len(ports)) if not ports.ports[n].state)
        if kind == "beyond":
            return len(ports)
        return self.ports[kind]


def _build(behaviour: Behaviour) -> _Case:
    host = Host(behaviour)
    peer = host.create(0, max_port=-1, privileged=True)
    guest = host.create(1, vcpus=_VCPUS, max_port=4095)
    case = _Case(host, guest, peer)
    guest.frames |= {
        _GOOD: Frame(_GOOD), _SECOND: Frame(_SECOND), _READ_ONLY: Frame(_READ_ONLY, writable=False)
    }  # fmt: skip
    bound = case.call("alloc_unbound", dom=DOMID_SELF, rdom=0)
    host.bind_interdomain(peer, 1, bound)
    there = host.alloc_unbound(peer, DOMID_SELF, 1)
    host.bind_interdomain(guest, 0, there)
    case.ports = {
        "interdomain": bound,
        "unbound": case.call("alloc_unbound", dom=DOMID_SELF, rdom=0),
        "ipi": case.call("bind_ipi", vcpu=0),
        "timer": case.call("bind_virq", virq=Virq.TIMER, vcpu=0),
        "arch": case.call("bind_virq", virq=Virq.ARCH_0 + 1, vcpu=0),
        "pirq": case.call("bind_pirq", pirq=case.bound_pirq),
        "xen": host.bind_xen(guest, 0, 0),
        "zero": 0,
        "huge": _HUGE,
        "taken": there,
    }
    return case


_Try = Callable[[_Case], int]

_PORTS = {
    "bound port": "interdomain",
    "interdomain port": "interdomain",
    "port >= valid_evtchns": "beyond",
    "port 0xffffffff": "huge",
    "port 0": "zero",
    "port 0 (reserved)": "zero",
    "free port inside a valid bucket": "free",
    "unbound port": "unbound",
    "unbound port (dropped silently)": "unbound",
    "IPI port": "ipi",
    "VIRQ port": "timer",
    "PIRQ port": "pirq",
    "Xen-consumer port": "xen",
}


def _on(command: str, kind: str, **more: int) -> _Try:
    return lambda case: case.call(command, port=case.port(kind), **more)


def _call(command: str, **arguments: int) -> _Try:
    return lambda case: case.call(command, **arguments)


def _port_cases() -> dict[tuple[str, str], _Try]:
    cases: dict[tuple[str, str], _Try] = {}
    for when, kind in _PORTS.items():
        cases["set_priority", when] = _on("set_priority", kind, prio=0)
        cases["bind_vcpu", when] = _on("bind_vcpu", kind, vcpu=0)
        cases["status", when] = _on("status", kind, dom=DOMID_SELF)
        for command in ("unmask", "send", "close"):
            cases[command, when] = _on(command, kind)
    for priority, name in ((0, "0"), (15, "15"), (16, "16"), (_HUGE, "0xffffffff")):
        when = f"bound port, priority {name}"
        cases["set_priority", when] = _on("set_priority", "interdomain", prio=priority)
    free = "free port inside a valid bucket, priority 16"
    cases["set_priority", free] = _on("set_priority", "free", prio=16)
    cases |= {
        ("bind_vcpu", "interdomain port, vcpu 1"): _on("bind_vcpu", "interdomain", vcpu=1),
        ("bind_vcpu", "vcpu == max_vcpus"): _on("bind_vcpu", "interdomain", vcpu=_VCPUS),
        ("bind_vcpu", "vcpu 0xffffffff"): _on("bind_vcpu", "interdomain", vcpu=_HUGE),
        ("bind_vcpu", "bad vcpu and bad port"): _on("bind_vcpu", "huge", vcpu=_VCPUS),
        ("bind_vcpu", "per-vcpu VIRQ (TIMER)"): _on("bind_vcpu", "timer", vcpu=1),
        ("bind_vcpu", "global VIRQ (ARCH_1)"): _on("bind_vcpu", "arch", vcpu=1),
        ("status", "DOMID_SELF, bound port"): _on("status", "interdomain", dom=DOMID_SELF),
        ("status", "unknown domain"): _on("status", "interdomain", dom=_NOBODY),
        ("status", "other domain, unprivileged"): _on("status", "interdomain", dom=0),
        ("status", "other domain, invalid port (checked before permission)"): _on(
            "status", "huge", dom=0
        ),
    }
    return cases


_BINDING: Mapping[tuple[str, str], _Try] = {
    ("alloc_unbound", "DOMID_SELF"): _call("alloc_unbound", dom=DOMID_SELF, rdom=0),
    ("alloc_unbound", "unknown domain"): _call("alloc_unbound", dom=_NOBODY, rdom=0),
    ("alloc_unbound", "other domain, unprivileged"): _call("alloc_unbound", dom=0, rdom=1),
    ("alloc_unbound", "remote_dom does not exist"): _call(
        "alloc_unbound", dom=DOMID_SELF, rdom=_NOBODY
    ),
    ("bind_interdomain", "unknown domain"): _call("bind_interdomain", rdom=_NOBODY, rport=1),
    ("bind_interdomain", "remote port invalid"): _call("bind_interdomain", rdom=0, rport=_HUGE),
    ("bind_interdomain", "remote port 0"): _call("bind_interdomain", rdom=0, rport=0),
    ("bind_interdomain", "remote port already interdomain"): lambda case: case.call(
        "bind_interdomain", rdom=0, rport=case.ports["taken"]
    ),
    ("bind_ipi", "vcpu 0"): _call("bind_ipi", vcpu=0),
    ("bind_ipi", "vcpu == max_vcpus"): _call("bind_ipi", vcpu=_VCPUS),
    ("bind_virq", "virq 24 (== NR_VIRQS)"): _call("bind_virq", virq=24, vcpu=0),
    ("bind_virq", "virq 0xffffffff"): _call("bind_virq", virq=_HUGE, vcpu=0),
    ("bind_virq", "TIMER on vcpu 0 again"): _call("bind_virq", virq=Virq.TIMER, vcpu=0),
    ("bind_virq", "TIMER on vcpu 1"): _call("bind_virq", virq=Virq.TIMER, vcpu=1),
    ("bind_virq", "TIMER, vcpu == max_vcpus"): _call("bind_virq", virq=Virq.TIMER, vcpu=_VCPUS),
    ("bind_virq", "global VIRQ on vcpu 1"): _call("bind_virq", virq=Virq.CONSOLE, vcpu=1),
    ("bind_virq", "global VIRQ (CONSOLE), not the hardware domain"): _call(
        "bind_virq", virq=Virq.CONSOLE, vcpu=0
    ),
    ("bind_virq", "per-domain VIRQ (ARGO) on vcpu 0"): _call("bind_virq", virq=Virq.ARGO, vcpu=0),
    ("bind_pirq", "pirq >= nr_pirqs"): lambda case: case.call("bind_pirq", pirq=case.guest.pirqs),
    ("bind_pirq", "already bound"): lambda case: case.call("bind_pirq", pirq=case.bound_pirq),
    ("bind_pirq", "free pirq"): lambda case: case.call("bind_pirq", pirq=case.bound_pirq + 1),
    ("reset", "unknown domain"): _call("reset", dom=_NOBODY),
    ("reset", "other domain, unprivileged"): _call("reset", dom=0),
    ("reset", "DOMID_SELF with a Xen-consumer port present"): _call("reset", dom=DOMID_SELF),
    ("(unknown cmd 14, EVTCHNOP_reset_cont)", "no reset in progress"): _call("unknown", cmd=14),
    ("(unknown cmd 15)", ""): _call("unknown", cmd=15),
    ("(unknown cmd -1)", ""): _call("unknown", cmd=-1),
    ("any", "argument pointer faults"): lambda case: hypercall(case.host, case.guest, "send", None),
}


def _init(vcpu: int = 0, gfn: int = _GOOD, off: int = 0) -> _Try:
    return _call("init_control", vcpu=vcpu, gfn=gfn, off=off)


def _faulting(command: str) -> _Try:
    return lambda case: hypercall(case.host, case.guest, command, None)


def _expand_full(gfn: int) -> _Try:
    def run(case: _Case) -> int:
        for _ in range(MAX_ARRAY_PAGES):
            case.call("expand_array", gfn=_GOOD)
        return case.call("expand_array", gfn=gfn)

    return run


_FIFO: Mapping[tuple[str, str], _Try] = {
    ("init_control", "argument pointer faults"): _faulting("init_control"),
    ("init_control", "first, bad gfn"): _init(gfn=_BAD),
    ("init_control", "first, gfn not a writable page"): _init(gfn=_READ_ONLY),
    ("init_control", "first, vcpu == max_vcpus"): _init(vcpu=_VCPUS),
    ("init_control", "first, offset 4 (unaligned)"): _init(off=4),
    ("init_control", "first, offset 4025 (crosses page, unaligned)"): _init(off=4025),
    ("init_control", "first, offset 4032 (crosses page)"): _init(off=4032),
    ("init_control", "bad vcpu and bad offset: vcpu checked first"): _init(vcpu=_VCPUS, off=4),
    ("init_control", "bad offset and bad gfn"): _init(gfn=_BAD, off=4),
    ("init_control", "first, offset 4024 (largest legal)"): _init(off=4024),
    ("init_control", "same vcpu twice"): _init(gfn=_SECOND),
    ("init_control", "same vcpu twice, bad gfn"): _init(gfn=_BAD),
    ("init_control", "second vcpu, bad gfn (FIFO stays)"): _init(vcpu=1, gfn=_BAD),
    ("init_control", "second vcpu, read-only page"): _init(vcpu=1, gfn=_READ_ONLY),
    ("init_control", "second vcpu, sharing the first one's page at offset 0"): _init(vcpu=1),
    ("expand_array", "before any init_control"): _call("expand_array", gfn=_GOOD),
    ("expand_array", "after failed init_control"): _call("expand_array", gfn=_GOOD),
    ("expand_array", "bad gfn"): _call("expand_array", gfn=_BAD),
    ("expand_array", "read-only page"): _call("expand_array", gfn=_READ_ONLY),
    ("expand_array", "page 1 of 128"): _call("expand_array", gfn=_SECOND),
    ("expand_array", "same frame again (accepted: no duplicate check)"): _call(
        "expand_array", gfn=_SECOND
    ),
    ("expand_array", "129th page"): _expand_full(_GOOD),
    ("expand_array", "129th page, bad gfn (limit checked first)"): _expand_full(_BAD),
    ("expand_array", "after reset (back to 2-level)"): _call("expand_array", gfn=_GOOD),
}

_CASES: Mapping[tuple[str, str], _Try] = {**_port_cases(), **_BINDING, **_FIFO}

_LIMIT = re.compile(
    r"(?P<abi>2l 64-bit|2l 32-bit|fifo), max_evtchn_port (?P<highest>-?\d+)(?: \(xl default\))?: "
    r"(?P<count>\d+) ports allocated, last (?P<last>\d+), then"
)


def _limit(line: Line, when: str, behaviour: Behaviour) -> tuple[int, str]:
    """Allocate until it fails: the error, and the row's text with what really was allocated."""
    found = _LIMIT.fullmatch(when)
    if found is None:
        raise TraceError(line.path, line.line, f"no limit is known as {when!r}")
    host = Host(behaviour)
    host.create(0, privileged=True)
    bits = 32 if found["abi"] == "2l 32-bit" else 64
    guest = host.create(1, max_port=int(found["highest"]), word_bits=bits)
    guest.frame(_GOOD)
    if found["abi"] == "fifo":
        host.init_control(guest, 0, _GOOD, 0)
    made = []
    while (port := host.alloc_unbound(guest, DOMID_SELF, 0)) > 0:
        made.append(port)
    start, end = found.span("count")[0], found.span("last")[1]
    counted = f"{len(made)} ports allocated, last {made[-1] if made else 0}"
    return port, when[:start] + counted + when[end:]


def replay_error_rows(lines: Iterable[Line], behaviour: Behaviour) -> Rows:
    """Try every row. Raises `TraceError` for a row that is malformed or of no known case."""
    result = Rows()
    mode, case = "", _build(behaviour)
    for line in lines:
        if text(line, "mode", ("2l", "fifo", "limit")) != mode:
            mode, case = text(line, "mode"), _build(behaviour)
        call, when = text(line, "call"), text(line, "when")
        expected: dict[str, Any] = {
            "when": when,
            "rc": number(line, "rc"),
            "err": text(line, "err"),
        }
        shown = when
        if mode == "limit":
            rc, shown = _limit(line, when, behaviour)
        else:
            if (call, when) not in _CASES:
                raise TraceError(line.path, line.line, f"no case is known as {call}: {when}")
            rc = min(_CASES[call, when](case), 0)
        got = {"when": shown, "rc": rc, "err": Errno(-rc).name if rc else "0"}
        result.lines += 1
        if got == expected:
            result.agreed += 1
        elif result.difference is None:
            name = next(key for key in got if got[key] != expected[key])
            result.difference = (line, f"{call}: {when}", expected[name], got[name])
    return result
