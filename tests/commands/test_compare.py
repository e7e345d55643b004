"""`evtplan compare` as a process."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = ("--events-per-vm", "20", "--vcpus", "2", "--backend-base-ports", "70")


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", "compare", *args],
        capture_output=True, text=True, input=stdin, cwd=ROOT,
    )  # fmt: skip


class TestByNumbers:
    def test_every_abi_by_default_and_the_documented_columns(self) -> None:
        document = json.loads(run(*NUMBERS, "--format", "json").stdout)
        assert document["command"] == "compare"
        assert [row["abi"] for row in document["rows"]] == [
            "2l-32", "2l-64", "3l-32", "3l-64", "fifo-draft-a", "fifo",
        ]  # fmt: skip
        assert {
            "vm_limit", "binding", "backend_ports", "total_pages", "total_bytes", "memory_bytes",
            "memory_bytes_per_vm", "priorities", "protocol_holds", "reference",
            "vm_limit_vs_reference_percent",
        } <= set(document["rows"][0])  # fmt: skip
        assert document["break_even"][0] == {
            "fleet": None, "quantity": "events_per_vm", "measure": "vm_limit", "first_value": 4,
            "best_before": "3l-64, fifo-draft-a, fifo", "best_from": "3l-64",
        }  # fmt: skip

    def test_fits_a_terminal(self) -> None:
        lines = run(*NUMBERS, "--format", "table").stdout.splitlines()
        assert max(map(len, lines)) <= 80


class TestArm:
    def test_all_are_those_that_exist_there(self) -> None:
        result = run("--events-per-vm", "20", "--arch", "arm64", "-f", "json")
        document = json.loads(result.stdout)
        names = [row["abi"] for row in document["rows"]]
        assert names == ["2l-64", "3l-64", "fifo-draft-a", "fifo"]
        assert "all leaves out 2l-32 and 3l-32" in document["notes"][0]


class TestByFleet:
    def test_each_file_is_a_fleet_and_together_they_are_one(self) -> None:
        files = ("examples/xl/web.cfg", "examples/xl/database.cfg", "--abi", "fifo", "-f", "json")
        rows = json.loads(run(*files).stdout)["rows"]
        assert [row["fleet"] for row in rows] == ["web", "database"]
        assert len(json.loads(run(*files, "--together").stdout)["rows"]) == 1

    def test_hosts_side_by_side(self) -> None:
        result = run("examples/xl/web.cfg", "--xen", "4.4,4.22", "--abi", "fifo", "-f", "json")
        assert [row["xen"] for row in json.loads(result.stdout)["rows"]] == ["4.4", "4.22"]


class TestAgainst:
    def test_what_changed_since_it_was_saved(self, tmp_path: Path) -> None:
        saved = tmp_path / "saved.json"
        assert run("examples/xl/web.cfg", "--abi", "fifo", "-o", str(saved)).returncode == 0
        args = ("examples/xl/web.cfg", "--abi", "fifo", "--against", str(saved))
        assert run(*args, "--format", "csv").stdout.splitlines()[1:] == []
        rows = list(csv.DictReader(run(*args, "--copies", "10", "-f", "csv").stdout.splitlines()))
        vms = next(row for row in rows if row["quantity"] == "vms")
        assert (vms["before"], vms["now"], vms["change"], vms["change_percent"]) == (
            "1", "10", "9", "900.0",
        )  # fmt: skip


class TestChangesInFilesOfOneTable:
    """Reading results back needs no cleaning: plain headers"""

    def saved(self, tmp_path: Path) -> tuple[str, ...]:
        path = str(tmp_path / "saved.json")
        assert run(*NUMBERS, "--abi", "fifo,2l-64", "-o", path).returncode == 0
        return ("--against", path)

    def test_csv_without_changes_still_has_its_heading(self, tmp_path: Path) -> None:
        against = self.saved(tmp_path)
        result = run(*NUMBERS, "--abi", "fifo,2l-64", *against, "-f", "csv")
        assert result.stdout == ("fleet,xen,arch,abi,quantity,before,now,change,change_percent\n")

    def test_parquet_holds_numbers_and_names_in_one_column_as_text(self, tmp_path: Path) -> None:
        out = tmp_path / "changes.parquet"
        args = (*NUMBERS, "--vms", "7", "--abi", "fifo,3l-64", *self.saved(tmp_path))
        result = run(*args, "-o", str(out))
        assert result.returncode == 0, result.stderr
        rows = pyarrow.parquet.read_table(out).to_pylist()
        assert {"before": "present", "now": "absent"}.items() <= rows[-1].items()
        assert next(row["now"] for row in rows if row["quantity"] == "vms") == "7"


class TestFilesOfOneName:
    def test_are_told_apart_by_their_paths(self, tmp_path: Path) -> None:
        paths = [tmp_path / place / "web.cfg" for place in ("old", "new")]
        for vcpus, path in enumerate(paths, start=1):
            path.parent.mkdir()
            path.write_text(f'name = "web"\nvcpus = {vcpus}\n')
        result = run(*map(str, paths), "--abi", "fifo", "-f", "json")
        assert [row["fleet"] for row in json.loads(result.stdout)["rows"]] == [*map(str, paths)]


class TestGate:
    def test_fail_under_prints_the_data_first(self) -> None:
        result = run(*NUMBERS, "--abi", "2l-64,fifo", "--fail-under", "1000")
        assert result.returncode == 1
        assert result.stdout
        assert "error: 2l-64: 201 VMs fit, fewer than 1000" in result.stderr


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            ([], "--events-per-vm"),
            ([*NUMBERS, "--abi", "fifoo"], "did you mean fifo?"),
            ([*NUMBERS, "--reference", "2l64"], "did you mean 2l-64?"),
            ([*NUMBERS, "--sort", "vm_limt"], "did you mean vm_limit?"),
            ([*NUMBERS, "--descending"], "--sort"),
            ([*NUMBERS, "--break-even", "vm"], "did you mean vms?"),
            ([*NUMBERS, "--against", "no-such.json"], "no-such.json"),
            (
                [*NUMBERS, "--against", "README.md"],
                "README.md:1:1: no comparison saved as JSON",
            ),
            ([*NUMBERS, "--xen", "4.99"], "known: 4.3, "),
            (["examples/xl/web.cfg", "--break-even", "vcpus"], "quantity of a fleet"),
            (
                ["examples/xl/web.cfg", "examples/xl/web.cfg"],
                "two fleets are called examples/xl/web.cfg",
            ),
            ([*NUMBERS, "-o", "no/such/folder/x.json"], "no/such/folder/x.json"),
        ],
    )
    def test_is_one_error_exit_2_and_no_output(self, args: list[str], said: str) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
        assert "Traceback" not in result.stderr
