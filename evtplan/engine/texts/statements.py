"""Statements of a text lowered into a control-flow graph; helpers are inlined where called."""

import ast
from collections.abc import Sequence
from copy import deepcopy

from evtplan.engine.system import (
    Assert,
    Emit,
    Fence,
    Guard,
    LocalRead,
    Mark,
    Me,
    VariableKind,
)
from evtplan.engine.texts.arithmetic import truth
from evtplan.engine.texts.assignments import assigned_names
from evtplan.engine.texts.flow import Node, NodeKind, Value
from evtplan.engine.texts.loops import Loops
from evtplan.engine.texts.places import Frame
from evtplan.engine.texts.scope import Type
from evtplan.engine.texts.words import LOCKED_WORDS, STATEMENT_WORDS, describe

__all__ = ["Statements"]

MOST_NODES = 200_000
MOST_STEPS = 2_500  # of a process; the printed code of many more nests too deeply
MOST_CALLS = 40  # helpers within helpers

_STATEMENTS = (
    "assignment, if, while, for, break, continue, return, pass, with lock:, await, assert, "
    "emit, mark, fence, locked operations, helpers"
)
_FENCES = {
    "fence": "full", "mb": "full", "store_fence": "store", "wmb": "store",
    "load_fence": "load", "rmb": "load",
}  # fmt: skip


class Statements(Loops):
    """Lowers whole functions."""

    # -- functions

    def body(self, function: ast.FunctionDef, names: dict[str, int | Value]) -> Frame:
        """Lower a function's body here; the open edges then lead from its end."""
        frame = Frame(function, names, self.graph.label(function.lineno))
        self.frames.append(frame)
        self.block(function.body)
        self.graph.connect(frame.leave)
        self.graph.open = [(frame.leave, "next")]
        self.frames.pop()
        return frame

    def inline(self, name: str, node: ast.Call) -> Value | None:
        function = self.scope.text.functions[name]
        if any(frame.function is function for frame in self.frames):
            raise self.fail(node, f"{name} calls itself", "a loop")
        if len(self.frames) > MOST_CALLS:
            raise self.fail(node, "helpers within helpers, too deep")
        parameters = function.args.args
        if len(node.args) != len(parameters) or node.keywords:
            wanted = ", ".join(parameter.arg for parameter in parameters)
            raise self.fail(node, f"{name} takes {len(parameters)} arguments", f"{name}({wanted})")
        before, self.accesses_left = self.accesses_left, self.accesses_left
        if self.accesses_left is not None and self._steps_in(function):
            raise self.fail(node, f"{name} makes accesses: {self.only_inside}")
        values: list[Value] = []
        for position, argument in enumerate(node.args):
            value = self.value(argument)
            if any(self.has_effect(later) for later in node.args[position + 1 :]):
                value = self.hold(value, node.lineno)
            values.append(value)
        names: dict[str, int | Value] = {}
        assigned = assigned_names(function)
        for parameter, value in zip(parameters, values, strict=True):
            names[parameter.arg] = self._argument(parameter, value, parameter.arg in assigned)
        frame = self.body(function, names)
        self.accesses_left = before
        if frame.result is None:
            return None
        return self._result(frame)

    def _steps_in(self, function: ast.FunctionDef) -> bool:
        return any(self.has_access(statement) for statement in function.body)

    def _argument(self, parameter: ast.arg, value: Value, assigned: bool) -> int | Value:
        self.no_memory(parameter.arg, parameter)
        kind = self.scope.type_of(parameter.annotation) if parameter.annotation else None
        fits = kind is None or (value.low >= kind.low and value.most <= kind.most)
        simple = value.constant is not None or isinstance(value.expr, Me)
        if isinstance(value.expr, LocalRead):
            simple = value.expr.slot not in self.temporaries
        if simple and fits and not assigned:
            if kind is not None and kind.word is None and value.type is None:
                return Value(value.expr, value.low, value.most, kind)
            return value
        slot = self.graph.new_local(parameter.arg, kind or self._type_for(value, parameter))
        self.set_local(slot, value, parameter)
        return slot

    def _result(self, frame: Frame) -> Value:
        assert frame.result is not None
        values = frame.returns
        slot = frame.result
        local = self.graph.locals[slot]
        kinds = {id(value.type.word) for value in values if value.type and value.type.word}
        word = next((v.type.word for v in values if v.type and v.type.word), None)
        kind = local.type
        if word is not None and len(kinds) == 1:
            kind = local.type = Type(0, local.type.most, word)
        return Value(LocalRead(slot), kind.low, kind.most, kind)

    # -- statements

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Lower statements one after the other, as far as they can be reached."""
        for statement in statements:
            if not self.graph.reached:
                return
            if len(self.graph.nodes) > MOST_NODES:
                raise self.fail(statement, "too large when unrolled", f"{MOST_NODES} nodes")
            if self.graph.steps > MOST_STEPS:
                raise self.fail(
                    statement,
                    f"more than {MOST_STEPS} accesses in one process, helpers counted at each call",
                    "a loop, fewer calls",
                )
            held = self.busy_temporaries
            if self.history or not self._is_history(statement):
                self.statement(statement)
            self.busy_temporaries = held

    def statement(self, node: ast.stmt) -> None:
        """Lower one statement."""
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case ast.Expr(value=value) if any(isinstance(n, ast.Await) for n in ast.walk(value)):
                # To Python `await a == b` is `(await a) == b`: the await is taken out again.
                self._await(_Awaited().visit(deepcopy(value)))
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call):
                self._call_statement(name, call)
            case ast.Assign(targets=targets, value=value):
                self._assign(targets, value, node)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                self._annotated(target, annotation, value, node)
            case ast.AugAssign(target=target, op=op, value=value):
                self._augmented(target, op, value, node)
            case ast.If(test=test, body=body, orelse=orelse):
                yes, no = self.decide(test)
                self.graph.open = yes
                self.block(body)
                yes, self.graph.open = self.graph.open, no
                self.block(orelse)
                self.graph.open = yes + self.graph.open
            case ast.While():
                self._while(node)
            case ast.For():
                self._for(node)
            case ast.With(items=[ast.withitem(context_expr=lock, optional_vars=None)], body=body):
                self._with(lock, body, node)
            case ast.Break() | ast.Continue():
                self._leave_loop(node)
            case ast.Return(value=value):
                self._return(value, node)
            case ast.Assert(test=test, msg=message):
                self._assert(test, message, node)
            case ast.Expr(value=value):
                raise self.fail(value, "a value that is not used", _STATEMENTS)
            case _:
                raise self.fail(node, f"{describe(node)} cannot stand here", _STATEMENTS)

    def _call_statement(self, name: str, node: ast.Call) -> None:
        if name in ("set_bit", "clear_bit") or (
            name in LOCKED_WORDS and name not in self.scope.text.functions
        ):
            self.locked(name, node)
        elif name in self.scope.text.functions:
            self.inline(name, node)
        elif name not in STATEMENT_WORDS:
            if name == "choose":
                raise self.fail(node, "the chosen value is not used", "p = choose(…)")
            value = self.value(node)
            raise self.fail(node, f"the value of {name} is not used ({value.low} … {value.most})")
        elif node.keywords:
            raise self.fail(node, f"{name} has no named arguments")
        elif name in _FENCES:
            self._fence(_FENCES[name], node)
        elif name in ("acquire", "release"):
            self._lock(name, node)
        elif name == "step":
            self._step(node)
        elif name == "emit":
            what = self._sentence(node.args[0] if node.args else None, node, 'emit("name", value…)')
            values = [self.value(argument).expr for argument in node.args[1:]]
            self.graph.local_work(Emit(what, tuple(values), node.lineno), node.lineno)
        else:
            what = self._sentence(
                node.args[0] if len(node.args) == 1 else None, node, 'mark("name")'
            )
            self.graph.local_work(Mark(what), node.lineno)

    def _sentence(self, node: ast.expr | None, call: ast.AST, form: str) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
            return " ".join(node.value.split())
        raise self.fail(node or call, "a sentence in quotes is needed", form)

    def _fence(self, kind: str, node: ast.Call) -> None:
        if node.args:
            raise self.fail(
                node, "a fence has no arguments", "fence(), store_fence(), load_fence()"
            )
        if self.memory != "sc":
            self.access(Fence(kind), node)

    def _step(self, node: ast.Call) -> None:
        if node.args:
            raise self.fail(node, "step has no arguments", "step()")
        self.access_at(Node(NodeKind.ACCESS, node.lineno), node)

    def _lock(self, name: str, node: ast.Call) -> None:
        if len(node.args) != 1:
            raise self.fail(node, f"{name} takes a lock", f"{name}(L)")
        place = self.lock_place(node.args[0])
        if name == "acquire":
            self.take(place, node)
        else:
            release = self.release_node(place, node.lineno)
            self.access_at(release, node)

    def access_at(self, node: Node, syntax: ast.AST) -> None:
        """Put a ready access here."""
        if self.free:
            raise self.fail(syntax, "a property only reads", "reading memory is free here")
        self.graph.add(node)

    def _await(self, node: ast.expr) -> None:
        if self.free:
            raise self.fail(node, "a property waits for nothing")
        if not self.has_access(node):
            self.graph.add(Node(NodeKind.PAUSE, node.lineno, waits=self.waits))
            test = truth(self.value(node))
            self.graph.local_work(Guard(test), node.lineno)
            return
        before = len(self.graph.nodes)
        self.accesses_left = 1
        self.only_inside = "await looks at one place"
        condition = self.value(node)
        self.accesses_left = None
        for made in self.graph.nodes[before:]:
            if made.kind is NodeKind.ACCESS:
                made.waits = self.waits
        self.graph.local_work(Guard(truth(condition)), node.lineno)

    # -- assertions and history

    def _assert(self, test: ast.expr, message: ast.expr | None, node: ast.Assert) -> None:
        name, sentence = f"line {node.lineno}", ""
        if message is not None:
            text = self._sentence(message, node, 'assert condition, "name: sentence"')
            name, _, sentence = text.partition(":")
            if not name.isidentifier():
                name, sentence = text, ""
        if self.free:
            raise self.fail(node, "a property returns its verdict", "return condition")
        self.sentences[name] = (sentence.strip() or name, self._mentions_history(node))
        if self._mentions_history(node) and not self.history:
            return
        self.free = True
        condition = truth(self.value(test))
        self.free = False
        self.graph.local_work(Assert(name, condition, node.lineno), node.lineno)

    def _is_history(self, node: ast.stmt) -> bool:
        """True for a statement that is only there for the history, which is off."""
        if isinstance(node, ast.Return | ast.With | ast.Assert):
            return False
        tested: list[ast.AST] = [node]
        if isinstance(node, ast.If | ast.While):
            tested = [node.test]
        elif isinstance(node, ast.For):
            tested = [node.iter]
        if not any(self._mentions_history(item) for item in tested):
            return False
        if self.has_access(node):
            raise self.fail(
                node, "history may not be mixed with accesses", "a statement of its own"
            )
        return True

    def _mentions_history(self, node: ast.AST) -> bool:
        for item in ast.walk(node):
            if isinstance(item, ast.Name):
                declared = self.scope.text.variables.get(item.id)
                if declared is not None and declared.kind is VariableKind.HISTORY:
                    return True
                helper = self.scope.text.functions.get(item.id)
                if helper is not None and self._only_history(helper):
                    return True
        return False

    def _only_history(self, function: ast.FunctionDef) -> bool:
        if any(self.has_access(statement) for statement in function.body):
            return False
        if any(frame.function is function for frame in self.frames):
            return False
        return any(
            isinstance(item, ast.Name)
            and item.id in self.scope.text.variables
            and self.scope.text.variables[item.id].kind is VariableKind.HISTORY
            for item in ast.walk(function)
        )


class _Awaited(ast.NodeTransformer):
    def visit_Await(self, node: ast.Await) -> ast.expr:
        return node.value
