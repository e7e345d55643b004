"""A sweep carried out: its chunks on this machine's processors or a cluster's, its rows to a file.

Rows and bytes are the same whatever computes them: chunks are written in their order.
"""

import contextlib
import json
import multiprocessing
import pickle
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from evtplan.errors import EvtplanError
from evtplan.export.files import open_whole, write_whole
from evtplan.export.parts import Parts
from evtplan.export.sweep_job import Assembly, Chunk, SweepJob, book_hash
from evtplan.plans.sweeps.numbers import NumbersSubject
from evtplan.plans.sweeps.summary import Summary

__all__ = [
    "Hands",
    "Outcome",
    "abi_order",
    "meta_path",
    "run_to_file",
    "run_to_stream",
    "run_to_summary",
]

Progress = Callable[[int], None]
# Fewer points are counted before the compiled loop has been loaded.
_WORTH_FUSING = 200_000


@dataclass(frozen=True, slots=True)
class Hands:
    """Who computes: `workers` of this machine, or the Dask cluster at the address `scheduler`."""

    workers: int = 1
    scheduler: str | None = None


@dataclass(slots=True)
class Outcome:
    """What came of a sweep: rows written and what they come to."""

    rows: int = 0
    bytes: int = 0
    summary: Summary = field(default_factory=Summary)

    def add(self, rows: int, summary: Summary) -> None:
        """Take in a chunk."""
        self.rows += rows
        self.summary.add(summary)


def meta_path(target: Path) -> Path:
    """The file beside `target` that says how it came about."""
    return target.with_name(target.name + ".meta.json")


def run_to_stream(job: SweepJob, stream: BinaryIO, hands: Hands, progress: Progress) -> Outcome:
    """Write the rows of `job` to `stream` as they come."""
    outcome = Outcome()
    assembly = job.assembly()
    for index, chunk in _chunks(job, range(job.sweep.chunks), hands):
        data, _ = assembly.piece(chunk.data)
        if index == 0:  # where it cannot be computed, nothing is written
            stream.write(assembly.head)
        stream.write(data)
        outcome.add(chunk.rows, chunk.summary)
        progress(_points(job, index))
    stream.write(assembly.ending())
    return outcome


def run_to_file(
    job: SweepJob,
    target: Path,
    hands: Hands,
    progress: Progress,
    *,
    version: str,
    command: Sequence[str],
    resume: bool,
) -> Outcome:
    """Write the rows of `job` to the file `target`, and beside it how they came about.

    An answer of several chunks grows beside `target` until it is whole, so that `resume` can go
    on with it. Raises `OutputError` where a file cannot be written: `target` then stands as it was.
    """
    identity = job.identity(version)
    told = {"command": list(command), **identity}
    assembly = job.assembly()
    parts = Parts(target.resolve(), assembly.head)
    if resume and not parts.folder.exists() and _is_finished(target, told):
        return Outcome(rows=-1)
    device = target.exists() and not target.is_file()
    if device or (job.sweep.chunks <= 1 and not parts.folder.exists()):
        with open_whole(target) as stream:
            outcome = run_to_stream(job, stream, hands, progress)
        if not device:
            _write_meta(target, told, job, outcome)
        return outcome
    with parts.open(identity, resume=resume):
        outcome = _in_parts(job, assembly, parts, hands, progress)
        _write_meta(target, told, job, outcome)
        parts.remove()
    return outcome


def _in_parts(
    job: SweepJob, assembly: Assembly, parts: Parts, hands: Hands, progress: Progress
) -> Outcome:
    outcome = Outcome()
    for index, told in enumerate(parts.told()):
        assembly.again(told["bytes"], told)
        outcome.add(told["rows"], Summary.from_json(told))
        progress(_points(job, index))
    for index, chunk in _chunks(job, range(parts.done, job.sweep.chunks), hands):
        data, known = assembly.piece(chunk.data)
        parts.add(data, {"rows": chunk.rows, **chunk.summary.to_json(), **known})
        outcome.add(chunk.rows, chunk.summary)
        progress(_points(job, index))
    parts.finish(assembly.ending())
    return outcome


def _points(job: SweepJob, index: int) -> int:
    start, stop = job.sweep.chunk_bounds(index)
    return stop - start


def _is_finished(target: Path, told: dict[str, Any]) -> bool:
    """True where `target` is the whole answer that `told` describes."""
    try:
        meta = json.loads(meta_path(target).read_text(encoding="utf-8"))
        expected = json.loads(json.dumps(told))
        same = all(meta.get(key) == value for key, value in expected.items())
        return bool(same and target.stat().st_size == meta["bytes"])
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _write_meta(target: Path, told: dict[str, Any], job: SweepJob, outcome: Outcome) -> None:
    outcome.bytes = target.stat().st_size
    sweep = job.sweep
    order = abi_order(job)
    document = {
        "schema": 1,
        **told,
        "seed": job.text.seed if sweep.sample is not None else None,
        "points": sweep.points,
        "rows": outcome.rows,
        "bytes": outcome.bytes,
        "columns": list(sweep.names),
        "binding": outcome.summary.binding_rows(order),
    }
    if sweep.sample is not None:
        import numpy

        document["promises"] = outcome.summary.promise_rows(order)
        # Its streams of random numbers may differ between releases.
        document["numpy"] = numpy.__version__
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    write_whole(meta_path(target), text.encode())


def abi_order(job: SweepJob) -> tuple[str, ...]:
    """The ABIs in the order in which the user named them."""
    return next((tuple(map(str, axis.values)) for axis in job.sweep.axes if axis.key == "abi"), ())


def _chunks(job: SweepJob, indices: Sequence[int], hands: Hands) -> Iterator[tuple[int, Chunk]]:
    """Each of `indices` and its chunk, in order; a few more are computed ahead."""
    if hands.scheduler is not None:
        with _cluster(hands.scheduler) as (client, width):
            check = book_hash()

            def submit(index: int) -> Any:
                return client.submit(_remote_chunk, job, index, check, pure=False, retries=3)

            yield from _in_order(submit, indices, 2 * width)
        return
    # The first chunk alone: it compiles what the others share.
    rest = indices
    if rest and (hands.workers <= 1 or len(rest) > 1):
        yield rest[0], job.chunk(rest[0])
        rest = rest[1:]
    if hands.workers <= 1 or len(rest) <= 1:
        yield from ((index, job.chunk(index)) for index in rest)
        return
    threads = isinstance(job.sweep.subject, NumbersSubject)
    with _pool(hands.workers, threads) as pool:
        work = job.chunk if threads else partial(_chunk_of, _packed(job))

        def begin(index: int) -> Future[Chunk]:
            with _interrupts_put_off():  # it may start a process
                return pool.submit(work, index)

        yield from _in_order(begin, rest, 2 * hands.workers)


def _packed(job: SweepJob) -> bytes:
    """`job` for other processes. Raises `EvtplanError` where it holds what cannot be sent."""
    try:
        return pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise EvtplanError(
            f"the formulas given cannot be sent to other processes: {error}", "use --workers 1"
        ) from error


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> SweepJob:
    job: SweepJob = pickle.loads(packed)  # by the process that started this one
    return job


def _chunk_of(packed: bytes, index: int) -> Chunk:
    return _unpacked(packed).sendable_chunk(index)


@contextlib.contextmanager
def _pool(workers: int, threads: bool) -> Iterator[Executor]:
    """Threads for compiled code, which runs beside other Python; processes for the rest."""
    pool: Executor
    if threads:
        pool = ThreadPoolExecutor(workers)
    else:
        pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    finally:
        # After an error or Ctrl-C, what has not begun never does.
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _interrupts_put_off() -> Iterator[None]:
    """Ctrl-C acts after the block. A process started in it inherits the mask: Ctrl-C, which a
    terminal sends to all, is for the first process to act on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _frame: asked.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if asked:
        raise KeyboardInterrupt


def _in_order(
    submit: Callable[[int], Any], indices: Sequence[int], ahead: int
) -> Iterator[tuple[int, Chunk]]:
    waiting: deque[tuple[int, Future[Chunk]]] = deque()
    todo = iter(indices)
    try:
        while True:
            while len(waiting) < ahead and (index := next(todo, None)) is not None:
                waiting.append((index, submit(index)))
            if not waiting:
                return
            index, future = waiting.popleft()
            yield index, future.result()
    finally:
        for _, future in waiting:
            future.cancel()


def _remote_chunk(job: SweepJob, index: int, book: str) -> Chunk:
    """A chunk on a worker, which must have the same book. Raises `EvtplanError`."""
    if book_hash() != book:
        raise EvtplanError(
            "a worker of the cluster has another version of evtplan", "install the same on each"
        )
    return job.sendable_chunk(index)


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[tuple[Any, int]]:
    """A client of the Dask scheduler at `address`, and how many threads its workers have."""
    try:
        from distributed import Client
    except ImportError:
        raise EvtplanError(
            "--scheduler needs Dask, which is not installed", "pip install 'evtplan[dask]'"
        ) from None
    _knock(address)
    try:
        make: Any = Client  # it carries no types
        client = make(address, timeout=10, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise EvtplanError(
            f"no Dask scheduler answers at {address}", "start one: dask scheduler"
        ) from error
    try:
        width = sum(client.nthreads().values())
        if width == 0:
            print(f"note: no worker has joined {address} yet; waiting", file=sys.stderr)
        yield client, max(width, 1)
    finally:
        client.close()


def _knock(address: str) -> None:
    """Raise `EvtplanError` where `address` is none, or nothing listens there: Dask itself tries
    for twenty seconds.
    """
    scheme, mark, place = address.rpartition("://")
    host, _, port = place.rpartition(":")
    if scheme not in ("", "tcp", "tls", "ws", "wss") or (mark and not scheme):
        raise EvtplanError(f"--scheduler {address}: no address of Dask's", "e.g. tcp://host:8786")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) not in range(1, 2**16):
        raise EvtplanError(f"--scheduler {address}: no host and port", "e.g. tcp://host:8786")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EvtplanError(
            f"no Dask scheduler answers at {address}: {reason}", "start one: dask scheduler"
        ) from error


def run_to_summary(job: SweepJob, hands: Hands, progress: Progress) -> Summary:
    """What the sweep of `job` comes to, without its rows."""
    from evtplan.plans.sweeps.fused import can_fuse, fused_summary

    if hands.scheduler is None and job.sweep.points >= _WORTH_FUSING and can_fuse(job.sweep):
        return fused_summary(job.sweep, hands.workers, progress)
    total = Summary()
    for index, chunk in _chunks(job, range(job.sweep.chunks), hands):
        total.add(chunk.summary)
        progress(_points(job, index))
    return total
