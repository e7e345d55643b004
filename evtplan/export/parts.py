"""A long answer as part files beside it, each written whole, so that it can be gone on with.

`FILE.parts/` holds `job.json`, which says what is being computed, and two files a part: the rows,
whose name carries their length and checksum, and a small one with what the summary needs. A part
counts only when both are there and the rows are what the name says. The answer itself appears in
one step, once every part is there.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from evtplan.errors import EvtplanError, OutputError
from evtplan.export.files import write_whole

__all__ = ["Parts"]

_ROWS_NAME = re.compile(r"(\d+)-(\d+)-([0-9a-f]{8})\.rows", re.ASCII)
# Rows, what the summary needs, and either of them while it is being written.
_OURS = (".rows", ".summary", ".begun")


class Parts:
    """The part files of the answer `target`.

    `open` claims the folder for this process: a second one that computes the same answer at the
    same time is refused, and the claim ends with the process however it ends.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = target.with_name(target.name + ".parts")
        self.done: dict[int, Path] = {}

    @contextlib.contextmanager
    def open(self, job: Mapping[str, Any], *, resume: bool) -> Iterator["Parts"]:
        """Claim the folder for `job`; with `resume`, find the parts that are already there.

        Raises `EvtplanError` where an unfinished answer stands there and `resume` is not asked
        for, where it is another job's, or another process is at work on it.
        """
        self._prepare(resume)
        with self._claimed():
            self._check(job, resume)
            yield self

    def _prepare(self, resume: bool) -> None:
        if (self.folder / "job.json").exists() and not resume:
            raise EvtplanError(
                f"an unfinished sweep stands in {self.folder}",
                "--resume goes on with it; remove the folder to start over",
            )
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(self.target, error.strerror or str(error)) from error

    @contextlib.contextmanager
    def _claimed(self) -> Iterator[None]:
        try:
            handle = os.open(self.folder, os.O_RDONLY)
        except OSError as error:
            raise OutputError(self.folder, error.strerror or str(error)) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EvtplanError(
                    f"another process is computing {self.target}", "wait for it, or stop it first"
                ) from None
            yield
        finally:
            os.close(handle)

    def _check(self, job: Mapping[str, Any], resume: bool) -> None:
        said = json.dumps(job, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        path = self.folder / "job.json"
        if not path.exists():
            self._clear()
            write_whole(path, said.encode())
            return
        if path.read_text(encoding="utf-8") != said:
            raise EvtplanError(
                f"{self.folder} holds parts of another sweep{_difference(path, job)}",
                "give the same options to resume it, or remove the folder to start over",
            )
        self._clear(keep_whole=True)

    def _clear(self, *, keep_whole: bool = False) -> None:
        """Remove what is no whole part, as a crash leaves it. Raises `EvtplanError` where the
        folder holds what no sweep wrote.
        """
        for path in sorted(self.folder.iterdir()):
            if path.name != "job.json" and path.suffix not in _OURS:
                raise EvtplanError(
                    f"{path} is none of a sweep's files", "move it away: the folder is for parts"
                )
            found = _ROWS_NAME.fullmatch(path.name)
            if keep_whole and found and self._whole(path, found):
                self.done[int(found[1])] = path
            elif path.name != "job.json" and not (keep_whole and path.suffix == ".summary"):
                path.unlink()

    def _whole(self, path: Path, found: re.Match[str]) -> bool:
        if path.stat().st_size != int(found[2]) or not self._summary_path(int(found[1])).exists():
            return False
        return zlib.crc32(path.read_bytes()) == int(found[3], 16)

    def _summary_path(self, index: int) -> Path:
        return self.folder / f"{index:08d}.summary"

    def add(self, index: int, rows: Any, summary: Any) -> None:
        """Keep part `index`: its rows (bytes), and what the summary needs (JSON).

        Raises `OutputError` where they cannot be written; neither is then there by halves.
        """
        data = memoryview(rows)
        name = f"{index:08d}-{data.nbytes}-{zlib.crc32(data):08x}.rows"
        self._write(self._summary_path(index), json.dumps(summary).encode())
        self._write(self.folder / name, data)
        self.done[index] = self.folder / name

    def _write(self, path: Path, data: Any) -> None:
        # Not forced to the disk: after a crash of the whole machine the checksum tells.
        begun = path.with_suffix(".begun")
        try:
            with open(begun, "wb") as stream:
                stream.write(data)
            os.replace(begun, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                begun.unlink()
            raise OutputError(path, error.strerror or str(error)) from error

    def rows(self) -> Iterator[bytes]:
        """The rows of every part, in order."""
        for index in sorted(self.done):
            yield self.done[index].read_bytes()

    def copy_rows(self, stream: BinaryIO) -> None:
        """Copy the rows of every part to the file `stream`, in order, inside the kernel."""
        stream.flush()
        for index in sorted(self.done):
            with open(self.done[index], "rb") as part:
                left = os.fstat(part.fileno()).st_size
                while left:
                    copied = os.sendfile(stream.fileno(), part.fileno(), None, left)
                    if copied == 0:
                        raise OutputError(self.done[index], "it has become shorter")
                    left -= copied

    def summaries(self) -> Iterator[Any]:
        """What `add` was given for the summary, in order."""
        for index in sorted(self.done):
            yield json.loads(self._summary_path(index).read_text(encoding="utf-8"))

    def remove(self) -> None:
        """Remove the folder: the answer stands."""
        # job.json last: until then a crash leaves something that can be resumed.
        for path in sorted(self.folder.iterdir(), key=lambda path: path.name == "job.json"):
            path.unlink()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


def _difference(path: Path, job: Mapping[str, Any]) -> str:
    """Which entry of the job differs, where that can be told."""
    try:
        other = json.loads(path.read_text(encoding="utf-8"))
        names = [name for name in job if other.get(name) != job[name]]
    except (ValueError, AttributeError, OSError):
        return ""
    return f" ({', '.join(names)})" if names else ""
