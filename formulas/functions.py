"""The functions of the book that arithmetic alone does not write: those of a closed queue.

`RepairmanQueue(n, S, Z)` is the mean number of customers at the server of a machine-repairman
queue M/M/1//n: n customers, each away for a mean time Z, then served for a mean time S.
`RepairmanBusy(n, S, Z)` is the share of time for which that server is busy.
"""

from typing import Any

import sympy

from evtplan.formulas.repairman import repairman_busy, repairman_queue

__all__ = ["RepairmanBusy", "RepairmanQueue"]


class RepairmanQueue(sympy.Function):  # type: ignore[misc]
    """Mean queue length at the server; a `Rational` once all three arguments are integers.

    `rewrite(sympy.Sum)` gives the closed form n − (Z/S)·(1 − p₀), with
    1/p₀ = Σ n!/(n−k)!·(S/Z)^k over k = 0 … n; p₀ is Erlang's loss probability B(n, Z/S).
    """

    nargs = 3
    # How the value moves with each argument: more customers or longer service, a longer queue.
    trends = (1, 1, -1)

    @classmethod
    def eval(cls, n: Any, service: Any, think: Any) -> Any:
        """Numbers at once, symbols never."""
        if n.is_Integer and service.is_Integer and think.is_Integer:
            exact = repairman_queue(int(n), int(service), int(think))
            return sympy.Rational(exact.numerator, exact.denominator)
        return None

    def _eval_rewrite_as_Sum(self, n: Any, service: Any, think: Any, **_: Any) -> Any:
        k = sympy.Dummy("k", integer=True, nonnegative=True)
        weights = sympy.Sum(sympy.ff(n, k) * (service / think) ** k, (k, 0, n))
        return n - (think / service) * (1 - 1 / weights)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_is_nonnegative(self) -> bool:
        return True


class RepairmanBusy(sympy.Function):  # type: ignore[misc]
    """Share of time for which the server is busy, 1 − p₀; n is at least 1.

    `rewrite(sympy.Sum)` gives it by the sum of `RepairmanQueue`.
    """

    nargs = 3
    trends = (1, 1, -1)

    @classmethod
    def eval(cls, n: Any, service: Any, think: Any) -> Any:
        """Numbers at once, symbols never."""
        if n.is_Integer and service.is_Integer and think.is_Integer:
            exact = repairman_busy(int(n), int(service), int(think))
            return sympy.Rational(exact.numerator, exact.denominator)
        return None

    def _eval_rewrite_as_Sum(self, n: Any, service: Any, think: Any, **_: Any) -> Any:
        queue = RepairmanQueue(n, service, think).rewrite(sympy.Sum)
        return (n - queue) * service / think

    def _eval_is_real(self) -> bool:
        return True

    def _eval_is_nonnegative(self) -> bool:
        return True
