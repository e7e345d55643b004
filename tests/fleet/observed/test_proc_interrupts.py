"""`/proc/interrupts`: chips of every kernel, and what it cannot show."""

import pytest

from evtplan.fleet.observed.model import Observation
from evtplan.fleet.observed.proc_interrupts import ProcInterruptsReader
from tests.fleet.observed.reading import read

GUEST = """\
           CPU0       CPU1
  0:         31          0   IO-APIC   2-edge      timer
  1:          7          0  xen-pirq   1-ioapic-edge  i8042
  9:          0          0  xen-pirq   9-ioapic-level  acpi, other
 28:        155          0  xen-percpu    -virq      timer0
 29:         26          0  xen-percpu    -ipi       resched0
 30:          0          0  xen-percpu    -ipi       callfunc0
 31:          0          0  xen-percpu    -virq      debug0
 32:          3          0  xen-percpu    -ipi       callfuncsingle0
 33:          0          0  xen-percpu    -ipi       spinlock0
 34:          0        155  xen-percpu    -virq      timer1
 35:          0         26  xen-percpu    -ipi       resched1
 36:          0          0  xen-percpu    -ipi       callfunc1
 37:          0          0  xen-percpu    -virq      debug1
 38:          0          3  xen-percpu    -ipi       callfuncsingle1
 39:          0          0  xen-percpu    -ipi       spinlock1
 40:        266          0   xen-dyn    -event     xenbus
 41:       1465          0   xen-dyn-lateeoi    -event     blkif
 42:       4649          0   xen-dyn    -event     eth0-q0-tx
 43:        900          0   xen-dyn    -event     eth0-q0-rx
 44:          0         12  xen-pirq    -msi-x     nvme0q1
NMI:          0          0   Non-maskable interrupts
HYP:     138437      99999   Hypervisor callback interrupts
ERR:          0
MIS:          0
"""


def interrupts(text: str) -> Observation:
    return read(text, ProcInterruptsReader())


class TestForms:
    """old no-space chips, arm64 Edge, lateeoi, no header, ERR/MIS, action with ", " """

    def test_a_guest_of_today(self) -> None:
        (domain,) = interrupts(GUEST).domains
        assert domain.kinds == {"interdomain": 4, "virq": 4, "ipi": 8, "pirq": 3}
        assert (domain.vcpus_seen, domain.local_by_vcpu) == (2, {0: 6, 1: 6})
        assert domain.abi == "2l-64"
        assert domain.highest_port is None  # the IRQ number is not the port

    def test_one_that_stops_before_its_last_lines_is_said_to(self) -> None:
        lines = GUEST.splitlines()
        for text in ("\n".join(lines[:-4]), "\n".join(lines[:9])):
            assert any("may be truncated" in note for note in interrupts(text).notes)
        # What was picked from it has no header and never had those lines.
        picked = "\n".join(line for line in lines if "xen" in line)
        for text in (GUEST, picked):
            assert not any("truncated" in note for note in interrupts(text).notes)

    def test_names_without_a_blank(self) -> None:
        old = GUEST
        for chip in ("xen-percpu", "xen-dyn", "xen-dyn-lateeoi"):
            old = old.replace(f"{chip}    -", f"{chip}-")
        old = old.replace("xen-pirq   1-", "xen-pirq-").replace("xen-pirq   9-", "xen-pirq-")
        assert interrupts(old).domains[0].kinds == interrupts(GUEST).domains[0].kinds

    def test_without_a_header(self) -> None:
        (domain,) = interrupts("\n".join(GUEST.splitlines()[1:])).domains
        assert (domain.vcpus_seen, len(domain.ports)) == (2, 19)

    def test_arm(self) -> None:
        text = (
            "           CPU0       CPU1\n"
            "  0:          0         94   xen-dyn     Edge    -event     xenbus\n"
            " 11:       4928       3938     GICv3  27 Level     arch_timer\n"
            " 35:         42          0   xen-dyn     Edge    -virq      hvc_console\n"
            " 42:          0          0  xen-dyn-lateeoi     Edge    -event     evtchn:xenstored\n"
            "IPI0:        78         77       Rescheduling interrupts\n"
            "Err:          0\n"
        )
        (domain,) = interrupts(text).domains
        assert domain.kinds == {"interdomain": 2, "virq": 1}
        assert (domain.domain, domain.abi, domain.local_per_vcpu) == (0, None, None)

    def test_fifo_is_seen_by_a_missing_debug_virq(self) -> None:
        text = "".join(line for line in GUEST.splitlines(True) if "debug" not in line)
        assert interrupts(text).domains[0].abi == "fifo"
        # An excerpt that ends before the IPI bound after it says nothing.
        assert interrupts("\n".join(GUEST.splitlines()[:7])).domains[0].abi is None

    def test_wrapped_by_mail(self) -> None:
        text = GUEST.replace("          0  xen", "\n>          0  xen").replace("\n ", "\n>  ")
        assert interrupts(text).domains[0].ports == interrupts(GUEST).domains[0].ports

    def test_xenlinux(self) -> None:
        text = (
            "           CPU0\n"
            "  1:          2        Phys-irq  i8042\n"
            "256:       1234     Dynamic-irq  timer0\n"
            "257:         12     Dynamic-irq  resched0\n"
            "258:          9     Dynamic-irq  xenbus\n"
        )
        (domain,) = interrupts(text).domains
        assert domain.kinds == {"pirq": 1, "virq": 1, "ipi": 1, "interdomain": 1}

    def test_an_event_without_a_name_counts(self) -> None:
        assert len(interrupts(GUEST + " 50:   1   0   xen-dyn    -event\n").domains[0].ports) == 20


class TestReadings:
    def test_the_last_whole_one_wins(self) -> None:
        more = GUEST.replace("NMI:", " 45:    1    0   xen-dyn    -event     vif3.0\nNMI:")
        assert len(interrupts(GUEST + more).domains[0].ports) == 20
        found = interrupts(GUEST + more[: len(more) // 2])
        assert len(found.domains[0].ports) == 19
        assert any("truncated" in note for note in found.notes)

    @pytest.mark.parametrize("part", ["ioreq", "VIRQs", "no driver has bound", "port numbers"])
    def test_what_it_cannot_show_is_named(self, part: str) -> None:
        assert any(part in text for text in interrupts(GUEST).cannot_show)

    def test_a_machine_without_event_channels(self) -> None:
        text = "".join(line for line in GUEST.splitlines(True) if "xen-" not in line)
        (domain,) = interrupts(text).domains
        assert domain.ports == ()
