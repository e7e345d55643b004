"""A host that binds ports as the drivers do and prints them as Xen does, for tests and examples."""

from dataclasses import dataclass, field


@dataclass
class FakePort:
    state: int
    vcpu: int = 0
    consumer: int = 0
    tail: str = ""
    pending: int = 0
    masked: int = 0
    word: str = "  -   "
    selector: int = 0


@dataclass
class FakeHost:
    """Domains by number, each with its ports by number, in order."""

    fifo: bool = True
    domains: dict[int, dict[int, FakePort]] = field(default_factory=dict)

    def bind(self, domain: int, port: FakePort) -> int:
        ports = self.domains.setdefault(domain, {})
        number = next(n for n in range(1, 1 << 17) if n not in ports)
        ports[number] = port
        return number

    def ipi(self, domain: int, vcpu: int) -> None:
        self.bind(domain, FakePort(6, vcpu))

    def virq(self, domain: int, virq: int, vcpu: int = 0) -> None:
        self.bind(domain, FakePort(5, vcpu, tail=f" v={virq}"))

    def pirq(self, domain: int, pirq: int, irq: int) -> None:
        self.bind(domain, FakePort(4, tail=f" p={pirq} i={irq}"))

    def unbound(self, domain: int, remote: int) -> None:
        self.bind(domain, FakePort(2, tail=f" d={remote}"))

    def pair(self, front: int, back: int, *, consumer: int = 0, vcpu: int = 0) -> None:
        one, two = FakePort(3, vcpu, consumer), FakePort(3)
        here, there = self.bind(front, one), self.bind(back, two)
        one.tail, two.tail = f" d={back} p={there}", f" d={front} p={here}"

    def vcpus(self, domain: int, count: int, *, pv: bool) -> None:
        """A Linux kernel's own: timer, 3 IPIs, irq_work (PV), kicker, debug (2-level)."""
        for vcpu in range(count):
            self.virq(domain, 0, vcpu)
            for _ in range(3 + (1 if pv else 0) + (1 if count > 1 else 0)):
                self.ipi(domain, vcpu)
            if not self.fifo:
                self.virq(domain, 1, vcpu)

    def ioreq(self, domain: int, count: int, emulator: int = 0) -> None:
        """One ioreq server: a port a VCPU and a buffered one."""
        for vcpu in [*range(count), 0]:
            self.pair(domain, emulator, consumer=1, vcpu=vcpu)

    def guest(
        self, domain: int, vcpus: int, *, kind: str = "pv", vifs: int = 1, disks: int = 1
    ) -> None:
        """A default Linux guest of a host whose dom0 has enough VCPUs."""
        self.pair(domain, 0)  # xenstore
        self.pair(domain, 0)  # console
        if kind == "hvm":
            self.ioreq(domain, vcpus)
        self.vcpus(domain, vcpus, pv=kind == "pv")
        for _ in range(vifs * 2 * min(8, vcpus) + disks * min(4, vcpus)):
            self.pair(domain, 0)

    def dom0(self, vcpus: int, *, virqs: tuple[int, ...] = (2, 3, 9, 16), pirqs: int = 8) -> None:
        self.vcpus(0, vcpus, pv=True)
        one, two = FakePort(3), FakePort(3)
        here, there = self.bind(0, one), self.bind(0, two)
        one.tail, two.tail = f" d=0 p={there}", f" d=0 p={here}"  # xenstore, both ends
        for virq in virqs:
            self.virq(0, virq)
        for pirq in range(pirqs):
            self.pirq(0, 16 + pirq, 40 + pirq)

    def lines(self, *, marked: bool = True) -> list[str]:
        """What debug key `e` prints now."""
        lines = ["'e' pressed -> dumping event-channel info"] if marked else []
        for domain, ports in sorted(self.domains.items()):
            lines.append(f"Event channel information for domain {domain}:")
            lines.append("Polling vCPUs: {}")
            lines.append("    port [p/m/s]")
            for number, port in sorted(ports.items()):
                state = port.word if self.fifo else port.selector
                lines.append(
                    f"    {number:4d} [{port.pending}/{port.masked}/{state}]: s={port.state} "
                    f"n={port.vcpu} x={port.consumer}{port.tail}"
                )
        return lines

    def dump(self, prefix: str = "(XEN) ", *, marked: bool = True) -> str:
        return "".join(f"{prefix}{line}\n" for line in self.lines(marked=marked))
