"""Statements of a text lowered into a control-flow graph; helpers are inlined where called."""

import ast
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from evtplan.engine.arithmetic import binary, constant, insert, truth
from evtplan.engine.expressions import MOST_TURNS, Expressions
from evtplan.engine.flow import Node, NodeKind, Value
from evtplan.engine.initial import constant_range
from evtplan.engine.language import LOCKED_WORDS, STATEMENT_WORDS, describe
from evtplan.engine.places import Frame, Held, Loop
from evtplan.engine.scope import BIT_TYPE, OPERATORS, Type
from evtplan.engine.system import (
    Assert,
    Choose,
    Emit,
    Fence,
    Guard,
    Load,
    LocalRead,
    Mark,
    Me,
    Return,
    Rmw,
    SetLocal,
    Statement,
    VariableKind,
)

__all__ = ["Statements"]

MOST_NODES = 200_000
MOST_CALLS = 40  # helpers within helpers

_STATEMENTS = (
    "assignment, if, while, for, break, continue, return, pass, with lock:, await, assert, "
    "emit, mark, fence, locked operations, helpers"
)
_FENCES = {
    "fence": "full", "mb": "full", "store_fence": "store", "wmb": "store",
    "load_fence": "load", "rmb": "load",
}  # fmt: skip


class Statements(Expressions):
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
        assigned = _assigned_names(function)
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

    def no_memory(self, name: str, node: ast.AST) -> None:
        """Refuse a local with the name of something else."""
        if name in self.scope.text.variables:
            raise self.fail(node, f"{name} is memory", "another name for the local")

    # -- statements

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Lower statements one after the other, as far as they can be reached."""
        for statement in statements:
            if not self.graph.reached:
                return
            if len(self.graph.nodes) > MOST_NODES:
                raise self.fail(statement, "too large when unrolled", f"{MOST_NODES} nodes")
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

    # -- assignment

    def _assign(self, targets: list[ast.expr], value: ast.expr, node: ast.Assign) -> None:
        if len(targets) == 1 and isinstance(targets[0], ast.Tuple) and isinstance(value, ast.Tuple):
            self._assign_several(targets[0].elts, value.elts, node)
            return
        given = self.value(value)
        if len(targets) > 1:
            given = self.hold(given, node.lineno)
        for target in targets:
            self.assign_to(target, given, value)

    def _assign_several(
        self, targets: list[ast.expr], values: list[ast.expr], node: ast.Assign
    ) -> None:
        if len(targets) != len(values):
            raise self.fail(node, f"{len(values)} values for {len(targets)} names")
        held = []
        for value in values:
            given = self.value(value)
            slot = self.temporary(given.low, given.most)
            self.graph.local_work(SetLocal(slot, given.expr, given.low < 0), node.lineno)
            held.append(Value(LocalRead(slot), given.low, given.most, given.type))
        for target, given in zip(targets, held, strict=True):
            self.assign_to(target, given, node.value)

    def assign_to(self, target: ast.expr, value: Value, source: ast.expr) -> None:
        """Put `value` into a local, a part of one, or a place in memory."""
        if isinstance(target, ast.Name) and target.id not in self.scope.text.variables:
            self._assign_name(target, value, source)
            return
        if self.has_access_in_index(target):
            value = self.hold(value, target.lineno)
        spot = self.spot(target)
        if spot is not None:
            self.write(spot, value, target)
            return
        if isinstance(target, ast.Attribute | ast.Subscript) and isinstance(target.value, ast.Name):
            self._assign_part(target, target.value.id, value)
            return
        raise self.fail(target, "this cannot be assigned", "a local, a field, a place in memory")

    def _assign_name(self, target: ast.Name, value: Value, source: ast.expr) -> None:
        bound = self.frame.names.get(target.id)
        if isinstance(bound, Value):
            raise self.fail(target, f"{target.id} cannot be assigned here", "another name")
        if bound is None:
            if self.scope.lookup(target.id, target) is not None or (
                target.id in self.scope.text.functions
            ):
                raise self.fail(target, f"{target.id} is a constant of the text", "another name")
            kind = self._first_type(target, value, source)
            bound = self.graph.new_local(target.id, kind)
            self.frame.names[target.id] = bound
        self.set_local(bound, value, target)

    def _first_type(self, target: ast.Name, value: Value, source: ast.expr) -> Type:
        if value.constant is None or value.type is not None:
            return self._type_for(value, source)
        numbers = self._constants_of(target.id)
        if numbers is None or min(numbers) < 0:
            raise self.fail(
                target,
                f"the type of {target.id} cannot be told from a constant",
                f"{target.id}: upto(…) = {value.constant}",
            )
        return Type(0, max(numbers))

    def _constants_of(self, name: str) -> list[int] | None:
        """Every value that this function assigns to a name, where all are constants."""
        numbers = []
        for item in ast.walk(self.frame.function):
            if isinstance(item, ast.AugAssign | ast.AnnAssign | ast.For) and _names_it(
                item.target, name
            ):
                return None
            if isinstance(item, ast.Assign):
                for target in item.targets:
                    if isinstance(target, ast.Tuple) and any(
                        _names_it(e, name) for e in target.elts
                    ):
                        return None
                    if _names_it(target, name):
                        number = self._constant_or_truth(item.value)
                        if number is None:
                            return None
                        numbers.append(number)
        return numbers

    def _constant_or_truth(self, node: ast.expr) -> int | None:
        if isinstance(node, ast.Compare | ast.BoolOp) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        ):
            return 1
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("test_and_set", "test_and_clear", "all", "any"):
                return 1
            return None
        names = self.names_of_constants()
        for item in ast.walk(node):
            if isinstance(item, ast.Name):
                known = item.id in names or isinstance(self.scope.lookup(item.id, item), int)
                if not known or item.id in self.scope.text.variables:
                    return None
        return self.scope.number(node, names)

    def _type_for(self, value: Value, node: ast.AST) -> Type:
        if value.type is not None and not value.type.is_lock:
            return value.type
        if value.low < 0:
            raise self.fail(
                node,
                f"a local from {value.low} to {value.most}",
                "locals are not negative; annotate it",
            )
        return Type(0, value.most)

    def set_local(self, slot: int, value: Value, node: ast.AST) -> None:
        """Put a value into a local; where it came straight from an access, the access does it."""
        kind = self.graph.locals[slot].type
        line = getattr(node, "lineno", 0)
        if value.constant is not None and not kind.low <= value.constant <= kind.most:
            raise self.fail(node, f"{value.constant} is not within {kind.low} … {kind.most}")
        checked = self.fits(kind, value, line, node)
        if kind.low > 0 and value.low < kind.low:
            self.require(self.within(value, kind.low, value.most), line)
        if not checked and self._came_from_access(value):
            source = self.graph.open[0][0]
            source.statement = _into(source.statement, slot)
            return
        self.graph.local_work(SetLocal(slot, value.expr, checked), line)

    def _came_from_access(self, value: Value) -> bool:
        if not isinstance(value.expr, LocalRead) or value.expr.slot not in self.temporaries:
            return False
        if len(self.graph.open) != 1:
            return False
        statement = self.graph.open[0][0].statement
        return getattr(statement, "slot", None) == value.expr.slot and not isinstance(
            statement, SetLocal
        )

    def _assign_part(self, target: ast.Attribute | ast.Subscript, name: str, value: Value) -> None:
        slot = self.frame.names.get(name)
        if slot is None:
            raise self.unknown(name, target)
        if isinstance(slot, Value):
            raise self.fail(target, f"{name} cannot be changed here", "a copy: w = …")
        word = self.graph.read(slot)
        assert word.type is not None
        if isinstance(target, ast.Attribute):
            if word.type.word is None:
                raise self.fail(target, f"{name} has no fields")
            if target.attr not in word.type.word.fields:
                raise self.scope.unknown(target.attr, target, word.type.word.fields)
            item, kind = word.type.word.fields[target.attr]
            self.field_fits(kind, value, target.lineno, target)
            changed = insert(word, constant(item.offset), item.bits, value)
        else:
            if not word.type.bits:
                raise self.fail(target, f"{name} has no bits to index", "a local of type bits(n)")
            self.field_fits(BIT_TYPE, value, target.lineno, target)
            changed = insert(word, self._bit_index(target.slice, word.type), 1, value)
        self.graph.local_work(SetLocal(slot, changed.expr), target.lineno)

    def _annotated(
        self, target: ast.expr, annotation: ast.expr, value: ast.expr | None, node: ast.AnnAssign
    ) -> None:
        if not isinstance(target, ast.Name):
            raise self.fail(target, "only a local is annotated", "name: type = value")
        self.no_memory(target.id, target)
        kind = self.scope.type_of(annotation)
        if value is None:
            raise self.fail(node, f"{target.id} has no value", "name: type = value")
        given = self.value(value)
        bound = self.frame.names.get(target.id)
        if isinstance(bound, Value):
            raise self.fail(target, f"{target.id} cannot be assigned here", "another name")
        if bound is None:
            bound = self.graph.new_local(target.id, kind)
            self.frame.names[target.id] = bound
        elif self.graph.locals[bound].type != kind:
            raise self.fail(target, f"{target.id} has another type already")
        self.set_local(bound, given, target)

    def _augmented(
        self, target: ast.expr, op: ast.operator, value: ast.expr, node: ast.AugAssign
    ) -> None:
        if type(op) not in OPERATORS:
            raise self.fail(
                node, f"{describe(op)} cannot stand here", "+= -= *= //= %= &= |= ^= <<= >>="
            )
        if self._is_shared(_root(target)) and not self.free:
            raise self.fail(
                node,
                "an augmented assignment of shared memory is two accesses in one",
                "fetch_add(place, n), or a load and a store",
            )
        current = self.value(target)
        given = self.value(value)
        try:
            self.assign_to(target, binary(OPERATORS[type(op)], current, given), value)
        except ValueError as error:
            raise self.fail(node, str(error)) from error

    # -- loops, locks, ways out

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
        for node in self.graph.nodes:
            if node.next is label or node.other is label:
                return
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
        slot = self.graph.new_local(name, Type(min(values), max(values)))
        self.frame.names[name] = slot
        self.set_local(slot, constant(values[0]), node)
        loop = Loop(self.graph.label(node.lineno), self.graph.label(node.lineno))
        head = self.graph.label(node.lineno)
        self.graph.place(head)
        self._loop_body(loop, self.graph.open, node.body)
        self.graph.place(loop.again)
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


def _names_it(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _assigned_names(function: ast.FunctionDef) -> set[str]:
    found: set[str] = set()
    for item in ast.walk(function):
        targets: list[ast.expr] = []
        if isinstance(item, ast.Assign):
            targets = item.targets
        elif isinstance(item, ast.AugAssign | ast.AnnAssign | ast.For):
            targets = [item.target]
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            found.update(_root(part) for part in parts)
    return found


def _assigns_any(body: list[ast.stmt], lock: ast.expr) -> bool:
    used = {item.id for item in ast.walk(lock) if isinstance(item, ast.Name)}
    wrapper = ast.FunctionDef("", ast.arguments([], [], None, [], [], None, []), body, [])
    return bool(used & _assigned_names(wrapper))


def _into(statement: Statement | None, slot: int) -> Statement:
    """The same access with its result in another local."""
    assert isinstance(statement, Load | Rmw | Choose)
    return replace(statement, slot=slot)
