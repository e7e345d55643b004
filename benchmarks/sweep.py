"""Sweeps beside what one would write by hand: chunked NumPy, and pandas.

Run: python benchmarks/sweep.py [summary|files] [POINTS ROWS]. Prints CPU times (user + system) of
both sides, one after the other in the same run, and their ratio. The aims, at 10^8 points and 10^7
rows: a summary at least 5 × chunked NumPy without memory traffic, no wrong cell in 10^5 rows
against exact integers; CSV at least 8 × `DataFrame.to_csv` with identical values, Parquet at least
as fast, peak memory under 1 GiB above start-up.
"""

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
    small = replace(sweep, axes=(sweep.axes[0], Axis("pages", range(100, 300, 100))))
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
from evtplan.export.sweep_job import SweepJob
from evtplan.export.sweep_run import Hands, run_to_file
from evtplan.plans.sweeps.axes import Axis
from evtplan.plans.sweeps.build import SweepText
from pathlib import Path
import numba, pyarrow, pyarrow.parquet
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
      (end.ru_maxrss - start.ru_maxrss) / 1024)
"""


def bench_files(rows: int) -> None:
    import pandas as pd

    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        ours: dict[str, float] = {}
        for suffix in ("csv", "parquet"):
            path = Path(folder, f"ours.{suffix}")
            for workers in (1, 2):
                path.unlink(missing_ok=True)
                child = subprocess.run(
                    [sys.executable, "-c", CHILD, str(path), str(rows), str(workers)],
                    capture_output=True, text=True, check=True, cwd=ROOT,
                )  # fmt: skip
                cpu, wall, grown = map(float, child.stdout.split())
                ours.setdefault(suffix, cpu)
                print(
                    f"{suffix} of {rows:.0e} rows, {workers} workers: {cpu:.2f} s CPU, "
                    f"{wall:.2f} s, peak memory {grown:.0f} MiB above start-up, "
                    f"{path.stat().st_size >> 20} MiB",
                    flush=True,
                )
        frame = pd.read_parquet(Path(folder, "ours.parquet"))
        theirs = Path(folder, "theirs.csv")
        seconds, _ = cpu_seconds(lambda: frame.to_csv(theirs, index=False))
        same = subprocess.run(["cmp", str(theirs), str(Path(folder, "ours.csv"))]).returncode == 0
        print(f"DataFrame.to_csv of the same rows: {seconds:.2f} s CPU; identical bytes: {same}")
        print(
            f"csv: {seconds / ours['csv']:.1f} × DataFrame.to_csv (aim 8, rows computed as well); "
            f"parquet: {seconds / ours['parquet']:.1f} ×, {ours['csv'] / ours['parquet']:.2f} × csv"
        )


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.isdigit()]
    sizes = [int(word) for word in sys.argv[1:] if word.isdigit()] or [10**8, 10**7]
    if words != ["files"]:
        bench_exactness()
        bench_summary(sizes[0])
    if words != ["summary"]:
        bench_files(sizes[-1])


if __name__ == "__main__":
    main()
