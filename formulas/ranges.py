"""Whether a formula stays within 64 bits, by interval arithmetic over its printed source."""

import ast
from collections.abc import Mapping
from typing import NamedTuple

from evtplan.formulas.core import Formula
from evtplan.formulas.printer import Dialect, printed_source

__all__ = ["Interval", "fits_int64"]

_LEAST, _MOST = -(2**63), 2**63 - 1


class Interval(NamedTuple):
    """Whole numbers from `low` to `high`, both among them."""

    low: int
    high: int


def fits_int64(formula: Formula, ranges: Mapping[str, tuple[int, int]]) -> bool:
    """True where no step of the NumPy and compiled readings can leave 64 bits while each input
    stays in its range (by quantity name). False may be over-cautious; True never is.
    """
    tree = ast.parse(printed_source(formula, Dialect.NUMBA))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    value = function.body[0]
    assert isinstance(value, ast.Return)
    assert value.value is not None
    try:
        _Walk(ranges).of(value.value)
    except OverflowError:
        return False
    return True


class _Walk:
    def __init__(self, ranges: Mapping[str, tuple[int, int]]) -> None:
        self.ranges = ranges

    def of(self, node: ast.expr) -> Interval:
        """The interval of `node`. Raises `OverflowError` where a step may leave 64 bits."""
        found = self._of(node)
        if found.low < _LEAST or found.high > _MOST:
            raise OverflowError
        return found

    def _of(self, node: ast.expr) -> Interval:
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, int)
            return Interval(node.value, node.value)
        if isinstance(node, ast.Name):
            return Interval(*self.ranges[node.id])
        if isinstance(node, ast.UnaryOp):
            inner = self.of(node.operand)
            return Interval(-inner.high, -inner.low)
        if isinstance(node, ast.BinOp):
            return _combined(node.op, self.of(node.left), self.of(node.right))
        if isinstance(node, ast.IfExp):
            self._condition(node.test)
            taken, other = self.of(node.body), self.of(node.orelse)
            return Interval(min(taken.low, other.low), max(taken.high, other.high))
        assert isinstance(node, ast.Call)
        return self._called(node)

    def _called(self, node: ast.Call) -> Interval:
        assert isinstance(node.func, ast.Name)
        arguments = [self.of(argument) for argument in node.args]
        if node.func.id == "repairman_busy":
            return Interval(0, 1)
        if node.func.id == "repairman_queue":
            return Interval(0, arguments[0].high)
        pick = max if node.func.id == "max" else min
        return Interval(pick(a.low for a in arguments), pick(a.high for a in arguments))

    def _condition(self, node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                self._condition(value)
        elif isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                self.of(side)


def _combined(operator: ast.operator, left: Interval, right: Interval) -> Interval:
    if isinstance(operator, ast.Add):
        return Interval(left.low + right.low, left.high + right.high)
    if isinstance(operator, ast.Sub):
        return Interval(left.low - right.high, left.high - right.low)
    if isinstance(operator, ast.Mult):
        corners = [a * b for a in left for b in right]
        return Interval(min(corners), max(corners))
    if isinstance(operator, ast.Pow | ast.LShift):
        if right.high > 64:
            raise OverflowError
        base = left if isinstance(operator, ast.Pow) else Interval(2, 2)
        corners = [a**b for a in base for b in right]
        return Interval(min(corners), max(corners))
    # A quotient lies no further from 0 than its dividend: every divisor is at least 1 away.
    most = max(abs(left.low), abs(left.high))
    return Interval(0 if left.low >= 0 and right.low >= 0 else -most, most)
