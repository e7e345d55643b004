"""Prints the choice of one state for all that a symmetry makes equal.

`canonical(w0, …)` gives the words of the state that stands for its orbit, and how many renamings
leave it as it is (the orbit has `order // that` states). Names are first put in order of what can
be said of each without names (what its cells hold, who refers to it); where some tie, every order
of those that tie is tried, and the least image is taken. Like processes are then sorted.

One text for Python's integers and for compiled 64-bit words: both choose the same state.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, permutations, product

from evtplan.engine.search.packing import Part, pack_system
from evtplan.engine.symmetry import Interchangeable, Symmetry
from evtplan.engine.system import TransitionSystem, Variable

__all__ = ["print_canonical"]

_NIBBLE = 4  # a renaming is one integer, four bits a name
_SIGNATURE_BITS = 60
_PC_PIECE = 60


@dataclass(frozen=True, slots=True)
class _Field:
    """`bits` bits at `offset` of something; `names` is the number of the names it may hold."""

    offset: int
    bits: int
    names: int


@dataclass(frozen=True, slots=True)
class _Atom:
    """Bits of a process's frame that stand side by side in every like process."""

    places: tuple[Part, ...]  # one a process of the kind


def print_canonical(system: TransitionSystem, symmetry: Symmetry, *, fused: bool) -> str:
    """The function `canonical` and its tables: for states of one integer, or of 64-bit words.

    It stands where `compiled` is a decorator and `ORDERS` makes a list of numbers to go through.
    """
    return _Printer(system, symmetry, fused).text()


class _Printer:
    def __init__(self, system: TransitionSystem, symmetry: Symmetry, fused: bool) -> None:
        self.system = system
        self.fused = fused
        # Frames fall into the same atoms in both forms, so that both sort them alike.
        self.apart = pack_system(system)
        self.packing = self.apart.fused() if fused else self.apart
        self.symmetry = symmetry
        self.names = symmetry.names
        self.lines: list[str] = []
        self.words = self.packing.words
        self.first_process: list[int] = []
        at = 0
        for kind in system.kinds:
            self.first_process.append(at)
            at += kind.count
        self.atoms = [self._atoms(index) for index in range(len(system.kinds))]
        self.pooled = {pool.kind for pool in symmetry.pools}
        self.moved_by = {kind: a for a, item in enumerate(self.names) for kind in item.kinds}
        self.temporaries = 0
        self.known: dict[str, str] = {}

    def text(self) -> str:
        w = ", ".join(f"w{i}" for i in range(self.words))
        for a, item in enumerate(self.names):
            table = ", ".join(str(number) for number in _orders(len(item.elements)))
            self.lines.append(f"ORDERS_{a} = ORDERS([{table}])")
        head = [*self.lines, "", "", f"@compiled\ndef canonical({w}):"]
        self.lines = []
        for a in range(len(self.names)):
            self._ranks(a)
        self._put(1, "count = 0")
        self._put(1, "same = 1")
        for i in range(self.words):
            self._put(1, f"b{i} = w{i}")
        depth = 1
        for a, item in enumerate(self.names):
            self._put(depth, f"for order{a} in ORDERS_{a}:")
            depth += 1
            self._renaming(a, item, depth)
        self._image(depth)
        self._least(depth)
        for a in reversed(range(len(self.names))):
            self._put(a + 2, f"if not tie{a}:")
            self._put(a + 3, "break")
        b = ", ".join(f"b{i}" for i in range(self.words))
        self._put(1, f"return {b}, count * same")
        beginning = [f"    {name} = {text}" for text, name in self.known.items()]
        return "\n".join([*head, *beginning, *self.lines]) + "\n"

    def _put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _temp(self, prefix: str = "t") -> str:
        self.temporaries += 1
        return f"{prefix}_{self.temporaries}"

    # ---- names in order ------------------------------------------------------------------------

    def _ranks(self, a: int) -> None:
        """`rank`, and the first and last rank of those that tie, for each name."""
        item = self.names[a]
        for element in item.elements:
            self._put(1, f"sig{a}_{element} = {self._signature(a, element)}")
        for element in item.elements:
            sig = f"sig{a}_{element}"
            others = [f"sig{a}_{other}" for other in item.elements if other != element]
            earlier = [f"sig{a}_{other}" for other in item.elements if other < element]
            below = " + ".join(_truth(f"{other} < {sig}") for other in others)
            self._put(1, f"low{a}_{element} = {below}")
            ties = " + ".join(_truth(f"{other} == {sig}") for other in others)
            self._put(1, f"high{a}_{element} = low{a}_{element} + {ties}")
            before = "".join(" + " + _truth(f"{other} == {sig}") for other in earlier)
            self._put(1, f"rank{a}_{element} = low{a}_{element}{before}")
        tie = " or ".join(f"low{a}_{e} != high{a}_{e}" for e in item.elements)
        self._put(1, f"tie{a} = {tie}")

    def _signature(self, a: int, element: int) -> str:
        """What is said of a name without any other name, in one number."""
        terms: list[tuple[str, int]] = []
        for variable in self.system.variables:
            terms += self._signs_of_cells(a, element, variable)
        for kind in range(len(self.system.kinds)):
            terms += self._signs_of_processes(a, element, kind)
        made, used = [], 0
        for text, bits in terms:
            if bits and used + bits <= _SIGNATURE_BITS:
                made.append(f"({text} << {used})" if used else f"({text})")
                used += bits
        return " + ".join(made) or "0"

    def _signs_of_cells(
        self, a: int, element: int, variable: Variable
    ) -> Iterator[tuple[str, int]]:
        mine = self._dims(a, variable)
        others = any(any(self._dims(b, variable)) for b in range(len(self.names)) if b != a)
        if not variable.bits or others:
            return
        fields = self._value_fields(variable)
        plain = (1 << variable.bits) - 1
        for item in fields:
            plain &= ~(((1 << item.bits) - 1) << item.offset)
        cells = list(_cells(variable))
        for at in (number for number, has in enumerate(mine) if has):
            here = [self._cell(variable, n) for n, index in cells if index[at] == element]
            if sum(mine) == 1:
                yield from ((f"{cell} & {plain}", plain.bit_length()) for cell in here)
                for cell, item in product(here, fields):
                    names = self.names[item.names].elements
                    part = _part(cell, item)
                    yield _truth(f"({names[0]} <= {part}) & ({part} <= {names[-1]})"), 1
            else:
                summed = " + ".join(f"({cell} & {plain})" for cell in here)
                yield summed, (len(here) * plain).bit_length()
        for item in (item for item in fields if item.names == a):
            tests = [
                _truth(f"{_part(self._cell(variable, n), item)} == {element}") for n, _ in cells
            ]
            if any(mine):
                yield " + ".join(tests), len(tests).bit_length()
            else:
                yield from ((test, 1) for test in tests)

    def _signs_of_processes(self, a: int, element: int, kind: int) -> Iterator[tuple[str, int]]:
        count = self.system.kinds[kind].count
        pcs = len(self.system.kinds[kind].points)
        mover = self.moved_by.get(kind)
        if mover == a and element < count:
            yield self._pc(kind, element), pcs.bit_length()
        for item, where in self._local_fields(kind):
            if item.names != a:
                continue
            refers = [
                _truth(f"{self._held(kind, n, item, where)} == {element}") for n in range(count)
            ]
            if mover is None and kind not in self.pooled:
                yield from ((text, 1) for text in refers)
                continue
            weighed = [f"{text} * ({self._pc(kind, n)} + 1)" for n, text in enumerate(refers)]
            yield " + ".join(weighed), (count * (pcs + 1)).bit_length()

    # ---- one renaming --------------------------------------------------------------------------

    def _renaming(self, a: int, item: Interchangeable, depth: int) -> None:
        """`to`: the new name of each; `all` has them side by side."""
        first = item.elements[0]
        for e in item.elements:
            place = f"(order{a} >> (rank{a}_{e} * {_NIBBLE})) & 15"
            self._put(depth, f"at{a}_{e} = {place}")
        tests = [f"low{a}_{e} <= at{a}_{e} <= high{a}_{e}" for e in item.elements]
        self._put(depth, f"if not ({' and '.join(tests)}):")
        self._put(depth + 1, "continue")
        for e in item.elements:
            self._put(depth, f"to{a}_{e} = at{a}_{e} + {first}")
        same = sum(e << (_NIBBLE * e) for e in range(first))
        parts = [f"(to{a}_{e} << {_NIBBLE * e})" for e in item.elements]
        self._put(depth, f"all{a} = {' + '.join([str(same), *parts])}")

    def _renamed(self, value: str, item: _Field) -> str:
        """The new name in place of `value`, a variable."""
        last = self.names[item.names].elements[-1]
        new = f"((all{item.names} >> (({value} & 15) * {_NIBBLE})) & 15)"
        if (1 << item.bits) - 1 > last:
            return f"({new} if {value} <= {last} else {value})"
        return new

    # ---- the image under it --------------------------------------------------------------------

    def _image(self, depth: int) -> None:
        keep = [(1 << bits) - 1 for bits in self.packing.word_bits]
        for variable in self.system.variables:
            fields = self._value_fields(variable)
            if not variable.bits or not (fields or self._is_indexed(variable)):
                continue
            for chunk in self.packing.chunks[variable.name]:
                mask = ((1 << (chunk.count * variable.bits)) - 1) << chunk.offset
                keep[chunk.word] &= ~mask
        frames: list[int] = []
        for kind in range(len(self.system.kinds)):
            if self._local_fields(kind) or kind in self.moved_by or kind in self.pooled:
                frames.append(kind)
                for atom in self.atoms[kind]:
                    for part in atom.places:
                        keep[part.word] &= ~(((1 << part.bits) - 1) << part.offset)
        for i in range(self.words):
            self._put(depth, f"n{i} = w{i} & {self._mask(keep[i])}")
        for variable in self.system.variables:
            self._cells_renamed(variable, depth)
        self._put(depth, "mult = 1")
        for kind in frames:
            self._frames_renamed(kind, depth)

    def _cells_renamed(self, variable: Variable, depth: int) -> None:
        fields = self._value_fields(variable)
        if not variable.bits or not (fields or self._is_indexed(variable)):
            return
        for number, index in _cells(variable):
            value = self._temp("c")
            self._put(depth, f"{value} = {self._cell(variable, number)}")
            self._fields_renamed(value, fields, depth)
            self._place(variable, value, self._target(variable, index), depth)

    def _fields_renamed(self, value: str, fields: Iterable[_Field], depth: int) -> None:
        for item in fields:
            old = self._temp()
            self._put(depth, f"{old} = {_part(value, item)}")
            self._put(depth, f"{value} ^= ({old} ^ {self._renamed(old, item)}) << {item.offset}")

    def _target(self, variable: Variable, index: tuple[int, ...]) -> str | int:
        """The number of the cell that the cell at `index` goes to."""
        constant, parts, scale = 0, [], 1
        for dim in reversed(range(len(variable.dims))):
            first, count = variable.dims[dim]
            mover = next((a for a in range(len(self.names)) if self._dims(a, variable)[dim]), None)
            if mover is not None and index[dim] in self.names[mover].elements:
                parts.append(f"to{mover}_{index[dim]} * {scale}")
                constant -= first * scale
            else:
                constant += (index[dim] - first) * scale
            scale *= count
        if not parts:
            return constant
        return " + ".join(parts) + (f" + {constant}" if constant >= 0 else f" - {-constant}")

    def _place(self, variable: Variable, value: str, target: str | int, depth: int) -> None:
        chunks = self.packing.chunks[variable.name]
        if isinstance(target, int):
            chunk = next(c for c in chunks if c.first <= target < c.first + c.count)
            offset = chunk.offset + (target - chunk.first) * variable.bits
            self._put(depth, f"n{chunk.word} |= {value} << {offset}")
            return
        at = self._temp("k")
        self._put(depth, f"{at} = {target}")
        for chunk in chunks:
            inner = depth
            if len(chunks) > 1:
                self._put(depth, f"if {chunk.first} <= {at} < {chunk.first + chunk.count}:")
                inner = depth + 1
            offset = chunk.offset - chunk.first * variable.bits
            self._put(inner, f"n{chunk.word} |= {value} << ({at} * {variable.bits} + {offset})")

    def _frames_renamed(self, kind: int, depth: int) -> None:
        count = self.system.kinds[kind].count
        frames = []
        for n in range(count):
            atoms = []
            for atom in self.atoms[kind]:
                name = self._temp("f")
                part = atom.places[n]
                self._put(depth, f"{name} = {self._read(part)}")
                atoms.append(name)
            for item, where in self._local_fields(kind):
                number, inner = self._in_atom(kind, item)
                old = self._held(kind, n, item, where)
                change = f"(({old} ^ {self._renamed(old, inner)}) & ~({old} >> 63))"
                self._put(depth, f"{atoms[number]} ^= {change} << {inner.offset}")
            frames.append(atoms)
        if kind in self.pooled:
            self._sort(frames, depth)
        mover = self.moved_by.get(kind)
        for n, atoms in enumerate(frames):
            for name, atom in zip(atoms, self.atoms[kind], strict=True):
                if mover is None or n not in self.names[mover].elements:
                    part = atom.places[n]
                    self._put(depth, f"n{part.word} |= {name} << {part.offset}")
                    continue
                for other in self.names[mover].elements:
                    part = atom.places[other]
                    self._put(depth, f"if to{mover}_{n} == {other}:")
                    self._put(depth + 1, f"n{part.word} |= {name} << {part.offset}")

    def _sort(self, frames: list[list[str]], depth: int) -> None:
        for last in range(len(frames) - 1, 0, -1):
            for n in range(last):
                one, other = frames[n], frames[n + 1]
                self._put(depth, f"if {_before(other, one)}:")
                left, right = ", ".join(one + other), ", ".join(other + one)
                self._put(depth + 1, f"{left} = {right}")
        self._put(depth, "run = 1")
        for one, other in pairwise(frames):
            equal = " and ".join(f"{x} == {y}" for x, y in zip(one, other, strict=True))
            self._put(depth, f"run = run + 1 if {equal} else 1")
            self._put(depth, "mult *= run")

    def _least(self, depth: int) -> None:
        if not self.names:
            for i in range(self.words):
                self._put(depth, f"b{i} = n{i}")
            self._put(depth, "count = 1")
            self._put(depth, "same = mult")
            return
        n = [self._unsigned("n", i) for i in reversed(range(self.words))]
        b = [self._unsigned("b", i) for i in reversed(range(self.words))]
        self._put(depth, f"if count == 0 or {_before(n, b)}:")
        for i in range(self.words):
            self._put(depth + 1, f"b{i} = n{i}")
        self._put(depth + 1, "count = 1")
        self._put(depth + 1, "same = mult")
        equal = " and ".join(f"n{i} == b{i}" for i in range(self.words))
        self._put(depth, f"elif {equal}:")
        self._put(depth + 1, "count += 1")

    def _mask(self, mask: int) -> int:
        """A mask of a word; a compiled word is signed."""
        return mask if self.fused or not mask >> 63 else mask - (1 << 64)

    def _unsigned(self, name: str, word: int) -> str:
        """A word to compare: a compiled one's highest bit is a sign."""
        if self.fused or self.packing.word_bits[word] < 64:
            return f"{name}{word}"
        return f"({name}{word} ^ {-(1 << 63)})"

    # ---- where things stand --------------------------------------------------------------------

    def _dims(self, a: int, variable: Variable) -> tuple[bool, ...]:
        return self.names[a].dims.get(variable.name, (False,) * len(variable.dims))

    def _is_indexed(self, variable: Variable) -> bool:
        return any(any(self._dims(a, variable)) for a in range(len(self.names)))

    def _value_fields(self, variable: Variable) -> list[_Field]:
        return [
            _Field(offset, bits or variable.bits, a)
            for a, item in enumerate(self.names)
            for offset, bits in item.values.get(variable.name, ())
        ]

    def _local_fields(self, kind: int) -> list[tuple[_Field, tuple[int, ...]]]:
        """Bits of a frame (counted from its process's first part) that hold names, and where."""
        frame = self.packing.frames[self.first_process[kind]]
        found: dict[_Field, set[int]] = {}
        for a, item in enumerate(self.names):
            for (of, point, slot), parts in item.locals.items():
                part = frame.locals[slot] if of == kind else None
                if part is None:
                    continue
                for offset, bits in parts:
                    # `offset` counts from bit 0 of the slot's word
                    place = _Field(64 * part.word + part.offset + offset, bits or part.bits, a)
                    found.setdefault(place, set()).add(point)
        return [
            (item, tuple(sorted(points)))
            for item, points in sorted(
                found.items(), key=lambda pair: (pair[0].offset, pair[0].bits, pair[0].names)
            )
        ]

    def _in_atom(self, kind: int, item: _Field) -> tuple[int, _Field]:
        """Which atom of the frame a field stands in, and where in it."""
        for number, atom in enumerate(self.atoms[kind]):
            first = atom.places[0]
            offset = item.offset - 64 * first.word - first.offset
            if 0 <= offset < first.bits:
                return number, _Field(offset, item.bits, item.names)
        raise AssertionError(item)

    def _held(self, kind: int, process: int, item: _Field, points: tuple[int, ...]) -> str:
        """The name that a local holds where the process stands at one of `points`; −1 elsewhere."""
        number, inner = self._in_atom(kind, item)
        part = self.atoms[kind][number].places[process]
        held = self._read(Part(part.word, part.offset + inner.offset, inner.bits))
        pc = self._pc(kind, process)
        pieces: dict[int, int] = {}
        for point in points:
            piece = point // _PC_PIECE
            pieces[piece] = pieces.get(piece, 0) | 1 << (point % _PC_PIECE)
        tests = []
        for piece, mask in pieces.items():
            low = piece * _PC_PIECE
            at = f"({pc} - {low})" if low else pc
            test = f"(({mask} >> {at}) & 1)"
            if len(self.system.kinds[kind].points) >= _PC_PIECE:
                test = f"({test} if {low} <= {pc} < {low + _PC_PIECE} else 0)"
            tests.append(test)
        return self._once(f"{held} | (({' | '.join(tests)}) - 1)")

    def _pc(self, kind: int, process: int) -> str:
        return self._once(self._read(self.packing.frames[self.first_process[kind] + process].pc))

    def _once(self, text: str) -> str:
        """A name for what `text` is, which is computed at the beginning."""
        if text not in self.known:
            self.known[text] = f"x{len(self.known)}"
        return self.known[text]

    def _cell(self, variable: Variable, number: int) -> str:
        for chunk in self.packing.chunks[variable.name]:
            if chunk.first <= number < chunk.first + chunk.count:
                offset = chunk.offset + (number - chunk.first) * variable.bits
                return self._once(self._read(Part(chunk.word, offset, variable.bits)))
        raise AssertionError(number)

    def _read(self, part: Part) -> str:
        return f"((w{part.word} >> {part.offset}) & {(1 << part.bits) - 1})"

    def _atoms(self, kind: int) -> list[_Atom]:
        first = self.first_process[kind]
        frames = self.apart.frames[first : first + self.system.kinds[kind].count]
        columns = [
            list(parts)
            for parts in zip(
                *([f.pc, *(p for p in f.locals if p is not None)] for f in frames), strict=True
            )
        ]
        columns.sort(key=lambda parts: (parts[0].word, parts[0].offset))
        merged: list[list[Part]] = []
        for column in columns:
            pairs = list(zip(merged[-1], column, strict=True)) if merged else []
            apart = {new.offset - old.offset for old, new in pairs}
            if len(apart) == 1 and all(_is_beside(old, new) for old, new in pairs):
                merged[-1] = [
                    Part(old.word, old.offset, max(old.bits, new.offset + new.bits - old.offset))
                    for old, new in pairs
                ]
            else:
                merged.append(column)
        if self.fused:
            merged = [[Part(0, 64 * p.word + p.offset, p.bits) for p in parts] for parts in merged]
        return [_Atom(tuple(parts)) for parts in merged]


def _is_beside(old: Part, new: Part) -> bool:
    """They touch or overlap, and together fit a signed word (or overlap, and have to)."""
    end = max(old.offset + old.bits, new.offset + new.bits)
    if old.word != new.word or not old.offset <= new.offset <= old.offset + old.bits:
        return False
    return new.offset < old.offset + old.bits or end - old.offset <= 62


def _orders(count: int) -> Iterator[int]:
    """Every order of so many places, four bits each, the one that changes nothing first."""
    for order in permutations(range(count)):
        yield sum(to << (_NIBBLE * at) for at, to in enumerate(order))


def _cells(variable: Variable) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Every cell's number, and its index in each dimension."""
    ranges = [range(first, first + count) for first, count in variable.dims]
    return enumerate(product(*ranges))


def _part(value: str, item: _Field) -> str:
    return f"(({value} >> {item.offset}) & {(1 << item.bits) - 1})"


def _truth(test: str) -> str:
    """A comparison as 0 or 1, without a branch: compilers take long over many."""
    return f"(({test}) * 1)"


def _before(left: list[str], right: list[str]) -> str:
    """Whether one comes before the other, their first members deciding first."""
    text = f"{left[-1]} < {right[-1]}"
    for one, other in reversed(list(zip(left[:-1], right[:-1], strict=True))):
        text = f"({one} < {other} or ({one} == {other} and ({text})))"
    return text
