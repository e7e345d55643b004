"""Opening what a command line names, without waiting for ever at a pipe nobody writes to."""

import os
import stat
from io import BufferedReader
from threading import Thread

from evtplan.errors import InputError

__all__ = ["opened"]

# How long a named pipe may have no writer; once it has one, that takes the time it takes.
_PATIENCE_SECONDS = 10.0


def opened(path: str) -> BufferedReader:
    """The file `path` for reading.

    Raises `InputError` for a named pipe that nobody opens for writing, and `OSError` as `open`
    does.
    """
    if stat.S_ISFIFO(os.stat(path).st_mode) and not path.startswith(("/dev/", "/proc/")):
        return _opened_pipe(path)
    return open(path, "rb")


def _opened_pipe(path: str) -> BufferedReader:
    """Opens in a thread, since opening a pipe waits until it has a writer."""
    found: list[int] = []
    failed: list[OSError] = []

    def wait() -> None:
        try:
            found.append(os.open(path, os.O_RDONLY))
        except OSError as error:
            failed.append(error)

    thread = Thread(target=wait, daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    if thread.is_alive():
        # A writer for a moment: it ends the thread's waiting, and with it the thread.
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        thread.join()
        os.close(found[0])
        raise InputError(path, f"a pipe that nobody writes to, for {_PATIENCE_SECONDS:.0f} s")
    if failed:
        raise failed[0]
    return os.fdopen(found[0], "rb")
