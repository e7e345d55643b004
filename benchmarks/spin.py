"""evtplan's explorer and SPIN's verifier on the same models: counts, speed, memory.

    python -m benchmarks.spin                    every scenario; minutes
    python -m benchmarks.spin --quick            the small ones
    python -m benchmarks.spin --model f_44       those of one model
    python -m benchmarks.spin --rounds 7         best of 7, not 5

Each scenario is exported to Promela (`evtplan check --export promela`), compiled with
`gcc -O3 -DSAFETY -DNOREDUCE`, and searched in turn by SPIN's verifier, by evtplan on one thread and
on two; states must be equal, and SPIN's transitions be the edges and 1 more, for it counts the
initial state. Times are of the search alone, without compiling: processor seconds (user and system,
of all threads) and seconds that passed, the best round of each. `× SPIN` holds SPIN's processor
seconds against those of one thread, best against best, and the median of what single rounds say;
`× 1 thr` is the time that passes on one thread by that on two.
"""

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory

TEXTS = Path(__file__).resolve().parents[1] / "examples" / "protocols"
NAMES = ("ports", "raises", "raisers", "maskers")
SCENARIOS = (
    ("f_head", (2, 1, 1, 1)), ("f_head", (2, 2, 2, 0)), ("a_fix", (2, 2, 2, 0)),
    ("f_44", (2, 2, 2, 0)), ("a_lock", (3, 2, 1, 0)), ("f_head", (3, 2, 1, 0)),
    ("f_head", (2, 2, 1, 1)), ("a_lock", (3, 2, 1, 1)), ("f_head", (4, 1, 1, 1)),
    ("f_head", (3, 2, 1, 1)), ("f_44", (3, 2, 1, 1)), ("a_pub", (3, 2, 1, 1)),
)  # fmt: skip
QUICK = 6


@dataclass(frozen=True)
class SpinCounts:
    states: int
    transitions: int
    bytes_per_state: float
    cpu_seconds: float


def build(text: str, params: str, directory: Path, optimise: str = "-O3") -> Path:
    """The verifier for a scenario."""
    model = directory / "model.pml"
    subprocess.run(
        [sys.executable, "-m", "evtplan", "check", text, "--param", params,
         "--export", "promela", "-o", str(model)],
        check=True,
    )  # fmt: skip
    subprocess.run(["spin", "-a", model.name], cwd=directory, check=True, capture_output=True)
    subprocess.run(
        ["gcc", optimise, "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=16000", "-w", "-o", "pan", "pan.c"],
        cwd=directory,
        check=True,
    )
    return directory / "pan"


def verify(pan: Path, slots: int) -> SpinCounts:
    """One run of a verifier with 2^slots slots."""
    before = getrusage(RUSAGE_CHILDREN)
    command = [str(pan), "-m2000000", f"-w{slots}"]
    output = subprocess.run(command, cwd=pan.parent, capture_output=True, text=True).stdout
    after = getrusage(RUSAGE_CHILDREN)
    if "errors: 0" not in output or "max search depth too small" in output:
        raise RuntimeError(output)

    def number(pattern: str) -> float:
        return float(re.search(pattern, output).group(1))

    states = int(number(r"(\d+) states, stored"))
    held = number(r"([\d.]+)\tactual memory usage for states")
    held += number(r"([\d.]+)\tmemory used for hash table")
    return SpinCounts(
        states,
        int(number(r"(\d+) transitions")),
        held * 2**20 / states,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def spin_counts(text: str, params: str, directory: Path, optimise: str = "-O3") -> SpinCounts:
    """What SPIN counts in a scenario of a text."""
    return verify(build(text, params, directory, optimise), 20)


def arguments() -> argparse.Namespace:
    """What was asked for; anything unknown exits 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spin", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="the small scenarios only")
    parser.add_argument("--model", choices=sorted({name for name, _ in SCENARIOS}))
    parser.add_argument("--rounds", type=int, choices=range(1, 100), default=5, metavar="N")
    return parser.parse_args()


def compare(name: str, numbers: tuple[int, ...], rounds: int) -> str:
    """A row of the table."""
    from evtplan.engine.explorer import Limits, explore
    from evtplan.engine.language import read_text
    from evtplan.engine.lowering import lower

    params = dict(zip(NAMES, numbers, strict=True))
    text = str(TEXTS / f"{name}.py")
    # The search alone, as SPIN's: no properties in either.
    system = lower(read_text(text), params, properties=False)
    limits = Limits(plain_states=0, keep_going=True)
    spin, one, two = [], [], []
    with TemporaryDirectory() as directory:
        pan = build(text, ",".join(f"{k}={v}" for k, v in params.items()), Path(directory))
        for _ in range(rounds):
            spin.append(verify(pan, 24))
            one.append(explore(system, limits))
            two.append(explore(system, replace(limits, threads=2)))
    counts = {(item.states, item.transitions + 1) for item in (*one, *two)}
    same = counts == {(item.states, item.transitions) for item in spin}
    by_round = [s.cpu_seconds / o.cpu_seconds for s, o in zip(spin, one, strict=True)]
    spin_cpu = min(item.cpu_seconds for item in spin)
    one_cpu, two_cpu = (min(item.cpu_seconds for item in items) for items in (one, two))
    one_wall, two_wall = (min(item.seconds for item in items) for items in (one, two))
    return (
        f"{name:6} {numbers!s:12} {one[0].states:>9} {one[0].transitions:>9} "
        f"{'yes' if same else 'NO':>4} {spin_cpu:>7.2f} {one_cpu:>7.3f} {one_wall:>7.3f} "
        f"{spin_cpu / one_cpu:>6.1f} {median(by_round):>6.1f} "
        f"{two_cpu:>7.3f} {two_wall:>7.3f} {one_wall / two_wall:>7.2f} "
        f"{spin[0].bytes_per_state:>7.1f} {one[0].bytes_per_state:>6.1f}"
    )


def main() -> None:
    asked = arguments()
    print(
        f"{'':6} {'':12} {'':>9} {'':>9} {'':>4} {'SPIN':>7} {'1 thread':>15} {'× SPIN':>13} "
        f"{'2 threads':>15} {'':>7} {'SPIN':>7} {'evtplan':>7}\n"
        f"{'model':6} {'scenario':12} {'states':>9} {'edges':>9} {'same':>4} {'CPU s':>7} "
        f"{'CPU s':>7} {'wall s':>7} {'best':>6} {'median':>6} {'CPU s':>7} {'wall s':>7} "
        f"{'× 1 thr':>7} {'B/state':>7} {'B':>6}"
    )
    for name, numbers in SCENARIOS[:QUICK] if asked.quick else SCENARIOS:
        if asked.model in (None, name):
            print(compare(name, numbers, asked.rounds), flush=True)


if __name__ == "__main__":
    main()
