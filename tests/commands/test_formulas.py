"""`evtplan formulas` as a process: the list, one formula explained, LaTeX, own formulas."""

import json
import subprocess
from pathlib import Path

import pytest

from evtplan.formulas.catalogue import BOOK
from tests.commands.in_process import evtplan

ROOT = Path(__file__).resolve().parents[2]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return evtplan("formulas", *args)


def rows(*args: str) -> list[dict[str, object]]:
    result = run(*args, "--format", "json")
    assert result.returncode == 0, result.stderr
    found: list[dict[str, object]] = json.loads(result.stdout)["rows"]
    return found


class TestList:
    """the list (name, equation, kind, unit, source)"""

    def test_json_has_the_documented_keys_for_every_formula(self) -> None:
        found = rows()
        assert [row["name"] for row in found] == list(BOOK)
        for row in found:
            assert {
                "name", "equation", "kind", "unit", "source", "certainty", "inputs",
            } <= set(row)  # fmt: skip

    def test_a_chapter_lists_its_own(self) -> None:
        names = [str(row["name"]) for row in rows("delivery")]
        assert names
        assert all(name.startswith("delivery.") for name in names)

    def test_pipes_get_one_line_a_formula(self) -> None:
        lines = run("limits").stdout.splitlines()
        assert lines[0].startswith("name\tequation\tkind\tunit\tsource")
        assert len(lines) == 1 + sum(name.startswith("limits.") for name in BOOK)


class TestOneFormula:
    """equation in Unicode, every symbol with unit and meaning, assumptions, source, worked
    examples recomputed now, which formulas it is derived from and which use it"""

    def test_is_explained(self) -> None:
        result = run("draft_a.vm_limit_estimate", "--format", "md")
        for text in (
            "V = ⌊P/(1 + E_V/E_P)⌋",
            "pages available for event arrays",
            "port 0, dom0's own ports",
            "David Vrabel to Wei Liu",
            "123361",
            "draft_a.total_array_pages_estimate",
            "draft_a.vm_limit_per_vcpu",
        ):
            assert text in result.stdout

    def test_short_names_do_where_only_one_fits(self) -> None:
        (row,) = rows("lock_wait")
        assert row["name"] == "delivery.lock_wait"

    def test_values_compute_the_result(self) -> None:
        values = ("--where", "P=131072", "--where", "E_V=64")
        (row,) = rows("draft_a.vm_limit_estimate", *values)
        assert row["value"] == 123361

    def test_latex(self) -> None:
        assert run("draft_a.vm_limit_estimate", "--latex").stdout == (
            "V = \\left\\lfloor{\\frac{P}{1 + \\frac{E_{V}}{E_{P}}}}\\right\\rfloor\n"
        )

    def test_latex_of_all_has_one_equation_a_formula(self) -> None:
        lines = run("--latex").stdout.splitlines()
        assert len(lines) == 2 * len(BOOK)


class TestOnATerminal:
    """an 80-column terminal"""

    @pytest.mark.parametrize("args", [(), ("--all",), ("limits", "channels")])
    def test_no_line_is_wider(self, args: tuple[str, ...]) -> None:
        lines = run(*args, "--format", "table").stdout.splitlines()
        assert max(map(len, lines)) <= 80


class TestChapters:
    def test_all_explains_every_formula_of_one(self) -> None:
        listed, explained = rows("limits"), rows("limits", "--all")
        assert [row["name"] for row in listed] == [row["name"] for row in explained]
        assert "Worked examples" not in run("limits", "--format", "md").stdout
        assert "Worked examples" in run("limits", "--all", "--format", "md").stdout

    def test_latex_has_each_formula_of_one(self) -> None:
        assert run("limits", "--all", "--latex").stdout == run("limits", "--latex").stdout
        assert len(run("limits", "--latex").stdout.splitlines()) == 2 * len(rows("limits"))


class TestReferencePage:
    def test_all_as_markdown_is_the_page_in_docs(self) -> None:
        page = (ROOT / "docs" / "formulas.md").read_text(encoding="utf-8")
        assert run("--all", "--format", "md").stdout == page


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["draft_a.vm_limit_estimat"], "did you mean draft_a.vm_limit_estimate?"),
            (["fifo", "--where", "P=1"], "--where needs the name of one formula"),
            (["draft_a.vm_limit_estimate", "--where", "P"], "no assignment"),
            (["draft_a.vm_limit_estimate", "--where", "P=x"], "must be a number"),
            (["draft_a.vm_limit_estimate", "--where", "P=nan"], "must be a number"),
            (["draft_a.vm_limit_estimate", "--where", "P=1e19"], "10^18"),
            (["draft_a.vm_limit_estimate", "--where", "P=0"], "at least 1"),
            (["draft_a.vm_limit_estimate", "--where", "P=" + "9" * 5000], "10^18"),
            (["draft_a.vm_limit_estimate", "--where", "P=5"], "not given: E_V"),
            (["draft_a.vm_limit_estimate", "--where", "V=5"], "evtplan solve"),
            (["fifo", "draft_a.max_array_pages", "--all"], "is one formula"),
            (["draft_a.max_array_pages", "--all", "--latex"], "is one formula"),
            (["draft_a.max_array_pages", "--latex", "--where", "N=5"], "--where needs"),
            (["usable_port"], "did you mean"),
            (["vm_limit_backend_ports"], "one of fifo.vm_limit_backend_ports, two_level."),
            (["qqqqq"], "hint: evtplan formulas lists them"),
            (["--format", "xml"], "unknown format"),
            (["--formulas", "no-such-file.py"], "no-such-file.py"),
        ],
    )
    def test_is_one_error_exit_2_and_no_output(self, args: list[str], said: str) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
        assert "Traceback" not in result.stderr
