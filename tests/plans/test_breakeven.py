"""Break-even points against a plain scan over every value."""

from hypothesis import given
from hypothesis import strategies as st

from evtplan.plans.breakeven import BreakEven, break_evens
from evtplan.plans.crossings import points_by_numbers
from evtplan.plans.sizing import SizingInputs, size_by_numbers, vm_limit_of


@st.composite
def falling(draw: st.DrawFn) -> list[int | None]:
    """A measure that never rises and, from some value on, cannot serve."""
    values = sorted(draw(st.lists(st.integers(0, 9), min_size=1, max_size=40)), reverse=True)
    return [*values, *([None] * (40 - len(values)))]


def scanned(measures: dict[str, list[int | None]], larger: bool) -> list[BreakEven]:
    def best(value: int) -> tuple[str, ...]:
        served = {name: m[value] for name, m in measures.items() if m[value] is not None}
        if not served:
            return ()
        most = (max if larger else min)(served.values())  # type: ignore[type-var]
        return tuple(name for name in measures if served.get(name) == most)

    pairs = ((value, best(value - 1), best(value)) for value in range(1, 40))
    return [BreakEven(value, *sides) for value, *sides in pairs if sides[0] != sides[1]]  # type: ignore[arg-type]


class TestExactness:
    """the first value of a chosen quantity at which the cheaper/better ABI changes, exact"""

    @given(st.lists(falling(), min_size=2, max_size=4))
    def test_of_falling_measures(self, lists: list[list[int | None]]) -> None:
        measures = {str(number): values for number, values in enumerate(lists)}
        found = break_evens(
            {name: values.__getitem__ for name, values in measures.items()},
            0, 39, rising=False, larger_is_better=True,
        )  # fmt: skip
        assert list(found) == scanned(measures, True)[:8]

    @given(st.lists(falling(), min_size=2, max_size=4))
    def test_of_rising_costs(self, lists: list[list[int | None]]) -> None:
        costs = {
            str(number): [None if value is None else 9 - value for value in values]
            for number, values in enumerate(lists)
        }
        found = break_evens(
            {name: values.__getitem__ for name, values in costs.items()},
            0, 39, rising=True, larger_is_better=False,
        )  # fmt: skip
        assert list(found) == scanned(costs, False)[:8]


class TestByNumbers:
    def test_each_point_is_the_first_value_and_the_one_before_is_not(self) -> None:
        given_ = [
            SizingInputs(abi, 20, vms=47, vcpus=2, backend_base_ports=70, xen="4.22")
            for abi in ("2l-32", "2l-64", "fifo")
        ]
        points = points_by_numbers(given_, "vms")
        assert [(p["first_value"], p["best_before"], p["best_from"]) for p in points] == [
            (48, "2l-32, 2l-64", "2l-64"),
            (202, "2l-64", "fifo"),
            (6551, "fifo", None),
        ]
        assert [vm_limit_of(item) for item in given_] == [47, 201, 6550]

    def test_the_cost_is_that_of_a_sizing(self) -> None:
        given_ = SizingInputs("fifo", 64, vms=100, vcpus=2)
        (row,) = size_by_numbers([given_]).rows
        from evtplan.plans.sizing import memory_bytes_of

        assert memory_bytes_of(given_, 100) == row.total_bytes + row.xenheap_bytes
