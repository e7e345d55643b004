"""Expressions printed as Python over packed states."""

from evtplan.engine.printing import Printer
from evtplan.engine.search.packing import Chunk, Packing, Part
from evtplan.engine.system import (
    Binary,
    Const,
    Expr,
    Place,
    TransitionSystem,
    Variable,
)

__all__ = ["HELPERS", "PackedValues", "constant"]

# Functions that the printed text calls.
HELPERS = """
def _div(a, b):
    return a // b if b != 0 else 0


def _mod(a, b):
    return a % b if b != 0 else 0


def _shl(a, b):
    return a << b if 0 <= b <= 64 else 0


def _shr(a, b):
    return a >> b if 0 <= b <= 64 else 0


def _lowest(x):
    return (x & -x).bit_length() - 1
"""
_GUARDED = {"//": "_div", "%": "_mod", "<<": "_shl", ">>": "_shr"}


class PackedValues(Printer):
    """Expressions where places stand in words `n0` … (`words`), locals in `L0` … (`prefix`).

    `process` is the number that the moving process knows itself by.
    """

    def __init__(self, system: TransitionSystem, packing: Packing) -> None:
        self.packing = packing
        self.variables = {variable.name: variable for variable in system.variables}
        self.words = "n"
        self.prefix = "L"
        self.process = 0

    def local(self, slot: int) -> str:
        """The local in `slot`."""
        return f"{self.prefix}{slot}"

    def me(self) -> str:
        """The number of the moving process."""
        return str(self.process)

    def cells(self, variable: str) -> int:
        """Cells of a variable."""
        return self.variables[variable].cells

    def lowest(self, value: str) -> str:
        """The number of the lowest 1 bit; -1 where there is none."""
        return f"_lowest({value})"

    def number(self, expr: Expr) -> str:
        """An expression as an integer: a division by 0 and too far a shift are 0."""
        match expr:
            case Binary("//" | "%" | "<<" | ">>" as op, left, right) if not _is_small(right):
                return f"{_GUARDED[op]}({self.number(left)}, {self.number(right)})"
        return super().number(expr)

    def read(self, place: Place) -> str:
        """What `place` holds."""
        variable = self.variables[place.variable]
        bits = place.bits if place.offset is not None else variable.bits
        if not bits or not variable.bits:
            return "0"
        inner = 0 if place.offset is None else constant(place.offset)
        chunks = self.packing.chunks[variable.name]
        mask = (1 << bits) - 1
        offset = "" if inner == 0 else f" + {self.number(place.offset)}"  # type: ignore[arg-type]
        if isinstance(place.index, Const):
            at = place.index.value
            if not 0 <= at < variable.cells:
                return "0"
            chunk = next(c for c in chunks if c.first <= at < c.first + c.count)
            base = chunk.offset + (at - chunk.first) * variable.bits
            if inner is not None:
                return self.part(Part(chunk.word, base + inner, bits), self.words)
            return f"(({self.words}{chunk.word} >> ({base}{offset})) & {mask})"
        index = self.number(place.index)
        texts = [
            f"(({self.words}{c.word} >> ({self.cell_shift(variable, c, index)}{offset})) & {mask})"
            for c in chunks
        ]
        text = texts[-1]
        for chunk, other in zip(reversed(chunks[:-1]), reversed(texts[:-1]), strict=True):
            text = f"({other} if {index} < {chunk.first + chunk.count} else {text})"
        return text

    def cell_shift(self, variable: Variable, chunk: Chunk, index: str) -> str:
        """Where the cell at `index` begins in the chunk's word."""
        base = chunk.offset - chunk.first * variable.bits
        scaled = index if variable.bits == 1 else f"{index} * {variable.bits}"
        return scaled if not base else f"{scaled} + {base}" if base > 0 else f"{scaled} - {-base}"

    def part(self, part: Part, words: str) -> str:
        """What stands in a part of the words so named."""
        word = f"{words}{part.word}"
        shifted = f"({word} >> {part.offset})" if part.offset else word
        return f"({shifted} & {(1 << part.bits) - 1})"


def constant(offset: Expr) -> int | None:
    """The value of an offset that is known, or None."""
    return offset.value if isinstance(offset, Const) else None


def _is_small(expr: Expr) -> bool:
    return isinstance(expr, Const) and 0 < expr.value < 63
