"""What the names of a text stand for once its parameters have values: numbers, types, variables."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from evtplan.engine.language import Text, TextError, fault, unknown_name
from evtplan.engine.operations import MOST_NUMBER, fold_binary
from evtplan.engine.system import Field, Layout, Variable, VariableKind
from evtplan.engine.texts.words import describe
from evtplan.errors import UnknownNameError, ValueOutOfRangeError

__all__ = [
    "ArrayType",
    "Scope",
    "TooManyCellsError",
    "Type",
    "WordType",
    "bind",
    "declare",
    "parameter_values",
]

MOST_CELLS = 1 << 22  # cells of one variable; thirty times the ports of the largest ABI


class TooManyCellsError(TextError):
    """An array with more cells than any use of a text needs."""


@dataclass(frozen=True, slots=True)
class WordType:
    """A word's layout and the type of each of its fields."""

    layout: Layout
    fields: Mapping[str, tuple[Field, "Type"]]


@dataclass(frozen=True, slots=True)
class Type:
    """The whole numbers `low` to `most`. `word` names its bits; `bits` lets them be indexed."""

    low: int
    most: int
    word: WordType | None = None
    bits: int = 0
    is_lock: bool = False


@dataclass(frozen=True, slots=True)
class ArrayType:
    """`element` for each combination of the values of `dims`, the first index first."""

    element: Type
    dims: tuple[Type, ...]


Static = int | Type | ArrayType
BIT_TYPE = Type(0, 1)
LOCK_TYPE = Type(0, 1, is_lock=True)

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


@dataclass(slots=True)
class Scope:
    """The names of one text for one set of parameter values; resolved when first asked for."""

    text: Text
    parameters: Mapping[str, int]
    variables: dict[str, Variable] = field(default_factory=dict)
    elements: dict[str, Type] = field(default_factory=dict)
    dimensions: dict[str, tuple[Type, ...]] = field(default_factory=dict)
    _known: dict[str, Static] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def fail(self, node: ast.AST | None, reason: str, allowed: str = "") -> TextError:
        """The error for `node`."""
        return fault(self.text.path, node, reason, allowed)

    # -- names

    def lookup(self, name: str, node: ast.AST) -> Static | None:
        """The number or type that a module-level name stands for; None if there is no such name."""
        if name in self.parameters:
            return self.parameters[name]
        if name in self._known:
            return self._known[name]
        if name == "bit":
            return BIT_TYPE
        if name == "lock":
            return LOCK_TYPE
        if name in self.text.words:
            found: Static = self._word(name)
        elif name in self.text.definitions:
            if name in self._open:
                raise self.fail(node, f"{name} is defined by itself")
            self._open.add(name)
            found = self.static(self.text.definitions[name])
            self._open.discard(name)
        else:
            return None
        self._known[name] = found
        return found

    def unknown(self, name: str, node: ast.AST, known: Iterable[str]) -> TextError:
        """The error for a name that nothing in sight has."""
        return unknown_name(self.text.path, node, name, known)

    def _names(self) -> list[str]:
        return [*self.parameters, *self.text.definitions, *self.text.words, "bit", "lock"]

    # -- static expressions

    def number(self, node: ast.expr, names: Mapping[str, int] | None = None) -> int:
        """The constant that `node` is."""
        found = self.static(node, names)
        if not isinstance(found, int):
            raise self.fail(node, "a type stands where a number is needed")
        return found

    def type_of(self, node: ast.expr) -> Type:
        """The type that `node` names; a number n stands for 0 … n − 1."""
        found = self.static(node)
        if isinstance(found, ArrayType):
            raise self.fail(node, "an array stands where a single value's type is needed")
        if isinstance(found, Type):
            return found
        if found < 1:
            raise self.fail(node, f"{found} values are none", "upto(n), span(a, b), bits(n), bit")
        return Type(0, found - 1)

    def static(self, node: ast.expr, names: Mapping[str, int] | None = None) -> Static:
        """What a constant expression stands for: a number or a type."""
        match node:
            case ast.Constant(value=bool() as value):
                return int(value)
            case ast.Constant(value=int() as value):
                if abs(value) > MOST_NUMBER:
                    raise self.fail(node, "a number beyond 64 bits")
                return value
            case ast.Name(id=name):
                if names and name in names:
                    return names[name]
                found = self.lookup(name, node)
                if found is None:
                    if name in self.text.variables:
                        raise self.fail(node, f"{name} is memory, and no constant")
                    raise self.unknown(name, node, self._names())
                return found
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return self._fold(OPERATORS[type(op)], left, right, node, names)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.number(operand, names)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.number(operand, names)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return ~self.number(operand, names)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return int(not self.number(operand, names))
            case ast.BoolOp(op=op, values=values):
                return self._connect(isinstance(op, ast.And), values, names)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(left, ops, others, node, names)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.static(body if self.number(test, names) else orelse, names)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args, node, names)
            case ast.Subscript(value=value, slice=index):
                return self._array(value, index)
        raise self.fail(
            node,
            f"{describe(_culprit(node))} cannot stand in a constant",
            "numbers, names, + - * // % & | ^ << >>, comparisons, min, max, x if c else y",
        )

    def _fold(
        self,
        op: str,
        left: ast.expr,
        right: ast.expr,
        node: ast.expr,
        names: Mapping[str, int] | None,
    ) -> int:
        try:
            return fold_binary(op, self.number(left, names), self.number(right, names))
        except ValueError as error:
            raise self.fail(node, str(error)) from error

    def _connect(
        self, is_and: bool, values: list[ast.expr], names: Mapping[str, int] | None
    ) -> int:
        for value in values:
            if bool(self.number(value, names)) != is_and:
                return int(not is_and)
        return int(is_and)

    def _compare(
        self,
        left: ast.expr,
        ops: list[ast.cmpop],
        others: list[ast.expr],
        node: ast.expr,
        names: Mapping[str, int] | None,
    ) -> int:
        value = self.number(left, names)
        for op, other in zip(ops, others, strict=True):
            if type(op) not in OPERATORS:
                raise self.fail(node, f"{describe(op)} is no comparison here", "== != < <= > >=")
            right = self.number(other, names)
            if not fold_binary(OPERATORS[type(op)], value, right):
                return 0
            value = right
        return 1

    def _call(
        self, name: str, args: list[ast.expr], node: ast.expr, names: Mapping[str, int] | None
    ) -> Static:
        if name in ("min", "max") and args:
            numbers = [self.number(arg, names) for arg in args]
            return min(numbers) if name == "min" else max(numbers)
        if name == "upto" and len(args) == 1:
            return self._range_type(node, 0, self.number(args[0], names))
        if name == "span" and len(args) == 2:
            return self._range_type(node, self.number(args[0], names), self.number(args[1], names))
        if name == "bits" and len(args) == 1:
            count = self.number(args[0], names)
            if not 1 <= count <= 64:
                raise self.fail(node, f"a word of {count} bits", "bits(1) … bits(64)")
            return Type(0, (1 << count) - 1, bits=count)
        if name in ("upto", "span", "bits"):
            raise self.fail(node, f"{name} has other arguments", "upto(n), span(a, b), bits(n)")
        raise self.fail(node, f"{name}(…) cannot stand in a constant", "min, max, upto, span, bits")

    def _range_type(self, node: ast.AST, low: int, most: int) -> Type:
        if low < 0 or most < low:
            raise self.fail(node, f"{low} … {most} is no range of values", "0 ≤ least ≤ most")
        if most >= MOST_NUMBER:
            raise self.fail(node, "a number beyond 64 bits")
        return Type(low, most)

    def _array(self, value: ast.expr, index: ast.expr) -> ArrayType:
        base = self.static(value)
        dimension = self.type_of(index)
        if dimension.word is not None or dimension.is_lock:
            raise self.fail(index, "an array is indexed by numbers", "upto(n), span(a, b), n")
        if isinstance(base, int):
            raise self.fail(value, "a number has no elements", "T[i], T a type")
        if isinstance(base, Type):
            return ArrayType(base, (dimension,))
        return ArrayType(base.element, (*base.dims, dimension))

    def _word(self, name: str) -> Type:
        node = self.text.words[name]
        if name in self._open:
            raise self.fail(node, f"{name} has itself for a field")
        self._open.add(name)
        fields: dict[str, tuple[Field, Type]] = {}
        offset = 0
        for item in node.body:
            if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
                continue
            kind = self.type_of(item.annotation)
            if kind.word is not None or kind.is_lock:
                raise self.fail(item, "a field is a number", "bit, bits(n), upto(n), span(a, b)")
            size = max(1, kind.most.bit_length())
            fields[item.target.id] = (Field(item.target.id, offset, size), kind)
            offset += size
        self._open.discard(name)
        if offset > 64:
            raise self.fail(node, f"the word {name} has {offset} bits", "at most 64")
        layout = Layout(name, tuple(item for item, _ in fields.values()))
        return Type(0, (1 << offset) - 1, word=WordType(layout, fields))


def _culprit(node: ast.expr) -> ast.AST:
    return node.op if isinstance(node, ast.BinOp | ast.UnaryOp) else node


# ---- parameters and variables ----------------------------------------------------------------


def parameter_values(text: Text, given: Mapping[str, int]) -> dict[str, int]:
    """Every parameter's value: the one given, that of the text's variant, or the default.

    Raises `UnknownNameError` for a name the text does not have, `ValueOutOfRangeError` for a value
    outside its range.
    """
    for name in given:
        if name not in text.parameters:
            raise UnknownNameError("parameter", name, text.parameters)
    values = {}
    for name, parameter in text.parameters.items():
        value = given.get(name, text.preset.get(name, parameter.default))
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueOutOfRangeError(f"parameter {name}", value, "a whole number")
        if not parameter.least <= value <= parameter.most:
            raise ValueOutOfRangeError(
                f"parameter {name}", value, f"from {parameter.least} to {parameter.most}"
            )
        values[name] = value
    return values


def bind(text: Text, given: Mapping[str, int], *, history: bool = False) -> Scope:
    """The scope of `text` with parameters set; variables laid out, initial values computed."""
    from evtplan.engine.texts.initial import initial_values

    scope = declare(text, given, history=history)
    initial_values(scope)
    return scope


def declare(text: Text, given: Mapping[str, int], *, history: bool = False) -> Scope:
    """The scope of `text` with parameters set and variables laid out, every cell still 0."""
    scope = Scope(text, parameter_values(text, given))
    for name in (*text.definitions, *text.words):
        scope.lookup(name, text.words.get(name) or text.definitions[name])
    base = 0
    for declared in text.variables.values():
        if declared.kind is VariableKind.HISTORY and not history:
            continue
        kind = scope.static(declared.expression)
        if isinstance(kind, int):
            raise scope.fail(
                declared.expression,
                f"{declared.name} has a number for a type",
                "bit, bits(n), upto(n), span(a, b), a word, lock, and arrays T[i] of them",
            )
        element, dims = (kind.element, kind.dims) if isinstance(kind, ArrayType) else (kind, ())
        cells = 1
        for dimension in dims:
            cells *= dimension.most - dimension.low + 1
        if cells > MOST_CELLS:
            raise TooManyCellsError(
                text.path,
                f"{declared.name} has {cells} cells",
                line=declared.expression.lineno,
                column=declared.expression.col_offset + 1,
                hint=f"at most {MOST_CELLS}",
            )
        scope.elements[declared.name] = element
        scope.dimensions[declared.name] = dims
        scope.variables[declared.name] = Variable(
            name=declared.name,
            kind=declared.kind,
            most=element.most,
            dims=tuple((d.low, d.most - d.low + 1) for d in dims),
            base=base,
            initial=(0,) * cells,
            layout=element.word.layout if element.word else None,
            is_lock=element.is_lock,
            owner=declared.group if declared.kind is VariableKind.SHARED else "shared",
            indices=_index_names(declared.expression),
        )
        base += cells
    return scope


def _index_names(expression: ast.expr) -> tuple[str, ...]:
    """The types that index the array as its declaration names them, the first first."""
    names: list[str] = []
    while isinstance(expression, ast.Subscript):
        named = isinstance(expression.slice, ast.Name)
        names.insert(0, ast.unparse(expression.slice) if named else "")
        expression = expression.value
    return tuple(names)
