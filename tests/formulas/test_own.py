"""Users' own formulas: a documented way to add a Formula from Python and use it."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evtplan.errors import EvtplanError
from evtplan.formulas.catalogue import BOOK, catalogue_with
from evtplan.plans.own_columns import own_columns, own_formulas
from tests.commands.in_process import evtplan

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "formulas" / "racks.py"
CLOUD = ROOT / "examples" / "fleets" / "cloud.toml"

HEAD = """
from evtplan.formulas import vocabulary as v
from evtplan.formulas.core import Example, Formula, Kind, Quantity, Source
V = v.VMS.symbol
def own(name="mine.pages", expression=2 * V, inputs=(v.VMS,), result=v.TOTAL_ARRAY_PAGES, **more):
    return Formula(name, result, inputs, expression, Kind.EXACT, "Mine.", Source("me"), **more)
"""


class TestUse:
    """use it in `size`, `solve`, `sweep`"""

    def test_they_stand_after_the_book(self) -> None:
        catalogue = catalogue_with([EXAMPLE])
        assert list(catalogue)[: len(BOOK)] == list(BOOK)
        assert "racks.racks_needed" in catalogue

    def test_size_has_a_column_for_each(self) -> None:
        result = evtplan(
            *("size", "--events-per-vm", "64", "--vms", "5000", "--formulas", str(EXAMPLE)),
            *("--format", "json"),
        )
        (row,) = json.loads(result.stdout)["rows"]
        assert row["racks_racks_needed"] == 3
        assert row["racks_pages_for_growth"] == 10000
        assert row["racks_state_bytes_per_vm"] == -(-row["total_bytes"] // 5000)

    def test_solve_turns_them_round(self) -> None:
        result = evtplan(
            *("solve", "racks.racks_needed", "--for", "V", "--where", "K_r=3"),
            *("--formulas", str(EXAMPLE), "--format", "json"),
        )
        assert json.loads(result.stdout)["rows"][0]["value"] == 6000

    def test_formulas_explains_them(self) -> None:
        result = evtplan("formulas", "racks.racks_needed", "--formulas", str(EXAMPLE))
        assert "our capacity handbook, page 13" in result.stdout

    def test_a_value_that_a_row_lacks_gives_none(self) -> None:
        formulas = own_formulas([EXAMPLE])
        row = {"total_bytes": 1, "vms": None, "events_per_vm": 4, "words_per_page": 1024}
        assert own_columns(formulas, row)["racks_racks_needed"] is None

    def test_a_column_that_no_sizing_has_is_an_error(self) -> None:
        with pytest.raises(EvtplanError, match="no column"):
            own_columns(own_formulas([EXAMPLE]), {"vms": 3})


class TestBadFiles:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("x = 1\n", "it must define FORMULAS"),
            ("FORMULAS = ()\n", "FORMULAS is empty"),
            ("FORMULAS = (1,)\n", "it must define FORMULAS"),
            ("x = = 1\n", "own.py:1:5: invalid syntax"),
            ("\n\nx = 1 / 0\n", "own.py:3: ZeroDivisionError"),
            ("import no_such_module\n", "own.py:1: ModuleNotFoundError"),
            (HEAD + "FORMULAS = own(name='Mine')\n", "not of the form chapter.quantity"),
            (HEAD + "FORMULAS = own(name='fifo.channels')\n", "already"),
            (HEAD + "FORMULAS = (own(), own())\n", "already"),
            (HEAD + "FORMULAS = own(expression=V / 2)\n", "whole number"),
            (HEAD + "FORMULAS = own(expression=0.5 * V)\n", "exact numbers only"),
            (HEAD + "FORMULAS = own(inputs=(v.VMS, v.PAGES))\n", "inputs and expression differ"),
            (HEAD + "import sympy\nFORMULAS = own(expression=sympy.sin(V))\n", "no function"),
            (
                HEAD + "FORMULAS = own(examples=(Example({'vms': 2}, 5),))\n",
                "its example gives 4, and says 5",
            ),
        ],
    )
    def test_are_clear_errors_with_the_file(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "own.py"
        path.write_text(text)
        with pytest.raises(EvtplanError) as caught:
            catalogue_with([path])
        assert str(path) in caught.value.message
        assert said in caught.value.message

    def test_a_missing_one_and_a_binary_one(self, tmp_path: Path) -> None:
        with pytest.raises(EvtplanError, match="No such file"):
            catalogue_with([tmp_path / "none.py"])
        (tmp_path / "binary.py").write_bytes(b"\xff\x00")
        with pytest.raises(EvtplanError, match="UTF-8"):
            catalogue_with([tmp_path / "binary.py"])


class TestFilesThatAct:
    BODY = HEAD + "FORMULAS = (own(),)\n"

    def test_what_a_file_prints_stays_out_of_the_answer(self, tmp_path: Path) -> None:
        (tmp_path / "f.py").write_text("print('hello')\n" + self.BODY)
        result = evtplan("formulas", "mine", "--formulas", str(tmp_path / "f.py"), "-f", "json")
        assert json.loads(result.stdout)["rows"][0]["name"] == "mine.pages"

    def test_a_file_that_leaves_the_program_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "f.py").write_text("import sys\nsys.exit(0)\n")
        with pytest.raises(EvtplanError, match="leaves the program"):
            catalogue_with([tmp_path / "f.py"])

    def test_a_plain_number_is_no_expression(self, tmp_path: Path) -> None:
        (tmp_path / "f.py").write_text(HEAD + "FORMULAS = (own(expression=5),)\n")
        with pytest.raises(EvtplanError, match="5 is no SymPy expression"):
            catalogue_with([tmp_path / "f.py"])


class TestSweep:
    """use it in `size`, `solve`, `sweep`"""

    def test_has_a_column_for_each(self) -> None:
        result = evtplan(
            *("sweep", "--vary", "vms=1900..2000:50", "--vary", "events_per_vm=4,64"),
            *("--formulas", str(EXAMPLE), "--format", "json"),
        )
        rows = json.loads(result.stdout)["rows"]
        assert [row["racks_racks_needed"] for row in rows] == [
            -(-row["vms"] // 2000) for row in rows
        ]
        assert len(rows) == 6

    def test_the_condition_may_use_it(self) -> None:
        result = evtplan(
            *("sweep", "--vary", "vms=1900..2100:100", "--set", "events_per_vm=4"),
            *("--formulas", str(EXAMPLE), "--where", "racks_racks_needed > 1"),
            *("--select", "vms,racks_racks_needed", "--format", "csv"),
        )
        assert result.stdout == "vms,racks_racks_needed\n2100,2\n"

    OF_FLEET = HEAD + (
        "W = Quantity('guest_web_vcpus', 'c_w', 'VCPU', 'VCPUs of web guests')\n"
        "H = Quantity('half', 'd', 'VCPU', 'half of them', integer=False)\n"
        "M = Quantity('per_vm', 'M_V', 'byte', 'bytes of each')\n"
        "T = Quantity('total_bytes', 'M_T', 'byte', 'bytes of all')\n"
        "import sympy\n"
        "FORMULAS = (own('mine.half', W.symbol / 2, (W,), H),\n"
        "            own('mine.per_vm', sympy.ceiling(T.symbol / V), (T, v.VMS), M))\n"
    )
    COLUMNS = "guest_web_vcpus,mine_half,mine_per_vm,total_bytes,vms"

    def test_of_a_fleet_may_use_what_is_varied(self, tmp_path: Path) -> None:
        (tmp_path / "own.py").write_text(self.OF_FLEET)
        vary = ("sweep", str(CLOUD), "--vary", "guest.web.vcpus=1..4", "--select", self.COLUMNS)
        result = evtplan(*vary, "--formulas", str(tmp_path / "own.py"), "--format", "json")
        rows = json.loads(result.stdout)["rows"]
        assert [row["mine_half"] for row in rows] == [0.5, 1, 1.5, 2]
        assert all(row["mine_per_vm"] == -(-row["total_bytes"] // row["vms"]) for row in rows)

    def test_a_sweep_file_names_them(self, tmp_path: Path) -> None:
        """beside itself, one or several"""
        (tmp_path / "own.py").write_text(self.OF_FLEET)
        script = tmp_path / "s.toml"
        head = f'fleet = "{CLOUD}"\nselect = ["mine_half"]\n'
        for names in ('"own.py"', '["own.py"]', f'["own.py", "{EXAMPLE}"]'):
            script.write_text(f"formulas = {names}\n{head}[vary]\nguest.web.vcpus = [1, 3]\n")
            assert evtplan("sweep", str(script)).stdout == "mine_half\n0.5\n1.5\n"
        script.write_text(f"{head}formulas = 7\n[vary]\nguest.web.vcpus = [1, 3]\n")
        assert ":3: formulas must be a file name" in evtplan("sweep", str(script)).stderr

    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_workers_and_a_stopped_sweep_give_the_same_bytes(
        self, tmp_path: Path, suffix: str
    ) -> None:
        """`--workers`, `--resume`, Parquet"""
        (tmp_path / "own.py").write_text(self.OF_FLEET)
        line = ("sweep", str(CLOUD), "--vary", "guest.web.vcpus=1..12", "--select", self.COLUMNS)
        line = (*line, "--formulas", str(tmp_path / "own.py"), "--chunk-rows", "2")
        alone, stopped = tmp_path / f"alone.{suffix}", tmp_path / f"stopped.{suffix}"
        assert evtplan(*line, "--workers", "1", "-o", str(alone)).returncode == 0
        self._stop_after_two_chunks(line, stopped)
        assert not stopped.exists()
        more = evtplan(*line, "--workers", "2", "-o", str(stopped), "--resume")
        assert more.returncode == 0, more.stderr
        assert stopped.read_bytes() == alone.read_bytes()

    def _stop_after_two_chunks(self, line: tuple[str, ...], path: Path) -> None:
        done: list[int] = []

        @contextlib.contextmanager
        def stopping(_points: int, _unit: str) -> Iterator[Callable[[int], None]]:
            def advance(rows: int) -> None:
                done.append(rows)
                if len(done) == 2:
                    raise KeyboardInterrupt

            yield advance

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("evtplan.commands.progress.progress_of", stopping)
            assert evtplan(*line, "--workers", "1", "-o", str(path)).returncode == 130
        assert len(Path(f"{path}.parts", "parts.jsonl").read_text().splitlines()) == 2

    def test_a_changed_file_is_not_gone_on_with(self, tmp_path: Path) -> None:
        own, path = tmp_path / "own.py", tmp_path / "x.csv"
        own.write_text(self.OF_FLEET)
        line = ("sweep", str(CLOUD), "--vary", "guest.web.vcpus=1..7", "--chunk-rows", "2")
        line = (*line, "--formulas", str(own), "--workers", "1")
        self._stop_after_two_chunks(line, path)
        own.write_text(self.OF_FLEET + "# another\n")
        result = evtplan(*line, "-o", str(path), "--resume")
        assert result.returncode == 2
        assert "another" in result.stderr

    def test_can_be_drawn(self, tmp_path: Path) -> None:
        line = ("sweep", "--vary", "vms=1000..9000:1000", "--set", "events_per_vm=4", "--summary")
        picture = tmp_path / "p.svg"
        drawn = ("--plot", str(picture), "--plot-y", "racks_racks_needed")
        result = evtplan(*line, "--formulas", str(EXAMPLE), *drawn)
        assert result.returncode == 0, result.stderr
        assert "racks racks needed" in picture.read_text()

    def test_what_cannot_be_sent_to_another_process_is_said(self, tmp_path: Path) -> None:
        """and no sweep waits for it for ever"""
        (tmp_path / "own.py").write_text(
            HEAD + "class Mine(Quantity):\n    pass\n"
            "FORMULAS = own(result=Mine('mine', 'm', 'page', 'mine'))\n"
        )
        line = ("sweep", "--vary", "vms=1..6", "--set", "events_per_vm=4", "--chunk-rows", "2")
        line = (*line, "--formulas", str(tmp_path / "own.py"), "--format", "csv")
        assert evtplan(*line, "--workers", "1").returncode == 0
        result = evtplan(*line, "--workers", "2")
        assert result.returncode == 2
        assert "hint: use --workers 1" in result.stderr


class TestDivisionByZero:
    """no value there, rather than a fault"""

    NONE_FIT = ("--events-per-vm", "5000", "--abi", "2l-64")

    def test_is_a_missing_value_in_a_sizing_and_in_a_sweep(self) -> None:
        result = evtplan("size", *self.NONE_FIT, "--formulas", str(EXAMPLE), "-f", "json")
        (row,) = json.loads(result.stdout)["rows"]
        assert (row["vms"], row["racks_state_bytes_per_vm"]) == (0, None)
        line = ("sweep", "--vary", "events_per_vm=10,5000", "--set", "abi=2l-64")
        result = evtplan(*line, "--formulas", str(EXAMPLE), "-f", "json")
        cells = [row["racks_state_bytes_per_vm"] for row in json.loads(result.stdout)["rows"]]
        assert cells == [0, None]

    def test_is_a_clear_error_where_it_is_asked_for(self) -> None:
        line = ("racks.state_bytes_per_vm", "--formulas", str(EXAMPLE), "--where", "V=0")
        result = evtplan("formulas", *line, "--where", "M_T=5")
        assert result.stderr.startswith("error: racks.state_bytes_per_vm divides by 0 at M_T = 5")
        result = evtplan("solve", *line, "--for", "M_T", "--where", "M_V=5")
        assert "divides by 0" in result.stderr
        assert result.returncode == 2

    def test_solve_begins_after_it(self) -> None:
        line = ("solve", "racks.state_bytes_per_vm", "--for", "V", "--formulas", str(EXAMPLE))
        result = evtplan(*line, "--where", "M_V=7", "--where", "M_T=50", "-f", "json")
        (row,) = json.loads(result.stdout)["rows"]
        assert (row["value"], row["next_value"], row["ranges"]) == (8, 7, [[8, None]])
