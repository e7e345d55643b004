"""The control-flow graph of one process, procedure or property, while it is being lowered."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from evtplan.engine.system import Const, Expr, LocalRead, Statement
from evtplan.engine.texts.scope import Type

__all__ = ["Graph", "Local", "Node", "NodeKind", "Value"]


class NodeKind(Enum):
    """What a node does, and whether a step may begin at it."""

    LOCAL = "local"  # work that rides along with a step
    ACCESS = "access"  # one access: a step has one
    PAUSE = "pause"  # a choice, or a wait for ghosts: a step begins here, an access may follow
    BRANCH = "branch"
    LABEL = "label"
    END = "end"


@dataclass(slots=True, eq=False)
class Node:
    """`statement` and where it goes on: `next`, or `other` where a branch's `test` is 0."""

    kind: NodeKind
    line: int
    statement: Statement | None = None
    test: Expr | None = None
    next: "Node | None" = None
    other: "Node | None" = None
    waits: bool = False
    reached: bool = False


@dataclass(slots=True)
class Local:
    """A local while its process is lowered: its slot's name and the most it may hold."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Value:
    """An expression and what is known of it: its least and most, its word, its bits."""

    expr: Expr
    low: int
    most: int
    type: Type | None = None

    @property
    def constant(self) -> int | None:
        """Its number, where it is one."""
        return self.expr.value if isinstance(self.expr, Const) else None

    @property
    def is_truth(self) -> bool:
        """True where it can only be 0 or 1."""
        return self.low >= 0 and self.most <= 1


Edge = tuple[Node, str]


@dataclass(slots=True)
class Graph:
    """Nodes in the order they were made; `open` are the edges that lead to the next one."""

    nodes: list[Node] = field(default_factory=list)
    locals: list[Local] = field(default_factory=list)
    entry: Node = field(default_factory=lambda: Node(NodeKind.LABEL, 0))
    open: list[Edge] = field(default_factory=list)
    steps: int = 0  # nodes at which a step may begin

    def __post_init__(self) -> None:
        self.nodes.append(self.entry)
        self.open = [(self.entry, "next")]

    @property
    def reached(self) -> bool:
        """True where the next node could be reached at all."""
        return bool(self.open)

    def add(self, node: Node) -> Node:
        """Put `node` where the open edges lead."""
        self.nodes.append(node)
        self.steps += node.kind in (NodeKind.ACCESS, NodeKind.PAUSE)
        self.connect(node)
        self.open = [(node, "next")]
        return node

    def connect(self, node: Node) -> None:
        """Let the open edges lead to `node`; none is open after that."""
        node.reached = node.reached or bool(self.open)
        for source, side in self.open:
            setattr(source, side, node)
        self.open = []

    def local_work(self, statement: Statement, line: int) -> Node:
        """A statement that rides along."""
        return self.add(Node(NodeKind.LOCAL, line, statement))

    def branch(self, test: Expr, line: int) -> tuple[list[Edge], list[Edge]]:
        """A branch on `test`: the edges where it is not 0, and where it is."""
        if isinstance(test, Const):
            taken = self.open
            self.open = []
            return (taken, []) if test.value else ([], taken)
        node = self.add(Node(NodeKind.BRANCH, line, test=test))
        self.open = []
        return [(node, "next")], [(node, "other")]

    def label(self, line: int) -> Node:
        """A label that is put in place later with `place`."""
        node = Node(NodeKind.LABEL, line)
        self.nodes.append(node)
        return node

    def place(self, label: Node) -> None:
        """Go on at `label`, whoever else jumps there."""
        self.connect(label)
        self.open = [(label, "next")]

    def new_local(self, name: str, kind: Type) -> int:
        """The slot of a new local."""
        self.locals.append(Local(name, kind))
        return len(self.locals) - 1

    def read(self, slot: int) -> Value:
        """The local in `slot` as a value."""
        kind = self.locals[slot].type
        if kind.low == kind.most:  # it can be nothing else
            return Value(Const(kind.low), kind.low, kind.most, kind)
        return Value(LocalRead(slot), kind.low, kind.most, kind)

    def follow(self, node: Node | None) -> Node | None:
        """`node`, or where it leads if it is only a label."""
        seen = 0
        while node is not None and node.kind is NodeKind.LABEL:
            node = node.next
            seen += 1
            if seen > len(self.nodes):
                return None  # labels in a ring: an endless loop with nothing in it
        return node

    def has_quiet_way(self, start: Node, end: Node) -> bool:
        """True where some way leads from `start` to `end` without an access or a pause."""
        seen: set[int] = set()
        todo = [start]
        while todo:
            node = todo.pop()
            if node is end:
                return True
            if id(node) in seen or node.kind in (NodeKind.ACCESS, NodeKind.PAUSE):
                continue
            seen.add(id(node))
            todo.extend(n for n in (node.next, node.other) if n is not None)
        return False

    def reachable(self, start: Iterable[Node]) -> list[Node]:
        """Every node that can be reached from `start`."""
        found: dict[int, Node] = {}
        todo = list(start)
        while todo:
            node = todo.pop()
            if id(node) in found:
                continue
            found[id(node)] = node
            todo.extend(n for n in (node.next, node.other) if n is not None)
        return list(found.values())
