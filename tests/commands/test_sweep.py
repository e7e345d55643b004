"""`evtplan sweep` as a process: answers, files that can be gone on with, and every bad input."""

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from evtplan.commands.app import main

ROOT = Path(__file__).resolve().parents[2]
CLOUD = str(ROOT / "examples" / "fleets" / "cloud.toml")
COMMAND = [sys.executable, "-m", "evtplan", "sweep"]
# Several chunks, quickly: parts of 4000 rows.
GRID = ["--vary", "abi=fifo,2l-64", "--vary", "vms=1..100", "--vary", "events_per_vm=1..300"]
SMALL_PARTS = ["--chunk-rows", "4000"]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, cwd=ROOT)


def run_here(*args: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has its libraries loaded already."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["sweep", *args])
        except SystemExit as ended:
            code = ended.code
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    assert isinstance(code, int)
    return subprocess.CompletedProcess(args, code, *texts)


class TestRows:
    def test_are_those_of_size(self) -> None:
        rows = json.loads(
            run_here(
                "--vary", "events_per_vm=4,64", "--set", "pages=131072", "--format", "json"
            ).stdout
        )["rows"]
        for row in rows:
            size = subprocess.run(
                [sys.executable, "-m", "evtplan", "size", "--events-per-vm",
                 str(row["events_per_vm"]), "--pages", "131072", "--format", "json"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            expected = json.loads(size.stdout)["rows"][0]
            assert {name: expected[name] for name in row} == row

    def test_a_path_reaches_into_a_fleet(self) -> None:
        result = run_here(CLOUD, "--vary", "guest.web.vcpus=1,2,4", "--format", "csv")
        lines = [line.split(",") for line in result.stdout.splitlines()]
        assert lines[0][0] == "guest_web_vcpus"
        assert [line[0] for line in lines[1:]] == ["1", "2", "4"]
        limits = [int(line[lines[0].index("vm_limit")]) for line in lines[1:]]
        assert limits == sorted(limits, reverse=True)
        assert limits[0] > limits[-1]

    def test_side_by_side(self) -> None:
        result = run_here("--vary", "events_per_vm=1..3", "--vary", "vms=10,20,30", "--zip")
        assert [line.split("\t")[:2] for line in result.stdout.splitlines()[1:]] == [
            ["1", "10"], ["2", "20"], ["3", "30"],
        ]  # fmt: skip

    def test_chosen_and_filtered(self) -> None:
        result = run_here(
            *("--vary", "events_per_vm=1..131071:x2", "--set", "vms=1000", "--format", "csv"),
            *("--where", "total_pages <= pages and vm_limit >= vms"),
            *("--select", "events_per_vm,vm_limit"),
        )
        lines = result.stdout.splitlines()
        assert lines[0] == "events_per_vm,vm_limit"
        assert lines[-1] == "128,1023"
        assert "8 of 17 points satisfy" in result.stderr

    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_a_varied_quantity_need_not_be_among_the_columns(self, form: str) -> None:
        args = ("--vary", "events_per_vm=1,2", "--vary", "vms=1,2", "--select", "vm_limit")
        assert run_here(*args, "--format", form).stdout.count("32752") >= 4

    def test_without_start_up_for_help(self) -> None:
        code = (
            "import sys, contextlib, io\n"
            "from evtplan.commands.app import main\n"
            "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
            "    main(['sweep', '--help'])\n"
            "heavy = ('sympy', 'pandas', 'numba', 'numpy', 'pyarrow', 'matplotlib')\n"
            "print([m for m in heavy if m in sys.modules])"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.stdout.strip() == "[]"


class TestChance:
    """`--sample 100000 --dist events_per_vm=lognormal(…)` with quantiles of the VM limit"""

    ARGS = ("--sample", "100000", "--dist", "events_per_vm=lognormal(median=64, sigma=0.5)")

    def test_says_what_can_be_promised(self) -> None:
        result = run_here(*self.ARGS, "--summary", "--format", "json")
        document = json.loads(result.stdout)
        promised = {row["points_percent"]: row["vm_limit"] for row in document["promises"]}
        assert promised[99.0] < promised[50.0] < promised[1.0]
        assert promised[50.0] == 2047

    def test_the_seed_decides(self) -> None:
        one, again, other = (
            run_here(*self.ARGS[2:], "--sample", "2000", "--seed", seed).stdout for seed in "112"
        )
        assert one == again
        assert one != other


class TestFiles:
    """Reading results back with pandas, DuckDB or a spreadsheet needs no cleaning"""

    @pytest.fixture(scope="class")
    @classmethod
    def files(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("files")
        for suffix in ("csv", "jsonl", "parquet"):
            names = "abi,vms,events_per_vm,vm_limit,binding,vm_limit_pages,total_bytes"
            done = run_here(
                *GRID, *SMALL_PARTS, "--select", names, "-o", str(folder / f"x.{suffix}")
            )
            assert done.returncode == 0, done.stderr
        return folder

    def test_pandas_and_duckdb_see_the_same_integers(self, files: Path) -> None:
        frames = [
            pd.read_csv(files / "x.csv", dtype_backend="numpy_nullable"),
            pd.read_json(files / "x.jsonl", lines=True, dtype_backend="numpy_nullable"),
            pd.read_parquet(files / "x.parquet"),
        ]
        for frame in frames:
            assert len(frame) == 60_000
            assert list(frame.columns) == list(frames[0].columns)
            for name in ("vms", "events_per_vm", "vm_limit", "total_bytes", "vm_limit_pages"):
                assert str(frame[name].dtype) in ("Int64", "int64"), name
            assert frame["vm_limit"].tolist() == frames[0]["vm_limit"].tolist()
        for name in ("x.csv", "x.jsonl", "x.parquet"):
            kinds = duckdb.sql(f"describe select * from '{files / name}'").fetchall()
            assert {row[0]: row[1] for row in kinds}["total_bytes"] == "BIGINT"
            total = duckdb.sql(f"select sum(total_bytes) from '{files / name}'").fetchall()
            assert total == [(int(frames[0]["total_bytes"].sum()),)]

    def test_parquet_says_where_a_value_may_be_missing(self, files: Path) -> None:
        schema = pq.read_schema(files / "x.parquet")
        nullable = [field.name for field in schema if field.nullable]
        assert nullable == ["vm_limit_pages"]

    def test_csv_is_what_pandas_would_write(self, files: Path, tmp_path: Path) -> None:
        frame = pd.read_csv(files / "x.csv", dtype_backend="numpy_nullable")
        frame.to_csv(tmp_path / "again.csv", index=False)
        assert (tmp_path / "again.csv").read_bytes() == (files / "x.csv").read_bytes()

    def test_a_meta_file_says_how_they_came_about(self, files: Path) -> None:
        meta = json.loads((files / "x.csv.meta.json").read_text())
        assert meta["rows"] == meta["points"] == 60_000
        assert meta["bytes"] == (files / "x.csv").stat().st_size
        assert len(meta["book_sha256"]) == 64
        assert meta["command"][:2] == ["evtplan", "sweep"]
        assert {row["binding"] for row in meta["binding"]} == {"domids", "backend_ports"}

    def test_no_part_is_left(self, files: Path) -> None:
        assert sorted(path.name for path in files.iterdir()) == sorted(
            f"x.{suffix}{more}"
            for suffix in ("csv", "jsonl", "parquet")
            for more in ("", ".meta.json")
        )


class TestWorkers:
    """the rows and bytes are the same whatever the workers"""

    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_of_a_grid(self, tmp_path: Path, suffix: str) -> None:
        found = set()
        for place, workers in enumerate(("1", "3")):
            path = tmp_path / f"{place}.{suffix}"
            assert (
                run_here(*GRID, *SMALL_PARTS, "--workers", workers, "-o", str(path)).returncode == 0
            )
            found.add(path.read_bytes())
        assert len(found) == 1

    def test_of_a_fleet(self, tmp_path: Path) -> None:
        found = set()
        for workers in ("1", "2"):
            args = (CLOUD, "--vary", "vms=100..190:10", "--chunk-rows", "2", "--format", "csv")
            found.add(run_here(*args, "--workers", workers).stdout)
        assert len(found) == 1
        assert len(found.pop().splitlines()) == 11

    def test_a_pipe_gets_what_a_file_gets(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        run_here(*GRID, *SMALL_PARTS, "-o", str(path))
        assert run_here(*GRID, "--format", "csv").stdout == path.read_text()


class TestResume:
    """kill -9 at a random moment, ten times over, then --resume"""

    ARGS = (*GRID, "--chunk-rows", "500", "--workers", "2")

    @pytest.mark.slow
    @pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
    def test_after_ten_kills_the_file_is_byte_identical(self, tmp_path: Path, suffix: str) -> None:
        whole, killed = tmp_path / f"whole.{suffix}", tmp_path / f"killed.{suffix}"
        assert run(*self.ARGS, "-o", str(whole)).returncode == 0
        rng = random.Random(11)
        interrupted = 0
        for _ in range(10):
            process = subprocess.Popen(
                [*COMMAND, *self.ARGS, "-o", str(killed), "--resume"], stderr=subprocess.DEVNULL
            )
            time.sleep(rng.uniform(0.1, 0.9))
            interrupted += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert interrupted
        assert run(*self.ARGS, "-o", str(killed), "--resume").returncode == 0
        assert killed.read_bytes() == whole.read_bytes()
        metas = [json.loads(Path(f"{path}.meta.json").read_text()) for path in (whole, killed)]
        for meta in metas:
            del meta["command"]
        assert metas[0] == metas[1]
        assert not Path(f"{killed}.parts").exists()

    def test_a_torn_part_is_computed_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        run(*self.ARGS, "-o", str(path))
        whole = path.read_bytes()
        path.unlink()
        self._stop_half_way(path)
        rows, lines = (Path(f"{path}.parts", name) for name in ("rows", "parts.jsonl"))
        data = bytearray(rows.read_bytes())
        data[-100] ^= 1
        rows.write_bytes(data + b"torn")
        lines.write_bytes(lines.read_bytes() + b'{"bytes": 5')
        assert run(*self.ARGS, "-o", str(path), "--resume").returncode == 0
        assert path.read_bytes() == whole

    def _stop_half_way(self, path: Path) -> None:
        process = subprocess.Popen(
            [*COMMAND, *self.ARGS, "-o", str(path)], stderr=subprocess.DEVNULL
        )
        while _parts(path) < 5:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()

    def test_an_unfinished_sweep_is_not_overwritten_by_chance(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        self._stop_half_way(path)
        result = run(*self.ARGS, "-o", str(path))
        assert result.returncode == 2
        assert "--resume goes on with it" in result.stderr
        other = run(*GRID, "--chunk-rows", "501", "-o", str(path), "--resume")
        assert other.returncode == 2
        assert "another sweep" in other.stderr

    def test_what_is_finished_is_not_done_again(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        run(*self.ARGS, "-o", str(path))
        before = path.stat()
        result = run(*self.ARGS, "-o", str(path), "--resume")
        assert "finished already" in result.stderr
        assert path.stat().st_mtime_ns == before.st_mtime_ns

    def test_ctrl_c_says_how_to_go_on(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        process = subprocess.Popen(
            [*COMMAND, CLOUD, "--vary", "vms=100..9000", "--chunk-rows", "10", "-o", str(path)],
            stderr=subprocess.PIPE,
            text=True,
        )
        while not _parts(path):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "--resume goes on" in said
        assert "Traceback" not in said


def _parts(path: Path) -> int:
    """Parts of the answer `path` that are there."""
    lines = Path(f"{path}.parts", "parts.jsonl")
    return lines.read_bytes().count(b"\n") if lines.exists() else 0


@contextlib.contextmanager
def tiny_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class TestFullDisk:
    """a full disk (a small tmpfs in the test): clear errors, nothing half-written"""

    @pytest.mark.parametrize("more", [SMALL_PARTS, []])
    def test_is_one_error_and_leaves_no_half_file(self, tmp_path: Path, more: list[str]) -> None:
        with tiny_disk(tmp_path / "disk") as disk:
            path = disk / "x.csv"
            path.write_text("precious")
            result = run(*GRID, *more, "-o", str(path))
            assert result.returncode == 2
            assert result.stderr.startswith("error: cannot write ")
            assert "No space left on device" in result.stderr
            assert "Traceback" not in result.stderr
            assert path.read_text() == "precious"
            left = {p.name.rsplit(".", 1)[-1] for p in disk.rglob("*") if p.is_file()}
            assert left <= {"csv", "json", "rows", "jsonl"}

    def test_with_room_again_it_goes_on(self, tmp_path: Path) -> None:
        whole = tmp_path / "whole.csv"
        run(*GRID, *SMALL_PARTS, "-o", str(whole))
        with tiny_disk(tmp_path / "disk") as disk:
            path = disk / "x.csv"
            full = run(*GRID, *SMALL_PARTS, "-o", str(path))
            assert full.returncode == 2
            assert "--resume goes on" in full.stderr
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            assert run(*GRID, *SMALL_PARTS, "-o", str(path), "--resume").returncode == 0
            assert path.read_bytes() == whole.read_bytes()

    def test_a_full_device(self) -> None:
        result = run(*GRID, "-o", "/dev/full")
        assert result.returncode == 2
        assert "No space left" in result.stderr

    def test_full_stdout(self) -> None:
        with open("/dev/full", "wb") as full:
            process = subprocess.run(
                [*COMMAND, *GRID], stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert process.returncode == 2
        assert "No space left" in process.stderr
        assert "Traceback" not in process.stderr

    def test_a_closed_pipe_is_quiet(self) -> None:
        line = f"{sys.executable} -m evtplan sweep {' '.join(GRID)} | head -c 1"
        result = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=ROOT)
        assert result.stderr == ""


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["--vary", "events_per_vm="], "no values"),
            (["--vary", "events_per_vm=9..1"], "runs backwards"),
            (["--vary", "events_per_vm=1..9:0"], "zero"),
            (["--vary", "events_per_vm=0.5"], "whole number"),
            (["--vary", "events_per_vm"], "KEY=VALUES"),
            (["--vary", "evnts_per_vm=1"], "did you mean events_per_vm?"),
            (["--vary", "abi=fifoo", "--set", "events_per_vm=4"], "did you mean fifo?"),
            (["--vary", "vms=1"], "nothing to size"),
            (["--vary", "events_per_vm=0"], "least"),
            ([], "nothing is varied"),
            (["--vary", "events_per_vm=1", "--vary", "events_per_vm=2"], "varied twice"),
            (["--vary", "events_per_vm=1", "--set", "events_per_vm=2"], "set and varied"),
            (["--vary", "events_per_vm=1", "--set", "vms=2", "--set", "vms=3"], "set twice"),
            (["--vary", "events_per_vm=1,2,1"], "1 is there twice"),
            (["--vary", "events_per_vm=1", "--select", "abi,"], "an empty name"),
            (["--vary", "events_per_vm=1", "--where", ""], "nothing to compare"),
            (["--vary", "events_per_vm=1", "--where", "abi == 'fifoo'"], "did you mean fifo?"),
            (["--vary", "events_per_vm=1", "-o", "x.cvs"], "did you mean .csv?"),
            (["--vary", "events_per_vm=1..9", "--vary", "vms=1,2", "--zip"], "as many of each"),
            (["--vary", "events_per_vm=1", "--select", "vm_limt"], "did you mean vm_limit?"),
            (["--vary", "events_per_vm=1", "--where", "vm_limt > 1"], "did you mean vm_limit?"),
            (["--vary", "events_per_vm=1", "--resume"], "-o FILE"),
            (["--vary", "events_per_vm=1", "--plot", "x.gif"], ".svg"),
            (["--vary", "events_per_vm=1", "--sample", "0"], "at least one"),
            (["--dist", "events_per_vm=normal(9, 1)"], "--sample"),
            (["--vary", "events_per_vm=1", "-o", "no/such/folder/x.csv"], "no/such/folder/x.csv"),
            (["no-such-file.toml", "--vary", "vms=1"], "no-such-file.toml"),
            ([CLOUD, "--vary", "guest.wbe.vcpus=1"], "did you mean web?"),
            ([CLOUD, "--vary", "guest.web.vcpsu=1"], "did you mean guest.web.vcpus?"),
            ([CLOUD, "--vary", "guest.web.vtpm.count=1"], "has no vtpm"),
            (["--vary", "guest.web.vcpus=1"], "fleet file"),
            (["--vary", "vms=1", "--set", "events_per_vm=1", "--scheduler", "tcp://127.0.0.1:1"],
             "no Dask scheduler"),
            (["--vary", "events_per_vm=1", "--scheduler", "nowhere"], "no host and port"),
            (["--vary", "events_per_vm=1", "--scheduler", "http://h:1"], "no address of Dask's"),
        ],
    )  # fmt: skip
    def test_is_one_error_exit_2_and_no_output(self, args: list[str], said: str) -> None:
        result = run_here(*args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
        assert "Traceback" not in result.stderr

    def test_1e15_points_need_a_sample_or_a_summary(self) -> None:
        many = ["--vary", "events_per_vm=1..1000000", "--vary", "vms=1..1000000000"]
        result = run_here(*many)
        assert result.returncode == 2
        assert "1e+15 points" in result.stderr
        assert "--sample" in result.stderr
        assert run_here(*many, "--sample", "100").returncode == 0


class TestLongSweeps:
    def test_ctrl_c_ends_one_that_would_take_years(self) -> None:
        with subprocess.Popen(
            [*COMMAND, "--vary", "events_per_vm=1..1000000000000000", "--summary"],
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            said = process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130
        assert said.startswith("note: 1e+15 points at ")
        assert "days" in said

    def test_a_closed_stdout_is_one_error(self) -> None:
        line = f"{sys.executable} -m evtplan sweep --vary events_per_vm=1..3 >&-"
        result = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=ROOT)
        assert result.returncode == 2
        assert result.stderr == "error: cannot write -: stdout is closed\n"


class TestSweepFile:
    @pytest.mark.parametrize("path", sorted((ROOT / "examples" / "sweeps").glob("*.toml")))
    def test_every_example_is_swept(self, path: Path) -> None:
        result = run_here(str(path))
        assert result.returncode == 0, result.stderr
        assert result.stdout.count("\n") > 1

    def test_says_what_the_options_say(self, tmp_path: Path) -> None:
        path = tmp_path / "s.toml"
        path.write_text(
            f'fleet = "{CLOUD}"\nwhere = "vm_limit > 100"\nselect = ["abi", "vm_limit"]\n'
            '[set]\nhost.dom0_vcpus = 4\n[vary]\nabi = ["fifo", "2l-64"]\n'
            'guest.web.vcpus = [1, 2]\nvms = "100..300:100"\n'
        )
        options = run_here(
            *(CLOUD, "--where", "vm_limit > 100", "--select", "abi,vm_limit"),
            *("--set", "host.dom0_vcpus=4", "--vary", "abi=fifo,2l-64"),
            *("--vary", "guest.web.vcpus=1,2", "--vary", "vms=100..300:100"),
        )
        assert run_here(str(path)).stdout == options.stdout != ""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[vary]\nabi = 1.5\n", ":2: abi has 1.5"),
            ("wher = 'x'\n[vary]\nvms = 1\n", ":1: a sweep file has no key 'wher'"),
            ("zip = 1\n[vary]\nvms = 1\n", ":1: zip is 1; it must be true or false"),
            ("[vary]\nvms = = 2\n", ":2: "),
            ("[vary]\nvsm = 2\n", "unknown quantity 'vsm'"),
        ],
    )
    def test_names_the_line_of_what_is_wrong(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "s.toml"
        path.write_text(text)
        result = run_here(str(path))
        assert result.returncode == 2
        assert said in result.stderr


class TestSweepFileErrors:
    """clear error with file and line where there is one"""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("sample = 9\nseed = -1\n[dist]\nevents_per_vm = 'poisson(3)'\n", ":2: seed is -1"),
            ("[set]\npages = 9\n[vary]\npages = 0\n", ":4: 0 is below 1"),
            ("[vary]\nevents_per_vm = []\n", ":2: no values"),
            ("zip = false\n[vary]\nevent_per_vm = 3\n", ":3: unknown quantity 'event_per_vm'"),
            ("sample = 9\n[dist]\nevents_per_vm = 'poison(3)'\n", ":3: unknown distribution"),
            ("where = 'abi =='\n[vary]\nevents_per_vm = 3\n", ":1: where: invalid syntax"),
            ("select = ['vm_limt']\n[vary]\nevents_per_vm = 3\n", ":1: unknown column"),
            ("[vary.guest.web]\nvcpus = 3\n", ":2: unknown quantity 'guest.web.vcpus'"),
        ],
    )
    def test_say_where(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "s.toml"
        path.write_text(text)
        result = run_here(str(path))
        assert result.returncode == 2
        assert f"error: {path}{said}" in result.stderr

    def test_an_error_of_an_option_is_the_option_s(self, tmp_path: Path) -> None:
        path = tmp_path / "s.toml"
        path.write_text("[vary]\nevents_per_vm = 3\n")
        assert run_here(str(path), "--vary", "vms=0").stderr.startswith("error: --vary vms=0: ")

    def test_takes_other_files_as_its_fleet(self, tmp_path: Path) -> None:
        path = tmp_path / "s.toml"
        path.write_text('[vary.guest."web"]\nvcpus = [1, 2]\n')
        result = run_here(str(path), CLOUD, "--format", "csv")
        assert result.stdout.startswith("guest_web_vcpus,")
        two = run_here(str(path), str(path) + "/../s.toml")
        assert two.returncode == 2

    def test_comes_from_stdin_too(self) -> None:
        text = "[vary]\nevents_per_vm = '1..3'\n"
        result = subprocess.run([*COMMAND, "-"], input=text, capture_output=True, text=True)
        assert result.stdout.startswith("events_per_vm\tvm_limit"), result.stderr
