"""`evtplan validate` as a process."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evtplan.formulas.catalogue import BOOK

ROOT = Path(__file__).resolve().parents[2]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", "validate", *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


class TestSmallScale:
    """evtplan validate --scale small: every formula, and its count of comparisons"""

    @pytest.fixture(scope="class")
    @classmethod
    def answer(cls) -> subprocess.CompletedProcess[str]:
        return run("--scale", "small", "--format", "json")

    def test_every_formula_has_a_row_and_none_disagrees(
        self, answer: subprocess.CompletedProcess[str]
    ) -> None:
        assert answer.returncode == 0, answer.stderr
        rows = json.loads(answer.stdout)["rows"]
        assert len(rows) == len(BOOK)
        keys = {"formula", "kind", "points", "disagreements", "worst_error", "verdict"}
        assert all(keys <= set(row) for row in rows)
        assert sum(row["disagreements"] for row in rows) == 0
        assert {row["verdict"] for row in rows} == {"agrees", "holds", "no counterpart"}

    def test_says_how_many_comparisons_it_made(
        self, answer: subprocess.CompletedProcess[str]
    ) -> None:
        document = json.loads(answer.stdout)
        counted = sum(row["points"] for row in document["rows"]) + len(document["hosts"])
        counted += sum(row["points"] for row in document["lives"])
        assert document["comparisons"] == counted > 200_000
        assert any(f"{counted} comparisons" in note for note in document["notes"])


class TestReports:
    def test_a_page_needs_no_network_and_has_its_pictures(self, tmp_path: Path) -> None:
        page = tmp_path / "report.html"
        result = run("initialisation", "-o", str(page))
        assert result.returncode == 0, result.stderr
        text = page.read_text(encoding="utf-8")
        assert text.count("<svg") == 2
        assert not re.search(r"(src|href)=[\"']https?://", text)
        assert "initialisation.pages_left" in text

    def test_markdown_has_a_row_a_formula(self) -> None:
        result = run("heap.buckets", "limits", "--format", "md")
        assert result.returncode == 0
        assert "| heap.buckets |" in result.stdout
        assert "no counterpart" in result.stdout

    def test_plots_go_into_a_directory(self, tmp_path: Path) -> None:
        result = run("heap.buckets", "--plots", str(tmp_path), "--format", "csv")
        assert result.returncode == 0
        names = ["estimate-error.svg", "limits.svg"]
        assert sorted(path.name for path in tmp_path.iterdir()) == names
        for name in names:
            documented = ROOT / "docs" / "plots" / name
            assert documented.read_bytes() == (tmp_path / name).read_bytes()


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["--scale", "huge"], "unknown scale 'huge'"),
            (["heap.bucket"], "unknown formula 'heap.bucket'"),
            (["--format", "pdf"], "unknown format"),
            (["--plots", "nowhere/at/all", "heap.buckets"], "no such directory"),
        ],
    )
    def test_is_one_error_exit_2_and_no_output(self, args: list[str], said: str) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
        assert "Traceback" not in result.stderr


class TestDisagreement:
    """Exit 1 on any disagreement"""

    def test_a_wrong_formula_is_told_and_exits_1(self) -> None:
        program = (
            "import sys\n"
            "from dataclasses import replace\n"
            "from evtplan.formulas import catalogue\n"
            "book = catalogue.BOOK\n"
            "right = book['heap.buckets']\n"
            "book['heap.buckets'] = replace(right, expression=right.expression + 1)\n"
            "from evtplan.commands.app import main\n"
            "main(['validate', 'heap.buckets', '--format', 'json'])\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT
        )
        assert result.returncode == 1
        (row,) = json.loads(result.stdout)["rows"]
        assert row["verdict"] == "disagrees"
        assert row["disagreements"] == row["points"] > 0
        assert "error: heap.buckets:" in result.stderr
