"""Tables of VMs: what columns mean, what is counted together, and errors with their lines."""

import gzip
import io
import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from evtplan.errors import InputError
from evtplan.fleet.census import census_of
from evtplan.fleet.model import Fleet, OsFamily
from evtplan.fleet.readers.load import load_fleet
from evtplan.fleet.readers.table import MOST_ROWS_KEPT
from evtplan.fleet.readers.table_shapes import shapes_of


def fleet(path: Path, text: str) -> Fleet:
    path.write_text(text, encoding="utf-8")
    return load_fleet([str(path)])


def refused(path: Path, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        fleet(path, text)
    return caught.value


class TestShortTables:
    def test_each_row_is_a_guest(self, tmp_path: Path) -> None:
        found = fleet(
            tmp_path / "vms.csv",
            "name,type,vcpus,maxvcpus,vifs,vbds,os,copies,max_event_channels\n"
            "web,pv,2,,1,1,linux,10,\n"
            "desk,HVM,4,8,1,2,Microsoft Windows 10,1,2047\n",
        )
        web, desk = found.guests
        assert (web.name, web.type, web.vcpus, web.copies) == ("web", "pv", 2, 10)
        assert [(d.kind, d.count) for d in desk.devices] == [("vif", 1), ("vbd", 2)]
        assert (desk.os, desk.possible_vcpus, desk.max_event_channels) == (
            OsFamily.WINDOWS, 8, 2047,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "text",
        [
            "VM;CPUs;NICs;Disks\nweb;2;1;3\n",
            "VM Name\tvCPU\tnets\tvdis\nweb\t2\t1\t3\n",
            '"vm-name","num_cpus","Num NICs","Num Disks"\n"web","2","1","3"\n',
            "\ufeffname|vcpus|vif|vbd\r\n\r\nweb|2.0|1|3\r\n",
            "\n\r\n ,,\nname,vcpus,vif,vbd\n\nweb,2,1,3\n,,,\n",
            "sep=;\nname;virtual CPUs;network interfaces;hard disks;memory GB\nweb;2,0;1;3;0,5\n",
        ],
    )
    def test_headings_of_other_tools_are_known(self, tmp_path: Path, text: str) -> None:
        (guest,) = fleet(tmp_path / "vms", text).guests
        assert (guest.name, guest.vcpus) == ("web", 2)
        assert [(d.kind, d.count) for d in guest.devices] == [("vif", 1), ("vbd", 3)]

    @pytest.mark.parametrize(
        ("text", "said", "line"),
        [
            ("name,memory,vcpus\nweb,1,2\ndb,0,5,4\n", "4 columns where the heading has 3", 3),
            ("\n\nname,vcpus\nweb\n", "1 columns, fewer", 4),
            ("name,vcpus,copies\nweb,1,1.000\n", "copies is '1.000'", 2),
            ('name,vcpus,copies\nweb,1,"1,000"\n', "copies is '1,000'", 2),
            ("\n\n\nnothing,known\n1,2\n", "no column of VMs", 4),
        ],
    )
    def test_what_may_mean_two_things_is_refused(
        self, tmp_path: Path, text: str, said: str, line: int
    ) -> None:
        error = refused(tmp_path / "v.csv", text)
        assert said in error.reason
        assert error.line == line

    def test_empty_cells_beyond_the_heading_mean_nothing(self, tmp_path: Path) -> None:
        (guest,) = fleet(tmp_path / "v.csv", "name,vcpus\nweb,2,,\n").guests
        assert guest.vcpus == 2

    def test_every_kind_of_device_has_a_column(self, tmp_path: Path) -> None:
        (guest,) = fleet(
            tmp_path / "vms.csv",
            "vcpus,vifs,vif_queues,vif_split,vif_control,vif_backend,vbds,vbd_rings,vbd_backend,"
            "vfb,vkbs,vtpm,9pfs,channels,pci,pci_vectors,ioreq_servers,pirqs\n"
            "2,1,4,no,yes,netdom,2,1,storedom,1,1,1,1,2,1,8,0,3\n",
        ).guests
        vif, vbd, *others = guest.devices
        assert (vif.queues, vif.split, vif.control, vif.backend) == (4, False, True, "netdom")
        assert (vbd.count, vbd.rings, vbd.backend) == (2, 1, "storedom")
        assert {(d.kind, d.count, d.channels) for d in others} == {
            ("vfb", 1, None), ("vkb", 1, None), ("vtpm", 1, None), ("9pfs", 1, None),
            ("channel", 2, None), ("pci", 1, 8),
        }  # fmt: skip
        assert (guest.ioreq_servers, guest.pirqs) == (0, 3)

    def test_a_stub_domain_is_named_after_its_guest(self, tmp_path: Path) -> None:
        (guest,) = fleet(tmp_path / "v.csv", "name,type,stubdom\nx,hvm,1\n").guests
        assert guest.emulator == "x-dm"

    def test_columns_that_are_not_read_are_named_once(self, tmp_path: Path) -> None:
        notes = fleet(tmp_path / "v.csv", "name,vcpus,colour,price\nx,1,red,2\n").notes
        assert "columns not read: 'colour', 'price'" in notes

    @pytest.mark.parametrize(
        ("text", "said", "line"),
        [
            ("name,vcpus\na,1\n\nb,two\n", "vcpus is 'two'", 4),
            ("name,vcpus\na,0\n", "vcpus is 0", 2),
            ("name,vcpus\na,-1\n", "vcpus is '-1'", 2),
            ("name,vcpus\na,1.5\n", "vcpus is '1.5'", 2),
            ("name,type\na,pv\nb,xvm\n", "type is 'xvm'", 3),
            ("name,vcpus,vifs\na,1,1\nb,2\n", "2 columns", 3),
            ("name,vcpus,maxvcpus\na,4,2\n", "maxvcpus", 2),
            ("name,vcpus\n", "without rows", None),
            ('name,vcpus\n"a\nb",2\nc,x\n', "vcpus is 'x'", 4),
        ],
    )
    def test_what_cannot_be_is_named_with_its_line(
        self, tmp_path: Path, text: str, said: str, line: int | None
    ) -> None:
        error = refused(tmp_path / "vms.csv", text)
        assert said in error.reason
        assert error.line == line


def many(rows: int, seed: int = 1) -> list[str]:
    random_ = random.Random(seed)
    return [
        f"vm{n},{random_.choice(['pv', 'pvh', 'hvm'])},{random_.choice([1, 2, 4])},"
        f"{random_.randint(0, 2)},{random_.randint(1, 3)}"
        for n in range(rows)
    ]


HEADING = "name,type,vcpus,vifs,vbds"


class TestLongTables:
    """census is per distinct guest shape with copies"""

    def test_the_whole_is_what_row_by_row_counting_gives(self, tmp_path: Path) -> None:
        rows = many(3 * MOST_ROWS_KEPT)
        long = fleet(tmp_path / "long.csv", "\n".join([HEADING, *rows]) + "\n")
        assert len(long.guests) < 100
        assert long.vms == len(rows)
        parts = [
            fleet(tmp_path / "part.csv", "\n".join([HEADING, *rows[at : at + 9000]]) + "\n")
            for at in range(0, len(rows), 9000)
        ]
        whole = census_of(long).backends[0].guest_ports
        assert whole == sum(census_of(part).backends[0].guest_ports for part in parts)

    def test_csv_and_parquet_and_gzip_give_the_same_fleet(self, tmp_path: Path) -> None:
        rows = many(2 * MOST_ROWS_KEPT)
        text = "\n".join([HEADING, *rows]) + "\n"
        plain = fleet(tmp_path / "a.csv", text)
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
        cells = list(zip(*(row.split(",") for row in rows), strict=True))
        columns: dict[str, list[object]] = {"name": list(cells[0]), "type": list(cells[1])}
        for name, column in zip(("vcpus", "vifs", "vbds"), cells[2:], strict=True):
            columns[name] = [int(cell) for cell in column]
        parquet.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=7000)
        for name in ("a.csv.gz", "a.parquet"):
            assert load_fleet([str(tmp_path / name)]).guests == plain.guests

    def test_a_copies_column_multiplies(self, tmp_path: Path) -> None:
        rows = ["vcpus,copies"] + ["1,2", "2,3"] * MOST_ROWS_KEPT
        assert fleet(tmp_path / "v.csv", "\n".join(rows)).vms == 5 * MOST_ROWS_KEPT

    @pytest.mark.parametrize("bad", ["x,pv,two,1,1", "x,pv,2,1", "x,xvm,2,1,1", "x,pv,-2,1,1"])
    def test_a_bad_row_among_many_is_named_with_its_line(self, tmp_path: Path, bad: str) -> None:
        rows = many(2 * MOST_ROWS_KEPT)
        rows[12_345] = bad
        error = refused(tmp_path / "v.csv", "\n".join([HEADING, *rows]) + "\n")
        assert error.line == 12_345 + 2

    def test_lines_above_the_heading_are_passed_over(self, tmp_path: Path) -> None:
        rows = ["", "sep=;", "", HEADING.replace(",", ";")]
        rows += [row.replace(",", ";") for row in many(2 * MOST_ROWS_KEPT)]
        path = tmp_path / "v.csv"
        assert fleet(path, "\n".join(rows)).vms == 2 * MOST_ROWS_KEPT
        rows[15_000] = "x;pv;two;1;1"
        assert refused(path, "\n".join(rows)).line == 15_001

    def test_numbers_as_spreadsheets_write_them_are_read(self, tmp_path: Path) -> None:
        rows = ["name,vcpus,vifs", *(f'"vm, {n}",2.0,' for n in range(2 * MOST_ROWS_KEPT))]
        (guest,) = fleet(tmp_path / "v.csv", "\n".join(rows)).guests
        assert (guest.vcpus, guest.devices, guest.copies) == (2, (), 2 * MOST_ROWS_KEPT)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
    def test_encodings_of_spreadsheets_are_read(self, tmp_path: Path, encoding: str) -> None:
        rows = ["name,vcpus,os", *(f"Grün{n},3,Größe" for n in range(2 * MOST_ROWS_KEPT))]
        (tmp_path / "v.csv").write_bytes("\n".join(rows).encode(encoding))
        (guest,) = load_fleet([str(tmp_path / "v.csv")]).guests
        assert (guest.vcpus, guest.os, guest.copies) == (3, OsFamily.OTHER, 2 * MOST_ROWS_KEPT)

    def test_progress_is_told_up_to_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "v.csv"
        path.write_text("\n".join([HEADING, *many(2 * MOST_ROWS_KEPT)]))
        told: list[tuple[int, int]] = []
        load_fleet([str(path)], progress=lambda done, whole: told.append((done, whole)))
        assert told[-1] == (path.stat().st_size, path.stat().st_size)


class TestParquet:
    def write(self, path: Path, **columns: object) -> Path:
        parquet.write_table(pa.table(columns), path)
        return path

    def test_types_of_pandas_are_read(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path / "v.parquet",
            name=["a", None],
            vcpus=pa.array([2.0, None]),
            type=pa.array(["pv", "hvm"]).dictionary_encode(),
            stubdom=[False, True],
        )
        a, b = load_fleet([str(path)]).guests
        assert (a.name, a.vcpus, b.name, b.vcpus, b.emulator) == ("a", 2, "row 2", 1, "row 2-dm")

    def test_types_of_databases_are_read(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path / "v.parquet",
            name=[date(2024, 1, 1)],
            vcpus=pa.array([Decimal("2.00")]),
            type=pa.array([b"hvm"]),
        )
        (guest,) = load_fleet([str(path)]).guests
        assert (guest.name, guest.vcpus, guest.type) == ("2024-01-01", 2, "hvm")

    def test_two_columns_of_one_name_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "v.parquet"
        columns = [pa.array([1]), pa.array([2])]
        parquet.write_table(pa.Table.from_arrays(columns, ["vcpus", "vcpus"]), path)
        with pytest.raises(InputError, match="more than one column vcpus"):
            load_fleet([str(path)])

    def test_a_bad_row_among_many_is_named_with_its_number(self, tmp_path: Path) -> None:
        vcpus = [2.0] * (2 * MOST_ROWS_KEPT)
        vcpus[12_345] = 2.5
        path = self.write(tmp_path / "v.parquet", vcpus=vcpus)
        with pytest.raises(InputError, match=r"row 12346: vcpus is '2\.5'"):
            load_fleet([str(path)])

    def test_a_column_of_lists_is_refused(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "v.parquet", vcpus=[[1], [2]])
        with pytest.raises(InputError, match="column vcpus is of type list"):
            load_fleet([str(path)])

    def test_a_table_of_something_else_is_refused(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "v.parquet", colour=["red"])
        with pytest.raises(InputError, match="no column of VMs"):
            load_fleet([str(path)])


CELLS = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-(2**62), 2**62)), min_size=1, max_size=30),
    st.lists(st.one_of(st.none(), st.text(max_size=2)), min_size=1, max_size=30),
    st.lists(st.integers(0, 3), min_size=1, max_size=30),
)


class TestShapes:
    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(CELLS, min_size=0, max_size=8))
    def test_are_what_plain_counting_finds(self, columns: list[list[object]]) -> None:
        rows = min((len(column) for column in columns), default=3)
        arrays = [pa.array(column[:rows]) for column in columns] or [pa.nulls(rows)]
        batch = pa.RecordBatch.from_arrays(arrays, names=[str(n) for n in range(len(arrays))])
        plain: dict[tuple[object, ...], int] = {}
        for row in zip(*(array.to_pylist() for array in arrays), strict=True):
            plain[row] = plain.get(row, 0) + 1
        assert dict(shapes_of(batch)) == plain


class TestStandardInput:
    def test_a_table_may_come_through_a_pipe(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Stdin:
            buffer = io.BytesIO("\n".join([HEADING, *many(2 * MOST_ROWS_KEPT)]).encode())

        monkeypatch.setattr("sys.stdin", Stdin)
        assert load_fleet(["-"]).vms == 2 * MOST_ROWS_KEPT
