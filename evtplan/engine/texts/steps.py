"""A control-flow graph cut into steps: control points, and the body of each as a tree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evtplan.engine.language import TextError
from evtplan.engine.system import (
    END,
    AccessKind,
    Block,
    Const,
    ControlPoint,
    Fence,
    Goto,
    If,
    Load,
    Rmw,
    SetLocal,
    Statement,
    Store,
)
from evtplan.engine.texts.flow import Graph, Node, NodeKind
from evtplan.engine.texts.liveness import live_sets, slot_set_by
from evtplan.engine.texts.simplify import simplified

__all__ = ["Steps", "access_kind"]

MOST_STATEMENTS = 400_000

# Where a body stands: at which node, and in which phase.
At = tuple[int, int]
AT_START, UNDER_WAY, ACCESSED = 0, 1, 2


@dataclass(slots=True)
class Steps:
    """Cuts `graph` at its accesses and pauses. `fail` makes the error for a line."""

    graph: Graph
    fail: Callable[[int, str, str], TextError]
    source: tuple[str, ...] = ()
    at_end: frozenset[int] = frozenset()
    points: list[Node] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    live: Mapping[int, frozenset[int]] = field(default_factory=dict)
    made: int = 0

    def __post_init__(self) -> None:
        self.live = live_sets(self.graph, self.at_end)

    # -- control points

    def entry(self) -> Block:
        """The local work before the first control point, ending in a `Goto` to it."""
        return self._body(self.graph.entry, ACCESSED)

    def control_points(self) -> tuple[ControlPoint, ...]:
        """Every control point that those known so far lead to, with its body."""
        made: list[ControlPoint] = []
        while len(made) < len(self.points):
            node = self.points[len(made)]
            body = self._body(node, AT_START)
            text = self.source[node.line - 1].strip() if 0 < node.line <= len(self.source) else ""
            made.append(
                ControlPoint(
                    index=len(made),
                    line=node.line,
                    label=text,
                    body=body,
                    access=access_kind(body),
                    live=tuple(sorted(self.live[id(node)])),
                    waits=node.waits,
                )
            )
        return tuple(made)

    def point(self, node: Node) -> int:
        """The number of the control point at `node`, a new one where it has none."""
        if id(node) not in self.numbers:
            self.numbers[id(node)] = len(self.points)
            self.points.append(node)
        return self.numbers[id(node)]

    # -- bodies

    def _body(self, start: Node, phase: int) -> Block:
        region = _Region(self, start, phase)
        live = self.live[id(start)]
        block, _ = region.emit(region.start, None, set(live))
        return simplified(block, live, len(self.graph.locals))

    def goto(self, node: Node | None, dirty: set[int]) -> list[Statement]:
        """End a step at `node`: dead locals are set to 0."""
        live = self.at_end if node is None else self.live[id(node)]
        end: list[Statement] = [SetLocal(slot, Const(0)) for slot in sorted(dirty - live)]
        end.append(Goto(END if node is None else self.point(node)))
        return end


class _Region:
    """The nodes of one step, from its control point to the next ones; it has no cycle."""

    def __init__(self, steps: Steps, start: Node, phase: int) -> None:
        self.steps = steps
        self.nodes: dict[int, Node] = {}
        self.joins: dict[At, At | None] = {}
        self.start = (id(start), phase)
        self.nodes[id(start)] = start
        self._explore()

    def followers(self, at: At) -> list[At]:
        """Where the step may go on to from `at`; none where it ends."""
        node = self.nodes[at[0]]
        accessed = at[1] == ACCESSED or node.kind is NodeKind.ACCESS
        phase = ACCESSED if accessed else UNDER_WAY
        found = []
        for follower in (node.next, node.other) if node.kind is NodeKind.BRANCH else (node.next,):
            following = self.steps.graph.follow(follower)
            if following is None:
                if follower is not None:
                    raise self._endless(follower.line or node.line)
                continue
            self.nodes[id(following)] = following
            found.append((id(following), phase))
        return found

    def _endless(self, line: int) -> TextError:
        return self.steps.fail(
            line,
            "an endless local loop: some way round has no access",
            "a while whose every turn makes an access; for … in range(…) for local work",
        )

    def ends(self, at: At) -> bool:
        """True where a step that stands at `at` ends there."""
        if at == self.start:
            return False
        kind = self.nodes[at[0]].kind
        return kind in (NodeKind.PAUSE, NodeKind.END) or (
            kind is NodeKind.ACCESS and at[1] == ACCESSED
        )

    def _explore(self) -> None:
        """Order the region, refuse cycles, and find where branches come together again."""
        order: list[At] = []
        state: dict[At, int] = {}
        followers: dict[At, list[At]] = {}
        todo: list[tuple[At, bool]] = [(self.start, False)]
        while todo:
            at, done = todo.pop()
            if done:
                state[at] = 2
                order.append(at)
                continue
            if state.get(at) == 2:
                continue
            state[at] = 1
            todo.append((at, True))
            followers[at] = [] if self.ends(at) else self.followers(at)
            for follower in followers[at]:
                if state.get(follower) == 1:
                    raise self._endless(self.nodes[follower[0]].line or self.nodes[at[0]].line)
                if state.get(follower) is None:
                    todo.append((follower, False))
        self._find_joins(order, followers)

    def _find_joins(self, order: list[At], followers: Mapping[At, list[At]]) -> None:
        depth: dict[At | None, int] = {None: 0}
        joins = self.joins
        for at in order:  # followers come before those they follow
            nexts = followers[at]
            if not nexts:
                joins[at] = None
            else:
                meet: At | None = nexts[0]
                for other in nexts[1:]:
                    meet = _common(meet, other, joins, depth)
                joins[at] = meet
            depth[at] = depth[joins[at]] + 1

    def emit(self, at: At, stop: At | None, dirty: set[int]) -> tuple[Block, set[int]]:
        """The statements from `at` up to `stop` (None: to the step's ends)."""
        made: list[Statement] = []
        while at != stop:
            node = self.nodes[at[0]]
            self.steps.made += 1
            if self.steps.made > MOST_STATEMENTS:
                raise self.steps.fail(node.line, "the steps become too large", "less local work")
            if self.ends(at):
                made += self._end(node, dirty)
                break
            if node.kind is NodeKind.BRANCH:
                assert node.test is not None
                join = self.joins[at]
                then, other = self.followers(at)
                ways = []
                after: set[int] = set()
                for way in (then, other):
                    block, left = self.emit(way, join, set(dirty))
                    ways.append(block)
                    after |= left
                made.append(If(node.test, ways[0], ways[1]))
                dirty = after
                if join is None:
                    break
                at = join
                continue
            if node.statement is not None:
                made.append(node.statement)
                slot = slot_set_by(node.statement)
                if slot is not None:
                    dirty.add(slot)
            following = self.followers(at)
            if not following:
                break
            at = following[0]
        return tuple(made), dirty

    def _end(self, node: Node, dirty: set[int]) -> list[Statement]:
        if node.kind is NodeKind.END:
            if node.statement is not None:
                return [node.statement]
            return self.steps.goto(None, dirty)
        return self.steps.goto(node, dirty)


def _common(
    left: At | None, right: At | None, joins: Mapping[At, At | None], depth: Mapping[At | None, int]
) -> At | None:
    while left != right:
        if depth[left] >= depth[right]:
            assert left is not None
            left = joins[left]
        else:
            assert right is not None
            right = joins[right]
    return left


def access_kind(body: Block) -> AccessKind:
    """The kind of the first access in a body."""
    for statement in body:
        match statement:
            case Load():
                return AccessKind.LOAD
            case Store(release=release):
                return AccessKind.RELEASE if release else AccessKind.STORE
            case Rmw(acquire=acquire):
                return AccessKind.ACQUIRE if acquire else AccessKind.RMW
            case Fence():
                return AccessKind.FENCE
            case If(then=then, other=other):
                for way in (then, other):
                    kind = access_kind(way)
                    if kind is not AccessKind.NONE:
                        return kind
    return AccessKind.NONE
