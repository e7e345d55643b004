"""`xentop -b`: rounds, names that are cut or have spaces, and `no limit`."""

from pathlib import Path

import pytest

from evtplan.errors import InputError
from evtplan.fleet.model import Fleet
from evtplan.fleet.readers.load import load_fleet

HEADING = (
    "      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS "
    "NETTX(k) NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID\n"
)
DOM0 = "  Domain-0 -----r  632  0.3  15446944  92.3  no limit  n/a  16  0 0 0 0 0 0 0 0 0 0\n"


def row(name: str, vcpus: int = 2, nets: int = 1, vbds: int = 1) -> str:
    return (
        f"{name:>10} --b---  7 0.0 1048576 6.3 1049600 6.3 {vcpus} {nets} 1 3 {vbds} 0 2 1 1 3 0\n"
    )


def read(path: Path, text: str) -> Fleet:
    path.write_text(text)
    return load_fleet([str(path)])


class TestRounds:
    def test_dom0_is_no_guest_but_tells_the_hosts_vcpus(self, tmp_path: Path) -> None:
        fleet = read(tmp_path / "top", HEADING + DOM0 + row("web", 4, 2, 3))
        (web,) = fleet.guests
        assert fleet.host.dom0_vcpus == 16
        assert (web.name, web.vcpus) == ("web", 4)
        assert [(d.kind, d.count) for d in web.devices] == [("vif", 2), ("vbd", 3)]

    def test_the_last_round_is_read(self, tmp_path: Path) -> None:
        text = HEADING + DOM0 + row("gone") + row("web") + HEADING + DOM0 + row("web") + row("new")
        fleet = read(tmp_path / "top", text)
        assert [guest.name for guest in fleet.guests] == ["web", "new"]

    def test_a_heading_may_repeat_within_a_round(self, tmp_path: Path) -> None:
        fleet = read(tmp_path / "top", HEADING + DOM0 + HEADING + row("a") + HEADING + row("b"))
        assert [guest.name for guest in fleet.guests] == ["a", "b"]

    def test_dom0_need_not_come_first(self, tmp_path: Path) -> None:
        one = row("a", 1) + DOM0 + row("b", 2)
        two = row("a", 3) + DOM0 + row("b", 4)
        for text in (HEADING + two, HEADING + one + HEADING + two, HEADING + one + two):
            fleet = read(tmp_path / "top", text)
            assert [(guest.name, guest.vcpus) for guest in fleet.guests] == [("a", 3), ("b", 4)]
            assert fleet.host.dom0_vcpus == 16

    def test_a_log_of_a_terminal_is_read_without_what_moved_its_cursor(
        self, tmp_path: Path
    ) -> None:
        text = f"\x1b[H\x1b[2J{HEADING}\x1b[7m{DOM0}\x1b[0m{row('web')}"
        fleet = read(tmp_path / "top", text)
        assert [guest.name for guest in fleet.guests] == ["web"]
        assert fleet.host.dom0_vcpus == 16

    def test_two_names_cut_to_one_stay_two_domains(self, tmp_path: Path) -> None:
        text = HEADING + DOM0 + row("production") + row("production", 8)
        fleet = read(tmp_path / "top", text)
        assert [guest.vcpus for guest in fleet.guests] == [2, 8]

    def test_without_dom0_the_last_heading_begins_the_last_round(self, tmp_path: Path) -> None:
        fleet = read(tmp_path / "top", (HEADING + row("a") + row("b")) * 3)
        assert [guest.name for guest in fleet.guests] == ["a", "b"]

    def test_names_may_hold_spaces_and_lines_may_be_commented(self, tmp_path: Path) -> None:
        text = "".join(f"# {line}" for line in (HEADING, DOM0, row("my  web server")))
        assert [guest.name for guest in read(tmp_path / "top", text).guests] == ["my web server"]

    def test_a_last_row_that_is_cut_off_is_left_out_with_a_note(self, tmp_path: Path) -> None:
        fleet = read(tmp_path / "top", HEADING + DOM0 + row("web") + row("half")[:40])
        assert [guest.name for guest in fleet.guests] == ["web"]
        assert any("cut off" in note for note in fleet.notes)

    def test_a_row_of_other_columns_is_named_with_its_line(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            read(tmp_path / "top", HEADING + DOM0 + "x --b--- 1 2 3\n" + row("web"))
        assert caught.value.line == 3
