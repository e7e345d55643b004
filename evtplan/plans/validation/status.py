"""The outcome of a validation in one sentence, for other reports."""

from collections.abc import Mapping, Sequence
from typing import Any

from evtplan.plans.validation.verdicts import DISAGREES, UNANSWERED

__all__ = ["status"]


def status(
    rows: Sequence[Mapping[str, Any]] | None, others: Sequence[Mapping[str, Any]] = ()
) -> str:
    """What `rows` of `evtplan validate --format json` say; None: it was not run. `others` are its
    `hosts` and `lives`.

    Raises `KeyError` or `TypeError` for rows of something else.
    """
    if rows is None:
        return "not run: run evtplan validate --format json -o FILE"
    if not rows:
        return "nothing was validated"
    failed = [str(row["formula"]) for row in rows if row["verdict"] == DISAGREES]
    unanswered = sum(row["verdict"] == UNANSWERED for row in rows)
    held = len(rows) - unanswered
    points = sum(int(row["points"]) for row in rows)
    said = f"{held - len(failed)} of {held} formulas agree with the engine in {points} comparisons"
    if unanswered:
        said += f"; {unanswered} have no counterpart in it"
    failed_others = [
        f"{row['host']}: {row['question']}" for row in others if row["verdict"] == DISAGREES
    ]
    if others:
        good = len(others) - len(failed_others)
        said += f"; {good} of {len(others)} counts of whole hosts hold"
    if failed or failed_others:
        said += f"; NOT: {', '.join([*failed, *failed_others])}"
    return said
