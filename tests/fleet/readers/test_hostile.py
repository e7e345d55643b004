"""Files of strangers: one clear error or note each, no hang, no traceback."""

import gzip
import io
import os
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.census import census_of
from evtplan.fleet.fleet_text import fleet_toml
from evtplan.fleet.observed.load import load_observation
from evtplan.fleet.readers.detect import FORMATS
from evtplan.fleet.readers.load import load_fleet

SAMPLES = Path(__file__).resolve().parents[1] / "samples"

XENTOP = (
    b"NAME STATE CPU(sec) CPU(%) MEM(k) MEM(%) MAXMEM(k) MAXMEM(%) VCPUS NETS NETTX(k) NETRX(k) "
    b"VBDS VBD_OO VBD_RD VBD_WR SSID\n"
    b"Domain-0 -----r 560 0.0 1000448 47.7 no limit n/a 2 4 0 0 0 0 0 0 0\n"
    b"web --b--- 236 0.0 524288 25.0 524288 25.0 1 1 7551 1447 1 0 6142 43020 0\n"
)
CSV = b"name,type,vcpus,vifs,vbds,os\nweb,pv,2,1,1,linux\ndesk,hvm,4,1,2,windows\n"
TOML = b'[host]\nabi = "fifo"\n[[guest]]\nname = "web"\nvcpus = 2\ndevice = [{ kind = "vif" }]\n'


def parquet_bytes() -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table({"vcpus": [1, 2], "type": ["pv", "hvm"], "vifs": [1, None]}), out)
    return out.getvalue()


def seeds() -> list[bytes]:
    files = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
    found = [path.read_bytes() for path in files]
    return [*found, XENTOP, CSV, TOML, parquet_bytes(), gzip.compress(CSV, mtime=0)]


SEEDS = seeds()
CHUNKS = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"\0", b"[", b"{", b"<", b"'", b'"', b"\\", b"\r", b"9" * 30, b",", b"\xff"]),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with some of its bytes replaced, doubled, or taken away."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        middle = draw(st.one_of(CHUNKS, st.just(data[at:end] * 2)))
        data = data[:at] + middle + data[end:]
    return data


def read(path: Path, data: bytes, from_format: str | None) -> None:
    """Read and count `data`; only an error of ours may come of it, and it is one line."""
    path.write_bytes(data)
    problem = None
    try:
        fleet = load_fleet([str(path)], from_format=from_format)
        census_of(fleet)
        fleet_toml(fleet).encode()  # names that cannot be written would fail here
    except EvtplanError as error:
        problem = error
    if problem is not None:
        assert problem.message
        assert "\n" not in problem.message
        assert str(path) in problem.message


QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class TestAnything:
    """property tests with Hypothesis feed every reader random and mutated files"""

    @pytest.mark.parametrize("from_format", [None, *FORMATS])
    @QUICK
    @given(data=mutated())
    def test_a_mutated_file_is_read_or_refused(
        self, tmp_path: Path, from_format: str | None, data: bytes
    ) -> None:
        read(tmp_path / "file", data, from_format)

    @pytest.mark.parametrize("from_format", [None, *FORMATS])
    @QUICK
    @given(data=st.binary(max_size=300))
    def test_random_bytes_are_read_or_refused(
        self, tmp_path: Path, from_format: str | None, data: bytes
    ) -> None:
        read(tmp_path / "file", data, from_format)

    @QUICK
    @given(text=st.text(alphabet="abvif disk=+[]{}'\",;:\\#\n\t0123x_", max_size=80))
    def test_random_settings_are_read_or_refused(self, tmp_path: Path, text: str) -> None:
        read(tmp_path / "file", f"vif = [ '{text}' ]\ndisk = {text}".encode(), "xl")


def refused(path: Path, data: bytes, **options: str) -> InputError:
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        load_fleet([str(path)], **options)  # type: ignore[arg-type]
    return caught.value


class TestXml:
    def test_entity_bombs_and_foreign_entities_are_not_expanded(self, tmp_path: Path) -> None:
        entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
        for text in (
            f'<!DOCTYPE d [<!ENTITY a0 "lol">{entities}]><domain>&a9;</domain>',
            '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><domain>&x;</domain>',
        ):
            error = refused(tmp_path / "bomb.xml", text.encode())
            assert "entities" in error.reason
            assert error.line == 1

    def test_recursion_ends_early(self, tmp_path: Path) -> None:
        assert "deep" in refused(tmp_path / "deep.xml", b"<a>" * 200_000).reason

    def test_a_domain_with_a_million_interfaces_is_one_error(self, tmp_path: Path) -> None:
        text = b"<domain type='xen'><devices>" + b"<interface/>" * 140_000 + b"</devices></domain>"
        assert "more than 131071" in refused(tmp_path / "wide.xml", text).reason

    @pytest.mark.parametrize(
        ("text", "said", "line"),
        [
            ("<network/>", "no libvirt domain", None),
            ("<domain type='kvm'/>", "kvm", 1),
            ("<domain type='xen'>\n<vcpu>many</vcpu></domain>", "vcpu is 'many'", 2),
            ("<domain type='xen'>\n\n<vcpu current='4'>2</vcpu></domain>", "current is 4", 3),
            ("<domain type='xen'>\n<name>x</nam></domain>", "mismatched tag", 2),
            ("<?xml version='1.0' encoding='none-such'?><domain/>", "encoding", None),
        ],
    )
    def test_what_is_wrong_is_named_with_its_line(
        self, tmp_path: Path, text: str, said: str, line: int | None
    ) -> None:
        error = refused(tmp_path / "file.xml", text.encode())
        assert said in error.reason
        assert error.line == line


class TestText:
    def test_nul_bytes_are_named_with_their_line(self, tmp_path: Path) -> None:
        assert refused(tmp_path / "n.cfg", b"name = 'x'\nvcpus = 1\0\n").line == 2

    def test_a_hundred_megabytes_on_one_line_are_refused(self, tmp_path: Path) -> None:
        assert "64 MiB" in refused(tmp_path / "l.cfg", b"a" * 100_000_000).reason
        assert "longer than" in refused(tmp_path / "l.csv", b"vcpus\n" + b"1" * 20_000_000).reason

    def test_a_string_of_many_megabytes_needs_no_more_memory_than_itself(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "s.cfg"
        path.write_bytes(b"name = 'x'; extra = '" + b"\\a" * 1_000_000 + b"'\n")
        assert load_fleet([str(path)]).guests[0].name == "x"

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
    def test_encodings_of_old_editors_are_read(self, tmp_path: Path, encoding: str) -> None:
        path = tmp_path / "e.cfg"
        path.write_bytes("# Größe\nname = 'x'\nvcpus = 3\n".encode(encoding))
        assert load_fleet([str(path)]).guests[0].vcpus == 3

    def test_a_name_that_would_move_the_cursor_is_made_harmless(self, tmp_path: Path) -> None:
        path = tmp_path / "e.cfg"
        path.write_bytes(b"name = 'a\\x1b[2J'\nvcpus = 1\n")
        assert load_fleet([str(path)]).guests[0].name == "a\ufffd[2J"

    def test_a_million_interfaces_are_one_error(self, tmp_path: Path) -> None:
        text = b"vcpus = 1\nvif = [" + b"'',\n" * 1_000_000 + b"]"
        error = refused(tmp_path / "v.cfg", text)
        assert "131071" in error.reason
        assert error.line == 131_073

    def test_lists_and_objects_nested_without_end_are_refused(self, tmp_path: Path) -> None:
        assert "deep" in refused(tmp_path / "d.cfg", b"x = " + b"[" * 100_000).reason
        assert "deep" in refused(tmp_path / "d.json", b"[" * 1_000_000).reason
        assert "deep" in refused(tmp_path / "d.toml", b"x = " + b"[" * 100_000).reason


class TestGzip:
    def test_gzipped_files_are_read_as_they_are(self, tmp_path: Path) -> None:
        path = tmp_path / "x.cfg.gz"
        path.write_bytes(gzip.compress(b"name = 'x'\nvcpus = 2\n"))
        assert load_fleet([str(path)]).guests[0].vcpus == 2

    def test_a_file_that_was_cut_off_is_said_to_be(self, tmp_path: Path) -> None:
        data = gzip.compress(os.urandom(3000) + b"name = 'x'\n")
        for end in (len(data) - 1, len(data) - 9, len(data) // 2, 5):
            assert "cut off" in refused(tmp_path / "x.gz", data[:end]).reason

    def test_a_bomb_of_nothing_is_refused_at_once(self, tmp_path: Path) -> None:
        bomb = gzip.compress(b"\n" * 100_000_000, 1)
        assert "64 MiB" in refused(tmp_path / "x.gz", bomb).reason


class TestPipes:
    """no hang"""

    def test_one_that_nobody_writes_to_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("evtplan.fleet.pipes._PATIENCE_SECONDS", 0.05)
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with pytest.raises(InputError, match="nobody writes to"):
            load_fleet([str(pipe)])
        with pytest.raises(InputError, match="nobody writes to"):
            load_observation(str(pipe))

    def test_one_whose_writer_takes_its_time_is_read(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)

        def write() -> None:
            with pipe.open("w") as file:
                time.sleep(0.1)
                file.write("name = 'late'\nvcpus = 3\n")

        writer = threading.Thread(target=write)
        writer.start()
        fleet = load_fleet([str(pipe)])
        writer.join()
        assert [(guest.name, guest.vcpus) for guest in fleet.guests] == [("late", 3)]


class TestDirectories:
    """symlink loops, unreadable, non-config files skipped with a note"""

    def test_everything_else_is_skipped_with_a_note(self, tmp_path: Path) -> None:
        folder = tmp_path / "xen"
        (folder / "auto").mkdir(parents=True)
        (folder / "web.cfg").write_text("name = 'web'\nvcpus = 1\n")
        (folder / "db.xml").write_text("<domain type='xen'><name>db</name></domain>")
        (folder / "README").write_text("Domains of this host.\n")
        (folder / "xl.conf").write_text("lockfile = '/run/lock/xl'\n")
        (folder / "web.cfg~").write_text("name = 'web'\nvcpus = 1\n")
        (folder / "noise").write_bytes(bytes(range(256)))
        (folder / "loop").symlink_to(".")
        (folder / "auto" / "up").symlink_to("..")
        (folder / "auto" / "web").symlink_to("../web.cfg")
        (folder / "self").symlink_to("self")
        (folder / "gone").symlink_to("nowhere")
        os.mkfifo(folder / "pipe")
        fleet = load_fleet([str(folder)])
        assert [guest.name for guest in fleet.guests] == ["db", "web"]
        skipped = " ".join(note for note in fleet.notes if note.startswith("skipped"))
        for name in (
            "README",
            "xl.conf",
            "web.cfg~",
            "noise",
            "loop",
            "up",
            "self",
            "gone",
            "pipe",
        ):
            assert f"/{name}" in skipped

    def test_a_file_named_outright_is_an_error_instead(self, tmp_path: Path) -> None:
        refused(tmp_path / "README", b"Domains of this host.\n")

    def test_patterns_are_ours_to_expand_where_no_shell_did(self, tmp_path: Path) -> None:
        for name in ("b", "a"):
            (tmp_path / f"{name}.cfg").write_text(f"name = '{name}'\nvcpus = 1\n")
        fleet = load_fleet([str(tmp_path / "*.cfg")])
        assert [guest.name for guest in fleet.guests] == ["a", "b"]
        with pytest.raises(InputError, match="no file fits"):
            load_fleet([str(tmp_path / "*.xml")])

    def test_a_pattern_meets_every_file_once_however_links_lead(self, tmp_path: Path) -> None:
        folder = tmp_path / "xen"
        (folder / "auto").mkdir(parents=True)
        (folder / ".git").mkdir()
        for path in (folder / "web.cfg", folder / "auto" / "db.cfg", folder / ".git" / "no.cfg"):
            path.write_text(f"name = '{path.stem}'\nvcpus = 1\n")
        # Two links in a circle lead to as many paths as there are ways round it.
        (folder / "auto" / "up").symlink_to("..")
        (folder / "auto" / "over").symlink_to("..")
        (folder / "self.cfg").symlink_to("self.cfg")
        (folder / "twice.cfg").symlink_to("web.cfg")
        os.mkfifo(folder / "pipe.cfg")
        for pattern in ("**/*.cfg", "**"):
            fleet = load_fleet([str(folder / pattern)])
            assert sorted(guest.name for guest in fleet.guests) == ["db", "web"]
            skipped = " ".join(note for note in fleet.notes if note.startswith("skipped"))
            assert "self.cfg" in skipped
            assert "pipe.cfg: neither a file" in skipped

    def test_where_nothing_can_be_read_that_is_the_error(self, tmp_path: Path) -> None:
        (tmp_path / "README").write_text("nothing\n")
        with pytest.raises(EvtplanError, match="no guest in any of the files"):
            load_fleet([str(tmp_path)])

    def test_a_directory_of_other_things_is_given_up(self, tmp_path: Path) -> None:
        for number in range(2100):
            (tmp_path / f"{number:04}.bin").write_bytes(b"\0")
        with pytest.raises(EvtplanError, match="2001 of the first 2001 files are no config"):
            load_fleet([str(tmp_path)])
        for number in range(300):
            (tmp_path / f"{number:04}.cfg").write_text('name = "a"\nvcpus = 1\n')
        assert len(load_fleet([str(tmp_path)]).guests) == 300

    def test_an_empty_directory_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="without files"):
            load_fleet([str(tmp_path)])
