"""A command run in this process: what it prints and how it exits, without starting Python anew."""

import contextlib
import io
import subprocess
import sys

from evtplan.commands.app import main

__all__ = ["evtplan"]


class _Stream(io.TextIOWrapper):
    """Text over bytes, as sys.stdout is; no terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        """Everything written so far."""
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def evtplan(*args: str) -> subprocess.CompletedProcess[str]:
    """`evtplan ARGS…`, as a finished process."""
    out, err = _Stream(), _Stream()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(args))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    assert sys.stdout is not out
    return subprocess.CompletedProcess(args, code, out.text(), err.text())
