"""Random protocol texts whose names are interchangeable, or nearly so, to try proofs on."""

import random
from dataclasses import dataclass, field

__all__ = ["random_text"]

_HEAD = """
shared = dict(
    E=Word[port], H=port, T=port, B=bit[queued], c=upto(3), M=bit[queued][queued], L=lock,
    own=bit[{workers}], who=upto({last_worker}),
)
ghost = dict(left=upto(1)[queued], g=port)


class Word:
    link: port
    flag: bit
    busy: bit


def start():
    for p in queued:
        left[p] = 1
"""


@dataclass
class _Writer:
    random: random.Random
    names: int
    workers: int
    numbered: bool
    lines: list[str] = field(default_factory=list)

    def pick(self, *texts: str) -> str:
        return self.random.choice(texts)

    def rarely(self) -> bool:
        return self.random.random() < 0.15

    def index(self) -> str:
        return "1" if self.rarely() else self.pick("p", "q")

    def value(self) -> str:
        if self.rarely():
            return "1"
        return self.pick("p", "q", "p", "0", "H", "E[p].link", "w.link", "g")

    def condition(self) -> str:
        if self.rarely():
            return self.pick("p < q", "q > 1", "p == 1")
        p, q = self.index(), self.index()
        return self.pick(
            "p == q", "H == p", f"E[{p}].flag", f"B[{p}]", "p", "q != 0", "c == 1", "p > 0",
            "any(B[z] for z in queued)", "all(left[z] == 0 for z in queued)", f"M[{p}][{q}]",
            "w.flag",
        )  # fmt: skip

    def block(self, depth: int) -> None:
        for _ in range(self.random.choice((1, 1, 2))):
            self.statement(depth)

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def statement(self, depth: int) -> None:
        p, q = self.index(), self.index()
        if self.numbered and self.random.random() < 0.25:
            self.put(depth, self.pick("own[me] = 1", "own[me] = 0", "who = me", "own[who] = 1"))
            return
        match self.random.randrange(13):
            case 0:
                self.put(depth, f"{self.pick('H', 'T', f'E[{p}].link', 'g')} = {self.value()}")
            case 1:
                self.put(depth, f"{self.pick(f'E[{p}].flag', f'B[{p}]', f'M[{p}][{q}]')} = 1")
            case 2 | 3 if depth < 3:
                self.put(depth, f"if {self.condition()}:")
                self.block(depth + 1)
                if self.random.random() < 0.5:
                    self.put(depth, "else:")
                    self.block(depth + 1)
            case 4:
                self.put(depth, f"q = {self.pick('H', 'T', 'p', 'E[p].link', self.value())}")
            case 5:
                self.put(depth, f"w = E[{p}]")
            case 6:
                self.put(depth, "for z in queued:")
                self.put(depth + 1, f"if {self.pick('z != p', 'left[z]', 'z == g')}:")
                action = "g = z" if self.rarely() else self.pick("left[z] = 0", "left[z] = left[p]")
                self.put(depth + 2, action)
            case 7:
                change = self.pick("busy=1", "link=q", "flag=0, link=p")
                self.put(depth, f"if cmpxchg(E[p], w, replace(w, {change})) == w:")
                self.put(depth + 1, f"{self.pick('H', 'T')} = p")
            case 8:
                self.put(depth, f"c = {self.pick('sum(left[z] for z in queued)', '1', '2')}")
            case 9:
                self.put(depth, f"mark('{self.pick('one', 'other')} happens')")
            case 10:
                claim = self.pick("p == q or left[p]", "H == 0 or H == p", "not B[q]")
                self.put(depth, f"assert {claim}, 'claim: so'")
            case 11:
                self.put(depth, self.pick("p, q = q, p", f"q = exchange(T, {self.value()})"))
            case 12:
                self.put(depth, f"while {self.pick('B[p]', 'E[q].busy', 'H == p')}:")
                self.put(depth + 1, "pass")
            case _:
                self.put(depth, "step()")

    def process(self, name: str, count: int) -> None:
        self.put(0, f"\n\n@process({count}, waits=True)")
        self.put(0, f"def {name}({'me' if self.numbered else ''}):")
        self.put(1, "p: port = 1" if self.rarely() else "p = choose(z for z in queued if left[z])")
        self.put(1, self.pick("left[p] = 0", "pass"))
        self.put(1, self.pick("q: port = 0", "q = H"))
        self.put(1, "w = E[p]")
        for _ in range(self.random.choice((1, 2, 3))):
            self.statement(1)


def random_text(seed: int) -> str:
    """The text of a small protocol; most have two to six like names or processes."""
    chance = random.Random(seed)
    names, workers = chance.choice((2, 2, 3)), chance.choice((1, 2, 2, 3))
    writer = _Writer(chance, names, workers, numbered=workers > 1 and chance.random() < 0.4)
    last = names - 1 if chance.random() < 0.2 else names  # 0 is one of them, or means none
    writer.put(0, f"port = upto({last})")
    writer.put(0, f"queued = span({last - names + 1}, {last})")
    writer.put(0, _HEAD.format(workers=workers, last_worker=workers - 1))
    if writer.rarely():
        writer.put(1, "H = 1")
    writer.process("raiser", workers)
    if chance.random() < 0.5:
        writer.numbered = False
        writer.process("other", 1)
    if chance.random() < 0.6:
        claim = "E[1].flag == 0 or left[1]" if writer.rarely() else writer.pick(
            "not any(E[z].busy and E[z].flag for z in queued)", "H == 0", "c < 2",
            "all(M[y][z] == 0 or B[z] for y in queued for z in queued)",
        )  # fmt: skip
        writer.put(0, f'\n\n@at_rest\ndef rest():\n    """So."""\n    return {claim}')
    if chance.random() < 0.4:
        writer.put(0, '\n\n@always\ndef chain():\n    """So."""\n    p = H\n    for z in queued:')
        writer.put(2, "if p:\n            p = E[p].link")
        writer.put(1, f"return {writer.pick('p == 0', 'p != H', 'p == H or p == 0')}")
    writer.put(0, "\n\ncomes_to_rest = True")
    return "\n".join(writer.lines) + "\n"
