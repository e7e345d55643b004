"""What a sweep comes to: which limit binds at how many points, where, and what can be promised.

Partial summaries of chunks add up to the same whole in any order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evtplan.plans.costs import DOMAIN_IDS
from evtplan.plans.sweeps.columns import Column

__all__ = ["PROMISES", "SUMMARISED", "Region", "Summary", "summarise"]

# The columns a summary is made from, besides the quantities varied.
SUMMARISED = ("abi", "vm_limit", "binding")
# In how many of the points, per cent, at least so many VMs fit.
PROMISES = (99.9, 99.0, 95.0, 90.0, 75.0, 50.0, 25.0, 5.0, 1.0)


@dataclass(slots=True)
class Region:
    """The points under one ABI where one limit binds; `spans` has the least and greatest value
    of each varied number, or the names, that occur there.
    """

    points: int = 0
    vm_limit_min: int = DOMAIN_IDS
    vm_limit_max: int = 0
    spans: dict[str, tuple[int, int] | tuple[str, ...]] = field(default_factory=dict)

    def add(self, other: "Region") -> None:
        """Take the points of `other` in."""
        self.points += other.points
        self.vm_limit_min = min(self.vm_limit_min, other.vm_limit_min)
        self.vm_limit_max = max(self.vm_limit_max, other.vm_limit_max)
        for key, span in other.spans.items():
            mine = self.spans.get(key)
            self.spans[key] = span if mine is None else _joined(mine, span)


def _joined(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(a[0], str):
        return tuple(dict.fromkeys((*a, *b)))
    return min(a[0], b[0]), max(a[1], b[1])


@dataclass(slots=True)
class Summary:
    """What binds where, by ABI and limit; `counts` says under each ABI at how many points
    exactly so many VMs fit (an index each, 0 … DOMAIN_IDS), where that was asked for.
    """

    regions: dict[tuple[str, str], Region] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)

    def add(self, other: "Summary") -> None:
        """Take another part of the sweep in."""
        for key, region in other.regions.items():
            self.regions.setdefault(key, Region()).add(region)
        for abi, counts in other.counts.items():
            self.counts[abi] = self.counts[abi] + counts if abi in self.counts else counts

    def to_json(self) -> dict[str, Any]:
        """The summary in what JSON knows; `from_json` reads it."""
        regions = [
            [abi, limit, r.points, r.vm_limit_min, r.vm_limit_max, r.spans]
            for (abi, limit), r in self.regions.items()
        ]
        counts = {
            abi: [[int(v), int(counts[v])] for v in np.flatnonzero(counts)]
            for abi, counts in self.counts.items()
        }
        return {"regions": regions, "counts": counts}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> "Summary":
        """What `to_json` wrote."""
        summary = Summary()
        for abi, limit, points, low, high, spans in document["regions"]:
            of_tuples = {key: tuple(span) for key, span in spans.items()}
            summary.regions[abi, limit] = Region(points, low, high, of_tuples)
        for abi, pairs in document["counts"].items():
            counts = np.zeros(DOMAIN_IDS + 1, dtype=np.int64)
            for vms, points in pairs:
                counts[vms] = points
            summary.counts[abi] = counts
        return summary

    @property
    def points(self) -> int:
        """Points counted."""
        return sum(region.points for region in self.regions.values())

    def binding_rows(self, order: Sequence[str] = ()) -> list[dict[str, Any]]:
        """A row for each ABI (in `order`) and limit that binds: where, and between which limits."""
        rows = []
        total = self.points
        for (abi, limit), region in sorted(
            self.regions.items(), key=lambda item: (_place(item[0][0], order), item[0])
        ):
            row: dict[str, Any] = {
                "abi": abi,
                "binding": limit,
                "points": region.points,
                "points_percent": round(100 * region.points / total, 3),
                "vm_limit_min": region.vm_limit_min,
                "vm_limit_max": region.vm_limit_max,
            }
            for key, span in region.spans.items():
                if isinstance(span[0], str):
                    row[key] = ",".join(str(name) for name in span)
                else:
                    row[f"{key}_min"], row[f"{key}_max"] = span
            rows.append(row)
        return rows

    def promise_rows(self, order: Sequence[str] = ()) -> list[dict[str, Any]]:
        """A row for each ABI and share of `PROMISES`: the most VMs that fit in at least so many
        per cent of its points, exactly.
        """
        rows = []
        for abi in sorted(self.counts, key=lambda name: (_place(name, order), name)):
            # How many points carry at least v VMs, for each v.
            carry = np.cumsum(self.counts[abi][::-1])[::-1]
            total = int(carry[0])
            for share in PROMISES:
                needed = -(-total * round(share * 10) // 1000)
                enough = np.flatnonzero(carry >= max(needed, 1))
                rows.append(
                    {
                        "abi": abi,
                        "points_percent": share,
                        "vm_limit": int(enough[-1]),
                        "points": int(carry[enough[-1]]),
                    }
                )
        return rows


def _place(name: str, order: Sequence[str]) -> int:
    return order.index(name) if name in order else len(order)


def summarise(
    columns: Mapping[str, Column], rows: int, keys: Iterable[str], *, counted: bool
) -> Summary:
    """The summary of `rows` computed rows over the varied `keys`; `counted` keeps how many points
    carry exactly so many VMs.
    """
    summary = Summary()
    if rows == 0:
        return summary
    abi, binding = columns["abi"], columns["binding"]
    limits = columns["vm_limit"].values
    assert abi.texts is not None
    assert binding.texts is not None
    for abi_code, abi_name in enumerate(abi.texts):
        here = abi.values == abi_code
        if counted and here.any():
            summary.counts[abi_name] = np.bincount(limits[here], minlength=DOMAIN_IDS + 1)
        for code, limit in enumerate(binding.texts):
            chosen = here & (binding.values == code)
            if not chosen.any():
                continue
            region = Region(int(chosen.sum()), int(limits[chosen].min()), int(limits[chosen].max()))
            for key in keys:
                if key != "abi":
                    region.spans[key] = _span(columns[key], chosen)
            summary.regions[abi_name, limit] = region
    return summary


def _span(column: Column, chosen: Any) -> tuple[Any, ...]:
    values = column.values[chosen]
    if column.texts is None:
        return int(values.min()), int(values.max())
    return tuple(column.texts[code] for code in np.unique(values))
