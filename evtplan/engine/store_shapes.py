"""The kinds of stores that wait in a store buffer, numbered by the cells they may mean."""

from dataclasses import dataclass

from evtplan.engine.system import (
    Binary,
    Block,
    Const,
    Expr,
    If,
    ProcessKind,
    Store,
    TransitionSystem,
    Variable,
)

__all__ = ["Shape", "StoreKey", "shapes_of", "store_key"]

StoreKey = tuple[str, int | None, int, int, bool]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of store: codes `code` … `code` + cells · offsets − 1 say which cell and offset.

    `offsets` is 1 where the offset is fixed (at `offset`; None for a whole cell).
    """

    variable: Variable
    offset: int | None
    bits: int
    offsets: int
    release: bool
    code: int

    @property
    def codes(self) -> int:
        """How many codes it takes."""
        return self.variable.cells * self.offsets

    def holds(self, code: Expr) -> Expr:
        """Whether an entry's code is one of this shape's."""
        return Binary(
            "and",
            Binary(">=", code, Const(self.code)),
            Binary("<", code, Const(self.code + self.codes)),
        )

    def cell(self, code: Expr) -> Expr:
        """The index of the cell that a code of this shape means."""
        number = Binary("-", code, Const(self.code))
        return number if self.offsets == 1 else Binary("//", number, Const(self.offsets))

    def inner(self, code: Expr) -> Expr | None:
        """The offset that a code of this shape means."""
        if self.offset is None:
            return None
        if self.offsets == 1:
            return Const(self.offset)
        return Binary("%", Binary("-", code, Const(self.code)), Const(self.offsets))


def _stores(block: Block) -> list[Store]:
    found = []
    for statement in block:
        if isinstance(statement, Store):
            found.append(statement)
        elif isinstance(statement, If):
            found += _stores(statement.then) + _stores(statement.other)
    return found


def shapes_of(system: TransitionSystem, kind: ProcessKind) -> list[Shape]:
    """The kinds of stores that a process kind makes, in order of the text."""
    variables = {variable.name: variable for variable in system.variables}
    shapes: dict[StoreKey, Shape] = {}
    code = 2  # 0 is an empty entry, 1 a barrier
    for point in kind.points:
        for store in _stores(point.body):
            key = store_key(variables[store.place.variable], store)
            if key not in shapes:
                variable = variables[key[0]]
                shapes[key] = Shape(variable, key[1], key[2], key[3], key[4], code)
                code += shapes[key].codes
    return list(shapes.values())


def store_key(variable: Variable, store: Store) -> StoreKey:
    """What stores of one shape have in common."""
    place = store.place
    if place.offset is None:
        return variable.name, None, variable.bits, 1, store.release
    if isinstance(place.offset, Const):
        return variable.name, place.offset.value, place.bits, 1, store.release
    return variable.name, 0, place.bits, max(1, variable.bits), store.release
