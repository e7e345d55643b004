"""`evtplan size` as a process: answers, gates, and every kind of bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", "size", *args],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=ROOT,
    )


class TestJson:
    def test_has_the_documented_columns(self) -> None:
        result = run(
            *("--abi", "fifo-draft-a", "--pages", "131072", "--events-per-vm", "64"),
            *("--driver-domains", "16", "--format", "json"),
        )
        document = json.loads(result.stdout)
        row = document["rows"][0]
        assert {
            "abi", "vms", "events_per_vm", "words_per_page", "pages", "domu_array_pages",
            "backend_array_pages", "total_array_pages", "total_array_pages_bound",
            "vm_limit_estimate", "vm_limit_pages", "vm_limit_backend_ports", "vm_limit_domids",
            "vm_limit", "binding",
        } <= set(row)  # fmt: skip
        assert (row["vm_limit_estimate"], row["vm_limit_second_method"]) == (123361, 128896)
        assert row["vm_limit_domids"] == 32752


class TestFleets:
    @pytest.mark.parametrize("path", sorted((ROOT / "examples" / "fleets").glob("*.toml")))
    def test_every_example_fleet_is_sized(self, path: Path) -> None:
        assert run(str(path)).returncode == 0

    def test_every_example_configuration_is_sized(self) -> None:
        files = [str(path) for path in sorted((ROOT / "examples" / "xl").glob("*.cfg"))]
        result = run(*files, "--copies", "200", "--format", "json")
        assert json.loads(result.stdout)["rows"][0]["vms"] == 200 * len(files)

    def test_stdin_is_a_dash(self) -> None:
        result = run("-", "--format", "json", stdin="name='x'\nvcpus=2\n")
        assert json.loads(result.stdout)["groups"][0]["group"] == "x"


class TestGate:
    def test_fail_under_prints_the_data_first_and_then_says_why(self) -> None:
        result = run("--events-per-vm", "4", "--abi", "2l-64", "--fail-under", "5000")
        assert result.returncode == 1
        assert result.stdout
        assert "1023 VMs fit, fewer than 5000" in result.stderr

    def test_passes_where_enough_fit(self) -> None:
        assert run("--events-per-vm", "4", "--fail-under", "1000").returncode == 0


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["--abi", "fifoo", "--events-per-vm", "4"], "did you mean fifo?"),
            (["--events-per-vm", "0"], "--events-per-vm"),
            (["--events-per-vm", "-4"], "--events-per-vm"),
            (["--events-per-vm", "4.5"], "--events-per-vm"),
            (["--events-per-vm", "nan"], "--events-per-vm"),
            (["--events-per-vm", "4", "--vms", "1" + "0" * 30], "10^18"),
            (["--events-per-vm", "4", "-o", "no/such/folder/x.json"], "no/such/folder/x.json"),
            (["no-such-file.cfg"], "no-such-file.cfg"),
            (["."], "directory"),
            ([], "--events-per-vm"),
            (["--evnts-per-vm", "4"], "--events-per-vm"),
        ],
    )
    def test_is_one_error_exit_2_and_no_output(self, args: list[str], said: str) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
        assert "Traceback" not in result.stderr

    def test_a_syntax_error_names_file_and_line(self, tmp_path: Path) -> None:
        path = tmp_path / "bad.cfg"
        path.write_text("name = 'x'\nvcpus = = 2\n")
        result = run(str(path))
        assert result.returncode == 2
        assert result.stderr.startswith(f"error: {path}:2:9: ")

    def test_an_unknown_key_in_a_fleet_file_names_file_and_line(self, tmp_path: Path) -> None:
        path = tmp_path / "bad.toml"
        path.write_text("[[guest]]\nname = 'x'\nvcpu = 2\n")
        result = run(str(path))
        assert result.stderr == (
            f"error: {path}:3: [[guest]] has no key 'vcpu'\nhint: did you mean vcpus?\n"
        )

    def test_existing_output_survives_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "out.json"
        path.write_text("precious")
        assert run("no-such-file.cfg", "-o", str(path)).returncode == 2
        assert path.read_text() == "precious"

    def test_a_full_disk_leaves_existing_output(self) -> None:
        result = run("--events-per-vm", "4", "-o", "/dev/full")
        assert result.returncode == 2
        assert "No space left" in result.stderr

    def test_a_closed_pipe_is_quiet(self) -> None:
        line = f"{sys.executable} -m evtplan size --events-per-vm 4 --abi all | head -c 1"
        result = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=ROOT)
        assert "Traceback" not in result.stderr
        assert "error" not in result.stderr
