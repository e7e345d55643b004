"""A census and a sizing of a million VMs beside a plain reading of the same file.

Run: python benchmarks/census.py [RUNS [ROWS [KINDS]]]. Each is a process of its own, start-up
included, in turn with the others. Prints, for CSV and for Parquet, process time (user + system)
and peak memory, and the medians of the ratios to the plain reading by pyarrow taken in the same
round; then the time that the rows themselves take, which is that of the whole table less that of
one with 12,000 rows, and the ratio of those. The aim is at most 2: the time of reading the file
plus as much again. KINDS is how many different rows there are but for names, at most; what differs
takes time of its own. At last what a fleet file of 5,000 guests and a directory of 20,000
configurations take, where reading is nearly all of the work and nothing stands beside it.
"""

import argparse
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


# Every combination is a kind of VM; 450 are what a planner's table has.
VALUES: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("type", ("pv", "pvh", "hvm")),
    ("vcpus", (1, 2, 4, 8, 16)),
    ("vifs", (1, 2, 3)),
    ("vbds", (1, 2, 3, 4, 5)),
    ("os", ("linux", "windows")),
    ("vif_queues", (1, 2, 3, 4, 5, 6, 7, 8)),
    ("vbd_rings", (1, 2, 3, 4)),
)


def make_tables(folder: Path, rows: int, kinds: int) -> None:
    """The same VMs in both formats: a name, what channels depend on, and what they do not."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv, parquet

    random = np.random.default_rng(1)
    kind = random.integers(0, kinds, rows)
    columns: dict[str, object] = {"name": [f"vm-{number:07d}" for number in range(rows)]}
    for name, values in VALUES:
        kind, place = np.divmod(kind, len(values))
        columns[name] = np.array(values)[place]
    columns["memory_mb"] = random.integers(512, 65536, rows)
    table = pa.table(columns)
    csv.write_csv(table, folder / "vms.csv")
    parquet.write_table(table, folder / "vms.parquet")


def make_others(folder: Path) -> list[Path]:
    """A fleet file of 5,000 guests, and a directory of 20,000 configurations."""
    guests = (
        f'[[guest]]\nname = "g{n}"\nvcpus = {n % 8 + 1}\n'
        '[[guest.device]]\nkind = "vif"\n[[guest.device]]\nkind = "vbd"\n'
        for n in range(5_000)
    )
    file, configurations = folder / "fleet.toml", folder / "configurations"
    file.write_text("".join(guests))
    configurations.mkdir()
    for n in range(20_000):
        text = f"name = 'vm{n}'\nvcpus = {n % 8 + 1}\nvif = ['']\n"
        text += f"disk = ['/dev/vg/vm{n},raw,xvda,w']\n"
        (configurations / f"vm{n}.cfg").write_text(text)
    return [file, configurations]


def cost(command: list[str]) -> tuple[float, int]:
    """User plus system seconds of one run of `command`, and its peak memory (MiB)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    process.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss >> 10


def arguments() -> argparse.Namespace:
    def count(text: str) -> int:
        if int(text) < 1:
            raise ValueError(text)
        return int(text)

    parser = argparse.ArgumentParser(prog="python benchmarks/census.py", allow_abbrev=False)
    parser.add_argument("runs", nargs="?", type=count, default=7)
    parser.add_argument("rows", nargs="?", type=count, default=10**6)
    parser.add_argument("kinds", nargs="?", type=count, default=450)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.make:
        make_tables(given.make, given.rows, given.kinds)
        return
    evtplan = [sys.executable, "-m", "evtplan"]
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak memory begins with that of its parent.
        for place, rows in ((Path(folder), given.rows), (Path(folder, "few"), FEW_ROWS)):
            place.mkdir(exist_ok=True)
            make = [sys.executable, __file__, "1", str(rows), str(given.kinds)]
            subprocess.run([*make, "--make", str(place)], check=True)
        for name in PLAIN:
            path = Path(folder, f"vms.{name}")
            few = Path(folder, "few", path.name)
            commands = {
                "plain reading": [sys.executable, "-c", PLAIN[name]],
                "evtplan fleet": [*evtplan, "fleet"],
                "evtplan size": [*evtplan, "size"],
            }
            title = f"{name}, {given.rows} rows of at most {given.kinds} kinds"
            report(commands, path, few, given.runs, title)
        for path in make_others(Path(folder)):
            print(path.name)
            for command in ("fleet", "size"):
                seconds, peak = cost([*evtplan, command, str(path)])
                print(f"  evtplan {command}: {seconds:.2f} s, {peak} MiB")


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
