"""evtplan's explorer and SPIN's verifier on the same models: counts, speed, memory.

    python -m benchmarks.spin            every scenario; minutes
    python -m benchmarks.spin --quick    the small ones

Each scenario is exported to Promela (`evtplan check --export promela`), compiled with
`gcc -O3 -DSAFETY -DNOREDUCE`, and searched by both; states must be equal, and SPIN's transitions
be the edges and 1 more, for it counts the initial state. Times are processor seconds of the
search alone, without compiling, the best of several runs of each in turn; the figure to look at
is their ratio.
"""

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
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


def main() -> None:
    from evtplan.engine.explorer import Limits, explore
    from evtplan.engine.language import read_text
    from evtplan.engine.lowering import lower

    chosen = SCENARIOS[:QUICK] if "--quick" in sys.argv else SCENARIOS
    rounds = 3
    print(
        f"{'model':8} {'scenario':12} {'states':>10} {'edges':>10} {'same':>5} "
        f"{'SPIN s':>7} {'1 thr s':>7} {'× SPIN':>6} {'2 thr wall':>10} {'× 1 thr':>7} "
        f"{'SPIN B':>7} {'B':>6}"
    )
    for name, numbers in chosen:
        params = dict(zip(NAMES, numbers, strict=True))
        text = str(TEXTS / f"{name}.py")
        # The search alone, as SPIN's: no properties in either.
        system = lower(read_text(text), params, properties=False)
        with TemporaryDirectory() as directory:
            pan = build(text, ",".join(f"{k}={v}" for k, v in params.items()), Path(directory))
            spin, one, wall, two = [], [], [], []
            for _ in range(rounds):
                spin.append(verify(pan, 24))
                found = explore(system, Limits(plain_states=0, keep_going=True))
                one.append(found.cpu_seconds)
                wall.append(found.seconds)
                pair = explore(system, Limits(plain_states=0, keep_going=True, threads=2))
                two.append(pair.seconds)
        same = (spin[0].states, spin[0].transitions) == (found.states, found.transitions + 1)
        same &= pair.states == found.states and pair.transitions == found.transitions
        best = min(item.cpu_seconds for item in spin)
        print(
            f"{name:8} {numbers!s:12} {found.states:>10} {found.transitions:>10} "
            f"{'yes' if same else 'NO':>5} {best:>7.2f} {min(one):>7.3f} "
            f"{best / min(one):>6.1f} {min(two):>10.3f} {min(wall) / min(two):>7.2f} "
            f"{spin[0].bytes_per_state:>7.1f} {found.bytes_per_state:>6.1f}",
            flush=True,
        )
        time.sleep(0.1)


if __name__ == "__main__":
    main()
