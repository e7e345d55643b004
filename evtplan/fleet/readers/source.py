"""Where a file's bytes come from: a path or stdin, plain or gzipped, read within bounds."""

import gzip
import io
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.pipes import opened

__all__ = ["LARGEST_TEXT_BYTES", "Source", "decoded", "open_source"]

# A configuration a person or a toolstack wrote is far smaller; a larger one is a mistake.
LARGEST_TEXT_BYTES = 64 * 2**20
# Tables may be larger than memory, but what comes through a pipe is kept on disk.
_LARGEST_PIPED_BYTES = 16 * 2**30
_HEAD_BYTES = 64 * 2**10
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Source:
    """One input: `name` is what messages call it, `head` its first bytes, decompressed.

    `size` is the number of bytes in the file as it lies on disk.
    """

    name: str
    head: bytes
    size: int
    gzipped: bool
    file: BinaryIO

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """The bytes from the start, decompressed; errors of either become `InputError`."""
        try:
            self.file.seek(0)
            if not self.gzipped:
                yield self.file
                return
            with gzip.GzipFile(fileobj=self.file, mode="rb") as stream:
                yield cast(BinaryIO, stream)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(self.name, _gzip_reason(error)) from error
        except OSError as error:
            reason = error.strerror or str(error).partition("\n")[0]
            raise InputError(self.name, reason) from error

    def data(self) -> bytes:
        """All the bytes. Raises `InputError` where there are more than any configuration has."""
        with self.stream() as stream:
            data = stream.read(LARGEST_TEXT_BYTES + 1)
        if len(data) > LARGEST_TEXT_BYTES:
            raise InputError(
                self.name,
                f"larger than {LARGEST_TEXT_BYTES >> 20} MiB, and no table of VMs",
                hint="tables with a heading are read at any size: see --from csv",
            )
        return data

    def text(self) -> str:
        """All of the text."""
        return decoded(self.name, self.data())


def decoded(name: str, data: bytes) -> str:
    """`data` as text: UTF-8 or UTF-16 by its mark, else UTF-8, else Latin-1, as old files are.

    Raises `InputError` with the line for a NUL byte, which no text has.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise InputError(name, "text that begins as UTF-16 and is none") from error
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise InputError(name, "a NUL byte: this is no text file", line=line)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@contextmanager
def open_source(path: str, *, only_regular: bool = False) -> Iterator[Source]:
    """The input `path`; `-` is stdin. With `only_regular`, devices and pipes are refused.

    Raises `InputError` for what cannot be opened or decompressed.
    """
    name = "<stdin>" if path == "-" else path
    try:
        with _opened(path, only_regular) as file:
            size = os.fstat(file.fileno()).st_size if _is_plain(file) else file.seek(0, 2)
            file.seek(0)
            gzipped = file.read(2) == _GZIP
            file.seek(0)
            source = Source(name, b"", size, gzipped, file)
            with source.stream() as stream:
                head = stream.read(_HEAD_BYTES)
            yield Source(name, head, size, gzipped, file)
    except OSError as error:
        raise InputError(name, error.strerror or str(error)) from error


@contextmanager
def _opened(path: str, only_regular: bool) -> Iterator[BinaryIO]:
    """A seekable file: pipes are copied to a temporary one first."""
    if not path:
        raise EvtplanError("an empty file name")
    if "\0" in path:
        raise EvtplanError("a file name with a NUL byte")
    if path == "-":
        with _kept(sys.stdin.buffer, "<stdin>") as file:
            yield file
        return
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode):
        with open(path, "rb") as file:
            yield file
    elif stat.S_ISDIR(mode):
        raise InputError(path, "it is a directory")
    elif only_regular:
        raise InputError(path, "neither a file nor a directory")
    else:
        with opened(path) as pipe, _kept(pipe, path) as file:
            yield file


@contextmanager
def _kept(pipe: IO[bytes], name: str) -> Iterator[BinaryIO]:
    """What comes through a pipe, in memory or on disk.

    A stream that does not look like a table is given up as soon as it is too large to be a
    configuration, so that an endless one ends.
    """
    with tempfile.SpooledTemporaryFile(max_size=LARGEST_TEXT_BYTES) as file:
        total = 0
        while chunk := pipe.read(2**20):
            total += len(chunk)
            file.write(chunk)
            if total > LARGEST_TEXT_BYTES and total - len(chunk) <= LARGEST_TEXT_BYTES:
                file.seek(0)
                head = file.read(_HEAD_BYTES)
                file.seek(0, io.SEEK_END)
                if not _may_be_large(head):
                    raise InputError(
                        name, f"larger than {LARGEST_TEXT_BYTES >> 20} MiB, and no table of VMs"
                    )
            if total > _LARGEST_PIPED_BYTES:
                raise InputError(name, f"more than {_LARGEST_PIPED_BYTES >> 30} GiB from a pipe")
        yield cast(BinaryIO, file)


def _may_be_large(head: bytes) -> bool:
    if head[:2] == _GZIP or head[:4] == b"PAR1":
        return True
    first = head.partition(b"\n")[0]
    return any(mark in first for mark in (b",", b";", b"\t"))


def _is_plain(file: BinaryIO) -> bool:
    return not isinstance(file, tempfile.SpooledTemporaryFile)


def _gzip_reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "a gzip file that ends too early: it was cut off"
    return f"gzip: {error}"
