"""Assignments of a text: to locals, to parts of local words, to memory."""

import ast
from dataclasses import replace

from evtplan.engine.system import (
    Choose,
    Load,
    LocalRead,
    Rmw,
    SetLocal,
    Statement,
)
from evtplan.engine.texts.arithmetic import binary, constant, insert
from evtplan.engine.texts.expressions import Expressions
from evtplan.engine.texts.flow import Value
from evtplan.engine.texts.scope import BIT_TYPE, OPERATORS, Type
from evtplan.engine.texts.words import describe

__all__ = ["Assignments", "assigned_names"]


class Assignments(Expressions):
    """Lowers assignments."""

    def no_memory(self, name: str, node: ast.AST) -> None:
        """Refuse a local with the name of something else."""
        if name in self.scope.text.variables:
            raise self.fail(node, f"{name} is memory", "another name for the local")

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
            self.require(self.within(value, kind.low, value.most).expr, line)
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


def _names_it(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def assigned_names(function: ast.FunctionDef) -> set[str]:
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


def _into(statement: Statement | None, slot: int) -> Statement:
    """The same access with its result in another local."""
    assert isinstance(statement, Load | Rmw | Choose)
    return replace(statement, slot=slot)
