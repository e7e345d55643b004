"""What a Monte Carlo sweep draws: `KEY=lognormal(median=64, sigma=0.5, max=1024)`.

Every draw is rounded to the nearest whole number and kept within `min` and `max` (the least and
greatest the quantity can be, unless given) by taking the nearer of them.
"""

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.plans.typed import LARGEST

__all__ = ["DISTRIBUTIONS", "Distribution", "parse_distribution"]


class _DistributionError(EvtplanError):
    def __init__(self, text: str, reason: str, hint: str = "") -> None:
        super().__init__(f"--dist {text}: {reason}", hint)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A quantity and how it is drawn: a law by name, its parameters, and the bounds kept."""

    key: str
    law: str
    parameters: tuple[float, ...]
    least: int
    most: int

    def draw(self, generator: Any, count: int) -> Any:
        """`count` whole numbers, as int64."""
        drawn = _LAWS[self.law].draw(generator, self.parameters, count)
        return np.rint(np.clip(drawn, self.least, self.most)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Law:
    names: tuple[str, ...]
    draw: Callable[[Any, tuple[float, ...], int], Any]
    allowed: Callable[[tuple[float, ...]], str]
    meaning: str


def _positive_spread(parameters: tuple[float, ...]) -> str:
    return "" if parameters[1] >= 0 else "the spread must not be negative"


def _positive(parameters: tuple[float, ...]) -> str:
    return "" if parameters[0] > 0 else "its mean must be positive"


def _ordered(parameters: tuple[float, ...]) -> str:
    rising = all(a <= b for a, b in pairwise(parameters))
    if not rising:
        return "its numbers must not fall"
    return "" if parameters[0] < parameters[-1] else "its range is empty"


def _uniform(generator: Any, parameters: tuple[float, ...], count: int) -> Any:
    low, high = (round(p) for p in parameters)
    return generator.integers(low, high, size=count, endpoint=True)


_LAWS: dict[str, _Law] = {
    "uniform": _Law(("low", "high"), _uniform, _ordered, "whole numbers, each as likely"),
    "normal": _Law(
        ("mean", "sd"), lambda g, p, n: g.normal(p[0], p[1], n), _positive_spread, "the bell curve"
    ),
    "lognormal": _Law(
        ("mu", "sigma"),
        lambda g, p, n: g.lognormal(p[0], p[1], n),
        _positive_spread,
        "exp of a normal with mean mu and deviation sigma; or median=…, mean=… for mu",
    ),
    "poisson": _Law(
        ("mean",), lambda g, p, n: g.poisson(p[0], n), _positive, "counts of rare things"
    ),
    "exponential": _Law(
        ("mean",), lambda g, p, n: g.exponential(p[0], n), _positive, "many small, few large"
    ),
    "triangular": _Law(
        ("low", "mode", "high"),
        lambda g, p, n: g.triangular(p[0], p[1], p[2], n),
        _ordered,
        "from low to high, most of it near mode",
    ),
    "choice": _Law(
        (),
        lambda g, p, n: np.asarray(p)[g.integers(0, len(p), size=n)],
        lambda p: "" if p else "it needs numbers to choose from",
        "one of these numbers, each as likely",
    ),
}  # fmt: skip
DISTRIBUTIONS: dict[str, str] = {
    name: f"{name}({', '.join(law.names) or 'a, b, …'}): {law.meaning}"
    for name, law in _LAWS.items()
}


def parse_distribution(text: str, key: str, law: str, *, least: int) -> Distribution:
    """The distribution that `KEY=law(…)` spells; `text` is what the user wrote, for errors.

    Raises `EvtplanError` for what is no call of a known law with the numbers it needs.
    """
    try:
        call = ast.parse(law, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise _DistributionError(
            text, "no distribution", f"e.g. {key}=lognormal(median=64, sigma=0.5)"
        )
    name = call.func.id
    if name not in _LAWS:
        raise UnknownNameError("distribution", name, _LAWS)
    given = _numbers(text, name, call)
    low, high = _bounds(text, given, least)
    parameters = _parameters(text, name, given)
    wrong = _LAWS[name].allowed(parameters)
    if wrong:
        raise _DistributionError(text, wrong, DISTRIBUTIONS[name])
    if name == "lognormal" and parameters[0] > math.log(LARGEST):
        raise _DistributionError(
            text,
            f"mu is the mean of the logarithm, and e^{parameters[0]:g} is beyond 10^18",
            "write median=… for the middle value itself",
        )
    if any(abs(p) > LARGEST for p in parameters):
        raise _DistributionError(text, "a number beyond 10^18")
    return Distribution(key, name, parameters, low, high)


def _numbers(text: str, name: str, call: ast.Call) -> dict[str, float]:
    """The arguments by name; those of `choice` by their place."""
    names = _LAWS[name].names
    known = {*names, "min", "max"} | ({"median", "mean"} if name == "lognormal" else set())
    found: dict[str, float] = {}
    for place, node in enumerate(call.args):
        if names and place >= len(names):
            raise _DistributionError(text, f"too many numbers for {name}", DISTRIBUTIONS[name])
        found[names[place] if names else f"#{place}"] = _number(text, node)
    for keyword in call.keywords:
        if keyword.arg not in known:
            raise UnknownNameError(f"parameter of {name}", str(keyword.arg), sorted(known))
        if keyword.arg in found:
            raise _DistributionError(text, f"{keyword.arg} is given twice")
        found[keyword.arg] = _number(text, keyword.value)
    return found


def _number(text: str, node: ast.expr) -> float:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _DistributionError(text, f"{ast.unparse(node)[:30]} is no number")
    if not abs(value) <= LARGEST:
        raise _DistributionError(text, "a number beyond 10^18")
    return sign * float(value)


def _bounds(text: str, given: dict[str, float], least: int) -> tuple[int, int]:
    low = math.ceil(given.pop("min", least))
    high = math.floor(given.pop("max", LARGEST))
    if low < least:
        raise _DistributionError(text, f"min is {low}; this quantity is at least {least}")
    if low > high:
        raise _DistributionError(text, f"min {low} is above max {high}")
    return low, high


def _parameters(text: str, name: str, given: Mapping[str, float]) -> tuple[float, ...]:
    values = dict(given)
    names = _LAWS[name].names
    if not names:
        return tuple(values.values())
    if name == "lognormal":
        values = _lognormal(text, values)
    absent = [n for n in names if n not in values]
    if absent:
        raise _DistributionError(text, f"{name} needs {' and '.join(absent)}", DISTRIBUTIONS[name])
    return tuple(values[n] for n in names)


def _lognormal(text: str, values: dict[str, float]) -> dict[str, float]:
    """mu from `median` (e^mu) or `mean` (e^(mu + sigma²/2)) where one of those is given."""
    ways = [n for n in ("mu", "median", "mean") if n in values]
    if len(ways) > 1:
        raise _DistributionError(text, f"{ways[0]} and {ways[1]} say the same thing twice")
    if not ways or ways == ["mu"]:
        return values
    middle = values.pop(ways[0])
    if middle <= 0:
        raise _DistributionError(text, f"the {ways[0]} must be positive")
    values["mu"] = math.log(middle)
    if ways == ["mean"]:
        values["mu"] -= values.get("sigma", 0.0) ** 2 / 2
    return values
