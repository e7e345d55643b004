"""What a protocol is simulated on: the handler's time, and where locks and words lie."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evtplan.engine.costs import Costs
from evtplan.errors import UnknownNameError, ValueOutOfRangeError

__all__ = ["HANDLERS", "LOCK_PLACES", "WORD_PLACES", "Handler", "Machine"]

LOCK_PLACES: tuple[str, ...] = ("apart", "control", "array")
WORD_PLACES: tuple[str, ...] = ("packed", "spread")
HANDLERS: tuple[str, ...] = ("exponential", "fixed", "uniform")


@dataclass(frozen=True, slots=True)
class Handler:
    """How long the guest's handler takes, in nanoseconds: `mean_ns`, `exponential`, `fixed`, or
    `uniform` between mean − spread and mean + spread.
    """

    mean_ns: float
    kind: str = "exponential"
    spread_ns: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in HANDLERS:
            raise UnknownNameError("distribution of the handler", self.kind, HANDLERS)
        if not 0 <= self.mean_ns <= 1e9:
            raise ValueOutOfRangeError("handler", self.mean_ns, "from 0 to 10^9 nanoseconds")
        if not 0 <= self.spread_ns <= self.mean_ns:
            raise ValueOutOfRangeError("handler spread", self.spread_ns, "from 0 to the mean")

    def draw(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """`count` durations."""
        if self.kind == "exponential":
            return rng.exponential(self.mean_ns, count) if self.mean_ns else np.zeros(count)
        if self.kind == "uniform":
            low, high = self.mean_ns - self.spread_ns, self.mean_ns + self.spread_ns
            return rng.uniform(low, high, count)
        return np.full(count, self.mean_ns)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the protocol runs on: costs, the handler, and where the variables lie.

    `lock_place`: the queue lock and what else only Xen sees in lines `apart`, in the line of the
    `control` block, or in the first line of the event `array`. `words`: event words `packed` 16 a
    line, or `spread` one a line. `masked_for_ns` None: the handler does not mask; else each handled
    port is masked at once and unmasked that long after.
    """

    costs: Costs
    handler: Handler
    lock_place: str = "apart"
    words: str = "packed"
    masked_for_ns: float | None = None

    def __post_init__(self) -> None:
        if self.lock_place not in LOCK_PLACES:
            raise UnknownNameError("place of the lock", self.lock_place, LOCK_PLACES)
        if self.words not in WORD_PLACES:
            raise UnknownNameError("place of the words", self.words, WORD_PLACES)
        if self.masked_for_ns is not None and not 0 <= self.masked_for_ns <= 1e9:
            raise ValueOutOfRangeError("masked for", self.masked_for_ns, "from 0 to 10^9 ns")
