"""The limits on the number of VMs, and which of them binds."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Limit", "binding_limit", "fewest_backends", "largest_fitting"]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `vms` VMs because of `name`; `vms` is None where this cannot run out."""

    name: str
    vms: int | None
    reason: str


def binding_limit(limits: tuple[Limit, ...]) -> Limit:
    """The lowest of `limits`; of equal ones the first.

    Raises `ValueError` when none of them has a number.
    """
    return min((limit for limit in limits if limit.vms is not None), key=_vms_of)


def _vms_of(limit: Limit) -> int:
    assert limit.vms is not None
    return limit.vms


def largest_fitting(fits: Callable[[int], bool], at_most: int, near: int | None = None) -> int:
    """The largest number in 0 … `at_most` that fits, by bisection.

    `fits` must be monotone: once a number does not fit, no larger one does. 0 is returned
    when not even 0 fits. `near` is a guess, around which to look first.
    """
    if near is not None:
        good, bad = _bracket(fits, at_most, min(max(near, 0), at_most))
    elif fits(at_most):
        return at_most
    else:
        good, bad = 0, at_most
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


def _bracket(fits: Callable[[int], bool], at_most: int, near: int) -> tuple[int, int]:
    """A number that fits (or 0) and a larger one that does not, found from `near` in strides."""
    good, bad, stride = 0, at_most + 1, 1
    if fits(near):
        good = near
        while good + stride < bad:
            if not fits(good + stride):
                return good, good + stride
            good, stride = good + stride, 4 * stride
    else:
        bad = near
        while bad - stride > good:
            if fits(bad - stride):
                return bad - stride, bad
            bad, stride = bad - stride, 4 * stride
    return good, bad


def fewest_backends(lifted: Callable[[int], bool], at_most: int) -> int | None:
    """The smallest number of backend domains in 1 … `at_most` that lifts the port limit.

    `lifted` must be monotone; None when not even `at_most` lifts it.
    """
    if at_most < 1 or not lifted(at_most):
        return None
    bad, good = 0, at_most
    while good - bad > 1:
        middle = (good + bad) // 2
        bad, good = (bad, middle) if lifted(middle) else (middle, good)
    return good
