"""Sweeps beside what one would write by hand: chunked NumPy, and pandas.

Run: python benchmarks/sweep.py [summary|files] [--points N] [--rows N]. Prints CPU times (user +
system) of both sides, one after the other in the same run, and their ratio. The aims, at 10^8
points and 10^7 rows: a summary at least 5 × chunked NumPy without memory traffic, no wrong cell in
10^5 rows against exact integers; CSV at least 8 × `DataFrame.to_csv` with identical values, Parquet
at least as fast, peak memory under 1 GiB above start-up: resident at most, less what is resident
with the libraries loaded and nothing computed.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evtplan.plans import uniform
from evtplan.plans.sizing import SizingInputs, size_by_numbers
from evtplan.plans.sweeps.axes import Axis
from evtplan.plans.sweeps.build import SweepText, build_sweep
from evtplan.plans.sweeps.fused import fused_summary

ROOT = Path(__file__).resolve().parents[1]
WORDS, BASE, USABLE, CONTROL = 1024, 60, 131071, 2


def cpu_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU time of `work` in this process, all threads, and what it gave."""
    before = time.process_time()
    answer = work()
    return time.process_time() - before, answer


def by_numpy(pages: np.ndarray, events: np.ndarray, chunk: int) -> list[list[int]]:
    """The limits of the FIFO ABI over pages × events, in chunks that stay in a cache."""
    totals = [[0, 2**62, -1] for _ in uniform.BINDINGS]
    for page in pages:
        for start in range(0, len(events), chunk):
            e = events[start : start + chunk]
            per_vm = e + WORDS * (CONTROL + e // WORDS + 1)
            by_pages = np.maximum(0, (page * WORDS - BASE - 1) // per_vm)
            by_ports = (USABLE - BASE) // e
            limits = np.minimum(np.minimum(by_pages, by_ports), 32752)
            fits = e <= USABLE
            codes = np.where(by_pages == limits, 1, np.where(limits == 32752, 2, 3))
            limits, codes = np.where(fits, limits, 0), np.where(fits, codes, 0)
            counts = np.bincount(codes, minlength=4)
            for code in np.flatnonzero(counts):
                chosen = limits[codes == code]
                total = totals[code]
                total[0] += int(counts[code])
                total[1] = min(total[1], int(chosen.min()))
                total[2] = max(total[2], int(chosen.max()))
    return totals


def bench_summary(points: int) -> None:
    events = 10_000
    pages = points // events
    sweep = build_sweep(
        SweepText(
            vary=(f"events_per_vm=1..{events}", f"pages=100..{100 * pages}:100"),
            set=(f"vcpus={CONTROL}", f"backend_base_ports={BASE}"),
            summary=True,
        )
    )
    assert sweep.points == points
    small = replace(sweep, axes=(Axis("events_per_vm", range(1, 3)), sweep.axes[1]))
    fused_summary(small)  # compiled, or loaded from where it is kept
    some = np.arange(1, max(2, pages // 10) + 1) * 100
    all_events = np.arange(1, events + 1)
    tried = [
        (cpu_seconds(lambda chunk=chunk: by_numpy(some, all_events, chunk))[0], chunk)
        for chunk in (1000, 2500, 5000, 10_000)
    ]
    best = min(tried)
    every_page = np.arange(1, pages + 1) * 100
    ratios = []
    for run in range(3):
        ours, found = cpu_seconds(lambda: fused_summary(sweep))
        theirs, expected = cpu_seconds(lambda: by_numpy(every_page, all_events, best[1]))
        for code, (count, least, most) in enumerate(expected):
            region = found.regions.get(("fifo", uniform.BINDINGS[code]))
            mine = (
                (region.points, region.vm_limit_min, region.vm_limit_max)
                if region
                else (0, 2**62, -1)
            )
            assert mine == (count, least, most), (uniform.BINDINGS[code], mine, count)
        ratios.append(theirs / ours)
        print(
            f"summary of {points:.0e} points, run {run + 1}: {ours:.2f} s "
            f"({1e9 * ours / points:.1f} ns a point), NumPy in chunks of {best[1]}: {theirs:.2f} s "
            f"({1e9 * theirs / points:.1f} ns), ratio {theirs / ours:.1f}",
            flush=True,
        )
    print(f"summary: median ratio {sorted(ratios)[1]:.1f} (aim 5); one thread each; same counts")
    print(f"memory traffic: none; the loop touches {24 * 512 * 8 // 1024} KiB, in the cache")


def bench_exactness(rows: int = 100_000) -> None:
    """Rows sampled from a large grid, compiled, against plain Python integers."""
    text = SweepText(
        vary=("abi=all", "events_per_vm=1..200000", "vms=1..40000", "pages=1..9000000",
              "words_per_page=1..2048", "backend_base_ports=0..5000"),
        set=("vcpus=3",), sample=rows, select=uniform.COLUMNS,
    )  # fmt: skip
    sweep = build_sweep(text)
    subject: Any = sweep.subject
    wrong = cells = 0
    for index in range(sweep.chunks):
        start, stop = sweep.chunk_bounds(index)
        points = sweep.inputs(start, stop)
        ours, theirs = (
            subject.compute(points, stop - start, uniform.COLUMNS, compiled=compiled)
            for compiled in (True, False)
        )
        for name in ours:
            a, b = ours[name].cells(), theirs[name].cells()
            wrong += sum(x != y for x, y in zip(a, b, strict=True))
            cells += len(a)
    inputs, _ = sweep.rows(0, sweep.keys)
    values = {key: inputs[key].cells() for key in sweep.keys}
    columns = {name: inputs[name].cells() for name in uniform.COLUMNS}
    for row in random.Random(1).sample(range(len(columns["vms"])), 300):
        given = {key: cells_[row] for key, cells_ in values.items()}
        answer = size_by_numbers([SizingInputs(**given, vcpus=3)]).rows[0]
        wrong += sum(getattr(answer, name) != columns[name][row] for name in columns)
    print(f"exactness: {wrong} wrong of {cells} cells in {rows} sampled rows (aim 0)")


CHILD = """
import resource, sys, time
from pathlib import Path
from evtplan.export.sweep_job import SweepJob
from evtplan.export.sweep_run import Hands, run_to_file
from evtplan.plans.sweeps.build import SweepText
import numba, pyarrow, pyarrow.parquet

def kib(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

started = kib("VmRSS")  # libraries loaded, nothing computed or compiled
target, rows = Path(sys.argv[1]), int(sys.argv[2])
vary = ("abi=fifo,2l-64", f"vms=1..{rows // 1000}", "events_per_vm=1..500")
job = SweepJob(SweepText(vary=vary, set=("pages=131072",)), None, target.suffix[1:])
job.chunk(0)  # compiled, or loaded from where it is kept
start = resource.getrusage(resource.RUSAGE_SELF)
wall = time.monotonic()
hands = Hands(int(sys.argv[3]))
run_to_file(job, target, hands, lambda _n: None, version="-", command=(), resume=False)
end = resource.getrusage(resource.RUSAGE_SELF)
print(end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime, time.monotonic() - wall,
      (kib("VmHWM") - started) / 1024, started / 1024)
"""


def bench_one_file(path: Path, rows: int, workers: int) -> float:
    """CPU seconds of a process that writes `rows` rows to `path`."""
    path.unlink(missing_ok=True)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(rows), str(workers)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    cpu, wall, grown, started = map(float, child.stdout.split())
    print(
        f"{path.suffix[1:]} of {rows:.0e} rows, workers {workers}: {cpu:.2f} s CPU, {wall:.2f} s, "
        f"peak memory {grown:.0f} MiB above the {started:.0f} MiB of start-up, "
        f"{path.stat().st_size >> 20} MiB written",
        flush=True,
    )
    return cpu


def bench_files(rows: int) -> None:
    import pandas as pd

    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        csv, parquet, theirs = (Path(folder, name) for name in ("a.csv", "a.parquet", "b.csv"))
        bench_one_file(parquet, rows, 2)
        bench_one_file(csv, rows, 2)
        frame = pd.read_parquet(parquet)
        ratios = []
        for run in range(3):
            ours = bench_one_file(csv, rows, 1)
            of_parquet = bench_one_file(parquet, rows, 1)
            seconds, _ = cpu_seconds(lambda: frame.to_csv(theirs, index=False))
            same = subprocess.run(["cmp", str(theirs), str(csv)]).returncode == 0
            ratios.append((seconds / ours, seconds / of_parquet, ours / of_parquet))
            print(
                f"run {run + 1}: DataFrame.to_csv of the same rows {seconds:.2f} s CPU, identical "
                f"bytes: {same}; csv {ratios[-1][0]:.1f} ×, parquet {ratios[-1][1]:.1f} ×, "
                f"parquet {ratios[-1][2]:.2f} × csv",
                flush=True,
            )
        for name, found in zip(
            ("csv × DataFrame.to_csv (aim 8, rows computed as well)", "parquet × DataFrame.to_csv",
             "parquet × csv (aim 1)"),
            zip(*ratios, strict=True), strict=True,
        ):  # fmt: skip
            print(f"{name}: median {sorted(found)[1]:.2f}, best {max(found):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=("summary", "files"), help="only this part")
    parser.add_argument("--points", type=int, default=10**8, help="of the summary")
    parser.add_argument("--rows", type=int, default=10**7, help="of the files")
    given = parser.parse_args()
    if given.points < 10**6 or given.rows < 10**6:
        parser.error("fewer than 10^6 points or rows measure nothing")
    if given.part != "files":
        bench_exactness()
        bench_summary(given.points)
    if given.part != "summary":
        bench_files(given.rows)


if __name__ == "__main__":
    main()
