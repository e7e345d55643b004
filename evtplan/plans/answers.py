"""What a sizing answers: rows, limits, groups and remarks, as typed records."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

    from evtplan.fleet.census import GuestCensus

__all__ = ["GroupRow", "Sizing", "SizingRow"]


@dataclass(frozen=True, slots=True)
class SizingRow:
    """What one configuration costs and carries; None where a thing does not exist.

    `vms` is the number asked for, or the number that fits. Page counts are whole pages of
    `words_per_page` event words; `total_bytes` counts 4 KiB for each, `guest_memory_bytes` a page
    of the kernels that give them (`guest_page_bytes`). `vm_limit_estimate` and
    `vm_limit_second_method` are the draft's two estimates and `total_array_pages_bound` its two
    pages a VM; every other limit is exact. `binding` names the limit that `vm_limit` is.
    `backend_ports` and `backend_headroom_ports` are those of the fullest backend domain.
    """

    abi: str
    fleet: str | None
    xen: str
    arch: str
    vms: int
    events_per_vm: int | None
    vcpus: int | None
    words_per_page: int | None
    pages: int
    backends: int
    backend_base_ports: int
    driver_domains: int | None
    usable_ports_per_domain: int
    domu_ports: int
    backend_ports: int
    backend_headroom_ports: int
    domu_array_pages: int
    backend_array_pages: int
    total_array_pages: int
    total_array_pages_bound: int | None
    control_block_pages: int | None
    control_block_bytes: int | None
    total_pages: int
    total_bytes: int
    guest_page_bytes: int
    guest_memory_bytes: int
    xenheap_pages_per_domu: int | None
    xenheap_bytes: int
    vm_limit_estimate: int | None
    vm_limit_second_method: int | None
    methods_differ_percent: float | None
    vm_limit_pages: int | None
    vm_limit_backend_ports: int | None
    vm_limit_domu_ports: int | None
    vm_limit_domids: int
    vm_limit: int
    binding: str
    headroom_vms: int
    backends_to_lift: int | None


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What the VMs of one group of a fleet cost, in a sizing under `abi`.

    `backend_array_pages` is what the group's other ends alone would fill when packed; `total_…`
    counts the domUs' own pages, those of their stub domains among them. `headroom_ports` is left
    in each domU under its own limit.
    """

    abi: str
    group: str
    type: str
    vms: int
    vcpus: int
    ports_per_domu: int
    backend_ports_per_vm: int
    domu_ports: int
    backend_ports: int
    domu_array_pages: int
    backend_array_pages: int | None
    control_block_pages: int | None
    total_pages: int
    total_bytes: int
    xenheap_bytes: int
    headroom_ports: int


@dataclass(frozen=True, slots=True)
class Sizing:
    """The answer to a sizing; `limits` has a row for each limit of each configuration, and
    `counted` the guests of each.
    """

    rows: tuple[SizingRow, ...]
    limits: tuple[dict[str, Any], ...] = ()
    groups: tuple[GroupRow, ...] = ()
    notes: tuple[str, ...] = ()
    counted: tuple[tuple[str, tuple["GuestCensus", ...]], ...] = field(default=(), repr=False)

    @property
    def devices(self) -> tuple[dict[str, Any], ...]:
        """A row for each kind of device of each group: its channels on either side, one VM."""
        return tuple(
            {
                "abi": abi,
                "name": item.guest.name,
                "copies": item.guest.copies,
                **channels.columns,
            }
            for abi, guests in self.counted
            for item in guests
            for channels in item.channels
        )

    def to_frame(self) -> "DataFrame":
        """The rows as a pandas DataFrame, one column a field, missing values `pd.NA`."""
        from evtplan.plans.frames import frame_of

        return frame_of(self.rows)
