"""Three readings of one definition: exact integers, NumPy arrays, the compiled kernel."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
import sympy

from evtplan.formulas import kernels, rational_kernels
from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.core import Formula, Kind, Quantity, Source
from evtplan.formulas.functions import RepairmanBusy, RepairmanQueue
from evtplan.formulas.ranges import fits_int64
from evtplan.formulas.readings import array_function, compiled_function, compiled_ufunc
from evtplan.formulas.repairman import (
    repairman_busy,
    repairman_queue,
    repairman_queue_array,
    repairman_queue_float,
)

Ints = npt.NDArray[np.int64]
POINTS = 10**6
EVERY = pytest.mark.parametrize("formula", BOOK.values(), ids=list(BOOK))


def random_values(quantity: Quantity, chance: np.random.Generator, count: int) -> Ints:
    """Half of them spread evenly over the orders of magnitude, half over the whole range."""
    low, high = quantity.least, min(quantity.tried, quantity.most or quantity.tried)
    even = chance.integers(low, high + 1, count // 2)
    spread = np.exp(chance.uniform(0, np.log(high - low + 1), count - count // 2))
    return np.concatenate([even, low + np.minimum(spread.astype(np.int64), high) - 1 + (low == 0)])


def clipped(quantity: Quantity, values: Ints) -> Ints:
    high = min(quantity.tried, quantity.most or quantity.tried)
    return np.clip(values, quantity.least, high)


def ratios(formula: Formula) -> Iterator[tuple[sympy.Expr, sympy.Expr]]:
    """Numerator and denominator of every floor and ceiling of the formula."""
    for node in formula.expression.atoms(sympy.floor, sympy.ceiling):
        above, below = sympy.fraction(sympy.together(node.args[0]))
        if above.free_symbols:
            yield above, below


def near_whole_ratios(
    formula: Formula, points: list[Ints], chance: np.random.Generator
) -> Iterator[tuple[int, Ints]]:
    """(input, values) that bring a ratio of `formula` to a whole number, or one step beside it."""
    named = {q.symbol: value for q, value in zip(formula.inputs, points, strict=True)}
    for above, below in ratios(formula):
        for index, quantity in enumerate(formula.inputs):
            symbol = quantity.symbol
            if symbol not in above.free_symbols or symbol in below.free_symbols:
                continue
            divisor = evaluated(below, named, points[0].shape)
            slope = evaluated(above.subs(symbol, 1) - above.subs(symbol, 0), named, divisor.shape)
            rest = evaluated(above.subs(symbol, 0), named, divisor.shape)
            times = chance.integers(1, 1000, divisor.shape)
            steps = chance.integers(-1, 2, divisor.shape)
            yield index, (divisor * times - rest) // np.where(slope == 0, 1, slope) + steps


def evaluated(expression: sympy.Expr, named: dict[sympy.Symbol, Ints], shape: object) -> Ints:
    """The expression in exact Python integers kept in an int64 array."""
    if not expression.free_symbols:
        return np.full(shape, int(expression))  # type: ignore[call-overload,no-any-return]
    probe = Formula(
        "test.probe",
        Quantity("probe", "probe", "1", "a part of a formula"),
        tuple(q for q in QUANTITIES if q.symbol in expression.free_symbols),
        expression,
        Kind.EXACT,
        "A part of a formula.",
        Source("this test"),
    )
    values = array_function(probe)(*(named[q.symbol] for q in probe.inputs))
    return np.broadcast_to(values, shape)  # type: ignore[arg-type]


QUANTITIES = {q.symbol: q for f in BOOK.values() for q in f.inputs}.values()


def sampled(formula: Formula) -> list[Ints]:
    """A million points: random ones, and points where a ratio is whole or one step beside."""
    chance = np.random.default_rng(20130204)
    points = [random_values(q, chance, POINTS) for q in formula.inputs]
    for values in points:
        chance.shuffle(values)
    quarter = POINTS // 4
    found = list(near_whole_ratios(formula, [p[:quarter] for p in points], chance))
    share = quarter // max(1, len(found))
    for turn, (index, values) in enumerate(found):
        part = slice(turn * share, (turn + 1) * share)
        points[index][part] = clipped(formula.inputs[index], values[part])
    corner = [np.array([q.least, min(q.tried, q.most or q.tried)]) for q in formula.inputs]
    corners = np.array(np.meshgrid(*corner)).reshape(len(corner), -1)
    for values, ends in zip(points, corners, strict=True):
        values[-len(ends) :] = ends
    return points


def exact_values(formula: Formula, points: list[Ints]) -> list[int | Fraction]:
    module = kernels if formula.result.integer else rational_kernels
    return list(map(getattr(module, formula.function_name), *(p.tolist() for p in points)))


@pytest.mark.slow
@EVERY
class TestOneDefinitionThreeReadings:
    """exact Python integers, NumPy arrays and the Numba kernel agree on 10⁶ random points and on
    boundary points: zero wrong cells"""

    def test_no_cell_differs(self, formula: Formula) -> None:
        points = sampled(formula)
        arrays = np.broadcast_to(array_function(formula)(*points), points[0].shape)
        compiled = compiled_ufunc(formula)(*points)
        if formula.result.integer:
            exact = np.array(exact_values(formula, points), dtype=np.int64)
            assert arrays.dtype == compiled.dtype == np.int64
            assert np.count_nonzero(arrays != exact) == 0
            assert np.count_nonzero(compiled != exact) == 0
        elif formula.expression.has(RepairmanQueue, RepairmanBusy):
            part = [p[:: POINTS // 50_000] for p in points]
            near = np.array([float(value) for value in exact_values(formula, part)])
            np.testing.assert_allclose(arrays[:: POINTS // 50_000], near, rtol=1e-12)
            np.testing.assert_allclose(compiled, arrays, rtol=1e-13)
        else:
            part = [p[::4] for p in points]
            nearest = np.array([v.numerator / v.denominator for v in exact_values(formula, part)])
            assert np.count_nonzero(arrays[::4] != nearest) == 0
            assert np.count_nonzero(compiled != arrays) == 0


class TestTheBoundary:
    def test_is_where_stock_lambdify_goes_wrong(self) -> None:
        """Stock lambdify is wrong on 11.4 % of boundary points: these points are hard ones."""
        formula = BOOK["draft_a.vm_limit_estimate"]
        chance = np.random.default_rng(1)
        events = chance.integers(1, 4096, 20_000)
        words = chance.integers(1, 4096, 20_000)
        pages = (events + words) * chance.integers(1, 1000, 20_000)  # P·E_P/(E_V + E_P) is whole
        stock = sympy.lambdify([q.symbol for q in formula.inputs], formula.expression, "numpy")
        wrong = np.count_nonzero(stock(pages, events, words) != words * (pages // (events + words)))
        ours = array_function(formula)(pages, events, words)
        assert np.count_nonzero(ours != words * (pages // (events + words))) == 0
        assert wrong > 1000


class TestRange:
    @EVERY
    def test_the_range_tried_stays_within_64_bits(self, formula: Formula) -> None:
        ranges = {q.name: (q.least, min(q.tried, q.most or q.tried)) for q in formula.inputs}
        assert fits_int64(formula, ranges)

    def test_a_product_beyond_64_bits_is_told(self) -> None:
        formula = BOOK["draft_a.vm_limit_estimate"]
        ranges = {"pages": (1, 2**40), "events_per_vm": (1, 64), "words_per_page": (1, 2**22)}
        assert fits_int64(formula, ranges)
        ranges["words_per_page"] = (1, 2**23)
        assert not fits_int64(formula, ranges)


class TestCompiledScalar:
    def test_can_be_called_from_compiled_loops(self) -> None:
        import numba

        limit = compiled_function(BOOK["fifo.vm_limit_pages"])

        @numba.njit
        def total(most: int) -> int:
            found = 0
            for pages in range(1, most):
                found += limit(pages, 64, 1000, 0, 0)
            return found

        expected = sum(kernels.fifo_vm_limit_pages(p, 64, 1000, 0, 0) for p in range(1, 3000))
        assert total(3000) == expected


class TestQueueLength:
    """expected wait for the queue lock with n raisers (a closed queueing formula, named)"""

    @pytest.mark.parametrize("n", [0, 1, 2, 5, 9])
    def test_is_the_closed_form_of_the_machine_repairman_queue(self, n: int) -> None:
        service, think = sympy.symbols("S Z", positive=True)
        closed = RepairmanQueue(sympy.Symbol("n"), service, think).rewrite(sympy.Sum)
        for s, z in ((1, 1), (100, 900), (7, 3)):
            values = {sympy.Symbol("n"): n, service: s, think: z}
            assert sympy.Rational(closed.subs(values).doit()) == sympy.Rational(
                repairman_queue(n, s, z).numerator, repairman_queue(n, s, z).denominator
            )

    @pytest.mark.parametrize(("n", "s", "z"), [(3, 100, 900), (6, 50, 20), (1, 1, 1)])
    def test_is_what_the_balance_equations_give(self, n: int, s: int, z: int) -> None:
        """Births at (n − k)/Z, deaths at 1/S: the stationary distribution, solved as such."""
        weights = [Fraction(1)]
        for k in range(n):
            weights.append(weights[-1] * Fraction(n - k, z) * s)
        mean = sum(k * w for k, w in enumerate(weights)) / sum(weights)
        assert repairman_queue(n, s, z) == mean

    @pytest.mark.parametrize(("n", "s", "z"), [(1, 100, 900), (3, 100, 900), (6, 50, 20)])
    def test_the_lock_is_held_for_one_minus_erlangs_loss(self, n: int, s: int, z: int) -> None:
        """B(0) = 1 and 1/B(k) = 1 + k/(a·B(k − 1)), with a = Z/S erlangs."""
        loss = Fraction(1)
        for k in range(1, n + 1):
            loss = 1 / (1 + k / (Fraction(z, s) * loss))
        assert repairman_busy(n, s, z) == 1 - loss
        closed = RepairmanBusy(sympy.Symbol("n"), *sympy.symbols("S Z")).rewrite(sympy.Sum)
        values = dict(zip(("n", "S", "Z"), (n, s, z), strict=True))
        exact = sympy.Rational(
            repairman_busy(n, s, z).numerator, repairman_busy(n, s, z).denominator
        )
        assert sympy.Rational(closed.subs(values).doit()) == exact

    def test_readings_agree_for_many_raisers(self) -> None:
        n = np.array([0, 1, 64, 512])
        exact = [float(repairman_queue(int(k), 120, 5000)) for k in n]
        np.testing.assert_allclose(repairman_queue_array(n, 120, 5000), exact, rtol=1e-12)
        assert repairman_queue_float(512, 120, 5000) == pytest.approx(exact[-1], rel=1e-12)


class TestUnmaskUnderLoad:
    def test_of_rational_results_kernels_give_fractions(self) -> None:
        assert rational_kernels.delivery_unmask_hypercalls(27000, 5) == Fraction(27, 200)
