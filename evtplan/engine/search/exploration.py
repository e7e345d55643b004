"""What a search may use, and what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evtplan.engine.search.packing import Packing
from evtplan.engine.system import TransitionSystem

__all__ = [
    "BROKEN",
    "INTERRUPTED",
    "NO_MEMORY",
    "PLAIN_STATES",
    "Exploration",
    "Limits",
    "Progress",
    "Step",
    "Witness",
]

# Spaces up to here are searched in plain Python: about what compiling costs in time.
PLAIN_STATES = 60_000
# Why a search is not finished.
INTERRUPTED = "interrupted"
BROKEN = "stopped at the first broken property"
NO_MEMORY = "the memory limit was reached"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a search may use. `memory_bytes` None: four fifths of what is free.

    `plain_states`: up to so many states in plain Python before compiling (0: compile at once,
    None: never compile). `report_seconds` lies between two calls of `progress`.
    """

    memory_bytes: int | None = None
    threads: int = 1
    keep_going: bool = False
    plain_states: int | None = PLAIN_STATES
    report_seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is. `compiling`: it begins anew once code for it is compiled."""

    depth: int
    states: int
    transitions: int
    seconds: float
    compiling: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """`process` moves (by number among all), with the value it chose, or None."""

    process: int
    choice: int | None


@dataclass(frozen=True, slots=True)
class Witness:
    """A shortest way to what breaks or shows a property.

    `states` are packed, the initial one first; `steps[i]` leads from `states[i]`. Where the last
    step itself is at fault and leaves no state (a value out of range), `states` is one shorter.
    `loop` is the number of the state from which the steps repeat for ever, or None.
    """

    name: str
    states: tuple[int, ...]
    steps: tuple[Step, ...]
    loop: int | None = None


@dataclass(frozen=True, slots=True)
class Exploration:
    """What a search found.

    `broken` and `shown` give the least depth of each property broken, each *sometimes* shown;
    `undecided` are those about endless runs that could not be decided.
    `why` says why the search is not `finished`. `states_represented` and `transitions_represented`
    are those of the full search that the ones found stand for, where a `reduction` merged equal
    ones (None: not known, the search ended early). `seconds` is the search alone, without compiling
    (`compile_seconds`); `cpu_seconds` its processor time.
    """

    system: TransitionSystem
    states: int
    transitions: int
    depth: int
    at_rest: int
    finished: bool
    why: str
    broken: Mapping[str, int]
    shown: Mapping[str, int]
    undecided: tuple[str, ...]
    witnesses: Mapping[str, Witness]
    method: str
    threads: int
    reduction: str
    states_represented: int | None
    transitions_represented: int | None
    state_bits: int
    seconds: float
    cpu_seconds: float
    compile_seconds: float
    bytes_per_state: float
    used_bytes: int
    packing: Packing
    levels: tuple[int, ...] = field(default=(), repr=False)

    @property
    def interrupted(self) -> bool:
        """Ctrl-C came before everything was known."""
        return self.why == INTERRUPTED
