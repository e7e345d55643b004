"""Long calls into compiled code, beside the main thread, so that Ctrl-C need not wait for them."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["aside", "is_left_running"]

_NAME = "evtplan-aside"
T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """What `work()` returns or raises, run on a thread of its own.

    Ctrl-C ends the wait at once. The thread then goes on by itself and its result is forgotten:
    compilers cannot be stopped. Whatever `work` uses must live as long as `work` does.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=_NAME, daemon=True).start()
    return future.result()


def is_left_running() -> bool:
    """A call that nobody waits for still runs: what it uses must not be torn down."""
    return any(thread.name == _NAME for thread in threading.enumerate())
