"""Expressions and places printed as LLVM assembly over packed states."""

from collections.abc import Sequence

from evtplan.engine.bodies import IN_RANGE
from evtplan.engine.search.packing import Chunk, Packing, Part
from evtplan.engine.system import (
    Binary,
    Cond,
    Const,
    Expr,
    Insert,
    LocalRead,
    Me,
    Old,
    Place,
    PlaceRead,
    TransitionSystem,
    Unary,
    Variable,
)

__all__ = ["Assembly", "signed", "total"]

_PREDICATES = {"==": "eq", "!=": "ne", "<": "slt", "<=": "sle", ">": "sgt", ">=": "sge"}
_PLAIN = {"+": "add", "-": "sub", "*": "mul", "&": "and", "|": "or", "^": "xor"}


class Assembly:
    """Lines of LLVM assembly: values of expressions, what places hold and take.

    Every value is an i64 but truths, which are i1. `words` is `n` in a step, whose words are
    variables, and `s` where the parameters are read. `leave` is where a step goes on that cannot be
    taken or is done; `me` the number that its process knows itself by, `old` what an `Rmw` found.
    """

    def __init__(self, system: TransitionSystem, packing: Packing, flags: dict[str, int]) -> None:
        self.packing = packing
        self.flags = flags
        self.variables: dict[str, Variable] = {v.name: v for v in system.variables}
        self.lines: list[str] = []
        self.names = 0
        self.me = 0
        self.leave = ""
        self.words = "n"
        self.old = ""

    # ---- text ----------------------------------------------------------------------------------

    @property
    def parameters(self) -> str:
        return ", ".join(f"i64 %s{word}" for word in range(self.packing.words))

    def put(self, text: str) -> None:
        self.lines.append("  " + text)

    def name(self, prefix: str = "v") -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def op(self, text: str) -> str:
        name = f"%{self.name()}"
        self.put(f"{name} = {text}")
        return name

    def block(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def jump(self, label: str) -> None:
        self.put(f"br label %{label}")

    def branch(self, test: str, then: str, other: str) -> None:
        self.put(f"br i1 {test}, label %{then}, label %{other}")

    def load(self, name: str) -> str:
        return self.op(f"load i64, ptr %{name}")

    def store(self, value: str, name: str) -> None:
        self.put(f"store i64 {value}, ptr %{name}")

    def variables_of(self, names: Sequence[str]) -> None:
        for name in names:
            self.put(f"%{name} = alloca i64")
            self.store("0", name)

    # ---- leaving a step ------------------------------------------------------------------------

    def require(self, test: str, broken: bool = False) -> None:
        """Go on where `test` holds; leave the step (its value out of range) where it does not."""
        on = self.name("on")
        if not broken:
            self.branch(test, on, self.leave)
        else:
            off = self.name("off")
            self.branch(test, on, off)
            self.block(off)
            both = self.op(f"or i64 {self.load('f')}, {self.load('g')}")
            self.store(self.op(f"or i64 {both}, {self.flags[IN_RANGE]}"), "f")
            self.jump(self.leave)
        self.block(on)

    def within(self, value: str, most: int) -> None:
        self.require(self.op(f"icmp ule i64 {value}, {most}"), broken=True)

    # ---- expressions ---------------------------------------------------------------------------

    def test(self, expr: Expr) -> str:
        """`expr` as an i1."""
        match expr:
            case Const(value):
                return "true" if value else "false"
            case Unary("not", operand):
                return self.op(f"xor i1 {self.test(operand)}, true")
            case Binary("and", left, right):
                a, b = self.test(left), self.test(right)
                return self.op(f"select i1 {a}, i1 {b}, i1 false")
            case Binary("or", left, right):
                a, b = self.test(left), self.test(right)
                return self.op(f"select i1 {a}, i1 true, i1 {b}")
            case Binary(op, left, right) if op in _PREDICATES:
                a, b = self.value(left), self.value(right)
                return self.op(f"icmp {_PREDICATES[op]} i64 {a}, {b}")
        return self.op(f"icmp ne i64 {self.value(expr)}, 0")

    def value(self, expr: Expr) -> str:
        """`expr` as an i64."""
        match expr:
            case Const(value):
                return str(signed(value))
            case LocalRead(slot):
                return self.load(f"L{slot}")
            case Me():
                return str(self.me)
            case Old():
                return self.old
            case PlaceRead(place):
                return self.read(place)
            case Insert(word, offset, bits, inserted):
                return self.inserted(word, offset, bits, inserted)
            case Cond(test, then, other):
                chosen = self.test(test)
                a, b = self.value(then), self.value(other)
                return self.op(f"select i1 {chosen}, i64 {a}, i64 {b}")
            case Unary("lowest", operand):
                looked_at = self.value(operand)
                found = self.op(f"call i64 @llvm.cttz.i64(i64 {looked_at}, i1 false)")
                none = self.op(f"icmp eq i64 {looked_at}, 0")
                return self.op(f"select i1 {none}, i64 -1, i64 {found}")
            case Unary("-", operand):
                return self.op(f"sub i64 0, {self.value(operand)}")
            case Unary("~", operand):
                return self.op(f"xor i64 {self.value(operand)}, -1")
            case Binary(op, left, right) if op not in _PREDICATES and op not in ("and", "or"):
                return self.binary(op, left, right)
        return self.op(f"zext i1 {self.test(expr)} to i64")

    def inserted(self, word: Expr, offset: Expr, bits: int, value: Expr) -> str:
        mask = (1 << bits) - 1
        old, new = self.value(word), self.op(f"and i64 {self.value(value)}, {mask}")
        amount = self.value(offset)
        keep = self.op(f"xor i64 {self.op(f'shl i64 {mask}, {amount}')}, -1")
        kept = self.op(f"and i64 {old}, {keep}")
        return self.op(f"or i64 {kept}, {self.op(f'shl i64 {new}, {amount}')}")

    def binary(self, op: str, left: Expr, right: Expr) -> str:
        a, b = self.value(left), self.value(right)
        if op in _PLAIN:
            return self.op(f"{_PLAIN[op]} i64 {a}, {b}")
        if op in ("min", "max"):
            test = self.op(f"icmp {'slt' if op == 'min' else 'sgt'} i64 {a}, {b}")
            return self.op(f"select i1 {test}, i64 {a}, i64 {b}")
        if op in ("<<", ">>"):
            shifted = f"{'shl' if op == '<<' else 'ashr'} i64 {a}, "
            if isinstance(right, Const) and 0 <= right.value < 64:
                return self.op(shifted + b)
            small = self.op(f"icmp ult i64 {b}, 64")
            amount = self.op(f"select i1 {small}, i64 {b}, i64 0")
            return self.op(f"select i1 {small}, i64 {self.op(shifted + amount)}, i64 0")
        return self.divided(op, a, b)

    def divided(self, op: str, a: str, b: str) -> str:
        """Floor division or its remainder; the divisor is never 0, but may look so here."""
        zero = self.op(f"icmp eq i64 {b}, 0")
        divisor = self.op(f"select i1 {zero}, i64 1, i64 {b}")
        rest = self.op(f"srem i64 {a}, {divisor}")
        signs = self.op(f"icmp slt i64 {self.op(f'xor i64 {rest}, {divisor}')}, 0")
        uneven = self.op(f"icmp ne i64 {rest}, 0")
        lower = self.op(f"and i1 {signs}, {uneven}")
        if op == "%":
            raised = self.op(f"add i64 {rest}, {divisor}")
            return self.op(f"select i1 {lower}, i64 {raised}, i64 {rest}")
        quotient = self.op(f"sdiv i64 {a}, {divisor}")
        return self.op(f"sub i64 {quotient}, {self.op(f'zext i1 {lower} to i64')}")

    # ---- places --------------------------------------------------------------------------------

    def read(self, place: Place, *, access: bool = False) -> str:
        """What `place` holds. A free reading beyond its end is 0; an access is out of range."""
        variable = self.variables[place.variable]
        index: Expr = place.index
        inside = ""
        if place.checked:
            number = self.value(index)
            if access:
                self.within(number, variable.cells - 1)
            else:
                inside = self.op(f"icmp ult i64 {number}, {variable.cells}")
        bits = place.bits if place.offset is not None else variable.bits
        if not bits or not variable.bits:
            return "0"
        chunks = self.packing.chunks[variable.name]
        if isinstance(index, Const):
            at = index.value
            chunk = next((c for c in chunks if c.first <= at < c.first + c.count), chunks[0])
            base = Const(chunk.offset + (at - chunk.first) * variable.bits)
            found = self.extract(chunk.word, base, place.offset, bits)
        else:
            found = self.cell(variable, chunks[-1], place, bits)
            for chunk in reversed(chunks[:-1]):
                other = self.cell(variable, chunk, place, bits)
                end = chunk.first + chunk.count
                test = self.op(f"icmp slt i64 {self.value(index)}, {end}")
                found = self.op(f"select i1 {test}, i64 {other}, i64 {found}")
        return self.op(f"select i1 {inside}, i64 {found}, i64 0") if inside else found

    def cell(self, variable: Variable, chunk: Chunk, place: Place, bits: int) -> str:
        base = self.cell_shift(variable, chunk, place.index)
        return self.extract(chunk.word, base, place.offset, bits)

    def extract(self, word: int, base: Expr, inner: Expr | None, bits: int) -> str:
        shift = base if inner is None else total(base, inner)
        whole = self.load(f"n{word}") if self.words == "n" else f"%s{word}"
        if isinstance(shift, Const):
            amount = str(shift.value)
        else:
            # Beyond the word only where the value is not used.
            amount = self.op(f"and i64 {self.value(shift)}, 63")
        shifted = whole if amount == "0" else self.op(f"lshr i64 {whole}, {amount}")
        return self.op(f"and i64 {shifted}, {(1 << bits) - 1}")

    @staticmethod
    def cell_shift(variable: Variable, chunk: Chunk, index: Expr) -> Expr:
        base = chunk.offset - chunk.first * variable.bits
        return total(Binary("*", index, Const(variable.bits)), Const(base))

    def part(self, part: Part, words: str) -> str:
        word = f"%{words}{part.word}"
        shifted = self.op(f"lshr i64 {word}, {part.offset}") if part.offset else word
        return self.op(f"and i64 {shifted}, {(1 << part.bits) - 1}")

    def insert(self, word: int, base: Expr, inner: Expr | None, value: str, bits: int) -> None:
        shift = base if inner is None else total(base, inner)
        mask = (1 << bits) - 1
        if isinstance(shift, Const):
            keep = str(signed(~(mask << shift.value)))
            moved = self.moved(value, shift.value)
        else:
            amount = self.value(shift)
            keep = self.op(f"xor i64 {self.op(f'shl i64 {mask}, {amount}')}, -1")
            moved = self.op(f"shl i64 {value}, {amount}")
        kept = self.op(f"and i64 {self.load(f'n{word}')}, {keep}")
        self.store(self.op(f"or i64 {kept}, {moved}"), f"n{word}")

    def moved(self, value: str, shift: int) -> str:
        if not value.startswith("%"):
            return str(signed(int(value) << shift))
        return self.op(f"shl i64 {value}, {shift}") if shift else value


def total(left: Expr, right: Expr) -> Expr:
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(left.value + right.value)
    return Binary("+", left, right)


def signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
