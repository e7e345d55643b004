"""Xen's debug key `e`: every form it has had, and what consoles, logs and mail make of it."""

import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evtplan.fleet.observed import debug_key_e
from evtplan.fleet.observed.load import feed_lines
from tests.fleet.observed.fake_host import FakeHost, FakePort
from tests.fleet.observed.reading import only, read

TWO_LEVEL = """\
(XEN) Event channel information for domain 9:
(XEN) Polling vCPUs: {}
(XEN)     port [p/m/s]
(XEN)        1 [1/0/1]: s=3 n=0 x=0 d=0 p=41
(XEN)        2 [1/1/1]: s=3 n=0 x=0 d=0 p=42
(XEN)        3 [1/0/1]: s=5 n=0 x=0 v=0
(XEN)        4 [0/1/1]: s=2 n=0 x=0 d=0
"""

FIFO = """\
(XEN) Event channel information for domain 6:
(XEN) Polling vCPUs: {1}
(XEN)     port [p/m/s]
(XEN)        1 [0/0/  -   ]: s=3 n=1 x=0 d=0 p=77
(XEN)        3 [0/1/  -   ]: s=3 n=0 x=1 d=2 p=9
(XEN)        4 [1/0/  12  ]: s=3 n=0 x=0 d=0 p=78
(XEN)        8 [0/0/  -   ]: s=5 n=0 x=0 v=0
(XEN)       11 [0/0/?     ]: s=4 n=0 x=0 p=16 i=-1
(XEN)       12 [1/1/B 0   ]: s=6 n=0 x=0 Z=system_u:system_r:domU_t
(XEN)       13 [0/0/B -   ]: s=1 n=0 x=0
"""

OLD = """\
(XEN) 'e' pressed -> dumping event-channel info
(XEN) Domain 0 polling vCPUs: 00000005
(XEN) Event channel information for domain 0:
(XEN)     port [p/m]
(XEN)        1 [0/0]: s=5 n=0 v=0 x=0
(XEN)        2 [1/1]: s=6 n=1 x=0
(XEN)        3 [0/0]: s=3 n=0 d=1 p=2 x=0
(XEN)        4 [0/0]: s=4 n=0 p=9 x=0
"""


class TestForms:
    """Debug-key e: 2-level and FIFO forms, pre-4.4 forms, Z= labels, PIRQ lines, `?` words, BUSY"""

    def test_two_level(self) -> None:
        domain = only(TWO_LEVEL)
        assert (domain.domain, domain.abi) == (9, "2l-64")
        assert domain.kinds == {"interdomain": 2, "virq": 1, "unbound": 1}
        assert (domain.count("pending"), domain.count("masked")) == (3, 2)
        assert (domain.count("linked"), domain.highest_port, domain.vcpus_seen) == (None, 4, 1)

    def test_fifo(self) -> None:
        domain = only(FIFO)
        assert (domain.domain, domain.abi, domain.polling_vcpus) == (6, "fifo", (1,))
        assert domain.kinds == {"interdomain": 3, "virq": 1, "pirq": 1, "ipi": 1, "reserved": 1}
        assert (domain.count("linked"), domain.count("busy"), domain.xen_consumer) == (2, 2, 1)
        assert domain.by_number[4].link == 12
        assert domain.by_number[12].link == 0  # the last one of its queue is linked too
        assert domain.by_number[11].linked is None  # its array page is missing
        assert domain.by_number[11].what == "16"
        assert domain.by_number[3].remote_port == 9

    def test_before_xen_4_4(self) -> None:
        domain = only(OLD)
        assert (domain.abi, domain.polling_vcpus) == ("2l-64", (0, 2))
        assert domain.kinds == {"virq": 1, "ipi": 1, "interdomain": 1, "pirq": 1}
        assert domain.xen_consumer == 0

    def test_blanks_in_brackets_may_have_been_squeezed(self) -> None:
        squeezed = FIFO.replace("[0/0/  -   ]", "[0/0/ - ]").replace("  12  ", "12")
        assert only(squeezed).ports == only(FIFO).ports

    def test_a_link_of_0_or_1_is_no_selector_bit_where_others_are_event_words(self) -> None:
        host = FakeHost()
        for word in ("  0   ", "  1   ", "  -   "):
            host.bind(1, FakePort(6, word=word))
        assert only(host.dump().replace("  0   ]", "0]").replace("  1   ]", "1]")).abi == "fifo"

    @pytest.mark.parametrize(("port", "abi"), [(1023, "2l-64"), (4095, "2l-64")])
    def test_a_port_above_1023_shows_a_64_bit_guest(self, port: int, abi: str) -> None:
        domain = only(TWO_LEVEL + f"(XEN)     {port} [0/0/0]: s=6 n=0 x=0\n")
        assert domain.abi == abi
        assert ("assumed" in domain.abi_evidence) == (port < 1024)

    def test_selector_bits_that_differ_by_32_ports_show_a_32_bit_guest(self) -> None:
        host = FakeHost(fifo=False)
        for number in range(1, 64):
            host.bind(1, FakePort(6, selector=1 if number < 32 else 0))
        assert only(host.dump()).abi == "2l-32"
        host.domains[1][5].selector = 0
        assert only(host.dump()).abi == "2l-64"

    def test_a_domain_without_ports_has_no_abi(self) -> None:
        heading = "".join(TWO_LEVEL.replace("domain 9", "domain 10").splitlines(True)[:3])
        found = read(TWO_LEVEL + heading + "(XEN) something else\n(XEN) and more\n")
        assert [d.abi for d in found.domains] == ["2l-64", None]
        assert not found.truncated
        assert found.domains[1].highest_port == 0


class TestVcpuPorts:
    """per-VCPU counts come out as facts C2 (6 per PV VCPU, 5 per HVM VCPU under FIFO; one more
    under 2-level); ioreq ports are recognised as vcpus + 1
    """

    @pytest.mark.parametrize(
        ("kind", "fifo", "each"),
        [("pv", True, 6), ("hvm", True, 5), ("pvh", True, 5), ("pv", False, 7), ("hvm", False, 6)],
    )
    def test_by_type_and_abi(self, kind: str, fifo: bool, each: int) -> None:
        host = FakeHost(fifo=fifo)
        host.dom0(2)
        host.guest(1, 4, kind=kind)
        guest = read(host.dump()).by_domain[1]
        assert guest.local_by_vcpu == dict.fromkeys(range(4), each)
        assert guest.local_per_vcpu == each
        assert guest.vcpus_seen == 4

    @pytest.mark.parametrize("vcpus", [1, 2, 7])
    @pytest.mark.parametrize("servers", [0, 1, 3])
    def test_ioreq_servers(self, vcpus: int, servers: int) -> None:
        host = FakeHost()
        for _ in range(servers):
            host.ioreq(1, vcpus)
        host.pair(1, 0, consumer=2)  # a vm_event ring is no ioreq server
        host.guest(1, vcpus)
        guest = read(host.dump()).by_domain[1]
        assert guest.ioreq == (servers, servers * (vcpus + 1))
        assert guest.xen_consumer == servers * (vcpus + 1) + 1

    def test_global_virqs_are_no_vcpus_own(self) -> None:
        host = FakeHost()
        host.dom0(2, virqs=(2, 3, 8, 9, 12, 16))
        (dom0,) = read(host.dump()).domains
        assert dom0.local_per_vcpu == 6
        assert dom0.kinds["virq"] == 8


class TestConsoles:
    """timestamps and `(XEN)` prefixes, mail-quoted and wrapped lines, interleaved other lines"""

    @pytest.mark.parametrize(
        "prefix",
        [
            "(XEN) ", "", "(XEN) [2024-03-05 10:11:12.345] ", "(XEN) [  123.456789] ",
            "[2024-03-05T10:11:12Z] (XEN) ", "> > (XEN) ", ">> | (XEN) ",
            "Mar  5 10:11:12 host7 xen: (XEN) ", "\t", "\x1b[0m(XEN) ",
        ],
    )  # fmt: skip
    def test_prefixes(self, prefix: str) -> None:
        text = "".join(prefix + line[6:] + "\n" for line in FIFO.splitlines())
        assert only(text).ports == only(FIFO).ports

    @pytest.mark.parametrize("width", [44, 48, 56, 64])
    @pytest.mark.parametrize("quote", ["", "> ", "> > "])
    def test_lines_wrapped_by_mail(self, width: int, quote: str) -> None:
        assert only(wrapped(FIFO, width, quote)).ports == only(FIFO).ports

    def test_wrapped_anywhere_between_words(self) -> None:
        for text in (FIFO, TWO_LEVEL, OLD):
            expected = only(text).ports
            lines = text.splitlines()
            for index, line in enumerate(lines):
                for at in [i for i, letter in enumerate(line) if letter == " " and i > 12]:
                    parts = [*lines[:index], line[:at], line[at + 1 :], *lines[index + 1 :]]
                    if line[:at].strip() and line[at + 1 :].strip():
                        assert only("\n".join(parts) + "\n").ports == expected, (line, at)

    @pytest.mark.parametrize("text", [FIFO, TWO_LEVEL, OLD])
    @pytest.mark.parametrize("prefix", ["(XEN) ", "", "(XEN) [2024-03-05 10:11:12.123] "])
    def test_lines_whole_in_themselves_mean_what_pieces_mean(
        self, text: str, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = "".join(prefix + line.removeprefix("(XEN) ") + "\n" for line in text.splitlines())
        at_once = only(text)
        monkeypatch.setattr(debug_key_e, "_WHOLE_LINES", re.compile("(?!)"))
        assert only(text) == at_once

    @given(st.randoms(use_true_random=False), st.booleans())
    @settings(max_examples=80, deadline=None)
    def test_runs_of_lines_mean_what_one_line_after_the_other_means(
        self, chance: random.Random, fifo: bool
    ) -> None:
        host = FakeHost(fifo=fifo)
        host.dom0(2)
        for domain in chance.sample(range(1, 9), 3):
            host.guest(domain, chance.randint(1, 3), kind=chance.choice(["pv", "hvm"]))
        prefix = chance.choice(["(XEN) ", "", "(XEN) [2024-03-05 10:11:12.123] "])
        lines = [prefix + line for _ in range(chance.randint(1, 3)) for line in host.lines()]
        for _ in range(chance.randint(0, 5)):
            at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
            cut = chance.randrange(len(lines[at]) + 1)
            match chance.randrange(6):
                case 0:
                    lines[at : at + 1] = [lines[at][:cut], lines[at][cut:]]
                case 1:
                    lines[at : at + 1] = [lines[at][:cut], "(XEN) hello", lines[at][cut:]]
                case 2:
                    lines.insert(at, lines[other])
                case 3:
                    lines[at] = lines[at][:cut] + chance.choice("0129 []/=-?B") + lines[at][cut:]
                case 4:
                    lines[at] += lines.pop(other)
                case _:
                    del lines[at]
        reader = debug_key_e.DebugKeyReader()
        for number, line in enumerate(lines, 1):
            feed_lines([reader], number, line + "\n")
        assert read("\n".join(lines)) == reader.finish()

    def test_other_cpus_lines_between_and_within(self) -> None:
        text = FIFO.replace("x=0 d=0 p=77", "x=0(XEN) d3v0 does this\n(XEN)  d=0 p=77").replace(
            "8 [0/0/  -   ]: s=5", "8 [0/0/(XEN) CPU3: hello [1/2]\n(XEN)   -   ]: s=5"
        )
        text = text.replace("(XEN)       12", "random: kernel line 12 [x/y]\n(XEN)       12")
        assert only(text).ports == only(FIFO).ports

    def test_whatever_stands_around(self) -> None:
        text = (
            "Hello,\n\nhere is the dump, see port 4 [it hangs]:\n\n"
            + FIFO
            + "\n\n(XEN) d3v0 IRR:\n00000000,00000000\n(XEN)\n(XEN) *** VMCS Areas ***\n"
        )
        found = read(text)
        assert found.domains[0].ports == only(FIFO).ports
        assert (found.truncated, found.notes) == ("", ())

    def test_damaged_lines_are_counted_and_left_out(self) -> None:
        found = read(FIFO.replace("s=5 n=0", "s=5 n=").replace("d=2 p=9", "d=2"))
        assert len(found.domains[0].ports) == 5
        assert "2 damaged" in found.notes[0]

    @pytest.mark.parametrize(
        "line",
        [
            "131072 [0/0/  -   ]: s=6 n=0 x=0", "0 [0/0/  -   ]: s=6 n=0 x=0",
            "14 [0/0/  -   ]: s=9 n=0 x=0", "14 [0/0/  -   ]: s=6 n=99999999 x=0",
            "12 [0/0/  -   ]: s=6 n=0 x=0",
        ],
    )  # fmt: skip
    def test_what_no_xen_prints_is_damage(self, line: str) -> None:
        found = read(FIFO + f"(XEN)     {line}\n")
        assert len(found.domains[0].ports) == 7
        assert "1 damaged" in found.notes[0]

    @pytest.mark.parametrize("misread", ["4 [", "111 ["])
    def test_a_misread_port_costs_its_own_line_only(self, misread: str) -> None:
        found = read(FIFO.replace("11 [", misread))
        assert [port.number for port in found.domains[0].ports] == [1, 3, 4, 8, 12, 13]
        assert any("1 damaged" in note for note in found.notes)
        assert not found.truncated

    def test_ports_behind_a_lost_heading_are_nobodys(self) -> None:
        host = FakeHost()
        host.dom0(2)
        host.guest(1, 1)
        host.guest(3, 4)
        whole = read(host.dump())
        text = host.dump().replace("Event channel information for domain 3", "Ev~nt ch")
        found = read(text)
        assert "heading of a domain is missing" in found.truncated
        assert any("whose domain's heading is missing" in note for note in found.notes)
        assert [item.domain for item in found.domains] == [0, 1]
        for item in found.domains:
            assert item == whole.by_domain[item.domain or 0]
        # One that is whole is better, though it is older.
        assert [item.domain for item in read(host.dump() + text).domains] == [0, 1, 3]


class TestDumps:
    """several dumps in one log: the last whole one wins, truncated dumps reported"""

    def host(self) -> FakeHost:
        host = FakeHost()
        host.dom0(2)
        host.guest(1, 2)
        host.guest(3, 1, kind="hvm")
        return host

    def test_the_last_one_wins(self) -> None:
        host = self.host()
        first = host.dump()
        host.pair(1, 0)
        found = read(first + "(XEN) other things\n" + host.dump())
        assert (found.dumps, found.truncated) == (2, "")
        assert len(found.by_domain[1].ports) == len(host.domains[1])
        assert "2 dumps; the last whole one is taken, from line" in found.notes[0]

    def test_one_with_fewer_domains_too(self) -> None:
        host = self.host()
        first = host.dump()
        for number in host.domains.pop(3):
            assert number
        host.domains[0] = {n: p for n, p in host.domains[0].items() if " d=3 " not in p.tail}
        for after in ("", "(XEN) d1v0 something\n"):
            found = read(first + host.dump() + after)
            assert list(found.by_domain) == [0, 1]

    def test_one_that_is_cut_anywhere_is_left_out(self) -> None:
        host = FakeHost()
        host.dom0(1, virqs=(2, 16), pirqs=1)
        host.guest(1, 1, kind="hvm")
        host.guest(2, 1)
        first = host.dump()
        host.pair(1, 0)
        second = host.dump()
        cuts = range(len(second) - 3)
        taken = [cut for cut in cuts if read(first + second[:cut]).line != 1]
        # In the last line of dom0's own: a host that has lost its guests looks the same.
        end = second.rindex("\n", 0, second.index(" d=1 "))
        assert all(second.rindex(" p=", 0, end) < cut <= end + 10 for cut in taken), taken
        assert read(first + second).line != 1

    def test_a_cut_off_only_dump_is_read_and_reported(self) -> None:
        text = self.host().dump()
        found = read(text[: len(text) * 2 // 3])
        assert found.truncated
        assert any("is truncated" in note for note in found.notes)

    def test_without_key_presses_a_domain_that_comes_again_begins_a_new_dump(self) -> None:
        host = self.host()
        first = host.dump(marked=False)
        host.pair(1, 0)
        found = read(first + host.dump(marked=False))
        assert found.dumps == 2
        assert len(found.by_domain[1].ports) == len(host.domains[1])

    def test_domains_of_one_mail_are_one_dump(self) -> None:
        found = read(TWO_LEVEL + "\nand later:\n\n" + TWO_LEVEL.replace("domain 9", "domain 10"))
        assert (found.dumps, list(found.by_domain)) == (1, [9, 10])

    def test_a_log_that_begins_in_a_dump(self) -> None:
        host = self.host()
        text = host.dump()
        found = read("\n".join(text.split("\n")[20:]) + text)
        assert found.dumps == 2
        assert len(found.by_domain[0].ports) == len(host.domains[0])
        assert any("begins in the middle of a dump" in note for note in found.notes)

    def test_port_lines_without_any_heading_are_a_domain_of_unknown_number(self) -> None:
        domain = only("\n".join(FIFO.splitlines()[3:]))
        assert (domain.domain, len(domain.ports)) == (None, 7)

    def test_another_key_ends_a_dump(self) -> None:
        found = read(FIFO + "(XEN) 'q' pressed -> dumping domain info (now = 0x1)\n" + "(XEN) x\n")
        assert len(found.domains) == 1

    def test_a_key_press_and_nothing_more_leaves_the_dump_before(self) -> None:
        found = read(self.host().dump() + "(XEN) 'e' pressed -> dumping event-channel info\n")
        assert found.line == 1
        assert any("truncated" in note for note in found.notes)


class TestAnyHost:
    def test_is_read_as_it_was_bound(self) -> None:
        """Random hosts, random states: every count is that of the host."""
        for seed in range(25):
            rng = random.Random(seed)
            host = FakeHost(fifo=rng.random() < 0.5)
            host.dom0(rng.randint(1, 4), pirqs=rng.randint(0, 9))
            for domain in sorted(rng.sample(range(1, 500), rng.randint(1, 6))):
                host.guest(domain, rng.randint(1, 4), kind=rng.choice(["pv", "pvh", "hvm"]))
            ports = [port for each in host.domains.values() for port in each.values()]
            for port in ports:
                port.pending, port.masked = rng.randint(0, 1), rng.randint(0, 1)
                port.word = rng.choice(["  -   ", "B -   ", "  0   ", "  17  ", "B 9999", "?     "])
            found = read(host.dump())
            assert not found.truncated
            for number, each in host.domains.items():
                domain, bound = found.by_domain[number], each.values()
                assert domain.by_number.keys() == each.keys()
                assert domain.count("pending") == sum(p.pending for p in bound)
                assert domain.count("masked") == sum(p.masked for p in bound)
                states = Counter(p.state for p in bound)
                names = {2: "unbound", 3: "interdomain", 4: "pirq", 5: "virq", 6: "ipi"}
                assert domain.kinds == {names[s]: n for s, n in states.items()}
                assert domain.xen_consumer == sum(p.consumer > 0 for p in bound)
                assert domain.abi == ("fifo" if host.fifo else "2l-64")
                if host.fifo:
                    assert domain.count("linked") == sum(p.word[2].isdigit() for p in bound)
                    assert domain.count("busy") == sum(p.word[0] == "B" for p in bound)


def wrapped(text: str, width: int, quote: str) -> str:
    """`text` as a mail client wraps and quotes it."""
    lines = []
    for line in text.splitlines():
        while len(line) > width and (at := line.rfind(" ", 12, width)) > 12:
            lines.append(line[:at])
            line = line[at + 1 :]
        lines.append(line)
    return "".join(f"{quote}{line}\n" for line in lines)
