"""Where a system lies on a machine: its processes on CPUs, its variables in cache lines."""

import numpy as np
import numpy.typing as npt

from evtplan.engine.simulator.machine import Machine
from evtplan.engine.simulator.simloop import CONSUMER, MASKER, OTHER, RAISER
from evtplan.engine.system import TransitionSystem, Variable, VariableKind
from evtplan.errors import EvtplanError, ValueOutOfRangeError

__all__ = ["MOST_CPUS", "Placement"]

LINE_BYTES = 64
WORD_BYTES = 4
MOST_CPUS = 62  # sharers of a line are bits of one signed 64-bit word

_ROLES = {"raiser": RAISER, "consumer": CONSUMER, "masker": MASKER}


class Placement:
    """Where everything of one system lies on the machine."""

    def __init__(self, system: TransitionSystem, machine: Machine) -> None:
        self.system, self.machine = system, machine
        self.processes = system.processes
        self.kinds = [system.kinds.index(kind) for kind, _ in self.processes]
        self.roles = [role_of(kind.name) for kind, _ in self.processes]
        if RAISER not in self.roles:
            raise EvtplanError(
                f"{system.name} has no raiser to give the workload to",
                "a text that is simulated needs a process whose name begins with raiser",
            )
        self.raisers = [n for n, role in enumerate(self.roles) if role == RAISER]
        self.cpus, self.cpu_names = self._cpus()
        if len(self.cpu_names) > MOST_CPUS:
            raise ValueOutOfRangeError("CPUs", len(self.cpu_names), f"at most {MOST_CPUS}")
        self.lines, self.line_names = self._lines()
        self.ports = max(
            (self._ports_of(v) for v in system.variables if _has_pending(v)), default=0
        )

    def _cpus(self) -> tuple[list[int], tuple[str, ...]]:
        """A CPU for each raiser, one for each consumer; maskers share the consumers'."""
        names: list[str] = []
        cpus = [0] * len(self.processes)
        consumers = []
        for number, (kind, index) in enumerate(self.processes):
            if self.roles[number] != MASKER:
                cpus[number] = len(names)
                names.append(f"{kind.name} {index}" if kind.count > 1 else kind.name)
                if self.roles[number] == CONSUMER:
                    consumers.append(cpus[number])
        for number, (_, index) in enumerate(self.processes):
            if self.roles[number] == MASKER:
                cpus[number] = consumers[index % len(consumers)] if consumers else 0
        return cpus, tuple(names)

    def _lines(self) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """The cache line of every cell, and the name of every line's group."""
        line_of = np.zeros(max(1, self.system.cells), dtype=np.int64)
        names: list[str] = []
        lines: dict[tuple[str, int], int] = {}

        def line(group: str, number: int) -> int:
            key = (group, number)
            if key not in lines:
                lines[key] = len(names)
                names.append(group)
            return lines[key]

        for variable in self.system.variables:
            if variable.kind is not VariableKind.SHARED:
                continue
            group = self._group(variable)
            for cell in range(variable.cells):
                line_of[variable.base + cell] = line(group, self._line_number(variable, cell))
        return line_of, tuple(names)

    def _group(self, variable: Variable) -> str:
        if variable.layout is not None or variable.name in ("pending", "mask", "masked"):
            return "event array"
        if variable.owner == "xen":
            return {"apart": "queue lock", "control": "control block", "array": "event array"}[
                self.machine.lock_place
            ]
        if variable.name.startswith(("upcall", "sel")):
            return "vcpu_info"
        return "control block"

    def _line_number(self, variable: Variable, cell: int) -> int:
        if self._group(variable) != "event array":
            if len(variable.dims) >= 1:  # a control block, queue or vcpu_info for each VCPU
                below = variable.cells // variable.dims[0][1]
                return cell // below
            return 0
        if variable.owner == "xen":
            return 0
        if self.machine.words == "spread":
            return cell
        size = WORD_BYTES if variable.layout is not None else 8
        return cell * size // LINE_BYTES

    def _ports_of(self, variable: Variable) -> int:
        if variable.layout is not None:
            first, count = variable.dims[0]
            return first + count - 1
        return variable.cells * variable.bits - 1

    def pending_bit(self, port: int) -> tuple[int, int]:
        """The cell and the bit that tell whether `port` is pending; cell −1 where none does."""
        for variable in self.system.variables:
            if not _has_pending(variable):
                continue
            if variable.layout is not None:
                bit = next(f.offset for f in variable.layout.fields if f.name == "pending")
                return variable.base + port - variable.dims[0][0], bit
            return variable.base + port // variable.bits, port % variable.bits
        return -1, 0


def role_of(name: str) -> int:
    """What a process kind does, by the beginning of its name."""
    return next((role for word, role in _ROLES.items() if name.startswith(word)), OTHER)


def _has_pending(variable: Variable) -> bool:
    if variable.kind is not VariableKind.SHARED:
        return False
    if variable.layout is not None:
        return any(item.name == "pending" for item in variable.layout.fields)
    return variable.name == "pending"
