"""Files are written whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from evtplan.errors import OutputError

__all__ = ["open_whole", "write_whole"]


@contextlib.contextmanager
def open_whole(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file that takes the name `path` only once the block has ended well.

    Raises `OutputError` when it cannot be made, filled or renamed; what stood at `path` then
    stands as it was. A device or pipe (`/dev/stdout`, a FIFO) is written straight.
    """
    target = Path(path)
    if not str(path):
        raise OutputError("''", "an empty file name")
    if "\0" in str(path):
        raise OutputError(repr(str(path)), "a file name with a NUL byte")
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            with open(target, "wb") as stream:
                yield stream
            return
        if target.is_dir():
            raise OutputError(target, "it is a directory")
        # Beside the target, since a rename is atomic only within one file system.
        target = target.resolve()
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
            os.chmod(name, mode)
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error


def write_whole(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` as `open_whole` does."""
    with open_whole(path) as stream:
        stream.write(data)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
