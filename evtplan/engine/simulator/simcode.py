"""The simulator's loop bound to the printed steps of a system, compiled or in plain Python.

The loop takes the steps through a function pointer, so that its machine code is made once for all
systems. The steps of a system are a module of their own, kept with their machine code where the
explorer's are: only a text that is new to this user costs compiling.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from evtplan.engine.codecache import load_generated, native_digest
from evtplan.engine.simulator.flat import step_source
from evtplan.engine.simulator.simloop import loop
from evtplan.engine.system import TransitionSystem

__all__ = ["loop_of"]

_STEP = "types.int64(types.int64, row, row, types.int64, types.int64, types.int64, row)"


def loop_of(system: TransitionSystem, *, compiled: bool) -> Callable[..., Any]:
    """The loop of simloop.py, its `dispatch` given; `compiled` False runs it in plain Python."""
    if compiled:
        return _compiled(_module_source(system))
    scope: dict[str, Any] = {"lowest_bit": _lowest_bit}
    exec(_plain_source(system, signed=False), scope)  # printed by flat.py, no text of anybody's
    return lambda *arguments: loop(scope["dispatch"], *arguments)


def _plain_source(system: TransitionSystem, *, signed: bool, before: str = "") -> str:
    """A function for each kind's steps, and `dispatch`, which takes the kind's number."""
    steps = step_source(system, refill=True, signed=signed)
    calls = "\n".join(
        f"    if kind == {number}:\n        return step_{kind.name}(mem, loc, pc, me, choice, rec)"
        for number, kind in enumerate(system.kinds)
    )
    dispatch = f"def dispatch(kind, mem, loc, pc, me, choice, rec):\n{calls}\n    return -3\n"
    return f"{steps}\n\n{before}{dispatch}"


def _module_source(system: TransitionSystem) -> str:
    steps = _plain_source(system, signed=True, before=f"@njit({_STEP}, cache=True)\n")
    return (
        f"# over native.py {native_digest()}\n"
        "from numba import njit, types\n\n"
        "from evtplan.engine.native import lowest_bit\n\n"
        "row = types.int64[::1]\n\n\n" + steps.replace("def step_", "@njit\ndef step_")
    )


def _lowest_bit(word: int) -> int:
    return (word & -word).bit_length() - 1


@lru_cache(maxsize=32)
def _compiled(source: str) -> Callable[..., Any]:
    dispatch = load_generated(source).dispatch
    run = _loop_for()
    return lambda *arguments: run(dispatch, *arguments)


@lru_cache(maxsize=1)
def _loop_for() -> Callable[..., Any]:
    """The compiled loop. It lets other threads run meanwhile: one of them sees Ctrl-C."""
    from numba import njit, types

    whole, real = types.int64, types.float64
    row, table, times = whole[::1], whole[:, ::1], real[::1]
    step = types.FunctionType(whole(whole, row, row, whole, whole, whole, row))
    result = types.Tuple((real, whole, whole))  # type: ignore[no-untyped-call]
    signature = result(
        step, row, row, row, row, table, row, table,  # dispatch, kind … loc
        types.boolean[:, ::1], types.boolean[:, ::1], row, row, row, row, row,  # … sharers
        row, row, whole, whole, whole, times, times,  # pending_cell … service_ns
        times, row, row, row, real, whole, row, row, row,  # arrival_time … after
        times, times, row, row, times, times, times, row, row,  # raised_at … taken_by
        row, times, times, times, row, table,  # total_before … trace
    )  # fmt: skip
    compiled: Callable[..., Any] = njit(signature, cache=True, nogil=True)(loop)
    return compiled
