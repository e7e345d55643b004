"""Prints a transition system as Python functions over packed states.

A state is one integer. Functions printed (`s0` is the state, `f` gathers flags):

- `expand(s0, out)` appends every successor to a list and returns the flags of all steps.
- `labelled(s0, out)` appends (successor or None, flags, process, choice) for every step.
- `always(s0)`, `at_rest(s0)`, `sometimes(s0)` return a bit for each property of that kind, in the
  order of `StepCode`: broken ones for the first two, shown ones for the last.

`llvmcode` prints the same for the compiled search, statement by statement.
"""

from dataclasses import dataclass

from evtplan.engine.bodies import IN_RANGE, step_properties
from evtplan.engine.search.packed_values import HELPERS
from evtplan.engine.search.packing import Packing, pack_system
from evtplan.engine.search.stepprinter import StepPrinter
from evtplan.engine.system import PropertyKind, TransitionSystem

__all__ = ["FLAG_SHIFT", "StepCode", "print_steps"]

# In what the compiled `expand` returns: successors below, flags from here.
FLAG_SHIFT = 20


@dataclass(frozen=True, slots=True)
class StepCode:
    """The printed functions (`labelled` apart from the others), and what their flag bits mean.

    `step_flags` names the bit of each assertion and mark a step can raise (bit 0 is a value out
    of its range), `marks` those that are marks; `always`, `at_rest` and `sometimes` the bits of
    the three state functions.
    """

    source: str
    labelled: str
    packing: Packing
    compilable: bool
    step_flags: tuple[str, ...]
    marks: frozenset[str]
    always: tuple[str, ...]
    at_rest: tuple[str, ...]
    sometimes: tuple[str, ...]


def print_steps(system: TransitionSystem) -> StepCode:
    """The functions of `system`."""
    words = pack_system(system)
    packing = words.fused()
    asserted, marked = step_properties(system)
    flags = (IN_RANGE, *asserted, *marked)
    always = [p for p in system.properties if p.kind is PropertyKind.ALWAYS and p.body]
    rest = [p for p in system.properties if p.kind is PropertyKind.AT_REST and p.body]
    sometimes = [p for p in system.properties if p.kind is PropertyKind.SOMETIMES and p.body]
    printer = StepPrinter(system, packing, flags)
    lines = [HELPERS]
    lines += printer.expand("expand", labelled=False)
    lines += printer.judges("always", always, broken=True)
    deadlock = [p for p in system.properties if p.kind is PropertyKind.NO_DEADLOCK]
    lines += printer.judges("at_rest", rest, broken=True, waits=bool(deadlock))
    lines += printer.judges("sometimes", sometimes, broken=False)
    labelled = [HELPERS, *printer.expand("labelled", labelled=True)]
    return StepCode(
        "\n".join(lines) + "\n",
        "\n".join(labelled) + "\n",
        packing,
        words.native,
        flags,
        frozenset(marked),
        tuple(p.name for p in always),
        (*(p.name for p in rest), *(p.name for p in deadlock)),
        tuple(p.name for p in sometimes),
    )
