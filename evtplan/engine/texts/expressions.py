"""Expressions of a text lowered to values; each access in them becomes a step of its own."""

import ast
from dataclasses import replace

from evtplan.engine.system import (
    Const,
    LocalRead,
    Me,
    SetLocal,
    VariableKind,
)
from evtplan.engine.texts.arithmetic import (
    binary,
    choice,
    constant,
    extract,
    field_of,
    insert,
    lowest,
    minus,
    negate,
    truth,
)
from evtplan.engine.texts.choices import Choices
from evtplan.engine.texts.flow import Edge, Value
from evtplan.engine.texts.places import Frame
from evtplan.engine.texts.scope import BIT_TYPE, OPERATORS, Type, WordType
from evtplan.engine.texts.words import LOCKED_WORDS, describe

__all__ = ["Expressions"]

MOST_TURNS = 4096  # of a loop that is unrolled, or of all(…), any(…), sum(…)

_VALUES = (
    "numbers, names, places, + - * // % & | ^ ~ << >>, comparisons, and, or, not, x if c else y, "
    "min, max, lowest, replace, locked operations, helpers"
)


class Expressions(Choices):
    """Lowers expressions; statements are the other half."""

    def inline(self, name: str, node: ast.Call) -> Value | None:
        """Lower a call of a helper here; its result, or None where it returns nothing."""
        raise NotImplementedError

    # -- what takes a step

    def has_access(self, node: ast.AST) -> bool:
        """True where running `node` may take a step."""
        if self.free:
            return False
        for item in ast.walk(node):
            if isinstance(item, ast.Await | ast.With):
                return True
            if isinstance(item, ast.Name) and self._is_shared(item.id):
                return True
            if isinstance(item, ast.Call) and isinstance(item.func, ast.Name):
                name = item.func.id
                if name in LOCKED_WORDS or name in ("choose", "acquire", "release", "step"):
                    return True
                if name in self.scope.text.functions and self._helper_steps(name, item):
                    return True
        return False

    def _helper_steps(self, name: str, node: ast.AST) -> bool:
        known = self.stepping.get(name)
        if known is None:
            if name in self.looking:
                raise self.fail(node, f"{name} calls itself", "a loop")
            self.looking.add(name)
            self.frames.append(Frame(self.scope.text.functions[name], {}, self.graph.entry))
            known = any(self.has_access(s) for s in self.scope.text.functions[name].body)
            self.frames.pop()
            self.looking.discard(name)
            self.stepping[name] = known
        return known

    def has_effect(self, node: ast.AST) -> bool:
        """True where evaluating `node` may take a step or call a helper, which may set ghosts."""
        return self.has_access(node) or any(
            isinstance(item, ast.Call)
            and isinstance(item.func, ast.Name)
            and item.func.id in self.scope.text.functions
            for item in ast.walk(node)
        )

    def _is_shared(self, name: str) -> bool:
        if self.frames and name in self.frame.names:
            return False
        variable = self.scope.variables.get(name)
        return variable is not None and variable.kind is VariableKind.SHARED

    # -- values

    def value(self, node: ast.expr) -> Value:
        """The value of an expression, its accesses made on the way, left to right."""
        match node:
            case ast.Constant(value=bool() | int() as number):
                return constant(
                    self.scope.number(node), BIT_TYPE if number is True or number is False else None
                )
            case ast.Name(id=name):
                return self._name(name, node)
            case ast.Attribute() | ast.Subscript():
                return self._part_of(node)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return self._operate(OPERATORS[type(op)], left, right, node)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return negate(self.value(operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return minus("-", self.value(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return minus("~", self.value(operand))
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(left, ops, others, node)
            case ast.BoolOp():
                return self._connect(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._either(test, body, orelse, node)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, node)
            case ast.Await():
                raise self.fail(node, "await is a statement of its own", "await EXPRESSION")
        culprit: ast.AST = node.op if isinstance(node, ast.BinOp) else node
        raise self.fail(
            culprit if hasattr(culprit, "lineno") else node,
            f"{describe(culprit)} cannot stand here",
            _VALUES,
        )

    def _name(self, name: str, node: ast.Name) -> Value:
        bound = self.frame.names.get(name)
        if isinstance(bound, Value):
            if isinstance(bound.expr, Me):
                self.uses_me = True
            return bound
        if isinstance(bound, int):
            return self.graph.read(bound)
        spot = self.spot(node)
        if spot is not None:
            return self.read(spot, node)
        found = self.scope.lookup(name, node)
        if isinstance(found, int):
            return constant(found)
        if found is not None:
            raise self.fail(node, f"{name} is a type, not a value")
        raise self.unknown(name, node)

    def _part_of(self, node: ast.Attribute | ast.Subscript) -> Value:
        spot = self.spot(node)
        if spot is not None:
            return self.read(spot, node)
        word = self.value(node.value)
        if isinstance(node, ast.Attribute):
            if word.type is None or word.type.word is None:
                raise self.fail(node, "this has no fields", "a word's fields: w.link")
            fields = word.type.word.fields
            if node.attr not in fields:
                raise self.scope.unknown(node.attr, node, fields)
            return field_of(word, *fields[node.attr])
        if word.type is None or not word.type.bits:
            raise self.fail(node, "this has no bits to index", "a local of type bits(n)")
        word = self._kept(word, node.slice, node.lineno)
        return extract(word, self._bit_index(node.slice, word.type), 1, BIT_TYPE)

    def _bit_index(self, node: ast.expr, type_: Type | None) -> Value:
        bits = type_.bits if type_ else 0
        at = self._index(node, "the word", Type(0, bits - 1))
        if at.low < 0 or at.most >= bits:
            self.require(self.within(at, 0, bits - 1).expr, node.lineno)
        return at

    def _kept(self, value: Value, later: ast.expr, line: int) -> Value:
        """`value`, safe from what evaluating `later` may change."""
        if self.has_effect(later) and not isinstance(value.expr, LocalRead):
            return self.hold(value, line)
        return value

    def _operate(self, op: str, left: ast.expr, right: ast.expr, node: ast.expr) -> Value:
        first = self._kept(self.value(left), right, node.lineno)
        try:
            return binary(op, first, self.value(right))
        except ValueError as error:
            raise self.fail(node, str(error)) from error

    def _compare(
        self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr], node: ast.expr
    ) -> Value:
        if isinstance(left, ast.Tuple):
            return self._compare_in_turn(left, ops, others, node)
        result = constant(1)
        first = self.value(left)
        for number, (op, other) in enumerate(zip(ops, others, strict=True)):
            if type(op) not in OPERATORS:
                raise self.fail(node, f"{describe(op)} is no comparison here", "== != < <= > >=")
            first = self._kept(first, other, node.lineno)
            second = self.value(other)
            if number + 1 < len(ops):
                second = self._kept(second, others[number + 1], node.lineno)
            result = binary("and", result, binary(OPERATORS[type(op)], first, second))
            first = second
        return result

    def _compare_in_turn(
        self, left: ast.Tuple, ops: list[ast.cmpop], others: list[ast.expr], node: ast.expr
    ) -> Value:
        """`(a, b) < (c, d)`: the first two that differ decide. All are evaluated before."""
        right, op = others[0], OPERATORS.get(type(ops[0]))
        if len(others) > 1 or op is None or not isinstance(right, ast.Tuple):
            raise self.fail(node, "a tuple is compared with one other tuple", "(a, b) < (c, d)")
        if len(left.elts) != len(right.elts) or not left.elts:
            raise self.fail(node, "the tuples have other lengths", "(a, b) < (c, d)")
        elements = [*left.elts, *right.elts]
        values = []
        for number, item in enumerate(elements):
            value = self.value(item)
            for later in elements[number + 1 :]:
                value = self._kept(value, later, node.lineno)
            values.append(value)
        pairs = list(zip(values[: len(left.elts)], values[len(left.elts) :], strict=True))
        if op in ("==", "!="):
            return _folded("and" if op == "==" else "or", [binary(op, *pair) for pair in pairs])
        result = binary(op, *pairs[-1])
        for pair in reversed(pairs[:-1]):
            result = binary("and", binary("==", *pair), result)
            result = binary("or", binary(op[0], *pair), result)
        return result

    # -- and, or, if: evaluated only as far as they decide

    def _connect(self, node: ast.BoolOp) -> Value:
        if self._is_stepwise(node.values[1:]):
            return self._decide(node)
        op = "and" if isinstance(node.op, ast.And) else "or"
        result = self.truth_value(node.values[0])
        for item in node.values[1:]:
            if result.constant == int(op == "or"):
                return result
            result = binary(op, result, self.truth_value(item))
        return result

    def _decide(self, node: ast.expr) -> Value:
        yes, no = self.decide(node)
        slot = self.temporary(0, 1)
        self.graph.open = yes
        if yes:
            self.graph.local_work(SetLocal(slot, Const(1)), node.lineno)
        yes, self.graph.open = self.graph.open, no
        if no:
            self.graph.local_work(SetLocal(slot, Const(0)), node.lineno)
        self.graph.open = yes + self.graph.open
        return Value(LocalRead(slot), 0, 1, BIT_TYPE)

    def decide(self, node: ast.expr) -> tuple[list[Edge], list[Edge]]:
        """Branch on an expression: the edges where it is true, and where it is false."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yes, no = self.decide(operand)
                return no, yes
            case ast.BoolOp(op=op, values=values) if self._is_stepwise(values[1:]):
                return self._decide_in_turn(isinstance(op, ast.And), values)
        value = self.value(node)
        if not self.graph.reached:
            return [], []
        return self.graph.branch(truth(value), node.lineno)

    def _decide_in_turn(
        self, is_and: bool, values: list[ast.expr]
    ) -> tuple[list[Edge], list[Edge]]:
        decided: list[Edge] = []
        for item in values:
            yes, no = self.decide(item)
            decided.extend(no if is_and else yes)
            self.graph.open = yes if is_and else no
            if not self.graph.reached:
                break
        rest, self.graph.open = self.graph.open, []
        return (rest, decided) if is_and else (decided, rest)

    def _either(self, test: ast.expr, body: ast.expr, orelse: ast.expr, node: ast.expr) -> Value:
        if not self._is_stepwise([body, orelse]):
            condition = self.value(test)
            if condition.constant is not None:
                return self.value(body if condition.constant else orelse)
            return choice(condition, self.value(body), self.value(orelse))
        yes, no = self.decide(test)
        slot = -1
        ends: list[Edge] = []
        results = []
        for edges, branch in ((yes, body), (no, orelse)):
            self.graph.open = edges
            if not edges:
                continue
            result = self.value(branch)
            if slot < 0:
                slot = self.temporary(result.low, result.most)
            self.graph.locals[slot].type = Type(
                0, max(self.graph.locals[slot].type.most, result.most)
            )
            self.graph.local_work(SetLocal(slot, result.expr, result.low < 0), node.lineno)
            results.append(result)
            ends.extend(self.graph.open)
        self.graph.open = ends
        kind = results[0].type if len({r.type for r in results}) == 1 else None
        return Value(
            LocalRead(slot), min(r.low for r in results), max(r.most for r in results), kind
        )

    # -- calls

    def _call(self, name: str, node: ast.Call) -> Value:
        if name in LOCKED_WORDS:
            result = self.locked(name, node)
            if result is None:
                raise self.fail(node, f"{name} has no value", "test_and_set, test_and_clear")
            return result
        if name in self.scope.text.functions:
            result = self.inline(name, node)
            if result is None:
                raise self.fail(node, f"{name} returns nothing here")
            return result
        if name == "replace":
            return self._replace(node)
        if name in self.scope.text.words:
            return self._fresh_word(name, node)
        if node.keywords:
            raise self.fail(
                node,
                f"{name} has no named arguments",
                "Word(field=value), replace(word, field=value)",
            )
        match name:
            case "min" | "max" if len(node.args) >= 2:
                result = self.value(node.args[0])
                for argument in node.args[1:]:
                    result = self._kept(result, argument, node.lineno)
                    result = binary(name, result, self.value(argument))
                return result
            case "lowest" if len(node.args) == 1:
                return lowest(self.value(node.args[0]))
            case "peek" if len(node.args) == 1:
                return self._peek(node.args[0])
            case "choose" if len(node.args) == 1:
                return self._choose(node.args[0], node)
            case "all" | "any" | "sum" if len(node.args) == 1:
                return self._gather(name, node.args[0])
        if name in ("min", "max", "lowest", "peek", "choose", "all", "any", "sum"):
            raise self.fail(node, f"{name} has other arguments", f"{name}(…)")
        raise self.unknown(name, node.func)

    def _replace(self, node: ast.Call) -> Value:
        if len(node.args) != 1 or not node.keywords:
            raise self.fail(node, "replace needs a word and fields", "replace(w, field=value)")
        word = self.value(node.args[0])
        if word.type is None or word.type.word is None:
            raise self.fail(
                node.args[0],
                "this is no word",
                "a word read from memory, a local of its type, Word(field=value)",
            )
        return self._with_fields(word, word.type.word, node)

    def _fresh_word(self, name: str, node: ast.Call) -> Value:
        """`Word(field=value)`: the fields that are not named are 0."""
        if node.args:
            raise self.fail(node, "a word's fields are given by name", f"{name}(field=value)")
        kind = self.scope.type_of(node.func)
        assert kind.word is not None
        return self._with_fields(constant(0, kind), kind.word, node)

    def _with_fields(self, word: Value, layout: WordType, node: ast.Call) -> Value:
        kind = word.type
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in layout.fields:
                raise self.scope.unknown(str(keyword.arg), node, layout.fields)
            item, field_type = layout.fields[keyword.arg]
            word = self._kept(word, keyword.value, node.lineno)
            value = self.value(keyword.value)
            self.field_fits(field_type, value, node.lineno, keyword.value)
            word = replace(insert(word, constant(item.offset), item.bits, value), type=kind)
        return word

    def _peek(self, node: ast.expr) -> Value:
        spot = self.spot(node)
        if spot is None:
            raise self.fail(node, "peek needs a place in memory", "peek(place)")
        return self.read(spot, node, peek=True)


def _folded(op: str, values: list[Value]) -> Value:
    result = values[0]
    for value in values[1:]:
        result = binary(op, result, value)
    return result
