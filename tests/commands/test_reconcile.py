"""`evtplan reconcile` as a process: answers, gates, and every kind of bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evtplan.commands.app import main

ROOT = Path(__file__).resolve().parents[2]
OBSERVED = ROOT / "examples" / "observed"
FLEET, LOG = str(OBSERVED / "fleet.toml"), str(OBSERVED / "console.log")


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", "reconcile", *args],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=ROOT,
    )


def called(*args: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command in this process."""
    with pytest.raises(SystemExit) as stopped:
        main(["reconcile", *args])
    out, err = capfd.readouterr()
    return int(stopped.value.code or 0), out, err


class TestJson:
    """JSON per domain of a dump at least `domain, abi, ports, highest_port, interdomain, unbound,
    ipi, virq, pirq, xen_consumer, pending, masked, vcpus_seen`
    """

    def test_has_the_columns_of_the_contract_as_integers(self) -> None:
        rows = json.loads(run(LOG, "--format", "json").stdout)["rows"]
        names = (
            "domain", "ports", "highest_port", "interdomain", "unbound", "ipi", "virq", "pirq",
            "xen_consumer", "pending", "masked", "vcpus_seen", "linked", "busy",
        )  # fmt: skip
        assert [row["abi"] for row in rows] == ["fifo"] * 4
        assert all(type(row[name]) is int for row in rows for name in names)
        assert [tuple(row[name] for name in names) for row in rows] == [
            (0, 52, 52, 33, 0, 10, 6, 3, 0, 0, 0, 2, 0, 0),
            (1, 20, 20, 8, 0, 10, 2, 0, 0, 1, 1, 2, 0, 0),
            (2, 22, 22, 10, 0, 10, 2, 0, 0, 1, 0, 2, 1, 0),
            (4, 23, 23, 13, 0, 8, 2, 0, 3, 0, 0, 2, 0, 0),
        ]

    def test_says_which_dump_was_taken_and_what_disagrees(self) -> None:
        document = json.loads(run(FLEET, LOG, "--format", "json").stdout)
        assert document["dump"] | {"cannot_show": []} == {
            "format": "debug-key-e", "line": 129, "dumps": 3, "truncated": False, "cannot_show": [],
        }  # fmt: skip
        assert len(document["disagreements"]) == 2
        assert document["headroom"][0]["more_vms"] == 131019 * 3 // 31

    def test_has_every_table_though_it_be_empty(self) -> None:
        text = "(XEN) Event channel information for domain 3:\n(XEN)  1 [0/0/0]: s=6 n=0 x=0\n"
        document = json.loads(run("-", "--format", "json", stdin=text).stdout)
        assert [row["ports"] for row in document["rows"]] == [1]
        assert (document["kinds"], document["backends"], document["headroom"]) == ([], [], [])


class TestExamples:
    @pytest.mark.parametrize("path", sorted(set(OBSERVED.iterdir()) - {Path(FLEET)}))
    def test_every_one_is_read_alone_and_against_the_fleet(
        self, path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert called(str(path), capfd=capfd)[0] == 0
        assert called(FLEET, str(path), capfd=capfd)[0] == 0

    @pytest.mark.parametrize("name", ["table", "plain", "csv", "jsonl", "md", "html"])
    def test_in_every_format(self, name: str, capfd: pytest.CaptureFixture[str]) -> None:
        assert called(FLEET, LOG, "--format", name, capfd=capfd)[1]

    def test_stdin_is_a_dash(self) -> None:
        assert run("-", stdin=Path(LOG).read_text()).stdout == run(LOG).stdout


class TestStrict:
    """Exit 1 with `--strict` when they disagree"""

    def test_prints_the_data_first_and_then_says_why(self) -> None:
        result = run(FLEET, LOG, "--strict")
        assert result.returncode == 1
        assert result.stdout == run(FLEET, LOG).stdout
        assert "error: domain 2 (web): 8 interdomain ports expected, 10 seen" in result.stderr

    def test_passes_a_dump_in_order(self) -> None:
        assert run(LOG, "--strict").returncode == 0

    def test_fails_a_dump_that_is_cut_off(self) -> None:
        text = Path(LOG).read_text()
        result = run("-", "--strict", stdin=text[: len(text) // 5])
        assert result.returncode == 1
        assert "error: the dump is truncated" in result.stderr


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            ([], "missing argument"),
            (["none.log"], "none.log"),
            (["."], "directory"),
            ([FLEET], "no event channels"),
            ([LOG, FLEET], LOG),
            ([FLEET, FLEET], "the dump comes last"),
            (["-", "-"], "only one"),
            ([LOG, "--map", "web=1"], "need a fleet"),
            ([FLEET, LOG, "--map", "web"], "NAME=DOMIDS"),
            ([FLEET, LOG, "--map", "web=x"], "no domain number"),
            ([FLEET, LOG, "--map", "web=2-1"], "empty"),
            ([FLEET, LOG, "--map", "web=0-99999999999"], "32751"),
            ([FLEET, LOG, "--map", "weeb=1"], "did you mean web?"),
            ([FLEET, LOG, "--map", "web=9"], "no domain 9"),
            ([FLEET, LOG, "--map", "web=1", "--map", "desktop=1"], "two guests"),
            ([LOG, "--from", "debugkey"], "did you mean debug-key-e?"),
            ([LOG, "--from", "lsevtchn"], "no event channels"),
            ([LOG, "--domain", "-1"], "--domain"),
            ([LOG, "--format", "jsn"], "did you mean json?"),
            ([LOG, "-o", "/dev/full"], "No space left"),
            (["/dev/zero"], "device"),
        ],
    )
    def test_is_one_error_exit_2_and_no_output(
        self, args: list[str], said: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        code, out, err = called(*args, capfd=capfd)
        assert (code, out) == (2, "")
        assert "error: " in err
        assert said in err
        assert "Traceback" not in err

    def test_a_closed_pipe_is_quiet(self) -> None:
        line = f"{sys.executable} -m evtplan reconcile {LOG} | head -c 1"
        result = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=ROOT)
        assert "Traceback" not in result.stderr
        assert "error" not in result.stderr
