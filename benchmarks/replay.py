"""Raise and consume: the protocol texts compiled, against a C reference of our own.

Run: python benchmarks/replay.py. A pair is one raise and one consume. replay_reference.c is
compiled here with the system's compiler; runs of both are interleaved, their CPU time is compared,
and the ratio of the medians printed. The aim is at most 5 times Xen's own 100 to 120 ns a pair.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy

from evtplan.engine.host import DOMID_SELF, Host
from evtplan.engine.hosts.compiled import Compiled, compiled_function
from evtplan.engine.hosts.events import Events
from evtplan.engine.hosts.procedures import FIFO, TWO_LEVEL, build_program

SOURCE = Path(__file__).with_name("replay_reference.c")
CASES = ((FIFO, 1, 200_000), (FIFO, 1000, 400), (FIFO, 100_000, 4), (TWO_LEVEL, 1000, 400))
REPEATS = 7


def build_guest(abi: str, ports: int) -> Compiled:
    """A guest with `ports` unmasked ports, on the compiled machine."""
    host = Host()
    peer = host.create(0, max_port=-1, privileged=True)
    guest = host.create(1, max_port=-1)
    machine = Compiled(build_program(release=423, vcpus=8))
    events = Events(guest, machine)
    if abi == FIFO:
        guest.frame(1)
        host.init_control(guest, 0, 1, 0)
        events.know_block(0, 1, 0)
        for page in range(ports // 1024 + 1):
            guest.frame(2 + page)
            host.expand_array(guest, 2 + page)
            events.know_page(2 + page, 0)
    else:
        for word in range(64):
            events.set("cpu_mask", word, (1 << 64) - 1)
    del peer
    for _ in range(ports):
        port = host.alloc_unbound(guest, DOMID_SELF, 0)
        events.set("bound", port, 1)
    return machine


def driver(abi: str, machine: Compiled) -> Any:
    """A compiled loop: `rounds` times raise every port, then run the upcall handler."""
    import numba

    set_pending = compiled_function(machine.program, (abi, "set_pending"))
    handle = compiled_function(machine.program, (abi, "handle_upcall"))

    @numba.njit
    def run(memory: Any, events: Any, ports: int, rounds: int) -> int:
        handled = 0
        for _ in range(rounds):
            for port in range(1, ports + 1):
                if set_pending(memory, events, port, 0) < 0:
                    return -1
            if handle(memory, events, 0) < 0:
                return -2
            handled += (events[0] - 1) // 2
        return handled

    return run


def ours(abi: str, ports: int, rounds: int) -> Any:
    """A function that measures ours: ns of CPU time a pair."""
    machine = build_guest(abi, ports)
    run = driver(abi, machine)
    events = numpy.zeros(1 << 20, dtype=numpy.int64)
    array = machine.memory.array  # type: ignore[attr-defined]
    assert run(array, events, ports, 1) == ports

    def measure() -> float:
        start = time.process_time_ns()
        handled = run(array, events, ports, rounds)
        assert handled == ports * rounds
        return (time.process_time_ns() - start) / handled

    return measure


def reference(binary: Path, abi: str, ports: int, rounds: int) -> float:
    """ns of CPU time a pair in C."""
    name = "fifo" if abi == FIFO else "2l"
    command = [str(binary), name, str(ports), str(rounds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    compiler = shutil.which("gcc") or shutil.which("cc")
    with tempfile.TemporaryDirectory() as directory:
        binary = Path(directory) / "reference"
        if compiler:
            command = [compiler, "-O2", "-std=gnu11", "-o", str(binary), str(SOURCE)]
            subprocess.run(command, check=True)
        print("abi\tports\tours_ns\tc_ns\tratio")
        for abi, ports, rounds in CASES:
            measure = ours(abi, ports, rounds)
            mine, theirs = [], []
            for _ in range(REPEATS):
                mine.append(measure())
                if compiler:
                    theirs.append(reference(binary, abi, ports, rounds))
            us = statistics.median(mine)
            c = statistics.median(theirs) if theirs else None
            shown = f"{c:.1f}\t{us / c:.2f}" if c else "no C compiler\t"
            print(f"{abi}\t{ports}\t{us:.1f}\t{shown}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
