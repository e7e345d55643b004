"""Configurations side by side: ABIs, fleets and hosts, and each one against a reference."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from evtplan.abi import NEWEST, abi_named
from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.fleet.model import Fleet
from evtplan.plans.answers import Sizing, SizingRow
from evtplan.plans.costs import PAGE_BYTES, percent_apart
from evtplan.plans.crossings import points_by_numbers
from evtplan.plans.fleet_crossings import points_by_fleet
from evtplan.plans.fleet_sizing import size_fleet
from evtplan.plans.sizing import SizingInputs, size_by_numbers, vm_limit_of
from evtplan.plans.verdicts import protocol_verdict

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["ComparedRow", "Comparison", "compare", "compare_numbers"]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One configuration among others. `memory_bytes` is what `vms` VMs cost: the pages that Xen
    maps and its heap; `memory_bytes_per_vm` is its share of a VM, rounded up. `protocol_holds` is
    None where the ABI's protocol has not been checked.

    The columns `…_vs_reference_percent` say how far this row lies above (below: negative) the row
    it is compared with; None where that has nothing or zero.
    """

    fleet: str | None
    xen: str
    arch: str
    abi: str
    vms: int
    vm_limit: int
    binding: str
    backends_to_lift: int | None
    headroom_vms: int
    events_per_vm: int | None
    usable_ports_per_domain: int
    domu_ports: int
    backend_ports: int
    backend_headroom_ports: int
    domu_array_pages: int
    backend_array_pages: int
    control_block_pages: int | None
    total_pages: int
    total_bytes: int
    xenheap_bytes: int
    memory_bytes: int
    memory_bytes_per_vm: int
    vm_limit_pages: int | None
    vm_limit_backend_ports: int | None
    vm_limit_domu_ports: int | None
    vm_limit_domids: int
    priorities: int
    protocol_holds: bool | None
    reference: str | None = None
    vm_limit_vs_reference_percent: float | None = None
    total_pages_vs_reference_percent: float | None = None
    memory_bytes_vs_reference_percent: float | None = None

    @property
    def key(self) -> tuple[str | None, str, str, str]:
        """What tells this configuration from the others."""
        return self.fleet, self.xen, self.arch, self.abi


@dataclass(frozen=True, slots=True)
class Comparison:
    """Configurations in order; `break_evens` has a row for each point."""

    rows: tuple[ComparedRow, ...]
    break_evens: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    def to_frame(self) -> "DataFrame":
        """The rows as a pandas DataFrame, missing values `pd.NA`."""
        from evtplan.plans.frames import frame_of

        return frame_of(self.rows)


def compare_numbers(
    configurations: Sequence[SizingInputs],
    *,
    reference: str | None = None,
    sort: str | None = None,
    descending: bool = False,
    quantity: str = "events_per_vm",
) -> Comparison:
    """Compare like VMs under each of `configurations`, on one host release for all unless they
    say otherwise; where they give no `vms`, the costs are those of as many as every one carries.

    `reference` is an ABI, release or architecture. Break-even points are sought along `quantity`.
    Raises `UnknownNameError` for a reference, column or quantity that does not exist.
    """
    given = [replace(item, xen=item.xen or NEWEST) for item in configurations]
    notes = []
    if any(item.vms is None for item in given):
        common = min((limit for item in given if (limit := vm_limit_of(item))), default=1)
        given = [replace(item, vms=item.vms or common) for item in given]
        notes.append(f"no --vms given: the costs are those of {common} VMs, the lowest limit")
    sizings = [size_by_numbers([item]) for item in given]
    rows = [_compared(row) for sizing in sizings for row in sizing.rows]
    points = points_by_numbers(given, quantity)
    return _finished(rows, sizings, points, notes, reference, sort, descending)


def compare(
    fleets: Sequence[Fleet],
    abis: tuple[str, ...] = (),
    *,
    reference: str | None = None,
    sort: str | None = None,
    descending: bool = False,
    quantity: str = "vms",
    backends: int = 1,
    guest_page_bytes: int = PAGE_BYTES,
) -> Comparison:
    """Compare each of `fleets` under each of `abis` (its host's own where empty).

    `reference` is an ABI, a fleet, a release or an architecture; `backends` and
    `guest_page_bytes` are as in `size_fleet`. Break-even points are sought along `quantity`, vms
    or pages. Raises `UnknownNameError` for a name that does not exist, `EvtplanError` where two
    fleets have one name.

    >>> from evtplan import Device, Fleet, Guest
    >>> web = Guest("web", vcpus=2, devices=(Device("vif"), Device("vbd")), copies=200)
    >>> rows = compare([Fleet((web,))], ("2l-64", "fifo"), reference="2l-64").rows
    >>> [(row.abi, row.vm_limit, row.vm_limit_vs_reference_percent) for row in rows]
    [('2l-64', 503, 0.0), ('fifo', 16376, 3155.67)]
    """
    _check_names(fleets)
    sizings = [
        size_fleet(fleet, abis, backends=backends, guest_page_bytes=guest_page_bytes)
        for fleet in fleets
    ]
    rows = [_compared(row) for sizing in sizings for row in sizing.rows]
    points: list[dict[str, Any]] = []
    for fleet in fleets:
        points.extend(points_by_fleet(fleet, abis or (fleet.host.abi,), quantity, backends))
    return _finished(rows, sizings, points, [], reference, sort, descending)


def _compared(row: SizingRow) -> ComparedRow:
    memory = row.total_bytes + row.xenheap_bytes
    shared = {f.name for f in fields(ComparedRow)} & {f.name for f in fields(SizingRow)}
    return ComparedRow(
        **{name: getattr(row, name) for name in shared},
        memory_bytes=memory,
        memory_bytes_per_vm=-(-memory // row.vms) if row.vms else 0,
        priorities=abi_named(row.abi).priorities,
        protocol_holds=protocol_verdict(row.abi),
    )


def _finished(
    rows: list[ComparedRow],
    sizings: list[Sizing],
    points: list[dict[str, Any]],
    notes: list[str],
    reference: str | None,
    sort: str | None,
    descending: bool,
) -> Comparison:
    rows = [_against(row, rows, reference) for row in rows]
    if sort is not None:
        rows = _sorted(rows, sort, descending)
    said = [*notes, *(note for sizing in sizings for note in sizing.notes)]
    return Comparison(tuple(rows), tuple(points), tuple(dict.fromkeys(said)))


def _against(row: ComparedRow, rows: list[ComparedRow], reference: str | None) -> ComparedRow:
    other = _reference_of(row, rows, reference)
    return replace(
        row,
        reference=" ".join(part for part in other.key if part),
        vm_limit_vs_reference_percent=percent_apart(other.vm_limit, row.vm_limit),
        total_pages_vs_reference_percent=percent_apart(other.total_pages, row.total_pages),
        memory_bytes_vs_reference_percent=percent_apart(other.memory_bytes, row.memory_bytes),
    )


def _reference_of(row: ComparedRow, rows: list[ComparedRow], reference: str | None) -> ComparedRow:
    """The row like `row` but for the reference's ABI, fleet, release or architecture; the first
    of all rows where no reference is named.
    """
    if reference is None:
        return rows[0]
    for place in (3, 0, 1, 2):
        known = [other.key[place] for other in rows]
        if reference in known:
            wanted = (*row.key[:place], reference, *row.key[place + 1 :])
            found = [other for other in rows if other.key == wanted]
            return found[0] if found else rows[known.index(reference)]
    names = dict.fromkeys(str(part) for other in rows for part in other.key if part is not None)
    raise UnknownNameError("reference", reference, names)


def _sorted(rows: list[ComparedRow], column: str, descending: bool) -> list[ComparedRow]:
    """Rows by `column`, equal ones as they stood, those without a value last."""
    names = [field.name for field in fields(ComparedRow)]
    if column not in names:
        raise UnknownNameError("column", column, names)
    present = [row for row in rows if getattr(row, column) is not None]
    missing = [row for row in rows if getattr(row, column) is None]
    present.sort(key=lambda row: getattr(row, column), reverse=descending)
    return present + missing


def _check_names(fleets: Sequence[Fleet]) -> None:
    """Raise `EvtplanError` where two fleets on one host have one name."""
    keys = [(fleet.name, fleet.host.xen, fleet.host.arch) for fleet in fleets]
    twice = next((key[0] for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise EvtplanError(f"two fleets are called {twice}", "give each fleet its own name")
