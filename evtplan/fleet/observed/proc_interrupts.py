"""`/proc/interrupts` of a Linux guest or dom0 (drivers/xen/events/events_base.c, the chips).

     48:     773698  xen-percpu    -virq      timer0
     54:        266   xen-dyn    -event     xenbus

The number before the colon is Linux's IRQ, not the port. Kernels differ: `xen-dyn-event` in
one word (before hierarchical names), `xen-dyn     Edge    -event` (Arm), `xen-dyn-lateeoi`,
`Dynamic-irq` (XenLinux, recalled, no sample).
"""

import re
from dataclasses import dataclass, field

from evtplan.fleet.observed.lines import Tally
from evtplan.fleet.observed.model import Observation, ObservedDomain, ObservedPort

__all__ = ["ProcInterruptsReader"]

_IRQ = re.compile(r"^[\s>|]*(\d{1,7}):((?:\s+\d+)*)(?:\s+(\D.*))?$")
_SUMMARY = re.compile(r"^[\s>|]*(?:[A-Z]{3}|Err|IPI\d+):\s")
_HEADER = re.compile(r"^[\s>|]*CPU\d+(?:\s+CPU\d+)*\s*$")
_CHIP = re.compile(r"^(?:xen-(percpu|dyn|pirq)|(Dynamic|Phys)-(?:irq|percpu|level|fasteoi))")
_HANDLER = re.compile(
    r"^(-lateeoi)?\s*(?:(?:Edge|Level)\s+)?(\d+)?\s*(?:(?:Edge|Level)\s+)?-([a-z][a-z\-]*)(?:\s+(.*))?$"
)
_PER_CPU = re.compile(
    r"^(?P<virq>timer|debug|pmu)(\d+)$|^(resched|callfunc|callfuncsingle|spinlock|irqwork)(\d+)$"
)
# VIRQs and daemons that only dom0 has (facts C2: VIRQ_CONSOLE, VIRQ_MCA, VIRQ_PCPU_STATE).
_DOM0_ONLY = frozenset(["hvc_console", "mce", "mcelog", "pcpu", "xen-pcpu"])

CANNOT_SHOW = (
    "port numbers, pending, masked and linked",
    "ports that Xen consumes (ioreq servers': VCPUs + 1 each)",
    "ports that no driver has bound to an interrupt (an unused console)",
    "whether an -event is connected, and to which domain; those of /dev/xen/evtchn may be VIRQs",
)


@dataclass(slots=True)
class _Snapshot:
    """One reading of the file."""

    line: int
    cpus: int = 0
    ports: list[ObservedPort] = field(default_factory=list)
    last_irq: int = -1
    header: bool = False
    summary: bool = False


class ProcInterruptsReader:
    """Reads the file line by line with `feed`; `finish` has its last whole reading."""

    name = "proc-interrupts"

    def __init__(self) -> None:
        self._now: _Snapshot | None = None
        self._best: _Snapshot | None = None
        self._readings = 0
        self._half = ""
        self._truncated: list[int] = []
        self._damaged = Tally()
        self._seen = False

    def feed(self, number: int, text: str) -> None:
        """Take one line."""
        if self._half:
            text, self._half = f"{self._half} {text.lstrip(' >|')}", ""
        elif "CPU" in text and _HEADER.match(text):
            self._start(number, cpus=len(text.split("CPU")) - 1, header=True)
            return
        if ":" not in text:
            return
        found = _IRQ.match(text)
        if found is None:
            if self._now is not None and _SUMMARY.match(text):
                self._now.summary = True
                self._seen = True
            return
        if not found[3]:
            # Wrapped by mail, as long lines of hosts with many CPUs are.
            if found[2] and len(text) < 4096:
                self._half = text.rstrip()
            return
        self._interrupt(number, int(found[1]), len(found[2].split()), found[3])

    def _start(self, number: int, cpus: int, *, header: bool = False) -> None:
        self._close()
        self._now = _Snapshot(number, cpus, header=header)

    def _interrupt(self, number: int, irq: int, counts: int, rest: str) -> None:
        chip = _CHIP.match(rest)
        if chip is None:
            if self._now is not None and irq > self._now.last_irq:
                self._now.last_irq = irq
                self._now.cpus = self._now.cpus or counts
            return
        if self._now is None or irq <= self._now.last_irq:
            self._start(number, cpus=self._now.cpus if self._now else 0)
        now = self._now
        assert now is not None
        now.last_irq, now.cpus = irq, max(now.cpus, counts)
        port = _port(chip, rest[chip.end() :])
        if port is None:
            self._damaged.add(number)
        else:
            now.ports.append(port)

    def _close(self) -> None:
        now, self._now = self._now, None
        if now is None or not now.ports:
            return
        self._readings += 1
        best = self._best
        if best is not None and best.summary and not now.summary:
            self._truncated.append(now.line)
            return
        self._best = now

    def finish(self) -> Observation | None:
        """The last reading that is whole; None where no line is an event channel's."""
        empty = self._now if self._now is not None and not self._now.ports else None
        self._close()
        taken = self._best or (empty if self._seen else None)
        if taken is None:
            return None
        abi, evidence = _abi(taken.ports)
        domain, notes = _owner(taken.ports), self._notes(taken)
        if domain == 0:
            notes.append("dom0, by what only dom0 binds")
        return Observation(
            self.name,
            (ObservedDomain(domain, tuple(taken.ports), abi, evidence, vcpus=taken.cpus),),
            line=taken.line,
            dumps=max(self._readings, 1),
            notes=tuple(notes),
            cannot_show=CANNOT_SHOW,
        )

    def _notes(self, taken: _Snapshot) -> list[str]:
        notes = []
        if self._readings > 1:
            notes.append(f"{self._readings} readings; the one from line {taken.line} is taken")
        notes += [f"the reading from line {n} is truncated and left out" for n in self._truncated]
        if taken.header and not taken.summary:
            notes.append(
                f"the reading from line {taken.line} may be truncated: none of the lines that end "
                "one (NMI, LOC, ERR, …) follows"
            )
        if not taken.ports:
            notes.append("no interrupt is an event channel: not a Xen guest, or no PV drivers")
        if self._damaged.count:
            notes.append(
                f"{self._damaged.count} lines of event channels that cannot be read, the first on "
                f"line {self._damaged.first}: they are left out"
            )
        return notes


def _port(chip: re.Match[str], rest: str) -> ObservedPort | None:
    if chip[2]:
        return _xenlinux(chip[2], rest.strip())
    found = _HANDLER.match(rest)
    if found is None:
        return None
    name = (found[4] or "").strip()
    per_cpu = _PER_CPU.match(name)
    vcpu = int((per_cpu[2] or per_cpu[4])[:6]) if per_cpu else None
    if chip[1] == "pirq":
        return ObservedPort(None, "pirq", what=name)
    kind = {"virq": "virq", "ipi": "ipi"}.get(found[3], "interdomain")
    return ObservedPort(
        None, kind, vcpu, what=name, per_vcpu=kind != "interdomain" and per_cpu is not None
    )


def _xenlinux(chip: str, name: str) -> ObservedPort:
    """A port of a kernel that names no handler: its own name says what it is."""
    if chip == "Phys":
        return ObservedPort(None, "pirq", what=name)
    per_cpu = _PER_CPU.match(name)
    if per_cpu is None:
        return ObservedPort(None, "interdomain", what=name)
    kind = "virq" if per_cpu["virq"] else "ipi"
    vcpu = int((per_cpu[2] or per_cpu[4])[:6])
    return ObservedPort(None, kind, vcpu, what=name, per_vcpu=True)


def _abi(ports: list[ObservedPort]) -> tuple[str | None, str]:
    """Linux binds VIRQ_DEBUG only where it does not use FIFO (smp.c:94-107).

    It is bound after callfunc and before callfuncsingle, so that only a reading with the latter
    shows that it is missing. (Recalled, not read: kernels of the years before bound it always.)
    """
    names = {port.what for port in ports if port.per_vcpu and port.what}
    if any(name.startswith("debug") for name in names):
        return "2l-64", "a debug VIRQ is bound: not FIFO, unless the kernel is old; 64 bits assumed"
    if any(name.startswith("callfuncsingle") for name in names):
        return "fifo", "no debug VIRQ is bound"
    return None, "nothing shows it"


def _owner(ports: list[ObservedPort]) -> int | None:
    dom0 = any(
        (port.kind == "virq" and port.what in _DOM0_ONLY) or port.what == "evtchn:xenstored"
        for port in ports
    )
    return 0 if dom0 else None
