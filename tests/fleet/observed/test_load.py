"""Files: recognised by content, streamed, hostile."""

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evtplan.errors import InputError, UnknownNameError
from evtplan.fleet.observed.load import DUMP_FORMATS, load_observation
from evtplan.fleet.observed.model import Observation
from evtplan.plans.reconciliation import reconcile
from tests.fleet.observed.fake_host import FakeHost
from tests.fleet.observed.test_debug_key_e import FIFO, OLD, TWO_LEVEL
from tests.fleet.observed.test_lsevtchn import LISTING
from tests.fleet.observed.test_proc_interrupts import GUEST

TEXTS = {"debug-key-e": FIFO, "lsevtchn": LISTING, "proc-interrupts": GUEST}


def load(folder: Path, data: str | bytes, **options: object) -> Observation:
    path = folder / "dump"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return load_observation(str(path), **options)  # type: ignore[arg-type]


class TestFormats:
    """one file per format, autodetected"""

    @pytest.mark.parametrize("name", DUMP_FORMATS)
    def test_by_content(self, tmp_path: Path, name: str) -> None:
        assert load(tmp_path, TEXTS[name]).format == name

    def test_the_rest_of_a_bundle_is_named(self, tmp_path: Path) -> None:
        found = load(tmp_path, GUEST + LISTING + FIFO)
        assert found.format == "debug-key-e"
        assert sum("they are left out" in note for note in found.notes) == 2
        assert load(tmp_path, GUEST + FIFO, format_name="proc-interrupts").format != found.format

    def test_unknown_names_and_other_files(self, tmp_path: Path) -> None:
        with pytest.raises(UnknownNameError):
            load(tmp_path, FIFO, format_name="debug-key")
        with pytest.raises(InputError, match="no event channels"):
            load(tmp_path, "NAME STATE CPU(sec) VCPUS NETS NETTX(k)\n")

    def test_domain_is_for_listings_that_do_not_say_it(self, tmp_path: Path) -> None:
        assert load(tmp_path, LISTING, domain=7).domains[0].domain == 7
        assert load(tmp_path, FIFO, domain=7).domains[0].domain == 6


class TestHostile:
    """NUL bytes, huge files (stream, linear time), wrong encoding, truncated gz"""

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
    def test_encodings(self, tmp_path: Path, encoding: str) -> None:
        text = "Grüße\n" + FIFO
        assert load(tmp_path, text.encode(encoding)).domains == load(tmp_path, FIFO).domains

    def test_nul_bytes_and_carriage_returns(self, tmp_path: Path) -> None:
        found = load(tmp_path, FIFO.replace("\n", "\0\r\n").encode() + b"\0" * 5000)
        assert found.domains == load(tmp_path, FIFO).domains
        assert any("NUL bytes dropped" in note for note in found.notes)
        assert load(tmp_path, FIFO.replace("\n", "\r")).domains == found.domains

    def test_gzip_whole_and_cut_off(self, tmp_path: Path) -> None:
        host = FakeHost()
        host.dom0(4)
        host.guest(1, 4)
        data = gzip.compress(host.dump().encode() + bytes(range(256)) * 999)
        assert load(tmp_path, data).domains == load(tmp_path, host.dump()).domains
        found = load(tmp_path, data[:-20])
        assert any("gzip file is cut off" in note for note in found.notes)
        with pytest.raises(InputError, match="gzip"):
            load(tmp_path, b"\x1f\x8b\x08\x00nonsense")

    @pytest.mark.parametrize(
        "unit", ["1", " ", "[", "1 [0/0/", "s=3 n=0 ", "(XEN)", "> ", "7: VCPU 0"]
    )
    def test_a_line_of_megabytes(self, tmp_path: Path, unit: str) -> None:
        data = unit * (3_000_000 // len(unit))
        try:
            found = load(tmp_path, FIFO + data + "\n")
        except InputError:
            return
        assert len(found.domains[0].ports) >= 6

    @pytest.mark.parametrize("data", ["", "\n\n", "\0" * 99, "\x1f\x8b", "hello"])
    def test_nothing(self, tmp_path: Path, data: str) -> None:
        with pytest.raises(InputError):
            load(tmp_path, data)

    def test_folders_devices_and_missing_files(self, tmp_path: Path) -> None:
        for path in (str(tmp_path), "/dev/zero", str(tmp_path / "none")):
            with pytest.raises(InputError):
                load_observation(path)


LINES = st.sampled_from([*(FIFO + TWO_LEVEL + OLD + LISTING + GUEST).splitlines(True), "\n", "> "])
PIECES = st.one_of(
    LINES,
    st.text(max_size=20),
    st.sampled_from(
        ["1 [0/0/", "]: s=3", " n=0", " d=1 p=2", "(XEN)", "7: VCPU 0: ", "8: 1 2 xen-"]
    ),
    st.builds(lambda line, at: line[:at], LINES, st.integers(0, 60)),
)


class TestAnyText:
    """Property tests (Hypothesis) feed every parser random and mutated text"""

    @settings(
        max_examples=300,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(pieces=st.lists(PIECES, max_size=30))
    def test_is_read_or_refused(self, tmp_path: Path, pieces: list[str]) -> None:
        data = "".join(pieces).encode("utf-8", "surrogatepass")
        try:
            found = load(tmp_path, data)
        except InputError:
            return
        answer = reconcile(found)
        for row in answer.rows:
            kinds = (row.interdomain, row.unbound, row.ipi, row.virq, row.pirq, row.reserved)
            assert sum(kinds) == row.ports
            assert 0 <= (row.xen_consumer or 0) <= row.ports
            assert 0 <= (row.ioreq_ports or 0) <= (row.xen_consumer or 0)

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.binary(max_size=400))
    def test_bytes(self, tmp_path: Path, data: bytes) -> None:
        with suppress(InputError):
            load(tmp_path, data)
