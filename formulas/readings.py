"""One definition, three readings: exact Python, NumPy arrays, compiled by Numba.

All three are printed from the same SymPy expression. Whole-number results agree in every cell as
long as nothing leaves 64 bits (`evtplan.formulas.ranges` tells). A rational result is a
`Fraction` in the exact reading and the nearest float to it in the others, where numerator and
denominator stay below 2^53; formulas with a queue's length are within 10⁻¹² of it.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from evtplan.formulas.core import Formula
from evtplan.formulas.printer import Dialect, printed_source

__all__ = ["array_function", "compiled_function", "compiled_ufunc"]


def array_function(formula: Formula) -> Callable[..., Any]:
    """The formula over NumPy int64 arrays that broadcast together, inputs by quantity name or in
    the formula's order. Returns int64, or float64 where the result is a rational quantity.
    """
    return _array_function(formula.function_name, printed_source(formula, Dialect.NUMPY))


@cache
def _array_function(name: str, source: str) -> Callable[..., Any]:
    import numpy as np

    from evtplan.formulas.repairman import repairman_busy_array, repairman_queue_array

    scope: dict[str, Any] = {
        "maximum": np.maximum,
        "minimum": np.minimum,
        "where": np.where,
        "repairman_busy": repairman_busy_array,
        "repairman_queue": repairman_queue_array,
    }
    exec(source, scope)  # printed arithmetic
    function: Callable[..., Any] = scope[name]
    return function


def compiled_function(formula: Formula) -> Callable[..., Any]:
    """The formula as an `njit` scalar function of int64 inputs, to be called (and inlined) in
    compiled loops of the caller's. Compiled at its first call.
    """
    return _compiled_function(formula.function_name, printed_source(formula, Dialect.NUMBA))


@cache
def _compiled_function(name: str, source: str) -> Callable[..., Any]:
    import numba

    function: Callable[..., Any] = numba.njit(error_model="numpy")(_scalar_function(name, source))
    return function


def compiled_ufunc(formula: Formula) -> Callable[..., Any]:
    """The formula as a compiled NumPy ufunc over int64 arrays, inputs in the formula's order."""
    kind = "int64" if formula.result.integer else "float64"
    signature = f"{kind}({', '.join(['int64'] * len(formula.inputs))})"
    source = printed_source(formula, Dialect.NUMBA)
    return _compiled_ufunc(formula.function_name, source, signature)


@cache
def _compiled_ufunc(name: str, source: str, signature: str) -> Callable[..., Any]:
    # Numba's own annotations leave vectorize untyped.
    vectorize: Any = import_module("numba").vectorize
    function: Callable[..., Any] = vectorize([signature])(_scalar_function(name, source))
    return function


def _scalar_function(name: str, source: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
    if "repairman" in source:
        import numba

        from evtplan.formulas.repairman import repairman_busy_float, repairman_queue_float

        scope["repairman_busy"] = numba.njit(error_model="numpy")(repairman_busy_float)
        scope["repairman_queue"] = numba.njit(error_model="numpy")(repairman_queue_float)
    exec(source, scope)  # printed arithmetic
    function: Callable[..., Any] = scope[name]
    return function
