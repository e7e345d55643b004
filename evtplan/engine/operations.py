"""Binary operations of the protocol language, on numbers of at most 64 bits."""

from collections.abc import Callable

__all__ = ["MOST_NUMBER", "fold_binary"]

MOST_NUMBER = 1 << 64

_Fold = Callable[[int, int], int]
_FOLDS: dict[str, _Fold] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "and": lambda a, b: int(bool(a) and bool(b)),
    "or": lambda a, b: int(bool(a) or bool(b)),
    "min": min,
    "max": max,
}


def fold_binary(op: str, left: int, right: int) -> int:
    """`left op right`. Raises `ValueError` with what is wrong for a division by zero or a shift
    or result that is beyond 64 bits."""
    if op in ("//", "%") and right == 0:
        raise ValueError("division by zero")
    if op in ("<<", ">>") and not 0 <= right <= 64:
        raise ValueError(f"a shift by {right}")
    result = _FOLDS[op](left, right)
    if not -MOST_NUMBER <= result <= MOST_NUMBER:
        raise ValueError("a number beyond 64 bits")
    return result
