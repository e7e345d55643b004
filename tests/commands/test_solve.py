"""`evtplan solve` as a process."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.commands.in_process import evtplan

ROOT = Path(__file__).resolve().parents[2]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return evtplan("solve", *args)


def where(**values: object) -> list[str]:
    return [part for name, value in values.items() for part in ("--where", f"{name}={value}")]


class TestJson:
    def test_has_the_documented_keys(self) -> None:
        result = run(
            *("draft_a.vm_limit_estimate", "--for", "P", "--format", "json"),
            *where(V=10000, E_V=64, E_P=1024),
        )
        (row,) = json.loads(result.stdout)["rows"]
        assert {"formula", "symbol", "value", "side", "next_value", "why"} <= set(row)
        assert (row["value"], row["side"], row["next_value"]) == (10625, "smallest", 10624)

    def test_exactly_gives_both_ends(self) -> None:
        result = run(
            *("fifo.event_array_pages", "--for", "p", "--goal", "exactly", "--format", "json"),
            *where(A=2, E_P=1024),
        )
        rows = json.loads(result.stdout)["rows"]
        assert [(row["side"], row["value"]) for row in rows] == [
            ("smallest", 1024),
            ("largest", 2047),
        ]

    def test_the_only_value_is_exact(self) -> None:
        result = run(
            *("two_level.channels", "--for", "w", "--goal", "exactly", "--format", "json"),
            *where(N=4096),
        )
        (row,) = json.loads(result.stdout)["rows"]
        assert (row["side"], row["value"]) == ("exact", 64)


class TestDefaults:
    def test_that_are_taken_are_told(self) -> None:
        result = run("fifo.vm_limit_pages", "--for", "P", *where(V=10000, E_V=64))
        assert result.returncode == 0
        assert "note: E_P = 1024 is taken" in result.stderr


class TestNoSolution:
    def test_prints_the_row_first_then_why_and_exits_1(self) -> None:
        result = run(
            *("draft_a.vm_limit_estimate", "--for", "E_P", "--format", "json"),
            *where(V=20001, P=20000, E_V=64),
        )
        assert result.returncode == 1
        assert json.loads(result.stdout)["rows"][0]["value"] is None
        assert "error: no solution: V is at most 19999" in result.stderr


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["draft_a.vm_limit_estimate"], "--for"),
            (["nothing", "--for", "P"], "unknown formula"),
            (["draft_a.vm_limit_estimate", "--for", "P", *where(V=0, E_V=64)], "the target V is 0"),
            (["draft_a.vm_limit_estimate", "--for", "P", *where(V=-1, E_V=64)], "target V is -1"),
            (["draft_a.vm_limit_estimate", "--for", "Q", *where(V=1, E_V=64)], "'Q'"),
            (["draft_a.vm_limit_estimate", "--for", "D", *where(V=1, E_V=64)], "has no D"),
            (
                ["draft_a.vm_limit_estimate", "--for", "P", *where(V=1), "--where", "V=2"],
                "contradictory values for V: 1 and 2",
            ),
            (
                ["draft_a.vm_limit_estimate", "--for", "P", *where(V=1, P=2, E_V=64)],
                "both given and asked for",
            ),
            (["draft_a.vm_limit_estimate", "--for", "P", *where(V="1,000", E_V=64)], "number"),
            (
                ["draft_a.vm_limit_estimate", "--for", "P", "--goal", "more", *where(V=1)],
                "unknown goal",
            ),
        ],
    )
    def test_is_one_error_exit_2_and_no_output(self, args: list[str], said: str) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
        assert "Traceback" not in result.stderr
