"""Bodies made smaller without changing what they do: what is known folds, what is dead goes."""

from collections.abc import Iterable
from dataclasses import replace

from evtplan.engine.operations import fold_binary
from evtplan.engine.system import (
    Assert,
    Binary,
    Block,
    Choose,
    Cond,
    Const,
    Emit,
    Expr,
    Goto,
    Guard,
    If,
    Insert,
    Load,
    LocalRead,
    Place,
    PlaceRead,
    Return,
    Rmw,
    SetGhost,
    SetLocal,
    Statement,
    Store,
    Unary,
)
from evtplan.engine.texts.liveness import expressions_of, reads_of

__all__ = ["simplified"]

# What is known of a local: that it is a number, or equal to another local.
Known = dict[int, Expr]


def simplified(body: Block, live: Iterable[int], slots: int) -> Block:
    """`body` of a point where only the locals `live` may be other than 0."""
    alive = set(live)
    zero: Known = {slot: Const(0) for slot in range(slots) if slot not in alive}
    for _ in range(2):
        body, _ = _forward(body, dict(zero))
        body, _ = _backward(body, set(), slots)
    body, _ = _forward(body, dict(zero))
    return body


# ---- forward: put in what is known -----------------------------------------------------------


def _forward(block: Block, known: Known) -> tuple[Block, Known | None]:
    """The block with known values put in, and what is known behind it (None: it never ends)."""
    made: list[Statement] = []
    for position, statement in enumerate(block):
        if isinstance(statement, If):
            test = substitute(statement.test, known)
            if isinstance(test, Const):
                way = statement.then if test.value else statement.other
                rest, after = _forward((*way, *block[position + 1 :]), known)
                return (*made, *rest), after
            then, after_then = _forward(statement.then, _learn(test, True, known))
            other, after_other = _forward(statement.other, _learn(test, False, known))
            if then or other:
                made.append(If(test, then, other))
            merged = _meet(after_then, after_other)
            if merged is None:
                return tuple(made), None
            known = merged
            continue
        if isinstance(statement, SetLocal):
            value = substitute(statement.value, known)
            slot = statement.slot
            if known.get(slot) == value or value == LocalRead(slot):
                continue
            made.append(replace(statement, value=value))
            _forget(slot, known)
            if isinstance(value, Const | LocalRead):
                known[slot] = value
            continue
        made.append(_rewritten(statement, known))
        if isinstance(statement, Load | Choose) or (
            isinstance(statement, Rmw) and statement.slot is not None
        ):
            assert statement.slot is not None
            _forget(statement.slot, known)
        if isinstance(statement, Goto | Return):
            return tuple(made), None
    return tuple(made), known


def _forget(slot: int, known: Known) -> None:
    known.pop(slot, None)
    for other in [key for key, value in known.items() if value == LocalRead(slot)]:
        del known[other]


def _learn(test: Expr, holds: bool, known: Known) -> Known:
    """What is known on the way where `test` holds, or does not."""
    learnt = dict(known)
    match test:
        case LocalRead(slot=slot) if not holds:
            _forget_to(slot, Const(0), learnt)
        case Binary(op="==", left=LocalRead(slot=slot), right=Const() as number) if holds:
            _forget_to(slot, number, learnt)
        case Binary(op="!=", left=LocalRead(slot=slot), right=Const() as number) if not holds:
            _forget_to(slot, number, learnt)
        case Unary(op="not", operand=operand):
            return _learn(operand, not holds, known)
        case Binary(op="and", left=left, right=right) if holds:
            return _learn(right, True, _learn(left, True, known))
        case Binary(op="or", left=left, right=right) if not holds:
            return _learn(right, False, _learn(left, False, known))
    return learnt


def _forget_to(slot: int, value: Const, known: Known) -> None:
    for other in [key for key, held in known.items() if held == LocalRead(slot)]:
        known[other] = value
    known[slot] = value


def _meet(left: Known | None, right: Known | None) -> Known | None:
    if left is None:
        return right
    if right is None:
        return left
    return {slot: value for slot, value in left.items() if right.get(slot) == value}


def _rewritten(statement: Statement, known: Known) -> Statement:
    match statement:
        case SetGhost(place=place, value=value):
            return replace(statement, place=_place(place, known), value=substitute(value, known))
        case Load(place=place):
            return replace(statement, place=_place(place, known))
        case Store(place=place, value=value):
            return replace(statement, place=_place(place, known), value=substitute(value, known))
        case Rmw(place=place, new=new):
            return replace(statement, place=_place(place, known), new=substitute(new, known))
        case Guard(test=test):
            return replace(statement, test=substitute(test, known))
        case Assert(test=test):
            return replace(statement, test=substitute(test, known))
        case Return(value=value):
            return replace(statement, value=substitute(value, known))
        case Emit(arguments=arguments):
            return replace(statement, arguments=tuple(substitute(a, known) for a in arguments))
    return statement


def _place(place: Place, known: Known) -> Place:
    offset = None if place.offset is None else substitute(place.offset, known)
    index = substitute(place.index, known)
    if index == place.index and offset == place.offset:
        return place
    return replace(place, index=index, offset=offset)


def substitute(expr: Expr, known: Known) -> Expr:
    """An expression with what is known put in, folded."""
    match expr:
        case LocalRead(slot=slot):
            return known.get(slot, expr)
        case Unary(op=op, operand=operand):
            inner = substitute(operand, known)
            if op == "not" and isinstance(inner, Const):
                return Const(int(not inner.value))
            return expr if inner is operand else Unary(op, inner)
        case Binary():
            return _binary(expr, substitute(expr.left, known), substitute(expr.right, known))
        case Cond(test=test, then=then, other=other):
            decided = substitute(test, known)
            if isinstance(decided, Const):
                return substitute(then if decided.value else other, known)
            return Cond(decided, substitute(then, known), substitute(other, known))
        case Insert(word=word, offset=offset, bits=bits, value=value):
            return Insert(
                substitute(word, known), substitute(offset, known), bits, substitute(value, known)
            )
        case PlaceRead(place=place):
            return PlaceRead(_place(place, known))
    return expr


def _binary(expr: Binary, left: Expr, right: Expr) -> Expr:
    op = expr.op
    if isinstance(left, Const) and isinstance(right, Const):
        try:
            return Const(fold_binary(op, left.value, right.value))
        except ValueError:
            return Binary(op, left, right)
    if op in ("and", "or") and isinstance(left, Const):
        # Both sides are truth values.
        if bool(left.value) == (op == "or"):
            return Const(int(op == "or"))
        return right
    if op == "and" and right == Const(1):
        return left
    if op == "or" and right == Const(0):
        return left
    if op in ("+", "-") and right == Const(0):
        return left
    if left is expr.left and right is expr.right:
        return expr
    return Binary(op, left, right)


# ---- backward: drop what nobody reads --------------------------------------------------------


def _backward(block: Block, after: set[int], slots: int) -> tuple[Block, set[int]]:
    """The block without settings that nobody reads, given what is read `after` it; and what is
    read from its beginning on."""
    made: list[Statement] = []
    wanted = set(after)
    for statement in reversed(block):
        if isinstance(statement, Goto):
            wanted = set(range(slots))
        elif isinstance(statement, Return):
            wanted = set()
        elif isinstance(statement, If):
            then, wanted_then = _backward(statement.then, wanted, slots)
            other, wanted_other = _backward(statement.other, wanted, slots)
            wanted = wanted_then | wanted_other
            if then or other:
                wanted |= set(reads_of(statement.test))
                made.append(If(statement.test, then, other))
            continue
        elif isinstance(statement, SetLocal):
            if statement.slot not in wanted and not statement.checked:
                continue
            wanted.discard(statement.slot)
        elif isinstance(statement, Load | Choose):
            wanted.discard(statement.slot)
        elif isinstance(statement, Rmw) and statement.slot is not None:
            if statement.slot not in wanted:
                statement = replace(statement, slot=None)
            else:
                wanted.discard(statement.slot)
        for expr in expressions_of(statement):
            wanted.update(reads_of(expr))
        made.append(statement)
    return tuple(reversed(made)), wanted
