"""The simulator beside SimPy: protocol steps a second, and the same queue run by both.

Run: python benchmarks/simulation.py [EVENTS]. Prints the steps a second of the final FIFO ABI and
of an M/M/1 queue (CPU time, without compiling), SimPy's time for the same M/M/1 queue, and the
ratio per event, each pair run in turn. Aims: 5 million steps a second, 20 times SimPy.
"""

import statistics
import sys
import time
from collections.abc import Callable

import simpy

from evtplan.engine.costs import default_costs
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
from evtplan.engine.simulation import Handler, Machine, simulate
from evtplan.engine.simulator.workloads import Arrivals, Workload, draw
from evtplan.engine.system import TransitionSystem

MEAN_NS = 1000.0
LOAD = 0.8
ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    before = time.process_time()
    work()
    return time.process_time() - before


def simpy_queue(arrivals: Arrivals) -> int:
    """The same M/M/1 queue in SimPy: one process a customer, one server."""
    import random

    draws = random.Random(1)
    environment = simpy.Environment()
    server = simpy.Resource(environment, capacity=1)
    served = 0

    def customer() -> object:
        nonlocal served
        with server.request() as turn:
            yield turn
            yield environment.timeout(draws.expovariate(1 / MEAN_NS))
        served += 1

    def source() -> object:
        last = 0.0
        for moment in arrivals.times_ns.tolist():
            yield environment.timeout(moment - last)
            last = moment
            environment.process(customer())

    environment.process(source())
    environment.run()
    return served


def queue_system() -> TransitionSystem:
    """The M/M/1 queue as a protocol text."""
    return lower(read_text("examples/simulations/queue.py"), {})


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    arrivals = draw(Workload(LOAD * 1e9 / MEAN_NS), events, 1)
    free = Machine(default_costs().only(), Handler(MEAN_NS))
    real = Machine(default_costs(), Handler(MEAN_NS))
    for name, system, machine in (
        ("M/M/1 queue", queue_system(), free),
        ("fifo", lower(read_text("fifo"), {"ports": 1}), real),
    ):
        run = simulate(system, machine, arrivals, seed=1)  # compiles
        taken = [
            seconds(lambda s=system, m=machine: simulate(s, m, arrivals, seed=1))
            for _ in range(ROUNDS)
        ]
        print(f"{name}: {run.steps / statistics.median(taken) / 1e6:.1f} million steps a second")
    queue = queue_system()
    ratios = []
    for _ in range(ROUNDS):
        ours = seconds(lambda: simulate(queue, free, arrivals, seed=1))
        theirs = seconds(lambda: simpy_queue(arrivals))
        ratios.append(theirs / ours)
    print(
        f"M/M/1, {events} events: SimPy takes {statistics.median(ratios):.0f} times as long "
        f"(median of {ROUNDS} pairs)"
    )


if __name__ == "__main__":
    main()
