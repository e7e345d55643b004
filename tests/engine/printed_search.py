"""The same search with the bodies printed as Python: fast enough for half a million states."""

from typing import Any

from evtplan.engine.printing import Printer, indented
from evtplan.engine.system import END, Assert, Place, PropertyKind, TransitionSystem
from tests.engine.search import Found, choices


class ListPrinter(Printer):
    """Memory is the list `m`, a process's locals are names; a step appends its result to `out`."""

    def __init__(self, system: TransitionSystem, slots: int, most: tuple[int, ...]) -> None:
        self.variables = {v.name: v for v in system.variables}
        self.slots = slots
        self.most_of = most

    def cell(self, place: Place, index: str) -> str:
        return f"m[{self.variables[place.variable].base} + {index}]"

    def set_cell(self, place: Place, index: str, value: str) -> list[str]:
        return [f"{self.cell(place, index)} = {value}"]

    def cells(self, variable: str) -> int:
        return self.variables[variable].cells

    def most(self, place: Place) -> int:
        return self.variables[place.variable].most

    def most_of_local(self, slot: int) -> int:
        return self.most_of[slot]

    def goto(self, point: int) -> list[str]:
        names = "".join(f"l{n}, " for n in range(self.slots))
        return [f"return tuple(m), ({point}, ({names}))"]

    def blocked(self) -> list[str]:
        return ["return None"]

    def check(self, condition: str) -> list[str]:
        return [f"if not ({condition}):", "    broken('in_range')"]

    def asserts(self, statement: Assert, condition: str) -> list[str]:
        return [f"if not {condition}:", f"    broken({statement.name!r})"]

    def mark(self, name: str) -> list[str]:
        return [f"shown.add({name!r})"]

    def choose(self, statement: Any) -> list[str]:
        return [f"l{statement.slot} = choice"]


def printed_search(system: TransitionSystem, limit: int = 10**7) -> Found:
    """Every state there is, and the depth at which each property first breaks."""
    found = Found()
    depth = 0

    def broken(name: str) -> None:
        found.broken.setdefault(name, depth + 1)

    names: dict[str, Any] = {"broken": broken, "shown": found.shown}
    bodies = []
    for kind in system.kinds:
        most = tuple(local.most for local in kind.locals)
        printer = ListPrinter(system, len(kind.locals), most)
        row = []
        for point in kind.points:
            unpack = [f"l{n} = l[{n}]" for n in range(len(kind.locals))]
            lines = ["def step(m, l, me, choice):", *indented(unpack + printer.block(point.body))]
            exec("\n".join(lines), names)
            row.append((names["step"], choices(point)))
        bodies.append(row)
    steps = [row for row, kind in zip(bodies, system.kinds, strict=True) for _ in range(kind.count)]
    always, at_rest = [], []
    for item in system.properties:
        if item.body:
            most = tuple(local.most for local in item.locals)
            printer = ListPrinter(system, len(item.locals), most)
            zero = [f"l{n} = 0" for n in range(len(item.locals))]
            exec("\n".join(["def holds(m):", *indented(zero + printer.block(item.body))]), names)
            (at_rest if item.kind is PropertyKind.AT_REST else always).append(
                (item, names["holds"])
            )
    first = (
        tuple(value for v in system.variables for value in v.initial),
        tuple((k.start, k.initial) for k, _ in system.processes),
    )
    mes = [me for _, me in system.processes]
    seen = {first}
    level = [first]
    while level and len(seen) < limit:
        found.depth = depth
        following = []
        for cells, ats in level:
            for item, holds in always:
                verdict = holds(cells)
                if item.kind is PropertyKind.SOMETIMES:
                    if verdict:
                        found.shown.add(item.name)
                elif not verdict:
                    found.broken.setdefault(item.name, depth)
            edges = 0
            for number, (at, values) in enumerate(ats):
                if at == END:
                    continue
                step, picks = steps[number][at]
                for pick in picks:
                    result = step(list(cells), values, mes[number], pick)
                    if result is None:
                        continue
                    edges += 1
                    state = (result[0], (*ats[:number], result[1], *ats[number + 1 :]))
                    if state not in seen:
                        seen.add(state)
                        following.append(state)
            found.edges += edges
            if not edges:
                found.at_rest += 1
                for item, holds in at_rest:
                    if not holds(cells):
                        found.broken.setdefault(item.name, depth)
                for (kind, _), (at, _) in zip(system.processes, ats, strict=True):
                    if at != END and not kind.points[at].waits:
                        found.broken.setdefault("no_deadlock", depth)
        level = following
        depth += 1
    found.states = len(seen)
    return found
