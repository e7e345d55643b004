"""Where the time of a compiled search goes, and what bounds it.

    python -m benchmarks.explorer_parts [--model f_head] [--params 3,2,1,1] [--rounds 5]

One thread, no properties. Parts, in nanoseconds a state and a successor, best of the rounds:

- found: successors, by expanding states, their hashes, and asking for lines of the table;
- walked: a successor's slot (only those that were not found a moment ago);
- settled: whole states compared, new ones appended;
- grown: every state put into a larger table.

Then the same states expanded and nothing else: in the order they were found; ordered by where
their processes stand, when a processor foresees every branch on that; and one state over and over,
when it foresees all. What lies between is mispredicted branches. Last, walking and settling in a
scenario that fits the caches: what the large one takes beyond that is waiting for memory.
Where others take part of the processor, parts are scaled to the processor time there was.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

from evtplan.engine.explorer import initial_state, most_successors
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
from evtplan.engine.search.compiled_search import CompiledSearch, compile_search
from evtplan.engine.search.kernel import CB, Mode
from evtplan.engine.search.llvmcode import print_assembly
from evtplan.engine.search.packing import Packing
from evtplan.engine.search.pages import available_bytes
from evtplan.engine.search.stepcode import print_steps

TEXTS = Path(__file__).resolve().parents[1] / "examples" / "protocols"
NAMES = ("ports", "raises", "raisers", "maskers")
PARTS = ("found", "walked", "settled", "grown")
# Fits the second-level cache of any processor of today.
SMALL = (2, 1, 1, 1)
# A flag that no step raises.
NO_FLAG = 1 << 40


@dataclass(frozen=True)
class Spent:
    """Nanoseconds of each part, and of the whole search; what was counted meanwhile."""

    parts: tuple[float, ...]
    cpu: float
    system: float
    faults: int
    states: int
    edges: int
    looked_up: int


class Probe:
    """A scenario, compiled to note where its time goes."""

    def __init__(self, model: str, numbers: tuple[int, ...]) -> None:
        text = read_text(TEXTS / f"{model}.py")
        system = lower(text, dict(zip(NAMES, numbers, strict=True)), properties=False)
        code = print_steps(system)
        assembly, self.packing = print_assembly(system, code)
        self.modules = compile_search(assembly, self.packing, 1, timed=True)
        self.first = initial_state(system, code.packing)
        self.fan_out = most_successors(system)

    def searched(self) -> CompiledSearch:
        """A search that has not begun."""
        search = CompiledSearch(
            self.modules, self.packing, threads=1, fan_out=self.fan_out, wanted=0,
            has_always=False, limit_bytes=available_bytes() * 4 // 5,
        )  # fmt: skip
        search.insert_initial(self.first)
        return search

    def spent(self, ticks: float) -> Spent:
        """One whole search; `ticks` a nanosecond."""
        before, begin = getrusage(RUSAGE_SELF), time.process_time_ns()
        passed = time.perf_counter_ns()
        with self.searched() as search:
            levels(search)
            cpu, after = time.process_time_ns() - begin, getrusage(RUSAGE_SELF)
            # The clock also runs while others have the processor.
            share = min(1.0, cpu / (time.perf_counter_ns() - passed))
            noted = [search.total(CB.TIMES + number) for number in range(len(PARTS) + 1)]
            return Spent(
                tuple(share * value / ticks for value in noted[:-1]),
                cpu,
                1e9 * (after.ru_stime - before.ru_stime),
                after.ru_minflt - before.ru_minflt,
                search.count,
                search.total(CB.EDGES),
                noted[-1],
            )


def levels(search: CompiledSearch) -> int:
    """Search everything; the levels there are."""
    depth = 0
    while True:
        if not search.expand_level(lambda: None):
            raise SystemExit("not enough memory")
        if search.level_end(depth + 1) == search.level_end(depth):
            return depth + 1
        depth += 1


def expansion(probe: Probe, rounds: int) -> tuple[float, float, float]:
    """Nanoseconds a state of expanding alone: as found, by control points, one state always."""
    import numpy as np

    with probe.searched() as search:
        depth, record = levels(search), search.rec

        def alone() -> float:
            times = []
            for _ in range(rounds):
                begin = time.process_time_ns()
                for level in range(depth):
                    search.find(level, Mode.STEP, NO_FLAG)
                times.append(time.process_time_ns() - begin)
            return min(times) / search.count

        as_found = alone()
        states = np.frombuffer(search.states.read(record * search.count), dtype=np.uint8)
        states = states.reshape(search.count, record)
        order = np.argsort(control_points(states, probe.packing), kind="stable")
        search.states.write(0, states[order].tobytes())
        ordered = alone()
        search.states.write(0, states[:1].tobytes() * search.count)
        return as_found, ordered, alone()


def control_points(states: Any, packing: Packing) -> Any:
    """A number for each state: where all its processes stand."""
    import numpy as np

    whole = np.zeros((len(states), 8 * packing.words), dtype=np.uint8)
    whole[:, : states.shape[1]] = states
    words = whole.view(np.uint64)
    points = np.zeros(len(states), dtype=np.uint64)
    for frame in packing.frames:
        pc = words[:, frame.pc.word] >> np.uint64(frame.pc.offset)
        points = points << np.uint64(frame.pc.bits) | pc & np.uint64((1 << frame.pc.bits) - 1)
    return points


def ticks_a_nanosecond() -> float:
    """How fast the clock of the processor runs that a timed search reads."""
    from numba import njit

    from evtplan.engine.native import cycles

    clock = njit(lambda: cycles())
    clock()
    begin, first = time.perf_counter_ns(), clock()
    while time.perf_counter_ns() < begin + 50_000_000:
        pass
    return float((clock() - first) / (time.perf_counter_ns() - begin))


def arguments() -> argparse.Namespace:
    """What was asked for; anything unknown exits 2."""

    def numbers(text: str) -> tuple[int, ...]:
        found = tuple(int(word) for word in text.split(","))
        if len(found) != len(NAMES):
            raise ValueError(text)
        return found

    parser = argparse.ArgumentParser(prog="python -m benchmarks.explorer_parts", allow_abbrev=False)
    parser.add_argument("--model", choices=("a_fix", "a_lock", "a_pub", "f_44", "f_head"),
                        default="f_head")  # fmt: skip
    parser.add_argument("--params", type=numbers, default=(3, 2, 1, 1), metavar=",".join(NAMES))
    parser.add_argument("--rounds", type=int, choices=range(1, 100), default=5, metavar="N")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    ticks = ticks_a_nanosecond()
    probe, small = Probe(asked.model, asked.params), Probe(asked.model, SMALL)
    rounds = [probe.spent(ticks) for _ in range(asked.rounds + 1)][1:]
    little = [small.spent(ticks) for _ in range(asked.rounds + 1)][1:]
    best = min(rounds, key=lambda spent: spent.cpu)
    print(
        f"{asked.model} {asked.params}: {best.states} states, {best.edges} edges, "
        f"{best.looked_up} looked up\n"
        f"{best.cpu / 1e9:.3f} s of processor time, {best.system / 1e9:.3f} s of it the system's, "
        f"{best.faults} page faults\n\n{'part':24} {'s':>7} {'ns a state':>11} {'ns each':>8}"
    )
    for number, name in enumerate(PARTS):
        nanoseconds = min(spent.parts[number] for spent in rounds)
        each = (best.edges, best.looked_up, best.looked_up, best.states)[number]
        print(
            f"{name:24} {nanoseconds / 1e9:>7.3f} {nanoseconds / best.states:>11.1f} "
            f"{nanoseconds / each:>8.1f}"
        )
    for number in (1, 2):
        nanoseconds = min(spent.parts[number] / spent.looked_up for spent in little)
        print(f"{f'{PARTS[number]}, in cache':24} {'':>7} {'':>11} {nanoseconds:>8.1f}")
    names = ("as found", "by control points", "one state always")
    for name, nanoseconds in zip(names, expansion(probe, asked.rounds), strict=True):
        print(f"{f'expanded, {name}':24} {'':>7} {nanoseconds:>11.1f}")


if __name__ == "__main__":
    main()
