"""A census and a sizing of a million VMs beside a plain reading of the same file by pyarrow.

Run: python benchmarks/census.py [RUNS [ROWS]]. Each is a process of its own, start-up included, in
turn with the others. Prints, for CSV and for Parquet, process time (user + system) and peak memory,
and the medians of the ratios to the plain reading taken in the same round; then the time that the
rows themselves take, which is that of the whole table less that of one with 12,000 rows, and the
ratio of those. The aim is at most 2: the time of reading the file plus as much again.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

# Just enough to be counted by kind, as a million are.
FEW_ROWS = 12_000

PLAIN = {
    "csv": "import sys, pyarrow.csv; pyarrow.csv.read_csv(sys.argv[1])",
    "parquet": "import sys, pyarrow.parquet; pyarrow.parquet.read_table(sys.argv[1])",
}


def make_tables(folder: Path, rows: int) -> None:
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
    csv.write_csv(table, folder / "vms.csv")
    parquet.write_table(table, folder / "vms.parquet")


def cost(command: list[str]) -> tuple[float, int]:
    """User plus system seconds of one run of `command`, and its peak memory (MiB)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    process.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss >> 10


def main() -> None:
    if sys.argv[1:2] == ["--make"]:
        make_tables(Path(sys.argv[2]), int(sys.argv[3]))
        return
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 10**6
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak memory begins with that of its parent.
        for place, number in ((Path(folder), rows), (Path(folder, "few"), FEW_ROWS)):
            place.mkdir(exist_ok=True)
            make = [sys.executable, __file__, "--make", str(place), str(number)]
            subprocess.run(make, check=True)
        for name in PLAIN:
            path = Path(folder, f"vms.{name}")
            few = Path(folder, "few", path.name)
            commands = {
                "plain reading": [sys.executable, "-c", PLAIN[name]],
                "evtplan fleet": [sys.executable, "-m", "evtplan", "fleet"],
                "evtplan size": [sys.executable, "-m", "evtplan", "size"],
            }
            report(commands, path, few, runs, f"{name}, {rows} rows")


def report(commands: dict[str, list[str]], path: Path, few: Path, runs: int, title: str) -> None:
    """Print what each of `commands` costs on `path`, beside start-up on `few` rows."""
    peak = {label: cost([*command, str(path)])[1] for label, command in commands.items()}
    whole: dict[str, list[float]] = {label: [] for label in commands}
    start: dict[str, list[float]] = {label: [] for label in commands}
    for _ in range(runs):
        for label, command in commands.items():
            whole[label].append(cost([*command, str(path)])[0])
            start[label].append(cost([*command, str(few)])[0])
    print(title)
    plain = whole["plain reading"]
    alone = {
        label: statistics.median(whole[label]) - statistics.median(start[label])
        for label in commands
    }
    for label in commands:
        ratio = statistics.median(a / b for a, b in zip(whole[label], plain, strict=True))
        print(
            f"  {label}: {statistics.median(whole[label]):.2f} s, {peak[label]} MiB, "
            f"ratio {ratio:.2f}; the rows alone {alone[label]:.2f} s, "
            f"ratio {alone[label] / alone['plain reading']:.2f}"
        )


if __name__ == "__main__":
    main()
