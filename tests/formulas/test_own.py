"""Users' own formulas: a documented way to add a Formula from Python and use it."""

import json
from pathlib import Path

import pytest

from evtplan.errors import EvtplanError
from evtplan.formulas.catalogue import BOOK, catalogue_with
from evtplan.plans.own_columns import own_columns, own_formulas
from tests.commands.in_process import evtplan

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "formulas" / "racks.py"

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
