"""A condition on the columns of a sweep, as `--where "total_pages <= pages and abi == 'fifo'"`.

Only names of columns, whole and decimal numbers, texts, `+ - * / // %`, comparisons (chained, and
`in` a list), `and`, `or`, `not` and brackets; nothing is called and nothing is executed. The
arithmetic is exact: quotients are kept as fractions, and what would leave 64 bits is computed in
Python integers. A missing value compares with nothing: such a row is left out unless the other
side of an `or` holds; `x is None` asks for it.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.plans.sweeps.columns import Column

__all__ = ["Condition", "ConditionError", "parse_condition"]

_LONGEST = 4000
_SAFE = 2**62


class ConditionError(EvtplanError):
    """A `--where` that cannot be: which, and why."""

    def __init__(self, text: str, reason: str, hint: str = "") -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"--where {text!r}: {reason}", hint)


@dataclass(frozen=True, slots=True)
class _Number:
    """`above / below` for each row, `below` positive; `missing` where there is no value."""

    above: Any
    below: Any
    missing: Any


@dataclass(frozen=True, slots=True)
class _Text:
    codes: Any
    texts: tuple[str, ...]
    missing: Any


@dataclass(frozen=True, slots=True)
class _Truth:
    """Where the condition holds, and where it fails; neither where that cannot be told."""

    holds: Any
    fails: Any


_NULL = object()


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that has been checked; `names` are the columns it looks at."""

    text: str
    names: tuple[str, ...]

    def holds(self, columns: Mapping[str, Column], rows: int) -> Any:
        """A Boolean array of `rows` rows: where the condition holds."""
        reader = _Reader(self.text, columns)
        truth = reader.read(ast.parse(self.text.strip(), mode="eval").body)
        if not isinstance(truth, _Truth):
            raise ConditionError(self.text, "this is no comparison", 'e.g. "total_pages <= pages"')
        return np.broadcast_to(truth.holds, (rows,))


def parse_condition(
    text: str, known: Iterable[str], texts: Mapping[str, tuple[str, ...]] | None = None
) -> Condition:
    """Check `text` against the `known` columns; `texts` are those that hold names, each with the
    names it can hold (any where there are none).

    Raises `ConditionError` for what is no condition, `UnknownNameError` for another name.
    """
    texts = texts or {}
    if not text.strip():
        raise ConditionError(text, "nothing to compare", 'e.g. "total_pages <= pages"')
    if len(text) > _LONGEST:
        raise ConditionError(text[:40] + "…", f"longer than {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise ConditionError(text, reason, _syntax_hint(text, texts)) from error
    names = tuple(dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)))
    every = tuple(known)
    for name in names:
        if name not in every:
            unknown = UnknownNameError("column", name, every)
            if any(name in names_of for names_of in texts.values()):
                unknown.hint = f"a name is written in quotes: {name!r}"
            raise unknown
    for column, name in _named(tree):
        if texts.get(column) and name not in texts[column]:
            kind = {"abi": "ABI", "xen": "Xen release"}.get(column, column)
            raise UnknownNameError(kind, name, texts[column])
    condition = Condition(text, names)
    # Read once without rows, so that what is not allowed is said before anything is computed.
    nothing = np.empty(0, dtype=np.int64)
    samples = {
        name: Column(name, nothing, np.empty(0, dtype=bool), ("",) if name in texts else None)
        for name in names
    }
    try:
        condition.holds(samples, 0)
    except RecursionError as error:
        raise ConditionError(text[:40] + "…", "nested too deeply") from error
    return condition


def _syntax_hint(text: str, texts: Mapping[str, tuple[str, ...]]) -> str:
    """What may have been meant by a `text` that is no expression."""
    if "&&" in text or "||" in text:
        return "write and, or, not"
    if "=" in text and not any(sign in text for sign in ("==", "<=", ">=", "!=")):
        return "equal is =="
    for name in (name for names in texts.values() for name in names):
        if name in text and not any(f"{quote}{name}" in text for quote in "'\""):
            return f"a name is written in quotes: {name!r}"
    return ""


def _named(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each column of `tree` and a text that it is compared with."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        for left, right in pairwise([node.left, *node.comparators]):
            for a, b in ((left, right), (right, left)):
                items = b.elts if isinstance(b, ast.Tuple | ast.List | ast.Set) else [b]
                for item in items:
                    value = item.value if isinstance(item, ast.Constant) else None
                    if isinstance(a, ast.Name) and isinstance(value, str):
                        yield a.id, value


class _Reader:
    def __init__(self, text: str, columns: Mapping[str, Column]) -> None:
        self.text = text
        self.columns = columns

    def error(self, reason: str, hint: str = "") -> ConditionError:
        return ConditionError(self.text, reason, hint)

    def read(self, node: ast.expr) -> Any:
        match node:
            case ast.BoolOp():
                return self.combined(node)
            case ast.UnaryOp(op=ast.Not()):
                truth = self.truth(node.operand)
                return _Truth(truth.fails, truth.holds)
            case ast.UnaryOp(op=ast.USub()):
                number = self.number(node.operand)
                return _Number(-number.above, number.below, number.missing)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.number(node.operand)
            case ast.Compare():
                return self.comparison(node)
            case ast.BinOp():
                return self.arithmetic(node)
            case ast.Name():
                return self.column(node.id)
            case ast.Constant():
                return self.constant(node)
        what = ast.unparse(node)
        raise self.error(
            f"{what[:40]} is not allowed", "names of columns, numbers, + - * / // %, comparisons"
        )

    def column(self, name: str) -> _Number | _Text:
        column = self.columns[name]
        if column.texts is not None:
            return _Text(column.values, column.texts, column.missing)
        return _Number(column.values, 1, column.missing)

    def constant(self, node: ast.Constant) -> Any:
        value = node.value
        if value is None:
            return _NULL
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.error(f"{value!r} is no number and no text")
        if isinstance(value, str):
            return _Text(np.zeros((), dtype=np.int64), (value,), False)
        if isinstance(value, float):
            return self.fraction(ast.get_source_segment(self.text.strip(), node) or repr(value))
        return _Number(value, 1, False)

    def fraction(self, digits: str) -> _Number:
        try:
            exact = Fraction(digits.replace("_", ""))
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            raise self.error(f"{digits} is no number") from error
        if max(abs(exact.numerator), exact.denominator) > 10**60:
            raise self.error(f"{digits} is out of range")
        return _Number(exact.numerator, exact.denominator, False)

    def truth(self, node: ast.expr) -> _Truth:
        found = self.read(node)
        if not isinstance(found, _Truth):
            raise self.error(f"{ast.unparse(node)[:40]} is neither true nor false")
        return found

    def number(self, node: ast.expr) -> _Number:
        found = self.read(node)
        if not isinstance(found, _Number):
            raise self.error(f"{ast.unparse(node)[:40]} is no number")
        return found

    def combined(self, node: ast.BoolOp) -> _Truth:
        parts = [self.truth(value) for value in node.values]
        holds, fails = parts[0].holds, parts[0].fails
        for part in parts[1:]:
            if isinstance(node.op, ast.And):
                holds, fails = holds & part.holds, fails | part.fails
            else:
                holds, fails = holds | part.holds, fails & part.fails
        return _Truth(holds, fails)

    def arithmetic(self, node: ast.BinOp) -> _Number:
        a, b = self.number(node.left), self.number(node.right)
        missing = a.missing | b.missing
        match node.op:
            case ast.Add() | ast.Sub():
                left, right = _times(a.above, b.below), _times(b.above, a.below)
                below = _times(a.below, b.below)
                return _Number(
                    _plus(left, right if isinstance(node.op, ast.Add) else -right), below, missing
                )
            case ast.Mult():
                return _Number(_times(a.above, b.above), _times(a.below, b.below), missing)
            case ast.Div() | ast.FloorDiv() | ast.Mod():
                return self.divided(node.op, a, b, missing)
        raise self.error("only + - * / // and % are allowed")

    def divided(self, operator: ast.operator, a: _Number, b: _Number, missing: Any) -> _Number:
        """a ÷ b; a division by zero has no value."""
        above, below = _times(a.above, b.below), _times(a.below, b.above)
        missing = missing | (np.asarray(below) == 0)
        sign = np.where(np.asarray(below) < 0, -1, 1)
        above, below = _times(above, sign), _times(below, sign)
        below = np.where(np.asarray(below) == 0, 1, below)
        if isinstance(operator, ast.Div):
            return _Number(above, below, missing)
        floor = above // below
        if isinstance(operator, ast.FloorDiv):
            return _Number(floor, 1, missing)
        # a mod b = a − b·⌊a ÷ b⌋, over their common denominator
        whole = _times(floor, b.above)
        rest = _plus(_times(a.above, b.below), -_times(whole, a.below))
        return _Number(rest, _times(a.below, b.below), missing)

    def comparison(self, node: ast.Compare) -> _Truth:
        holds: Any = True
        fails: Any = False
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            truth = self.compared(operator, left, right)
            holds, fails = holds & truth.holds, fails | truth.fails
            left = right
        return _Truth(holds, fails)

    def compared(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> _Truth:
        if isinstance(operator, ast.In | ast.NotIn):
            return self.member(operator, left, right)
        a, b = self.read(left), self.read(right)
        if a is _NULL or b is _NULL:
            return self.is_missing(operator, a, b)
        if isinstance(a, _Text) and isinstance(b, _Text):
            return self.same_text(operator, a, b)
        if not (isinstance(a, _Number) and isinstance(b, _Number)):
            raise self.error(f"{ast.unparse(left)[:30]} and {ast.unparse(right)[:30]} are unlike")
        compare = _COMPARE.get(type(operator))
        if compare is None:
            raise self.error("only < <= > >= == != and in compare numbers")
        outcome = np.asarray(
            compare(_times(a.above, b.below), _times(b.above, a.below)), dtype=bool
        )
        known = ~np.asarray(a.missing | b.missing, dtype=bool)
        return _Truth(outcome & known, ~outcome & known)

    def is_missing(self, operator: ast.cmpop, a: Any, b: Any) -> _Truth:
        value = b if a is _NULL else a
        if not isinstance(value, _Number | _Text):
            raise self.error("None is compared with a column")
        missing = np.asarray(value.missing, dtype=bool)
        if isinstance(operator, ast.Is | ast.Eq):
            return _Truth(missing, ~missing)
        if isinstance(operator, ast.IsNot | ast.NotEq):
            return _Truth(~missing, missing)
        raise self.error("None is neither more nor less than a number", "write: x is None")

    def same_text(self, operator: ast.cmpop, a: _Text, b: _Text) -> _Truth:
        if not isinstance(operator, ast.Eq | ast.NotEq):
            raise self.error("texts are compared with == and != only")
        every = {text: n for n, text in enumerate(dict.fromkeys((*a.texts, *b.texts)))}
        codes = [np.array([every[t] for t in side.texts])[side.codes] for side in (a, b)]
        same = np.asarray(codes[0] == codes[1])
        known = ~np.asarray(a.missing | b.missing, dtype=bool)
        if isinstance(operator, ast.NotEq):
            same = ~same
        return _Truth(same & known, ~same & known)

    def member(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> _Truth:
        if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
            raise self.error("in needs a list", 'e.g. abi in ("fifo", "2l-64")')
        parts = [self.compared(ast.Eq(), left, item) for item in right.elts]
        holds, fails = parts[0].holds, parts[0].fails
        for part in parts[1:]:
            holds, fails = holds | part.holds, fails & part.fails
        return _Truth(fails, holds) if isinstance(operator, ast.NotIn) else _Truth(holds, fails)


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


def _size(value: Any) -> int:
    """The largest magnitude in `value`, an exact integer."""
    if isinstance(value, int):
        return abs(value)
    if value.size == 0:
        return 0
    return max(abs(int(value.max())), abs(int(value.min())))


def _wide(value: Any) -> Any:
    """`value` in Python integers, which never overflow."""
    return value if isinstance(value, int) else value.astype(object)


def _times(a: Any, b: Any) -> Any:
    if isinstance(b, int) and b == 1:
        return a
    return a * b if _size(a) * _size(b) < _SAFE else _wide(a) * _wide(b)


def _plus(a: Any, b: Any) -> Any:
    return a + b if _size(a) + _size(b) < _SAFE else _wide(a) + _wide(b)
