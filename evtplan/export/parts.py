"""A long answer that grows by whole parts beside the file it will be, and can be gone on with.

`FILE.parts/` holds three files: `job.json` says what is being computed, `rows` is the answer so
far, one part behind the other, and each line of `parts.jsonl` says of one part how long it is,
its checksum, and what the summary needs. A part counts only when its line is there and its bytes
are what the line says; whatever follows the last such part is cut off. Nothing is copied at the
end: `rows` takes the name of the answer.
"""

import contextlib
import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from evtplan.errors import EvtplanError, OutputError
from evtplan.export.files import write_whole

__all__ = ["Parts"]

_JOB, _ROWS, _LINES = "job.json", "rows", "parts.jsonl"


class Parts:
    """The parts of the answer `target`, which begins with `head`.

    `open` claims the folder for this process: a second one that computes the same answer at the
    same time is refused, and the claim ends with the process however it ends.
    """

    def __init__(self, target: Path, head: bytes) -> None:
        self.target = target
        self.head = head
        self.folder = target.with_name(target.name + ".parts")
        # Parts that are there, from the first on.
        self.done = 0
        self._end = 0
        self._rows: BinaryIO | None = None
        self._lines: BinaryIO | None = None

    @contextlib.contextmanager
    def open(self, job: Mapping[str, Any], *, resume: bool) -> Iterator["Parts"]:
        """Claim the folder for `job`; with `resume`, find the parts that are already there.

        Raises `EvtplanError` where an unfinished answer stands there and `resume` is not asked
        for, where it is another job's, or another process is at work on it.
        """
        self._prepare(resume)
        with self._claimed(), contextlib.ExitStack() as stack:
            try:
                self._check(job)
                for name in (_ROWS, _LINES):
                    (self.folder / name).touch()
                self._rows = stack.enter_context(open(self.folder / _ROWS, "r+b", buffering=0))
                self._lines = stack.enter_context(open(self.folder / _LINES, "r+b", buffering=0))
                self._find(self._rows, self._lines)
            except OSError as error:
                raise OutputError(self.folder, error.strerror or str(error)) from error
            yield self

    def _prepare(self, resume: bool) -> None:
        if self.target.is_dir():
            raise OutputError(self.target, "it is a directory")
        if (self.folder / _JOB).exists() and not resume:
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

    def _check(self, job: Mapping[str, Any]) -> None:
        """See that the folder is this job's, or make it so. Raises `EvtplanError` where it is not,
        or holds what no sweep wrote.
        """
        for path in sorted(self.folder.iterdir()):
            if path.name not in (_JOB, _ROWS, _LINES) and not path.name.startswith(f".{_JOB}."):
                raise EvtplanError(
                    f"{path} is none of a sweep's files", "move it away: the folder is for parts"
                )
        said = json.dumps(job, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        path = self.folder / _JOB
        if not path.exists():
            for name in (_ROWS, _LINES):
                (self.folder / name).unlink(missing_ok=True)
            write_whole(path, said.encode())
        elif path.read_text(encoding="utf-8") != said:
            raise EvtplanError(
                f"{self.folder} holds parts of another sweep{_difference(path, job)}",
                "give the same options to resume it, or remove the folder to start over",
            )

    def _find(self, rows: BinaryIO, lines: BinaryIO) -> None:
        """Find the whole parts from the first on, and cut off what a crash left behind them."""
        if rows.read(len(self.head)) != self.head:
            rows.seek(0)
            _write(rows, self.head)
        self._end = len(self.head)
        lines_end = 0
        for told, length in self._told():
            data = rows.read(told["bytes"])
            if len(data) != told["bytes"] or zlib.crc32(data) != told["crc32"]:
                break
            self.done += 1
            self._end += len(data)
            lines_end += length
        for stream, end in ((rows, self._end), (lines, lines_end)):
            stream.truncate(end)
            stream.seek(end)

    def _told(self) -> Iterator[tuple[dict[str, Any], int]]:
        """What each line says, up to the first that a crash has torn, and how long it is."""
        with open(self.folder / _LINES, "rb") as lines:
            for line in lines:
                try:
                    told = json.loads(line)
                except ValueError:
                    return
                if not line.endswith(b"\n"):
                    return
                yield told, len(line)

    def told(self) -> Iterator[dict[str, Any]]:
        """What `add` was told of each part, and its length as `bytes`."""
        for told, _ in self._told():
            yield told

    def add(self, data: Any, told: Mapping[str, Any]) -> None:
        """Add the next part: its bytes, and what shall be known of it (JSON).

        Raises `OutputError` where they cannot be written; the part then does not count.
        """
        assert self._rows is not None
        assert self._lines is not None
        view = memoryview(data)
        line = {"bytes": view.nbytes, "crc32": zlib.crc32(view), **told}
        # Not forced to the disk: after a crash of the whole machine the checksum tells.
        try:
            _write(self._rows, view)
            _write(self._lines, json.dumps(line).encode() + b"\n")
        except OSError as error:
            with contextlib.suppress(OSError):
                self._rows.truncate(self._end)
            raise OutputError(
                self.folder / _ROWS,
                error.strerror or str(error),
                "its whole parts are kept: make room, then --resume goes on; or remove the folder",
            ) from error
        self._end += view.nbytes
        self.done += 1

    def finish(self, ending: bytes) -> None:
        """Every part is there: the answer, with `ending`, takes its name, whole on the disk.

        Raises `OutputError` where that fails; what stood at its name then stands as it was.
        """
        assert self._rows is not None
        try:
            _write(self._rows, ending)
            os.fsync(self._rows.fileno())
            if self.target.exists():
                os.chmod(self.folder / _ROWS, self.target.stat().st_mode & 0o777)
            os.replace(self.folder / _ROWS, self.target)
        except OSError as error:
            raise OutputError(self.target, error.strerror or str(error)) from error

    def remove(self) -> None:
        """Remove the folder: the answer stands."""
        # job.json last: until then a crash leaves something that can be resumed.
        for path in sorted(self.folder.iterdir(), key=lambda path: path.name == _JOB):
            path.unlink()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


def _write(stream: BinaryIO, data: Any) -> None:
    """Write all of `data`: a disk that fills up takes some of it first."""
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


def _difference(path: Path, job: Mapping[str, Any]) -> str:
    """Which entry of the job differs, where that can be told."""
    try:
        other = json.loads(path.read_text(encoding="utf-8"))
        names = [name for name in job if other.get(name) != job[name]]
    except (ValueError, AttributeError, OSError):
        return ""
    return f" ({', '.join(names)})" if names else ""
