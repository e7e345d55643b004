"""Numbers as a user types them: exact, or refused."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from evtplan.plans.typed import NotANumberError, TooLargeError, number_in
from tests.commands.in_process import evtplan


class TestWhatIsRead:
    """integers stay exact: 1e3 is 1000, 1.5e0 is no whole number"""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1e3", 1000),
            ("1E+3", 1000),
            ("1.5e3", 1500),
            ("1_000", 1000),
            (" 10 ", 10),
            ("+5", 5),
            ("-5", -5),
            ("00012", 12),
            ("5.", 5),
            ("0.000", 0),
            ("0e999999999999", 0),
            ("2^17", 2**17),
            ("-2^3", -8),
            ("1000000000000000000", 10**18),
            ("999999999999999999", 10**18 - 1),
            ("123456789012345.678e3", 123456789012345678),
            ("6/3", 2),
        ],
    )
    def test_a_whole_number_is_an_exact_integer(self, text: str, value: int) -> None:
        found = number_in(text)
        assert isinstance(found, int)
        assert found == value

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1.5e0", Fraction(3, 2)),
            ("0.1", Fraction(1, 10)),
            ("-.5", Fraction(-1, 2)),
            ("27/200", Fraction(27, 200)),
            ("1e-5", Fraction(1, 100_000)),
        ],
    )
    def test_anything_else_is_an_exact_fraction(self, text: str, value: Fraction) -> None:
        assert number_in(text) == value

    @pytest.mark.parametrize(
        "text",
        [
            *("", ".", "e3", "1e", "nan", "inf", "0x10", "1,000", "1 000", "2**3", "2^-1", "1/0"),
            *("_1", "--1", "10 pages", "١٠", "1e-999999999"),
            *("0." + "1" * 100_000, "1/" + "9" * 100_000),
        ],
    )
    def test_what_is_no_number_is_refused(self, text: str) -> None:
        with pytest.raises(NotANumberError):
            number_in(text)

    @pytest.mark.parametrize(
        "text", ["1e19", "-1e19", "1e999999999999", "9" * 100_000, "9999^99", "1000000000000000001"]
    )
    def test_one_beyond_all_sense_is_refused_at_once(self, text: str) -> None:
        with pytest.raises(TooLargeError):
            number_in(text)


class TestWhereTheyAreTyped:
    @pytest.mark.parametrize("vms", ["1e4", "10_000", "10000", "1.0e4"])
    def test_solve_takes_them(self, vms: str) -> None:
        question = ("solve", "draft_a.vm_limit_estimate", "--for", "P", "--where", f"V={vms}")
        result = evtplan(*question, "--where", "E_V=6.4e1", "--format", "jsonl")
        assert json.loads(result.stdout)["value"] == 10625

    def test_sensitivity_and_sweep_take_the_same(self) -> None:
        spelled = evtplan("sensitivity", "--set", "E_V=1e2", "--set", "P=2^17")
        plain = evtplan("sensitivity", "--set", "E_V=100", "--set", "P=131072")
        assert spelled.stdout == plain.stdout
        spelled = evtplan("sweep", "--vary", "vms=1e3..2e3:5e2", "--set", "events_per_vm=2^6")
        plain = evtplan("sweep", "--vary", "vms=1000..2000:500", "--set", "events_per_vm=64")
        assert spelled.stdout == plain.stdout

    def test_a_sweep_file_takes_them_too(self, tmp_path: Path) -> None:
        path = tmp_path / "s.toml"
        path.write_text("[vary]\nvms = [1e3, 2_000, '2^13']\n[set]\nevents_per_vm = 6.4e1\n")
        plain = evtplan("sweep", "--vary", "vms=1000,2000,8192", "--set", "events_per_vm=64")
        assert evtplan("sweep", str(path)).stdout == plain.stdout != ""

    @pytest.mark.parametrize(
        "line",
        [
            ("solve", "draft_a.vm_limit_estimate", "--for", "P", "--where", "V=1.5e0"),
            ("sensitivity", "--set", "E_V=1.5e0"),
            ("sweep", "--vary", "vms=1.5e0", "--set", "events_per_vm=6"),
            ("formulas", "mapping_pages", "--where", "g=1.5e0", "--where", "G_M=1"),
        ],
    )
    def test_a_fraction_where_a_whole_number_belongs_is_a_clear_error(
        self, line: tuple[str, ...]
    ) -> None:
        result = evtplan(*line)
        assert result.returncode == 2
        assert "whole number" in result.stderr
