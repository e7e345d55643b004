"""`lsevtchn`: its lines, whose they are, and what they cannot show."""

import pytest

from evtplan.fleet.observed.lsevtchn import LsevtchnReader
from evtplan.fleet.observed.model import Observation
from tests.fleet.observed.reading import read

LISTING = """\
   1: VCPU 0: Interdomain (Connected) - Remote Domain 0, Port 51
   2: VCPU 0: Interdomain (Connected) - Remote Domain 0, Port 52
   3: VCPU 0: Virtual IRQ 0
   4: VCPU 0: IPI
   5: VCPU 1: Virtual IRQ 0
   6: VCPU 1: IPI
   7: VCPU 1: Physical IRQ 16
   8: VCPU 0: Interdomain (Waiting connection) - Remote Domain 2
  10: VCPU 0: Unknown
"""


def listing(text: str) -> Observation:
    return read(text, LsevtchnReader())


class TestLines:
    def test_every_kind(self) -> None:
        (domain,) = listing(LISTING).domains
        assert domain.kinds == {
            "interdomain": 2, "virq": 2, "ipi": 2, "pirq": 1, "unbound": 1, "reserved": 1,
        }  # fmt: skip
        assert (domain.highest_port, domain.vcpus_seen, domain.local_per_vcpu) == (10, 2, 2)
        assert domain.by_number[1].remote_port == 51
        assert domain.remote_ends == {0: 2, 2: 1}

    def test_what_it_does_not_print_is_missing_and_not_zero(self) -> None:
        found = listing(LISTING)
        (domain,) = found.domains
        assert domain.domain is None
        assert domain.abi is None
        assert domain.xen_consumer is None
        assert {domain.count(name) for name in ("pending", "masked", "linked", "busy")} == {None}
        assert any("4.15 to 4.18" in text and "4.20" in text for text in found.cannot_show)

    @pytest.mark.parametrize("at", range(20, 62, 3))
    def test_wrapped_and_quoted(self, at: int) -> None:
        text = LISTING.replace("   1: VCPU", " 1: VCPU")
        lines = []
        for line in text.splitlines():
            cut = line.rfind(" ", 8, at) if len(line) > at else -1
            lines += [line[:cut], line[cut + 1 :]] if cut > 0 else [line]
        quoted = "".join(f"> {line}\n" for line in lines)
        assert listing(quoted).domains[0].ports == listing(LISTING).domains[0].ports

    def test_a_port_above_4095_shows_fifo(self) -> None:
        assert listing(LISTING + "5000: VCPU 0: IPI\n").domains[0].abi == "fifo"


class TestWhose:
    @pytest.mark.parametrize(
        "heading",
        ["# lsevtchn 7", "[root@host ~]# /usr/sbin/lsevtchn 7", "Domain 7", "=== domid: 7 ==="],
    )
    def test_the_command_line_or_a_heading_says_it(self, heading: str) -> None:
        assert listing(f"{heading}\n{LISTING}").domains[0].domain == 7

    def test_a_loop_says_it(self) -> None:
        text = "".join(
            f"  {one}: VCPU 0: Interdomain (Connected) - Remote Domain 0, Port {two}\n"
            for one, two in ((1, 2), (2, 1), (3, 9))
        )
        assert listing(text).domains[0].domain == 0

    def test_several_listings_by_domain_the_last_of_each(self) -> None:
        text = f"lsevtchn 1\n{LISTING}lsevtchn 2\n{LISTING}lsevtchn 1\n   1: VCPU 0: IPI\n"
        found = listing(text)
        assert [(d.domain, len(d.ports)) for d in found.domains] == [(1, 1), (2, 9)]
        assert any("the last one of each domain" in note for note in found.notes)

    def test_truncated(self) -> None:
        found = listing(LISTING + "  11: VCPU 0: Interdomain (Conn")
        assert any("truncated" in note for note in found.notes)
