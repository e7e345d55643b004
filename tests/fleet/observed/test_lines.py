"""Logs as lines: what no line end ends is read in pieces, and not without bound."""

import gzip
from pathlib import Path

import pytest

from evtplan.errors import InputError
from evtplan.fleet.observed.lines import LogLines


class TestLongLines:
    """a 100 MB single line … no hang"""

    def test_what_follows_the_first_8_mib_of_a_line_is_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"one\n" + b"x" * (20 << 20) + b"\nthree\n")
        lines = LogLines(str(path))
        found = [(number, len(text)) for number, text in lines]
        assert (found[0], found[-1]) == ((1, 3), (3, 5))
        assert 8 << 20 <= sum(size for number, size in found if number == 2) <= 9 << 20
        assert any("longer than 8 MiB are left out" in note for note in lines.notes)

    def test_carriage_returns_end_lines_of_any_number(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"twelve bytes\r" * (1 << 20))
        lines = LogLines(str(path))
        assert sum(text == "twelve bytes" for _, text in lines) > 1_040_000
        assert not any("left out" in note for note in lines.notes)

    def test_a_sparse_file_of_ten_gigabytes_is_given_up_early(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        with path.open("wb") as file:
            file.truncate(10 << 30)
        with pytest.raises(InputError, match="256 MiB of NUL bytes"):
            list(LogLines(str(path)))

    def test_what_lies_behind_a_hole_of_a_sparse_file_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        with path.open("wb") as file:
            file.write(b"one\n")
            file.truncate(10 << 30)
        lines = LogLines(str(path))
        assert [text for _, text in lines] == ["one"]
        assert any("not read behind" in note for note in lines.notes)

    def test_a_gzip_bomb_of_empty_lines_is_given_up(self, tmp_path: Path) -> None:
        path = tmp_path / "log.gz"
        path.write_bytes(gzip.compress(b"\n" * (80 << 20), 6))
        with pytest.raises(InputError, match="this is no log"):
            list(LogLines(str(path)))

    def test_empty_lines_are_numbered_and_nothing_more(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"\n\none\n\r\n\ntwo\n" + b"\n" * (3 << 20) + b"end")
        found = [(3, "one"), (6, "two"), (7 + (3 << 20), "end")]
        assert list(LogLines(str(path))) == found

    def test_nul_bytes_of_a_log_that_says_something_are_dropped(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"one\n" + bytes(3 << 20) + b"two\n")
        lines = LogLines(str(path))
        assert [text for _, text in lines] == ["one", "two"]
        assert lines.notes == [f"{path}: {3 << 20} NUL bytes dropped"]


class TestTerminals:
    def test_what_moves_a_cursor_or_colours_is_dropped(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"plain\n\x1b[1;31mred\x1b[0m\x1b[K and\n\x1b]0;title\x07two\x1b(B\x1b[m")
        assert [text for _, text in LogLines(str(path))] == ["plain", "red and", "two"]
