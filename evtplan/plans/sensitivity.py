"""Which input moves the VM limit most: exact derivatives, and exact effects of real steps.

The derivative is SymPy's, of the draft's estimate and of the limit that binds, both without
rounding; the effects are whole VMs, from sizing the host anew with one unit more or less and with
10 % more or less.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import sympy

from evtplan.abi import abi_named
from evtplan.errors import EvtplanError
from evtplan.fleet.model import Fleet, Guest
from evtplan.formulas.catalogue import BOOK
from evtplan.plans.fleet_sizing import size_fleet
from evtplan.plans.hosting import hosting_of
from evtplan.plans.sizing import SizingInputs, size_by_numbers

__all__ = ["Effect", "Sensitivity", "sensitivity_by_numbers", "sensitivity_of_fleet"]

# Each number of a group takes a handful of sizings of the whole fleet, so that a table of
# thousands of kinds of VM would take hours: of more than so many groups, the largest are varied.
_MOST_GROUPS = 100
_GROUPS_OF_MANY = 20


@dataclass(frozen=True, slots=True)
class Effect:
    """What one input does to the VM limit of one ABI; VMs gained, negative where lost.

    `derivative_estimate` and `derivative_limit` are VMs per unit, exact; None where the formula
    does not have the input. `plus_one` … `minus_tenth` are None where the input cannot have that
    value. `tenth` is the step that stands for 10 %: rounded up, at least 1. `rank` counts from 1,
    by the larger effect of 10 %, then of one unit, then on the draft's estimate; inputs of equal
    effect share a rank.
    """

    rank: int
    abi: str
    input: str
    value: int
    vm_limit: int
    binding: str
    plus_one: int | None
    minus_one: int | None
    tenth: int
    plus_tenth: int | None
    minus_tenth: int | None
    derivative_estimate: Fraction | None
    derivative_limit: Fraction | None
    binding_after: str | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Effects, ranked within each ABI, and remarks."""

    effects: tuple[Effect, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Input:
    """An input, its value, and the answer (VM limit, what binds) at any other value."""

    name: str
    value: int
    least: int
    answer: Callable[[int], tuple[int, str]]
    derivatives: tuple[Fraction | None, Fraction | None] = (None, None)


def sensitivity_by_numbers(given: SizingInputs) -> Sensitivity:
    """The effect of every number of `given` on its VM limit."""
    row = size_by_numbers([given]).rows[0]
    full = replace(given, pages=row.pages)

    def changed(name: str) -> Callable[[int], tuple[int, str]]:
        @cache
        def answer(value: int) -> tuple[int, str]:
            fields: Any = {name: value}
            found = size_by_numbers([replace(full, **fields)]).rows[0]
            return found.vm_limit, found.binding

        return answer

    names = ["events_per_vm", "pages", "words_per_page", "backends", "backend_base_ports"]
    if given.vcpus is not None:
        names.append("vcpus")
    inputs = [
        _Input(
            name,
            getattr(full, name),
            0 if name == "backend_base_ports" else 1,
            changed(name),
            _derivatives(full, row.binding, name),
        )
        for name in names
    ]
    notes = [] if given.vcpus is not None else ["control blocks are not counted: give vcpus"]
    if row.binding == "pages" and given.backends > 1:
        notes.append("the derivative of the limit by pages is that of one backend domain")
    if row.binding == "domids":
        notes.append("domain IDs run out first: no input moves the limit until another binds")
    return Sensitivity(_ranked(given.abi, inputs, (row.vm_limit, row.binding)), tuple(notes))


def _derivatives(
    given: SizingInputs, binding: str, name: str
) -> tuple[Fraction | None, Fraction | None]:
    """Exact VMs per unit of `name`: in the draft's estimate, in the limit that binds."""
    values = {
        "pages": given.pages or 1,
        "events_per_vm": given.events_per_vm,
        "words_per_page": given.words_per_page,
        "backend_base_ports": given.backend_base_ports,
        "backends": given.backends,
        "control_pages_per_vm": given.vcpus or 0,
    }
    abi = abi_named(given.abi)
    values["usable_ports"] = abi.usable_ports
    values["array_pages"] = max(1, abi.bitmap_pages)
    if not abi.maps_control_blocks:
        values["control_pages_per_vm"] = 0
    key = "control_pages_per_vm" if name == "vcpus" else name
    estimate = _slope("draft_a.vm_limit_estimate", key, values) if abi.event_words else None
    formula = {
        "backend_ports": "fifo.vm_limit_backend_ports",
        "pages": "fifo.vm_limit_pages" if abi.event_words else "three_level.vm_limit_pages",
    }.get(binding)
    if formula is None:
        return estimate, None
    if name == "vcpus" and not abi.maps_control_blocks:  # they take no pages of P here
        return estimate, Fraction(0)
    return estimate, _slope(formula, key, values)


def _slope(name: str, quantity: str, values: dict[str, int]) -> Fraction | None:
    """∂V/∂quantity of the formula without its outer rounding; None where it lacks the quantity.

    A floor inside (the pages of one domU) is taken as a number: it stands still between its steps.
    """
    formula = BOOK[name]
    by_name = {q.name: q.symbol for q in formula.inputs}
    if quantity not in by_name:
        return None
    numbers = {symbol: values[name] for name, symbol in by_name.items()}
    smooth = _without_rounding(formula.expression)
    still = {node: node.subs(numbers) for node in smooth.atoms(sympy.floor)}
    exact = sympy.Rational(smooth.xreplace(still).diff(by_name[quantity]).subs(numbers))
    return Fraction(int(exact.p), int(exact.q))


def _without_rounding(e: sympy.Expr) -> sympy.Expr:
    """The outermost floors taken off, and Max(0, x) read as x, which it is where VMs fit."""
    if isinstance(e, sympy.floor):
        return _without_rounding(e.args[0]) if e.args[0].has(sympy.Max) else e.args[0]
    if isinstance(e, sympy.Max):
        return _without_rounding(next(a for a in e.args if a != 0))
    if isinstance(e, sympy.Add | sympy.Mul) and e.has(sympy.floor, sympy.Max):
        outer = [_without_rounding(a) if a.func in (sympy.floor, sympy.Max) else a for a in e.args]
        return e.func(*outer)
    return e


def sensitivity_of_fleet(
    fleet: Fleet, abis: tuple[str, ...] = (), *, backends: int = 1, most_groups: int | None = None
) -> Sensitivity:
    """The effect of the fleet's own numbers: the host's, and the VCPUs and devices of each group;
    of more than `most_groups` (by default 100, of which then 20), of those with the most VMs.
    """
    effects: list[Effect] = []
    varied = _varied(fleet, most_groups)
    for abi in abis or (fleet.host.abi,):
        planned = replace(fleet, host=replace(fleet.host, abi=abi))
        row = size_fleet(planned, (abi,), backends=backends, search_backends=False).rows[0]
        host = replace(planned.host, pages=row.pages, base_ports=row.backend_base_ports)
        planned = replace(planned, host=host)
        inputs = list(_fleet_inputs(planned, backends, varied))
        effects.extend(_ranked(abi, inputs, (row.vm_limit, row.binding)))
    notes = ["VM limits are those of this mix as it grows"]
    if len(varied) < len(fleet.guests):
        notes.append(
            f"of {len(fleet.guests)} groups the {len(varied)} with the most VMs were varied"
        )
    return Sensitivity(tuple(effects), tuple(notes))


def _varied(fleet: Fleet, most: int | None) -> list[tuple[int, Guest]]:
    """The guests whose numbers are inputs, with their places."""
    if most is None:
        most = _GROUPS_OF_MANY if len(fleet.guests) > _MOST_GROUPS else len(fleet.guests)
    largest = sorted(enumerate(fleet.guests), key=lambda item: -item[1].copies)[:most]
    return sorted(largest, key=lambda item: item[0])


def _fleet_inputs(fleet: Fleet, backends: int, varied: list[tuple[int, Guest]]) -> Iterator[_Input]:
    def sized(changed: Fleet, count: int = backends) -> tuple[int, str]:
        limit = hosting_of(changed, count).binding
        return limit.vms or 0, limit.name

    def of_host(name: str) -> Callable[[int], tuple[int, str]]:
        def answer(value: int) -> tuple[int, str]:
            fields: Any = {name: value}
            return sized(replace(fleet, host=replace(fleet.host, **fields)))

        return answer

    def of_guest(index: int, changed: Callable[[Guest, int], Guest]) -> Any:
        def answer(value: int) -> tuple[int, str]:
            guests = list(fleet.guests)
            guests[index] = changed(guests[index], value)
            return sized(replace(fleet, guests=tuple(guests)))

        return answer

    yield _Input("pages", fleet.host.pages or 1, 1, of_host("pages"))
    yield _Input("backends", backends, 1, lambda value: sized(fleet, value))
    yield _Input("words_per_page", fleet.host.words_per_page, 1, of_host("words_per_page"))
    yield _Input("base_ports", fleet.host.base_ports or 0, 0, of_host("base_ports"))
    for index, guest in varied:
        yield _Input(f"guest.{guest.name}.vcpus", guest.vcpus, 1, of_guest(index, _with_vcpus))
        for place, device in enumerate(guest.devices):
            label = f"guest.{guest.name}.{device.kind}"
            if sum(d.kind == device.kind for d in guest.devices[:place]):
                label += f".{place + 1}"

            def counted(changed: Guest, value: int, at: int = place) -> Guest:
                devices = list(changed.devices)
                devices[at : at + 1] = [replace(devices[at], count=value)] if value else []
                return replace(changed, devices=tuple(devices))

            yield _Input(label, device.count, 0, of_guest(index, counted))


def _with_vcpus(guest: Guest, value: int) -> Guest:
    most = None if guest.maxvcpus is None else max(guest.maxvcpus, value)
    return replace(guest, vcpus=value, maxvcpus=most)


def _ranked(abi: str, inputs: list[_Input], now: tuple[int, str]) -> tuple[Effect, ...]:
    """The effects of `inputs`, the largest first; inputs of equal effect share a rank."""
    limit, binding = now
    effects = []
    for given in inputs:
        tenth = max(1, -(-given.value // 10))
        steps = (1, -1, tenth, -tenth)
        found = [_gain(given, step, limit) for step in steps]
        after = _binding_after(given, tenth, found, binding)
        effects.append(
            Effect(
                rank=0,
                abi=abi,
                input=given.name,
                value=given.value,
                vm_limit=limit,
                binding=binding,
                plus_one=found[0],
                minus_one=found[1],
                tenth=tenth,
                plus_tenth=found[2],
                minus_tenth=found[3],
                derivative_estimate=given.derivatives[0],
                derivative_limit=given.derivatives[1],
                binding_after=after,
            )
        )
    effects.sort(key=_size, reverse=True)
    ranks = [1 + sum(_size(other) > _size(effect) for other in effects) for effect in effects]
    return tuple(replace(e, rank=rank) for e, rank in zip(effects, ranks, strict=True))


def _gain(given: _Input, step: int, limit: int) -> int | None:
    value = given.value + step
    if value < given.least:
        return None
    try:
        return given.answer(value)[0] - limit
    except EvtplanError:
        return None


def _binding_after(given: _Input, tenth: int, found: list[int | None], binding: str) -> str | None:
    """What binds after the step of 10 % that gains most, where it is something else."""
    gains = [(gain, step) for gain, step in zip(found[2:], (tenth, -tenth), strict=True) if gain]
    if not gains:
        return None
    _, step = max(gains)
    after = given.answer(given.value + step)[1]
    return after if after != binding else None


def _size(effect: Effect) -> tuple[int, int, Fraction]:
    """How far 10 % move the limit, then how far one unit does, then the estimate by its slope."""
    tenth = max(abs(effect.plus_tenth or 0), abs(effect.minus_tenth or 0))
    one = max(abs(effect.plus_one or 0), abs(effect.minus_one or 0))
    return tenth, one, abs(effect.derivative_estimate or Fraction(0)) * effect.tenth
