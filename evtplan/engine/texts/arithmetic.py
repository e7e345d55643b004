"""Values put together: constants fold, and the least and most of a result follow from its parts."""

from evtplan.engine.operations import fold_binary
from evtplan.engine.system import Binary, Cond, Const, Expr, Field, Insert, Unary
from evtplan.engine.texts.flow import Value
from evtplan.engine.texts.scope import BIT_TYPE, Type

__all__ = [
    "binary",
    "choice",
    "constant",
    "extract",
    "field_of",
    "insert",
    "lowest",
    "minus",
    "negate",
    "truth",
    "with_expr",
]

BEYOND = 1 << 65


def constant(number: int, kind: Type | None = None) -> Value:
    """A number as a value."""
    return Value(Const(number), number, number, kind)


def with_expr(value: Value, expr: Expr) -> Value:
    """The same value held elsewhere."""
    return Value(expr, value.low, value.most, value.type)


def binary(op: str, left: Value, right: Value) -> Value:
    """`left op right`. Raises `ValueError`: a division by what may be zero, beyond 64 bits."""
    if left.constant is not None and right.constant is not None:
        return constant(fold_binary(op, left.constant, right.constant))
    if op in ("and", "or"):
        return _connect(op, left, right)
    if op in ("==", "!=", "<", "<=", ">", ">="):
        return Value(Binary(op, left.expr, right.expr), 0, 1, BIT_TYPE)
    low, most = _bounds(op, left, right)
    if most >= BEYOND or low <= -BEYOND:
        raise ValueError("a number that may be beyond 64 bits")
    if _is_neutral(op, left, right):
        return left
    if op in ("+", "|", "^") and left.constant == 0:
        return right
    return Value(Binary(op, left.expr, right.expr), low, most)


def _is_neutral(op: str, left: Value, right: Value) -> bool:
    neutral = {"+": 0, "-": 0, "|": 0, "^": 0, "<<": 0, ">>": 0, "*": 1, "//": 1}
    return right.constant is not None and neutral.get(op) == right.constant


def _connect(op: str, left: Value, right: Value) -> Value:
    absorbing = int(op == "or")
    for one, other in ((left, right), (right, left)):
        if one.constant is not None:
            if int(bool(one.constant)) == absorbing:
                # The right side has no effect of its own, so that it need not be evaluated.
                return constant(absorbing)
            return Value(truth(other), 0, 1, BIT_TYPE)
    return Value(Binary(op, truth(left), truth(right)), 0, 1, BIT_TYPE)


def _bounds(op: str, left: Value, right: Value) -> tuple[int, int]:
    a, b, c, d = left.low, left.most, right.low, right.most
    match op:
        case "+":
            return a + c, b + d
        case "-":
            return a - d, b - c
        case "*":
            corners = (a * c, a * d, b * c, b * d)
            return min(corners), max(corners)
        case "min":
            return min(a, c), min(b, d)
        case "max":
            return max(a, c), max(b, d)
        case "//" | "%":
            if c <= 0 <= d:
                raise ValueError("division by what may be zero")
            if op == "%":
                return (0, d - 1) if c > 0 else (c + 1, 0)
            corners = (a // c, a // d, b // c, b // d)
            return min(corners), max(corners)
        case "<<" | ">>":
            if c < 0 or d > 64:
                raise ValueError("a shift by what may be negative or above 64")
            if op == "<<":
                return min(a << c, a << d), max(b << c, b << d)
            return min(a >> c, a >> d), max(b >> c, b >> d)
    return _bit_bounds(op, left, right)


def _bit_bounds(op: str, left: Value, right: Value) -> tuple[int, int]:
    size = max(abs(n).bit_length() for n in (left.low, left.most, right.low, right.most))
    if op == "&":
        positive = [value.most for value in (left, right) if value.low >= 0]
        return (0, min(positive)) if positive else (-(1 << size), (1 << size) - 1)
    if left.low >= 0 and right.low >= 0:
        return 0, (1 << size) - 1
    return -(1 << size), (1 << size) - 1


def truth(value: Value) -> Expr:
    """1 where the value is not 0."""
    if value.constant is not None:
        return Const(int(bool(value.constant)))
    if value.is_truth:
        return value.expr
    return Binary("!=", value.expr, Const(0))


def negate(value: Value) -> Value:
    """1 where the value is 0."""
    if value.constant is not None:
        return constant(int(not value.constant))
    return Value(Unary("not", truth(value)), 0, 1, BIT_TYPE)


def minus(op: str, value: Value) -> Value:
    """`-value` or `~value`."""
    if value.constant is not None:
        return constant(-value.constant if op == "-" else ~value.constant)
    if op == "-":
        return Value(Unary("-", value.expr), -value.most, -value.low)
    return Value(Unary("~", value.expr), ~value.most, ~value.low)


def lowest(value: Value) -> Value:
    """The number of the lowest 1 bit."""
    if value.constant is not None and value.constant > 0:
        return constant((value.constant & -value.constant).bit_length() - 1)
    return Value(Unary("lowest", value.expr), 0, max(0, value.most.bit_length() - 1))


def choice(test: Value, then: Value, other: Value) -> Value:
    """`then if test else other`."""
    if test.constant is not None:
        return then if test.constant else other
    kind = then.type if then.type == other.type else None
    return Value(
        Cond(truth(test), then.expr, other.expr),
        min(then.low, other.low),
        max(then.most, other.most),
        kind,
    )


def extract(word: Value, offset: Value, bits: int, kind: Type) -> Value:
    """`bits` bits of a word from `offset`, of the type `kind`."""
    if word.constant is not None and offset.constant is not None:
        return constant((word.constant >> offset.constant) & ((1 << bits) - 1), kind)
    shifted: Expr = word.expr
    if offset.constant != 0:
        shifted = Binary(">>", shifted, offset.expr)
    masked = Binary("&", shifted, Const((1 << bits) - 1))
    return Value(masked, 0, kind.most, Type(0, kind.most, kind.word, kind.bits))


def field_of(word: Value, field: Field, kind: Type) -> Value:
    """A field of a word."""
    return extract(word, constant(field.offset), field.bits, kind)


def insert(word: Value, offset: Value, bits: int, value: Value) -> Value:
    """A word with `bits` bits from `offset` replaced."""
    if (
        word.constant is not None
        and offset.constant is not None
        and value.constant is not None
        and 0 <= value.constant < 1 << bits
    ):
        mask = ((1 << bits) - 1) << offset.constant
        number = (word.constant & ~mask) | (value.constant << offset.constant)
        return Value(Const(number), number, number, word.type)
    most = word.type.most if word.type else word.most
    return Value(Insert(word.expr, offset.expr, bits, value.expr), 0, most, word.type)
