"""A sweep from what a user writes: `KEY=VALUES` texts, a condition, columns by name."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from evtplan.abi import ABIS, ARCHITECTURES, RELEASES
from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.fleet.model import Fleet
from evtplan.plans.own_columns import own_formulas
from evtplan.plans.settings import Setting, setting_named
from evtplan.plans.sweeps.axes import Axis, AxisError, parse_axis, split_setting
from evtplan.plans.sweeps.design import ROWS_PER_CHUNK, Subject, Sweep
from evtplan.plans.sweeps.distributions import Distribution, parse_distribution
from evtplan.plans.sweeps.fleets import FleetSubject, column_name
from evtplan.plans.sweeps.numbers import KEYS, NumbersSubject
from evtplan.plans.sweeps.own import WithOwn
from evtplan.plans.sweeps.where import parse_condition
from evtplan.plans.uniform import BINDINGS

__all__ = ["LARGEST_ANSWER", "SettingError", "SweepText", "build_sweep"]

# Rows beyond which an answer row by row is taken for a slip: half a terabyte of CSV.
LARGEST_ANSWER = 10**10
# Columns that hold names, and which; any where there is no list.
_TEXT_COLUMNS: dict[str, tuple[str, ...]] = {
    "abi": tuple(ABIS), "xen": tuple(RELEASES), "arch": ARCHITECTURES, "binding": BINDINGS,
    "fleet": (),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SweepText:
    """What a user wrote, before it is understood; each of `vary`, `dist`, `set` is KEY=…;
    `formulas` are files of formulas of their own."""

    vary: tuple[str, ...] = ()
    dist: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    zip: bool = False
    sample: int | None = None
    seed: int = 0
    select: tuple[str, ...] = ()
    where: str | None = None
    summary: bool = False
    rows_per_chunk: int = ROWS_PER_CHUNK
    formulas: tuple[str, ...] = ()


class SettingError(EvtplanError):
    """What one option says cannot be: the `option` (vary, dist, set, where or select), the `item`
    it was given, and the `reason`.
    """

    def __init__(self, option: str, item: str, error: EvtplanError) -> None:
        self.option = option
        self.item = item
        self.reason = getattr(error, "reason", error.message)
        super().__init__(error.message, error.hint)


def build_sweep(text: SweepText, fleet: Fleet | None = None) -> Sweep:
    """The sweep that `text` asks for, over `fleet` or by numbers.

    Raises `EvtplanError` for anything in it that cannot be, with the nearest that could, and for
    more rows than anybody reads.
    """
    reader: _Numbers | _OfFleet = _Numbers() if fleet is None else _OfFleet(fleet)
    if not text.vary and not text.dist:
        raise EvtplanError(
            "nothing is varied", "give --vary KEY=VALUES, e.g. --vary events_per_vm=1..4096:x2"
        )
    axes, distributions = [], []
    for item in text.vary:
        with _about("vary", item):
            axes.append(_axis(item, reader, repeats=text.zip))
    for item in text.dist:
        with _about("dist", item):
            distributions.append(_distribution(item, reader))
    keys = (*(axis.key for axis in axes), *(law.key for law in distributions))
    subject: Subject = reader.subject(_fixed(text.set, reader, keys))
    if text.formulas:
        subject = WithOwn(subject, own_formulas(text.formulas))
    if text.sample is not None and text.sample < 1:
        raise EvtplanError(f"--sample {text.sample}: at least one point must be drawn")
    known = dict.fromkeys((*keys, *subject.columns))
    texts = {axis.key: () for axis in axes if axis.is_text} | _TEXT_COLUMNS
    with _about("select", ",".join(text.select)):
        select = _selected(text.select, known)
    condition = None
    if text.where is not None:
        with _about("where", text.where):
            condition = parse_condition(text.where, known, texts)
    sweep = Sweep(
        subject,
        tuple(axes),
        zipped=text.zip,
        sample=text.sample,
        distributions=tuple(distributions),
        seed=text.seed,
        select=select,
        where=condition,
        rows_per_chunk=text.rows_per_chunk,
    )
    if sweep.points > LARGEST_ANSWER and not text.summary:
        raise EvtplanError(
            f"this sweep has {sweep.points:.3g} points, more than anybody reads",
            f"{'draw fewer' if text.sample else 'draw some of them with --sample'}, "
            "or ask for --summary",
        )
    return sweep


@contextmanager
def _about(option: str, item: str) -> Iterator[None]:
    """An error in the block is about what `option` was given."""
    try:
        yield
    except EvtplanError as error:
        raise SettingError(option, item, error) from error


class _Numbers:
    """Reads keys of a sizing by numbers."""

    def column(self, key: str) -> str:
        return key

    def allowed(self, key: str) -> int | tuple[str, ...]:
        if key not in KEYS:
            hint = ""
            if key.startswith(("guest.", "host.")):
                hint = "settings of a fleet are swept where a fleet file is given"
            error = UnknownNameError("quantity", key, KEYS)
            error.hint = hint or error.hint
            raise error
        return KEYS[key]

    def subject(self, fixed: Mapping[str, int | str]) -> NumbersSubject:
        return NumbersSubject(tuple(fixed.items()))


class _OfFleet:
    """Reads keys of a fleet, and remembers what each column sets."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.settings: dict[str, Setting] = {}

    def column(self, key: str) -> str:
        name = column_name(key)
        setting = setting_named(self.fleet, key)
        if self.settings.setdefault(name, setting) != setting:
            raise EvtplanError(f"{key} and another key both make a column {name}")
        return name

    def allowed(self, key: str) -> int | tuple[str, ...]:
        return setting_named(self.fleet, key).allowed

    def subject(self, fixed: Mapping[str, int | str]) -> FleetSubject:
        once = {column_name(key): value for key, value in fixed.items()}
        varied = tuple((n, s) for n, s in self.settings.items() if n not in once)
        return FleetSubject(
            self.fleet, varied, tuple((self.settings[name], value) for name, value in once.items())
        )


def _axis(item: str, reader: "_Numbers | _OfFleet", *, repeats: bool = False) -> Axis:
    key, values = split_setting(item, "--vary")
    allowed = reader.allowed(key)
    if isinstance(allowed, tuple):
        if values == "all":
            values = ",".join(allowed)
        axis = parse_axis(item, values, key, is_text=True, repeats=repeats)
        for value in axis.values:
            if value not in allowed:
                raise UnknownNameError({"abi": "ABI"}.get(key, key), str(value), allowed)
    else:
        axis = parse_axis(item, values, key, is_text=False, repeats=repeats)
        if axis.least < allowed:
            raise AxisError(item, f"{axis.least} is below {allowed}, the least that {key} can be")
    return Axis(reader.column(key), axis.values)


def _distribution(item: str, reader: "_Numbers | _OfFleet") -> Distribution:
    key, law = split_setting(item, "--dist")
    allowed = reader.allowed(key)
    if isinstance(allowed, tuple):
        raise EvtplanError(
            f"--dist {item}: {key} is a name, not a number",
            f"give --vary {key}={','.join(allowed)}",
        )
    return parse_distribution(item, reader.column(key), law, least=allowed)


def _fixed(
    items: Iterable[str], reader: "_Numbers | _OfFleet", varied: Iterable[str]
) -> dict[str, int | str]:
    """The values that `items` set; none of them may be among the columns `varied`."""
    found: dict[str, int | str] = {}
    for item in items:
        with _about("set", item):
            key, _ = split_setting(item, "--set")
            try:
                axis = _axis(item, reader)
            except AxisError as error:
                raise EvtplanError(f"--set {error.text}: {error.reason}", error.hint) from error
            if len(axis) != 1:
                raise EvtplanError(f"--set {item}: one value only", f"to vary it: --vary {item}")
            if axis.key in varied:
                raise EvtplanError(f"{key} is set and varied", "do one of both")
            if key in found:
                raise EvtplanError(f"{key} is set twice", "give it once")
            found[key] = axis.values[0]
    return found


def _selected(names: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    every = tuple(known)
    found: list[str] = []
    for name in (part.strip() for text in names for part in text.split(",")):
        if name == "all":
            found.extend(every)
        elif name in every:
            found.append(name)
        elif not name:
            raise EvtplanError("--select: an empty name", "e.g. --select abi,vm_limit")
        else:
            raise UnknownNameError("column", name, every)
    return tuple(dict.fromkeys(found))
