"""Expressions of a text lowered to values; each access in them becomes a step of its own."""

import ast
from collections.abc import Iterator

from evtplan.engine.arithmetic import (
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
from evtplan.engine.flow import Edge, Node, NodeKind, Value
from evtplan.engine.initial import constant_range
from evtplan.engine.language import LOCKED_WORDS, describe
from evtplan.engine.places import Frame, Places
from evtplan.engine.scope import BIT_TYPE, OPERATORS, Type
from evtplan.engine.system import (
    Choose,
    Const,
    Guard,
    LocalRead,
    Me,
    SetLocal,
    VariableKind,
)

__all__ = ["Expressions"]

MOST_TURNS = 4096  # of a loop that is unrolled, or of all(…), any(…), sum(…)

_VALUES = (
    "numbers, names, places, + - * // % & | ^ ~ << >>, comparisons, and, or, not, x if c else y, "
    "min, max, lowest, replace, locked operations, helpers"
)


class Expressions(Places):
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

    def names_of_constants(self) -> dict[str, int]:
        """The names of this function that are numbers: loop variables of unrolled loops."""
        found = {}
        for name, bound in self.frame.names.items():
            if isinstance(bound, Value) and bound.constant is not None:
                found[name] = bound.constant
        return found

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

    def truth_value(self, node: ast.expr) -> Value:
        """An expression as 0 or 1."""
        value = self.value(node)
        return value if value.is_truth else Value(truth(value), 0, 1, BIT_TYPE)

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
            self.require(self.within(at, 0, bits - 1), node.lineno)
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

    # -- and, or, if: evaluated only as far as they decide

    def _is_stepwise(self, nodes: list[ast.expr]) -> bool:
        # Inside an await the one access comes first and all the rest is local.
        return self.accesses_left is None and any(self.has_effect(item) for item in nodes)

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
        if node.keywords:
            raise self.fail(node, f"{name} has no named arguments", "replace(word, field=value)")
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
                node.args[0], "this is no word", "a word read from memory, a local of its type"
            )
        fields = word.type.word.fields
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in fields:
                raise self.scope.unknown(str(keyword.arg), node, fields)
            item, kind = fields[keyword.arg]
            word = self._kept(word, keyword.value, node.lineno)
            value = self.value(keyword.value)
            self.field_fits(kind, value, node.lineno, keyword.value)
            word = insert(word, constant(item.offset), item.bits, value)
        return word

    def _peek(self, node: ast.expr) -> Value:
        spot = self.spot(node)
        if spot is None:
            raise self.fail(node, "peek needs a place in memory", "peek(place)")
        return self.read(spot, node, peek=True)

    # -- choices and counted expressions

    def _choose(self, node: ast.expr, call: ast.Call) -> Value:
        if self.free:
            raise self.fail(call, "a property chooses nothing")
        if self.accesses_left is not None:
            raise self.fail(call, "a choice is a step of its own here", self.only_inside)
        tests: list[ast.expr] = []
        name, source = "", node
        if isinstance(node, ast.GeneratorExp):
            if len(node.generators) != 1:
                raise self.fail(node, "one for is allowed in choose(…)")
            generator = node.generators[0]
            if not isinstance(generator.target, ast.Name):
                raise self.fail(generator.target, "a plain name is chosen")
            if not (isinstance(node.elt, ast.Name) and node.elt.id == generator.target.id):
                raise self.fail(
                    node.elt, "the chosen value itself stands here", "choose(q for q in …)"
                )
            name, source, tests = generator.target.id, generator.iter, generator.ifs
        values = constant_range(self.scope, source, self.names_of_constants())
        if abs(values.step) != 1 or not values:
            raise self.fail(source, "nothing to choose from", "a type, span(a, b), range(a, b)")
        low, high = min(values), max(values)
        if low < 0:
            raise self.fail(source, "a choice is not negative")
        slot = self.temporary(low, high)
        chosen = Value(LocalRead(slot), low, high, Type(low, high))
        self.graph.add(
            Node(
                NodeKind.PAUSE,
                call.lineno,
                Choose(slot, Const(low), Const(high)),
                waits=self.waits,
            )
        )
        if tests:
            self._choose_where(name, chosen, tests, call)
        return chosen

    def _choose_where(
        self, name: str, chosen: Value, tests: list[ast.expr], call: ast.Call
    ) -> None:
        hidden = self.frame.names.get(name)
        self.frame.names[name] = chosen
        self.accesses_left, self.only_inside = 0, "choose(…) looks at ghosts and locals only"
        for test in tests:
            condition = self.truth_value(test)
            self.graph.local_work(Guard(condition.expr), call.lineno)
        self.accesses_left = None
        if hidden is None:
            del self.frame.names[name]
        else:
            self.frame.names[name] = hidden

    def _gather(self, name: str, node: ast.expr) -> Value:
        if not isinstance(node, ast.GeneratorExp):
            raise self.fail(node, f"{name} needs a generator", f"{name}(… for i in type)")
        if name != "sum" and self._is_stepwise([node]):
            raise self.fail(
                node,
                f"{name}(…) reads several places at once",
                "a loop, an access a turn; in properties and assertions reading is free",
            )
        items = []
        for wanted in self._turns(node, 0, constant(1)):
            if wanted.constant == 0:
                continue
            if name == "sum":
                items.append(choice(wanted, self.value(node.elt), constant(0)))
                continue
            item = self.truth_value(node.elt)
            if name == "all":
                items.append(binary("or", negate(wanted), item))
            else:
                items.append(binary("and", wanted, item))
        op = {"all": "and", "any": "or", "sum": "+"}[name]
        return _together(op, items, constant(int(name == "all")))

    def _turns(self, node: ast.GeneratorExp, depth: int, wanted: Value) -> Iterator[Value]:
        """Bind the generator's names turn by turn; yields whether the turn counts."""
        if depth == len(node.generators):
            yield wanted
            return
        generator = node.generators[depth]
        if not isinstance(generator.target, ast.Name):
            raise self.fail(generator.target, "a plain name counts")
        name = generator.target.id
        values = constant_range(self.scope, generator.iter, self.names_of_constants())
        if len(values) > MOST_TURNS:
            raise self.fail(node, f"{len(values)} turns", f"at most {MOST_TURNS}")
        hidden = self.frame.names.get(name)
        for number in values:
            self.frame.names[name] = constant(number)
            condition = wanted
            for test in generator.ifs:
                condition = binary("and", condition, self.truth_value(test))
            if condition.constant != 0:
                yield from self._turns(node, depth + 1, condition)
        if hidden is None:
            self.frame.names.pop(name, None)
        else:
            self.frame.names[name] = hidden


def _together(op: str, items: list[Value], empty: Value) -> Value:
    """`items` combined as a balanced tree, so that a long row of them is not a deep one."""
    if not items:
        return empty
    while len(items) > 1:
        pairs = zip(items[::2], items[1::2], strict=False)
        odd = items[-1:] if len(items) % 2 else []
        items = [binary(op, left, right) for left, right in pairs] + odd
    return items[0]
