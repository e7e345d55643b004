"""`evtplan fleet` as a process: the census, fleet files, progress, and bad input."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evtplan.fleet.census import census_of
from evtplan.fleet.fleet_text import fleet_toml
from evtplan.fleet.model import DEVICE_KINDS, Device, Fleet, Guest, GuestType, Host, OsFamily
from evtplan.fleet.readers.fleet_toml import read_fleet_toml

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "fleet" / "samples"


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", "fleet", *args],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=ROOT,
    )


def document(*args: str, stdin: str = "") -> dict[str, list[dict[str, object]]]:
    result = run(*args, "--format", "json", stdin=stdin)
    assert result.returncode == 0, result.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(result.stdout)
    return found


class TestCensus:
    def test_has_a_row_a_guest_with_the_documented_columns(self) -> None:
        (row,) = document("examples/xl/web.cfg")["rows"]
        assert {"name", "type", "vcpus", "copies", "domu_ports", "backend_ports"} <= set(row)
        assert (row["name"], row["domu_ports"], row["backend_ports"]) == ("web", 20, 8)

    def test_by_device_has_a_row_a_device_with_rule_and_source(self) -> None:
        found = document("examples/xl/web.cfg", "--by-device")
        rows = {row["device"]: row for row in found["rows"]}
        assert {"name", "device", "count", "kind", "rule", "source"} <= set(rows["vif"])
        assert (rows["vif"]["count"], rows["vif"]["kind"]) == (1, "pair")
        assert (rows["vcpu"]["domu_ports"], rows["vcpu"]["kind"]) == (12, "local")
        assert found["guests"][0]["domu_ports"] == sum(
            int(str(row["domu_ports"])) for row in found["rows"]
        )

    def test_totals_and_backends_count_every_copy(self) -> None:
        found = document("examples/xl/web.cfg", "--copies", "300")
        assert found["totals"][-1]["backend_ports"] == 8 * 300
        (backend,) = found["backends"]
        assert (backend["backend"], backend["guest_ports"]) == ("dom0", 8 * 300)

    def test_a_stub_domain_has_a_row_of_its_own(self) -> None:
        guest, stub = document(str(SAMPLES / "xl" / "19-stub-domain.cfg"))["rows"]
        assert (guest["role"], stub["role"], stub["name"]) == ("guest", "stub domain", "guarded-dm")

    def test_what_does_not_fit_is_noted(self) -> None:
        result = run("-", "--from", "xl", stdin="name='x'\nvcpus=200\n")
        assert "x needs 1202 event channels and may use ports up to 1023" in result.stderr

    def test_defaults_may_be_overridden(self) -> None:
        options = ("--dom0-vcpus", "1", "--abi", "2l-64", "--toolstack", "xenopsd")
        (row,) = document("examples/xl/web.cfg", *options)["rows"]
        assert (row["domu_ports"], row["highest_allowed_port"]) == (2 + 2 + 1 + 14, 4095)

    @pytest.mark.parametrize("name", ["csv", "jsonl", "md", "plain", "html", "table"])
    def test_every_format_has_every_guest(self, name: str) -> None:
        result = run("examples/xl", "--format", name)
        assert result.returncode == 0
        for guest in ("web", "database", "desktop"):
            assert guest in result.stdout


class TestExamples:
    @pytest.mark.parametrize(
        "path",
        [
            "examples/xl",
            "examples/fleets",
            "examples/libvirt/router.xml",
            "examples/running/xl-list.json",
            "examples/running/xentop.txt",
            "examples/tables/vms.csv",
        ],
    )
    def test_every_example_is_read_without_a_flaw(self, path: str) -> None:
        result = run(path)
        assert result.returncode == 0
        assert "not known" not in result.stderr
        assert "skipped" not in result.stderr


class TestStdinAndFormats:
    def test_from_names_the_format(self) -> None:
        (row,) = document("-", "--from", "csv", stdin="name,vcpus\nx,3\n")["rows"]
        assert row["vcpus"] == 3

    def test_an_unknown_format_is_refused_with_the_nearest(self) -> None:
        result = run("x.cfg", "--from", "libvrt")
        assert result.returncode == 2
        assert "did you mean libvirt?" in result.stderr

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("Event channel information for domain 3:\n", "reconcile"),
            ("   1: VCPU 0: IPI\n", "reconcile"),
            (" 48: 7  xen-percpu -virq timer0\n", "reconcile"),
            ("(domain (domid 8))", "xl list -l"),
            ("Name    ID   Mem VCPUs\tState\tTime(s)\nx 1 2 3 - 4\n", "xl list -l"),
            ("not a configuration", "expected ="),
        ],
    )
    def test_what_is_read_elsewhere_is_said_to_be(self, text: str, said: str) -> None:
        result = run("-", stdin=text)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith("error: <stdin>")
        assert said in result.stderr


class TestFleetFiles:
    """-o fleet.toml normalises what was read so that it can be edited and planned with"""

    def test_a_fleet_file_says_what_was_read(self, tmp_path: Path) -> None:
        path = tmp_path / "fleet.toml"
        assert run(str(SAMPLES / "xl"), "-o", str(path)).returncode == 0
        direct, again = document(str(SAMPLES / "xl")), document(str(path))
        assert direct["rows"] == again["rows"]
        assert direct["backends"] == again["backends"]

    def test_it_goes_to_stdout_too(self) -> None:
        result = run("examples/xl/web.cfg", "--format", "toml")
        assert '[[guest]]\nname = "web"\ntype = "pv"\nvcpus = 2\n' in result.stdout

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_reading_it_gives_the_same_guests_and_host(self, data: st.DataObject) -> None:
        # No character that does not print: those are replaced in names that are read.
        printable = st.characters(exclude_categories=("C", "Z"))
        name = st.text(printable, min_size=1, max_size=8)
        small = st.one_of(st.none(), st.integers(1, 9))
        device = st.builds(
            Device,
            st.sampled_from(DEVICE_KINDS),
            count=st.integers(1, 5),
            backend=st.one_of(st.just("dom0"), name),
            queues=small,
            split=st.one_of(st.none(), st.booleans()),
            control=st.booleans(),
            rings=small,
            channels=small,
        )
        guest = st.builds(
            Guest,
            name,
            type=st.sampled_from(GuestType),
            os=st.sampled_from(OsFamily),
            vcpus=st.integers(1, 4),
            maxvcpus=st.one_of(st.none(), st.integers(4, 9)),
            devices=st.lists(device, max_size=4).map(tuple),
            copies=st.integers(1, 99),
            max_event_channels=small,
            ioreq_servers=st.one_of(st.none(), st.integers(0, 3)),
            emulator=st.one_of(st.just("dom0"), name),
            pirqs=st.integers(0, 3),
            spinlock_kicker=st.booleans(),
            domid=small,
        )
        host = Host(name="h", dom0_vcpus=data.draw(st.integers(1, 9)), vif_split=False)
        guests = tuple(data.draw(st.lists(guest, min_size=1, max_size=3)))
        fleet = Fleet(guests, host, notes=("one\ntwo",))
        again = read_fleet_toml("f.toml", fleet_toml(fleet))
        assert (again.guests, again.host) == (guests, host)
        assert census_of(Fleet(again.guests, again.host)).guests == census_of(fleet).guests


class TestProgress:
    """with a progress bar on a terminal"""

    def table(self, folder: Path) -> Path:
        path = folder / "vms.csv"
        rows = (f"vm{n},pv,{1 + n % 4},1,1\n" for n in range(60_000))
        path.write_text("name,type,vcpus,vifs,vbds\n" + "".join(rows))
        return path

    def test_a_bar_is_drawn_on_a_terminal(self, tmp_path: Path) -> None:
        leader, follower = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        process = subprocess.Popen(
            [sys.executable, "-m", "evtplan", "fleet", str(self.table(tmp_path))],
            stdout=subprocess.DEVNULL, stderr=follower, env=environment, cwd=ROOT,
        )  # fmt: skip
        os.close(follower)
        seen = b""
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        os.close(leader)
        assert process.wait() == 0
        assert b"reading" in seen
        assert b"100%" in seen

    def test_no_bar_is_drawn_into_a_pipe(self, tmp_path: Path) -> None:
        result = run(str(self.table(tmp_path)))
        assert "reading" not in result.stderr
        assert "\x1b" not in result.stderr


class TestSize:
    def test_size_reads_a_table_too(self, tmp_path: Path) -> None:
        path = tmp_path / "vms.csv"
        path.write_text("name,type,vcpus,vifs,vbds\na,pv,2,1,1\nb,pv,2,1,1\n")
        result = subprocess.run(
            [sys.executable, "-m", "evtplan", "size", str(path), "--format", "json"],
            capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
        row = json.loads(result.stdout)["rows"][0]
        assert (row["vms"], row["events_per_vm"], row["domu_ports"]) == (2, 20, 40)
