"""A log as a stream of lines: gzip or plain, NUL bytes dropped, no line too long to hold."""

import gzip
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.pipes import opened

__all__ = ["LogLines", "Tally"]

_BLOCK = 1 << 20
# A console line has some hundred characters; a longer one is read in pieces of this size.
_LONGEST_LINE = 1 << 16
# The largest dump of a domain that lost its line ends is smaller; what follows is no dump.
_MOST_OF_A_LINE = 1 << 23
# No log of a host is larger; a device or a decompression bomb is.
_LARGEST_BYTES = 1 << 36
# Logs shrink to a tenth or so; what grows so much more, and is no longer small, is a bomb.
_SMALL_BYTES = 1 << 26
_MOST_EXPANSION = 300
# So many NUL bytes in a row are a hole in a sparse file, or a disk image.
_MOST_NULS = 1 << 28
_NULS = bytes(_BLOCK)
# What a terminal was told to do: colours, the cursor, its title.
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-Z\\^-~])"
)


@dataclass(slots=True)
class Tally:
    """How many lines were like that, and the first of them."""

    count: int = 0
    first: int = 0

    def add(self, number: int) -> None:
        """Count the line `number`."""
        if not self.count:
            self.first = number
        self.count += 1


class LogLines:
    """The lines of the file `path` (`-` is stdin), numbered from 1; `notes` fills on the way.

    Serial consoles send carriage returns and NUL bytes, editors write UTF-16: carriage returns
    end a line as well, NULs and a terminal's escapes are dropped, every other byte is taken as
    Latin-1, since all that any of our formats says is ASCII. Raises `InputError` for what cannot
    be opened or read.
    """

    def __init__(self, path: str) -> None:
        if not path or "\0" in path:
            raise EvtplanError("an empty file name" if not path else "a file name with a NUL byte")
        self.path = "<stdin>" if path == "-" else path
        self.notes: list[str] = []
        self._file = path
        self._nuls = 0
        self._long = Tally()
        self._last_long = 0
        self._skipped = 0
        self._cut = ""

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for number, text in self.chunks():
            for place, line in enumerate(text[:-1].split("\n")):
                if line:
                    yield number + place, line

    def chunks(self) -> Iterator[tuple[int, str]]:
        """Many lines at once, each ended by a line feed, and the number of the first; empty ones
        say nothing.
        """
        number, rest, read = 1, b"", 0
        coloured = False
        for block in self._blocks():
            if not rest and block[:1] == b"\n" and not block.strip(b"\n"):
                number, read = number + len(block), 0
                continue
            coloured = coloured or b"\x1b" in block
            *lines, rest = (rest + block).replace(b"\r\n", b"\n").split(b"\n")
            if coloured:
                lines = [_ESCAPES.sub(b"", line) for line in lines]
            if lines:
                yield from self._chunk(number, lines)
                number, read = number + len(lines), 0
            while len(rest) > _LONGEST_LINE:
                piece, rest = rest[:_LONGEST_LINE], rest[_LONGEST_LINE:]
                read = 0 if b"\r" in piece else read + len(piece)
                if read <= _MOST_OF_A_LINE:
                    yield from self._pieces(number, piece)
                else:
                    self._skipped += len(piece)
                self._note_long(number)
        if rest:
            yield from self._pieces(number, _ESCAPES.sub(b"", rest))
        self._finish()

    def _chunk(self, number: int, lines: list[bytes]) -> Iterator[tuple[int, str]]:
        data = b"\n".join([*lines, b""])
        if b"\r" not in data and len(max(lines, key=len)) <= _LONGEST_LINE:
            yield number, data.decode("latin-1")
            return
        for place, line in enumerate(lines):
            yield from self._pieces(number + place, line)

    def _pieces(self, number: int, data: bytes) -> Iterator[tuple[int, str]]:
        if len(data) > _LONGEST_LINE:
            self._note_long(number)
        data = data.rstrip(b"\r")
        for start in range(0, max(len(data), 1), _LONGEST_LINE):
            for part in data[start : start + _LONGEST_LINE].split(b"\r"):
                yield number, part.decode("latin-1") + "\n"

    def _blocks(self) -> Iterator[bytes]:
        total = run = 0
        try:
            with self._opened() as source:
                stream = _unpacked(source)
                # read1 hands over what a pipe has, so that a live one is not waited for.
                while block := stream.read1(_BLOCK):
                    total += len(block)
                    self._check_size(total, stream, source)
                    if block != _NULS:
                        run = 0
                        self._nuls += block.count(b"\0")
                        yield block.replace(b"\0", b"")
                        continue
                    run += len(block)
                    self._nuls += len(block)
                    if run >= _MOST_NULS:
                        what = f"{run >> 20} MiB of NUL bytes"
                        if self._nuls == total:
                            raise InputError(self.path, f"{what}: this is no log")
                        self._cut = f"{self.path}: not read behind {what}"
                        return
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            if not total:
                raise InputError(self.path, f"a damaged gzip file: {error}") from error
            self._cut = (
                f"{self.path}: the gzip file is cut off or damaged; what it still has is read"
            )
        except OSError as error:
            raise InputError(self.path, error.strerror or str(error)) from error

    def _check_size(
        self, total: int, stream: BufferedReader | gzip.GzipFile, source: BufferedReader
    ) -> None:
        """Refuse what no log is: too large, or so much more than the gzip file it was in."""
        if total > _LARGEST_BYTES:
            raise InputError(self.path, f"larger than {_LARGEST_BYTES >> 30} GiB")
        if stream is not source and total > _SMALL_BYTES and source.seekable():
            times = total // max(source.tell(), 1)
            if times > _MOST_EXPANSION:
                raise InputError(self.path, f"a gzip file that grows {times} times: this is no log")

    def _opened(self) -> BufferedReader:
        if self._file == "-":
            return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
        mode = os.stat(self._file).st_mode
        if stat.S_ISDIR(mode):
            raise InputError(self.path, "is a directory", hint="give one dump file")
        if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and "std" not in self._file):
            raise InputError(self.path, "is a device, not a file")
        return opened(self._file)

    def _note_long(self, number: int) -> None:
        if number != self._last_long:
            self._last_long = number
            self._long.add(number)

    def _finish(self) -> None:
        if self._cut:
            self.notes.append(self._cut)
        if self._nuls:
            self.notes.append(f"{self.path}: {self._nuls} NUL bytes dropped")
        if self._long.count:
            self.notes.append(
                f"{self.path}:{self._long.first}: longer than {_LONGEST_LINE >> 10} KiB, read in "
                f"pieces ({self._long.count} such lines)"
            )
        if self._skipped:
            self.notes.append(
                f"{self.path}: {self._skipped} bytes of lines longer than "
                f"{_MOST_OF_A_LINE >> 20} MiB are left out"
            )


def _unpacked(source: BufferedReader) -> BufferedReader | gzip.GzipFile:
    """`source`, unpacked if it is gzip."""
    return gzip.GzipFile(fileobj=source) if source.peek(2)[:2] == b"\x1f\x8b" else source
