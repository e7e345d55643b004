"""`evtplan size` as a process: answers, gates, and every kind of bad input."""

import csv
import json
import signal
import subprocess
import sys
import time
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


class TestArm:
    """`all` is all that exist for that architecture"""

    def test_all_are_those_that_exist_there(self) -> None:
        result = run("--events-per-vm", "20", "--abi", "all", "--arch", "arm64", "-f", "csv")
        assert result.returncode == 0, result.stderr
        rows = [line.split(",")[:3] for line in result.stdout.splitlines()[1:]]
        assert [(row[0], row[2]) for row in rows] == [
            ("2l-64", "4.22"), ("3l-64", "4.4"), ("fifo-draft-a", "4.4"), ("fifo", "4.22"),
        ]  # fmt: skip
        assert "note: all leaves out 2l-32 and 3l-32" in result.stderr

    def test_one_that_is_named_is_sized(self) -> None:
        result = run("--events-per-vm", "20", "--abi", "2l-32,all", "--arch", "arm32")
        assert result.stdout.splitlines()[1].startswith("2l-32\t")
        assert "leaves out 3l-32:" in result.stderr

    def test_a_release_that_is_named_stands(self) -> None:
        result = run("--events-per-vm", "20", "--arch", "arm64", "--xen", "4.3")
        assert result.returncode == 2
        assert "4.3 on arm64 is not known" in result.stderr


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
            (["--events-per-vm", "1" + "0" * 30], "--events-per-vm is 1" + "0" * 30),
            (["examples/xl/web.cfg", "--pages", "1" + "0" * 30], "--pages is 1"),
            (["--events-per-vm", "4", "--abi", "FIFO"], "did you mean fifo?"),
            (["--events-per-vm", "4", "-o", ""], "an empty file name"),
            (["-", "-"], "stdin can be read only once"),
            (["--events-per-vm", "4", "--copies", "3"], "--copies needs a fleet"),
            (["examples/xl/web.cfg", "--vms", "3"], "--vms is for sizing by numbers"),
            (["no-such-file.cfg"], "no-such-file.cfg"),
            (["docs"], "no guest in any of the files"),
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

    def test_a_closed_pipe_is_quiet_and_no_failed_check(self) -> None:
        line = f"{sys.executable} -m evtplan size --events-per-vm 4 --abi all | true"
        line += "; exit ${PIPESTATUS[0]}"
        result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT)
        assert "Traceback" not in result.stderr
        assert "error" not in result.stderr
        assert result.returncode in (0, 141)  # 0 where all was written before the reader left

    @pytest.mark.parametrize(
        ("redirection", "code"), [(">&-", 2), ("2>&- >/dev/null", 0), (">/dev/full", 2)]
    )
    def test_closed_and_full_streams_bring_no_traceback(self, redirection: str, code: int) -> None:
        line = f"{sys.executable} -m evtplan size --events-per-vm 4 {redirection}"
        result = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=ROOT)
        assert result.returncode == code
        assert "Traceback" not in result.stderr

    def test_ctrl_c_is_130(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "evtplan", "size", "-"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write("name = 'x'\n")
        process.stdin.flush()
        time.sleep(1.5)  # until it waits for more
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        assert process.returncode == 130
        assert "Traceback" not in stderr


class TestTables:
    """80 columns; in a pipe plain text that is never cut; NO_COLOR"""

    FLEET = ("examples/fleets/cloud.toml", "--by-device", "--format", "table")

    @pytest.mark.parametrize("abi", ["fifo", "2l-32,2l-64", "all"])
    def test_no_table_is_wider_than_80_columns(self, abi: str) -> None:
        lines = run(*self.FLEET, "--abi", abi).stdout.splitlines()
        assert max(map(len, lines)) <= 80

    def test_every_abi_has_its_column(self) -> None:
        text = run("--events-per-vm", "4", "--abi", "all", "--format", "table").stdout
        shown = [line for line in text.splitlines() if line.startswith("│ ABI ")]
        assert "".join(shown).split() == [
            "│", "ABI", "│", "2l-32", "│", "2l-64", "│", "3l-32", "││", "ABI", "│", "3l-64", "│",
            "fifo-draft-a", "│", "fifo", "│",
        ]  # fmt: skip

    def test_a_pipe_gets_tab_separated_text_without_escapes(self) -> None:
        text = run("--events-per-vm", "4").stdout
        heading, values = text.splitlines()[:2]
        assert len(heading.split("\t")) == len(values.split("\t")) > 30
        assert "\x1b" not in text

    def test_by_device_fills_formats_of_one_table(self) -> None:
        text = run("examples/xl/web.cfg", "--by-device", "--format", "csv").stdout
        rows = list(csv.DictReader(text.splitlines()))
        assert {row["device"]: (row["domu_ports"], row["backend_ports"]) for row in rows} == {
            "xenstore": ("1", "1"), "console": ("1", "1"), "vif": ("4", "4"), "vbd": ("2", "2"),
            "vcpu": ("12", "0"),
        }  # fmt: skip
