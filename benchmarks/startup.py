"""A sizing by numbers beside a bare Typer command that prints a Rich table.

Run: python benchmarks/startup.py [RUNS]. Prints the median process time (user + system) of each,
and the median of the ratios taken pair by pair. The aim is at most 1.3.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BARE = """
import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer()


@app.command()
def main(rows: int = 3) -> None:
    table = Table("limit", "VMs")
    for row in range(rows):
        table.add_row(str(row), "32752")
    Console(force_terminal=True).print(table)


app()
"""
SIZE = ["size", "--abi", "fifo-draft-a", "--pages", "131072", "--events-per-vm", "64"]


def process_seconds(command: list[str]) -> float:
    """User plus system time of one run of `command`, in seconds."""
    before = os.times()
    quiet = subprocess.DEVNULL
    subprocess.run(command, check=True, stdout=quiet, stderr=quiet)
    after = os.times()
    return (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "bare.py")
        script.write_text(BARE)
        bare = [sys.executable, str(script)]
        command = [sys.executable, "-m", "evtplan", *SIZE, "--format"]
        for name in ("plain", "table"):
            pairs = []
            for run in range(runs + 1):
                pair = process_seconds([*command, name]), process_seconds(bare)
                if run:  # the first pair warms the caches
                    pairs.append(pair)
            ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
            ratio = statistics.median(a / b for a, b in pairs)
            print(
                f"size --format {name}: {ours * 1000:.0f} ms, bare Typer with a Rich table: "
                f"{theirs * 1000:.0f} ms, ratio {ratio:.2f} (median of {runs} pairs)"
            )


if __name__ == "__main__":
    main()
