"""What a reader must know about a sizing, in sentences that both ways of sizing share."""

from evtplan.plans.answers import SizingRow

__all__ = ["estimate_remark", "lift_remark", "methods_remark"]


def estimate_remark(row: SizingRow, left_out: list[str]) -> list[str]:
    """Why the draft's estimate is not the exact limit by pages, where they differ."""
    if row.vm_limit_estimate is None or row.vm_limit_pages is None:
        return []
    apart = row.vm_limit_estimate - row.vm_limit_pages
    if apart == 0:
        return []
    return [
        f"{row.abi}: the draft's estimate is {abs(apart)} VMs {'above' if apart > 0 else 'below'} "
        f"the exact limit by pages: it leaves out " + "; ".join(left_out)
    ]


def methods_remark(row: SizingRow) -> list[str]:
    """How far the draft's two estimates lie apart, where both were asked for."""
    if row.methods_differ_percent is None:
        return []
    return [
        f"{row.abi}: the draft's two estimates, {row.vm_limit_estimate} and "
        f"{row.vm_limit_second_method} VMs, lie {abs(row.methods_differ_percent):.1f} % apart; "
        "neither counts ports"
    ]


def lift_remark(row: SizingRow, now: int, name: str, *, alone: bool) -> str:
    """How many like domains in place of `now` of the backend domain `name` lift its limit;
    `alone` says that no other backend domain has a limit of its own.
    """
    many = row.backends_to_lift or 0
    kind = "backend domains" if alone else f"domains like {name}"
    what = "the backend" if alone else name
    more = f"{many - now} more" + (", as driver domains" if name == "dom0" else "")
    return f"{row.abi}: ports of {what} run out first; {many} {kind} ({more}) lift that limit"
