"""`evtplan run` as a process: schedules by chance, written out, saved, and by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
A_PUB = "examples/protocols/a_pub.py"


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", "run", *args],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=ROOT,
    )


class TestSchedules:
    """runs one schedule step by step: each step, the line of the text, the memory that changed"""

    def test_by_chance_is_the_same_for_the_same_seed(self) -> None:
        first, second = run(A_PUB, "--seed", "7"), run(A_PUB, "--seed", "7")
        assert first.stdout == second.stdout
        assert first.stdout != run(A_PUB, "--seed", "8").stdout

    def test_written_out_by_name(self) -> None:
        result = run(A_PUB, "--schedule", "raiser=2, raiser", "--format", "json")
        document = json.loads(result.stdout)
        assert [row["changed"] for row in document["rows"]] == [
            "left[2] 1→0, queue_lock 0→1",
            "E[2].pending 0→1",
        ]
        assert document["rows"][1]["line"] == 40
        assert document["rows"][1]["source"] == "E[p].pending = 1"
        assert document["at_rest"] is False

    def test_saved_and_replayed(self, tmp_path: Path) -> None:
        file = tmp_path / "path.json"
        first = run(A_PUB, "--seed", "3", "--param", "ports=3", "--save-path", str(file))
        again = run(A_PUB, "--schedule", str(file))
        piped = run(A_PUB, "--schedule", "-", stdin=file.read_text())
        assert first.stdout == again.stdout == piped.stdout
        assert first.returncode == again.returncode

    def test_by_hand(self) -> None:
        result = run(A_PUB, "--step", stdin="2\n\nq\n")
        assert result.stdout.count("\n") == 3
        assert "raiser, picking 2: line" in result.stderr

    def test_a_broken_property_is_named_and_exits_1(self, tmp_path: Path) -> None:
        text = tmp_path / "lost.py"
        text.write_text(
            "shared = dict(flag=bit)\n@process\ndef p():\n    flag = 1\n"
            '@at_rest\ndef is_down():\n    """The flag is down."""\n    return not flag\n'
        )
        result = run(str(text))
        assert result.returncode == 1
        assert "broken at step 1: is_down: The flag is down." in result.stderr

    def test_store_buffers_are_steps(self, tmp_path: Path) -> None:
        result = run(
            *("examples/protocols/store_buffering.py", "--memory", "tso"),
            *("--schedule", "left left right right left~ right~", "--format", "json"),
        )
        rows = json.loads(result.stdout)["rows"]
        assert [row["access"] for row in rows] == [
            "store", "load", "store", "load", "flush", "flush",
        ]  # fmt: skip

    def test_lists_parameters(self) -> None:
        rows = json.loads(run(A_PUB, "--params", "--format", "json").stdout)["rows"]
        assert [row["parameter"] for row in rows] == ["ports", "raises", "raisers", "maskers"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["draft-b"], "did you mean draft-a"),
            (["no-such.py"], "no-such.py"),
            ([A_PUB, "--param", "port=3"], "did you mean ports?"),
            ([A_PUB, "--param", "ports=99"], "from 1 to 8"),
            ([A_PUB, "--param", "ports"], "NAME=N"),
            ([A_PUB, "--schedule", "consumer"], "step 1: consumer cannot move: it waits at line"),
            ([A_PUB, "--schedule", "raiser=9"], "it may pick 1, 2"),
            ([A_PUB, "--schedule", "nobody"], "there is no process 'nobody'"),
            ([A_PUB, "--schedule", "7"], "there is no process 7"),
            ([A_PUB, "--schedule", "gone.json"], "gone.json"),
            ([A_PUB, "--memory", "weak"], "unknown memory model"),
            ([A_PUB, "--step", "--seed", "1"], "--step picks by hand"),
            ([A_PUB, "--schedule", "pyproject.toml"], "not JSON"),
        ],
    )
    def test_is_one_clear_error(self, args: list[str], said: str) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert said in result.stderr
        assert "Traceback" not in result.stderr
        assert result.stdout == ""
