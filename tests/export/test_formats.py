"""Every exporter sees one record and shows all of it."""

import csv
import io
import json

import pytest

from evtplan.export import FORMATS, Column, Record, Section, render

HUGE = 10**30
RECORD = Record(
    command="demo",
    rows=(
        {"name": "web|1", "pages": HUGE, "share": 0.1, "missing": None},
        {"name": "tab\there", "pages": 7, "share": 1.0, "missing": None},
    ),
    columns=(Column("name"), Column("pages", "array pages")),
    sections=(Section("limits", "Limits", ({"limit": "domids", "vms": 32752},)),),
    notes=("one remark",),
)


def rendered(name: str) -> str:
    return render(RECORD, name, version="0", width=None).decode()


class TestSameInputSameBytes:
    @pytest.mark.parametrize("name", [n for n in FORMATS if n != "parquet"])
    def test_twice_the_same(self, name: str) -> None:
        assert rendered(name) == rendered(name)


class TestIntegersAreExact:
    @pytest.mark.parametrize("name", ["plain", "csv", "json", "jsonl", "md", "html"])
    def test_thirty_digits_survive(self, name: str) -> None:
        assert str(HUGE) in rendered(name)

    def test_a_terminal_table_never_cuts_a_digit(self) -> None:
        narrow = render(RECORD, "table", version="0", width=20).decode()
        assert str(HUGE) in narrow


class TestJson:
    def test_has_the_documented_envelope(self) -> None:
        document = json.loads(rendered("json"))
        assert {k: document[k] for k in ("schema", "command", "evtplan")} == {
            "schema": 1,
            "command": "demo",
            "evtplan": "0",
        }
        assert document["rows"][0] == dict(RECORD.rows[0])
        assert document["limits"] == [{"limit": "domids", "vms": 32752}]


class TestCsv:
    def test_reads_back_with_a_plain_header(self) -> None:
        rows = list(csv.DictReader(io.StringIO(rendered("csv"))))
        assert rows[0] == {"name": "web|1", "pages": str(HUGE), "share": "0.1", "missing": ""}


class TestPlain:
    def test_one_line_a_row_whatever_is_in_a_cell(self) -> None:
        assert rendered("plain").splitlines()[2].split("\t")[0] == "tab here"
