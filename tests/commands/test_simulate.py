"""`evtplan simulate` as a process: answers, comparisons, pictures, and impossible input."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from evtplan.commands.app import main

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--events", "3000", "--replications", "2")


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", "simulate", *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


def document(*args: str) -> dict[str, Any]:
    """What the command writes as JSON; run in this process, which compiles each text once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.json"
        with pytest.raises(SystemExit) as ended:
            main(["simulate", *QUICK, *args, "-o", str(path)])
        assert ended.value.code == 0
        found: dict[str, Any] = json.loads(path.read_text())
    return found


def rows(*args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document(*args)["rows"]
    return found


class TestAnswers:
    def test_have_every_measure_with_its_confidence_interval(self) -> None:
        (row,) = rows("fifo", "--ports", "4", "--raisers", "2")
        assert row["conserved"] is True
        assert row["raised"] == 6000
        for name in (
            "latency_p50_ns", "latency_p99_ns", "latency_p999_ns", "jain_index",
            "worst_port_p99_ns", "handled_per_second", "upcalls_per_second",
            "hypercalls_per_second", "hypercall_cpu_share", "lock_wait_mean_ns",
            "lock_spin_share", "line_transfers_per_event",
        ):  # fmt: skip
            assert row[name] >= 0
            assert f"{name}_ci95" in row

    def test_of_the_same_seed_are_the_same_bytes(self) -> None:
        arguments = ("fifo", "--ports", "4", "--raisers", "2", "--seed", "9")
        assert document(*arguments) == document(*arguments)

    def test_against_another_protocol_come_from_the_same_arrivals(self) -> None:
        found = rows("fifo", "--against", "2l-64", "--ports", "6")
        assert [row["protocol"] for row in found] == ["fifo", "2l-64"]
        assert found[0]["raised"] == found[1]["raised"]

    def test_several_rates_and_raisers_give_a_row_each(self) -> None:
        found = rows("fifo", "--rate", "1000,2000", "--raisers", "1,2")
        assert [(r["rate_per_second"], r["raisers"]) for r in found] == [
            (1000, 1), (1000, 2), (2000, 1), (2000, 2),
        ]  # fmt: skip

    def test_span_the_range_of_the_costs_where_asked(self) -> None:
        low, nominal, high = rows("fifo", "--cost-range", "--masked-for", "2000")
        assert (low["costs"], nominal["costs"], high["costs"]) == ("low", "nominal", "high")
        assert low["latency_mean_ns"] < nominal["latency_mean_ns"] < high["latency_mean_ns"]

    def test_a_high_priority_port_waits_less_in_a_storm(self) -> None:
        found = document(
            *("fifo", "--ports", "8", "--param", "priorities=2", "--rate", "450000"),
            *(f"--priority={port}=1" for port in range(2, 9)),
            "--by-port",
        )
        ports = {row["port"]: row for row in found["ports"]}
        assert ports[1]["p99_ns"] < min(ports[port]["p99_ns"] for port in range(2, 9))

    @pytest.mark.parametrize("protocol", ["fifo", "2l-64"])
    def test_two_vcpus_handle_what_one_cannot(self, protocol: str) -> None:
        (row,) = rows(protocol, "--ports", "4", "--vcpus", "2", "--rate", "700000")
        assert row["conserved"] is True
        assert 0 < row["vcpu_busy_share"] < 1

    def test_all_ports_placed_on_one_vcpu_leave_the_other_idle(self) -> None:
        spread, stacked = (
            rows("fifo", "--ports", "4", "--vcpus", "2", "--rate", "400000", *places)[0]
            for places in ((), ("--place", "1=1", "--place", "3=1"))
        )
        assert spread["latency_mean_ns"] < stacked["latency_mean_ns"]

    def test_free_steps_leave_queueing_theory(self) -> None:
        (row,) = rows("examples/simulations/queue.py", "--free", "--rate", "500000",
                      "--handler", "fixed:1000", "--events", "100000")  # fmt: skip
        assert row["latency_mean_ns"] == pytest.approx(500, abs=row["latency_mean_ns_ci95"] + 20)

    def test_a_recording_is_replayed(self, tmp_path: Path) -> None:
        path = tmp_path / "rec.txt"
        path.write_text("".join(f"{n * 5000} {n % 3 + 1}\n" for n in range(300)))
        (row,) = rows("fifo", "--recording", str(path))
        assert row["raised"] == 600  # 300 in each replication
        assert row["rate_per_second"] == 200_000  # the recording's own

    def test_a_short_recording_is_not_taken_for_overload(self, tmp_path: Path) -> None:
        path = tmp_path / "rec.txt"
        path.write_text("0 1\n0 2\n5 3\n")
        (row,) = rows("fifo", "--recording", str(path))
        assert row["handled"] == 6

    def test_no_latency_is_shown_where_nothing_was_handled(self) -> None:
        (row,) = rows("draft-a", "--rate", "27000")
        assert row["conserved"] is True
        assert row["latency_mean_ns"] is None  # it hangs in the warm-up, as published

    def test_a_cost_of_handling_is_the_handlers_time(self) -> None:
        (row,) = rows("examples/simulations/queue.py", "--free", "--cost", "handled=9000")
        assert row["vcpu_busy_share"] == pytest.approx(0.000_027 * 9000, rel=0.1)

    def test_places_of_the_lock_give_a_row_each(self, tmp_path: Path) -> None:
        found = rows("fifo", "--lock", "apart,array", "--plot", str(tmp_path / "lock.svg"))
        assert [row["lock_place"] for row in found] == ["apart", "array"]
        assert (tmp_path / "lock.svg").stat().st_size > 1000

    def test_a_picture_is_drawn_whole(self, tmp_path: Path) -> None:
        for name, extra in (("cdf.svg", ()), ("curve.png", ("--rate", "1000,20000"))):
            path = tmp_path / name
            document("fifo", *extra, "--plot", str(path))
            assert path.stat().st_size > 1000


class TestInterrupted:
    """Ctrl-C"""

    def test_while_compiled_steps_run_ends_at_once_with_130(self) -> None:
        command = [sys.executable, "-u", "-c", _INTERRUPTED]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"runs\n"
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130  # twenty runs of 5 million events take much longer


# Says when the loop is about to run, with 5 million events of 20 steps.
_INTERRUPTED = """
import evtplan.engine.simulation as simulation
from evtplan.commands.app import main
inner = simulation._interruptible
def told(run, total):
    print("runs")
    for _ in range(20):
        inner(run, total)
simulation._interruptible = told
main(["simulate", "examples/simulations/queue.py", "--events", "5000000", "--replications", "1"])
"""


class TestImpossibleInput:
    """Impossible input gets a clear error"""

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["fifo", "--rate", "600000"], "--allow-overload"),
            (["fifo", "--cost", "hit=-1"], "cost hit is -1"),
            (["fifo", "--cost", "hti=1"], "did you mean hit?"),
            (["fifo", "--arrivals", "poison"], "did you mean poisson?"),
            (["fifo", "--handler", "gamma:3"], "unknown distribution of the handler"),
            (["fifo", "--handler", "nan"], "handler is nan"),
            (["fifo", "--rate", "nan"], "rate is nan"),
            (["fifo", "--rate", "0"], "rate is 0"),
            (["fifo", "--rate", "1e300"], "rate is 1e+300"),
            (["fifo", "--rate", "many"], "--rate: 'many' is no number"),
            (["fifo", "--raisers", "0"], "raisers is 0"),
            (["fifo", "--raisers", "61"], "raisers is 61"),
            (["fifo", "--warm-up", "1"], "warm-up is 1"),
            (["fifo", "--param", "prots=3"], "did you mean ports?"),
            (["fifo", "--raisers", "nan"], "raisers is nan"),
            (["fifo", "--raisers", "inf"], "raisers is inf"),
            (["fifo", "--priority", "1=16"], "from 0 (highest) to 15"),
            (["fifo", "--priority", "0=1"], "port is 0"),
            (["fifo", "--ports", "20000"], "at most 4095"),
            (["2l-32", "--ports", "1024"], "at most 1023"),
            (["fifo", "--events", "20000000", "--replications", "9"], "events is 180000000"),
            (["fifo", "--burst-on", "-1"], "--burst-on is -1"),
            (["fifo", "--recording", "x.txt", "--rate", "5"], "arrivals of its own"),
            (["fifo", "--plot", "x.svg", "-o", "x.svg"], "both name x.svg"),
            (["fifo", "--vcpus", "2", "--place", "1=2"], "VCPU of port 1 is 2"),
            (["fifo", "--place", "one=0"], "--place: one=0"),
            (["fifo", "--lock", "nowhere"], "unknown place of the lock"),
            (["fifoo"], "did you mean fifo?"),
            (["fifo", "--plot", "x.gif"], "x.gif"),
            (["fifo", "--costs", "none.toml"], "none.toml"),
            (["fifo", "--recording", "none.txt"], "none.txt"),
            (["no/such/text.py"], "no/such/text.py"),
        ],
    )
    def test_is_one_error_exit_2_and_no_output(
        self, args: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["simulate", *QUICK, *args])
        shown = capsys.readouterr()
        assert ended.value.code == 2
        assert shown.out == ""
        assert shown.err.startswith("error: ")
        assert said in shown.err
        assert "Traceback" not in shown.err

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("--vcpus", "2", "--ports", "8", "--zipf", "3", "--rate", "700000"), "what VCPU 0"),
            (("--handler", "0", "--rate", "5000000"), "fifo could not keep up"),
        ],
    )
    def test_a_load_above_capacity_that_handlers_on_average_hide_is_refused(
        self, args: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["simulate", "fifo", *QUICK, *args])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err

    def test_a_recording_out_of_order_names_its_line(self, tmp_path: Path) -> None:
        path = tmp_path / "rec.txt"
        path.write_text("5 1\n3 1\n")
        result = run("fifo", "--recording", str(path))
        assert result.returncode == 2
        assert f"{path}:2: " in result.stderr
        assert "out of order" in result.stderr
