"""Every scenario under examples/scenarios runs, and says what it is there to say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "examples" / "scenarios"

SAID = {
    "dom0_32_bit_2013.py": [
        "none for dom0: 255 VMs (backend_ports)",
        "124 for dom0 itself: 179 VMs",  # "more like 180 or so"
        "XenServer 6.1: 153 VMs",
    ],
    "xenserver_500_vms.py": [
        "Windows VM, 8 channels in dom0: 115 VMs of 1024, 499 of 4096",
        "500 VMs leave each VM at most 7 channels in dom0",
        "650 VMs leave each VM at most 6 channels in dom0",
    ],
    "vdi_farm.py": ["2l-64: 381 VMs of this mix, -223", "from 382 VMs on", ": fifo"],
    "unikernels_10000.py": ["2l-64: does not fit; at most 1304", "fifo: fits; at most 32752"],
    "arm_64k_pages.py": [
        "pages of 4096 bytes: 510 pages, 2088960 bytes",
        "pages of 65536 bytes: 510 pages, 33423360 bytes",
    ],
}


@pytest.mark.parametrize("name", sorted(path.name for path in SCENARIOS.glob("*.py")))
def test_a_script_says_what_it_is_there_to_say(name: str) -> None:
    result = subprocess.run(
        [sys.executable, str(SCENARIOS / name)], capture_output=True, text=True, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    assert all(text in result.stdout for text in SAID[name]), result.stdout


class TestGate:
    def gated(self, *args: str, tmp: Path) -> subprocess.CompletedProcess[str]:
        command = tmp / "evtplan"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evtplan "$@"\n')
        command.chmod(0o755)
        environment = {**os.environ, "PATH": f"{tmp}:{os.environ['PATH']}"}
        return subprocess.run(
            ["bash", str(SCENARIOS / "ci_gate.sh"), *args],
            capture_output=True, text=True, cwd=ROOT, env=environment,
        )  # fmt: skip

    def test_passes_where_enough_fit_and_shows_what_would_not(self, tmp_path: Path) -> None:
        result = self.gated("examples/fleets/cloud.toml", "1000", tmp=tmp_path)
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        assert lines[1] == "guest_web_count,abi,vms,vm_limit,binding"
        assert [line.split(",")[1] for line in lines[2:-1]] == ["2l-64"] * 3

    def test_says_why_it_cannot_tell(self, tmp_path: Path) -> None:
        result = self.gated("no-such-fleet.toml", tmp=tmp_path)
        assert result.returncode == 2
        assert result.stderr.startswith("error: no-such-fleet.toml: ")

    def test_fails_where_too_few_fit(self, tmp_path: Path) -> None:
        result = self.gated("examples/fleets/cloud.toml", "20000", tmp=tmp_path)
        assert result.returncode == 1
        assert result.stderr.startswith("error: fifo: 10884 VMs fit, fewer than 20000")
