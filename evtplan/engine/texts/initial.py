"""`start()`: the initial values of memory, computed when a text is lowered."""

import ast
from collections.abc import Iterable
from dataclasses import replace

from evtplan.engine.operations import fold_binary
from evtplan.engine.texts.scope import OPERATORS, Scope, Type
from evtplan.engine.texts.words import describe

__all__ = ["constant_range", "initial_values"]

_ALLOWED = "in start(): assignments, if, for over a type or range(…), pass"
MOST_TURNS = 1 << 23


def initial_values(scope: Scope) -> None:
    """Run the text's `start()` over constants and put what it sets into the scope's variables."""
    function = scope.text.start
    if function is None:
        return
    if function.args.args:
        raise scope.fail(function, "start() has no parameters", "def start():")
    runner = _Start(scope)
    runner.run(function.body, {})
    for name, cells in runner.cells.items():
        scope.variables[name] = replace(scope.variables[name], initial=tuple(cells))


def constant_range(scope: Scope, node: ast.expr, names: dict[str, int]) -> range:
    """The values that a `for` over a type, a number or range(…) takes, in order."""
    match node:
        case ast.Call(func=ast.Name(id="range"), args=args, keywords=[]) if 1 <= len(args) <= 3:
            numbers = [scope.number(arg, names) for arg in args]
            if len(numbers) == 3 and numbers[2] == 0:
                raise scope.fail(node, "range() with a step of zero")
            return range(*numbers)
        case ast.Call(func=ast.Name(id="reversed"), args=[inner], keywords=[]):
            return constant_range(scope, inner, names)[::-1]
    found = scope.static(node, names)
    if isinstance(found, Type) and found.word is None:
        return range(found.low, found.most + 1)
    raise scope.fail(
        node, "this cannot be counted through", "a type, range(…), reversed(…), of constants"
    )


class _Start:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.cells: dict[str, list[int]] = {}
        self.turns = 0

    def run(self, body: Iterable[ast.stmt], names: dict[str, int]) -> None:
        for statement in body:
            self._statement(statement, names)

    def _statement(self, node: ast.stmt, names: dict[str, int]) -> None:
        match node:
            case ast.Assign(targets=[target], value=value):
                self._assign(target, self.scope.number(value, names), names)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                names[name] = self.scope.number(value, names)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value) if name in names:
                right = self.scope.number(value, names)
                names[name] = fold_binary(OPERATORS[type(op)], names[name], right)
            case ast.If(test=test, body=body, orelse=orelse):
                self.run(body if self.scope.number(test, names) else orelse, names)
            case ast.For(target=ast.Name(id=name), iter=values, body=body, orelse=[]):
                turns = constant_range(self.scope, values, names)
                self.turns += len(turns)
                if self.turns > MOST_TURNS:
                    raise self.scope.fail(node, "start() goes round too often")
                for number in turns:
                    names[name] = number
                    self.run(body, names)
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case _:
                raise self.scope.fail(node, f"{describe(node)} cannot stand here", _ALLOWED)

    def _assign(self, target: ast.expr, value: int, names: dict[str, int]) -> None:
        node = target
        fields: list[str] = []
        indices: list[ast.expr] = []
        while isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node, ast.Attribute):
                fields.append(node.attr)
            else:
                indices.append(node.slice)
            node = node.value
        if not isinstance(node, ast.Name):
            raise self.scope.fail(target, "this cannot be assigned", _ALLOWED)
        name = node.id
        if name not in self.scope.variables:
            if name in self.scope.text.variables:
                return  # a history variable, with the history off
            if fields or indices:
                raise self.scope.unknown(name, node, self.scope.variables)
            names[name] = value
            return
        numbers = [self.scope.number(index, names) for index in reversed(indices)]
        self._store(name, numbers, fields, value, target)

    def _store(
        self, name: str, indices: list[int], fields: list[str], value: int, node: ast.expr
    ) -> None:
        variable = self.scope.variables[name]
        element = self.scope.elements[name]
        if len(indices) < len(variable.dims):
            raise self.scope.fail(node, f"{name} has {len(variable.dims)} indices")
        cell = 0
        for index, (first, count) in zip(indices, variable.dims, strict=False):
            if not first <= index < first + count:
                raise self.scope.fail(
                    node, f"{name} has no element {index}", f"{first} … {first + count - 1}"
                )
            cell = cell * count + index - first
        offset, most = 0, element.most
        rest = indices[len(variable.dims) :]
        if fields and element.word and len(fields) == 1 and not rest:
            if fields[0] not in element.word.fields:
                raise self.scope.unknown(fields[0], node, element.word.fields)
            field, kind = element.word.fields[fields[0]]
            offset, most, width = field.offset, kind.most, field.bits
        elif rest and element.bits and len(rest) == 1 and not fields:
            offset, most, width = rest[0], 1, 1
            if not 0 <= offset < element.bits:
                raise self.scope.fail(node, f"{name} has no bit {offset}")
        elif rest or fields:
            raise self.scope.fail(node, f"{name} has no such part")
        else:
            width = element.most.bit_length()
        if not 0 <= value <= most:
            raise self.scope.fail(node, f"{value} is not within 0 … {most}")
        if name not in self.cells:
            self.cells[name] = list(variable.initial)
        cells = self.cells[name]
        mask = ((1 << width) - 1) << offset
        cells[cell] = (cells[cell] & ~mask) | (value << offset)
