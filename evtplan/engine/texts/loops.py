"""Loops, locks and the ways out of them."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from evtplan.engine.system import (
    LocalRead,
    Return,
    SetLocal,
)
from evtplan.engine.texts.arithmetic import binary, constant, truth
from evtplan.engine.texts.assignments import Assignments, assigned_names
from evtplan.engine.texts.choices import MOST_TURNS
from evtplan.engine.texts.flow import Edge, Node, NodeKind, Value
from evtplan.engine.texts.initial import constant_range
from evtplan.engine.texts.places import Frame, Held, Loop
from evtplan.engine.texts.scope import Type

__all__ = ["Loops"]


@dataclass(slots=True)
class _Snapshot:
    """What there was before a loop was lowered."""

    nodes: int
    locals: int
    open: list[Edge]
    temporaries: list[int]
    names: dict[str, int | Value]
    result: int | None
    returns: list[Value]
    releases: list[dict[int, Node] | None]


class Loops(Assignments):
    """Lowers loops, `with`, `break`, `continue` and `return`."""

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Lower statements one after the other."""
        raise NotImplementedError

    def _while(self, node: ast.While) -> None:
        if self.free:
            raise self.fail(node, "a property has no while", "for … in range(…), with break")
        loop = Loop(self.graph.label(node.lineno), self.graph.label(node.lineno))
        self.graph.place(loop.again)
        yes, no = self.decide(node.test)
        self._loop_body(loop, yes, node.body)
        self.graph.connect(loop.again)
        self.graph.open = no
        self.block(node.orelse)
        self.graph.place(loop.leave)
        self._drop_if_unused(loop.leave)

    def _drop_if_unused(self, label: Node) -> None:
        if not label.reached:
            self.graph.open = []

    def _loop_body(self, loop: Loop, edges: list[tuple[Node, str]], body: list[ast.stmt]) -> None:
        self.graph.open = edges
        self.frame.around.append(loop)
        self.block(body)
        self.frame.around.pop()

    def _for(self, node: ast.For) -> None:
        if not isinstance(node.target, ast.Name):
            raise self.fail(node.target, "a plain name counts", "for i in type:")
        name = node.target.id
        self.no_memory(name, node.target)
        values = constant_range(self.scope, node.iter, self.names_of_constants())
        if not values:
            self.block(node.orelse)
            return
        bound = self.frame.names.get(name)
        if isinstance(bound, Value) and bound.constant is None:
            raise self.fail(node.target, f"{name} cannot be assigned here", "another name")
        if any(self.has_access(item) for item in node.body) and len(values) > 1:
            self._for_stepwise(name, values, node)
        else:
            self._for_unrolled(name, values, node)

    def _for_unrolled(self, name: str, values: range, node: ast.For) -> None:
        if len(values) > MOST_TURNS:
            raise self.fail(node, f"{len(values)} turns in one step", f"at most {MOST_TURNS}")
        leave = self.graph.label(node.lineno)
        kind = Type(0, max(values)) if max(values) >= 0 else None
        hidden = self.frame.names.get(name)
        for number in values:
            if not self.graph.reached:
                break
            self.frame.names[name] = constant(number, kind)
            loop = Loop(leave, self.graph.label(node.lineno))
            self._loop_body(loop, self.graph.open, node.body)
            self.graph.place(loop.again)
            self._drop_if_unused(loop.again)
        if hidden is None or isinstance(hidden, Value):
            self.frame.names.pop(name, None)
        else:
            self.frame.names[name] = hidden
        self.block(node.orelse)
        self.graph.place(leave)
        self._drop_if_unused(leave)

    def _for_stepwise(self, name: str, values: range, node: ast.For) -> None:
        if min(values) < 0:
            raise self.fail(node.iter, "a loop with accesses counts no negative numbers")
        before = self._snapshot()
        slot = self.graph.new_local(name, Type(min(values), max(values)))
        self.frame.names[name] = slot
        self.set_local(slot, constant(values[0]), node)
        loop = Loop(self.graph.label(node.lineno), self.graph.label(node.lineno))
        head = self.graph.label(node.lineno)
        self.graph.place(head)
        self._loop_body(loop, self.graph.open, node.body)
        self.graph.place(loop.again)
        if self.graph.has_quiet_way(head, loop.again):
            # Some turn makes no access: it cannot stand at a control point of its own.
            self._undo(before)
            self._for_unrolled(name, values, node)
            return
        counter = self.graph.read(slot)
        ended = binary("==", counter, constant(values[-1]))
        yes, no = self.graph.branch(ended.expr, node.lineno)
        self.graph.open = no
        following = binary("+", counter, constant(values.step))
        self.graph.local_work(SetLocal(slot, following.expr), node.lineno)
        self.graph.connect(head)
        self.graph.open = yes
        self.block(node.orelse)
        self.graph.place(loop.leave)

    def _snapshot(self) -> _Snapshot:
        frame = self.frame
        return _Snapshot(
            len(self.graph.nodes),
            len(self.graph.locals),
            list(self.graph.open),
            list(self.temporaries),
            dict(frame.names),
            frame.result,
            list(frame.returns),
            [dict(a.releases) if isinstance(a, Held) else None for a in frame.around],
        )

    def _undo(self, before: _Snapshot) -> None:
        """Forget what was lowered since; later nodes take the place of those dropped."""
        frame = self.frame
        del self.graph.nodes[before.nodes :]
        del self.graph.locals[before.locals :]
        self.graph.open = before.open
        self.temporaries[:] = before.temporaries
        frame.names = before.names
        frame.result = before.result
        frame.returns = before.returns
        for around, releases in zip(frame.around, before.releases, strict=True):
            if isinstance(around, Held) and releases is not None:
                around.releases = releases

    def _with(self, lock: ast.expr, body: list[ast.stmt], node: ast.With) -> None:
        place = self.lock_place(lock)
        if isinstance(place.index, LocalRead) and _assigns_any(body, lock):
            raise self.fail(lock, "the lock's index changes inside", "a local of its own for it")
        self.take(place, node)
        held = Held(place, node.lineno)
        self.frame.around.append(held)
        self.block(body)
        self.frame.around.pop()
        if self.graph.reached:
            self.graph.add(self.release_node(place, node.lineno))

    def _leave_loop(self, node: ast.Break | ast.Continue) -> None:
        for depth in range(len(self.frame.around) - 1, -1, -1):
            around = self.frame.around[depth]
            if isinstance(around, Loop):
                target = around.leave if isinstance(node, ast.Break) else around.again
                self.exit_to(target, depth + 1)
                return
        raise self.fail(node, "outside a loop")

    def _return(self, value: ast.expr | None, node: ast.Return) -> None:
        frame = self.frame
        if value is None:
            if frame.result is not None or (self.free and len(self.frames) == 1):
                raise self.fail(node, "a value must be returned here", "return EXPRESSION")
        else:
            given = self.value(value)
            if self.free and len(self.frames) == 1:
                self.graph.add(Node(NodeKind.END, node.lineno, Return(truth(given))))
                self.graph.open = []
                return
            self._keep_result(frame, given, node)
        self.exit_to(frame.leave, 0)

    def _keep_result(self, frame: Frame, value: Value, node: ast.Return) -> None:
        annotated = frame.function.returns
        if frame.result is None:
            if annotated is not None:
                kind = self.scope.type_of(annotated)
            else:
                kind = value.type or Type(0, max(0, value.most))
                kind = Type(0, kind.most, kind.word, kind.bits)
            frame.result = self.graph.new_local("result", kind)
        local = self.graph.locals[frame.result]
        if annotated is None and value.most > local.type.most:
            local.type = Type(0, value.most, local.type.word, local.type.bits)
        frame.returns.append(value)
        self.set_local(frame.result, value, node)


def _assigns_any(body: list[ast.stmt], lock: ast.expr) -> bool:
    used = {item.id for item in ast.walk(lock) if isinstance(item, ast.Name)}
    wrapper = ast.FunctionDef("", ast.arguments([], [], None, [], [], None, []), body, [])
    return bool(used & assigned_names(wrapper))
