"""A census and a sizing of a million VMs beside a plain reading of the same file by pyarrow.

Run: python benchmarks/census.py [RUNS [ROWS]]. Each is a process of its own, start-up included, in
turn with the others. Prints, for CSV and for Parquet, process time (user + system) and peak memory,
and the medians of the ratios to the plain reading taken in the same round. The aim is at most 2:
the time of reading the file plus as much again.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PLAIN = {
    "csv": "import sys, pyarrow.csv; pyarrow.csv.read_csv(sys.argv[1])",
    "parquet": "import sys, pyarrow.parquet; pyarrow.parquet.read_table(sys.argv[1])",
}


def make_tables(folder: Path, rows: int) -> dict[str, Path]:
    """The same VMs in both formats: a name, what channels depend on, and what they do not."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv, parquet

    random = np.random.default_rng(1)

    def some(*values: object) -> object:
        return np.array(values)[random.integers(0, len(values), rows)]

    table = pa.table(
        {
            "name": [f"vm-{number:07d}" for number in range(rows)],
            "type": some("pv", "pvh", "hvm"),
            "vcpus": some(1, 2, 4, 8, 16),
            "memory_mb": random.integers(512, 65536, rows),
            "vifs": random.integers(1, 4, rows),
            "vbds": random.integers(1, 6, rows),
            "os": some("linux", "windows"),
        }
    )
    paths = {name: folder / f"vms.{name}" for name in PLAIN}
    csv.write_csv(table, paths["csv"])
    parquet.write_table(table, paths["parquet"])
    return paths


def cost(command: list[str]) -> tuple[float, int]:
    """User plus system seconds of one run of `command`, and its peak memory (MiB)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    process.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss >> 10


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 10**6
    with tempfile.TemporaryDirectory() as folder:
        paths = make_tables(Path(folder), rows)
        for name, path in paths.items():
            commands = {
                "evtplan fleet": [sys.executable, "-m", "evtplan", "fleet", str(path)],
                "evtplan size": [sys.executable, "-m", "evtplan", "size", str(path)],
                "plain reading": [sys.executable, "-c", PLAIN[name], str(path)],
            }
            peak = {label: cost(command)[1] for label, command in commands.items()}
            rounds = [
                {label: cost(command)[0] for label, command in commands.items()}
                for _ in range(runs)
            ]
            plain = statistics.median(one["plain reading"] for one in rounds)
            memory = peak["plain reading"]
            print(f"{name}, {rows} rows: plain reading {plain:.2f} s, {memory} MiB")
            for label in ("evtplan fleet", "evtplan size"):
                seconds = statistics.median(one[label] for one in rounds)
                ratio = statistics.median(one[label] / one["plain reading"] for one in rounds)
                print(f"  {label}: {seconds:.2f} s, {peak[label]} MiB, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
