"""Which locals are live where: those that some way on reads before it sets them."""

from collections.abc import Iterator, Mapping

from evtplan.engine.system import (
    Assert,
    Binary,
    Choose,
    Cond,
    Emit,
    Expr,
    Guard,
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
from evtplan.engine.texts.flow import Graph, Node

__all__ = ["live_sets", "reads_of", "slot_set_by"]


def expressions_of(statement: Statement | None) -> Iterator[Expr]:
    """Every expression that a statement evaluates, those of its place included."""
    match statement:
        case SetLocal(value=value) | Return(value=value):
            yield value
        case SetGhost(place=place, value=value) | Store(place=place, value=value):
            yield from _of_place(place)
            yield value
        case Load(place=place):
            yield from _of_place(place)
        case Rmw(place=place, new=new):
            yield from _of_place(place)
            yield new
        case Choose(low=low, high=high):
            yield low
            yield high
        case Guard(test=test) | Assert(test=test):
            yield test
        case Emit(arguments=arguments):
            yield from arguments


def _of_place(place: Place) -> Iterator[Expr]:
    yield place.index
    if place.offset is not None:
        yield place.offset


def reads_of(expr: Expr) -> Iterator[int]:
    """The slot of every local that an expression reads."""
    todo: list[Expr] = [expr]
    while todo:
        match todo.pop():
            case LocalRead(slot=slot):
                yield slot
            case Unary(operand=operand):
                todo.append(operand)
            case Binary(left=left, right=right):
                todo += (left, right)
            case Cond(test=test, then=then, other=other):
                todo += (test, then, other)
            case Insert(word=word, offset=offset, value=value):
                todo += (word, offset, value)
            case PlaceRead(place=place):
                todo.extend(_of_place(place))


def slot_set_by(statement: Statement | None) -> int | None:
    """The local that a statement sets, if any."""
    if isinstance(statement, SetLocal | Load | Rmw | Choose):
        return statement.slot
    return None


def live_sets(graph: Graph, at_end: frozenset[int] = frozenset()) -> Mapping[int, frozenset[int]]:
    """The live locals right before each node, by the node's `id`; `at_end` are live at the end."""
    nodes = graph.reachable([graph.entry])
    uses: dict[int, int] = {}
    kills: dict[int, int] = {}
    before: dict[int, list[Node]] = {id(node): [] for node in nodes}
    for node in nodes:
        mask = 0
        for expr in expressions_of(node.statement):
            for slot in reads_of(expr):
                mask |= 1 << slot
        if node.test is not None:
            for slot in reads_of(node.test):
                mask |= 1 << slot
        uses[id(node)] = mask
        kill = slot_set_by(node.statement)
        kills[id(node)] = 0 if kill is None else 1 << kill
        for follower in (node.next, node.other):
            if follower is not None:
                before[id(follower)].append(node)
    final = sum(1 << slot for slot in at_end)
    live = dict.fromkeys(uses, 0)
    todo = list(nodes)
    while todo:
        node = todo.pop()
        followers = [n for n in (node.next, node.other) if n is not None]
        out = 0 if followers else final
        for follower in followers:
            out |= live[id(follower)]
        now = uses[id(node)] | (out & ~kills[id(node)])
        if now != live[id(node)]:
            live[id(node)] = now
            todo.extend(before[id(node)])
    return {key: _members(mask) for key, mask in live.items()}


def _members(mask: int) -> frozenset[int]:
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return frozenset(found)
