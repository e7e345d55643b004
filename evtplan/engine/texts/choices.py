"""What the environment picks, and expressions that count through a type."""

import ast
from collections.abc import Iterator

from evtplan.engine.system import (
    Choose,
    Const,
    Guard,
    LocalRead,
)
from evtplan.engine.texts.arithmetic import (
    binary,
    choice,
    constant,
    negate,
    truth,
)
from evtplan.engine.texts.flow import Node, NodeKind, Value
from evtplan.engine.texts.initial import constant_range
from evtplan.engine.texts.locked import Locked
from evtplan.engine.texts.scope import BIT_TYPE, Type

__all__ = ["Choices"]

MOST_TURNS = 4096  # of a loop that is unrolled, or of all(…), any(…), sum(…)


class Choices(Locked):
    """Lowers `choose`, `all`, `any` and `sum`."""

    def names_of_constants(self) -> dict[str, int]:
        """The names of this function that are numbers: loop variables of unrolled loops."""
        found = {}
        for name, bound in self.frame.names.items():
            if isinstance(bound, Value) and bound.constant is not None:
                found[name] = bound.constant
        return found

    def truth_value(self, node: ast.expr) -> Value:
        """An expression as 0 or 1."""
        value = self.value(node)
        return value if value.is_truth else Value(truth(value), 0, 1, BIT_TYPE)

    def _is_stepwise(self, nodes: list[ast.expr]) -> bool:
        # Inside an await the one access comes first and all the rest is local.
        return self.accesses_left is None and any(self.has_effect(item) for item in nodes)

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
        if name != "sum" and not self.free and self._is_stepwise([node]):
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
