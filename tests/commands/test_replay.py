"""`evtplan replay` as a user meets it: agreement, differences, and traces from strangers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evtplan.engine.hosts.procedures import Interpreter
from evtplan.engine.hosts.replay_files import replay_file
from evtplan.errors import EvtplanError

ROOT = Path(__file__).resolve().parents[2]
TRACES = ROOT / "tests" / "traces"
CLOSE = TRACES / "edges" / "fifo-edge-close.jsonl"
HEADER = {
    "t": "hdr", "name": "x", "abi": "fifo", "guest": "pv", "xen": "4.23-unstable", "vcpus": 1,
    "handler": "ack", "max_port": 4095, "active": [],
}  # fmt: skip


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evtplan", "replay", *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


def written(path: Path, *lines: object) -> str:
    text = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines)
    path.write_text(text, encoding="utf-8")
    return str(path)


class TestAgreement:
    def test_json_rows_have_the_documented_columns(self) -> None:
        result = run(str(CLOSE), str(TRACES / "races.jsonl"), "-f", "json")
        assert result.returncode == 0, result.stderr
        rows = json.loads(result.stdout)["rows"]
        assert [row["lines"] for row in rows] == [row["agreed"] for row in rows] == [31, 45]
        assert all(row["first_difference"] is None for row in rows)

    def test_a_directory_is_every_trace_below_it(self) -> None:
        result = run("--xen", "4.4", str(TRACES / "xen44"), "-f", "json")
        assert result.returncode == 0, result.stderr
        assert len(json.loads(result.stdout)["rows"]) == 5

    def test_error_rows_without_a_release_take_the_one_that_fits(self) -> None:
        result = run(str(TRACES / "xen44" / "errors.jsonl"), "-f", "json")
        assert result.returncode == 0
        assert json.loads(result.stdout)["rows"][0]["xen"] == "4.4"

    def test_a_trace_may_come_from_a_pipe(self) -> None:
        result = subprocess.run(
            [sys.executable, "-m", "evtplan", "replay", "-"],
            input=CLOSE.read_text(), capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
        assert result.returncode == 0
        assert result.stdout.splitlines()[1].split("\t")[:5] == [
            "-", "trace", "4.23-unstable", "31", "31"
        ]  # fmt: skip


class TestDifferences:
    """exit 1 on any difference, which names file, op, field, expected and got"""

    def test_choosing_another_release_shows_where_it_differs(self) -> None:
        result = run(str(CLOSE), "--xen", "4.4", "-f", "json")
        assert result.returncode == 1
        difference = json.loads(result.stdout)["rows"][0]["first_difference"]
        assert difference == {
            "line": 16, "op": "bind (i=14)", "field": "port", "expected": 6, "got": 2
        }  # fmt: skip
        assert f"note: {CLOSE}: line 16, bind (i=14), port: expected 6, got 2" in result.stderr

    def test_verbose_shows_the_ops_before(self) -> None:
        result = run(str(CLOSE), "--xen", "4.4", "--verbose", "--recent", "3")
        shown = [line for line in result.stderr.splitlines() if line.startswith("note:   1")]
        assert len(shown) == 4
        assert "op=bind" in shown[-1]
        assert "op=close" in shown[1]

    @pytest.mark.parametrize(
        ("field", "line", "change"),
        [
            ("rc", 10, {"rc": -1}),
            ("mark", 10, {"mark": [0, 0]}),
            ("kick", 10, {"kick": []}),
            ("w.1", 10, {"w": {"1": "a0000001"}}),
            ("cb.0.r", 10, {"cb": {"0": {"r": "00000040", "h": {"7": 1}}}}),
            ("up.0", 10, {"up": {"0": 0}}),
            ("hv.tail.0.7", 10, {"hv": {"tail": {"0.7": 2}, "port": {"1": {"lastq": "0.7"}}}}),
            ("hv.port.1.lastq", 10, {"hv": {"tail": {"0.7": 1}, "port": {"1": {"lastq": "1.7"}}}}),
            ("log", 10, {"log": ["x"]}),
            ("unblock", 10, {"unblock": [0]}),
            ("h", 17, {"h": [3, 1]}),
            ("done", 17, {"done": 0}),
            ("g", 17, {"g": {"0": {"7": 1}}}),
            ("spur", 17, {"spur": [1]}),
            ("tail.0.7", 31, {"tail": {"0.7": 3}}),
            ("inh", 31, {"inh": [0]}),
            ("npages", 31, {"npages": 2}),
            ("handled", 32, {"handled": 4}),
            ("lines", 32, {"lines": 30}),
        ],
    )
    def test_every_field_is_compared(
        self, tmp_path: Path, field: str, line: int, change: dict[str, object]
    ) -> None:
        lines = [json.loads(one) for one in CLOSE.read_text().splitlines()]
        lines[line].update(change)
        result = replay_file(written(tmp_path / "t.jsonl", *lines), Interpreter)
        assert result.difference is not None
        assert result.difference.line == line + 1
        assert result.difference.field == field

    def test_a_release_that_would_crash_says_so(self, tmp_path: Path) -> None:
        lines = (TRACES / "edges" / "fifo-edge-noctrl.jsonl").read_text().splitlines()
        path = written(tmp_path / "t.jsonl", *lines)
        result = replay_file(path, Interpreter, xen="4.4")
        assert result.difference is not None
        assert "XSA-107" in str(result.difference.got)


OP = {"i": 0, "op": "bind", "n": 1, "port": 1, "rc": 0}


class TestStrangersTraces:
    """one clear error with file and line, exit 2, no traceback"""

    @pytest.mark.parametrize(
        ("name", "lines", "place", "message"),
        [
            ("empty", [], "", "an empty file"),
            ("not json", ["{"], ":1:2", "not JSON"),
            ("not an object", ["[1]"], ":1", "not a JSON object"),
            ("no header", [OP], ":1", "no header line"),
            ("NaN", [HEADER, '{"i": NaN}'], ":2", "NaN is no number"),
            ("huge number", [HEADER, '{"i": ' + "9" * 5000 + "}"], ":2", ""),
            ("deep", ["[" * 100_000], ":1", "not JSON"),
            ("unknown op", [HEADER, {"i": 0, "op": "fly"}], ":2", "unknown op 'fly'"),
            ("op is a number", [HEADER, {"i": 0, "op": 3}], ":2", "op is 3; it must be text"),
            ("cut off", [HEADER, {"i": 0, "op": "note"}], "", "cut off"),
            ("cut line", [HEADER, '{"i":0,"op":"no'], ":2:13", "not JSON"),
            ("no i", [HEADER, {"op": "note"}], ":2", "no field 'i'"),
            ("wrong i", [HEADER, {"i": 5, "op": "note"}], ":2", "op 5 stands where 0 is due"),
            ("no vcpus", [{**HEADER, "vcpus": 0}], ":1", "vcpus is 0"),
            ("many vcpus", [{**HEADER, "vcpus": 10**9}], ":1", "vcpus is 1000000000"),
            ("unknown abi", [{**HEADER, "abi": "3l"}], ":1", "abi is '3l'"),
            ("unknown release", [{**HEADER, "xen": "9.9"}], ":1", "unknown Xen release '9.9'"),
            ("no release", [{"t": "hdr", "abi": "2l"}], ":1", "no field 'xen'"),
            ("active", [{**HEADER, "active": [1e9]}], ":1", "active is no list"),
            ("no peer", [HEADER, {"i": 0, "op": "raise", "port": 9}], ":2", "port 9 has no peer"),
            ("huge port", [HEADER, {"i": 0, "op": "mask", "port": 2**40}], ":2", "port is"),
            ("negative port", [HEADER, {"i": 0, "op": "mask", "port": -1}], ":2", "port is -1"),
            ("text port", [HEADER, {"i": 0, "op": "mask", "port": "1"}], ":2", "whole number"),
            ("huge bind", [HEADER, {"i": 0, "op": "bind", "n": 10**12}], ":2", "n is"),
            ("poke", [HEADER, {"i": 0, "op": "poke", "port": 1, "val": "0"}], ":2", "no page"),
            ("poke hex", [HEADER, {"i": 0, "op": "poke_sel", "vcpu": 0, "val": "zz"}], ":2", "hex"),
            ("hc", [HEADER, {"i": 0, "op": "hc", "cmd": "fork", "args": {}}], ":2", "'fork'"),
            ("hc args", [HEADER, {"i": 0, "op": "hc", "cmd": "send", "args": 1}], ":2", "args"),
            ("gfn", [HEADER, {"i": 0, "op": "expand_array", "gfn": 1, "pg": 2, "fill": "0"}], ":2",
             "pg is 2"),
            ("after the end", [HEADER, {"t": "end", "lines": 0, "handled": 0}, OP], ":3", "after"),
            ("error row", [{"mode": "2l", "call": "send", "when": "?", "rc": 0, "err": "0"}], ":1",
             "no case is known"),
            ("race", [{"scenario": "horses"}], ":1", "unknown scenario"),
        ],
    )  # fmt: skip
    def test_gets_one_error(
        self, tmp_path: Path, name: str, lines: list[object], place: str, message: str
    ) -> None:
        path = written(tmp_path / "t.jsonl", *lines)
        with pytest.raises(EvtplanError) as caught:
            replay_file(path, Interpreter)
        assert message in caught.value.message
        if place:
            assert caught.value.message.startswith(f"{path}{place}: ")

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "t.jsonl"
        path.write_bytes(b'{"t":"\xff"}\n')
        with pytest.raises(EvtplanError, match=r"t\.jsonl:1: byte 0xff is not UTF-8"):
            replay_file(str(path), Interpreter)

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (("nowhere.jsonl",), "nowhere.jsonl: No such file or directory"),
            ((str(ROOT / "docs"),), "a directory without a .jsonl file"),
            ((str(CLOSE), "--engine", "steam"), "unknown engine 'steam'"),
            ((str(CLOSE), "--xen", "3.1"), "unknown Xen release '3.1'"),
            ((), "missing argument"),
        ],
    )
    def test_the_command_exits_2(self, args: tuple[str, ...], message: str) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert message in result.stderr
        assert "Traceback" not in result.stderr
        assert result.stdout == ""
