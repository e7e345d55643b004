"""`evtplan check` as a process: verdicts, exit codes, counterexamples, limits, bad input."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
A_FIX = str(ROOT / "examples" / "protocols" / "a_fix.py")
F_HEAD = str(ROOT / "examples" / "protocols" / "f_head.py")


def run(*args: str, command: str = "check") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", command, *args], capture_output=True, text=True
    )


def rows(*args: str) -> list[dict]:
    return json.loads(run(*args, "--format", "json").stdout)["rows"]


class TestDraftA:
    """`evtplan check draft-a`: exit 1 and a shortest counterexample in which an event is lost;
    the published line and the repaired one told apart"""

    def test_as_published_loses_an_event_after_27_steps(self) -> None:
        result = run("draft-a", "--format", "json")
        assert result.returncode == 1
        document = json.loads(result.stdout)
        first = document["rows"][0]
        assert (first["property"], first["verdict"], first["depth"]) == ("all", "broken", 27)
        broken = [row["property"] for row in document["rows"][1:] if row["verdict"] == "broken"]
        assert broken == ["no_event_lost"]
        assert len(document["counterexample"]) == 27

    def test_repaired_loses_one_by_another_race_and_locked_none(self) -> None:
        repaired = rows("draft-a-repaired")
        assert (repaired[0]["verdict"], repaired[0]["depth"]) == ("broken", 32)
        assert run("draft-a-locked").returncode == 0

    def test_fifo_holds(self) -> None:
        result = run("fifo", "--format", "json")
        assert result.returncode == 0
        assert {row["verdict"] for row in json.loads(result.stdout)["rows"]} == {"holds"}


class TestRows:
    def test_have_the_documented_columns(self) -> None:
        row = rows(F_HEAD)[0]
        assert {
            "protocol", "params", "memory", "verdict", "property", "depth", "states",
            "transitions", "seconds", "bytes_per_state",
        } <= set(row)  # fmt: skip
        assert (row["states"], row["transitions"], row["transitions_spin"]) == (425, 708, 713)
        assert row["params"]["ports"] == 2

    def test_keep_going_counts_the_whole_space(self) -> None:
        found = rows(A_FIX, "--param", "raises=2", "--keep-going", "--no-reduction")
        assert found[0]["states"] == 13731
        depths = {row["property"]: row["depth"] for row in found if row["verdict"] == "broken"}
        assert depths == {"all": 37, "no_event_lost": 40, "only_raised": 37, "fifo_order": 41}


class TestCounterexample:
    def test_is_replayed_by_run(self, tmp_path: Path) -> None:
        path = tmp_path / "lost.json"
        assert run(A_FIX, "--save-path", str(path)).returncode == 1
        replayed = run(A_FIX, "--schedule", str(path), "--format", "json", command="run")
        assert replayed.returncode == 1
        assert "no_event_lost" in replayed.stdout + replayed.stderr
        assert len(json.loads(replayed.stdout)["rows"]) == 32

    def test_of_a_store_buffer_is_replayed_too(self, tmp_path: Path) -> None:
        text = tmp_path / "passing.py"
        text.write_text(
            "shared = dict(data=bit, ready=bit)\n"
            "@process()\ndef writer():\n    data = 1\n    ready = 1\n"
            "@process()\ndef reader():\n    if ready:\n        d = data\n"
            "        assert d, 'fresh: the data are there once ready is'\n        mark('read')\n"
        )
        path = tmp_path / "stale.json"
        assert run(str(text)).returncode == 0
        assert run(str(text), "--memory", "tso").returncode == 0
        assert run(str(text), "--memory", "pso", "--save-path", str(path)).returncode == 1
        replayed = run(str(text), "--schedule", str(path), command="run")
        assert replayed.returncode == 1
        assert "fresh" in replayed.stdout + replayed.stderr

    def test_is_drawn(self, tmp_path: Path) -> None:
        for name, beginning in (("d.svg", "<svg"), ("d.mmd", "sequenceDiagram"), ("d.md", "```")):
            run(A_FIX, "--diagram", str(tmp_path / name))
            assert (tmp_path / name).read_text().startswith(beginning)

    def test_has_a_column_a_process_and_the_line_of_the_text(self) -> None:
        shown = run(A_FIX, "--format", "table").stdout
        assert "raiser" in shown
        assert "consumer" in shown
        assert "E[2].link 0→1" in shown
        assert "no_event_lost is broken after 32 steps" in shown.replace("\n", " ")


class TestExitCodes:
    """0 holds, 1 broken, 2 usage, 3 not finished within limits"""

    def test_not_finished(self) -> None:
        result = run(F_HEAD, "--param", "ports=4,raises=3,raisers=4,maskers=3",
                     "--memory-limit", "2M")  # fmt: skip
        assert result.returncode == 3
        assert "not finished" in result.stderr
        assert "states, depth" in result.stderr

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("fifo", "--param", "ports=131071"), "ports may be up to 59 here"),
            (("fifo", "--param", "ports=70,raises=7"), "its state has 5479 cells, of at most 4096"),
            (("fifo", "--param", "vcpus=64,priorities=16"), "too large to check with vcpus 64"),
            (("fifo", "--param", "ports=131071", "--export", "promela"), "ports may be up to 59"),
        ],
    )
    def test_a_scenario_too_large_names_the_parameter(
        self, args: tuple[str, ...], said: str
    ) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert said in result.stderr
        assert result.stdout == ""

    def test_a_large_state_keeps_the_memory_limit(self) -> None:
        found = run("fifo", "--param", "ports=50,raises=7,raisers=4", "--memory-limit", "3M",
                    "--format", "json")  # fmt: skip
        assert found.returncode == 3
        first = json.loads(found.stdout)["rows"][0]
        assert (first["method"], first["verdict"]) == ("plain", "unfinished")
        assert first["states"] * first["bytes_per_state"] < 3.1 * 2**20

    def test_steps_that_take_more_memory_to_compile_than_there_is_are_not(self) -> None:
        result = run("fifo", "--param", "ports=59,raisers=40", "--memory-limit", "30M")
        assert result.returncode == 3
        assert "not finished: 1 state, depth 0: the memory limit was reached" in result.stderr

    @pytest.mark.parametrize(
        "args",
        [
            ("no-such-protocol",),
            (A_FIX, "--param", "ports=0"),
            (A_FIX, "--param", "ports=many"),
            (A_FIX, "--param", "prots=2"),
            (A_FIX, "--memory", "arm"),
            (A_FIX, "--memory-limit", "lots"),
            (A_FIX, "--memory-limit", "-1"),
            (A_FIX, "--threads", "-1"),
            (A_FIX, "--show", "no_such_property"),
            (A_FIX, "--export", "tla"),
            (A_FIX, "--diagram", "picture.bmp"),
            (str(ROOT / "README.md"),),
        ],
    )
    def test_bad_input_is_one_error_and_exit_2(self, args: tuple[str, ...]) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert result.stderr.startswith("error: ")
        assert "Traceback" not in result.stderr
        assert result.stdout == ""

    def test_parameters_are_listed(self) -> None:
        listed = rows("fifo", "--params")
        assert {"parameter", "default", "least", "most"} <= set(listed[0])


class TestCtrlC:
    """Ctrl-C gives what is known"""

    @pytest.mark.parametrize(
        ("when", "threads"),
        [
            (r"\d states, depth \d+, \d+ s", 1),  # in plain Python
            (r"compiling", 1),
            (r"\d,\d\d\d,\d\d\d states", 1),  # in compiled code
            (r"\d,\d\d\d,\d\d\d states", 2),
        ],
    )
    def test_ends_the_search_and_tells_what_is_known(
        self, tmp_path: Path, when: str, threads: int
    ) -> None:
        cache = {"XDG_CACHE_HOME": str(tmp_path)} if when == "compiling" else {}
        terminal, its_end = pty.openpty()  # progress is drawn on terminals only
        process = subprocess.Popen(
            [sys.executable, "-m", "evtplan", "check", F_HEAD,
             "--param", "ports=8,raises=3,raisers=4,maskers=3", "--memory-limit", "4G",
             "--threads", str(threads), "--format", "json"],
            stdout=subprocess.PIPE, stderr=its_end, env=os.environ | {"TERM": "xterm"} | cache,
        )  # fmt: skip
        os.close(its_end)
        told = b""
        while not re.search(when, told.decode(errors="ignore")):
            assert process.poll() is None, told
            told += os.read(terminal, 1000)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)  # the whole search takes hours
        told += os.read(terminal, 1000)
        os.close(terminal)
        assert process.returncode == 130
        first = json.loads(out)["rows"][0]
        assert (first["verdict"], first["finished"]) == ("unfinished", False)
        assert first["states"] > 1000
        assert first["method"] == ("compiled" if r"\d,\d" in when else "plain")
        last = " ".join(told.decode().rpartition("\x1b[K")[2].split())
        assert re.fullmatch(
            r"error: not finished: \d+ states, depth \d+: interrupted; "
            r"nothing was broken up to there", last,
        )  # fmt: skip


class TestWithoutACache:
    """files are written whole or not at all"""

    def test_nothing_is_left_behind(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")  # no directory: nothing can be written below it
        (tmp_path / "tmp").mkdir()
        result = subprocess.run(
            [sys.executable, "-c", WITHOUT_A_CACHE],
            env=os.environ
            | {"XDG_CACHE_HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path / "tmp")},
            capture_output=True, text=True,
        )  # fmt: skip
        assert result.stdout == "compiled 287074\n", result.stderr
        assert list((tmp_path / "tmp").iterdir()) == []


WITHOUT_A_CACHE = f"""
from evtplan.engine.explorer import Limits, explore
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
parameters = dict(ports=2, raises=2, raisers=1, maskers=1)
found = explore(lower(read_text({F_HEAD!r}), parameters), Limits(plain_states=0))
print(found.method, found.states)
"""


@pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="spin and gcc are not installed"
)
class TestSpin:
    """State and transition counts equal SPIN's on the exported model, without reduction"""

    @pytest.mark.parametrize(
        ("text", "params", "more"),
        [
            (A_FIX, "ports=2,raises=2", ("--keep-going",)),
            ("fifo", "ports=2", ()),
        ],
    )
    def test_counts_the_same(
        self, tmp_path: Path, text: str, params: str, more: tuple[str, ...]
    ) -> None:
        from benchmarks.spin import spin_counts

        ours = rows(text, "--param", params, *more)[0]
        found = spin_counts(text, params, tmp_path, "-O0")
        assert (found.states, found.transitions) == (ours["states"], ours["transitions"] + 1)


class TestSymmetry:
    """Symmetry reduction where sound (interchangeable ports), off by default …, and reported"""

    def test_is_off_by_default_and_reported(self) -> None:
        off, on = rows(F_HEAD, "--param", "raisers=2")[0], rows(
            F_HEAD, "--param", "raisers=2", "--symmetry"
        )[0]  # fmt: skip
        assert (off["reduction"], off["states"], off["states_represented"]) == ("none", 829, 829)
        assert on["reduction"] == "port(2) × raiser(2)"
        assert on["states"] < 829
        assert (on["states_represented"], on["transitions_represented"]) == (829, 1482)
        assert on["transitions_spin"] is None  # SPIN counts every state
        assert rows(F_HEAD, "--param", "raisers=2", "--no-reduction")[0]["states"] == 829

    def test_is_refused_where_nothing_is_interchangeable(self) -> None:
        text = str(ROOT / "examples" / "protocols" / "treiber.py")
        result = run(text, "--symmetry")
        assert result.returncode == 2
        assert result.stdout == ""
        assert "nothing of treiber is interchangeable" in result.stderr
        assert "node: next does not begin alike" in result.stderr
        assert "line 36" in result.stderr

    def test_says_what_it_could_not_interchange(self) -> None:
        result = run("fifo", "--param", "vcpus=2,movers=1", "--symmetry", "--format", "table")
        assert result.returncode == 0
        assert "reduced by port(2)" in result.stdout
        assert "vcpu is not interchangeable: in the step of line" in result.stdout

    def test_a_counterexample_replays(self, tmp_path: Path) -> None:
        saved = str(tmp_path / "path.json")
        result = run(A_FIX, "--param", "ports=3,raisers=2", "--symmetry", "--save-path", saved)
        assert result.returncode == 1
        replayed = run(A_FIX, "--schedule", saved, command="run")
        assert replayed.returncode == 1
        assert "no_event_lost" in replayed.stderr
